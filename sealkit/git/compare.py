"""Two states of record files side by side, with their payloads opened: two files, or a revision and the work tree."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import Usage
from sealkit.git import asking, shown, threeway
from sealkit.git.changes import Changes
from sealkit.git.program import GitFailedError
from sealkit.opaque import opaque
from sealkit.records.kinds import POLICY
from sealkit.trees.folders import from_here, real_path
from sealkit.trees.revision import Revision
from sealkit.trees.store import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.demands import Asked
    from sealkit.keys.ring import KeyRing

_WORDS = re.compile(rb"\s+|\w+|[^\w\s]")
_CONTEXT = 3


class Pair(NamedTuple):
    """One file in two states: its names, what each held (empty where there was no file), what could not be opened, and in which of
    the two a payload proves nothing.
    """

    old_path: str
    new_path: str
    old: bytes
    new: bytes
    problems: list[str]
    unauthenticated: list[str]


class Looks(NamedTuple):
    """How payloads are looked at: which fields were asked for, with which keys, and whether only authentic ones are opened."""

    asked: Asked
    ring: KeyRing
    require_authentic: bool = False


def files(old: str, new: str, looks: Looks) -> Pair:
    """Return two files, opened. Raises as reading them does, and ``ConfigError``."""
    return _pair((old, read(old).data), (new, read(new).data), looks)


def since(revision: str, paths: Sequence[str], looks: Looks) -> Iterator[Pair]:
    """Yield each record that git tracks and that is not what it was in a revision, opened. Raises ``Usage`` and ``StoreError``."""
    folder = paths[0] if os.path.isdir(paths[0]) else os.path.dirname(paths[0])
    with Revision(revision, folder) as was:
        below = [os.path.relpath(real_path(path), was.top) for path in paths]

        def is_asked_for(name: str) -> bool:
            is_below = any(path in (".", name) or name.startswith(path + "/") for path in below)
            return is_below and os.path.basename(name) != POLICY

        for name in _changed(was, is_asked_for):
            path = from_here(os.path.join(was.top, name))
            yield _pair((path, was.content(path) or b""), (path, _content(path)), looks)


def _changed(was: Revision, is_asked_for: Callable[[str], bool]) -> list[str]:
    try:
        return list(Changes(was.top, was.commit).tracked(is_asked_for))
    except GitFailedError as failed:
        reason = str(failed)
    raise Usage(problem=f"git does not say what changed: {reason}", path=was.top)


def _content(path: str) -> bytes:
    return read(path).data if os.path.lexists(path) else b""


def _pair(old: tuple[str, bytes], new: tuple[str, bytes], looks: Looks) -> Pair:
    opened, problems, unproved = [], [], []
    for (path, data), which in ((old, "before"), (new, "now")):
        known = asking.orders([path], looks.asked, looks.ring, require_authentic=looks.require_authentic) if data else []
        text, wrong, count = shown.readable(data, known, opens=True) if data else shown.Readable(b"", [])
        opened.append(text)
        problems += [f"{path}: {problem}" for problem in wrong]
        unproved += [path if old[0] != new[0] else f"{path} ({which})"] if count else []
    return Pair(old[0], new[0], opened[0], opened[1], problems, unproved)


@opaque
def by_words(old: bytes, new: bytes) -> bytes:
    """Return the lines that differ, with three lines around them, each word that went as ``[-so-]`` and each that came as ``{+so+}``."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    out: list[bytes] = []
    found = threeway.matcher(before, after)
    if found is None:
        return b"@@ -1,%d +1,%d @@\n" % (len(before), len(after)) + _between(b"[-", old, b"-]") + _between(b"{+", new, b"+}")
    for group in found.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        out.append(b"@@ -%d,%d +%d,%d @@\n" % (first[1] + 1, last[2] - first[1], first[3] + 1, last[4] - first[3]))
        for what, i, j, k, m in group:
            out += before[i:j] if what == "equal" else [_words(b"".join(before[i:j]), b"".join(after[k:m]))]
    return b"".join(out)


def _words(old: bytes, new: bytes) -> bytes:
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    found = threeway.matcher(before, after, autojunk=True)
    if found is None:
        return _between(b"[-", old, b"-]") + _between(b"{+", new, b"+}")
    out: list[bytes] = []
    for what, i, j, k, m in found.get_opcodes():
        if what == "equal":
            out += before[i:j]
            continue
        gone, came = b"".join(before[i:j]), b"".join(after[k:m])
        out.append(_between(b"[-", gone, b"-]") + _between(b"{+", came, b"+}"))
    text = b"".join(out)
    return text if text.endswith(b"\n") else text + b"\n"


def _between(opener: bytes, text: bytes, closer: bytes) -> bytes:
    """Mark a text, line by line, so that no mark is open at the end of a line."""
    lines = text.split(b"\n")
    return b"\n".join(opener + line + closer if line else b"" for line in lines)
