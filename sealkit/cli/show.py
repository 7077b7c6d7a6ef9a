"""What people see: errors and notes on stderr, payloads on stdout, control characters only where they were asked for."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from sealkit.errors import ConfigError

if TYPE_CHECKING:
    from sealkit.errors import SealkitError
    from sealkit.report import Outcome

# Everything that moves a terminal's cursor, colours it, writes to its clipboard or turns text around: C0, C1, DEL, bidi controls.
# Patterns are compiled when they are needed, which is hardly ever.
_CONTROLS = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
_LINE_CONTROLS = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


def line(text: str) -> str:
    """Return text fit for one line of a terminal or a log: control characters are shown as escapes."""
    return text if text.isprintable() else re.sub(_LINE_CONTROLS, _escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no text
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


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


def page(text: str) -> None:
    """Write a text of several lines to stdout, each fit for a terminal."""
    for one in text.split("\n"):
        out(one)


def raw(data: bytes) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def content(data: bytes, *, as_it_is: bool = False) -> None:
    """Write a payload or a record to stdout: as it is into pipes and files, with control characters escaped on a terminal."""
    if as_it_is or not sys.stdout.isatty():
        raw(data)
        return
    text = escaped(data).decode()
    print(text, end="" if text.endswith("\n") else "\n")


def escaped(data: bytes) -> bytes:
    """Return what is fit for a terminal: control characters but tab and line feed as escapes, and what is not UTF-8, too."""
    return re.sub(_CONTROLS, _escape, data.decode("utf-8", "backslashreplace")).encode()
