"""Folders in memory for what must not reach a disk: made for their owner alone, gone when they are left, swept if their process died.

They are made, and swept, only in a place where nobody else can exchange what is ours (``ownership``), whatever the environment names; and what is
removed is reached by descriptors from there on, never by a path, so that no link leads elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.errors import StoreError
from sealkit.ownership import doubt_about_folder
from sealkit.trees.folders import release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

PREFIX: Final = "sealkit-desk-"
_TEMPORARY = "/tmp"  # looked at before it is used
_SHARED_MEMORY = "/dev/shm"  # looked at before it is used
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_PLACE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = _PLACE | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LIMIT = 64 << 20
_LEVELS = 8
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class _Place(NamedTuple):
    """A folder in which others may be made: its path, and a descriptor for the caller to close."""

    path: str
    fd: int


class _Dead(NamedTuple):
    """A folder whose process is dead: its place, its name there, and the descriptor that holds its lock, for the caller to close."""

    place: _Place
    name: str
    fd: int

    @property
    def path(self) -> str:
        """Its path."""
        return os.path.join(self.place.path, self.name)


class Scratch:
    """A folder (0700) in ``$XDG_RUNTIME_DIR`` or ``/dev/shm``, where that is memory; with ``allow_disk``, else in the temporary folder.

    Use it with ``with``; what is in it is removed at the end, whatever happens. It is locked while its process lives, so that ``sweep``
    knows what a killed one left. Raises ``StoreError`` where there is no place in memory.
    """

    def __init__(self, *, allow_disk: bool = False) -> None:
        self._allow_disk = allow_disk
        self._place = -1
        self._fd = -1
        self.path = ""

    def __enter__(self) -> Self:
        place = self._found()
        self._place = place.fd
        try:
            while self._fd < 0:  # a sweeper may have taken the folder for a dead one before it was locked
                name = PREFIX + os.urandom(8).hex()
                os.mkdir(name, 0o700, dir_fd=place.fd)
                self._fd = _lock(place.fd, name)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        else:
            self.path = os.path.join(place.path, name)
            return self
        release(place.fd)
        raise StoreError(problem=f"no folder can be made: {reason}", path=place.path)

    def _found(self) -> _Place:
        place = next(_in_memory(), None)
        if place is not None:
            return place
        if not self._allow_disk:
            raise StoreError(
                problem="there is no folder in memory for a payload: neither $XDG_RUNTIME_DIR nor /dev/shm is one that is yours or root's alone",
                hint="go on with --allow-disk-temp; what is removed from a disk may still be found there",
            )
        place = next(_opened(_on_disk()), None)
        if place is not None:
            return place
        raise StoreError(
            problem="there is no temporary folder in which nobody else can exchange your files",
            hint="set TMPDIR to a folder of your own",
        )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _remove(self._place, os.path.basename(self.path), self._fd)
        release(self._fd)
        release(self._place)
        self._fd = self._place = -1

    def write(self, name: str, data: bytes) -> str:
        """Put a new file (0600) into the folder, and return its path. Raises ``StoreError``."""
        path = os.path.join(self.path, name)
        try:
            fd = os.open(name, _NEW, 0o600, dir_fd=self._fd)
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
            fd = os.open(os.path.basename(path), _READ, dir_fd=self._fd)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode) or os.fstat(fd).st_size > _LIMIT:
                    raise StoreError(problem="is no regular file any more, or too large", path=path)
                parts = []
                while part := os.read(fd, 1 << 20):
                    parts.append(part)
                return b"".join(parts)
            finally:
                release(fd)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        raise StoreError(problem=f"cannot be read: {reason}", path=path)


def sweep() -> list[str]:
    """Remove the folders that processes of this user left when they were killed; return their paths."""
    swept = []
    for dead in _dead():
        _remove(dead.place.fd, dead.name, dead.fd)
        swept.append(dead.path)
    return swept


def left() -> list[str]:
    """Return the paths of what ``sweep`` would remove."""
    return [dead.path for dead in _dead()]


# --- places ----------------------------------------------------------------------------------------------------------
def _in_memory() -> Iterator[_Place]:
    """Yield the places in memory in which this user may make folders."""
    for place in _opened(_may_be_memory()):
        if _is_memory(place.fd) and os.access(".", os.W_OK | os.X_OK, dir_fd=place.fd, effective_ids=True):
            yield place
        else:
            release(place.fd)


def _opened(paths: list[str]) -> Iterator[_Place]:
    """Yield the folders among some paths in which nobody else can exchange what is ours, each open, for the caller to close."""
    for path in dict.fromkeys(paths):
        try:
            if doubt_about_folder(path) is None:
                yield _Place(path, os.open(path, _PLACE))
        except (OSError, ValueError):  # is not there, is no folder, or has no name that a folder can have
            continue


def _may_be_memory() -> list[str]:
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    return [named, _SHARED_MEMORY] if os.path.isabs(named) else [_SHARED_MEMORY]


def _on_disk() -> list[str]:
    named = os.environ.get("TMPDIR", "")
    return [named, _TEMPORARY] if os.path.isabs(named) else [_TEMPORARY]


# --- dead folders ----------------------------------------------------------------------------------------------------
def _dead() -> Iterator[_Dead]:
    """Yield the folders whose process is dead, each locked, and open until the next one is asked for."""
    for place in _opened([*_may_be_memory(), *_on_disk()]):
        try:
            with suppress(OSError), os.scandir(place.fd) as entries:
                for name in sorted(entry.name for entry in entries if entry.name.startswith(PREFIX)):
                    fd = _lock(place.fd, name)
                    if fd >= 0:
                        try:
                            yield _Dead(place, name, fd)
                        finally:
                            release(fd)
        finally:
            release(place.fd)


def _lock(place: int, name: str) -> int:
    """Open and lock a folder that is this user's own, and open to nobody else; -1 if it is somebody's, or gone."""
    try:
        fd = os.open(name, _FOLDER, dir_fd=place)
    except OSError:
        return -1
    try:
        status = os.fstat(fd)
        if status.st_uid == os.geteuid() and not status.st_mode & _OTHERS:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(place, name, fd):
                return fd
    except OSError:  # locked, or removed in the meantime
        pass
    release(fd)
    return -1


def _is_at(place: int, name: str, fd: int) -> bool:
    """Say whether an open folder still has its name."""
    return os.path.samestat(os.fstat(fd), os.stat(name, dir_fd=place, follow_symlinks=False))


def _remove(place: int, name: str, fd: int) -> None:
    """Remove an open folder and what is in it, as far as it goes: the next sweep tries again."""
    with suppress(OSError):
        _empty(fd, os.fstat(fd).st_dev, _LEVELS)
        if _is_at(place, name, fd):
            os.rmdir(name, dir_fd=place)


def _empty(folder: int, device: int, levels: int) -> None:
    """Remove what is in an open folder; links are removed, not followed, and other file systems are not entered."""
    with os.scandir(folder) as entries:
        inside = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in inside:
        with suppress(OSError):
            if not is_folder:
                os.unlink(name, dir_fd=folder)
            elif levels:
                _empty_below(folder, name, device, levels)
                os.rmdir(name, dir_fd=folder)


def _empty_below(folder: int, name: str, device: int, levels: int) -> None:
    fd = os.open(name, _FOLDER, dir_fd=folder)
    try:
        if os.fstat(fd).st_dev == device:
            _empty(fd, device, levels - 1)
    finally:
        release(fd)


def _is_memory(place: int) -> bool:
    """Say whether an open folder is on a file system that lives in memory."""
    try:
        device = os.fstat(place).st_dev
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
