"""Git as a program: its settings, its merge of texts, its files."""

from __future__ import annotations

import os

from sealkit.desk.scratch import Scratch
from sealkit.errors import StoreError, Usage
from sealkit.git.program import GitFailedError, ask, git, top_of
from sealkit.git.starting import BESIDE
from sealkit.outfile import write_all

_MOST_CONFLICTS = 127
_MODE = 0o600


def merge_texts(base: bytes, ours: bytes, theirs: bytes, marker_size: int = 7) -> tuple[bytes, bool]:
    """Merge three texts as ``git merge-file`` does: the result, and whether it is without conflicts. Raises ``StoreError``.

    The texts go through files in memory if there is a place for them; they are as public as the record itself.
    """
    with Scratch(allow_disk=True) as scratch:
        paths = [scratch.write(name, data) for name, data in (("ours", ours), ("base", base), ("theirs", theirs))]
        labels = [word for name in ("ours", "base", "theirs") for word in ("-L", name)]
        asked = ("merge-file", "-p", "-q", f"--marker-size={marker_size}", *labels, *paths)
        try:
            top = top_of(".")  # whose repository may say how conflicts look (merge.conflictStyle)
            answer = ask(top, *asked, statuses=tuple(range(_MOST_CONFLICTS + 1)))
        except GitFailedError as failed:
            reason = str(failed)
        else:
            return answer.out, answer.status == 0
    raise StoreError(problem=f"git cannot merge the text: {reason}", hint="is it a binary file?")


def write_over(path: str, data: bytes) -> None:
    """Write a file of git's own over, as it expects it of a merge driver: at no time is it half written. Raises ``StoreError``."""
    beside = path + BESIDE
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        try:
            write_all(fd, data)
        finally:
            os.close(fd)
        os.replace(beside, path)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    raise StoreError(problem=f"cannot be written: {reason}", path=path)


class Repository:
    """The repository that a folder is in, and what of it can be set. Raises ``Usage`` where there is none."""

    def __init__(self, folder: str) -> None:
        top = top_of(folder)
        if top is None:
            raise Usage(problem="not in a git work tree", hint="go into one, or name its folder", path=folder or ".")
        self.top = top

    # --- settings ------------------------------------------------------------------------------------------------------
    def setting(self, name: str) -> str | None:
        """Return a setting of this clone, None where it is not set."""
        try:
            return os.fsdecode(git(self.top, "config", "--local", "--get", name, as_configured=True)).removesuffix("\n")
        except GitFailedError:
            return None

    def says_yes(self, name: str) -> bool:
        """Say whether any of git's configurations switches something on."""
        try:
            return b"true" in git(self.top, "config", "--bool", "--get-all", name, as_configured=True).split()
        except GitFailedError:
            return False

    def matching(self, pattern: str) -> list[tuple[str, str]]:
        """Return the names and values of all settings, of any of git's configurations, whose name matches a regular expression."""
        try:
            listing = git(self.top, "config", "--null", "--get-regexp", pattern, as_configured=True)
        except GitFailedError:
            return []
        pairs = (os.fsdecode(entry).partition("\n") for entry in listing.split(b"\0") if entry)
        return [(name, value) for name, _, value in pairs]

    def set(self, name: str, value: str) -> None:
        """Set something in this clone. Raises ``StoreError``."""
        self._configure("--replace-all", name, value)

    def remove_settings(self, section: str) -> None:
        """Remove a section of this clone's settings. Raises ``StoreError``."""
        self._configure("--remove-section", section)

    def _configure(self, *arguments: str) -> None:
        try:
            git(self.top, "config", "--local", *arguments, as_configured=True)
        except GitFailedError as failed:
            reason = str(failed)
        else:
            return
        raise StoreError(problem=f"git refuses: {reason}", path=self.top)

    # --- what git knows --------------------------------------------------------------------------------------------------
    def path(self, name: str) -> str:
        """Return where git keeps something, such as ``hooks``. Raises ``Usage``."""
        try:
            found = git(self.top, "rev-parse", "--git-path", name, as_configured=True)
        except GitFailedError as failed:
            reason = str(failed)
        else:
            return os.path.join(self.top, os.fsdecode(found).removesuffix("\n"))
        raise Usage(problem=f"git does not answer: {reason}", path=self.top)

    def refs(self, below: str) -> list[str]:
        """Return the full names of the refs below a folder of them, such as ``refs/notes/``."""
        try:
            return git(self.top, "for-each-ref", "--format=%(refname)", below).decode("utf-8", "surrogateescape").split()
        except GitFailedError:
            return []

    def tracked(self, name: str) -> list[str]:
        """Return the paths below the top of the tracked files of a name."""
        return [path for path in self._paths() if path == name or path.endswith("/" + name)]

    def tracks(self, path: str) -> bool:
        """Say whether the index holds a path below the top."""
        return bool(self._paths(path))

    def _paths(self, *below: str) -> list[str]:
        try:
            listing = git(self.top, "ls-files", "-z", "--", *below)
        except GitFailedError:
            return []
        return [path for path in os.fsdecode(listing).split("\0") if path]

    def staged(self, stage: int, name: str) -> bytes | None:
        """Return what a stage of the index (1 base, 2 ours, 3 theirs) holds of a path below the top; None if nothing."""
        try:
            return git(self.top, "cat-file", "blob", f":{stage}:{name}")
        except GitFailedError:
            return None
