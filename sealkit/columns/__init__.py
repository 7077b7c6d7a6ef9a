"""The jobs on columns of blobs (Arrow arrays), and thin adapters: pandas, Polars, DuckDB, Spark. Needs the extra ``columns``.

``decrypt_column``, ``seal_column``, ``rotate_column``, ``verify_column`` and ``inspect_column`` take and give Arrow arrays, so that they work
with every engine that hands over Arrow batches; ``sealkit.columns.pandas``, ``.polars``, ``.duckdb`` and ``.spark`` are adapters.
"""

from __future__ import annotations

from importlib import import_module

from sealkit.errors import Usage
from sealkit.installing import how_to_install

try:  # to find out whether they work here: one that is there may still be broken
    import_module("numpy")
    import_module("pyarrow")
except ImportError as error:
    _missing = error.name
else:
    _missing = None

if _missing is not None:
    raise Usage(problem=f"columns need {_missing}, which is not installed", hint=f"install it: {how_to_install('columns')}")

from sealkit.columns.core import decrypt_column, inspect_column, rotate_column, seal_column, verify_column
from sealkit.columns.reference import Reference

__all__ = ["Reference", "decrypt_column", "inspect_column", "rotate_column", "seal_column", "verify_column"]
