"""F15: signals at random moments: the run ends at once, says so by its status, and the next one completes."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from fault_runs import members, outlived
from fault_tree import Tree, many

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

RECORDS = 120
DONE = 0
# SIGPIPE is ignored by Python; what ends a pipe is the write that fails.
STATUSES = {
    "INT": {130},
    "TERM": {143},
    "HUP": {129},
    "PIPE": {DONE},
    "TSTP": {DONE},
}
ENDS_WITHIN = 1.0  # seconds; generously more on a machine that does other things


@pytest.mark.parametrize("times", [2, pytest.param(8, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.faults)])
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("name", STATUSES)
def test_at_random_moments(place, name, workers, times, amount):
    number = getattr(signal, f"SIG{name}")
    chance = random.Random(f"{name}{workers}")
    tree = Tree(place, many(RECORDS))
    settings = {"sealkit.trees.batch.CHUNK": 8, "sealkit.trees.batch.WRITE_CHUNK": 8}
    takes, interrupted, slowest = at_work(place, tree, workers, settings), 0, 0.0
    tries = 0
    while tries < amount(times) or (not interrupted and STATUSES[name] != {DONE} and tries < 8 * times):
        tries += 1
        tree.make("k1")
        run = place.start("rotate", "--workers", workers, "tree", settings=settings)
        wait_until_it_works(tree)
        time.sleep(chance.uniform(0, takes))
        sent = time.monotonic()
        send(run, number)
        status = run.wait()
        slowest = max(slowest, time.monotonic() - sent)
        status = status if status >= 0 else 128 - status  # as a shell has it; the interpreter's own end knows no handlers
        assert status in STATUSES[name] | {DONE}, run
        if status == DONE:
            takes *= 0.9
            tree.check_complete("k2")
        else:
            interrupted += 1
        assert "Traceback" not in run.err, run
        assert not outlived(run.pid, ENDS_WITHIN), f"processes outlive {name}"
        tree.check_whole("k1", "k2")
        run = place.run("rotate", "--workers", workers, "tree", settings=settings)
        assert run.status == DONE, run
        tree.check_complete("k2")
        tree.check_tidy()
    assert interrupted or STATUSES[name] == {DONE}, "it always came too late"
    if STATUSES[name] != {DONE}:
        assert slowest < 5 * ENDS_WITHIN


def at_work(place, tree, workers, settings):
    """How long an undisturbed run works, in seconds, from when it holds the tree."""
    tree.make("k1")
    run = place.start("rotate", "--workers", workers, "tree", settings=settings)
    wait_until_it_works(tree)
    start = time.monotonic()
    assert run.wait() == DONE, run
    return time.monotonic() - start


def wait_until_it_works(tree):
    """Signals before the tree is locked are the interpreter's affair."""
    lock = tree.root / ".sealkit" / "lock"
    deadline = time.monotonic() + 20
    while not lock.exists() and time.monotonic() < deadline:
        time.sleep(0.0005)


def send(run, number):
    """To the whole group where a terminal would, else to the process; what was stopped goes on."""
    try:
        if number in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP):
            os.killpg(run.pid, number)
        else:
            os.kill(run.pid, number)
        if number == signal.SIGTSTP:
            time.sleep(0.02)
            os.killpg(run.pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def test_a_second_interrupt_does_no_harm(place):
    """Whoever presses Ctrl-C twice gets the same end."""
    tree = Tree(place, many(RECORDS)).make("k1")
    run = place.start("rotate", "tree", settings={"sealkit.trees.batch.CHUNK": 8, "sealkit.trees.batch.WRITE_CHUNK": 8})
    wait_until_it_works(tree)
    for _ in range(5):
        send(run, signal.SIGINT)
        time.sleep(0.002)
    assert run.wait() in {130, DONE, -signal.SIGINT}, run
    assert "Traceback" not in run.err, run
    assert not members(run.pid)
    tree.check_whole("k1", "k2")
    assert place.run("rotate", "tree").status == DONE
    tree.check_complete("k2")
    tree.check_tidy()
