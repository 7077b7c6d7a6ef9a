"""The IVs of a tree compared, without a key: an IV is random and serves once (NIST SP 800-38A, appendix C).

An IV that served twice under one key shows which payloads begin alike; a constant, a counter, or text in its place is no IV. So little is
kept of each (8 bytes) that what is suspicious is read a second time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sealkit.crypto.blob import Blob
from sealkit.demands import kind_among
from sealkit.errors import SealkitError
from sealkit.records import visit
from sealkit.report import FINDING, Outcome
from sealkit.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.demands import FieldRule
    from sealkit.records.record import Record
    from sealkit.trees.batch import Done

_TEXT = re.compile(rb"[0-9A-Za-z+/=_-]{16}")
_ZEROS = bytes(8)
_PLACES = 3
WEAK = "weak_iv"


class Place(NamedTuple):
    """Where a suspicious blob stands, and what it begins with."""

    outcome: Outcome
    text: str
    first_block: bytes


class Ivs:
    """Takes IVs, in hexadecimal, as they come; ``suspects`` are those that are to be looked at again.

    Without ``repeats`` an IV may come again: in git's history the same blob is in every version of its file.
    """

    def __init__(self, *, repeats: bool = True) -> None:
        self._repeats = repeats
        self._seen: set[int] = set()
        self.suspects: set[str] = set()

    def add(self, ivs: Iterable[str]) -> None:
        """Take some."""
        seen = self._seen
        for iv in ivs:
            number = int(iv, 16)
            mark = hash(number)
            if not seen.isdisjoint((hash(number - 1), hash(number + 1))) or (self._repeats and mark in seen):
                self._suspect(iv, number)
            elif weakness(iv) is not None:
                self.suspects.add(iv)
            seen.add(mark)

    def _suspect(self, iv: str, number: int) -> None:
        """Note an IV that was there before, or a neighbour of it."""
        self.suspects.add(iv)
        for neighbour in (number - 1, number + 1):
            if hash(neighbour) in self._seen:
                self.suspects.add(f"{neighbour % (1 << 128):032x}")

    def findings(self, done: Iterable[Done], demanded: Callable[[str], Iterable[FieldRule]] | None) -> list[Outcome]:
        """Return what is wrong with the suspects, which are all among what is ``done`` a second time."""
        places: dict[str, list[Place]] = {}
        for one in done:
            for place in self._places(one, demanded):
                places.setdefault(place.outcome.iv or "", []).append(place)
        found = (finding for iv in sorted(places) for finding in _of_iv(iv, places, demanded))
        return [finding for finding in found if self._repeats or finding.code == WEAK]

    def _places(self, done: Done, demanded: Callable[[str], Iterable[FieldRule]] | None) -> Iterator[Place]:
        kind = kind_among(demanded(done.found.path)) if demanded is not None else None
        records: list[Record] | None = None  # read once, however many suspects there are
        for outcome in done.outcomes:
            if outcome.iv in self.suspects and outcome.field is not None and done.before is not None:
                records = records if records is not None else visit.whole(done.found.path, done.before, kind)
                blob = _blob(records, outcome.field, outcome.line or 1)
                if blob is not None and blob.iv.hex() == outcome.iv:
                    yield Place(outcome, str(blob), blob.ciphertext[:16])


def _blob(records: list[Record], field: str, line: int) -> Blob | None:
    """Return the blob in a field of the record that a line is in."""
    record = records[max(0, bisect_right(records, line, key=lambda one: one.line) - 1)]
    try:
        text = record.blob_text(field)
        return Blob.parse(text[0]) if text is not None else None
    except SealkitError:
        return None


def weakness(iv: str) -> str | None:
    """Say what an IV, in hexadecimal, is that no random one is; None if nothing shows. One in 10^9 random ones is accused."""
    data = bytes.fromhex(iv)
    if data.startswith(_ZEROS) or data.endswith(_ZEROS):
        return "a small number, such as a counter or a time" if any(data) else "all zeros"
    if data.count(data[:1]) == len(data):
        return "one byte over and over"
    return "text" if data.isascii() and _TEXT.fullmatch(data) else None


def _of_iv(iv: str, places: dict[str, list[Place]], demanded: Callable[[str], Iterable[FieldRule]] | None) -> Iterator[Outcome]:
    here = places[iv]
    weak = weakness(iv)
    alike = _Alike(here)
    for number, place in enumerate(here):
        if weak is not None:
            yield _finding(place, WEAK, f"the IV is {weak}: it must be random")
        elif f"{int(iv, 16) - 1:032x}" in places or f"{int(iv, 16) + 1:032x}" in places:
            yield _finding(place, WEAK, "the IV is one more or less than another one, as if it were counted: it must be random")
        same = alike.texts[place.text]
        if len(same) < len(here):
            begin = ", and their payloads begin alike" if len(alike.begins[place.first_block]) > 1 else ""
            named = _named(alike.others(place.text), len(here) - len(same))
            yield _finding(place, "repeated_iv", f"the IV served for another blob, too, at {named}{begin}")
        elif len(same) > 1 and number and not _is_synthetic(place, demanded):
            named = _named([other for other in same[: _PLACES + 1] if other is not place][:_PLACES], len(same) - 1)
            yield _finding(place, "repeated_blob", f"the same blob stands at {named}: one of them was copied")


class _Alike:
    """The places of one IV by the blob that is there, and the blobs by how their ciphertext begins."""

    def __init__(self, here: list[Place]) -> None:
        self._here = here
        self.texts: dict[str, list[Place]] = {}
        self.begins: dict[bytes, set[str]] = {}
        self._others: dict[str, list[Place]] = {}
        for place in here:
            self.texts.setdefault(place.text, []).append(place)
            self.begins.setdefault(place.first_block, set()).add(place.text)

    def others(self, text: str) -> list[Place]:
        """Return the first places of other blobs than this."""
        if text not in self._others:
            self._others[text] = list(islice((place for place in self._here if place.text != text), _PLACES))
        return self._others[text]


def _named(places: list[Place], count: int) -> str:
    names = ", ".join(place.outcome.place for place in places)
    return names if count <= _PLACES else f"{names} and {count - _PLACES} more places"


def _is_synthetic(place: Place, demanded: Callable[[str], Iterable[FieldRule]] | None) -> bool:
    """Say whether the policy asks for synthetic IVs there: equal payloads of unbound fields are equal blobs then."""
    if demanded is None:
        return False
    return any(demand.format == "synthetic" for demand in demanded(place.outcome.path))


def _finding(place: Place, code: str, problem: str) -> Outcome:
    hint = f"seal the payload anew, with a tool that takes IVs from the system's random generator, or rotate it: sealkit rotate --to ID {quoted(place.outcome.path)}"
    if place.outcome.message is not None:  # in which commit it is
        problem = f"{place.outcome.message}: {problem}"
    return place.outcome._replace(status=FINDING, code=code, message=problem, hint=hint, exit_status=1)
