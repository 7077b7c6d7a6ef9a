"""What a table in a file unfolds to, read off its metadata before any of it is: a few hundred bytes can stand for gigabytes.

Parquet says of each page how large it is, unpacked, and how many values it holds; of a dictionary, whose values may stand in any number of
rows, the longest one counts. Arrow IPC says it of each buffer. What is said there is what pyarrow asks memory for; it is not trusted to be
the same as what the table's own summary says.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from sealkit import limits
from sealkit.columns import arrays
from sealkit.errors import StoreError, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NARROW = 16  # bytes of a value that is no text, with what says where it stands
_HEADER = 1 << 16
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_SIZES = {1: 0, 2: 0, 3: 1, 7: 8}  # of thrift's compact types: a byte, a double
_VARINTS, _BINARY, _LISTS, _MAP, _STRUCT = (4, 5, 6), 8, (9, 10), 11, 12
_HINT = "write it in smaller parts, with a tool that you trust, and give these one by one"


def too_large(*, problem: str, path: str) -> TooLarge:
    """Return the error for a table that is too large."""
    return TooLarge(problem=problem, hint=_HINT, path=path)


# --- both ---------------------------------------------------------------------------------------------------------------
def refuse_rows(rows: int, columns: int, path: str) -> None:
    """Raise ``TooLarge`` for more columns than are read, or more rows than a file of this size has reason to hold."""
    most = limits.TABLE_ROWS + limits.ROWS_PER_BYTE * Path(path).stat().st_size
    if columns > limits.TABLE_COLUMNS:
        raise too_large(problem=f"a table of {columns} columns; at most {limits.TABLE_COLUMNS} are read", path=path)
    if rows > most:
        raise too_large(problem=f"a table of {rows} rows; at most {most} are read of a file of this size", path=path)


def parts(batches: Iterable[pa.RecordBatch], names: Iterable[str], path: str) -> Iterator[pa.RecordBatch]:
    """Yield batches in parts, which copies nothing: so many rows that the named columns, written out, are not more than is worked on at once.

    Raises ``TooLarge`` where all that is referred to would be too much.
    """
    named, total = tuple(names), 0
    for batch in batches:
        longest = max(_longest_of(batch.column(name)) for name in named)
        total += longest * len(batch)
        _refuse_total(total, path)
        rows = max(1, min(limits.BATCH_ROWS, limits.BATCH_BYTES // max(1, longest)))
        if len(batch) <= rows:
            yield batch
            continue
        for start in range(0, len(batch), rows):
            yield batch.slice(start, rows)


def _longest_of(column: pa.Array) -> int:
    """Return how long the longest value is that the rows of a column refer to; 0 for a column that has its values in its rows."""
    if not pa.types.is_dictionary(column.type) or not arrays.is_plain(column.type.value_type) or not len(column.dictionary):
        return 0
    return int(pc.max(pc.binary_length(column.dictionary)).as_py() or 0)


def together(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches of few rows put together, as many as are read at once where rows are short."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= limits.READ_ROWS or sum(one.nbytes for one in held) >= limits.BATCH_BYTES // 2:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(held: list[pa.RecordBatch]) -> pa.RecordBatch:
    return held[0] if len(held) == 1 else pa.Table.from_batches(held).combine_chunks().to_batches()[0]


def rows_at_once(bytes_a_row: int, path: str) -> int:
    """Return how many rows are read at once. Raises ``TooLarge`` where one is too many."""
    if bytes_a_row > limits.ROW_BYTES:
        raise too_large(problem=f"a row of {bytes_a_row} bytes; at most {limits.ROW_BYTES} are read", path=path)
    return max(1, min(limits.READ_ROWS, limits.BATCH_BYTES // max(1, bytes_a_row)))


# --- Parquet --------------------------------------------------------------------------------------------------------------
class _Page(NamedTuple):
    kind: int
    size: int  # unpacked, with its header's levels
    packed: int
    values: int
    start: int  # where its bytes stand in the file


class _Chunk(NamedTuple):
    """What the pages of one column of one row group hold: how many values, and how long one may be."""

    values: int
    width: int

    @property
    def size(self) -> int:
        return self.values * self.width


def parquet_rows(metadata: Any, path: str) -> int:
    """Return how many rows of a Parquet file are read at once. Raises ``TooLarge``, and ``StoreError`` for a file that is damaged."""
    refuse_rows(metadata.num_rows, metadata.num_columns, path)
    if metadata.num_row_groups * metadata.num_columns > limits.TABLE_PAGES:
        raise too_large(
            problem=f"a table of {metadata.num_row_groups} row groups; at most {limits.TABLE_PAGES} parts of columns are read",
            path=path,
        )
    widest, total, pages = 0, 0, [limits.TABLE_PAGES]
    with Path(path).open("rb") as file:
        for group in (metadata.row_group(number) for number in range(metadata.num_row_groups)):
            row = 0
            for number in range(metadata.num_columns):
                chunk = _chunk(file, group.column(number), path, pages)
                total += chunk.size
                row += chunk.size if metadata.schema.column(number).max_repetition_level else chunk.width
            widest = max(widest, row)
    _refuse_total(total, path)
    return rows_at_once(widest, path)


def _refuse_total(total: int, path: str) -> None:
    most = max(limits.TABLE_BYTES, limits.BYTES_PER_BYTE * Path(path).stat().st_size)
    if total > most:
        raise too_large(problem=f"a table that unfolds to {total} bytes; at most {most} are read of a file of this size", path=path)


def _chunk(file: IO[bytes], column: Any, path: str, left: list[int]) -> _Chunk:
    values, width = 0, _NARROW
    spreads = any("DELTA_BYTE_ARRAY" in encoding for encoding in column.encodings)
    for page in _pages(file, column, path, left):
        if page.size > limits.PAGE_BYTES:
            raise too_large(problem=f"a page of {page.size} bytes; at most {limits.PAGE_BYTES} are read", path=path)
        if page.kind == _DICTIONARY:
            width = max(width, _longest(file, page, column, path))
        elif page.kind in (_DATA, _DATA_2):
            values += page.values
            width = max(width, page.size if spreads else -(-page.size // max(1, page.values)))
    return _Chunk(max(values, column.num_values), width)


def _pages(file: IO[bytes], column: Any, path: str, left: list[int]) -> Iterator[_Page]:
    at = column.data_page_offset
    if not at and not column.num_values:
        return  # a column of no rows, which has no page of values
    if column.has_dictionary_page and column.dictionary_page_offset is not None:
        at = min(at, column.dictionary_page_offset)
    end = at + column.total_compressed_size
    while at < end:
        left[0] -= 1
        if left[0] < 0:
            raise too_large(problem=f"a table of more than {limits.TABLE_PAGES} pages", path=path)
        page = _page(file, at, path)
        yield page
        at = page.start + page.packed


def _page(file: IO[bytes], at: int, path: str) -> _Page:
    file.seek(at)
    header = _Thrift(file.read(_HEADER))
    try:
        read = header.struct()
        inner: dict[int, int] = next((read[field] for field in (5, 7, 8) if field in read), {})
        page = _Page(read[1], read[2], read[3], inner.get(1, 0), at + header.at)
    except (LookupError, struct.error, RecursionError):
        page = None
    if page is None or min(page[1:]) < 0:
        raise StoreError(problem="no Parquet file, or a damaged one (a page's header)", path=path)
    return page


def _longest(file: IO[bytes], page: _Page, column: Any, path: str) -> int:
    """Return the length of the longest value of a dictionary."""
    if column.physical_type != "BYTE_ARRAY":
        return -(-page.size // max(1, page.values)) + _NARROW
    file.seek(page.start)
    data, name = file.read(page.packed), column.compression.lower()
    try:
        codec = {"lz4": "lz4_raw"}.get(name, name)
        text = data if name == "uncompressed" else pa.Codec(codec).decompress(data, page.size).to_pybytes()
    except (pa.ArrowException, ValueError, OSError):
        return page.size  # what pyarrow cannot unpack either, or in a way of its own
    at = longest = 0
    while at + 4 <= len(text):
        size = int.from_bytes(text[at : at + 4], "little")
        longest, at = max(longest, size), at + 4 + size
    return min(longest, page.size) + _NARROW


class _Thrift:
    """Reads a struct in thrift's compact protocol: its numbers, and the structs in it; all else is passed over."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._number()
            found[field] = self._value(head & 15)
        return found

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 63:
                return found

    def _number(self) -> int:
        found = self._varint()
        return (found >> 1) ^ -(found & 1)

    def _value(self, kind: int) -> Any:
        if kind in _VARINTS:
            return self._number()
        if kind == _STRUCT:
            return self.struct()
        if kind in _LISTS:
            head = self._byte()
            for _ in range(min(head >> 4 if head >> 4 < 15 else self._varint(), _HEADER)):
                self._value(3 if head & 15 in (1, 2) else head & 15)
        elif kind == _MAP:
            raise LookupError  # there is none in a page's header
        else:
            size = self._varint() if kind == _BINARY else _SIZES[kind]
            self.at += size
        return None


# --- Arrow IPC ------------------------------------------------------------------------------------------------------------
def refuse_ipc(path: str, columns: int) -> None:
    """Raise ``TooLarge`` for an Arrow IPC file with a batch, which pyarrow reads as a whole, that is too large, or with too many rows."""
    rows = 0
    with pa.memory_map(path) as file:
        file.seek(8)
        for message in _messages(pa.ipc.MessageReader.open_stream(file)):
            if message.type not in ("record batch", "dictionary"):
                continue
            try:
                batch = _Batch(message)
            except struct.error:
                batch = None
            if batch is None:
                raise StoreError(problem="no Arrow IPC file, or a damaged one (a batch's header)", path=path)
            rows += batch.rows if message.type == "record batch" else 0
            if batch.size > limits.IPC_BYTES:
                raise too_large(problem=f"a batch of {batch.size} bytes; at most {limits.IPC_BYTES} are read", path=path)
    refuse_rows(rows, columns, path)


def _messages(reader: Any) -> Iterator[Any]:
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


class _Batch:
    """The size of a batch, unpacked: what its flatbuffer says of its rows and buffers, and each buffer that is packed of itself."""

    def __init__(self, message: Any) -> None:
        self._data = message.metadata.to_pybytes()
        header = self._field(self._at(0), 2)
        table = self._at(header) if header else 0
        if message.type == "dictionary":
            inner = self._field(table, 1)
            table = self._at(inner) if inner else 0
        length, buffers = self._field(table, 0), self._field(table, 2)
        self.rows = self._long(length) if length else 0
        self.size = message.body.size
        if self._field(table, 3) and buffers:
            self.size = sum(self._unpacked(message.body, *where) for where in self._buffers(self._at(buffers)))

    def _at(self, at: int) -> int:
        return int(at + struct.unpack_from("<I", self._data, at)[0])

    def _long(self, at: int) -> int:
        return int(struct.unpack_from("<q", self._data, at)[0])

    def _field(self, table: int, number: int) -> int:
        """Return where a field of a table stands; 0 if it has none."""
        vtable = table - struct.unpack_from("<i", self._data, table)[0]
        if 4 + 2 * number >= struct.unpack_from("<H", self._data, vtable)[0]:
            return 0
        offset = struct.unpack_from("<H", self._data, vtable + 4 + 2 * number)[0]
        return int(table + offset) if offset else 0

    def _buffers(self, at: int) -> Iterator[tuple[int, int]]:
        for number in range(struct.unpack_from("<I", self._data, at)[0]):
            yield self._long(at + 4 + 16 * number), self._long(at + 12 + 16 * number)

    @staticmethod
    def _unpacked(body: pa.Buffer, offset: int, length: int) -> int:
        if length < 8:
            return 0
        size = int.from_bytes(body.slice(offset, 8).to_pybytes(), "little", signed=True)
        return size if size >= 0 else length
