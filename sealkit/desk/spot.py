"""The one field of a file that somebody works on: found, opened, and given another payload, if nobody else did meanwhile.

Opened and sealed again it is as the judge says: what a rule or the run refuses is refused here, unless somebody vouches for the blob.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit import jobs
from sealkit.crypto.blob import Blob
from sealkit.errors import ChangedUnderneath, NothingMatched, SealkitError, Usage
from sealkit.opaque import opaque
from sealkit.records.record import join
from sealkit.sealing import placing, replacing
from sealkit.trees.content import needed
from sealkit.trees.fields import Content, Orders
from sealkit.trees.replace import Options, Write, replace_one
from sealkit.trees.roots import held
from sealkit.trees.store import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.identity import Place
    from sealkit.records.record import Record
    from sealkit.sealing.replacing import Successor
    from sealkit.trees.orders import Order, Task
    from sealkit.unsealed import Unsealed


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
        self._old: Unsealed | None = None
        self._vouched = False

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
            problem="no such field", hint="name one with --field PATH, or see: sealkit inspect {FILE}", path=self.path
        )

    def vouch(self) -> None:
        """Take somebody's word for the blob: it is opened and sealed anew although it proves nothing, whatever demands a proof."""
        self._vouched = True

    @opaque
    def payload(self) -> bytes | None:
        """Return the payload, None if the record has no such field yet. Raises as ``jobs.decrypt``."""
        record = self._record(read(self.path).data)
        if record.blob_text(self.field) is None:
            return None
        try:
            found, opener = jobs.find(record, self.field), needed(self._order.opener)
            self._text = str(found.blob)
            self._old = jobs.unseal(found, opener.vouching() if self._vouched else opener, self._place(record))
        except SealkitError as error:
            raise error.at(path=self.path) from None
        return self._old.payload

    @property
    def can_be_vouched_for(self) -> bool:
        """Whether the blob has two parts, so that somebody's word can stand in for the proof that it lacks."""
        return self._text is not None and self._text.count(";") == 1

    @property
    def is_unproved(self) -> bool:
        """Whether the blob that was opened may have been altered by somebody without the key."""
        return self._old is not None and not self._old.authenticated

    @property
    def wants_proof(self) -> bool:
        """Whether rule and ring ask for a proof that the blob which was opened does not have."""
        if self._old is None or self._vouched:
            return False
        place = self._place(self._record(read(self.path).data))
        return replacing.may_be_stronger(self._old, needed(self._order.sealer), place)

    @opaque
    def check(self) -> None:
        """Raise ``NotBlessed`` where what is made of the payload could not be sealed: for asking before somebody edits it."""
        if self._old is not None:
            place = self._place(self._record(read(self.path).data))
            try:
                replacing.check_edited(place, needed(self._order.sealer), self._old, vouched=self._vouched)
            except SealkitError as error:
                raise error.at(path=self.path) from None

    @opaque
    def amend(self, payload: bytes) -> Successor | None:
        """Seal what somebody made of the payload, and replace the file; None if the field holds that payload already.

        Raises ``ChangedUnderneath`` where the field no longer holds the blob that was opened, ``NotBlessed``, and as ``put``.
        """
        old = self._old
        if old is None:
            return self.put(payload)
        if old.payload == payload:
            return None
        sealer = needed(self._order.sealer)
        return self._replace(lambda record: placing.amend(record, old, sealer, self._place(record), payload, vouched=self._vouched))

    @opaque
    def put(self, payload: bytes) -> Successor | None:
        """Seal a payload that somebody gives, and replace the file; None if the field holds it already, as strong as it is to be.

        Raises as ``placing.put`` and ``replace_one``, and ``TreeBusy``.
        """
        order, binding = self._order, self._orders.binding(self._order)
        return self._replace(
            lambda record: placing.put(record, needed(order.sealer), self.field, payload, binding=binding, opener=order.opener)
        )

    def _replace(self, change: Callable[[Record], tuple[Record, Successor | None]]) -> Successor | None:
        """Change the record and replace the file, if nobody else changed the field meanwhile."""
        with held([self.path]):
            snapshot = read(self.path)
            content = Content(snapshot.data, self._orders)
            record = content.records[self._number] if self._number < len(content.records) else None
            if record is None or (self._text is not None and _blob_text(record, self.field) != self._text):
                raise ChangedUnderneath(problem="the field was changed by somebody else meanwhile; theirs was kept", path=self.path)
            try:
                after, new = change(record)
            except SealkitError as error:
                raise error.at(path=self.path) from None
            if new is not None:
                content.records[self._number] = after
                replace_one(Write(self.path, snapshot, join(content.records)), Options(prove=True))
            return new

    @opaque
    def blob(self, payload: bytes) -> str:
        """Return the text of a blob of a payload, made for the field as it is now. Raises as ``amend``."""
        place, sealer = self._place(self._record(read(self.path).data)), needed(self._order.sealer)
        if self._old is None:
            return str(replacing.given(payload, place, sealer, None).blob)
        bind = Blob.parse(self._text).bind if self._text is not None else None
        return str(replacing.edited(payload, place, sealer, self._old, bind, vouched=self._vouched).blob)

    def _place(self, record: Record) -> Place:
        return self._orders.place(record, self.field, self._order)

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
