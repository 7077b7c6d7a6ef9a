"""Records as git holds them: staged in the index, and in every commit there ever was. Nothing is checked out."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import StoreError, Usage
from sealkit.git.changes import state_of
from sealkit.git.program import GitFailedError, git, is_there, is_top, top_of
from sealkit.git.revisions import commit_of
from sealkit.git.stored import Entry, Stored, all_stored
from sealkit.records.kinds import POLICY, is_record_name
from sealkit.trees.folders import from_here
from sealkit.trees.found import OWN_FOLDER, TEMP_PREFIX
from sealkit.trees.roots import is_folder, real
from sealkit.trees.store import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_FILES = (b"100644", b"100755")
_LINK = b"120000"
_SUBMODULE = b"160000"
_SMALL = 1 << 20
"""The size up to which any file may be front matter, which is never larger, whatever its name."""


class Missing(StoreError):
    """There is no such object."""


class Version(NamedTuple):
    """One version of a file: its path, as somebody in the working folder would name it, and the object that holds it.

    ``commit`` is the first one found that brought it, None for the index. ``problem`` says why it cannot be looked at. Of a link the object
    holds where it leads.
    """

    path: str
    object: str
    commit: str | None = None
    problem: StoreError | None = None
    is_link: bool = False


class Repository:
    """The repository that some paths are in. Raises ``Usage`` where git does not know them."""

    def __init__(self, paths: Sequence[str]) -> None:
        first = paths[0]
        top = top_of(first if is_folder(first) else os.path.dirname(first))
        if top is None:
            raise Usage(problem="not in a git work tree", hint="name a folder of one", path=first)
        self.top = top
        self._entries: dict[str, list[tuple[bytes, bytes, bytes]]] | None = None
        self._trees: dict[str, dict[str, tuple[bytes, str]]] = {}
        self._below = [os.path.relpath(real(path), top) for path in paths]
        if any(path.split("/", 1)[0] == ".." for path in self._below):
            raise Usage(problem="the paths are in different work trees", hint="look at one after the other", path=first)

    def holds(self, name: str) -> bool:
        """Say whether a path below the work tree's top is, or is below, one of the paths that were given."""
        return any(path == "." or name == path or name.startswith(path + "/") for path in self._below)

    def shown(self, name: str) -> str:
        """Return a path below the work tree's top as somebody in the working folder would name it."""
        return from_here(os.path.join(self.top, name))

    def commit(self, revision: str) -> str:
        """Return the commit that a revision names. Raises ``Usage``."""
        return commit_of(revision, self.top)

    def staged(self, is_record: Callable[[str], bool]) -> Iterator[Version]:
        """Yield the files of the index, as they would be committed. What is in conflict has a ``problem``, and so has a link for a policy."""
        for name, entries in self._index().items():
            if not self.holds(name) or not is_record(os.path.basename(name)):
                continue
            shown = self.shown(name)
            mode, sha, stage = entries[0]
            if stage != b"0":
                yield Version(shown, "", problem=StoreError(problem="in conflict: resolve the merge first", path=shown))
            elif mode == _LINK and os.path.basename(name) == POLICY:
                yield Version(shown, "", problem=StoreError(problem="a link in the place of a policy", path=shown))
            elif mode == _LINK:
                yield Version(shown, sha.decode("ascii"), is_link=True)
            elif mode in _FILES:
                yield Version(shown, sha.decode("ascii"))

    def link(self, path: str) -> str | None:
        """Return the object that says where a link of the index leads, by its absolute path; None for what is none."""
        mode, sha, _ = self._index().get(os.path.relpath(path, self.top), [(b"", b"", b"")])[0]
        return sha.decode("ascii") if mode == _LINK else None

    def entries(self, is_record: Callable[[str], bool]) -> Iterator[Version]:
        """Yield every file of the index below the given paths: of one in conflict, what each side has."""
        for name, entries in self._index().items():
            if self.holds(name) and is_record(os.path.basename(name)):
                yield from (Version(self.shown(name), sha.decode("ascii")) for mode, sha, _ in entries if mode in _FILES)

    def sparse(self, since: str | None = None) -> Iterator[Version]:
        """Yield the files and links of the index below the given paths that are kept out of the work tree (``skip-worktree``).

        Of those that are there all the same, the ones that are not what the index has: it is what would be committed. ``since``: a
        commit, and only what is not the same in that.
        """
        for name, mode, sha in self._kept_out():
            place = os.fsencode(os.path.join(self.top, name))
            state = state_of(place, len(sha)) if os.path.lexists(place) else None
            if (state is None or state[1] != sha) and not self._is_in(since, name, mode, sha):
                yield Version(self.shown(name), sha, is_link=mode == _LINK)

    def policies_kept_out(self) -> list[str]:
        """Return the absolute paths of the policies, of the whole repository, that are kept out of the work tree, and are not there."""
        listed = self._git("ls-files", "-t", "-z").split(b"\0")
        names = (os.fsdecode(one[2:]) for one in listed if one.startswith(b"S ") and one.endswith(POLICY.encode()))
        places = (os.path.join(self.top, name) for name in names if os.path.basename(name) == POLICY)
        return [place for place in places if not os.path.lexists(place)]

    def submodules(self, since: str | None = None) -> Iterator[tuple[str, str]]:
        """Yield the submodules of the index below the given paths: the path of each below the top, and its commit; ``since`` as above."""
        for name, entries in self._index().items():
            mode, raw, _ = entries[0]
            sha = raw.decode("ascii")
            if mode == _SUBMODULE and self.holds(name) and not self._is_in(since, name, mode, sha):
                yield name, sha

    def absent(self) -> int:
        """Count what the index has below the given paths and was not checked out: files and links, and submodules, each as one."""
        files = sum(not os.path.lexists(os.path.join(self.top, name)) for name, _, _ in self._kept_out())
        return files + sum(not is_top(os.path.join(self.top, name)) for name, _ in self.submodules())

    def _kept_out(self) -> Iterator[tuple[str, bytes, str]]:
        """Yield what is kept out of the work tree, below the given paths: name, mode and object."""
        for line in self._git("ls-files", "-t", "--stage", "-z").split(b"\0"):
            head, _, raw = line.partition(b"\t")
            name = os.fsdecode(raw)
            if head.startswith(b"S ") and self.holds(name):
                _, mode, sha, _ = head.split()
                if mode in _FILES or mode == _LINK:
                    yield name, mode, sha.decode("ascii")

    def _is_in(self, commit: str | None, name: str, mode: bytes, sha: str) -> bool:
        """Say whether a commit, if one is given, has the same under this name."""
        if commit is None:
            return False
        if commit not in self._trees:
            self._trees[commit] = dict(self._tree(commit))
        then = self._trees[commit].get(name)
        return then is not None and then[1] == sha and (then[0] == mode or {then[0], mode} <= set(_FILES))

    def stored(self) -> list[Entry]:
        """Return every object that is stored, but for trees, whether or not anything leads to it. Raises ``Usage``."""
        try:
            return list(all_stored(self.top))
        except GitFailedError as failed:
            reason = str(failed)
        raise Usage(problem=f"git does not answer: {reason}", path=self.top)

    def unseen(self) -> tuple[int, int]:
        """Count what is stored that no work tree and no index of it shows: commits, whether or not anything leads to them, and other objects.

        The others are those that neither the index of this work tree nor any commit has; they are counted where there is no commit.
        """
        stored = self.stored()
        commits = sum(one.kind == "commit" for one in stored)
        staged = {sha.decode("ascii") for each in self._index().values() for _, sha, _ in each}
        return commits, 0 if commits else sum(one.name not in staged for one in stored)

    def _index(self) -> dict[str, list[tuple[bytes, bytes, bytes]]]:
        """Return what the index holds, read once: for each path its entries (one, but in a conflict): mode, object and stage."""
        if self._entries is None:
            self._entries = {}
            for line in self._git("ls-files", "--stage", "-z").split(b"\0"):
                head, _, raw = line.partition(b"\t")
                if raw:
                    mode, sha, stage = head.split()
                    self._entries.setdefault(os.fsdecode(raw), []).append((mode, sha, stage))
        return self._entries

    def is_shallow(self) -> bool:
        """Say whether the history was cut when it was fetched."""
        return self._git("rev-parse", "--is-shallow-repository").strip() != b"false"

    def refuse_shallow(self) -> None:
        """Raise ``StoreError`` if the history was not fetched whole: what is not there cannot be looked at."""
        if self.is_shallow():
            raise StoreError(
                problem="a shallow clone: older commits are not here, so they cannot be looked at",
                hint="fetch them (git fetch --unshallow; fetch-depth: 0 in GitHub's checkout, GIT_DEPTH: 0 in GitLab)",
                path=self.shown(""),
            )

    def history(self, is_record: Callable[[str], bool], *, whole: bool = False) -> Iterator[Version]:
        """Yield every version that the files had in any commit, each once, newest first: of all branches, tags, stashes and reflogs.

        ``whole``: of all files of the repository, not of those below the given paths alone.
        """
        commits = self._git("rev-list", "--all", "--reflog", "--")
        diffs = ("diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z", "--no-renames", "--no-abbrev")
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
            if (whole or self.holds(name)) and is_record(os.path.basename(name)):
                yield Version(self.shown(name), sha.decode("ascii"), commit)

    def staged_file(self, path: str) -> bytes | None:
        """Return what the index holds of one file, None if nothing. Raises ``StoreError`` for what is no file, or in conflict."""
        name = os.path.relpath(real(path), self.top)
        entries = self._index().get(name)
        if entries is None:
            return None
        mode, sha, stage = entries[0]
        if len(entries) > 1 or stage != b"0" or mode not in _FILES:
            raise StoreError(problem="no file in the index, or in conflict there", path=path)
        return self._git("cat-file", "blob", sha.decode("ascii"))

    def files(self, commit: str) -> dict[str, str]:
        """Return the regular files of a commit: the path of each below the work tree's top, and the object that holds it."""
        return {name: sha for name, (mode, sha) in self._tree(commit) if mode in _FILES}

    def _tree(self, commit: str) -> Iterator[tuple[str, tuple[bytes, str]]]:
        """Yield whatever a commit has: the path of each below the top, its mode and object."""
        for line in self._git("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            head, _, raw = line.partition(b"\t")
            if raw:
                mode, _, sha = head.split()
                yield os.fsdecode(raw), (mode, sha.decode("ascii"))

    def index(self) -> dict[str, str]:
        """Return the regular files of the index in the same way, but for those in conflict."""
        entries = ((name, entries[0]) for name, entries in self._index().items() if len(entries) == 1)
        return {name: sha.decode("ascii") for name, (mode, sha, stage) in entries if mode in _FILES and stage == b"0"}

    @property
    def given(self) -> tuple[str, ...]:
        """The paths that were given, below the work tree's top; ``.`` for that itself."""
        return tuple(self._below)

    def holds_policy(self, folder: str) -> bool:
        """Say whether the index has a policy in a folder, which is absolute."""
        return os.path.relpath(os.path.join(folder, POLICY), self.top) in self._index()

    def own_files(self) -> Iterator[str]:
        """Yield what git tracks of our own: locks and journals, temporary files; by their paths below the work tree's top."""
        listing = self._git("ls-files", "-z")
        for raw in listing.split(b"\0") if OWN_FOLDER.encode() in listing.lower() else ():
            steps = os.fsdecode(raw).lower().split("/")
            if any(step == OWN_FOLDER or step.startswith(TEMP_PREFIX) for step in steps):
                yield os.fsdecode(raw)

    def ever(self, commit: str) -> Iterator[str]:
        """Yield the object of every version that a file had in a commit or any before it, each once: of records, and of small files."""
        listing = self._git("rev-list", "--objects", commit, "--").split(b"\n")
        named = dict(line.split(b" ", 1) for line in listing if b" " in line)
        for line in self._git("cat-file", "--batch-check", feed=b"\n".join(named) + b"\n").splitlines():
            sha, kind, *size = line.split()
            if kind == b"missing":
                raise Missing(problem=f"git has no object {sha[:12].decode('ascii')}", hint="was the history fetched whole?")
            if kind == b"blob" and (int(size[0]) <= _SMALL or is_record_name(os.fsdecode(named[sha].rpartition(b"/")[2]))):
                yield sha.decode("ascii")

    @contextmanager
    def objects(self) -> Iterator[Callable[[str], bytes]]:
        """Give a function that returns the content of an object; it raises ``StoreError``, and of what there is not ``Missing``."""
        with Stored(self.top, LIMIT) as stored:

            def content(name: str) -> bytes:
                data = stored.file(os.fsencode(name))
                if data is None:
                    raise Missing(problem=f"git has no object {name[:12]}", hint="was it fetched?")
                return data

            yield content

    def _git(self, *arguments: str, feed: bytes = b"") -> bytes:
        try:
            return git(self.top, *arguments, feed=feed)
        except GitFailedError as failed:
            reason = str(failed)
        raise Usage(problem=f"git does not answer: {reason}", path=self.top)


def repositories(paths: Sequence[str]) -> Iterator[Repository]:
    """Yield the repository of each work tree that some of the paths are in, with those. Raises as ``Repository``."""
    tops: dict[str, list[str]] = {}
    for path in paths:
        top = top_of(path if is_folder(path) else os.path.dirname(path))
        if top is not None and is_there():
            tops.setdefault(top, []).append(path)
    return map(Repository, tops.values())
