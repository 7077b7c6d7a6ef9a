"""One record as bytes: parse it, read a field's value, replace it by splicing, and prove that nothing else changed."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, NoReturn, ParamSpec, Self

from sealkit import limits
from sealkit.door import as_bytes, refuse, typed, typed_where_it_fails
from sealkit.errors import BadFieldPath, FieldAbsent, NotAString, OverLimit, SealkitError, UnsupportedRecord
from sealkit.opaque import opaque
from sealkit.records import fieldpath, frontmatter, kinds, scan
from sealkit.records.kinds import FRONT_MATTER, JSON_LINES, KINDS, YAML
from sealkit.tree import Scalar

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from sealkit.records.beside import Looks
    from sealkit.records.document import Document
    from sealkit.records.locate import Field

P = ParamSpec("P")
_LONE_CR = re.compile(rb"\r(?!\n)")
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")


class Value(NamedTuple):
    """What a field holds: ``text`` is its decoded string (None if it is no string), ``blob_text`` what is a blob if it is sealed.

    ``type`` is ``string``, ``null``, ``number``, ``boolean``, ``timestamp``, ``tagged``, ``mapping`` or ``sequence``; ``line`` counts
    from 1 in the file.
    """

    path: str
    text: str | None
    blob_text: str | None
    type: str
    line: int


class Record:
    """One record: a file, or one line of a JSON Lines file. Immutable; ``replace`` and ``set`` return another record."""

    __slots__ = ("_found", "_is_passed", "_lacked", "_read", "_scanned", "kind", "line", "looks", "raw", "region")

    raw: bytes
    kind: str
    line: int

    @typed
    def __init__(self, data: bytes, kind: str, line: int) -> None:
        self._begin(data, kind, line)

    def _begin(self, data: bytes, kind: str, line: int, region: frontmatter.Region | None = None) -> None:
        self.raw = data
        self.kind = kind
        self.line = line
        self.region = region if region is not None else _region(data, kind, line)
        self._is_passed = False
        self._lacked: tuple[str, ...] = ()
        self._read: Document | None = None
        self._found: dict[str, list[Field]] = {}
        self.looks: dict[tuple[str, bool], Looks] = {}
        self._scanned: tuple[str, scan.Span | str | None] | None = None

    def __repr__(self) -> str:
        return f"<Record {self.kind} {len(self.raw)} bytes>"

    def __reduce__(self) -> NoReturn:
        message = "a record may hold plaintext and is not pickled; pass its file's path"
        raise TypeError(message)

    @classmethod
    @opaque
    def parse(cls, data: bytes, *, kind: str, line: int = 1) -> Self:
        """Read a record of a ``kind`` (``frontmatter``, ``yaml``, ``json``, ``jsonl``: one line); ``line`` is its first line's number.

        Only the outline is read; a field is located when it is asked for. Raises ``BadFrontMatter`` and ``UnsupportedRecord``.
        """
        if not isinstance(kind, str):
            refuse("Record.parse: kind", "str", type(kind))
        if not isinstance(line, int) or isinstance(line, bool):
            refuse("Record.parse: line", "int", type(line))
        record = cls.__new__(cls)
        record._begin(as_bytes("Record.parse: data", data), kind, line)
        return record

    @staticmethod
    @typed
    def kind_of(path: str | os.PathLike[str]) -> str:
        """Return the kind of the record in a file of this name; front matter unless the suffix says otherwise."""
        return kinds.kind_of(path)

    # --- reading ---------------------------------------------------------------------------------------------------------
    @typed_where_it_fails
    def value(self, path: str = "secured") -> str | None:
        """Return the field's decoded text, or None if the record has no such field. The record is parsed in full.

        Raises ``NotAString`` for what is not a string, ``BadSyntax`` for a record that is broken anywhere, and the other
        ``RecordError`` where readers could disagree.
        """
        field = self.field(path)
        return self._string(field) if field is not None else None

    @typed_where_it_fails
    def blob_text(self, path: str = "secured") -> tuple[str, int] | None:
        """Return the text that is a blob if the field is sealed, and its line; None if the record has no such field.

        Nearly always found by the fast scan, so a record that is broken elsewhere may still be answered.
        Raises ``NotAString`` and the other ``RecordError``.
        """
        span = self._scan(path)
        if span is scan.ABSENT:
            return None
        if isinstance(span, scan.Span):
            return self.raw[span.start : span.end].decode(), self.raw.count(b"\n", 0, span.start) + self.line
        field = self.field(path)
        if field is None:
            return None
        self._string(field)
        return field.blob_text, self.file_line(field.node.line)

    @typed_where_it_fails
    def lacks(self, path: str = "secured") -> bool:
        """Say whether the fast scan shows that there is no such field; False says nothing. Raises ``BadFieldPath``."""
        return self._scan(path) is scan.ABSENT

    @typed_where_it_fails
    def values(self, path: str = "secured") -> list[Value]:
        """Return every field that the path names (``a[].b`` may name several), in document order."""
        return [self._value(field) for field in self._fields(path)]

    @typed
    def paths(self, path: str = "secured") -> list[str]:
        """Return the concrete paths (``a[0].b``) of the fields that a path with ``[]`` names; the path itself if it has none."""
        if "[]" not in path:
            return [path]
        return [field.path for field in self._fields(path)]

    @typed_where_it_fails
    def plaintext(self, path: str = "secured") -> tuple[bytes, str]:
        """Return the payload that an unsealed field stands for, and its kind, ``text`` or ``json``.

        Raises ``FieldAbsent``, ``NotAString`` (nothing there) and ``RefusedEdit`` (readers would not agree on it).
        """
        from sealkit.records import plaintext

        node = self._present(path).node
        try:
            return plaintext.payload(node)
        except SealkitError as error:
            raise self.placed(error, path) from None

    @property
    def is_blank(self) -> bool:
        """Whether this is a line of a JSON Lines file that is no record of its own: an empty one, or one that was ``passed_over``."""
        return self.kind == JSON_LINES and (self._is_passed or not self.raw.strip())

    def passed_over(self) -> Record:
        """Return the same line of a JSON Lines file as one that is no record: it is no object, and has no such field."""
        record = type(self).__new__(type(self))
        record._begin(self.raw, self.kind, self.line)
        record._is_passed = True
        return record

    @typed
    def without(self, paths: Iterable[str]) -> Self:
        """Take it for shown that the record, a list, has none of the fields that these paths name; return the record itself."""
        self._lacked = tuple(paths)
        self._found.update((path, []) for path in self._lacked)
        return self

    @property
    def warnings(self) -> list[str]:
        """What other readers of this record may stumble over, though sealkit does not."""
        found = []
        if self.raw.startswith(frontmatter.BOM):
            found.append("a byte order mark: Jekyll does not see the front matter of such a file")
        if self.region is not None and self.kind == FRONT_MATTER and self.raw.startswith(b"...", self.region.end):
            found.append("the front matter is closed by '...': Hugo, gray-matter and Eleventy fail on it")
        if _LONE_CR.search(self.raw):
            found.append("a carriage return without a line feed: a line end for some readers only")
        try:
            self.raw.decode()
        except UnicodeDecodeError:
            found.append("the text is not UTF-8")
        return found

    # --- changing --------------------------------------------------------------------------------------------------------
    @typed_where_it_fails
    def replace(self, path: str, text: str) -> Record:
        """Return the record with the field's string replaced in its own style; the record itself if it holds that text already.

        Raises ``FieldAbsent``, ``NotAString``, ``SharedNode``, ``RefusedEdit``, and ``ProofFailed`` where the result does not prove.
        """
        span = self._scan(path)
        if isinstance(span, scan.Span) and text.isascii():
            swapped = self._swapped(span, path, text)
            if swapped is not None:
                return swapped
        field = self._present(path)
        if text in (self._string(field), field.blob_text):
            return self
        from sealkit.records.edit import Edit

        return Edit(self, path, text).in_style(field)

    @typed_where_it_fails
    def set(self, path: str, text: str) -> Record:
        """Return the record with ``text``, double quoted, as the field's value, whatever it held; a top-level field may be added.

        Raises as ``replace`` does.
        """
        from sealkit.records.edit import Edit

        field = self.field(path)
        return Edit(self, path, text).over(field) if field is not None else Edit(self, path, text).add()

    @typed_where_it_fails
    def holds(self, path: str, text: str) -> bool:
        """Say whether the record, read in full, has ``text`` in the field, and putting it in its own place gives the same bytes.

        It is the record's half of the round trip's proof. Where the fast scan answers and libyaml reads the record to its end, that is
        enough: the scan's claim is that a record that parses holds what it found. Otherwise the field is looked up in the tree; a text
        that is not spelt out where it stands (escaped, folded over lines) has only that, for no splice would write it so.
        """
        span = self._scan(path)
        if isinstance(span, scan.Span) and self._parses(span):
            return self.raw[span.start : span.end] == text.encode() and self.document.has_key_at(path, self._within(span.start))
        from sealkit.records.edit import Edit

        field = self._present(path)
        return field.blob_text == text and Edit(self, path, text).changes_nothing(field)

    @typed_where_it_fails
    def read_through(self, path: str = "secured") -> None:
        """Raise the ``RecordError`` of a record that is broken anywhere, which ``blob_text`` may not notice."""
        span = self._scan(path)
        if not isinstance(span, scan.Span) or not self._parses(span):
            self._fields(path)

    # --- how it is done --------------------------------------------------------------------------------------------------
    def _scan(self, path: str) -> scan.Span | str | None:
        if self.region is None:
            fieldpath.parse(path)
            return scan.ABSENT
        if path in self._found or self.kind not in (FRONT_MATTER, YAML):
            return None
        if self._scanned is None or self._scanned[0] != path:
            self._scanned = (path, self._find(path, self.region))
        return self._scanned[1]

    def _find(self, path: str, region: frontmatter.Region) -> scan.Span | str | None:
        return scan.find(self.raw, region.start, region.end, path, one_document=self.kind == FRONT_MATTER)

    def _swapped(self, span: scan.Span, path: str, text: str) -> Record | None:
        """Replace a value that the fast scan found, and prove it; None if that gives no answer.

        In the changed record the scan finds the new value, in the same place and style, and libyaml reads the record to its end; where
        something that began before the place could end behind it, libyaml confirms the place as well. All other bytes are the same, so the old record read the same but for that scalar: base64 and ``;`` cannot
        make the rest read otherwise.
        """
        new = text.encode()
        if self.raw[span.start : span.end] == new:
            return self
        after = self.reread(self.raw[: span.start] + new + self.raw[span.end :])
        place = scan.Span(span.start, span.start + len(new), span.nothing_closes)
        return after if after is not None and after._scan(path) == place and after._confirms(place, path) else None

    def _confirms(self, span: scan.Span, path: str) -> bool:
        if span.nothing_closes:
            return self._parses(span) and self.document.has_key_at(path, self._within(span.start))
        return self.document.confirms(path, self._within(span.start), self._within(span.end))

    def _parses(self, span: scan.Span) -> bool:
        """Say whether libyaml reads the record to its end; ``span`` is what the fast scan found in it."""
        return self.document.parses(self._within(span.start), self._within(span.end))

    def _within(self, at: int) -> int:
        """Turn an offset in the record into one in its document."""
        return at - (self.region.start if self.region is not None else 0)

    def _fields(self, path: str) -> list[Field]:
        if path not in self._found:
            fieldpath.parse(path)
            if self.region is None:
                return []
            try:
                self._found[path] = self.document.fields(path)
            except SealkitError as error:
                raise self.placed(error, path) from None
            for field in self._found[path] if "[]" in path else ():
                self._found.setdefault(field.path, [field])
        return self._found[path]

    @typed_where_it_fails
    def field(self, path: str) -> Field | None:
        """Return the one field that a path names, None if the record has none; found by a full parse."""
        found = self._fields(path)
        if len(found) > 1:
            raise BadFieldPath(problem=f"{path!r} names {len(found)} fields of this record", hint="name one, as in a[0].b")
        return found[0] if found else None

    def _present(self, path: str) -> Field:
        field = self.field(path)
        if field is None:
            raise FieldAbsent(problem=f"the record has no field {path!r}").at(line=self.line, field=path)
        return field

    def _scalar(self, field: Field) -> Scalar:
        if isinstance(field.node, Scalar):
            return field.node
        raise NotAString(
            problem=f"{field.path!r} is a list or a mapping, not a string",
            type=field.type,
            line=self.file_line(field.node.line),
            field=field.path,
        )

    def _string(self, field: Field) -> str:
        node = self._scalar(field)
        if not field.is_string:
            raise NotAString(
                problem=f"{field.path!r} is not a string but {field.type}",
                type=field.type,
                line=self.file_line(node.line),
                field=field.path,
            )
        return node.text

    def _value(self, field: Field) -> Value:
        node = field.node
        line = self.file_line(node.line)
        if not isinstance(node, Scalar):
            return Value(field.path, None, None, field.type, line)
        text, blob = (node.text, field.blob_text) if field.is_string else (None, None)
        return Value(field.path, text, blob, field.type, line)

    @property
    def document(self) -> Document:
        """The text and tree of what stands between the delimiters."""
        if self._read is None:
            region = self.region
            self._read = _document()(self.raw[region.start : region.end] if region is not None else b"", self.kind)
        return self._read

    @typed
    def file_line(self, line: int) -> int:
        """Turn a line of the region into a line of the file."""
        return line + (self.region.line if self.region is not None else 1) + self.line - 2

    @typed
    def placed(self, error: SealkitError, path: str) -> SealkitError:
        """Give an error, whose line counts within the region, its line in the file and the field."""
        line = self.file_line(error.line or 1)
        error.line = None
        return error.at(line=line, field=path)

    @typed
    def reread(self, raw: bytes) -> Record | None:
        """Read changed bytes as a record of this kind; None if what lies between the delimiters is not where it should be then."""
        try:
            after = type(self)(raw, self.kind, self.line)
        except SealkitError:
            return None
        if self.region is None:
            return None
        start, end, line = self.region
        if self._lacked:
            after.without(self._lacked)
        return after if after.region == (start, end + len(raw) - len(self.raw), line) else None


@cache
def _document() -> type[Document]:
    """Return the class, whose parser takes long to import; asked for once, for an import statement is not free where it runs 10^6 times."""
    from sealkit.records.document import Document

    return Document


@typed
def split(data: bytes, kind: str) -> list[Record]:
    """Return the records of a file: one, or one for each line of a JSON Lines file, with the line numbers they start on.

    ``join(split(data, kind)) == data``. Raises as ``Record.parse``, and ``OverLimit`` for more lines, or values in all of them, than are read.
    """
    if kind != JSON_LINES:
        return [Record(data, kind, 1)]
    _refuse_many_lines(data)
    return [Record(line, kind, number) for number, line in enumerate(_LINES.findall(data), 1)]


def _refuse_many_lines(data: bytes) -> None:
    from sealkit.records.jsontree import refuse_many_values

    count = data.count(b"\n")
    if count > limits.JSON_LINES:
        raise OverLimit(problem=f"{count} lines of JSON; at most {limits.JSON_LINES} are read of one file", line=1)
    refuse_many_values(data)


def in_front_matter(data: bytes, region: frontmatter.Region) -> Record:
    """Return the record of a file with front matter of which it is known where that stands (``frontmatter.region``)."""
    record = Record.__new__(Record)
    record._begin(data, FRONT_MATTER, 1, region)
    return record


@typed
def join(records: list[Record]) -> bytes:
    """Return the bytes of the file that these records make up."""
    return b"".join(record.raw for record in records)


def _region(data: bytes, kind: str, line: int) -> frontmatter.Region | None:
    if kind == FRONT_MATTER:
        return frontmatter.region(data)
    if kind not in KINDS:
        raise UnsupportedRecord(problem=f"no such kind of record: {kind!r}", hint=f"one of {', '.join(KINDS)}")
    frontmatter.refuse_wide(data)
    has_mark = data.startswith(frontmatter.BOM) and (kind != JSON_LINES or line == 1)
    end = len(data.rstrip(b"\r\n")) if kind == JSON_LINES else len(data)
    return frontmatter.Region(len(frontmatter.BOM) if has_mark else 0, end, 1)
