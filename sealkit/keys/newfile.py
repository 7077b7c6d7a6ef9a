"""New files of ours: written whole, synced, and for nobody else to read; and the folders that they are put into."""

from __future__ import annotations

import os
from contextlib import suppress

SECRET_MODE = 0o600
FOLDER_MODE = 0o700
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_new(path: str, data: bytes | bytearray, mode: int, *, owner: os.stat_result | None = None) -> None:
    """Write a file that is not there yet and sync it; on any failure it is removed. The mode is set after the content."""
    descriptor = os.open(path, _CREATE, SECRET_MODE)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if owner is not None and owner.st_uid != os.geteuid():
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Have the name of a file on the disk."""
    descriptor = os.open(folder_of(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: str) -> None:
    """Make a folder and those above it that are not there yet, each for its owner alone, whatever the umask."""
    if os.path.isdir(path):
        return
    make_folder(folder_of(path))
    with suppress(FileExistsError):
        os.mkdir(path, FOLDER_MODE)


def folder_of(path: str) -> str:
    """Return the folder that a path is in."""
    return os.path.dirname(path) or "."
