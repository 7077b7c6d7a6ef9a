"""Where the working folder cannot be told, be it at any of the moments when it is asked for: one message, which says so, and no traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from desk import RECORDS, RING
from warm import where_things_are

pytestmark = pytest.mark.thorough

SCRIPT = Path(__file__).with_name("nowhere.py")
COMMANDS = (
    ("inspect", "tree"),
    ("decrypt", "--json", "tree"),
    ("decrypt", "tree/article.md", "-o", "payload"),
    ("verify", "tree"),
    ("check", "tree"),
    ("check", "--since", "HEAD", "tree"),
    ("seal", "tree"),
    ("rotate", "--to", "k1", "tree"),
    ("rotate", "--check", "--to", "k1", "tree"),
    ("rotate", "--status", "tree"),
    ("rotate", "--rollback", "tree"),
    ("rotate", "--set-aside", "tree"),
    ("retag", "tree"),
    ("grep", "x", "tree"),
    ("diff", "HEAD", "tree"),
    ("init", "tree"),
    ("keys", "census", "tree"),
    ("keys", "census", "--git", "tree"),
    ("keys", "check"),
    ("doctor", "tree"),
    ("git", "doctor"),
)
NAMES = re.compile(r"tree|article\.md|keys\.yaml|payload|working folder|folder that")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What became of each command at each moment."""
    place = tmp_path_factory.mktemp("nowhere")
    (place / "tree").mkdir()
    (place / "tree" / "article.md").write_bytes((RECORDS / "article.md").read_bytes())
    (place / "keys.yaml").write_bytes(RING.read_bytes())
    (place / "keys.yaml").chmod(0o600)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(place), "SEALKIT_KEYS": "keys.yaml", "LANG": "C.UTF-8"}
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x"]
    for command in (["init", "-q"], ["add", "tree"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], cwd=place, env=environment, check=True)
    environment["PYTHONPATH"] = where_things_are()[1] + ":relative"
    command = [sys.executable, str(SCRIPT), json.dumps(COMMANDS)]
    ran = subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)
    return json.loads(ran.stdout)


def says_at_what(run):
    told = [line for line in run["err"].splitlines() if "error: " in line] or [
        json.loads(line).get("message", "") for line in run["out"].splitlines() if line.startswith("{")
    ]
    return any(NAMES.search(line) for line in told)


def test_no_moment_is_a_traceback_or_another_reason(runs):
    wrong = [
        f"{' '.join(run['args'])} at {run['nth']}: exit {run['status']}: {run['err'][-300:]}"
        for run in runs
        if "Traceback" in run["err"] or "output cannot be written" in run["err"]
    ]
    assert not wrong, "\n".join(wrong)


def test_who_fails_says_at_what(runs):
    wrong = [
        f"{' '.join(run['args'])} at {run['nth']}: exit {run['status']}: {run['err'][-300:]}"
        for run in runs
        if run["status"] not in (0, 1) and not says_at_what(run)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_command_asks(runs):
    asked = Counter(tuple(run["args"]) for run in runs)
    assert len(asked) >= len(COMMANDS) - 2, asked
