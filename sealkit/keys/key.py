"""One key, opaque: it can be used and named, but not printed, copied or pickled."""

from __future__ import annotations

import os
from _operator import _compare_digest
from typing import TYPE_CHECKING, NoReturn, Self

from sealkit.door import typed, typed_where_it_fails
from sealkit.errors import ConfigError, NoUsableKey, Usage
from sealkit.keys.process import keep_in_memory
from sealkit.wiping import moved, wipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealkit.crypto.cipher import CBC, Derived
    from sealkit.crypto.tag import Synthesizer, Tagger
    from sealkit.keys.reach import Reach
    from sealkit.keys.token import Token

FORMATS = ("plain", "tagged", "synthetic")
STRENGTH = ("plain", "synthetic", "tagged")
"""The formats, from the one that proves nothing to the one whose proof can be checked without decryption."""
ACCEPTS = ("any", "authentic")
STATES = ("enabled", "decrypt-only", "disabled")
"""What a key may do: open and seal; open; nothing."""
KID_BYTES = 8
MAC_BYTES = 32
"""The length of a separate MAC secret, and of the derived MAC key that a verify-only key has."""

SIZES = (16, 24, 32)
"""Lengths of a key in bytes: AES-128, AES-192, AES-256 (NIST FIPS 197)."""

_ONLY_HINT = "use the ring that it was exported from"
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_MAX_ID = 64
_BITS = tuple(8 * size for size in SIZES)


def check_id(key_id: object) -> None:
    """Raise ``ConfigError`` unless it is 1 to 64 of the characters a-z 0-9 . _ - (it is not repeated: it may be a misplaced key)."""
    if not isinstance(key_id, str) or not 1 <= len(key_id) <= _MAX_ID or not _ID_CHARACTERS.issuperset(key_id):
        raise ConfigError(problem="not a key id", hint=f"an id is 1 to {_MAX_ID} of the characters a-z 0-9 . _ -, such as k2")


def check_attributes(key_id: str, *, format: str, accept: str, state: str) -> None:
    """Raise ``ConfigError`` unless the three are known words that go together."""
    for name, value, allowed in (("format", format, FORMATS), ("accept", accept, ACCEPTS), ("state", state, STATES)):
        if value not in allowed:
            raise ConfigError(problem=f"key {key_id}: no such {name}", hint="known here: " + ", ".join(allowed))
    if accept == "authentic" and format == "plain":
        raise ConfigError(
            problem=f"key {key_id}: it would refuse what it seals: accept is authentic, format is plain",
            hint="add format: tagged (or synthetic), or leave accept out",
        )


class Key:
    """One AES key of a ring, with its id and attributes (format, accept, state: see the ring file).

    It holds 16, 24 or 32 bytes; only a disabled key may be without (``secret`` None), when its source cannot be had. ``mac_secret`` is a
    separate secret of 32 bytes, if tags are to have one. ``only`` holds globs: it is for files with such paths below their tree's root. Two keys are equal only if they are one object. Secrets are copied: the caller
    wipes its own. Raises ``ConfigError`` for an impossible id or attribute and ``NoUsableKey`` for bytes that are not a key.
    """

    __slots__ = (
        *("_accept", "_cbc", "_closed", "_derived", "_format", "_id", "_mac_secret", "_secret", "_state"),
        *("_synthesizer", "_tagger", "_token", "is_verify_only", "reach"),
    )

    is_verify_only: bool
    """Whether it can only check tags: it has a kid and a MAC key, but neither opens nor seals."""

    reach: Reach | None
    """Where alone it may be used, None for everywhere."""

    @typed
    def __init__(
        self,
        id: str,
        secret: bytes | bytearray | None,
        *,
        format: str = "plain",
        accept: str = "any",
        state: str = "enabled",
        mac_secret: bytes | bytearray | None = None,
        only: Iterable[str] = (),
    ) -> None:
        check_id(id)
        check_attributes(id, format=format, accept=accept, state=state)
        _check_secret(id, secret, may_lack=state == "disabled")
        _check_mac(id, mac_secret)
        self._id = str(id)
        self._mac_secret = _kept(mac_secret)
        self.is_verify_only = False
        self.reach = reach_of(only)
        self._secret = _kept(secret)
        self._format, self._accept, self._state = format, accept, state
        self._closed = False
        self._cbc: CBC | None = None
        self._derived: Derived | None = None
        self._tagger: Tagger | None = None
        self._synthesizer: Synthesizer | None = None
        self._token: Token | None = None

    @classmethod
    @typed
    def verify_only(
        cls,
        id: str,
        kid: bytes,
        mac: bytes | bytearray,
        *,
        format: str = "tagged",
        accept: str = "any",
        state: str = "enabled",
        only: Iterable[str] = (),
    ) -> Self:
        """Return a key that can only check tags: ``kid`` is 8 bytes, ``mac`` the derived MAC key, 32 bytes.

        Raises ``ConfigError`` and ``NoUsableKey``.
        """
        from sealkit.crypto.cipher import Derived

        key = cls(id, None, format=format, accept=accept, state="disabled", only=only)
        if len(kid) != KID_BYTES:
            raise NoUsableKey(problem=f"key {id}: a kid is 16 hex digits")
        _check_mac(id, mac)
        check_attributes(id, format=format, accept=accept, state=state)
        key._state, key.is_verify_only = state, True
        key._derived = Derived(kid=kid, mac=mac, siv=b"", journal=b"")
        return key

    @classmethod
    @typed
    def in_token(cls, id: str, token: Token, *, format: str, accept: str, state: str, only: Iterable[str] = ()) -> Self:
        """Return a key that works in its token and never gives its bytes away. Raises ``ConfigError`` and ``NoUsableKey``."""
        key = cls(id, None, format=format, accept=accept, state="disabled", only=only)
        key._state, key._token, key._cbc = state, token, token.cbc()
        return key

    @classmethod
    @typed
    def generate(cls, id: str, bits: int = 256) -> Self:
        """Return a new plain key of 128, 192 or 256 random bits from the operating system.

        It can never be saved: ``ringstore.add_key`` makes keys that are written first. Raises ``ConfigError`` for another size.
        """
        return cls(id, random_secret(bits))

    @property
    def id(self) -> str:
        """Its name in the ring, for people."""
        return self._id

    @property
    def bits(self) -> int:
        """Its size: 128, 192 or 256; 0 when it is closed or without bytes."""
        return self._token.bits if self._token is not None else 8 * len(self._secret or b"")

    @property
    def format(self) -> str:
        """The format it seals in: ``plain``, ``tagged`` or ``synthetic``."""
        return self._format

    @property
    def accept(self) -> str:
        """``any``, or ``authentic``: blobs without a proof of authenticity are refused under it."""
        return self._accept

    @property
    def proves_by_iv(self) -> bool:
        """Whether a synthetic IV counts under it: it seals such ones, or accepts nothing else in two parts."""
        able = self._token is None or bool(self._token.place.siv)
        return able and not self.is_verify_only and (self._format == "synthetic" or self._accept == "authentic")

    @property
    def state(self) -> str:
        """``enabled``, ``decrypt-only`` or ``disabled``."""
        return self._state

    @property
    def enabled(self) -> bool:
        """Whether it may open and seal, as far as its state goes."""
        return self._state == "enabled"

    @property
    def may_open(self) -> bool:
        """Whether it may open, or, if it is verify-only, check tags."""
        return self._state != "disabled"

    @property
    def may_seal(self) -> bool:
        """Whether it may seal."""
        return self.enabled and not self.is_verify_only

    @property
    def kid(self) -> str:
        """Its key check value, 16 hex digits, that people compare and tagged blobs carry; "" for a key without bytes.

        Derived from the key by HKDF, so it tells nothing about it but which blobs share it.
        """
        if self._token is not None:
            return self._token.place.kid
        if self._secret is None and self._derived is None:
            return ""
        return self.derived().kid.hex()

    def derived(self) -> Derived:
        """Return what is derived from it (kid, MAC key, synthetic IV key), computed once. Raises ``NoUsableKey`` when closed."""
        if self._derived is None:
            from sealkit.crypto.cipher import derive

            self._derived = self._token.derived() if self._token is not None else derive(self._usable(), self._mac_secret)
        return self._derived

    def tagger(self) -> Tagger:
        """Return what makes and checks its tags, always the same one. Raises ``NoUsableKey`` when closed or without bytes."""
        if self._tagger is None:
            from sealkit.crypto.tag import Tagger

            self._tagger = self._token.tagger() if self._token is not None else Tagger(self.derived().mac)
        return self._tagger

    def synthesizer(self) -> Synthesizer:
        """Return what makes its synthetic IVs, always the same one. Raises ``NoUsableKey`` when closed, verify-only or without bytes."""
        if self._synthesizer is None:
            from sealkit.crypto.tag import Synthesizer

            if self._token is None:
                self._usable()
            self._synthesizer = self._token.synthesizer() if self._token is not None else Synthesizer(self.derived().siv)
        return self._synthesizer

    def cbc(self) -> CBC:
        """Return its AES-CBC cipher, always the same one. Raises ``NoUsableKey`` when closed or without bytes."""
        if self._cbc is None:
            from sealkit.crypto.cipher import CBC

            self._cbc = CBC(self._usable())
        return self._cbc

    @typed_where_it_fails
    def secret_equals_iv(self, iv: bytes) -> bool:
        """Tell, in constant time, whether a blob's IV is the key itself, a mistake that publishes a 128-bit key."""
        return self._secret is not None and _equal(self._secret, iv)

    @typed_where_it_fails
    def same_secret(self, other: Key) -> bool:
        """Tell, in constant time, whether two keys have the same bytes, by their kids where one is in a token; keys without are like no other."""
        if self._token is not None or other._token is not None:
            return bool(self.kid) and self.kid == other.kid
        return bool(self._secret and other._secret) and _equal(self._secret or b"", other._secret or b"")

    @typed
    def encoded(self, encoding: str) -> bytearray:
        """Return the bytes of the key, for a file of their own, as ``hex``, ``base64`` (each one line) or ``raw``; for the caller to wipe.

        The one way out of a key. Raises ``NoUsableKey`` for a key without bytes, and for one with a separate MAC secret, of which they are half.
        """
        secret = self._usable()
        if self._mac_secret is not None:
            hint = "copy its entry of the ring, with source and mac"
            raise NoUsableKey(problem=f"key {self._id} has a separate MAC secret, so its bytes are half of it", hint=hint)
        if encoding == "raw":
            return bytearray(secret)
        from binascii import b2a_base64, hexlify

        if encoding == "base64":
            return moved(b2a_base64(secret))
        digits = moved(hexlify(secret))
        line = bytearray(len(digits) + 1)  # whole from the start: what grows is copied, and leaves what it was behind
        line[:-1], line[-1:] = digits, b"\n"
        wipe(digits)
        return line

    @typed_where_it_fails
    def is_one_of(self, secrets: tuple[bytes, ...]) -> bool:
        """Tell whether its bytes are among some known ones (those published as examples)."""
        return any(_equal(self._secret or b"", secret) for secret in secrets)

    def close(self) -> None:
        """Wipe the bytes and drop the ciphers, as far as Python lets us; the key cannot be used any more."""
        if self._secret is not None:
            wipe(self._secret)
            self._secret = bytearray()
        if self._mac_secret is not None:
            wipe(self._mac_secret)
            self._mac_secret = bytearray()
        for holder in (self._cbc, self._derived, self._tagger, self._synthesizer, self._token):
            if holder is not None:
                holder.close()
        self._closed = True
        self._cbc = self._token = None
        self._derived = self._tagger = self._synthesizer = None

    def _usable(self) -> bytearray:
        if self._closed:
            raise NoUsableKey(problem=f"key {self._id} was closed", hint="load the ring anew")
        if self.is_verify_only:
            raise NoUsableKey(
                problem=f"key {self._id} is verify-only: it checks tags, but opens and seals nothing", hint=_ONLY_HINT
            )
        if self._token is not None:
            raise NoUsableKey(problem=f"key {self._id}: its bytes never leave its token", hint="use it where it is")
        if self._secret is None:
            raise NoUsableKey(problem=f"key {self._id} is disabled and its bytes cannot be had", hint="mend its source")
        return self._secret

    def __repr__(self) -> str:
        if self._closed or (self._secret is None and self._token is None):
            kind = "closed" if self._closed else "verify-only" if self.is_verify_only else "without bytes"
            return f"<Key {self._id} {kind}>"
        return f"<Key {self._id} {self.bits} bits>"

    def __getstate__(self) -> NoReturn:
        refuse_copy("key")

    def __reduce__(self) -> NoReturn:
        refuse_copy("key")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        refuse_copy("key")


def random_secret(bits: int) -> bytearray:
    """Return 128, 192 or 256 random bits from the operating system. Raises ``ConfigError`` for another size."""
    if bits not in _BITS:
        raise ConfigError(problem="no such key size", hint="a key has 128, 192 or 256 bits")
    return bytearray(os.urandom(bits // 8))


def reach_of(only: Iterable[str]) -> Reach | None:
    """Return where a key may be used, None for everywhere. Raises ``ConfigError``."""
    globs = tuple(only)
    if not globs:
        return None
    from sealkit.keys.reach import Reach

    return Reach(globs)


def _kept(secret: bytes | bytearray | None) -> bytearray | None:
    """Return a copy that belongs to a key, and is never swapped if the system allows that."""
    if secret is None:
        return None
    copy = bytearray(secret)
    keep_in_memory(copy)
    return copy


def _check_secret(key_id: str, secret: bytes | bytearray | None, *, may_lack: bool) -> None:
    if secret is None and may_lack:
        return
    if secret is None:
        raise NoUsableKey(problem=f"key {key_id}: a key is made of bytes", hint="decode hex or base64 text first")
    if len(secret) not in SIZES:
        twice_as_long = len(secret) % 2 == 0 and len(secret) // 2 in SIZES
        hint = "text of twice the length is probably hex: decode it" if twice_as_long else "make one with: sealkit keygen"
        raise NoUsableKey(problem=f"key {key_id}: {len(secret)} bytes; a key has 16, 24 or 32", hint=hint)


def _check_mac(key_id: str, mac: bytes | bytearray | None) -> None:
    if mac is not None and len(mac) != MAC_BYTES:
        raise NoUsableKey(problem=f"key {key_id}: a MAC secret is {MAC_BYTES} bytes")


def _equal(one: bytes | bytearray, other: bytes | bytearray) -> bool:
    """Compare in a time that tells nothing; what ``hmac.compare_digest`` is, without the import of hashlib (3 ms)."""
    return _compare_digest(one, other)


def refuse_copy(what: str) -> NoReturn:
    """Raise ``Usage``: neither a key nor a ring is ever copied or pickled."""
    raise Usage(problem=f"a {what} is never copied or pickled", hint="hand on the path of the ring file and load it there")
