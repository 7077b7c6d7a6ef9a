"""A policy made by looking at a tree: what its blobs are like now is what is demanded of them from now on."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from sealkit.context import NONE, PATH
from sealkit.crypto.blob import Blob
from sealkit.demands import FieldRule, Rule
from sealkit.errors import SealkitError
from sealkit.keys.key import STRENGTH
from sealkit.records import visit
from sealkit.records.identity import BIND_PATH
from sealkit.records.kinds import JSON_LINES, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.records.record import Record

_SPECIAL = re.compile(r"[*?\[]")


def _has(record: Record, path: str) -> bool:
    return any(record.values(one) for one in visit.fields(record, path))


class Survey:
    """Takes records, and says which rules their blobs keep. ``unread`` counts records that could not be read.

    ``fields`` are wanted sealed, too, where records have them, although no blob is in them yet; ``unsealed`` counts such records.
    """

    def __init__(self, fields: Sequence[str] = ()) -> None:
        self._fields = tuple(fields)
        self.unsealed = 0
        self._records: dict[tuple[str, str], int] = defaultdict(int)
        self._blobs: dict[tuple[str, str], dict[str, list[Blob]]] = defaultdict(lambda: defaultdict(list))
        self._having: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._open: set[str] = set()
        self._looks_everywhere = False
        self.unread = 0
        self.bound_to_fields = 0

    def add(self, below: str, data: bytes) -> None:
        """Take the file with this path below the root. What holds no blob counts, too: no rule may demand one of it."""
        folder, _, name = below.rpartition("/")
        suffix = os.path.splitext(name)[1]
        group = (folder.split("/", 1)[0], suffix if suffix else name)
        try:
            may_have = visit.may_hold_blobs(data) or (self._fields and visit.could(data, self._fields))
            if not may_have or visit.kind(name, data) is None:
                self._records[group] += 1
                return
            for record in visit.whole(name, data):
                if not record.is_blank:
                    self._add(group, record)
        except SealkitError:
            self.unread += 1

    def _add(self, group: tuple[str, str], record: Record) -> None:
        found = list(visit.blobs(record.document.root)) if record.region is not None else []
        self._records[group] += 1
        for steps, blob in found:
            self._blobs[group][visit.pattern(steps)].append(blob)
            self.bound_to_fields += blob.bind not in (None, NONE, PATH)
        paths = {visit.pattern(steps) for steps, _ in found}
        wanted = {path for path in self._fields if record.region is not None and _has(record, path)} - paths
        self.unsealed += bool(wanted)
        for path in paths | wanted:
            self._having[group][path] += 1
            self._blobs[group].setdefault(path, [])

    def add_open(self, path: str, data: bytes) -> None:
        """Take a file of the tree a second time: fields that stand open in it are not looked for everywhere."""
        self._looks_everywhere = True
        rules = [FieldRule(one, required=False) for one in self._named() if one not in self._open]
        try:
            for _, record, rule, field in visit.each(path, data, rules, lambda error, field: self._open.add(field)):
                try:
                    text = record.blob_text(field)
                    if text is not None:
                        Blob.parse(text[0])
                except SealkitError:
                    self._open.add(rule.path)
        except SealkitError:
            self._open |= {rule.path for rule in rules if visit.could(data, (rule.path,))}

    def _named(self) -> list[str]:
        return sorted({path for fields in self._blobs.values() for path in fields})

    def rules(self) -> list[Rule]:
        """Return a rule for each folder below the root and each suffix of names that has records with blobs in them."""
        return [self._rule(group) for group in sorted(self._blobs)]

    def _rule(self, group: tuple[str, str]) -> Rule:
        folder, suffix = group
        name = f"*{suffix}" if suffix.startswith(".") else _SPECIAL.sub("[\\g<0>]", suffix)
        include = f"{folder}/**/{name}" if folder else name
        fields = tuple(self._field(group, path) for path in sorted(self._blobs[group]))
        return Rule((include,), () if folder else ("*/**",), fields)

    def _field(self, group: tuple[str, str], path: str) -> FieldRule:
        blobs = self._blobs[group][path]
        tagged = bool(blobs) and all(blob.auth is not None for blob in blobs)
        by_path = tagged and all(blob.bind == PATH for blob in blobs) and kind_of(f"x{group[1]}") != JSON_LINES
        return FieldRule(
            path,
            required=self._having[group][path] == self._records[group],
            format=STRENGTH[-1] if tagged else STRENGTH[0],
            bind=BIND_PATH if by_path else None,
            everywhere=self._looks_everywhere and path not in self._open,
        )
