"""Messages from one process to another that was forked from it, through a pipe: how long each is, then its bytes."""

from __future__ import annotations

import marshal
import os
from typing import Any

from sealkit.outfile import write_all

_PLAIN, _OBJECT = b"m", b"o"
_SIZE = 8  # bytes before each message, which say how long it is
_READ = 1 << 20


def pack(value: Any) -> bytes:
    """Return a value as bytes for the other side of a fork: plain ones fast, by ``marshal``; others by ``pickle``, which takes long to import."""
    try:
        return _PLAIN + marshal.dumps(value)
    except ValueError:
        import pickle

        return _OBJECT + pickle.dumps(value)


def unpack(data: bytes | memoryview) -> Any:
    """Return the value that ``pack`` made bytes of."""
    value = memoryview(data)[1:]
    if data[:1] == _PLAIN:
        return marshal.loads(value)  # from our own fork, as is the next
    import pickle

    return pickle.loads(value)


def head(size: int) -> bytes:
    """Return what goes before the bytes of a message."""
    return size.to_bytes(_SIZE, "big")


def write(pipe: int, kind: bytes, data: bytes = b"") -> None:
    """Write one message, its kind first, in one piece where that needs no memory to speak of: who reads is woken once.

    ``OSError`` where nobody reads it.
    """
    start = head(len(kind) + len(data)) + kind
    if len(data) <= _READ:
        write_all(pipe, start + data)
    else:
        write_all(pipe, start)
        write_all(pipe, data)


def read(pipe: int) -> bytes:
    """Read one message to its end. Raises ``EOFError`` where there is none, or not all of it, and never will be."""
    return _exactly(pipe, int.from_bytes(_exactly(pipe, _SIZE), "big"))


def _exactly(pipe: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(pipe, min(size, _READ))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
