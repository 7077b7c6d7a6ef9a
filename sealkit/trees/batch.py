"""A task over many records: read, do, replace in groups, and hand on what became of each file, in the order of the walk."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sealkit import report as reporting
from sealkit.errors import ChangedUnderneath, SealkitError
from sealkit.report import Outcome, failure
from sealkit.trees import content
from sealkit.trees.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealkit.trees.content import Task
    from sealkit.trees.found import Found
    from sealkit.trees.store import Snapshot

CHUNK = 128
"""How many files are read, changed and replaced together; one group of the commit protocol."""

_TRIES = 3


class Mode(NamedTuple):
    """How to go through the records: whether to ``write`` what changes, and how files are replaced."""

    write: bool = False
    break_hardlinks: bool = False
    keep_mtime: bool = False


class Done(NamedTuple):
    """What became of one file: the outcomes of its fields, its content ``before`` and, where a verb changed it, ``after``."""

    found: Found
    outcomes: list[Outcome]
    before: bytes | None = None
    after: bytes | None = None
    removes_plaintext: bool = False

    def __repr__(self) -> str:
        return f"<Done {self.found.path} {len(self.outcomes)} outcomes>"

    def as_dry_run(self) -> Done:
        """Return the same, with what was changed said to be what would change."""
        return self._replace(outcomes=[_would(outcome) for outcome in self.outcomes])


def run(task: Task, found: Iterable[Found], mode: Mode) -> Iterator[Done]:
    """Do a task to every record found, and yield what became of each, in order."""
    found = iter(found)
    with Store() as store:
        while chunk := list(islice(found, CHUNK if mode.write else 1)):
            yield from _chunk(task, chunk, mode, store)


def _chunk(task: Task, chunk: list[Found], mode: Mode, store: Store) -> list[Done]:
    looked = [_look(task, found, store) for found in chunk]
    if not mode.write:
        return [done.as_dry_run() for done, _ in looked]
    return _commit(task, looked, mode, store)


def _look(task: Task, found: Found, store: Store) -> tuple[Done, Snapshot | None]:
    if found.problem is not None:
        return Done(found, [failure(found.path, found.problem)]), None
    try:
        snapshot = store.read(found.path, found.root)
    except SealkitError as error:
        return Done(found, [failure(found.path, error)]), None
    result = content.run(task, found.path, snapshot.data)
    hides = task.verb == content.SEAL and any(outcome.status == reporting.SEALED for outcome in result.outcomes)
    return Done(found, result.outcomes, snapshot.data, result.data, hides), snapshot


def _commit(task: Task, looked: list[tuple[Done, Snapshot | None]], mode: Mode, store: Store) -> list[Done]:
    """Replace the files that change; those that somebody else changed meanwhile are looked at again."""
    done = [one for one, _ in looked]
    pending = [(index, snapshot) for index, (one, snapshot) in enumerate(looked) if one.after is not None and snapshot is not None]
    for attempt in range(_TRIES):
        again = []
        for (index, _), problem in zip(pending, _written(done, pending, mode), strict=True):
            if isinstance(problem, ChangedUnderneath) and attempt + 1 < _TRIES:
                done[index], snapshot = _look(task, done[index].found, store)
                if done[index].after is not None and snapshot is not None:
                    again.append((index, snapshot))
            elif problem is not None:
                done[index] = _failed(done[index], problem)
        pending = again
    return done


def _written(done: list[Done], pending: list[tuple[int, Snapshot]], mode: Mode) -> list[SealkitError | None]:
    if not pending:
        return []
    from sealkit.trees.replace import Options, Write, commit

    writes = [
        Write(done[index].found.path, snapshot, done[index].after or b"", root=done[index].found.root)
        for index, snapshot in pending
    ]
    options = Options(break_hardlinks=mode.break_hardlinks, keep_mtime=mode.keep_mtime)
    return [committed.problem for committed in commit(writes, options)]


def _failed(done: Done, problem: SealkitError) -> Done:
    """Turn the outcomes of what was changed, but not replaced, into failures."""
    changed = (reporting.SEALED, reporting.ROTATED)
    outcomes = [
        failure(outcome.path, problem, outcome.field) if outcome.status in changed else outcome for outcome in done.outcomes
    ]
    return done._replace(outcomes=outcomes, after=None)


def _would(outcome: Outcome) -> Outcome:
    if outcome.status in (reporting.SEALED, reporting.ROTATED):
        return outcome._replace(status=reporting.WOULD_CHANGE)
    return outcome
