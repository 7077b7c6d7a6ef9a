"""What became weaker since a revision: a blob lost its tag or its binding, an older blob came back, a policy demands less."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.context import BINDS
from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.keys.key import STRENGTH
from sealkit.records.kinds import kind_of
from sealkit.records.record import split
from sealkit.report import FINDING, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.demands import FieldRule
    from sealkit.policy import Policy

Blobs = dict[tuple[int, str], tuple[Blob, int]]
"""The blobs of a file: by the number of the record in it and the field's path, each with its line."""


def blobs_in(path: str, data: bytes, demands: Iterable[FieldRule]) -> Blobs:
    """Return the blobs in the demanded fields of a file; what is no blob, or cannot be read, is left to the gate itself."""
    found: Blobs = {}
    try:
        records = split(data, kind_of(path))
    except SealkitError:
        return found
    for number, record in enumerate(records):
        for demand in demands:
            try:
                for field in record.paths(demand.path):
                    text = record.blob_text(field)
                    if text is not None:
                        found[number, field] = (Blob.parse(text[0]), text[1])
            except SealkitError:
                continue
    return found


def weakened(path: str, then: Blobs, now: Blobs, older: Callable[[], Iterable[Blobs]]) -> Iterator[Outcome]:
    """Yield what is weaker in a file than it was ``then``; ``older`` gives what was in it before, and is asked if a blob is new."""
    known: set[tuple[str, str]] | None = None
    for (number, field), (blob, line) in now.items():
        before = then.get((number, field))
        if before is not None and str(before[0]) == str(blob):
            continue
        if before is not None:
            reason = _loss(before[0], blob)
            if reason is not None:
                yield _finding(path, "downgraded", reason, line, field)
        if known is None:
            current = {(name, str(one)) for (_, name), (one, _) in then.items()}
            known = {(name, str(one)) for blobs in older() for (_, name), (one, _) in blobs.items()} - current
        if (field, str(blob)) in known:
            yield _finding(
                path, "rolled_back", "this blob stood here before, and was replaced: an old one was brought back", line, field
            )


def _loss(then: Blob, now: Blob) -> str | None:
    if then.auth is not None and now.auth is None:
        return "the blob had a tag, and has none now"
    if then.bind and not now.bind:
        return f"the blob was bound to {BINDS[then.bind]}, and is bound to nothing now"
    return None


def demands_less(then: Policy, now: Policy | None, paths: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return in which respects a policy demands less of the records at these paths than it did: each with a path, and how many.

    The keys that may seal are not compared: a rotation changes them.
    """
    found: dict[str, tuple[str, int]] = {}
    for path in paths:
        before = then.rule(path)
        after = now.rule(path) if now is not None else None
        fields = {field.path: field for field in after.fields} if after is not None else {}
        for field in before.fields if before is not None else ():
            for reason in _less(field, fields.get(field.path)):
                first, count = found.get(reason, (path, 0))
                found[reason] = (first, count + 1)
    return found


def _less(then: FieldRule, now: FieldRule | None) -> Iterator[str]:
    if now is None:
        yield f"field {then.path} is not demanded any more"
        return
    if STRENGTH.index(now.format) < STRENGTH.index(then.format):
        yield f"field {then.path} need not be {then.format} any more, but {now.format}"
    if then.required and not now.required:
        yield f"field {then.path} is not required any more"
    if then.bind is not None and now.bind is None:
        yield f"field {then.path} is not bound any more"


def _finding(path: str, code: str, problem: str, line: int, field: str) -> Outcome:
    return Outcome(path, FINDING, field, code, line=line, message=problem, exit_status=1)
