"""Where key bytes come from: the ring itself, variables that are taken."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import sources
from sealkit.keys.access import Access

SECRET = bytes(range(100, 132))
HEX32, HEX64 = SECRET[:16].hex(), SECRET.hex()
BASE64 = base64.b64encode(SECRET).decode()


def access(environ=None):
    return Access({} if environ is None else environ)


def declare(text, folder=""):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", str(folder))


# --- declarations ----------------------------------------------------------------------------------------------------
DECLARED_WRONGLY = [
    ("{}", "0 sources", "exactly one of: hex, base64, env, file, fd", 1),
    ("{encoding: hex}", "0 sources", "exactly one", 1),
    (f"{{hex: '{HEX32}', base64: '{BASE64}'}}", "2 sources", "exactly one", 1),
    ("{env: A, file: b, encoding: hex}", "2 sources", "exactly one", 1),
    ("env: A", "source env without encoding", "never guessed", 1),
    ("file: a", "source file without encoding", "never guessed", 1),
    ("env: A\nencoding: b64", "'encoding' cannot be 'b64'", "did you mean 'base64'?", 2),
    ("env: A\nencoding: HEX", "'encoding' cannot be 'HEX'", "known here", 2),
    ("env: A\nencoding:", "'encoding' has no value", "", 2),
    (f"hex: '{HEX32}'\nencoding: hex", "hex is its own encoding", "remove encoding", 2),
    ("hex: ''", "'hex' has no value", "", 1),
    ("hex: [a]", "'hex' must be text", "", 1),
    (f"hexx: '{HEX32}'", "unknown attribute 'hexx'", "did you mean 'hex'?", 1),
    (f"{{hex:{HEX32}}}", "unknown attribute", "", 1),
    (f"{{{HEX64}}}", "unknown attribute (not shown)", "", 1),
    (f"env: {HEX32}\nencoding: hex", "not the name of an environment variable", "not its value", 1),
    ("env: A-B\nencoding: hex", "not the name of an environment variable", "", 1),
    ("env: A=B\nencoding: hex", "not the name of an environment variable", "", 1),
    ('env: "A\\0"\nencoding: hex', "not the name of an environment variable", "", 1),
    ("env: É\nencoding: hex", "not the name of an environment variable", "", 1),
    ("file: ~/k1.key\nencoding: hex", "~ is not expanded", "from / on", 1),
]


@pytest.mark.parametrize(("text", "problem", "hint", "line"), DECLARED_WRONGLY)
def test_declared_wrongly(failure, text, problem, hint, line):
    error = failure(sources.declare, config.load(text.encode(), what="source"), "key k1", "", canary=SECRET)
    assert type(error) is ConfigError
    assert error.problem.startswith("key k1: ")
    assert problem in error.problem
    assert hint in error.hint
    assert error.line == line


@pytest.mark.parametrize("text", [f"hex: '{HEX64}'", f"hex: {HEX64}", f"base64: {BASE64}", f'base64: "{BASE64}"'])
def test_literals(text):
    source = declare(text)
    assert source.literal
    assert source.read(access()) == SECRET
    assert not hasattr(source, "__dict__")
    assert HEX64 not in repr(source)


def test_a_bad_literal_is_not_repeated(failure, canary):
    assert "not valid hex" in failure(declare(f"hex: '{canary.hex()} '").read, access()).problem
    assert "not valid base64" in failure(declare(f"base64: '{base64.b64encode(canary).decode()[:-1]}'").read, access()).problem


# --- the environment -------------------------------------------------------------------------------------------------
def test_a_variable_is_taken_from_the_process_and_from_its_children(monkeypatch):
    name = "SEALKIT_SECRET_TAKEN"
    monkeypatch.setenv(name, HEX64)
    source = declare(f"{{env: {name}, encoding: hex}}")
    assert source.read(access(os.environ)) == SECRET
    assert name not in os.environ
    child = [sys.executable, "-c", f"import os; print({name!r} in os.environ, {name!r} in open('/proc/self/environ').read())"]
    if Path("/proc/self/environ").exists():
        assert subprocess.run(child, capture_output=True, check=True, text=True).stdout == "False False\n"
    assert source.read(access(os.environ)) == SECRET, "a ring can be loaded twice"
    monkeypatch.setenv(name, HEX32)
    assert source.read(access(os.environ)) == SECRET[:16], "a value set anew counts"


def test_another_mapping_is_only_read():
    environ = {"SEALKIT_SECRET_OTHER": HEX64}
    assert declare("{env: SEALKIT_SECRET_OTHER, encoding: hex}").read(access(environ)) == SECRET
    assert environ == {"SEALKIT_SECRET_OTHER": HEX64}


def test_a_variable_that_is_not_set(failure):
    error = failure(declare("{env: SEALKIT_SECRET_ABSENT, encoding: base64}").read, access())
    assert type(error) is NoUsableKey
    assert error.problem == "key k1: env 'SEALKIT_SECRET_ABSENT' is not set"
    assert "as base64" in error.hint


@pytest.mark.parametrize("value", ["", os.fsdecode(b"\xff" * 16), "\ud800" * 16, "x" * 16, HEX32 + "\x00"])
def test_a_variable_that_is_no_key(failure, value):
    source = declare("{env: SEALKIT_SECRET_BAD, encoding: hex}")
    assert type(failure(source.read, access({"SEALKIT_SECRET_BAD": value}), canary=SECRET)) is NoUsableKey


def test_raw_bytes_of_a_variable():
    value = os.fsdecode(b"\xff" * 16)
    assert declare("{env: X, encoding: raw}").read(access({"X": value})) == b"\xff" * 16
