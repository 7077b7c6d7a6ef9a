"""The old blobs of a rotation put back into the content of a file. Pure, and without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit import jobs
from sealkit import report as reporting
from sealkit.errors import SealkitError
from sealkit.records import visit
from sealkit.records.record import join
from sealkit.report import Outcome, failure
from sealkit.trees.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealkit.trees.result import Replaced


def restore(path: str, data: bytes, replaced: Iterable[Replaced], kind: str | None = None) -> Result:
    """Put the old blobs back into the content of a file, wherever the new ones still stand; what is no blob is a failure, and not put there.

    ``kind`` is what a policy says that the file is.
    """
    try:
        records = {record.line: record for record in visit.whole(path, data, kind)}
    except SealkitError as error:
        return Result([failure(path, error)], None, [])
    outcomes = []
    changed = False
    for line, field, old, new in replaced:
        try:
            before = records.get(line)
            after = jobs.exchange(before, field, new, old) if before is not None else None
            found = jobs.find(after, field) if after is not None else None
        except SealkitError as error:
            outcomes.append(failure(path, error, field))
            continue
        if after is None or found is None:
            outcomes.append(_changed_since(path, field, line))
            continue
        records[line] = after
        changed = changed or after is not before
        status = reporting.RESTORED if after is not before else reporting.UNCHANGED
        outcomes.append(Outcome(path, status, field, line=found.line))
    return Result(outcomes, join(list(records.values())) if changed else None, [])


def _changed_since(path: str, field: str, line: int) -> Outcome:
    problem = "the field was changed since the rotation: it was left alone"
    return Outcome(path, reporting.FINDING, field, "changed_since", line=line, message=problem, exit_status=1)
