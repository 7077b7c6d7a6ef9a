"""pandas: functions on a ``Series``, and the accessor ``df.sealkit``. Needs the extra ``pandas``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from sealkit.columns import core

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.columns.reference import Keys


def _framed(job: Callable[..., Any], series: pd.Series, *args: object, **options: object) -> pd.DataFrame:
    """Return what a job makes of a series: a column for each part of its rows, with the index of the series."""
    struct = job(pa.Array.from_pandas(series), *args, **options)
    whole = struct.combine_chunks() if isinstance(struct, pa.ChunkedArray) else struct
    names = [part.name for part in whole.type]
    parts = dict(zip(names, whole.flatten(), strict=True))
    return pd.DataFrame({name: pd.arrays.ArrowExtensionArray(part) for name, part in parts.items()}, index=series.index)


def decrypt(series: pd.Series, keys: Keys, **options: object) -> pd.DataFrame:
    """Return ``payload``, ``status`` and ``key`` as ``decrypt_column`` does, which says what the options are."""
    return _framed(core.decrypt_column, series, keys, **options)


def seal(series: pd.Series, keys: Keys, **options: object) -> pd.DataFrame:
    """Return ``blob``, ``status`` and ``key`` as ``seal_column`` does."""
    return _framed(core.seal_column, series, keys, **options)


def rotate(series: pd.Series, keys: Keys, to: str | None = None, **options: object) -> pd.DataFrame:
    """Return ``blob``, ``status`` and ``key`` as ``rotate_column`` does."""
    return _framed(core.rotate_column, series, keys, to, **options)


def verify(series: pd.Series, keys: Keys, **options: object) -> pd.DataFrame:
    """Return ``status`` and ``key`` as ``verify_column`` does."""
    return _framed(core.verify_column, series, keys, **options)


@pd.api.extensions.register_dataframe_accessor("sealkit")
class Accessor:
    """``df.sealkit.decrypt("secured")``: the functions above on a column; keys are those of ``$SEALKIT_SECRET`` if none are given."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def decrypt(self, column: str, keys: Keys = "env:SEALKIT_SECRET", **options: object) -> pd.DataFrame:
        """Return ``payload``, ``status`` and ``key`` of each row."""
        return decrypt(self._frame[column], keys, **options)

    def seal(self, column: str, keys: Keys = "env:SEALKIT_SECRET", **options: object) -> pd.DataFrame:
        """Return ``blob``, ``status`` and ``key`` of each row."""
        return seal(self._frame[column], keys, **options)

    def rotate(self, column: str, keys: Keys = "env:SEALKIT_SECRET", to: str | None = None, **options: object) -> pd.DataFrame:
        """Return ``blob``, ``status`` and ``key`` of each row."""
        return rotate(self._frame[column], keys, to, **options)

    def verify(self, column: str, keys: Keys = "env:SEALKIT_SECRET", **options: object) -> pd.DataFrame:
        """Return ``status`` and ``key`` of each row."""
        return verify(self._frame[column], keys, **options)
