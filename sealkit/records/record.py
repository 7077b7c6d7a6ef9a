"""One record as bytes: parse it, read a field's value, replace it by splicing, and prove that nothing else changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Concatenate, NamedTuple, NoReturn, ParamSpec, Self

from sealkit.errors import (
    BadFieldPath,
    FieldAbsent,
    NotAString,
    ProofFailed,
    RefusedEdit,
    SealkitError,
    SharedNode,
    UnsupportedRecord,
    opaque,
)
from sealkit.records import fieldpath, frontmatter, kinds, locate, plaintext, scan, splice
from sealkit.records.document import Document
from sealkit.records.kinds import FRONT_MATTER, JSON_LINES, KINDS, YAML
from sealkit.tree import Mapping, Scalar, flatten

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from sealkit.records.locate import Field
    from sealkit.records.splice import Splice

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

    __slots__ = ("_found", "_read", "_region", "kind", "line", "raw")

    raw: bytes
    kind: str
    line: int

    def __init__(self, data: bytes, kind: str, line: int) -> None:
        self.raw = data
        self.kind = kind
        self.line = line
        self._region = _region(data, kind, line)
        self._read: Document | None = None
        self._found: dict[str, list[Field]] = {}

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
        return cls(data, kind, line)

    @staticmethod
    def kind_of(path: str | os.PathLike[str]) -> str:
        """Return the kind of the record in a file of this name; front matter unless the suffix says otherwise."""
        return kinds.kind_of(path)

    # --- reading ---------------------------------------------------------------------------------------------------------
    @opaque
    def value(self, path: str = "secured") -> str | None:
        """Return the field's decoded text, or None if the record has no such field. The record is parsed in full.

        Raises ``NotAString`` for what is not a string, ``BadSyntax`` for a record that is broken anywhere, and the other
        ``RecordError`` where readers could disagree.
        """
        field = self._one(path)
        return self._string(field) if field is not None else None

    @opaque
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
        field = self._one(path)
        if field is None:
            return None
        self._string(field)
        return field.blob_text, self._line(field.node.line)

    @opaque
    def values(self, path: str = "secured") -> list[Value]:
        """Return every field that the path names (``a[].b`` may name several), in document order."""
        return [self._value(field) for field in self._fields(path)]

    @opaque
    def paths(self, path: str = "secured") -> list[str]:
        """Return the concrete paths (``a[0].b``) of the fields that a path with ``[]`` names; the path itself if it has none."""
        if "[]" not in path:
            return [path]
        return [field.path for field in self._fields(path)]

    @opaque
    def plaintext(self, path: str = "secured") -> tuple[bytes, str]:
        """Return the payload that an unsealed field stands for, and its kind, ``text`` or ``json``.

        Raises ``FieldAbsent``, ``NotAString`` (nothing there) and ``RefusedEdit`` (readers would not agree on it).
        """
        node = self._present(path).node
        try:
            return plaintext.payload(node)
        except SealkitError as error:
            raise self._placed(error, path) from None

    @property
    def warnings(self) -> list[str]:
        """What other readers of this record may stumble over, though sealkit does not."""
        found = []
        if self.raw.startswith(frontmatter.BOM):
            found.append("a byte order mark: Jekyll does not see the front matter of such a file")
        if self._region is not None and self.kind == FRONT_MATTER and self.raw.startswith(b"...", self._region.end):
            found.append("the front matter is closed by '...': Hugo, gray-matter and Eleventy fail on it")
        if _LONE_CR.search(self.raw):
            found.append("a carriage return without a line feed: a line end for some readers only")
        try:
            self.raw.decode()
        except UnicodeDecodeError:
            found.append("the text is not UTF-8")
        return found

    # --- changing --------------------------------------------------------------------------------------------------------
    @opaque
    def replace(self, path: str, text: str) -> Record:
        """Return the record with the field's string replaced in its own style; the record itself if it holds that text already.

        Raises ``FieldAbsent``, ``NotAString``, ``SharedNode``, ``RefusedEdit``, and ``ProofFailed`` where the result does not prove.
        """
        field = self._present(path)
        if text in (self._string(field), field.blob_text):
            return self
        self._refuse_shared(field)
        start = self._document.token_start(self._scalar(field))
        return self._proved(self._placing(path, splice.in_style, start, field, text), path, text, field)

    @opaque
    def set(self, path: str, text: str) -> Record:
        """Return the record with ``text``, double quoted, as the field's value, whatever it held; a top-level field may be added.

        Raises as ``replace`` does.
        """
        field = self._one(path)
        if field is None:
            return self._added(path, text)
        self._refuse_shared(field)
        return self._proved(self._placing(path, splice.quoted, field, text, self._document.token_start), path, text, field)

    @opaque
    def holds(self, path: str, text: str) -> bool:
        """Say whether the record, read in full, has ``text`` in the field, and putting it in its own place gives the same bytes.

        It is the record's half of the round trip's proof. Where the fast scan answers, libyaml reads the whole document through and
        builds nothing: the scan's claim is that a document that parses holds what it found. Otherwise the field is looked up in the
        tree; a text that is not spelt out where it stands (escaped, folded over lines) has only that, for no splice would write it so.
        """
        span = self._scan(path)
        if isinstance(span, scan.Span):
            return self.raw[span.start : span.end] == text.encode() and self._document.parses()
        field = self._present(path)
        if field.blob_text != text:
            return False
        source = self._document.text
        change = splice.in_style(source, self._document.token_start(self._scalar(field)), field, text)
        return text not in source[change.start : change.end] or self._apply(change) == self.raw

    # --- how it is done --------------------------------------------------------------------------------------------------
    def _scan(self, path: str) -> scan.Span | str | None:
        if self._region is None:
            fieldpath.parse(path)
            return scan.ABSENT
        if path in self._found or self.kind not in (FRONT_MATTER, YAML):
            return None
        return scan.find(self.raw, self._region.start, self._region.end, path, one_document=self.kind == FRONT_MATTER)

    def _fields(self, path: str) -> list[Field]:
        if path not in self._found:
            fieldpath.parse(path)
            if self._region is None:
                return []
            try:
                self._found[path] = self._document.fields(path)
            except SealkitError as error:
                raise self._placed(error, path) from None
        return self._found[path]

    def _one(self, path: str) -> Field | None:
        found = self._fields(path)
        if len(found) > 1:
            raise BadFieldPath(problem=f"{path!r} names {len(found)} fields of this record", hint="name one, as in a[0].b")
        return found[0] if found else None

    def _present(self, path: str) -> Field:
        field = self._one(path)
        if field is None:
            raise FieldAbsent(problem=f"the record has no field {path!r}").at(line=self.line, field=path)
        return field

    def _scalar(self, field: Field) -> Scalar:
        if isinstance(field.node, Scalar):
            return field.node
        raise NotAString(
            problem=f"{field.path!r} is a list or a mapping, not a string",
            type="mapping" if isinstance(field.node, Mapping) else "sequence",
            line=self._line(field.node.line),
            field=field.path,
        )

    def _string(self, field: Field) -> str:
        node = self._scalar(field)
        kind = locate.scalar_type(node)
        if kind != locate.STRING:
            raise NotAString(
                problem=f"{field.path!r} is not a string but {kind}", type=kind, line=self._line(node.line), field=field.path
            )
        return node.text

    def _value(self, field: Field) -> Value:
        node = field.node
        line = self._line(node.line)
        if not isinstance(node, Scalar):
            return Value(field.path, None, None, "mapping" if isinstance(node, Mapping) else "sequence", line)
        kind = locate.scalar_type(node)
        text, blob = (node.text, field.blob_text) if kind == locate.STRING else (None, None)
        return Value(field.path, text, blob, kind, line)

    @property
    def _document(self) -> Document:
        if self._read is None:
            region = self._region
            self._read = Document(self.raw[region.start : region.end] if region is not None else b"", self.kind)
        return self._read

    def _line(self, line: int) -> int:
        """Turn a line of the region into a line of the file."""
        return line + (self._region.line if self._region is not None else 1) + self.line - 2

    def _placed(self, error: SealkitError, path: str) -> SealkitError:
        line = self._line(error.line or 1)
        error.line = None
        return error.at(line=line, field=path)

    def _placing(self, path: str, place: Callable[Concatenate[str, P], Splice], *args: P.args, **kwargs: P.kwargs) -> Splice:
        try:
            return place(self._document.text, *args, **kwargs)
        except SealkitError as error:
            raise self._placed(error, path) from None

    def _refuse_shared(self, field: Field) -> None:
        if field.shared or field.is_alias:
            raise SharedNode(
                problem=f"the value of {field.path!r} stands at another place of the record too (anchor and alias)"
            ).at(line=self._line(field.node.line), field=field.path)

    def _apply(self, change: Splice) -> bytes:
        source, start = self._document.text, self._region.start if self._region is not None else 0
        first = start + len(source[: change.start].encode())
        last = first + len(source[change.start : change.end].encode())
        return self.raw[:first] + change.text.encode() + self.raw[last:]

    def _added(self, path: str, text: str) -> Record:
        steps = fieldpath.parse(path)
        if len(steps) != 1 or not isinstance(steps[0], str):
            raise FieldAbsent(problem=f"the record has no field {path!r}, and only a top-level field can be added").at(
                line=self.line
            )
        if self._region is None:
            raise RefusedEdit(problem="the record has no front matter to add the field to", hint="begin it with two lines '---'")
        if self.kind in (FRONT_MATTER, YAML):
            change = self._placing(path, splice.insert_yaml, self._document.root, steps[0], text, self._line_ending())
        else:
            change = self._placing(path, splice.insert_json, self._document.root, steps[0], text)
        return self._proved(change, path, text, None)

    def _line_ending(self) -> str:
        """Return how the last line up to the region's end is ended: of the front matter, or its opener."""
        end = self.raw.rfind(b"\n", 0, self._region.end) if self._region is not None else -1
        return "\r\n" if self.raw[max(end - 1, 0) : end] == b"\r" else "\n"

    def _proved(self, change: Splice, path: str, text: str, field: Field | None) -> Record:
        """Return the changed record once it proves: it reads as before but for the one value, and that is ``text``."""
        after = self._reread(self._apply(change))
        if after is not None:
            new = after._present_or_none(path)
            if (
                new is not None
                and new.is_string
                and new.blob_text == text
                and after._outside(new, None) == self._outside(field, new)
            ):
                return after
        raise ProofFailed(problem="the change does not prove: read again, the record would not be the intended one").at(
            line=self.line, field=path
        )

    def _reread(self, raw: bytes) -> Record | None:
        try:
            after = type(self)(raw, self.kind, self.line)
        except SealkitError:
            return None
        grown = len(raw) - len(self.raw)
        same_region = self._region is not None and after._region == self._region._replace(end=self._region.end + grown)
        return after if same_region else None

    def _present_or_none(self, path: str) -> Field | None:
        try:
            return self._one(path)
        except SealkitError:
            return None

    def _outside(self, field: Field | None, added: Field | None) -> list[tuple[object, ...]]:
        """Return all of the record but one value, as ``flatten`` gives it; without a field, as if ``added`` were its last one."""
        if field is not None:
            return list(flatten(self._document.root, field.node))
        flat = list(flatten(self._document.root))
        if not isinstance(self._document.root, Mapping):
            flat = [("mapping", False, None, None), ("end",)]
        key = flatten(added.key) if added is not None and added.key is not None else ()
        return [*flat[:-1], *key, ("hole",), ("end",)]


def split(data: bytes, kind: str) -> list[Record]:
    """Return the records of a file: one, or one for each line of a JSON Lines file, with the line numbers they start on.

    ``join(split(data, kind)) == data``. Raises as ``Record.parse``.
    """
    if kind != JSON_LINES:
        return [Record.parse(data, kind=kind)]
    return [Record.parse(line, kind=kind, line=number) for number, line in enumerate(_LINES.findall(data), 1)]


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
