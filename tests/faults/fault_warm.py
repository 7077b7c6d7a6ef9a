"""A process that has imported all of sealkit and forks itself for each run that it is asked for.

A run of the command line is then some 30 ms instead of 200, and its system calls begin where the program's own work begins: what the
interpreter does to start and to import modules need not be told apart from it, and is not part of the fault points. Each child ends
as the real program does, through ``main``, ``sys.exit`` and the interpreter's own end.

Asked over a socket (its descriptor is the one argument) with lines of JSON; the answers are lines of JSON, too.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys

_PR_SET_PTRACER = 0x59616D61
_ANYBODY = ctypes.c_ulong(-1)
_GO = signal.SIGUSR1
_RESET = (signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGCONT, signal.SIGURG)
_NO_VERBS = "sealkit.columns"  # needs extras, which bring threads that a fork would leave behind
_LAZY = (
    "base64",
    "cryptography.hazmat.primitives.ciphers.modes",
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.hmac",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "difflib",
    "email",
    "encodings.unicode_escape",
    "fcntl",
    "pickle",
    "resource",
    "shlex",
    "subprocess",
    "tempfile",
    "traceback",
    "unicodedata",
    "yaml",
)


def import_everything() -> None:
    import_below("sealkit")
    for name in _LAZY:
        importlib.import_module(name)


def import_below(package: str) -> None:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__") and module.name != _NO_VERBS:
            importlib.import_module(module.name)
            if module.ispkg:
                import_below(module.name)


class Server:
    """Forks, lets go and waits, as asked; ``serve`` returns in the child, with what it shall run."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.lines = self.socket.makefile("rwb")
        signal.pthread_sigmask(signal.SIG_BLOCK, {_GO})

    def serve(self) -> dict | None:
        while line := self.lines.readline():
            asked = json.loads(line)
            if asked["op"] == "run":
                ready, readied = os.pipe()
                answer = os.fork()
                if answer == 0:
                    self.close()
                    os.close(ready)
                    return asked | {"ready": readied}
                os.close(readied)
                os.read(ready, 1)  # its end: it waits, or begins
                os.close(ready)
            elif asked["op"] == "go":
                answer = os.kill(asked["pid"], _GO)
            else:
                answer = self.wait(asked["pid"], asked["timeout"])
            self.lines.write(json.dumps(answer).encode() + b"\n")
            self.lines.flush()
        self.close()
        return None

    def close(self) -> None:
        self.lines.close()
        self.socket.close()

    @staticmethod
    def wait(pid: int, timeout: float) -> int | None:
        """Return how a child ended (as ``waitstatus_to_exitcode`` has it); None if it did not within ``timeout`` seconds."""
        descriptor = os.pidfd_open(pid)
        try:
            ready, _, _ = select.select([descriptor], [], [], timeout)
        finally:
            os.close(descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if ready else None


def become(asked: dict) -> None:
    """Make of this child what a shell would have started."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    for number, path in ((0, asked["stdin"]), (1, asked["out"]), (2, asked["err"])):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
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
    import_everything()
    gc.collect()
    gc.freeze()
    what = Server(int(sys.argv[1])).serve()
    if what is not None:
        become(what)
        from sealkit.cli import main

        main()
