"""One folder's names, read from its open descriptor: those that may be records and those that may hold some, sorted."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from sealkit.records.kinds import is_record_name
from sealkit.trees.folders import failure
from sealkit.trees.found import HIDDEN, OWN_FOLDER, SPECIAL, TEMP_PREFIX, TEMPORARY

if TYPE_CHECKING:
    from sealkit.errors import StoreError
    from sealkit.trees.found import Filters


class Odd(NamedTuple):
    """A name that is neither a regular file nor a folder: its mode, and whether it is a link that leads to a folder."""

    mode: int
    leads_on: bool


class Listing:
    """Names as bare text for what may be a record, with a slash at the end for folders, in the bytewise order of whole paths.

    ``odd`` has those of them that are links, or special files with a record's name; ``problems`` what went wrong; the other two say what the folder has.
    """

    __slots__ = ("filters", "has_git", "has_ignore_file", "names", "odd", "problems")

    def __init__(self, fd: int, path: str, filters: Filters) -> None:
        self.filters = filters
        self.names: list[str] = []
        self.odd: dict[str, Odd] = {}
        self.problems: list[StoreError] = []
        self.has_git = False
        self.has_ignore_file = False
        try:
            self._read(fd)
        except OSError as error:
            self.problems.append(failure("cannot list the folder", error, path or "."))
        self.names.sort()
        if not "".join(self.names).isascii():  # text sorts as its bytes do, unless some are no text
            self.names.sort(key=os.fsencode)

    def _read(self, fd: int) -> None:
        names, is_record = self.names, self.filters.is_record
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == "." and not self._is_shown(name):
                    continue
                if entry.is_file(follow_symlinks=False):
                    if is_record(name):
                        names.append(name)
                elif entry.is_dir(follow_symlinks=False):
                    names.append(name + "/")
                else:
                    self._read_odd(entry)

    def _is_shown(self, name: str) -> bool:
        if name == ".git":
            self.has_git = True
            return False
        if name.startswith(TEMP_PREFIX):
            if not self.filters.temps:
                self.filters.left.add(TEMPORARY)
            return self.filters.temps
        if name == ".gitignore":
            self.has_ignore_file = True
        if name == OWN_FOLDER:
            return self.filters.temps
        if not self.filters.hidden:
            self.filters.left.add(HIDDEN)
        return self.filters.hidden

    def _read_odd(self, entry: os.DirEntry[str]) -> None:
        mode = entry.stat(follow_symlinks=False).st_mode
        leads_on = False
        if stat.S_ISLNK(mode):
            try:
                leads_on = entry.is_dir()
            except OSError:  # a loop, or behind a folder that may not be searched
                leads_on = True
        elif not is_record_name(entry.name):
            self.filters.left.add(SPECIAL)
            return
        self.odd[entry.name] = Odd(mode, leads_on)
        self.names.append(entry.name)
