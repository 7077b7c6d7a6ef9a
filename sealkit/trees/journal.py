"""The memory of a rotation: what will be written is on the disk before it is, what was written is noted after.

One file of JSON lines in the tree's ``.sealkit`` folder, only ever appended to: a header; for each file that is about to be replaced a
line with the SHA-256 of its content before and after and the blobs that change places; for each file that was replaced a line; at the
end what became of it. It holds ciphertext and key ids, never plaintext or keys. The key that the rotation is to proves each line (``chain``).

An untagged blob cannot say under which key it is, and its padding would lie once in 255 times: a rotation that goes on after an
interruption takes these hashes, not the padding, as the word on what was written already. Hence a journal that came with the tree, from
whoever could write there, must not be taken for one.
"""

from __future__ import annotations

import fcntl
import os
import time
from array import array
from bisect import bisect_left
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from sealkit.errors import JournalError
from sealkit.trees import chain
from sealkit.trees.chain import Reader
from sealkit.trees.folders import release
from sealkit.trees.found import OWN_FOLDER
from sealkit.trees.result import Replaced
from sealkit.wording import within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealkit.crypto.tag import Prover
    from sealkit.trees.batch import Done

VERSION = 2
WILL, DONE = b'{"will": ', b'{"done": '
FINISHED, ROLLED_BACK = "finished", "rolled back"

_FOLDERS = 64
_APPENDING = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATING = _APPENDING | os.O_CREAT | os.O_EXCL


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


class Place(NamedTuple):
    """Where a tree is: the path of its root, and the root's inode. A tree that was moved keeps the one, a copy in its place the other."""

    root: str
    inode: int

    @classmethod
    def of(cls, root: str) -> Place:
        """Return where a tree is. Raises ``JournalError``."""
        try:
            return cls(os.path.realpath(root), os.stat(root).st_ino)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        raise JournalError(problem=f"the journal cannot name the folder: {reason}", path=root)


class Journal:
    """A journal that is being written. Forked workers and other machines may append to it too: each append takes its turn, whole lines."""

    def __init__(
        self, root: str, path: str, descriptor: int, prover: Prover | None, known: array[int], at: int, before: bytes
    ) -> None:
        self.path = path
        self._root = _absolute(root)
        self._fd = descriptor
        self._prover = prover
        self._known = known
        self._at, self._before = at, before  # how far the journal is known, and the MAC of the last line up to there
        self._folders: dict[str, str] = {}

    @classmethod
    def begin(cls, root: str, name: str, header: Header, prover: Prover | None) -> Journal:
        """Begin a rotation: its journal and the journal's name are on the disk when this returns. Raises ``JournalError``."""
        folder = within(root, OWN_FOLDER)
        path = os.path.join(folder, name)
        place = Place.of(root)
        journal = cls(root, path, chain.opened(path, _CREATING), prover, array("Q"), 0, chain.START)
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        journal._append([{"journal": VERSION, "started": started, **header._asdict(), **place._asdict()}])
        _sync_folder(folder)
        return journal

    @classmethod
    def resume(cls, root: str, path: str, prover: Prover | None) -> Journal:
        """Go on with a journal that was begun before: what it says was about to be written is known. Raises ``JournalError``."""
        reader = Reader(path, prover)
        marks = array("Q", sorted(_mark(entry.path, entry.after) for entry in entries(path, prover, reader)))
        return cls(root, path, chain.opened(path, _APPENDING), prover, marks, reader.at, reader.before)

    @classmethod
    def join(cls, root: str, path: str, prover: Prover | None) -> Journal:
        """Write in a journal that another process has just begun. Raises ``JournalError``."""
        return cls(root, path, chain.opened(path, _APPENDING), prover, array("Q"), 0, chain.START)

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
        """Note how the rotation ended: ``FINISHED`` or ``ROLLED_BACK``."""
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

    def _append(self, contents: list[dict[str, Any]], *, sync: bool = True) -> None:
        if not contents:
            return
        lines = [chain.encoded(content) for content in contents]
        try:
            # A record lock, which unlike flock keeps forked workers apart that share the descriptor.
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                is_whole = self._write(lines)
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)
            if is_whole and sync:
                os.fsync(self._fd)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        else:
            if is_whole:
                return
            reason = "the disk is full"
        raise JournalError(
            problem=f"the journal cannot be written: {reason}", hint="make room, and run the command again", path=self.path
        )

    def _write(self, lines: list[bytes]) -> bool:
        """Append lines that follow the last one, whoever wrote that; False if they were cut short."""
        size = os.fstat(self._fd).st_size
        before = self._last(size)
        # An empty line first: what a write was cut short to, in another worker or in a crash, must not become part of ours.
        data = bytearray(b"\n")
        for line in lines:
            whole, before = chain.proved(line, self._prover, before)
            data += whole
        if os.write(self._fd, data) < len(data):
            return False
        self._at, self._before = size + len(data), before
        return True

    def _last(self, size: int) -> bytes:
        """Return the MAC of the last line: as that says itself, or where it was cut short as the lines before it prove. ``OSError``."""
        if size == self._at or self._prover is None:
            return self._before
        stated = chain.stated(os.pread(self._fd, chain.TAIL, max(size - chain.TAIL, 0)))
        if stated is not None:
            return stated
        reader = Reader(self.path, self._prover, self._at, self._before)
        with os.fdopen(self._fd, "rb", closefd=False) as file:
            for _ in chain.read_on(file, reader):
                pass
        return reader.before


def entries(path: str, prover: Prover | None, reader: Reader | None = None) -> Iterator[Entry]:
    """Yield the files that a journal says were about to be replaced, in order. Raises ``JournalError``."""
    reader = reader if reader is not None else Reader(path, prover)
    for line in chain.read(path, reader):
        if line.startswith(WILL):
            yield _entry(chain.parsed(line), reader)


def _entry(known: object, reader: Reader) -> Entry:
    """Read one line; what no key has proved may say anything. Raises ``Foreign``."""
    match known:
        case {"will": str(path), "after": str(after), "blobs": list(blobs)} if path and "\0" not in path:
            replaced = [Replaced(*blob) for blob in blobs if _is_replaced(blob)]
            if len(replaced) == len(blobs):
                return Entry(path, after, replaced)
    raise reader.foreign(why="is none of a journal")


def _is_replaced(blob: object) -> bool:
    match blob:
        case [int(), str(), str(), str()]:
            return True
    return False


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError as error:  # the working folder has gone
        reason = os.strerror(error.errno or 0)
    raise JournalError(problem=f"the journal cannot name the folder: {reason}", path=path)


def _mark(path: str, digest: str) -> int:
    """Return 64 bits for a path and what was written there: all that need be remembered of a file."""
    return int.from_bytes(sha256(f"{digest}{path}".encode("utf-8", "surrogatepass")).digest()[:8])


def _sync_folder(path: str) -> None:
    descriptor = chain.open_folder(path)
    try:
        os.fsync(descriptor)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    finally:
        release(descriptor)
    raise JournalError(problem=f"the journal cannot be synced: {reason}", path=path)
