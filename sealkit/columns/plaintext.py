"""Which rows of plaintext cannot be taken for a blob, told fast; of the others ``Blob`` says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sealkit.crypto.blob import Blob
from sealkit.errors import BrokenBlob, Malformed

if TYPE_CHECKING:
    from sealkit.columns.arrays import Texts

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


def judged(text: bytes) -> bool | BrokenBlob:
    """Say whether a row is a blob already; or that it looks like a damaged one, which sealing would bury."""
    try:
        value = text.decode()
    except UnicodeDecodeError:
        return False
    try:
        Blob.parse(value)
    except Malformed:
        if not Blob.resembles(value):
            return False
        return BrokenBlob(problem="the value is no blob but looks like a damaged one: sealing it would bury the damage")
    return True
