"""The process that is about to hold keys."""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def protect_process() -> None:
    """Keep this process's memory from core dumps and from other processes of the same user, as far as the system allows.

    Call it before keys are read. It sets ``RLIMIT_CORE`` to 0, which children inherit, and on Linux ``PR_SET_DUMPABLE`` to 0, which
    children inherit until they run another program: no core, no ``ptrace``, and ``/proc/PID/environ`` and ``/proc/PID/mem`` belong
    to root. The process's own ``/proc/self/fd`` still works. Best effort: a refusal is not an error, since keys are no worse off
    than without it. It costs the import of ``ctypes``, about 2 milliseconds, so commands that need no key do not call it.
    """
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        pass
    if sys.platform == "linux":
        _forbid_dumping()


def _forbid_dumping() -> None:
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass
