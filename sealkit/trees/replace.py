"""Records replaced on the disk: each is its old self or its new self at every moment, and what was reported as done stays done.

The protocol, for a group of up to ``GROUP`` files: write all temporary files with the attributes of the records · sync · let each
change places with its record, in one step · compare what came out with what was read, put it back if somebody saved meanwhile, else
remove it · sync again. Only then is a file done. From ``SYNCFS`` files on, one ``syncfs`` stands for all ``fsync`` calls of a step:
three times as fast, but it waits for whatever else is dirty in the file system.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import JournalError, SealkitError
from sealkit.opaque import opaque
from sealkit.trees import kernel
from sealkit.trees.exchange import DEFAULTS, SYNCFS, Exchange, Options, Write
from sealkit.trees.folders import LISTED, failure, open_folder, release
from sealkit.trees.lock import share_folder
from sealkit.trees.spares import Spares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["DEFAULTS", "FOLDERS", "GROUP", "SYNCFS", "Committed", "Options", "Write", "commit", "replace_one"]

GROUP = 256
"""How many files are under way at once: each group waits for the disk twice, and leaves its old files to the next one."""

FOLDERS = 48
"""How many folders are open at once."""


class Committed(NamedTuple):
    """What became of one record: ``problem`` is None when the new content is on the disk, to stay there."""

    path: str
    problem: SealkitError | None


@opaque
def commit(
    writes: Sequence[Write], options: Options = DEFAULTS, *, also: int | None = None, spares: Spares | None = None
) -> list[Committed]:
    """Replace records and say, in the order given, what became of each; what fails for one does not touch the others.

    Problems are ``ChangedUnderneath`` (read it again and retry), ``HardLinked``, ``IsLink``, ``NotRegular``, ``TreeBusy`` and
    ``StoreError``. A record whose new content stands but whose sync failed is reported as a problem too. Two writes to one path in the
    same call: the second is ``ChangedUnderneath``. ``also`` is the descriptor of a file whose content must be on the disk before the
    first record is replaced. An interruption (``KeyboardInterrupt``) leaves each record old or new.

    ``spares`` are files that earlier groups and calls have left over, to be written again, and take up those that this call leaves to later
    ones; whoever made them closes them. Without any, old files are removed, as is right where they hold what should be gone at once.
    """
    kept = spares if spares is not None else Spares()
    done = []
    for group in _groups(writes):
        leaves_files = spares is not None and len(group) >= options.syncfs_from
        done += _Group(group, options, also, kept, leaves_files=leaves_files).run()
    return done


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

    def __init__(self, writes: Sequence[Write], options: Options, also: int | None, spares: Spares, *, leaves_files: bool) -> None:
        self.also = also
        self.leaves_files = leaves_files
        self.spares = spares
        self.writes = writes
        self.options = options
        self.folders: dict[tuple[str, str | None], int | SealkitError] = {}
        self.swaps: list[Exchange] = []

    def run(self) -> list[Committed]:
        try:
            refused = self._open()
            self._each(Exchange.prepare)
            self._sync()
            self._each(Exchange.place)
            self._each(Exchange.compare)
            self._sync_folders()
            self._each(Exchange.prove)
            problems = refused | {id(item.write): item.problem for item in self.swaps}
            return [Committed(write.path, problems[id(write)]) for write in self.writes]
        finally:
            for item in self.swaps:
                item.abandon()
            for folder in self.folders.values():
                if isinstance(folder, int) and folder not in self.spares.folders:
                    release(folder)

    def _each(self, do: Callable[[Exchange], None]) -> None:
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
                self.swaps.append(Exchange(write, folder, self.options, self.spares, leaves_file=self.leaves_files))
            else:
                refused[id(write)] = folder
        return refused

    def _under_way(self) -> list[Exchange]:
        return [item for item in self.swaps if item.problem is None]

    def _sync(self) -> None:
        """Bring the new content, and what must be there before it counts, to the disk."""
        if self._syncfs(self.also):
            return
        self._each(Exchange.sync)
        if self.also is not None:
            try:
                os.fsync(self.also)
            except OSError as error:
                self._refuse(f"the journal cannot be synced: {os.strerror(error.errno or 0)}")

    def _refuse(self, problem: str) -> None:
        """Go no further with any record."""

        def refuse(item: Exchange) -> None:
            raise JournalError(problem=problem, path=item.write.path)

        self._each(refuse)

    def _sync_folders(self) -> None:
        if self._syncfs():
            self._leave()
            return
        synced: dict[int, SealkitError | None] = {}
        for item in self._under_way():
            if item.folder not in synced:
                synced[item.folder] = _sync_folder(item)
            item.problem = synced[item.folder]

    def _leave(self) -> None:
        """Hand on the old files, and the folders they are in, to the next group: no power cut can bring them back as records now."""
        left = [item for item in self._under_way() if item.left is not None]
        self.spares.admit(item.left for item in left if item.left is not None)
        for item in left:
            item.left = None

    def _syncfs(self, also: int | None = None) -> bool:
        """Sync every file system concerned; False when there is too little to do, or when one of them refuses."""
        items = self._under_way()
        if len(items) < self.options.syncfs_from:
            return False
        devices = {item.write.snapshot.dev: item.folder for item in items}
        try:
            if also is not None:
                devices.setdefault(os.fstat(also).st_dev, also)
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


def _sync_folder(item: Exchange) -> SealkitError | None:
    try:
        os.fsync(item.folder)
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.EOPNOTSUPP}:  # file systems that sync names by themselves
            return None
        problem = failure("was replaced, but may not survive a power cut", error, item.write.path)
    else:
        return None
    return problem
