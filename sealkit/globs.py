r"""Globs over paths, as regular expressions over bytes: the pattern language of ``gitignore(5)``.

A path is ``/``-separated and relative. ``*`` matches within one step of the path, ``?`` one byte of it, ``[a-z]``, ``[!a-z]`` and
``[[:digit:]]`` one byte out of a set, ``\x`` the character itself. ``**`` as a whole step stands for any number of steps, none
included. A glob without a slash, or with one only at its end, matches at any depth; any other slash anchors it to the top.
There are no braces.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from sealkit import limits
from sealkit.errors import TooCostly, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STEP = b"[^/]"
_CLASSES = {
    b"alnum": lambda c: bytes((c,)).isalnum(),
    b"alpha": lambda c: bytes((c,)).isalpha(),
    b"blank": lambda c: c in b" \t",
    b"cntrl": lambda c: c < 32 or c == 127,
    b"digit": lambda c: c in b"0123456789",
    b"graph": lambda c: 32 < c < 127,
    b"lower": lambda c: bytes((c,)).islower(),
    b"print": lambda c: 32 <= c < 127,
    b"punct": lambda c: 32 < c < 127 and not bytes((c,)).isalnum(),
    b"space": lambda c: c in b" \t\n\v\f\r",
    b"upper": lambda c: bytes((c,)).isupper(),
    b"xdigit": lambda c: c in b"0123456789abcdefABCDEF",
}
_SLASH, STAR, _STARS = b"/", b"*", b"**"  # tokens; every other token is a regular expression for one byte


class Glob:
    """One glob: ``step`` is its regular expression for a name at any depth, or ``path`` the one for a whole relative path.

    Exactly one of the two is not None, unless the glob can match nothing at all (an unclosed bracket): then both are.
    """

    __slots__ = ("path", "step", "steps")

    def __init__(self, glob: bytes) -> None:
        self.step: bytes | None = None
        self.path: bytes | None = None
        self.steps: list[bytes | None] = []  # for an anchored glob, each step's expression; None is ``**``
        tokens = _tokens(glob)
        if tokens is None:
            return
        if b"/" not in glob:
            self.step = _step([STAR if token == _STARS else token for token in tokens])
            return
        split = _split(tokens[glob.startswith(b"/") :])
        self.steps = [None if step == [_STARS] else _step([STAR if t == _STARS else t for t in step]) for step in split]
        self.path = _path(self.steps)


def steps_of(glob: bytes) -> list[list[bytes] | None]:
    """Return the steps of a glob, each as tokens: ``STAR`` for any bytes within the step, else a regular expression for one byte.

    None is ``**``: any number of steps. A glob that matches at any depth begins with it. Raises ``Usage`` as ``Globs``.
    """
    parsed = _checked(glob)
    tokens = _tokens(glob.rstrip(b"/")) or []
    if parsed.path is None:
        return [None, [STAR if token == _STARS else token for token in tokens]]
    split = _split(tokens[glob.startswith(b"/") :])
    return [None if step == [_STARS] else [STAR if token == _STARS else token for token in step] for step in split]


def _tokens(glob: bytes) -> list[bytes] | None:
    tokens: list[bytes] = []
    at = 0
    while at < len(glob):
        char = glob[at : at + 1]
        at += 1
        if char == b"*":
            start = at - 1
            while glob[at : at + 1] == b"*":
                at += 1
            tokens.append(STAR if at - start == 1 else _STARS)
        elif char == b"?":
            tokens.append(_STEP)
        elif char == b"[":
            read = _bracket(glob, at)
            if read is None:
                return None
            token, at = read
            tokens.append(token)
        elif char == b"\\":
            if at == len(glob):
                return None
            tokens.append(_literal(glob[at : at + 1]))
            at += 1
        else:
            tokens.append(_literal(char))
    return tokens


def _literal(char: bytes) -> bytes:
    return _SLASH if char == b"/" else re.escape(char)


def _bracket(glob: bytes, at: int) -> tuple[bytes, int] | None:
    """Read the set that starts after the ``[`` before ``at``, as explicit bytes, and say where it ends; None when unclosed."""
    negated = glob[at : at + 1] in {b"!", b"^"}
    at += negated
    members: set[int] = set()
    last: int | None = None  # the byte before a possible "-"
    first = True
    while first or glob[at : at + 1] != b"]":
        first = False
        if glob[at : at + 2] == b"[:":
            named = re.compile(rb"\[:([a-z]*):\]").match(glob, at)
            if named and named[1] not in _CLASSES:
                return None
            if named:
                members.update(filter(_CLASSES[named[1]], range(256)))
                at, last = named.end(), None
                continue
        is_range = last is not None and glob[at : at + 1] == b"-" and glob[at + 1 : at + 2] not in {b"]", b""}
        at += is_range
        at += glob[at : at + 1] == b"\\"
        if at >= len(glob):
            return None
        members.update(range(last if is_range and last is not None else glob[at], glob[at] + 1))
        last = None if is_range else glob[at]
        at += 1
    chosen = (set(range(256)) - members if negated else members) - {ord("/")}
    return (b"[" + _ranges(chosen) + b"]" if chosen else b"(?!)"), at + 1


def _ranges(chosen: set[int]) -> bytes:
    """Spell a set of bytes as ranges: a set byte by byte takes long to compile."""
    first = (byte for byte in sorted(chosen) if byte - 1 not in chosen)
    last = (byte for byte in sorted(chosen) if byte + 1 not in chosen)
    return b"".join(b"\\x%02x-\\x%02x" % ends for ends in zip(first, last, strict=True))


def _split(tokens: list[bytes]) -> list[list[bytes]]:
    steps: list[list[bytes]] = [[]]
    for token in tokens:
        if token == _SLASH:
            steps.append([])
        else:
            steps[-1].append(token)
    return steps


def _step(tokens: list[bytes]) -> bytes:
    """One step's expression. What follows a ``*`` is taken where it first fits and never given back, so no glob is slow."""
    parts: list[list[bytes]] = [[]]
    for token in tokens:
        if token == STAR:
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) == 1:
        return b"".join(parts[0])
    middle = b"".join(b"(?>[^/]*?" + b"".join(part) + b")" for part in parts[1:-1] if part)
    return b"".join(parts[0]) + middle + b"[^/]*" + b"".join(parts[-1])


def _path(steps: list[bytes | None]) -> bytes:
    *runs, last = _runs(steps)
    text = b"".join(_run(run, first=not at) for at, run in enumerate(runs))
    if not runs:
        return b"/".join(last)
    return text + (b"(?:.*/)?" + b"/".join(last) if last else b".*")


def _runs(steps: list[bytes | None]) -> list[list[bytes]]:
    """Part the steps between one ``**`` and the next."""
    runs: list[list[bytes]] = [[]]
    for step in steps:
        if step is None:
            runs.append([])
        else:
            runs[-1].append(step)
    return runs


def _run(run: list[bytes], *, first: bool) -> bytes:
    text = b"".join(step + b"/" for step in run)
    return text if first or not run else b"(?>(?:[^/]+/)*?" + text + b")"


class Globs:
    """Several globs as one question: whether any of them means this path or a folder above it.

    Each is a ``str`` or ``bytes`` path pattern. ``Usage`` is raised for one that can match nothing, ``TooCostly`` for too many, or too long ones.
    """

    __slots__ = ("_covers", "_reaches")

    def __init__(self, globs: Iterable[str | bytes]) -> None:
        given = [os.fsencode(glob) for glob in globs]
        _refuse_work(given)
        parsed = [_checked(glob) for glob in given]
        self._covers = _any_of(_cover(glob) for glob in parsed)
        self._reaches = None if any(glob.path is None for glob in parsed) else _any_of(map(_reach, parsed))

    def covers(self, path: bytes) -> bool:
        """Say whether a glob matches this file's or folder's path, or that of a folder it is in."""
        return self._covers(path) is not None

    def reaches(self, folder: bytes) -> bool:
        """Say whether something in this folder, at whatever depth, may be covered: if not, it need not be opened."""
        return self._reaches is None or self._reaches(folder) is not None or self._covers(folder) is not None


def _refuse_work(globs: list[bytes]) -> None:
    work = sum(len(glob) * (glob.count(b"/") + 1) for glob in globs)
    if work > limits.GLOB_WORK:
        raise TooCostly(
            problem=f"globs of {work} bytes times steps, all together; at most {limits.GLOB_WORK} are compared",
            hint="say it in fewer globs, of fewer steps",
        )


def _checked(glob: str | bytes) -> Glob:
    parsed = Glob(os.fsencode(glob).rstrip(b"/"))
    if not glob or (parsed.step is None and parsed.path is None):
        raise Usage(
            problem=f"{os.fsdecode(glob)!r} is a glob that matches nothing",
            hint="close the bracket, or put a backslash before it",
        )
    return parsed


def _any_of(expressions: Iterable[bytes]) -> Callable[[bytes], re.Match[bytes] | None]:
    return re.compile(b"|".join(b"(?:" + expression + b")" for expression in expressions), re.DOTALL).fullmatch


def _cover(glob: Glob) -> bytes:
    anywhere = b"(?:.*/)?" + glob.step if glob.step is not None else glob.path or b""
    return anywhere + b"(?:/.*)?"


def _reach(glob: Glob) -> bytes:
    """Folders on the way to an anchored glob: each leading part of its steps, and everything from a ``**`` on."""
    ways = []
    for count, step in enumerate(glob.steps[:-1]):
        head = b"".join(before + b"/" for before in glob.steps[:count] if before is not None)
        if step is None:
            ways.append(head + b".*" if not count else head[:-1] + b"(?:/.*)?")
            break
        ways.append(head + step)
    return b"|".join(ways)
