"""Files that are no records, and in which a field's name stands like a key: what each syntax takes for one.

Nothing in them is sealed, opened or rotated. Where a rule matches such a file, or somebody names it, what stands there is said; elsewhere
it is counted.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit import limits
from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.records import places
from sealkit.records.kinds import suffix_of
from sealkit.records.metadata import without_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.spelling import Spelling


class Like(NamedTuple):
    """Where the name stands like a key, and what is to be done, if that is something of its own."""

    line: int
    hint: str | None = None


_TABLE: Final = (
    "this is a table: seal its column with sealkit columns, or say in the policy what the file is (kind:), or exclude it"
)
_OBJECT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*+(?://[^\n]*+\s*+|/\*(?:[^*]|\*(?!/))*+\*/\s*+)*+[{\[]")

_IN_XML: Final = rb"""<(?:[\w.-]{1,100}:)?(?:NAMES)[\s/>] | <[^<>]{1,1000}?\s(?:[\w.-]{1,100}:)?(?:NAMES)\s*=\s*["'] | <key>\s*(?:NAMES)\s*</key>"""
_IN_OBJECTS: Final = rb"""(?<![\w-])["']?(?:NAMES)["']?\s*[:=](?!=)"""
_IN_PROPERTIES: Final = rb"(?m)^[ \t]*(?:NAMES)[ \t]+[^\s:=]"
_TOML_TABLE: Final = rb"(?m)^[ \t]*\[[^\n\]]*(?:NAMES)"


def line(path: str, data: bytes, spelling: Spelling) -> Like | None:
    """Return where one of the names stands like a key in a file of this name, as its syntax has keys; None if nowhere."""
    found = _OWN.get(suffix_of(path), _of_lines)(path, data, spelling)
    if found is None and b"==" in data:  # a blob may be in it, whatever the file is called: a record that was renamed
        found = _of_lines(path, data, spelling)
    return found if isinstance(found, Like) or found is None else Like(found)


def _of_lines(path: str, data: bytes, spelling: Spelling) -> int | None:
    at_start = spelling.line_of(without_code(path, data))
    if at_start is not None or _OBJECT.match(data) is None:
        return at_start
    return spelling.line_where(data, _IN_OBJECTS)


def _in_xml(_path: str, data: bytes, spelling: Spelling) -> int | None:
    return spelling.line_where(data, _IN_XML)


def _in_properties(path: str, data: bytes, spelling: Spelling) -> int | None:
    return _of_lines(path, data, spelling) or spelling.line_where(data, _IN_PROPERTIES)


def _in_toml(path: str, data: bytes, spelling: Spelling) -> int | None:
    """Read TOML to its end; what does not read is looked at line by line."""
    try:
        value = tomllib.loads(data.decode().replace("\r\n", "\n")) if len(data) <= limits.TOML_BYTES else None
    except (ValueError, RecursionError):
        value = None
    if value is not None and not places.has_field(value, spelling):
        return None
    return _of_lines(path, data, spelling) or spelling.line_where(data, _TOML_TABLE) or spelling.first_line(data)


def _in_table(path: str, data: bytes, spelling: Spelling) -> Like | None:
    """Look for a column of that name in which something stands that is no blob."""
    try:
        text = data.decode("utf-8-sig")
        header = text.lstrip().partition("\n")[0]
        sign = max(",;\t|", key=header.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=sign)
        names = next((row for row in rows if any(row)), [])
        columns = [number for number, name in enumerate(names) if spelling.looks_like(name)]
        for row in rows if columns else ():
            if any(number < len(row) and not _is_sealed(row[number]) for number in columns):
                return Like(rows.line_num, _TABLE)
    except (ValueError, csv.Error):
        found = spelling.line_where(data[: data.find(b"\n", 1) + 1 or len(data)], rb"(?:NAMES)")
        return Like(found, _TABLE) if found is not None else None
    return None


def _is_sealed(cell: str) -> bool:
    try:
        return not cell.strip() or bool(Blob.parse(cell.strip()))
    except SealkitError:
        return False


_OWN: Final[dict[str, Callable[[str, bytes, Spelling], Like | int | None]]] = {
    **dict.fromkeys(("xml", "rss", "atom", "plist", "svg", "xsl", "xslt", "opml", "kml", "gpx", "xlf", "resx"), _in_xml),
    **dict.fromkeys(("csv", "tsv", "tab", "psv"), _in_table),
    "properties": _in_properties,
    "toml": _in_toml,
}
