"""Records in a table: a batch of files (``path``, ``content``) becomes a batch of what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sealkit.columns.reference import Reference, sealer_of
from sealkit.opaque import opaque
from sealkit.trees import content, orders
from sealkit.trees.orders import Task

if TYPE_CHECKING:
    from sealkit.report import Outcome

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("line", pa.int32()),
        ("field", pa.string()),
        ("payload", pa.string()),
        ("status", pa.string()),
        ("key", pa.string()),
    ]
)


@opaque
def opened(files: pa.RecordBatch, keys: Reference, field: str) -> pa.RecordBatch:
    """Return a row for each field of each record: its payload, and the verdict; or no payload, and the code of the error."""
    task = Task(orders.DECRYPT, (field,), opener=sealer_of(keys))
    rows = []
    for path, data in zip(files.column("path").to_pylist(), files.column("content").to_pylist(), strict=True):
        rows += [_row(path, outcome) for outcome in content.run(task, path, data).outcomes]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def _row(path: str, outcome: Outcome) -> dict[str, object]:
    payload = outcome.payload.decode("utf-8", "replace") if outcome.payload is not None else None
    return {
        "path": path,
        "line": outcome.line,
        "field": outcome.field,
        "payload": payload,
        "status": outcome.code if outcome.code is not None else outcome.status,
        "key": outcome.key,
    }
