"""``sealkit keygen`` with a passphrase or under another key, and the ring that one passphrase opens, at a terminal and without."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

PASSPHRASE = "mit dem Fahrstuhl in den Zwiebelkeller"


class Terminal:
    """sealkit as the leader of a session at a terminal of its own; its stdout and stderr are pipes."""

    def __init__(self, desk, *args, stdin=subprocess.DEVNULL):
        master, slave = pty.openpty()
        self.seen = b""
        self._master = master

        def take():
            os.setsid()
            os.close(os.open(os.ttyname(slave), os.O_RDWR))  # the first terminal that the leader opens is its own
            signal.signal(signal.SIGINT, signal.default_int_handler)

        self.process = subprocess.Popen(
            desk.command(*args),
            cwd=desk.path,
            env=desk.env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=take,
            pass_fds=[slave],
        )
        os.close(slave)

    def expect(self, text):
        until = time.monotonic() + 30
        while text.encode() not in self.seen:
            assert select.select([self._master], [], [], until - time.monotonic())[0], (text, self.seen)
            self.seen += os.read(self._master, 4096)
        return self

    def type(self, text):
        os.write(self._master, text.encode() + b"\n")
        return self

    def end(self):
        out, err = self.process.communicate(timeout=30)
        while select.select([self._master], [], [], 0)[0]:
            try:
                self.seen += os.read(self._master, 4096)
            except OSError:
                break
        os.close(self._master)
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
def mine(desk):
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.env["SEALKIT_SECRET_P"] = PASSPHRASE
    return desk


CHEAP = ["--kdf", "pbkdf2"]


def test_one_passphrase_opens_a_ring_that_can_be_committed(mine):
    ran = mine.run("keygen", "--id", "master", "--passphrase-env", "SEALKIT_SECRET_P")
    assert (ran.status, ran.text, ran.err) == (
        0,
        "master  256 bits  from a passphrase, by argon2id  in " + mine.env["SEALKIT_KEYS"] + "\n",
        "",
    )
    ran = mine.run("keygen", "--wrapped-by", "master", "--primary", "--format", "tagged", "--bits", "128")
    assert ran.text.startswith("k1  128 bits  wrapped under master  in ")
    assert mine.run("keys", "disable", "master").status == 0
    assert mine.run("keys").text.splitlines()[0] == "master  not fetched  disabled  plain  no kid"
    text = mine.read("ring.yaml").decode()
    assert "base64:" not in text
    assert PASSPHRASE not in text
    assert re.search(r"kdf: argon2id, salt: \"[^\"]{24}\", t: 3, m: 65536, p: 4, check: \"[0-9a-f]{16}\"", text)
    for command in (["git", "init", "-q"], ["git", "add", "ring.yaml"], ["chmod", "644", "ring.yaml"]):
        subprocess.run(command, cwd=mine.path, check=True)
    mine.record("x.md", "the plaintext")
    assert mine.run("seal", "x.md").status == 0
    assert mine.run("decrypt", "x.md").out == b"the plaintext"
    ran = mine.run("decrypt", "x.md", env={"SEALKIT_SECRET_P": "another"})
    assert (ran.status, ran.out) == (3, b"")
    assert "wrapped under key master: key master: wrong passphrase" in ran.err
    assert mine.run("decrypt", "x.md", env={"SEALKIT_SECRET_P": None}).status == 3


def test_a_typed_passphrase(mine):
    running = Terminal(mine, "keygen", "--passphrase", *CHEAP)
    running.expect("new passphrase of key k1 (nothing: one is made): ").type(PASSPHRASE).expect("the same again: ").type(PASSPHRASE)
    status, out, err = running.end()
    assert (status, err) == (0, "")
    assert out.startswith("k1  256 bits  from a passphrase, by pbkdf2  in ")
    assert PASSPHRASE.encode() not in running.seen
    mine.record("x.md", "the plaintext")
    running = Terminal(mine, "seal", "x.md")
    running.expect("passphrase of key k1: ").type(PASSPHRASE)
    assert running.end()[0] == 0
    with open(mine.path / "x.md", "rb") as record:
        running = Terminal(mine, "decrypt", "-", "--as", "x.md", stdin=record)
        running.expect("passphrase of key k1: ").type(PASSPHRASE)
        assert running.end()[:2] == (0, "the plaintext")
    running = Terminal(mine, "decrypt", "x.md")
    running.expect("passphrase of key k1: ").type("wrong")
    status, out, err = running.end()
    assert (status, out) == (3, "")
    assert "key k1: wrong passphrase" in err


def test_an_offered_passphrase(mine):
    running = Terminal(mine, "keygen", "--passphrase", *CHEAP)
    running.expect("one is made): ").type("").expect("write it down")
    status, out, err = running.end()
    assert (status, err) == (0, "")
    offered = re.search(rb"\n    ([a-z -]+)\r?\n", running.seen)[1].decode()
    assert len(offered.split(" ")) == 8
    assert offered not in out
    running = Terminal(mine, "keys")
    running.expect("passphrase of key k1: ").type(offered)
    assert running.end()[0] == 0


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        (["password1234"], "passphrase"),
        ([PASSPHRASE, PASSPHRASE + "x"], "two different passphrases"),
        (["\x04"], "nothing was typed"),
    ],
)
def test_nothing_is_made_of_a_bad_one(mine, typed, problem):
    running = Terminal(mine, "keygen", "--passphrase", *CHEAP)
    for question, text in zip(("one is made): ", "the same again: "), typed, strict=False):
        running.expect(question).type(text)
    status, out, err = running.end()
    assert (status, out) == (3, "")
    assert problem in err
    assert not (mine.path / "ring.yaml").exists()


def test_an_interrupted_question(mine):
    running = Terminal(mine, "keygen", "--passphrase")
    running.expect("one is made): ").type("\x03")
    status, out, err = running.end()
    assert (status, out) == (130, "")
    assert "interrupted" in err
    assert not (mine.path / "ring.yaml").exists()


WRONG = [
    (["--passphrase"], 3, "no terminal to ask at"),
    (["--passphrase-env", "NOT_SET"], 3, "'NOT_SET' is not set"),
    (["--passphrase-env", "not a name"], 2, "takes the name of a variable"),
    (["--passphrase-env", "A", "--passphrase-command", "cat x"], 2, "more than one place"),
    (["--passphrase-command", "false"], 3, "ended with status 1"),
    (["--passphrase-command", "'"], 2, "takes a program and its arguments"),
    (["--passphrase", "--wrapped-by", "k1"], 2, "only one of these"),
    (["--wrapped-by", "k1"], 3, "no such file"),
]


@pytest.mark.parametrize(("options", "status", "problem"), WRONG)
def test_wrong(mine, options, status, problem):
    ran = mine.run("keygen", *options, wrap=["setsid", "-w"])
    assert ran.status == status, ran
    assert problem in ran.err
    assert not (mine.path / "ring.yaml").exists()


def test_a_passphrase_from_a_program(mine):
    mine.write("p.txt", PASSPHRASE.encode() + b"\n")
    assert mine.run("keygen", *CHEAP, "--passphrase-command", "cat p.txt").status == 0
    assert b'passphrase: {command: ["cat", "p.txt"]}' in mine.read("ring.yaml")
    assert mine.run("keys").status == 0
    assert mine.run("keygen", "--wrapped-by", "k9").status == 3
    assert mine.run("keygen", "--wrapped-by", "k1").text.startswith("k2  256 bits  wrapped under k1")


def test_a_kdf_of_each_kind(mine):
    for kdf in ("scrypt", "pbkdf2"):
        assert mine.run("keygen", "--kdf", kdf, "--passphrase-env", "SEALKIT_SECRET_P").status == 0
    listed = mine.run("keys").text
    assert len(set(re.findall(r"kid ([0-9a-f]{16})", listed))) == 2
