"""What blobs were bound to before their record was renamed or edited: what was said, or what a git revision knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.errors import Usage
from sealkit.records.identity import BIND_PATH, Place
from sealkit.records.record import split

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.identity import Bind
    from sealkit.records.record import Record
    from sealkit.trees.revision import Revision


class Before:
    """What a blob was bound to: what was said, else what the record is bound to now."""

    def __init__(self, was: str | None, values: dict[str, str], below: Callable[[str], str] | None) -> None:
        self._was = was
        self._values = values
        self._below = below

    def __call__(self, path: str, record: Record, field: str, bind: Bind, kind: int | None) -> Place:
        """Return the place that the blob in a field of a record was bound to.

        ``bind`` is the binding that is demanded now, ``kind`` the one that the blob says it has.
        """
        below = self._below
        now = (lambda: below(path)) if below is not None else None
        return self._place(record, field, self._was if self._was is not None else now, bind, kind)

    def _place(self, record: Record, field: str, file: str | Callable[[], str] | None, bind: Bind, kind: int | None) -> Place:
        """Return the place that the blob was bound to: in the way it says, or, where it says nothing, as is demanded now."""
        known = {
            None: bind,
            0: None,
            1: BIND_PATH,
            2: bind if isinstance(bind, tuple) else tuple(self._values) or None,
        }
        return Place(record, field, file=file, bind=known[kind], instead=self._values)

    def in_revision(self, revision: Revision) -> Callable[[str, Record, str, Bind, int | None], Place]:
        """Return the same, of the records as they were in a git revision."""
        below = self._below

        def before(path: str, record: Record, field: str, bind: Bind, kind: int | None) -> Place:
            then = revision.content_before_rename(path)
            if then is None or below is None:
                raise Usage(problem="it was not in that revision", path=path)
            name, data = then
            old = next((one for one in split(data, record.kind) if one.line == record.line), record)
            return self._place(old, field, lambda: below(name), bind, kind)

        return before
