"""A unified diff of a record, in bytes, that ``patch`` takes; without plaintext."""

from __future__ import annotations

import difflib
import os
import re

from sealkit.printable import line

_UNQUOTED = re.compile(rb"[^\x00-\x20\x7f\"\\]+")
_HEADER = 2  # lines
_HIDDEN = b"-<plaintext, not shown>\n"
_NO_NEWLINE = b"\n\\ No newline at end of file\n"


def unified(path: str, before: bytes, after: bytes, *, hidden: bool, new_path: str | None = None) -> bytes:
    """Return the diff between two contents of a file; with ``hidden``, removed lines and context are not quoted.

    A unified diff quotes the lines it removes. Where those are plaintext they are replaced by a note, and ``patch`` cannot apply that.
    """
    old, new = _name(b"a/", path), _name(b"b/", new_path if new_path is not None else path)
    context = 0 if hidden else 3
    lines = difflib.diff_bytes(difflib.unified_diff, _lines(before), _lines(after), old, new, n=context, lineterm=b"\n")
    return b"".join(_shown(line, hidden=hidden and index >= _HEADER) for index, line in enumerate(lines))


def _lines(data: bytes) -> list[bytes]:
    """Split at line feeds only, as ``patch`` does."""
    return [line for line in re.split(rb"(?<=\n)", data) if line]


def _shown(line: bytes, *, hidden: bool) -> bytes:
    if hidden and line.startswith(b"-"):
        return _HIDDEN
    return line if line.endswith(b"\n") else line + _NO_NEWLINE


def _name(side: bytes, path: str) -> bytes:
    """Return the file's name as git writes it and patch reads it: in quotation marks where it holds what could end it."""
    raw = side + os.fsencode(path).lstrip(b"/")
    text = os.fsdecode(raw)
    if _UNQUOTED.fullmatch(raw) and line(text) == text:
        return raw
    return b'"' + re.sub(rb"[^\x20\x21\x24-\x39\x3b-\x5b\x5d-\x7e]", lambda match: b"\\%03o" % match[0][0], raw) + b'"'
