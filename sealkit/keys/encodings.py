"""How key bytes are written: in a stated encoding, never a guessed one.

32 hex digits are also valid base64. Text may end with one line ending, LF or CRLF, which does not count; ``raw`` takes every byte.
"""

from __future__ import annotations

import binascii
import os
from typing import TYPE_CHECKING

from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.key import SIZES
from sealkit.opaque import opaque
from sealkit.wiping import moved, wipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.config import Table
    from sealkit.keys.access import Access

ENCODINGS = ("hex", "base64", "utf8", "raw")
STATED = "hex: or base64:"
"""The encoding is stated by the text itself, in front: ``hex:DIGITS`` or ``base64:TEXT``."""
STATED_HINT = "write hex:DIGITS or base64:TEXT; how a key is written is never guessed"

_PREFIXES = {b"hex:": "hex", b"base64:": "base64"}
_SALTED = b"Salted__"
_HEX = frozenset(b"0123456789abcdefABCDEF")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_HEX_LENGTHS = frozenset(2 * size for size in SIZES)
_PRINTABLE = frozenset(range(0x20, 0x7F))


def encoding_of(entry: Table, kind: str, label: str) -> str:
    """Return the encoding that a source's table states. Raises ``ConfigError`` for none."""
    if "encoding" not in entry:
        hint = "add encoding: hex, base64, utf8 or raw; it is never guessed, since 32 hex digits are also base64"
        raise ConfigError(problem=f"{label}: source {kind} without encoding", hint=hint, line=entry.line)
    return entry.choice("encoding", ENCODINGS, of=label, default="")


@opaque
def encoded(text: str, label: str) -> bytearray:
    """Return a text's bytes: those of the environment exactly, whatever they are. Raises ``NoUsableKey``."""
    try:
        return moved(os.fsencode(text))
    except UnicodeEncodeError:
        pass
    raise NoUsableKey(problem=f"{label}: not text", hint="hex digits and base64 are plain ASCII")


@opaque
def decoded(text: str, encoding: str, label: str, access: Access) -> bytearray:
    """Return the key that a text spells in a stated encoding, see ``decode``. Raises ``NoUsableKey``."""
    content = encoded(text, label)
    try:
        return decode(content, encoding, label, access)
    finally:
        wipe(content)


@opaque
def decode(content: bytearray, encoding: str, label: str, access: Access) -> bytearray:
    """Return the key that some content spells in a stated encoding, 16, 24 or 32 bytes.

    ``hex``: digits of either case, nothing between. ``base64``: RFC 4648 section 4, padded, the one canonical spelling. ``utf8``:
    printable ASCII characters used as the key; warned about. ``raw``: the bytes as they are. Raises ``NoUsableKey``, with a hint
    when the content looks like another encoding. ``STATED``: the text says so itself. ``content`` is for the caller to wipe, and so is the key.
    """
    text = bytearray(content)
    try:
        if encoding == STATED:
            encoding = _stated(text, label)
        if encoding != "raw":
            del text[len(text) - _ending(text) :]
        secret = _DECODERS[encoding](text)
        if secret is None:
            hint = _other_encoding(text, encoding) or _SPELLING[encoding]
            raise NoUsableKey(problem=f"{label}: not valid {encoding}", hint=hint)
        _check(secret, text, encoding, label)
        _warn(secret, text, encoding, label, access)
        return secret
    finally:
        wipe(text)


def _check(secret: bytearray, text: bytearray, encoding: str, label: str) -> None:
    """Raise ``NoUsableKey`` for what cannot be a key, which is wiped."""
    is_encrypted = secret.startswith(_SALTED)  # of 32 bytes, perhaps: what openssl enc makes of up to 15
    if len(secret) in SIZES and not is_encrypted:
        return
    wipe(secret)
    if is_encrypted:
        hint = "openssl enc has encrypted it under a passphrase: decrypt it first, with openssl enc -d"
        raise NoUsableKey(problem=f"{label}: no key, but something encrypted", hint=hint)
    hint = _other_encoding(text, encoding) or "a key has 16, 24 or 32 bytes; make one with: sealkit keygen"
    raise NoUsableKey(problem=f"{label}: {len(secret)} bytes as {encoding}; a key has 16, 24 or 32", hint=hint)


def _warn(secret: bytearray, text: bytearray, encoding: str, label: str, access: Access) -> None:
    if encoding == "utf8":
        access.warnings.append(
            f"{label}: characters used as the key are far weaker than {8 * len(secret)} bits: rotate to a new key"
        )
    elif encoding == "base64" and _HEX.issuperset(text):
        access.warnings.append(f"{label}: read as base64, but it looks like hex: if so, say encoding: hex")


def _stated(text: bytearray, label: str) -> str:
    """Return how the key is written that a text spells, and take the words that say so out of it."""
    for prefix, encoding in _PREFIXES.items():
        if text.startswith(prefix):
            del text[: len(prefix)]
            return encoding
    raise NoUsableKey(problem=f"{label}: no prefix that says how the key is written", hint=STATED_HINT)


def without_line_ending(content: bytearray) -> bytearray:
    """Return a text without its one last line ending, LF or CRLF."""
    ending = _ending(content)
    return content[:-ending] if ending else content


def _ending(content: bytearray) -> int:
    """Return how many bytes the line ending has that a text ends in."""
    return 2 if content.endswith(b"\r\n") else int(content.endswith(b"\n"))


def _from_hex(text: bytearray) -> bytearray | None:
    return moved(binascii.a2b_hex(text)) if _HEX.issuperset(text) and len(text) % 2 == 0 else None


def _from_base64(text: bytearray) -> bytearray | None:
    try:
        secret = moved(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:
        return None
    canonical = moved(binascii.b2a_base64(secret, newline=False))
    same = canonical == text  # strict_mode lets other spellings of the last character pass
    wipe(canonical)
    return secret if same else None


def _from_utf8(text: bytearray) -> bytearray | None:
    return bytearray(text) if _PRINTABLE.issuperset(text) else None


_DECODERS: dict[str, Callable[[bytearray], bytearray | None]] = {
    "hex": _from_hex,
    "base64": _from_base64,
    "utf8": _from_utf8,
    "raw": bytearray,
}
_SPELLING = {
    "hex": "an even number of digits 0-9 a-f, nothing before, between or after them",
    "base64": "padded base64 on one line, in its canonical spelling (RFC 4648 section 4)",
    "utf8": "16, 24 or 32 printable ASCII characters on one line",
}


def _other_encoding(text: bytearray, encoding: str) -> str | None:
    """Guess for the hint, and only there, what content of the wrong size or spelling was meant as."""
    bare = text.strip()
    try:
        return _guess(bare, encoding)
    finally:
        wipe(bare)


def _guess(bare: bytearray, encoding: str) -> str | None:
    if encoding != "hex" and len(bare) in _HEX_LENGTHS and _HEX.issuperset(bare):
        return f"a {len(bare)}-character text of hex digits is probably hex: encoding: hex"
    if encoding == "raw" and len(bare) in SIZES:
        return "there is white space around it, and raw takes every byte"
    if encoding != "base64" and len(bare) % 4 == 0 and bare.endswith(b"=") and _BASE64.issuperset(bare):
        return "it is probably base64: encoding: base64"
    return None
