"""Whether globs leave out a path that others cover, shown by such a path: sets of paths compared, not samples of them.

Globs are turned into automata over bytes, which read all paths at once, shortest first, until one path shows a difference or all ways
to go on were seen before.
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.globs import STAR, Globs, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

UNDECIDED: Final = b""
"""In the place of a path: there are so many globs that they cannot be compared."""

MOST_STEPS: Final = 2_000_000
"""How many steps of an automaton a search takes at most: some seconds."""

_SLASH = ord("/")
_ANY = (1 << 256) - 1
_WITHIN_STEP = _ANY & ~(1 << _SLASH)
_NICE = b"abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ."


class Globbed(NamedTuple):
    """The paths that an ``include`` glob covers and no ``exclude`` glob does; all globs are about what is below ``folder``."""

    include: tuple[bytes, ...]
    exclude: tuple[bytes, ...] = ()
    folder: bytes = b""


class Budget:
    """How many steps are left, for several searches together."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self._left = steps

    def spend(self, steps: int) -> bool:
        """Take some steps, and say whether there were as many left."""
        self._left -= steps
        return self._left >= 0


def left_out(of: Globbed, by: Sequence[Globbed], *among: Sequence[Globbed], budget: Budget | None = None) -> bytes | None:
    """Return a path that is covered ``of`` some globs and ``by`` none of the others; None if there is no such path.

    Only paths count that something in each ``among`` covers, too, unless that is empty. ``UNDECIDED`` if the ``budget`` does not
    last until it is told.
    """
    return _Search(of, by, tuple(filter(None, among))).path(budget if budget is not None else Budget())


def is_left_out(path: bytes, of: Globbed, by: Sequence[Globbed], *among: Sequence[Globbed]) -> bool:
    """Say whether a path is one that ``left_out`` might return."""
    if not _covers(of, path) or any(_covers(one, path) for one in by):
        return False
    return all(any(_covers(one, path) for one in some) for some in among if some)


def literal(path: bytes) -> bytes:
    """Return the glob that matches one path and what is below it."""
    return b"/" + re.sub(rb"[*?\[\\]", rb"\\\g<0>", path)


def _covers(globbed: Globbed, path: bytes) -> bool:
    start = globbed.folder + b"/" if globbed.folder else b""
    below = path.removeprefix(start)
    if start and below == path:
        return False
    return _compiled(globbed.include).covers(below) and not (globbed.exclude and _compiled(globbed.exclude).covers(below))


@lru_cache(maxsize=64)
def _compiled(globs: tuple[bytes, ...]) -> Globs:
    return Globs(globs)


class _Automaton:
    """What has been read of a path, as any of some globs sees it: a set of states, from ``start`` on."""

    def __init__(self, globs: Iterable[bytes], folder: bytes) -> None:
        self._moves: list[list[tuple[int, int]]] = []
        self._free: list[list[int]] = []
        self._known: dict[tuple[frozenset[int], int], frozenset[int]] = {}
        self.final: set[int] = set()
        first = {self._glob(glob, folder) for glob in globs}
        self.start = self._closed(first)

    def masks(self) -> set[int]:
        """Return the sets of bytes that it tells apart."""
        return {mask for moves in self._moves for mask, _ in moves}

    def after(self, states: frozenset[int], byte: int) -> frozenset[int]:
        """Return the states after one more byte."""
        key = states, byte
        if key not in self._known:
            self._known[key] = self._closed({to for state in states for mask, to in self._moves[state] if mask >> byte & 1})
        return self._known[key]

    def accepts(self, states: frozenset[int]) -> bool:
        """Say whether a glob covers what was read."""
        return not self.final.isdisjoint(states)

    def _closed(self, states: set[int]) -> frozenset[int]:
        pending = list(states)
        while pending:
            for to in self._free[pending.pop()]:
                if to not in states:
                    states.add(to)
                    pending.append(to)
        return frozenset(states)

    def _new(self) -> int:
        self._moves.append([])
        self._free.append([])
        return len(self._moves) - 1

    def _then(self, at: int, mask: int) -> int:
        to = self._new()
        self._moves[at].append((mask, to))
        return to

    def _glob(self, glob: bytes, folder: bytes) -> int:
        """Add the states of one glob: it covers what it matches, and all that is below that."""
        first = at = self._new()
        for byte in folder + b"/" if folder else b"":
            at = self._then(at, 1 << byte)
        steps = steps_of(glob)
        for number, step in enumerate(steps):
            is_last = number == len(steps) - 1
            at = self._any_steps(at, is_last=is_last) if step is None else self._step(at, step, is_last=is_last)
        below = self._then(at, 1 << _SLASH)
        self._moves[below].append((_ANY, below))
        self.final |= {at, below}
        return first

    def _any_steps(self, at: int, *, is_last: bool) -> int:
        steps = self._new()
        self._free[at].append(steps)
        self._moves[steps].append((_ANY, steps))
        if is_last:
            return steps
        to = self._then(steps, 1 << _SLASH)
        self._free[at].append(to)
        return to

    def _step(self, at: int, step: list[bytes], *, is_last: bool) -> int:
        for token in step:
            if token == STAR:
                some = self._new()
                self._free[at].append(some)
                self._moves[some].append((_WITHIN_STEP, some))
                at = some
            else:
                at = self._then(at, _mask(token))
        return at if is_last else self._then(at, 1 << _SLASH)


@lru_cache(maxsize=512)
def _mask(token: bytes) -> int:
    """Return the bytes that a token of a glob stands for, as bits."""
    matches = re.compile(token, re.DOTALL).fullmatch
    return sum(1 << byte for byte in range(256) if matches(bytes((byte,))))


@lru_cache(maxsize=256)
def _automaton(globs: tuple[bytes, ...], folder: bytes) -> _Automaton:
    return _Automaton(globs, folder)


class _Search:
    """The search for a path, over all automata at once."""

    def __init__(self, of: Globbed, by: Sequence[Globbed], among: Sequence[Sequence[Globbed]]) -> None:
        self._automata: list[_Automaton] = []
        self._add([of])
        self._by = self._add(by)
        self._among = [self._add(some) for some in among]
        self._bytes = list(self._representatives())

    def _add(self, some: Sequence[Globbed]) -> range:
        """Add the automata of some globs, two each, and return the numbers of the first ones."""
        first = len(self._automata)
        self._automata += [_automaton(globs, one.folder) for one in some for globs in (one.include, one.exclude)]
        return range(first, len(self._automata), 2)

    def _representatives(self) -> Iterator[int]:
        """Yield one byte of each sort that any automaton tells from others; no name has a NUL."""
        masks = sorted(set().union(*(automaton.masks() for automaton in self._automata)) | {1 << _SLASH})
        sorts: dict[tuple[int, ...], int] = {}
        for byte in sorted(range(1, 256), key=lambda byte: (_NICE.find(byte) % 999, byte)):
            sorts.setdefault(tuple(mask >> byte & 1 for mask in masks), byte)
        yield from sorts.values()

    def path(self, budget: Budget) -> bytes | None:
        """Return the shortest path that tells; None if there is none."""
        first = tuple(automaton.start for automaton in self._automata)
        seen = {(first, False)}
        pending = deque([(first, b"")])
        while pending:
            if not budget.spend(len(self._automata) * len(self._bytes)):
                return UNDECIDED
            states, path = pending.popleft()
            in_step = bool(path) and path[-1] != _SLASH
            if in_step and self._tells(states):
                return path
            for byte in self._bytes:
                if byte == _SLASH and not in_step:
                    continue
                after = tuple(one.after(state, byte) for one, state in zip(self._automata, states, strict=True))
                if not after[0] or (after, byte != _SLASH) in seen:
                    continue
                seen.add((after, byte != _SLASH))
                pending.append((after, path + bytes((byte,))))
        return None

    def _tells(self, states: tuple[frozenset[int], ...]) -> bool:
        if not self._covers(states, 0) or any(self._covers(states, number) for number in self._by):
            return False
        return all(any(self._covers(states, number) for number in some) for some in self._among)

    def _covers(self, states: tuple[frozenset[int], ...], number: int) -> bool:
        include, exclude = self._automata[number], self._automata[number + 1]
        return include.accepts(states[number]) and not exclude.accepts(states[number + 1])
