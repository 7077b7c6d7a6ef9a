"""The IVs of a tree compared, without a key: an IV is random and serves once (NIST SP 800-38A, appendix C).

An IV that served twice under one key shows which payloads begin alike; a constant, a counter, or text in its place is no IV. So little is
kept of each (8 bytes) that what is suspicious is read a second time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit.crypto.blob import Blob
from sealkit.demands import kind_among
from sealkit.errors import SealkitError
from sealkit.records import visit
from sealkit.report import FINDING, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.demands import FieldRule
    from sealkit.trees.batch import Done

_TEXT = re.compile(rb"[0-9A-Za-z+/=_-]{16}")
_ZEROS = bytes(8)
_PLACES = 3


class Place(NamedTuple):
    """Where a suspicious blob stands, and what it begins with."""

    outcome: Outcome
    text: str
    first_block: bytes


class Ivs:
    """Takes IVs, in hexadecimal, as they come; ``suspects`` are those that are to be looked at again."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self.suspects: set[str] = set()

    def add(self, ivs: Iterable[str]) -> None:
        """Take some."""
        seen = self._seen
        for iv in ivs:
            number = int(iv, 16)
            mark = hash(number)
            if not seen.isdisjoint((mark, hash(number - 1), hash(number + 1))):
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
        return [finding for iv in sorted(places) for finding in _of_iv(iv, places, demanded)]

    def _places(self, done: Done, demanded: Callable[[str], Iterable[FieldRule]] | None) -> Iterator[Place]:
        kind = kind_among(demanded(done.found.path)) if demanded is not None else None
        for outcome in done.outcomes:
            if outcome.iv in self.suspects and outcome.field is not None and done.before is not None:
                for blob in _blobs(done, outcome.field, kind):
                    if blob.iv.hex() == outcome.iv:
                        yield Place(outcome, str(blob), blob.ciphertext[:16])
                        break


def _blobs(done: Done, field: str, kind: str | None) -> Iterator[Blob]:
    for record in visit.whole(done.found.path, done.before or b"", kind):
        try:
            text = record.blob_text(field)
            if text is not None:
                yield Blob.parse(text[0])
        except SealkitError:
            continue


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
    for number, place in enumerate(here):
        if weak is not None:
            yield _finding(place, "weak_iv", f"the IV is {weak}: it must be random")
        elif f"{int(iv, 16) - 1:032x}" in places or f"{int(iv, 16) + 1:032x}" in places:
            yield _finding(
                place, "weak_iv", "the IV is one more or less than another one, as if it were counted: it must be random"
            )
        others = [other for other in here if other is not place]
        alike = [other for other in others if other.text == place.text]
        differing = [other for other in others if other.text != place.text]
        if differing:
            begin = ", and their payloads begin alike" if any(one.first_block == place.first_block for one in differing) else ""
            yield _finding(place, "repeated_iv", f"the IV served for another blob, too, at {_named(differing)}{begin}")
        elif alike and number and not _is_synthetic(place, demanded):
            yield _finding(place, "repeated_blob", f"the same blob stands at {_named(alike)}: one of them was copied")


def _named(places: list[Place]) -> str:
    names = ", ".join(place.outcome.place for place in places[:_PLACES])
    return names if len(places) <= _PLACES else f"{names} and {len(places) - _PLACES} more places"


def _is_synthetic(place: Place, demanded: Callable[[str], Iterable[FieldRule]] | None) -> bool:
    """Say whether the policy asks for synthetic IVs there: equal payloads of unbound fields are equal blobs then."""
    if demanded is None:
        return False
    return any(demand.format == "synthetic" for demand in demanded(place.outcome.path))


def _finding(place: Place, code: str, problem: str) -> Outcome:
    hint = "seal the payload anew, with a tool that takes IVs from the system's random generator: sealkit rotate"
    return place.outcome._replace(status=FINDING, code=code, message=problem, hint=hint, exit_status=1)
