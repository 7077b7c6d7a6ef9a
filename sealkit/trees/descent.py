"""From a named folder to the bottom: what each folder on the way contributes, and which rules hold in it."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from sealkit.errors import OtherMount, StoreError
from sealkit.trees import ignore, worktree
from sealkit.trees.folders import LISTED, failure, real_path, refusal, release, wrong_kind
from sealkit.trees.found import IGNORED, LINKS, UNASKED, Found
from sealkit.trees.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from sealkit.git.changes import Changes
    from sealkit.trees.found import Filters
    from sealkit.trees.listing import Odd

    Rules = list[tuple[ignore.IgnoreFile, bytes]]  # nearest first, each with the way from it down to here

_ENCODING = sys.getfilesystemencoding()


class Folder:
    """A folder being walked: its open descriptor, how it is called, and what holds in it."""

    __slots__ = ("below", "changed", "excluded", "fd", "identity", "path", "rules", "seen", "tree", "tree_below")

    def __init__(self, fd: int, path: str) -> None:
        status = os.fstat(fd)
        self.fd = fd
        self.path = path  # with a slash at the end, or ""
        self.identity = (status.st_dev, status.st_ino)
        self.below = b""  # path below the named folder, with a slash at the end, or ""
        self.tree: worktree.WorkTree | None = None
        self.tree_below = b""  # the same below ``tree.folder``
        self.rules: Rules = []
        self.excluded = False  # an ignore rule matches the folder: only what git tracks counts
        self.changed: Changes | None = None
        self.seen: set[str] | None = None  # names yielded before, when other named paths lead here too

    def inner(self, fd: int, name: str) -> Folder:
        """Return the folder ``name`` (with a slash at the end) in this one."""
        inner = Folder(fd, self.path + name)
        raw = name.encode(_ENCODING, "surrogateescape")
        inner.below = self.below + raw
        inner.tree = self.tree
        inner.tree_below = self.tree_below + raw
        inner.rules = [(rules, way + raw) for rules, way in self.rules]
        inner.changed = self.changed
        return inner

    def begins_work_tree(self) -> None:
        """Forget what holds above: git's rules and revisions end where another work tree begins."""
        self.tree = worktree.WorkTree(self.path, self.path)
        self.tree_below = b""
        self.changed = None
        self.excluded = False
        self.rules = []

    def matches(self, name: bytes, *, is_folder: bool) -> bool:
        """Say whether an ignore rule matches a name in this folder."""
        if self.excluded:
            return True
        for rules, way in self.rules:
            verdict = rules.folder(name, way + name) if is_folder else rules.file(name, way + name)
            if verdict is not None:
                return verdict
        return False

    def is_tracked(self, name: bytes) -> bool:
        """Say whether git tracks a file of this name here, or any below a folder of this name."""
        return self.tree is not None and self.tree.tracks(self.tree_below + name)


class Descent:
    """The walk of one named folder.

    ``seen_in`` is asked for each folder by device and inode, and for that of the folder above, for the names that were yielded from it
    before; None: nothing else leads there.
    """

    __slots__ = ("device", "filters", "root", "seen_in")

    def __init__(self, root: str, filters: Filters, seen_in: Callable[[tuple[int, int], bool], set[str] | None]) -> None:
        self.root = root
        self.filters = filters
        self.seen_in = seen_in
        self.device = -1

    def run(self, *, remembered: bool) -> Iterator[Found]:
        """Yield what is found. The stack holds one suspended listing per level, each with its folder's descriptor."""
        root = self.root
        try:
            top = Folder(os.open(root or ".", LISTED), root if not root or root.endswith("/") else root + "/")
        except (OSError, ValueError) as error:
            problem = refusal("cannot open the folder", error, (root or ".", None), root)
            yield Found(root or ".", root, named=True, problem=problem)
            return
        self.device = top.identity[0]
        top.seen = self.seen_in(top.identity, remembered)
        stack = [self._visit(top, first=True)]
        try:
            while stack:
                for item in stack[-1]:
                    if isinstance(item, Found):
                        yield item
                    else:
                        stack.append(self._visit(item))
                        break
                else:
                    stack.pop()
        finally:
            while stack:
                stack.pop().close()

    def _visit(self, folder: Folder, *, first: bool = False) -> Generator[Found | Folder, None, None]:
        """Yield what is in a folder, the folders in it among them, and close its descriptor."""
        try:
            listing = Listing(folder.fd, folder.path, self.filters)
            self._learn(folder, listing, first=first)
            path, root, odd = folder.path, self.root, listing.odd
            for failed in listing.problems:
                yield Found(failed.path or path, root, problem=failed)
            filtered = self._is_filtered(folder)
            for name in listing.names:
                if name[-1] == "/":
                    inner = self._open(folder, name)
                    if inner is not None:
                        yield inner
                elif not filtered or self._takes(folder, name, odd.get(name)):
                    problem = None
                    if name in odd:
                        problem = self._problem_of(path + name, odd[name])
                        if problem is None:
                            continue
                    yield Found(path + name, root, False, problem)
            if folder.tree is not None and folder.tree.complaint is not None:
                complaint, folder.tree.complaint = folder.tree.complaint, None
                yield Found(complaint.path or path, root, problem=complaint)
        finally:
            release(folder.fd)

    def _problem_of(self, path: str, odd: Odd) -> StoreError | None:
        """Say what is wrong with what is no regular file; None where it is a link of which nobody expects a record."""
        if self.filters.on_link is None or not stat.S_ISLNK(odd.mode):
            return wrong_kind(odd.mode, path)
        problem = self.filters.on_link(path, odd.leads_on)
        if problem is None:
            self.filters.left.add(LINKS)
        return problem

    def _learn(self, folder: Folder, listing: Listing, *, first: bool) -> None:
        """Find out what holds in a folder: its own rules and, at the top of a walk or of a work tree, those from elsewhere."""
        try:
            if first:
                self._learn_from_above(folder)
            elif listing.has_git and worktree.is_top(folder.path):
                folder.begins_work_tree()
                if self.filters.on_top is not None:
                    self.filters.on_top(folder.path)
                self._learn_excludes(folder, b"")
            if listing.has_ignore_file and self.filters.gitignore:
                rules = ignore.read(".gitignore", folder.fd, folder.path + ".gitignore")
                if rules:
                    folder.rules = [(rules, b""), *folder.rules]
        except StoreError as error:
            listing.problems.append(error)
        except OSError as error:
            listing.problems.append(failure("its git rules cannot be found", error, folder.path or "."))

    def _learn_from_above(self, folder: Folder) -> None:
        filters = self.filters
        if filters.since is not None:
            folder.changed = worktree.changed_since(filters.since, folder.path)
        folder.tree = worktree.enclosing(folder.path) if filters.gitignore else None
        if folder.tree is None:
            return
        here, way = real_path(folder.path), b""
        while here != folder.tree.top:
            here, step = os.path.split(here)
            way = os.fsencode(step) + b"/" + way
            path = os.path.join(here, ".gitignore")
            rules = ignore.read(path, None, path)
            if rules:
                folder.rules.append((rules, way))
        self._learn_excludes(folder, way)

    def _learn_excludes(self, folder: Folder, way: bytes) -> None:
        if folder.tree is None or not self.filters.gitignore:
            return
        path = folder.tree.own_excludes()
        rules = ignore.read(path, None, path)
        if rules:
            folder.rules.append((rules, way))

    def _is_filtered(self, folder: Folder) -> bool:
        """Say whether more than its name decides on a file in this folder."""
        filters = self.filters
        by_path = filters.include is not None or filters.exclude is not None or folder.changed is not None
        return by_path or folder.excluded or bool(folder.rules) or folder.seen is not None

    def _takes(self, folder: Folder, name: str, odd: Odd | None) -> bool:
        raw = name.encode(_ENCODING, "surrogateescape")
        below = folder.below + raw
        include, exclude = self.filters.include, self.filters.exclude
        may_lead_on = odd is not None and odd.leads_on
        left = self.filters.left
        if include is not None and not (include.covers(below) or (may_lead_on and include.reaches(below))):
            left.add(UNASKED)
            return False
        if exclude is not None and exclude.covers(below):
            left.add(UNASKED)
            return False
        if folder.changed is not None and below not in folder.changed:
            return False
        if folder.matches(raw, is_folder=False) and not folder.is_tracked(raw):
            left.add(IGNORED)
            return False
        if folder.seen is not None:
            if name in folder.seen:
                return False
            folder.seen.add(name)
        return True

    def _open(self, folder: Folder, name: str) -> Folder | Found | None:
        """Open a folder in another (its name has a slash at the end); None when it is passed over."""
        raw = name[:-1].encode(_ENCODING, "surrogateescape")
        below = folder.below + raw
        include, exclude = self.filters.include, self.filters.exclude
        left = self.filters.left
        if (exclude is not None and exclude.covers(below)) or (include is not None and not include.reaches(below)):
            left.add(UNASKED)
            return None
        excluded = folder.matches(raw, is_folder=True)
        if excluded and not folder.is_tracked(raw):
            left.add(IGNORED)
            return None
        path = folder.path + name[:-1]
        try:
            inner = folder.inner(os.open(name[:-1], LISTED, dir_fd=folder.fd), name)
        except (OSError, ValueError) as error:
            problem = refusal("cannot open the folder", error, (name[:-1], folder.fd), path)
            return Found(path, self.root, problem=problem)
        if inner.identity[0] != self.device and not self.filters.cross_mounts:
            release(inner.fd)
            problem = OtherMount(problem="a folder on another file system than the one that was named", path=path)
            return Found(path, self.root, problem=problem)
        inner.excluded = excluded
        inner.seen = self.seen_in(inner.identity, folder.seen is not None)
        return inner
