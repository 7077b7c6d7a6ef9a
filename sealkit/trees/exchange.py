"""One record on its way from its old content to its new one, step by step; whatever goes wrong, it ends as one of the two."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from sealkit.errors import ChangedUnderneath, HardLinked, SealkitError, StoreError
from sealkit.outfile import CREATING, temp_name, write_all
from sealkit.trees import attributes, kernel, swap
from sealkit.trees.folders import failure, refusal, release
from sealkit.trees.spares import Spare, Spares
from sealkit.trees.store import READING
from sealkit.trees.swap import Mark
from sealkit.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.trees.store import Snapshot

SYNCFS = 32
"""From how many files on one ``syncfs`` is cheaper than an ``fsync`` each."""


class Write:
    """One record to be replaced: its path (beginning with ``root``, as for ``Store.read``), what was read, and the new content."""

    __slots__ = ("data", "path", "root", "snapshot")

    def __init__(self, path: str, snapshot: Snapshot, data: bytes, *, root: str | None = None) -> None:
        self.path = path
        self.snapshot = snapshot
        self.data = data
        self.root = root

    def __repr__(self) -> str:
        return f"<Write {self.path!r}, {len(self.data)} bytes>"

    def __reduce__(self) -> NoReturn:
        reason = "a Write may hold plaintext and is not pickled"
        raise TypeError(reason)


class Options(NamedTuple):
    """How records are replaced."""

    break_hardlinks: bool = False
    keep_mtime: bool = False
    syncfs_from: int = SYNCFS
    prove: bool = False  # look at each record once more, after all: is it what was put there?


DEFAULTS = Options()


def _unwritable(error: OSError | ValueError, path: str) -> StoreError:
    """Put the refusal to write a new file beside a record into a ``StoreError`` that says what has to be writable."""
    problem = failure("cannot be replaced", error, path)
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        folder = os.path.dirname(path) or "."
        problem.hint = f"a new file takes its place, so you must be able to write in its folder, too: {quoted(folder)}"
    elif number == errno.EROFS:
        problem.hint = "its file system is mounted read-only"
    return problem


class Exchange:
    """One record on its way: its open folder, its temporary file, and how far it has come."""

    __slots__ = (
        "fd",
        "folder",
        "leaves_file",
        "left",
        "marked",
        "name",
        "new",
        "options",
        "problem",
        "spares",
        "status",
        "temp",
        "write",
    )

    def __init__(self, write: Write, folder: int, options: Options, spares: Spares, *, leaves_file: bool) -> None:
        self.write = write
        self.folder = folder
        self.options = options
        self.spares = spares
        self.leaves_file = leaves_file
        self.left: Spare | None = None  # the record's old file, if it can be written again
        self.name = write.path[write.path.rfind("/") + 1 :]
        self.temp: str | None = None  # the temporary file's first name, as long as there may be one
        self.marked: str | None = None  # its second name, likewise
        self.fd = -1
        self.status: os.stat_result | None = None  # the record's, when its attributes were kept
        self.new: Mark | None = None
        self.problem: SealkitError | None = None

    def step(self, do: Callable[[Exchange], None]) -> None:
        """Go one step on, unless something went wrong before; if it does now, tidy up."""
        if self.problem is not None:
            return
        try:
            do(self)
        except SealkitError as error:
            self.problem = error.with_traceback(None).at(path=self.write.path)
            self.problem.__context__ = None
        except (OSError, ValueError) as error:
            self.problem = _unwritable(error, self.write.path)
        if self.problem is not None:
            self.abandon()

    def prepare(self) -> None:
        """Check that the record is as it was read, and write the temporary file with its attributes."""
        snapshot = self.write.snapshot
        try:
            old = os.open(self.name, READING, dir_fd=self.folder)
        except FileNotFoundError:
            raise _removed() from None
        except OSError as error:
            problem = refusal("cannot be replaced", error, (self.name, self.folder), self.write.path)
            raise problem from None
        try:
            self.status = status = os.fstat(old)
            if status.st_dev != snapshot.dev or Mark.of(status) != Mark.of(snapshot.status):
                raise _changed()
            if status.st_nlink > 1 and not self.options.break_hardlinks:
                raise HardLinked(problem=f"has {status.st_nlink} names; nothing was changed", path=self.write.path)
            self._fill(old, status)
        finally:
            release(old)

    def _fill(self, old: int, status: os.stat_result) -> None:
        left_over = self._open(status)
        write_all(self.fd, self.write.data)
        if left_over > len(self.write.data):
            os.ftruncate(self.fd, len(self.write.data))
        made = attributes.keep(old, status, self.fd, self.write.path)
        if made.st_size != len(self.write.data):
            raise StoreError(problem="the system did not write all of it; nothing was changed", path=self.write.path)
        if self.options.keep_mtime:
            os.utime(self.fd, ns=(status.st_atime_ns, status.st_mtime_ns))
            made = os.fstat(self.fd)
        self.new = Mark.of(made)
        self._close()  # a group has more files than a process may have descriptors

    def _open(self, status: os.stat_result) -> int:
        """Open the temporary file, and return how long it is: a file that another record has left behind, or a new one."""
        spare = self.spares.take(self.folder, status)
        if spare is not None:
            self.temp, self.fd, size = spare
            return size
        temp = temp_name()
        self.fd = os.open(temp, CREATING, 0o600, dir_fd=self.folder)
        self.temp = temp
        return 0

    def sync(self) -> None:
        """Bring the temporary file's content to the disk."""
        if self.temp is not None:
            self.fd = os.open(self.temp, READING, dir_fd=self.folder)
            os.fsync(self.fd)
            self._close()

    def place(self) -> None:
        """Let the temporary file and the record change places."""
        first, new = self.temp, self.new
        if first is None or new is None:
            raise StoreError(problem="was not prepared", path=self.write.path)
        self._close()  # who has the new file open for writing is a somebody else from here on
        temp = self.marked = swap.marked(first, Mark.of(self.write.snapshot.status), new)
        os.rename(first, temp, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        self.temp = None
        try:
            kernel.exchange(self.folder, temp, self.name)
        except FileNotFoundError:
            raise _removed() from None
        except OSError as error:
            if error.errno not in kernel.UNSUPPORTED:
                raise
            self._replace(temp)

    def _replace(self, temp: str) -> None:
        """Compare, then replace: where the kernel or the file system has no exchange."""
        if not self._is_as_read(swap.look(self.folder, self.name)):
            raise _changed()
        os.replace(temp, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        self.marked = None

    def compare(self) -> None:
        """Remove what came out of the exchange if it is what was read; if not, put it back."""
        temp = self.marked
        if temp is None:
            return
        spare = temp_name() if self.leaves_file else None
        retired = swap.retire(self.folder, temp, self._is_as_read, spare=spare)
        if retired is not None:
            self.marked = None
            self.left = Spare(self.folder, spare, retired.status) if spare is not None and retired.is_spare else None
            return
        if self.new is not None:
            swap.put_back(self.folder, temp, self.name, (self.new, self.write.data))
        self.marked = None
        raise _changed()

    def prove(self) -> None:
        """Look at the record again: the very file that was put there, not written to since."""
        if self.options.prove and Mark.of(os.lstat(self.name, dir_fd=self.folder)) != self.new:
            raise StoreError(problem="was changed by somebody else as soon as it was written", path=self.write.path)

    def _is_as_read(self, version: swap.Version) -> bool:
        snapshot, kept, status = self.write.snapshot, self.status, version.status
        same_file = (status.st_dev, status.st_ino) == (snapshot.dev, snapshot.ino)
        same_rights = kept is not None and (status.st_mode, status.st_uid, status.st_gid) == (
            kept.st_mode,
            kept.st_uid,
            kept.st_gid,
        )
        return same_file and same_rights and version.data == snapshot.data

    def abandon(self) -> None:
        """Tidy up, from whichever step on: remove the temporary file if nothing but ours is in it, else settle the exchange.

        What fails here is left to the next sweep.
        """
        fd, self.fd = self.fd, -1
        if fd >= 0:
            release(fd)
        if self.temp is not None:
            self._try(self._remove, self.temp)
        if self.marked is not None:
            self._try(self._undo, self.marked)
        if self.left is not None:
            self._try(self._remove, self.left.name)
        self.temp = self.marked = self.left = None

    def _close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)  # some file systems tell only here that the disk is full

    def _remove(self, temp: str) -> None:
        os.unlink(temp, dir_fd=self.folder)

    def _undo(self, marked: str) -> None:
        if Mark.of(os.lstat(marked, dir_fd=self.folder)) == self.new:
            self._remove(marked)
        else:
            self.compare()

    @staticmethod
    def _try(do: Callable[[str], None], name: str) -> None:
        try:
            do(name)
        except (OSError, SealkitError):
            pass


def _changed() -> ChangedUnderneath:
    return ChangedUnderneath(problem="somebody else has changed it since it was read, or has it open for writing; theirs was kept")


def _removed() -> ChangedUnderneath:
    return ChangedUnderneath(problem="somebody else has removed it since it was read; it was not made anew")
