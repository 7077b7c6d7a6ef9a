"""The five jobs on one record. Pure: no files, no printing; a job returns its result or raises, so a wrong one cannot be overlooked.

Each takes a record, a sealer where it needs keys, and one field (``secured``, ``a.b``, ``a[0].b``; with ``[]`` only where it names one
field: ``Record.paths`` lists them). Errors carry the field and its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit.crypto.blob import Blob
from sealkit.errors import BlobError, BrokenBlob, FieldAbsent, Malformed, NotAString, ProofFailed, RefusedEdit, Unsealed
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from sealkit import sealer as sealing
    from sealkit.records.record import Record, Value

FIELD = "secured"


class Found(NamedTuple):
    """A field that holds a blob, and the line (from 1) its value stands on."""

    blob: Blob
    line: int


@opaque
def inspect(record: Record, field: str = FIELD) -> Found:
    """Return the blob in a field; needs no key. The record is read through, so that nothing broken in it goes unnoticed.

    Raises ``FieldAbsent``, ``Malformed`` or ``NonCanonical`` (which part, which offset), ``Unsealed`` for plaintext, ``NotAString`` for
    an empty field, and the ``RecordError`` of a record that cannot be read without a guess.
    """
    found = find(record, field)
    record.read_through(field)
    return found


@opaque
def find(record: Record, field: str = FIELD) -> Found:
    """Return the blob in a field as ``inspect`` does, but as fast as can be: a record that is broken elsewhere may be answered."""
    found = _text(record, field)
    if found is None:
        raise FieldAbsent(problem=f"the record has no field {field!r}").at(line=record.line, field=field)
    text, line = found
    try:
        return Found(Blob.parse(text), line)
    except Malformed as error:
        if Blob.resembles(text):
            raise error.at(line=line, field=field) from None
    raise _unsealed(field, line)


@opaque
def decrypt(record: Record, sealer: sealing.Sealer, field: str = FIELD) -> sealing.Unsealed:
    """Return what the blob in a field opens to. Raises as ``inspect`` and ``Sealer.unseal`` do."""
    return unseal(find(record, field), sealer, field)


@opaque
def unseal(found: Found, sealer: sealing.Sealer, field: str = FIELD) -> sealing.Unsealed:
    """Return what a blob that ``inspect`` found opens to. Raises as ``Sealer.unseal``, with the field and the line."""
    try:
        return sealer.unseal(found.blob)
    except BlobError as error:
        raise error.at(line=found.line, field=field) from None


@opaque
def seal(record: Record, sealer: sealing.Sealer, field: str = FIELD, payload: bytes | None = None) -> Record:
    """Return the record with the field's plaintext sealed, or with ``payload`` sealed in the field, which is added if it is absent.

    The same record is returned where there is nothing to do: the field holds a blob already (of this payload, if one is given).
    Raises ``FieldAbsent`` without a payload, ``BrokenBlob`` for what looks like a damaged blob, ``PayloadCheck``, and as
    ``Sealer.unseal`` for a blob whose payload is to be compared.
    """
    value = _value(record, field)
    if payload is not None:
        return _seal_payload(record, sealer, field, payload, value)
    if value is None:
        raise FieldAbsent(problem=f"the record has no field {field!r}", hint="give its payload with --payload FILE").at(
            line=record.line, field=field
        )
    if _blob_in(value) is not None:
        return record
    if value.blob_text is not None and Blob.resembles(value.blob_text):
        raise BrokenBlob(
            problem="the value is no blob but looks like a damaged one: sealing it would bury the damage",
            hint="see what is wrong with: sealkit inspect FILE; or put the payload in with --payload FILE",
        ).at(line=value.line, field=field)
    plaintext, _ = record.plaintext(field)
    return record.set(field, str(_sealed(sealer, plaintext, field, value.line)))


@opaque
def reveal(record: Record, sealer: sealing.Sealer, field: str = FIELD) -> Record:
    """Return the record with the field's payload in the blob's place, as a double-quoted scalar; ``seal`` turns it back.

    Raises ``RefusedEdit`` for a payload that is not UTF-8, and as ``decrypt`` and ``Record.set``.
    """
    found = find(record, field)
    text = _utf8(unseal(found, sealer, field).payload)
    if text is None:
        raise RefusedEdit(
            problem="the payload is not UTF-8 text, so it cannot stand in a record", hint="decrypt it to a file: -o PATH"
        ).at(line=found.line, field=field)
    return record.set(field, text)


@opaque
def rotate(record: Record, opener: sealing.Sealer, sealer: sealing.Sealer, field: str = FIELD) -> Record:
    """Return the record with the field's blob re-encrypted under ``sealer``'s key; the same record if it is under that key already.

    ``opener`` opens the old blob. Raises as ``decrypt``.
    """
    return reseal(record, find(record, field), opener, sealer, field)[0]


@opaque
def reseal(
    record: Record, found: Found, opener: sealing.Sealer, sealer: sealing.Sealer, field: str = FIELD
) -> tuple[Record, Found]:
    """Return the record with a blob that ``find`` found re-encrypted, and what is found there now; ``rotate`` is ``find`` and this."""
    opened = unseal(found, opener, field)
    if opened.key_id == sealer.key_id:
        return record, found
    blob = _sealed(sealer, opened.payload, field, found.line)
    return record.replace(field, str(blob)), Found(blob, found.line)


@opaque
def exchange(record: Record, field: str, new: str, old: str) -> Record | None:
    """Return the record with the blob text ``new`` in a field replaced by ``old``: a rotation taken back; needs no key.

    The same record if ``old`` stands there already, None if neither does. Raises as ``inspect``.
    """
    found = record.blob_text(field)
    if found is None or found[0] not in (new, old):
        return None
    return record.replace(field, old)


@opaque
def verify(record: Record, sealer: sealing.Sealer, field: str = FIELD) -> None:
    """Prove the round trip: decrypt, encrypt again with the same key and IV, the same blob; splice it in, the same bytes.

    Raises ``ProofFailed`` if a step does not give what was there, and as ``decrypt``.
    """
    found = find(record, field)
    prove(record, found, unseal(found, sealer, field), sealer, field)


@opaque
def prove(record: Record, found: Found, opened: sealing.Unsealed, sealer: sealing.Sealer, field: str = FIELD) -> None:
    """Prove the round trip of a blob that was opened; ``verify`` is ``inspect``, ``unseal`` and this. Raises ``ProofFailed``."""
    if not sealer.reproduces(found.blob, opened):
        raise ProofFailed(problem="sealed again with the same key and IV, the payload gives another blob").at(
            line=found.line, field=field
        )
    if not record.holds(field, str(found.blob)):
        raise ProofFailed(problem="put in its own place again, the value gives other bytes, or a full parse finds another one").at(
            line=found.line, field=field
        )


def _seal_payload(record: Record, sealer: sealing.Sealer, field: str, payload: bytes, value: Value | None) -> Record:
    blob = _blob_in(value) if value is not None else None
    line = value.line if value is not None else record.line
    if blob is None:
        return record.set(field, str(_sealed(sealer, payload, field, line)))
    if unseal(Found(blob, line), sealer, field).payload == payload:
        return record
    return record.replace(field, str(_sealed(sealer, payload, field, line)))


def _text(record: Record, field: str) -> tuple[str, int] | None:
    try:
        return record.blob_text(field)
    except NotAString as error:
        if error.type == "null":
            raise
        line = error.line
    raise _unsealed(field, line)


def _unsealed(field: str, line: int | None) -> Unsealed:
    return Unsealed(problem=f"the field {field!r} holds plaintext, not a blob").at(line=line, field=field)


def _value(record: Record, field: str) -> Value | None:
    values = record.values(field)
    if len(values) > 1:
        record.blob_text(field)  # raises: the path names several
    return values[0] if values else None


def _blob_in(value: Value) -> Blob | None:
    if value.blob_text is None:
        return None
    try:
        return Blob.parse(value.blob_text)
    except Malformed:
        return None


def _sealed(sealer: sealing.Sealer, payload: bytes, field: str, line: int) -> Blob:
    try:
        return sealer.seal(payload)
    except BlobError as error:
        raise error.at(line=line, field=field) from None


def _utf8(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
