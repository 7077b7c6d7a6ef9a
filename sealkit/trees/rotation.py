"""A rotation over a tree: planned, journalled, written, proved; resumed after any interruption, and taken back on request."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sealkit import report as reporting
from sealkit.context import PROBE
from sealkit.errors import JournalError, NothingMatched, ProofFailed, Usage
from sealkit.trees import batch, journal, orders
from sealkit.trees.roots import is_folder, real, root_of
from sealkit.trees.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.report import Report
    from sealkit.trees.batch import Done, Mode, Piece
    from sealkit.trees.found import Found
    from sealkit.trees.journal import Header, Journal, State
    from sealkit.trees.orders import Task

FINISHED = "finished"
ROLLED_BACK = "rolled back"

_COMPLETE = (0, 1)  # exit statuses after which nothing is left to do but what was found to be impossible

_PROBE = b"a payload of more than one block, sealed and opened before anything is written"


class Rotation(NamedTuple):
    """What to rotate: the task, how to write, the tree's root, and the header that its journal gets or must have."""

    task: Task
    mode: Mode
    root: str
    header: Header


def tree_of(paths: Sequence[str]) -> str | None:
    """Return the root of the one tree that folders among the paths are in; None if only files were named.

    Raises ``Usage`` for folders of several trees: each rotation has one journal.
    """
    roots = {root_of(path) for path in paths if is_folder(path)}
    if len(roots) > 1:
        raise Usage(problem="the folders are in several trees", hint="rotate one tree after the other")
    return next(iter(roots), None)


def probe(rotation: Rotation) -> None:
    """Seal a payload with the target key and open it again. Raises ``ProofFailed``, or why the key cannot seal."""
    sealer = rotation.task.sealer
    if sealer is None:
        raise Usage(problem="a rotation needs a key to seal with")
    blob = sealer.seal(_PROBE, at=PROBE)
    if sealer.unseal_own(blob) != _PROBE:
        raise ProofFailed(problem=f"key {sealer.key_id} does not open what it seals")


def begin(rotation: Rotation) -> Journal:
    """Begin a journal, or go on with that of the same rotation. Raises ``JournalError`` if another one is unfinished."""
    unfinished = unfinished_in(rotation.root)
    if unfinished is None:
        return journal.Journal.begin(rotation.root, rotation.header)
    if unfinished.header != rotation.header:
        raise JournalError(
            problem=f"another rotation of this tree, to {unfinished.header.to}, was begun at {unfinished.started} and is not finished",
            hint="run that command again to finish it, or take it back with: sealkit rotate --rollback PATH",
            path=unfinished.path,
        )
    return journal.Journal.resume(rotation.root, unfinished.path)


def unfinished_in(root: str) -> State | None:
    """Return the state of the rotation of a tree that was begun and has not ended; None if there is none."""
    return next((state for state in journal.states(root) if state.ended is None), None)


def opening(rotation: Rotation) -> Task:
    """Return the task that opens every field of a rotation and keeps nothing."""
    task = rotation.task
    return orders.Task(orders.OPEN, task.fields, opener=task.opener, sealer=task.sealer, binding=task.binding, around=task.around)


def preflight(rotation: Rotation, found: Iterable[Found], piece: Callable[[Sequence[Done]], Piece]) -> Iterator[Piece]:
    """Open every field without writing; before the first write of a rotation, nothing may be in its way."""
    return batch.pieces(opening(rotation), found, _rehearsing(rotation), piece)


def rehearse(rotation: Rotation, found: Iterable[Found]) -> Iterator[Done]:
    """Do the same in this process, and yield what became of each file."""
    return batch.each(opening(rotation), found, _rehearsing(rotation))


def check_told(rotation: Rotation, preflight: Report, *, partial: bool) -> None:
    """Note that the keys of binary payloads are borne out, as a preflight saw. Raise ``Usage`` where a wrong key might bury binary payloads as garbage, as one in 255 would: their key was not named.

    In a ``partial`` rotation nobody sees that the others do not open; nor where nothing else in the tree bears the key out.
    """
    if preflight.untold and (partial or preflight.untold == preflight.counts.get(reporting.FOUND)):
        raise Usage(
            problem=f"nothing tells which key sealed {preflight.untold} binary payloads, and under a wrong one they would become garbage",
            hint="name the key that sealed them: --from ID (or --key-id ID)",
        )
    rotation.task.told = True


def _rehearsing(rotation: Rotation) -> Mode:
    return rotation.mode._replace(write=False, rehearse=True)


def write(rotation: Rotation, found: Iterable[Found], piece: Callable[[Sequence[Done]], Piece], memory: Journal) -> Iterator[Piece]:
    """Rotate every record, each with its line in the journal before it is written."""
    return batch.pieces(rotation.task, found, rotation.mode, piece, memory)


@contextmanager
def remembered(rotation: Rotation) -> Iterator[Journal]:
    """Begin the rotation, or go on with it; close its journal at the end, whatever comes in between."""
    memory = begin(rotation)
    try:
        yield memory
    finally:
        memory.close()


def finish(rotation: Rotation, memory: Journal, exit_status: int) -> None:
    """Note that the rotation is complete, and let go of the journals before it; unless files failed, as its ``exit_status`` says."""
    if exit_status in _COMPLETE:
        memory.end(FINISHED)
        journal.tidy(rotation.root)


def rollback(root: str, mode: Mode) -> Iterator[Done]:
    """Put the old blobs back, as far as the latest journal has them and nobody changed the fields since; needs no key.

    Where a file failed, the rotation is not noted as taken back: the same call goes on. Raises ``NothingMatched`` if there is nothing to
    take back.
    """
    latest = next((state for state in reversed(journal.states(root)) if state.planned or state.ended is None), None)
    if latest is None or latest.ended == ROLLED_BACK:
        raise NothingMatched(problem="no rotation of this tree to take back", path=root)
    last = {entry.path: number for number, entry in enumerate(journal.entries(latest.path))}
    whole = True
    with Store() as store:
        for number, entry in enumerate(journal.entries(latest.path)):
            if last[entry.path] == number:
                for done in batch.restore(root, entry, mode, store):
                    whole = whole and not any(outcome.status == reporting.FAILED for outcome in done.outcomes)
                    yield done
    if whole:
        memory = journal.Journal.resume(root, latest.path)
        memory.end(ROLLED_BACK)
        memory.close()


def scope(paths: Sequence[str], root: str, filters: dict[str, Any]) -> dict[str, Any]:
    """Return what a rotation goes over, as its journal remembers it: paths below the root, and the walk's filters."""
    return {"paths": sorted(os.path.relpath(real(path), root) for path in paths)} | filters
