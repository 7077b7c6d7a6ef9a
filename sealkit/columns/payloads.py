"""The check of many payloads at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sealkit.payload import BINARY, TEXT, is_text, passes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.columns.arrays import Bytes

_FEW = 8
_BLANK, _DELETE = 0x20, 0x7F


def passing(payloads: Sequence[bytes], kind: str) -> list[bool]:
    """Say of each payload whether it is of its kind, as ``payload.passes`` does."""
    if kind == BINARY:
        return [True] * len(payloads)
    texts = _texts(payloads)
    if kind == TEXT:
        return texts
    return [text and passes(payload, kind) for payload, text in zip(payloads, texts, strict=True)]


def _texts(payloads: Sequence[bytes]) -> list[bool]:
    """Judge all by their concatenation: it is text, and none begins within a character, exactly if each is text.

    Where it is not, halves of it are looked at.
    """
    if len(payloads) <= _FEW:
        return [is_text(payload) for payload in payloads]
    joined = b"".join(payloads)
    ends = np.cumsum(np.fromiter(map(len, payloads), np.int64, len(payloads)))
    data = np.frombuffer(joined, np.uint8)
    starts = data[ends[:-1][ends[:-1] < len(joined)]]
    if not ((starts & 0xC0) == 0x80).any() and (_is_plain(data, joined) or is_text(joined)):
        return [True] * len(payloads)
    middle = len(payloads) // 2
    return _texts(payloads[:middle]) + _texts(payloads[middle:])


def _is_plain(data: Bytes, joined: bytes) -> bool:
    """Say whether bytes are UTF-8 without a control character of any kind, and without the byte that some of those begin with."""
    if not joined:
        return True
    if data.min() < _BLANK or (data == _DELETE).any() or b"\xc2" in joined:
        return False
    whole = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.py_buffer(np.array([0, len(joined)], np.int64)), pa.py_buffer(joined)]
    )
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
