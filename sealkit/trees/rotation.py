"""A rotation over a tree: planned, journalled, written, proved; resumed after any interruption, and taken back on request."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sealkit import report as reporting
from sealkit.context import PROBE
from sealkit.demands import Asked, kind_among
from sealkit.errors import JournalError, NothingMatched, ProofFailed, SealkitError, Usage
from sealkit.keys.prover import prover_of
from sealkit.trees import batch, journals, orders
from sealkit.trees.demanded import Demanded
from sealkit.trees.journal import FINISHED, ROLLED_BACK, Journal, entries
from sealkit.trees.roots import Below, is_folder, real, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.crypto.tag import Prover
    from sealkit.keys.key import Key
    from sealkit.report import Report
    from sealkit.trees.batch import Done, Mode, Piece
    from sealkit.trees.found import Found
    from sealkit.trees.journal import Header
    from sealkit.trees.journals import State
    from sealkit.trees.orders import Task

_COMPLETE = (0, 1)  # exit statuses after which nothing is left to do but what was found to be impossible

_PROBE = b"a payload of more than one block, sealed and opened before anything is written"


class Rotation(NamedTuple):
    """What to rotate: the task, how to write, the tree's root, the header that its journal gets or must have, and the keys that prove journals."""

    task: Task
    mode: Mode
    root: str
    header: Header
    keys: Sequence[Key]

    @property
    def prover(self) -> Prover | None:
        """What proves the journal of this rotation: its target key, None where that is in a token."""
        return prover_of(next(key for key in self.keys if key.id == self.header.to))


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
    """Begin a journal, or go on with that of the same rotation. Raises ``JournalError`` if another one is unfinished.

    Journals that are not believed are in nobody's way; whoever calls this names them.
    """
    told = journals.look(rotation.root, rotation.keys)
    unfinished = told.unfinished
    if unfinished is None:
        return Journal.begin(rotation.root, journals.next_name(rotation.root, told), rotation.header, rotation.prover)
    if unfinished.header != rotation.header:
        raise JournalError(
            problem=f"another rotation of this tree, to {unfinished.header.to}, was begun at {unfinished.started} and is not finished",
            hint="run that command again to finish it, or take it back with: sealkit rotate --rollback {TREE}",
            path=unfinished.path,
        )
    return Journal.resume(rotation.root, unfinished.path, unfinished.prover)


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


def check_told(preflight: Report, *, partial: bool) -> None:
    """Raise ``Usage`` where a wrong key might bury binary payloads as garbage, as one in 255 would: their key was not named.

    What else is in the tree bears a key out, where it was opened with it and tells its own; in a ``partial`` rotation nothing does, for
    not all of it was opened.
    """
    untold = preflight.untold(borne_out=not partial)
    if untold:
        raise Usage(
            problem=f"nothing tells which key sealed {untold} binary payloads, and under a wrong one they would become garbage",
            hint="name the key that sealed them: --from ID (or --key-id ID)",
        )


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


def is_complete(exit_status: int) -> bool:
    """Say whether a rotation that ended with this exit status is complete: no file failed."""
    return exit_status in _COMPLETE


def finish(rotation: Rotation, memory: Journal) -> None:
    """Note that the rotation is complete, and let go of the journals before it."""
    memory.end(FINISHED)
    journals.tidy(rotation.root, rotation.keys)


def to_take_back(root: str, keys: Sequence[Key]) -> State:
    """Return the rotation that ``rollback`` takes back: the latest that a key proves, or only for want of one the latest that none can prove.

    Raises ``NothingMatched`` if there is none, and the ``JournalError`` of a journal that is foreign, if that is all there is.
    """
    told = journals.look(root, keys)
    candidates = [state for state in told.unproved + told.believed if state.planned or state.ended is None]
    if candidates and candidates[-1].ended != ROLLED_BACK:
        return candidates[-1]
    if told.foreign and not candidates:
        raise told.foreign[-1]
    raise NothingMatched(problem="no rotation of this tree to take back", path=root)


def rollback(root: str, state: State, mode: Mode) -> Iterator[Done]:
    """Put the old blobs back, as far as a journal has them and nobody changed the fields since; where the mode does not write, say what would be.

    Where a file failed, the rotation is not noted as taken back: the same call goes on. A journal that no key can prove no key can end, either: it is
    set aside. Raises ``JournalError`` before anything is written if the journal is not what it seemed.
    """
    demanded = Demanded(Below([root]), Asked())
    last = {entry.path: number for number, entry in enumerate(entries(state.path, state.prover))}
    whole = mode.write
    latest = (entry for number, entry in enumerate(entries(state.path, state.prover)) if last.get(entry.path) == number)
    for done in batch.restore(root, latest, mode, partial(_declared, demanded)):
        whole = whole and not any(outcome.status == reporting.FAILED for outcome in done.outcomes)
        yield done
    if not whole:
        return
    if state.doubt is not None:
        journals.set_aside(state.path)
        return
    memory = Journal.resume(root, state.path, state.prover)
    memory.end(ROLLED_BACK)
    memory.close()


def _declared(demanded: Demanded, path: str) -> str | None:
    """Return the kind that the policy says a file is; None where it says none, or cannot be read: that stops no way back."""
    try:
        return kind_among(demanded(path))
    except SealkitError:
        return None


def scope(paths: Sequence[str], root: str, filters: dict[str, Any]) -> dict[str, Any]:
    """Return what a rotation goes over, as its journal remembers it: paths below the root, and the walk's filters."""
    return {"paths": sorted(os.path.relpath(real(path), root) for path in paths)} | filters
