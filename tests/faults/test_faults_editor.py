"""F9: somebody saves while ``rotate`` or ``seal`` works on the same record. Not one save is lost."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import pytest
from fault_points import Violations
from fault_tree import Source, Tree

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

ALLOWED = {0, 1, 2, 4}  # done; half a save was read and is a finding, or all are empty just now; saved over and over
HEAD, TAIL = b'---\ntitle: "edited"\nsecured: ', b"\n---\nThe text.\n"


class Editor:
    """An editor with one record open: it saves the text it has, with a new last line each time."""

    def __init__(self, path):
        self.path = path
        self.text = path.read_bytes()
        self.saves = 0

    def line(self):
        self.saves += 1
        return f"save {self.saves}\n".encode()

    def truncate(self):
        """In place, as vim with backupcopy=yes and most small programs do."""
        line = self.line()
        with open(self.path, "wb") as file:
            file.write(self.text + line)
        return self.text + line

    def rename(self):
        """A new file that takes the old one's place, as most editors do."""
        line, beside = self.line(), self.path.with_name("editor.tmp")
        beside.write_bytes(self.text + line)
        os.rename(beside, self.path)
        return self.text + line

    def append(self):
        """A line more at the end, as a log or ``>>`` does."""
        line = self.line()
        with open(self.path, "ab") as file:
            file.write(line)
        return line


@pytest.mark.parametrize("saves", [30, pytest.param(60, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.faults)])
@pytest.mark.parametrize("style", ["truncate", "rename", "append"])
@pytest.mark.parametrize("verb", ["rotate", "seal"])
def test_no_save_is_lost(place, verb, style, saves, amount):
    chance = random.Random(f"{verb}{style}")
    tree = Tree(place, [Source("note.md", [HEAD, TAIL], [b"the payload of a record that is being edited"])])
    path = tree.root / "note.md"
    made = during = 0
    takes = 0.03
    while made < amount(saves):
        tree.make("k1" if verb == "rotate" else None)
        editor = Editor(path)
        start = time.monotonic()
        run = place.start(verb, "tree" if chance.random() < 0.8 else "tree/note.md")
        time.sleep(chance.uniform(0, takes))
        expected = []
        for _ in range(chance.randint(1, 4)):
            expected.append(getattr(editor, style)())
            during += run_is_alive(run)
            time.sleep(chance.uniform(0, 0.005))
        assert run.wait() in ALLOWED, run
        takes = 0.9 * takes + 0.1 * (time.monotonic() - start)
        assert "Traceback" not in run.err, run
        check(tree, style, expected, f"{verb} {style}, save {made} and on: {run}")
        made += len(expected)
        run = place.run(verb, "tree")
        assert run.status == 0, run
        check(tree, style, expected, f"{verb} {style}, save {made}, the next run: {run}")
        tree.check_tidy()
    assert during > made / 10, "the saves missed the runs"


# The calls around which a save is in most danger; those of the whole run are behind the marker.
CRITICAL = ("fchmod", "renameat", "renameat2")


@pytest.mark.parametrize("chosen", [CRITICAL, pytest.param(None, marks=pytest.mark.faults)], ids=["critical", "all"])
@pytest.mark.parametrize("style", ["truncate", "rename", "append"])
@pytest.mark.parametrize("verb", ["rotate", "seal"])
def test_a_save_after_every_call(strace, place, verb, style, chosen, share, counted):
    """The run is stopped after a call, the record is saved, the run goes on; and so for every call there is."""
    first, step = (0, 1) if chosen else share
    tree = Tree(place, [Source("note.md", [HEAD, TAIL], [b"the payload of a record that is being edited"])])
    tree.make("k1" if verb == "rotate" else None)
    violations = Violations()
    for offset, call in enumerate(chosen or place.traced(verb, "tree")[1].calls()):
        number = 1 + (first - offset) % step
        while saved_after(tree, verb, style, call, number, violations):
            number += step
    counted(violations.points)
    violations.end(least=3 if step == 1 else 0)


def saved_after(tree, verb, style, call, number, violations):
    tree.make("k1" if verb == "rotate" else None)
    editor, expected = Editor(tree.root / "note.md"), []
    tracer = tree.place.trace(verb, "tree", inject=f"{call}:signal=STOP:when={number}", calls=call)
    hit = tracer.reaches_its_stop()
    if hit:
        saving = threading.Thread(target=lambda: expected.append(getattr(editor, style)()))
        saving.start()
        saving.join(0.03)  # longer, if the system lets nobody write just now
        os.kill(tracer.run.pid, signal.SIGCONT)
    tracer.end()
    if hit:
        saving.join()
        violations.watch(f"{call} no. {number}", lambda: after_a_save(tree, verb, style, expected, tracer.run))
    return hit


def after_a_save(tree, verb, style, expected, run):
    assert run.status in ALLOWED, run
    assert "Traceback" not in run.err, run
    check(tree, style, expected, run)
    run = tree.place.run(verb, "tree")
    assert run.status == 0, run
    check(tree, style, expected, f"the next run: {run}")
    tree.check_tidy()


def run_is_alive(run):
    return os.path.exists(f"/proc/{run.pid}/fd")


def check(tree, style, expected, what):
    """The record is as it was saved last, but for the blob; of appended lines, all are there."""
    data = (tree.root / "note.md").read_bytes()
    lines = b"".join(expected) if style == "append" else expected[-1].rpartition(b"\n")[0].rpartition(b"\n")[2] + b"\n"
    source = tree.sources[0]
    assert data.endswith(TAIL + lines), f"a save was lost: {data[-80:]!r} instead of {lines!r}; {what}"
    source.keys(data[: -len(lines)])
