"""Files that hold keys: read off one open descriptor, after looking at who else may read them."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from sealkit.config import shown_path
from sealkit.errors import NoUsableKey
from sealkit.keys.key import wipe
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.keys.access import Access

MAX_KEY_FILE = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_POLICY, _GIT = "sealkit.yaml", ".git"
_MOST_LINKS = 8


class Content(NamedTuple):
    """A file's bytes, and what its descriptor said about it."""

    data: bytearray
    status: os.stat_result


@opaque
def read_regular(path: str, label: str, *, limit: int, follow: bool) -> Content:
    """Return a regular file of at most ``limit`` bytes; ``follow`` a link as its last component or refuse it.

    Raises ``NoUsableKey``. The kind is checked on the open descriptor; opening never waits for a FIFO's writer.
    """
    reason = ""
    try:
        descriptor = os.open(path, _OPEN | (0 if follow else os.O_NOFOLLOW))
        try:
            return _read_open(descriptor, label, limit)
        finally:
            os.close(descriptor)
    except OSError as error:
        link = error.errno == errno.ELOOP and not follow
        reason = "a symbolic link, which may be pointed elsewhere" if link else (error.strerror or "cannot be read").lower()
    except ValueError:  # a NUL or a lone surrogate in the path
        reason = "no such path can exist"
    raise NoUsableKey(problem=f"{label}: {reason}", hint="name the file itself, and check who may read it")


def _read_open(descriptor: int, label: str, limit: int) -> Content:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise NoUsableKey(problem=f"{label}: not a regular file", hint="name a file; folders, pipes and devices are not read")
    buffer = bytearray(limit + 1)
    view = memoryview(buffer)
    size = 0
    while size <= limit and (count := os.readv(descriptor, [view[size:]])):
        size += count
    data = bytearray(view[:size])  # a copy of the right size: shrinking in place could leave bytes behind
    view.release()
    wipe(buffer)
    if size > limit:
        raise NoUsableKey(problem=f"{label}: more than {limit} bytes", hint="is it the right file?")
    return Content(data, status)


def exposure(status: os.stat_result) -> str | None:
    """Return why a file with secrets may not be used: not ours (nor root's), or open to others; None if it may."""
    if status.st_uid not in {os.geteuid(), 0}:
        return f"owned by another user (uid {status.st_uid})"
    if status.st_mode & _OTHERS:
        return f"open to other users (mode {stat.S_IMODE(status.st_mode):04o})"
    return None


@opaque
def read_key_file(path: str, label: str, access: Access) -> bytearray:
    """Return what a file with a key holds, at most 4096 bytes. Raises ``NoUsableKey`` unless it is safe, as ``access`` wants it.

    It is safe if it is a regular file, ours or root's, closed to others, reached through no link of another user's, and neither inside
    a tree nor tracked by git.
    """
    target = _through_links(path, label, access)
    content = read_regular(target, label, limit=MAX_KEY_FILE, follow=False)
    try:
        if (reason := exposure(content.status)) is not None:
            _unsafe(f"{label}: {reason}", f"chmod 600 {shown_path(target)}, and make sure that you own it", access)
        if (reason := published(target, access)) is not None:
            _unsafe(f"{label}: {reason}", "keep keys outside the tree, and rotate to a new key if it was pushed", access)
    except NoUsableKey:
        wipe(content.data)
        raise
    if _others_may_replace(target):
        access.warnings.append(f"{label}: other users may replace it, its folder is writable by them")
    return content.data


def _unsafe(problem: str, hint: str, access: Access) -> None:
    if not access.unsafe_files:
        raise NoUsableKey(problem=problem, hint=hint)
    access.warnings.append(f"{problem}: read all the same")


def _through_links(path: str, label: str, access: Access) -> str:
    """Return the file that a path leads to through links of ours or root's, such as a platform's mounted secrets have."""
    for _ in range(_MOST_LINKS):
        try:
            status = os.lstat(path)
            if not stat.S_ISLNK(status.st_mode):
                return path
            if status.st_uid not in {os.geteuid(), 0}:
                problem = f"{label}: a symbolic link of another user's (uid {status.st_uid}), who may point it elsewhere"
                _unsafe(problem, "name the file itself", access)
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except (OSError, ValueError):  # opening it says why
            return path
    raise NoUsableKey(problem=f"{label}: too many symbolic links", hint="name the file itself")


def published(path: str, access: Access) -> str | None:
    """Return why a file's content is, or may soon be, public: it is in a tree of records, or tracked by git; None if it is neither."""
    for folder in _folders_above(path):
        if os.path.lexists(os.path.join(folder, _POLICY)):
            return f"inside the tree of {shown_path(folder)}, which is there to be published"
    return "tracked by git" if is_tracked(path, access) else None


def is_tracked(path: str, access: Access) -> bool:
    """Tell whether git tracks a file. Where git cannot be asked the answer is no, with a warning."""
    if not any(os.path.lexists(os.path.join(folder, _GIT)) for folder in _folders_above(path)):
        return False
    from sealkit.git.program import GitFailedError, git, top_of

    real = os.path.realpath(path)
    top = top_of(os.path.dirname(real))
    try:
        if top is not None:
            return bool(git(top, "ls-files", "-z", "--", os.path.relpath(real, top)))
    except GitFailedError:
        pass
    access.warnings.append(f"file {shown_path(path)}: it is in a git work tree, and git cannot say whether it tracks it")
    return False


def tree_above(path: str) -> str | None:
    """Return the nearest folder that holds a file and is the root of a tree (of ``sealkit.yaml`` or of git), None outside any."""
    for folder in _folders_above(path):
        if any(os.path.lexists(os.path.join(folder, mark)) for mark in (_POLICY, _GIT)):
            return folder
    return None


def _folders_above(path: str) -> Iterator[str]:
    folder = os.path.dirname(os.path.realpath(path))
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _others_may_replace(path: str) -> bool:
    try:
        mode = os.stat(os.path.dirname(path) or ".").st_mode
    except OSError:
        return False
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not mode & stat.S_ISVTX
