"""Which tree a path belongs to, and holding trees while their records are changed."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sealkit.trees.lock import lock
from sealkit.trees.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealkit.errors import SealkitError

POLICY = "sealkit.yaml"


def root_of(path: str) -> str | None:
    """Return the root of the tree that a path is in: the nearest folder above that holds ``sealkit.yaml``, else a folder itself.

    None for a file in no tree. The root is absolute, with links in the path to it resolved.
    """
    start = os.path.realpath(path)
    is_folder = os.path.isdir(path) and not os.path.islink(path)
    folder = start if is_folder else os.path.dirname(start)
    while not os.path.lexists(os.path.join(folder, POLICY)):
        above = os.path.dirname(folder)
        if above == folder:
            return start if is_folder else None
        folder = above
    return folder


@contextmanager
def held(paths: Sequence[str]) -> Iterator[list[SealkitError]]:
    """Hold every tree that the paths are in, swept of what interrupted runs left there; yield what could not be swept.

    A file in no tree is not locked, unless a rotation or the like has made its folder a tree. Raises ``TreeBusy`` and ``StoreError``.
    """
    roots = {path: root_of(path) for path in paths}
    trees = sorted({root for root in roots.values() if root is not None})
    strays = sorted({os.path.dirname(os.path.realpath(path)) for path, root in roots.items() if root is None} - set(trees))
    problems: list[SealkitError] = []
    with ExitStack() as stack:
        for tree in trees:
            stack.enter_context(lock(tree))
        for folder in strays:
            stack.enter_context(lock(folder, create=False))
        for tree in trees:
            problems += sweep(tree).problems
        yield problems
