"""What ``sealkit rotate`` says and does about rotations that are under way or over, and about journals that are none of ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.cli import options, run, show
from sealkit.cli.change import Change, texts, warn
from sealkit.errors import ConfigError, NothingMatched, NoUsableKey, Usage
from sealkit.trees import batch, journals, rotation
from sealkit.trees.chain import Foreign, Gone
from sealkit.trees.folders import real_path
from sealkit.trees.roots import held
from sealkit.wording import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.cli.options import Output, Ring, Where
    from sealkit.cli.rotate import Turn
    from sealkit.errors import SealkitError
    from sealkit.keys.key import Key
    from sealkit.trees.journals import State

_UNFINISHED, _MOST = 1, 5


def about(where: Where, ring: Ring, turn: Turn, output: Output, change: Change) -> int:
    """Do the one of ``--status``, ``--rollback`` and ``--set-aside`` that was asked for."""
    if turn.status + turn.rollback + turn.set_aside > 1:
        raise Usage(problem="--status, --rollback and --set-aside are three things", hint="one after the other")
    root = _root(where)
    if turn.set_aside:
        return set_aside(root, options.load_ring(ring).keys)
    keys = _keys(ring) if journals.look(root, ()).unproved else ()
    return show_status(root, keys) if turn.status else roll_back(root, keys, where, output, change, is_meant=turn.yes)


def show_status(root: str, keys: Sequence[Key]) -> int:
    """Print what each journal says; the exit status is 1 if a rotation is unfinished, as far as that is known."""
    told = journals.look(root, keys)
    unfinished = False
    doubts = told.doubts() if keys else list(told.foreign)
    for state in told.believed if keys else told.unproved + told.believed:
        try:
            far = journals.progress(state)
        except Gone:  # it has ended since, and the next rotation, too
            continue
        except Foreign as error:
            doubts.append(error)
            continue
        unfinished = unfinished or state.ended is None
        how = state.ended if state.ended is not None else "unfinished: the same command goes on, --rollback takes it back"
        doubt = f"; not proved: {state.path} {state.doubt}" if state.doubt is not None else ""
        show.out(
            f"rotation to {state.header.to}, begun {state.started}: {far.written} of {plural(far.planned, 'file')} written, {how}{doubt}"
        )
    _name(doubts)
    if not unfinished:
        show.note("no rotation of this tree is unfinished")
    return _UNFINISHED if unfinished else 0


def roll_back(root: str, keys: Sequence[Key], where: Where, output: Output, change: Change, *, is_meant: bool) -> int:
    """Take the latest rotation back; where no key proves its journal, only what a person has seen and agreed to."""
    with held([root]) as leftovers:
        warn(leftovers)
        state = rotation.to_take_back(root, keys)
        _name([error for error in journals.look(root, keys).doubts() if error.path != state.path])
        if not change.writes:
            return _restore(root, state, where, output, change)
        if state.doubt is not None and not is_meant:
            show.warning(f"{state.path} {state.doubt}: this is what it says was there before")
            _restore(root, state, where, output, change._replace(check=True))
            if not _agreed():
                hint = "give the ring that has the key, with --keys FILE, or say --yes to what is listed"
                raise NoUsableKey(problem="nothing was changed: no key proves the journal, and nobody said yes", hint=hint)
        return _restore(root, state, where, output, change)


def set_aside(root: str, keys: Sequence[Key]) -> int:
    """Rename every journal that is foreign, or that no key of the ring proves."""
    with held([root]) as leftovers:
        warn(leftovers)
        doubts = journals.look(root, keys).doubts()
        for doubt in doubts:
            if doubt.path is not None:
                show.out(f"{doubt.path}  {doubt.problem}: set aside as {os.path.basename(journals.set_aside(doubt.path))}")
    if not doubts:
        raise NothingMatched(problem="no journal of this tree is to be set aside: each is proved by a key of the ring", path=root)
    return 0


def warn_of_journals(root: str, keys: Sequence[Key]) -> None:
    """Name the journals of a tree that are not believed."""
    _name(journals.look(root, keys).doubts())


def _name(doubts: Sequence[Foreign]) -> None:
    for doubt in doubts[:_MOST]:
        show.warning(f"{doubt.path} {doubt.problem}; it is not believed")
    if len(doubts) > _MOST:
        more = len(doubts) - _MOST
        show.warning(f"{plural(more, 'journal')} more like these {'is' if more == 1 else 'are'} not believed")
    if doubts:
        show.hint(doubts[0].hint)


def _restore(root: str, state: State, where: Where, output: Output, change: Change) -> int:
    printer = run.Printer(output, "restore")
    maker = run.Maker(output, texts(change))
    restored = rotation.rollback(root, state, change.mode(output))
    return run.printed(batch.together(restored, maker), printer, where)


def _agreed() -> bool:
    """Ask the person at the terminal, if there is one."""
    return show.is_watched() and show.is_agreed("Put these back?")


def _keys(ring: Ring) -> Sequence[Key]:
    """Return the keys that may prove journals; none where they cannot be had, which is said."""
    try:
        return options.load_ring(ring).keys
    except (NoUsableKey, ConfigError) as error:
        problem: SealkitError = error
    show.warning(f"no key to prove journals with: {problem.problem}")
    return ()


def _root(where: Where) -> str:
    root = rotation.tree_of(where.paths)
    if root is None:
        raise Usage(problem="name the folder that was rotated")
    for path in where.paths:
        if real_path(path) == root:
            return path.rstrip("/") or "/"
    try:
        return min(root, os.path.relpath(root), key=len)
    except OSError:  # the working folder has gone
        return root
