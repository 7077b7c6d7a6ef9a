"""Which tree a path belongs to, and holding trees while their records are changed."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sealkit.ownership import written_by_others
from sealkit.trees.folders import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.errors import SealkitError

T = TypeVar("T")

POLICY = "sealkit.yaml"

_KEPT = 64
_MOST_WAYS = 4096
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


def is_folder(path: str) -> bool:
    """Say whether a path leads to a folder. ``StoreError`` if the system cannot tell; what is not there is none."""
    status = _asked(os.stat, path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_there(path: str) -> bool:
    """Say whether there is anything at a path. ``StoreError`` if the system cannot tell."""
    return _asked(os.lstat, path) is not None


def root_of(path: str) -> str | None:
    """Return the root of the tree that a folder is in, or a file that a policy stands above; None for any other file.

    Which that is, ``Below`` says. It is absolute, with links in the path to it resolved. ``StoreError`` if it cannot be found out.
    """
    status = _asked(os.lstat, path)
    below = Below([path])
    if status is not None and stat.S_ISDIR(status.st_mode):
        return below.root(os.path.join(path, "."))
    return below.root(path) if below.policies(path) else None


def holds_policy(folder: str) -> bool:
    """Say whether a policy stands in a folder of the work tree; a folder of that name is none. ``StoreError`` if the system cannot tell."""
    status = _asked(os.lstat, os.path.join(folder, POLICY))
    return status is not None and not stat.S_ISDIR(status.st_mode)


class _Way(NamedTuple):
    """The way from a folder up: the top of the work tree it ends at (None: at that of the file system), and who holds a policy on it."""

    top: str | None
    policies: tuple[str, ...]


class _Place(NamedTuple):
    """A folder of records: its tree's root, how its files' paths begin below that, and the policies over them, outermost first."""

    root: str
    prefix: str
    policies: tuple[str, ...]


class Below:
    """Says where files are below their tree's root, and which folders' policies apply to them.

    The root is the folder of the outermost policy on the way from a file up to the top of its git work tree; outside of git, of the
    outermost that is ours or root's and that nobody else can write. So nobody moves the root of a tree from within it. Without a policy
    it is the work tree's top, else the folder that was given, else the file's own. From the root on down, every policy on the way
    applies. ``holds`` says which folders hold one; ``passed_over`` lists policies above a tree that are somebody else's.
    """

    def __init__(self, paths: Sequence[str], holds: Callable[[str], bool] = holds_policy) -> None:
        self._paths = paths
        self._holds = holds
        self._given = sorted((real(path) for path in paths if is_folder(path)), key=len, reverse=True)
        self._folders: dict[str, _Place] = {}
        self._ways: dict[str, _Way] = {}
        self.passed_over: set[str] = set()

    def __call__(self, path: str) -> str:
        """Return a file's path below its tree's root, with ``/``. ``StoreError`` if the system cannot tell."""
        folder, _, name = path.rpartition("/")
        return self._of(folder, path).prefix + name

    def roots(self) -> set[str]:
        """Return the roots of the trees that the given paths are in. ``StoreError`` if the system cannot tell."""
        return {place.root for place in self._given_places()}

    def given_policies(self) -> set[str]:
        """Return the folders whose policies apply to the given paths. ``StoreError`` if the system cannot tell."""
        return {folder for place in self._given_places() for folder in place.policies}

    def root(self, path: str) -> str:
        """Return the absolute root of the tree that a file is in. ``StoreError`` if the system cannot tell."""
        return self._of(path.rpartition("/")[0], path).root

    def policies(self, path: str) -> tuple[str, ...]:
        """Return the absolute folders whose policies apply to a file, outermost first. ``StoreError`` if the system cannot tell."""
        return self._of(path.rpartition("/")[0], path).policies

    def beyond(self, path: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the work tree that keeps policies away from a file, and the absolute folders of those; None if nothing does.

        So it is in a work tree that begins inside a given folder, and in a submodule. ``StoreError`` if the system cannot tell.
        """
        inner = top = self._way(real(os.path.dirname(path) or ".")).top
        policies: tuple[str, ...] = ()
        while top is not None and self._is_entered(top):
            outer = os.path.dirname(top)
            policies = (*self._place(outer).policies, *policies)
            top = self._way(outer).top
        return (inner, policies) if inner is not None and policies else None

    def _is_entered(self, top: str) -> bool:
        """Say whether one comes to a work tree from the one around it: on the way down from a given folder, or as to its submodule."""
        return any(one != top and is_within(top, one) for one in self._given) or _is_submodule(
            top, self._way(os.path.dirname(top)).top
        )

    def before(self, path: str) -> list[tuple[str, str]]:
        """Return how a file's path was counted by versions that took an inner folder for the root: that folder, and the path below it."""
        folder, name = os.path.split(path)
        place, here = self._of(folder, path), real(folder or ("/" if path.startswith("/") else "."))
        inner = {*place.policies, *(one for one in self._given if is_within(here, one))} - {place.root}
        ways = ((one, os.path.relpath(here, one)) for one in sorted(inner) if is_within(one, place.root))
        return [(os.path.relpath(one, place.root), name if way == "." else f"{way}/{name}") for one, way in ways]

    def is_given(self, folder: str) -> bool:
        """Say whether an absolute folder is one of the given ones, or below one."""
        return any(is_within(folder, one) for one in self._given)

    def _given_places(self) -> Iterator[_Place]:
        for path in self._paths:
            yield self._place(real(path) if is_folder(path) else real(os.path.dirname(path) or "."))

    def _of(self, folder: str, path: str) -> _Place:
        if folder not in self._folders:
            if len(self._folders) >= _KEPT:
                self._folders.clear()
            self._folders[folder] = self._place(real(folder or ("/" if path.startswith("/") else ".")))
        return self._folders[folder]

    def _place(self, folder: str) -> _Place:
        top, policies = self._way(folder)
        start = next((one for one in self._given if is_within(folder, one)), folder)
        if top is None:
            policies = self._trusted(policies, start)
        root = policies[0] if policies else top or start
        relative = os.path.relpath(folder, root)
        return _Place(root, "" if relative == "." else relative + "/", policies)

    def _trusted(self, policies: tuple[str, ...], start: str) -> tuple[str, ...]:
        """Leave out the policies above a tree outside of git that somebody else may have put there; ``start`` is what was named."""
        for number, folder in enumerate(policies):
            if is_within(folder, start) or _is_ours_alone(folder):
                return policies[number:]
            self.passed_over.add(folder)
        return ()

    def _way(self, folder: str) -> _Way:
        """Return what is on the way up from a folder; each folder is looked at once."""
        if len(self._ways) >= _MOST_WAYS:
            self._ways.clear()
        down: list[str] = []
        while folder not in self._ways:
            down.append(folder)
            above = os.path.dirname(folder)
            if above == folder or begins_work_tree(folder):
                break
            folder = above
        way = self._ways.get(folder) or _Way(folder if begins_work_tree(folder) else None, ())
        for one in reversed(down):
            way = self._ways[one] = way._replace(policies=(*way.policies, one)) if self._holds(one) else way
        return way


def begins_work_tree(folder: str) -> bool:
    """Say whether a git work tree begins in a folder: a ``.git`` stands there, a repository or what leads to one.

    In a folder that everybody may write in, such as /tmp, one of a stranger does not count. ``StoreError`` if the system cannot tell.
    """
    dot_git = os.path.join(folder, ".git")
    status = _asked(os.lstat, dot_git)
    if status is None or not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        return False
    if stat.S_ISDIR(status.st_mode) and not all(is_there(os.path.join(dot_git, name)) for name in ("HEAD", "objects", "refs")):
        return False
    holder = _asked(os.stat, folder)
    return holder is None or not holder.st_mode & stat.S_IWOTH or status.st_uid in (holder.st_uid, os.geteuid(), 0)


def _is_submodule(top: str, around: str | None) -> bool:
    """Say whether the repository of a work tree is kept by the one around it."""
    from sealkit.git.program import git_folder

    if around is None:
        return False
    return is_within(os.path.realpath(git_folder(top)), os.path.realpath(os.path.join(git_folder(around), "modules")))


def is_within(path: str, folder: str) -> bool:
    """Say whether an absolute path is a folder, or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_ours_alone(folder: str) -> bool:
    """Say whether the policy in a folder is ours or root's, and nobody else can change it or put another one in its place."""
    place = os.path.join(folder, POLICY)
    holder, policy = _asked(os.stat, folder), _asked(os.lstat, place)
    if holder is None or policy is None or not {holder.st_uid, policy.st_uid} <= {os.geteuid(), 0}:
        return False
    is_kept = bool(holder.st_mode & stat.S_ISVTX) or written_by_others(holder, folder) is None
    return is_kept and (stat.S_ISLNK(policy.st_mode) or written_by_others(policy, place) is None)


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
