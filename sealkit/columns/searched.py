"""Blobs in a table of any schema: every value that is text, or holds some, is looked at, however it is packed. No key is asked."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet

from sealkit.columns import unfolding
from sealkit.errors import StoreError
from sealkit.records import packed
from sealkit.trees import sightings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.crypto.blob import Blob

_BUFFER = 1 << 20
_MAY_HOLD = r";[A-Za-z0-9+/\\]{22}|\\(?:u00|x|U000000)3[bBdD]|\x00"
"""What a value has that a blob stands in: spelt out, with escapes, or in UTF-16."""


class Cell(NamedTuple):
    """A blob in a table: the column, with the names of those that it is in, the row (from 1), and the blob."""

    column: str
    row: int
    blob: Blob


def cells(source: bytes | int) -> Iterator[Cell]:
    """Yield every blob in a table (Parquet or Arrow IPC): its bytes, or the descriptor of its file.

    Raises ``StoreError`` for what is no such table, and ``TooLarge`` before what would take too much is read.
    """
    try:
        with _path_of(source) as path:
            for name, said in _beside(_schema(path)):
                yield from (Cell(name, 1, blob) for _, blob in sightings.anywhere(said))
            row = 1
            for batch in _batches(path):
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    for at, text in _texts(column, name):
                        yield from (Cell(at.name, row + at.row, blob) for _, blob in sightings.anywhere(text))
                row += len(batch)
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    else:
        return
    raise StoreError(problem=f"no table that can be read, or a damaged one ({reason})")


@contextmanager
def _path_of(source: bytes | int) -> Iterator[str]:
    """Give a path by which a table can be opened as often as it takes: several readers look at one."""
    if isinstance(source, int):
        yield f"/dev/fd/{source}"
        return
    in_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("table"), "wb", 0) if in_memory else tempfile.NamedTemporaryFile("wb", 0) as file:
        file.write(source)
        yield f"/dev/fd/{file.fileno()}" if in_memory else file.name


def _kind(path: str) -> str | None:
    with Path(path).open("rb") as file:
        return packed.kind(file.read(packed.BEGINNING))


def _schema(path: str) -> pa.Schema:
    """Return what a table says of its columns."""
    if _kind(path) == packed.PARQUET:
        return pa.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False).schema_arrow
    return pa.ipc.open_file(pa.OSFile(path)).schema


def _beside(of: pa.Schema | pa.Field | pa.DataType, name: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield the names of columns, and what was noted of them and of the table, with the column's name."""
    for one in getattr(of, "metadata", None) or ():
        yield name or "(metadata)", one + b"=" + of.metadata[one]
    if isinstance(of, pa.Field):
        yield name, of.name.encode("utf-8", "surrogatepass")
        yield from _beside(of.type, name)
        return
    count = len(of) if isinstance(of, pa.Schema) else of.num_fields
    for field in map(of.field, range(count)):
        yield from _beside(field, f"{name}.{field.name}" if name else field.name)


def _batches(path: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table, some at a time, as far as it unfolds to no more than is read."""
    kind = _kind(path)
    if kind == packed.PARQUET:
        table = pa.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
        yield from table.iter_batches(unfolding.parquet_rows(table.metadata, path))
    elif kind == packed.ARROW:
        reader = pa.ipc.open_file(pa.OSFile(path))
        unfolding.refuse_ipc(path, len(reader.schema))
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        raise StoreError(problem="no table that sealkit reads")


class _At(NamedTuple):
    name: str
    row: int  # from 0, in the batch


def _texts(column: pa.Array, name: str) -> Iterator[tuple[_At, bytes]]:
    """Yield each value of a column in which a blob may stand, once: of a dictionary as often as it is in that."""
    for leaf, rows, path in _leaves(column, None, name):
        mask = pc.fill_null(pc.match_substring_regex(leaf, _MAY_HOLD), False)
        for index in pc.indices_nonzero(mask).to_pylist():
            value = leaf[index].as_py()
            row = index if rows is None else rows[index].as_py()
            yield _At(path, row or 0), value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _leaves(array: pa.Array, rows: pa.Array | None, name: str) -> Iterator[tuple[pa.Array, pa.Array | None, str]]:
    """Yield the arrays of text or bytes in a column, with the rows that their values stand in (None: as they are), and how they are called."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        yield from _leaves(array.storage, rows, name)
    elif pa.types.is_dictionary(kind):
        yield from _leaves(array.dictionary, pa.nulls(len(array.dictionary), pa.int64()), name)
    elif pa.types.is_run_end_encoded(kind):
        yield from _leaves(array.values, pa.nulls(len(array.values), pa.int64()), name)
    elif pa.types.is_struct(kind):
        for number, field in enumerate(kind):
            yield from _leaves(array.field(number), rows, f"{name}.{field.name}")
    elif pa.types.is_map(kind):
        inner = pa.nulls(len(array.keys), pa.int64())
        yield from _leaves(array.keys, inner, name)
        yield from _leaves(array.items, inner, name)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        parents = pc.list_parent_indices(array)
        yield from _leaves(pc.list_flatten(array), parents if rows is None else rows.take(parents), f"{name}[]")
    elif pa.types.is_union(kind) or "list_view" in str(kind):
        raise StoreError(problem=f"a column of type {kind}, which is not looked into")
    elif pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        yield array.cast(pa.large_string() if pa.types.is_string_view(kind) else pa.large_binary()), rows, name
    elif pa.types.is_fixed_size_binary(kind):
        yield array.cast(pa.binary()), rows, name
    elif any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)):
        yield array, rows, name
