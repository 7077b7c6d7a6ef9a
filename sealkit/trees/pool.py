"""Worker processes that do chunks of work in parallel and hand on the results in the order of the chunks.

Workers are forked: they inherit what the work needs, keys included, and nothing of it is ever pickled. Each has a pipe of its own and
at most two chunks at a time; whoever is done first gets the next one. Results that come before their turn are held, up to a limit, and
beyond it wait in the pipes: memory stays bounded however large the tree.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from itertools import islice
from multiprocessing.connection import wait
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from sealkit.errors import SealkitError, StoreError
from sealkit.trees import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

C = TypeVar("C")
R = TypeVar("R")

_PART, _END, _ERROR = b"p", b"e", b"x"
_QUEUED = 2
_AHEAD = 4  # chunks a worker, from the one whose turn it is to the last one given out
_HELD = 4 << 20  # bytes of results that came before their turn
_GRACE = 0.5
_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


class Died(NamedTuple):
    """A worker ended in the middle of a chunk: killed, out of memory, or crashed."""

    problem: StoreError


def usable_cpus() -> int:
    """Return how many CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_fork() -> bool:
    """Say whether there can be workers on this system."""
    return "fork" in multiprocessing.get_all_start_methods()


class _Job:
    """A chunk on its way: who has it, and what came back of it so far."""

    __slots__ = ("chunk", "has_ended", "parts", "worker")

    def __init__(self, chunk: Any, worker: _Worker) -> None:  # noqa: ANN401 - a chunk is the caller's
        self.chunk = chunk
        self.worker = worker
        self.parts: deque[bytes | Died] = deque()
        self.has_ended = False

    @property
    def held(self) -> int:
        """How many bytes of results are waiting for their turn."""
        return sum(len(part) for part in self.parts if isinstance(part, bytes))


class _Worker:
    """One worker process, this end of its pipe, and the chunks it was given and has not finished."""

    def __init__(self, function: Callable[[Any], Iterable[Any]], others: Iterable[_Worker]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        # What the child inherits of other workers' pipes would keep those workers alive after this process is gone.
        inherited = [self.pipe, *(other.pipe for other in others)]
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else None
        self.process = context.Process(target=_serve, args=(function, theirs, inherited, parent), daemon=True)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # until the child has its own way with them
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        _shut(theirs)
        self.jobs: deque[_Job] = deque()

    def give(self, job: _Job) -> None:
        job.worker = self
        self.jobs.append(job)
        try:
            self.pipe.send(job.chunk)
        except OSError:  # it died, or it will wait for the rest for ever: noticed when its result is waited for
            self.process.kill()

    def receive(self) -> bool:
        """Take one message of results; False if the worker has died, which closes its oldest job."""
        job = self.jobs[0]
        try:
            message = self.pipe.recv_bytes()
        except (EOFError, OSError):
            job.parts.append(Died(self._obituary()))
            job.has_ended = True
            return False
        if message == _END:
            job.has_ended = True
            self.jobs.popleft()
        else:
            job.parts.append(message)
        return True

    def _obituary(self) -> StoreError:
        self.process.join(_GRACE)
        return StoreError(
            problem="the worker process that had it ended unexpectedly", hint="run the command again; nothing is half done"
        )


def run(function: Callable[[C], Iterable[R]], chunks: Iterable[C], workers: int) -> Iterator[tuple[C, R | Died]]:
    """Yield ``(chunk, result)`` for all that ``function`` yields for each chunk, in order, from ``workers`` processes.

    A chunk whose worker ended is closed by a ``Died``; the others go on, in a new worker. A ``SealkitError`` that ``function`` raises
    is raised here. However the iteration ends, no worker outlives it by more than a moment.
    """
    source = iter(chunks)
    team: list[_Worker] = []
    gc.freeze()  # what is here now is shared with the workers, and no collection in one of them need copy it
    try:
        for _ in range(workers):
            team.append(_hire(function, team))
        order: deque[_Job] = deque()
        _give_out(source, team, order)
        while order:
            job = order[0]
            while job.parts:
                yield job.chunk, _result(job.parts.popleft())
            if job.has_ended:
                order.popleft()
            else:
                _collect(team, order, function)
            _give_out(source, team, order)
    finally:
        gc.unfreeze()
        _dismiss(team)


def _give_out(source: Iterator[Any], team: list[_Worker], order: deque[_Job]) -> None:
    """Give the next chunks to those who have least to do."""
    while len(order) < _AHEAD * len(team):
        worker = min(team, key=lambda one: len(one.jobs))
        if len(worker.jobs) == _QUEUED:
            return
        for chunk in islice(source, 1):
            job = _Job(chunk, worker)
            order.append(job)
            worker.give(job)
            break
        else:
            return


def _collect(team: list[_Worker], order: deque[_Job], function: Callable[[Any], Iterable[Any]]) -> None:
    """Wait for results, and take what has come; when much is held already, only from the worker whose turn it is."""
    is_full = sum(job.held for job in order) > _HELD
    asked = [worker for worker in team if worker.jobs and (not is_full or worker is order[0].worker)]
    try:
        ready = wait([worker.pipe for worker in asked])
    except OSError as error:
        raise _unreachable(error) from None
    for worker in asked:
        if worker.pipe in ready and not worker.receive():
            team[team.index(worker)] = _successor(worker, function, team)


def _unreachable(error: OSError) -> StoreError:
    reason = os.strerror(error.errno or 0).lower()
    return StoreError(
        problem=f"the worker processes cannot be waited for: {reason}", hint="run the command again; nothing is half done"
    )


def _result(part: bytes | Died) -> Any:  # noqa: ANN401 - a result is the caller's
    if isinstance(part, Died):
        return part
    value = ForkingPickler.loads(memoryview(part)[1:])
    if part[:1] == _ERROR:
        raise value
    return value


def _hire(function: Callable[[Any], Iterable[Any]], team: Iterable[_Worker]) -> _Worker:
    try:
        return _Worker(function, team)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
    raise StoreError(problem=f"a worker process cannot be started: {reason}", hint="--workers 1 does without any")


def _shut(pipe: Connection[Any, Any]) -> None:
    """Close an end of a pipe; whether the system likes it changes nothing."""
    try:
        pipe.close()
    except OSError:
        pass


def _successor(dead: _Worker, function: Callable[[Any], Iterable[Any]], team: list[_Worker]) -> _Worker:
    """Return a new worker that has the chunks the dead one was given, but for the one it died of."""
    _shut(dead.pipe)
    worker = _hire(function, [other for other in team if other is not dead])
    for job in islice(dead.jobs, 1, None):
        worker.give(job)
    return worker


def _dismiss(team: list[_Worker]) -> None:
    """Let the workers finish what they are at, and end those that take too long: records are whole either way."""
    for worker in team:
        _shut(worker.pipe)
    deadline = time.monotonic() + _GRACE
    for worker in team:
        try:
            worker.process.join(max(0.0, deadline - time.monotonic()))
        except OSError:  # out of memory: then without waiting
            pass
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        try:
            worker.process.close()  # lets go of its descriptor now
        except OSError:
            pass


def _serve(
    function: Callable[[Any], Iterable[Any]], pipe: Connection[Any, Any], inherited: list[Connection[Any, Any]], parent: int | None
) -> None:
    """Live as a worker: until the other end of the pipe is closed, or the ``parent``, if its main thread forked us, has died."""
    if parent is not None and not kernel.end_with(parent):
        return
    for other in inherited:
        _shut(other)
    for number in (signal.SIGINT, signal.SIGHUP):  # the terminal sends them to all; the parent decides
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    try:
        while True:
            chunk = pipe.recv()
            try:
                for result in function(chunk):
                    pipe.send_bytes(_PART + ForkingPickler.dumps(result))
            except SealkitError as error:
                pipe.send_bytes(_ERROR + ForkingPickler.dumps(error.with_traceback(None)))
            pipe.send_bytes(_END)
    except (EOFError, OSError):
        return
