"""A git revision of the tree: what its files held there, and what they were called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import Usage
from sealkit.keys.process import own_environment
from sealkit.trees.worktree import GitFailedError, enclosing, git

if TYPE_CHECKING:
    import subprocess
    from typing import Self


class Revision:
    """One commit of the work tree that a folder is in. Raises ``Usage`` when git cannot say which.

    Forked workers may use it too: each asks a git of its own. Close it.
    """

    def __init__(self, revision: str, folder: str) -> None:
        tree = enclosing(folder)
        self._asked: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._renames: dict[bytes, bytes] | None = None
        try:
            if tree is None:
                reason = "not in a git work tree"
            elif revision.startswith("-"):
                reason = "it begins with a dash"
            else:
                self._top = tree.top
                self.commit = (
                    git(tree.top, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode("ascii").strip()
                )
                return
        except GitFailedError as failed:
            reason = str(failed)
        raise Usage(
            problem=f"no revision {revision!r}: {reason}", hint="name a commit, branch or tag, such as HEAD", path=folder or "."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the git that was asked."""
        asked, self._asked = self._asked, None
        if asked is not None and self._owner == os.getpid():
            for pipe in (asked.stdin, asked.stdout):
                if pipe is not None:
                    pipe.close()
            asked.wait()

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
        return None if data is None else (os.path.join(self._top, os.fsdecode(old)), data)

    def _name(self, path: str) -> bytes | None:
        """Return a path below the top of the work tree; None for one that is not there, or that git cannot be asked for."""
        folder = os.path.realpath(os.path.dirname(path) or ".")
        name = os.fsencode(os.path.relpath(os.path.join(folder, os.path.basename(path)), self._top))
        return None if name.startswith(b"../") or b"\n" in name else name

    def _renamed(self) -> dict[bytes, bytes]:
        if self._renames is None:
            try:
                listing = git(self._top, "diff", "--name-status", "-z", "-M", "--diff-filter=R", "--no-ext-diff", self.commit, "--")
            except GitFailedError as failed:
                raise Usage(problem=f"git does not say what was renamed: {failed}") from None
            words = iter(listing.split(b"\0"))
            self._renames = {new: old for _, old, new in zip(words, words, words, strict=False)}
        return self._renames

    def _content(self, name: bytes) -> bytes | None:
        asked = self._ask()
        try:
            if asked.stdin is not None and asked.stdout is not None:
                asked.stdin.write(self.commit.encode() + b":" + name + b"\n")
                asked.stdin.flush()
                words = asked.stdout.readline().split()
                if len(words) != 3 or not words[2].isdigit():  # "... missing"
                    return None
                data = asked.stdout.read(int(words[2]) + 1)[:-1]
                return data if words[1] == b"blob" else None
        except (OSError, ValueError):
            pass
        raise Usage(problem="git has stopped answering", hint="try: git cat-file --batch-check")

    def _ask(self) -> subprocess.Popen[bytes]:
        import subprocess

        if self._asked is None or self._owner != os.getpid():
            self._owner = os.getpid()
            try:
                self._asked = subprocess.Popen(
                    ["git", "cat-file", "--batch"],
                    cwd=self._top,
                    env=own_environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as error:
                raise Usage(problem=f"git cannot be started: {error.strerror}") from None
        return self._asked
