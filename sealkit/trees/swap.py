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
import time
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import ChangedUnderneath, OverLimit, StoreError
from sealkit.outfile import write_all
from sealkit.trees import kernel
from sealkit.trees.attributes import has_access_list
from sealkit.trees.folders import release
from sealkit.trees.found import TEMP_PREFIX
from sealkit.trees.store import LIMIT, READING, WRITING, read_on

if TYPE_CHECKING:
    from collections.abc import Callable

_WORD = (1 << 64) - 1  # times before 1970 are negative
_PATIENCE, _PAUSE = 50, 0.001  # how often, and how long in seconds, somebody who appends is waited for
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
    is_spare: bool = False


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
    return retire(folder, temp, is_dispensable, limit) is not None


def retire(
    folder: int, temp: str, is_dispensable: Callable[[Version], bool], limit: int = 2 * LIMIT, *, spare: str | None = None
) -> Version | None:
    """Remove ``temp`` as ``remove`` does, or call it ``spare`` if nobody has it open and it has no other name; return what it held.

    None if it was neither. Which of the two was done shows in the version's ``is_spare``. ``OSError``.
    """
    try:
        fd = os.open(temp, READING, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError:  # not a file that we made or read
        return None
    try:
        lease = kernel.Lease(fd, alone=spare is not None)
        if lease.is_refused:
            return None
        version = _version(fd, limit)
        if not is_dispensable(version) or lease.is_asked_for():
            return None
        if spare is not None and version.status.st_nlink == 1 and not has_access_list(fd) and lease.is_ours_alone():
            os.rename(temp, spare, src_dir_fd=folder, dst_dir_fd=folder)
            return version._replace(is_spare=True)
        os.unlink(temp, dir_fd=folder)
        return version
    finally:
        release(fd)


def put_back(folder: int, temp: str, name: str, placed: tuple[Mark, bytes | None]) -> None:
    """Undo an exchange: give ``name`` the newest version that somebody else saved, and remove ``temp``.

    ``placed`` is what we put under ``name``: its mark and, where known, its content. What comes out as we put it in was overtaken or
    ours, and can go. If it is ours and was only appended to, it goes too, and what was appended is appended to the version that is back,
    as it would have been had nothing been exchanged. Anything else was saved later than what we hold, and goes back in turn. ``OSError``.
    """
    ours = placed[1]
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
        if ours is not None and _hand_on(folder, temp, name, ours):
            return
        placed, ours = (held.mark, held.data), None
    raise ChangedUnderneath(problem="is being saved over and over again; one version was put aside", path=temp)


def _hand_on(folder: int, temp: str, name: str, ours: bytes) -> bool:
    """Append to ``name`` what somebody has appended to ``ours`` in ``temp``, and remove that; False if something else was done to it."""
    for _ in range(_PATIENCE):
        fd = os.open(temp, READING, dir_fd=folder)
        try:
            lease = kernel.Lease(fd)
            data = _version(fd, 2 * LIMIT).data
            if data is None or not data.startswith(ours):
                return False
            if not lease.is_refused and not lease.is_asked_for():
                _append(folder, name, data[len(ours) :])
                os.unlink(temp, dir_fd=folder)
                return True
        finally:
            release(fd)
        time.sleep(_PAUSE)
    return False


def _append(folder: int, name: str, data: bytes) -> None:
    if data:
        fd = os.open(name, WRITING | os.O_APPEND, dir_fd=folder)
        try:
            write_all(fd, data)
        finally:
            release(fd)


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
