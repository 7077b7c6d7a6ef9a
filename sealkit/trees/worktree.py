"""What git knows of a folder: where its work tree begins, which ignored files are tracked all the same, what changed since.

Git is a program that may be missing or may refuse; then the caller is told, and nothing is taken for granted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import StoreError, Usage
from sealkit.git.program import GitFailedError, common_folder, git, is_top, top_of
from sealkit.trees.folders import real_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.git.changes import Changes

__all__ = ["WorkTree", "changed_since", "enclosing", "is_top"]


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
        top = real_path(self.top)
        below = below_top(self.folder, top)
        try:
            listing = git(top, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard", "--", *([below] if below else []))
        except GitFailedError as failed:
            self.complaint = StoreError(
                problem=f"ignored files were left out, and git does not say whether it tracks some of them: {failed}",
                hint="make git work here, or look at ignored files too with --no-gitignore",
                path=self.folder or ".",
            )
            return frozenset()
        cut = len(os.fsencode(below)) + 1 if below else 0
        paths = {name[cut:] for name in _split(listing)}
        for path in tuple(paths):
            while (path := path.rpartition(b"/")[0]) and path not in paths:
                paths.add(path)
        return frozenset(paths)

    def own_excludes(self) -> str:
        """Return the path of the repository's ``info/exclude``, whether it exists or not."""
        return os.path.join(common_folder(self.top), "info", "exclude")


def below_top(folder: str, top: str) -> str:
    """Return the path of a folder below the top of its work tree; nothing for the top itself."""
    below = os.path.relpath(real_path(folder), top)
    return "" if below == "." else below


def enclosing(folder: str) -> WorkTree | None:
    """Find the work tree that ``folder`` is in, with paths relative to ``folder``; None when there is none."""
    top = top_of(folder)
    return None if top is None else WorkTree(folder, top)


def changed_since(revision: str, folder: str) -> Changes:
    """Return which files below ``folder`` differ from ``revision``: committed, staged, unstaged, or not tracked.

    ``Usage`` when git cannot say: not a work tree, no such revision, one whose name could mean several, no git.
    """
    from sealkit.git.changes import Changes  # what most walks do not ask costs them nothing
    from sealkit.git.revisions import commit_of

    commit = commit_of(revision, folder)
    try:
        top = top_of(folder)
        if top is not None:
            return Changes(top, commit, below_top(folder, top))
        reason = "not in a git work tree"
    except GitFailedError as failed:
        reason = str(failed)
    raise Usage(
        problem=f"cannot tell what changed since {revision!r}: {reason}",
        hint="name a commit, branch or tag of the git work tree that holds the records",
        path=folder or ".",
    )
