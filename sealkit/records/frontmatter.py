"""Where front matter begins and ends, as the site generators see it.

Opener: the first line is ``---``, perhaps behind a byte order mark, perhaps with blanks after it. Closer: the first later line that
is ``---`` or ``...``, perhaps with blanks after it. Whatever some generator might take for front matter, but is not of this form, is an
error and never "absent": generators copy such a page to the public site as it stands.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sealkit.errors import BadFrontMatter, UnsupportedRecord
from sealkit.records import wide

BOM = b"\xef\xbb\xbf"
_OPENER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n")
_CLOSER = re.compile(rb"(?:---|\.\.\.)[ \t]*(?:\r?\n|\r?\Z)")
_MARK = re.compile(rb"\n(?:---|\.\.\.(?:[ \t]|\r?\n|\r?\Z))")
_MAYBE_MARK = re.compile(rb"\n(?:---|\.\.\.)")
_JSON_OPENER = rb"\{[\s\"}]"
# White space and invisible characters: ASCII, NEL, NBSP, the other Unicode blanks, and byte order marks.
_LEAD = re.compile(
    rb"(?:[ \t\r\n\v\f]|\xef\xbb\xbf|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xe2\x81[\x9f-\xa4]|\xe3\x80\x80)*+"
)


class Region(NamedTuple):
    """The bytes ``start:end`` of a record that hold the YAML; ``line`` is the line (from 1) they start on."""

    start: int
    end: int
    line: int


def begins(data: bytes) -> bool:
    """Say whether the first line is the delimiter that opens front matter."""
    return data.startswith((b"---", BOM)) and _OPENER.match(data) is not None


def is_closed(data: bytes) -> bool:
    """Say whether a line closes what the first line opens, or might for some reader."""
    return _marked(data, data.find(b"\n")) > 0


def lead(data: bytes) -> int:
    """Return where the text begins, behind white space, invisible characters and byte order marks."""
    match = _LEAD.match(data)
    return match.end() if match is not None else 0


def region(data: bytes) -> Region | None:
    """Return where the YAML between the delimiters stands, or None if the record has no front matter.

    Raises ``BadFrontMatter`` (no closer, a line that only some readers take for a delimiter, a misplaced opener) and
    ``UnsupportedRecord`` (TOML or JSON front matter, UTF-16).
    """
    if data.startswith(b"---\n"):
        start = 4
    else:
        opener = _OPENER.match(data)
        if opener is None:
            _refuse_near_misses(data)
            return None
        start = opener.end()
    return Region(start, _closer(data, start), 2)


def _closer(data: bytes, start: int) -> int:
    """Return the offset of the closing line, which is where the YAML ends."""
    line = _marked(data, start - 1)
    while line > 0:
        if data.startswith(b"---\n", line) or _CLOSER.match(data, line):
            return line
        if data.startswith(b"---", line) or data[line + 3 : line + 4] in (b" ", b"\t"):
            raise BadFrontMatter(
                problem="a line of the front matter starts with '---', or '...' and a blank, but is not the closing line: "
                "readers disagree whether it ends there",
                line=_line(data, line),
            )
        mark = _MARK.search(data, line)
        line = mark.start() + 1 if mark is not None else 0
    raise BadFrontMatter(
        problem="the front matter is not closed", hint="close it with a line '---': generators publish it as text otherwise", line=1
    )


def _marked(data: bytes, start: int) -> int:
    """Return the offset of the first line that starts with ``---`` or ``...``, 0 if there is none; ``start`` is at a line feed or before it."""
    mark = _MAYBE_MARK.search(data, start)
    return mark.start() + 1 if mark is not None else 0


def _refuse_near_misses(data: bytes) -> None:
    """Raise for what is no front matter by the rules but may be taken for it."""
    refuse_wide(data)
    at = lead(data)
    if data.startswith(b"---", at):
        raise BadFrontMatter(
            problem="'---' does not stand alone on the first line: some readers take this for front matter, some publish it as text",
            hint="make '---' the first line, with nothing before and after it",
            line=_line(data, at),
        )
    if data.startswith(b"+++", at):
        raise UnsupportedRecord(problem="TOML front matter ('+++') is not read", hint="convert it to YAML", line=_line(data, at))
    if re.match(_JSON_OPENER, data[at : at + 2]):
        raise UnsupportedRecord(
            problem="JSON front matter is not read", hint="convert it to YAML, or name the file *.json", line=_line(data, at)
        )


def refuse_wide(data: bytes) -> None:
    """Raise ``UnsupportedRecord`` for UTF-16 and UTF-32, with or without a byte order mark."""
    if wide.encoding(data) is not None:
        raise UnsupportedRecord(problem="UTF-16 or UTF-32", hint="store the record as UTF-8", line=1)


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
