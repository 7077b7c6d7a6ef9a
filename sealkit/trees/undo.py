"""The old blobs of a rotation put back into the content of a file. Pure, and without a key."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from sealkit import jobs
from sealkit import report as reporting
from sealkit.crypto.blob import Blob
from sealkit.errors import OverLimit, SealkitError
from sealkit.records import draft, scan, visit
from sealkit.records.kinds import FRONT_MATTER
from sealkit.records.record import join
from sealkit.report import Outcome, failure
from sealkit.trees import at_once
from sealkit.trees.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.records.record import Record
    from sealkit.trees.result import Replaced


def restore(path: str, data: bytes, replaced: Sequence[Replaced], kind: str | None = None) -> Result:
    """Put the old blobs back into the content of a file, wherever the new ones still stand; what is no blob is a failure, and not put there.

    ``kind`` is what a policy says that the file is.
    """
    return _at_once(path, data, replaced, kind) or _by_record(path, data, replaced, kind)


def _at_once(path: str, data: bytes, replaced: Sequence[Replaced], kind: str | None = None) -> Result | None:
    """Do it without a ``Record`` where the one blob of a file of front matter stands where the fast scan finds it; or None."""
    if len(replaced) != 1 or replaced[0].line != 1:
        return None
    _, field, old, new = replaced[0]
    try:
        span = at_once.scanned(data, field) if visit.kind(path, data, kind) == FRONT_MATTER else None
        if not isinstance(span, scan.Span) or data[span.start : span.end] != new.encode():
            return None
        Blob.parse(old)
    except (SealkitError, UnicodeEncodeError):
        return None
    after = at_once.exchanged(data, span, old, field)
    if after is None:
        return None
    line = data.count(b"\n", 0, span.start) + 1
    return Result([Outcome(path, reporting.RESTORED, field, line=line)], after, [])


def _by_record(path: str, data: bytes, replaced: Sequence[Replaced], kind: str | None = None) -> Result:
    try:
        records = {record.line: record for record in visit.whole(path, data, kind)}
    except SealkitError as error:
        return Result([failure(path, error)], None, [])
    outcomes: list[Outcome] = []
    changed = False
    for line, these in groupby(replaced, lambda one: one.line):
        before, todo = records.get(line), list(these)
        if before is None:
            outcomes += [_changed_since(path, one.field, line) for one in todo]
            continue
        try:
            records[line] = draft.in_turn(before, todo, partial(_put_back, path, outcomes), outcomes)
        except OverLimit as error:
            outcomes.append(failure(path, error, todo[0].field))
        changed = changed or records[line] is not before
    return Result(outcomes, join(list(records.values())) if changed else None, [])


def _put_back(path: str, outcomes: list[Outcome], record: Record, one: Replaced) -> Record:
    """Put one old blob back into its record, and note what became of it."""
    line, field, old, new = one
    try:
        after = jobs.exchange(record, field, new, old)
        found = jobs.find(after, field) if after is not None else None
    except SealkitError as error:
        outcomes.append(failure(path, error, field))
        return record
    if after is None or found is None:
        outcomes.append(_changed_since(path, field, line))
        return record
    status = reporting.RESTORED if after is not record else reporting.UNCHANGED
    outcomes.append(Outcome(path, status, field, line=found.line))
    return after


def _changed_since(path: str, field: str, line: int) -> Outcome:
    problem = "the field was changed since the rotation: it was left alone"
    return Outcome(path, reporting.FINDING, field, "changed_since", line=line, message=problem, exit_status=1)
