"""What ``sealkit rotate`` says and does about a rotation that is under way or over: ``--status`` and ``--rollback``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.cli import run, show
from sealkit.cli.change import Change, texts, warn
from sealkit.errors import Usage
from sealkit.trees import journal, rotation
from sealkit.trees.roots import held

if TYPE_CHECKING:
    from sealkit.cli.options import Output, Where

_UNFINISHED = 1


def show_status(where: Where) -> int:
    """Print the state of each journal; the exit status is 1 if a rotation is unfinished."""
    unfinished = False
    for state in journal.states(_root(where)):
        try:
            far = journal.progress(state.path)
        except journal.Gone:  # it has ended since, and the next rotation, too
            continue
        unfinished = unfinished or state.ended is None
        how = state.ended if state.ended is not None else "unfinished: the same command goes on, --rollback takes it back"
        show.out(f"rotation to {state.header.to}, begun {state.started}: {far.written} of {far.planned} files written, {how}")
    if not unfinished:
        show.note("no rotation of this tree is unfinished")
    return _UNFINISHED if unfinished else 0


def roll_back(where: Where, output: Output, change: Change) -> int:
    """Take the latest rotation back."""
    root = _root(where)
    printer = run.Printer(output, "restore")
    maker = run.Maker(output, texts(change))
    with held([root]) as leftovers:
        warn(leftovers)
        restored = rotation.rollback(root, change.mode(output)._replace(write=True))
        return run.printed((maker([done]) for done in restored), printer, where)


def _root(where: Where) -> str:
    root = rotation.tree_of(where.paths)
    if root is None:
        raise Usage(problem="name the folder that was rotated")
    try:
        return min(root, os.path.relpath(root), key=len)
    except OSError:  # the working folder has gone
        return root
