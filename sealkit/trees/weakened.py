"""What became weaker in a file since a revision: a blob lost its tag or its binding."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sealkit.context import BINDS
from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.records import visit
from sealkit.report import FINDING, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealkit.demands import FieldRule

Blobs = dict[tuple[int, str], tuple[Blob, int]]
"""The blobs of a file: by the number of the record in it and the field's path, each with its line."""


def blobs_in(path: str, data: bytes, demands: Iterable[FieldRule]) -> Blobs:
    """Return the blobs in the demanded fields of a file; what is no blob, or cannot be read, is left to the gate itself."""
    found: Blobs = {}
    try:
        for number, record, _, field in visit.each(path, data, demands, lambda error, field: None):
            with suppress(SealkitError):
                text = record.blob_text(field)
                if text is not None:
                    found[number, field] = (Blob.parse(text[0]), text[1])
    except SealkitError:
        return found
    return found


def weaker(path: str, then: Blobs, now: Blobs) -> Iterator[Outcome]:
    """Yield which blobs are weaker than those that stood in their place, or than the same ciphertext was anywhere in the file."""
    same = {(blob.iv, blob.ciphertext): blob for blob, _ in then.values()}
    for (number, field), (blob, line) in now.items():
        before = [same.get((blob.iv, blob.ciphertext)), then.get((number, field), (None,))[0]]
        reasons = (_loss(one, blob) for one in before if one is not None)
        reason = next((reason for reason in reasons if reason is not None), None)
        if reason is not None:
            yield _finding(path, "downgraded", reason, line, field)


def _loss(then: Blob, now: Blob) -> str | None:
    if then.auth is not None and now.auth is None:
        return "the blob had a tag, and has none now"
    if then.bind and not now.bind:
        return f"the blob was bound to {BINDS[then.bind]}, and is bound to nothing now"
    return None


def _finding(path: str, code: str, problem: str, line: int, field: str) -> Outcome:
    return Outcome(path, FINDING, field, code, line=line, message=problem, exit_status=1)
