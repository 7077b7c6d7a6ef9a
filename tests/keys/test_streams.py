"""Keys from open descriptors: pipes, files, sockets; to their end, once, and for no child."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import remembered, sources, streams
from sealkit.keys.access import Access
from sealkit.keys.ring import KeyRing

SECRET = bytes(range(100, 132))


def source(number, encoding="hex"):
    return sources.declare(config.load(f"{{fd: {number}, encoding: {encoding}}}".encode(), what="source"), "key k1", "")


@pytest.fixture
def pipe(monkeypatch):
    """Return a function that gives a descriptor from which some bytes can be read."""
    remembered.forget()
    monkeypatch.setattr(streams, "_read_before", set())
    opened = []

    def make(content, *, end=True):
        reader, writer = os.pipe()
        opened.append(reader)
        os.write(writer, content)
        if end:
            os.close(writer)
        else:
            opened.append(writer)
        return reader

    yield make
    for descriptor in opened:
        os.close(descriptor)


def test_a_pipe(pipe):
    number = pipe(SECRET.hex().encode() + b"\n")
    os.set_inheritable(number, True)
    assert source(number).read(Access({})) == SECRET
    assert source(number).read(Access({})) == SECRET, "a ring can be loaded twice"
    assert not os.get_inheritable(number)


def test_it_is_gone_when_the_ring_that_has_it_is_closed(pipe, failure):
    number = pipe(SECRET)
    first, second = (KeyRing.single(source(number, "raw"), Access({})) for _ in range(2))
    first.close()
    third = KeyRing.single(source(number, "raw"), Access({}))
    assert third.primary.same_secret(second.primary)
    second.close()
    third.close()
    error = failure(source(number, "raw").read, Access({}), canary=SECRET)
    assert error.problem == f"key k1: fd {number}: it was read before, for a ring that is closed now"
    assert "keep that ring open" in error.hint


def test_another_pipe_of_the_same_number_is_another_key(pipe):
    number, other = pipe(SECRET), pipe(SECRET[::-1])
    KeyRing.single(source(number, "raw"), Access({})).close()
    os.dup2(other, number)
    assert source(number, "raw").read(Access({})) == SECRET[::-1]


def test_it_is_remembered_as_long_as_a_command_says(pipe):
    number = pipe(SECRET)
    with remembered.throughout():
        KeyRing.single(source(number, "raw"), Access({})).close()
        with KeyRing.single(source(number, "raw"), Access({})) as ring:
            assert ring.primary.bits == 256


def test_an_open_file(pipe):
    with tempfile.TemporaryFile() as file:
        file.write(SECRET)
        file.seek(0)
        assert source(file.fileno(), "raw").read(Access({})) == SECRET


REFUSED = [
    (b"", "0 bytes"),
    (b"a" * 4097, "more than 4096 bytes"),
    (SECRET.hex().encode()[:-2], "31 bytes"),
    (SECRET, "not valid hex"),
]


@pytest.mark.parametrize(("content", "problem"), REFUSED)
def test_what_is_no_key(failure, pipe, content, problem):
    number = pipe(content)
    error = failure(source(number).read, Access({}), canary=content or SECRET)
    assert type(error) is NoUsableKey
    assert error.problem.startswith(f"key k1: fd {number}: ")
    assert problem in error.problem


def test_not_open(failure, pipe):
    number = pipe(b"")
    os.dup2(number, 999)
    os.close(999)
    error = failure(source(999).read, Access({}))
    assert error.problem == "key k1: fd 999: bad file descriptor"
    assert "3< k1.key" in error.hint


def test_a_terminal(failure):
    remembered.forget()
    master, slave = os.openpty()
    try:
        assert "a terminal, which shows what is typed" in failure(source(slave).read, Access({})).problem
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("number", ["1", "2", "-1", "x", "65536", "99999999999999999999", "'3 '", "٣", "3.0", "0x3"])
def test_no_descriptor(failure, number):
    error = failure(source, number)
    assert type(error) is ConfigError
    assert error.problem == "key k1: not a file descriptor to read from"
    assert error.line == 1


def test_children_do_not_inherit_it(tmp_path):
    (tmp_path / "k").write_text(SECRET.hex())
    script = (
        "import os, subprocess, sys; from sealkit.keys.access import Access; from sealkit.keys.streams import read_descriptor;"
        "before = os.get_inheritable(9); read_descriptor(9, '', Access({}));"
        "child = subprocess.run([sys.executable, '-c', 'import os; os.fstat(9)'], close_fds=False, capture_output=True);"
        "print(before, child.returncode)"
    )
    ran = subprocess.run(
        ["bash", "-c", 'exec "$0" -c "$1" 9< k', sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "True 1\n"
