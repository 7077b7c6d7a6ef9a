"""The memory of a rotation: what will be written is on the disk before it is, what was written is noted after.

One file of JSON lines in the tree's ``.sealkit`` folder, only ever appended to: a header; for each file that is about to be replaced a
line with the SHA-256 of its content before and after and the blobs that change places; for each file that was replaced a line; at the
end what became of it. A last line that was torn by a crash is ignored. It holds ciphertext and key ids, never plaintext or keys.

An untagged blob cannot say under which key it is, and its padding would lie once in 255 times: a rotation that goes on after an
interruption takes these hashes, not the padding, as the word on what was written already.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from array import array
from bisect import bisect_left
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from sealkit.errors import JournalError
from sealkit.trees.folders import release
from sealkit.trees.found import OWN_FOLDER
from sealkit.trees.result import Replaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealkit.trees.batch import Done

VERSION = 1
_FOLDERS = 64
_TAIL = 4096  # bytes; a journal's last word is far shorter
_WILL, _DONE = b'{"will": ', b'{"done": '
_NAME = re.compile(r"journal-[0-9TZ]{16}-[0-9a-f]{8}\.jsonl")
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_APPENDING = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATING = _APPENDING | os.O_CREAT | os.O_EXCL


class Gone(JournalError):
    """A journal is no longer there: its rotation has ended, and another one let go of it."""


class Header(NamedTuple):
    """What a rotation is: its target and source keys (ids; the target's kid too), fields, payload kind, and what it goes over."""

    to: str
    to_kid: str
    source: str | None
    fields: list[str]
    payload_kind: str
    scope: dict[str, Any]


class Entry(NamedTuple):
    """One file that was about to be replaced: its path below the tree's root, and its blobs."""

    path: str
    after: str
    replaced: list[Replaced]


class State(NamedTuple):
    """What a journal says: its file, its header, when it was begun, how it ended (None: it did not), whether any file was planned."""

    path: str
    header: Header
    started: str
    ended: str | None
    planned: bool


class Progress(NamedTuple):
    """How far a rotation came: how many files it was about to replace, and how many of them it is known to have replaced."""

    planned: int
    written: int


class Journal:
    """A journal that is being written. Forked workers may append to it too: each append is one write, whole lines.

    Where it is ``shared`` with other machines, over a network, that is not enough to keep lines apart: each append takes its turn then.
    """

    def __init__(self, root: str, path: str, descriptor: int, known: array[int], *, shared: bool = False) -> None:
        self.path = path
        self._shared = shared
        self._root = _absolute(root)
        self._fd = descriptor
        self._known = known
        self._folders: dict[str, str] = {}

    @classmethod
    def begin(cls, root: str, header: Header) -> Journal:
        """Begin a rotation: its journal and the journal's name are on the disk when this returns. Raises ``JournalError``."""
        path = os.path.join(root, OWN_FOLDER, _next_name(_names(os.path.join(root, OWN_FOLDER))))
        journal = cls(root, path, _open(path, _CREATING), array("Q"))
        journal._append([{"journal": VERSION, "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **header._asdict()}])
        _sync_folder(os.path.join(root, OWN_FOLDER))
        return journal

    @classmethod
    def resume(cls, root: str, path: str) -> Journal:
        """Go on with a rotation that was interrupted. Raises ``JournalError``."""
        return cls(root, path, _open(path, _APPENDING), _marks(path))

    @classmethod
    def join(cls, root: str, path: str, *, again: bool) -> Journal:
        """Write in a journal that another process began; ``again``: its files may have been written before. Raises ``JournalError``."""
        return cls(root, path, _open(path, _APPENDING), _marks(path) if again else array("Q"), shared=True)

    def has_written(self, path: str, data: bytes) -> bool:
        """Say whether this content is what the rotation wrote, or was about to write, to this file before it was interrupted."""
        if not self._known:
            return False
        mark = _mark(self._below(path), sha256(data).hexdigest())
        at = bisect_left(self._known, mark)
        return at < len(self._known) and self._known[at] == mark

    @property
    def descriptor(self) -> int:
        """What has to be synced between ``will_write`` and the first replacement."""
        return self._fd

    def will_write(self, changes: Iterable[Done]) -> None:
        """Note what is about to be replaced. Raises ``JournalError``; then nothing may be written.

        It is not on the disk when this returns: whoever replaces the files syncs it with their new content, which is one wait for both.
        """
        self._append(
            [
                {
                    "will": self._below(done.found.path),
                    "before": sha256(done.before or b"").hexdigest(),
                    "after": sha256(done.after or b"").hexdigest(),
                    "blobs": [list(replaced) for replaced in done.replaced],
                }
                for done in changes
            ],
            sync=False,
        )

    def have_written(self, changes: Iterable[Done]) -> None:
        """Note what was replaced. Nothing is lost if a crash forgets it: the hashes tell."""
        self._append([{"done": self._below(done.found.path)} for done in changes], sync=False)

    def end(self, how: str) -> None:
        """Note how the rotation ended: ``finished`` or ``rolled back``."""
        self._append([{"ended": how}])

    def close(self) -> None:
        """Close the file; the journal stays."""
        release(self._fd)

    def _below(self, path: str) -> str:
        """Return a path below the tree's root; what lies between is worked out once for each folder."""
        folder, slash, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.relpath(_absolute(folder or slash or "."), self._root)
            while len(self._folders) > _FOLDERS:
                del self._folders[next(iter(self._folders))]
        below = self._folders[folder]
        return name if below == "." else f"{below}/{name}"

    def _append(self, lines: list[dict[str, Any]], *, sync: bool = True) -> None:
        if not lines:
            return
        # An empty line first: what a write was cut short to, in another worker or in a crash, must not become part of ours.
        data = b"\n" + b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        try:
            if self._shared:
                fcntl.flock(self._fd, fcntl.LOCK_EX)
            try:
                written = os.write(self._fd, data)
            finally:
                if self._shared:
                    fcntl.flock(self._fd, fcntl.LOCK_UN)
            if written == len(data) and sync:
                os.fsync(self._fd)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        else:
            if written == len(data):
                return
            reason = "the disk is full"
        raise JournalError(
            problem=f"the journal cannot be written: {reason}", hint="make room, and run the command again", path=self.path
        )


def tidy(root: str) -> None:
    """Keep the latest ended rotation that wrote anything, for taking it back, and remove the other ended ones."""
    ended = [state for state in states(root) if state.ended is not None]
    kept = next((state for state in reversed(ended) if state.planned), None)
    for state in ended:
        if state is not kept:
            _remove(state.path)


def states(root: str) -> list[State]:
    """Return what the journals in a tree say, the latest last. Raises ``JournalError`` for one that cannot be read.

    Nobody need hold the tree: those that somebody else removes meanwhile are not among them.
    """
    folder = os.path.join(root, OWN_FOLDER)
    found = []
    for name in _names(folder):
        try:
            state = _state(os.path.join(folder, name))
        except Gone:
            continue
        if state is not None:
            found.append(state)
    return found


def _names(folder: str) -> list[str]:
    """Return the names of the journals in a folder, the latest last."""
    try:
        return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except FileNotFoundError:
        return []
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    raise JournalError(problem=f"the journals cannot be listed: {reason}", path=folder)


def _next_name(names: list[str]) -> str:
    """Return a name that sorts behind all others, whatever the clock says: the time, and the fraction of the second in 2^-31."""
    now = time.time_ns()
    fraction = (now % 10**9 << 31) // 10**9
    name = f"journal-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now // 10**9))}-{fraction:08x}.jsonl"
    if names and name <= names[-1]:
        start, _, end = names[-1].removesuffix(".jsonl").rpartition("-")
        name = f"{start}-{int(end, 16) + 1:08x}.jsonl"
    return name


def entries(path: str) -> Iterator[Entry]:
    """Yield the files that a journal says were about to be replaced, in order."""
    for line in map(_known, _lines(path)):
        if "will" in line:
            yield Entry(line["will"], line["after"], [Replaced(*blob) for blob in line["blobs"]])


def progress(path: str) -> Progress:
    """Count what a journal says; of its many lines none need be parsed. Raises ``JournalError``, ``Gone`` among them."""
    planned = written = 0
    for line in _lines(path):
        planned += line.startswith(_WILL) and line.endswith(b"\n")
        written += line.startswith(_DONE) and line.endswith(b"\n")
    return Progress(planned, written)


def _state(path: str) -> State | None:
    """Read the start and the end of one journal; None for one whose header never reached the disk, which therefore changed nothing."""
    header: dict[str, Any] = {}
    planned = False
    for line in _lines(path):
        planned = line.startswith(_WILL)
        if planned:
            break
        header = header or _known(line)  # there are empty lines, the first one among them
    if not header:
        return None
    if header.get("journal") != VERSION or not header.keys() >= set(Header._fields) | {"started"}:
        raise JournalError(problem="a journal of another version of sealkit", hint="finish that rotation with it", path=path)
    ended = [known["ended"] for line in _lines(path, last=_TAIL) if "ended" in (known := _known(line))]
    return State(
        path, Header(**{name: header[name] for name in Header._fields}), header["started"], next(reversed(ended), None), planned
    )


def _lines(path: str, *, last: int | None = None) -> Iterator[bytes]:
    """Yield the lines of a journal, or those that begin in its ``last`` bytes."""
    descriptor = _open(path, _READING)
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            if last is not None and os.fstat(descriptor).st_size > last:
                file.seek(-last, os.SEEK_END)
                file.readline()
            yield from file
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    finally:
        release(descriptor)
    raise JournalError(problem=f"the journal cannot be read: {reason}", path=path)


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError as error:  # the working folder has gone
        reason = os.strerror(error.errno or 0)
    raise JournalError(problem=f"the journal cannot name the folder: {reason}", path=path)


def _known(line: bytes) -> dict[str, Any]:
    """Parse a line; a torn one holds nothing that counts, for what it was about was not begun."""
    try:
        known = json.loads(line)
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _marks(path: str) -> array[int]:
    """Return the marks of all that a journal says was about to be written, in order."""
    return array("Q", sorted(_mark(entry.path, entry.after) for entry in entries(path)))


def _mark(path: str, digest: str) -> int:
    """Return 64 bits for a path and what was written there: all that need be remembered of a file."""
    return int.from_bytes(sha256(f"{digest}{path}".encode("utf-8", "surrogatepass")).digest()[:8])


def _open(path: str, flags: int) -> int:
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        kind = Gone if isinstance(error, FileNotFoundError) else JournalError
        reason = os.strerror(error.errno or 0)
    raise kind(problem=f"the journal cannot be opened: {reason}", path=path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    raise JournalError(problem=f"an old journal cannot be removed: {reason}", path=path)


def _sync_folder(path: str) -> None:
    descriptor = _open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    finally:
        release(descriptor)
    raise JournalError(problem=f"the journal cannot be synced: {reason}", path=path)
