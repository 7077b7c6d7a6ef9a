"""Secrets in memory that are gone when they are no longer needed: buffers overwritten, and the bytes that libraries take and give.

``bytes`` cannot be overwritten by means of Python, and what is freed stays where it was. So a secret lives in a ``bytearray``; where a library
gives or takes ``bytes``, those live here for a moment and are overwritten through ``ctypes``, in CPython, and only if nobody else has them.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARED_BY_PYTHON = 1
"""Of up to so many bytes there is one object for everybody."""
_OURS_ALONE = 2
"""References to an object that was handed on as soon as it was made, as ``sys.getrefcount`` counts them, its own among them."""
_BEFORE_THE_BYTES = bytes.__basicsize__ - 1


def wipe(buffer: bytearray) -> None:
    """Overwrite a buffer in place; best effort, since Python and libraries may hold copies."""
    buffer[:] = bytes(len(buffer))


def moved(made: bytes) -> bytearray:
    """Return what a library has just made as a buffer that can be wiped, and overwrite the bytes.

    Call it as ``moved(make())``: bytes that anybody else has (a constant, a cache) are left as they are.
    """
    kept = bytearray(made)
    if sys.getrefcount(made) <= _OURS_ALONE:
        _overwrite(made)
    return kept


@contextmanager
def lent(secret: bytes | bytearray) -> Iterator[bytes]:
    """Give a buffer's content as bytes to a library that takes nothing else and keeps nothing of it; they are overwritten afterwards."""
    given = bytes(secret)
    try:
        yield given
    finally:
        if given is not secret:
            _overwrite(given)


def _overwrite(value: bytes) -> None:
    if len(value) <= _SHARED_BY_PYTHON or sys.implementation.name != "cpython":
        return
    try:
        import ctypes
    except ImportError:
        return
    ctypes.memset(id(value) + _BEFORE_THE_BYTES, 0, len(value))
