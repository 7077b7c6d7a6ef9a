"""The hazardous floor: AES-CBC with PKCS#7 padding, and the keys derived from a key. Bytes in, bytes out; no recipe.

Nothing here is authentic, and what ``CBC.decrypt`` says about a wrong ciphertext is a padding oracle in the wrong hands: use
``sealkit.sealer``, which is the recipe. ``cryptography`` is imported when the first context is made, not before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NoReturn

from sealkit.errors import NoUsableKey, Usage
from sealkit.opaque import opaque
from sealkit.wiping import moved, wipe

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

_BLOCK = 16
_KEY_BYTES = (16, 24, 32)
_MAC_SECRET_BYTES = 32
_ZERO_IV = bytes(_BLOCK)
_HASH, _MOST_BLOCKS = 32, 255  # of HKDF with SHA-256

# PKCS#7 (RFC 5652 section 6.3), by the number of bytes added.
_PADDING = tuple(bytes([count]) * count for count in range(_BLOCK + 1))
# By the value of a plaintext's last byte: what the last block ends in, as an integer, and which of its bits that fixes. A value that
# is no padding (0, 17..255) is given an ending that contradicts it, so that all 256 values take the same steps.
_VALID = range(1, _BLOCK + 1)
_ENDING = tuple(int.from_bytes(_PADDING[last]) if last in _VALID else last ^ 1 for last in range(256))
_ENDING_BITS = tuple((1 << 8 * last) - 1 if last in _VALID else 0xFF for last in range(256))


class KeyMaterial:
    """What holds key bytes: not shown, not copied, not pickled."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        problem = f"{type(self).__name__} holds key material, which is never pickled or copied"
        raise Usage(problem=problem)

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(None)


class CBC(KeyMaterial):
    """AES-CBC (NIST SP 800-38A) with PKCS#7 padding under one key, with contexts that are kept between calls.

    A context cannot be given a new IV, and making one costs more than deciphering a short payload. But CBC chains: a context fed
    ``iv || ciphertext`` deciphers the ciphertext rightly whatever it was fed before, after 16 bytes that mean nothing; and one
    that last wrote block ``c``, fed ``p ^ iv ^ c`` as its first block, writes what a new context would for ``iv`` and ``p``.

    A call takes a context out of the list of idle ones, or makes one if all are busy, and puts it back when it has succeeded. So
    threads may share a CBC without a lock (and without a lock that a fork could leave locked), and a call that is interrupted
    anywhere, by any exception, drops its context with the unknown state it is in. After a fork both processes have their own
    copy, and since no result depends on what a context did before, neither can harm the other.

    Raises ``NoUsableKey`` if the key is not 16, 24 or 32 bytes.
    """

    __slots__ = ("_blocks", "_decryptors", "_encryptors", "_secret")

    @opaque
    def __init__(self, key: bytes | bytearray) -> None:
        _check_key(key)
        self._secret = bytearray(key)
        self._decryptors: list[CipherContext] = []
        self._encryptors: list[tuple[CipherContext, int]] = []  # with the last block each one wrote
        self._blocks: list[CipherContext] = []

    @opaque
    def encrypt(self, payload: bytes, iv: bytes) -> bytes:
        """Return the ciphertext of ``payload`` (any length): 16 to 1 bytes longer, a multiple of 16.

        ``iv`` is 16 bytes that were never used under this key before: see ``random_iv``. Raises ``Usage`` if it is not 16 bytes,
        ``NoUsableKey`` after ``close``.
        """
        if not isinstance(payload, bytes) or not isinstance(iv, bytes) or len(iv) != _BLOCK:
            raise Usage(problem="encrypt takes a payload in bytes and an iv of 16 bytes")
        padded = payload + _PADDING[_BLOCK - len(payload) % _BLOCK]
        idle = self._encryptors
        try:
            context, last = idle.pop()
        except IndexError:
            context, last = self._new_context("encryptor"), 0
        first = int.from_bytes(padded[:_BLOCK]) ^ int.from_bytes(iv) ^ last
        ciphertext = context.update(first.to_bytes(_BLOCK) + padded[_BLOCK:])
        idle.append((context, int.from_bytes(ciphertext[-_BLOCK:])))
        return ciphertext

    def decrypt(self, ciphertext: bytes, iv: bytes) -> bytes | None:
        """Return the payload, or None if the length of ``ciphertext`` or ``iv``, or the padding, is wrong: never say which.

        Under a wrong key about 1 in 255 paddings is right by chance: a payload from here is not known to be one. Raises ``Usage``
        if an argument is not bytes, ``NoUsableKey`` after ``close``.
        """
        text, unpads = self.decrypt_whole(ciphertext, iv)
        return text if unpads else None

    def decrypt_whole(self, ciphertext: bytes, iv: bytes) -> tuple[bytes, bool]:
        """Return the payload and True; or, where the padding is wrong, all that was deciphered, and False. The steps are the same.

        For who looks at the text whatever its padding, so that nobody can tell from the time whether it was right. Raises as ``decrypt``.
        """
        if not isinstance(ciphertext, bytes) or not isinstance(iv, bytes):
            raise Usage(problem="decrypt takes a ciphertext and an iv in bytes")
        if not ciphertext or len(ciphertext) % _BLOCK or len(iv) != _BLOCK:
            return b"", False
        idle = self._decryptors
        context = self._taken(idle, "decryptor")
        padded = context.update(iv + ciphertext)
        idle.append(context)
        # The first 16 bytes depend on the key and on what the context did before; nobody may see them.
        return stripped(padded, _BLOCK)

    def decrypt_rows(self, rows: bytes | memoryview, width: int) -> bytearray:
        """Return what many ciphertexts of one length decrypt to, in one pass: the padding is still there, and not checked.

        ``rows`` holds, one behind the other, ``width`` bytes each: the iv and the ciphertext. The result is laid out as they are, with
        blanks in the place of the ivs: rows of text are one text. Raises ``Usage`` for other lengths, ``NoUsableKey`` after ``close``.
        """
        if width < 2 * _BLOCK or width % _BLOCK or len(rows) % width:
            raise Usage(problem="decrypt_rows takes rows of an iv and a ciphertext each")
        padded = self._stream(rows)
        # What stands where the ivs were depends on the key and on what was done before; nobody may see it.
        blanks = b" " * (len(rows) // width)
        for at in range(_BLOCK):
            padded[at::width] = blanks
        return padded

    def encrypt_blocks(self, blocks: bytes | memoryview) -> bytes:
        """Return each block of 16 bytes enciphered by itself: one step of CBC for many payloads that go on in lock step.

        The caller has combined each block with what CBC combines it with; for anything else this is ECB, which hides nothing. Raises
        ``Usage`` for anything but whole blocks, ``NoUsableKey`` after ``close``.
        """
        if len(blocks) % _BLOCK:
            raise Usage(problem="encrypt_blocks takes whole blocks of 16 bytes")
        return self._each(blocks)

    def _stream(self, rows: bytes | memoryview) -> bytearray:
        """Return what whole blocks decrypt to in CBC mode; after an iv that is unknown."""
        idle = self._decryptors
        context = self._taken(idle, "decryptor")
        padded = bytearray(len(rows) + _BLOCK - 1)  # what update_into asks for, whatever it writes
        context.update_into(rows, padded)
        idle.append(context)
        del padded[len(rows) :]
        return padded

    def _each(self, blocks: bytes | memoryview) -> bytes:
        """Return whole blocks, each enciphered by itself."""
        idle = self._blocks
        context = self._taken(idle, "blocks")
        enciphered = context.update(blocks)
        idle.append(context)
        return enciphered

    def close(self) -> None:
        """Drop the contexts and overwrite this object's copy of the key (best effort: Python promises no more).

        Later calls raise ``NoUsableKey``; calls that are under way in other threads end rightly or raise that.
        """
        secret, self._secret = self._secret, bytearray()
        # New lists, not emptied ones: a call under way puts its context back into the old list, which nobody has any more.
        self._decryptors = []
        self._encryptors = []
        self._blocks = []
        wipe(secret)

    def __repr__(self) -> str:
        return f"<CBC {len(self._secret) * 8} bits>"

    def _taken(self, idle: list[CipherContext], kind: Literal["decryptor", "blocks"]) -> CipherContext:
        """Take a context that nobody uses just now, or a new one; whoever is done with it puts it back into the same list."""
        try:
            return idle.pop()
        except IndexError:
            return self._new_context(kind)

    def _new_context(self, kind: Literal["encryptor", "decryptor", "blocks"]) -> CipherContext:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        secret = self._secret
        if secret:
            mode = modes.CBC(_ZERO_IV) if kind != "blocks" else modes.ECB()  # encrypt_blocks takes blocks that were chained already
            cipher = Cipher(algorithms.AES(secret), mode)
            context = cipher.decryptor() if kind == "decryptor" else cipher.encryptor()
            # Looked at after the context was made: had ``close`` come in between, it might be one under a key of zeros.
            if self._secret is secret:
                return context
        raise NoUsableKey(problem="the key was closed", hint="load the ring anew")


def with_padding(payload: bytes) -> bytes:
    """Return a payload padded to whole blocks (PKCS#7), for a cipher elsewhere."""
    return payload + _PADDING[_BLOCK - len(payload) % _BLOCK]


def stripped(padded: bytes, start: int = 0) -> tuple[bytes, bool]:
    """Return what was padded, from ``start`` on, and True; all of it and False if the padding is wrong, in the same steps."""
    last = padded[-1]
    unpads = not (int.from_bytes(padded[-_BLOCK:]) ^ _ENDING[last]) & _ENDING_BITS[last]
    return padded[start : len(padded) - last * unpads], unpads


class Derived(KeyMaterial):
    """What is derived from a key: ``kid`` (8 bytes, public), ``mac``, ``siv`` and ``journal`` (32 bytes each, secret; empty where they are not to be had).

    The secrets are copied: the caller wipes its own.
    """

    __slots__ = ("journal", "kid", "mac", "siv")

    def __init__(self, *, kid: bytes, mac: bytes | bytearray, siv: bytes | bytearray, journal: bytes | bytearray) -> None:
        self.kid = kid
        self.mac = bytearray(mac)
        self.siv = bytearray(siv)
        self.journal = bytearray(journal)

    def close(self) -> None:
        """Overwrite the secrets, for everybody who was given them; the kid stays."""
        for secret in (self.mac, self.siv, self.journal):
            wipe(secret)

    def __repr__(self) -> str:
        return f"<Derived kid={self.kid.hex()}>"


@opaque
def derive(secret: bytes | bytearray, mac_secret: bytes | bytearray | None = None) -> Derived:
    """Derive key id, MAC key, synthetic-IV key and journal key from a key of 16, 24 or 32 bytes: HKDF-SHA256 (RFC 5869).

    ``mac_secret`` is a separate secret of 32 bytes; its length is fixed so that no two pairs of secrets run together into the
    same bytes. Raises ``NoUsableKey`` if a length is wrong.
    """
    _check_key(secret)
    salt, material = b"sealkit/v1", bytearray(secret)
    if mac_secret is not None:
        if not isinstance(mac_secret, (bytes, bytearray)) or len(mac_secret) != _MAC_SECRET_BYTES:
            raise NoUsableKey(problem="a separate MAC secret must be 32 bytes")
        salt, alone = b"sealkit/v1+mac", material
        material = alone + mac_secret
        wipe(alone)
    secrets: list[bytearray] = []
    try:
        for name, length in ((b"kid", 8), (b"mac", 32), (b"siv", 32), (b"journal", 32)):
            secrets.append(_hkdf(material, salt=salt, info=b"sealkit/v1 " + name, length=length))
        kid, mac, siv, journal = secrets
        return Derived(kid=bytes(kid), mac=mac, siv=siv, journal=journal)
    finally:
        for secret in (material, *secrets):
            wipe(secret)


def random_iv() -> bytes:
    """Return 16 bytes from the operating system's random generator: unpredictable, and new for each payload."""
    return os.urandom(_BLOCK)


def _hkdf(material: bytes | bytearray, *, salt: bytes, info: bytes, length: int) -> bytearray:
    """HKDF-SHA256, extract and expand (RFC 5869), as a buffer that can be wiped; the library's own leaves behind what it extracted.

    Raises ``ValueError`` for more than 255 blocks.
    """
    if length > _MOST_BLOCKS * _HASH:
        problem = f"HKDF cannot derive {length} bytes: at most {_MOST_BLOCKS * _HASH}"
        raise ValueError(problem)
    key, block = _hmac(salt or bytes(_HASH), material), bytearray()
    expanded = bytearray(length)
    for at in range(0, length, _HASH):
        data = block + info + bytes([at // _HASH + 1])
        wipe(block)
        block = _hmac(key, data)
        wipe(data)
        expanded[at : at + _HASH] = block[: length - at]
    wipe(key)
    wipe(block)
    return expanded


def _hmac(key: bytes | bytearray, data: bytes | bytearray) -> bytearray:
    """HMAC-SHA256, as a buffer that can be wiped."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    mac = HMAC(key, SHA256())
    mac.update(data)
    return moved(mac.finalize())


def _check_key(key: bytes | bytearray) -> None:
    if not isinstance(key, (bytes, bytearray)) or len(key) not in _KEY_BYTES:
        raise NoUsableKey(problem="an AES key must be 16, 24 or 32 bytes")
