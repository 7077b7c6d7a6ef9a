"""Records as git holds them: staged in the index, and in every commit there ever was. Nothing is checked out."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import StoreError, Usage
from sealkit.keys.process import own_environment
from sealkit.trees.roots import is_folder, real
from sealkit.trees.store import LIMIT
from sealkit.trees.worktree import GitFailedError, enclosing, git

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Container, Iterator, Sequence

_FILES = (b"100644", b"100755")
_LINK = b"120000"
_AS_IT_IS = "--no-replace-objects"
"""What somebody let stand for other commits (``git replace``) hides nothing."""


class Missing(StoreError):
    """There is no such object."""


class Version(NamedTuple):
    """One version of a file: its path, as somebody in the working folder would name it, and the object that holds it.

    ``commit`` is the first one found that brought it, None for the index. ``problem`` says why it cannot be looked at.
    """

    path: str
    object: str
    commit: str | None = None
    problem: StoreError | None = None


class Repository:
    """The repository that some paths are in. Raises ``Usage`` where git does not know them."""

    def __init__(self, paths: Sequence[str]) -> None:
        first = paths[0]
        tree = enclosing(first if is_folder(first) else os.path.dirname(first))
        if tree is None:
            raise Usage(problem="not in a git work tree", hint="name a folder of one", path=first)
        self.top = tree.top
        self._below = [os.path.relpath(real(path), tree.top) for path in paths]
        if any(path.split("/", 1)[0] == ".." for path in self._below):
            raise Usage(problem="the paths are in different work trees", hint="look at one after the other", path=first)

    def holds(self, name: str) -> bool:
        """Say whether a path below the work tree's top is, or is below, one of the paths that were given."""
        return any(path == "." or name == path or name.startswith(path + "/") for path in self._below)

    def shown(self, name: str) -> str:
        """Return a path below the work tree's top as somebody in the working folder would name it."""
        return os.path.relpath(os.path.join(self.top, name), os.path.realpath("."))

    def commit(self, revision: str) -> str:
        """Return the commit that a revision names. Raises ``Usage``."""
        reason = "it begins with a dash"
        if not revision.startswith("-"):
            try:
                return self._git("rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode("ascii").strip()
            except Usage as error:
                reason = error.problem
        raise Usage(problem=f"no revision {revision!r}: {reason}", hint="name a commit, branch or tag, such as HEAD", path=self.top)

    def staged(self, is_record: Callable[[str], bool]) -> Iterator[Version]:
        """Yield the files of the index, as they would be committed. What is in conflict, or a link, has a ``problem``."""
        conflicts = set()
        for line in self._git("ls-files", "--stage", "-z").split(b"\0"):
            head, _, raw = line.partition(b"\t")
            name = os.fsdecode(raw)
            if not raw or not self.holds(name) or not is_record(os.path.basename(name)):
                continue
            mode, sha, stage = head.split()
            shown = self.shown(name)
            if stage != b"0":
                if name not in conflicts:
                    conflicts.add(name)
                    yield Version(shown, "", problem=StoreError(problem="in conflict: resolve the merge first", path=shown))
            elif mode == _LINK:
                yield Version(shown, "", problem=StoreError(problem="a link, which leads who knows where", path=shown))
            elif mode in _FILES:
                yield Version(shown, sha.decode("ascii"))

    def refuse_shallow(self) -> None:
        """Raise ``StoreError`` if the history was not fetched whole: what is not there cannot be looked at."""
        if self._git("rev-parse", "--is-shallow-repository").strip() != b"false":
            raise StoreError(
                problem="a shallow clone: older commits are not here, so they cannot be looked at",
                hint="fetch them (git fetch --unshallow; fetch-depth: 0 in GitHub's checkout, GIT_DEPTH: 0 in GitLab)",
                path=self.shown(""),
            )

    def history(self, is_record: Callable[[str], bool], *revisions: str, among: Container[str] | None = None) -> Iterator[Version]:
        """Yield every version that the files had in any commit, each once, newest first.

        ``revisions``: whose history; all branches, tags, stashes, and what the reflogs remember, if none is given. ``among``: the paths,
        as ``shown``, of the only files that are asked for.
        """
        commits = self._git(_AS_IT_IS, "rev-list", *(revisions or ("--all", "--reflog")), "--")
        diffs = (_AS_IT_IS, "diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z", "--no-renames", "--no-abbrev")
        seen: set[tuple[bytes, bytes]] = set()
        commit = ""
        words = iter(self._git(*diffs, feed=commits).split(b"\0"))
        for word in words:
            if not word.startswith(b":"):
                commit = word.decode("ascii").strip() or commit
                continue
            raw = next(words, b"")
            _, mode, _, sha, _ = word.split(b" ", 4)
            if mode not in _FILES or (raw, sha) in seen:
                continue
            seen.add((raw, sha))
            name = os.fsdecode(raw)
            if self.holds(name) and is_record(os.path.basename(name)):
                shown = self.shown(name)
                if among is None or shown in among:
                    yield Version(shown, sha.decode("ascii"), commit)

    def staged_file(self, path: str) -> bytes | None:
        """Return what the index holds of one file, None if nothing. Raises ``StoreError`` for what is no file, or in conflict."""
        name = os.path.relpath(real(path), self.top)
        entries = [line for line in self._git("ls-files", "--stage", "-z", "--", f":(top,literal){name}").split(b"\0") if line]
        if not entries:
            return None
        mode, sha, stage = entries[0].partition(b"\t")[0].split()
        if len(entries) > 1 or stage != b"0" or mode not in _FILES:
            raise StoreError(problem="no file in the index, or in conflict there", path=path)
        return self._git(_AS_IT_IS, "cat-file", "blob", sha.decode("ascii"))

    def content(self, commit: str, name: str) -> bytes | None:
        """Return what a file held in a commit, None if it was not there; for the names that ``objects`` cannot be asked for."""
        line = self._git(_AS_IT_IS, "ls-tree", "-z", "--full-tree", commit, "--", f":(literal){name}").partition(b"\t")[0].split()
        return self._git(_AS_IT_IS, "cat-file", "blob", line[2].decode("ascii")) if len(line) == 3 else None

    def named(self, commit: str, basename: str) -> dict[str, str]:
        """Return the files of this name in a commit: the absolute path of the folder each is in, and its object."""
        found = {}
        for line in self._git(_AS_IT_IS, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            head, _, raw = line.partition(b"\t")
            folder, _, name = os.fsdecode(raw).rpartition("/")
            if name == basename and head.startswith(_FILES):
                found[os.path.join(self.top, folder) if folder else self.top] = head.split()[2].decode("ascii")
        return found

    @contextmanager
    def objects(self) -> Iterator[Callable[[str], bytes]]:
        """Give a function that returns the content of an object; it raises ``StoreError``, and of what there is not ``Missing``."""
        import subprocess

        try:
            asked = subprocess.Popen(
                ["git", _AS_IT_IS, "cat-file", "--batch"],
                cwd=self.top,
                env=own_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise Usage(problem=f"git cannot be started: {os.strerror(error.errno or 0)}") from None
        try:
            yield lambda name: _content(asked, name)
        finally:
            for pipe in (asked.stdin, asked.stdout):
                if pipe is not None:
                    pipe.close()
            asked.wait()

    def _git(self, *arguments: str, feed: bytes = b"") -> bytes:
        try:
            return git(self.top, *arguments, feed=feed)
        except GitFailedError as failed:
            reason = str(failed)
        raise Usage(problem=f"git does not answer: {reason}", path=self.top)


def _content(asked: subprocess.Popen[bytes], name: str) -> bytes:
    try:
        if asked.stdin is not None and asked.stdout is not None:
            asked.stdin.write(os.fsencode(name) + b"\n")
            asked.stdin.flush()
            said = asked.stdout.readline()
            if said.endswith(b" missing\n"):
                raise Missing(problem=f"git has no object {name[:12]}", hint="was it fetched?")
            words = said.split()
            size = int(words[2])
            if size > LIMIT:
                asked.kill()  # what follows is too much to be read
                raise StoreError(problem=f"a version of {size} bytes; at most {LIMIT} are read")
            data = asked.stdout.read(size + 1)
            if len(words) == 3 and len(data) == size + 1:
                return data[:-1]
    except (OSError, ValueError, IndexError):
        pass
    raise StoreError(problem=f"git does not hand out the object {name[:12]}", hint="try: git fsck")
