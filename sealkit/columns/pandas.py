"""pandas: functions on a ``Series``, and the accessor ``df.sealkit``. Needs the extra ``pandas``.

Rows belong together by their position alone. What comes back has a row for each row, in the same order; its index is that of the series
it was made of. A join by an index that repeats would give a row the payload of another: ``df.sealkit.opened`` joins nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
import pyarrow as pa

from sealkit.columns import core
from sealkit.door import typed
from sealkit.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from sealkit.columns.reference import Keys

    Beside: TypeAlias = pd.Series | pa.Array | pa.ChunkedArray


def _framed(job: Callable[..., Any], series: pd.Series, options: Mapping[str, Any], *args: object) -> pd.DataFrame:
    """Return what a job makes of a series: a column for each part of its rows, with the index of the series."""
    if not isinstance(series, pd.Series):
        problem = f"series: a pandas Series is needed, not {type(series).__name__}"
        raise TypeError(problem)
    struct = job(pa.Array.from_pandas(series), *args, **_besides(options, series))
    whole = struct.combine_chunks() if isinstance(struct, pa.ChunkedArray) else struct
    names = [part.name for part in whole.type]
    parts = dict(zip(names, whole.flatten(), strict=True))
    return pd.DataFrame({name: pd.arrays.ArrowExtensionArray(part) for name, part in parts.items()}, index=series.index)


def _besides(options: Mapping[str, Any], series: pd.Series) -> dict[str, Any]:
    """Return the options of a job, with the columns that stand beside the blobs (``identity``, ``files``) as Arrow has them."""
    known = dict(options)
    if known.get("identity") is not None:
        known["identity"] = {name: _beside(column, name, series) for name, column in known["identity"].items()}
    if known.get("files") is not None:
        known["files"] = _beside(known["files"], "files", series)
    return known


def _beside(column: Beside, name: str, series: pd.Series) -> pa.Array | pa.ChunkedArray:
    """Return one column that stands beside the blobs. Raises ``Usage`` where their rows may not belong together."""
    if not isinstance(column, pd.Series):
        return column
    if not column.index.equals(series.index):
        raise Usage(
            problem=f"the column {name} has another index than the blobs, so its rows may belong to others",
            hint="take both from one frame; or, if row for row they belong together, hand over pyarrow.array(column)",
        )
    return pa.Array.from_pandas(column)


@typed
def decrypt(series: pd.Series, keys: Keys, **options: object) -> pd.DataFrame:
    """Return ``payload``, ``status`` and ``key`` as ``decrypt_column`` does, which says what the options are.

    ``identity`` and ``files`` may be series of the same index. Row for row what comes back belongs to the series: put it beside by position,
    as ``df.sealkit.opened`` does, and join it by its index only where that has no value twice.
    """
    return _framed(core.decrypt_column, series, options, keys)


@typed
def seal(series: pd.Series, keys: Keys, **options: object) -> pd.DataFrame:
    """Return ``blob``, ``status`` and ``key`` as ``seal_column`` does."""
    return _framed(core.seal_column, series, options, keys)


@typed
def rotate(series: pd.Series, keys: Keys, to: str | None = None, **options: object) -> pd.DataFrame:
    """Return ``blob``, ``status`` and ``key`` as ``rotate_column`` does."""
    return _framed(core.rotate_column, series, options, keys, to)


@typed
def verify(series: pd.Series, keys: Keys, **options: object) -> pd.DataFrame:
    """Return ``status`` and ``key`` as ``verify_column`` does."""
    return _framed(core.verify_column, series, options, keys)


@typed
def placed(frame: pd.DataFrame, parts: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """Return a frame with the columns of another beside its own: the first row by the first, whatever the two indexes are.

    Raises ``Usage`` where a name is taken, or one has more rows.
    """
    if len(frame) != len(parts):
        raise Usage(problem=f"the frame has {len(frame)} rows, and what is to stand beside them has {len(parts)}")
    names = {name: f"{prefix}{name}" for name in parts.columns}
    taken = [name for name in names.values() if name in frame.columns]
    if taken:
        raise Usage(problem=f"the frame has a column {taken[0]!r} already", hint='name the new ones with prefix="opened_"')
    beside = frame.copy(deep=False)
    for name, new in names.items():
        beside[new] = parts[name].array
    return beside


@pd.api.extensions.register_dataframe_accessor("sealkit")
class Accessor:
    """``df.sealkit.decrypt("secured")``: the functions above on a column; keys are those of ``$SEALKIT_SECRET`` if none are given.

    ``identity`` may be a list of names of columns, in the policy's order, and ``files`` the name of one.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def opened(self, column: Hashable, keys: Keys = "env:SEALKIT_SECRET", *, prefix: str = "", **options: object) -> pd.DataFrame:
        """Return the frame with ``payload``, ``status`` and ``key`` of each row beside it, by position, whatever the index.

        ``prefix`` comes before the names of the new columns. Raises ``Usage`` where one of them is taken.
        """
        return placed(self._frame, self.decrypt(column, keys, **options), prefix)

    def decrypt(self, column: Hashable, keys: Keys = "env:SEALKIT_SECRET", **options: object) -> pd.DataFrame:
        """Return ``payload``, ``status`` and ``key`` of each row."""
        return decrypt(self._column(column), keys, **self._columns(options))

    def seal(self, column: Hashable, keys: Keys = "env:SEALKIT_SECRET", **options: object) -> pd.DataFrame:
        """Return ``blob``, ``status`` and ``key`` of each row."""
        return seal(self._column(column), keys, **self._columns(options))

    def rotate(self, column: Hashable, keys: Keys = "env:SEALKIT_SECRET", to: str | None = None, **options: object) -> pd.DataFrame:
        """Return ``blob``, ``status`` and ``key`` of each row."""
        return rotate(self._column(column), keys, to, **self._columns(options))

    def verify(self, column: Hashable, keys: Keys = "env:SEALKIT_SECRET", **options: object) -> pd.DataFrame:
        """Return ``status`` and ``key`` of each row."""
        return verify(self._column(column), keys, **self._columns(options))

    def _column(self, name: Hashable) -> pd.Series:
        """Return a column of the frame. Raises ``Usage`` where there is none, or two."""
        found = self._frame[name] if name in self._frame.columns else None
        if not isinstance(found, pd.Series):
            several = "no column" if found is None else f"{found.shape[1]} columns"
            raise Usage(problem=f"the frame has {several} of the name {name!r}", hint="name one that is there once")
        return found

    def _columns(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options with columns in the place of their names."""
        identity, files = options.get("identity"), options.get("files")
        named = {"identity": {name: self._column(name) for name in identity}} if isinstance(identity, list | tuple) else {}
        return options | named | ({"files": self._column(files)} if isinstance(files, str) else {})
