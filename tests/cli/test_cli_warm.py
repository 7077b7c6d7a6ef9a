"""A run forked from the warm process is what a start of Python is: the same exit status, words and files, for every verb."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest
import warm
from desk import Desk

from sealkit.cli.program import VERBS

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

RUNS = {
    "inspect": [["inspect", "records"], ["inspect", "--json", "nowhere"]],
    "decrypt": [
        ["decrypt", "records/article.md"],
        ["decrypt", "--json", "records"],
        ["decrypt", "--workers", "2", "--json", "records"],
    ],
    "seal": [["seal", "new.md"], ["seal", "--check", "new.md"], ["seal", "-", "--as", "a.md"]],
    "rotate": [["rotate", "--to", "k1", "records"], ["rotate", "--to", "k9", "records"]],
    "verify": [["verify", "records"], ["verify", "records", "--quiet"]],
    "check": [["check", "records"], ["check", "new.md"]],
    "init": [["init", "records"], ["init", "--print", "records"]],
    "retag": [["retag", "records"]],
    "edit": [["edit", "records/article.md"]],
    "set": [["set", "records/article.md"]],
    "grep": [["grep", "harbour", "records"]],
    "diff": [["diff", "records/article.md", "records/interview.md"]],
    "resolve": [["resolve", "records/article.md"]],
    "git": [["git"], ["git", "doctor"], ["git", "textconv", "records/article.md"]],
    "import": [["import", "records/article.md"]],
    "columns": [["columns"], ["columns", "verify", "nowhere.csv"]],
    "export": [["export", "records"]],
    "keygen": [["keygen", "--key-id", "k1"], ["keygen", "--no-such-option"]],
    "keys": [["keys"], ["keys", "census", "records"]],
    "doctor": [["doctor"]],
    "compat": [["compat"]],
    "completion": [["completion", "bash"], ["completion", "none"]],
    None: [[], ["--version"], ["-V"], ["nonsense"], ["--key", "x"], ["--help"]],
}
MADE_BY_CHANCE = re.compile(rb"[A-Za-z0-9+/]{20,}={0,2}(;[A-Za-z0-9+/]{22}==)?|\d+ (?:of memory|MiB|KiB|bytes free)")


def twins(tmp_path):
    for name in ("warm", "cold"):
        (tmp_path / name).mkdir()
        desk = Desk(tmp_path / name)
        desk.env["EDITOR"] = "sed -i s/nine/ten/"
        desk.write("new.md", b"---\ntitle: t\nsecured: something said in the clear\n---\nbody\n")
        yield desk


def known(desk, data):
    """Output or content without the name of the desk's folder and what was made by chance."""
    return MADE_BY_CHANCE.sub(b"...", data.replace(os.fsencode(desk.path.parent), b"FOLDER"))


def files(desk):
    """What stands in the desk, without what sealkit notes for itself: numbers of processes, moments."""
    return {name: known(desk, data) for name, data in desk.files().items() if "/.sealkit/" not in name}


@pytest.mark.parametrize("verb", RUNS)
def test_it_is_what_a_start_of_python_is(tmp_path, verb):
    desks = list(twins(tmp_path))
    for args in [*RUNS[verb], *([[verb, "--help"]] if verb else [])]:
        stdin = b"---\nsecured: given on stdin\n---\n"
        ran = [desk.run(*args, stdin=stdin, process=desk is desks[1]) for desk in desks]
        assert (
            len({(one.status, known(desk, one.out), known(desk, one.err.encode())) for one, desk in zip(ran, desks, strict=True)})
            == 1
        ), ran
        assert files(desks[0]) == files(desks[1])


def test_no_verb_is_left_out():
    assert RUNS.keys() - {None} == VERBS.keys()


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o002, 0o077])
def test_it_has_the_umask_folder_and_variables_of_the_test(desk, mask):
    editor = program(desk, f"(umask; pwd; env) > {desk.path}/said; exit 1")
    before = os.umask(mask)
    try:
        desk.run("edit", "records/article.md", env=editor)
    finally:
        os.umask(before)
    said = desk.read("said").decode().splitlines()
    assert int(said[0], 8) == mask
    assert said[1] == str(desk.path)
    assert not [line for line in said[2:] if "PYTEST" in line or "COVERAGE" in line]


def test_a_run_leaves_nothing_to_the_next(desk):
    given = {"SEALKIT_KEYS": None, "SEALKIT_SECRET": "hex:" + "5a" * 32}
    assert desk.run("keys", env=given).status == 0
    assert desk.run("keys", env={"SEALKIT_KEYS": None}).status == 3
    assert desk.run("decrypt", "records/article.md").status == 0


@pytest.mark.parametrize(
    ("more", "put", "taken"),
    [
        ({}, (), True),
        ({"SEALKIT_X": "1"}, (), True),
        ({"LANG": "C"}, (), False),
        ({"LC_ALL": "C"}, (), False),
        ({"PYTHONIOENCODING": "latin-1"}, (), False),
        ({"PYTHONPATH": "."}, (), False),
        ({"PYTHONWARNINGS": "ignore"}, (), False),
        ({"PYTHONWARNINGS": None}, (), False),
        ({"LD_PRELOAD": "/x.so"}, (), False),
        ({}, ("yaml.py",), False),
        ({}, ("click/__init__.py",), False),
        ({}, ("tree/yaml.py",), True),
    ],
)
def test_what_only_a_start_of_python_shows_is_left_to_one(desk, more, put, taken):
    for name in put:
        desk.write(name, b"")
    assert warm.can_take(desk.environment(more), desk.path) == taken


def test_much_goes_in_and_out_at_once(desk):
    record = b"---\nsecured: said in the clear\n---\n" + b"b" * 3_000_000
    ran = desk.run("seal", "-", "--as", "a.md", stdin=record)
    assert ran.status == 0, ran
    assert desk.run("decrypt", "--record", "-", "--as", "a.md", stdin=ran.out).out.endswith(b"b" * 3_000_000)


def test_who_does_not_read_stdin_need_not(desk):
    assert desk.run("inspect", "records", stdin=b"x" * 1_000_000).status == 0


def program(desk, text):
    """An editor that is a shell script; the program that runs it is its ``$PPID``."""
    desk.write("editor", f"#!/bin/sh\n{text}\n".encode())
    (desk.path / "editor").chmod(0o755)
    return {"EDITOR": str(desk.path / "editor")}


def test_one_that_does_not_end_is_ended(desk):
    with pytest.raises(subprocess.TimeoutExpired):
        desk.run("edit", "records/article.md", env=program(desk, "exec sleep 3"), timeout=0.5)
    assert desk.run("--version").status == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGUSR1])
def test_how_it_was_ended_is_told(desk, number):
    assert desk.run("edit", "records/article.md", env=program(desk, f"kill -{int(number)} $PPID")).status == -number
