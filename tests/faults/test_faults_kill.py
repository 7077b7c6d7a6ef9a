"""F1: kill -9 at every system call. Whatever was under way, every record is whole, and the same command completes."""

from __future__ import annotations

import pytest
from fault_points import Points, Violations
from fault_runs import outlived
from fault_scenarios import ALL

KILL = "signal=KILL"


def watch(scenario, points):
    violations = Violations()
    for place, run, _ in points:
        violations.watch(place, lambda run=run: killed(scenario, run))
    return violations


def killed(scenario, run):
    left = outlived(run.pid)
    assert not left, f"processes outlive it: {left}"
    assert "Traceback" not in run.err, run
    if run.status == 0:  # a worker was killed, or it was over
        scenario.complete()
    scenario.check()
    scenario.again()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_some_calls(strace, place, kind):
    scenario = kind(place)
    watch(scenario, Points(scenario).some(KILL, 4)).end()


@pytest.mark.faults
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_call(strace, place, kind, share, counted):
    scenario = kind(place)
    violations = watch(scenario, Points(scenario).every(KILL, *share))
    counted(violations.points)
    violations.end(least=20 if share[1] == 1 else 0)
