"""What stands open beside a field: keys whose name says that they hold its payload unsealed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.records import fieldpath, locate
from sealkit.tree import Alias, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.records.record import Record
    from sealkit.tree import Node

ALONE = ("unsealed", "unsecured", "unencrypted", "decrypted", "plaintext", "cleartext")
"""Names that say it by themselves; ``-``, ``_`` and case do not count."""

WITH_NAME = (*ALONE, "plain", "clear", "raw", "open")
"""Words that say it before or behind the field's own name, as in ``secured_plain`` and ``plain-secured``."""

# An escape that can stand for a letter, or join a name over a line end.
_SPELLING = re.compile(rb"\\[xuU\r\n]")
_SEPARATORS = "-_ "
_WITHOUT_SEPARATORS = str.maketrans("", "", _SEPARATORS)


def beside(record: Record, path: str) -> tuple[str, int] | None:
    """Return the name and line (from 1) of a key in the field's own mapping that holds the payload open; None if there is none.

    What is empty, null or a blob is not open. Raises the ``RecordError`` of a record that cannot be read.
    """
    region = record.region
    *above, name = fieldpath.parse(path)
    if region is None or not isinstance(name, str) or not _may_be(record.raw[region.start : region.end], name):
        return None
    names = _names(name)
    try:
        root = record.document.root
    except SealkitError as error:
        raise record.placed(error, path) from None
    mappings: list[Node | None] = [field.node for field in locate.fields(root, fieldpath.join(tuple(above)))] if above else [root]
    for mapping in mappings:
        for key, value in _pairs(mapping):
            text = key.text if isinstance(key, Scalar) else ""
            if text.lower().translate(_WITHOUT_SEPARATORS) in names and text != name and _is_open(value):
                return text, record.file_line(key.line)
    return None


def _may_be(text: bytes, field: str) -> bool:
    """Say whether such a name may occur; it costs next to nothing, and nearly always the answer is no."""
    bare = text.lower().translate(None, _SEPARATORS.encode())
    if any(name in bare for name in _needles(field)):
        return True
    return b"\\" in text and _SPELLING.search(text) is not None


@lru_cache(maxsize=64)
def _names(field: str) -> frozenset[str]:
    bare = field.lower().translate(_WITHOUT_SEPARATORS)
    return frozenset(ALONE) | {bare + word for word in WITH_NAME} | {word + bare for word in WITH_NAME}


@lru_cache(maxsize=64)
def _needles(field: str) -> tuple[bytes, ...]:
    """Return the names, in bytes, without those that hold another one."""
    names = _names(field)
    return tuple(sorted(name.encode() for name in names if not any(other in name for other in names - {name})))


def _pairs(node: Node | None) -> Iterator[tuple[Node, Node]]:
    """Yield the pairs of a mapping, and of those that it merges (``<<``)."""
    pending = [node] if node is not None else []
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if isinstance(one, Alias):
            one = one.target
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Sequence):
            pending += one.items
        for key, value in one.pairs if isinstance(one, Mapping) else ():
            yield key, value
            if isinstance(key, Scalar) and key.text == "<<":
                pending.append(value)


def _is_open(value: Node) -> bool:
    node = value.target if isinstance(value, Alias) else value
    if not isinstance(node, Scalar):
        return True
    if locate.scalar_type(node) == locate.NULL or not node.text.strip():
        return False
    try:
        Blob.parse(node.text.strip())
    except SealkitError:
        return True
    return False
