"""``sealkit keys census, retire, remove``: a key goes only when nothing is under it any more."""

from __future__ import annotations

import os
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from sealkit.cli import options, run, show
from sealkit.cli.keys_ring import ring_that_is_there
from sealkit.cli.options import Where
from sealkit.demands import Asked
from sealkit.errors import ConfigError, JournalError, NothingMatched, NoUsableKey, Usage
from sealkit.report import json_line
from sealkit.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.keys.ring import KeyRing
    from sealkit.trees.census import Place, Tally, Trouble
    from sealkit.trees.versions import Repository

F = TypeVar("F", bound="Callable[..., Any]")

_FINDING = 1
_PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=options.files)
_SOME_PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=options.files)
_GIT = click.option("--git", "history", is_flag=True, help="Every version in git, too: all branches, tags and stashes.")


class _Unseen(NamedTuple):
    """What is not looked at before a key goes: what older commits hold, or anything at all."""

    forget: bool
    unused: bool


def _unseen(function: F) -> F:
    """Add what may go unseen."""
    return options.group(
        _Unseen,
        "unseen",
        {
            "forget": click.option(
                "--forget-history",
                "forget",
                is_flag=True,
                help="Without --git: what older commits hold under the key may be lost for good.",
            ),
            "unused": click.option("--unused", is_flag=True, help="Look at no record: you know that nothing is under the key."),
        },
    )(function)


class _Looks(NamedTuple):
    """How records are looked at: which fields, whether only what is authentic may be opened, and whether git's history counts."""

    fields: tuple[str, ...]
    require_authentic: bool
    history: bool


@click.command()
@options.ring_file
@options.fields
@options.require_authentic
@_GIT
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each key, the summary last.")
@_PATHS
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
    in them every field that holds a blob. With --git, every version in every branch, tag and stash.

    \b
    Example:
      sealkit keys census posts/
      sealkit keys census --git --json .
    """
    ring = options.load_ring(file if file is not None else ring_file)
    tally, looks = _tally(), _Looks(fields, require_authentic, history)
    for one in _places(ring, paths, looks):
        tally.add(one)
    _refuse_nothing(tally, history=history)
    for name in dict.fromkeys([*(key.id for key in ring), *tally.names()]):
        _show_count(ring, tally, name, history=history, as_json=as_json)
    status = _troubles(tally, as_json=as_json)
    if as_json:
        unread = len(tally.troubles) + tally.old_troubles
        summary = {"fields": sum(tally.fields.values()), "versions": sum(tally.versions.values()), "unread": unread}
        show.json_lines(json_line({"summary": summary}))
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


@click.command()
@options.ring_file
@options.fields
@options.require_authentic
@_GIT
@click.argument("key_id", metavar="ID")
@_PATHS
@click.pass_obj
def retire(
    ring_file: str | None,
    file: str | None,
    fields: tuple[str, ...],
    require_authentic: bool,
    history: bool,
    key_id: str,
    paths: tuple[str, ...],
) -> int:
    """Disable a key, if no record below PATH is under it any more; else say where the records are (exit 1), and change nothing.

    The trees are held meanwhile, so that nobody seals under it. With --git, every version that git holds counts too: what is under the key
    there opens no more after this.

    \b
    Example:
      sealkit rotate --to k2 posts/
      sealkit keys retire k1 posts/
    """
    from sealkit.keys import ringstore

    with ExitStack() as stack:
        path = _unneeded(stack, file if file is not None else ring_file, key_id, paths, _Looks(fields, require_authentic, history))
        if path is None:
            return _FINDING
        ringstore.set_attribute(path, key_id, "state", "disabled")
    show.out(f"{key_id}  disabled  in {path}")
    if not history:
        show.note("what git holds was not looked at: see sealkit keys census --git")
    return 0


@click.command()
@options.ring_file
@options.fields
@options.require_authentic
@_GIT
@_unseen
@click.argument("key_id", metavar="ID")
@_SOME_PATHS
@click.pass_obj
def remove(
    ring_file: str | None,
    file: str | None,
    fields: tuple[str, ...],
    require_authentic: bool,
    history: bool,
    unseen: _Unseen,
    key_id: str,
    paths: tuple[str, ...],
) -> int:
    """Cut a key out of the ring. Refused for the primary, for a key that others are wrapped under, and while records are under it.

    Name the PATHs where records may be under it, or say --unused. In git, older commits may hold records under it, too: look at them with
    --git, or say --forget-history. Bytes that stand in the ring itself are gone then:
    sealkit keys export --secret keeps them.

    \b
    Example:
      sealkit keys remove k1 --git posts/
      sealkit keys remove k0 --unused
    """
    from sealkit.keys import ringstore

    if bool(paths) == unseen.unused:
        raise Usage(
            problem="nothing was looked at: no record, in no tree",
            hint="name the PATHs where records may be under the key, or say --unused: nothing opens them once it is gone",
        )
    if history and unseen.forget:
        raise Usage(problem="--git looks at the history that --forget-history gives up", hint="give one of them")
    if paths and not history and not unseen.forget:
        _refuse_unseen_history(paths)
    named = file if file is not None else ring_file
    with ExitStack() as stack:
        path = (
            ring_that_is_there(named, None)
            if unseen.unused
            else _unneeded(stack, named, key_id, paths, _Looks(fields, require_authentic, history))
        )
        if path is None:
            return _FINDING
        ringstore.remove(path, key_id)
    show.out(f"{key_id}  removed  from {path}")
    return 0


def _refuse_unseen_history(paths: Sequence[str]) -> None:
    """Refuse to take a key away for good while commits that nobody looked at may hold what is under it."""
    repository = _repository(paths)
    count = repository.commits() if repository is not None else 0
    if count:
        raise Usage(
            problem=f"{plural(count, 'commit')} of this repository {'was' if count == 1 else 'were'} not looked at: they may hold records under the key",
            hint="look at them, too: --git; or give up what they hold under it: --forget-history",
        )


def _repository(paths: Sequence[str]) -> Repository | None:
    """Return the repository that the paths are in; None if they are in none."""
    from sealkit.trees.roots import is_folder
    from sealkit.trees.versions import Repository
    from sealkit.trees.worktree import enclosing

    first = paths[0]
    if enclosing(first if is_folder(first) else os.path.dirname(first)) is None:
        return None
    return Repository(paths)


def _unneeded(stack: ExitStack, file: str | None, key_id: str, paths: Sequence[str], looks: _Looks) -> str | None:
    """Hold the trees, look for blobs under a key in them, and list those; return the path of the ring if there are none."""
    from sealkit.trees.census import Place
    from sealkit.trees.roots import held

    ring = options.load_ring(file)
    key = ring.get(key_id)
    if ring.path is None:
        raise NoUsableKey(problem="the key is no ring's: there is nothing to change", hint="unset the variable")
    if ring.can_seal and key is ring.primary:
        hint = "make another key the primary first: sealkit keys set-primary ID; then rotate"
        raise ConfigError(problem=f"key {key_id} is the primary: it seals", hint=hint, path=ring.path)
    if not key.kid:
        raise NoUsableKey(
            problem=f"the bytes of key {key_id} cannot be had, so it cannot be told what is under it", hint="mend its source"
        )
    stack.enter_context(held(paths))
    _refuse_unfinished(paths, ring)
    tally, places = _tally(), []
    for one in _places(ring, paths, looks):
        tally.add(one)
        if isinstance(one, Place) and key_id in one.keys:
            places.append(one)
            show.out(one.shown)
    _refuse_nothing(tally, history=looks.history)
    if _troubles(tally):
        show.hint("what cannot be looked at may be under the key: nothing was changed")
        return None
    if places:
        show.note(f"key {key_id} is needed, for the {plural(len(places), 'field')} listed; nothing was changed")
        for hint in _ways_out(places):
            show.hint(hint)
        return None
    for path in paths:
        _sync(path)
    return ring.path


def _ways_out(places: Sequence[Place]) -> Iterator[str]:
    """Yield what to do about blobs under a key that is to go."""
    from sealkit.trees.census import INDEX, TEXT

    if any(one.commit is None and one.field == TEXT for one in places):
        yield f"what is {TEXT} is not rotated: make the file a record (docs/format.md), or take the blob out"
    if any(one.commit is None and one.named for one in places):
        yield "rotate them first: sealkit rotate --to ID PATH; files that it passes over by their names (the census does not): with --hidden --no-gitignore"
    others = sorted({one.field for one in places if one.commit is None and not one.named and one.field != TEXT})
    if others:
        yield f"fields that neither --field nor a policy names: sealkit rotate --to ID {' '.join(f'--field {one}' for one in others[:3])} PATH"
    if any(one.commit == INDEX for one in places):
        yield "git's index has what the files were before: git add -u"


def _refuse_unfinished(paths: Sequence[str], ring: KeyRing) -> None:
    """Refuse to take a key away from a rotation that is not finished."""
    from sealkit.cli.rotated import warn_of_journals
    from sealkit.trees.journals import look
    from sealkit.trees.roots import root_of

    for root in {root for path in paths if (root := root_of(path)) is not None}:
        warn_of_journals(root, ring.keys)
        unfinished = look(root, ring.keys).unfinished
        if unfinished is not None:
            raise JournalError(
                problem=f"a rotation of this tree, to {unfinished.header.to}, is not finished",
                hint="run the same command again to finish it, or take it back with: sealkit rotate --rollback {TREE}",
                path=unfinished.path,
            )


def _sync(path: str) -> None:
    """Have the records on the disk before the key goes."""
    from sealkit.trees.kernel import syncfs

    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            syncfs(opened)
        finally:
            os.close(opened)
    except OSError:
        os.sync()


def _tally() -> Tally:
    from sealkit.trees.census import Tally

    return Tally()


def _places(ring: KeyRing, paths: Sequence[str], looks: _Looks) -> Iterator[Place | Trouble]:
    """Yield every blob below some paths, whatever is in its way: hidden, ignored by git, on another file system."""
    from sealkit.trees import orders
    from sealkit.trees.census import Census
    from sealkit.trees.tasks import demanded_by
    from sealkit.trees.walk import leftovers

    where = Where(tuple(paths), None, (), (), None, gitignore=False, hidden=True, cross_mounts=True)
    if "-" in paths or any(not path for path in paths):
        raise NothingMatched(problem="records on stdin are not counted", hint="name files and folders")
    task = run.task(orders.INSPECT, where, Asked(looks.fields or None))
    looking = Census(ring, demanded_by(task), task.around.below, requires=looks.require_authentic)
    repository, inner = _repository(paths), list[str]()
    temporary = (found for path in paths if os.path.isdir(path) for found in leftovers(path) if found.problem is None)
    yield from looking.of_tree(chain(run.walk(where, on_top=inner.append), temporary), repository, inner)
    if looks.history:
        from sealkit.trees.versions import Repository

        outer = repository if repository is not None or inner else Repository(paths)
        for one in [*([outer] if outer is not None else []), *(Repository([top]) for top in inner)]:
            if one.is_shallow():
                show.warning(f"{one.shown('.')} is a shallow clone: its history is cut, and older commits were not looked at")
            yield from looking.of_history(one)


def _refuse_nothing(tally: Tally, *, history: bool) -> None:
    """A census that found no blob at all was of the wrong folder, or the wrong field."""
    if not tally.names() and not tally.troubles:
        where = "among what was given, nor in its history" if history else "among what was given"
        raise NothingMatched(
            problem=f"no record holds a blob {where}", hint="name another path, or another field with --field PATH"
        )


def _troubles(tally: Tally, *, as_json: bool = False) -> int:
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
