"""A verb on the content of one file: its records, their fields, what became of each, and the new content. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs
from sealkit import report as reporting
from sealkit.errors import SealkitError, Usage
from sealkit.records.kinds import kind_of
from sealkit.records.record import Record, join, split
from sealkit.report import Outcome, failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from sealkit.crypto.blob import Blob
    from sealkit.sealer import Sealer

    Job: TypeAlias = Callable[["Task", str, Record, str], tuple[Record, Outcome]]

INSPECT, DECRYPT, REVEAL, SEAL, ROTATE, VERIFY = "inspect", "decrypt", "reveal", "seal", "rotate", "verify"


class Task:
    """What to do to every record: a verb, the fields (``a[].b`` allowed), and the sealers it needs.

    ``opener`` opens blobs, ``sealer`` seals; ``payload`` is for ``seal`` of one record.
    """

    __slots__ = ("fields", "opener", "payload", "sealer", "verb")

    def __init__(
        self,
        verb: str,
        fields: tuple[str, ...] = (jobs.FIELD,),
        *,
        opener: Sealer | None = None,
        sealer: Sealer | None = None,
        payload: bytes | None = None,
    ) -> None:
        self.verb = verb
        self.fields = fields
        self.opener = opener
        self.sealer = sealer
        self.payload = payload

    def __repr__(self) -> str:
        return f"<Task {self.verb} {','.join(self.fields)}>"


class Result(NamedTuple):
    """What became of a file's fields, and its new content (None if it need not change)."""

    outcomes: list[Outcome]
    data: bytes | None


def run(task: Task, path: str, data: bytes, name: str | None = None) -> Result:
    """Do a task to the content of the file ``path``; ``name`` says what kind of record it is, if not its own name."""
    try:
        records = split(data, kind_of(name if name is not None else path))
    except SealkitError as error:
        return Result([failure(path, error)], None)
    job = _JOBS[task.verb]
    outcomes: list[Outcome] = []
    changed = False
    for index, record in enumerate(records):
        after = _fields(task, job, path, record, outcomes)
        changed = changed or after is not record
        records[index] = after
    return Result(outcomes, join(records) if changed else None)


def _fields(task: Task, job: Job, path: str, record: Record, outcomes: list[Outcome]) -> Record:
    for pattern in task.fields:
        try:
            fields = record.paths(pattern)
        except SealkitError as error:
            outcomes.append(failure(path, error, pattern))
            continue
        if not fields:
            outcomes.append(Outcome(path, reporting.ABSENT, pattern, "absent", line=record.line))
        for field in fields:
            try:
                record, outcome = job(task, path, record, field)
            except SealkitError as error:
                outcome = failure(path, error, field)
            outcomes.append(outcome)
    return record


def describe(path: str, status: str, field: str, blob: Blob, line: int, key: str | None, code: str) -> Outcome:
    """Return the outcome for a field that holds a blob."""
    form = "tagged" if blob.is_tagged else "plain"
    iv = blob.iv.hex()
    return Outcome(path, status, field, code, form, blob.kid, key, len(blob.ciphertext), iv, line)


def _inspect(task: Task, path: str, record: Record, field: str) -> tuple[Record, Outcome]:
    found = jobs.inspect(record, field)
    code = "unauthenticated" if not found.blob.is_tagged else "unsupported_version"
    return record, describe(path, reporting.FOUND, field, found.blob, found.line, None, code)


def _decrypt(task: Task, path: str, record: Record, field: str) -> tuple[Record, Outcome]:
    found = jobs.inspect(record, field)
    opened = jobs.unseal(found, _needed(task.opener), field)
    outcome = describe(path, reporting.DECRYPTED, field, found.blob, found.line, opened.key_id, opened.verdict)
    return record, outcome._replace(payload=opened.payload)


def _reveal(task: Task, path: str, record: Record, field: str) -> tuple[Record, Outcome]:
    return jobs.reveal(record, _needed(task.opener), field), Outcome(path, reporting.DECRYPTED, field)


def _seal(task: Task, path: str, record: Record, field: str) -> tuple[Record, Outcome]:
    sealer = _needed(task.sealer)
    after = jobs.seal(record, sealer, field, task.payload)
    return after, _written(path, reporting.SEALED, field, record, after, sealer)


def _rotate(task: Task, path: str, record: Record, field: str) -> tuple[Record, Outcome]:
    sealer = _needed(task.sealer)
    after = jobs.rotate(record, _needed(task.opener), sealer, field)
    return after, _written(path, reporting.ROTATED, field, record, after, sealer)


def _written(path: str, status: str, field: str, before: Record, after: Record, sealer: Sealer) -> Outcome:
    found = jobs.inspect(after, field)
    key = sealer.key_id if after is not before or status == reporting.ROTATED else None
    code = "unsupported_version" if found.blob.is_tagged else "unauthenticated"
    outcome = describe(path, status if after is not before else reporting.UNCHANGED, field, found.blob, found.line, key, code)
    if after is not before and sealer.is_too_short_to_tell(found.blob):
        return outcome._replace(message="a payload of one block: under a ring of several keys it opens only with the key named (--key-id)")
    return outcome


def _verify(task: Task, path: str, record: Record, field: str) -> tuple[Record, Outcome]:
    found = jobs.inspect(record, field)
    opener = _needed(task.opener)
    opened = jobs.unseal(found, opener, field)
    jobs.prove(record, found, opened, opener, field)
    return record, describe(path, reporting.VERIFIED, field, found.blob, found.line, opened.key_id, opened.verdict)


def _needed(sealer: Sealer | None) -> Sealer:
    if sealer is None:
        raise Usage(problem="this verb needs a key ring")
    return sealer


_JOBS: dict[str, Job] = {INSPECT: _inspect, DECRYPT: _decrypt, REVEAL: _reveal, SEAL: _seal, ROTATE: _rotate, VERIFY: _verify}
