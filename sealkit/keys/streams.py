"""Keys from an open file descriptor: a pipe, a here-string, what a service manager hands over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.access import Source
from sealkit.keys.encodings import decode, encoding_of
from sealkit.keys.files import MAX_KEY_FILE
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from sealkit.config import Table
    from sealkit.keys.access import Access

MAX_DESCRIPTOR = 65535
_OUTPUTS = (1, 2)

_read_before: set[int] = set()


class Descriptor(Source):
    """Key bytes that an open descriptor gives until its end."""

    __slots__ = ("_encoding", "_label", "_number")

    def __init__(self, number: int, encoding: str, label: str) -> None:
        self._number = number
        self._encoding = encoding
        self._label = f"{label}: {name_of(number)}"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Read to the end, unless an open ring has read it, and decode."""
        content = read_descriptor(self._number, self._label, access)
        try:
            return decode(content, self._encoding, self._label, access)
        finally:
            wipe(content)


def name_of(number: int) -> str:
    """Return what people call a descriptor."""
    return "stdin" if number == 0 else f"fd {number}"


def declare(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare an open descriptor as a source. Raises ``ConfigError``."""
    del folder
    return Descriptor(descriptor_number(entry, kind, label), encoding_of(entry, kind, label), label)


def descriptor_number(entry: Table, kind: str, label: str) -> int:
    """Return the number of a descriptor that ``kind`` of a table names. Raises ``ConfigError``."""
    text = entry.text(kind, of=label)
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MAX_DESCRIPTOR)) or not may_be_read(int(text)):
        hint = "0 for stdin, or 3 and more, as in: sealkit decrypt ... 3< k1.key"
        raise ConfigError(problem=f"{label}: not a file descriptor to read from", hint=hint, line=text.line)
    return int(text)


def may_be_read(number: int) -> bool:
    """Tell whether a number is that of a descriptor that something may be read from: not stdout, not stderr."""
    return 0 <= number <= MAX_DESCRIPTOR and number not in _OUTPUTS


@opaque
def read_descriptor(number: int, label: str, access: Access) -> bytearray:
    """Return at most 4096 bytes that a descriptor gives until its end, and the same ones as long as a ring that has them is open.

    Programs that are started later do not inherit it. Raises ``NoUsableKey``, also for one that was read for a ring that is closed.
    """
    return access.remembered(number, lambda: _read(number, label))


def _read(number: int, label: str) -> bytearray:
    reason, hint = "", "redirect it from a file or a pipe, as in: sealkit decrypt ... 3< k1.key"
    try:
        if os.isatty(number):
            reason = "a terminal, which shows what is typed"
        else:
            content = _read_all(number, label)
            if number:
                os.set_inheritable(number, False)
            if content or number not in _read_before:
                _read_before.add(number)
                return content
            reason, hint = "it was read before, for a ring that is closed now", "keep that ring open, or hand the key on once more"
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
    raise NoUsableKey(problem=f"{label}: {reason}", hint=hint)


def _read_all(number: int, label: str) -> bytearray:
    buffer = bytearray(MAX_KEY_FILE + 1)
    view = memoryview(buffer)
    size = 0
    while size <= MAX_KEY_FILE and (count := os.readv(number, [view[size:]])):
        size += count
    content = bytearray(view[:size])
    view.release()
    wipe(buffer)
    if size > MAX_KEY_FILE:
        wipe(content)
        raise NoUsableKey(problem=f"{label}: more than {MAX_KEY_FILE} bytes", hint="does it give a key, and nothing else?")
    return content
