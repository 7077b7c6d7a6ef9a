"""System calls that Python does not offer, ``renameat2`` with ``RENAME_EXCHANGE`` and ``RENAME_NOREPLACE`` and ``syncfs``, the end with a parent, leases, and wide pipes.

``ctypes`` is imported on first use only, as starting it takes longer than reading a record.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NOREPLACE, _EXCHANGE = 1, 2  # RENAME_NOREPLACE and RENAME_EXCHANGE of <linux/fs.h>
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "ppc64le": 357, "s390x": 347}  # where the C library has no name for it
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
WIDE = 1 << 20
"""What a pipe is widened to: as much as anybody may have, unless an administrator says otherwise."""

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


def widen(pipe: int) -> None:
    """Let a pipe hold ``WIDE`` bytes (F_SETPIPE_SZ of fcntl(2), Linux 2.6.35), so that who writes into it seldom has to wait.

    Where that cannot be done, it stays as it is: 64 KiB, or less for a user who has many (pipe(7), "/proc files").
    """
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, WIDE)


def exchange(folder: int, one: str, other: str) -> None:
    """Let two names in an open folder change places, in one step (rename(2), Linux 3.15).

    ``OSError``; with an errno among ``UNSUPPORTED`` where it cannot be done at all.
    """
    _checked(_call("renameat2"), folder, os.fsencode(one), folder, os.fsencode(other), _EXCHANGE)


def move_new(folder: int, one: str, other: str) -> None:
    """Rename within an open folder, to a name that nothing has (rename(2), Linux 3.15).

    ``OSError``; with an errno among ``UNSUPPORTED`` where it cannot be done so.
    """
    _checked(_call("renameat2"), folder, os.fsencode(one), folder, os.fsencode(other), _NOREPLACE)


def syncfs(fd: int) -> None:
    """Write everything to the disk that is dirty in the file system of an open file (syncfs(2)); ``OSError``.

    Failures of writing are reported since Linux 5.8; before, only those of the call itself.
    """
    _checked(_call("syncfs"), fd)


def end_with(parent: int) -> bool:
    """Let this process be killed as soon as ``parent``, which forked it, ends (PR_SET_PDEATHSIG of prctl(2)); False if it has ended already.

    The kernel looks at the thread that forked: it must be one that lives as long as the process. Where there is no such call, nothing.
    """
    call = _call("prctl")
    if call is not None:
        call(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)  # it cannot fail but where it is unknown
    return os.getppid() == parent


class Lease:
    """A lease on an open file (fcntl(2), "Leases"), until its descriptor is closed: nobody else has the file open, or none for writing.

    Whoever then opens it is stopped in ``open`` until the lease ends. Where there are no leases (macOS, some file systems, files of other
    owners without CAP_LEASE), ``is_refused`` is False, and so are ``is_ours_alone()`` and ``is_asked_for()``.
    """

    __slots__ = ("_fd", "_held", "is_refused")

    def __init__(self, fd: int, *, alone: bool = False) -> None:
        self._fd = fd
        self._held: int | None = None
        self.is_refused = False
        if not hasattr(fcntl, "F_SETLEASE"):
            return
        try:
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)  # which does nothing; SIGIO, the default, would kill us
        except OSError:
            return
        if not (alone and self._take(fcntl.F_WRLCK)):
            self._take(fcntl.F_RDLCK)

    def _take(self, kind: int) -> bool:
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETLEASE, kind)
        except OSError as error:
            self.is_refused = error.errno == errno.EAGAIN
            return False
        self._held, self.is_refused = kind, False
        return True

    def is_asked_for(self) -> bool:
        """Say whether somebody is waiting to write."""
        return self._held is not None and self._left() not in (self._held, fcntl.F_RDLCK)

    def is_ours_alone(self) -> bool:
        """Say whether nobody else has the file open, or is waiting to open it."""
        return self._held is not None and self._held == fcntl.F_WRLCK == self._left()

    def _left(self) -> int:
        """What the lease is, or is to become as soon as it is given up for whoever waits."""
        return fcntl.fcntl(self._fd, fcntl.F_GETLEASE)
