"""One change of one field, through the tree: where it goes, made by splicing, and proved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Concatenate, ParamSpec

from sealkit.errors import FieldAbsent, ProofFailed, RefusedEdit, SealkitError, SharedNode
from sealkit.records import fieldpath, splice, wide
from sealkit.records.kinds import FRONT_MATTER, YAML, described
from sealkit.tree import Mapping, Scalar, flatten

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.locate import Field
    from sealkit.records.record import Record
    from sealkit.records.splice import Splice

P = ParamSpec("P")


class Edit:
    """The field ``path`` of a record is to hold ``text``. Each way to do it returns the changed record, or raises and changes nothing."""

    def __init__(self, record: Record, path: str, text: str) -> None:
        self._record = record
        self._path = path
        self._text = text

    def in_style(self, field: Field) -> Record:
        """Put the text in a string's place, in the string's own style. Raises ``SharedNode``, ``RefusedEdit``, ``ProofFailed``."""
        return self._proved(self.spliced_in_style(field), field)

    def over(self, field: Field) -> Record:
        """Put the text, double quoted, in the place of whatever the field holds. Raises as ``in_style``."""
        return self._proved(self.spliced_over(field), field)

    def spliced_in_style(self, field: Field) -> Splice:
        """Return what ``in_style`` changes; it is not proved. Raises ``SharedNode`` and ``RefusedEdit``."""
        self._refuse_shared(field)
        return self._in_style(field)

    def spliced_over(self, field: Field) -> Splice:
        """Return what ``over`` changes; it is not proved. Raises ``SharedNode`` and ``RefusedEdit``."""
        self._refuse_shared(field)
        return self._placing(splice.quoted, field, self._text, self._record.document.token_start)

    def add(self) -> Record:
        """Add the field at the end of the record's root. Raises ``FieldAbsent`` for a nested one, ``RefusedEdit``, ``ProofFailed``."""
        record = self._record
        steps = fieldpath.parse(self._path)
        if len(steps) != 1 or not isinstance(steps[0], str):
            raise FieldAbsent(problem=f"the record has no field {self._path!r}, and only a top-level field can be added").at(
                line=record.line
            )
        if record.region is None:
            if not wide.is_text(record.raw):
                raise RefusedEdit(problem=f"this is no record to add the field to, but {described(record.raw)}")
            raise RefusedEdit(problem="the record has no front matter to add the field to", hint="begin it with two lines '---'")
        root = record.document.root
        if record.kind in (FRONT_MATTER, YAML):
            change = self._placing(splice.insert_yaml, root, steps[0], self._text, self._line_ending())
        else:
            change = self._placing(splice.insert_json, root, steps[0], self._text)
        return self._proved(change, None)

    def changes_nothing(self, field: Field) -> bool:
        """Say whether putting the field's own text in its place gives the same bytes; so it is said of text no splice would write."""
        change = self._in_style(field)
        there = self._record.document.text[change.start : change.end]
        return self._text not in there or there == change.text

    def _in_style(self, field: Field) -> Splice:
        start = self._record.document.token_start(field.node) if isinstance(field.node, Scalar) else field.node.start
        return self._placing(splice.in_style, start, field, self._text)

    def _placing(self, place: Callable[Concatenate[str, P], Splice], *args: P.args, **kwargs: P.kwargs) -> Splice:
        try:
            return place(self._record.document.text, *args, **kwargs)
        except SealkitError as error:
            raise self._record.placed(error, self._path) from None

    def _refuse_shared(self, field: Field) -> None:
        if field.shared or field.is_alias:
            error = SharedNode(problem=f"the value of {field.path!r} stands at another place of the record too (anchor and alias)")
            error.line = field.node.line
            raise self._record.placed(error, field.path)

    def _apply(self, change: Splice) -> bytes:
        record = self._record
        source, start = record.document.text, record.region.start if record.region is not None else 0
        first = start + len(source[: change.start].encode())
        last = first + len(source[change.start : change.end].encode())
        return record.raw[:first] + change.text.encode() + record.raw[last:]

    def _line_ending(self) -> str:
        """Return how the last line up to the region's end is ended: of the front matter, or its opener."""
        raw, region = self._record.raw, self._record.region
        end = raw.rfind(b"\n", 0, region.end) if region is not None else -1
        return "\r\n" if raw[max(end - 1, 0) : end] == b"\r" else "\n"

    def _proved(self, change: Splice, field: Field | None) -> Record:
        """Return the changed record once it proves: it reads as before but for the one value, and that is the text."""
        after = self._record.reread(self._apply(change))
        if after is not None:
            new = _field_or_none(after, self._path)
            if (
                new is not None
                and new.is_string
                and new.blob_text == self._text
                and _outside(after, new, None) == _outside(self._record, field, new)
            ):
                return after
        raise ProofFailed(problem="the change does not prove: read again, the record would not be the intended one").at(
            line=self._record.line, field=self._path
        )


def _field_or_none(record: Record, path: str) -> Field | None:
    try:
        return record.field(path)
    except SealkitError:
        return None


def _outside(record: Record, field: Field | None, added: Field | None) -> list[tuple[object, ...]]:
    """Return all of the record but one value, as ``flatten`` gives it; without a field, as if ``added`` were its last one."""
    root = record.document.root
    if field is not None:
        return list(flatten(root, field.node))
    flat = list(flatten(root)) if isinstance(root, Mapping) else [("mapping", False, None, None), ("end",)]
    key = flatten(added.key) if added is not None and added.key is not None else ()
    return [*flat[:-1], *key, ("hole",), ("end",)]
