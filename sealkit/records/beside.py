"""What stands beside a field and may be its payload, open: keys whose name says so, and keys whose name is in disguise."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sealkit.crypto.blob import Blob
from sealkit.errors import LookAlikeKey, SealkitError, Unsealed
from sealkit.records import fieldpath, locate, scan
from sealkit.records.escapes import Escapes
from sealkit.records.lookalike import has_unseen, may_be_escaped, skeleton
from sealkit.tree import Alias, Mapping, Scalar, Sequence, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.records.record import Record
    from sealkit.tree import Node

ALONE = ("unsealed", "unsecured", "unencrypted", "decrypted", "plaintext", "cleartext")
"""Names that say it by themselves; ``-``, ``_`` and case do not count."""

WITH_NAME = (*ALONE, "plain", "clear", "raw", "open")
"""Words that say it before or behind the field's own name, as in ``secured_plain`` and ``plain-secured``."""

_WITHOUT_SEPARATORS = str.maketrans("", "", scan.SEPARATORS.decode())


# One of these is in each of the names in ALONE, as the scan squeezes them.
_MARKS = tuple(scan.squeezed(mark) for mark in (b"unsealed", b"unsecured", b"crypted", b"plaintext", b"cleartext"))


class _Sought(NamedTuple):
    """What is looked for beside a field: its ``name``, the steps ``above`` it, and the ``names`` in the clear.

    ``own`` is its name, squeezed as ``scan`` does it; empty where nothing can be told from that. ``marks`` are those that it is no part of,
    ``spelt`` are the names in the clear, squeezed; ``escapes`` reads what may be escaped in them, by their ``letters``.
    """

    name: str
    above: tuple[fieldpath.Step, ...]
    names: frozenset[str]
    own: bytes
    marks: tuple[bytes, ...]
    spelt: tuple[bytes, ...]
    letters: frozenset[str]
    escapes: Escapes


class Looks(NamedTuple):
    """What a look at the bytes of a record says of all of its fields of one name: that a payload may stand open, that a key may be odd."""

    may_be_open: bool
    has_odd_key: bool


def _look(text: bytes, sought: _Sought, *, is_there: bool) -> Looks:
    squeezed = scan.squeezed(text)
    may_be = may_be_escaped(text) or _may_be(squeezed, sought, repeated=squeezed.count(sought.own) > is_there)
    return Looks(may_be, _has_odd_key(text))


def refuse(record: Record, path: str, *, is_there: bool, everywhere: bool) -> None:
    """Raise ``Unsealed`` or ``LookAlikeKey`` for what stands beside a field, or, unless ``is_there``, where it would stand.

    ``everywhere``: for a disguised key anywhere in the record, too. What is empty, null or a blob is not open. Raises the
    ``RecordError`` of a record that cannot be read.
    """
    sought, region = _sought(path), record.region
    if sought is None or region is None:
        return
    known = record.looks.get((sought.name, is_there))
    if known is None:
        known = record.looks[sought.name, is_there] = _look(record.raw[region.start : region.end], sought, is_there=is_there)
    if known.may_be_open:
        _refuse_open(record, path, sought)
    if everywhere and known.has_odd_key:
        _refuse_disguised(record, path, sought)


def could(data: bytes, path: str) -> bool:
    """Say whether a file's bytes can spell one of the names that stand open beside a field, or would; False is certain of UTF-8."""
    sought = _sought(path)
    if sought is None or not sought.own:
        return sought is not None
    return _spells_one(data, sought) or (
        may_be_escaped(data) and any(_spells_one(plain, sought) for plain in sought.escapes.readings(data))
    )


def marks(path: str) -> tuple[bytes, ...]:
    """Return texts of which one is in whatever spells a name in the clear, squeezed; an empty one where nothing can be told."""
    sought = _sought(path)
    if sought is None:
        return ()
    return (sought.own, *sought.marks) if sought.own.isalnum() else (b"",)


def spelt(path: str) -> tuple[bytes, ...]:
    """Return the names in the clear, squeezed, but for those that have the field's own name in them; an empty one as ``marks`` does."""
    sought = _sought(path)
    if sought is None:
        return ()
    return tuple(one for one in sought.spelt if sought.own not in one) if sought.own.isalnum() else (b"",)


def letters(path: str) -> frozenset[str]:
    """Return the letters of the names in the clear, and what may stand between those."""
    sought = _sought(path)
    return sought.letters if sought is not None else frozenset()


def _spells_one(data: bytes, sought: _Sought) -> bool:
    """Say whether one of the names in the clear stands in some bytes; each says it by itself, or has the field's own name in it."""
    text = scan.squeezed(data)
    for mark in (sought.own, *sought.marks):
        if mark in text:
            return any(map(text.__contains__, sought.spelt))
    return False


def nothing(text: bytes, path: str) -> bool:
    """Say whether ``refuse`` lets a document pass that has the field, and its name but once; False says nothing.

    ``text`` is ``squeezed`` out of ASCII without escapes, as ``scan.alone`` does it.
    """
    sought = _sought(path)
    return sought is not None and not _may_be(text, sought, repeated=False)


@lru_cache(maxsize=64)
def _sought(path: str) -> _Sought | None:
    *above, name = fieldpath.parse(path)
    return _named(name)._replace(above=tuple(above)) if isinstance(name, str) else None


@lru_cache(maxsize=64)
def _named(name: str) -> _Sought:
    """Return what is looked for beside all fields of one name."""
    names = _names(name)
    own = scan.squeezed(name.encode()) if name.isascii() else b""
    marks = tuple(mark for mark in _MARKS if not own or own not in mark)
    spelt = tuple(scan.squeezed(one.encode("utf-8", "replace")) for one in names)
    letters = frozenset((*"".join(one.decode("utf-8", "ignore") for one in spelt), *scan.SEPARATORS.decode()))
    return _Sought(name, (), names, own, marks, spelt, letters, Escapes(letters))


def _refuse_open(record: Record, path: str, sought: _Sought) -> None:
    """Raise for a key in the field's own mapping that holds the payload open."""
    for mapping in _mappings(record, path, sought):
        for key, value in _pairs(mapping):
            text = key.text if isinstance(key, Scalar) else ""
            if _bare(text) in sought.names and text != sought.name and _is_open(value):
                raise Unsealed(
                    problem=f"{text!r} stands open beside {path!r}, and its name says that it is the payload",
                    hint="put it into the field and seal that; or, if it may be public, give it another name",
                ).at(line=record.file_line(key.line), field=path)


def _refuse_disguised(record: Record, path: str, sought: _Sought) -> None:
    """Raise for a key that is the field's name but for characters that nobody sees, or but for accents.

    The first anywhere in the record, the second in the field's own mapping; the other look-alikes ``locate`` refuses. What is not read
    as the field's name when they are gone is an ordinary spelling: Persian writes U+200C, emoji are joined and varied by such characters.
    """
    plain = _without_marks(sought.name)
    for mapping in _mappings(record, path, sought):
        for key, _ in _pairs(mapping):
            if isinstance(key, Scalar) and key.text != sought.name and _without_marks(key.text) == plain:
                raise _look_alike(record, path, key)
    root, look = record.document.root, skeleton(sought.name)
    for node in walk(root) if root is not None else ():
        for key, _ in node.pairs if isinstance(node, Mapping) else ():
            if isinstance(key, Scalar) and has_unseen(key.text) and key.text != sought.name and skeleton(key.text) == look:
                raise _look_alike(record, path, key)


def _look_alike(record: Record, path: str, key: Scalar) -> LookAlikeKey:
    problem = f"the key {key.text!a} may be taken for another one"
    return LookAlikeKey(problem=problem).at(line=record.file_line(key.line), field=path)


def _has_odd_key(text: bytes) -> bool:
    """Say whether a key may have characters beyond ASCII in it."""
    if may_be_escaped(text):
        return True
    if text.isascii():
        return False
    lines = text.split(b"\n")
    return any(not line.rpartition(b":")[0].isascii() or line.lstrip().startswith(b"?") for line in lines)


def _without_marks(name: str) -> str:
    spread = unicodedata.normalize("NFKD", name)
    return skeleton("".join(one for one in spread if not unicodedata.category(one).startswith("M")))


def _mappings(record: Record, path: str, sought: _Sought) -> list[Node | None]:
    """Return the mappings that the field stands in, or would."""
    try:
        root = record.document.root
        return [field.node for field in locate.fields(root, fieldpath.join(sought.above))] if sought.above else [root]
    except SealkitError as error:
        raise record.placed(error, path) from None


def _may_be(text: bytes, sought: _Sought, *, repeated: bool) -> bool:
    """Say whether such a name may occur in a squeezed text; ``repeated``: the field's own is spelt there more often than by the field.

    Nearly always the answer is no, at once.
    """
    if not sought.own:
        return True
    return (repeated or any(map(text.__contains__, sought.marks))) and any(map(text.__contains__, sought.spelt))


def _bare(text: str) -> str:
    return text.lower().translate(_WITHOUT_SEPARATORS)


def _names(field: str) -> frozenset[str]:
    bare = _bare(field)
    return frozenset(ALONE) | {bare + word for word in WITH_NAME} | {word + bare for word in WITH_NAME}


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
