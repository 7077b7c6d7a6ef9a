"""What all tests are run under, and the fixtures for tests of the whole program."""

from __future__ import annotations

import os
import signal

import needs
import pytest
import suites
from desk import Desk
from hypothesis import settings

from sealkit.keys import ring
from sealkit.keys.key import Key

# Under nohup SIGHUP is ignored, here and in every child, and sealkit leaves it so; the tests send it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# What files and folders of the tests may be read by is what they say, not what the umask of whoever runs them makes of it.
os.umask(0o022)

# In CI the same examples are generated every time: what fails there fails by hand, too. By hand they are new ones in each run.
settings.register_profile("ci", derandomize=True, database=None)
if needs.CI:
    settings.load_profile("ci")


# The process of the tests is left as it is when a test loads a ring in it: what protects a process is for good, and is tested in children.
ring.protect_process = lambda: None


def pytest_configure(config):
    config.pluginmanager.register(suites, "suites")


# --- the whole program -----------------------------------------------------------------------------------------------
@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def stranger():
    """A wrapper command that takes from root what lets it read and enter everything; nothing for other users."""
    if os.geteuid() != 0:
        return ()
    needs.demand_program("setpriv")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")


@pytest.fixture
def other_key():
    """A key that is in no ring."""
    return Key("other", bytes(range(100, 132)))
