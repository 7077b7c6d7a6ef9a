"""F8: several sealkits at once, with all kinds of commands: one holds the tree, the others say so, and the result is complete."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from fault_tree import Source, Tree, many

RECORDS = 40
DONE, NOTHING, BUSY = 0, 2, 75
WRITERS = (
    ("rotate", "--to", "k2", "tree"),
    ("rotate", "--to", "k1", "tree"),
    ("seal", "tree"),
    ("rotate", "--workers", "2", "tree"),
)
READERS = (
    ("verify", "tree"),
    ("decrypt", "--json", "tree"),
    ("inspect", "tree"),
    ("rotate", "--check", "tree"),
    ("rotate", "--status", "tree"),
)
ROLL_BACK = ("rotate", "--rollback", "tree")
FINDINGS = 1  # of --check: something would change


def allowed(args):
    if args in READERS:
        return {DONE, FINDINGS} if args[1].startswith("--") else {DONE}
    return {DONE, BUSY, NOTHING} if args == ROLL_BACK else {DONE, BUSY}


@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.faults)])
def test_mixed_commands(place, rounds, amount):
    chance = random.Random(rounds)
    tree = Tree(place, many(RECORDS)).make("k1")
    done = busy = 0
    for number in range(amount(rounds)):
        writers = chance.choices([*WRITERS, ROLL_BACK], k=chance.randint(2, 4))
        chosen = [*writers, *chance.choices(READERS, k=chance.randint(0, 1))]
        runs = [(args, place.start(*args)) for args in chosen]
        for args, run in runs:
            assert run.wait() in allowed(args), f"round {number}: {args}: {run}"
            assert "Traceback" not in run.err, run
            busy += run.status == BUSY
            done += run.status == DONE and args in writers
        assert any(run.status != BUSY for args, run in runs if args in writers), f"round {number}: everybody was busy: {chosen}"
        tree.check_whole("k1", "k2")
        tree.check_tidy()
    assert done
    assert busy
    run = place.run("rotate", "tree")
    assert run.status == DONE, run
    tree.check_complete("k2")
    tree.check_secrets()


def test_exactly_one_holds_the_tree(place):
    """While one is stopped in the middle, no other gets in; when it goes on, it completes."""
    tree = Tree(place, many(400)).make("k1")
    holder = place.start("rotate", "tree")
    first = tree.root / tree.sources[0].name
    old = first.read_bytes()
    deadline = time.monotonic() + 20
    while first.read_bytes() == old and time.monotonic() < deadline:
        time.sleep(0.0005)
    os.kill(holder.pid, signal.SIGSTOP)
    before = {source.name: (tree.root / source.name).read_bytes() for source in tree.sources}
    for args in (*WRITERS, ROLL_BACK):
        run = place.run(*args)
        assert run.status == BUSY, run
        assert f"process {holder.pid} " in run.err, run
    for args in READERS:
        assert place.run(*args).status in {DONE, FINDINGS}
    assert before == {source.name: (tree.root / source.name).read_bytes() for source in tree.sources}
    os.kill(holder.pid, signal.SIGCONT)
    assert holder.wait() == DONE
    tree.check_complete("k2")
    tree.check_tidy()


def test_trees_side_by_side_do_not_wait_for_each_other(place):
    """Two trees, each with a lock of its own; one inside the other is safe, too."""
    outer, inner = Tree(place, many(60)).make("k1"), many(60)
    names = {source.name for source in outer.sources}
    outer.sources += [Source(f"inner/{one.name}", one.segments, one.payloads) for one in inner]
    for source in outer.sources:
        if source.name not in names:
            (outer.root / source.name).parent.mkdir(parents=True, exist_ok=True)
            (outer.root / source.name).write_bytes(source.bytes("k1"))
    runs = [place.start("rotate", "tree"), place.start("rotate", "tree/inner")]
    statuses = [run.wait() for run in runs]
    outer.check_whole("k1", "k2")
    assert set(statuses) <= {DONE, 4}, runs
    assert place.run("rotate", "tree").status == DONE
    outer.check_complete("k2")
