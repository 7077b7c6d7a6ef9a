"""The check of many payloads at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sealkit.columns.base64rows import BLOCK
from sealkit.payload import BINARY, JSON, is_text, passes

if TYPE_CHECKING:
    from sealkit.columns.arrays import Bytes, Mask, Numbers

_FEW = 8
_BLANK, _DELETE, _C2, _C1_END = 0x20, 0x7F, 0xC2, 0xA0
_SPACES = b"\t\n\r"
_BACK = np.arange(BLOCK, 0, -1, dtype=np.uint8)


def is_padding(pads: Bytes) -> Mask:
    """Say of the last block of each row which bytes are padding; ``pads`` says how many."""
    return np.less_equal(_BACK, pads[:, None])


def fitting(rows: Bytes, padding: Mask, kind: str, first: int = 0) -> Mask:
    """Say of each row of padded payloads whether the payload is of its kind, as ``payload.passes`` does.

    ``rows`` are one behind the other in memory, what comes before their column ``first`` is text, and ``padding`` is what ``is_padding``
    says; while this runs, blanks are written over it: so each ends in text, and no character can reach from one to the next.
    """
    good = np.ones(len(rows), np.bool_)
    if kind == BINARY:
        return good
    tails = rows[:, -BLOCK:]
    before = tails.copy()
    np.copyto(tails, _BLANK, where=padding)
    _judge(rows, good)
    tails[:] = before
    if kind == JSON:
        ends: Numbers = rows.shape[1] - padding.sum(axis=1)
        for at in np.flatnonzero(good).tolist():
            good[at] = passes(rows[at, first : ends[at]].tobytes(), kind)
    return good


def _judge(rows: Bytes, good: Mask) -> None:
    """Say which rows are text; where all of them together are not, halves are looked at."""
    if len(rows) <= _FEW:
        good[:] = [is_text(row.tobytes()) for row in rows]
    elif not _are_text(rows.reshape(-1)):
        middle = len(rows) // 2
        _judge(rows[:middle], good[:middle])
        _judge(rows[middle:], good[middle:])


def _are_text(data: Bytes) -> bool:
    """Say of a run of bytes what ``payload.is_text`` says."""
    if data.min() < _BLANK and np.count_nonzero(data < _BLANK) != sum(np.count_nonzero(data == space) for space in _SPACES):
        return False
    if data.max() < _DELETE:
        return True
    if (data == _DELETE).any() or not _is_utf8(data):
        return False
    at = np.flatnonzero(data == _C2)
    return not (data[at + 1] < _C1_END).any()


def _is_utf8(data: Bytes) -> bool:
    edges = np.array([0, len(data)], np.int64)
    whole = pa.Array.from_buffers(pa.large_string(), 1, [None, pa.py_buffer(edges), pa.py_buffer(data)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
