"""Which rows of plaintext can be taken neither for a blob nor for another program's ciphertext, told fast; of the others the scalar rooms say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sealkit import foreign, refusals
from sealkit.crypto import shapes
from sealkit.crypto.blob import Blob
from sealkit.errors import BrokenBlob, Malformed, SealkitError

if TYPE_CHECKING:
    from sealkit.columns.arrays import Bytes, Mask, Numbers, Texts

_START, _FIRST = 64, 16
_PIECE = 22  # characters of base64 that every blob, and what Blob.resembles knows, has at one place without anything in between
_TOKEN = np.zeros(256, np.bool_)
_TOKEN[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-=", np.uint8)] = True
_STRANGE = np.zeros(256, np.bool_)
_STRANGE[np.frombuffer(b"{}[]()<>:,.!?|&%$#@*^~\\", np.uint8)] = True


def suspects(texts: Texts) -> list[int]:
    """Return the rows that may be a blob, or resemble one; no other row does.

    A row is none if it has at least 64 bytes of which the first is strange to base64 (as the ``{`` of JSON is) and so is another; or if
    it has no ``;``, begins with a character of base64 but ``U`` and has another one among the first 22.
    """
    data, starts, ends = texts.data, texts.starts, texts.ends
    rows = np.flatnonzero(texts.known)
    sure = np.zeros(len(starts), np.bool_)
    # Most rows of JSON are told by their first bytes.
    for size in (_FIRST, _START):
        long = rows[(ends[rows] - starts[rows] >= _START) & ~sure[rows]]
        if len(long):
            strange = _STRANGE[sliding_window_view(data, size)[starts[long]]]
            sure[long] = strange[:, 0] & strange[:, 1:].any(axis=1)
    long = long[~sure[long]]
    if len(long):
        head = sliding_window_view(data, _PIECE)[starts[long]]
        token = _TOKEN[head]
        semicolons = np.flatnonzero(data[starts[long[0]] : ends[long[-1]]] == ord(";")) + starts[long[0]]
        none = np.searchsorted(semicolons, starts[long]) == np.searchsorted(semicolons, ends[long])
        salted = head[:, 0] == ord("U")  # may begin with what openssl enc writes, whatever follows
        sure[long] = none & token[:, 0] & ~salted & ~token.all(axis=1)
    left: list[int] = rows[~sure[rows]].tolist()
    return left


def judged(text: bytes, *, seal_foreign: bool = False) -> bool | SealkitError:
    """Say whether a row is a blob already; or that it looks like a damaged one, which sealing would bury, or is not encrypted at all.

    Unless ``seal_foreign``, another program's ciphertext is an error, too.
    """
    try:
        value = text.decode()
    except UnicodeDecodeError:
        program = None if seal_foreign else foreign.named_payload(text)
        return refusals.foreign(program, is_sealing=True) if program is not None else False
    try:
        blob = Blob.parse(value) if ";" in value else None
    except Malformed:
        blob = None
    if blob is None:
        program = foreign.named(value)
        if program is not None:
            return False if seal_foreign else refusals.foreign(program, is_sealing=True)
        if not Blob.resembles(value):
            return False
        return BrokenBlob(problem="the value is no blob but looks like a damaged one: sealing it would bury the damage")
    sign = shapes.unencrypted(blob.ciphertext)
    return True if sign is None else refusals.not_encrypted(sign)


def named(text: bytes, error: SealkitError) -> SealkitError:
    """Return the error for a row that does not open: where it is no blob, but another program's ciphertext, one that names the program."""
    program = foreign.named_payload(text) if isinstance(error, Malformed) else None
    return error if program is None else refusals.foreign(program)


# --- another program's ciphertext ------------------------------------------------------------------------------------
_MARKS = np.array(
    [int.from_bytes(mark) for mark in (b"ENC", b"vau", b"enc", b"Fe2", b"---", b"age", b"BEG", b"U2F", b"Sal", b"536", b"k8s")]
    + [int.from_bytes(b"v%d." % number) for number in (1, 2, 3, 4)]
)
"""How what has a mark begins, where there may be many separators behind it."""
_MOST_PIECES = 6
_PLAIN_STARTS = np.zeros(
    256, np.bool_
)  # neither a mark, nor white space or a quotation mark, nor a piece of encoded bytes begins so
_PLAIN_STARTS[:] = ~_TOKEN
_PLAIN_STARTS[np.frombuffer(b"$\0{[\"' \t\n\r\v\f\x1c\x1d\x1e\x1f\xc2\xe1\xe2\xe3", np.uint8)] = False
_AFTER_BRACE = np.zeros(256, np.bool_)
_AFTER_BRACE[np.frombuffer(b'"} \t\r\n', np.uint8)] = True
_QUOTE = ord('"')
_NAMES = np.array([int.from_bytes(end) for end in (b"once", b"ctor")])  # how names of IVs end, but for "iv"
_SHORT_NAME = int.from_bytes(b'"iv')
_IN_JSON = np.array([int.from_bytes(mark) for mark in (b"ENC", b"$AN", b"vau", b"enc", b"gAA", b"U2F", b"{ci", b"---")])
_ENDS = np.zeros(256, np.bool_)  # the last letters of these names
_ENDS[np.frombuffer(b"vVeErR", np.uint8)] = True
_BEGINS = np.zeros(256, np.bool_)  # the first of these marks
_BEGINS[np.frombuffer(b"E$vegU{-", np.uint8)] = True
_SPACES = np.zeros(256, np.bool_)
_SPACES[np.frombuffer(b" \t\r\n\v\f\x1c\x1d\x1e\x1f\xc2\xe1\xe2\xe3", np.uint8)] = True


def may_be_foreign(texts: Texts) -> list[int]:
    """Return the rows that may be another program's ciphertext; no other row is.

    A row of at least 64 bytes is none if it begins as nothing of the kind does; or if it begins like text, without a mark, and more
    separators stand in its first 64 bytes than the parts of a ciphertext have between them; or if it is JSON without the name of an IV or a mark.
    """
    data, starts, ends = texts.data, texts.starts, texts.ends
    rows = np.flatnonzero(texts.known & (ends > starts))
    sure = np.zeros(len(starts), np.bool_)
    long = rows[ends[rows] - starts[rows] >= _START]
    if len(long):
        first, second = data[starts[long]], data[starts[long] + 1]
        sure[long] = _PLAIN_STARTS[first]
        braced = ((first == ord("{")) & _AFTER_BRACE[second]) | (first == ord("["))
        if braced.any():
            sure[long[braced]] = ~_has_hints(data, starts[long[braced]], ends[long[braced]])
        left = long[_TOKEN[first]]
        if len(left):
            sure[left] = _is_prose(sliding_window_view(data, _START)[starts[left]])
    found: list[int] = rows[~sure[rows]].tolist()
    return found


def _is_prose(heads: Bytes) -> Mask:
    """Say of which rows the first bytes have too many separators for encoded parts, and no mark, and are no base64."""
    strange = ~_TOKEN[heads]
    runs = (strange[:, 1:] & ~strange[:, :-1]).sum(axis=1)
    begins = (heads[:, 0].astype(np.int64) << 16) | (heads[:, 1].astype(np.int64) << 8) | heads[:, 2]
    prose: Mask = (runs > _MOST_PIECES) & strange[:, :_FIRST].any(axis=1) & ~np.isin(begins, _MARKS)
    return prose


def _has_hints(data: Bytes, starts: Numbers, ends: Numbers) -> Mask:
    """Say which rows of JSON have a key that may be the name of an IV, or a string that may begin with a mark."""
    first, last = int(starts.min()), int(ends.max())
    quotes = np.flatnonzero(data[first + 1 : last - 1] == _QUOTE) + first + 1
    after = data[quotes + 1]
    closing, opening = quotes[_ENDS[data[quotes - 1]]], quotes[_BEGINS[after]]
    name, mark = _number(data, closing - 4, 4) | 0x20202020, _number(data, opening + 1, 3)
    hints = [
        closing[np.isin(name, _NAMES) | ((name & 0xFFFFFF) == _SHORT_NAME)],
        opening[np.isin(mark, _IN_JSON)],
        quotes[_SPACES[after]],
    ]
    found = np.sort(np.concatenate(hints))
    has: Mask = np.searchsorted(found, starts) != np.searchsorted(found, ends)
    return has


def _number(data: Bytes, at: Numbers, count: int) -> Numbers:
    """Return the numbers that some bytes at each of the places are, big-endian."""
    number = np.zeros(len(at), np.int64)
    for step in range(count):
        number = (number << 8) | data[np.clip(at + step, 0, len(data) - 1)]
    return number
