"""What stands in a field and is no ciphertext of ours: another program's, or what only has the shape of a blob."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealkit import foreign, refusals
from sealkit.crypto import shapes
from sealkit.crypto.blob import Blob
from sealkit.errors import BrokenBlob, SealkitError, Unsealed
from sealkit.opaque import opaque
from sealkit.tree import Scalar

if TYPE_CHECKING:
    from sealkit.errors import RecordError
    from sealkit.foreign import Program
    from sealkit.records.record import Record

_MAY_BE_A_BLOB: Final = re.compile(rb"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{24,}+(?:;[A-Za-z0-9+/=]{24,}+){1,2}")


@opaque
def program_in(record: Record, field: str) -> Program | None:
    """Say whose ciphertext a field holds, whatever it is: a string, one with a tag (``!vault``), a mapping of ciphertexts."""
    try:
        found = record.field(field)
        if found is None:
            return None
        if isinstance(found.node, Scalar):
            return foreign.named(found.node.text)
        return foreign.named_payload(record.plaintext(field)[0])
    except SealkitError:
        return None


@opaque
def refuse_program(record: Record, field: str, line: int) -> None:
    """Raise ``ForeignCiphertext`` for a field that is to be sealed and holds another program's ciphertext."""
    program = program_in(record, field)
    if program is not None:
        raise refusals.foreign(program, is_sealing=True).at(line=line, field=field)


@opaque
def refuse_payload(payload: bytes, field: str, line: int) -> None:
    """Raise ``ForeignCiphertext`` for a payload that is another program's ciphertext."""
    program = foreign.named_payload(payload)
    if program is not None:
        raise refusals.foreign(program, is_sealing=True).at(line=line, field=field)


@opaque
def refuse_buried(plaintext: bytes, field: str, line: int) -> None:
    """Raise ``BrokenBlob`` for plaintext that has a blob in it: sealed once more, nothing would find that, and its key could go."""
    for text in _MAY_BE_A_BLOB.findall(plaintext):
        try:
            Blob.parse(text.decode())
        except SealkitError:
            continue
        raise BrokenBlob(
            problem="a blob stands in what is to be sealed: sealing it once more would bury it",
            hint="name the field that holds it with --field PATH; or decrypt it first; --seal-foreign seals it as it is",
        ).at(line=line, field=field)


@opaque
def refuse_unencrypted(blob: Blob, field: str, line: int) -> None:
    """Raise ``NotEncrypted`` for a blob whose ciphertext shows that it is none."""
    sign = shapes.unencrypted(blob.ciphertext)
    if sign is not None:
        raise refusals.not_encrypted(sign).at(line=line, field=field)


def no_blob(program: Program | None, field: str, line: int | None) -> RecordError:
    """Return the error for a field that holds no blob: another program's ciphertext, or plaintext."""
    if program is not None:
        return refusals.foreign(program).at(line=line, field=field)
    return Unsealed(problem=f"the field {field!r} holds plaintext, not a blob").at(line=line, field=field)
