"""Real git in a repository of its own, with sealkit installed in it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from desk import Desk, Ran

from sealkit.keys.ring import KeyRing

PAYLOAD = b"a payload of some length, of more than a block\n"
IDENTITY = {
    **{
        f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "n"), ("EMAIL", "n@example.org"))
    },
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


class Repository(Desk):
    """A desk whose folder ``repo`` is a git repository; ``sealkit`` is on the PATH."""

    def __init__(self, folder):
        super().__init__(folder)
        self.temp = folder / "temp"
        self.temp.mkdir()
        program = folder / "bin" / "sealkit"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sealkit "$@"\n')
        program.chmod(0o755)
        self.env |= IDENTITY | {"PATH": f"{program.parent}:{self.env['PATH']}", "TMPDIR": str(self.temp)}
        self.path = self.path / "repo"
        self.path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *args, status=0, env=None, **popen):
        """Run git; its exit status must be the one that is expected (None: any)."""
        chosen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | popen
        ran = subprocess.run(["git", *args], cwd=self.path, env=self.env | (env or {}), check=False, **chosen)
        result = Ran(ran.returncode, ran.stdout or b"", ran.stderr or b"")
        assert status is None or ran.returncode == status, result
        return result

    def commit(self, message="m", **files):
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "-m", message)

    def put(self, name, payload, *options, **more):
        """Seal a payload in a record's field."""
        ran = self.run("seal", "-q", "--payload", "-", *options, name, stdin=payload, **more)
        assert ran.status == 0, ran

    def payload(self, name="a.md", **more):
        ran = self.run("decrypt", name, **more)
        assert ran.status == 0, ran
        return ran.out

    def install(self):
        ran = self.run("git", "install")
        assert ran.status == 0, ran
        return ran

    def on_terminal(self, *command, env=None):
        """What a command prints when its stdin, stdout and stderr are a terminal."""
        parent, child = pty.openpty()
        running = subprocess.Popen(command, cwd=self.path, env=self.env | (env or {}), stdin=child, stdout=child, stderr=child)
        os.close(child)
        out = b""
        while True:
            try:
                part = os.read(parent, 1 << 16)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(parent)
        running.wait(timeout=60)
        return out.replace(b"\r\n", b"\n")

    def blob(self, payload=None, key="k2"):
        """The text of a two-part blob, made without the sealer."""
        return self.sealed(PAYLOAD if payload is None else payload, key, os.urandom(16))

    def ring(self):
        return KeyRing.load(self.path.parent / "keys.example", environ={})

    def objects(self):
        """Every object of the repository, whether anything leads to it or not."""
        listed = self.git("cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer")
        return listed.out


def front(value, more=""):
    return f'---\ntitle: Fog\nsourceUrl: https://example.org/fog\nsecured: "{value}"\ncategory: news\nquality: 1\n{more}---\nbody\n'.encode()
