"""A verb on the content of one file: its records, their fields, what became of each, and the new content. Pure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit import jobs
from sealkit import report as reporting
from sealkit.demands import ALSO, FieldRule
from sealkit.errors import (
    BlobError,
    Downgraded,
    FieldAbsent,
    Misbound,
    NotAString,
    OverLimit,
    SealkitError,
    Tampered,
    Unsealed,
    Usage,
    WrongKey,
)
from sealkit.records import visit
from sealkit.records.identity import Binding, Place
from sealkit.records.kinds import is_record_name
from sealkit.records.record import Record, join
from sealkit.report import Outcome, failure
from sealkit.sealing import judge, strangers
from sealkit.sealing.placing import put
from sealkit.trees import at_once, orders
from sealkit.trees.result import Replaced, Result, absent, no_record, of_blob, unopened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealkit.context import Context
    from sealkit.crypto.blob import Blob
    from sealkit.errors import UnsupportedRecord
    from sealkit.jobs import Found
    from sealkit.sealer import Sealer
    from sealkit.trees.orders import Task
    from sealkit.unsealed import Unsealed as Opened


def run(task: Task, path: str, data: bytes, name: str | None = None, *, named: bool = True) -> Result:
    """Do a task to the content of the file ``path``; ``name`` says what kind of record it is, if not its own name.

    What is ``named``, or matched by a rule, has an outcome; of other files only those that may be records.
    """
    known_as = name if name is not None else path
    try:
        result = _soon(task, path, data, known_as, named=named)
        if result is not None:
            return result
        work = _Work(task, path, known_as)
        records = work.records(data)
    except SealkitError as error:
        return Result([failure(path, error)], None, [])
    if task.verb == orders.CHECK:
        records = work.with_blobs(data, records) or visit.with_open(known_as, data, work.fields, work.kind)
    if not records:
        work.without_records(data, named=named)
    changed = False
    for index, record in enumerate(records):
        if record.is_blank:
            continue
        after = work.on(record)
        changed = changed or after is not record
        records[index] = after
    return Result(work.outcomes, join(records) if changed else None, work.replaced)


def _soon(task: Task, path: str, data: bytes, known_as: str, *, named: bool) -> Result | None:
    """Return what becomes of a file without reading its records, which nearly all need not; where the last one was in order, so may this be."""
    was_at_once = task.answers_at_once
    result = at_once.answer(task, path, data, known_as) if was_at_once else None
    if result is not None:
        return result
    task.answers_at_once = False
    result = _of_one_without(task, path, data, known_as, named=named)
    if result is None and not was_at_once:
        result = at_once.answer(task, path, data, known_as)
        task.answers_at_once = result is not None
    return result


def _of_one_without(task: Task, path: str, data: bytes, known_as: str, *, named: bool) -> Result | None:
    """Return what becomes of a file whose bytes cannot spell any of the fields, as most of a tree's cannot; None says nothing."""
    sought = task.sought(known_as)
    is_gate = task.verb == orders.CHECK
    if sought.spelling.stands_in(data) or (is_gate and sought.is_required) or isinstance(task.payload, bytes):
        return None
    if (sought.with_open if is_gate else sought.spelling).could(data) and (
        sought.spelling.could(data) or visit.with_open(known_as, data, sought.fields)
    ):
        return None
    if is_gate and (b"==" in data or b"\\" in data) and visit.may_hold_blobs(data):
        return None
    if sought.is_covered or named or is_record_name(known_as[known_as.rfind("/") + 1 :]) or visit.kind(known_as, data) is not None:
        if named and visit.kind(known_as, data) is None:
            return Result([no_record(path, field, data) for field in sought.told], None, [])
        return Result([absent(path, field) for field in sought.told], None, [])
    return Result([], None, [])


class _Work:
    """A task on the records of one file: the outcomes so far, and the blobs that change places."""

    __slots__ = (
        *("_binding", "_opener", "_sealer", "_vouched", "also", "demand", "fields", "file", "job", "kind", "known_as", "orders"),
        *("outcomes", "path", "replaced", "task", "unsupported"),
    )

    def __init__(self, task: Task, path: str, known_as: str) -> None:
        self.task = task
        self.path = path
        self.known_as = known_as
        self.orders = task.orders(known_as)
        sought = task.sought(known_as)
        self.fields, self.kind = sought.fields, sought.kind
        self.also: Sequence[orders.Order] = ()
        self.unsupported: UnsupportedRecord | None = None
        self._vouched: Sequence[Record] | None = None
        self.file = task.file(known_as)
        self.job = _JOBS[task.verb]
        self.outcomes: list[Outcome] = []
        self.replaced: list[Replaced] = []

    def records(self, data: bytes) -> list[Record]:
        """Return the records of the file that are to be looked at: none, if its bytes cannot spell any of the fields."""
        if isinstance(self.task.payload, bytes):
            return visit.whole(self.known_as, data, self.kind)  # the field may be added
        read = visit.read(self.known_as, data, self.fields, self.kind)
        if read.problem is not None:
            raise read.problem
        self.unsupported = read.unsupported()
        return read.records or []

    def without_records(self, data: bytes, *, named: bool) -> None:
        """Say what is to be said of a file that has none of the fields, or is of no kind of record."""
        kind = visit.kind(self.known_as, data, self.kind)
        is_covered = any(order.demand.line > 0 for order in self.orders)
        unsupported = self.unsupported
        is_left_behind = self.task.verb in (orders.ROTATE, orders.VERIFY) and visit.may_hold_blobs(data) > 0
        if unsupported is not None and (named or is_covered or is_left_behind):
            self.outcomes.append(failure(self.path, unsupported))
            return
        if kind is None and not (named or is_covered or is_record_name(os.path.basename(self.known_as))):
            if unsupported is not None:  # counted, and no more
                self.outcomes.append(absent(self.path, self.fields[0], unsupported.line or 1)._replace(code=unsupported.code))
            return
        for order in self.orders:
            demand = order.demand
            if demand.required and self.task.verb == orders.CHECK:
                self.outcomes.append(failure(self.path, jobs.missing(demand, 1))._replace(status=reporting.FINDING, exit_status=1))
            elif demand.line != ALSO:
                is_odd = kind is None and named
                self.outcomes.append(no_record(self.path, demand.path, data) if is_odd else absent(self.path, demand.path))

    def with_blobs(self, data: bytes, records: list[Record]) -> list[Record]:
        """Look for fields that hold blobs and of which nothing is demanded: in no record of the file may they be open.

        Return the records, or those of a file that has none of the fields that are demanded.
        """
        if not visit.may_hold_blobs(data):
            return records
        try:
            if not records and visit.kind(self.known_as, data, self.kind) is not None:
                records = visit.whole(self.known_as, data, self.kind)
            found = set[str]().union(*map(visit.patterns_of, records))
        except SealkitError:  # what does not read is a finding by itself, where a field is looked for
            return records
        self.also = [self.task.also(FieldRule(one, required=False, line=ALSO)) for one in sorted(found - {*self.fields})]
        return records

    def on(self, record: Record) -> Record:
        """Do the task to each field of a record, and return what becomes of it. The changes of fields that lie apart are made together."""
        given = (*self.orders, *self.also)
        if self.task.verb not in orders.CHANGING:
            looked_at = set[str]()
            for number, order in enumerate(given):
                for one in self._fields(record, order):
                    if number < len(self.orders) or one.field not in looked_at:  # a[0] is one of a[]
                        looked_at.add(one.field)
                        self._do(record, one)
            return record
        from sealkit.records import draft

        for together in orders.apart(given):
            todo = [one for order in together for one in self._fields(record, order)]
            try:
                record = draft.in_turn(record, todo, self._do, self.outcomes, self.replaced)
            except OverLimit as error:
                self.wrong(error, together[0].demand.path)
        return record

    def _fields(self, record: Record, order: orders.Order) -> list[orders.Asked]:
        """Return the fields of a record that an order is about, each with what is to be done; or what is wrong with it, in its place."""
        pattern = order.demand.path
        try:
            fields = [pattern] if isinstance(self.task.payload, bytes) else visit.fields(record, pattern)
        except SealkitError as error:
            return [orders.Asked(order, pattern, problem=error)]
        return [orders.Asked(order, field) for field in fields] or [orders.Asked(order, pattern, is_absent=True)]

    def _do(self, record: Record, asked: orders.Asked) -> Record:
        """Do the task to one field."""
        self.demand, self._binding, self._opener, self._sealer = asked.order
        field = asked.field
        if asked.problem is not None:
            self.wrong(asked.problem, field)
            return record
        if asked.is_absent:
            self.absent(record, field)
            return record
        try:
            return self.job(self, record, field)
        except SealkitError as error:
            if isinstance(error, FieldAbsent) and (self.task.verb == orders.CHECK or self.demand.line == ALSO):
                self.absent(record, field)
            elif not (isinstance(error, (NotAString, Unsealed)) and self.demand.line == ALSO and self.task.verb != orders.CHECK):
                self.wrong(error, field)  # else it is under no key; that it stands open is the gate's business
        return record

    def wrong(self, error: SealkitError, field: str) -> None:
        """Note what is wrong with a field."""
        self.outcomes.append(failure(self.path, error, field))

    def absent(self, record: Record, field: str) -> None:
        """Note that a record lacks a field; the gate takes that for a finding where the field is demanded, and reads on."""
        outcome = absent(self.path, field, record.line)
        if self.task.verb == orders.CHECK:
            try:
                jobs.lacks(record, field, self.demand)
            except SealkitError as error:
                outcome = failure(self.path, error, field)._replace(status=reporting.FINDING, exit_status=1)
        if self.demand.line != ALSO or outcome.exit_status:
            self.outcomes.append(outcome)

    def check(self, record: Record, field: str) -> Record:
        """Check a field as the gate does: without a key, or with keys that check tags."""
        try:
            found = jobs.gate(record, self.demand, field, self.binding)
        except (NotAString, Unsealed):
            if self.demand.line == ALSO and visit.holds_only_blobs(record, field):  # what is in it is demanded by a rule
                return record
            raise
        if self._opener is not None and found.blob.auth is not None:
            return self._check(record, found, field, reporting.CHECKED)
        self.note(reporting.CHECKED, field, found, None, unopened(found))
        return record

    def note(self, status: str, field: str, found: Found, key: str | None, code: str | None, opened: Opened | None = None) -> None:
        """Add the outcome for a field that holds a blob."""
        self.outcomes.append(of_blob(self.path, status, field, found, key, code, opened))

    @property
    def binding(self) -> Binding:
        """What blobs are to be bound to."""
        return self._binding if self.file is None else Binding(self._binding.bind, self.file)

    def place(self, record: Record, field: str) -> Place:
        """Return what blobs in a field are bound to."""
        return self.binding.place(record, field)

    def unseal(self, found: Found, place: Place, opener: Sealer | None = None) -> Opened:
        """Open a blob; if it is not authentic here, look for where it is."""
        try:
            return jobs.unseal(found, opener if opener is not None else self.opener, place)
        except (Tampered, Downgraded) as error:
            raise self._misbound(error, found, self.opener) from None

    def _misbound(self, error: BlobError, found: Found, opener: Sealer) -> BlobError:
        """Return the error that names the record for which a tagged blob is authentic; one of two parts would tell what it opens to."""
        elsewhere = self.task.around.elsewhere if found.blob.auth is not None else None
        where = elsewhere(opener, found.blob) if elsewhere is not None else None
        if where is None:
            return error
        return Misbound(problem=f"the blob is authentic, but belongs to {where}").at(line=error.line, field=error.field)

    def inspect(self, record: Record, field: str) -> Record:
        found = jobs.inspect(record, field)
        self.note(reporting.FOUND, field, found, None, unopened(found))
        return record

    def open(self, record: Record, field: str) -> Record:
        found, place = jobs.find(record, field), self.place(record, field)
        if self._sealer is not None:
            self._preflight(found, place, self._sealer)
            return record
        opened = self.unseal(found, place)
        self.note(reporting.FOUND, field, found, opened.key_id, opened.verdict, opened)
        return record

    def _preflight(self, found: Found, place: Place, sealer: Sealer) -> None:
        """Open a blob as before a rotation, which leaves alone what is too weak to be opened: that is in nobody's way."""
        blessed = self._blessed(place)
        vouched = blessed is not None and blessed(found.blob)
        opener = self.opener.vouching() if vouched else self.opener
        try:
            opened = self.unseal(found, place, opener)
        except Downgraded as error:
            if found.blob.auth is not None:
                raise
            self.note(reporting.FOUND, place.field, found, None, error.code)
            return
        jobs.may_seal(found, sealer, place)
        code: str | None = opened.verdict
        if judge.is_untold(opened, opener):
            code = reporting.SETTLED if judge.is_settled(opened, sealer, vouched=vouched) else reporting.UNTOLD
        self.note(reporting.FOUND, place.field, found, opened.key_id, code, opened)

    def decrypt(self, record: Record, field: str) -> Record:
        found = jobs.find(record, field)
        opened = self.unseal(found, self.place(record, field))
        self.note(reporting.DECRYPTED, field, found, opened.key_id, opened.verdict, opened)
        return record

    def reveal(self, record: Record, field: str) -> Record:
        found = jobs.find(record, field)
        opened = jobs.unseal(found, self.opener, self.place(record, field))
        after = jobs.revealed(record, found, opened, field=field)
        self.outcomes.append(Outcome(self.path, reporting.DECRYPTED, field, opened.verdict, line=found.line))
        return after

    def seal(self, record: Record, field: str) -> Record:
        if isinstance(self.task.payload, bytes):
            return self._put(record, field, self.task.payload)
        after = jobs.seal(
            record,
            self.sealer,
            field=field,
            payload=self.task.payload,
            binding=self.binding,
            seal_foreign=self.task.seal_foreign,
        )
        found = jobs.find(after, field)
        if after is record:
            self.note(reporting.UNCHANGED, field, found, None, unopened(found))
        else:
            self._changed(reporting.SEALED, field, found)
        return after

    def _put(self, record: Record, field: str, payload: bytes) -> Record:
        """Seal a payload that was given, under the key of the blob that it replaces if that may seal; who changes a key says so."""
        if not self.task.seal_foreign:
            strangers.refuse_payload(payload, field, record.line)
        after, new = put(record, self.sealer, field, payload, binding=self.binding, opener=self._opener)
        found = jobs.find(after, field)
        if new is None:
            self.note(reporting.UNCHANGED, field, found, None, unopened(found))
            return after
        self._changed(reporting.SEALED, field, found, new.key)
        if new.move is not None:
            self.outcomes[-1] = self.outcomes[-1]._replace(message=new.move)
        return after

    def rotate(self, record: Record, field: str) -> Record:
        before = jobs.find(record, field)
        try:
            place = self.place(record, field)
            blessed = self._blessed(place)
            after, found = jobs.reseal(record, before, self.opener, self.sealer, place, blessed=blessed, told=self.task.told)
        except (Tampered, Downgraded) as error:
            raise self._misbound(error, before, self.opener) from None
        if after is record:
            self.note(reporting.UNCHANGED, field, before, self.sealer.key_id, unopened(before))
            return record
        self._changed(reporting.ROTATED, field, found)
        self.replaced.append(Replaced(record.line, field, str(before.blob), str(found.blob)))
        return after

    def _blessed(self, place: Place) -> Callable[[Blob], bool] | None:
        """Return what says whether the same blob stands in the same field of the file's revision that somebody vouches for.

        Where it is bound to fields, these held the same values there: what somebody saw of one record says nothing of another.
        """
        content = self.task.around.blessed
        if content is None:
            return None

        def is_blessed(blob: Blob) -> bool:
            now = place.demanded()
            if self._vouched is None:
                data = content(self.path)
                self._vouched = visit.whole(self.path, data, self.kind) if data is not None else ()
            return any(_held(one, place.field, str(blob)) and self._identity(one, place.field) == now for one in self._vouched)

        return is_blessed

    def _identity(self, record: Record, field: str) -> Context | None:
        """Return what a blob in a field of a record was bound to; None where that cannot be had."""
        try:
            return self.place(record, field).demanded()
        except SealkitError:
            return None

    def retag(self, record: Record, field: str) -> Record:
        if self.task.around.was is None:
            raise Usage(problem="it is not known what the blobs were bound to")
        before = jobs.find(record, field)
        was = self.task.around.was(self.path, record, field, self.binding.bind, before.blob.bind)
        after = jobs.retag(record, self.opener, was, field=field, binding=self.binding)
        found = jobs.find(after, field)
        status = reporting.UNCHANGED if after is record else reporting.RETAGGED
        self.note(status, field, found, None, jobs.verdict(found, self.opener, self.place(after, field)))
        if after is not record:
            self.replaced.append(Replaced(record.line, field, str(before.blob), str(found.blob)))
        return after

    def settled(self, record: Record, field: str) -> Record:
        found = jobs.find(record, field)
        self.note(reporting.UNCHANGED, field, found, self.sealer.key_id, unopened(found))
        return record

    def verify(self, record: Record, field: str) -> Record:
        found = jobs.find(record, field)
        if found.blob.auth is not None and self.opener.checks_only(found.blob):
            return self._check(record, found, field, reporting.VERIFIED)
        place = self.place(record, field)
        opened = self.unseal(found, place)
        jobs.prove(record, found, opened, self.opener, place)
        self._check_key(found, opened.key_id, field)
        self.note(reporting.VERIFIED, field, found, opened.key_id, opened.verdict, opened)
        return record

    def _check(self, record: Record, found: Found, field: str, status: str) -> Record:
        """Check the tag alone: all that a verify-only key can do; the record is read through."""
        try:
            checked = jobs.check(found, self.opener, self.place(record, field))
        except (Tampered, Downgraded) as error:
            raise self._misbound(error, found, self.opener) from None
        record.read_through(field)
        self._check_key(found, checked.key_id, field)
        self.note(status, field, found, checked.key_id, checked.verdict)
        return record

    def _check_key(self, found: Found, key_id: str, field: str) -> None:
        """Raise ``WrongKey`` for a tagged blob under a key that the policy does not let seal here."""
        if found.blob.auth is not None and not self.demand.may_seal(key_id):
            names = ", ".join(self.demand.keys)
            raise WrongKey(problem=f"the blob is under key {key_id}, and the policy lets no key but {names} seal here").at(
                line=found.line, field=field
            )

    def _changed(self, status: str, field: str, found: Found, key: str | None = None) -> None:
        self.note(status, field, found, key if key is not None else self.sealer.key_id, unopened(found))
        if self.sealer.tells_no_key(found.blob):
            self.outcomes[-1] = self.outcomes[-1]._replace(message=_NO_KEY_TOLD)

    @property
    def opener(self) -> Sealer:
        return needed(self._opener)

    @property
    def sealer(self) -> Sealer:
        return needed(self._sealer)


def _held(record: Record, field: str, text: str) -> bool:
    """Say whether a field of a record holds this blob; not where it cannot be read."""
    try:
        found = record.blob_text(field)
    except SealkitError:
        return False
    return found is not None and found[0] == text


_NO_KEY_TOLD = "a binary payload in two parts: under a ring of several keys it opens only with the key named (--key-id)"


def needed(sealer: Sealer | None) -> Sealer:
    """Return the sealer that a verb cannot do without. Raises ``Usage``."""
    if sealer is None:
        raise Usage(problem="this verb needs a key ring")
    return sealer


_JOBS: dict[str, Callable[[_Work, Record, str], Record]] = {
    orders.INSPECT: _Work.inspect,
    orders.OPEN: _Work.open,
    orders.DECRYPT: _Work.decrypt,
    orders.REVEAL: _Work.reveal,
    orders.SEAL: _Work.seal,
    orders.ROTATE: _Work.rotate,
    orders.SETTLED: _Work.settled,
    orders.VERIFY: _Work.verify,
    orders.RETAG: _Work.retag,
    orders.CHECK: _Work.check,
}
