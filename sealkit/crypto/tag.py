"""The hazardous floor of authenticity: tags and synthetic IVs. Bytes in, bytes out; what they mean is said in ``sealkit.sealer``.

A tag is the encrypt-then-MAC composition of RFC 7518 section 5.2.2.1 (step 5, not truncated) over associated data that are encoded
injectively; a synthetic IV is a MAC over the same kind of encoding with the payload in it. What proves a journal is a chain of MACs over its lines.
"""

from __future__ import annotations

from _operator import _compare_digest
from functools import lru_cache
from typing import TYPE_CHECKING

from sealkit.crypto.cipher import KeyMaterial
from sealkit.errors import NoUsableKey, Usage
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.hmac import HMAC

    from sealkit.context import Context

HEADER_BYTES, TAG_BYTES, IV_BYTES, PROOF_BYTES = 10, 32, 16, 32
_DOMAIN = b"sealkit/v1"
_SYNTHETIC = b"sealkit/v1 siv"
_KEPT = 64
_HASHES = {"sha256": 32, "sha384": 48, "sha512": 64}


def pae(parts: Sequence[bytes]) -> bytes:
    """Encode a list of byte strings so that no two lists give the same bytes (PASETO's pre-authentication encoding): little-endian 64-bit
    counts, of the parts and of each part's bytes, before what they count.
    """
    pieces = [len(parts).to_bytes(8, "little")]
    for part in parts:
        pieces += (len(part).to_bytes(8, "little"), part)
    return b"".join(pieces)


@opaque
def authenticate(key: bytes, associated: bytes, iv: bytes, ciphertext: bytes, *, hash: str = "sha256", length: int = 32) -> bytes:
    """Return the first ``length`` bytes of the HMAC of ``associated || iv || ciphertext || AL`` (RFC 7518 section 5.2.2.1, step 5).

    AL is the length of ``associated`` in bits, 64 bits big-endian. ``hash`` is ``sha256``, ``sha384`` or ``sha512``. With its halved
    lengths this is the tag of JOSE's A128CBC-HS256 and its sisters; blobs have the whole of HMAC-SHA256.
    """
    if hash not in _HASHES or not 0 < length <= _HASHES[hash]:
        raise Usage(problem=f"no tag of {length} bytes by {hash}")
    mac = _mac(key, hash)
    mac.update(associated + iv + ciphertext + _bits(associated))
    return mac.finalize()[:length]


def equal(one: bytes, other: bytes) -> bool:
    """Compare two tags in a time that tells nothing about where they differ; what ``hmac.compare_digest`` is."""
    return _compare_digest(one, other)


class Tagger(KeyMaterial):
    """Makes and checks tags under one MAC key of 32 bytes; the keyed state is kept and copied for each blob.

    Where the identity is empty, so is what is bound to it: the state after all that comes before the IV is kept as well.
    """

    __slots__ = ("_keyed", "_started")

    def __init__(self, mac: bytes | bytearray) -> None:
        self._keyed: HMAC | None = _mac(mac, "sha256")
        self._started: dict[tuple[bytes, tuple[bytes, ...]], tuple[HMAC, bytes]] = {}

    def tag(self, header: bytes, context: Context, iv: bytes, ciphertext: bytes) -> bytes:
        """Return the tag, 32 bytes, of a blob whose third part begins with ``header`` (version, bind, kid: 10 bytes)."""
        started, bits = self._start(header, context)
        mac = started.copy()
        mac.update(iv + ciphertext + bits)
        return mac.finalize()

    def tags(self, header: bytes, context: Context, rows: Sequence[bytes]) -> list[bytes]:
        """Return the tags of many blobs that are alike in all but their iv and ciphertext; a row is the two, one behind the other."""
        started, bits = self._start(header, context)
        made = []
        for row in rows:
            mac = started.copy()
            mac.update(row + bits)
            made.append(mac.finalize())
        return made

    def accepts(self, tag: bytes, header: bytes, context: Context, iv: bytes, ciphertext: bytes) -> bool:
        """Say, in constant time, whether ``tag`` is the tag."""
        return equal(self.tag(header, context, iv, ciphertext), tag)

    def _start(self, header: bytes, context: Context) -> tuple[HMAC, bytes]:
        if context.identity:
            return self._started_with(header, context)
        known = self._started.get((header, context.path))
        if known is None:
            known = self._started_with(header, context)
            if len(self._started) >= _KEPT:
                self._started.clear()
            self._started[header, context.path] = known
        return known

    def _started_with(self, header: bytes, context: Context) -> tuple[HMAC, bytes]:
        associated = pae([_DOMAIN, header, pae(context.identity), _encoded(context.path)])
        mac = _copied(self._keyed)
        mac.update(associated)
        return mac, _bits(associated)

    def close(self) -> None:
        """Drop the keyed states, which the library overwrites; later calls raise ``NoUsableKey``."""
        self._keyed = None
        self._started = {}  # a new one: a call under way fills the old one, which nobody has any more

    def __repr__(self) -> str:
        return "<Tagger>"


class Synthesizer(KeyMaterial):
    """Makes synthetic IVs under one key of 32 bytes."""

    __slots__ = ("_keyed",)

    def __init__(self, siv: bytes | bytearray) -> None:
        self._keyed: HMAC | None = _mac(siv, "sha256")

    def iv(self, context: Context, payload: bytes) -> bytes:
        """Return the IV, 16 bytes, that belongs to a payload in its place."""
        mac = _copied(self._keyed)
        mac.update(synthetic_input(context, payload))
        return mac.finalize()[:IV_BYTES]

    def close(self) -> None:
        """Drop the keyed state, which the library overwrites; later calls raise ``NoUsableKey``."""
        self._keyed = None

    def __repr__(self) -> str:
        return "<Synthesizer>"


class Prover(KeyMaterial):
    """Makes the MACs that prove a journal's lines, under the journal key (32 bytes) of the key that a rotation is to."""

    __slots__ = ("_keyed",)

    def __init__(self, journal: bytes | bytearray) -> None:
        self._keyed = _mac(journal, "sha256")

    def mac(self, before: bytes, line: bytes) -> bytes:
        """Return the MAC, 32 bytes, of a line that follows the one whose MAC is ``before``, always as long; so it covers all lines up to it."""
        mac = self._keyed.copy()
        mac.update(before + line)
        return mac.finalize()

    def __repr__(self) -> str:
        return "<Prover>"


def tag_input(header: bytes, context: Context, iv: bytes, ciphertext: bytes) -> bytes:
    """Return what a tag is the HMAC of, for a MAC key elsewhere."""
    associated = pae([_DOMAIN, header, pae(context.identity), _encoded(context.path)])
    return associated + iv + ciphertext + _bits(associated)


def synthetic_input(context: Context, payload: bytes) -> bytes:
    """Return what a synthetic IV is the HMAC of, for a key elsewhere."""
    return pae([_SYNTHETIC, pae(context.identity), _encoded(context.path), payload])


@lru_cache(maxsize=1024)
def _encoded(path: tuple[bytes, ...]) -> bytes:
    return pae(path)


def _bits(associated: bytes) -> bytes:
    return (8 * len(associated)).to_bytes(8)


def _copied(keyed: HMAC | None) -> HMAC:
    if keyed is None:
        raise NoUsableKey(problem="the key was closed", hint="load the ring anew")
    return keyed.copy()


def _mac(key: bytes | bytearray, hash: str) -> HMAC:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.hmac import HMAC

    algorithm: hashes.HashAlgorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[hash]
    return HMAC(key, algorithm)
