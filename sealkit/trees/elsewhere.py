"""Where a blob belongs that is not authentic where it was found: the record of the tree that it was sealed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.context import FIELDS, NONE, PATH
from sealkit.errors import SealkitError
from sealkit.records.identity import Place
from sealkit.records.kinds import JSON_LINES, kind_of
from sealkit.records.record import split
from sealkit.trees.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.context import Context
    from sealkit.crypto.blob import Blob
    from sealkit.records.identity import Bind
    from sealkit.sealer import Sealer
    from sealkit.trees.found import Found

MAX_SEARCHES = 100
"""How many blobs of one run are looked for: where more than these are in the wrong place, it is the tree that is."""


class Elsewhere:
    """Looks through a tree for the record and field that a blob is authentic for.

    The tree is walked when the first blob is looked for, and its identities are kept: for blobs bound to paths no file is read.
    """

    def __init__(
        self, walk: Callable[[], Iterable[Found]], below: Callable[[str], str], bind: Bind, fields: tuple[str, ...]
    ) -> None:
        self._walk = walk
        self._bind = bind
        self._below = below
        self._fields = fields
        self._known: dict[int, list[tuple[str, Context]]] = {}
        self._searches = 0

    def __call__(self, sealer: Sealer, blob: Blob) -> str | None:
        """Return what the blob is authentic for, in words; None if for nothing in this tree."""
        self._searches += 1
        if self._searches > MAX_SEARCHES:
            return None
        fits = sealer.fits(blob)
        for bind in (blob.bind,) if blob.bind is not None else (NONE, PATH, FIELDS):
            if bind not in self._known:
                self._known[bind] = list(self._identities(bind))
            for name, context in self._known[bind]:
                if fits(context):
                    return name
        return None

    def _identities(self, bind: int) -> Iterator[tuple[str, Context]]:
        if bind == FIELDS and not isinstance(self._bind, tuple):
            return
        with Store() as store:
            for found in self._walk():
                if found.problem is None:
                    yield from self._of_file(found, bind, store)

    def _of_file(self, found: Found, bind: int, store: Store) -> Iterator[tuple[str, Context]]:
        """Yield the identities that a file has; one that cannot be read has none, and is reported where it is looked at."""
        several = any("[]" in field for field in self._fields)
        try:
            if bind == FIELDS or several:
                records = split(store.read(found.path, found.root).data, kind_of(found.path))
            else:  # the field's path and the file's name are enough
                records = split(b"", kind_of(found.path))
        except SealkitError:
            return
        below = self._below(found.path)
        demanded = self._bind if bind == FIELDS else "path" if bind == PATH else None
        for record in records:
            where = f"{below}:{record.line}" if kind_of(found.path) == JSON_LINES else below
            for pattern in self._fields:
                try:
                    for field in record.paths(pattern):
                        yield f"{where}, field {field}", Place(record, field, file=below, bind=demanded).of_kind(bind)
                except SealkitError:
                    continue
