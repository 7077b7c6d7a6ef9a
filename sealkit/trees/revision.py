"""A git revision of the tree: what its files held there, and what they were called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit import limits
from sealkit.errors import StoreError, Usage
from sealkit.git.program import GitFailedError, git, top_of
from sealkit.git.revisions import commit_of
from sealkit.git.stored import Stored
from sealkit.trees.folders import real_path

if TYPE_CHECKING:
    from typing import Self


class Revision:
    """One commit of the work tree that a folder is in. Raises ``Usage`` when git cannot say which.

    Forked workers may use it too: each asks a git of its own. Close it.
    """

    def __init__(self, revision: str, folder: str) -> None:
        self.commit = commit_of(revision, folder)
        self.top = top_of(folder) or "/"
        self._stored = Stored(self.top, limits.FILE_BYTES)
        self._renames: dict[bytes, bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the git that was asked."""
        self._stored.close()

    def content(self, path: str) -> bytes | None:
        """Return what a file held; None if it was not there, or no file. Raises ``Usage`` when git does not answer."""
        name = self._name(path)
        return None if name is None else self._content(name)

    def content_before_rename(self, path: str) -> tuple[str, bytes] | None:
        """Return what a file was called, below the work tree's top, and held, if it was renamed since; else as it is called now."""
        name = self._name(path)
        if name is None:
            return None
        old = self._renamed().get(name, name)
        data = self._content(old)
        return None if data is None else (os.path.join(self.top, os.fsdecode(old)), data)

    def _name(self, path: str) -> bytes | None:
        """Return a path below the top of the work tree; None for one that is not there, or that git cannot be asked for."""
        folder = real_path(os.path.dirname(path))
        name = os.fsencode(os.path.relpath(os.path.join(folder, os.path.basename(path)), self.top))
        return None if name.startswith(b"../") or b"\n" in name else name

    def _renamed(self) -> dict[bytes, bytes]:
        """Return the new name of each file that the index has under another one, and the old name.

        The index, not the work tree: to compare that, git would start filters. A file that git is not told of has no old name anyway.
        """
        if self._renames is None:
            asked = ("diff-index", "--cached", "--name-status", "-z", "-M", "--diff-filter=R", "--no-ext-diff", "--no-textconv")
            try:
                listing = git(self.top, *asked, self.commit, "--")
            except GitFailedError as failed:
                raise Usage(problem=f"git does not say what was renamed: {failed}") from None
            words = iter(listing.split(b"\0"))
            self._renames = {new: old for _, old, new in zip(words, words, words, strict=False)}
        return self._renames

    def _content(self, name: bytes) -> bytes | None:
        try:
            return self._stored.file(self.commit.encode() + b":" + name)
        except StoreError as error:
            problem, hint = error.problem, error.hint
        raise Usage(problem=problem, hint=hint)
