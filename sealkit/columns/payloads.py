"""The check of many payloads at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sealkit.payload import BINARY, TEXT, is_text, passes

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEW = 8


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
    if is_text(joined):
        ends = np.cumsum(np.fromiter(map(len, payloads), np.int64, len(payloads)))
        starts = np.frombuffer(joined, np.uint8)[ends[:-1][ends[:-1] < len(joined)]]
        if not ((starts & 0xC0) == 0x80).any():
            return [True] * len(payloads)
    middle = len(payloads) // 2
    return _texts(payloads[:middle]) + _texts(payloads[middle:])
