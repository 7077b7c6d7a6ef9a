"""What git knows of a folder: where its work tree begins, which ignored files are tracked all the same, what changed since.

Git is a program that may be missing or may refuse; then the caller is told, and nothing is taken for granted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import StoreError, Usage
from sealkit.keys.process import own_environment
from sealkit.trees.folders import release

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_SURPRISES = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")  # a work tree's settings may name programs


class GitFailedError(Exception):
    """Git is missing or refused; the text is its own."""


def git(folder: str, *arguments: str, feed: bytes = b"") -> bytes:
    """Run git in a folder, with ``feed`` as its input, and return what it prints. Raises ``GitFailedError``."""
    import subprocess  # costs as much as all other imports of this room

    environment = {**own_environment(), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", *_NO_SURPRISES, *arguments]
    try:
        done = subprocess.run(command, cwd=folder or ".", env=environment, capture_output=True, check=False, input=feed)
    except (OSError, ValueError) as error:
        reason = "git is not installed" if isinstance(error, FileNotFoundError) else str(error)
        raise GitFailedError(reason) from None
    if done.returncode:
        said = os.fsdecode(done.stderr).strip().splitlines()
        raise GitFailedError(said[0].removeprefix("fatal: ") if said else f"git ended with {done.returncode}")
    return done.stdout


def _split(listing: bytes) -> Iterator[bytes]:
    return filter(None, listing.split(b"\0"))


class WorkTree:
    """A git work tree, or a part of one, whose paths are relative to ``folder``."""

    __slots__ = ("_tracked", "complaint", "folder", "top")

    def __init__(self, folder: str, top: str) -> None:
        self.folder = folder
        self.top = top
        self.complaint: StoreError | None = None
        self._tracked: frozenset[bytes] | None = None

    def tracks(self, path: bytes) -> bool:
        """Say whether git tracks this file, or a file below this folder, although an ignore rule matches.

        When git cannot be asked the answer is no, and ``complaint`` holds the reason.
        """
        if self._tracked is None:
            self._tracked = self._ask()
        return path in self._tracked

    def _ask(self) -> frozenset[bytes]:
        try:
            listing = git(self.folder, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard")
        except GitFailedError as failed:
            self.complaint = StoreError(
                problem=f"ignored files were left out, and git does not say whether it tracks some of them: {failed}",
                hint="make git work here, or look at ignored files too with --no-gitignore",
                path=self.folder or ".",
            )
            return frozenset()
        paths = set(_split(listing))
        for path in tuple(paths):
            while (path := path.rpartition(b"/")[0]) and path not in paths:
                paths.add(path)
        return frozenset(paths)

    def own_excludes(self) -> str:
        """Return the path of the repository's ``info/exclude``, whether it exists or not."""
        return os.path.join(_common_dir(os.path.join(self.top, ".git")), "info", "exclude")


def _common_dir(dot_git: str) -> str:
    """Find the repository's folder: ``.git`` itself, or what a ``.git`` file and then ``commondir`` point to (gitrepository-layout(5))."""
    link = _line(dot_git)
    git_dir = os.path.join(os.path.dirname(dot_git), link.removeprefix("gitdir: ")) if link else dot_git
    return os.path.join(git_dir, _line(os.path.join(git_dir, "commondir")))


def _line(path: str) -> str:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    try:
        return os.fsdecode(os.read(opened, 4096).rstrip(b"\r\n"))
    except OSError:  # a folder, as .git mostly is
        return ""
    finally:
        release(opened)


def is_top(folder: str) -> bool:
    """Say whether a work tree begins in this folder; a ``.git`` that is no repository does not count, as in git."""
    dot_git = os.path.join(folder, ".git")
    return os.path.isfile(dot_git) or os.path.lexists(os.path.join(dot_git, "HEAD"))


def enclosing(folder: str) -> WorkTree | None:
    """Find the work tree that ``folder`` is in, with paths relative to ``folder``; None when there is none."""
    top = os.path.realpath(folder or ".")
    while not is_top(top):
        above = os.path.dirname(top)
        if above == top:
            return None
        top = above
    return WorkTree(folder, top)


def changed_since(revision: str, folder: str, *, ignored_too: bool) -> frozenset[bytes]:
    """Paths below ``folder`` that differ from ``revision``: committed, staged, unstaged, or not tracked.

    ``Usage`` when git cannot say: not a work tree, no such revision, no git.
    """
    reason = "it begins with a dash" if revision.startswith("-") else ""
    if not reason:
        try:
            return _changed_since(revision, folder, ignored_too=ignored_too)
        except GitFailedError as failed:
            reason = str(failed)
    raise Usage(
        problem=f"cannot tell what changed since {revision!r}: {reason}",
        hint="name a commit, branch or tag of the git work tree that holds the records",
        path=folder or ".",
    )


def _changed_since(revision: str, folder: str, *, ignored_too: bool) -> frozenset[bytes]:
    commit = git(folder, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode().strip()
    diff = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--relative", "--ignore-submodules")
    names = set(_split(git(folder, *diff, commit, "--")))
    names.update(_split(git(folder, *diff, "--cached", commit, "--")))
    names.update(_split(git(folder, "ls-files", "-z", "--others", *(() if ignored_too else ("--exclude-standard",)))))
    return frozenset(names)
