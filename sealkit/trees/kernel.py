"""System calls that Python does not offer, ``renameat2`` with ``RENAME_EXCHANGE`` and ``syncfs``, and leases.

``ctypes`` is imported on first use only, as starting it takes longer than reading a record.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EXCHANGE = 2  # RENAME_EXCHANGE of <linux/fs.h>
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "ppc64le": 357, "s390x": 347}  # where the C library has no name for it
UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
"""Error numbers that mean: this kernel or file system cannot do it."""


@functools.cache
def _call(name: str) -> Callable[..., int] | None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, name):
        found: Callable[..., int] = getattr(library, name)
        return found
    number = _RENAMEAT2.get(os.uname().machine) if name == "renameat2" and os.uname().sysname == "Linux" else None
    return functools.partial(library.syscall, ctypes.c_long(number)) if number else None


def _checked(call: Callable[..., int] | None, *arguments: object) -> None:
    import ctypes

    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    while call(*arguments) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def exchange(folder: int, one: str, other: str) -> None:
    """Let two names in an open folder change places, in one step (rename(2), Linux 3.15).

    ``OSError``; with an errno among ``UNSUPPORTED`` where it cannot be done at all.
    """
    _checked(_call("renameat2"), folder, os.fsencode(one), folder, os.fsencode(other), _EXCHANGE)


def syncfs(fd: int) -> None:
    """Write everything to the disk that is dirty in the file system of an open file (syncfs(2)); ``OSError``.

    Failures of writing are reported since Linux 5.8; before, only those of the call itself.
    """
    _checked(_call("syncfs"), fd)


class Lease:
    """A read lease on an open file (fcntl(2), "Leases"), until its descriptor is closed: nobody has the file open for writing.

    Whoever then opens it for writing is stopped in ``open`` until the lease ends, and shows in ``is_asked_for``. Where there are no
    leases (macOS, some file systems, files of other owners without CAP_LEASE), ``is_refused`` and ``is_asked_for`` are False always.
    """

    __slots__ = ("_fd", "_is_held", "is_refused")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._is_held = False
        self.is_refused = False
        if not hasattr(fcntl, "F_SETLEASE"):
            return
        try:
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)  # which does nothing; SIGIO, the default, would kill us
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            self._is_held = True
        except OSError as error:
            self.is_refused = error.errno == errno.EAGAIN

    def is_asked_for(self) -> bool:
        """Say whether somebody is waiting to write."""
        return self._is_held and fcntl.fcntl(self._fd, fcntl.F_GETLEASE) != fcntl.F_RDLCK
