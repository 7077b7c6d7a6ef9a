"""Whether what git prints ends on a terminal. A program that git asks for text writes into a pipe, so git itself is looked at.

Everything that is not known for sure counts as no: no ``/proc``, a pipe that leads who knows where, a file.
"""

from __future__ import annotations

import os

_MOST_ANCESTORS = 16


def git_prints_to_a_terminal(pid: int | None = None) -> bool:
    """Say whether the git that started this process prints to a terminal, itself or by way of the pager that it started.

    ``pid``: from which process upwards git is looked for; this one's parent, if none is given.
    """
    asking = _git_above(os.getppid() if pid is None else pid)
    if asking is None:
        return False
    if _is_terminal(asking, 1):
        return True
    pipe = _target(asking, 1)
    if pipe is None or not pipe.startswith("pipe:"):
        return False
    return any(_target(child, 0) == pipe and _is_terminal(child, 1) for child in _children(asking))


def _git_above(pid: int) -> int | None:
    """Return the nearest git among a process and its ancestors, of which only shells may stand in between."""
    for _ in range(_MOST_ANCESTORS):
        status = _status(pid)
        if status is None or pid <= 1:
            return None
        name, above = status
        if name == "git" or name.startswith("git-"):
            return pid
        pid = above
    return None


def _status(pid: int) -> tuple[str, int] | None:
    """Return the name of a process, and its parent (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    start, end = text.find(b"("), text.rfind(b")")
    words = text[end + 1 :].split()
    return os.fsdecode(text[start + 1 : end]), int(words[1])


def _children(pid: int) -> list[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    every = ((int(name), _status(int(name))) for name in names if name.isdigit())
    return [child for child, status in every if status is not None and status[1] == pid]


def _target(pid: int, descriptor: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return None


def _is_terminal(pid: int, descriptor: int) -> bool:
    target = _target(pid, descriptor)
    if target is None or not target.startswith("/dev/"):
        return False
    try:
        fd = os.open(f"/proc/{pid}/fd/{descriptor}", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.isatty(fd)
    finally:
        os.close(fd)
