"""Which keys of a ring a blob may be under: for counting, never for opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.errors import NoUsableKey
from sealkit.keys.key import ACCEPTS
from sealkit.opaque import opaque
from sealkit.payload import BINARY, passes
from sealkit.sealing import judge
from sealkit.unsealed import Opening

if TYPE_CHECKING:
    from sealkit.context import Context
    from sealkit.crypto.blob import Blob
    from sealkit.keys.key import Key
    from sealkit.keys.ring import KeyRing


@opaque
def candidates(
    ring: KeyRing, blob: Blob, kind: str, context: Context | None = None, *, proved_only: bool = False
) -> tuple[str, ...]:
    """Return the ids of the keys, enabled or not, that a blob may be under.

    A tagged blob names its key, and is believed. Of a two-part one the keys whose IVs count are asked for the proof, if it is known what
    the blob is for (``context``). Else it is tried: those count under which it opens to a payload of the ``kind`` that is expected; where
    there are none, those under which it opens to anything. That is by chance for one wrong key in 255, so that too many keys may be named,
    but never too few, as far as the ring has their bytes. Keys that accept authentic blobs only are not tried, nor is any where the blob has
    to be authentic (``proved_only``), for that would tell what comes out under them: they count where none of the others is expected.
    """
    if blob.auth is not None:
        key = ring.by_kid(blob.kid or "")
        return (key.id,) if key is not None else ()
    able = [key for key in ring if not key.is_verify_only]
    proved = tuple(key.id for key in able if context is not None and _proves(ring, key, blob, context))
    if proved:
        return proved
    opened: list[str] = []
    passed: list[str] = []
    for key in able:
        if proved_only or key.accept != ACCEPTS[0]:
            opened.append(key.id)
            continue
        try:
            payload = key.cbc().decrypt(blob.ciphertext, blob.iv)
        except NoUsableKey:  # disabled, and its bytes cannot be had
            continue
        if payload is not None:
            opened.append(key.id)
            if kind != BINARY and passes(payload, kind):
                passed.append(key.id)
        del payload
    return tuple(passed or opened)


def _proves(ring: KeyRing, key: Key, blob: Blob, context: Context) -> bool:
    """Say whether the IV of a blob proves it under a key."""
    try:
        return judge.TwoParts(Opening(ring, (key,), BINARY, named=True), judge.Recent()).proves(blob)(context)
    except NoUsableKey:
        return False
