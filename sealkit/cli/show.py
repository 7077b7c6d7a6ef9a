"""What people see, and the one place where anything leaves for stdout, stderr or the terminal: it goes out as ``printable`` has it.

Results go to stdout, everything else to stderr. Data goes out as it is: a payload, a record or a ring into a pipe or a file.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any

from sealkit.errors import ConfigError
from sealkit.printable import json_text, line, lines, printed

if TYPE_CHECKING:
    from sealkit.errors import SealkitError
    from sealkit.report import Outcome

BROKEN_PIPE, UNWRITTEN = 141, 4
"""The exit statuses where nobody reads the output any more, and where it cannot be written."""

_STDERR = 2
_TERMINAL = "/dev/tty"
_CLEAR = "\r\x1b[K"


def note(text: str) -> None:
    """Write a sentence to stderr, behind the results so far where both go to one place."""
    sys.stdout.flush()
    print(f"sealkit: {line(text)}", file=sys.stderr)


def warning(text: str) -> None:
    """Write a warning to stderr."""
    note(f"warning: {text}")


def unauthenticated(place: str, *, new: bool = False) -> None:
    """Say of a payload that nothing proves it: one that was opened, or a ``new`` blob."""
    note(f"{place}: unauthenticated: somebody without the key {'can alter' if new else 'may have altered'} it")


def error(error: SealkitError) -> None:
    """Write an error, the line of a policy that it speaks of, and what to do next, to stderr."""
    _problem(error.path, error.line, error.problem)
    if isinstance(error, ConfigError) and error.source is not None:
        note(f"    {error.source}")
        if error.caret is not None:
            note(f"    {' ' * (error.caret - 1)}^")
    hint(error.hint)


def finding(outcome: Outcome) -> None:
    """Write what is wrong with a record, or kept it from being looked at, to stderr."""
    _problem(outcome.path, outcome.line, outcome.message or "")


def _problem(path: str | None, number: int | None, problem: str) -> None:
    place = "" if path is None else f"{path}:{number}: " if number is not None else f"{path}: "
    note(f"error: {place}{problem}")


def hint(text: str | None) -> None:
    """Write what to do next to stderr."""
    if text is not None:
        note(f"hint: {text}")


def out(text: str) -> None:
    """Write one line of a result to stdout; a line end in it is shown as an escape, see ``page``."""
    print(line(text))


def page(text: str, *, to_stderr: bool = False) -> None:
    """Write a text of several lines, each fit for a terminal, to stdout, or to stderr."""
    for one in text.split("\n"):
        print(line(one), file=sys.stderr if to_stderr else sys.stdout)


def text(data: bytes) -> bool:
    """Write lines to stdout that hold names, and perhaps lines of records and payloads; say whether anything in them had to be escaped."""
    fit = printed(data)
    raw(fit)
    return fit != data


def json_lines(data: bytes) -> None:
    """Write JSON in ASCII to stdout, behind what was printed before; its values stay what they are, however they are spelt."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_text(data))


def raw(data: bytes) -> None:
    """Write bytes to stdout as they are: data, or what was made fit for whoever reads it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def content(data: bytes, *, as_it_is: bool = False) -> None:
    """Write a payload, a record or a file to stdout: as it is into pipes and files, which take data; on a terminal as ``text`` does."""
    if as_it_is or not sys.stdout.isatty():
        raw(data)
        return
    raw(printed(data) if data.endswith(b"\n") else printed(data) + b"\n")


# --- the terminal itself -----------------------------------------------------------------------------------------------
def is_watched() -> bool:
    """Say whether somebody is at the terminal to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_agreed(question: str, *, default: bool = False) -> bool:
    """Ask somebody at the terminal, on stderr, for y or n."""
    import click

    return click.confirm(line(question), default=default, err=True)


def asked(question: str) -> str:
    """Return what somebody types in answer to a question on stderr; it is not shown."""
    import click

    return str(click.prompt(line(question), hide_input=True, err=True))


def asked_at_terminal(question: str) -> str:
    """Return what somebody types at the terminal itself, wherever stdin and stderr go; it is not shown. Raises ``EOFError``."""
    from getpass import getpass

    return getpass(f"{line(question)}: ")


def on_terminal(told: str) -> None:
    """Show a text on the terminal itself, wherever stdout and stderr go. Raises ``OSError``."""
    descriptor = os.open(_TERMINAL, os.O_WRONLY | os.O_NOCTTY)
    try:
        os.write(descriptor, f"{lines(told)}\n".encode())
    finally:
        os.close(descriptor)


def has_terminal() -> bool:
    """Say whether there is a terminal to ask at."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def draws() -> bool:
    """Say whether stderr is a terminal, on which a line can be drawn over and over."""
    return sys.stderr.isatty()


def drawn(told: str) -> None:
    """Draw a line on stderr over the one that was drawn before; an empty one takes it away."""
    sys.stderr.write(_CLEAR + line(told))
    sys.stderr.flush()


# --- the streams -------------------------------------------------------------------------------------------------------
def flush() -> None:
    """Have everything on stdout that was printed so far. Raises ``OSError``."""
    sys.stdout.flush()


def lead_to(descriptor: int) -> None:
    """Let what is printed on stdout from now on go to an open file, as a shell's > does."""
    sys.stdout.flush()
    os.dup2(descriptor, sys.stdout.fileno())


def drop_stdout() -> None:
    """Let the interpreter's last flush go nowhere, instead of failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_out(text: str) -> bool:
    """Write one line of a result to stdout, at once; False where that cannot be done, and is still to be said."""
    if sys.stdout is None:  # closed; Python would drop the line in silence
        return False
    try:
        out(text)
        flush()
    except OSError:
        return False
    return True


class _Messages(io.FileIO):
    """Stderr. A message that cannot be written is lost, which is noted: no work is left half done for want of a place to talk about it."""

    lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write a message, or note that it is lost."""
        try:
            return super().write(data)
        except OSError as error:
            self.lost = error
            return memoryview(data).nbytes


def settled(status: int) -> int:
    """Return the exit status of a run at its end: 0, which says that all is well, only where no message was lost."""
    raw = _raw_stderr()
    if status or not isinstance(raw, _Messages) or raw.lost is None:
        return status
    return BROKEN_PIPE if isinstance(raw.lost, BrokenPipeError) else UNWRITTEN


def _raw_stderr() -> object:
    """Return what stderr writes to; with ``PYTHONUNBUFFERED`` there is no buffer between."""
    buffer = getattr(sys.stderr, "buffer", None)
    return getattr(buffer, "raw", buffer)


def mend_streams() -> None:
    """Let every character be printed, whatever the locale, and let no file that is opened later take the place of a closed stream.

    Python prints to stdout what is meant for a stderr that is closed, so that warnings would end up among payloads.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (_STDERR, "stderr", "w")):
        if getattr(sys, name) is None:  # a stdout that cannot be written to, so that results are not lost in silence
            os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    raw = _raw_stderr()
    if isinstance(raw, io.FileIO) and not isinstance(raw, _Messages) and raw.fileno() == _STDERR:
        buffer = io.BufferedWriter(_Messages(_STDERR, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(buffer, sys.stderr.encoding, "backslashreplace", line_buffering=True)
    for stream in (sys.stderr, sys.stdout):  # stdout last: its buffer is written now, if there is anything in it
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
