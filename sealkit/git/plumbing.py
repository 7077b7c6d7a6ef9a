"""Git as a program: its settings, its merge of texts, its files."""

from __future__ import annotations

import os
import subprocess

from sealkit.desk.scratch import Scratch
from sealkit.errors import StoreError, Usage
from sealkit.keys.process import own_environment
from sealkit.trees.store import write_all
from sealkit.trees.worktree import GitFailedError, enclosing, git

_NO_CONFLICT, _MOST_CONFLICTS = 0, 127


def merge_texts(base: bytes, ours: bytes, theirs: bytes, marker_size: int = 7) -> tuple[bytes, bool]:
    """Merge three texts as ``git merge-file`` does: the result, and whether it is without conflicts. Raises ``StoreError``.

    The texts go through files in memory if there is a place for them; they are as public as the record itself.
    """
    with Scratch(allow_disk=True) as scratch:
        paths = [scratch.write(name, data) for name, data in (("ours", ours), ("base", base), ("theirs", theirs))]
        labels = [word for name in ("ours", "base", "theirs") for word in ("-L", name)]
        command = ["git", "merge-file", "-p", "-q", f"--marker-size={marker_size}", *labels, *paths]
        try:
            done = subprocess.run(command, env=own_environment(), capture_output=True, check=False)
        except OSError as error:
            raise StoreError(problem=f"git cannot be started: {os.strerror(error.errno or 0)}") from None
    if not _NO_CONFLICT <= done.returncode <= _MOST_CONFLICTS:
        raise StoreError(problem="git cannot merge the text", hint="is it a binary file?")
    return done.stdout, done.returncode == _NO_CONFLICT


def write_over(path: str, data: bytes) -> None:
    """Write a file of git's own over, as it expects it of a merge driver. Raises ``StoreError``."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            write_all(fd, data)
        finally:
            os.close(fd)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    raise StoreError(problem=f"cannot be written: {reason}", path=path)


class Repository:
    """The repository that a folder is in, and what of it can be set. Raises ``Usage`` where there is none."""

    def __init__(self, folder: str) -> None:
        tree = enclosing(folder)
        if tree is None:
            raise Usage(problem="not in a git work tree", hint="go into one, or name its folder", path=folder or ".")
        self.top = tree.top

    def ask(self, *arguments: str) -> str | None:
        """Return what git prints, without the last line end; None where it refuses."""
        try:
            return os.fsdecode(git(self.top, *arguments)).removesuffix("\n")
        except GitFailedError:
            return None

    def do(self, *arguments: str) -> None:
        """Let git do something. Raises ``StoreError``."""
        try:
            git(self.top, *arguments)
        except GitFailedError as failed:
            reason = str(failed)
        else:
            return
        raise StoreError(problem=f"git refuses: {reason}", path=self.top)

    def path(self, name: str) -> str:
        """Return where git keeps something, such as ``hooks``. Raises ``Usage``."""
        found = self.ask("rev-parse", "--git-path", name)
        if found is None:
            raise Usage(problem="git does not answer", path=self.top)
        return os.path.join(self.top, found)

    def tracked(self, name: str) -> list[str]:
        """Return the paths below the top of the tracked files of a name."""
        listing = self.ask("ls-files", "-z", "--", f":(top,literal){name}", f":(top,glob)**/{_literal(name)}")
        return [path for path in (listing or "").split("\0") if path]

    def staged(self, stage: int, name: str) -> bytes | None:
        """Return what a stage of the index (1 base, 2 ours, 3 theirs) holds of a path below the top; None if nothing."""
        try:
            return git(self.top, "cat-file", "blob", f":{stage}:{name}")
        except GitFailedError:
            return None


def _literal(name: str) -> str:
    """Return a glob that matches this name alone."""
    return "".join(f"\\{character}" if character in "*?[]\\" else character for character in name)
