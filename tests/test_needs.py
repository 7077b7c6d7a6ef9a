"""What is skipped for want of something is told, whatever it is, and nothing is skipped in CI for want of an extra."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import needs
import pytest
import suites

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

IMPORTS = {
    "import pyarrow as pa": ["pyarrow"],
    "import pyarrow.csv": ["pyarrow.csv"],
    "import os, polars": ["polars"],
    "from pandas import DataFrame": ["pandas"],
    "from sealkit.columns import core": ["sealkit.columns"],
    "from sealkit.columns.core import view": ["sealkit.columns.core"],
    "import pyarrow\nimport numpy": ["pyarrow", "numpy"],
    "import pyarrowhead": [],
    "from sealkit.columnist import x": [],
    "from . import numpy": [],
    "def test():\n    import numpy": [],
    "try:\n    import numpy\nexcept ImportError:\n    numpy = None": [],
    "x = 'import numpy'": [],
    "import pytest": [],
}


@pytest.mark.parametrize("source", IMPORTS)
def test_imports_of_extras_are_seen(source, monkeypatch):
    monkeypatch.setattr(needs, "CI", False)
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    assert needs.lacking(source) == IMPORTS[source]
    monkeypatch.setattr(needs, "find_spec", lambda name: name)
    assert needs.lacking(source) == []


def test_in_ci_nothing_is_passed_over(monkeypatch):
    monkeypatch.setattr(needs, "CI", True)
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    monkeypatch.setattr(needs.shutil, "which", lambda name: None)
    assert needs.lacking("import pyarrow") == []
    assert not needs.program("strace").args[0]
    with pytest.raises(pytest.fail.Exception, match="strace"):
        needs.demand_program("strace")


def test_a_program_that_is_missing_skips(monkeypatch):
    monkeypatch.setattr(needs, "CI", False)
    assert not needs.program("sh").args[0]
    mark = needs.program("sh", "no-such-program")
    assert (mark.args[0], needs.said(mark.kwargs["reason"])) == (True, [("program", "no-such-program")])
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        needs.demand_program("sh", "no-such-program")


SAID = {
    "sealkit: error: columns need numpy, which is not installed\n": "numpy",
    "sealkit: error: columns need pyarrow, which is not installed\nsealkit: hint: x\n": "pyarrow",
    "sealkit: error: ring.yaml: key k1: the package pyrage is not installed\n": "pyrage",
    "sealkit: error: key k1: the package boto3 is not installed\n": "boto3",
    "sealkit: error: key k1: the package keyring is not installed\n": "keyring",
    "sealkit: error: key k1: the package python-pkcs11 is not installed\n": "pkcs11",
    "sealkit: warning: x\nsealkit: error: columns need numpy, which is not installed\n": "numpy",
    "sealkit: error: git is not installed\n": None,
    "sealkit: error: the package click is not installed\n": None,
    "the package pyrage is not installed\n": None,
    "": None,
}


@pytest.mark.parametrize("err", SAID)
def test_what_sealkit_cannot_do_without_an_extra_is_skipped(err, monkeypatch):
    monkeypatch.setattr(needs, "CI", False)
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    if SAID[err]:
        with pytest.raises(pytest.skip.Exception, match=SAID[err]):
            needs.excuse(err)
    monkeypatch.setattr(needs, "find_spec", lambda name: name)
    needs.excuse(err)
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    monkeypatch.setattr(needs, "CI", True)
    needs.excuse(err)


LINES = [
    ([], (), "everything was tried"),
    (["needs the program php"], (), "not tried: for want of the program php"),
    (["needs the program php", "needs the program age, ruby"], (), "not tried: for want of the programs age, php, ruby"),
    (["Skipped: needs the program php"] * 3, (), "not tried: for want of the program php"),
    (["could not import 'pyarrow'"], (), "not tried: for want of the extra columns"),
    (["Skipped: could not import 'pyarrow.csv': No module"], (), "not tried: for want of the extra columns"),
    (["could not import 're2'", "could not import 'pybase64'"], (), "not tried: for want of the extra fast"),
    (["could not import 're2'", "could not import 'sealkit.columns'"], (), "not tried: for want of the extras columns, fast"),
    (["could not import 'strange'"], (), "not tried: for want of the extra strange"),
    (["only root mounts", "no ACLs here"], (), "not tried: for other reasons, as said above, 2"),
    ([], ("faults", "slow"), "not tried: for the time it takes, faults, slow (-m faults)"),
    (
        ["only root mounts", "needs the program php", "could not import 'boto3'"],
        ("slow",),
        "not tried: for want of the program php; for want of the extra aws; for other reasons, as said above, 1; for the time it takes, slow (-m slow)",
    ),
]


@pytest.mark.parametrize(("reasons", "left_out", "line"), LINES)
def test_the_last_line(reasons, left_out, line):
    assert needs.last_line(reasons, left_out) == line


@pytest.mark.parametrize("options", [["-n0"], ["-n2", "-q"]])
def test_it_is_the_last_line_of_a_run(tmp_path, options):
    marks = "".join(f"\n  {mark}: x" for mark in suites.LONG)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nmarkers ={marks}\n")
    (tmp_path / "test_a.py").write_text(
        "import needs, pytest\n@needs.program('no-such-program')\ndef test_a():\n    pass\n"
        "def test_b():\n    pytest.importorskip('no_such_module')\n@pytest.mark.slow\ndef test_c():\n    raise ValueError\n"
    )
    (tmp_path / "test_b.py").write_text("import pytest\npytest.importorskip('another_module')\n")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(suites.__file__).parent)}
    command = [sys.executable, "-m", "pytest", "-p", "suites", "-p", "no:cacheprovider", *options]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-1] == (
        "not tried: for want of the program no-such-program; for want of the extras another_module, no_such_module; "
        f"for the time it takes, {', '.join(suites.LONG)} (-m faults)"
    )
    assert ran.returncode == 0
    in_ci = subprocess.run(command, cwd=tmp_path, env=environment | {"SEALKIT_CI": "1"}, capture_output=True, check=False)
    assert in_ci.returncode == 1


def test_slow_tests_take_turns(monkeypatch):
    class Item:
        nodeid = "tests/test_x.py::test_y"

    monkeypatch.setattr(suites, "PART", None)
    assert suites.is_due(Item)
    due = []
    for part in range(40):
        monkeypatch.setattr(suites, "PART", str(part))
        due.append(suites.is_due(Item))
    assert sum(due) == 40 / suites.SLOW_PARTS
