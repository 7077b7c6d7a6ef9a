"""The blobs in the content of a file: found as the policy says, covered by marks for a merge of the text around them, and put back."""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs
from sealkit.conflict import Conflict
from sealkit.demands import kind_among
from sealkit.errors import BlobError, BrokenBlob, FieldAbsent, NotAString, SealkitError, Unsealed
from sealkit.opaque import opaque
from sealkit.records import draft, visit
from sealkit.records.record import Record, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealkit.jobs import Found
    from sealkit.records.identity import Binding, Place
    from sealkit.trees.orders import Order, Task

_WORD = re.compile(rb"[A-Za-z0-9+/=;]+")
_NO_BLOB = (FieldAbsent, Unsealed, BrokenBlob, NotAString, BlobError)


class Site(NamedTuple):
    """One field that holds a blob: the number of its record in the file, its path, and what is demanded of it."""

    record: int
    field: str
    found: Found
    order: Order

    @property
    def text(self) -> str:
        """The blob's text."""
        return str(self.found.blob)


class Orders:
    """What a task is to do to the fields of one file, wherever the content comes from that is looked at."""

    def __init__(self, task: Task, path: str) -> None:
        self.path = path
        self.each: Sequence[Order] = task.orders(path)
        below = task.around.below
        self._below: Callable[[], str] | None = None if below is None else lambda: below(path)

    def place(self, record: Record, field: str, order: Order) -> Place:
        """Return what blobs in a field are bound to."""
        return self.binding(order).place(record, field)

    def binding(self, order: Order) -> Binding:
        """Return what blobs are to be bound to, with the file's path below its tree's root."""
        return order.binding if self._below is None else order.binding._replace(file=self._below)


class Content:
    """The content of a file: its records, and the fields in them that hold blobs.

    Raises the ``RecordError`` of a record that cannot be read without a guess.
    """

    @opaque
    def __init__(self, data: bytes, orders: Orders) -> None:
        self.data = data
        self.orders = orders
        self.records = visit.whole(orders.path, data, kind_among(order.demand for order in orders.each))
        self.sites = list(self._sites())

    def __repr__(self) -> str:
        return f"<Content of {len(self.data)} bytes, {len(self.sites)} blobs>"

    def fields(self) -> Iterator[tuple[int, str, Order]]:
        """Yield every field that is asked for, also one that may be added: the number of its record, its path, and what is demanded."""
        for number, record in enumerate(self.records):
            if not record.is_blank:
                for order in self.orders.each:
                    yield from ((number, field, order) for field in visit.fields(record, order.demand.path, or_new=True))

    def _sites(self) -> Iterator[Site]:
        for number, field, order in self.fields():
            try:
                yield Site(number, field, jobs.find(self.records[number], field), order)
            except _NO_BLOB:
                continue

    def place(self, site: Site) -> Place:
        """Return what the blob of a site is bound to."""
        return self.orders.place(self.records[site.record], site.field, site.order)

    def conflicts(self) -> Iterator[tuple[int, str, Order, Conflict]]:
        """Yield the fields that a merge left in conflict."""
        for number, field, order in self.fields():
            conflict = conflict_in(self.records[number], field)
            if conflict is not None:
                yield number, field, order, conflict

    def replaced(self, number: int, field: str, text: str) -> Content:
        """Return the content with a field's text replaced. Raises as ``Record.replace``."""
        records = list(self.records)
        records[number] = records[number].replace(field, text)
        return Content(join(records), self.orders)

    def read_through(self) -> None:
        """Raise the ``RecordError`` of a record that is broken anywhere."""
        for number, field, _ in self.fields():
            self.records[number].read_through(field)

    @opaque
    def covered(self, marks: dict[tuple[int, str], str]) -> bytes:
        """Return the file's bytes with marks in the place of blobs. Raises as ``Record.replace``."""
        records = list(self.records)
        for number, sites in groupby(self.sites, lambda site: site.record):
            marked = [(site, marks[number, site.field]) for site in sites if (number, site.field) in marks]
            records[number] = _covered(records[number], marked)
        return join(records)


def _covered(record: Record, marked: list[tuple[Site, str]]) -> Record:
    """Put marks in the place of blobs, in whatever style they are written; where one is not spelt out, by replacing the value."""
    spelt = Counter(_WORD.findall(record.raw))
    marks = {site.text.encode(): mark.encode() for site, mark in marked if spelt[site.text.encode()] == 1}
    after = record.reread(_WORD.sub(lambda match: marks.get(match[0], match[0]), record.raw)) if marks else None
    there = [(site, mark) for site, mark in marked if site.text.encode() in marks]
    if after is not None and _holds(after, there):
        return draft.in_turn(after, [one for one in marked if one not in there], _put)
    if len(marked) == 1:
        return _put(record, marked[0])
    half = len(marked) // 2
    return _covered(_covered(record, marked[:half]), marked[half:]) if marked else record


def _holds(record: Record, marked: list[tuple[Site, str]]) -> bool:
    """Say whether each field holds its mark. Raises the ``RecordError`` of a record that does not read."""
    for site, mark in marked:
        found = record.blob_text(site.field)
        if found is None or found[0] != mark:
            return False
    return True


def _put(record: Record, marked: tuple[Site, str]) -> Record:
    site, mark = marked
    return record.replace(site.field, mark)


def conflict_in(record: Record, field: str) -> Conflict | None:
    """Return the conflict that a field holds; None for anything else."""
    try:
        text = record.blob_text(field)
    except SealkitError:
        return None
    return Conflict.parse(text[0]) if text is not None else None


def new_token() -> str:
    """Return a word that no record holds."""
    return "sealkitMerge" + os.urandom(12).hex()
