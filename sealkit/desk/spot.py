"""The one field of a file that somebody works on: found, opened, and given another payload, if nobody else did meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit import jobs
from sealkit.errors import ChangedUnderneath, NothingMatched, SealkitError, Usage
from sealkit.opaque import opaque
from sealkit.records.record import join
from sealkit.trees.content import needed
from sealkit.trees.fields import Content, Orders
from sealkit.trees.replace import Options, Write, replace_one
from sealkit.trees.roots import held
from sealkit.trees.store import read

if TYPE_CHECKING:
    from sealkit.records.record import Record
    from sealkit.trees.orders import Order, Task


class Spot:
    """One field of one record in a file. ``line`` names the record or the field, where there are several.

    Raises ``Usage`` where it is not clear which field is meant, and as reading the file and the record does.
    """

    @opaque
    def __init__(self, path: str, task: Task, line: int | None = None) -> None:
        self.path = path
        self._orders = Orders(task, path)
        try:
            self._number, self.field, self._order = self._chosen(Content(read(path).data, self._orders), line)
        except SealkitError as error:
            raise error.at(path=path) from None
        self._text: str | None = None

    def __repr__(self) -> str:
        return f"<Spot {self.field} of {self.path!r}>"

    def _chosen(self, content: Content, line: int | None) -> tuple[int, str, Order]:
        every = list(content.fields())
        there = []
        for number, field, order in every:
            for value in content.records[number].values(field):
                if line is None or line in (value.line, content.records[number].line):
                    there.append((number, field, order, value.line))
        if len(there) == 1:
            return there[0][:3]
        if len(there) > 1:
            places = ", ".join(f"{field} in line {line}" for _, field, _, line in there[:5])
            raise Usage(
                problem=f"{len(there)} fields of this file may be meant: {places}",
                hint="name one with --field PATH or --line N",
                path=self.path,
            )
        if len(every) == 1 and line is None:
            return every[0]
        raise NothingMatched(
            problem="no such field", hint="name one with --field PATH, or see: sealkit inspect FILE", path=self.path
        )

    @opaque
    def payload(self) -> bytes | None:
        """Return the payload, None if the record has no such field yet. Raises as ``jobs.decrypt``."""
        record = self._record(read(self.path).data)
        if record.blob_text(self.field) is None:
            return None
        try:
            found = jobs.find(record, self.field)
            self._text = str(found.blob)
            return jobs.unseal(found, needed(self._order.sealer), self._orders.place(record, self.field, self._order)).payload
        except SealkitError as error:
            raise error.at(path=self.path) from None

    @opaque
    def sealed(self, payload: bytes) -> bool:
        """Seal a payload in the field and replace the file; False if the field holds that payload already.

        If ``payload`` was asked for before, the field must still hold that blob: raises ``ChangedUnderneath`` if not. Also as
        ``jobs.seal`` and ``replace_one``, and ``TreeBusy``.
        """
        with held([self.path]):
            snapshot = read(self.path)
            content = Content(snapshot.data, self._orders)
            record = content.records[self._number] if self._number < len(content.records) else None
            if record is None or (self._text is not None and _blob_text(record, self.field) != self._text):
                raise ChangedUnderneath(problem="the field was changed by somebody else meanwhile; theirs was kept", path=self.path)
            binding = self._orders.binding(self._order)
            try:
                after = jobs.seal(record, needed(self._order.sealer), self.field, payload, binding=binding)
            except SealkitError as error:
                raise error.at(path=self.path) from None
            if after is record:
                return False
            content.records[self._number] = after
            replace_one(Write(self.path, snapshot, join(content.records)), Options(prove=True))
            return True

    @opaque
    def blob(self, payload: bytes) -> str:
        """Return the text of a blob of a payload, made for the field as it is now. Raises as ``jobs.seal``."""
        record = self._record(read(self.path).data)
        place = self._orders.place(record, self.field, self._order)
        return str(needed(self._order.sealer).seal(payload, place.demanded(), at=place))

    def _record(self, data: bytes) -> Record:
        records = Content(data, self._orders).records
        if self._number >= len(records):
            raise ChangedUnderneath(problem="the record is gone", path=self.path)
        return records[self._number]


def _blob_text(record: Record, field: str) -> str | None:
    try:
        found = record.blob_text(field)
    except SealkitError:
        return None
    return found[0] if found is not None else None
