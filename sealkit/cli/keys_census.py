"""``sealkit keys census``: blobs counted by the key they are under; and how they are looked for before a key goes."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Where
from sealkit.demands import Asked
from sealkit.errors import NothingMatched, StoreError, Usage
from sealkit.installing import how_to_install
from sealkit.report import json_line
from sealkit.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.keys.ring import KeyRing
    from sealkit.trees.census import Cell, Census, Tally, Told, Trouble, Unopened
    from sealkit.trees.found import Found
    from sealkit.trees.versions import Repository

PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=options.files)
GIT = click.option("--git", "history", is_flag=True, help="All that git has stored, too, whether or not anything leads to it.")
NO_WORK_TREE = "what a repository without a work tree has stored"
_MOST_NAMES = 3


class Looks(NamedTuple):
    """How records are looked at: which fields, whether only what is authentic may be opened, and whether git's store counts."""

    fields: tuple[str, ...]
    require_authentic: bool
    history: bool


class Inside(NamedTuple):
    """Repositories that are met below the paths: the tops of work trees, and folders of what git stores, outside of any ``.git``."""

    tops: list[str]
    stores: list[str]


@click.command()
@options.ring_file
@options.fields
@options.require_authentic
@GIT
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each key, the summary last.")
@PATHS
@click.pass_obj
def census(
    ring_file: str | None,
    file: str | None,
    fields: tuple[str, ...],
    require_authentic: bool,
    history: bool,
    as_json: bool,
    paths: tuple[str, ...],
) -> int:
    """Count records by the key they are under: tagged blobs by their kid, the others by opening them. Disabled keys count too.

    Every file below PATH is looked at, whatever its name, what git ignores and what is hidden too, and what git's index holds besides;
    in them every field that holds a blob, and every column of Parquet and Arrow tables. With --git, all that git has stored.

    \b
    Example:
      sealkit keys census posts/
      sealkit keys census --git --json .
    """
    ring = options.load_ring(file if file is not None else ring_file)
    tally, looks = new_tally(), Looks(fields, require_authentic, history)
    for one in places(ring, paths, looks, Inside([], [])):
        tally.add(one)
    refuse_nothing(tally, history=history)
    for name in dict.fromkeys([*(key.id for key in ring), *tally.names()]):
        _show_count(ring, tally, name, history=history, as_json=as_json)
    status = troubles(tally, as_json=as_json)
    if as_json:
        unread = len(tally.troubles) + tally.old_troubles
        summary = {"fields": sum(tally.fields.values()), "versions": sum(tally.versions.values()), "unread": unread}
        unopened = [{"path": one.path, "packed": one.packed, "reason": one.reason} for one in tally.unopened]
        show.json_lines(json_line({"summary": summary | ({"unopened": unopened} if unopened else {})}))
    tell_unopened(tally.unopened)
    return status


def _show_count(ring: KeyRing, tally: Tally, name: str, *, history: bool, as_json: bool) -> None:
    is_key = name in ring
    fields, files, staged, versions = (counts.get(name, 0) for counts in (tally.fields, tally.files, tally.staged, tally.versions))
    if as_json:
        known: dict[str, object] = {"key": name} if is_key else {"kid": name[4:]} if name.startswith("kid ") else {"key": None}
        if is_key:
            known |= {"kid": ring.get(name).kid, "state": ring.get(name).state}
        known |= {"fields": fields, "files": files} | ({"staged": staged} if staged else {})
        show.json_lines(json_line(known | ({"versions": versions} if history else {})))
        return
    more = f"; {plural(staged, 'field')} in git's index alone" if staged else ""
    more += f"; {plural(versions, 'version')} in git" if history else ""
    what = f"{name}  {ring.get(name).state}" if is_key else name
    show.out(f"{what}  {plural(fields, 'field')} in {plural(files, 'file')}{more}")


def new_tally() -> Tally:
    """Return what counts blobs, with nothing counted."""
    from sealkit.trees.census import Tally

    return Tally()


def places(ring: KeyRing, paths: Sequence[str], looks: Looks, inner: Inside) -> Iterator[Told]:
    """Yield every blob below some paths, whatever is in its way: hidden, ignored by git, on another file system.

    The repositories that are met inside are added to ``inner``.
    """
    from sealkit.trees import orders
    from sealkit.trees.census import Census
    from sealkit.trees.tasks import demanded_by
    from sealkit.trees.versions import Repository
    from sealkit.trees.walk import is_any, leftovers

    where = Where(tuple(paths), None, (), (), None, gitignore=False, hidden=True, cross_mounts=True)
    if "-" in paths or any(not path for path in paths):
        raise NothingMatched(problem="records on stdin are not counted", hint="name files and folders")
    task = run.task(orders.INSPECT, where, Asked(looks.fields or None))
    looking = Census(ring, demanded_by(task), task.around.below, requires=looks.require_authentic, cells=_reader_of_tables())
    outer = repositories_of(paths)
    temporary = (found for path in paths if os.path.isdir(path) for found in leftovers(path) if found.problem is None)
    found = run.walk(where, is_record=is_any, on_top=inner.tops.append)
    yield from looking.of_tree(_watched(chain(found, temporary), inner.stores), outer, inner.tops)
    if looks.history:
        several = [*outer, *(Repository([top]) for top in inner.tops)]
        yield from (_not_looked_at(path) for path in without_work_tree(inner, several))
        if not several and not inner.stores:
            raise Usage(problem="not in a git work tree", hint="name a folder of one", path=paths[0])
        yield from _in_git(looking, several)


def _watched(found: Iterable[Found], stores: list[str]) -> Iterator[Found]:
    """Pass files on, and note the folders of repositories that they are stored in."""
    from sealkit.trees.stock import repository_of

    known: dict[str, bool] = {}
    for one in found:
        if "objects/" in one.path:
            store = repository_of(os.path.abspath(one.path), known)
            if store is not None and store not in stores:
                stores.append(store)
        yield one


def without_work_tree(inner: Inside, several: Sequence[Repository]) -> Iterator[str]:
    """Yield the folders of repositories inside that neither one of ``several`` has, nor one with a work tree inside."""
    from sealkit.git.program import common_folder
    from sealkit.trees import stock

    yield from stock.without_work_tree(inner.stores, map(common_folder, [*(one.top for one in several), *inner.tops]))


def _not_looked_at(path: str) -> Trouble:
    from sealkit.report import failure
    from sealkit.trees.census import Trouble
    from sealkit.trees.stock import STORED

    hint = "clone it and look at the clone, too; then put it elsewhere, or remove it"
    return Trouble(failure(path, StoreError(problem=f"{NO_WORK_TREE} is not looked at", hint=hint)), STORED)


def _in_git(looking: Census, several: list[Repository]) -> Iterator[Told]:
    """Yield every blob in what some repositories have stored; work trees of the same one are looked at once."""
    from sealkit.git.program import common_folder

    folders = {os.path.realpath(common_folder(one.top)): one for one in reversed(several)}
    for one in dict.fromkeys(folders.values()):
        if one.is_shallow():
            show.warning(f"{one.shown('.')} is a shallow clone: its history is cut, and older commits were not looked at")
        yield from looking.of_repository(one, folders)


def _reader_of_tables() -> Callable[[bytes], Iterator[Cell]] | None:
    """Return what yields the blobs in a table; None where the extra is not installed that reads tables."""
    try:
        from sealkit.columns.searched import cells
    except ImportError:
        return None
    return cells


def repositories_of(paths: Sequence[str]) -> list[Repository]:
    """Return the repository of each work tree that some of the paths are in, with those. Raises ``Usage`` where git does not answer."""
    from sealkit.trees.roots import is_folder
    from sealkit.trees.versions import Repository
    from sealkit.trees.worktree import enclosing

    tops: dict[str, list[str]] = {}
    for path in paths:
        tree = enclosing(path if is_folder(path) else os.path.dirname(path))
        if tree is not None:
            tops.setdefault(tree.top, []).append(path)
    return [Repository(some) for some in tops.values()]


def refuse_nothing(tally: Tally, *, history: bool) -> None:
    """Refuse a census that found no blob at all: it was of the wrong folder, or the wrong field."""
    if not tally.names() and not tally.troubles:
        where = "among what was given, nor in its history" if history else "among what was given"
        raise NothingMatched(
            problem=f"no record holds a blob {where}", hint="name another path, or another field with --field PATH"
        )


def troubles(tally: Tally, *, as_json: bool = False) -> int:
    """Show what could not be looked at, and return the exit status that this means."""
    for one in tally.troubles:
        if as_json:
            show.json_lines(one.outcome.json_line())
        else:
            show.finding(one.outcome)
    if tally.old_troubles:
        few = tally.old_troubles == 1
        does = "does not read as a record, and was" if few else "do not read as records, and were"
        show.warning(f"{plural(tally.old_troubles, 'version')} of files in git {does} not counted")
    return max((one.outcome.exit_status for one in tally.troubles), default=0)


def tell_unopened(unopened: Sequence[Unopened]) -> None:
    """Say which packed files were not looked into: how many, and the first names."""
    tables = [one for one in unopened if one.is_table]
    others = [one for one in unopened if not one.is_table]
    if tables:
        show.warning(f"{plural(len(tables), 'table')} not looked into: {_names(tables)}")
        if _reader_of_tables() is None:
            show.hint(f"with what reads tables they are: {how_to_install('columns')}")
    if others:
        show.note(f"{plural(len(others), 'packed file')} not looked into: {_names(others)}")


def _names(unopened: Sequence[Unopened]) -> str:
    paths = list(dict.fromkeys(one.path for one in unopened))
    more = f" and {len(paths) - _MOST_NAMES} more (--json names them)" if len(paths) > _MOST_NAMES else ""
    return ", ".join(paths[:_MOST_NAMES]) + more
