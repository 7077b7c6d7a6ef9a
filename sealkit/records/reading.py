"""What a file is to somebody who looks for a field: without it, records, or a finding. Bytes before syntax.

First it is asked whether the file's bytes can spell the field's name. Where they cannot, it has no such field, and is not parsed. Where
they can, it is a record of one of the kinds, or a finding if it is of a kind and does not read, or reads in two ways; or it is of no kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit import yamltree
from sealkit.errors import BadFrontMatter, SealkitError, UnsupportedRecord
from sealkit.records import frontmatter, generators, wide
from sealkit.records.kinds import FRONT_MATTER, YAML, is_page_name, kind_of
from sealkit.records.record import Record, split
from sealkit.tree import flatten

if TYPE_CHECKING:
    from sealkit.records.spelling import Spelling


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
    if not spelling.could(data) or not wide.is_text(data):
        return ABSENT
    kind = kind_of(path, data, declared)
    try:
        if kind is None:
            return _of_no_kind(path, data, spelling)
        if kind == FRONT_MATTER:
            return _front_matter(path, data, spelling)
        if kind == YAML:
            _refuse_two_readings(data)
        return Reading(split(data, kind))
    except SealkitError as error:
        return Reading(problem=error)


def _front_matter(path: str, data: bytes, spelling: Spelling) -> Reading:
    region = frontmatter.region(data)
    if region is None:
        return _of_no_kind(path, data, spelling)
    if not spelling.could(data[region.start : region.end]):
        return ABSENT
    return Reading(split(data, FRONT_MATTER))


def _of_no_kind(path: str, data: bytes, spelling: Spelling) -> Reading:
    encoding = wide.encoding(data)
    text = data if encoding is None else wide.decoded(data, encoding)
    if encoding is not None and frontmatter.begins(text):
        frontmatter.refuse_wide(data)
    problem = generators.problem(text, spelling, page=is_page_name(path))
    return Reading(problem=problem, line=spelling.line_of(text) if problem is None else None)


def _refuse_two_readings(data: bytes) -> None:
    """Raise ``BadFrontMatter`` for YAML that is front matter as well, and reads otherwise as that."""
    if not frontmatter.begins(data) or not frontmatter.is_closed(data):
        return
    region = frontmatter.region(data)
    if region is None:
        return
    whole = list(flatten(yamltree.compose(data)))
    try:
        same = whole == list(flatten(yamltree.compose(data[region.start : region.end])))
    except SealkitError:
        same = False
    if not same:
        raise BadFrontMatter(problem="the file is YAML and front matter, and reads otherwise as the one than as the other", line=1)
