"""Many payloads sealed at once, in lock step: block j of all of them in one call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from sealkit.columns import base64rows
from sealkit.columns.base64rows import BLOCK, IV_BYTES
from sealkit.columns.payloads import passing
from sealkit.errors import ProofFailed, SealkitError
from sealkit.sealer import PLAIN, SYNTHETIC, TAGGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.columns.arrays import Bytes
    from sealkit.columns.places import Part
    from sealkit.context import Context
    from sealkit.keys.key import Key
    from sealkit.sealer import Sealer

_PADDING = tuple(bytes([count]) * count for count in range(BLOCK + 1))
_FEWEST = 8
_MOST_BLOCKS = 1 << 12
_VERSION = b"\1"


def seal_rows(
    payloads: Sequence[bytes],
    rows: Sequence[int],
    sealer: Sealer,
    places: Part,
    *,
    form: str | None = None,
    bind: int | None = None,
) -> tuple[list[bytes | None], dict[int, SealkitError]]:
    """Return the text of a new blob for each payload, and by the number of its row why there is none; ``rows`` has those numbers.

    ``bind`` says how they are to be bound whose blobs are made anew; None, as is demanded. Odd payloads go the scalar path.
    """
    made: list[bytes | None] = [None] * len(payloads)
    errors: dict[int, SealkitError] = {}
    form = form if form is not None else sealer.format
    key = sealer.opening.ring.get(sealer.key_id)
    odd = key.reach is not None or (form == PLAIN and key.accept == "authentic")
    passes = [False] * len(payloads) if odd else passing(payloads, sealer.opening.payload)
    blocks = np.fromiter(map(len, payloads), np.int64, len(payloads)) // BLOCK + 1
    blocks[~np.array(passes, np.bool_)] = _MOST_BLOCKS + 1
    for size in np.unique(blocks).tolist():
        members = np.flatnonzero(blocks == size).tolist()
        contexts = _contexts(places, [rows[at] for at in members], form, bind)
        known = [context for context in contexts if context is not None]
        if size <= _MOST_BLOCKS and len(members) >= _FEWEST and len(known) == len(contexts):
            for at, text in zip(members, _sealed(key, [payloads[at] for at in members], form, known), strict=True):
                made[at] = text
    if None in made:
        for at in [at for at, text in enumerate(made) if text is None]:
            one = seal_row(payloads[at], rows[at], sealer, places, form, bind)
            if isinstance(one, bytes):
                made[at] = one
            else:
                errors[rows[at]] = one
    return made, errors


def seal_row(payload: bytes, row: int, sealer: Sealer, places: Part, form: str, bind: int | None) -> bytes | SealkitError:
    """Seal one payload: the scalar path."""
    binder = places.at(row)
    try:
        if form == PLAIN:
            return str(sealer.seal(payload, format=form, at=binder)).encode()
        context = binder.of_kind(bind) if bind is not None else binder.demanded()
        return str(sealer.seal(payload, context, format=form, at=binder)).encode()
    except SealkitError as error:
        return error


def encrypted(key: Key, padded: Bytes, ivs: Bytes) -> Bytes:
    """Return the ciphertexts of rows of padded payloads of one length: block j of all rows is one call, on ``P[j] ^ C[j-1]``."""
    count, width = padded.shape
    cipher = key.cbc()
    steps = np.ascontiguousarray(padded.reshape(count, width // BLOCK, BLOCK).transpose(1, 0, 2))
    made = np.empty_like(steps)
    before = ivs
    for step in range(len(steps)):
        blocks = cipher.encrypt_blocks((steps[step] ^ before).tobytes())
        made[step] = before = np.frombuffer(blocks, np.uint8).reshape(count, BLOCK)
    return np.ascontiguousarray(made.transpose(1, 0, 2)).reshape(count, width)


def _contexts(places: Part, rows: list[int], form: str, bind: int | None) -> list[Context | None]:
    demanded = bind if bind is not None else places.kind if places.kind is not None else 0
    shared = places.uniform(demanded)
    if shared is not None or form == PLAIN:
        return [shared if shared is not None else places.unbound] * len(rows)
    return [places.context(row, demanded) for row in rows]


def _sealed(key: Key, payloads: list[bytes], form: str, contexts: list[Context]) -> list[bytes]:
    """Seal payloads that make the same number of blocks, and prove that each blob opens to its payload."""
    count = len(payloads)
    joined = b"".join([payload + _PADDING[-len(payload) % BLOCK or BLOCK] for payload in payloads])
    padded = np.frombuffer(joined, np.uint8).reshape(count, -1)
    if form == SYNTHETIC:
        synthesizer = key.synthesizer()
        drawn = b"".join(synthesizer.iv(context, payload) for context, payload in zip(contexts, payloads, strict=True))
    else:
        drawn = os.urandom(IV_BYTES * count)
    ivs = np.frombuffer(drawn, np.uint8).reshape(count, IV_BYTES)
    rows = np.concatenate([ivs, encrypted(key, padded, ivs)], axis=1)
    width = rows.shape[1]
    data = rows.tobytes()
    opened = np.frombuffer(key.cbc().decrypt_rows(data, width), np.uint8).reshape(count, width)
    if not np.array_equal(opened[:, IV_BYTES:], padded):
        raise ProofFailed(problem="the new blob does not open to the payload")
    if form != TAGGED:
        return base64rows.encode(rows, None)
    return base64rows.encode(rows, _auths(key, contexts, [data[at : at + width] for at in range(0, len(data), width)]))


def _auths(key: Key, contexts: list[Context], rows: list[bytes]) -> list[bytes]:
    tagger, kid = key.tagger(), key.derived().kid
    if all(context is contexts[0] for context in contexts):
        header = _VERSION + bytes([contexts[0].bind]) + kid
        return [header + tag for tag in tagger.tags(header, contexts[0], rows)]
    made = []
    for context, row in zip(contexts, rows, strict=True):
        header = _VERSION + bytes([context.bind]) + kid
        made += [header + tag for tag in tagger.tags(header, context, [row])]
    return made
