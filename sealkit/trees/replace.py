"""Records replaced on the disk: each is its old self or its new self at every moment, and what was reported as done stays done.

The protocol, for a group of up to ``GROUP`` files: write all temporary files with the attributes of the records · sync · let each
change places with its record, in one step · compare what came out with what was read, put it back if somebody saved meanwhile, else
remove it · sync again. Only then is a file done. From ``SYNCFS`` files on, one ``syncfs`` stands for all ``fsync`` calls of a step:
three times as fast, but it waits for whatever else is dirty in the file system.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from sealkit.errors import ChangedUnderneath, HardLinked, JournalError, SealkitError, StoreError
from sealkit.opaque import opaque
from sealkit.trees import attributes, kernel, swap
from sealkit.trees.folders import LISTED, failure, open_folder, refusal, release
from sealkit.trees.lock import share_folder
from sealkit.trees.store import CREATING, READING, temp_name, write_all
from sealkit.trees.swap import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.trees.store import Snapshot

GROUP = 128
"""How many files are under way at once; each has an open descriptor."""

FOLDERS = 64
"""How many folders are open at once."""

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


class Committed(NamedTuple):
    """What became of one record: ``problem`` is None when the new content is on the disk, to stay there."""

    path: str
    problem: SealkitError | None


class Options(NamedTuple):
    """How records are replaced."""

    break_hardlinks: bool = False
    keep_mtime: bool = False
    syncfs_from: int = SYNCFS


DEFAULTS = Options()


class _Swap:
    """One record on its way: its open folder, its temporary file, and how far it has come."""

    __slots__ = ("fd", "folder", "marked", "name", "new", "options", "problem", "status", "temp", "write")

    def __init__(self, write: Write, folder: int, options: Options) -> None:
        self.write = write
        self.folder = folder
        self.options = options
        self.name = write.path[write.path.rfind("/") + 1 :]
        self.temp: str | None = None  # the temporary file's first name, as long as there may be one
        self.marked: str | None = None  # its second name, likewise
        self.fd = -1
        self.status: os.stat_result | None = None  # the record's, when its attributes were kept
        self.new: Mark | None = None
        self.problem: SealkitError | None = None

    def step(self, do: Callable[[_Swap], None]) -> None:
        """Go one step on, unless something went wrong before; if it does now, tidy up."""
        if self.problem is not None:
            return
        try:
            do(self)
        except SealkitError as error:
            self.problem = error.with_traceback(None).at(path=self.write.path)
            self.problem.__context__ = None
        except (OSError, ValueError) as error:
            self.problem = failure("cannot be replaced", error, self.write.path)
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
        temp = temp_name()
        self.fd = os.open(temp, CREATING, 0o600, dir_fd=self.folder)
        self.temp = temp
        write_all(self.fd, self.write.data)
        made = attributes.keep(old, status, self.fd, self.write.path)
        if made.st_size != len(self.write.data):
            raise StoreError(problem="the system did not write all of it; nothing was changed", path=self.write.path)
        if self.options.keep_mtime:
            os.utime(self.fd, ns=(status.st_atime_ns, status.st_mtime_ns))
            made = os.fstat(self.fd)
        self.new = Mark.of(made)
        self._close()  # a group has more files than a process may have descriptors

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
        if swap.remove(self.folder, temp, self._is_as_read):
            self.marked = None
            return
        if self.new is not None:
            swap.put_back(self.folder, temp, self.name, (self.new, self.write.data))
        self.marked = None
        raise _changed()

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
        self.temp = self.marked = None

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


@opaque
def commit(writes: Sequence[Write], options: Options = DEFAULTS, *, also: int | None = None) -> list[Committed]:
    """Replace records and say, in the order given, what became of each; what fails for one does not touch the others.

    Problems are ``ChangedUnderneath`` (read it again and retry), ``HardLinked``, ``IsLink``, ``NotRegular``, ``TreeBusy`` and
    ``StoreError``. A record whose new content stands but whose sync failed is reported as a problem too. Two writes to one path in the
    same call: the second is ``ChangedUnderneath``. ``also`` is the descriptor of a file whose content must be on the disk before the
    first record is replaced. An interruption (``KeyboardInterrupt``) leaves each record old or new.
    """
    return [committed for group in _groups(writes) for committed in _Group(group, options, also).run()]


def _groups(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Divide the writes into groups that a process has descriptors for: each group keeps its folders open."""
    group: list[Write] = []
    folders: set[str] = set()
    for write in writes:
        folder = write.path.rpartition("/")[0]
        if len(group) == GROUP or (len(folders) == FOLDERS and folder not in folders):
            yield group
            group, folders = [], set()
        group.append(write)
        folders.add(folder)
    if group:
        yield group


@opaque
def replace_one(write: Write, options: Options = DEFAULTS) -> None:
    """Replace one record; raises what ``commit`` would report."""
    (committed,) = commit([write], options)
    if committed.problem is not None:
        raise committed.problem


class _Group:
    """The writes that are under way together, and the folders they are in."""

    def __init__(self, writes: Sequence[Write], options: Options, also: int | None) -> None:
        self.also = also
        self.writes = writes
        self.options = options
        self.folders: dict[tuple[str, str | None], int | SealkitError] = {}
        self.swaps: list[_Swap] = []

    def run(self) -> list[Committed]:
        try:
            refused = self._open()
            self._each(_Swap.prepare)
            self._sync()
            self._each(_Swap.place)
            self._each(_Swap.compare)
            self._sync_folders()
            problems = refused | {id(item.write): item.problem for item in self.swaps}
            return [Committed(write.path, problems[id(write)]) for write in self.writes]
        finally:
            for item in self.swaps:
                item.abandon()
            for folder in self.folders.values():
                if isinstance(folder, int):
                    release(folder)

    def _each(self, do: Callable[[_Swap], None]) -> None:
        for item in self.swaps:
            item.step(do)

    def _open(self) -> dict[int, SealkitError | None]:
        refused: dict[int, SealkitError | None] = {}
        for write in self.writes:
            above = write.path[: write.path.rfind("/") + 1]
            key = (above, write.root)
            folder = self.folders.get(key)
            if folder is None:
                root = (above.rstrip("/") or above) if write.root is None else write.root
                folder = self.folders[key] = _open(write.path, root)
            if isinstance(folder, int):
                self.swaps.append(_Swap(write, folder, self.options))
            else:
                refused[id(write)] = folder
        return refused

    def _under_way(self) -> list[_Swap]:
        return [item for item in self.swaps if item.problem is None]

    def _sync(self) -> None:
        """Bring the new content, and what must be there before it counts, to the disk."""
        if self._syncfs(self.also):
            return
        self._each(_Swap.sync)
        if self.also is not None:
            try:
                os.fsync(self.also)
            except OSError as error:
                self._refuse(f"the journal cannot be synced: {os.strerror(error.errno or 0)}")

    def _refuse(self, problem: str) -> None:
        """Go no further with any record."""

        def refuse(item: _Swap) -> None:
            raise JournalError(problem=problem, path=item.write.path)

        self._each(refuse)

    def _sync_folders(self) -> None:
        if self._syncfs():
            return
        synced: dict[int, SealkitError | None] = {}
        for item in self._under_way():
            if item.folder not in synced:
                synced[item.folder] = _sync_folder(item)
            item.problem = synced[item.folder]

    def _syncfs(self, also: int | None = None) -> bool:
        """Sync every file system concerned; False when there is too little to do, or when one of them refuses."""
        items = self._under_way()
        if len(items) < self.options.syncfs_from:
            return False
        devices = {item.write.snapshot.dev: item.folder for item in items}
        if also is not None:
            devices.setdefault(os.fstat(also).st_dev, also)
        try:
            for folder in devices.values():
                kernel.syncfs(folder)
        except OSError:
            return False
        return True


def _open(path: str, root: str) -> int | SealkitError:
    """Open a record's folder, keeping sweepers out; or say why not."""
    folder = -1
    try:
        folder = open_folder(path, root, flags=LISTED)
        share_folder(folder, path)
    except SealkitError as error:
        problem = error.with_traceback(None)
    except OSError as error:
        problem = failure("its folder cannot be locked", error, path)
    else:
        return folder
    if folder >= 0:
        release(folder)
    return problem


def _sync_folder(item: _Swap) -> SealkitError | None:
    try:
        os.fsync(item.folder)
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.EOPNOTSUPP}:  # file systems that sync names by themselves
            return None
        problem = failure("was replaced, but may not survive a power cut", error, item.write.path)
    else:
        return None
    return problem
