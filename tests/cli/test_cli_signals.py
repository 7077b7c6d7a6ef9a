"""Interrupted: the exit status says by what, every file is whole, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
FILES = 400


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize(
    "args", [["decrypt", "-"], ["seal", "-"], ["seal", "--payload", "-", "records/article.md"], ["inspect", "-"]]
)
def test_while_it_waits_for_stdin(desk, number, args):
    before = desk.files("records")
    running = desk.start(*args)
    wait_until_it_sleeps(running)
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert running.returncode == STATUS[number], err
    assert out == b""
    assert b"Traceback" not in err
    assert desk.files("records") == before


def wait_until_it_sleeps(running):
    """Wait until the process waits for its stdin."""
    for _ in range(1000):
        with open(f"/proc/{running.pid}/wchan") as channel, open(f"/proc/{running.pid}/stat") as stat:
            state = stat.read().rpartition(")")[2].split()[0]
            if state == "S" and channel.read() in ("pipe_read", "anon_pipe_read", "pipe_wait", "0", ""):
                time.sleep(0.1)
                return
        time.sleep(0.02)
    pytest.fail("it never waited for its stdin")


@pytest.mark.parametrize("number", [*STATUS, signal.SIGKILL])
@pytest.mark.parametrize("verb", ["seal", "rotate"])
def test_in_the_middle_of_a_tree(desk, verb, number):
    old, payloads = {}, {}
    for index in range(FILES):
        name, payload = f"tree/{index:03}.md", f"the payload number {index}, in two blocks"
        desk.record(name, payload if verb == "seal" else desk.sealed(payload.encode(), "k1"))
        old[name], payloads[name] = desk.read(name), payload
    running = desk.start(verb, "tree")
    while running.poll() is None and desk.read("tree/000.md") == old["tree/000.md"]:
        time.sleep(0.001)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode in (0, STATUS.get(number, -number)), err
    assert b"Traceback" not in err
    now = desk.files("tree")
    assert all(whole(data, old[name]) for name, data in now.items() if name in old)
    assert not old.keys() - now.keys()

    again = desk.run(verb, "tree")
    assert again.status == 0, again
    assert {line["path"]: line["payload"] for line in desk.run("decrypt", "--json", "tree").lines} == payloads
    assert {line["key"] for line in desk.run("verify", "--json", "tree").lines} == {"k2"}
    assert not [name for name in desk.files("tree") if "sealkit-tmp" in name]
    third = desk.run(verb, "tree")
    assert f"{FILES} unchanged" in third.err


def default_signals():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def last_word(running):
    """Wait until a process says that it is ending; one that ends without a word says nothing more."""
    said = b""
    while b"ending" not in said:
        more = os.read(running.stdout.fileno(), 1 << 16)
        if not more:
            _, err = running.communicate(timeout=60)
            pytest.fail(f"it ended with {running.returncode} after {said!r}: {err!r}")
        said += more


def test_a_child_that_ends_without_a_word_is_a_failure():
    """What shows that the test below ends, whatever its child does."""
    running = subprocess.Popen([sys.executable, "-c", "print('else')"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with pytest.raises(pytest.fail.Exception, match="it ended with 0 after b'else"):
        last_word(running)


@pytest.mark.parametrize("number", STATUS)
def test_after_the_last_word(desk, number):
    """A signal that comes while Python shuts down, made long here by a hook, changes neither the exit status nor what is said."""
    desk.record("a.md", desk.sealed(b"a payload of two blocks", "k1"))
    hook = "import atexit, os, sys, time; atexit.register(lambda: (os.write(1, b'ending'), time.sleep(1)))"
    script = f"{hook}; sys.argv = ['sealkit', 'verify', '-q', 'a.md']; from sealkit.cli import main; main()"
    command = [sys.executable, "-c", script]
    running = subprocess.Popen(
        command, cwd=desk.path, env=desk.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=default_signals
    )
    last_word(running)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert b"Traceback" not in err


def whole(now, before):
    """Say whether a record is the old one, or the old one with another field's value."""
    head, tail = b'---\ntitle: t\nsecured: "', b'"\nend: 1\n---\nbody\n'
    return now == before or (now.startswith(head) and now.endswith(tail) and b";" in now)
