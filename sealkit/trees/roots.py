"""Which tree a path belongs to, and holding trees while their records are changed."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from sealkit.trees.folders import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.errors import SealkitError

T = TypeVar("T")

POLICY = "sealkit.yaml"

_KEPT = 64
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


def is_folder(path: str) -> bool:
    """Say whether a path leads to a folder. ``StoreError`` if the system cannot tell; what is not there is none."""
    status = _asked(os.stat, path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_there(path: str) -> bool:
    """Say whether there is anything at a path. ``StoreError`` if the system cannot tell."""
    return _asked(os.lstat, path) is not None


def root_of(path: str) -> str | None:
    """Return the root of the tree that a path is in: the nearest folder above that holds ``sealkit.yaml``, else a folder itself.

    None for a file in no tree. The root is absolute, with links in the path to it resolved. ``StoreError`` if it cannot be found out.
    """
    status = _asked(os.lstat, path)
    is_root = status is not None and stat.S_ISDIR(status.st_mode)
    start = real(path)
    return policy_root(start if is_root else os.path.dirname(start)) or (start if is_root else None)


def policy_root(folder: str) -> str | None:
    """Return the nearest folder, from an absolute one upwards, that holds ``sealkit.yaml``; None if none does."""
    while _asked(os.lstat, os.path.join(folder, POLICY)) is None:
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


class Below:
    """Says where files are below their tree's root: that of the policy above them, else the folder that was given, else their own."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._given = sorted((real(path) for path in paths if is_folder(path)), key=len, reverse=True)
        self._folders: dict[str, tuple[str, str]] = {}

    def __call__(self, path: str) -> str:
        """Return a file's path below its tree's root, with ``/``. ``StoreError`` if the system cannot tell."""
        folder, _, name = path.rpartition("/")
        return self._of(folder, path)[1] + name

    def roots(self) -> set[str]:
        """Return the roots of the trees that the given paths are in. ``StoreError`` if the system cannot tell."""
        places = (real(path) if is_folder(path) else real(os.path.dirname(path) or ".") for path in self._paths)
        return {self._root(place) for place in places}

    def root(self, path: str) -> str:
        """Return the absolute root of the tree that a file is in. ``StoreError`` if the system cannot tell."""
        return self._of(path.rpartition("/")[0], path)[0]

    def is_given(self, folder: str) -> bool:
        """Say whether an absolute folder is one of the given ones, or below one."""
        return any(folder == one or folder.startswith(one.rstrip("/") + "/") for one in self._given)

    def _of(self, folder: str, path: str) -> tuple[str, str]:
        """Return the root of the tree that a folder is in, and how its files' paths begin below it."""
        if folder not in self._folders:
            if len(self._folders) >= _KEPT:
                self._folders.clear()
            place = real(folder or ("/" if path.startswith("/") else "."))
            root = self._root(place)
            relative = os.path.relpath(place, root)
            self._folders[folder] = (root, "" if relative == "." else relative + "/")
        return self._folders[folder]

    def _root(self, folder: str) -> str:
        given = next((one for one in self._given if folder == one or folder.startswith(one.rstrip("/") + "/")), folder)
        return policy_root(folder) or given


def real(path: str) -> str:
    """Resolve the links in a path, which need not be there. ``StoreError`` if the system cannot tell."""
    return _asked(_strictly, path) or _asked(os.path.realpath, path) or path


def _strictly(path: str) -> str:
    return os.path.realpath(path, strict=True)


def _asked(question: Callable[[str], T], path: str) -> T | None:
    """Ask the system about a path: None for what is not there. What ``os.path`` offers takes every failure for an absence."""
    try:
        return question(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        problem = failure("its tree cannot be found", error, path)
    except ValueError:
        return None
    raise problem


@contextmanager
def held(paths: Sequence[str]) -> Iterator[list[SealkitError]]:
    """Hold every tree that the paths are in, swept of what interrupted runs left there; yield what could not be swept.

    A file in no tree is not locked, unless a rotation or the like has made its folder a tree; of its folder only the files are swept.
    Raises ``TreeBusy`` and ``StoreError``.
    """
    from sealkit.trees.lock import lock
    from sealkit.trees.sweep import sweep

    roots = {path: root_of(path) for path in paths}
    trees = sorted({root for root in roots.values() if root is not None})
    strays = sorted({os.path.dirname(real(path)) for path, root in roots.items() if root is None} - set(trees))
    problems: list[SealkitError] = []
    with ExitStack() as stack:
        for tree in trees:
            stack.enter_context(lock(tree))
        for folder in strays:
            stack.enter_context(lock(folder, create=False))
        for tree in trees:
            problems += sweep(tree).problems
        for folder in strays:
            problems += sweep(folder, below=False).problems
        yield problems
