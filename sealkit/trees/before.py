"""What blobs were bound to before their record was renamed or edited: what was said, or what a git revision knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import Usage
from sealkit.records import visit
from sealkit.records.identity import BIND_PATH, Place, file_path
from sealkit.trees.roots import is_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.identity import Bind
    from sealkit.records.record import Record
    from sealkit.trees.revision import Revision


_ROOT = frozenset({".", "./", ""})


class Was(NamedTuple):
    """What a file, or a folder and so all that is in it, was called: ``then`` below the tree's root as it was, ``now`` as it is.

    A folder that was itself the root of a tree was called ``""``.
    """

    then: str
    now: str | None = None

    def of(self, below: str) -> str:
        """Return what the file was called that has this path now. Raises ``Usage`` for one that is not in the folder."""
        if self.now is None or below == self.now:
            return self.then
        inside = below.removeprefix(self.now + "/") if self.now else below
        if self.now and inside == below:
            raise Usage(problem=f"{below} is not in {self.now}, of which is said what it was called", path=below)
        return f"{self.then}/{inside}" if self.then else inside


def said(was: str | None, path: str, below: Callable[[str], str] | None) -> Was | None:
    """Read what was said that the file or folder at ``path`` was called. Raises ``Usage`` for what leads out of a tree."""
    if was is None:
        return None
    then = "" if was in _ROOT else was.rstrip("/").removeprefix("./")
    if then:
        file_path(then)
    if below is None or not is_folder(path):
        return Was(was)
    here = below(os.path.join(path, "x"))
    return Was(then, here[: -len("/x")] if here != "x" else "")


class Before:
    """What a blob was bound to: what was said, else what the record is bound to now."""

    def __init__(self, was: Was | None, values: dict[str, str], below: Callable[[str], str] | None) -> None:
        self._was = was
        self._values = values
        self._below = below

    def __call__(self, path: str, record: Record, field: str, bind: Bind, kind: int | None) -> Place:
        """Return the place that the blob in a field of a record was bound to.

        ``bind`` is the binding that is demanded now, ``kind`` the one that the blob says it has.
        """
        return self._place(record, field, self._file(path), bind, kind)

    def _file(self, path: str) -> str | Callable[[], str] | None:
        """Return the path of a file below its tree's root, as it was, or what gives it."""
        below, was = self._below, self._was
        if was is not None and (was.now is None or below is None):
            return was.then
        if below is None:
            return None
        return lambda: below(path) if was is None else was.of(below(path))

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
        last: dict[tuple[str, str], tuple[str, dict[int, Record]]] = {}  # a file is read once, whatever the number of its fields

        def before(path: str, record: Record, field: str, bind: Bind, kind: int | None) -> Place:
            if below is None:
                raise Usage(problem="it was not in that revision", path=path)
            if (path, record.kind) not in last:
                then = revision.content_before_rename(path)
                if then is None:
                    raise Usage(problem="it was not in that revision", path=path)
                last.clear()
                last[path, record.kind] = then[0], {one.line: one for one in visit.of_kind(then[1], record.kind)}
            name, records = last[path, record.kind]
            old = records.get(record.line, record)
            return self._place(old, field, lambda: below(name), bind, kind)

        return before
