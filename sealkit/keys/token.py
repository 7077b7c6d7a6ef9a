"""A key that never leaves its PKCS #11 token: AES-CBC and HMAC-SHA256 run in it. Objects are found by their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealkit.crypto.cipher import CBC, Derived, KeyMaterial, stripped, with_padding
from sealkit.crypto.tag import IV_BYTES, Synthesizer, Tagger, synthetic_input, tag_input
from sealkit.errors import NoUsableKey, Usage
from sealkit.keys.session import package, shared, words
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealkit.context import Context
    from sealkit.keys.session import Library, Place

_BLOCK = 16
_BITS = (128, 192, 256)
_WRAPS = {"kw": "AES_KEY_WRAP", "kwp": "AES_KEY_WRAP_PAD"}


class Token(KeyMaterial):
    """One key in a token, as a ``Key`` uses it: its size, its kid, and what enciphers, tags and makes IVs with it."""

    __slots__ = ("_objects", "_opened", "_session", "bits", "label", "place")

    @opaque
    def __init__(self, place: Place, pin: bytearray, label: str) -> None:
        self.place = place
        self.label = label
        self._session = shared(place, pin, label)
        self._objects: dict[str, Any] = {}
        self._opened = 0
        try:
            with self._session.lock:
                self.bits = int(self._object("key").key_length)
                for name in ("mac", "siv"):
                    if getattr(place, name):
                        self._object(name)
            self._check_size()
        except NoUsableKey:
            self.close()
            raise

    def _check_size(self) -> None:
        if self.bits not in _BITS:
            problem = f"{self.label}: {self.bits} bits; a key has 128, 192 or 256"
            raise NoUsableKey(problem=problem, hint="is it the right object?")

    def cbc(self) -> CBC:
        """Return what enciphers and deciphers in the token."""
        return TokenCBC(self)

    def tagger(self) -> Tagger:
        """Return what makes and checks tags in the token. Raises ``NoUsableKey`` without a MAC key."""
        return TokenTagger(self._signer("mac"))

    def synthesizer(self) -> Synthesizer:
        """Return what makes synthetic IVs in the token. Raises ``NoUsableKey`` without a key for them."""
        return TokenSynthesizer(self._signer("siv"))

    def derived(self) -> Derived:
        """Return its kid, which the ring says; the keys that it goes with stay in the token. Raises ``NoUsableKey`` without one."""
        if not self.place.kid:
            hint = "a key with its MAC key and kid is made by: sealkit keys to-token"
            raise NoUsableKey(problem=f"{self.label}: the ring says no kid of it, so it seals plain blobs only", hint=hint)
        return Derived(kid=bytes.fromhex(self.place.kid), mac=b"", siv=b"", journal=b"")

    def _signer(self, name: str) -> Callable[[bytes], bytes]:
        if not getattr(self.place, name):
            word = "tags" if name == "mac" else "synthetic IVs"
            hint = f"add {name}: LABEL to its source; sealkit keys to-token puts one there"
            raise NoUsableKey(problem=f"{self.label}: no key for {word} in the token", hint=hint)
        return lambda data: self.do("HMAC", name, data)

    def do(self, what: str, name: str, data: bytes, iv: bytes = b"") -> bytes:
        """Have the token ``encrypt`` or ``decrypt`` (with ``iv``), encipher ``blocks`` or make an ``HMAC``. Raises ``NoUsableKey`` when it fails."""
        pkcs11 = package(self.label)
        with self._session.lock:
            try:
                key, mechanism = self._object(name), pkcs11.Mechanism
                if what == "HMAC":
                    return bytes(key.sign(data, mechanism=mechanism.SHA256_HMAC))
                if what == "blocks":
                    return bytes(key.encrypt(data, mechanism=mechanism.AES_ECB))
                function = key.encrypt if what == "encrypt" else key.decrypt
                return bytes(function(data, mechanism=mechanism.AES_CBC, mechanism_param=iv))
            except pkcs11.PKCS11Error as error:
                failure = words(error)
        raise NoUsableKey(problem=f"{self.label}: the token fails: {failure}", hint="is it still there? load the ring anew")

    @opaque
    def unwrap(self, wrapped: bytes, algorithm: str) -> bytearray:
        """Return what was wrapped under the key (RFC 3394, RFC 5649); the token unwraps it and gives it out. Raises ``NoUsableKey``."""
        pkcs11 = package(self.label)
        attribute = pkcs11.Attribute
        template = {attribute.TOKEN: False, attribute.SENSITIVE: False, attribute.EXTRACTABLE: True}
        try:
            kind, mechanism = pkcs11.KeyType.GENERIC_SECRET, getattr(pkcs11.Mechanism, _WRAPS[algorithm])
            with self._session.lock:
                made = self._object("key").unwrap_key(
                    pkcs11.ObjectClass.SECRET_KEY, kind, wrapped, mechanism=mechanism, template=template
                )
                secret = bytearray(made[attribute.VALUE])
                made.destroy()
        except pkcs11.PKCS11Error as error:
            failure = words(error)
        else:
            return secret
        raise NoUsableKey(problem=f"it does not unwrap in the token ({failure})", hint="another key wrapped it, or it was altered")

    @opaque
    def wrap(self, secret: bytearray, algorithm: str) -> bytes:
        """Return some bytes wrapped under the key, by the token. Raises ``NoUsableKey``."""
        pkcs11 = package(self.label)
        attribute = pkcs11.Attribute
        template = {
            attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
            attribute.KEY_TYPE: pkcs11.KeyType.GENERIC_SECRET,
            attribute.TOKEN: False,
            attribute.EXTRACTABLE: True,
            attribute.VALUE: bytes(secret),
        }
        try:
            with self._session.lock:
                inner = self._session.ready().create_object(template)
                wrapped = bytes(self._object("key").wrap_key(inner, mechanism=getattr(pkcs11.Mechanism, _WRAPS[algorithm])))
                inner.destroy()
        except pkcs11.PKCS11Error as error:
            failure = words(error)
        else:
            return wrapped
        raise NoUsableKey(problem=f"the token does not wrap with it ({failure})", hint="its key must be allowed to wrap (CKA_WRAP)")

    def _object(self, name: str) -> Library:
        """Return an object of the token as this process has it; found anew after a fork."""
        session = self._session.ready()
        if self._opened != self._session.pid:
            self._objects = {}
            self._opened = self._session.pid
        if name not in self._objects:
            self._objects[name] = self._found(session, name)
        return self._objects[name]

    def _found(self, session: Library, name: str) -> Library:
        pkcs11 = package(self.label)
        sought = getattr(self.place, name)
        kinds = [pkcs11.KeyType.AES] if name == "key" else [pkcs11.KeyType.GENERIC_SECRET, pkcs11.KeyType.SHA256_HMAC]
        found = []
        for kind in kinds:
            given = {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
                pkcs11.Attribute.KEY_TYPE: kind,
                pkcs11.Attribute.LABEL: sought,
            }
            found += list(session.get_objects(given))
        if len(found) == 1:
            return found[0]
        what = "an AES key" if name == "key" else "a key for HMAC"
        problem = f"{self.label}: the token has {'no' if not found else 'more than one'} object {sought!r} that is {what}"
        raise NoUsableKey(problem=problem, hint="list them: pkcs11-tool --module MODULE --login --list-objects")

    def close(self) -> None:
        """Let go of the session; the last one to do so closes it, and its PIN is wiped."""
        self._objects = {}
        self._session.leave()

    def __repr__(self) -> str:
        return f"<Token {self.place.token!r}>"


class TokenCBC(CBC):
    """AES-CBC with PKCS#7 padding in a token; what a padding is, is decided here, as for every other key."""

    __slots__ = ("_token",)

    def __init__(self, token: Token) -> None:  # no key bytes: nothing of the parent's
        self._token = token

    @opaque
    def encrypt(self, payload: bytes, iv: bytes) -> bytes:
        """Return the ciphertext, see ``CBC.encrypt``."""
        if not isinstance(payload, bytes) or not isinstance(iv, bytes) or len(iv) != _BLOCK:
            raise Usage(problem="encrypt takes a payload in bytes and an iv of 16 bytes")
        return self._token.do("encrypt", "key", with_padding(payload), iv)

    @opaque
    def decrypt_whole(self, ciphertext: bytes, iv: bytes) -> tuple[bytes, bool]:
        """Return what was deciphered, see ``CBC.decrypt_whole``."""
        if not isinstance(ciphertext, bytes) or not isinstance(iv, bytes):
            raise Usage(problem="decrypt takes a ciphertext and an iv in bytes")
        if not ciphertext or len(ciphertext) % _BLOCK or len(iv) != _BLOCK:
            return b"", False
        return stripped(self._token.do("decrypt", "key", ciphertext, iv))

    @opaque
    def _stream(self, rows: bytes | memoryview) -> bytearray:
        return bytearray(self._token.do("decrypt", "key", bytes(rows), bytes(_BLOCK))) if rows else bytearray()

    @opaque
    def _each(self, blocks: bytes | memoryview) -> bytes:
        return self._token.do("blocks", "key", bytes(blocks)) if blocks else b""

    def close(self) -> None:
        """Do nothing: the key closes its token."""

    def __repr__(self) -> str:
        return f"<CBC in {self._token!r}>"


class TokenTagger(Tagger):
    """Makes and checks tags with a MAC key in a token."""

    __slots__ = ("_sign",)

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self._sign = sign

    def tag(self, header: bytes, context: Context, iv: bytes, ciphertext: bytes) -> bytes:
        """Return the tag, see ``Tagger.tag``."""
        return self._sign(tag_input(header, context, iv, ciphertext))

    def tags(self, header: bytes, context: Context, rows: Sequence[bytes]) -> list[bytes]:
        """Return the tags of many blobs, see ``Tagger.tags``."""
        return [self._sign(tag_input(header, context, row[:IV_BYTES], row[IV_BYTES:])) for row in rows]


class TokenSynthesizer(Synthesizer):
    """Makes synthetic IVs with a key in a token."""

    __slots__ = ("_sign",)

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self._sign = sign

    def iv(self, context: Context, payload: bytes) -> bytes:
        """Return the IV, see ``Synthesizer.iv``."""
        return self._sign(synthetic_input(context, payload))[:IV_BYTES]
