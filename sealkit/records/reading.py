"""What a file is to somebody who looks for a field: without it, records, or a finding. Bytes before syntax.

First it is asked whether the file's bytes can spell the field's name. Where they cannot, it has no such field, and is not parsed. Where
they can, it is a record of one of the kinds, or a finding if it is of a kind and does not read, or reads in two ways; or it is of no kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit import limits
from sealkit.errors import BadSyntax, SealkitError, UnsupportedRecord
from sealkit.records import fieldpath, frontmatter, locate, wide
from sealkit.records.kinds import FRONT_MATTER, JSON_LINES, YAML, kind_of
from sealkit.records.record import Record, in_front_matter, split
from sealkit.records.spelling import spelling as spelling_of
from sealkit.tree import Mapping, Sequence, walk

if TYPE_CHECKING:
    from sealkit.records.spelling import Spelling
    from sealkit.tree import Node


# How what is no object may begin: a list, a text, a number or a word of JSON, behind comments and document marks, with no key.
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|#[^\n]*+\n|---[ \t\r]*\n)*+(?:[\[\"'0-9]|- |(?:-?\d|true|false|null)[\s\d.eE+-]*\Z)")
_MARKERS = re.compile(rb"(?m)^(?:---|\.\.\.)(?=\s|\Z)")
_DISPUTED = re.compile(rb"\xc2\x85|\xe2\x80[\xa8\xa9]")
_WHAT = "convert the file, or say in the policy what it is (kind:), or exclude it"


class Reading(NamedTuple):
    """What came of reading a file: its ``records``, or the ``problem`` that it is, or neither.

    ``line``: the file is of no kind, and the field's name stands there like a key. That is ``unsupported()`` where somebody meant the file
    to be a record; ``hint`` is what is to be done then, if that is something of its own.
    """

    records: list[Record] | None = None
    problem: SealkitError | None = None
    line: int | None = None
    hint: str | None = None

    @property
    def is_absent(self) -> bool:
        """Whether the file has no such field, as far as it can be a record."""
        return self.records is None and self.problem is None

    def unsupported(self) -> UnsupportedRecord | None:
        """Return the error for a file of no kind in which the name stands like a key, None for any other."""
        if self.line is None:
            return None
        return UnsupportedRecord(
            problem="the field's name stands here like a key, but this is neither front matter nor YAML, JSON or JSON Lines",
            hint=self.hint or _WHAT,
            line=self.line,
        )


ABSENT = Reading()
"""A file without the field: its bytes cannot spell the name, or it holds no text, or none of its readings has such a key."""


def read(path: str, data: bytes, spelling: Spelling, declared: str | None = None) -> Reading:
    """Return what a file of this name and content is to somebody who looks for fields that are spelt so.

    ``declared`` is the kind that a policy says the file is of. Records are read in outline: whoever looks for a field in them gets the
    ``RecordError`` of one that does not parse.
    """
    if not spelling.could(data) or not (wide.is_text(data) or frontmatter.begins(data)):
        return ABSENT
    kind = kind_of(path, data, declared)
    try:
        if kind is None:
            return _of_no_kind(path, data, spelling)
        if kind == FRONT_MATTER:
            return _front_matter(path, data, spelling)
        if not spelling.may_be_key(data):
            return ABSENT
        if kind == YAML:
            return _yaml(data, spelling)
        records = split(data, kind)
        if kind == JSON_LINES:
            return Reading([one.passed_over() if _is_list_without(one, spelling) else _of_others(one, spelling) for one in records])
        without = _is_list_without(records[0], spelling) or _is_loosely_without(records[0], spelling)
        return ABSENT if without else Reading([_of_others(records[0], spelling)])
    except SealkitError as error:
        return Reading(problem=error)


def _front_matter(path: str, data: bytes, spelling: Spelling) -> Reading:
    """Read a file that begins as front matter does. Where the name is no key in it, what else is wrong with it is nobody's business."""
    try:
        region = frontmatter.region(data)
    except SealkitError:
        if spelling.may_be_key(data):
            raise
        return ABSENT
    if region is None:
        return _of_no_kind(path, data, spelling)
    if data.find(b"\n---", region.end) >= 0:
        from sealkit.records import generators

        problem = generators.in_the_text(data, region.end, spelling)
        if problem is not None:
            return Reading(problem=problem)
    if not spelling.may_be_key(data[region.start : region.end]):
        return ABSENT
    return Reading([in_front_matter(data, region)])


def _yaml(data: bytes, spelling: Spelling) -> Reading:
    if frontmatter.begins(data) and frontmatter.is_closed(data):
        frontmatter.region(data)  # where that raises nothing, the one document is what the delimiters enclose: it reads the same
    if _is_stream_without(data, spelling):
        return ABSENT
    records = split(data, YAML)
    return ABSENT if _is_list_without(records[0], spelling) else Reading([_of_others(records[0], spelling)])


def _of_no_kind(path: str, data: bytes, spelling: Spelling) -> Reading:
    from sealkit.records import generators, nokind

    encoding = wide.encoding(data)
    text = data if encoding is None else wide.decoded(data, encoding)
    if encoding is not None and frontmatter.begins(text):
        frontmatter.refuse_wide(data)
    problem = generators.problem(path, text, spelling)
    if problem == generators.WITHOUT:
        return ABSENT
    like = nokind.line(path, text, spelling) if problem is None else None
    return Reading(problem=problem, line=like.line, hint=like.hint) if like is not None else Reading(problem=problem)


def _is_list_without(record: Record, spelling: Spelling) -> bool:
    """Say whether a file, or a line, is a list, or a text, in which no key is the field's name, or looks like it: no record, and no finding."""
    if _LIST.match(record.raw) is None:
        return False
    try:
        root = record.document.root
    except SealkitError:
        return False
    keys = (key for node in walk(root) if isinstance(node, Mapping) for key, _ in node.pairs) if root is not None else ()
    return not isinstance(root, Mapping) and not any(locate.may_be_named(key, spelling.looks_like) for key in keys)


def _of_others(record: Record, spelling: Spelling) -> Record:
    """Return a record that, if it is a list, is without the fields of a mapping whose names are, in it, nothing but those of other fields.

    Where ``[].secured`` is asked for, too, a key of that name that it finds is its own, and none that is in the wrong place for ``secured``.
    """
    if len(spelling.paths) < 2 or _LIST.match(record.raw) is None:
        return record
    of_mappings = {path: isinstance(fieldpath.parse(path)[0], str) for path in spelling.paths}
    try:
        root = record.document.root
        if not isinstance(root, Sequence) or not any(of_mappings.values()):
            return record
        known = {id(field.key) for path in spelling.paths if not of_mappings[path] for field in record.document.fields(path)}
    except SealkitError:
        return record
    keys = [key for node in walk(root) if isinstance(node, Mapping) for key, _ in node.pairs if id(key) not in known]
    rest = [key for key in keys if locate.may_be_named(key, spelling.looks_like)]
    return record.without(path for path in spelling.paths if of_mappings[path] and not _is_among(rest, path))


def _is_among(keys: list[Node], path: str) -> bool:
    one = spelling_of((path,))
    return any(locate.may_be_named(key, one.looks_like) for key in keys)


def _is_stream_without(data: bytes, spelling: Spelling) -> bool:
    """Say whether YAML of several documents has the field in none of them: each one that may have it reads, and lacks it."""
    if len(data) > limits.YAML_BYTES or (not data.isascii() and _DISPUTED.search(data)):
        return False
    documents = [text for text in _MARKERS.split(data) if text.strip()]
    return len(documents) > 1 and all(_lacks(text, spelling) for text in documents if spelling.may_be_key(text))


def _is_loosely_without(record: Record, spelling: Spelling) -> bool:
    """Say whether a file is JSON with comments, or commas too many, that has no such field: neither as JSON5 nor, if it is that, as YAML."""
    if not _is_misread(record):
        return False
    from sealkit import yamltree
    from sealkit.records import loosejson, places

    try:
        if places.has_field(loosejson.read(record.raw.decode()), spelling):
            return False
        root = yamltree.compose(record.raw)
    except (ValueError, RecursionError):
        return False
    except SealkitError:  # no YAML
        return True
    return _is_without(root, spelling)


def _is_misread(record: Record) -> bool:
    try:
        return record.document.root is None
    except BadSyntax:
        return True
    except SealkitError:
        return False


def _lacks(text: bytes, spelling: Spelling) -> bool:
    """Say whether a YAML document has none of the fields, and reads to its end."""
    from sealkit import yamltree  # which takes long to import

    try:
        return _is_without(yamltree.compose(text), spelling)
    except SealkitError:
        return False


def _is_without(root: Node | None, spelling: Spelling) -> bool:
    """Say whether a tree has none of the fields, nor a key that may be taken for one in its place."""
    try:
        return not any(locate.fields(root, path) for path in spelling.paths)
    except SealkitError:
        return False
