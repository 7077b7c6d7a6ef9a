"""Where blobs come from that a file did not hold in a revision: moved, copied, or brought back from what was before it.

A blob that left its old place has moved. One that still stands there was copied. One that no file of the revision holds, but an older
version of any file, was rolled back. Only blobs that are new in a file are sought, and what the repository holds is read once for all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.context import BINDS
from sealkit.errors import IsLink, NotRegular
from sealkit.report import FINDING, Outcome
from sealkit.trees.roots import is_there
from sealkit.trees.sightings import Core, Sighting, Sought, core
from sealkit.trees.store import read
from sealkit.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.crypto.blob import Blob
    from sealkit.trees.versions import Repository
    from sealkit.trees.weakened import Blobs

_SHOWN = 3


class Arrived(NamedTuple):
    """A blob that a file holds and did not hold: where it stands, and whether equal payloads make equal blobs there (``synthetic``)."""

    path: str
    field: str
    line: int
    blob: Blob
    synthetic: bool = False

    def finding(self, code: str, problem: str) -> Outcome:
        """Return a finding about it."""
        iv = self.blob.iv.hex()
        return Outcome(self.path, FINDING, self.field, code, line=self.line, iv=iv, message=problem, exit_status=1)


def arrived(path: str, then: tuple[bytes, Blobs], now: tuple[bytes, Blobs], *, synthetic: bool) -> Iterator[Arrived]:
    """Yield the blobs that a file holds now and did not hold then, or not as often; each state is its bytes and the blobs in them."""
    sought = Sought(blob for blob, _ in now[1].values())
    before, after = sought.count(then[0]), sought.count(now[0])
    places: dict[Core, list[tuple[int, str]]] = {}
    for place, (blob, _) in now[1].items():
        places.setdefault(core(blob), []).append(place)
    for one, here in places.items():
        more = max(after.get(one, 0), len(here)) - before.get(one, 0)
        fresh = [place for place in here if place not in then[1] or core(then[1][place][0]) != one] or here
        for place in fresh[-more:] if more > 0 else ():
            blob, line = now[1][place]
            yield Arrived(path, place[1], line, blob, synthetic)


class Base(NamedTuple):
    """What new blobs are compared with: the files of a revision, those that are there now, and all versions before.

    ``then`` and ``ever`` have the files' objects, which ``objects`` reads; ``now`` gives a file's bytes, None where it is gone; ``shown``
    turns paths below the top into what people read.
    """

    then: dict[str, str]
    ever: Callable[[], Iterable[str]]
    objects: Callable[[str], bytes]
    now: Callable[[str], bytes | None]
    shown: Callable[[str], str]


def base_of(repository: Repository, commit: str, objects: Callable[[str], bytes], *, staged: bool) -> Base:
    """Return what the blobs of a repository are compared with, as it is in the work tree, or ``staged``."""

    def in_index(name: str) -> bytes | None:
        sha = repository.index().get(name)
        return objects(sha) if sha is not None else None

    def in_work_tree(name: str) -> bytes | None:
        path = os.path.join(repository.top, name)
        try:
            return read(path).data if is_there(path) else None
        except (IsLink, NotRegular):  # no record any more: the gate says so
            return None

    now = in_index if staged else in_work_tree
    return Base(repository.files(commit), lambda: repository.ever(commit), objects, now, repository.shown)


class _Known(NamedTuple):
    """Where a blob stood in the revision: how often in which files, and as what."""

    counts: dict[str, int]
    seen: list[Sighting]


class Ancestry:
    """The origins of some blobs that arrived. Raises ``StoreError`` for what cannot be read."""

    def __init__(self, some: Iterable[Arrived], base: Base) -> None:
        self._arrived: dict[Core, list[Arrived]] = {}
        for one in some:
            self._arrived.setdefault(core(one.blob), []).append(one)
        self._base = base
        self._sought = Sought(one.blob for ones in self._arrived.values() for one in ones)
        self._known: dict[Core, _Known] = {}
        self._old: set[Core] = set()
        self._served: set[bytes] = set()

    def findings(self) -> Iterator[Outcome]:
        """Yield what is wrong with where the blobs come from."""
        if not self._sought:
            return
        self._read()
        for one, places in self._arrived.items():
            known = self._known.get(one)
            if known is None and one in self._old:
                problem = "this blob stood in the repository before, and was replaced: an old one was brought back"
                yield from (place.finding("rolled_back", problem) for place in places)
            elif one.iv in self._served:
                problem = (
                    "the IV served for another blob that stands or stood in the repository: it must be random, and serves once"
                )
                yield from (place.finding("repeated_iv", problem) for place in places)
            if known is not None:
                yield from _weaker(known, places)
                yield from self._copied(one, known, places)

    def _read(self) -> None:
        """Look through all that the repository held, each object once."""
        names: dict[str, list[str]] = {}
        for name, sha in self._base.then.items():
            names.setdefault(sha, []).append(name)
        for sha in dict.fromkeys(self._base.ever()):
            for seen in self._sought.sightings(self._base.objects(sha)):
                if seen.core is None:
                    self._served.add(seen.iv)
                else:
                    self._old.add(seen.core)
                    self._note(seen, seen.core, names.get(sha, ()))

    def _note(self, seen: Sighting, one: Core, names: Iterable[str]) -> None:
        for name in names:
            known = self._known.setdefault(one, _Known({}, []))
            known.counts[name] = known.counts.get(name, 0) + 1
            known.seen.append(seen)

    def _copied(self, one: Core, known: _Known, places: list[Arrived]) -> Iterator[Outcome]:
        """Yield which of some equal blobs have not come from a place that one has left."""
        left, standing = 0, []
        for name, count in known.counts.items():
            data = self._base.now(name)
            stays = self._sought.count(data).get(one, 0) if data is not None else 0
            left += max(0, count - stays)
            if stays:
                standing.append(self._base.shown(name))
        if not standing:
            return
        for place in places[left:]:
            if not place.synthetic:
                more = f" and {plural(len(standing) - _SHOWN, 'more file')}" if len(standing) > _SHOWN else ""
                problem = f"the same blob still stands in {', '.join(standing[:_SHOWN])}{more}: it was copied from there"
                yield place.finding("repeated_blob", problem)


def _weaker(known: _Known, places: list[Arrived]) -> Iterator[Outcome]:
    """Yield which blobs have lost their tag, or what it bound them to, on their way from another place."""
    tagged = any(seen.tagged for seen in known.seen)
    bind = max((seen.bind for seen in known.seen), default=0)
    for place in places:
        if tagged and place.blob.auth is None:
            yield place.finding("downgraded", "the blob had a tag where it stood before, and has none now")
        elif bind and not place.blob.bind:
            was = BINDS[bind] if bind < len(BINDS) else "something"
            yield place.finding("downgraded", f"the blob was bound to {was} where it stood before, and is bound to nothing now")
