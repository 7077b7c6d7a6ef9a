"""Which keys of a ring a blob may be under: for counting, never for opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.errors import NoUsableKey
from sealkit.keys.key import ACCEPTS
from sealkit.opaque import opaque
from sealkit.payload import BINARY, passes

if TYPE_CHECKING:
    from sealkit.crypto.blob import Blob
    from sealkit.keys.ring import KeyRing


@opaque
def candidates(ring: KeyRing, blob: Blob, kind: str) -> tuple[str, ...]:
    """Return the ids of the keys, enabled or not, that a blob may be under.

    A tagged blob names its key, and is believed. A two-part one is tried: those count under which it opens to a payload of the ``kind``
    that is expected; where there are none, those under which it opens to anything. That is by chance for one wrong key in 255, so that too
    many keys may be named, but never too few, as far as the ring has their bytes. Keys that accept authentic blobs only are not tried, for
    that would tell what comes out under them: they count where none of the others is expected.
    """
    if blob.auth is not None:
        key = ring.by_kid(blob.kid or "")
        return (key.id,) if key is not None else ()
    opened: list[str] = []
    passed: list[str] = []
    for key in ring:
        if key.is_verify_only:
            continue
        if key.accept != ACCEPTS[0]:
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
