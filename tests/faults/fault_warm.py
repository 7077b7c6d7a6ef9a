"""A process that has imported all of sealkit and forks itself for each run that it is asked for.

A run of the command line is then some 30 ms instead of 200, and its system calls begin where the program's own work begins: what the
interpreter does to start and to import modules need not be told apart from it, and is not part of the fault points. Each child ends
as the real program does, through ``main``, ``sys.exit`` and the interpreter's own end.

It is asked as ``warm.py`` is, of which it is a kind: this one's children can wait for a tracer, write short, and give up rights.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys

import warm

_PR_SET_PTRACER = 0x59616D61
_ANYBODY = ctypes.c_ulong(-1)
_GO = signal.SIGUSR1


class Server(warm.Server):
    """A child tells that it waits, or begins, before anybody learns its number; and a child that waits is let go."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        signal.pthread_sigmask(signal.SIG_BLOCK, {_GO})

    def fork(self, asked) -> int:
        ready, readied = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            asked["ready"] = readied
            return 0
        os.close(readied)
        os.read(ready, 1)  # its end: it waits, or begins
        os.close(ready)
        return pid

    def answer(self, asked):
        return os.kill(asked["pid"], _GO) if asked["op"] == "go" else super().answer(asked)


def become(asked: dict) -> None:
    """Make of this child what a shell would have started."""
    os.setsid()
    warm.default_signals()
    for number, path in ((0, asked["stdin"]), (1, asked["out"]), (2, asked["err"])):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(asked["cwd"])
    warm.take_environment(asked["env"])
    sys.argv = ["sealkit", *asked["args"]]
    for name, value in asked["settings"].items():
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, value)
    if asked["shorten"]:
        shorten(asked["shorten"], asked["mark"])
    if asked["uid"]:
        os.setgroups([])
        os.setgid(asked["uid"])
        os.setuid(asked["uid"])
    if not asked["gate"]:
        os.close(asked["ready"])
    else:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)  # the tracer is not an ancestor
        os.close(asked["ready"])
        signal.sigwait({_GO})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {_GO})


def shorten(nth: int, mark: str) -> None:
    """Let the n-th ``os.write`` of more than a byte write one byte only, and leave a mark that it did."""
    write, count = os.write, 0

    def short(descriptor: int, data: bytes) -> int:
        nonlocal count
        count += len(data) > 1
        if count != nth or len(data) <= 1:
            return write(descriptor, data)
        os.mkdir(f"{mark}.{os.getpid()}")
        return write(descriptor, bytes(data[:1]))

    os.write = short


if __name__ == "__main__":
    what = warm.serve(Server(int(sys.argv[1])))
    if what is not None:
        become(what)
        from sealkit.cli import main

        main()
