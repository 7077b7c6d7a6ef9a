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
    from collections.abc import Iterable, Iterator

    from sealkit.demands import FieldRule, Rule

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


def weaker(path: str, then: Blobs, now: Blobs) -> Iterator[Outcome]:
    """Yield which blobs are weaker than those that stood in their place, or than the same ciphertext was anywhere in the file."""
    same = {(blob.iv, blob.ciphertext): blob for blob, _ in then.values()}
    for (number, field), (blob, line) in now.items():
        before = [same.get((blob.iv, blob.ciphertext)), then.get((number, field), (None,))[0]]
        reasons = (_loss(one, blob) for one in before if one is not None)
        reason = next((reason for reason in reasons if reason is not None), None)
        if reason is not None:
            yield _finding(path, "downgraded", reason, line, field)


def new_in(then: Blobs, now: Blobs) -> Blobs:
    """Return the blobs that the file did not hold in this field then, in whichever record."""
    known = {(field, str(blob)) for (_, field), (blob, _) in then.items()}
    return {place: one for place, one in now.items() if (place[1], str(one[0])) not in known}


def old_again(path: str, new: Blobs, versions: Iterable[Blobs]) -> Iterator[Outcome]:
    """Yield which new blobs, or their IVs, stood in the same field of an older version of the file."""
    texts: set[tuple[str, str]] = set()
    ciphertexts: dict[tuple[str, bytes], bytes] = {}
    for blobs in versions:
        for (_, field), (blob, _) in blobs.items():
            texts.add((field, str(blob)))
            ciphertexts[field, blob.iv] = blob.ciphertext
    for (_, field), (blob, line) in new.items():
        if (field, str(blob)) in texts:
            problem = "this blob stood here before, and was replaced: an old one was brought back"
            yield _finding(path, "rolled_back", problem, line, field)
        elif ciphertexts.get((field, blob.iv), blob.ciphertext) != blob.ciphertext:
            problem = "the IV served for another blob that stood here before: it must be random, and serves once"
            yield _finding(path, "repeated_iv", problem, line, field)


def _loss(then: Blob, now: Blob) -> str | None:
    if then.auth is not None and now.auth is None:
        return "the blob had a tag, and has none now"
    if then.bind and not now.bind:
        return f"the blob was bound to {BINDS[then.bind]}, and is bound to nothing now"
    return None


def less(then: Rule | None, now: Rule | None) -> Iterator[str]:
    """Yield in which respects less is demanded of a record than was; the keys that may seal are not compared."""
    fields = {field.path: field for field in now.fields} if now is not None else {}
    for field in then.fields if then is not None else ():
        yield from _less(field, fields.get(field.path))


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
    elif isinstance(then.bind, tuple) and isinstance(now.bind, tuple) and set(now.bind) < set(then.bind):
        yield f"field {then.path} is bound to fewer fields"


def _finding(path: str, code: str, problem: str, line: int, field: str) -> Outcome:
    return Outcome(path, FINDING, field, code, line=line, message=problem, exit_status=1)
