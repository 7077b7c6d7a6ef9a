"""The ``Salted__`` form of ``openssl enc`` and CryptoJS, on the hazardous floor: opened, never made.

The key and the IV come from a passphrase by EVP_BytesToKey, one round of MD5 or SHA-256: anybody can try a thousand million passphrases a
second. Nothing in it is authentic.
"""

from __future__ import annotations

from sealkit.crypto.cipher import CBC

MARK = b"Salted__"
DIGESTS = ("md5", "sha256")
"""``md5``: CryptoJS, and OpenSSL before 1.1; ``sha256``: OpenSSL since 1.1 without ``-pbkdf2``."""

_SALT = 8
_IV = 16


def open_salted(data: bytes, passphrase: bytearray, digest: str, size: int) -> bytes | None:
    """Return what ``data`` (mark, 8 bytes of salt, AES-CBC ciphertext) opens to under a key of ``size`` bytes, None if it does not unpad.

    Under a wrong passphrase about 1 in 255 paddings is right by chance.
    """
    start = len(MARK) + _SALT
    material = _bytes_to_key(passphrase, data[len(MARK) : start], digest, size + _IV)
    cipher = CBC(bytes(material[:size]))
    try:
        return cipher.decrypt(data[start:], bytes(material[size : size + _IV]))
    finally:
        cipher.close()


def _bytes_to_key(passphrase: bytearray, salt: bytes, digest: str, size: int) -> bytearray:
    """EVP_BytesToKey with one round: each block is the digest of the one before, the passphrase and the salt."""
    from hashlib import new

    material, block = bytearray(), b""
    while len(material) < size:
        block = new(digest, block + bytes(passphrase) + salt, usedforsecurity=False).digest()
        material += block
    return material
