"""What comes of a verb on the content of one file: outcomes, new content, and the blobs that change places in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit import report as reporting
from sealkit.context import BINDS
from sealkit.records.kinds import described
from sealkit.report import Outcome

if TYPE_CHECKING:
    from sealkit.jobs import Found
    from sealkit.sealer import Unsealed


class Replaced(NamedTuple):
    """One blob that makes place for another: the line (from 1) its record starts on, its field, the two texts."""

    line: int
    field: str
    old: str
    new: str


class Result(NamedTuple):
    """What became of a file's fields, its new content (None if it need not change), and the blobs that change places in it."""

    outcomes: list[Outcome]
    data: bytes | None
    replaced: list[Replaced]


def absent(path: str, field: str, line: int = 1) -> Outcome:
    """Return the outcome for a record that lacks a field."""
    return Outcome(path, reporting.ABSENT, field, "absent", line=line)


def no_record(path: str, field: str, data: bytes) -> Outcome:
    """Return the outcome for a file that was named and is no record: it says what it is."""
    return absent(path, field)._replace(message=f"this is no record that could have the field {field!r}, but {described(data)}")


def of_blob(
    path: str, status: str, field: str, found: Found, key: str | None, code: str | None, opened: Unsealed | None = None
) -> Outcome:
    """Return the outcome for a field that holds a blob."""
    blob = found.blob
    form = bind = kid = payload = None
    if blob.auth is not None:
        form, bind, kid = "tagged", BINDS[blob.auth[1]], blob.kid
    if opened is not None:
        form = opened.format
        payload = opened.payload if status == reporting.DECRYPTED else None
    size, iv = len(blob.ciphertext), blob.iv.hex()
    return Outcome(path, status, field, code, form or "plain", bind, kid, key, size, iv, found.line, None, None, payload)


def unopened(found: Found) -> str | None:
    """What is known of a blob that was not opened: without a tag it may have been altered, with one nobody has looked yet."""
    return None if found.blob.auth is not None else "unauthenticated"
