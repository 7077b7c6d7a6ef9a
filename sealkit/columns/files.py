"""Tables in files, a batch of rows at a time: Parquet and Arrow IPC by pyarrow, CSV and JSON Lines as text, of which one value changes."""

from __future__ import annotations

import csv
import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from sealkit import limits
from sealkit.columns import arrays, unfolding
from sealkit.errors import StoreError, Usage
from sealkit.opaque import opaque
from sealkit.outfile import new_file
from sealkit.records.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.outfile import NewFile

    Step = Callable[[pa.Array, dict[str, pa.Array]], "tuple[pa.Array | None, pa.Array]"]

Row = TypeVar("Row")
PARQUET, IPC, CSV, JSON_LINES = "Parquet", "Arrow IPC", "CSV", "JSON Lines"
SUFFIXES = {
    **{".parquet": PARQUET, ".pq": PARQUET, ".arrow": IPC, ".feather": IPC, ".ipc": IPC},
    **{".csv": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES},
}
_GROUP = 65_536
_BUFFER = 1 << 20


class Change(NamedTuple):
    """What is to become of a table: the ``column``, others that are handed to the step beside it, a name for a column of statuses."""

    column: str
    beside: tuple[str, ...] = ()
    status: str | None = None


def format_of(path: str) -> str:
    """Return the format that a file's name says. Raises ``Usage``."""
    kind = SUFFIXES.get(Path(path).suffix.lower())
    if kind is None:
        raise Usage(problem="the name does not say what kind of table it is", hint="one of " + ", ".join(SUFFIXES)).at(path=path)
    return kind


@opaque
def stream(source: str, target: str | None, change: Change, step: Step) -> Iterator[int]:
    """Run ``step`` over the column of a table and write the table with what it makes of it; yield the rows of each batch, when done.

    ``step`` is given the column, and those beside it by name, and returns the new column (None: as it was) and statuses. Other columns,
    their types, the order and the metadata stay what they are; the formats of both files are the same. The new file is created 0600; it
    is removed if anything goes wrong. Raises ``StoreError`` and ``Usage``.
    """
    kind = format_of(source)
    if target is not None and format_of(target) != kind:
        raise Usage(problem=f"{source} is {kind}, and {target} is not", hint="give both files the same kind of name")
    return _streamed(source, target, change, step, _text if kind in (CSV, JSON_LINES) else _arrow)


def _streamed(source: str, target: str | None, change: Change, step: Step, run: Callable[..., Iterator[int]]) -> Iterator[int]:
    try:
        if target is None:
            yield from run(source, None, change, step)
            return
        with created(target) as sink:
            yield from run(source, sink, change, step)
    except OSError as error:
        path = error.filename if isinstance(error.filename, str) else source
        raise StoreError(problem=os.strerror(error.errno) if error.errno else "cannot be read or written", path=path) from None
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        if "field larger than field limit" in str(error):
            raise unfolding.too_large(problem=f"a value of more than {limits.CELL_BYTES} characters", path=source) from None
        raise StoreError(problem=f"no {format_of(source)} file, or a damaged one ({type(error).__name__})", path=source) from None


class Sink(io.RawIOBase):
    """A new file as a writer of tables sees it: closing it does not close the file. What is written once it was given up is lost.

    A writer that did not come to its end writes that when Python lets go of it, and nobody could catch what that raises.
    """

    def __init__(self, file: NewFile) -> None:
        self._file: NewFile | None = file
        self._held = bytearray()
        self._at = 0

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._at

    def write(self, data: Any) -> int:
        """Write bytes. Raises ``StoreError``: the system's own would not say which file it is."""
        count = memoryview(data).nbytes
        self._at += count
        self._held += data
        if len(self._held) >= _BUFFER:
            self._let_go()
        return count

    def _let_go(self) -> None:
        held, self._held = self._held, bytearray()
        if self._file is not None:
            self._file.write(held)

    def settle(self) -> None:
        """Give the file its name. Raises ``StoreError``."""
        self._let_go()
        if self._file is not None:
            self._file.keep()

    def give_up(self) -> None:
        """Let the file go, and what has not reached it."""
        self._file = None


@contextmanager
def created(path: str) -> Iterator[Sink]:
    """Create a new file, 0600, that has its name once all was written to it: what does not come to its end leaves nothing."""
    with new_file(path) as file:
        sink = Sink(file)
        try:
            yield sink
            sink.settle()
        finally:
            sink.give_up()


# --- Parquet and Arrow IPC -------------------------------------------------------------------------------------------
def _arrow(source: str, sink: Sink | None, change: Change, step: Step) -> Iterator[int]:
    schema, batches, write = _opened(source)
    for name in (change.column, *change.beside):
        if schema.get_field_index(name) < 0:
            raise Usage(problem=f"the table has no column {name!r}, or several", hint="it has: " + ", ".join(schema.names)).at(
                path=source
            )
    at = schema.get_field_index(change.column)
    writer = None
    names = (change.column, *change.beside)
    for batch in unfolding.parts(batches, names, source):
        beside = {name: batch.column(name) for name in change.beside}
        made, statuses = step(batch.column(at), beside)
        if sink is not None:
            new = _changed(batch, at, made, change.status, statuses)
            writer = writer if writer is not None else write(sink, new.schema)
            writer(new)
        yield len(batch)
    if sink is not None:
        if writer is None:
            empty = pa.RecordBatch.from_pylist([], schema)
            made, statuses = step(empty.column(at), {name: empty.column(name) for name in change.beside})
            writer = write(sink, _changed(empty, at, made, change.status, statuses).schema)
        writer(None)


def _changed(batch: pa.RecordBatch, at: int, made: pa.Array | None, status: str | None, statuses: pa.Array) -> pa.RecordBatch:
    """Return a batch with the new column in the old one's place, of its type where that is one of text, and the statuses at its end."""
    columns, fields = list(batch.columns), list(batch.schema)
    if made is not None:
        kind = fields[at].type if arrays.is_plain(fields[at].type) else made.type
        columns[at], fields[at] = made.cast(kind), fields[at].with_type(kind).with_nullable(True)
    if status is not None:
        columns.append(statuses.cast(pa.string()))
        fields.append(pa.field(status, pa.string()))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, metadata=batch.schema.metadata))


def _opened(source: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch], Callable[[Sink, pa.Schema], Any]]:
    if format_of(source) == IPC:
        reader = pa.ipc.open_file(pa.OSFile(source))
        unfolding.refuse_ipc(source, len(reader.schema))
        return reader.schema, (reader.get_batch(number) for number in range(reader.num_record_batches)), _ipc_writer
    file = pa.parquet.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False)
    rows = unfolding.parquet_rows(file.metadata, source)
    codec = file.metadata.row_group(0).column(0).compression.lower() if file.metadata.num_row_groups else "snappy"
    codec = "none" if codec == "uncompressed" else codec
    return file.schema_arrow, unfolding.together(file.iter_batches(rows)), lambda sink, schema: _parquet_writer(sink, schema, codec)


def _ipc_writer(sink: Sink, schema: pa.Schema) -> Callable[[pa.RecordBatch | None], None]:
    writer = pa.ipc.new_file(sink, schema)
    return lambda batch: writer.write_batch(batch) if batch is not None else writer.close()


def _parquet_writer(sink: Sink, schema: pa.Schema, codec: str) -> Callable[[pa.RecordBatch | None], None]:
    """Return what writes batches, in row groups of a size of their own; None ends the file."""
    writer = pa.parquet.ParquetWriter(sink, schema, compression=codec)
    held: list[pa.RecordBatch] = []

    def write(batch: pa.RecordBatch | None) -> None:
        if batch is not None:
            held.append(batch)
        if held and (batch is None or sum(map(len, held)) >= _GROUP or sum(one.nbytes for one in held) >= limits.BATCH_BYTES):
            writer.write_table(pa.Table.from_batches(held, schema))
            held.clear()
        if batch is None:
            writer.close()

    return write


# --- CSV and JSON Lines ----------------------------------------------------------------------------------------------
def _text(source: str, sink: Sink | None, change: Change, step: Step) -> Iterator[int]:
    with Path(source).open("rb") as file:
        rows: Any = _CSVRows(file, sink, change, source) if format_of(source) == CSV else _Lines(file, sink, change, source)
        while read := rows.read():
            columns = [pa.array(column, pa.string()) for column in rows.columns(read)]
            made, statuses = step(columns[0], dict(zip(change.beside, columns[1:], strict=True)))
            if sink is not None:
                rows.write(read, made.to_pylist() if made is not None else columns[0].to_pylist(), statuses.to_pylist())
            yield len(read)


def some(rows: Iterator[Row], size: Callable[[Row], int]) -> list[Row]:
    """Return the next rows: as many as are worked on at once."""
    taken: list[Row] = []
    total = 0
    for row in rows:
        taken.append(row)
        total += size(row)
        if len(taken) == limits.READ_ROWS or total > limits.BATCH_BYTES // 4:  # text is up to four times its bytes
            break
    return taken


class _TextLines:
    """The lines of a CSV file, none of which is longer than is read, or holds more values; ``taken`` are those of the row that is read."""

    def __init__(self, file: io.TextIOBase, path: str) -> None:
        self._file, self._path = file, path
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(limits.CELL_BYTES + 1)
        self.taken += 1
        problem = ""
        if len(line) > limits.CELL_BYTES:
            problem = f"a line of more than {limits.CELL_BYTES} characters"
        elif line.count(",") > limits.CELLS:
            problem = f"a line of more than {limits.CELLS} values"
        elif self.taken > limits.SHOWN_LINES:
            problem = f"a row of more than {limits.SHOWN_LINES} lines"
        if problem:
            raise unfolding.too_large(problem=problem, path=self._path)
        if not line:
            raise StopIteration
        return line


def _bytes_of(file: IO[bytes], path: str) -> Iterator[bytes]:
    while line := file.readline(limits.CELL_BYTES + 1):
        if len(line) > limits.CELL_BYTES:
            raise unfolding.too_large(problem=f"a line of more than {limits.CELL_BYTES} bytes", path=path)
        yield line


class _CSVRows:
    """CSV (RFC 4180) with a header; an empty value is null. Values stay text, so that nothing is converted."""

    def __init__(self, file: IO[bytes], sink: Sink | None, change: Change, path: str) -> None:
        csv.field_size_limit(limits.CELL_BYTES)
        start = file.read(1 << 16)
        file.seek(0)
        ends = "\r\n" if b"\r\n" in start else "\n"
        mark = b"\xef\xbb\xbf" if start.startswith(b"\xef\xbb\xbf") else b""
        self._lines = _TextLines(io.TextIOWrapper(file, "utf-8-sig", newline=""), path)
        self._reader = csv.reader(self._lines, strict=True)
        header = next(self._reader, [])
        self._lines.taken = 0
        for name in (change.column, *change.beside):
            if header.count(name) != 1:
                raise Usage(problem=f"the table has no column {name!r}, or several", hint="it has: " + ", ".join(header)).at(
                    path=path
                )
        self._at = [header.index(name) for name in (change.column, *change.beside)]
        self._status = change.status is not None
        self._sink = sink
        if sink is not None:
            sink.write(mark)
            self._out = io.TextIOWrapper(io.BufferedWriter(sink, 1), "utf-8", newline="", write_through=True)
            self._writer = csv.writer(self._out, lineterminator=ends)
            self._writer.writerow([*header, change.status] if change.status is not None else header)

    def read(self) -> list[list[str]]:
        """Return the next rows."""
        return some(self._reader, self._size)

    def _size(self, row: list[str]) -> int:
        self._lines.taken = 0
        return sum(map(len, row))

    def columns(self, rows: list[list[str]]) -> list[list[str | None]]:
        """Return the column, and those beside it."""
        return [[row[at] or None if at < len(row) else None for row in rows] for at in self._at]

    def write(self, rows: list[list[str]], made: list[str | None], statuses: list[str | None]) -> None:
        """Write rows with what was made of them."""
        at = self._at[0]
        for row, new, status in zip(rows, made, statuses, strict=True):
            if at < len(row):
                row[at] = new if new is not None else ""
            self._writer.writerow([*row, status or ""] if self._status else row)


class _Lines:
    """JSON Lines: a line is a record, of which the field's value is replaced, and every other byte stays."""

    def __init__(self, file: IO[bytes], sink: Sink | None, change: Change, path: str) -> None:
        self._file, self._sink, self._change, self._path = file, sink, change, path

    def read(self) -> list[bytes]:
        """Return the next lines."""
        return some(_bytes_of(self._file, self._path), len)

    def columns(self, lines: list[bytes]) -> list[list[str | None]]:
        """Return the column, and those beside it."""
        names = (self._change.column, *self._change.beside)
        rows = [self._values(line, names) for line in lines]
        return [[row[at] for row in rows] for at in range(len(names))]

    def _values(self, line: bytes, names: tuple[str, ...]) -> list[str | None]:
        if not line.strip():
            return [None] * len(names)
        record = Record.parse(line, kind="json")
        return [self._value(record, name) for name in names]

    def _value(self, record: Record, name: str) -> str | None:
        """Return a value's text; an object, a list or a number is the JSON that it is sealed as, null and nothing are None."""
        found = record.values(name)
        if not found or found[0].type == "null":
            return None
        return found[0].text if found[0].text is not None else record.plaintext(name)[0].decode()

    def write(self, lines: list[bytes], made: list[str | None], statuses: list[str | None]) -> None:
        """Write lines with what was made of them."""
        sink, column, status_name = self._sink, self._change.column, self._change.status
        if sink is None:
            return
        for line, new, status in zip(lines, made, statuses, strict=True):
            if status is not None:
                record = Record.parse(line, kind="json")
                record = record.set(column, new if new is not None else "")
                line = record.set(status_name, status).raw if status_name is not None else record.raw
            sink.write(line)
