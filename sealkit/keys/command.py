"""Keys that a program prints: a password manager, a cloud's own command line.

The program is named by a list of arguments and started without a shell, in the ring's folder, with stdin empty, no descriptor of ours and a
clean environment. It has 30 seconds, or ``timeout``, and 4096 bytes. What it says on stderr is handed on as one line, with dots for what may
be a key, and not at all if it repeats what was printed on stdout.
"""

from __future__ import annotations

import os
import selectors
import time
from typing import TYPE_CHECKING, NamedTuple

from sealkit.config import Items, Text, masked, shown, shown_path
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.access import Source
from sealkit.keys.encodings import decode, encoding_of
from sealkit.keys.files import MAX_KEY_FILE, check_program
from sealkit.keys.given import is_variable_name
from sealkit.keys.process import absolute_folders
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from sealkit.config import Table
    from sealkit.keys.access import Access

SECONDS = 30
MAX_SECONDS = 600
MAX_ARGUMENTS = 64
KEPT = frozenset(
    [
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "TZ", "TMPDIR"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK"),
        *("GPG_TTY", "GPG_AGENT_INFO", "GNUPGHOME", "PASSWORD_STORE_DIR"),
    ]
)
"""The variables that a program gets; also those that begin with ``LC_`` and ``XDG_``, and those that the ring names in ``keep``."""

_MAX_SAID = 65536
_SHARED = 6
_BLOCK = 65536
_TICK = 0.2
_SPACE = b" \t\n\r\x0b\f"


class Program(NamedTuple):
    """What is to be run: the arguments, the folder it runs in, how long it may take in seconds, the variables it gets besides ``KEPT``.

    ``in_ring``: a ring names it, nobody typed it; then a program that is named by its path is run only if nobody else has a hand in it.
    """

    arguments: tuple[str, ...]
    folder: str
    seconds: int
    keep: frozenset[str]
    in_ring: bool = False


class Command(Source):
    """Key bytes that a program prints."""

    __slots__ = ("_encoding", "_label", "_program")
    runs = True
    costly = True

    def __init__(self, program: Program, encoding: str, label: str) -> None:
        self._program = program
        self._encoding = encoding
        self._label = label

    @opaque
    def read(self, access: Access) -> bytearray:
        """Run the program and decode what it prints."""
        printed = output_of(self._program, self._label, access)
        try:
            return decode(printed, self._encoding, f"{self._label}: {named(self._program)}", access)
        finally:
            wipe(printed)


def declare(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare a program as a source. Raises ``ConfigError``."""
    return Command(program_of(entry, kind, label, folder), encoding_of(entry, kind, label), label)


def program_of(entry: Table, kind: str, label: str, folder: str) -> Program:
    """Return the program that a table names, with its ``timeout`` and ``keep``. Raises ``ConfigError``."""
    value = entry.need(kind, of=label)
    if not isinstance(value, Items) or not value:
        hint = f"write {kind}: [program, argument, ...]; no shell takes a line apart"
        raise ConfigError(problem=f"{label}: {kind} must be a list of arguments", hint=hint, line=entry.lines[kind])
    seconds = entry.text("timeout", of=label) if "timeout" in entry else None
    if seconds is not None and not (seconds.isascii() and seconds.isdecimal() and 1 <= int(seconds[:9]) <= MAX_SECONDS):
        raise ConfigError(problem=f"{label}: timeout is 1 to {MAX_SECONDS} seconds", hint="without it: 30", line=seconds.line)
    keep = _texts(entry, "keep", label) if "keep" in entry else ()
    if not all(map(is_variable_name, keep)):
        hint = "write keep: [NAME, ...], names, not values"
        raise ConfigError(problem=f"{label}: keep names environment variables", hint=hint, line=entry.lines["keep"])
    arguments = _texts(entry, kind, label)
    if not arguments[0]:
        raise ConfigError(problem=f"{label}: {kind} without a program", hint="its name comes first", line=value.line)
    return Program(arguments, folder, SECONDS if seconds is None else int(seconds), frozenset(keep), in_ring=True)


def _texts(entry: Table, name: str, label: str) -> tuple[str, ...]:
    texts = []
    for item in entry.items_of(name, of=label):
        if not isinstance(item, Text) or "\0" in item:
            raise ConfigError(problem=f"{label}: {name} holds something else than text", hint="quote it", line=entry.lines[name])
        texts.append(str(item))
    if len(texts) > MAX_ARGUMENTS:
        hint = f"at most {MAX_ARGUMENTS}; put more into a script"
        raise ConfigError(problem=f"{label}: {name} holds {len(texts)} texts", hint=hint, line=entry.lines[name])
    return tuple(texts)


def named(program: Program) -> str:
    """Return what to call a program in a message: its name without its arguments."""
    return f"command {shown(program.arguments[0]) if '/' not in program.arguments[0] else shown_path(program.arguments[0])}"


# --- running it ------------------------------------------------------------------------------------------------------
@opaque
def output_of(program: Program, label: str, access: Access) -> bytearray:
    """Return what a program prints, at most 4096 bytes, for the caller to wipe. Raises ``NoUsableKey``."""
    import subprocess

    label = f"{label}: {named(program)}"
    if program.in_ring and "/" in program.arguments[0]:
        check_program(os.path.join(program.folder, program.arguments[0]), label)
    try:
        child = subprocess.Popen(
            program.arguments,
            cwd=program.folder or ".",
            env=clean(access.environ, program.keep),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "cannot be started"
        child = None
    if child is None:
        raise NoUsableKey(problem=f"{label}: {reason.lower()}", hint="check its name, and that it is in PATH")
    with child:
        try:
            deadline = time.monotonic() + program.seconds
            printed, said, whole = _collect(child, deadline)
            status = _end(child, deadline) if whole else None
        finally:
            child.kill()  # it may have closed what we read from; one that has ended is not touched
    return _judged(printed, said, status, label, program, access)


def _judged(printed: bytearray, said: bytearray, status: int | None, label: str, program: Program, access: Access) -> bytearray:
    line = _said(said, printed)
    wipe(said)
    if status == 0 and len(printed) <= MAX_KEY_FILE:
        if line is not None:
            access.warnings.append(f"{label} says: {line}")
        return printed
    size = len(printed)
    wipe(printed)
    if size > MAX_KEY_FILE:
        raise NoUsableKey(problem=f"{label}: it printed more than {MAX_KEY_FILE} bytes", hint="let it print the key alone")
    said_so = f": {line}" if line is not None else ""
    if status is None:
        hint = "does it wait for somebody? timeout: SECONDS gives it more"
        raise NoUsableKey(problem=f"{label}: not done after {program.seconds} seconds{said_so}", hint=hint)
    how = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
    raise NoUsableKey(problem=f"{label}: it {how}{said_so}", hint="run it by hand, in the ring's folder, to see why")


def _collect(child: subprocess.Popen[bytes], deadline: float) -> tuple[bytearray, bytearray, bool]:
    """Return what a program printed and said, and whether it came to an end of both in time and within the limits."""
    printed, said = _Taken(MAX_KEY_FILE), _Taken(_MAX_SAID)
    try:
        whole = _read_both(child, printed, said, deadline)
        return printed.content(), said.content(), whole
    finally:
        wipe(printed.buffer)
        wipe(said.buffer)


class _Taken:
    """What was taken of a stream, up to one byte more than its limit, in a buffer that never grows: growing leaves copies behind."""

    def __init__(self, limit: int) -> None:
        self.buffer = bytearray(limit + 1)
        self.size = 0

    def content(self) -> bytearray:
        """Return a copy of what was taken."""
        return self.buffer[: self.size]


def _read_both(child: subprocess.Popen[bytes], printed: _Taken, said: _Taken, deadline: float) -> bool:
    surplus = bytearray(_BLOCK)  # for what is beyond a limit: it is read, so that the program comes to its end, and dropped
    with selectors.DefaultSelector() as selector:
        for stream, data in ((child.stdout, printed), (child.stderr, said)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, data)
        while selector.get_map():
            ready = selector.select(min(_TICK, max(0.0, deadline - time.monotonic())))
            if not ready and child.poll() is not None:
                return True  # a program of its own that it left running keeps the streams open
            for key, _ in ready:
                taken: _Taken = key.data
                room = memoryview(taken.buffer)[taken.size :]
                count = os.readv(key.fd, [room or surplus])
                taken.size += min(count, len(room))
                if not count:
                    selector.unregister(key.fileobj)
            if printed.size > MAX_KEY_FILE or time.monotonic() > deadline:
                return False
    return True


def _end(child: subprocess.Popen[bytes], deadline: float) -> int | None:
    import subprocess

    try:
        return child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None


def _said(said: bytearray, printed: bytearray) -> str | None:
    """Return the last line of what a program said, None for nothing; without what may be a key."""
    if not said or said.isspace():
        return None
    if _repeats(said, printed):
        return "(not shown: it repeats what was printed)"
    lines = said.decode("utf-8", "replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), None)
    return masked(last.strip())[:200] if last is not None else None


def _repeats(said: bytearray, printed: bytearray) -> bool:
    """Tell whether a program said some of what it printed; looked up part by part, as no copy of a part should stay behind."""
    length = len(printed)
    while length and printed[length - 1] in _SPACE:
        length -= 1
    with memoryview(printed) as view:
        return any(said.find(view[at : at + _SHARED]) >= 0 for at in range(max(0, length - _SHARED + 1)))


def clean(environ: Mapping[str, str], keep: frozenset[str]) -> dict[str, str]:
    """Return the variables that a program gets: where it finds itself and its user, and those that were asked for.

    Of ``PATH``, the absolute folders; without one no ``PATH`` at all, for an empty one means the folder that one is in.
    """
    kept = {name: value for name, value in environ.items() if name in KEPT or name in keep or name.startswith(("LC_", "XDG_"))}
    path = os.pathsep.join(absolute_folders(kept.pop("PATH", "")))
    return kept | {"PATH": path} if path else kept
