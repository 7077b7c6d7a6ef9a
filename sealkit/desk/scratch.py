"""Folders in memory for what must not reach a disk: made for their owner alone, gone when they are left, swept if their process died."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING, Final

from sealkit.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

PREFIX: Final = "sealkit-desk-"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - looked at before it is used
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LIMIT = 64 << 20
_LEVELS = 8


class Scratch:
    """A folder (0700) in ``$XDG_RUNTIME_DIR`` or ``/dev/shm``, where that is memory; with ``allow_disk``, else in the temporary folder.

    Use it with ``with``; what is in it is removed at the end, whatever happens. It is locked while its process lives, so that ``sweep``
    knows what a killed one left. Raises ``StoreError`` where there is no place in memory.
    """

    def __init__(self, *, allow_disk: bool = False) -> None:
        self._allow_disk = allow_disk
        self._fd = -1
        self.path = ""

    def __enter__(self) -> Self:
        place = next(places(), None)
        if place is None:
            if not self._allow_disk:
                raise StoreError(
                    problem="there is no folder in memory for a payload: neither $XDG_RUNTIME_DIR nor /dev/shm is one",
                    hint="go on with --allow-disk-temp; what is removed from a disk may still be found there",
                )
            place = _disk()
        try:
            while self._fd < 0:  # a sweeper may have taken the folder for a dead one before it was locked
                self.path = os.path.join(place, PREFIX + os.urandom(8).hex())
                os.mkdir(self.path, 0o700)
                self._fd = _lock(self.path)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        else:
            return self
        raise StoreError(problem=f"no folder can be made: {reason}", path=place)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _remove(self.path)
        os.close(self._fd)
        self._fd = -1

    def write(self, name: str, data: bytes) -> str:
        """Put a new file (0600) into the folder, and return its path. Raises ``StoreError``."""
        path = os.path.join(self.path, name)
        try:
            fd = os.open(path, _NEW, 0o600)
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(fd, rest) :]
            finally:
                os.close(fd)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        else:
            return path
        raise StoreError(problem=f"cannot be written: {reason}", path=path)

    def read(self, path: str) -> bytes:
        """Return what a file in the folder holds. Raises ``StoreError``."""
        try:
            fd = os.open(path, _READ)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode) or os.fstat(fd).st_size > _LIMIT:
                    raise StoreError(problem="is no regular file any more, or too large", path=path)
                parts = []
                while part := os.read(fd, 1 << 20):
                    parts.append(part)
                return b"".join(parts)
            finally:
                os.close(fd)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        raise StoreError(problem=f"cannot be read: {reason}", path=path)


def places() -> Iterator[str]:
    """Yield the folders in memory in which this user may make others."""
    for place in _may_be_memory():
        if _is_memory(place) and os.access(place, os.W_OK | os.X_OK):
            yield place


def _may_be_memory() -> list[str]:
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    return [named, _SHARED_MEMORY] if os.path.isabs(named) else [_SHARED_MEMORY]


def _disk() -> str:
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - a folder of random name is made in it


def sweep() -> list[str]:
    """Remove the folders that processes of this user left when they were killed; return their paths."""
    swept = []
    for path, fd in _dead():
        _remove(path)
        os.close(fd)
        swept.append(path)
    return swept


def left() -> list[str]:
    """Return the paths of what ``sweep`` would remove."""
    found = []
    for path, fd in _dead():
        os.close(fd)
        found.append(path)
    return found


def _dead() -> Iterator[tuple[str, int]]:
    """Yield the folders whose process is dead, each locked, with the descriptor that holds the lock."""
    for place in dict.fromkeys((*_may_be_memory(), _disk())):
        try:
            with os.scandir(place) as entries:
                names = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
        except OSError:
            continue
        for name in names:
            path = os.path.join(place, name)
            fd = _lock(path)
            if fd >= 0:
                yield path, fd


def _lock(path: str) -> int:
    """Open and lock a folder of this user's own; -1 if it is somebody's, or gone."""
    try:
        fd = os.open(path, _FOLDER)
    except OSError:
        return -1
    try:
        if os.fstat(fd).st_uid == os.geteuid():
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), os.lstat(path)):
                return fd
    except OSError:  # locked, or removed in the meantime
        pass
    os.close(fd)
    return -1


def _remove(path: str, level: int = 0) -> None:
    """Remove a folder and what is in it; links are removed, not followed."""
    try:
        with os.scandir(path) as entries:
            inside = list(entries)
        for entry in inside:
            if entry.is_dir(follow_symlinks=False) and level < _LEVELS:
                _remove(entry.path, level + 1)
            else:
                os.unlink(entry.path)
        os.rmdir(path)
    except OSError:  # the next sweep tries again
        pass


def _is_memory(place: str) -> bool:
    """Say whether a folder is on a file system that lives in memory."""
    try:
        device = os.stat(place).st_dev
        with open("/proc/self/mountinfo", "rb") as mounts:
            lines = mounts.read().split(b"\n")
    except OSError:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}".encode()
    for line in lines:
        before, _, after = line.partition(b" - ")
        words = before.split()
        if len(words) > 2 and words[2] == wanted:
            return os.fsdecode(after.split()[0]) in _IN_MEMORY
    return False
