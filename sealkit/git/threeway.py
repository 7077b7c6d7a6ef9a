"""Three versions of a payload made into one: line by line, or key by key where they are JSON objects. Pure; knows no key."""

from __future__ import annotations

from difflib import Match, SequenceMatcher
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit import limits
from sealkit.git import objects
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS, BASE, SEPARATOR, THEIRS = b"<<<<<<< ours", b"||||||| base", b"=======", b">>>>>>> theirs"
"""The lines between which a document holds what is in conflict, as git writes them."""

_MARKS: Final = (OURS, BASE, SEPARATOR, THEIRS)


class Clash(NamedTuple):
    """Lines that both sides changed, each in its own way."""

    base: list[bytes]
    ours: list[bytes]
    theirs: list[bytes]


@opaque
def merge(base: bytes | None, ours: bytes, theirs: bytes) -> bytes | None:
    """Return the payload that holds the changes of both sides; None where they clash, or where both differ and there is no base.

    JSON objects (all three) are merged key by key, in depth; what is no object there changes as a whole. Everything else is merged line
    by line; changes with no unchanged line between them clash. ``merge(o, b, a)`` means the same as ``merge(o, a, b)``, and of lines it
    is the same.
    """
    if ours == theirs or theirs == base:
        return ours
    if base is None:
        return None
    if ours == base:
        return theirs
    by_lines = _joined(regions(base, ours, theirs))
    trio = [objects.load(text) for text in (base, ours, theirs)]
    if not all(isinstance(one, dict) for one in trio):
        return by_lines
    try:
        value = objects.merge(trio[0], trio[1], trio[2])
    except objects.ClashError:
        return None
    if by_lines is not None and objects.load(by_lines) == value:
        return by_lines  # written as the sides have it
    style = objects.style_of(ours)
    return objects.dump(value, style if style != objects.style_of(base) else objects.style_of(theirs))


@opaque
def document(base: bytes | None, ours: bytes, theirs: bytes) -> bytes:
    """Return one text to be edited: what can be merged, and the lines of both sides between marks where they clash."""
    out: list[bytes] = []
    for part in regions(base or b"", ours, theirs):
        if not isinstance(part, Clash):
            out += part
            continue
        for mark, lines in ((OURS, part.ours), (BASE, part.base), (SEPARATOR, part.theirs)):
            out += [mark + b"\n", *(line if line.endswith(b"\n") else line + b"\n" for line in lines)]
        out.append(THEIRS + b"\n")
    return b"".join(out)


def has_marks(text: bytes) -> bool:
    """Say whether a line of the text is a mark."""
    return any(line.rstrip(b"\r\n") in _MARKS for line in text.split(b"\n"))


def regions(base: bytes, ours: bytes, theirs: bytes) -> Iterator[list[bytes] | Clash]:
    """Yield the lines of the merge, in runs, and the clashes between them (diff3)."""
    o, a, b = (_lines(text) for text in (base, ours, theirs))
    at_o = at_a = at_b = 0
    for start, end, in_a, in_b in _in_common(matches(o, a), matches(o, b), (len(o), len(a), len(b))):
        changed = Clash(o[at_o:start], a[at_a:in_a], b[at_b:in_b])
        if changed.ours == changed.theirs or changed.theirs == changed.base:
            yield changed.ours
        elif changed.ours == changed.base:
            yield changed.theirs
        else:
            yield changed
        yield o[start:end]
        at_o, at_a, at_b = end, in_a + end - start, in_b + end - start


def _lines(text: bytes) -> list[bytes]:
    """Split at line feeds only."""
    parts = text.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _joined(parts: Iterator[list[bytes] | Clash]) -> bytes | None:
    out: list[bytes] = []
    for part in parts:
        if isinstance(part, Clash):
            return None
        out += part
    return b"".join(out)


def matches(before: Sequence[bytes], after: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """Return the runs of lines that stayed: where each begins in both, and its length; the last one is empty, at the ends."""
    head = 0
    shorter = min(len(before), len(after))
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    inner, other = before[head : len(before) - tail], after[head : len(after) - tail]
    found = [(head + i, head + j, size) for i, j, size in _matching(inner, other) if size]
    if head:
        found.insert(0, (0, 0, head))
    if tail:
        found.append((len(before) - tail, len(after) - tail, tail))
    return found


def _matching(before: Sequence[bytes], after: Sequence[bytes]) -> Sequence[tuple[int, int, int]]:
    found = matcher(before, after)
    return found.get_matching_blocks() if found is not None else []


class _Counting(SequenceMatcher[bytes]):
    """Finds what two sequences have in common, and gives up once it has compared more than is compared."""

    def __init__(self, before: Sequence[bytes], after: Sequence[bytes], *, autojunk: bool) -> None:
        super().__init__(None, before, after, autojunk=autojunk)
        places: dict[bytes, list[int]] = vars(self)["b2j"]
        self._before = list(accumulate((1 + len(places.get(item, ())) for item in before), initial=0))
        self._left = limits.COMPARISONS

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """Return the longest run between these places; it looks at each pair of equal items there. Raises ``ClashError``."""
        self._left -= self._before[ahi if ahi is not None else -1] - self._before[alo]
        if self._left < 0:
            raise objects.ClashError
        return super().find_longest_match(alo, ahi, blo, bhi)


def matcher(before: Sequence[bytes], after: Sequence[bytes], *, autojunk: bool = False) -> SequenceMatcher[bytes] | None:
    """Return what knows what two sequences have in common; None where finding it takes too long: they are taken to differ as a whole."""
    found = _Counting(before, after, autojunk=autojunk)
    try:
        found.get_matching_blocks()
    except objects.ClashError:
        return None
    return found


def _in_common(
    ours: list[tuple[int, int, int]], theirs: list[tuple[int, int, int]], ends: tuple[int, int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the runs of base lines that both sides kept: start and end in the base, start in each side; the last one is empty."""
    i = j = 0
    while i < len(ours) and j < len(theirs):
        (o_a, in_a, size_a), (o_b, in_b, size_b) = ours[i], theirs[j]
        start, end = max(o_a, o_b), min(o_a + size_a, o_b + size_b)
        if start < end:
            yield start, end, in_a + start - o_a, in_b + start - o_b
        if o_a + size_a < o_b + size_b:
            i += 1
        else:
            j += 1
    yield ends[0], ends[0], ends[1], ends[2]
