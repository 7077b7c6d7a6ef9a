"""What a terminal gets to see: nothing that moves its cursor, unless it was asked for."""

from __future__ import annotations

import os
import pty
import subprocess
import termios

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

ESCAPED = [*range(9), *range(11, 32), 127]


def on_a_terminal(desk, *args, stream="stdout"):
    """Run sealkit with one stream on a terminal; return its exit status and what the terminal saw."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST  # bytes come as they were written
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {stream: slave}
    running = subprocess.Popen(desk.command(*args), cwd=desk.path, env=desk.env, stdin=subprocess.DEVNULL, **streams)
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # the other side was closed
            part = b""
        if not part:
            break
        seen += part
    os.close(master)
    return running.wait(30), seen


BINARY = ["--payload-kind", "binary", "--key-id", "k2"]


@pytest.mark.parametrize("byte", ESCAPED)
def test_control_bytes_are_escaped(desk, byte):
    desk.record("x.md", desk.sealed(b"a" + bytes([byte]) + b"b"))
    status, seen = on_a_terminal(desk, "decrypt", *BINARY, "x.md")
    assert (status, seen) == (0, b"a\\x%02xb\n" % byte)


def test_c1_controls_are_escaped_as_characters_and_as_bytes(desk):
    characters = "".join(map(chr, range(0x80, 0xA0)))
    expected = "".join(f"\\x{byte:02x}" for byte in range(0x80, 0xA0)).encode() + b"\n"
    for payload in (characters.encode(), characters.encode("latin-1")):
        desk.record("x.md", desk.sealed(payload))
        assert on_a_terminal(desk, "decrypt", *BINARY, "x.md") == (0, expected)


def test_text_is_shown_as_it_is(desk):
    text = "Glasplatten — ein Gespräch\n\tmit Tabulator 😀\n"
    desk.record("x.md", desk.sealed(text.encode()))
    assert on_a_terminal(desk, "decrypt", "--key-id", "k2", "x.md") == (0, text.encode())


def test_bidi_controls_are_escaped(desk):
    desk.record("x.md", desk.sealed("a\u202eb\u2066c, and a second block".encode()))
    assert on_a_terminal(desk, "decrypt", "x.md") == (0, b"a\\u202eb\\u2066c, and a second block\n")


def test_raw_is_raw_and_a_pipe_gets_bytes(desk):
    payload = bytes(range(256)) + b"\x1b]52;c;aGk=\x07"
    desk.record("x.md", desk.sealed(payload))
    assert on_a_terminal(desk, "decrypt", "--raw", *BINARY, "x.md") == (0, payload)
    assert desk.run("decrypt", *BINARY, "x.md").out == payload


def test_whole_records_and_diffs_are_escaped_too(desk):
    desk.write("x.md", b"---\nsecured: " + desk.sealed(b"y" * 40, "k1").encode() + b"\n---\n\x1b]52;c;aGk=\x07 body\n")
    for args, good in ((["decrypt", "--record"], 0), (["rotate", "--diff"], 1)):
        status, seen = on_a_terminal(desk, *args, "x.md")
        assert status == good
        assert b"\x1b" not in seen
        assert b"\x07" not in seen
        assert b"\\x1b]52;" in seen
    assert b"\x1b]52" in desk.run("decrypt", "--record", "x.md").out
    for ran in (
        desk.run("rotate", "--diff", "x.md"),
        desk.run("diff", "x.md", "records/article.md"),
    ):  # whoever reads them from a pipe
        assert b"\x1b" not in ran.out
        assert b"\\x1b]52;" in ran.out


@pytest.mark.parametrize("verb", ["inspect", "verify", "rotate"])
def test_names_are_escaped(desk, verb):
    name = "a\x1b[31m\x07\r\n.md"
    (desk.path / name).write_bytes(desk.read("records/interview.md"))
    _, seen = on_a_terminal(desk, verb, name)
    assert b"a\\x1b[31m\\x07\\x0d\\x0a.md" in seen
    assert b"\x1b" not in seen


def test_progress_only_on_a_terminal(desk):
    status, seen = on_a_terminal(desk, "verify", "records", stream="stderr")
    assert status == 0
    assert b"\x1b[K" in seen
    for option in ("--no-progress", "--quiet"):
        assert b"\x1b" not in on_a_terminal(desk, "verify", option, "records", stream="stderr")[1]
    assert "\x1b" not in desk.run("verify", "records").err
