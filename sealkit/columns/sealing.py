"""Many payloads sealed at once, in lock step: block j of all of them in one call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sealkit.columns import base64rows
from sealkit.columns.arrays import rows_of
from sealkit.columns.base64rows import BLOCK, IV_BYTES
from sealkit.columns.payloads import fitting, is_padding
from sealkit.errors import ProofFailed, SealkitError
from sealkit.sealer import AUTHENTIC, PLAIN, SYNTHETIC, TAGGED

if TYPE_CHECKING:
    from sealkit.columns.arrays import Bytes, Mask, Numbers, Texts
    from sealkit.columns.builder import Builder
    from sealkit.columns.places import Part
    from sealkit.context import Context
    from sealkit.keys.key import Key
    from sealkit.sealer import Sealer

_FEWEST = 8
_MOST_BLOCKS = 1 << 12
_VERSION = b"\1"


def seal_rows(
    texts: Texts,
    rows: Numbers,
    sealer: Sealer,
    places: Part,
    made: Builder,
    *,
    form: str | None = None,
    bind: int | None = None,
) -> dict[int, SealkitError]:
    """Put the text of a new blob for each of these rows of payloads into ``made``; return by the number of its row why there is none.

    ``bind`` says how they are to be bound whose blobs are made anew; None, as is demanded. Odd payloads go the scalar path.
    """
    form = form if form is not None else sealer.format
    key = sealer.opening.ring.get(sealer.key_id)
    blocks = (texts.ends[rows] - texts.starts[rows]) // BLOCK + 1
    left = np.ones(len(rows), np.bool_)
    everywhere = key.reach is None and not (form == PLAIN and key.accept == AUTHENTIC)
    for size in np.unique(blocks).tolist() if everywhere else ():
        members = np.flatnonzero(blocks == size)
        if size <= _MOST_BLOCKS and len(members) >= _FEWEST:
            padded, padding = _padded(texts, rows[members], size)
            fits = fitting(padded, padding, sealer.opening.payload)
            done = members[fits]
            binder = _Bound(places, rows[done], form, bind)
            done = done[binder.known]
            if len(done):
                _seal(
                    key,
                    rows[done],
                    padded if len(done) == len(members) else padded[fits][binder.known],
                    form,
                    binder.contexts,
                    made,
                )
                left[done] = False
    errors: dict[int, SealkitError] = {}
    for row in rows[left].tolist():
        one = seal_row(texts.row(row), row, sealer, places, form, bind)
        if isinstance(one, bytes):
            made.put_one(row, one)
        else:
            errors[row] = one
    return errors


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
    steps = _turned(padded, count)
    made = np.empty((width // BLOCK, count * BLOCK), np.uint8)
    before = np.ascontiguousarray(ivs).reshape(-1)
    for step, blocks in enumerate(steps):
        np.bitwise_xor(blocks, before, out=blocks)
        made[step] = before = np.frombuffer(cipher.encrypt_blocks(blocks.data), np.uint8)
    return _turned(made, width // BLOCK)


def decrypted(key: Key, rows: Bytes) -> Bytes:
    """Return what rows of iv and ciphertext decrypt to, padded, with blanks where the ivs were."""
    count, width = rows.shape
    return np.frombuffer(key.cbc().decrypt_rows(rows.reshape(-1).data, width), np.uint8).reshape(count, width)


def _turned(rows: Bytes, count: int) -> Bytes:
    """Return a copy of ``count`` rows of blocks of 16 bytes with rows and columns exchanged."""
    blocks = np.ascontiguousarray(rows).reshape(-1).view(f"V{BLOCK}").reshape(count, -1)
    return np.array(blocks.T, order="C").view(np.uint8).reshape(blocks.shape[1], -1)


class _Bound:
    """What rows are bound to: ``known`` says of which that can be had, ``contexts`` are those."""

    def __init__(self, places: Part, rows: Numbers, form: str, bind: int | None) -> None:
        demanded = bind if bind is not None else places.kind if places.kind is not None else 0
        shared = places.unbound if form == PLAIN else places.uniform(demanded)
        self.known = np.ones(len(rows), np.bool_)
        if shared is not None:
            self.contexts = [shared] * len(rows)
            return
        found = [places.context(row, demanded) for row in rows.tolist()]
        self.known[:] = [context is not None for context in found]
        self.contexts = [context for context in found if context is not None]


def _padded(texts: Texts, rows: Numbers, blocks: int) -> tuple[Bytes, Mask]:
    """Return payloads that make the same number of blocks, padded (PKCS#7), and what of their last blocks is padding."""
    width = blocks * BLOCK
    starts, ends = texts.starts[rows], texts.ends[rows]
    pads = (width - (ends - starts)).astype(np.uint8)
    # Read as if all were as long as with their padding; but behind the last ones there may be nothing to read.
    most = len(texts.data) - width
    if most < 0:
        padded = np.empty((len(rows), width), np.uint8)
    else:
        padded = sliding_window_view(texts.data, width)[np.minimum(starts, most)]
    for at in np.flatnonzero(starts > most).tolist():
        padded[at, : ends[at] - starts[at]] = texts.data[starts[at] : ends[at]]
    padding = is_padding(pads)
    np.copyto(padded[:, -BLOCK:], pads[:, None], where=padding)
    return padded, padding


def _seal(key: Key, numbers: Numbers, padded: Bytes, form: str, contexts: list[Context], made: Builder) -> None:
    """Seal padded payloads of one length, prove that each blob opens to its payload, and put them down."""
    count = len(padded)
    if form == SYNTHETIC:
        synthesizer = key.synthesizer()
        payloads = [row[: -row[-1]] for row in map(bytes, padded)]
        drawn = b"".join(synthesizer.iv(context, payload) for context, payload in zip(contexts, payloads, strict=True))
    else:
        drawn = os.urandom(IV_BYTES * count)
    ivs = np.frombuffer(drawn, np.uint8).reshape(count, IV_BYTES)
    rows = np.concatenate([ivs, encrypted(key, padded, ivs)], axis=1)
    if not np.array_equal(decrypted(key, rows)[:, IV_BYTES:], padded):
        raise ProofFailed(problem="the new blob does not open to the payload")
    text = base64rows.encode(rows, _auths(key, contexts, rows) if form == TAGGED else None)
    starts = np.arange(count) * text.shape[1]
    made.put(numbers, text.reshape(-1), starts, starts + text.shape[1])


def _auths(key: Key, contexts: list[Context], rows: Bytes) -> Bytes:
    """Return the third parts of blobs, a row each."""
    tagger, kid = key.tagger(), key.derived().kid
    covered = rows_of(rows)
    if all(context is contexts[0] for context in contexts):
        header = _VERSION + bytes([contexts[0].bind]) + kid
        made = [header + tag for tag in tagger.tags(header, contexts[0], covered)]
    else:
        made = []
        for context, row in zip(contexts, covered, strict=True):
            header = _VERSION + bytes([context.bind]) + kid
            made += [header + tag for tag in tagger.tags(header, context, [row])]
    return np.frombuffer(b"".join(made), np.uint8).reshape(len(rows), -1)
