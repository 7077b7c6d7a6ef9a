"""What stands beside a field and may be its payload, open: keys whose name says so, and keys whose name is in disguise."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from sealkit.crypto.blob import Blob
from sealkit.errors import LookAlikeKey, SealkitError, Unsealed
from sealkit.records import fieldpath, locate
from sealkit.records.lookalike import skeleton
from sealkit.tree import Alias, Mapping, Scalar, Sequence, walk

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
# Zero width, direction, variation selectors, fillers: Unicode's Default_Ignorable_Code_Point, as far as it is assigned.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_WITHOUT_SEPARATORS = str.maketrans("", "", "-_ ")
_LOWER = bytes(range(256)).lower()


def refuse(record: Record, path: str, *, everywhere: bool) -> None:
    """Raise ``Unsealed`` or ``LookAlikeKey`` for what stands beside a field; ``everywhere``: for a disguised key anywhere in the record."""
    found = beside(record, path)
    if found is not None:
        name, line = found
        raise Unsealed(problem=f"{name!r} stands open beside {path!r}, and its name says that it is the payload").at(
            line=line, field=path
        )
    found = disguised(record, path) if everywhere else None
    if found is not None:
        name, line = found
        raise LookAlikeKey(problem=f"the key {name!a} may be taken for another one").at(line=line, field=path)


def beside(record: Record, path: str) -> tuple[str, int] | None:
    """Return the name and line (from 1) of a key in the field's own mapping that holds the payload open; None if there is none.

    What is empty, null or a blob is not open. Raises the ``RecordError`` of a record that cannot be read.
    """
    region = record.region
    *above, name = fieldpath.parse(path)
    if region is None or not isinstance(name, str) or not _may_be(record.raw[region.start : region.end], name):
        return None
    names = _names(name)
    mappings = _mappings(record, path, above)
    for mapping in mappings:
        for key, value in _pairs(mapping):
            text = key.text if isinstance(key, Scalar) else ""
            if _bare(text) in names and text != name and _is_open(value):
                return text, record.file_line(key.line)
    return None


def disguised(record: Record, path: str) -> tuple[str, int] | None:
    """Return the name and line (from 1) of a key with characters in it that nobody sees, or of one that is the field's name but for accents.

    The first anywhere in the record, the second in the field's own mapping; the other look-alikes ``locate`` refuses. Raises as ``beside``.
    """
    region = record.region
    *above, name = fieldpath.parse(path)
    if region is None or not isinstance(name, str) or not _has_odd_key(record.raw[region.start : region.end]):
        return None
    mappings = _mappings(record, path, above)
    plain = _without_marks(name)
    for mapping in mappings:
        for key, _ in _pairs(mapping):
            if isinstance(key, Scalar) and key.text != name and _without_marks(key.text) == plain:
                return key.text, record.file_line(key.line)
    root = record.document.root
    for node in walk(root) if root is not None else ():
        for key, _ in node.pairs if isinstance(node, Mapping) else ():
            if isinstance(key, Scalar) and _UNSEEN.search(key.text):
                return key.text, record.file_line(key.line)
    return None


def _has_odd_key(text: bytes) -> bool:
    """Say whether a key may have characters beyond ASCII in it."""
    if b"\\" in text and _SPELLING.search(text) is not None:
        return True
    if text.isascii():
        return False
    lines = text.split(b"\n")
    return any(not line.rpartition(b":")[0].isascii() or line.lstrip().startswith(b"?") for line in lines)


def _without_marks(name: str) -> str:
    spread = unicodedata.normalize("NFKD", name)
    return skeleton("".join(one for one in spread if not unicodedata.category(one).startswith("M")))


def _mappings(record: Record, path: str, above: list[fieldpath.Step]) -> list[Node | None]:
    """Return the mappings that the field stands in, or would."""
    try:
        root = record.document.root
        return [field.node for field in locate.fields(root, fieldpath.join(tuple(above)))] if above else [root]
    except SealkitError as error:
        raise record.placed(error, path) from None


def _may_be(text: bytes, field: str) -> bool:
    """Say whether such a name may occur; it costs next to nothing, and nearly always the answer is no."""
    bare = text.translate(_LOWER, b"-_ ")
    name, names = _needles(field)
    # Every name of ALONE holds one of the first four; the others hold the field's own name, which is there once more then.
    occurs = b"unse" in bare or b"crypted" in bare or b"intext" in bare or b"eartext" in bare
    if (occurs or bare.find(name, bare.find(name) + 1) >= 0) and any(one in bare for one in names):
        return True
    return b"\\" in text and _SPELLING.search(text) is not None


def _bare(text: str) -> str:
    return text.lower().translate(_WITHOUT_SEPARATORS)


@lru_cache(maxsize=64)
def _names(field: str) -> frozenset[str]:
    bare = _bare(field)
    return frozenset(ALONE) | {bare + word for word in WITH_NAME} | {word + bare for word in WITH_NAME}


@lru_cache(maxsize=64)
def _needles(field: str) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the field's own name, bare, and the names, in bytes."""
    return _bare(field).encode(), tuple(sorted(name.encode() for name in _names(field)))


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
