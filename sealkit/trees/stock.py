"""All that a repository holds: each version of a file, what nothing leads to any more, messages, and the files that git keeps beside them.

History is walked for names alone. What is looked at is every object that git has stored, so that nothing is missed for want of a way to
it: versions in reflogs, in dropped stashes, in the indexes of other work trees, behind tags of files and folders.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.errors import OverLimit, SealkitError, StoreError
from sealkit.git.program import common_folder
from sealkit.git.stored import BLOB, Entry, Stored
from sealkit.trees import visitor
from sealkit.trees.folders import from_here
from sealkit.trees.store import LIMIT, Store
from sealkit.trees.versions import Missing
from sealkit.trees.walk import Passing, is_any, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealkit.trees.found import Found
    from sealkit.trees.versions import Repository, Version

STORED: Final = "stored"
"""Stands for a commit where something is in git's keeping, and no commit is known to have it under a name."""


class Held(NamedTuple):
    """Something that a repository holds: how it is called, what it says, the ``commit`` that brought it (or ``STORED``).

    ``is_file``: it is, or was, a file of the tree; else a message, or what git keeps for itself. ``problem``: why it cannot be looked at.
    Of a ``large`` one, which is not read, ``data`` is how it begins.
    """

    path: str
    data: bytes
    commit: str
    is_file: bool = True
    problem: SealkitError | None = None
    large: bool = False

    def __repr__(self) -> str:
        return f"<Held {self.path} {len(self.data)} bytes>"


def everything(repository: Repository) -> Iterator[Held]:
    """Yield all that a repository holds, in the order of its history; of what is too large to be read, what may hold a blob has a ``problem``.

    Raises ``Usage`` where git does not answer.
    """
    left = {one.name: one for one in repository.stored()}
    named: list[tuple[Version, Entry]] = []
    lacking: list[Version] = []
    for version in repository.history(is_any, whole=True):
        entry = left.get(version.object)
        if entry is None:
            lacking.append(version)
        else:
            named.append((version, entry))
    known = {entry.name for _, entry in named}
    nameless = [one for name, one in sorted(left.items()) if name not in known]
    yield from (_lacking(version) for version in lacking)
    with Stored(repository.top, LIMIT) as stored:
        yield from _contents(
            stored,
            [
                *((Held(version.path, b"", version.commit or STORED), entry) for version, entry in named),
                *((Held(entry.shown, b"", STORED, entry.kind == BLOB), entry) for entry in nameless),
            ],
        )


def _lacking(version: Version) -> Held:
    problem = Missing(problem=f"git has no object {version.object[:12]}", hint="was it fetched?")
    return Held(version.path, b"", version.commit or STORED, problem=problem)


def _contents(stored: Stored, wanted: list[tuple[Held, Entry]]) -> Iterator[Held]:
    small = [(held, entry.name) for held, entry in wanted if entry.size <= LIMIT]
    for (held, _), data in zip(small, stored.each(name for _, name in small), strict=True):
        yield held._replace(problem=data) if isinstance(data, StoreError) else held._replace(data=data)
    for held, entry in wanted:
        if entry.size > LIMIT:
            yield _beyond(held, stored.pieces(entry.name), entry.size)


def _beyond(held: Held, pieces: Iterator[bytes], size: int) -> Held:
    """Return what is too large to be read as it begins, or with a problem: a blob may stand in it, or it cannot be had."""
    try:
        beginning, may_hold = visitor.beyond(pieces)
    except SealkitError as error:
        return held._replace(problem=error)
    if may_hold:
        return held._replace(problem=OverLimit(problem=f"{size} bytes; at most {LIMIT} are read, and a blob may be in it"))
    return held._replace(data=beginning, large=True)


# --- the files in .git ---------------------------------------------------------------------------------------------------
def kept_beside(repository: Repository, known: Iterable[str]) -> Iterator[Held]:
    """Yield the files that git keeps beside its objects: settings, logs, messages that are being written, large files kept elsewhere (LFS).

    ``known``: folders of repositories that are looked at of themselves. Of one that no work tree leads to there is a ``problem``.
    """
    top = common_folder(repository.top)
    others = {os.path.realpath(one) for one in (top, *known)}
    stores: dict[str, bool] = {}
    with Store() as store:
        for found in walk([top], gitignore=False, hidden=True, cross_mounts=True, passing=Passing(is_any, _any_link)):
            held = Held(_shown(found.path), b"", STORED, is_file=False, problem=found.problem)
            if found.problem is not None:
                yield held
                continue
            inside = repository_of(found.path, stores)
            if inside is None:
                yield from _beside(held, store, found)
            elif os.path.realpath(inside) not in others:
                others.add(os.path.realpath(inside))
                yield held._replace(path=_shown(inside), problem=_not_looked_at())


def _any_link(path: str, leads_on: bool) -> None:
    """Say that nothing is wrong with any link: what it leads to is looked at where it stands, or is no part of the repository."""


def _not_looked_at() -> StoreError:
    return StoreError(
        problem="the repository of a submodule that is not checked out below the paths: what it has stored is not looked at",
        hint="check it out (git submodule update --init) and name its folder, too; or remove this one",
    )


def without_work_tree(stores: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Yield, as they are named from here, the repositories that no work tree leads to: bare ones, copies of a ``.git``.

    ``stores``: folders of repositories that lie among the files. ``known``: folders of those that are looked at of themselves.
    """
    others = set(map(os.path.realpath, known))
    yield from (_shown(one) for one in dict.fromkeys(map(os.path.realpath, stores)) if one not in others)


def repository_of(path: str, stores: dict[str, bool]) -> str | None:
    """Return the repository in whose ``objects`` a file is, None if it is in none; ``stores`` remembers which folders are one."""
    at = path.find("/objects/")
    while at >= 0:
        folder = path[:at]
        if folder not in stores:
            stores[folder] = all(os.path.lexists(os.path.join(folder, name)) for name in ("HEAD", "refs"))
        if stores[folder]:
            return folder
        at = path.find("/objects/", at + 1)
    return None


def _beside(held: Held, store: Store, found: Found) -> Iterator[Held]:
    path, root = found.path, found.root
    try:
        yield held._replace(data=store.read(path, root).data)
    except OverLimit:
        yield _beyond(held, store.pieces(path, root), os.lstat(path).st_size)
    except SealkitError as error:
        if os.path.lexists(path):  # git removes its locks, and writes its files anew
            yield held._replace(problem=error)


def _shown(path: str) -> str:
    return from_here(path)
