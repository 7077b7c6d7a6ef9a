"""One name, two files: how a finished temporary file and a record change places without losing what an editor saves meanwhile.

A temporary file lives through two names. While it is being written it is ``.sealkit-tmp-<random>``: nobody else's bytes are ever in
it. Once it is whole and on the disk it becomes ``.sealkit-tmp-<random>-<old>-<new>``, where <old> and <new> say what the record is
known to be and what shall replace it. Then the two change places. What came out is compared with what was read: if it is the same it
goes; if not, somebody saved in between, and it is put back. A process that dies in the middle leaves the second kind of name, and
from it alone ``settle`` can finish the work: a save that was under way is never taken for a leftover.

A file that somebody has open for writing never goes: it is put back too, as what they are about to write would be lost with it.

Limits. Where the exchange is not supported (see ``kernel``), comparing and replacing are two steps, and a save between them is lost.
Where leases are not, so is what is written after the comparison through a descriptor that was opened before the exchange.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import ChangedUnderneath, OverLimit, StoreError
from sealkit.trees import kernel
from sealkit.trees.folders import release
from sealkit.trees.found import TEMP_PREFIX
from sealkit.trees.store import LIMIT, READING, read_on

if TYPE_CHECKING:
    from collections.abc import Callable

_WORD = (1 << 64) - 1  # times before 1970 are negative
_ROUNDS = 1000  # an editor that saves anew within microseconds, a thousand times running, is none
_NAME = re.compile(re.escape(TEMP_PREFIX) + r"[0-9a-f]{16}(?:-([0-9a-f.]{5,60})-([0-9a-f.]{5,60}))?")


class Mark(NamedTuple):
    """What tells one state of one file from another: inode, size in bytes, time of last change in nanoseconds."""

    ino: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Mark:
        """Take the mark of a file from its status."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns & _WORD)

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """Read what ``str`` gave."""
        parts = text.split(".")
        return cls(*(int(part, 16) for part in parts)) if len(parts) == 3 and all(parts) else None

    def __str__(self) -> str:
        return f"{self.ino:x}.{self.size:x}.{self.mtime_ns:x}"


def marked(temp: str, old: Mark, new: Mark) -> str:
    """Return the second name of a temporary file."""
    return f"{temp}-{old}-{new}"


def marks(name: str) -> tuple[Mark, Mark] | None:
    """Return what the second name of a temporary file says, or None for any other name."""
    match = _NAME.fullmatch(name)
    old = Mark.parse(match[1]) if match and match[1] else None
    new = Mark.parse(match[2]) if match and match[2] else None
    return (old, new) if old and new else None


def is_ours(name: str) -> bool:
    """Say whether a name is one that sealkit gives to temporary files."""
    return _NAME.fullmatch(name) is not None


class Version(NamedTuple):
    """What a name stands for at one moment; ``data`` is None for anything but a readable regular file."""

    mark: Mark
    status: os.stat_result
    data: bytes | None


def look(folder: int, name: str, limit: int = 2 * LIMIT) -> Version:
    """Read what stands under a name in an open folder, if it has at most ``limit`` bytes; ``OSError``."""
    try:
        fd = os.open(name, READING, dir_fd=folder)
    except OSError:
        status = os.lstat(name, dir_fd=folder)
        return Version(Mark.of(status), status, None)
    try:
        return _version(fd, limit)
    finally:
        release(fd)


def _version(fd: int, limit: int) -> Version:
    status = os.fstat(fd)
    try:
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return Version(Mark.of(status), status, None)
        data = read_on(fd, os.read(fd, status.st_size + 1), limit)
        return Version(Mark.of(os.fstat(fd)), status, data)
    except OverLimit:
        return Version(Mark.of(status), status, None)


def remove(folder: int, temp: str, is_dispensable: Callable[[Version], bool], limit: int = 2 * LIMIT) -> bool:
    """Remove ``temp`` if ``is_dispensable`` says so of what it holds and nobody is writing into it; say whether it was removed.

    ``OSError``.
    """
    try:
        fd = os.open(temp, READING, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError:  # not a file that we made or read
        return False
    try:
        lease = kernel.Lease(fd)
        if lease.is_refused or not is_dispensable(_version(fd, limit)) or lease.is_asked_for():
            return False
        os.unlink(temp, dir_fd=folder)
        return True
    finally:
        release(fd)


def put_back(folder: int, temp: str, name: str, placed: tuple[Mark, bytes | None]) -> None:
    """Undo an exchange: give ``name`` the newest version that somebody else saved, and remove ``temp``.

    ``placed`` is what we put under ``name``: its mark and, where known, its content. As long as something else comes out, that was saved later than what we hold, and goes
    back in turn; what comes out as we put it in was overtaken or ours, and can go. ``OSError``.
    """
    for _ in range(_ROUNDS):
        held = look(folder, temp)
        try:
            kernel.exchange(folder, temp, name)
        except FileNotFoundError:
            if _give_name(folder, temp, name):
                return
            continue
        if remove(folder, temp, _is(placed)):
            return
        placed = (held.mark, held.data)
    raise ChangedUnderneath(problem="is being saved over and over again; one version was put aside", path=temp)


def _is(placed: tuple[Mark, bytes | None]) -> Callable[[Version], bool]:
    mark, data = placed
    return lambda version: version.mark == mark and (data is None or data == version.data)


def _give_name(folder: int, temp: str, name: str) -> bool:
    """Move ``temp`` to ``name``, which has gone, unless it comes back meanwhile."""
    try:
        os.link(temp, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    os.unlink(temp, dir_fd=folder)
    return True


def settle(folder: int, temp: str) -> bool:
    """Finish what a process that died left under the second name ``temp``; False when a save was put back into its place.

    ``StoreError`` when neither can be told: then both versions stay where they are. ``OSError``.
    """
    known = marks(temp)
    if known is None:  # was still being written, by us alone
        os.unlink(temp, dir_fd=folder)
        return True
    if remove(folder, temp, lambda version: version.mark in known):  # what we wrote, or what was read and replaced
        return True
    name = _name_of(folder, known[1])
    if name is None:
        raise StoreError(
            problem="holds a version of a record that was saved while an interrupted run replaced it",
            hint="compare it with the records beside it, keep what is right, and remove it",
            path=temp,
        )
    put_back(folder, temp, name, (known[1], None))
    return False


def _name_of(folder: int, mark: Mark) -> str | None:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.inode() == mark.ino]
    return next((name for name in names if Mark.of(os.lstat(name, dir_fd=folder)) == mark), None)
