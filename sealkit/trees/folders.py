"""Folders opened from their tree's root downwards, one step at a time, where no step below the root may be a link.

The root itself is trusted: whoever names it vouches for the way to it. Everything below it may be hostile.
"""

from __future__ import annotations

import os
import stat

from sealkit.errors import IsLink, NotRegular, StoreError

LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags of a folder that is listed, synced or locked."""

PASSED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags of a folder that is only passed through: permission to search it is enough."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


_NOT_TOLD = "the working folder, from which it is named, cannot be told"


def failure(doing: str, error: OSError | ValueError, path: str) -> StoreError:
    """Put the operating system's refusal into a ``StoreError``; a ``ValueError`` is a name that no file can have."""
    number = error.errno if isinstance(error, OSError) else None
    reason = os.strerror(number) if number else "no file can have this name"
    return StoreError(problem=f"{doing}: {reason[:1].lower()}{reason[1:]}", path=path)


def wrong_kind(mode: int, path: str) -> StoreError:
    """Say what stands where a regular file is expected; ``mode`` is that of ``lstat``."""
    if stat.S_ISLNK(mode):
        return IsLink(problem="a symbolic link, which is never followed", path=path)
    kind = next((name for test, name in _KINDS if test(mode)), "something else")
    return NotRegular(problem=f"{kind}, where a regular file is expected", path=path)


def refusal(doing: str, error: OSError | ValueError, place: tuple[str, int | None], path: str) -> StoreError:
    """Why opening ``place`` (a name and the folder it is in) failed: its kind where that is the reason, else the system's words."""
    try:
        mode = os.lstat(place[0], dir_fd=place[1]).st_mode
    except (OSError, ValueError):
        return failure(doing, error, path)
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return failure(doing, error, path)
    return wrong_kind(mode, path)


def real_path(path: str) -> str:
    """Return a path from / on, without links; nothing need be there. ``StoreError`` if the folder that it counts from cannot be told."""
    try:
        return os.path.realpath(path or ".")
    except OSError as error:
        problem = failure(_NOT_TOLD, error, path or ".")
    raise problem


def from_here(path: str) -> str:
    """Return an absolute path as it is named in the working folder. ``StoreError`` if that cannot be told."""
    try:
        return os.path.relpath(path, os.path.realpath("."))
    except OSError as error:
        problem = failure(_NOT_TOLD, error, path)
    raise problem


def release(fd: int) -> None:
    """Close a descriptor of which nothing more is expected: what had to be on the disk was synced through it before.

    Where the kernel reports an error it has closed it all the same (close(2)), and whatever was done stays done.
    """
    try:
        os.close(fd)
    except OSError:
        pass


def open_folder(path: str, root: str, *, flags: int = PASSED) -> int:
    """Open the folder of ``path``, which begins with ``root``, and return its descriptor.

    ``root`` is "" for the working folder. ``IsLink`` when a step below the root is a link, else ``StoreError``.
    """
    folder = path[: path.rfind("/") + 1]
    prefix = root if not root or root.endswith("/") else root + "/"
    steps = [step for step in folder[len(prefix) :].split("/") if step not in {"", "."}]
    if not folder.startswith(prefix) or ".." in steps:
        raise StoreError(problem="leads out of the tree it is said to be in", path=path)
    try:
        opened = os.open(root or ".", (PASSED if steps else flags) & ~os.O_NOFOLLOW)
    except (OSError, ValueError) as error:
        problem = failure("cannot open the folder", error, root or path)
    else:
        return _descend(opened, steps, flags, path)
    raise problem


def _descend(opened: int, steps: list[str], flags: int, path: str) -> int:
    for at, step in enumerate(steps, 1):
        above = opened
        try:
            opened = os.open(step, flags if at == len(steps) else PASSED, dir_fd=above)
        except (OSError, ValueError) as error:
            problem = refusal("cannot open the folder", error, (step, above), path)
            release(above)
            break
        release(above)
    else:
        return opened
    raise problem
