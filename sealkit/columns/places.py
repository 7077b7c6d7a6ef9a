"""What the blobs of a column are bound to, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.columns.arrays import texts
from sealkit.context import BINDS, FIELDS, NONE, PATH, Context
from sealkit.errors import Downgraded, RecordError, Unbound, UnsupportedVersion, Usage
from sealkit.records.identity import check_bound, field_path, file_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


_FILE = "files, the paths"  # no path of a field has a space


class Places:
    """The binders of a column's rows: ``identity`` (names and columns, in the policy's order) binds to fields, ``files`` to paths.

    Where both are given, ``files`` says only where keys may be used that are for some paths; where neither is, nothing is demanded. Raises ``Usage`` and ``BadFieldPath``.
    """

    __slots__ = ("_columns", "_path", "kind")

    def __init__(
        self,
        field: str,
        identity: Mapping[str, pa.Array | pa.ChunkedArray] | None,
        files: pa.Array | pa.ChunkedArray | None,
        rows: int,
    ) -> None:
        self._path = field_path(field)
        self.kind: int | None = None
        self._columns: dict[str, pa.Array | pa.ChunkedArray] = {}
        if files is not None:
            self.kind, self._columns = PATH, {_FILE: files}
        if identity is not None:
            check_bound(tuple(identity), field)
            self.kind, self._columns = FIELDS, self._columns | dict(identity)
        for name, column in self._columns.items():
            if len(column) != rows:
                raise Usage(problem=f"the identity column {name} has {len(column)} rows, and the column has {rows}")

    def part(self, start: int, rows: int) -> Part:
        """Return the binders of some rows."""
        return Part(self._path, self.kind, {name: texts(column.slice(start, rows), name) for name, column in self._columns.items()})


class Part:
    """The binders of a run of rows: ``at`` gives that of one, ``uniform`` the context that all share."""

    __slots__ = ("_columns", "_path", "kind")

    def __init__(self, path: tuple[bytes, ...], kind: int | None, columns: dict[str, list[bytes | None]]) -> None:
        self._path = path
        self.kind = kind
        self._columns = columns

    def at(self, row: int) -> Row:
        """Return the binder of a row."""
        return Row(self._path, self.kind, {name: column[row] for name, column in self._columns.items()})

    @property
    def unbound(self) -> Context:
        """The context of what is bound to nothing."""
        return Context(self._path)

    def uniform(self, bind: int) -> Context | None:
        """Return the context that all rows share for a kind of binding; None if they differ, or it cannot be had."""
        return self.unbound if bind == NONE and self.kind in (None, NONE) else None

    def context(self, row: int, bind: int) -> Context | None:
        """Return the context of a row for a kind of binding; None if it cannot be had, and ``at`` says why."""
        try:
            return self.at(row).of_kind(bind)
        except (Downgraded, RecordError, Usage, UnsupportedVersion):
            return None


class Row:
    """The ``Binder`` of one row."""

    __slots__ = ("_kind", "_path", "_values")

    def __init__(self, path: tuple[bytes, ...], kind: int | None, values: dict[str, bytes | None]) -> None:
        self._path = path
        self._kind = kind
        self._values = values

    def demanded(self) -> Context:
        """Return the context that a new blob gets. Raises ``Unbound`` and ``Usage``."""
        return self.of_kind(self._kind if self._kind is not None else NONE)

    def below(self) -> str | None:
        """Return the path of the row's file below the root of its tree, None where that is not known."""
        value = self._values.get(_FILE)
        return value.decode("utf-8", "surrogateescape") if value else None

    def of_kind(self, bind: int) -> Context:
        """Return the context of a blob that says it is bound in this way; raises as ``records.identity.Place`` does."""
        if not NONE <= bind <= FIELDS:
            raise UnsupportedVersion(problem="a kind of binding that this version of sealkit does not know")
        if self._kind is not None and bind != self._kind:
            raise Downgraded(problem=f"the blob is bound to {BINDS[bind]}, and {BINDS[self._kind]} is demanded")
        if bind == NONE:
            return Context(self._path)
        if self._kind is None:
            what = "path of the file" if bind == PATH else "fields"
            raise Usage(
                problem=f"the blob is bound to the {what}, which is not known here",
                hint="give the columns that hold it: identity or files",
            )
        return Context(self._path, bind, self._of_file() if bind == PATH else self._of_fields())

    def _of_file(self) -> tuple[bytes, ...]:
        value = self._values[_FILE]
        if not value:
            raise Unbound(problem="the row has no path of a file")
        return (file_path(value.decode("utf-8", "surrogateescape")),)

    def _of_fields(self) -> tuple[bytes, ...]:
        identity: list[bytes] = []
        for name, value in self._values.items():
            if name == _FILE:
                continue
            if not value:
                raise Unbound(problem=f"the bound column {name!r} is empty in this row")
            try:
                value.decode()
            except UnicodeDecodeError:
                value = b""
            if not value:
                raise Unbound(problem=f"the bound column {name!r} is not UTF-8 in this row")
            identity += (name.encode(), value)
        return tuple(identity)
