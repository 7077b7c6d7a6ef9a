"""Which files are records, among the files and folders somebody names.

What is walked, and in which order
- A file that is named is taken, whatever its name and whatever the globs and ignore files say. A folder that is named is walked to
  the bottom. A link that is named is a problem.
- Below a folder, every regular file is taken whose path below that folder an ``include`` glob covers (no globs: all) and no
  ``exclude`` glob does: whether it is a record, its bytes say. For the globs see ``sealkit.globs``. A policy is none.
- Names that begin with a dot are passed over unless ``hidden``; ``.git``, ``.sealkit`` and sealkit's own temporary files always.
- What git ignores is passed over unless ``gitignore`` is off: rules of ``.gitignore`` files from the work tree's top downwards (or,
  outside a work tree, from the named folder downwards) and of ``.git/info/exclude``. A file that git tracks is no ignored file, as in
  git; if something is ignored and git cannot be asked, that is a problem. A person's own ``core.excludesFile`` does not count: the
  same tree gives the same records on every machine.
- Work trees inside a work tree have their own rules, and ``since`` does not reach into them: all their records are taken.
- Links are never followed, other file systems never entered (unless ``cross_mounts``). ``passing.on_link`` says whether a link that is
  met is a problem; without it, each is.
- Paths come in the order in which they were named and, below a folder, in the bytewise order of their whole text, which is that of
  ``git ls-files``.

Nothing is left out in silence: what may be or hold a record and cannot be looked at is yielded with a ``problem``; what is passed over
is counted in ``passing.left``. Memory holds one listing per level of the tree; only a folder named inside another named folder is remembered whole.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from sealkit.globs import Globs
from sealkit.records.kinds import POLICY
from sealkit.trees import worktree
from sealkit.trees.descent import Descent
from sealkit.trees.folders import failure, real_path, wrong_kind
from sealkit.trees.found import OWN_FOLDER, TEMP_PREFIX, Filters, Found, Left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.errors import StoreError

__all__ = ["Found", "Left", "Passing", "leftovers", "own_folders", "walk"]


def is_no_policy(name: str) -> bool:
    """Say whether a file of this name, without its folder, may be a record: any but a policy."""
    return name != POLICY


def is_any(name: str) -> bool:
    """Say of every file, whatever its name, that it may be looked at: policies, too."""
    return True


class Passing(NamedTuple):
    """What a walk passes by: files that, by their names alone, are no ``is_record``; links of which ``on_link`` says that nothing is wrong.

    Unless that is given, each link is a problem. ``left`` counts what was left, and ``on_top`` is told of each work tree inside.
    """

    is_record: Callable[[str], bool] = is_no_policy
    on_link: Callable[[str, bool], StoreError | None] | None = None
    left: Left | None = None
    on_top: Callable[[str], None] | None = None


NOTHING_PASSED = Passing()


def walk(
    paths: Sequence[str | bytes | os.PathLike[str] | os.PathLike[bytes]],
    *,
    include: Sequence[str | bytes] = (),
    exclude: Sequence[str | bytes] = (),
    since: str | None = None,
    gitignore: bool = True,
    hidden: bool = False,
    cross_mounts: bool = False,
    passing: Passing = NOTHING_PASSED,
) -> Iterator[Found]:
    """Yield the files among ``paths`` that may be records, each once; the module's text says which those are.

    ``passing.is_record`` is asked about a file's name (without its folder). ``since`` is a git revision: only records that differ from it.
    ``-`` has no meaning here. Raises ``Usage`` for a glob that matches nothing and, once the walk gets there, for a ``since`` that git
    cannot answer.
    """
    filters = Filters(passing.is_record)
    filters.include = Globs(include) if include else None
    filters.exclude = Globs(exclude) if exclude else None
    filters.since = since
    filters.gitignore = gitignore
    filters.hidden = hidden
    filters.cross_mounts = cross_mounts
    filters.on_link = passing.on_link
    filters.on_top = passing.on_top
    if passing.left is not None:
        filters.left = passing.left
    return _Walk([os.fsdecode(path) for path in paths], filters).run()


def leftovers(root: str) -> Iterator[Found]:
    """Yield the temporary files of sealkit below a folder, wherever they are, and the problems met on the way."""
    filters = Filters(lambda name: name.startswith(TEMP_PREFIX))
    filters.hidden = filters.temps = True
    return _Walk([root or "."], filters).run()


def own_folders(root: str) -> Iterator[str]:
    """Yield each folder below one, or it itself, in which sealkit's own folder has files: roots of trees, now or once."""
    filters = Filters(lambda name: True)
    filters.hidden = filters.temps = filters.cross_mounts = True
    last = None
    for found in _Walk([root or "."], filters).run():
        folder, own = os.path.split(os.path.dirname(found.path))
        if own == OWN_FOLDER and folder != last:
            last = folder
            yield folder or "."


class _Walk:
    """One walk: what was named, the filters, and what was yielded where two named paths lead to the same folder."""

    __slots__ = ("filters", "folders", "given", "seen")

    def __init__(self, given: list[str], filters: Filters) -> None:
        self.given = given
        self.filters = filters
        self.folders: dict[tuple[int, int], str] = {}  # named folders by device and inode, with their real paths
        self.seen: dict[tuple[int, int], set[str]] = {}

    def run(self) -> Iterator[Found]:
        """Yield what each named path contributes, in the order given."""
        if len(self.given) > 1:
            self._note_folders()
        done: set[tuple[int, int]] = set()
        for path in self.given:
            bare = path.rstrip("/") or path[:1]
            try:
                status = os.lstat(bare)
            except (OSError, ValueError) as error:
                yield Found(path, os.path.dirname(bare), named=True, problem=failure("cannot be found", error, path))
                continue
            if not stat.S_ISDIR(status.st_mode):
                yield from self._file(bare, status)
            elif (status.st_dev, status.st_ino) not in done:
                done.add((status.st_dev, status.st_ino))
                root = "" if bare == "." else bare
                yield from Descent(root, self.filters, self._seen_in).run(remembered=self._is_inside_another(root))

    def _note_folders(self) -> None:
        """Note which folders several named paths may lead to: those that are named, and those of named files."""
        above = ""
        for path in self.given:
            bare = path.rstrip("/") or path[:1]
            try:
                status = os.lstat(bare)
                if stat.S_ISDIR(status.st_mode):
                    self.folders[status.st_dev, status.st_ino] = os.path.realpath(path)
                elif not self.seen or os.path.dirname(bare) != above:
                    above = os.path.dirname(bare)
                    status = os.stat(above or ".")
                    self.seen.setdefault((status.st_dev, status.st_ino), set())
            except (OSError, ValueError):
                continue

    def _is_inside_another(self, root: str) -> bool:
        if len(self.folders) < 2:
            return False
        others = set(self.folders.values())
        path = real_path(root)
        while path != "/":
            path = os.path.dirname(path)
            if path in others:
                return True
        return False

    def _seen_in(self, identity: tuple[int, int], remembered: bool) -> set[str] | None:
        """Names yielded from this folder before; ``remembered``: another named folder leads to the one above."""
        if remembered or (len(self.folders) > 1 and identity in self.folders):
            return self.seen.setdefault(identity, set())
        return self.seen.get(identity)

    def _file(self, path: str, status: os.stat_result) -> Iterator[Found]:
        root, name = os.path.split(path)
        try:
            folder = os.stat(root or ".")
        except OSError as error:
            yield Found(path, root, named=True, problem=failure("cannot be found", error, path))
            return
        seen = self.seen.setdefault((folder.st_dev, folder.st_ino), set())
        if name in seen or not self._has_changed(root, name):
            return
        seen.add(name)
        problem = None if stat.S_ISREG(status.st_mode) else wrong_kind(status.st_mode, path)
        yield Found(path, root, named=True, problem=problem)

    def _has_changed(self, root: str, name: str) -> bool:
        since = self.filters.since
        return since is None or os.fsencode(name) in worktree.changed_since(since, root)
