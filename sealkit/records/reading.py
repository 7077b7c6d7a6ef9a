"""What a file is to somebody who looks for a field: without it, records, or a finding. Bytes before syntax.

First it is asked whether the file's bytes can spell the field's name. Where they cannot, it has no such field, and is not parsed. Where
they can, it is a record of one of the kinds, or a finding if it is of a kind and does not read, or reads in two ways; or it is of no kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import SealkitError, UnsupportedRecord
from sealkit.records import frontmatter, generators, locate, wide
from sealkit.records.kinds import FRONT_MATTER, JSON_LINES, YAML, is_page_name, kind_of
from sealkit.records.record import Record, split
from sealkit.tree import Mapping, walk

if TYPE_CHECKING:
    from sealkit.records.spelling import Spelling


# How a list may begin, or a text: behind comments and document marks, with no key.
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|#[^\n]*+\n|---[ \t\r]*\n)*+(?:[\[\"'0-9]|- )")


class Reading(NamedTuple):
    """What came of reading a file: its ``records``, or the ``problem`` that it is, or neither.

    ``line``: the file is of no kind, and the field's name stands there like a key. That is ``unsupported()`` where somebody meant the file
    to be a record.
    """

    records: list[Record] | None = None
    problem: SealkitError | None = None
    line: int | None = None

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
            hint="convert the file, or say in the policy what it is (kind:), or exclude it",
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
        if kind == YAML and frontmatter.begins(data) and frontmatter.is_closed(data):
            frontmatter.region(
                data
            )  # where that raises nothing, the one document is what the delimiters enclose: it reads the same
        records = split(data, kind)
        return ABSENT if kind != JSON_LINES and _is_list_without(records[0], spelling) else Reading(records)
    except SealkitError as error:
        return Reading(problem=error)


def _front_matter(path: str, data: bytes, spelling: Spelling) -> Reading:
    region = frontmatter.region(data)
    if region is None:
        return _of_no_kind(path, data, spelling)
    problem = generators.in_the_text(data, region.end, spelling)
    if problem is not None:
        return Reading(problem=problem)
    if not spelling.could(data[region.start : region.end]):
        return ABSENT
    return Reading(split(data, FRONT_MATTER))


def _of_no_kind(path: str, data: bytes, spelling: Spelling) -> Reading:
    encoding = wide.encoding(data)
    text = data if encoding is None else wide.decoded(data, encoding)
    if encoding is not None and frontmatter.begins(text):
        frontmatter.refuse_wide(data)
    problem = generators.problem(text, spelling, page=is_page_name(path))
    if problem == generators.WITHOUT:
        return ABSENT
    return Reading(problem=problem, line=spelling.line_of(text) if problem is None else None)


def _is_list_without(record: Record, spelling: Spelling) -> bool:
    """Say whether a file is a list, or a text, in which no key is the field's name, or looks like it: no record, and no finding."""
    if _LIST.match(record.raw) is None:
        return False
    try:
        root = record.document.root
    except SealkitError:
        return False
    keys = (key for node in walk(root) if isinstance(node, Mapping) for key, _ in node.pairs) if root is not None else ()
    return not isinstance(root, Mapping) and not any(locate.may_be_named(key, spelling.looks_like) for key in keys)
