"""DuckDB: SQL functions over Arrow batches. Needs the extra ``duckdb``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sealkit.columns import core
from sealkit.columns.reference import sealer_of
from sealkit.door import typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.columns.reference import Keys


@typed
def register(connection: duckdb.DuckDBPyConnection, keys: Keys, *, seal_foreign: bool = False) -> None:
    """Give a connection ``unseal(text)``, ``unseal_status(text)``, ``seal(text)`` and ``reseal(text)``.

    ``unseal`` is null where a row does not open, and ``unseal_status`` says why; ``seal`` and ``reseal`` are null where they fail, as
    ``seal`` does for another program's ciphertext unless ``seal_foreign``. Raises as ``Sealer`` does, now: nothing is raised in a query.
    """
    binary = sealer_of(keys).opening.payload == "binary"
    functions: dict[str, tuple[Callable[..., Any], str, str]] = {
        "unseal": (core.decrypt_column, "payload", "BLOB" if binary else "VARCHAR"),
        "unseal_status": (core.decrypt_column, "status", "VARCHAR"),
        "seal": (lambda array, keys: core.seal_column(array, keys, seal_foreign=seal_foreign), "blob", "VARCHAR"),
        "reseal": (lambda array, keys: core.rotate_column(array, keys, on_error="null"), "blob", "VARCHAR"),
    }
    for name, (job, part, kind) in functions.items():
        connection.create_function(
            name,
            _part(job, keys, part),
            ["VARCHAR"],
            kind,
            type="arrow",
            null_handling="special",
            side_effects=name in ("seal", "reseal"),
        )


def _part(job: Callable[..., Any], keys: Keys, part: str) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    def function(column: pa.ChunkedArray) -> pa.ChunkedArray:
        plain = pa.binary() if part == "payload" and sealer_of(keys).opening.payload == "binary" else pa.string()
        chunks = job(column, keys).chunks
        return pa.chunked_array([chunk.flatten()[chunk.type.get_field_index(part)].cast(plain) for chunk in chunks], plain)

    return function
