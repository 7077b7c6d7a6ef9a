"""The lines of a journal: each one a JSON object that a key proves, together with all lines before it.

A line ends in ``, "mac": "…"}``: the MAC of the MAC before (zeros for the first line) and of the line's own bytes up to there. What a crash
left of a line is passed over, and so are lines behind it that do not fit: they follow what was lost, and what was lost had not counted
yet. Any other line that does not fit was written by somebody else, and then nothing in the journal is believed.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any

from sealkit.crypto.tag import PROOF_BYTES, equal
from sealkit.errors import JournalError, StoreError
from sealkit.trees.folders import LISTED, release, wrong_kind
from sealkit.trees.store import LIMIT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import BinaryIO

    from sealkit.crypto.tag import Prover

START = bytes(PROOF_BYTES)
"""What stands for the MAC before the first line."""

READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
TAIL = 128
"""How many bytes at the end of a journal are enough to read the MAC of its last line."""

MOST_FIRST = 8 << 20
_MOST = 4 * LIMIT  # the blobs of one file, old and new
_PROVED = re.compile(rb'(.+), "mac": "([0-9a-f]{64})"}\n?', re.DOTALL)


class Gone(JournalError):
    """A journal is no longer there: its rotation has ended, and another one let go of it."""


class Foreign(JournalError):
    """A journal that is not one of ours, or was altered; the problem says how that shows."""

    default_hint = "look at it, and set it aside with: sealkit rotate --set-aside {TREE}"


def encoded(content: dict[str, Any]) -> bytes:
    """Return a line without what proves it."""
    return json.dumps(content).encode()


def proved(line: bytes, prover: Prover | None, before: bytes) -> tuple[bytes, bytes]:
    """Return a line with its MAC and its end, and the MAC; unchanged where a key has nothing to prove it with."""
    if prover is None:
        return line + b"\n", before
    mac = prover.mac(before, line[:-1])
    return b'%b, "mac": "%b"}\n' % (line[:-1], mac.hex().encode()), mac


def stated(tail: bytes) -> bytes | None:
    """Return the MAC that the last line says it has; None where that line is not whole."""
    whole = _PROVED.fullmatch(tail) if tail.endswith(b"\n") else None
    return bytes.fromhex(whole[2].decode()) if whole is not None else None


class Reader:
    """Tells the lines of one journal that are to be believed, in order, from what a crash left. Without a prover whole lines are taken as they are."""

    __slots__ = ("_path", "_prover", "_torn", "at", "before", "number")

    def __init__(self, path: str, prover: Prover | None, at: int = 0, before: bytes = START) -> None:
        self._path = path
        self._prover = prover
        self._torn = False
        self.at = at  # where the last line that was looked at ends; what has no end may be in the middle of being written
        self.before = before  # the MAC of the last line that is believed
        self.number = 0

    def believes(self, line: bytes) -> bool:
        """Say whether the next line is to be believed. Raises ``Foreign``."""
        self.at += len(line) if line.endswith(b"\n") else 0
        return self._believes(line)

    def _believes(self, line: bytes) -> bool:
        self.number += 1
        if not line.strip():
            return False
        whole = _PROVED.fullmatch(line)
        if self._prover is None or whole is None:
            known = parsed(line)
            if known is None:
                self._torn = True
                return False
            if self._prover is None and isinstance(known, dict):
                return True
        elif self._fits(self._prover, whole[1], bytes.fromhex(whole[2].decode())):
            return True
        elif self._torn:
            return False
        raise self.foreign(why="does not follow from the lines before it under the key that the rotation was to")

    def _fits(self, prover: Prover, line: bytes, mac: bytes) -> bool:
        if not equal(prover.mac(self.before, line), mac):
            return False
        self.before, self._torn = mac, False
        return True

    def foreign(self, *, why: str) -> Foreign:
        """Return the error that the line read last is not one of ours."""
        return Foreign(problem=f"line {self.number} {why}", path=self._path)


def read(path: str, reader: Reader) -> Generator[bytes]:
    """Yield the lines of a journal that are to be believed. Raises ``JournalError``, ``Gone`` and ``Foreign`` among them."""
    descriptor = opened(path, READING)
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield from read_on(file, reader)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    finally:
        release(descriptor)
    raise JournalError(problem=f"the journal cannot be read: {reason}", path=path)


def read_on(file: BinaryIO, reader: Reader) -> Iterator[bytes]:
    """Yield the lines to be believed from where the reader is. Raises ``Foreign`` and ``OSError``."""
    file.seek(reader.at)
    most = MOST_FIRST if reader.before == START else _MOST
    while line := file.readline(most + 1):
        if len(line) > most:
            reader.number += 1
            raise reader.foreign(why="is longer than a line of ours can be")
        if reader.believes(line):
            most = _MOST
            yield line


def parsed(line: bytes) -> object:
    """Return what a line says as JSON, None for what is none."""
    try:
        known: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return known


def opened(path: str, flags: int) -> int:
    """Open a regular file in a folder, neither of which may be a link. Raises ``JournalError``, ``Gone`` and ``Foreign`` among them."""
    folder = open_folder(os.path.dirname(path))
    name = os.path.basename(path)
    descriptor = -1
    try:
        descriptor = os.open(name, flags, 0o600, dir_fd=folder)
        mode = os.fstat(descriptor).st_mode
    except OSError as error:
        problem = _refused(error, folder, name, path)
    else:
        if stat.S_ISREG(mode):
            return descriptor
        problem = Foreign(problem=f"is {wrong_kind(mode, path).problem}", path=path)
    finally:
        release(folder)
    if descriptor >= 0:
        release(descriptor)
    raise problem


def open_folder(path: str) -> int:
    """Open the folder that journals are in. Raises ``JournalError``, ``Gone`` among them."""
    try:
        return os.open(path, LISTED)
    except OSError as error:
        kind = Gone if isinstance(error, FileNotFoundError) else JournalError
        reason = os.strerror(error.errno or 0)
    raise kind(problem=f"the folder of the journals cannot be opened: {reason}", path=path)


def _refused(error: OSError, folder: int, name: str, path: str) -> JournalError:
    """Say why a journal could not be opened: what stands there is foreign unless it is a file of ours."""
    reason = os.strerror(error.errno or 0)
    try:
        status = os.lstat(name, dir_fd=folder)
    except OSError:
        kind = Gone if isinstance(error, FileNotFoundError) else JournalError
        return kind(problem=f"the journal cannot be opened: {reason}", path=path)
    if not stat.S_ISREG(status.st_mode):
        problem: StoreError = wrong_kind(status.st_mode, path)
        return Foreign(problem=f"is {problem.problem}", path=path)
    if status.st_uid != os.geteuid() and isinstance(error, PermissionError):
        return Foreign(problem=f"is a file of another user, and cannot be opened: {reason}", path=path)
    return JournalError(problem=f"the journal cannot be opened: {reason}", path=path)
