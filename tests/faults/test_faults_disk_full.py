"""F6: see ``disk_full``. All or nothing for each file, and once there is room, the same command completes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from disk_full import COMMANDS
from warm import where_things_are

SCRIPT = Path(__file__).with_name("disk_full.py")
SIZES = 64
ALONE = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-Urm")


@pytest.fixture
def alone(tmp_path):
    """A command prefix that gives a mount namespace in which tmpfs can be mounted."""
    try:
        subprocess.run([*ALONE, "mount", "-t", "tmpfs", "none", tmp_path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", b"") or str(error).encode()).decode().strip()
        pytest.skip(f"NOT TESTED: no tmpfs of our own, so no disk was full: {reason}")
    return ALONE


def fill(alone, folder, first, step):
    script = [sys.executable, str(SCRIPT), str(folder), str(first), str(step), str(SIZES)]
    environment = os.environ | {"PYTHONPATH": where_things_are()[1]}
    ran = subprocess.run([*alone, *script], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return [(int(sizes), int(fitted)) for sizes, fitted in re.findall(r"^(\d+) sizes, (\d+) ", ran.stdout, re.MULTILINE)]


def test_some_sizes(alone, tmp_path):
    of_commands = fill(alone, tmp_path / "full", 1, 16)
    assert len(of_commands) == len(COMMANDS)
    assert all(0 < fitted < sizes for sizes, fitted in of_commands)


@pytest.mark.faults
def test_every_size(alone, tmp_path, share, counted):
    of_commands = fill(alone, tmp_path / "full", *share)
    sizes, fitted = map(sum, zip(*of_commands, strict=True))
    counted(sizes)
    assert 0 < fitted < sizes
