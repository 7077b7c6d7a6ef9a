"""Files for what is printed, never reached through a link: the copy of ``--report``, which grows with the run, and the file of ``check -o``."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sealkit.cli import show
from sealkit.errors import SealkitError, StoreError
from sealkit.outfile import PUBLIC, SECRET, new_file, trusted_part
from sealkit.trees.folders import open_folder, release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_OPENED = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def create(path: str) -> BinaryIO:
    """Open the file for writing; raises ``StoreError``, also where the file or a folder on the way is a link, or the file has other names.

    The file is often in a tree that came from somebody else, whose link would lead the output wherever they like.
    """
    path, root = trusted_part(path)
    folder = open_folder(path, root)
    try:
        descriptor = _emptied(os.path.basename(path), folder)
    except (OSError, ValueError) as error:
        reason = "it is a link" if os.path.islink(path) else os.strerror(getattr(error, "errno", None) or 0)
    else:
        return os.fdopen(descriptor, "wb")
    finally:
        release(folder)
    raise StoreError(problem=f"the report cannot be written: {reason}", path=path, hint="name a file in a folder of your own")


def _emptied(name: str, folder: int) -> int:
    """Open a file that has no other name, and let go of what it held. Raises ``OSError`` and ``ValueError``."""
    descriptor = os.open(name, _OPENED, SECRET, dir_fd=folder)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return descriptor
    if status.st_nlink > 1:  # what is written there is written into a file that may be anywhere
        release(descriptor)
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
    os.ftruncate(descriptor, 0)
    return descriptor


@contextmanager
def redirected(path: str | None) -> Iterator[None]:
    """Let what is printed on stdout go to a file (None: where it goes anyway), which is there with all of it, or as it was. Raises ``StoreError``.

    What is no regular file, such as a device, is written to as it comes. Findings are no secret: a new file has the umask's mode.
    """
    if path is None:
        yield
    elif os.path.lexists(path) and not _is_replaceable(path):
        with create(path) as device:
            show.lead_to(device.fileno())
            yield
            show.flush()
    else:
        with new_file(path, PUBLIC, replaces=True) as file:
            show.lead_to(file.fd)
            try:
                yield
            except SealkitError:
                show.flush()
                file.keep()  # what is left of the run before would be taken for what this one found
                raise
            show.flush()
            file.keep()


def _is_replaceable(path: str) -> bool:
    """Say whether a file can be given up for a new one: it is one, and has no other name."""
    status = os.lstat(path)
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1
