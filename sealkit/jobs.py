"""The five jobs on one record. Pure: no files, no printing; a job returns its result or raises, so a wrong one cannot be overlooked.

Each takes a record, a sealer where it needs keys, and one field (``secured``, ``a.b``, ``a[0].b``; with ``[]`` only where it names one
field: ``Record.paths`` lists them). Errors carry the field and its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit.conflict import is_conflict
from sealkit.crypto.blob import Blob
from sealkit.demands import UNCOVERED
from sealkit.errors import (
    BlobError,
    BrokenBlob,
    Downgraded,
    FieldAbsent,
    Malformed,
    NotAString,
    NotBlessed,
    ProofFailed,
    RecordError,
    RefusedEdit,
    Unsealed,
    UnsupportedVersion,
    Usage,
)
from sealkit.opaque import opaque
from sealkit.records import beside
from sealkit.records.identity import UNDEMANDED, Binding, Place
from sealkit.sealing import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit import sealer as sealing
    from sealkit.demands import FieldRule
    from sealkit.legacy import Salted
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
    an empty field, ``UnsupportedVersion``, and the ``RecordError`` of a record that cannot be read without a guess.
    """
    found = find(record, field)
    record.read_through(field)
    if not found.blob.is_known:
        raise UnsupportedVersion(problem="a third part of a version or binding that this version of sealkit does not know").at(
            line=found.line, field=field
        )
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
        _refuse_conflict(text, field, line)
        if Blob.resembles(text):
            raise error.at(line=line, field=field) from None
    raise _unsealed(field, line)


@opaque
def decrypt(record: Record, sealer: sealing.Sealer, field: str = FIELD, binding: Binding = UNDEMANDED) -> sealing.Unsealed:
    """Return what the blob in a field opens to. Raises as ``inspect`` and ``Sealer.unseal`` do."""
    return unseal(find(record, field), sealer, binding.place(record, field))


@opaque
def unseal(found: Found, sealer: sealing.Sealer, place: Place) -> sealing.Unsealed:
    """Return what a blob that ``inspect`` found opens to. Raises as ``Sealer.unseal``, with the field and the line."""
    try:
        return sealer.unseal(found.blob, place)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=found.line, field=place.field) from None


@opaque
def may_seal(found: Found, sealer: sealing.Sealer, place: Place) -> None:
    """Raise ``DisabledKey`` where the key that seals is not for this place; for asking before anything is changed."""
    try:
        sealer.check_place(place)
    except BlobError as error:
        raise error.at(line=found.line, field=place.field) from None


@opaque
def check(found: Found, sealer: sealing.Sealer, place: Place) -> str:
    """Check the tag of a blob that ``inspect`` found, and return the id of its key. Raises as ``Sealer.check``."""
    try:
        return sealer.check(found.blob, place)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=found.line, field=place.field) from None


@opaque
def gate(record: Record, demand: FieldRule, field: str, binding: Binding) -> Found:
    """Return the blob in a field that is as is demanded, as far as that shows without a key; and nothing stands open beside it.

    Raises as ``inspect``, ``Downgraded`` for a weaker format or another binding than is demanded, ``Unbound``, and ``Unsealed`` for a
    field beside it whose name says that it holds the payload.
    """
    found = inspect(record, field)
    blob = found.blob
    if demand.format == "tagged" and blob.auth is None:
        raise Downgraded(
            problem="a tagged blob is demanded here, and this one has two parts",
            hint="somebody may have cut the tag off; if not, see: sealkit rotate --bless REV",
        ).at(line=found.line, field=field)
    if blob.bind is not None and demand.bind is not None:
        try:
            binding.place(record, field).of_kind(blob.bind)
        except (BlobError, RecordError) as error:
            raise error.at(line=found.line, field=field) from None
    _nothing_open(record, field, demand, is_there=True)
    return found


@opaque
def lacks(record: Record, field: str, demand: FieldRule) -> None:
    """Make sure that a field that was not found may be missing, that the record reads to its end, and that nothing stands there in its place.

    Raises ``FieldAbsent`` where the field is demanded, and as ``gate``.
    """
    if demand.required:
        raise FieldAbsent(problem=f"the policy demands the field {field!r} of this record", hint="add it and seal it").at(
            line=record.line, field=field
        )
    record.values(field)
    _nothing_open(record, field, demand, is_there=False)


def _nothing_open(record: Record, field: str, demand: FieldRule, *, is_there: bool) -> None:
    beside.refuse(record, field, is_there=is_there, everywhere=demand.line != UNCOVERED)


@opaque
def seal(
    record: Record,
    sealer: sealing.Sealer,
    field: str = FIELD,
    payload: bytes | Salted | None = None,
    *,
    binding: Binding = UNDEMANDED,
) -> Record:
    """Return the record with the field's plaintext sealed, or with ``payload`` sealed in the field, which is added if it is absent.

    A ``Salted`` as ``payload`` opens the passphrase blob that stands there; plaintext is ``Unsealed`` then, since it is not to be sealed.
    The same record is returned where there is nothing to do: the field holds a blob already (of this payload, if one is given).
    Raises ``FieldAbsent`` without a payload, ``BrokenBlob`` for what looks like a damaged blob, ``PayloadCheck``, and as
    ``Sealer.unseal`` for a blob whose payload is to be compared.
    """
    value = _value(record, field)
    place = binding.place(record, field)
    if payload is not None and not isinstance(payload, bytes):
        return _adopt(record, sealer, place, payload, value)
    if payload is not None:
        return _seal_payload(record, sealer, place, payload, value)
    if value is None:
        raise FieldAbsent(problem=f"the record has no field {field!r}", hint="give its payload with --payload FILE").at(
            line=record.line, field=field
        )
    if _blob_in(value) is not None:
        return record
    _refuse_conflict(value.blob_text or "", field, value.line)
    if value.blob_text is not None and Blob.resembles(value.blob_text):
        raise BrokenBlob(
            problem="the value is no blob but looks like a damaged one: sealing it would bury the damage",
            hint="see what is wrong with: sealkit inspect FILE; or put the payload in with --payload FILE",
        ).at(line=value.line, field=field)
    plaintext, _ = record.plaintext(field)
    return record.set(field, str(_sealed(sealer, plaintext, place, value.line)))


@opaque
def reveal(record: Record, sealer: sealing.Sealer, field: str = FIELD, binding: Binding = UNDEMANDED) -> Record:
    """Return the record with the field's payload in the blob's place, as a double-quoted scalar; ``seal`` turns it back.

    Raises ``RefusedEdit`` for a payload that is not UTF-8, and as ``decrypt`` and ``Record.set``.
    """
    found = find(record, field)
    text = _utf8(unseal(found, sealer, binding.place(record, field)).payload)
    if text is None:
        raise RefusedEdit(
            problem="the payload is not UTF-8 text, so it cannot stand in a record", hint="decrypt it to a file: -o PATH"
        ).at(line=found.line, field=field)
    return record.set(field, text)


@opaque
def rotate(
    record: Record, opener: sealing.Sealer, sealer: sealing.Sealer, field: str = FIELD, *, binding: Binding = UNDEMANDED
) -> Record:
    """Return the record with the field's blob re-encrypted under ``sealer``'s key; the same record if it is under that key already.

    ``opener`` opens the old blob, which keeps its format and its kind of binding. Raises as ``decrypt``.
    """
    return reseal(record, find(record, field), opener, sealer, binding.place(record, field))[0]


@opaque
def reseal(
    record: Record,
    found: Found,
    opener: sealing.Sealer,
    sealer: sealing.Sealer,
    place: Place,
    *,
    blessed: Callable[[Blob], bool] | None = None,
) -> tuple[Record, Found]:
    """Return the record with a blob that ``find`` found re-encrypted, and what is found there now; ``rotate`` is ``find`` and this.

    The judge says in which format. What may have been altered is opened where only authentic blobs are, and gets a proof, only where
    ``blessed`` says that somebody vouches for the blob. Raises ``NotBlessed``, and as ``decrypt``.
    """
    vouched = blessed is not None and blessed(found.blob)
    opened = unseal(found, opener.vouching() if vouched else opener, place)
    try:
        form = judge.resealed_as(opened, sealer, vouched=vouched)
    except NotBlessed as error:
        raise error.at(line=found.line, field=place.field) from None
    if opened.key_id == sealer.key_id and opened.format == form:
        return record, found
    blob = _sealed(sealer, opened.payload, place, found, form)
    return record.replace(place.field, str(blob)), Found(blob, found.line)


@opaque
def retag(record: Record, sealer: sealing.Sealer, was: Place, field: str = FIELD, binding: Binding = UNDEMANDED) -> Record:
    """Return the record with an authentic blob bound to the record as it is now; ``was`` says what it was bound to.

    It is proved under the old identity first; a tagged blob is not decrypted, so that a verify-only key is enough. The same record is
    returned where the blob is bound rightly already. Raises as ``Sealer.retag``.
    """
    found = find(record, field)
    place = binding.place(record, field)
    try:
        now = place.demanded() if binding.bind is not None or found.blob.bind is None else place.of_kind(found.blob.bind)
        if (found.blob.bind is None or found.blob.bind == now.bind) and sealer.fits(found.blob)(now):
            return record
        blob = sealer.retag(found.blob, was, now, at=place)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=found.line, field=field) from None
    return record.replace(field, str(blob))


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
def verify(record: Record, sealer: sealing.Sealer, field: str = FIELD, binding: Binding = UNDEMANDED) -> None:
    """Prove the round trip: decrypt, encrypt again with the same key and IV, the same blob; splice it in, the same bytes.

    Raises ``ProofFailed`` if a step does not give what was there, and as ``decrypt``.
    """
    found = find(record, field)
    place = binding.place(record, field)
    prove(record, found, unseal(found, sealer, place), sealer, place)


@opaque
def prove(record: Record, found: Found, opened: sealing.Unsealed, sealer: sealing.Sealer, place: Place) -> None:
    """Prove the round trip of a blob that was opened; ``verify`` is ``inspect``, ``unseal`` and this. Raises ``ProofFailed``."""
    field = place.field
    if not sealer.reproduces(found.blob, opened, place):
        raise ProofFailed(problem="sealed again with the same key and IV, the payload gives another blob").at(
            line=found.line, field=field
        )
    if not record.holds(field, str(found.blob)):
        raise ProofFailed(problem="put in its own place again, the value gives other bytes, or a full parse finds another one").at(
            line=found.line, field=field
        )


def _adopt(record: Record, sealer: sealing.Sealer, place: Place, opener: Salted, value: Value | None) -> Record:
    if value is None:
        raise FieldAbsent(problem=f"the record has no field {place.field!r}").at(line=record.line, field=place.field)
    if _blob_in(value) is not None:
        return record
    if value.text is None or not opener.resembles(value.text):
        raise _unsealed(place.field, value.line)
    try:
        payload = opener.opens(value.text, sealer.payload_kind)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=value.line, field=place.field) from None
    return record.set(place.field, str(_sealed(sealer, payload, place, value.line)))


def _seal_payload(record: Record, sealer: sealing.Sealer, place: Place, payload: bytes, value: Value | None) -> Record:
    blob = _blob_in(value) if value is not None else None
    line = value.line if value is not None else record.line
    if blob is None:
        return record.set(place.field, str(_sealed(sealer, payload, place, line)))
    opened = unseal(Found(blob, line), sealer, place)
    if opened.payload == payload:
        return record
    return record.replace(place.field, str(_sealed(sealer, payload, place, Found(blob, line), _kept(opened, sealer))))


def _kept(opened: sealing.Unsealed, sealer: sealing.Sealer) -> str | None:
    """Return the format of a blob that takes the place of another: never a weaker one, unless that was asked for."""
    return sealer.raised(opened.format) if opened.authenticated and sealer.forced_format is None else None


def _text(record: Record, field: str) -> tuple[str, int] | None:
    try:
        return record.blob_text(field)
    except NotAString as error:
        if error.type == "null":
            raise
        line = error.line
    raise _unsealed(field, line)


def _refuse_conflict(text: str, field: str, line: int) -> None:
    if is_conflict(text):
        raise BrokenBlob(
            problem="the field is in conflict: a merge left the blobs of both sides in it",
            hint="make one of them: sealkit resolve FILE",
        ).at(line=line, field=field)


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


def _sealed(sealer: sealing.Sealer, payload: bytes, place: Place, found: Found | int, form: str | None = None) -> Blob:
    """Seal a payload in its place, bound as the tagged blob that was found there, if there was one, else as is demanded."""
    line = found if isinstance(found, int) else found.line
    bind = found.blob.bind if isinstance(found, Found) else None
    try:
        if (form if form is not None else sealer.format) == "plain":
            return sealer.seal(payload, format=form, at=place)
        context = place.of_kind(bind) if bind is not None else place.demanded()
        return sealer.seal(payload, context, format=form, at=place)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=line, field=place.field) from None


def _utf8(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
