"""Files put together: in chunks for workers, and as they come, up to a number and a size."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sealkit.trees.found import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

CHUNK_PATHS = 64 << 10
"""How many characters of paths a chunk has at most: one chunk must fit into a pipe's buffer."""

Packed = list[tuple[Any, ...]]
"""A chunk of ``Found`` on its way to a worker: plain tuples, as is a ``Piece`` on its way back, take a tenth of the time."""


def unpacked(chunk: Packed) -> Iterator[Found]:
    """Yield the files of a chunk."""
    return map(Found._make, chunk)


def chunked(found: Iterable[Found], most: int) -> Iterator[Packed]:
    """Yield chunks of at most so many files, which fit into a pipe's buffer each."""
    packed: Iterator[tuple[Any, ...]] = map(tuple, found)
    while chunk := list(islice(packed, most)):
        if sum(len(path) + len(root) for path, root, _, _ in chunk) <= CHUNK_PATHS:
            yield chunk
        else:
            yield from grouped(chunk, most, lambda one: len(one[0]) + len(one[1]), CHUNK_PATHS)


def grouped(items: Iterable[T], most: int, size: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    """Put items together as they come: at most so many, or until their sizes are over a limit."""
    group: list[T] = []
    total = 0
    for one in items:
        group.append(one)
        total += size(one)
        if len(group) == most or total > limit:
            yield group
            group, total = [], 0
    if group:
        yield group
