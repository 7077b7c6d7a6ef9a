"""Record files as bytes: read through descriptors, never through links; written anew, never over something.

This module and its neighbours ``replace``, ``lock`` and ``sweep`` are the only place that touches record files.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NoReturn

from sealkit import limits
from sealkit.errors import OverLimit, SealkitError, StoreError
from sealkit.opaque import opaque
from sealkit.trees.folders import LISTED, failure, open_folder, refusal, release, wrong_kind
from sealkit.trees.found import TEMP_PREFIX

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Flags for a file that should be regular: a FIFO does not block, a link is refused."""

WRITING = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Flags for a file that is written over: one of our own."""

CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags for a file that must not exist."""

LIMIT = limits.FILE_BYTES
"""The size of the largest record that is read, in bytes."""

_KIND = 0o170000  # the bits of a mode that S_IFMT keeps, without a call
_NAMELESS = os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC if hasattr(os, "O_TMPFILE") else 0
_NO_NAMELESS = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


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

    def read(self, path: str, root: str | None = None, *, limit: int = LIMIT) -> Snapshot:
        """Read one regular file of at most ``limit`` bytes.

        No folder between ``root`` (with which ``path`` begins; "" is the working folder) and the file may be a link; without a root the
        file's folder is trusted. Raises ``IsLink``, ``NotRegular``, ``OverLimit``, or ``StoreError`` with the system's reason.
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
            if status.st_mode & _KIND == stat.S_IFREG and size <= limit:
                data = os.read(fd, size + 1)
                return Snapshot(data if len(data) == size else read_on(fd, data, limit), status)
            problem = _unfit(status.st_mode, limit, path)
        except OSError as error:
            problem = failure("cannot be read", error, path)
        except OverLimit as error:
            problem = error.with_traceback(None).at(path=path)
        finally:
            release(fd)
        data = b""  # tracebacks can show locals
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


def temp_name(suffix: str = "") -> str:
    """Make up a name for a temporary file: 64 random bits, and what ``suffix`` adds."""
    return TEMP_PREFIX + os.urandom(8).hex() + suffix


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``, in as many calls as it takes; ``OSError``."""
    done = os.write(fd, data)
    rest = memoryview(data)[done:]
    while rest:
        rest = rest[os.write(fd, rest) :]


@opaque
def write_new(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Make a file that did not exist, whole and durable: its content and its name are on the disk when this returns.

    ``path`` appears with all its content or not at all; where the file system has no hard links, it may be cut short by a crash.
    ``mode`` is exact, whatever the umask. ``StoreError`` if there is something of that name, or for the system's reasons.
    """
    name = os.path.basename(path)
    folder = os.path.dirname(path)
    try:
        parent = os.open(folder or ".", LISTED & ~os.O_NOFOLLOW)
    except (OSError, ValueError) as error:
        problem = failure("its folder cannot be opened", error, path)
    else:
        try:
            _write_new(parent, name, data, mode)
            os.fsync(parent)
        except FileExistsError:
            problem = StoreError(problem="exists already, and is not written over", path=path)
        except (OSError, ValueError) as error:
            problem = failure("cannot be written", error, path)
        else:
            return
        finally:
            release(parent)
    raise problem


def _write_new(parent: int, name: str, data: bytes, mode: int) -> None:
    """Write a file that has no name yet, of which a crash leaves nothing, and name it with ``link``, which never replaces anything."""
    try:
        fd = os.open(".", _NAMELESS, 0o600, dir_fd=parent) if _NAMELESS else -1
    except OSError as error:
        if error.errno not in _NO_NAMELESS:
            raise
        fd = -1
    if fd < 0 or not _named(fd, parent, name, data, mode):
        _write_temp(parent, name, data, mode)


def _named(fd: int, parent: int, name: str, data: bytes, mode: int) -> bool:
    """Fill a nameless file and name it; False where it cannot be named, for want of hard links or of /proc."""
    try:
        _fill(fd, data, mode)
        os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=parent)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS | {errno.ENOENT}:
            raise
        return False
    finally:
        os.close(fd)
    return True


def _fill(fd: int, data: bytes, mode: int) -> None:
    write_all(fd, data)
    os.fchmod(fd, mode)
    os.fsync(fd)


def _write_temp(parent: int, name: str, data: bytes, mode: int) -> None:
    """The same with a temporary name, where a file must have one."""
    temp = temp_name()
    fd = os.open(temp, CREATING, 0o600, dir_fd=parent)
    try:
        try:
            _fill(fd, data, mode)
        finally:
            os.close(fd)
        try:
            os.link(temp, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            _write_in_place(parent, name, data, mode)
    finally:
        os.unlink(temp, dir_fd=parent)


def _write_in_place(parent: int, name: str, data: bytes, mode: int) -> None:
    fd = os.open(name, CREATING, 0o600, dir_fd=parent)
    try:
        _fill(fd, data, mode)
    except BaseException:
        os.unlink(name, dir_fd=parent)
        raise
    finally:
        os.close(fd)
