"""What a process has in its memory, looked at from outside while it waits: nothing is allocated in it for that, which would hide what was freed."""

from __future__ import annotations

import hmac
import os
import re
import subprocess
import sys

import pytest

WATCHED = """
import ctypes, os
from sealkit.keys.process import protect_process
protect_process()

def let_look():
    '''Undo what keeps other processes out: who started this one looks on.'''
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)

def wait(word):
    os.write(1, word)
    os.read(0, 1)
"""
"""What the code of a watched process begins with; it calls ``wait`` with a line that was made before, where it is to be looked into."""


class Watched:
    """A Python process that runs some code, and waits wherever that says so; the arguments are for it, and descriptors that it inherits."""

    def __init__(self, code, *arguments, env=None, descriptors=()):
        command = [sys.executable, "-c", WATCHED + code, *map(str, arguments)]
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            pass_fds=descriptors,
            bufsize=0,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.kill()
        self._child.wait(timeout=30)

    def word(self):
        """Return the line with which it says that it waits now."""
        word = b""
        while not word.endswith(b"\n"):
            read = self._child.stdout.read(1)
            if not read:
                pytest.fail(f"it ended after {word!r}")
            word += read
        return word.strip()

    def go_on(self):
        self._child.stdin.write(b"x")

    def memory(self, pid=None):
        """Return all memory that it, or a child of its own, may write to. Where nobody may look, nothing is tested, and CI fails."""
        try:
            return memory_of(pid or self._child.pid)
        except PermissionError:
            said = "NOT TESTED: no process may look into another's memory here, so that copies of keys cannot be counted"
            pytest.fail(said) if os.environ.get("SEALKIT_CI") == "1" else pytest.skip(said)


def memory_of(pid):
    """Return all memory that a process may write to. Raises ``PermissionError``."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if rights.startswith("rw") and "[v" not in line:
                memory.seek(int(begin, 16))
                parts.append(memory.read(int(end, 16) - int(begin, 16)))
    return b"\n".join(parts)


def copies(memory, secret):
    """Count what there is of a secret, any eight bytes of it: what is freed loses its first bytes."""
    return max(memory.count(secret[at : at + 8]) for at in range(0, len(secret) - 7, 8))


def derived(secret, mac=b""):
    """Return what HKDF gives on the way from a key to its subkeys, and these: all that is worth as much as the key."""
    prk = hmac.digest(b"sealkit/v1+mac" if mac else b"sealkit/v1", secret + mac, "sha256")
    return {"PRK": prk} | {name: hmac.digest(prk, f"sealkit/v1 {name}\1".encode(), "sha256") for name in ("mac", "siv", "journal")}
