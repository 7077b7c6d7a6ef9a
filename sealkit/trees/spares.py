"""Files that records have left behind, written again as the next ones: an inode that is neither freed nor made anew.

Freeing and making inodes is most of what replacing a small file costs the system. A file is kept as a spare only if it has one name and
no access list of its own, nobody has it open, and the record that left it is known to be on the disk without it: until then, a power cut could bring it back.
Spares carry the first name of a temporary file (see ``swap``): a crash leaves nothing in them that anybody needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.trees.folders import release
from sealkit.trees.store import WRITING

if TYPE_CHECKING:
    from collections.abc import Iterable


FOLDERS = 16
"""How many folders are kept open for the files in them."""


class Spare(NamedTuple):
    """A file that is left over: the open folder it is in, its name there, and its status."""

    folder: int
    name: str
    status: os.stat_result


class Spares:
    """The files that are left over. Close it: what was not used again is removed then."""

    __slots__ = ("_files", "folders")

    folders: frozenset[int]
    """The descriptors of open folders that are closed here, and nowhere else."""

    def __init__(self) -> None:
        self._files: list[Spare] = []
        self.folders = frozenset()

    def admit(self, left: Iterable[Spare]) -> None:
        """Take over files and the folders they are in, and remove those that nobody took; also those of more folders than may be open."""
        self.close()
        own: set[int] = set()
        for spare in left:
            if spare.folder in own or len(own) < FOLDERS:
                own.add(spare.folder)
                self._files.append(spare)
            else:
                _remove(spare.name, spare.folder)
        self.folders = frozenset(own)

    def take(self, folder: int, like: os.stat_result) -> tuple[str, int, int] | None:
        """Move a file with the owner, group and mode of ``like`` into a folder; return its name there, a descriptor to write to, its size.

        Its old content is still in it. None if there is no such file.
        """
        while self._files:
            spare = self._files.pop()
            if _nature(spare.status) != _nature(like):
                _remove(spare.name, spare.folder)
                continue
            try:
                os.rename(spare.name, spare.name, src_dir_fd=spare.folder, dst_dir_fd=folder)
            except OSError:
                _remove(spare.name, spare.folder)
                continue
            try:
                return spare.name, os.open(spare.name, WRITING, dir_fd=folder), spare.status.st_size
            except OSError:
                _remove(spare.name, folder)
        return None

    def close(self) -> None:
        """Remove what is left."""
        for spare in self._files:
            _remove(spare.name, spare.folder)
        folders, self._files, self.folders = self.folders, [], frozenset()
        for folder in folders:
            release(folder)


def _nature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_uid, status.st_gid, status.st_mode


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:  # left to the next sweep
        pass
