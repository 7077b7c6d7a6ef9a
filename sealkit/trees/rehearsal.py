"""Whether files can be replaced at all, found out before the first one is: a rotation then changes all of a tree or nothing.

What only trying shows is tried, once for all files of a folder that are alike: a temporary file is made there, given their owner, group,
mode and attributes as a replaced file would be, and removed again. No record is touched.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.errors import HardLinked, SealkitError, StoreError
from sealkit.outfile import CREATING, temp_name
from sealkit.report import FOUND
from sealkit.trees import attributes
from sealkit.trees.folders import LISTED, failure, open_folder, release
from sealkit.trees.store import READING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from sealkit.report import Outcome
    from sealkit.trees.found import Found
    from sealkit.trees.orders import Task
    from sealkit.trees.store import Snapshot

_GET_FLAGS: Final = 0x80086601 if struct.calcsize("l") == 8 else 0x80046601  # FS_IOC_GETFLAGS of linux/fs.h
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20  # FS_IMMUTABLE_FL, FS_APPEND_FL
_FLAGS: Final = {_IMMUTABLE: ("immutable", "i"), _APPEND_ONLY: ("append-only", "a")}
_NO_FLAGS = frozenset({errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EACCES})


class _Nature(NamedTuple):
    """What a replaced file takes over from the old one; files that are alike in it need to be tried once."""

    uid: int
    gid: int
    mode: int
    attributes: frozenset[str]


class _Refusal(NamedTuple):
    problem: str
    hint: str | None


class Rehearsal:
    """Says of files whether they can be replaced; use it with ``with``. Files of one folder that follow each other cost little."""

    def __init__(self, task: Task, *, break_hardlinks: bool) -> None:
        self._task = task
        self._break_hardlinks = break_hardlinks
        self._place: tuple[str, str | None] | None = None
        self._fd = -1
        self._refused: _Refusal | None = None  # all of the folder
        self._tried: dict[_Nature, _Refusal | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()

    def problem(self, found: Found, read: Snapshot, opened: Sequence[Outcome]) -> StoreError | None:
        """Return why a file that was read, and would be replaced, cannot be; None if it can, or need not be. ``opened`` is what its fields are."""
        if not any(map(self._is_due, opened)):
            return None
        if read.nlink > 1 and not self._break_hardlinks:
            return HardLinked(problem=f"has {read.nlink} names", path=found.path)
        try:
            self._enter(found.path, found.root)
            refused = self._refused or self._of_file(found.path)
        except FileNotFoundError:  # removed since it was read: that is told when it is written
            return None
        except StoreError as error:
            return error
        except OSError as error:
            return failure("cannot be replaced", error, found.path)
        return StoreError(problem=refused.problem, hint=refused.hint, path=found.path) if refused is not None else None

    def _is_due(self, opened: Outcome) -> bool:
        """Say whether a field that was opened is to be sealed anew: under another key, or in the format that somebody vouches for."""
        sealer = self._task.sealer
        if sealer is None or opened.status != FOUND:
            return False
        is_raised = self._task.around.blessed is not None and opened.format != (sealer.forced_format or opened.format)
        return is_raised or opened.key != sealer.key_id

    # --- the folder ----------------------------------------------------------------------------------------------------
    def _enter(self, path: str, root: str | None) -> None:
        folder = path[: path.rfind("/") + 1]
        if self._place == (folder, root):
            return
        self._leave()
        above = (folder.rstrip("/") or folder) if root is None else root
        self._fd = open_folder(path, above, flags=LISTED)
        self._refused, self._tried = _of_folder(self._fd), {}
        self._place = (folder, root)

    def _leave(self) -> None:
        fd, self._fd, self._place = self._fd, -1, None
        if fd >= 0:
            release(fd)

    # --- a file --------------------------------------------------------------------------------------------------------
    def _of_file(self, path: str) -> _Refusal | None:
        old = os.open(path[path.rfind("/") + 1 :], READING, dir_fd=self._fd)
        try:
            status = os.fstat(old)
            flag = _flag(old)
            if flag is not None:
                name, letter = _FLAGS[flag]
                return _Refusal(f"the file is {name}, and cannot be replaced", f"take that from it with chattr -{letter}")
            nature = _Nature(status.st_uid, status.st_gid, status.st_mode, frozenset(attributes.names(old)))
            if nature not in self._tried:
                self._tried[nature] = _sticky(self._fd, status) or self._try(old, status, path)
            return self._tried[nature]
        finally:
            release(old)

    def _try(self, old: int, status: os.stat_result, path: str) -> _Refusal | None:
        """Make a file as the replaced one would be, and remove it. Raises ``OSError`` where none can be made."""
        name = temp_name()
        new = os.open(name, CREATING, 0o600, dir_fd=self._fd)
        try:
            os.write(new, b"\0")
            attributes.keep(old, status, new, path)
        except SealkitError as error:
            return _Refusal(error.problem, error.hint)
        finally:
            release(new)
            os.unlink(name, dir_fd=self._fd)
        return None


def _of_folder(fd: int) -> _Refusal | None:
    """Return why no file in an open folder can be replaced."""
    flag = _flag(fd)
    if flag is not None:
        name, letter = _FLAGS[flag]
        return _Refusal(
            f"its folder is {name}, so that nothing in it can be replaced", f"take that from the folder with chattr -{letter}"
        )
    if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
        return _Refusal("its file system is mounted read-only", "mount it so that it can be written")
    if os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=os.access in os.supports_effective_ids):
        return None
    status = os.fstat(fd)
    whose = "yours" if status.st_uid == os.geteuid() else f"of uid {status.st_uid}"
    problem = f"its folder, which is {whose}, mode {stat.S_IMODE(status.st_mode):04o}, may not be written, so that nothing in it can be replaced"
    hint = (
        "chmod u+wx the folder"
        if status.st_uid == os.geteuid()
        else "run it as the folder's owner, or have yourself given the right to write there"
    )
    return _Refusal(problem, hint)


def _sticky(folder: int, status: os.stat_result) -> _Refusal | None:
    """Return why a file may not be renamed in its folder: in sticky ones, only its owner, the folder's and root may (rename(2))."""
    around = os.fstat(folder)
    if not around.st_mode & stat.S_ISVTX or os.geteuid() in (0, around.st_uid, status.st_uid):
        return None
    return _Refusal(
        "its folder is sticky: only the file's owner and the folder's may replace it",
        f"run it as the file's owner, uid {status.st_uid}",
    )


def _flag(fd: int) -> int | None:
    """Return the flag of a file or folder that keeps it from being replaced or written (chattr(1)); None where there are no such flags."""
    if sys.platform != "linux":
        return None
    answer = bytearray(struct.calcsize("l"))
    try:
        fcntl.ioctl(fd, _GET_FLAGS, answer)
    except OSError as error:
        if error.errno in _NO_FLAGS:
            return None
        raise
    flags = int.from_bytes(answer[:4], sys.byteorder)
    return next((flag for flag in _FLAGS if flags & flag), None)
