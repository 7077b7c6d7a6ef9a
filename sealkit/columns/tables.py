"""Records as the rows of a table, written to a file some at a time."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from sealkit.columns.files import CSV, IPC, JSON_LINES, PARQUET, Sink, created, format_of, some
from sealkit.errors import SealkitError, StoreError, Usage
from sealkit.opaque import opaque
from sealkit.records import visit
from sealkit.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.records.record import Record
    from sealkit.report import Outcome

_OWN = ("path", "line", "field", "payload", "status", "key")


@opaque
def write(target: str, rows: Iterator[dict[str, Any]], public: tuple[str, ...], *, payloads: bool) -> int:
    """Write rows to a new file (0600), of the format that its name says, and return how many. Raises ``StoreError`` and ``Usage``."""
    names = [*(name for name in _OWN if payloads or name != "payload"), *public]
    if len(set(names)) != len(names):
        raise Usage(problem="a public field has the name of a column that is there anyway, or is named twice", hint="leave it out")
    schema = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in names])
    kind, count = format_of(target), 0
    try:
        with created(target) as sink:
            put, end = _WRITERS[kind](sink, schema)
            while taken := some(rows, _size):
                put(taken)
                count += len(taken)
            end()
    except OSError as error:
        raise StoreError(problem=f"cannot be written: {error.strerror}", path=target) from None
    return count


def row(outcome: Outcome, public: dict[str, str | None], *, payloads: bool) -> dict[str, Any]:
    """Return the row of an outcome. A payload that is not text has the status ``payload_check`` and stays out."""
    payload, status = None, outcome.code if outcome.code is not None else outcome.status
    if payloads and outcome.payload is not None:
        try:
            payload = outcome.payload.decode()
        except UnicodeDecodeError:
            status = "payload_check"
    path = outcome.path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    own = {"path": path, "line": outcome.line, "field": outcome.field, "payload": payload, "status": status, "key": outcome.key}
    return {**own, **public} if payloads else {name: value for name, value in {**own, **public}.items() if name != "payload"}


def _size(row: dict[str, Any]) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, str))


def public_fields(path: str, data: bytes, names: tuple[str, ...]) -> list[tuple[int, dict[str, str | None]]]:
    """Return the text of some fields of each record of a file, with the line it begins on; None for what is absent or no scalar."""
    try:
        records = visit.whole(path, data)
    except SealkitError:
        return []
    return [(record.line, {name: _text(record, name) for name in names}) for record in records if not record.is_blank]


def _text(record: Record, name: str) -> str | None:
    try:
        field = record.field(name)
    except SealkitError:
        return None
    return field.node.text if field is not None and isinstance(field.node, Scalar) else None


# --- formats ---------------------------------------------------------------------------------------------------------
Writer = tuple["Callable[[list[dict[str, Any]]], object]", "Callable[[], object]"]


def _parquet(sink: Sink, schema: pa.Schema) -> Writer:
    writer = pa.parquet.ParquetWriter(sink, schema)
    return lambda rows: writer.write_batch(pa.RecordBatch.from_pylist(rows, schema)), writer.close


def _arrow(sink: Sink, schema: pa.Schema) -> Writer:
    writer = pa.ipc.new_file(sink, schema)
    return lambda rows: writer.write_batch(pa.RecordBatch.from_pylist(rows, schema)), writer.close


def _csv(sink: Sink, schema: pa.Schema) -> Writer:
    writer = csv.DictWriter(
        io.TextIOWrapper(io.BufferedWriter(sink, 1), "utf-8", newline="", write_through=True),
        schema.names,
        lineterminator="\n",
    )
    writer.writeheader()
    return writer.writerows, lambda: None


def _lines(sink: Sink, schema: pa.Schema) -> Writer:
    def put(rows: list[dict[str, Any]]) -> None:
        sink.writelines(
            json.dumps({name: one.get(name) for name in schema.names}, ensure_ascii=False).encode() + b"\n" for one in rows
        )

    return put, lambda: None


_WRITERS = {PARQUET: _parquet, IPC: _arrow, CSV: _csv, JSON_LINES: _lines}
