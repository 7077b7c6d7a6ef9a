"""F3: a write of which only one byte arrives, and a system that says so but wrote nothing. No file is cut short."""

from __future__ import annotations

import pytest
from fault_points import Points, Violations
from fault_scenarios import ALL, KeygenNew, Resume, Rotate, Seal

LIE = "retval=1"
WRITES = ("write",)
REPLACING = (Rotate, Seal, Resume)  # not with workers: no protocol between processes survives a system that drops bytes
QUICK = (Rotate, KeygenNew)


def short(scenario, nth):
    """Let the n-th write be a short one; return whether there was one."""
    scenario.reset()
    marks = list(scenario.place.said.glob("shortened.*"))
    for mark in marks:
        mark.rmdir()
    run = scenario.place.run(*scenario.args, settings=scenario.settings, shorten=nth)
    return run, any(scenario.place.said.glob("shortened.*"))


def after(scenario, run):
    assert "Traceback" not in run.err, run
    assert run.status in (0, 4), run
    scenario.check()
    if run.status == 0:
        scenario.complete()
    scenario.again()


def every_short_write(scenario, first=0, step=1):
    scenario.prepare()
    violations = Violations()
    number = 1 + first
    while True:
        run, was_hit = short(scenario, number)
        if not was_hit:
            break
        violations.watch(f"short write no. {number}", lambda run=run: after(scenario, run))
        number += step
    return violations


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.__name__)
def test_some_short_writes(place, kind):
    every_short_write(kind(place), 0, 2).end()


@pytest.mark.faults
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_short_write(place, kind, share, counted):
    violations = every_short_write(kind(place), *share)
    counted(violations.points)
    violations.end(least=0)


@pytest.mark.faults
@pytest.mark.parametrize("kind", REPLACING, ids=lambda kind: kind.__name__)
def test_every_write_that_was_none(strace, place, kind, share, counted):
    """The system says that one byte was written; it was not. What replaces a record has all its bytes or does not replace it."""
    scenario = kind(place)
    violations = Violations()
    for point, run, log in Points(scenario, WRITES).every(LIE, *share):
        own_words = "(1<" in log.hit or "(2<" in log.hit
        violations.watch(point, lambda run=run, own_words=own_words: after(scenario, run) if not own_words else scenario.again())
    counted(violations.points)
    violations.end(least=1 if share[1] == 1 else 0)
