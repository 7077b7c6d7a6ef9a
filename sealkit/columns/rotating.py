"""A rotation of a tree, shared out to workers, each in a process or on a machine of its own, by an engine that hands batches to them.

Whoever shares it out holds the tree's lock, and has no key; workers have the keys and the tree at the same path, and write in the same
journal, which one of them begins and ends: only a key proves it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from sealkit.columns.reference import Reference, ring_of
from sealkit.demands import Asked
from sealkit.errors import JournalError, NothingMatched, Usage
from sealkit.opaque import opaque
from sealkit.report import Outcome, Report, counted, failure
from sealkit.sealer import Sealer
from sealkit.trees import batch, journals, orders, rotation, tasks
from sealkit.trees.found import Found
from sealkit.trees.journal import Header, Journal
from sealkit.trees.links import Links
from sealkit.trees.roots import held, is_folder
from sealkit.trees.walk import Passing, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealkit.report import Counted

PATHS = pa.schema([("path", pa.binary()), ("root", pa.binary()), ("named", pa.bool_())])
"""What goes to workers: what a walk found. Names of files are bytes."""

TOLD = pa.schema([("counted", pa.string()), ("times", pa.int64()), ("problem", pa.string())])
"""What comes back: outcomes that were counted (by what, as JSON), and those with an exit status, as JSON without a payload."""

FILTERS: Final[dict[str, object]] = {
    "include": [],
    "exclude": [],
    "since": None,
    "gitignore": True,
    "hidden": False,
    "cross_mounts": False,
}
"""What is taken below the folder, as the command line says it: so ``sealkit rotate`` finishes what was interrupted here."""


class Rotated(NamedTuple):
    """What became of a tree: how many fields of each status, and the outcomes that say what is wrong, by path.

    ``is_complete``: nothing is left to be done. Otherwise nothing was written, unless it was asked to go on with the rest.
    """

    counts: dict[str, int]
    problems: list[Outcome]
    is_complete: bool


class Share(NamedTuple):
    """What workers are told: plain values. Without a ``journal`` every field is opened, and nothing written.

    ``folder`` is absolute; ``again``: the files may have been written before, by an interrupted run or a worker that died. ``step`` is for
    ``conduct``.
    """

    folder: str
    to: str | None = None
    fields: tuple[str, ...] | None = None
    journal: str | None = None
    again: bool = False
    step: str = ""


PROBE, BEGIN, END = "probe", "begin", "end"
"""What there is to be done besides files, in this order."""


Engine = Callable[["pa.Table | None", Share], "Iterable[pa.Table]"]
"""Has ``work`` done on rows of paths, wherever that is, and returns what is told; ``conduct`` if there are none."""


def rotate(engine: Engine, folder: str, to: str | None, fields: Sequence[str] | None, *, partial: bool) -> Rotated:
    """Rotate the tree below a folder. Raises ``Usage``, ``TreeBusy``, ``JournalError``, ``NothingMatched``, and what the engine does."""
    if not is_folder(folder):
        raise Usage(
            problem=f"no folder here: {folder!r}",
            hint="the tree has to be at the same path here and on every worker, on a shared disk",
        )
    share = Share(folder, to, tuple(fields) if fields is not None else None)
    with held([folder]):
        _conducted(engine, share._replace(step=PROBE))
        found = list(walk([folder], passing=Passing(on_link=Links([folder]))))
        missed = [failure(one.path, one.problem) for one in found if one.problem is not None]
        rows = packed(one for one in found if one.problem is None)
        opened = _gathered(engine(rows, share), missed)
        if not opened.report.fields:
            raise NothingMatched(problem=f"no record below {folder!r} has the field", hint="name it with fields=[...]")
        if opened.report.exit_status and not partial:
            return opened.rotated(is_complete=False)
        rotation.check_told(opened.report, partial=partial)
        begun = _conducted(engine, share._replace(step=BEGIN))
        share = share._replace(journal=begun["journal"], again=begun["again"])
        written = _gathered(engine(rows, share), missed)
        if rotation.is_complete(written.report.exit_status):
            _conducted(engine, share._replace(step=END))
        return written.rotated(is_complete=not written.report.exit_status)


def _conducted(engine: Engine, share: Share) -> dict[str, Any]:
    """Have one worker take a step, and return what it told. Raises ``JournalError``."""
    (told,) = engine(None, share)
    said: dict[str, Any] = json.loads(told.column("problem")[0].as_py())
    if "refused" in said:
        raise JournalError(**said["refused"])
    return said


_MODE = batch.Mode(write=True, workers=1)


class _Gathered(NamedTuple):
    report: Report
    problems: list[Outcome]

    def rotated(self, *, is_complete: bool) -> Rotated:
        return Rotated(self.report.counts, sorted(self.problems, key=lambda one: (one.path, one.line or 0)), is_complete)


def _gathered(told: Iterable[pa.Table], missed: list[Outcome]) -> _Gathered:
    """Put together what workers told, and what was not looked at."""
    report, problems = Report(), list(missed)
    for outcome in missed:
        report.add(outcome)
    for table in told:
        for row in table.to_pylist():
            if row["problem"] is not None:
                problems.append(Outcome(*json.loads(row["problem"])))
            else:
                status, code, exit_status, form, key = json.loads(row["counted"])
                report.count((status, code, exit_status, form, key), row["times"])
    return _Gathered(report, problems)


@opaque
def conduct(keys: Reference, share: Share) -> pa.RecordBatch:
    """Take a step of a rotation, and tell of it: prove that the target key opens what it seals, begin the journal or go on with it, or end it.

    Raises as ``rotation.probe``; what the journal refuses is told.
    """
    plan = _plan(keys, share)
    try:
        told = _step(plan, share)
    except JournalError as error:
        told = {"refused": {"problem": error.problem, "hint": error.hint, "path": error.path}}
    return pa.RecordBatch.from_pylist([{"times": 0, "problem": json.dumps(told)}], schema=TOLD)


def _step(plan: rotation.Rotation, share: Share) -> dict[str, Any]:
    if share.step == PROBE:
        rotation.probe(plan)
        return {}
    if share.step == BEGIN:
        again = journals.look(plan.root, plan.keys).unfinished is not None
        with rotation.remembered(plan) as memory:
            return {"journal": memory.path, "again": again}
    with closing(_joined(plan, share)) as memory:
        rotation.finish(plan, memory)
    return {}


def work(paths: Iterable[pa.RecordBatch], keys: Reference, share: Share) -> Iterator[pa.RecordBatch]:
    """Open the fields of some files, or rotate them with their lines in the journal, and yield what became of them."""
    plan = _plan(keys, share)
    found = (_found(*row) for some in paths for row in zip(*some.to_pydict().values(), strict=True))
    if share.journal is None:
        yield from _told(rotation.rehearse(plan, found))
        return
    plan.task.told = True  # the driver has seen the preflight
    with closing(_joined(plan, share)) as memory:
        yield from _told(batch.each(plan.task, found, plan.mode, memory))


def _joined(plan: rotation.Rotation, share: Share) -> Journal:
    """Return the journal that was begun, to write in; if files may have been written before, with what it knows of them."""
    return (Journal.resume if share.again else Journal.join)(plan.root, share.journal or "", plan.prover)


def packed(found: Iterable[Found]) -> pa.Table:
    """Return what a walk found, each without a problem, as a table for ``work``."""
    rows = [{"path": os.fsencode(one.path), "root": os.fsencode(one.root), "named": one.named} for one in found]
    return pa.Table.from_pylist(rows, schema=PATHS)


def _found(path: bytes, root: bytes, named: bool) -> Found:
    return Found(os.fsdecode(path), os.fsdecode(root), named)


@opaque
def _plan(keys: Reference, share: Share) -> rotation.Rotation:
    ring = ring_of(keys)
    more: dict[str, Any] = {"payload": keys.payload, "require_authentic": keys.require_authentic}
    sealer = Sealer(ring, key_id=share.to if share.to is not None else ring.primary.id, format=keys.format, **more)
    opener = Sealer(ring, opens=(keys.key_id, sealer.key_id) if keys.key_id is not None else None, **more)
    task = tasks.task(orders.ROTATE, Asked(share.fields), [share.folder], opener=opener, sealer=sealer)
    root = rotation.tree_of([share.folder]) or share.folder
    given = FILTERS | ({"format": keys.format} if keys.format is not None else {})
    scope = rotation.scope([share.folder], root, given)
    to = Header(sealer.key_id, ring.get(sealer.key_id).kid, keys.key_id, list(task.fields), keys.payload, scope)
    return rotation.Rotation(task, _MODE, root, to, ring.keys)


def _told(done: Iterable[batch.Done]) -> Iterator[pa.RecordBatch]:
    counts: dict[Counted, int] = {}
    problems = []
    for one in done:
        for outcome in one.outcomes:
            by = counted(outcome)
            counts[by] = counts.get(by, 0) + 1
            if outcome.exit_status:
                problems.append(json.dumps(outcome._replace(payload=None)))
    rows = [{"counted": json.dumps(by), "times": times} for by, times in counts.items()]
    yield pa.RecordBatch.from_pylist(rows + [{"times": 0, "problem": text} for text in problems], schema=TOLD)
