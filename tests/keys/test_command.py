"""Keys that programs print: no shell, a clean environment, limits in time and size, and nothing of the key in what is said of them."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import time

import needs
import pytest

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import command, sources
from sealkit.keys.access import Access
from sealkit.keys.ring import KeyRing

SECRET = bytes(range(100, 132))
HEX = SECRET.hex()
PATH = os.environ["PATH"]


def declare(text, folder=""):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", str(folder))


def source(*arguments, encoding="hex", folder="", more=""):
    return declare(f"command: {json.dumps(arguments)}\nencoding: {encoding}\n{more}", folder)


def python(script, *arguments, **given):
    return source(sys.executable, "-c", script, *arguments, **given)


def access(**environ):
    return Access({"PATH": PATH} | environ)


# --- real password managers --------------------------------------------------------------------------------------------
@needs.program("pass", "gpg")
def test_pass(tmp_path, monkeypatch):
    home, store = tmp_path / "gnupg", tmp_path / "store"
    home.mkdir(0o700)
    mine = {"PATH": PATH, "HOME": str(tmp_path), "GNUPGHOME": str(home), "PASSWORD_STORE_DIR": str(store)}

    def run(*arguments, **given):
        return subprocess.run(arguments, env=mine, check=True, capture_output=True, timeout=60, **given)

    try:
        made = (
            "--batch",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
            "--quick-generate-key",
            "k@example.org",
            "future-default",
        )
        run("gpg", *made)
        run("pass", "init", "k@example.org")
        run("pass", "insert", "-m", "sealkit/k1", input=HEX.encode() + b"\n")
        reach = Access(dict(mine))
        assert source("pass", "show", "sealkit/k1").read(reach) == SECRET
        assert reach.warnings == []
        with pytest.raises(NoUsableKey) as caught:
            source("pass", "show", "sealkit/k2").read(reach)
        assert "ended with status 1: Error: sealkit/k2 is not in the password store" in caught.value.problem
        ring = tmp_path / "keys.yaml"
        ring.write_text(
            "version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {command: [pass, show, sealkit/k1], encoding: hex}\n"
        )
        assert KeyRing.load(ring, environ=dict(mine)).primary.bits == 256
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=mine, check=False)


@needs.program("age", "age-keygen")
def test_age(tmp_path):
    subprocess.run(["age-keygen", "-o", "me.txt"], cwd=tmp_path, check=True, capture_output=True)
    public = subprocess.run(["age-keygen", "-y", "me.txt"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["age", "-r", public, "-o", "k1.age"], cwd=tmp_path, check=True, input=HEX.encode())
    assert source("age", "-d", "-i", "me.txt", "k1.age", folder=tmp_path).read(access()) == SECRET
    subprocess.run(["age-keygen", "-o", "other.txt"], cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(NoUsableKey) as caught:
        source("age", "-d", "-i", "other.txt", "k1.age", folder=tmp_path).read(access())
    assert "command 'age': it ended with status 1: " in caught.value.problem


@needs.program("openssl")
def test_openssl():
    assert len(source("openssl", "rand", "-base64", "32", encoding="base64").read(access())) == 32


# --- how it is run -------------------------------------------------------------------------------------------------------
def test_no_shell(tmp_path):
    harmless = f"$(touch {tmp_path}/ran); `touch {tmp_path}/ran` && touch {tmp_path}/ran | x > {tmp_path}/ran"
    script = "import sys; print(sys.argv[1].encode().hex()[:64])"
    assert python(script, harmless, "-", "\n").read(access()) == harmless.encode()[:32]
    assert not (tmp_path / "ran").exists()


def test_a_clean_environment(monkeypatch):
    monkeypatch.setenv("SEALKIT_SECRET_OTHER", "os")
    script = "import os, binascii; print(binascii.hexlify(b'x' * 32 if {} else b'y' * 32).decode())"
    given = {
        "SEALKIT_SECRET_K2": "x",
        "LD_PRELOAD": "x",
        "BASH_ENV": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "LC_ALL": "C",
        "XDG_DATA_HOME": "/x",
    }
    wanted = "set(os.environ) - {'LC_CTYPE'} == {'PATH', 'LC_ALL', 'XDG_DATA_HOME'%s}"
    assert python(script.format(wanted % "")).read(access(**given)) == b"x" * 32
    kept = python(script.format(wanted % ", 'AWS_SECRET_ACCESS_KEY'"), more="keep: [AWS_SECRET_ACCESS_KEY, NOT_SET]")
    assert kept.read(access(**given)) == b"x" * 32


def test_no_descriptor_and_no_stdin_of_ours(tmp_path):
    opened = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(opened, True)
    script = "import os, sys; none = sys.stdin.read() == ''; print(os.listdir('/proc/self/fd') if not none else len(os.listdir('/proc/self/fd')))"
    program = command.Program((sys.executable, "-c", script), "", 10, frozenset())
    try:
        assert command.output_of(program, "k", access()) == b"4\n"  # the three streams, and that of the listing itself
    finally:
        os.close(opened)


def test_relative_paths_are_below_the_ring(tmp_path):
    script = tmp_path / "key.sh"
    script.write_text(f"#!/bin/sh\necho {HEX}\n")
    script.chmod(0o700)
    assert source("./key.sh", folder=tmp_path).read(access()) == SECRET


@pytest.mark.parametrize("path", [".", "", "bin", "..:.", ":/nowhere", "/nowhere:", "./bin:/nowhere:bin"])
def test_a_program_is_found_in_absolute_folders_of_path_alone(tmp_path, path):
    """What lies beside a ring, or wherever a relative part of PATH leads from there, is not the program of that name."""
    for folder in (tmp_path / "rings", tmp_path / "rings" / "bin", tmp_path):
        folder.mkdir(exist_ok=True)
        (folder / "print-a-key").write_text(f"#!/bin/sh\necho {HEX}\n")
        (folder / "print-a-key").chmod(0o700)
    with pytest.raises(NoUsableKey, match="no such file"):
        source("print-a-key", folder=tmp_path / "rings").read(access(PATH=path))
    assert source("print-a-key", folder=tmp_path / "rings").read(access(PATH=f"{path}:{tmp_path / 'rings'}")) == SECRET


def test_time_is_limited():
    began = time.monotonic()
    for script in ("import time; time.sleep(60)", "import os, time; os.close(1); os.close(2); time.sleep(60)"):
        with pytest.raises(NoUsableKey) as caught:
            python(script, more="timeout: 1").read(access())
        assert "not done after 1 seconds" in caught.value.problem
    assert time.monotonic() - began < 20


def test_a_program_that_it_leaves_running_is_not_waited_for():
    began = time.monotonic()
    assert source("sh", "-c", f"sleep 30 & echo {HEX}").read(access()) == SECRET
    assert time.monotonic() - began < 15


def test_size_is_limited():
    began = time.monotonic()
    for script in ("while True: print('a' * 1000)", "print('a' * 4097)"):
        with pytest.raises(NoUsableKey) as caught:
            python(script, more="timeout: 60").read(access())
        assert "more than 4096 bytes" in caught.value.problem
    assert python(f"import sys; sys.stderr.write('x' * 10_000_000); print('{HEX}')").read(access()) == SECRET
    assert time.monotonic() - began < 30


def test_no_process_is_left(tmp_path):
    script = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(NoUsableKey):
        python(script, more="timeout: 2").read(access())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# --- what is said of it --------------------------------------------------------------------------------------------------
FAILED = [
    ("import sys; sys.exit(3)", "ended with status 3"),
    ("import sys; sys.exit('no entry\\nof that name\\n\\n')", "ended with status 1: of that name"),
    (f"import sys; print('{HEX}'); sys.exit('{HEX}')", "(not shown: it repeats what was printed)"),
    ("import sys; print('correct horse battery'); sys.exit('bad: horse battery')", "(not shown: it repeats what was printed)"),
    (f"import sys; sys.exit('key {HEX} is wrong')", "ended with status 1: key ····"),
    (f"import sys; sys.exit('key {base64.b64encode(SECRET).decode()} is wrong')", "ended with status 1: key ····"),
    ("import sys; sys.exit('\\x1b[31mred')", "ended with status 1: ·[31mred"),
    ("import sys; sys.stderr.buffer.write(b'\\xff\\xfe'); sys.exit(1)", "ended with status 1"),
    (f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})", f"was ended by signal {int(signal.SIGSEGV)}"),
    ("print('')", "0 bytes"),
    ("print('xyz')", "not valid hex"),
]


@pytest.mark.parametrize(("script", "problem"), FAILED)
def test_failures(failure, script, problem):
    error = failure(python(script).read, access(), canary=SECRET)
    assert type(error) is NoUsableKey
    assert problem in error.problem
    assert HEX[:8] not in error.problem
    assert error.problem.startswith("key k1: command ")


def test_what_a_program_says_beside_the_key_is_handed_on():
    reach = access()
    assert python(f"import sys; sys.stderr.write('expires tomorrow\\n'); print('{HEX}')").read(reach) == SECRET
    assert [warning.rpartition(": ")[2] for warning in reach.warnings] == ["expires tomorrow"]
    reach = access()
    assert python(f"import sys; sys.stderr.write('{HEX}\\n'); print('{HEX}')").read(reach) == SECRET
    assert "not shown" in reach.warnings[0]


NOT_STARTED = [
    (["nosuchprogram-sealkit"], "no such file"),
    (["/nonexistent/program"], "no such file"),
    (["/"], "permission denied"),
]


@pytest.mark.parametrize(("arguments", "problem"), NOT_STARTED)
def test_a_program_that_cannot_be_started(failure, arguments, problem):
    error = failure(source(*arguments).read, access())
    assert problem in error.problem
    assert "PATH" in error.hint


def test_arguments_are_not_repeated(failure):
    assert "xyzzy" not in failure(source("false", "xyzzy").read, access()).problem


DECLARED_WRONGLY = [
    ("command: pass show k1\nencoding: hex", "must be a list of arguments"),
    ("command: []\nencoding: hex", "must be a list of arguments"),
    ("command: {a: b}\nencoding: hex", "must be a list of arguments"),
    ("command: [[a]]\nencoding: hex", "something else than text"),
    ('command: ["a\\0b"]\nencoding: hex', "something else than text"),
    ("command: ['']\nencoding: hex", "command without a program"),
    (f"command: {json.dumps(['a'] * 65)}\nencoding: hex", "holds 65 texts"),
    ("command: [a]", "source command without encoding"),
    ("command: [a]\nencoding: hex\ntimeout: 0", "timeout is 1 to 600 seconds"),
    ("command: [a]\nencoding: hex\ntimeout: 601", "timeout is 1 to 600 seconds"),
    ("command: [a]\nencoding: hex\ntimeout: x", "timeout is 1 to 600 seconds"),
    ("command: [a]\nencoding: hex\nkeep: HOME", "must be a list"),
    ("command: [a]\nencoding: hex\nkeep: [A=B]", "keep names environment variables"),
    ("command: [a]\nencoding: hex\nshell: true", "unknown attribute 'shell'"),
]


@pytest.mark.parametrize(("text", "problem"), DECLARED_WRONGLY)
def test_declared_wrongly(failure, text, problem):
    error = failure(declare, text)
    assert type(error) is ConfigError
    assert problem in error.problem
    assert error.line


# --- which rings may ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mark", ["sealkit.yaml", ".git"])
@pytest.mark.parametrize("state", ["enabled", "disabled"])
def test_a_ring_in_a_tree_names_no_program(failure, tmp_path, mark, state):
    ran = tmp_path / "ran"
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)
    ring = tmp_path / "tree" / "a" / "b" / "keys.yaml"
    entry = f"source: {{command: [touch, {ran}], encoding: hex}}"
    ring.write_text(
        f"version: 1\nprimary: k1\nkeys:\n  - {{id: k1, source: {{hex: {HEX[:32]}}}}}\n  - id: k2\n    state: {state}\n    {entry}\n"
    )
    ring.chmod(stat.S_IRUSR)
    (tmp_path / "tree" / mark).write_text("")
    error = failure(KeyRing.load, ring)
    assert type(error) is ConfigError
    assert error.exit_status == 2
    assert "key k2: a ring in a tree cannot name a program" in error.problem
    assert error.line == 5
    link = tmp_path / "keys.yaml"
    link.symlink_to(ring)
    assert type(failure(KeyRing.load, link)) is ConfigError, "a link from outside leads into the tree all the same"
    assert not ran.exists()


def test_a_disabled_key_runs_nothing(tmp_path):
    ring = tmp_path / "keys.yaml"
    entry = f"source: {{command: [touch, {tmp_path}/ran], encoding: hex}}"
    ring.write_text(
        f"version: 1\nprimary: k1\nkeys:\n  - {{id: k1, source: {{hex: {HEX[:32]}}}}}\n  - id: k2\n    state: disabled\n    {entry}\n"
    )
    ring.chmod(stat.S_IRUSR)
    assert KeyRing.load(ring).get("k2").bits == 0
    assert not (tmp_path / "ran").exists()


def test_the_users_own_ring_may_lie_in_a_work_tree(tmp_path, monkeypatch):
    home = tmp_path / "home"
    own = home / ".config" / "sealkit" / "keys.yaml"
    own.parent.mkdir(parents=True)
    (home / ".git").mkdir()
    own.write_text(f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {{command: [echo, {HEX}], encoding: hex}}\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert KeyRing.load(own).primary.bits == 256
