"""F7: SIGKILL at random moments of a rotation by two workers, to the parent or to a worker, over and over; and long rotations resumed."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from fault_runs import members, outlived
from fault_tree import Tree, many

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

IN_CHUNKS = {
    "sealkit.trees.batch.CHUNK": 16,
    "sealkit.trees.batch.WRITE_CHUNK": 16,
    "sealkit.trees.replace.GROUP": 6,
    "sealkit.trees.replace.SYNCFS": 4,
}
OTHER = {"k1": "k2", "k2": "k1"}
DONE, SOME_FAILED = 0, 4


def rotation(to):
    return "rotate", "--workers", "2", "--to", to, "tree"


def kill_one(run, chance):
    """Kill the process or one of its workers; say which."""
    group = members(run.pid)
    victim = chance.choice(group) if group else run.pid
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return "nobody"
    return "parent" if victim == run.pid else "worker"


def complete(tree, to):
    """The next run completes, and one more changes nothing."""
    run = tree.place.run(*rotation(to), settings=IN_CHUNKS)
    assert run.status == DONE, run
    tree.check_complete(to)
    tree.check_tidy()
    before = tree.state()
    assert tree.place.run(*rotation(to), settings=IN_CHUNKS).status == DONE
    assert tree.state() == before


@pytest.mark.parametrize(
    ("kills", "records"),
    [(20, 100), pytest.param(40, 100, marks=pytest.mark.slow), pytest.param(2000, 500, marks=pytest.mark.faults)],
)
def test_random_kills(place, kills, records, amount):
    chance = random.Random(20260104)
    tree = Tree(place, many(records)).make("k1")
    start = time.monotonic()
    assert place.run(*rotation("k2"), settings=IN_CHUNKS).status == DONE
    takes, to = time.monotonic() - start, "k1"
    killed = {"parent": 0, "worker": 0, "nobody": 0}
    for number in range(amount(kills)):
        run = place.start(*rotation(to), settings=IN_CHUNKS)
        time.sleep(chance.uniform(0, takes))
        who = kill_one(run, chance)
        status = run.wait()
        killed[who] += 1
        left = outlived(run.pid)
        assert not left, f"kill {number} of {who}: orphans {left}"
        assert status in (DONE, SOME_FAILED, -signal.SIGKILL), run
        assert "Traceback" not in run.err, run
        tree.check_whole("k1", "k2")
        if status == DONE:
            tree.check_complete(to)
        if not number % 10:
            complete(tree, to)
            to = OTHER[to]
    complete(tree, to)
    assert min(killed["parent"], killed["worker"]) > 0, killed


@pytest.mark.parametrize("records", [600, pytest.param(10_000, marks=pytest.mark.faults)])
def test_interrupted_and_resumed_is_as_if_it_had_not_been(place, records):
    """The same payloads under the same key, after any number of interruptions."""
    chance = random.Random(records)
    tree = Tree(place, many(records)).make("k1")
    interruptions = 0
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        run = place.start(*rotation("k2"))
        untouched = tree.keys()
        while "k2" not in untouched.values() and members(run.pid):
            sample = chance.sample(tree.sources, 5)
            if any(one.keys((tree.root / one.name).read_bytes()) == ["k2"] for one in sample):
                break
        time.sleep(chance.uniform(0, 0.05))
        try:
            os.kill(run.pid, number)
        except ProcessLookupError:
            pass
        interruptions += run.wait(120) != DONE
        assert not outlived(run.pid)
        tree.check_whole("k1", "k2")
    run = place.run(*rotation("k2"), timeout=300)
    assert run.status == DONE, run
    assert interruptions, "it was never interrupted"
    tree.check_complete("k2")
    tree.check_secrets()
    tree.check_tidy()
