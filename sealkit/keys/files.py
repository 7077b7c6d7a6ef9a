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
    from sealkit.keys.access import Access

MAX_KEY_FILE = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_MARKS = ("sealkit.yaml", ".git")


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
    """Return what a file with a key holds, at most 4096 bytes, if nobody else may read it. Raises ``NoUsableKey``."""
    content = read_regular(path, label, limit=MAX_KEY_FILE, follow=False)
    reason = exposure(content.status)
    if reason is not None:
        wipe(content.data)
        raise NoUsableKey(problem=f"{label}: {reason}", hint=f"chmod 600 {shown_path(path)}, and make sure that you own it")
    if _others_may_replace(path):
        access.warnings.append(f"{label}: other users may replace it, its folder is writable by them")
    return content.data


def _others_may_replace(path: str) -> bool:
    try:
        mode = os.stat(os.path.dirname(path) or ".").st_mode
    except OSError:
        return False
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not mode & stat.S_ISVTX


def tree_above(path: str) -> str | None:
    """Return the nearest folder that holds a file and is the root of a tree (of ``sealkit.yaml`` or of git), None outside any."""
    folder = os.path.dirname(os.path.realpath(path))
    while True:
        if any(os.path.lexists(os.path.join(folder, mark)) for mark in _MARKS):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
