"""F2: each system call that can fail fails once, for each reason. No record is broken, and success is never claimed for what was not done."""

from __future__ import annotations

import re

import pytest
from fault_points import ERRORS, FALLIBLE, Points, Violations
from fault_scenarios import ALL, Rotate

IO, BUSY, PIPE = 4, 75, 141
STATUSES = {0, 2, 3, IO, BUSY}  # never 1, which means that a record was looked at and something is wrong with it
MESSAGE = re.compile(r"^sealkit: error: ", re.MULTILINE)
NAMES = re.compile(r"tree|keys\.yaml|new/|payload")
PLUMBING = re.compile(r"clone|pipe2|<pipe:")  # between processes: about no file
OWN_OUTPUT = re.compile(r"\((?:1|2)<")  # its messages, and those about its output, need not arrive
CASES = [(Rotate, error) for error in ERRORS] + [(kind, error) for kind in ALL[1:] for error in ("EIO", "ENOSPC")]


def failed(scenario, run, log):
    assert "Traceback" not in run.err, run
    assert run.status in STATUSES, f"{run}; {log.hit}"
    if run.status == 0:
        scenario.complete()  # exit 0 means complete
    elif not OWN_OUTPUT.search(log.hit):
        assert MESSAGE.search(run.err), f"no message: {run}; {log.hit}"
        assert NAMES.search(run.err) or (PLUMBING.search(log.hit) and "worker" in run.err), f"names nothing: {run}; {log.hit}"
    scenario.check()
    scenario.again()


def watch(scenario, points):
    violations = Violations()
    for place, run, log in points:
        violations.watch(place, lambda run=run, log=log: failed(scenario, run, log))
    return violations


@pytest.mark.parametrize("error", ERRORS)
def test_some_calls_of_a_rotation(strace, place, error):
    scenario = Rotate(place)
    watch(scenario, Points(scenario, FALLIBLE).some(f"error={error}", 3)).end()


@pytest.mark.faults
@pytest.mark.parametrize(("kind", "error"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_every_call(strace, place, kind, error, share, counted):
    scenario = kind(place)
    violations = watch(scenario, Points(scenario, FALLIBLE).every(f"error={error}", *share))
    counted(violations.points)
    violations.end(least=10 if share[1] == 1 else 0)
