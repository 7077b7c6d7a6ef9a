"""Passphrase blobs of other programs (``openssl enc``, CryptoJS), read so that they can be sealed as ours; never written."""

from __future__ import annotations

import binascii
from typing import NoReturn

from sealkit.crypto.salted import DIGESTS, MARK, open_salted
from sealkit.errors import AmbiguousKey, BrokenBlob, CannotDecrypt, Usage
from sealkit.keys.key import refuse_copy
from sealkit.opaque import opaque
from sealkit.payload import BINARY, passes

_BLOCK = 16
_BITS = (128, 192, 256)


class Salted:
    """Opens the base64 text of ``Salted__`` blobs under a passphrase.

    ``digest`` is ``md5`` or ``sha256``; None tries both, and takes the one under which the blob unpads and its payload is of its kind, as a
    ring of two keys would. ``bits`` is the size of the AES key. Such a blob proves nothing: ``vouched`` says that somebody knows that all of
    them are good, so that they may be sealed as authentic ones. Raises ``Usage`` for another digest or size.
    """

    __slots__ = ("_digests", "_passphrase", "_size", "vouched")

    @opaque
    def __init__(self, passphrase: bytes | bytearray, *, digest: str | None = None, bits: int = 256, vouched: bool = False) -> None:
        if not isinstance(passphrase, bytes | bytearray) or not passphrase:
            raise Usage(problem="a passphrase is made of bytes, one or more", hint="encode text as UTF-8")
        if bits not in _BITS or (digest is not None and digest not in DIGESTS):
            raise Usage(problem="no such cipher or digest", hint="AES-128, AES-192, AES-256 in CBC; md5, sha256")
        self._passphrase = bytearray(passphrase)
        self._digests = DIGESTS if digest is None else (digest,)
        self._size = bits // 8
        self.vouched = vouched

    @staticmethod
    def resembles(text: str) -> bool:
        """Tell whether a text starts as such a blob does, whatever white space is in it."""
        return "".join(text[:64].split()).startswith("U2FsdGVkX1")

    @opaque
    def opens(self, text: str, kind: str) -> bytes:
        """Return the payload of a blob, which must be of a kind (``text``, ``json``, ``binary``).

        Raises ``BrokenBlob`` for what is none, ``CannotDecrypt``, ``AmbiguousKey`` where both digests fit, and ``Usage`` for ``binary``
        without a digest, since nothing could tell which is right.
        """
        if kind == BINARY and len(self._digests) > 1:
            raise Usage(problem="nothing tells which digest is right for a binary payload", hint="name it: --digest md5, or sha256")
        data = _data(text)
        opened = [open_salted(data, self._passphrase, digest, self._size) for digest in self._digests]
        fitting = [payload for payload in opened if payload is not None and passes(payload, kind)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise AmbiguousKey(problem="both digests fit", hint="name it: --digest md5, or sha256")
        error = CannotDecrypt()
        error.problem = "cannot decrypt: the passphrase does not open this blob"
        error.hint = "another passphrase, key size (--bits) or digest (--digest) may have sealed it, or it was damaged"
        raise error

    def __repr__(self) -> str:
        return f"<Salted {'/'.join(self._digests)} {8 * self._size} bits>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        refuse_copy("passphrase")


def _data(text: str) -> bytes:
    """Return the bytes of a blob that may be broken into lines, as ``openssl enc -a`` does. Raises ``BrokenBlob``."""
    try:
        data = binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        data = b""
    if not data.startswith(MARK) or len(data) < len(MARK) + 8 + _BLOCK or len(data) % _BLOCK:
        raise BrokenBlob(
            problem="it starts as a passphrase blob of openssl enc does, but is none", hint="a part of it may be missing"
        )
    return data
