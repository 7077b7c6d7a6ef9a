"""Payloads put into a field of a record, whatever stands there, and edited ones put back; the record is changed by splicing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sealkit.crypto.blob import Blob
from sealkit.errors import BlobError, Downgraded, Malformed, RecordError, Usage
from sealkit.opaque import opaque
from sealkit.records.identity import UNDEMANDED, Binding, Place
from sealkit.sealing import replacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.record import Record, Value
    from sealkit.sealer import Sealer
    from sealkit.sealing.replacing import Successor
    from sealkit.unsealed import Unsealed

R = TypeVar("R")


@opaque
def put(
    record: Record, sealer: Sealer, field: str, payload: bytes, *, binding: Binding = UNDEMANDED, opener: Sealer | None = None
) -> tuple[Record, Successor | None]:
    """Return the record with a payload sealed in a field, whatever stands there, and what is known of the new blob.

    The same record and None where a blob of that payload stands there that is as strong as the new one would be. ``opener`` opens what
    stands there (``sealer``, if none is given); what proves nothing, where that is demanded, makes place unopened. Raises as ``jobs.seal``.
    """
    value, place = value_in(record, field), binding.place(record, field)
    line, blob = (record.line, None) if value is None else (value.line, blob_in(value))
    if blob is None:
        new = _told(lambda: replacing.given(payload, place, sealer, None), place, line)
        return record.set(field, str(new.blob)), new
    old = _told(lambda: _compared(blob, opener if opener is not None else sealer, place), place, line)
    if old is not None and old.payload == payload and replacing.is_good_for(old, sealer, place):
        return record, None
    new = _told(lambda: replacing.given(payload, place, sealer, old, blob.bind), place, line)
    return record.replace(field, str(new.blob)), new._replace(unopened=old is None)


def _compared(blob: Blob, opener: Sealer, place: Place) -> Unsealed | None:
    """Open a blob that makes place; None for one of two parts that is refused for want of a proof, whatever it would open to."""
    try:
        return opener.unseal(blob, place)
    except Downgraded:
        if blob.auth is not None:
            raise
        return None


@opaque
def amend(
    record: Record, old: Unsealed, sealer: Sealer, place: Place, payload: bytes, *, vouched: bool = False
) -> tuple[Record, Successor]:
    """Return the record with a payload that was made of what its field's blob opened to (``old``), and what is known of the new blob.

    The judge says as what it is sealed, and whether somebody has to have ``vouched`` for it. Raises ``NotBlessed``, and as ``jobs.seal``.
    """
    value = value_in(record, place.field)
    line, blob = (record.line, None) if value is None else (value.line, blob_in(value))
    bind = blob.bind if blob is not None else None
    new = _told(lambda: replacing.edited(payload, place, sealer, old, bind, vouched=vouched), place, line)
    return record.replace(place.field, str(new.blob)), new


@opaque
def sealed_in(sealer: Sealer, payload: bytes, place: Place, line: int, form: str | None = None, bind: int | None = None) -> Blob:
    """Seal a payload in its place (see ``replacing.sealed``); what is wrong is told with the field and its line."""
    return _told(lambda: replacing.sealed(payload, place, sealer, form if form is not None else sealer.format, bind), place, line)


def _told(make: Callable[[], R], place: Place, line: int) -> R:
    """Return what a function makes; an error of its says in which line of which field."""
    try:
        return make()
    except (BlobError, RecordError, Usage) as error:
        raise error.at(line=line, field=place.field) from None


def value_in(record: Record, field: str) -> Value | None:
    """Return the one value that a field has; None if it is absent. Raises the ``RecordError`` of a path that names several."""
    values = record.values(field)
    if len(values) > 1:
        record.blob_text(field)  # raises: the path names several
    return values[0] if values else None


def blob_in(value: Value) -> Blob | None:
    """Return the blob that a value is; None for any other."""
    if value.blob_text is None or ";" not in value.blob_text:
        return None
    try:
        return Blob.parse(value.blob_text)
    except Malformed:
        return None
