"""``sealkit keys retire, remove``: a key goes only when nothing is under it any more."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from sealkit.cli import options, show
from sealkit.cli.keys_census import (
    GIT,
    NO_WORK_TREE,
    PATHS,
    Inside,
    Looks,
    new_tally,
    places,
    refuse_nothing,
    repositories_of,
    tell_unopened,
    troubles,
    without_work_tree,
)
from sealkit.cli.keys_ring import ring_that_is_there
from sealkit.errors import ConfigError, JournalError, NoUsableKey, Usage
from sealkit.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.keys.ring import KeyRing
    from sealkit.trees.census import Place
    from sealkit.trees.versions import Repository

F = TypeVar("F", bound="Callable[..., Any]")

_FINDING = 1
_SOME_PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=options.files)
_FORGET_TABLES = click.option(
    "--forget-tables",
    is_flag=True,
    help="What tables (Parquet, Arrow) that cannot be looked into hold under the key may be lost.",
)


class _Unseen(NamedTuple):
    """What is not looked at before a key goes: what older commits hold, or anything at all."""

    forget: bool
    forget_tables: bool
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
            "forget_tables": _FORGET_TABLES,
            "unused": click.option("--unused", is_flag=True, help="Look at no record: you know that nothing is under the key."),
        },
    )(function)


@click.command()
@options.ring_file
@options.fields
@options.require_authentic
@GIT
@_FORGET_TABLES
@click.argument("key_id", metavar="ID")
@PATHS
@click.pass_obj
def retire(
    ring_file: str | None,
    file: str | None,
    fields: tuple[str, ...],
    require_authentic: bool,
    history: bool,
    forget_tables: bool,
    key_id: str,
    paths: tuple[str, ...],
) -> int:
    """Disable a key, if no record below PATH is under it any more; else say where the records are (exit 1), and change nothing.

    The trees are held meanwhile, so that nobody seals under it. With --git, all that git has stored counts too: what is under the key
    there opens no more after this.

    \b
    Example:
      sealkit rotate --to k2 posts/
      sealkit keys retire k1 posts/
    """
    from sealkit.keys import ringstore

    looks = Looks(fields, require_authentic, history)
    with ExitStack() as stack:
        asked = _Asked(key_id, paths, looks, forget_history=True, forget_tables=forget_tables)
        path = _unneeded(stack, file if file is not None else ring_file, asked)
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
@GIT
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
        _refuse_unseen_history(repositories_of(paths))
    named = file if file is not None else ring_file
    asked = _Asked(key_id, paths, Looks(fields, require_authentic, history), unseen.forget, unseen.forget_tables)
    with ExitStack() as stack:
        path = ring_that_is_there(named, None) if unseen.unused else _unneeded(stack, named, asked)
        if path is None:
            return _FINDING
        ringstore.remove(path, key_id)
    show.out(f"{key_id}  removed  from {path}")
    return 0


def _refuse_unseen_history(several: Sequence[Repository]) -> None:
    """Refuse to take a key away for good while commits, or other objects, that nobody looked at may hold what is under it."""
    for repository in several:
        commits, others = repository.unseen()
        if not commits and not others:
            continue
        what = plural(commits, "commit") if commits else plural(others, "object")
        where = "this repository" if len(several) == 1 else repository.shown(".")
        raise Usage(
            problem=f"{what} of {where} {'was not looked at: it' if commits + others == 1 else 'were not looked at: they'} may hold records under the key",
            hint="look at them, too: --git; or give up what they hold under it: --forget-history",
        )


def _refuse_unseen_stores(inner: Inside, paths: Sequence[str]) -> None:
    """Refuse the same while a repository lies below the paths that no work tree leads to: a bare one, or a copy of a ``.git``."""
    for path in without_work_tree(inner, repositories_of(paths)):
        raise Usage(
            problem=f"{NO_WORK_TREE} was not looked at: it may hold records under the key",
            hint="clone it and look at the clone, or remove it; or give up what it holds under the key: --forget-history",
            path=path,
        )


class _Asked(NamedTuple):
    """What is asked before a key goes: its id, the paths, how they are looked at, and what may go unseen in git and in tables."""

    key_id: str
    paths: tuple[str, ...]
    looks: Looks
    forget_history: bool
    forget_tables: bool


def _unneeded(stack: ExitStack, file: str | None, asked: _Asked) -> str | None:
    """Hold the trees, look for blobs under a key in them, and list those; return the path of the ring if there are none."""
    from sealkit.trees.roots import held
    from sealkit.trees.versions import Repository

    ring = options.load_ring(file)
    path = _ring_of(ring, asked.key_id)
    stack.enter_context(held(asked.paths))
    _refuse_unfinished(asked.paths, ring)
    inner = Inside([], [])
    found = _look(ring, asked, inner)
    if not asked.looks.history and not asked.forget_history:
        _refuse_unseen_history([Repository([top]) for top in inner.tops])
        _refuse_unseen_stores(inner, asked.paths)
    if found:
        show.note(f"key {asked.key_id} is needed, for the {plural(len(found), 'field')} listed; nothing was changed")
        for hint in _ways_out(found):
            show.hint(hint)
    if found is None or found:
        return None
    for one in asked.paths:
        _sync(one)
    return path


def _ring_of(ring: KeyRing, key_id: str) -> str:
    """Return the path of a ring that a key may go from. Raises ``NoUsableKey`` and ``ConfigError``."""
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
    return ring.path


def _look(ring: KeyRing, asked: _Asked, inner: Inside) -> list[Place] | None:
    """Show the blobs under a key, and return them; None if something could not be looked at. Raises ``Usage`` for tables that were not."""
    from sealkit.trees.census import Place

    tally, found = new_tally(), list[Place]()
    for one in places(ring, asked.paths, asked.looks, inner):
        tally.add(one)
        if isinstance(one, Place) and asked.key_id in one.keys:
            found.append(one)
            show.out(one.shown)
    tables = sum(one.is_table for one in tally.unopened)
    if not tables:
        refuse_nothing(tally, history=asked.looks.history)
    status = troubles(tally)
    tell_unopened(tally.unopened)
    if status:
        show.hint("what cannot be looked at may be under the key: nothing was changed")
        return None
    if tables and not found and not asked.forget_tables:
        raise Usage(
            problem=f"{plural(tables, 'table')} {'was' if tables == 1 else 'were'} not looked into: they may hold records under the key",
            hint="have them looked into, or give up what they hold under it: --forget-tables",
        )
    return found


def _ways_out(found: Sequence[Place]) -> Iterator[str]:
    """Yield what to do about blobs under a key that is to go."""
    from sealkit.trees.census import INDEX, TABLE, TEXT

    in_tree = [one for one in found if one.commit is None]
    if any(one.field == TEXT for one in in_tree):
        yield f"what is {TEXT} is not rotated: make the file a record (docs/format.md), or take the blob out"
    if any(one.field.startswith(TABLE) for one in in_tree):
        yield "a column of a table is rotated by: sealkit columns rotate IN OUT --column NAME"
    if any(one.named for one in in_tree):
        yield "rotate them first: sealkit rotate --to ID PATH; files that it passes over by their names (the census does not): with --hidden --no-gitignore"
    others = sorted({one.field for one in in_tree if not one.named and one.field != TEXT and not one.field.startswith(TABLE)})
    if others:
        yield f"fields that neither --field nor a policy names: sealkit rotate --to ID {' '.join(f'--field {one}' for one in others[:3])} PATH"
    if any(one.commit == INDEX for one in found):
        yield "git's index has what the files were before: git add -u"
    if any(one.commit not in (None, INDEX) for one in found):
        yield "what git has stored stays until its history is rewritten, and git forgets the rest (git reflog expire --expire=now --all; git gc --prune=now)"


def _refuse_unfinished(paths: Sequence[str], ring: KeyRing) -> None:
    """Refuse to take a key away from a rotation that is not finished."""
    from sealkit.cli.rotated import warn_of_journals
    from sealkit.trees.journals import look
    from sealkit.trees.roots import real, root_of
    from sealkit.trees.walk import own_folders

    roots = [root for path in paths if (root := root_of(path)) is not None]
    below = (real(folder) for path in paths if os.path.isdir(path) for folder in own_folders(path))
    for root in dict.fromkeys([*roots, *below]):
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
