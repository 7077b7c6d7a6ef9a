"""The fields of a file that some rules name: the one way from a file's bytes to its records, and to the fields in them.

Bytes come before syntax: a file whose bytes cannot spell the name of a field has no such field, and is not parsed. See ``reading``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit.crypto.blob import Blob
from sealkit.demands import kind_among
from sealkit.errors import LookAlikeKey, SealkitError, Unsealed
from sealkit.records import beside, fieldpath, frontmatter, reading, wide
from sealkit.records.kinds import FRONT_MATTER, kind_of
from sealkit.records.record import Record, split
from sealkit.records.spelling import spelling
from sealkit.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.demands import FieldRule
    from sealkit.records.reading import Reading
    from sealkit.tree import Node

_MAY_HOLD_A_BLOB = re.compile(rb";[A-Za-z0-9+/\\]{22,220}==")
_ESCAPED_SIGNS = tuple(
    (start + digits, sign)
    for sign, codes in ((b";", (b"3b", b"3B")), (b"=", (b"3d", b"3D")))
    for digits in codes
    for start in (b"\\u00", b"\\x", b"\\U000000")
)
_ESCAPED_SIGN = re.compile(rb"\\(?:(?:u00|x|U000000)3[bBdD]|\r?\n)")
_JOINED = re.compile(rb"\\\r?\n[ \t\r\n]*")
_MAX_DEPTH = 16
_OVERLAP = 1 << 12  # bytes of the piece before that are looked at again


class Visited(NamedTuple):
    """A field that a rule names: the number of its record in the file, that record, the rule, and the field's path."""

    number: int
    record: Record
    rule: FieldRule
    field: str


def whole(path: str, data: bytes, declared: str | None = None) -> list[Record]:
    """Return all records of a file, whatever is in them; ``join`` gives the file back. Raises the ``RecordError`` of one that is none."""
    return split(data, kind(path, data, declared) or FRONT_MATTER)


def of_kind(data: bytes, kind: str) -> list[Record]:
    """Return all records of a file of this kind. Raises as ``whole``."""
    return split(data, kind)


def records(path: str, data: bytes, fields: tuple[str, ...], declared: str | None = None) -> list[Record]:
    """Return the records of a file in which some fields may be; none if its bytes cannot spell their names, or it is of no kind.

    Raises the ``RecordError`` of a file that may have them, and does not read, or not in one way.
    """
    found = read(path, data, fields, declared)
    if found.problem is not None:
        raise found.problem
    return found.records or []


def read(path: str, data: bytes, fields: tuple[str, ...], declared: str | None = None) -> Reading:
    """Return what a file is to somebody who looks for some fields: records, a problem, or neither, and then perhaps a line that looks like one."""
    return reading.read(_bare(path), data, spelling(fields), _counting(path, declared))


def kind(path: str, data: bytes, declared: str | None = None) -> str | None:
    """Return the kind of record in a file; None for none. What a policy has ``declared`` counts where the suffix says nothing."""
    return kind_of(_bare(path), data, _counting(path, declared))


def could(data: bytes, fields: tuple[str, ...]) -> bool:
    """Say whether the bytes of a file can spell the name of one of some fields; False is certain."""
    return spelling(fields).could(data)


def each(
    path: str, data: bytes, rules: Iterable[FieldRule], wrong: Callable[[SealkitError, str], None] | None = None
) -> Iterator[Visited]:
    """Yield every field of a file that some rules name, record by record. Of a file that cannot have them nothing is parsed.

    A rule that names the field ``a.b`` yields it for each record that may have it, ``a[].b`` for each item. Raises as ``records``, and
    as ``Record.paths``; what is ``wrong`` with one rule in a record is handed to that, if it is given.
    """
    rules = tuple(rules)
    for number, record in enumerate(records(path, data, tuple(rule.path for rule in rules), kind_among(rules))):
        if record.is_blank:
            continue
        for rule in rules:
            try:
                found = fields(record, rule.path)
            except SealkitError as error:
                if wrong is None:
                    raise
                wrong(error, rule.path)
                continue
            for field in found:
                yield Visited(number, record, rule, field)


def fields(record: Record, pattern: str, *, or_new: bool = False) -> list[str]:
    """Return the paths of the fields of a record that a path names; none where the record surely lacks them. Raises as ``Record.paths``.

    ``or_new``: one field that is named, and not each item of a list, is returned although the record lacks it: it may be added.
    """
    if "[]" not in pattern and (or_new or not record.lacks(pattern)):
        return [pattern]
    return [] if record.lacks(pattern) else record.paths(pattern)


def may_be_record(beginning: bytes) -> bool:
    """Say whether a file that begins like this may be a record: whether it is text, or begins as front matter does."""
    return wide.is_text(beginning) or frontmatter.begins(beginning)


def may_spell(pieces: Iterable[bytes], names: tuple[str, ...]) -> bool:
    """Say of a file that is read in pieces whether it may have one of some fields; False is certain."""
    return spelling(names).could_in(pieces)


# --- payloads that stand open ------------------------------------------------------------------------------------
def with_open(path: str, data: bytes, names: tuple[str, ...], declared: str | None = None) -> list[Record]:
    """Return the records of a file in which a payload stands open beside where a field would be; none where none does.

    For a file that lacks the fields: what keeps one from being read that cannot have them is nobody's business, and neither is what else
    its records are.
    """
    if not could_be_open(data, names):
        return []
    try:
        of = kind(path, data, declared)
        if of is None:
            return []
        region = frontmatter.region(data) if of == FRONT_MATTER else None
        if region is not None and not could_be_open(data[region.start : region.end], names):
            return []
        found = split(data, of)
        return found if any(_is_open(record, name) for record in found for name in names) else []
    except SealkitError:
        return []


def could_be_open(data: bytes, names: tuple[str, ...]) -> bool:
    """Say whether the bytes of a file can spell a name under which a payload stands open beside where a field would be; False is certain."""
    return any(beside.could(data, name) for name in names)


def _is_open(record: Record, name: str) -> bool:
    """Say whether a payload stands open beside where a field would be; not where the record does not read."""
    try:
        if record.is_blank or record.region is None or record.document.root is None:
            return False
        for field in fields(record, name) or [name]:
            beside.refuse(record, field, is_there=False, everywhere=True)
    except (Unsealed, LookAlikeKey):
        return True
    except SealkitError:
        return False
    return False


# --- blobs, whatever the field is called -----------------------------------------------------------------------------
def may_hold_blobs(data: bytes) -> int:
    """Say how many blobs, at most, stand spelt out in some bytes, with escapes or without."""
    if b"\\" in data and _ESCAPED_SIGN.search(data) is not None:
        for escaped, sign in _ESCAPED_SIGNS:
            data = data.replace(escaped, sign)
        data = _JOINED.sub(b"", data)
    return len(_MAY_HOLD_A_BLOB.findall(data))


def may_hold_several_blobs(data: bytes) -> bool:
    """Say whether more than one blob may stand spelt out in some bytes; each has a semicolon, or an escape in its place."""
    return (data.find(b";", data.find(b";") + 1) >= 0 or b"\\" in data) and may_hold_blobs(data) > 1


def may_hold_blobs_anywhere(data: bytes) -> bool:
    """Say whether a blob may stand in some bytes, in a wide encoding, too, wherever that begins; False is certain."""
    return may_hold_blobs(data) > 0 or (b"\0" in data and may_hold_blobs(data.replace(b"\0", b"")) > 0)


def may_hold_blobs_in(pieces: Iterable[bytes]) -> bool:
    """Say of a file that is read in pieces whether a blob may stand in it; False is certain."""
    before = b""
    for piece in pieces:
        before = before[-_OVERLAP:] + piece
        if may_hold_blobs_anywhere(before):
            return True
    return False


def blob_fields(path: str, data: bytes, declared: str | None = None) -> Iterator[tuple[int, Record, str]]:
    """Yield every field of a file that holds a blob, whatever it is called: the number of its record, that, and the field's path.

    Raises the ``RecordError`` of a file of a kind that does not read.
    """
    if may_hold_blobs(data) and kind(path, data, declared) is not None:
        for number, record in enumerate(whole(path, data, declared)):
            if not record.is_blank and record.region is not None:
                for steps, _ in blobs(record.document.root):
                    yield number, record, fieldpath.join(steps)


def patterns_of(record: Record) -> set[str]:
    """Return the paths that name the fields of a record with blobs in them, each with all in its place in lists.

    Raises the ``RecordError`` of one that does not read.
    """
    found: dict[fieldpath.Steps, str] = {}
    if may_hold_blobs(record.raw) and not record.is_blank and record.region is not None:
        for steps, text in _texts(record.document.root):
            alike = _in_all_items(steps)
            if alike not in found and _blob_at(steps, text) is not None:
                found[alike] = fieldpath.join(alike)
    return set(found.values())


def blobs(root: Node | None) -> Iterator[tuple[fieldpath.Steps, Blob]]:
    """Yield every blob in the tree of a record with the steps to it, as far as a field path can name them."""
    for steps, text in _texts(root):
        blob = _blob_at(steps, text)
        if blob is not None:
            yield steps, blob


def _texts(root: Node | None) -> Iterator[tuple[fieldpath.Steps, str]]:
    """Yield every text in the tree of a record that may be a blob, with the steps to it."""
    pending: list[tuple[fieldpath.Steps, Node | None]] = [((), root)]
    while pending:
        steps, node = pending.pop()
        if isinstance(node, Mapping) and len(steps) < _MAX_DEPTH:
            pending += [((*steps, key.text), value) for key, value in node.pairs if isinstance(key, Scalar)]
        elif isinstance(node, Sequence) and len(steps) < _MAX_DEPTH:
            pending += [((*steps, number), item) for number, item in enumerate(node.items)]
        elif isinstance(node, Scalar) and ";" in node.text:
            yield steps, node.text


def _blob_at(steps: fieldpath.Steps, text: str) -> Blob | None:
    """Return the blob that a text is; None if it is none, or no field path names its place."""
    try:
        return Blob.parse(text.strip()) if fieldpath.parse(fieldpath.join(steps)) == steps else None
    except SealkitError:
        return None


def pattern(steps: fieldpath.Steps) -> str:
    """Return the path that names a field and those in its place in all items of the lists on the way."""
    return fieldpath.join(_in_all_items(steps))


def _in_all_items(steps: fieldpath.Steps) -> fieldpath.Steps:
    return tuple(step if isinstance(step, str) else fieldpath.EVERY for step in steps)


def holds_only_blobs(record: Record, field: str) -> bool:
    """Say whether a field is a mapping or a list in which nothing stands but blobs, and what is empty."""
    node = None
    try:
        found = record.field(field)
        node = found.node if found is not None else None
    except SealkitError:
        return False
    return isinstance(node, (Mapping, Sequence)) and _is_sealed(node)


def _is_sealed(node: Node) -> bool:
    if isinstance(node, Mapping):
        return all(_is_sealed(value) for _, value in node.pairs)
    if isinstance(node, Sequence):
        return all(map(_is_sealed, node.items))
    if not isinstance(node, Scalar):
        return False
    try:
        return not node.text.strip() or bool(Blob.parse(node.text.strip()))
    except SealkitError:
        return False


# --- names -----------------------------------------------------------------------------------------------------------
def _bare(path: str) -> str:
    """Return a file's name as it was before an editor or a file system put a ``~`` or dots behind it."""
    return path.rstrip("~.") if path.endswith(("~", ".")) else path


def _counting(path: str, declared: str | None) -> str | None:
    """Return the kind that a policy declares, where the name of the file does not say another one."""
    return declared if declared is not None and kind_of(_bare(path)) == FRONT_MATTER else None
