"""Where key bytes come from: the ring itself, variables that are taken, files that nobody else may read."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import files, sources
from sealkit.keys.access import Access

SECRET = bytes(range(100, 132))
HEX32, HEX64 = SECRET[:16].hex(), SECRET.hex()
BASE64 = base64.b64encode(SECRET).decode()
ROOT = os.geteuid() == 0


def access(environ=None):
    return Access({} if environ is None else environ)


def declare(text, folder=""):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", str(folder))


# --- declarations ----------------------------------------------------------------------------------------------------
DECLARED_WRONGLY = [
    ("{}", "0 sources", "exactly one of: hex, base64, env, file", 1),
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
    *[(f"{kind}: x", f"source '{kind}' is not supported by this version", "this version reads: hex", 1) for kind in sources.LATER],
    ("command: [cat, k1.key]", "source 'command' is not supported by this version", "", 1),
    ("passphrase: {salt: x}\nkdf: argon2id", "source 'passphrase' is not supported by this version", "", 1),
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


# --- files -----------------------------------------------------------------------------------------------------------
def key_file(folder, content=None, mode=0o600):
    path = folder / "k1.key"
    path.write_bytes(HEX64.encode() if content is None else content)
    path.chmod(mode)
    return path


def read_file(folder, encoding="hex", name="k1.key"):
    reach = access()
    return declare(f"{{file: '{name}', encoding: {encoding}}}", folder).read(reach), reach.warnings


MODES = [(0o400, True), (0o600, True), (0o700, True)] + [
    (mode, False) for mode in (0o640, 0o644, 0o660, 0o604, 0o602, 0o601, 0o610, 0o620, 0o666, 0o777, 0o440, 0o4644)
]


@pytest.mark.parametrize(("mode", "usable"), MODES, ids=[f"{mode:04o}" for mode, _ in MODES])
def test_mode(failure, tmp_path, mode, usable):
    key_file(tmp_path, mode=mode)
    if usable:
        assert read_file(tmp_path) == (SECRET, [])
        return
    error = failure(read_file, tmp_path, canary=SECRET)
    assert type(error) is NoUsableKey
    assert f"open to other users (mode {mode:04o})" in error.problem
    assert "chmod 600" in error.hint


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_owner(failure, tmp_path):
    os.chown(key_file(tmp_path), 65534, 65534)
    error = failure(read_file, tmp_path)
    assert "owned by another user (uid 65534)" in error.problem


def test_a_file_of_root_is_ours_too(monkeypatch, tmp_path):
    status = key_file(tmp_path).stat()
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert (files.exposure(status) is None) == (status.st_uid == 0)


def make_link(path):
    path.with_name("real").write_bytes(HEX64.encode())
    path.with_name("real").chmod(0o600)
    path.symlink_to("real")


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


KINDS = [
    ("absent", lambda path: None, "no such file"),
    ("link", make_link, "a symbolic link"),
    ("dangling link", lambda path: path.symlink_to("nowhere"), "a symbolic link"),
    ("link to itself", lambda path: path.symlink_to(path), "a symbolic link"),
    ("fifo", lambda path: os.mkfifo(path, 0o600), "not a regular file"),
    ("directory", lambda path: path.mkdir(0o700), "not a regular file"),
    ("socket", make_socket, ""),
    ("empty", lambda path: key_file(path.parent, b""), "0 bytes"),
    ("big", lambda path: key_file(path.parent, b"a" * 4097), "more than 4096 bytes"),
    ("endless", lambda path: path.symlink_to("/dev/zero"), "a symbolic link"),
]


@pytest.mark.parametrize(("make", "problem"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_kind(failure, tmp_path, make, problem):
    make(tmp_path / "k1.key")
    error = failure(read_file, tmp_path)
    assert type(error) is NoUsableKey
    assert problem in error.problem
    assert "key k1: file" in error.problem


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero")
def test_a_device_is_not_read(failure):
    assert "not a regular file" in failure(read_file, "/dev", name="zero").problem


@pytest.mark.parametrize(
    "name", ["a\\0b", "\\uD800", "x" * 5000, "k1.key/below", "../" * 3000], ids=["NUL", "surrogate", "long", "below", "deep"]
)
def test_impossible_paths(failure, tmp_path, name):
    key_file(tmp_path)
    error = failure(lambda: declare(f'{{file: "{name}", encoding: hex}}', tmp_path).read(access()))
    assert type(error) in {NoUsableKey, ConfigError}


def test_the_largest_file_is_read(failure, tmp_path):
    key_file(tmp_path, b"a" * 4096)
    assert "2048 bytes as hex" in failure(read_file, tmp_path).problem


def test_paths_are_relative_to_the_folder_or_absolute(tmp_path):
    (tmp_path / "keys").mkdir()
    path = key_file(tmp_path / "keys")
    assert read_file(tmp_path, name="keys/k1.key")[0] == SECRET
    assert read_file("/nowhere", name=str(path))[0] == SECRET


def test_raw_file_takes_every_byte(failure, tmp_path):
    key_file(tmp_path, SECRET)
    assert read_file(tmp_path, "raw") == (SECRET, [])
    key_file(tmp_path, SECRET + b"\n")
    assert "33 bytes as raw" in failure(read_file, tmp_path, "raw", canary=SECRET).problem


@pytest.mark.parametrize(("mode", "warned"), [(0o700, 0), (0o755, 0), (0o770, 1), (0o777, 1), (0o1777, 0)])
def test_a_folder_that_others_write(tmp_path, mode, warned):
    key_file(tmp_path)
    tmp_path.chmod(mode)
    secret, warnings = read_file(tmp_path)
    tmp_path.chmod(0o700)
    assert secret == SECRET
    assert len(warnings) == warned


def test_a_failing_read_says_why(failure, monkeypatch, tmp_path):
    def broken(*_):
        raise OSError(5, "Input/output error")

    key_file(tmp_path)
    monkeypatch.setattr(os, "readv", broken)
    error = failure(read_file, tmp_path)
    assert error.problem.endswith("input/output error")


def test_short_reads_are_joined(monkeypatch, tmp_path):
    def three_bytes(descriptor, buffers):
        return real(descriptor, [buffers[0][:3]])

    real = os.readv
    key_file(tmp_path)
    monkeypatch.setattr(os, "readv", three_bytes)
    assert read_file(tmp_path)[0] == SECRET


def test_no_descriptor_is_left_open(failure, tmp_path):
    key_file(tmp_path)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    os.close(descriptor)
    read_file(tmp_path)
    (tmp_path / "k1.key").chmod(0o644)
    failure(read_file, tmp_path)
    again = os.open(tmp_path, os.O_RDONLY)
    os.close(again)
    assert again == descriptor
