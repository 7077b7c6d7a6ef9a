"""Who may write in a tree: one sealkit at a time, as the kernel keeps count.

The lock is ``flock(2)`` on ``.sealkit/lock`` in the tree's root. The file is never deleted; what is written in it is for messages
only. The kernel frees the lock when the last process that holds it ends, however it ends. On NFS, ``flock`` is kept by the server
(Linux 2.6.12); file systems without it are an error.

Beside it, whoever commits files in a folder holds a shared ``flock`` on the folder itself, and whoever sweeps up what a dead process
left there holds it alone: so a temporary file is never swept from under a living process, in whichever tree that thinks it works.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import time
from typing import TYPE_CHECKING

from sealkit.errors import HardLinked, StoreError, TreeBusy
from sealkit.trees.folders import LISTED, failure, refusal, release, wrong_kind
from sealkit.trees.found import OWN_FOLDER

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_NAME = "lock"
_BUSY = frozenset({errno.EWOULDBLOCK, errno.EACCES})
_MISSING_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF, errno.ENOSYS})
_PATIENCE = 200  # times 10 ms that a commit waits for a sweep, which takes far less


class TreeLock:
    """A tree's lock, held between ``with`` and its end; see ``lock``."""

    __slots__ = ("_fd", "create", "root", "shared")

    def __init__(self, root: str, *, shared: bool, create: bool) -> None:
        self.root = root
        self.shared = shared
        self.create = create
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = self._open()
        try:
            if self._fd >= 0:
                self._take()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    @property
    def held(self) -> bool:
        """Whether there was something to lock."""
        return self._fd >= 0

    @property
    def path(self) -> str:
        """The lock file, for messages."""
        return os.path.join(self.root, OWN_FOLDER, _NAME)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            release(fd)

    def _open(self) -> int:
        creates = self.create and not self.shared
        folder = _open_own_folder(self.root, create=creates)
        if folder is None:
            return -1
        flags = (os.O_RDONLY if self.shared else os.O_RDWR) | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = -1
        try:
            fd = os.open(_NAME, flags if self.shared else flags | os.O_CREAT, 0o666, dir_fd=folder)
            status = os.fstat(fd)
        except FileNotFoundError:
            return -1
        except OSError as error:
            problem = refusal("the tree cannot be locked", error, (_NAME, folder), self.path)
        else:
            if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:
                return fd
            problem = _another(status, self.path)
        finally:
            release(folder)
        if fd >= 0:
            release(fd)
        raise problem

    def _take(self) -> None:
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if self.shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            if not self.shared:
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, f"{os.getpid()} {os.uname().nodename}\n".encode("ascii", "replace"), 0)
        except OSError as error:
            problem = self._busy() if error.errno in _BUSY else failure("the tree cannot be locked", error, self.path)
        else:
            return
        raise problem

    def _busy(self) -> TreeBusy:
        holder = re.fullmatch(rb"([0-9]{1,10}) ([!-~]{1,64})\n", os.pread(self._fd, 128, 0))
        who = f"process {holder[1].decode()} on {holder[2].decode()}" if holder else "another sealkit"
        return TreeBusy(problem=f"{who} is at work in this tree", path=self.root or ".")


def _another(status: os.stat_result, path: str) -> StoreError:
    """Return why a file is no lock of ours: writing into it may write into somebody's file."""
    if not stat.S_ISREG(status.st_mode):
        return wrong_kind(status.st_mode, path)
    return HardLinked(
        problem="the tree cannot be locked: the lock has other names, and so may be any file", hint="remove it", path=path
    )


def lock(root: str, *, shared: bool = False, create: bool = True) -> TreeLock:
    """Hold the lock of the tree whose root is the folder ``root`` ("": the working folder) for a ``with`` block.

    Writers take it alone; readers that want an unchanging tree share it. ``create`` makes ``.sealkit/lock`` if there is none (it keeps
    itself out of git). Nothing is made, and nothing is locked, by readers and with ``create=False``, which is for single files in
    folders that are no trees: replacing a file is safe without the lock. ``TreeBusy`` when somebody else holds it; ``StoreError`` (a
    link, no permission, a read-only file system) when there should be a lock and cannot.
    """
    return TreeLock(root, shared=shared, create=create)


def _open_own_folder(root: str, *, create: bool) -> int | None:
    path = os.path.join(root, OWN_FOLDER)
    try:
        if create:
            _make(path)
        folder = os.open(path, LISTED)
    except FileNotFoundError as error:
        if not create:
            return None
        problem: StoreError = failure("the tree cannot be locked", error, path)
    except (OSError, ValueError) as error:
        problem = refusal("the tree cannot be locked", error, (path, None), path)
    else:
        if create:
            _keep_out_of_git(folder)
        return folder
    raise problem


def _make(path: str) -> None:
    try:
        os.mkdir(path, 0o777)
    except FileExistsError:
        pass


def _keep_out_of_git(folder: int) -> None:
    """Put an ignore file into our folder, as a courtesy: without it the lock works all the same."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(".gitignore", flags, 0o666, dir_fd=folder)
    except OSError:
        return
    try:
        os.write(fd, b"*\n")
    except OSError:
        pass
    finally:
        release(fd)


def share_folder(folder: int, path: str) -> None:
    """Keep sweepers out of an open folder, until its descriptor is closed; ``TreeBusy`` if one does not come to an end."""
    for _ in range(_PATIENCE):
        if _flock(folder, fcntl.LOCK_SH):
            return
        time.sleep(0.01)
    raise TreeBusy(problem="another sealkit is tidying up in this folder", path=path)


def own_folder(folder: int) -> bool:
    """Try to have an open folder for ourselves: False when somebody commits files there now."""
    return _flock(folder, fcntl.LOCK_EX)


def _flock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno not in _MISSING_LOCKS:
            raise
    return True
