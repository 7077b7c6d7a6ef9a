"""A desk for the tests of the command line: a folder with the sample records and the example ring, and sealkit run in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import needs
import warm

from sealkit.crypto.blob import Blob
from sealkit.keys.ring import KeyRing

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "tests" / "records"
RING = ROOT / "keys.example"
WARM_OPTIONS = {"stdout", "stderr", "timeout", "bounds"}
IV = bytes.fromhex("7365616c6b697420746573742069760a")


class Ran:
    """What a run of sealkit gave: exit status, stdout (bytes) and stderr (text)."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err.decode("utf-8", "surrogateescape")

    def __repr__(self):
        return f"<exit {self.status}\nstdout {self.out[:800]!r}\nstderr {self.err[:800]}>"

    @property
    def text(self):
        return self.out.decode()

    @property
    def lines(self):
        """The JSON lines without the summary."""
        return [json.loads(line) for line in self.out.splitlines()][:-1]

    @property
    def summary(self):
        return json.loads(self.out.splitlines()[-1])["summary"]

    @property
    def said(self):
        """What stderr says besides the warning about the example keys."""
        return "".join(line for line in self.err.splitlines(keepends=True) if "keys.example are public" not in line)


def checked(ran):
    """The run, unless it could not be for want of an extra: then the test is skipped."""
    if ran.status != 0:
        needs.excuse(ran.err)
    return ran


class Desk:
    """A folder with ``records/`` and ``keys.example``, in which sealkit runs with a home of its own."""

    def __init__(self, folder):
        self.path = folder / "desk"
        self.path.mkdir()
        shutil.copytree(RECORDS, self.path / "records")
        (self.path / "records" / "sample.md").unlink(missing_ok=True)  # its key is not known to anybody here
        shutil.copy(RING, self.path / "keys.example")
        (self.path / "keys.example").chmod(0o644)  # whatever the umask of whoever cloned it made of it
        (self.path / "home").mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path / "home"),
            "LANG": "C.UTF-8",
            "SEALKIT_KEYS": str(self.path / "keys.example"),
            "PYTHONWARNINGS": "error",
        }

    def command(self, *args):
        return [sys.executable, "-m", "sealkit", *args]

    def run(self, *args, stdin=b"", env=None, wrap=(), process=False, **popen):
        """Run sealkit to its end; ``wrap`` is a command line that is given the command, ``bounds`` what it may take (``warm.bound``).

        It is forked from a warm process (``warm.py``), unless what is asked for takes a start of Python of its own, or ``process`` says
        so: for what a test asserts of that start.
        """
        chosen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | popen
        environment = self.environment(env)
        if not (process or wrap or chosen.keys() - WARM_OPTIONS) and warm.can_take(environment, self.path):
            return checked(Ran(*warm.run([os.fsdecode(arg) for arg in args], self.path, environment, stdin, **chosen)))
        if "stdin" not in chosen:
            chosen["input"] = stdin
        bounds = chosen.pop("bounds", None)
        if bounds is not None:
            chosen["preexec_fn"] = partial(warm.bound, *bounds)
        ran = subprocess.run([*wrap, *self.command(*args)], cwd=self.path, env=environment, check=False, **chosen)
        return checked(Ran(ran.returncode, ran.stdout or b"", ran.stderr or b""))

    def environment(self, more=None):
        """The environment of a run; what is None in ``more`` is taken away."""
        return {key: value for key, value in (self.env | (more or {})).items() if value is not None}

    def start(self, *args, **popen):
        """Start sealkit with the signals as a shell gives them to a foreground command."""

        def default():
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

        chosen = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | popen
        return subprocess.Popen(self.command(*args), cwd=self.path, env=self.env, preexec_fn=default, **chosen)

    def write(self, name, data):
        target = self.path / os.fsdecode(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return os.fspath(name)

    def read(self, name):
        return (self.path / os.fsdecode(name)).read_bytes()

    def files(self, below="."):
        """Every file below a folder: its path and content."""
        found = {}
        for folder, _, names in os.walk(self.path / below):
            for name in names:
                path = Path(folder) / name
                found[str(path.relative_to(self.path))] = path.read_bytes() if path.is_file() else b""
        return found

    def sealed(self, payload, key="k2", iv=IV):
        """The text of a blob of a payload, made without the sealer and its checks."""
        return str(Blob(self.ring().get(key).cbc().encrypt(payload, iv), iv))

    def record(self, name, value, quote='"'):
        """Write a record whose field holds ``value``."""
        return self.write(name, b"---\ntitle: t\nsecured: " + f"{quote}{value}{quote}".encode() + b"\nend: 1\n---\nbody\n")

    def ring(self):
        return KeyRing.load(self.path / "keys.example", environ={})
