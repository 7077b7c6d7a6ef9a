"""Polars: expressions, element by element, so that the streaming engine may cut a column as it likes. Needs the extra ``polars``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from sealkit.columns import core
from sealkit.columns.reference import sealer_of
from sealkit.door import typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.columns.reference import Keys

_OPENED = pl.Struct({"payload": pl.String, "status": pl.String, "key": pl.String})
_OPENED_BINARY = pl.Struct({"payload": pl.Binary, "status": pl.String, "key": pl.String})
_SEALED = pl.Struct({"blob": pl.String, "status": pl.String, "key": pl.String})
_VERIFIED = pl.Struct({"status": pl.String, "key": pl.String})


def _mapped(column: str | pl.Expr, dtype: pl.Struct, job: Callable[..., Any], *args: object, **options: object) -> pl.Expr:
    expression = pl.col(column) if isinstance(column, str) else column

    def batch(series: pl.Series) -> pl.Series:
        return pl.Series(series.name, job(series.to_arrow(), *args, **options)).cast(dtype)

    return expression.map_batches(batch, return_dtype=dtype, is_elementwise=True)


@typed
def decrypt(column: str | pl.Expr, keys: Keys, *, on_error: str = "status") -> pl.Expr:
    """Return an expression of structures: ``payload``, ``status``, ``key``, as of ``decrypt_column``."""
    dtype = _OPENED_BINARY if sealer_of(keys).opening.payload == "binary" else _OPENED
    return _mapped(column, dtype, core.decrypt_column, keys, on_error=on_error)


@typed
def seal(column: str | pl.Expr, keys: Keys, *, on_error: str = "status", seal_foreign: bool = False) -> pl.Expr:
    """Return an expression of structures: ``blob``, ``status``, ``key``, as of ``seal_column``."""
    return _mapped(column, _SEALED, core.seal_column, keys, on_error=on_error, seal_foreign=seal_foreign)


@typed
def rotate(column: str | pl.Expr, keys: Keys, to: str | None = None, *, on_error: str = "status") -> pl.Expr:
    """Return an expression of structures: ``blob``, ``status``, ``key``, as of ``rotate_column``."""
    return _mapped(column, _SEALED, core.rotate_column, keys, to, on_error=on_error)


@typed
def verify(column: str | pl.Expr, keys: Keys, *, on_error: str = "status") -> pl.Expr:
    """Return an expression of structures: ``status``, ``key``, as of ``verify_column``."""
    return _mapped(column, _VERIFIED, core.verify_column, keys, on_error=on_error)
