"""Runs of the command line, forked from a warm process, as they are or with a fault injected by strace."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from warm import Warm

ROOT = Path(__file__).parents[2]
TIMEOUT = 30

_GATE = "rt_sigtimedwait"  # where fault_warm waits to be let go
_CALL = re.compile(r"^(\d+) +(?:\d+\.\d+ +)?([a-z_0-9]+)\(")
_INTERPRETER = re.compile(r'openat\([^"]*"[^"]*(?:\.pyc?|\.so|/site-packages|/__pycache__)"')


def warmed():
    """A warm process whose children can be traced."""
    return Warm(Path(__file__).with_name("fault_warm.py"), PYTHONHASHSEED="0")


class Run:
    """One run that was begun: ``pid``, and what it said so far."""

    def __init__(self, warm, pid, out, err):
        self.warm, self.pid, self._out, self._err = warm, pid, out, err
        self.status = None

    def go(self):
        self.warm.ask(op="go", pid=self.pid)

    def wait(self, timeout=TIMEOUT):
        """Return its exit status, or minus the signal that ended it."""
        if self.status is None:
            self.status = self.warm.ask(op="wait", pid=self.pid, timeout=timeout)
            if self.status is None:
                said = f"still running after {timeout} s: {self.err}"
                kill_group(self.pid)
                self.warm.ask(op="wait", pid=self.pid, timeout=TIMEOUT)
                raise AssertionError(said)
        return self.status

    @property
    def out(self):
        return Path(self._out).read_bytes() if os.path.exists(self._out) else b""

    @property
    def err(self):
        return Path(self._err).read_text("utf-8", "surrogateescape") if os.path.exists(self._err) else ""

    def __repr__(self):
        return f"exit {self.status}, said {self.err.strip()[-600:]!r}"


class Place:
    """A folder in which sealkit runs: with a home, a folder for temporary files, and what the runs say."""

    def __init__(self, path, warm, said=None):
        self.path = Path(path)
        self.warm = warm
        self.count = 0
        self.said = Path(said) if said is not None else self.path / "said"
        self.said.mkdir(exist_ok=True)

    def start(self, *args, gate=False, settings=None, shorten=0, uid=0, stdin=os.devnull, env=None):
        """Begin ``sealkit ARGS``; paths among them are relative to the folder."""
        self.count += 1
        out, err = (self.said / f"{self.count}.{name}" for name in ("out", "err"))
        for said in (out, err):
            said.unlink(missing_ok=True)
            if uid:
                said.touch()
                said.chmod(0o666)
        pid = self.warm.ask(
            op="run",
            args=list(args),
            cwd=str(self.path),
            env=self.env | (env or {}),
            out=str(out),
            err=str(err),
            gate=gate,
            settings=settings or {},
            shorten=shorten,
            mark=str(self.said / "shortened"),
            uid=uid,
            stdin=str(stdin),
        )
        return Run(self.warm, pid, out, err)

    def run(self, *args, timeout=TIMEOUT, **how):
        run = self.start(*args, **how)
        run.wait(timeout)
        return run

    @property
    def env(self):
        path = str(self.path)
        return {
            "PATH": os.environ["PATH"],
            "HOME": f"{path}/home",
            "TMPDIR": f"{path}/tmp",
            "LANG": "C.UTF-8",
            "SEALKIT_KEYS": "keys.yaml",
        }

    def traced(self, *args, inject=None, calls="all", **how):
        """Run under strace to the end, with a fault; return the run and what strace wrote."""
        tracer = self.trace(*args, inject=inject, calls=calls, **how)
        tracer.end()
        return tracer.run, Log(tracer.log.read_text(errors="replace"))

    def trace(self, *args, inject=None, calls="all", **how):
        return Tracer(self, args, inject, calls, how)


class Tracer:
    """A run that strace is attached to, under way."""

    def __init__(self, place, args, inject, calls, how):
        self.run = place.start(*args, gate=True, **how)
        self.log = place.said / "strace"
        self.log.unlink(missing_ok=True)
        command = ["strace", "-f", "-y", "-s", "16", "-o", str(self.log), "-e", f"trace={calls}"]
        command += ["-e", f"inject={inject}"] if inject else []
        self.process = subprocess.Popen([*command, "-p", str(self.run.pid)], stderr=subprocess.PIPE)
        ready, _, _ = select.select([self.process.stderr], [], [], TIMEOUT)
        said = self.process.stderr.readline() if ready else b""
        if b"attached" not in said:
            self.process.kill()
            kill_group(self.run.pid)
            raise AssertionError(f"strace cannot attach to a process of ours: {said!r}")
        self.run.go()

    def reaches_its_stop(self):
        """Wait for an injected SIGSTOP; False if the run ends before it."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            if "stopped by SIGSTOP" in self.log.read_text(errors="replace"):
                return True
            if ended:
                return False
            time.sleep(0.0005)
        raise AssertionError("neither stops nor ends")

    def end(self):
        """Wait until the run and all its workers have ended."""
        try:
            self.process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            kill_group(self.run.pid)
            self.process.communicate(timeout=TIMEOUT)
            raise AssertionError(f"hangs: {self.run.err}\n{self.log.read_text(errors='replace')[-2000:]}") from None
        self.run.wait()


class Log:
    """What strace wrote."""

    def __init__(self, text):
        self.text = text

    @property
    def was_hit(self):
        """Whether the fault happened."""
        return "(INJECTED)" in self.text or "killed by SIGKILL" in self.text

    @property
    def hit(self):
        """The calls that the fault happened to, one in each process; those that were resumed with what they began as."""
        found, begun = [], {}
        for line in self.text.splitlines():
            pid = line.partition(" ")[0]
            if line.endswith("<unfinished ...>"):
                begun[pid] = line
            elif "(INJECTED)" in line:
                found.append(begun[pid] if " resumed>" in line and pid in begun else line)
        return "\n".join(found)

    def calls(self):
        """How often each system call was made, by the process that made it most often; in the order of their first use."""
        counts, most = Counter(), {}
        for line in self.text.splitlines():
            match = _CALL.match(line)
            if match and match[2] != _GATE:
                pid, name = match.groups()
                counts[pid, name] += 1
                most[name] = max(most.get(name, 0), counts[pid, name])
        return most

    def imports(self):
        """Files of the interpreter that were opened: modules that the warm process should have imported."""
        return [line for line in self.text.splitlines() if _INTERPRETER.search(line)]


def members(group):
    """The living processes of a process group."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                state, _, pgrp = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(pgrp) == group and state != "Z":
                found.append(int(name))
    return found


def kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def outlived(group, seconds=2.0):
    """The processes of a group that are still there after so many seconds."""
    deadline = time.monotonic() + seconds
    while members(group) and time.monotonic() < deadline:
        time.sleep(0.005)
    return members(group)


def missing_strace():
    """Why faults cannot be injected here; None if they can."""
    if sys.platform != "linux":
        return "faults are injected on Linux only"
    if shutil.which("strace") is None:
        return "strace is missing"
    return None
