"""A place to run sealkit in, warm; and how many of the fault points are tried."""

from __future__ import annotations

import os
import sys

import needs
import pytest
from fault_runs import Place, warmed

PART = os.environ.get("SEALKIT_FAULTS_PART")
PARTS = 40


@pytest.fixture(scope="session")
def warm():
    server = warmed()
    yield server
    server.close()


@pytest.fixture
def place(tmp_path, warm):
    folder = tmp_path / "place"
    folder.mkdir()
    return Place(folder, warm)


@pytest.fixture
def strace():
    """Faults can be injected; in CI they must."""
    if sys.platform != "linux":
        pytest.skip("faults are injected on Linux only")
    needs.demand_program("strace")


@pytest.fixture
def share(request):
    """Which fault points a test of the long suite tries, as (first, step): with SEALKIT_FAULTS_PART every fortieth, from that one on.

    All of them without it, and every test that is not in the long suite.
    """
    return (int(PART) % PARTS, PARTS) if PART and request.node.get_closest_marker("faults") else (0, 1)


@pytest.fixture
def amount(share):
    """How many of a number of random tries are made: all of them, or a fortieth."""
    return lambda number: -(-number // share[1])


COUNTS = pytest.StashKey[dict[str, int]]()


@pytest.fixture
def counted(request):
    """Note how many fault points a test tried; they are shown at the end."""
    return lambda number: request.config.stash.setdefault(COUNTS, {}).update({request.node.name: number})


def pytest_terminal_summary(terminalreporter, config):
    counts = config.stash.get(COUNTS, {})
    if counts:
        terminalreporter.section(f"fault points: {sum(counts.values())}")
        for name, number in counts.items():
            terminalreporter.line(f"{number:6}  {name}")
