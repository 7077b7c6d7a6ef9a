"""The process that holds keys: its memory, and what the programs that it starts inherit."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PR_SET_DUMPABLE = 4  # linux/prctl.h
_OWN, _WORDS = "SEALKIT_", ("SECRET", "PASSPHRASE")

_libc: Any = None  # the C library, once the process is protected


def protect_process() -> None:
    """Keep this process's memory from core dumps, from swap and from other processes of the same user, as far as the system allows.

    Call it before keys are read. It sets ``RLIMIT_CORE`` to 0, which children inherit, and on Linux ``PR_SET_DUMPABLE`` to 0, which
    children inherit until they run another program: no core, no ``ptrace``, and ``/proc/PID/environ`` and ``/proc/PID/mem`` belong
    to root. The process's own ``/proc/self/fd`` still works. From then on the bytes of keys are locked (``keep_in_memory``). Best effort:
    a refusal is not an error, since keys are no worse off than without it. It costs the import of ``ctypes``, about 2 milliseconds, so
    commands that need no key do not call it.
    """
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        pass
    if sys.platform == "linux":
        _forbid_dumping()


def _forbid_dumping() -> None:
    global _libc
    try:
        import ctypes

        _libc = _libc or ctypes.CDLL(None)
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def keep_in_memory(buffer: bytearray) -> bool:
    """Lock the pages that a buffer is in, so that they are never swapped (mlock(2)); say whether that worked.

    Only in a protected process, on Linux. The pages stay locked, as other keys may be in them; forked children do not inherit that. Best
    effort: the system locks little (``ulimit -l``), and copies that libraries make are elsewhere.
    """
    if _libc is None or not buffer:
        return False
    import ctypes

    try:
        view = (ctypes.c_char * len(buffer)).from_buffer(buffer)
        done = _libc.mlock(ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(len(buffer)))
    except (OSError, AttributeError, BufferError):
        return False
    return bool(done == 0)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a program that needs no key: without sealkit's own variables that hold a key or a passphrase.

    Those that a ring names are gone once they are read, whatever they are called (``access.take_variable``).
    """
    return {name: value for name, value in environ.items() if not (name.startswith(_OWN) and any(word in name for word in _WORDS))}


def own_environment() -> dict[str, str]:
    """Return what a program that this process starts may inherit of its environment."""
    return without_secrets(os.environ)


# --- programs that are started ---------------------------------------------------------------------------------------
@lru_cache(maxsize=8)
def found_on(path: str, name: str) -> str | None:
    """Return the program of the first absolute folder of a PATH that has one; relative ones would be looked for in somebody's tree."""
    for folder in absolute_folders(path):
        program = os.path.join(folder, name)
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    return None


def absolute_folders(path: str) -> Iterator[str]:
    """Yield the folders of a PATH that are the same wherever one is."""
    return (folder for folder in path.split(os.pathsep) if os.path.isabs(folder))
