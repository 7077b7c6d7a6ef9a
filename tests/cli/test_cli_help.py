"""What every verb says, bare and with --help, into a pipe and on a terminal, under the lowest and the newest click that is allowed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import write_help

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

SCRIPT = Path(write_help.__file__)
KINDS = ("pipe", "terminal")


def files():
    """The files that are expected, with their content."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(write_help.FOLDER.iterdir())}


def shown(kind, packages=None):
    """What all verbs say, under the click of a folder of packages."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"PYTHONPATH": str(packages)} if packages else {}
    ran = subprocess.run([sys.executable, str(SCRIPT), "--show", kind], env=env, capture_output=True, check=False, timeout=240)
    assert ran.returncode == 0, ran.stderr.decode()[-2000:]
    return json.loads(ran.stdout)


def differences(pages, expected):
    """The names of the files that differ, with the first line that does."""
    found = []
    for name in sorted(pages.keys() | expected.keys()):
        one, other = (text.get(name, "").splitlines() for text in (pages, expected))
        if one != other:
            pair = next(((a, b) for a, b in zip(one, other, strict=False) if a != b), (one[len(other) :], other[len(one) :]))
            found.append(f"{name}: says {pair[0]!r}, expected {pair[1]!r}")
    return found


def requirement():
    """What the package says of click: the lowest version, and the whole requirement."""
    (text,) = [one for one in importlib.metadata.requires("sealkit") if re.match(r"click\b", one)]
    (lowest,) = re.findall(r">=\s*([0-9.]+)", text)
    return lowest, text


@pytest.fixture(scope="module", params=["lowest", "newest"])
def other_click(request, tmp_path_factory):
    """A folder with another version of click than the one that is installed."""
    lowest, text = requirement()
    folder = tmp_path_factory.mktemp("click")
    wanted = f"click=={lowest}" if request.param == "lowest" else text
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check"]
    ran = subprocess.run([*pip, "--target", str(folder), wanted], capture_output=True, check=False, timeout=240)
    assert ran.returncode == 0, ran.stderr.decode()[-2000:]
    (found,) = importlib.metadata.distributions(name="click", path=[str(folder)])
    return folder, found.version


@pytest.mark.parametrize("kind", KINDS)
def test_every_verb_says_what_is_expected(kind):
    said = shown(kind)
    assert said["click"] == importlib.metadata.version("click")
    assert differences(said["pages"], files()) == []


@pytest.mark.network
@pytest.mark.parametrize("kind", KINDS)
def test_under_another_click_too(kind, other_click):
    folder, version = other_click
    said = shown(kind, folder)
    assert said["click"] == version
    assert differences(said["pages"], files()) == []


def test_every_verb_has_a_file():
    expected = files()
    assert {name for name, _ in write_help.command_lines()} == set(expected)
    for name, arguments in write_help.command_lines():
        assert f"$ {' '.join(['sealkit', *arguments])}\n" in expected[name]


# --- what the files hold ------------------------------------------------------------------------------------------------
PAGES = [
    (name, text.partition("\n")[0], text.partition("\n")[2])
    for name, whole in files().items()
    for text in re.split(r"^\$ ", whole, flags=re.MULTILINE)[1:]
]


@pytest.mark.parametrize(("name", "line", "text"), PAGES, ids=lambda one: one if one.startswith("sealkit") else "-")
def test_pages_read_well(name, line, text):
    """No line end as an escape, no cut-off sentence, nothing wider than the terminal in a help, the right status and stream."""
    assert not re.search(r"\\x[01][0-9a-f]|\\u20|\x1b|\t", text)
    status = int(re.match(r"\(exit (\d+)\)", text)[1])
    if line.endswith("--help"):
        assert status == 0
        assert "(stderr)" not in text
        assert max(map(len, text.splitlines())) <= 100
        assert not re.search(r"\.\.\.$", re.sub(r"^Usage: .*", "", text, flags=re.MULTILINE), re.MULTILINE), "a sentence is cut off"
        assert "Commands:" not in text
    elif status:
        assert "(stdout)" not in text
        assert status in (2, 3, 4)
    if name == write_help.WRONG:
        assert status == 2
        assert re.fullmatch(r"\(exit 2\)\n\(stderr\)\nsealkit: error: .+\nsealkit: hint: .+\n\n", text), text


def test_the_machines_own_page_is_lines():
    for arguments in write_help.OF_THE_MACHINE:
        for on_terminal in (False, True):
            status, out, err = write_help.said(arguments, on_terminal=on_terminal)
            assert status in (0, 1), err
            assert all(re.match(r"(ok  |warn|BAD ) ", one) for one in out.splitlines()), out
            assert "\\x" not in out + err


def test_a_wrong_page_would_be_found():
    expected = files()
    name = "sealkit-git.txt"
    assert differences(expected, expected) == []
    planted = {**expected, name: expected[name].replace("\n", "\\x0a")}
    assert len(differences(planted, expected)) == 1
    assert len(differences({}, expected)) == len(expected)
    del planted[name]
    assert name in differences(planted, expected)[0]
