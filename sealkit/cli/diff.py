"""A unified diff of a record, in bytes, that ``patch`` takes; without plaintext."""

from __future__ import annotations

import difflib
import os
import re

_UNQUOTED = re.compile(rb"[^\x00-\x20\x7f\"\\]+")
_HIDDEN = b"-<plaintext, not shown>\n"
_NO_NEWLINE = b"\n\\ No newline at end of file\n"


def unified(path: str, before: bytes, after: bytes, *, hidden: bool) -> bytes:
    """Return the diff between two contents of a file; with ``hidden``, removed lines and context are not quoted.

    A unified diff quotes the lines it removes. Where those are plaintext they are replaced by a note, and ``patch`` cannot apply that.
    """
    name = _name(path)
    lines = difflib.diff_bytes(
        difflib.unified_diff, _lines(before), _lines(after), b"a/" + name, b"b/" + name, n=0 if hidden else 3, lineterm=b"\n"
    )
    return b"".join(_shown(line, hidden=hidden) for line in lines)


def _lines(data: bytes) -> list[bytes]:
    """Split at line feeds only, as ``patch`` does."""
    return [line for line in re.split(rb"(?<=\n)", data) if line]


def _shown(line: bytes, *, hidden: bool) -> bytes:
    if hidden and line.startswith(b"-") and not line.startswith(b"--- a/"):
        return _HIDDEN
    return line if line.endswith(b"\n") else line + _NO_NEWLINE


def _name(path: str) -> bytes:
    """Return the file's name as git and patch quote it."""
    raw = os.fsencode(path).lstrip(b"/")
    if _UNQUOTED.fullmatch(raw):
        return raw
    return raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\t", b"\\t")
