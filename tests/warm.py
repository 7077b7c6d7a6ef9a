"""A process that has imported all of sealkit, and forks itself for each run of the command line that it is asked for.

A run is then a tenth of what it costs to start Python and to import everything. It is a process of its own all the same: with its own
descriptors, signals, memory and exit status, and nothing of the tests in it. What a start alone can show is not seen here (what is
imported, what Python makes of its environment, what stands in the working folder): ``Desk.run`` starts Python for that.

Asked over a socket (its descriptor is the one argument) with messages of JSON, which may bring descriptors along.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import warnings
from pathlib import Path

_LENGTH = struct.Struct("!I")
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

_OF_THE_START = ("PYTHON", "LC_", "LD_")  # what Python and the system look at when a program starts

_ours = _devnull = None


def import_everything() -> None:
    """Import what any verb may need, so that no child does it again."""
    import_below("sealkit")
    for name in _LAZY:
        importlib.import_module(name)


def import_below(package: str) -> None:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__") and module.name != _NO_VERBS:
            importlib.import_module(module.name)
            if module.ispkg:
                import_below(module.name)


# --- messages ----------------------------------------------------------------------------------------------------------
def send(channel: socket.socket, message: object, descriptors=()) -> None:
    """Send a message, and descriptors along with it."""
    data = json.dumps(message).encode()
    data = _LENGTH.pack(len(data)) + data
    sent = socket.send_fds(channel, [data], descriptors) if descriptors else 0
    channel.sendall(data[sent:])


def receive(channel: socket.socket):
    """Return a message and the descriptors that came along; None when the other side is gone."""
    head, ancillary, _, _ = channel.recvmsg(_LENGTH.size, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    if not head:
        return None
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    head += received(channel, _LENGTH.size - len(head))
    return json.loads(received(channel, _LENGTH.unpack(head)[0])), list(descriptors)


def received(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = channel.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


# --- the warm process, on its own side -----------------------------------------------------------------------------------
class Server:
    """Forks and waits, as asked; ``serve`` returns in the child, with what it shall run, and in the parent None at the end."""

    def __init__(self, descriptor: int) -> None:
        self.channel = socket.socket(fileno=descriptor)

    def serve(self):
        while (got := receive(self.channel)) is not None:
            asked, descriptors = got
            answer = self.fork(asked) if asked["op"] == "run" else self.answer(asked)
            if answer == 0 and asked["op"] == "run":
                self.channel.close()
                return asked | {"descriptors": descriptors}
            for descriptor in descriptors:
                os.close(descriptor)
            send(self.channel, answer)
        self.channel.close()
        return None

    def fork(self, asked) -> int:
        """Return the child's number; 0 in the child."""
        return os.fork()

    def answer(self, asked):
        return self.wait(asked["pid"], asked["timeout"])

    @staticmethod
    def wait(pid: int, timeout: float) -> int | None:
        """Return how a child ended (as ``waitstatus_to_exitcode`` has it); None if it did not within ``timeout`` seconds."""
        descriptor = os.pidfd_open(pid)
        try:
            ready, _, _ = select.select([descriptor], [], [], timeout)
        finally:
            os.close(descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if ready else None


def serve(server: Server):
    """Import everything and serve; return in each child, with what it shall run. In the end, in the parent: None."""
    import_everything()
    gc.collect()
    gc.freeze()
    return server.serve()


def default_signals() -> None:
    """Take signals as a shell gives them to a program in the foreground."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)


def bound(seconds: int, memory: int) -> None:
    """Give this process so many seconds of a processor, and so many bytes of addresses beside those that it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory + pages * resource.getpagesize(),) * 2)


def take_environment(environment) -> None:
    os.environ.clear()
    os.environ.update(environment)


def become(asked) -> None:
    """Make of this child what ``subprocess`` would have started."""
    default_signals()
    numbers = asked["descriptors"]
    for number in range(3):
        os.dup2(numbers[number], number)
    os.closerange(3, max(numbers) + 1)
    os.umask(asked["umask"])
    if asked.get("bounds") is not None:
        bound(*asked["bounds"])
    os.chdir(os.fsencode(asked["cwd"]))
    take_environment(asked["env"])
    sys.argv = [asked["program"], *asked["args"]]
    sys.stdin, sys.stdout, sys.stderr = opened(0, "r"), opened(1, "w"), opened(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    if asked["env"].get("PYTHONWARNINGS") == "error":
        warnings.resetwarnings()
        warnings.simplefilter("error")


def opened(number: int, mode: str) -> io.TextIOWrapper:
    """A standard stream as Python opens it in a UTF-8 locale."""
    raw = io.FileIO(number, mode, closefd=False)
    buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    errors = "backslashreplace" if number == 2 else "surrogateescape"
    stream = io.TextIOWrapper(buffer, "utf-8", errors, newline="\n", line_buffering=number == 2 or raw.isatty())
    stream.mode = mode
    return stream


def run_to_the_end() -> None:
    """Run ``main`` and end as Python does, but for taking apart what the system takes back anyway."""
    from sealkit.cli import main

    status = 1
    try:
        main()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        if status == 1 and sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
        os._exit(last_words(status))


def last_words(status: int) -> int:
    """Do what is left to do, and return the exit status: 120 if not everything that was said could be written."""
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        return 120
    return status & 0xFF


# --- and on the side of the tests ------------------------------------------------------------------------------------------
def where_things_are():
    """The folder of the package that the tests import, which is what is run; and a PYTHONPATH for it and the tests' own modules."""
    package = Path(importlib.import_module("sealkit").__file__).parent
    return package, os.pathsep.join([str(package.parent), str(Path(__file__).parent)])


class Warm:
    """A warm process, from here; ``script`` is what it runs."""

    def __init__(self, script=__file__, **environment) -> None:
        package, found = where_things_are()
        self.program = str(package / "__main__.py")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": found, "LANG": "C.UTF-8"} | environment
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, str(script), str(theirs.fileno())]
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        self.channel = ours

    def ask(self, descriptors=(), **asked):
        send(self.channel, asked, descriptors)
        got = receive(self.channel)
        assert got is not None, "the warm process is gone"
        return got[0]

    def close(self) -> None:
        self.channel.close()
        self.process.wait(30)

    def run(self, args, folder, environment, given, output, timeout, bounds=None):
        """Run a command line to its end; return its exit status, and what it wrote to the streams in ``output`` that are pipes.

        ``bounds``: how many seconds of a processor and how many bytes it may take beside what a start takes.
        """
        pipes, theirs = {}, []
        try:
            for number, stream in enumerate((subprocess.PIPE, *output)):
                if stream == subprocess.PIPE:
                    reads, writes = os.pipe()
                    pipes[number], end = (writes, reads) if number == 0 else (reads, writes)
                    theirs.append(end)
                else:
                    theirs.append(os.dup(theirs[1] if stream == subprocess.STDOUT else descriptor_of(stream)))
            pid = self.start(args, folder, environment, theirs, bounds)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        deadline = time.monotonic() + timeout
        wrote = converse(pipes, given, deadline)
        status = self.ask(op="wait", pid=pid, timeout=max(0, deadline - time.monotonic()))
        if status is None:
            os.kill(pid, signal.SIGKILL)
            self.ask(op="wait", pid=pid, timeout=30)
            raise subprocess.TimeoutExpired(["sealkit", *args], timeout, *wrote)
        return status, *wrote

    def start(self, args, folder, environment, descriptors, bounds=None):
        """Begin a run with its standard streams; return its number."""
        umask = os.umask(0)
        os.umask(umask)
        asked = {
            "args": args,
            "cwd": os.fsdecode(folder),
            "env": environment,
            "umask": umask,
            "program": self.program,
            "bounds": bounds,
        }
        return self.ask(descriptors, op="run", **asked)


def converse(pipes, given, deadline):
    """Write to a process's stdin and read from its stdout and stderr until they are closed, or it is too late."""
    wrote = {1: b"", 2: b""}
    with selectors.DefaultSelector() as selector:
        for number, descriptor in pipes.items():
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_WRITE if number == 0 else selectors.EVENT_READ, number)
        while selector.get_map() and (ready := selector.select(max(0, deadline - time.monotonic()))):
            for key, _ in ready:
                if key.data == 0:
                    given = given[written(key.fd, given) :]
                    ended = not given
                else:
                    part = os.read(key.fd, 1 << 16)
                    wrote[key.data] += part
                    ended = not part
                if ended:
                    selector.unregister(key.fd)
                    os.close(key.fd)
        for key in list(selector.get_map().values()):
            os.close(key.fd)
    return wrote[1], wrote[2]


def written(descriptor, data):
    """Write what the pipe takes and return how much that is: all, if nobody reads it any more."""
    try:
        return os.write(descriptor, data[: 1 << 16]) if data else 0
    except BrokenPipeError:
        return len(data)


def descriptor_of(stream):
    """The number of an open file; for ``DEVNULL`` one that stays open."""
    global _devnull
    if stream == subprocess.DEVNULL:
        if _devnull is None:
            _devnull = os.open(os.devnull, os.O_RDWR)
        return _devnull
    return stream if isinstance(stream, int) else stream.fileno()


def can_take(environment, folder):
    """Whether a run in this environment and folder is what a start of Python there would be.

    Not if variables change how it starts, or if modules stand in the folder, which Python might find.
    """
    usual = environment.get("LANG") == "C.UTF-8" and environment.get("PYTHONWARNINGS") == "error"
    odd = any(name.startswith(_OF_THE_START) for name in environment.keys() - {"PYTHONWARNINGS"})
    modules = any(any(Path(folder).glob(pattern)) for pattern in ("*.py", "*/__init__.py"))
    return usual and not odd and not modules and hasattr(os, "pidfd_open")


def run(args, folder, environment, given, *, stdout, stderr, timeout, bounds=None):
    """Run a command line in this process's own warm process, which the first one starts."""
    return ours().run(args, folder, environment, given, (stdout, stderr), timeout, bounds)


def ours():
    global _ours
    if _ours is None:
        _ours = Warm()
        atexit.register(_ours.close)
    return _ours


if __name__ == "__main__":
    what = serve(Server(int(sys.argv[1])))
    if what is not None:
        become(what)
        run_to_the_end()
