"""Record files as bytes: read through descriptors, never through links.

This module and its neighbours ``replace``, ``lock`` and ``sweep`` are the only place that touches record files.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NoReturn

from sealkit import limits
from sealkit.errors import OverLimit, SealkitError
from sealkit.trees.folders import failure, open_folder, refusal, release, wrong_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Flags for a file that should be regular: a FIFO does not block, a link is refused."""

WRITING = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Flags for a file that is written over: one of our own."""

LIMIT = limits.FILE_BYTES
"""The size of the largest record that is read, in bytes."""

BEGINNING = 8192
"""How many bytes of a file tell whether it is text."""

_SMALL = 32 << 10  # files that are read at once, whatever they begin with
_PIECE = 1 << 20
_KIND = 0o170000  # the bits of a mode that S_IFMT keeps, without a call


class Snapshot:
    """A file as it was at one moment: ``data``, and ``status`` as ``fstat`` gave it. Neither shown nor pickled: it may hold plaintext."""

    __slots__ = ("data", "status")

    def __init__(self, data: bytes, status: os.stat_result) -> None:
        self.data = data
        self.status = status

    @property
    def dev(self) -> int:
        """The device number."""
        return self.status.st_dev

    @property
    def ino(self) -> int:
        """The inode number."""
        return self.status.st_ino

    @property
    def size(self) -> int:
        """The size in bytes that the file system gave."""
        return self.status.st_size

    @property
    def mtime_ns(self) -> int:
        """When the content was last changed, in nanoseconds since 1970."""
        return self.status.st_mtime_ns

    @property
    def ctime_ns(self) -> int:
        """When anything about the file was last changed, in nanoseconds since 1970."""
        return self.status.st_ctime_ns

    @property
    def mode(self) -> int:
        """The twelve permission bits."""
        return stat.S_IMODE(self.status.st_mode)

    @property
    def nlink(self) -> int:
        """How many names the file has."""
        return self.status.st_nlink

    @property
    def uid(self) -> int:
        """The owner."""
        return self.status.st_uid

    @property
    def gid(self) -> int:
        """The group."""
        return self.status.st_gid

    def __repr__(self) -> str:
        return f"<Snapshot of {len(self.data)} bytes>"

    def __reduce__(self) -> NoReturn:
        reason = "a Snapshot may hold plaintext and is not pickled"
        raise TypeError(reason)


class Store:
    """Reads files, fast where many of one folder follow each other: the folder stays open in between.

    Close it, or use it with ``with``. Not for several threads at once.
    """

    __slots__ = ("_fd", "_folder", "_root")

    def __init__(self) -> None:
        self._fd = -1
        self._folder: str | None = None
        self._root: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder that is kept open; the next ``read`` opens one anew."""
        fd, self._fd, self._folder = self._fd, -1, None
        if fd >= 0:
            release(fd)

    def read(
        self, path: str, root: str | None = None, *, limit: int = LIMIT, begins: Callable[[str, bytes], bool] | None = None
    ) -> Snapshot:
        """Read one regular file of at most ``limit`` bytes.

        ``begins`` is shown the path of a larger file, and how it begins: where it says no, the rest is not read, and the snapshot is empty. No folder between
        ``root`` (with which ``path`` begins; "" is the working folder) and the file may be a link; without a root the file's folder is
        trusted. Raises ``IsLink``, ``NotRegular``, ``OverLimit``, or ``StoreError`` with the system's reason.
        """
        cut = path.rfind("/") + 1
        folder, name = path[:cut], path[cut:]
        if folder != self._folder or root != self._root:
            self._enter(path, folder, root)
            fd = self._open(name, path)
        else:
            try:
                fd = os.open(name, READING, dir_fd=self._fd)
            except (OSError, ValueError):  # the folder may have been replaced since it was opened
                self._enter(path, folder, root)
                fd = self._open(name, path)
        problem: SealkitError
        try:
            status = os.fstat(fd)
            size = status.st_size
            large = begins is not None and size > _SMALL and status.st_mode & _KIND == stat.S_IFREG
            if large and begins is not None and not begins(path, os.pread(fd, BEGINNING, 0)):
                return Snapshot(b"", status)
            if status.st_mode & _KIND == stat.S_IFREG and size <= limit:
                data = os.read(fd, size + 1)
                return Snapshot(data if len(data) == size else read_on(fd, data, limit), status)
            problem = _unfit(status.st_mode, limit, path)
        except OSError as error:
            problem = failure("cannot be read", error, path)
        except OverLimit as error:
            problem = error.with_traceback(None).at(path=path)
        finally:
            try:  # as ``release`` does it, without a call
                os.close(fd)
            except OSError:
                pass
        data = b""  # tracebacks can show locals
        raise problem

    def pieces(self, path: str, root: str | None = None) -> Iterator[bytes]:
        """Yield what a regular file holds, however large it is, in pieces. Raises as ``read``."""
        cut = path.rfind("/") + 1
        self._enter(path, path[:cut], root)
        fd = self._open(path[cut:], path)
        try:
            mode = os.fstat(fd).st_mode
            if not stat.S_ISREG(mode):
                raise wrong_kind(mode, path)
            while piece := os.read(fd, _PIECE):
                yield piece
        except OSError as error:
            problem = failure("cannot be read", error, path)
        else:
            return
        finally:
            release(fd)
        raise problem

    def _enter(self, path: str, folder: str, root: str | None) -> None:
        self.close()
        self._fd = open_folder(path, folder.rstrip("/") or folder if root is None else root)
        self._folder, self._root = folder, root

    def _open(self, name: str, path: str) -> int:
        try:
            return os.open(name, READING, dir_fd=self._fd)
        except (OSError, ValueError) as error:
            problem = refusal("cannot be read", error, (name, self._fd), path)
        raise problem


def read(path: str, root: str | None = None, *, limit: int = LIMIT) -> Snapshot:
    """Read one file as ``Store.read`` does."""
    with Store() as store:
        return store.read(path, root, limit=limit)


def read_on(fd: int, data: bytes, limit: int) -> bytes:
    """Read the rest of a file whose size was not what ``fstat`` said; ``OverLimit`` beyond ``limit`` bytes, ``OSError``."""
    parts = [data]
    total = len(data)
    while data and total <= limit:
        data = os.read(fd, 1 << 16)
        parts.append(data)
        total += len(data)
    if total > limit:
        del data, parts
        raise OverLimit(problem=f"a file of more than {limit} bytes")
    return b"".join(parts)


def _unfit(mode: int, limit: int, path: str) -> SealkitError:
    if stat.S_ISREG(mode):
        return OverLimit(problem=f"a file of more than {limit} bytes", path=path)
    return wrong_kind(mode, path)
