"""Files that somebody named for what we write: there with all they are to hold, or not at all, and never reached through a link.

A file that is under way has no name, or where a file must have one a temporary name of ours beside it, so that whoever is killed leaves nothing
under the name that was asked for. Folders are opened one below the other, by descriptors: a tree may bring links, and change while we write.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sealkit.errors import StoreError
from sealkit.opaque import opaque
from sealkit.trees import kernel
from sealkit.trees.folders import LISTED, PASSED, failure, refusal, release
from sealkit.trees.found import TEMP_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags for a file that must not exist."""

SECRET = 0o600
PUBLIC = 0o666
"""The mode of a file that is no secret, less the umask."""

_FOLDER = 0o700
_NAMELESS = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC if hasattr(os, "O_TMPFILE") else 0
_NO_NAMELESS = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_PART = 1 << 20
_HINT = "name a file in a folder of your own"


def temp_name(suffix: str = "") -> str:
    """Make up a name for a temporary file: 64 random bits, and what ``suffix`` adds."""
    return TEMP_PREFIX + os.urandom(8).hex() + suffix


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Write all of ``data``, in as many calls as it takes; ``OSError``."""
    done = os.write(fd, data)
    rest = memoryview(data)[done:]
    while rest:
        rest = rest[os.write(fd, rest) :]


# --- folders ---------------------------------------------------------------------------------------------------------
def trusted_part(path: str) -> tuple[str, str]:
    """Return the path, and how much of it may lead through links: what is above the working folder, or the system's (/tmp, /var).

    What is below the working folder may have come with somebody's tree. A path that is said in full to be there is made relative.
    """
    with suppress(OSError):  # the working folder has gone
        here = os.getcwd()
        if path.startswith(f"{here}/"):
            path = path[len(here) :].lstrip("/")
    steps = path.split("/")
    if path.startswith("/"):
        return path, "/".join(steps[:2]) if len(steps) > 2 else "/"
    above = next((at for at, step in enumerate(steps) if step != ".."), len(steps))
    return path, "/".join(steps[:above])


class Folder:
    """A folder that files are put into, held by its descriptor: it stays the same one, whatever its name becomes."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd, self.path = fd, path

    @classmethod
    def open(cls, path: str, root: str | None = None, *, makes: bool = False, said: str | None = None) -> Folder:
        """Open a folder; with ``makes``, make it and those above it where they are not there, each for its owner alone.

        ``root`` is how much of the path may lead through links; None: as ``trusted_part`` says. Errors name ``said``, if it is given: what
        somebody named, which is in this folder. ``StoreError``.
        """
        path, root = trusted_part(path) if root is None else (path, root)
        try:
            top = os.open(root or ".", (PASSED if path[len(root) :].strip("/.") else LISTED) & ~os.O_NOFOLLOW)
        except (OSError, ValueError) as error:
            problem = failure("cannot open the folder", error, said or path)
        else:
            return cls._below(top, path[len(root) :], path, makes=makes, said=said or path)
        raise problem

    @classmethod
    def _below(cls, top: int, rest: str, path: str, *, makes: bool, said: str) -> Folder:
        """Go down from an open folder, which is closed. ``StoreError``."""
        fd, steps = top, [step for step in rest.split("/") if step not in {"", "."}]
        if ".." in steps:
            release(top)
            raise StoreError(problem="leads out of the folder it is said to be in", path=said, hint=_HINT)
        for at, step in enumerate(steps, 1):
            above = fd
            try:
                fd = _entered(step, above, LISTED if at == len(steps) else PASSED, makes=makes)
            except (OSError, ValueError) as error:
                problem = refusal("cannot open the folder", error, (step, above), said)
                problem.hint = _HINT
                break
            finally:
                release(above)
        else:
            return cls(fd, path)
        raise problem

    def inner(self, below: str) -> Folder:
        """Open a folder below this one, by way of no link; it is made where it is not there. ``StoreError``."""
        path = os.path.join(self.path, below)
        return self._below(os.dup(self.fd), below, path, makes=True, said=path)

    @opaque
    def write_new(self, below: str, data: bytes) -> None:
        """Write a new file (0600) somewhere below this folder. ``StoreError``."""
        folder, name = os.path.split(below)
        with self.inner(folder) as inner, NewFile(inner, name, SECRET) as file:
            file.write(data)
            file.keep()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        release(self.fd)


def _entered(step: str, above: int, flags: int, *, makes: bool) -> int:
    """Open a folder in another, by way of no link, and make it if it may be made; ``OSError`` and ``ValueError``."""
    try:
        return os.open(step, flags, dir_fd=above)
    except FileNotFoundError:
        if not makes:
            raise
    with suppress(FileExistsError):  # somebody was faster
        os.mkdir(step, _FOLDER, dir_fd=above)
    _sync(above)
    return os.open(step, flags, dir_fd=above)


def _sync(folder: int) -> None:
    """Have the names in a folder on the disk; a folder that may be searched and not read has no way to be synced."""
    with suppress(PermissionError):
        fd = os.open(".", LISTED, dir_fd=folder)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


# --- files -----------------------------------------------------------------------------------------------------------
class NewFile:
    """A file under way in an open folder; ``keep`` gives it its name, and where it is left before, nothing of it is there.

    ``mode`` is exact, but for ``PUBLIC``. With ``replaces`` it may take the place of a regular file, whose mode it keeps.
    """

    def __init__(self, folder: Folder, name: str, mode: int = SECRET, *, replaces: bool = False) -> None:
        self.path = os.path.join(folder.path, name)
        self._folder, self._name, self._replaces = folder.fd, name, replaces
        self._mode = None if mode == PUBLIC else mode
        self._temp: str | None = None
        try:
            self._look()
            self.fd = self._begun(mode)
        except (OSError, ValueError) as error:
            problem = self.failure(error)
        else:
            return
        raise problem

    def failure(self, error: OSError | ValueError) -> StoreError:
        """Return the error that stands for the system's."""
        if isinstance(error, FileExistsError):
            return StoreError(
                problem="exists already, and is not written over",
                path=self.path,
                hint="name a new file: what is there already stays",
            )
        return failure("cannot be written", error, self.path)

    def _look(self) -> None:
        """Look before anything is written at what there is of that name; ``keep`` looks again. ``OSError`` and ``ValueError``."""
        if self._name in {"", ".", ".."}:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        try:
            old = os.lstat(self._name, dir_fd=self._folder)
        except FileNotFoundError:
            return
        if not self._replaces:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        if stat.S_ISREG(old.st_mode):
            self._mode = stat.S_IMODE(old.st_mode) & 0o777

    def _begun(self, mode: int) -> int:
        """Open a file that has no name yet, or where a file must have one, a temporary one. ``OSError``."""
        if _NAMELESS:
            try:
                return os.open(".", _NAMELESS, mode, dir_fd=self._folder)
            except OSError as error:
                if error.errno not in _NO_NAMELESS:
                    raise
        self._temp = temp_name()
        return os.open(self._temp, CREATING, mode, dir_fd=self._folder)

    def write(self, data: bytes | bytearray) -> None:
        """Write bytes, behind those before. ``StoreError``."""
        try:
            write_all(self.fd, data)
        except OSError as error:
            problem = self.failure(error)
        else:
            return
        raise problem

    def keep(self) -> None:
        """Give the file its name: its content and its name are on the disk when this returns. ``StoreError``."""
        try:
            if self._mode is not None:
                os.fchmod(self.fd, self._mode)
            os.fsync(self.fd)
            self._name_it()
            os.fsync(self._folder)
            fd, self.fd = self.fd, -1
            os.close(fd)
        except OSError as error:
            problem = self.failure(error)
        else:
            return
        raise problem

    def _name_it(self) -> None:
        if not self._replaces and self._linked(self._temp or f"/proc/self/fd/{self.fd}"):
            return  # where there is a temporary name, too, ``__exit__`` takes it away
        temp = self._temp if self._temp is not None else self._take_temporary_name()
        if self._replaces:
            os.rename(temp, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        else:
            self._moved(temp)
        self._temp = None

    def _linked(self, source: str) -> bool:
        """Name what has another name, or none, by a link, which never replaces anything; False where there are no such links."""
        here = None if source.startswith("/") else self._folder
        try:
            os.link(source, self._name, src_dir_fd=here, dst_dir_fd=self._folder, follow_symlinks=here is None)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS and not (error.errno == errno.ENOENT and here is None):
                raise
            return False
        return True

    def _take_temporary_name(self) -> str:
        """Give a file without a name one of ours, or where it can have none, copy it into one that has. ``OSError``."""
        temp = temp_name()
        try:
            os.link(f"/proc/self/fd/{self.fd}", temp, dst_dir_fd=self._folder)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS | {errno.ENOENT}:
                raise
        else:
            self._temp = temp
            return temp
        fd = os.open(temp, CREATING, SECRET, dir_fd=self._folder)
        self._temp = temp
        try:
            status = os.fstat(self.fd)
            for at in range(0, status.st_size, _PART):
                write_all(fd, os.pread(self.fd, _PART, at))
            os.fchmod(fd, stat.S_IMODE(status.st_mode))
            os.fsync(fd)
        finally:
            release(fd)
        return temp

    def _moved(self, temp: str) -> None:
        """Rename to a name that nothing has; where the system cannot promise that, to one that we take first. ``OSError``."""
        try:
            kernel.move_new(self._folder, temp, self._name)
        except OSError as error:
            if error.errno not in kernel.UNSUPPORTED:
                raise
            os.close(os.open(self._name, CREATING, SECRET, dir_fd=self._folder))
            os.rename(temp, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.fd >= 0:
            release(self.fd)
        if self._temp is not None:
            with suppress(OSError):
                os.unlink(self._temp, dir_fd=self._folder)


@contextmanager
def new_file(path: str, mode: int = SECRET, *, root: str | None = None, replaces: bool = False) -> Iterator[NewFile]:
    """Hold a file under way; it is there under its name once ``keep`` was called. ``root`` as in ``Folder.open``. ``StoreError``."""
    path, root = trusted_part(path) if root is None else (path, root)
    folder, name = os.path.split(path)
    if len(folder) < len(root):  # all that is above the file may lead through links
        root = folder
    with Folder.open(folder, root, said=path) as opened, NewFile(opened, name, mode, replaces=replaces) as file:
        yield file


@opaque
def write_new(path: str, data: bytes | bytearray, *, mode: int = SECRET, root: str | None = None) -> None:
    """Make a file that did not exist, whole and durable: its content and its name are on the disk when this returns.

    ``mode`` is exact, whatever the umask; ``root`` as in ``Folder.open``. ``StoreError`` if there is something of that name, where a link is on
    the way, or for the system's reasons.
    """
    with new_file(path, mode, root=root) as file:
        file.write(data)
        file.keep()
