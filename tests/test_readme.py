"""README and docs are executed: every console session gives what it shows, every command and every Python example runs.

In a session, lines after ``$ `` are typed, the others are the output of stdout and stderr together, exactly. Only ``…`` stands for what is
different each time: one or more characters that are neither white space nor quotation marks. An output without a final line end is shown
with one, as sealkit itself does on a terminal. The sessions of one file follow each other in one
shell, in a folder that holds a copy of ``tests/records`` and ``keys.example``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import needs
import pytest

from sealkit.cli.program import VERBS

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARK = "\x01"


def blocks(page, language):
    """The fenced blocks of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def session(text):
    """The commands of a console block, each with the output that is shown."""
    steps = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        else:
            assert steps, f"output before any command: {line!r}"
            command, shown = steps[-1]
            steps[-1] = (command, shown + line)
    return steps


@pytest.fixture
def place(tmp_path):
    """A folder as a clone has it, with ``sealkit`` and ``.venv/bin/sealkit`` to be run."""
    folder = tmp_path / "clone"
    (folder / "tests").mkdir(parents=True)
    shutil.copytree(ROOT / "tests" / "records", folder / "tests" / "records")
    shutil.copy(ROOT / "keys.example", folder)
    for program in (tmp_path / "bin" / "sealkit", folder / ".venv" / "bin" / "sealkit"):
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sealkit "$@"\n')
        program.chmod(0o755)
    return folder


def environment(place):
    home = place.parent / "home"
    home.mkdir(exist_ok=True)
    return {"PATH": f"{place.parent}/bin:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8", "USER": "reader"}


def outputs(commands, place):
    """What each of the commands prints, in one shell; ``$?`` is handed on from one to the next."""
    script = "".join(f"__status=$?; printf '{MARK}'; (exit $__status)\n{command}" for command in commands)
    ran = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=place,
        env=environment(place),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    return [text if text.endswith("\n") or not text else f"{text}\n" for text in ran.stdout.decode().split(MARK)[1:]]


def pattern(shown):
    return re.escape(shown).replace("…", r"""[^\s"']+""")


def demand_what_is_shown(page):
    """A page that shows other programs, or the library with an extra, is tried where those are."""
    for module in {"columns.md": ("pyarrow", "pandas", "polars", "duckdb"), "keys.md": ("pyrage",)}.get(page.name, ()):
        pytest.importorskip(module)
    needs.demand_program(*{"keys.md": ("ssh-keygen",)}.get(page.name, ()))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=lambda page: page.name)
def test_sessions_give_what_they_show(page, place):
    demand_what_is_shown(page)
    steps = [step for text in blocks(page, "console") for step in session(text)]
    given = outputs([command for command, _ in steps], place)
    assert len(given) == len(steps)
    for (command, shown), printed in zip(steps, given, strict=True):
        assert re.fullmatch(pattern(shown), printed), f"$ {command}shown:\n{shown}\nprinted:\n{printed}"


def test_a_wrong_session_would_be_found(place):
    assert outputs(["echo one\n", "false\n", "echo $?\n"], place) == ["one\n", "", "1\n"]
    assert re.fullmatch(pattern("iv  …\n"), "iv  00ff\n")
    assert not re.fullmatch(pattern("iv  …\n"), "iv  00 ff\n")
    assert not re.fullmatch(pattern("iv  00ff\n"), "iv  00fe\n")
    assert not re.fullmatch(pattern('"…;…"\n'), '"plaintext is here"\n')
    assert session("$ a\nb\n$ c\n") == [("a\n", "b\n"), ("c\n", "")]


def test_there_is_a_session():
    assert any(session(text) for text in blocks(ROOT / "README.md", "console"))


def test_the_first_command_does_the_main_job(place):
    """What stands behind the installation, which CI runs too."""
    first, second = blocks(ROOT / "README.md", "sh")
    installs, _, job = first.partition(" && .venv/bin/pip install -q . && ")
    assert installs == "python3 -m venv .venv"
    ran = subprocess.run(["bash", "-c", job], cwd=place, env=environment(place), capture_output=True, check=False, timeout=60)
    assert ran.returncode == 0, ran
    assert b"harbour" in ran.stdout
    assert ran.stdout.count(b"verified ") == 2
    assert second == "python3 -m venv .venv && .venv/bin/pip install -q '.[test]' && .venv/bin/python -m pytest -q\n"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_examples_run(page, place):
    demand_what_is_shown(page)
    examples = blocks(page, "python")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(examples)],
        cwd=place,
        env=environment(place),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


# --- help ----------------------------------------------------------------------------------------------------------------
def help_of(place, *verb):
    ran = subprocess.run(
        [sys.executable, "-m", "sealkit", *verb, "--help"],
        cwd=place,
        env=environment(place),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert ran.stderr == b""
    return ran.stdout.decode()


@pytest.mark.parametrize("verb", [[], *([verb] for verb in VERBS)], ids=lambda verb: " ".join(verb) or "sealkit")
def test_every_help_runs_and_has_an_example(verb, place):
    text = help_of(place, *verb)
    assert "Example:" in text
    assert re.search(rf"^ +sealkit {verb[0] if verb else ''}", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100


def test_every_verb_is_listed_and_documented(place):
    listed = re.findall(r"^  ([a-z]+) +[A-Z]", help_of(place).partition("Verbs:")[2], re.MULTILINE)
    assert listed == list(VERBS)
    documentation = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.name in {"README.md", "cli.md"})
    for verb in listed:
        assert re.search(rf"`(sealkit )?{verb}\b", documentation), f"{verb} is not documented"


def test_every_option_is_documented(place):
    documentation = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    options = {option for verb in VERBS for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_of(place, verb), re.MULTILINE)}
    assert [option for option in sorted(options) if not re.search(rf"{option}\b", documentation)] == []
