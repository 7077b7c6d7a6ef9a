"""A task over many records: read, do, replace in groups, and hand on what became of each file, in the order of the walk."""

from __future__ import annotations

import os
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sealkit import report as reporting
from sealkit.errors import ChangedUnderneath, SealkitError
from sealkit.report import Outcome, failure
from sealkit.trees import content, orders, visitor
from sealkit.trees.chunks import chunked, grouped, unpacked
from sealkit.trees.found import Found
from sealkit.trees.lacking import Lacking
from sealkit.trees.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.report import Counted
    from sealkit.trees.chunks import Packed
    from sealkit.trees.journal import Entry, Journal
    from sealkit.trees.orders import Task
    from sealkit.trees.result import Replaced
    from sealkit.trees.spares import Spares
    from sealkit.trees.store import Snapshot

CHUNK = 128
"""How many files are given to a worker together."""

WRITE_CHUNK = 1024
"""How many are, and are replaced together, where files are written: each group waits for the disk twice."""

FEW = 600
"""Fewer files than this are not worth a second process."""

GROUP_BYTES = 16 << 20
"""How many bytes of records are held at once before they are replaced, or handed on."""

_AHEAD = 32
_AHEAD_BYTES = 1 << 20

_TRIES = 3


class Mode(NamedTuple):
    """How to go through the records: whether to ``write`` what changes, and how files are replaced.

    ``workers`` processes, or as many as there are usable CPUs (None). ``fail_fast`` ends with the first file that has a finding. ``rehearse``
    says of a task that opens what its sealer would then replace: nothing is written, but files that could not be are problems.
    """

    write: bool = False
    break_hardlinks: bool = False
    keep_mtime: bool = False
    workers: int | None = None
    fail_fast: bool = False
    rehearse: bool = False


class Done(NamedTuple):
    """What became of one file: the outcomes of its fields, its content ``before`` and, where a verb changed it, ``after``."""

    found: Found
    outcomes: list[Outcome]
    before: bytes | None = None
    after: bytes | None = None
    replaced: Sequence[Replaced] = ()
    removes_plaintext: bool = False

    def __repr__(self) -> str:
        return f"<Done {self.found.path} {len(self.outcomes)} outcomes>"

    def as_dry_run(self) -> Done:
        """Return the same, with what was changed said to be what would change."""
        if self.after is None:
            return self
        return self._replace(outcomes=[_would(outcome) for outcome in self.outcomes])

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with it."""
        return not any(outcome.exit_status for outcome in self.outcomes)


class Piece(NamedTuple):
    """What is to be printed of some files, in order, and what became of them; plain values, fit for a pipe.

    ``counts`` counts outcomes as ``report.counted`` does; ``problems`` are the outcomes with an exit status, as tuples. ``ivs`` are those of the
    blobs in them, in hexadecimal, where somebody compares them.
    """

    out: bytes
    copy: bytes
    problems: list[tuple[object, ...]]
    counts: dict[Counted, int]
    files: int
    ivs: Sequence[str] = ()


class _Kept(NamedTuple):
    """What a rotation needs from one file to the next: its journal (None where it is taken back), and the files that others have left behind."""

    journal: Journal | None
    spares: Spares


def _begun(journal: Journal | None) -> _Kept | None:
    if journal is None:
        return None
    from sealkit.trees.spares import Spares

    return _Kept(journal, Spares())


def each(task: Task, found: Iterable[Found], mode: Mode, journal: Journal | None = None) -> Iterator[Done]:
    """Do a task to every record found, in this process, and yield what became of each, in order."""
    kept = _begun(journal)
    try:
        yield from _each(task, found, mode, kept)
    finally:
        if kept is not None:
            kept.spares.close()


def _each(task: Task, found: Iterable[Found], mode: Mode, kept: _Kept | None, lacking: Lacking | None = None) -> Iterator[Done]:
    """Do a task to every record found; files that lack its fields are counted by ``lacking``, if that is given, and not yielded."""
    found = iter(found)
    way = _way(task, kept, lacking)
    with Store() as store:
        if mode.write:
            dones = _written(way, found, mode, store, kept)
        elif mode.rehearse:
            dones = _rehearse(way, task, found, mode, store)
        else:
            dones = _read(way, task, found, store)
        for done in dones:
            yield done
            if mode.fail_fast and not done.is_good:
                return


def pieces(
    task: Task,
    found: Iterable[Found],
    mode: Mode,
    piece: Callable[[Sequence[Done]], Piece],
    journal: Journal | None = None,
    *,
    tells_absent: bool = True,
) -> Iterator[Piece]:
    """Do a task to every record found, with workers where they are worth it, and yield pieces of output in order.

    Unless ``tells_absent``, nothing is printed of files that lack the fields, and most of them are counted and no more.
    """
    found = iter(found)
    first = list(islice(found, FEW)) if mode.workers is None else []
    workers = _workers(mode, enough=len(first) == FEW)
    everything = chain(first, found)
    lacking = None if tells_absent else Lacking(task)
    kept = _begun(journal)  # of which each worker has its own

    def at_end() -> None:
        if kept is not None:
            kept.spares.close()

    if workers == 1:
        try:
            yield from together(_each(task, everything, mode, kept, lacking), piece, lacking)
        finally:
            at_end()
        return
    from sealkit.trees import pool

    def work(packed: Packed) -> Iterator[tuple[object, ...]]:
        return map(tuple, together(_each(task, unpacked(packed), mode, kept, lacking), piece, lacking))

    chunks = chunked(everything, WRITE_CHUNK if mode.write else CHUNK)
    for chunk, result in pool.run(work, chunks, workers, at_end=at_end, end_at_once=mode.write):
        if isinstance(result, pool.Died):
            made = piece([Done(one, [failure(one.path, result.problem)]) for one in unpacked(chunk)])
        else:
            made = Piece._make(result)
        yield made
        if mode.fail_fast and made.problems:
            return


def _workers(mode: Mode, *, enough: bool) -> int:
    if mode.workers == 1 or (mode.workers is None and not enough):
        return 1
    from sealkit.trees import pool

    return (mode.workers or pool.usable_cpus()) if pool.can_fork() else 1


def together(done: Iterable[Done], piece: Callable[[Sequence[Done]], Piece], lacking: Lacking | None = None) -> Iterator[Piece]:
    """Put results together until there are enough of them to be handed on, with the counts of the files that were ``lacking`` before them."""
    for group in grouped(done, CHUNK, lambda one: len(one.before or b""), GROUP_BYTES):
        made = piece(group)
        yield made if lacking is None else lacking.added_to(made)
    if lacking is not None and lacking.files:
        yield lacking.added_to(piece(()))


Looked = tuple[Done, "Snapshot | None"]
Read = tuple["Found", "Snapshot | SealkitError"]
Look: TypeAlias = "Callable[[Found, Snapshot | SealkitError], Looked]"
"""What says of a file that was read what becomes of it."""


class _Way(NamedTuple):
    """How files are gone over: what becomes of each, and the ``rules`` by which one that holds none of the fields is not read; None: all are."""

    look: Look
    rules: visitor.Rules | None = None
    lacking: Lacking | None = None


def _way(task: Task, kept: _Kept | None, lacking: Lacking | None = None) -> _Way:
    return _Way(partial(_look, task, kept), task.rules, lacking)


def _groups(way: _Way, found: Iterator[Found], store: Store) -> Iterator[list[Looked]]:
    """Look at files, and put those together that are replaced together."""
    looked = (way.look(one, read) for one, read in _ahead(way, found, store))
    return grouped(looked, WRITE_CHUNK, lambda one: 2 * len(one[0].before or b""), GROUP_BYTES)


def _ahead(way: _Way, found: Iterator[Found], store: Store) -> Iterator[Read]:
    """Read files, a few at a time before any of them is looked at: taking turns with system calls slows down what follows them."""
    if way.lacking is not None:
        return way.lacking.ahead(found, store, lambda one: _snapshot(way, one, store))
    read = ((one, _snapshot(way, one, store)) for one in found)
    return chain.from_iterable(grouped(read, _AHEAD, _bytes_read, _AHEAD_BYTES))


def _bytes_read(one: Read) -> int:
    return 0 if isinstance(one[1], SealkitError) else len(one[1].data)


def _snapshot(way: _Way, found: Found, store: Store) -> Snapshot | SealkitError:
    if found.problem is not None:
        return found.problem
    try:
        return visitor.snapshot(found, store, way.rules) if way.rules is not None else store.read(found.path, found.root)
    except SealkitError as error:
        return error


def _look(task: Task, kept: _Kept | None, found: Found, read: Snapshot | SealkitError) -> Looked:
    if isinstance(read, SealkitError):
        return Done(found, [failure(found.path, read)]), None
    if kept is not None and kept.journal is not None and kept.journal.has_written(found.path, read.data):
        return Done(found, content.run(task.as_settled(), found.path, read.data, named=found.named).outcomes), None
    result = content.run(task, found.path, read.data, named=found.named)
    hides = task.verb == orders.SEAL and any(outcome.status == reporting.SEALED for outcome in result.outcomes)
    return Done(found, result.outcomes, read.data, result.data, result.replaced, hides), read


def _read(way: _Way, task: Task, found: Iterator[Found], store: Store) -> Iterator[Done]:
    for one, read in _ahead(way, found, store):
        done, _ = way.look(one, read)
        yield done if done.after is None or task.verb == orders.REVEAL else done.as_dry_run()


def _rehearse(way: _Way, task: Task, found: Iterator[Found], mode: Mode, store: Store) -> Iterator[Done]:
    """Make a problem of each file that would be replaced, and cannot be, so that it is said before the first one is."""
    from sealkit.trees.rehearsal import Rehearsal

    with Rehearsal(task, break_hardlinks=mode.break_hardlinks) as rehearsal:
        for one, read in _ahead(way, found, store):
            done, snapshot = way.look(one, read)
            problem = rehearsal.problem(one, snapshot, done.outcomes) if snapshot is not None else None
            yield done if problem is None else done._replace(outcomes=[*done.outcomes, failure(one.path, problem)])


def _written(way: _Way, found: Iterator[Found], mode: Mode, store: Store, kept: _Kept | None) -> Iterator[Done]:
    for group in _groups(way, found, store):
        yield from _commit(way, group, mode, store, kept)


def _commit(way: _Way, group: list[Looked], mode: Mode, store: Store, kept: _Kept | None) -> list[Done]:
    """Replace the files that change; those that somebody else changed meanwhile are looked at again."""
    done = [one for one, _ in group]
    pending = [(index, snapshot) for index, (one, snapshot) in enumerate(group) if one.after is not None and snapshot is not None]
    for attempt in range(_TRIES):
        again = []
        for (index, _), problem in zip(pending, _replaced(done, pending, mode, kept), strict=True):
            if isinstance(problem, ChangedUnderneath) and attempt + 1 < _TRIES:
                found = done[index].found
                done[index], snapshot = way.look(found, _snapshot(way, found, store))
                if done[index].after is not None and snapshot is not None:
                    again.append((index, snapshot))
            elif problem is not None:
                done[index] = _failed(done[index], problem)
        pending = again
    return done


def _replaced(done: list[Done], pending: list[tuple[int, Snapshot]], mode: Mode, kept: _Kept | None) -> list[SealkitError | None]:
    if not pending:
        return []
    from sealkit.trees import replace

    changes = [done[index] for index, _ in pending]
    journal, spares = kept if kept is not None else (None, None)
    if journal is not None:
        journal.will_write(changes)
    writes = [
        replace.Write(one.found.path, snapshot, one.after or b"", root=one.found.root)
        for one, (_, snapshot) in zip(changes, pending, strict=True)
    ]
    options = replace.Options(mode.break_hardlinks, mode.keep_mtime, replace.SYNCFS, prove=kept is not None)
    memory = journal.descriptor if journal is not None else None
    problems = [committed.problem for committed in replace.commit(writes, options, also=memory, spares=spares)]
    if journal is not None:
        journal.have_written(one for one, problem in zip(changes, problems, strict=True) if problem is None)
    return problems


def restore(root: str, entries: Iterable[Entry], mode: Mode, declared: Callable[[str], str | None]) -> Iterator[Done]:
    """Put the old blobs of files back, of each one that is named once, and yield what became of each, in order.

    ``declared`` says what kind of record a policy says that a file is.
    """
    from sealkit.trees import undo
    from sealkit.trees.spares import Spares

    due: dict[str, Entry] = {}
    start = "" if root == "." else root

    def found() -> Iterator[Found]:
        for entry in entries:
            path = os.path.join(start, entry.path)
            due[path] = entry
            yield Found(path, start)

    def look(one: Found, read: Snapshot | SealkitError) -> Looked:
        if isinstance(read, SealkitError):
            return Done(one, [failure(one.path, read)]), None
        result = undo.restore(one.path, read.data, due[one.path].replaced, declared(one.path))
        return Done(one, result.outcomes, read.data, result.data), read

    kept = _Kept(None, Spares())
    try:
        with Store() as store:
            way = _Way(look)
            for done in _written(way, found(), mode, store, kept) if mode.write else _looked(way, found(), store):
                del due[done.found.path]
                yield done
    finally:
        kept.spares.close()


def _looked(way: _Way, found: Iterator[Found], store: Store) -> Iterator[Done]:
    for one, read in _ahead(way, found, store):
        yield way.look(one, read)[0].as_dry_run()


def _failed(done: Done, problem: SealkitError) -> Done:
    """Turn the outcomes of what was changed, but not replaced, into failures."""
    outcomes = [
        failure(outcome.path, problem, outcome.field) if outcome.status in reporting.CHANGED else outcome
        for outcome in done.outcomes
    ]
    return done._replace(outcomes=outcomes, after=None)


def _would(outcome: Outcome) -> Outcome:
    if outcome.status in reporting.CHANGED:
        return outcome._replace(status=reporting.WOULD_CHANGE)
    return outcome
