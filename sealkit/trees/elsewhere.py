"""Where a blob belongs that is not authentic where it was found: the record of the tree that it was sealed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.context import FIELDS, NONE, PATH
from sealkit.errors import SealkitError
from sealkit.records import visit
from sealkit.records.identity import BIND_PATH, Place
from sealkit.records.kinds import FRONT_MATTER, JSON_LINES, kind_of
from sealkit.records.record import Record
from sealkit.trees import visitor
from sealkit.trees.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.context import Context
    from sealkit.crypto.blob import Blob
    from sealkit.demands import FieldRule
    from sealkit.sealer import Sealer
    from sealkit.trees.found import Found
    from sealkit.trees.roots import Below

MAX_SEARCHES = 100
"""How many blobs of one run are looked for: where more than these are in the wrong place, it is the tree that is."""


class Elsewhere:
    """Looks through a tree for the record and field that a blob is authentic for.

    The tree is walked when the first blob is looked for, and its identities are kept: for blobs bound to paths no file is read.
    """

    def __init__(self, walk: Callable[[], Iterable[Found]], below: Below, demanded: Callable[[str], Sequence[FieldRule]]) -> None:
        self._walk = walk
        self._below = below
        self._demanded = demanded
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
        with Store() as store:
            for found in self._walk():
                if found.problem is None:
                    yield from self._of_file(found, bind, store)

    def _of_file(self, found: Found, bind: int, store: Store) -> Iterator[tuple[str, Context]]:
        """Yield the identities that a file has; one that cannot be read has none, and is reported where it is looked at."""
        try:
            demanded = [one for one in self._demanded(found.path) if bind != FIELDS or isinstance(one.bind, tuple)]
            several = any("[]" in one.path for one in demanded)
            if not demanded:
                return
            if bind == FIELDS or several or kind_of(found.path) == JSON_LINES:
                data = visitor.snapshot(found, store, self._demanded).data
                places = [(one.record, one.rule, one.field) for one in visit.each(found.path, data, demanded, _ignored)]
            else:  # the field's path and the file's name are enough
                nothing = Record.parse(b"", kind=FRONT_MATTER)
                places = [(nothing, one, one.path) for one in demanded]
        except SealkitError:
            return
        below = self._below(found.path)
        names = [(below, "")]
        if bind == PATH:
            names += [(name, f" as it was counted from {folder}") for folder, name in self._below.before(found.path)]
        for record, rule, field in places:
            line = f":{record.line}" if record.kind == JSON_LINES else ""
            told = rule.bind if bind == FIELDS else BIND_PATH if bind == PATH else None
            for name, how in names:
                try:
                    yield f"{name}{line}{how}, field {field}", Place(record, field, file=name, bind=told).of_kind(bind)
                except SealkitError:
                    continue


def _ignored(error: SealkitError, field: str) -> None:
    """Say nothing of a field that cannot be read: whoever looks at it does."""
