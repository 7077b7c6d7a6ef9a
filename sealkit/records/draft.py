"""Many changes of one record, made together: all are spliced in at once, and proved by one reading.

A ``Draft`` is a record whose changes are still to come. It answers what the record would answer after each of them, from the outline of
the record as it was: positions are known from that, and what takes a field's place moves nothing but what follows. Where it cannot
answer for certain, it raises ``Entangled``, and ``in_turn`` makes fewer changes together, in the end one after the other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol, Self, TypeVar

from sealkit import limits
from sealkit.errors import OverLimit, SealkitError
from sealkit.records import fieldpath
from sealkit.records.edit import Edit
from sealkit.records.kinds import FRONT_MATTER, YAML
from sealkit.records.locate import Field
from sealkit.records.record import Record
from sealkit.tree import DOUBLE, Scalar, flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealkit.records.document import Document
    from sealkit.records.fieldpath import Steps
    from sealkit.records.scan import Span
    from sealkit.records.splice import Splice

T = TypeVar("T")
_BLANK = " \t\r\n"


class Entangled(Exception):
    """Changes cannot be made together, for one bears on another; one after the other they can."""


class Log(Protocol):
    """A list that grows while changes are made."""

    def __len__(self) -> int: ...
    def __delitem__(self, at: slice, /) -> None: ...


def in_turn(record: Record, todo: Sequence[T], do: Callable[[Record, T], Record], *logs: Log) -> Record:
    """Return the record with ``do`` done for each thing in ``todo``, as if one after the other, and all changes proved.

    They are made together. Where that does not prove, each half of them is, and so on down to single ones. ``do`` may be asked more than
    once for the same thing: ``logs`` are lists that it adds to, and are cut back before it begins anew. Raises ``OverLimit``, with nothing
    done, where the record would be larger than one may be: part of the changes would be no help.
    """
    if len(todo) < 2:
        return do(record, todo[0]) if todo else record
    lengths = [len(log) for log in logs]
    try:
        try:
            return _together(record, todo, do)
        except Entangled:
            _cut_back(logs, lengths)
        half = len(todo) // 2
        return in_turn(in_turn(record, todo[:half], do, *logs), todo[half:], do, *logs)
    except OverLimit:
        _cut_back(logs, lengths)
        raise


def _together(record: Record, todo: Sequence[T], do: Callable[[Record, T], Record]) -> Record:
    draft: Record = Draft.of(record)
    for one in todo:
        draft = do(draft, one)
    return draft.settled() if isinstance(draft, Draft) else draft


def _cut_back(logs: Sequence[Log], lengths: list[int]) -> None:
    for log, length in zip(logs, lengths, strict=True):
        del log[length:]


class _Change(NamedTuple):
    """A change to come: its number, the splice, the text that the field ``path`` holds then, and the node that this is."""

    number: int
    path: str
    splice: Splice
    text: str
    node: Scalar


class _Changes:
    """The changes of all drafts of one record, by the steps to the field; a draft knows how many of them are its own."""

    __slots__ = ("above", "by_steps", "lines", "shifts")

    def __init__(self, text: str) -> None:
        self.by_steps: dict[Steps, _Change] = {}
        self.above: dict[Steps, int] = {}
        self.lines = [match.start() for match in re.finditer("\n", text)]
        self.shifts = _Sums(len(self.lines) + 2)

    def line_at(self, at: int) -> int:
        """Return the line (from 1) that a character of the text stands on."""
        return bisect_right(self.lines, at - 1) + 1

    def add(self, steps: Steps, change: _Change) -> None:
        """Take one more change."""
        for depth in range(1, len(steps)):
            self.above.setdefault(steps[:depth], change.number)
        self.by_steps[steps] = change
        first, last = self.line_at(change.splice.start), self.line_at(change.splice.end)
        self.shifts.add(last, change.splice.text.count("\n") - (last - first))


class _Sums:
    """Numbers in places from 1 on, and the sum of those up to a place: a Fenwick tree, for both take as long as the number of places has digits."""

    __slots__ = ("_sums",)

    def __init__(self, size: int) -> None:
        self._sums = [0] * (size + 1)

    def add(self, place: int, number: int) -> None:
        """Add to what stands in a place."""
        while number and place < len(self._sums):
            self._sums[place] += number
            place += place & -place

    def up_to(self, place: int) -> int:
        """Return the sum of what stands up to a place, and in it."""
        total = 0
        place = min(place, len(self._sums) - 1)
        while place > 0:
            total += self._sums[place]
            place &= place - 1
        return total


class Draft(Record):
    """A record with changes to come. It has no bytes: who asks for them, or for what has to be read in them, is ``Entangled``."""

    __slots__ = ("_base", "_changes", "_count")

    _base: Record
    _changes: _Changes
    _count: int

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return a draft of a record, without any change yet; ``Entangled``, where it is no text."""
        try:
            text = record.document.text if record.region is not None else ""
        except SealkitError:
            text = None
        if text is None:
            raise Entangled
        return cls._made(record, _Changes(text), 0)

    @classmethod
    def _made(cls, base: Record, changes: _Changes, count: int) -> Self:
        draft = cls.__new__(cls)
        draft.kind, draft.line, draft.region = base.kind, base.line, base.region
        draft._base, draft._changes, draft._count = base, changes, count
        return draft

    def __getattr__(self, name: str) -> NoReturn:
        raise Entangled

    def __repr__(self) -> str:
        return f"<Draft {self.kind} {self._count} changes>"

    # --- reading ---------------------------------------------------------------------------------------------------------
    @property
    def document(self) -> Document:
        """The text and tree of the record before the changes."""
        return self._base.document

    def _scan(self, path: str) -> Span | str | None:
        return self._base._scan(path) if self.region is None else None

    def file_line(self, line: int) -> int:
        """Turn a line of the region, as it was, into a line of the file, as it will be."""
        return super().file_line(line + self._changes.shifts.up_to(line))

    def _fields(self, path: str) -> list[Field]:
        steps = fieldpath.parse(path)
        self._refuse_entangled(steps)
        try:
            found = self._base._fields(path)
        except SealkitError as error:
            raise self._moved(error) from None
        return [self._now(field) for field in found] if self._count else found

    def holds(self, path: str, text: str) -> bool:
        """Not to be said before the changes are made."""
        raise Entangled

    def _moved(self, error: SealkitError) -> SealkitError:
        """Return an error of the record before the changes with its line as it will be."""
        if error.line is not None:
            error.line += self._changes.shifts.up_to(error.line - super().file_line(0))
        return error

    def _refuse_entangled(self, steps: Steps) -> None:
        """Raise ``Entangled`` for a field that a change is around, or within."""
        if not self._count:
            return
        if fieldpath.EVERY in steps:
            if any(self._has(one) and len(one) != len(steps) and _leads(one, steps) for one in self._changes.by_steps):
                raise Entangled
            return
        if self._changes.above.get(steps, self._count) < self._count:
            raise Entangled
        if any(self._has(steps[:depth]) for depth in range(1, len(steps))):
            raise Entangled

    def _has(self, steps: Steps) -> bool:
        change = self._changes.by_steps.get(steps)
        return change is not None and change.number < self._count

    def _now(self, field: Field) -> Field:
        steps = fieldpath.parse(field.path)
        if not self._has(steps):
            return field
        return field._replace(node=self._changes.by_steps[steps].node)

    # --- changing --------------------------------------------------------------------------------------------------------
    def replace(self, path: str, text: str) -> Record:
        """Return a draft with one more change, as ``Record.replace``."""
        field = self._present(path)
        if text in (self._string(field), field.blob_text):
            return self
        return self._with(field, Edit(self, path, text).spliced_in_style, text)

    def set(self, path: str, text: str) -> Record:
        """Return a draft with one more change, as ``Record.set``; a field that is to be added is ``Entangled``."""
        field = self.field(path)
        if field is None:
            raise Entangled
        return self._with(field, Edit(self, path, text).spliced_over, text)

    def _with(self, field: Field, place: Callable[[Field], Splice], text: str) -> Self:
        steps = fieldpath.parse(field.path)
        if steps in self._changes.by_steps or self._count != len(self._changes.by_steps):
            raise Entangled
        splice = place(field)
        self._changes.add(steps, _Change(self._count, field.path, splice, text, self._node(field, splice, text)))
        return self._made(self._base, self._changes, self._count + 1)

    def _node(self, field: Field, splice: Splice, text: str) -> Scalar:
        """Return the node that will be in the field's place; a block scalar that stays one keeps the white space around its text."""
        old = field.node
        start = splice.start + len(splice.text) - len(splice.text.lstrip(_BLANK))
        line = old.line if isinstance(old, Scalar) and old.start != old.end else self._changes.line_at(splice.start)
        style, whole = DOUBLE, text
        if isinstance(old, Scalar) and field.is_block and not splice.text.startswith('"'):
            style = old.style
            inner = old.text.strip(_BLANK)
            before, _, after = old.text.partition(inner)
            whole = before + text + after
        node = Scalar(start, splice.end, line, whole, style)
        if isinstance(old, Scalar):
            node.tag, node.anchor = old.tag, old.anchor
        return node

    # --- the end ---------------------------------------------------------------------------------------------------------
    def settled(self) -> Record:
        """Return the record with all changes made, once that is proved; the record itself if there are none.

        The changed bytes are read anew: each field holds its text, and the tree of all the rest is the same. All bytes outside the
        places of the changes are the same.
        """
        changes = [change for change in self._changes.by_steps.values() if change.number < self._count]
        if not changes:
            return self._base
        raw = self._spliced(changes)
        if self.kind in (FRONT_MATTER, YAML) and len(raw) - len(self._base.raw) + len(self.document.data) > limits.YAML_BYTES:
            raise OverLimit(
                problem=f"with its {len(changes)} changes the YAML would be larger than {limits.YAML_BYTES} bytes, the most that are read",
                hint="spread the record over several files, or use JSON",
            ).at(line=self.line)
        after = self._base.reread(raw)
        if after is None:
            raise Entangled
        try:
            self._prove(after, changes)
        except SealkitError:
            failed = True
        else:
            failed = False
        if failed:
            raise Entangled
        return after

    def _spliced(self, changes: list[_Change]) -> bytes:
        """Return the bytes with all changes made."""
        region, text = self.region, self.document.text
        if region is None:
            raise Entangled
        parts: list[str] = []
        at = 0
        for splice in sorted(change.splice for change in changes):
            if splice.start < at:
                raise Entangled
            parts += (text[at : splice.start], splice.text)
            at = splice.end
        raw = self._base.raw
        return b"".join((raw[: region.start], "".join((*parts, text[at:])).encode(), raw[region.end :]))

    def _prove(self, after: Record, changes: list[_Change]) -> None:
        """Raise ``Entangled`` unless a record that was read anew is as intended; or the ``RecordError`` of one that does not read."""
        for path in self._base._found:
            if "[]" in path:
                after.values(path)  # finds all of its fields at once; then they are known one by one
        old, new = [], []
        for change in changes:
            before, now = self._base.field(change.path), after.field(change.path)
            if before is None or now is None or not now.is_string or now.blob_text != change.text:
                raise Entangled
            old.append(before.node)
            new.append(now.node)
        if list(flatten(self.document.root, *old)) != list(flatten(after.document.root, *new)):
            raise Entangled


def _leads(steps: Steps, pattern: Steps) -> bool:
    """Say whether one field is around another one, or the same: as far as both go, their steps are alike."""
    return all(
        one == other or (other is fieldpath.EVERY and not isinstance(one, str)) for one, other in zip(steps, pattern, strict=False)
    )
