"""The five jobs on one record. Pure: no files, no printing; a job returns its result or raises, so a wrong one cannot be overlooked.

Each takes a record, a sealer where it needs keys, and one field (``secured``, ``a.b``, ``a[0].b``; with ``[]`` only where it names one
field: ``Record.paths`` lists them). Errors carry the field and its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit import foreign
from sealkit.conflict import is_conflict
from sealkit.crypto.blob import Blob
from sealkit.door import inside, typed
from sealkit.errors import (
    BlobError,
    BrokenBlob,
    Downgraded,
    FieldAbsent,
    Malformed,
    NotAString,
    ProofFailed,
    RecordError,
    RefusedEdit,
    UnsupportedVersion,
    Usage,
)
from sealkit.records import beside
from sealkit.records.identity import UNDEMANDED, Binding, Place
from sealkit.sealing import judge, replacing, strangers
from sealkit.sealing.placing import blob_in, put, sealed_in, value_in

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


@typed
def inspect(record: Record, field: str = FIELD) -> Found:
    """Return the blob in a field; needs no key. The record is read through, so that nothing broken in it goes unnoticed.

    Raises ``FieldAbsent``, ``Malformed`` or ``NonCanonical`` (which part, which offset), ``Unsealed`` for plaintext, ``NotAString`` for
    an empty field, ``ForeignCiphertext``, ``NotEncrypted``, ``UnsupportedVersion``, and the ``RecordError`` of a record that cannot be read without a guess.
    """
    found = _find(record, field)
    record.read_through(field)
    if not found.blob.is_known:
        raise UnsupportedVersion(problem="a third part of a version or binding that this version of sealkit does not know").at(
            line=found.line, field=field
        )
    strangers.refuse_unencrypted(found.blob, field, found.line)
    return found


_inspect = inside(inspect)


@typed
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
        program = foreign.named(text)
        if program is None and Blob.resembles(text):
            raise error.at(line=line, field=field) from None
    raise strangers.no_blob(program, field, line)


_find = inside(find)


@typed
def decrypt(record: Record, sealer: sealing.Sealer, *, field: str = FIELD, binding: Binding = UNDEMANDED) -> sealing.Unsealed:
    """Return what the blob in a field opens to. Raises as ``inspect`` and ``Sealer.unseal`` do."""
    return _unseal(_find(record, field), sealer, binding.place(record, field))


@typed
def unseal(found: Found, sealer: sealing.Sealer, place: Place) -> sealing.Unsealed:
    """Return what a blob that ``inspect`` found opens to. Raises as ``Sealer.unseal``, with the field and the line."""
    try:
        return sealer.unseal(found.blob, place)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=found.line, field=place.field) from None


_unseal = inside(unseal)


@typed
def may_seal(found: Found, sealer: sealing.Sealer, place: Place) -> None:
    """Raise ``DisabledKey`` where the key that seals is not for this place; for asking before anything is changed."""
    try:
        sealer.check_place(place)
    except BlobError as error:
        raise error.at(line=found.line, field=place.field) from None


@typed
def check(found: Found, sealer: sealing.Sealer, place: Place) -> judge.Checked:
    """Check the tag of a blob that ``inspect`` found, and return the id of its key and the verdict. Raises as ``Sealer.check``."""
    try:
        return sealer.checked(found.blob, place)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=found.line, field=place.field) from None


_check = inside(check)


@typed
def verdict(found: Found, sealer: sealing.Sealer, place: Place) -> str:
    """Return what is known of a blob where it stands; a tagged one is not decrypted. Raises as ``check`` and ``unseal``."""
    return (_check if found.blob.auth is not None else _unseal)(found, sealer, place).verdict


@typed
def gate(record: Record, demand: FieldRule, field: str, binding: Binding) -> Found:
    """Return the blob in a field that is as is demanded, as far as that shows without a key; and nothing stands open beside it.

    Raises as ``inspect``, ``Downgraded`` for a weaker format or another binding than is demanded, ``Unbound``, and ``Unsealed`` for a
    field beside it whose name says that it holds the payload.
    """
    found = _inspect(record, field)
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


@typed
def lacks(record: Record, field: str, demand: FieldRule) -> None:
    """Make sure that a field that was not found may be missing, that the record reads to its end, and that nothing stands there in its place.

    Raises ``FieldAbsent`` where the field is demanded, and as ``gate``.
    """
    if demand.required:
        raise missing(demand, record.line, field)
    record.values(field)
    _nothing_open(record, field, demand, is_there=False)


@typed
def missing(demand: FieldRule, line: int, field: str | None = None) -> FieldAbsent:
    """Return the error that a record lacks a field that is demanded of it."""
    name = field if field is not None else demand.path
    error = FieldAbsent(problem=f"the policy demands the field {name!r} of this record", hint="add it and seal it")
    error.at(line=line, field=name)
    return error


def _nothing_open(record: Record, field: str, demand: FieldRule, *, is_there: bool) -> None:
    beside.refuse(record, field, is_there=is_there, everywhere=True)


@typed
def seal(
    record: Record,
    sealer: sealing.Sealer,
    *,
    field: str = FIELD,
    payload: bytes | Salted | None = None,
    binding: Binding = UNDEMANDED,
    seal_foreign: bool = False,
) -> Record:
    """Return the record with the field's plaintext sealed, or with ``payload`` sealed in the field, which is added if it is absent.

    A ``Salted`` as ``payload`` opens the passphrase blob that stands there; plaintext is ``Unsealed`` then, since it is not to be sealed.
    The same record is returned where there is nothing to do: the field holds a blob already (of this payload, if one is given).
    Another program's ciphertext, and text or a collection with a blob in it, are refused, unless they are to be sealed as they are (``seal_foreign``).
    Raises ``FieldAbsent`` without a payload, ``ForeignCiphertext``, ``NotEncrypted`` for what only has the shape of a blob, ``BrokenBlob``
    for what looks like a damaged one, ``PayloadCheck``, and as ``Sealer.unseal`` for a blob whose payload is to be compared.
    """
    value = value_in(record, field)
    place = binding.place(record, field)
    if payload is not None and not isinstance(payload, bytes):
        return _adopt(record, sealer, place, payload, value)
    if payload is not None:
        if not seal_foreign:
            strangers.refuse_payload(payload, field, record.line if value is None else value.line)
        return put(record, sealer, field, payload, binding=binding)[0]
    if value is None:
        raise FieldAbsent(problem=f"the record has no field {field!r}", hint="give its payload with --payload FILE").at(
            line=record.line, field=field
        )
    blob = blob_in(value)
    if blob is not None:
        strangers.refuse_unencrypted(blob, field, value.line)
        return record
    _refuse_conflict(value.blob_text or "", field, value.line)
    if not seal_foreign:
        strangers.refuse_program(record, field, value.line)
    if value.blob_text is not None and Blob.resembles(value.blob_text) and foreign.named(value.blob_text) is None:
        raise BrokenBlob(
            problem="the value is no blob but looks like a damaged one: sealing it would bury the damage",
            hint="see what is wrong with: sealkit inspect{FIELD} {FILE}; or put the payload in with --payload FILE",
        ).at(line=value.line, field=field)
    plaintext, _ = record.plaintext(field)
    if not seal_foreign:
        strangers.refuse_buried(plaintext, field, value.line)
    return record.set(field, str(sealed_in(sealer, plaintext, place, value.line)))


@typed
def reveal(record: Record, sealer: sealing.Sealer, *, field: str = FIELD, binding: Binding = UNDEMANDED) -> Record:
    """Return the record with the field's payload in the blob's place, as a double-quoted scalar; ``seal`` turns it back.

    Raises ``RefusedEdit`` for a payload that is not UTF-8, and as ``decrypt`` and ``Record.set``.
    """
    found = _find(record, field)
    return _revealed(record, found, _unseal(found, sealer, binding.place(record, field)), field=field)


@typed
def revealed(record: Record, found: Found, opened: sealing.Unsealed, *, field: str = FIELD) -> Record:
    """Return the record with the payload of a blob that was opened in its place. Raises ``RefusedEdit``, and as ``Record.set``."""
    text = _utf8(opened.payload)
    if text is None:
        raise RefusedEdit(
            problem="the payload is not UTF-8 text, so it cannot stand in a record", hint="decrypt it to a file: -o PATH"
        ).at(line=found.line, field=field)
    return record.set(field, text)


_revealed = inside(revealed)


@typed
def rotate(
    record: Record, opener: sealing.Sealer, sealer: sealing.Sealer, *, field: str = FIELD, binding: Binding = UNDEMANDED
) -> Record:
    """Return the record with the field's blob re-encrypted under ``sealer``'s key; the same record if it is under that key already.

    ``opener`` opens the old blob, which keeps its format and its kind of binding. Raises as ``decrypt``.
    """
    return _reseal(record, _find(record, field), opener, sealer, binding.place(record, field))[0]


@typed
def reseal(
    record: Record,
    found: Found,
    opener: sealing.Sealer,
    sealer: sealing.Sealer,
    place: Place,
    *,
    blessed: Callable[[Blob], bool] | None = None,
    told: bool = False,
) -> tuple[Record, Found]:
    """Return the record with a blob that ``find`` found re-encrypted, and what is found there now; ``rotate`` is ``find`` and this.

    The judge says in which format. What may have been altered is opened where only authentic blobs are, and gets a proof, only where
    ``blessed`` says that somebody vouches for the blob. A binary payload whose key nothing bears out is sealed again only where it is
    ``told`` otherwise. Raises ``NotBlessed``, ``AmbiguousKey``, and as ``decrypt``.
    """
    vouched = blessed is not None and blessed(found.blob)
    opened = _unseal(found, opener.vouching() if vouched else opener, place)
    try:
        form = judge.resealed_as(opened, sealer, vouched=vouched)
        if opened.key_id == sealer.key_id and opened.format == form:
            return record, found
        if not told:
            judge.refuse_untold(opened, opener)
    except BlobError as error:
        raise error.at(line=found.line, field=place.field) from None
    blob = sealed_in(sealer, opened.payload, place, found.line, form, found.blob.bind)
    return record.replace(place.field, str(blob)), Found(blob, found.line)


_reseal = inside(reseal)


@typed
def retag(record: Record, sealer: sealing.Sealer, was: Place, *, field: str = FIELD, binding: Binding = UNDEMANDED) -> Record:
    """Return the record with an authentic blob bound to the record as it is now; ``was`` says what it was bound to.

    It is proved under the old identity first; a tagged blob is not decrypted, so that a verify-only key is enough. The same record is
    returned where the blob is bound rightly already. Raises as ``Sealer.retag``.
    """
    found = _find(record, field)
    place = binding.place(record, field)
    try:
        now = place.demanded() if binding.bind is not None or found.blob.bind is None else place.of_kind(found.blob.bind)
        if (found.blob.bind is None or found.blob.bind == now.bind) and sealer.fits(found.blob)(now):
            return record
        blob = sealer.retag(found.blob, was, now, at=place)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=found.line, field=field) from None
    return record.replace(field, str(blob))


@typed
def exchange(record: Record, field: str, new: str, old: str) -> Record | None:
    """Return the record with the blob text ``new`` in a field replaced by ``old``: a rotation taken back; needs no key.

    The same record if ``old`` stands there already, None if neither does. Raises as ``inspect``.
    """
    found = record.blob_text(field)
    if found is None or found[0] not in (new, old):
        return None
    return record.replace(field, old)


@typed
def verify(record: Record, sealer: sealing.Sealer, *, field: str = FIELD, binding: Binding = UNDEMANDED) -> None:
    """Prove the round trip: decrypt, encrypt again with the same key and IV, the same blob; splice it in, the same bytes.

    Raises ``ProofFailed`` if a step does not give what was there, and as ``decrypt``.
    """
    found = _find(record, field)
    place = binding.place(record, field)
    _prove(record, found, _unseal(found, sealer, place), sealer, place)


@typed
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


_prove = inside(prove)


def _adopt(record: Record, sealer: sealing.Sealer, place: Place, opener: Salted, value: Value | None) -> Record:
    if value is None:
        raise FieldAbsent(problem=f"the record has no field {place.field!r}").at(line=record.line, field=place.field)
    if blob_in(value) is not None:
        return record
    if value.text is None or not opener.resembles(value.text):
        raise strangers.no_blob(strangers.program_in(record, place.field), place.field, value.line)
    try:
        form = replacing.adopted(sealer, vouched=opener.vouched)
        payload = opener.opens(value.text, sealer.payload_kind)
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=value.line, field=place.field) from None
    return record.set(place.field, str(sealed_in(sealer, payload, place, value.line, form)))


def _text(record: Record, field: str) -> tuple[str, int] | None:
    try:
        return record.blob_text(field)
    except NotAString as error:
        if error.type == "null":
            raise
        line = error.line
    raise strangers.no_blob(strangers.program_in(record, field), field, line)


def _refuse_conflict(text: str, field: str, line: int) -> None:
    if is_conflict(text):
        raise BrokenBlob(
            problem="the field is in conflict: a merge left the blobs of both sides in it",
            hint="make one of them: sealkit resolve {FILE}",
        ).at(line=line, field=field)


def _utf8(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
