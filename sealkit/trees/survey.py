"""A policy made by looking at a tree: what its blobs are like now is what is demanded of them from now on."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

from sealkit.context import NONE, PATH
from sealkit.crypto.blob import Blob
from sealkit.demands import FieldRule, Rule
from sealkit.errors import SealkitError
from sealkit.keys.key import STRENGTH
from sealkit.records import fieldpath
from sealkit.records.identity import BIND_PATH
from sealkit.records.kinds import JSON_LINES, kind_of
from sealkit.records.record import split
from sealkit.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.records.record import Record
    from sealkit.tree import Node

_MAX_DEPTH = 16


class Survey:
    """Takes records, and says which rules their blobs keep. ``unread`` counts records that could not be read."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], int] = defaultdict(int)
        self._blobs: dict[tuple[str, str], dict[str, list[Blob]]] = defaultdict(lambda: defaultdict(list))
        self._having: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.unread = 0
        self.bound_to_fields = 0

    def add(self, below: str, data: bytes) -> None:
        """Take the record file with this path below the root."""
        folder, _, name = below.rpartition("/")
        group = (folder.split("/", 1)[0], os.path.splitext(name)[1])
        try:
            for record in split(data, kind_of(name)):
                if not record.is_blank:
                    self._add(group, record)
        except SealkitError:
            self.unread += 1

    def _add(self, group: tuple[str, str], record: Record) -> None:
        found = list(_blobs(record.document.root)) if record.region is not None else []
        self._records[group] += 1
        for path, blob in found:
            self._blobs[group][path].append(blob)
            self.bound_to_fields += blob.bind not in (None, NONE, PATH)
        for path in {path for path, _ in found}:
            self._having[group][path] += 1

    def rules(self) -> list[Rule]:
        """Return a rule for each folder below the root and each suffix of names that has records with blobs in them."""
        return [self._rule(group) for group in sorted(self._blobs)]

    def _rule(self, group: tuple[str, str]) -> Rule:
        folder, suffix = group
        include = f"{folder}/**/*{suffix}" if folder else f"*{suffix}"
        fields = tuple(self._field(group, path) for path in sorted(self._blobs[group]))
        return Rule((include,), () if folder else ("*/**",), fields)

    def _field(self, group: tuple[str, str], path: str) -> FieldRule:
        blobs = self._blobs[group][path]
        tagged = all(blob.auth is not None for blob in blobs)
        by_path = tagged and all(blob.bind == PATH for blob in blobs) and kind_of(f"x{group[1]}") != JSON_LINES
        return FieldRule(
            path,
            required=self._having[group][path] == self._records[group],
            format=STRENGTH[-1] if tagged else STRENGTH[0],
            bind=BIND_PATH if by_path else None,
        )


def _blobs(root: Node | None) -> Iterator[tuple[str, Blob]]:
    """Yield every blob of a record with its field path, in which each item of a list stands for all."""
    pending: list[tuple[fieldpath.Steps, Node | None]] = [((), root)]
    while pending:
        steps, node = pending.pop()
        if isinstance(node, Mapping) and len(steps) < _MAX_DEPTH:
            pending += [((*steps, key.text), value) for key, value in node.pairs if isinstance(key, Scalar)]
        elif isinstance(node, Sequence) and len(steps) < _MAX_DEPTH:
            pending += [((*steps, fieldpath.EVERY), item) for item in node.items]
        elif isinstance(node, Scalar) and ";" in node.text:
            try:
                path = fieldpath.join(steps)
                if fieldpath.parse(path) == steps:
                    yield path, Blob.parse(node.text.strip())
            except SealkitError:
                continue
