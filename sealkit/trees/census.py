"""Blobs counted by the key they are under: in every file of the work tree, in the index, and in whatever git holds.

Not only in the fields that somebody names: a key that goes takes with it whatever was sealed under it, wherever that stands.
"""

from __future__ import annotations

import hashlib
import os
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sealkit import jobs
from sealkit.candidates import candidates
from sealkit.demands import FieldRule, kind_among
from sealkit.errors import FieldAbsent, NotAString, SealkitError, StoreError, Unsealed
from sealkit.keys.key import FORMATS
from sealkit.records import packed, visit
from sealkit.records.identity import Binding
from sealkit.report import failure
from sealkit.trees import sightings, stock, visitor
from sealkit.trees.stock import STORED
from sealkit.trees.store import LIMIT
from sealkit.trees.versions import Repository
from sealkit.trees.walk import is_any, is_no_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.context import Context
    from sealkit.crypto.blob import Blob
    from sealkit.keys.ring import KeyRing
    from sealkit.records.record import Record
    from sealkit.report import Outcome
    from sealkit.trees.found import Found

PLAIN, TAGGED, _ = FORMATS
_MAX_KNOWN = 1 << 14
NO_KEY = "no key of the ring"
INDEX = "the index"
"""Stands for a commit where a blob was found in what would be committed next."""


TEXT = "in no field of a record"
"""Stands for the field of a blob that was seen in the bytes of a file, and that no record has."""
TABLE = "in a table"
"""How the field of a blob begins that stands in a column."""


class Place(NamedTuple):
    """Where a blob stands: in a file, on a line or a row (from 1), in a field.

    In git ``commit`` is the first one found that has it there, or ``INDEX``, or ``STORED``. ``keys`` are those it may be under, mostly one;
    ``kid`` is what a tagged one says. ``named``: somebody named the field.
    """

    path: str
    line: int
    field: str
    keys: tuple[str, ...]
    kid: str | None
    commit: str | None = None
    named: bool = True

    @property
    def shown(self) -> str:
        """The place in words."""
        if self.commit == STORED:  # of what has no name it is not known whether it was a record
            return f"{self.path}:{self.line}  {self.field if self.field != TEXT else 'stored by git'}"
        where = f"{self.path}:{self.line}  {self.field}"
        if self.commit == INDEX:
            return f"{where}  in git's index"
        return where if self.commit is None else f"{where}  in commit {self.commit[:12]}"


class Trouble(NamedTuple):
    """A file, or a field of it, that could not be looked at, though there may be a blob; ``commit`` as above."""

    outcome: Outcome
    commit: str | None = None


class Unopened(NamedTuple):
    """A file that is packed, as what it says, and was not looked into, and why not; ``commit`` as above."""

    path: str
    packed: str
    reason: str
    commit: str | None = None

    @property
    def is_table(self) -> bool:
        """Say whether sealkit itself writes such files."""
        return self.packed in packed.TABLES


Told = Place | Trouble | Unopened


class Cell(Protocol):
    """A blob in a table."""

    @property
    def column(self) -> str:
        """The column's name."""

    @property
    def row(self) -> int:
        """The row, from 1."""

    @property
    def blob(self) -> Blob:
        """The blob."""


class Census:
    """Looks at blobs with the keys of a ring; ``demanded`` says which fields of which file hold them, and ``below`` where that is in its tree.

    Of what has to be authentic (all, if the run ``requires`` it) nothing is told but what is proved. ``cells`` yields the blobs in a table;
    without it, where what reads tables is not installed, none is looked into.
    """

    def __init__(
        self,
        ring: KeyRing,
        demanded: Callable[[str], Sequence[FieldRule]],
        below: Callable[[str], str] | None,
        *,
        requires: bool = False,
        cells: Callable[[bytes], Iterator[Cell]] | None = None,
    ) -> None:
        self._ring = ring
        self._demanded = demanded
        self._below = below
        self._requires = requires
        self._cells = cells
        self._known: dict[tuple[str, str, Context | None, bool], tuple[str, ...]] = {}
        self._objects: set[str] = set()
        self._blobs: set[int] = set()
        self._told: set[Blob] = set()

    def of_tree(self, found: Iterable[Found], outer: Iterable[Repository] = (), inner: Iterable[str] = ()) -> Iterator[Told]:
        """Yield every blob of some files as they are now, and what the indexes of the repositories that they are in hold besides.

        ``inner`` are work trees inside, which may be added as the files are found: their indexes count, too.
        """
        self._objects = set()
        for file in visitor.whole_files(found):
            path = file.found.path
            if file.problem is not None:
                yield Trouble(failure(path, file.problem))
            elif file.large:
                yield from _unread(path, file.data)
            else:
                self._objects.update(_object_ids(file.data))
                yield from self.of_file(path, file.data)
        for repository in outer:
            yield from self._of_index(repository)
        for top in inner:
            try:
                yield from self._of_index(Repository([top]))
            except SealkitError as error:
                yield Trouble(failure(top, error), INDEX)

    def of_repository(self, repository: Repository, known: Iterable[str] = ()) -> Iterator[Told]:
        """Yield every blob in all that a repository holds, once for each version of a file, whether or not anything leads to it.

        ``known`` as in ``stock.kept_beside``.
        """
        for held in chain(stock.everything(repository), stock.kept_beside(repository, known)):
            if held.problem is not None:
                yield Trouble(failure(held.path, held.problem), held.commit)
            elif held.large:
                yield from _unread(held.path, held.data, held.commit)
            elif held.is_file:
                yield from self.of_file(held.path, held.data, held.commit)
            else:
                self._told = set()
                yield from self._of_bytes(held.path, held.data, held.commit)

    def _of_index(self, repository: Repository) -> Iterator[Told]:
        """Yield what the index holds and no file of the work tree does."""
        with repository.objects() as read:
            for version in repository.entries(is_any):
                if version.object in self._objects:
                    continue
                try:
                    data = read(version.object)
                except StoreError as error:
                    yield Trouble(failure(version.path, error), INDEX)
                    continue
                yield from self.of_file(version.path, data, INDEX)

    def of_file(self, path: str, data: bytes, commit: str | None = None) -> Iterator[Told]:
        """Yield every blob in the content of a file, in a field or not; of the index, each that no file has."""
        self._told = set()
        if is_no_policy(os.path.basename(path)):
            yield from self._of_fields(path, data, commit)
        yield from self._of_bytes(path, data, commit)

    def _of_bytes(self, path: str, data: bytes, commit: str | None) -> Iterator[Told]:
        """Yield every blob that is in no field: in a table, or spelt out anywhere."""
        kind = packed.kind(data[: packed.BEGINNING])
        if kind is not None:
            yield from self._of_packed(path, data, kind, commit)
        if visit.may_hold_blobs_anywhere(data):
            yield from self._of_text(path, data, commit)

    def _of_packed(self, path: str, data: bytes, kind: str, commit: str | None) -> Iterator[Place | Unopened]:
        if kind not in packed.TABLES or self._cells is None:
            yield Unopened(path, kind, "nothing reads it here", commit)
            return
        try:
            for cell in self._cells(data):
                if cell.blob not in self._told and self._counts(cell.blob, commit):
                    keys = self._keys(cell.blob, FieldRule(), None)
                    yield Place(path, cell.row, f"{TABLE}, column {cell.column}", keys, cell.blob.kid, commit, named=False)
        except SealkitError as error:
            yield Unopened(path, kind, error.problem, commit)

    def _of_text(self, path: str, data: bytes, commit: str | None) -> Iterator[Place]:
        """Yield each blob that stands in the bytes and in no field that was looked at, if a key is known that it may be under."""
        for line, blob in sightings.anywhere(data):
            if blob in self._told or not self._counts(blob, commit):
                continue
            keys = self._keys(blob, FieldRule(), None)
            if keys or blob.kid is not None:
                yield Place(path, line, TEXT, keys, blob.kid, commit, named=False)

    def _counts(self, blob: Blob, commit: str | None) -> bool:
        """Say whether a blob counts where it was found: one in the index does if no file has it. It is told once for each content."""
        self._told.add(blob)
        if commit is None:
            self._blobs.add(hash(blob))
        return commit != INDEX or hash(blob) not in self._blobs

    def _of_fields(self, path: str, data: bytes, commit: str | None) -> Iterator[Place | Trouble]:
        try:
            rules = self._demanded(path)
            named = list(visit.each(path, data, rules))
            for one in named:
                yield from self._of_field(one.record, path, one.field, one.rule, commit)
            told = {(one.number, one.field) for one in named}
            for number, record, field in visit.blob_fields(path, data, kind_among(rules)):
                if (number, field) not in told:
                    for place in self._of_field(record, path, field, FieldRule(field), commit):
                        yield place._replace(named=False) if isinstance(place, Place) else place
        except SealkitError as error:
            if visit.may_hold_blobs_anywhere(data):
                yield Trouble(failure(path, error), commit)

    def _of_field(self, record: Record, path: str, field: str, demand: FieldRule, commit: str | None) -> Iterator[Place | Trouble]:
        try:
            blob, line = jobs.find(record, field)
        except (FieldAbsent, Unsealed, NotAString):
            return
        except SealkitError as error:
            if visit.may_hold_blobs(record.raw):
                yield Trouble(failure(path, error, field), commit)
            return
        if not self._counts(blob, commit):
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
    """Counts blobs by the key they are under: fields and files of the work tree, fields in the index, versions of fields in git's history."""

    def __init__(self) -> None:
        self.fields: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self.staged: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.troubles: list[Trouble] = []
        self.old_troubles = 0
        self.unopened: list[Unopened] = []
        self._last: dict[str, str] = {}

    def add(self, one: Told) -> None:
        """Count one blob, under each key that it may be under, or what could not be looked at."""
        if isinstance(one, Unopened):
            self.unopened.append(one)
            return
        if isinstance(one, Trouble):
            if one.commit in (None, INDEX) or one.outcome.exit_status > 1:
                self.troubles.append(one)
            else:
                self.old_troubles += 1
            return
        for name in one.keys or ((f"kid {one.kid}" if one.kid is not None else NO_KEY),):
            counts = self.fields if one.commit is None else self.staged if one.commit == INDEX else self.versions
            counts[name] = counts.get(name, 0) + 1
            if one.commit is None and self._last.get(name) != one.path:
                self._last[name] = one.path
                self.files[name] = self.files.get(name, 0) + 1

    def names(self) -> list[str]:
        """Return what was counted under: ids of keys, kids that the ring has not, ``NO_KEY``."""
        return list({**self.fields, **self.staged, **self.versions})


def _unread(path: str, beginning: bytes, commit: str | None = None) -> Iterator[Unopened]:
    """Yield a file that is too large to be read, if it is packed: there is no blob in its bytes, but there may be one in what it holds."""
    kind = packed.kind(beginning)
    if kind is not None:
        yield Unopened(path, kind, f"more than {LIMIT} bytes", commit)


def _object_ids(data: bytes) -> tuple[str, str]:
    """Return what git calls this content, with either of its hashes."""
    head = b"blob %d\0" % len(data)
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest(), hashlib.sha256(head + data).hexdigest()
