"""A unified diff of a record, in bytes, that ``patch`` takes; without plaintext."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING

from sealkit.git import threeway

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    gone, came = _lines(before), _lines(after)
    if threeway.matcher(gone, came, autojunk=True) is not None:
        lines = difflib.diff_bytes(difflib.unified_diff, gone, came, old, new, n=context, lineterm=b"\n")
    else:
        lines = _as_a_whole(gone, came, old, new)
    return b"".join(_shown(line, hidden=hidden and index >= _HEADER) for index, line in enumerate(lines))


def _as_a_whole(gone: list[bytes], came: list[bytes], old: bytes, new: bytes) -> Iterator[bytes]:
    """Yield a diff of one part: what is not compared in time differs as a whole."""
    yield from (b"--- " + old + b"\n", b"+++ " + new + b"\n")
    yield b"@@ -%d,%d +%d,%d @@\n" % (min(1, len(gone)), len(gone), min(1, len(came)), len(came))
    yield from (b"-" + line for line in gone)
    yield from (b"+" + line for line in came)


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
