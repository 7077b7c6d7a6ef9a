"""Worker processes that do chunks of work in parallel and hand on the results in the order of the chunks.

Workers are forked: they inherit what the work needs, keys included, and nothing of it goes through a pipe. Each has a pair of pipes and
at most two chunks at a time; whoever is done first gets the next one. Results that come before their turn are held, up to a limit, and
beyond it wait in the pipes: memory stays bounded however large the tree.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import threading
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeVar

from sealkit.errors import SealkitError, StoreError
from sealkit.trees import kernel, messages
from sealkit.trees.folders import release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

C = TypeVar("C")
R = TypeVar("R")

_PART, _LAST, _END, _ERROR = b"p", b"l", b"e", b"x"
_CLOSING: Final = frozenset({_LAST, _END, _ERROR})
_QUEUED = 2
_AHEAD = 4  # chunks a worker, from the one whose turn it is to the last one given out
_HELD = 4 << 20  # bytes of results that came before their turn
_GRACE = 0.5
_MOMENT = 0.0002
_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


class _Work(NamedTuple):
    """What workers do with each chunk and after the last one, and whether they end in the middle of one if the process that forked them does."""

    function: Callable[[Any], Iterable[Any]]
    at_end: Callable[[], None]
    end_at_once: bool


class Died(NamedTuple):
    """A worker ended in the middle of a chunk: killed, out of memory, or crashed."""

    problem: StoreError


def usable_cpus() -> int:
    """Return how many CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_fork() -> bool:
    """Say whether there can be workers on this system."""
    return hasattr(os, "fork")


class _Job:
    """A chunk on its way: who has it, and what came back of it so far."""

    __slots__ = ("chunk", "has_ended", "parts", "worker")

    def __init__(self, chunk: Any, worker: _Worker) -> None:
        self.chunk = chunk
        self.worker = worker
        self.parts: deque[bytes | Died] = deque()
        self.has_ended = False

    @property
    def held(self) -> int:
        """How many bytes of results are waiting for their turn."""
        return sum(len(part) for part in self.parts if isinstance(part, bytes))


class _Worker:
    """One worker process, this end of its two pipes, and the chunks it was given and has not finished.

    A chunk is written as far as its pipe takes it, and the rest later: a worker that waits for its results to be taken reads nothing.
    """

    def __init__(self, work: _Work, others: Iterable[_Worker]) -> None:
        self.jobs: deque[_Job] = deque()
        self.unsent = b""
        self._status: int | None = None
        chunks, self.chunks = os.pipe()
        try:
            self.results, results = os.pipe()
            kernel.widen(results)
        except OSError:
            _shut(chunks, self.chunks)
            raise
        # What the child inherits of other workers' pipes would keep those workers alive after this process is gone.
        inherited = [self.chunks, self.results, *(end for other in others for end in (other.chunks, other.results))]
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else None
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # until the child has its own way with them
        try:
            os.set_blocking(self.chunks, False)
            self._pid = os.fork()
            if not self._pid:
                _live(work, chunks, results, inherited, parent)
        except OSError:
            _shut(self.chunks, self.results)
            raise
        finally:
            _shut(chunks, results)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def give(self, job: _Job) -> None:
        job.worker = self
        self.jobs.append(job)
        chunk = messages.pack(job.chunk)
        self.unsent += messages.head(len(chunk)) + chunk
        self.send()

    def send(self) -> None:
        """Write what the pipe takes of the chunks that are still to be written."""
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.chunks, self.unsent) :]
        except BlockingIOError:
            return
        except OSError:  # it died, or it will wait for the rest for ever: noticed when its result is waited for
            self.unsent = b""
            self.kill()

    def receive(self) -> bool:
        """Take one message of results; False if the worker has died, which closes its oldest job."""
        job = self.jobs[0]
        try:
            message = messages.read(self.results)
        except (EOFError, OSError):
            job.parts.append(Died(self._obituary()))
            job.has_ended = True
            return False
        kind = message[:1]
        if kind != _END:
            job.parts.append(message)
        if kind in _CLOSING:
            job.has_ended = True
            self.jobs.popleft()
        return True

    def _obituary(self) -> StoreError:
        self.has_ended(time.monotonic() + _GRACE)
        return StoreError(
            problem="the worker process that had it ended unexpectedly", hint="run the command again; nothing is half done"
        )

    def has_ended(self, deadline: float) -> bool:
        """Wait for the process to end until ``deadline``, and say whether it did."""
        while self._status is None:
            try:
                ended, status = os.waitpid(self._pid, os.WNOHANG)
                if ended:
                    self._status = status
                    break
            except ChildProcessError:  # somebody else took its status
                self._status = 0
                break
            except OSError:  # out of memory: asked again
                pass
            if time.monotonic() >= deadline:
                return False
            time.sleep(_MOMENT)
        return True

    def kill(self) -> None:
        """Kill the process, unless its status was taken: its number may be another's then."""
        if self._status is None:
            try:
                os.kill(self._pid, signal.SIGKILL)
            except OSError:
                pass


def _nothing() -> None:
    """Do nothing after the last chunk."""


def run(
    function: Callable[[C], Iterable[R]],
    chunks: Iterable[C],
    workers: int,
    *,
    at_end: Callable[[], None] = _nothing,
    end_at_once: bool = True,
) -> Iterator[tuple[C, R | Died]]:
    """Yield ``(chunk, result)`` for all that ``function`` yields for each chunk, in order, from ``workers`` processes.

    A worker that is not killed does what is to be done ``at_end``, however the iteration ended.
    A chunk whose worker ended is closed by a ``Died``; the others go on, in a new worker. A ``SealkitError`` that ``function`` raises
    is raised here. However the iteration ends, no worker outlives it by more than a moment. If this process is killed, they ``end_at_once``,
    or else with the next result that nobody takes: what asks the system for the first takes long to import.
    """
    work = _Work(function, at_end, end_at_once)
    source = iter(chunks)
    team: list[_Worker] = []
    gc.freeze()  # what is here now is shared with the workers, and no collection in one of them need copy it
    try:
        for _ in range(workers):
            team.append(_hire(work, team))
        order: deque[_Job] = deque()
        _give_out(source, team, order)
        while order:
            job = order[0]
            while job.parts:
                yield job.chunk, _result(job.parts.popleft())
            if job.has_ended:
                order.popleft()
            else:
                _collect(team, order, work)
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


def _collect(team: list[_Worker], order: deque[_Job], work: _Work) -> None:
    """Wait for results, and take what has come; when much is held already, only from the worker whose turn it is."""
    is_full = sum(job.held for job in order) > _HELD
    asked = [worker for worker in team if worker.jobs and (not is_full or worker is order[0].worker)]
    poll = select.poll()
    for worker in asked:
        poll.register(worker.results, select.POLLIN)
    for worker in team:
        if worker.unsent:
            poll.register(worker.chunks, select.POLLOUT)
    try:
        ready = {fd for fd, _ in poll.poll()}
    except OSError as error:
        raise _unreachable(error) from None
    for worker in team:
        if worker.chunks in ready:
            worker.send()
    for worker in asked:
        if worker.results in ready and not worker.receive():
            team[team.index(worker)] = _successor(worker, work, team)


def _unreachable(error: OSError) -> StoreError:
    reason = os.strerror(error.errno or 0).lower()
    return StoreError(
        problem=f"the worker processes cannot be waited for: {reason}", hint="run the command again; nothing is half done"
    )


def _result(part: bytes | Died) -> Any:
    if isinstance(part, Died):
        return part
    value = messages.unpack(memoryview(part)[1:])
    if part[:1] == _ERROR:
        raise value
    return value


def _hire(work: _Work, team: Iterable[_Worker]) -> _Worker:
    try:
        return _Worker(work, team)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
    raise StoreError(problem=f"a worker process cannot be started: {reason}", hint="--workers 1 does without any")


def _shut(*pipes: int) -> None:
    """Close ends of pipes."""
    for pipe in pipes:
        release(pipe)


def _successor(dead: _Worker, work: _Work, team: list[_Worker]) -> _Worker:
    """Return a new worker that has the chunks the dead one was given, but for the one it died of."""
    _shut(dead.chunks, dead.results)
    worker = _hire(work, [other for other in team if other is not dead])
    for job in islice(dead.jobs, 1, None):
        worker.give(job)
    return worker


def _dismiss(team: list[_Worker]) -> None:
    """Let the workers finish what they are at, and end those that take too long: records are whole either way."""
    for worker in team:
        _shut(worker.chunks, worker.results)
    deadline = time.monotonic() + _GRACE
    for worker in team:
        if not worker.has_ended(deadline):
            worker.kill()
            worker.has_ended(deadline + _GRACE)


# --- in the worker ---------------------------------------------------------------------------------------------------
def _live(work: _Work, chunks: int, results: int, inherited: list[int], parent: int | None) -> NoReturn:
    """Live as a worker, and end without a word: what is open or buffered here is the parent's to end."""
    try:
        _serve(work, chunks, results, inherited, parent)
    finally:
        os._exit(0)


def _serve(work: _Work, chunks: int, results: int, inherited: list[int], parent: int | None) -> None:
    """Do what comes, until the other end of the pipe is closed, or the ``parent``, if its main thread forked us, has died."""
    if parent is not None and work.end_at_once and not kernel.end_with(parent):
        return
    _shut(*inherited)
    for number in (signal.SIGINT, signal.SIGHUP):  # the terminal sends them to all; the parent decides
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    try:
        while True:
            _work_on(messages.unpack(messages.read(chunks)), work, results)
    except (EOFError, OSError):
        work.at_end()


def _work_on(chunk: Any, work: _Work, results: int) -> None:
    """Write what comes of a chunk; each result when the next one is there, so that the last one says that it is the last."""
    before: bytes | None = None
    try:
        for result in work.function(chunk):
            if before is not None:
                messages.write(results, _PART, before)
            before = messages.pack(result)
    except SealkitError as error:
        if before is not None:
            messages.write(results, _PART, before)
        messages.write(results, _ERROR, messages.pack(error.with_traceback(None)))
    else:
        messages.write(results, _END if before is None else _LAST, before or b"")
