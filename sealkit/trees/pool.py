"""Worker processes that do chunks of work in parallel and hand on the results in the order of the chunks.

Workers are forked: they inherit what the work needs, keys included, and nothing of it is ever pickled. Each has a pipe of its own and
at most two chunks at a time, and its results wait in the pipe until they are taken: memory stays bounded however large the tree.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
from collections import deque
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from sealkit.errors import SealkitError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

C = TypeVar("C")
R = TypeVar("R")

_PART: Final = "part"
_END: Final = "end"
_ERROR: Final = "error"
_QUEUED = 2
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


class _Worker:
    """One worker process, this end of its pipe, and the chunks it was given and has not finished."""

    def __init__(self, function: Callable[[Any], Iterable[Any]], others: Iterable[_Worker]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        # What the child inherits of other workers' pipes would keep those workers alive after this process is gone.
        inherited = [self.pipe, *(other.pipe for other in others)]
        self.process = context.Process(target=_serve, args=(function, theirs, inherited), daemon=True)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # until the child has its own way with them
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        _shut(theirs)
        self.chunks: deque[Any] = deque()

    def give(self, chunk: Any) -> None:  # noqa: ANN401 - a chunk is the caller's
        self.chunks.append(chunk)
        try:
            self.pipe.send(chunk)
        except OSError:  # it died, or it will wait for the rest for ever: noticed when its result is waited for
            self.process.kill()

    def results(self) -> Iterator[Any]:
        """Yield the results of its oldest chunk; ``Died`` last if it ended on the way."""
        while True:
            try:
                kind, value = self.pipe.recv()
            except (EOFError, OSError):
                yield Died(self._obituary())
                return
            if kind == _ERROR:
                raise value
            if kind == _END:
                self.chunks.popleft()
                return
            yield value

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
        order: deque[int] = deque()
        for index, chunk in zip(cycle(range(workers)), islice(source, workers * _QUEUED), strict=False):
            team[index].give(chunk)
            order.append(index)
        while order:
            index = order.popleft()
            worker = team[index]
            chunk = worker.chunks[0]
            for result in worker.results():
                yield chunk, result
                if isinstance(result, Died):
                    team[index] = _successor(worker, function, team)
            for following in islice(source, 1):
                team[index].give(following)
                order.append(index)
    finally:
        gc.unfreeze()
        _dismiss(team)


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
    for chunk in islice(dead.chunks, 1, None):
        worker.give(chunk)
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


def _serve(function: Callable[[Any], Iterable[Any]], pipe: Connection[Any, Any], inherited: list[Connection[Any, Any]]) -> None:
    """Live as a worker: until the other end of the pipe is closed."""
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
                    pipe.send((_PART, result))
                pipe.send((_END, None))
            except SealkitError as error:
                pipe.send((_ERROR, error.with_traceback(None)))
    except (EOFError, OSError):
        return
