"""Worker processes: results in order, dynamic sharing of the work, deaths, errors, and bounded memory."""

import array
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from sealkit.errors import StoreError, Usage
from sealkit.trees import pool


def doubled(chunk):
    for number in chunk:
        yield number * 2


def chunks(count, size=3):
    return [[size * index + offset for offset in range(size)] for index in range(count)]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 50])
def test_results_come_in_the_order_of_the_chunks(workers, count):
    given = chunks(count)
    assert list(pool.run(doubled, given, workers)) == [(chunk, number * 2) for chunk in given for number in chunk]


def test_a_slow_chunk_delays_its_own_worker_only():
    def work(chunk):
        if chunk == 0:
            time.sleep(0.4)
        yield os.getpid()

    by = [result for _, result in pool.run(work, range(8), 2)]
    assert len(set(by)) == 2
    assert by.count(by[0]) < 4  # whoever was not asleep did the others


def test_chunks_are_taken_no_faster_than_they_are_done():
    taken = []

    def source():
        for index in range(100):
            taken.append(index)
            yield index

    running = pool.run(lambda chunk: [chunk], source(), 2)
    next(running)
    assert len(taken) <= 2 * 4 + 1
    running.close()


def test_results_before_their_turn_wait_in_the_pipe_when_there_are_many(monkeypatch):
    monkeypatch.setattr(pool, "_HELD", 1 << 20)
    held = []
    collect = pool._collect

    def noted(team, order, function):
        held.append(sum(job.held for job in order))
        collect(team, order, function)

    monkeypatch.setattr(pool, "_collect", noted)

    def work(chunk):
        if chunk == 0:
            time.sleep(0.5)
        for _ in range(16):
            yield bytes(1 << 20)

    results = [len(result) for _, result in pool.run(work, range(6), 2)]
    assert results == [1 << 20] * 96
    assert max(held) <= 3 << 20


@pytest.mark.parametrize("killed", [0, 3, 7])
def test_the_chunk_of_a_worker_that_dies_is_closed_and_the_others_are_done(killed):
    def work(chunk):
        yield "begun"
        if chunk == killed:
            os.kill(os.getpid(), signal.SIGKILL)
        yield "done"

    results = list(pool.run(work, range(8), 2))
    dead = [chunk for chunk, result in results if isinstance(result, pool.Died)]
    assert dead == [killed]
    assert [chunk for chunk, result in results if result == "done"] == [chunk for chunk in range(8) if chunk != killed]
    assert [chunk for chunk, _ in results] == sorted(chunk for chunk, _ in results)
    assert isinstance(next(result for _, result in results if isinstance(result, pool.Died)).problem, StoreError)


def test_a_worker_that_fails_in_an_unforeseen_way_closes_its_chunk_without_a_word(capfd):
    def work(chunk):
        yield chunk // (chunk - 2)

    results = list(pool.run(work, range(6), 2))
    assert [chunk for chunk, result in results if isinstance(result, pool.Died)] == [2]
    assert [result for _, result in results if not isinstance(result, pool.Died)] == [0, -1, 3, 2, 1]
    assert capfd.readouterr() == ("", "")


def test_chunks_and_results_that_fit_into_no_pipe():
    def work(chunk):
        yield from (chunk, chunk)

    given = [bytes([number]) * (3 << 20) for number in range(9)]
    assert [result for _, result in pool.run(work, given, 2)] == [chunk for chunk in given for _ in range(2)]


PLAIN = [(1, "a", b"b", None, True, 2.5), [("\udcff", {("k", None, 0): 1})], b"", "", 0, None, (), "same", "same"]
OBJECTS = [Usage(problem="an object"), [("path", StoreError(problem="of a chunk"))], {"a": frozenset({1})}, range(3)]


@pytest.mark.parametrize("values", [PLAIN, OBJECTS, [value for pair in zip(PLAIN, OBJECTS, strict=False) for value in pair]])
def test_values_of_all_kinds_come_through_both_ways(values):
    def work(chunk):
        yield chunk
        yield repr(chunk)

    results = list(pool.run(work, values, 2))
    assert [str(result) for _, result in results[::2]] == [str(value) for value in values]
    assert [type(result) for _, result in results[::2]] == [type(value) for value in values]
    assert [result for _, result in results[1::2]] == [repr(value) for value in values]


def test_plain_values_need_no_pickle(tmp_path):
    program = "import sys; from sealkit.trees import pool; list(pool.run(lambda chunk: [chunk], [[('a', b'b', None)]], 1)); print('pickle' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, check=True).stdout == b"False\n"


def test_what_was_done_before_an_error_comes_before_it():
    def work(chunk):
        yield from range(chunk)
        raise Usage(problem="after them")

    running = pool.run(work, [3, 1], 2)
    assert [next(running)[1] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Usage, match="after them"):
        next(running)


@pytest.mark.skipif(not hasattr(fcntl, "F_GETPIPE_SZ"), reason="Linux only")
def test_a_worker_writes_a_usual_result_without_waiting_for_anybody():
    def work(chunk):
        yield bytes(200_000)

    running = pool.run(work, range(3), 1)
    next(running)
    (pipe,) = {fd for fd in map(int, os.listdir("/proc/self/fd")) if _is_wide(fd)}
    waiting = array.array("i", [0])
    deadline = time.monotonic() + 10
    while waiting[0] < 400_000 and time.monotonic() < deadline:
        time.sleep(0.01)
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    assert waiting[0] >= 400_000  # both others, though nobody asked for them yet
    running.close()


def _is_wide(fd):
    try:
        return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) >= 1 << 20
    except OSError:
        return False


def test_an_error_is_raised_in_its_turn():
    def work(chunk):
        if chunk == 3:
            raise Usage(problem="three")
        time.sleep(0.05)
        yield chunk

    running = pool.run(work, range(6), 2)
    assert [next(running)[1] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Usage, match="three"):
        next(running)


@pytest.mark.parametrize("how", ["to the end", "closed", "an error"])
def test_workers_do_what_is_to_be_done_at_their_end(how, tmp_path):
    def work(chunk):
        if how == "an error" and chunk == 5:
            raise Usage(problem="five")
        yield chunk

    def at_end():
        (tmp_path / str(os.getpid())).touch()

    running = pool.run(work, range(9), 3, at_end=at_end)
    if how == "closed":
        next(running)
        running.close()
    elif how == "an error":
        with pytest.raises(Usage):
            list(running)
    else:
        assert len(list(running)) == 9
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux only")
@pytest.mark.parametrize(("seconds", "end_at_once"), [(30, True), (0.5, False)])
def test_no_worker_outlives_a_parent_that_is_killed_whatever_it_is_at(seconds, end_at_once):
    readable, writable = os.pipe()

    def work(chunk):
        os.write(writable, b"%20d" % os.getpid())
        time.sleep(seconds)
        yield chunk

    parent = os.fork()
    if parent == 0:
        list(pool.run(work, [0, 1], 2, end_at_once=end_at_once))
        os._exit(1)
    try:
        workers = [os.pidfd_open(int(os.read(readable, 20))) for _ in range(2)]
    finally:
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
    for worker in workers:
        assert select.select([worker], [], [], 2)[0], "a worker outlives it"
        os.close(worker)
    os.close(readable)
    os.close(writable)


def test_no_worker_outlives_the_iteration():
    running = pool.run(lambda chunk: [os.getpid()], range(100), 3)
    pids = {next(running)[1] for _ in range(20)}
    running.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
