"""The long suites are opt-in: marked ``faults``, ``fuzz``, ``network`` and ``spark``, they run when ``-m`` names them.

``faults`` run where SEALKIT_FAULTS_PART is set, too, and ``network`` in CI.

And the fixtures for tests of the whole program.
"""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from desk import Desk

from sealkit.keys.key import Key

LONG = ("faults", "fuzz", "network", "spark")

# Under nohup SIGHUP is ignored, here and in every child, and sealkit leaves it so; the tests send it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def asked_for(config):
    """The long suites that are to run."""
    named = [mark for mark in LONG if mark in (config.option.markexpr or "")]
    by_variable = {"faults": "SEALKIT_FAULTS_PART", "network": "SEALKIT_CI"}
    return {*named, *(mark for mark, variable in by_variable.items() if os.environ.get(variable))}


def pytest_report_header(config):
    part = os.environ.get("SEALKIT_FAULTS_PART")
    asked = asked_for(config)
    said = [f"{mark}: {'as asked' if mark in asked else f'left out (-m {mark} runs them)'}" for mark in LONG]
    return f"long suites: {', '.join(said)}{f'; part {part} of 0-39 of the faults' if part else ''}"


def pytest_collection_modifyitems(config, items):
    asked = asked_for(config)
    left_out = [item for item in items if any(item.get_closest_marker(mark) and mark not in asked for mark in LONG)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


# --- the whole program -----------------------------------------------------------------------------------------------
@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def stranger():
    """A wrapper command that takes from root what lets it read and enter everything; nothing for other users."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("NOT TESTED: setpriv (util-linux) is missing, so permissions cannot be tested as root")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")


@pytest.fixture
def other_key():
    """A key that is in no ring."""
    return Key("other", bytes(range(100, 132)))
