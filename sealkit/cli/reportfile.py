"""Files for what is printed: the copy of ``--report``, and the file of ``check -o``; written over if they exist, never through a link."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from sealkit.cli import show
from sealkit.errors import StoreError
from sealkit.trees.folders import open_folder, release

_OPENED = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def create(path: str, *, mode: int = 0o600) -> BinaryIO:
    """Open the file for writing; raises ``StoreError``, also where the file or a folder on the way is a link, or the file has other names.

    The file is often in a tree that came from somebody else, whose link would lead the output wherever they like.
    """
    path, root = _split(path)
    folder = open_folder(path, root)
    try:
        descriptor = _emptied(os.path.basename(path), folder, mode)
    except (OSError, ValueError) as error:
        reason = "it is a link" if os.path.islink(path) else os.strerror(getattr(error, "errno", None) or 0)
    else:
        return os.fdopen(descriptor, "wb")
    finally:
        release(folder)
    raise StoreError(problem=f"the report cannot be written: {reason}", path=path, hint="name a file in a folder of your own")


def _emptied(name: str, folder: int, mode: int) -> int:
    """Open a file that has no other name, and let go of what it held. Raises ``OSError`` and ``ValueError``."""
    descriptor = os.open(name, _OPENED, mode, dir_fd=folder)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return descriptor
    if status.st_nlink > 1:  # what is written there is written into a file that may be anywhere
        release(descriptor)
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
    os.ftruncate(descriptor, 0)
    return descriptor


def redirect(path: str) -> None:
    """Let what is printed on stdout from now on go to a file, as a shell's > does. Raises ``StoreError``."""
    with create(path, mode=0o666) as file:  # less the umask; findings are no secret
        show.lead_to(file.fileno())


def _split(path: str) -> tuple[str, str]:
    """Return the path, and how much of it may lead through links: what is above the working folder, or the system's (/tmp, /var)."""
    here = os.getcwd()
    if path.startswith(f"{here}/"):
        path = path[len(here) :].lstrip("/")
    steps = path.split("/")
    if path.startswith("/"):
        return path, "/".join(steps[:2]) if len(steps) > 2 else "/"
    above = next((at for at, step in enumerate(steps) if step != ".."), len(steps))
    return path, "/".join(steps[:above])
