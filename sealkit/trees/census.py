"""Records counted by the key they are under: in the work tree, and in every version that git holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs
from sealkit.candidates import candidates
from sealkit.errors import FieldAbsent, NotAString, SealkitError, StoreError, Unsealed
from sealkit.keys.key import FORMATS
from sealkit.records.identity import Binding
from sealkit.records.kinds import is_record_name, kind_of
from sealkit.records.record import split
from sealkit.report import failure
from sealkit.trees.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.context import Context
    from sealkit.crypto.blob import Blob
    from sealkit.demands import FieldRule
    from sealkit.keys.ring import KeyRing
    from sealkit.records.record import Record
    from sealkit.report import Outcome
    from sealkit.trees.found import Found
    from sealkit.trees.versions import Repository

PLAIN, TAGGED, _ = FORMATS
_MAY_HOLD_A_BLOB = re.compile(rb";[A-Za-z0-9+/\\]{22,44}==")
_MAX_KNOWN = 1 << 14
NO_KEY = "no key of the ring"


class Place(NamedTuple):
    """Where a blob stands: in a file, on a line (from 1), in a field; in git, the first ``commit`` found that has it there.

    ``keys`` are those it may be under, mostly one; ``kid`` is what a tagged one says.
    """

    path: str
    line: int
    field: str
    keys: tuple[str, ...]
    kid: str | None
    commit: str | None = None

    @property
    def shown(self) -> str:
        """The place in words."""
        where = f"{self.path}:{self.line}  {self.field}"
        return where if self.commit is None else f"{where}  in commit {self.commit[:12]}"


class Trouble(NamedTuple):
    """A file, or a field of it, that could not be looked at, though there may be a blob; ``commit`` as above."""

    outcome: Outcome
    commit: str | None = None


class Census:
    """Looks at blobs with the keys of a ring; ``demanded`` says which fields of which file hold them, and ``below`` where that is in its tree.

    Of what has to be authentic (all, if the run ``requires`` it) nothing is told but what is proved.
    """

    def __init__(
        self,
        ring: KeyRing,
        demanded: Callable[[str], Sequence[FieldRule]],
        below: Callable[[str], str] | None,
        *,
        requires: bool = False,
    ) -> None:
        self._ring = ring
        self._demanded = demanded
        self._below = below
        self._requires = requires
        self._known: dict[tuple[str, str, Context | None, bool], tuple[str, ...]] = {}

    def of_tree(self, found: Iterable[Found]) -> Iterator[Place | Trouble]:
        """Yield every blob of some files as they are now."""
        with Store() as store:
            for one in found:
                if one.problem is not None:
                    yield Trouble(failure(one.path, one.problem))
                    continue
                try:
                    data = store.read(one.path, one.root).data
                except SealkitError as error:
                    yield Trouble(failure(one.path, error))
                    continue
                yield from self.of_file(one.path, data)

    def of_history(self, repository: Repository) -> Iterator[Place | Trouble]:
        """Yield every blob that the files have in any commit of any branch, tag or stash, once for each version of the file."""
        with repository.objects() as read:
            for version in repository.history(is_record_name, "--all"):
                try:
                    data = read(version.object)
                except StoreError as error:
                    yield Trouble(failure(version.path, error), version.commit)
                    continue
                yield from self.of_file(version.path, data, version.commit)

    def of_file(self, path: str, data: bytes, commit: str | None = None) -> Iterator[Place | Trouble]:
        """Yield every blob in the content of a file."""
        try:
            for record in split(data, kind_of(path)):
                for demand in self._demanded(path):
                    if not record.is_blank and not record.lacks(demand.path):
                        for field in record.paths(demand.path):
                            yield from self._of_field(record, path, field, demand, commit)
        except SealkitError as error:
            if _MAY_HOLD_A_BLOB.search(data) or error.exit_status > 1:
                yield Trouble(failure(path, error), commit)

    def _of_field(self, record: Record, path: str, field: str, demand: FieldRule, commit: str | None) -> Iterator[Place | Trouble]:
        try:
            blob, line = jobs.find(record, field)
        except (FieldAbsent, Unsealed, NotAString):
            return
        except SealkitError as error:
            if _MAY_HOLD_A_BLOB.search(record.raw):
                yield Trouble(failure(path, error, field), commit)
            return
        yield Place(path, line, field, self._keys(blob, demand, self._context(record, path, field, demand)), blob.kid, commit)

    def _context(self, record: Record, path: str, field: str, demand: FieldRule) -> Context | None:
        """Return what a blob there is for; None where that cannot be had, and where an IV is no proof."""
        below = self._below
        if demand.format == TAGGED:
            return None
        try:
            return Binding(demand.bind, below and (lambda: below(path))).place(record, field).demanded()
        except SealkitError:
            return None

    def _keys(self, blob: Blob, demand: FieldRule, context: Context | None) -> tuple[str, ...]:
        """Try a blob once: in git's history most versions of a file hold the same ones."""
        asked = (str(blob), demand.payload, context, self._requires or demand.format != PLAIN)
        known = self._known.get(asked)
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            known = self._known[asked] = candidates(self._ring, blob, demand.payload, context, proved_only=asked[3])
        return known


class Tally:
    """Counts blobs by the key they are under: fields and files of the work tree, versions of fields in git's history."""

    def __init__(self) -> None:
        self.fields: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.troubles: list[Trouble] = []
        self.old_troubles = 0
        self._last: dict[str, str] = {}

    def add(self, one: Place | Trouble) -> None:
        """Count one blob, under each key that it may be under, or what could not be looked at."""
        if isinstance(one, Trouble):
            if one.commit is None or one.outcome.exit_status > 1:
                self.troubles.append(one)
            else:
                self.old_troubles += 1
            return
        for name in one.keys or ((f"kid {one.kid}" if one.kid is not None else NO_KEY),):
            counts = self.fields if one.commit is None else self.versions
            counts[name] = counts.get(name, 0) + 1
            if one.commit is None and self._last.get(name) != one.path:
                self._last[name] = one.path
                self.files[name] = self.files.get(name, 0) + 1

    def names(self) -> list[str]:
        """Return what was counted under: ids of keys, kids that the ring has not, ``NO_KEY``."""
        return list({**self.fields, **self.versions})
