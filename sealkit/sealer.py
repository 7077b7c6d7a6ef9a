"""The recipe: payload and ring make a blob; a blob and the ring make a payload, with a verdict.

A two-part blob says neither which key sealed it nor whether anybody altered it, and a wrong key passes its padding check once in 255
times. So a ring is never simply tried: exactly one enabled key must both unpad and pass the payload check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from sealkit.crypto import cipher
from sealkit.crypto.blob import Blob
from sealkit.errors import (
    AmbiguousKey,
    CannotDecrypt,
    DisabledKey,
    Downgraded,
    NoUsableKey,
    PayloadCheck,
    ProofFailed,
    UnsupportedVersion,
    Usage,
)
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from sealkit.keys.key import Key
    from sealkit.keys.ring import KeyRing

UNAUTHENTICATED: Final = "unauthenticated"
AUTHENTIC: Final = "authentic"

TEXT: Final = "text"
JSON: Final = "json"
BINARY: Final = "binary"
PAYLOAD_KINDS: Final = (TEXT, JSON, BINARY)

# Everything below the blank but tab, line feed and carriage return, and DEL; and, in UTF-8, U+0080 to U+009F.
_CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n\r") + b"\x7f"
_C1 = tuple(b"\xc2" + bytes([byte]) for byte in range(0x80, 0xA0))
_ONE_BLOCK = 16


class Unsealed:
    """What a blob opened to: ``payload`` (bytes), ``key_id`` (the key that opened it), ``verdict``.

    The verdict ``unauthenticated`` says that somebody without the key may have altered the payload; ``authentic`` that nobody did.
    """

    __slots__ = ("key_id", "payload", "verdict")

    def __init__(self, payload: bytes, key_id: str, verdict: str) -> None:
        self.payload = payload
        self.key_id = key_id
        self.verdict = verdict

    @property
    def authenticated(self) -> bool:
        """Whether the verdict is ``authentic``."""
        return self.verdict == AUTHENTIC

    def __repr__(self) -> str:
        return f"<Unsealed {len(self.payload)} bytes, key {self.key_id}, {self.verdict}>"

    def __reduce__(self) -> NoReturn:
        raise Usage(problem="an unsealed payload is never pickled", hint="pickle its .payload, if you must")

    def __getstate__(self) -> NoReturn:
        self.__reduce__()


class Sealer:
    """Seals under the primary key of a ring, and opens under its enabled keys.

    ``key_id`` names the one key of the ring to use for both, and no other. ``payload`` is what payloads must be: ``text`` (strict
    UTF-8 without control characters but tab, CR and LF), ``json`` (text that is JSON, RFC 8259) or ``binary`` (anything; it checks
    nothing, so its key must be named). ``opens`` names the keys to open with, where they are not the sealing one. Raises
    ``NoUsableKey``, ``DisabledKey`` and ``Usage``.
    """

    __slots__ = ("_named", "_openers", "_payload", "_sealing")

    @opaque
    def __init__(
        self, ring: KeyRing, *, key_id: str | None = None, payload: str = TEXT, opens: tuple[str, ...] | None = None
    ) -> None:
        if payload not in PAYLOAD_KINDS:
            raise Usage(problem=f"no such payload kind: {payload!r}", hint=f"one of {', '.join(PAYLOAD_KINDS)}")
        named = opens or ((key_id,) if key_id is not None else ())
        if payload == BINARY and not named:
            raise Usage(
                problem="a binary payload has no form that could tell a wrong key",
                hint="name the key with --key-id ID (key_id=...)",
            )
        self._named = bool(named)
        self._sealing = ring.primary if key_id is None else _enabled(ring.get(key_id))
        self._openers = tuple(_enabled(ring.get(name)) for name in dict.fromkeys(named)) if named else ring.enabled
        self._payload = payload

    def __repr__(self) -> str:
        return f"<Sealer {self._sealing.id}, {self._payload} payloads>"

    @property
    def key_id(self) -> str:
        """The id of the key that seals."""
        return self._sealing.id

    def is_too_short_to_tell(self, blob: Blob) -> bool:
        """Say whether a two-part blob is too short to tell which of the ring's keys sealed it, so that the key must be named."""
        return not self._named and len(self._openers) > 1 and len(blob.ciphertext) <= _ONE_BLOCK

    @opaque
    def seal(self, payload: bytes) -> Blob:
        """Return a new blob of the payload under the sealing key, with an IV from the operating system's random generator.

        Raises ``PayloadCheck`` for a payload that would not pass when it is opened, and ``NoUsableKey`` for a key whose format this
        version does not write.
        """
        return self._seal(payload, cipher.random_iv())

    @opaque
    def unseal(self, blob: Blob) -> Unsealed:
        """Return the payload of a blob, with the key that opened it and the verdict.

        Raises ``UnsupportedVersion`` for a third part, ``CannotDecrypt`` for everything that can be wrong with a two-part blob,
        ``AmbiguousKey`` where two keys fit or the payload is too short to tell, and ``Downgraded`` under a key that accepts
        authentic blobs only.
        """
        if blob.auth is not None:
            raise UnsupportedVersion(
                problem="this version of sealkit does not check the tag of a three-part blob",
                hint="use a version that does; it is never opened unchecked",
            )
        if self.is_too_short_to_tell(blob):
            raise AmbiguousKey(problem="a payload of one block is too short to tell which of several keys sealed it")
        fits = [(key, payload) for key in self._openers if (payload := self._open(key, blob)) is not None]
        if not fits:
            raise CannotDecrypt
        if len(fits) > 1:
            raise AmbiguousKey(problem="more than one key of the ring opens this blob: " + ", ".join(key.id for key, _ in fits))
        key, payload = fits[0]
        if key.accept == AUTHENTIC:
            raise Downgraded(
                problem=f"key {key.id} accepts authentic blobs only, and this one has no tag",
                hint="somebody may have cut the tag off; if the blob is known to be good, set the key's accept to any",
            )
        return Unsealed(payload, key.id, UNAUTHENTICATED)

    @opaque
    def unseal_own(self, blob: Blob) -> bytes | None:
        """Return what a two-part blob opens to under the sealing key, None if it does not; for proving that the key works."""
        return self._open(self._sealing, blob)

    @opaque
    def reproduces(self, blob: Blob, unsealed: Unsealed) -> bool:
        """Say whether sealing the payload again with the same key and IV gives the same blob; for proving a round trip only."""
        key = next((key for key in self._openers if key.id == unsealed.key_id), None)
        return key is not None and key.cbc().encrypt(unsealed.payload, blob.iv) == blob.ciphertext

    def _seal(self, payload: bytes, iv: bytes) -> Blob:
        key = self._sealing
        if key.format != "plain":
            raise NoUsableKey(
                problem=f"key {key.id} seals in the format {key.format}, which this version of sealkit does not write",
                hint="use a version that does, or another key with --key-id ID",
            )
        if not isinstance(payload, bytes):
            raise Usage(problem="a payload is made of bytes", hint="encode text first, as in text.encode()")
        if not self._passes(payload):
            raise PayloadCheck(problem=f"the payload is not {_FORMS[self._payload]}", hint=_FORM_HINT)
        blob = Blob(key.cbc().encrypt(payload, iv), iv)
        if key.cbc().decrypt(blob.ciphertext, blob.iv) != payload:
            raise ProofFailed(problem="the new blob does not open to the payload")
        return blob

    def _open(self, key: Key, blob: Blob) -> bytes | None:
        payload = key.cbc().decrypt(blob.ciphertext, blob.iv)
        return payload if payload is not None and self._passes(payload) else None

    def _passes(self, payload: bytes) -> bool:
        return self._payload == BINARY or (is_text(payload) and (self._payload == TEXT or _is_json(payload)))


_FORMS = {TEXT: "text: strict UTF-8 without control characters but tab, CR and LF", JSON: "JSON", BINARY: "bytes"}
_FORM_HINT = "say what it is with --payload-kind binary --key-id ID, or json, or text"


def _enabled(key: Key) -> Key:
    if not key.enabled:
        raise DisabledKey(problem=f"key {key.id} is disabled", hint="enable it in the ring, or name another one")
    return key


def is_text(payload: bytes) -> bool:
    """Say whether a payload is strict UTF-8 without control characters other than tab, CR and LF."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    if len(payload.translate(None, _CONTROLS)) != len(payload):
        return False
    return b"\xc2" not in payload or not any(control in payload for control in _C1)


def _is_json(payload: bytes) -> bool:
    import json

    try:
        json.loads(payload, parse_constant=_no_constant, parse_int=str)  # Python limits the digits of a number, JSON does not
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    """``NaN`` and ``Infinity`` are not JSON, though Python reads them."""
    raise ValueError(name)
