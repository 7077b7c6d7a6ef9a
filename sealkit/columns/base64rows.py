"""The base64 of many blobs of one layout at once, strict and canonical as the grammar of one blob is; and back.

Rows of equal length have their parts in the same places: the ``=`` are looked at where they must be and taken for zero bits, so that a
row of parts is one run of whole groups, and a chunk of rows is one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

try:
    import pybase64
except ImportError:  # the extra "fast" is not installed
    pybase64 = None

from binascii import b2a_base64

if TYPE_CHECKING:
    from sealkit.columns.arrays import Bytes, Mask

IV_BYTES, AUTH_BYTES, BLOCK = 16, 42, 16
IV_TEXT, AUTH_TEXT = 24, 56
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SEMICOLON, _EQUALS, _ZERO = ord(";"), ord("="), ord("A")
_BAD = 0x8000


class Parts(NamedTuple):
    """The parts of blobs of one layout, a row each: ``iv`` and ``ciphertext`` side by side in ``rows``, and ``auth``, if there is one.

    ``good`` says which rows are blobs; what the others hold means nothing.
    """

    rows: Bytes
    auth: Bytes | None
    good: Mask


def blocks_of(length: int) -> int:
    """Return how many blocks of 16 bytes make so many characters of base64; 0 if no whole number does."""
    blocks = length // 4 * 3 // BLOCK
    return blocks if blocks and length == text_length(blocks) else 0


def text_length(blocks: int) -> int:
    """Return how many characters of base64 so many blocks of 16 bytes make."""
    return -(-BLOCK * blocks // 3) * 4


def decode(text: Bytes, blocks: int, *, tagged: bool) -> Parts:
    """Return the parts of rows of text; ``text`` has a row for each, all with ``blocks`` blocks of ciphertext."""
    body = text_length(blocks)
    pads = -BLOCK * blocks % 3
    iv_at, auth_at = body + 1, body + 1 + IV_TEXT + 1
    good = (text[:, body] == _SEMICOLON) & (text[:, auth_at - 2] == _EQUALS) & (text[:, auth_at - 3] == _EQUALS)
    for pad in range(pads):
        good &= text[:, body - 1 - pad] == _EQUALS
    letters = np.empty((len(text), IV_TEXT + body + (AUTH_TEXT if tagged else 0)), np.uint8)
    letters[:, :IV_TEXT] = text[:, iv_at : iv_at + IV_TEXT]
    letters[:, IV_TEXT - 2 : IV_TEXT] = _ZERO
    letters[:, IV_TEXT : IV_TEXT + body] = text[:, :body]
    letters[:, IV_TEXT + body - pads : IV_TEXT + body] = _ZERO
    if tagged:
        good &= text[:, auth_at - 1] == _SEMICOLON
        letters[:, IV_TEXT + body :] = text[:, auth_at:]
    data = _decoded(letters, good)
    # What "=" was taken for must have come out as zeros, and so must the bits before: else the row is not canonical.
    end = IV_BYTES + 2 + BLOCK * blocks
    good &= (data[:, IV_BYTES] == 0) & (data[:, IV_BYTES + 1] == 0)
    for pad in range(pads):
        good &= data[:, end + pad] == 0
    rows = np.empty((len(text), IV_BYTES + BLOCK * blocks), np.uint8)
    rows[:, :IV_BYTES] = data[:, :IV_BYTES]
    rows[:, IV_BYTES:] = data[:, IV_BYTES + 2 : end]
    return Parts(rows, data[:, end + pads :] if tagged else None, good)


def encode(rows: Bytes, auth: Bytes | None) -> Bytes:
    """Return the text of blobs, a row each: ``rows`` has the iv and the ciphertext of each, ``auth`` the third part, if there is one."""
    count, width = rows.shape
    blocks = width // BLOCK - 1
    body, pads = text_length(blocks), -BLOCK * blocks % 3
    data = np.zeros((count, BLOCK * blocks + pads + IV_BYTES + 2), np.uint8)
    data[:, : BLOCK * blocks] = rows[:, IV_BYTES:]
    data[:, BLOCK * blocks + pads : -2] = rows[:, :IV_BYTES]
    letters = _encoded(data)
    text = np.empty((count, body + 1 + IV_TEXT + (1 + AUTH_TEXT if auth is not None else 0)), np.uint8)
    text[:, :body] = letters[:, :body]
    text[:, body - pads : body] = _EQUALS
    text[:, body] = _SEMICOLON
    end = body + 1 + IV_TEXT
    text[:, body + 1 : end] = letters[:, body:]
    text[:, end - 2 : end] = _EQUALS
    if auth is not None:
        text[:, end] = _SEMICOLON
        text[:, end + 1 :] = _encoded(auth)
    return text


def _encoded(data: Bytes) -> Bytes:
    """Return the base64 of rows of bytes, each of whole groups of three."""
    whole = pybase64.b64encode(data) if pybase64 is not None else b2a_base64(data.data, newline=False)
    return np.frombuffer(whole, np.uint8).reshape(len(data), -1)


def _decoded(letters: Bytes, good: Mask) -> Bytes:
    """Return what rows of base64 without padding decode to; rows that are none are not good."""
    count, width = letters.shape
    if pybase64 is not None:
        try:
            data = pybase64.b64decode(letters.reshape(-1), validate=True)
        except ValueError:
            data = b""
        if len(data) == count * width // 4 * 3:
            return np.frombuffer(data, np.uint8).reshape(count, -1)
    pairs = _PAIRS[letters.reshape(-1).view("<u2")].reshape(count, -1)
    good &= pairs.max(axis=1) < _BAD
    halves = pairs.reshape(count, -1, 2)
    first, second = halves[:, :, 0], halves[:, :, 1]
    decoded = np.empty((*first.shape, 3), np.uint8)
    decoded[:, :, 0] = first >> 4
    decoded[:, :, 1] = (first << 4) | (second >> 8)
    decoded[:, :, 2] = second
    return decoded.reshape(count, -1)


def _pairs() -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """Return the 12 bits of each pair of characters, by the pair as a little-endian number; ``_BAD`` for what is not base64."""
    values = np.full(256, _BAD, np.uint16)
    values[np.frombuffer(_ALPHABET, np.uint8)] = np.arange(64)
    first, second = values[np.arange(1 << 16) & 0xFF], values[np.arange(1 << 16) >> 8]
    return np.where((first | second) & _BAD, _BAD, (first << 6) | second).astype(np.uint16)


_PAIRS = _pairs()
