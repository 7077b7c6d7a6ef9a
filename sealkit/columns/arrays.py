"""Arrow arrays of text as NumPy sees them, and back: no copy of what is read, and nothing is ever written into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from sealkit.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Numbers = NDArray[np.int64]
    Mask = NDArray[np.bool_]

ROWS = 16_384
"""Rows that are worked on at a time: enough that what is done once for each layout among them does not count."""
_MOST_BYTES = 1 << 24
_INT32 = (1 << 31) - 1
_HINT = "cast it to string or binary first"


class Texts(NamedTuple):
    """Some rows of text: ``data`` holds the bytes, row ``i`` those from ``starts[i]`` to ``ends[i]``; ``valid`` is None without nulls."""

    data: Bytes
    starts: Numbers
    ends: Numbers
    valid: Mask | None

    @property
    def known(self) -> Mask:
        """Which rows are no nulls."""
        return np.ones(len(self.starts), np.bool_) if self.valid is None else self.valid.copy()

    def row(self, row: int) -> bytes:
        """Return a row's bytes."""
        return self.data[self.starts[row] : self.ends[row]].tobytes()

    def rows(self) -> list[bytes | None]:
        """Return all rows' bytes, None for nulls."""
        if not len(self.starts):
            return []
        first = int(self.starts[0])
        whole = self.data[first : int(self.ends[-1])].tobytes()
        starts, ends = (self.starts - first).tolist(), (self.ends - first).tolist()
        rows: list[bytes | None] = [whole[start:end] for start, end in zip(starts, ends, strict=True)]
        if self.valid is not None:
            for null in np.flatnonzero(~self.valid).tolist():
                rows[null] = None
        return rows


def plain(array: pa.Array) -> pa.Array:
    """Return an array of any string or binary type as one of ``string``, ``large_string``, ``binary`` and ``large_binary``.

    Dictionaries are decoded, views and fixed sizes are cast, extensions are taken off. Raises ``Usage`` for another type.
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(array.storage)
    if is_plain(kind):
        return array
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if pa.types.is_null(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.large_string())
    if pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return array.cast(pa.large_binary())
    raise Usage(problem=f"a column of the type {kind} holds no text", hint=_HINT)


def is_plain(kind: pa.DataType) -> bool:
    """Say whether a type has its bytes in one buffer, with offsets."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind))


def is_large(kind: pa.DataType) -> bool:
    """Say whether a type's offsets have 64 bits."""
    return bool(pa.types.is_large_string(kind) or pa.types.is_large_binary(kind))


def offset_type(kind: pa.DataType) -> type[np.int32 | np.int64]:
    """Return the type of the offsets of a type that ``is_plain``."""
    return np.int64 if is_large(kind) else np.int32


def needs_large(chunks: Sequence[pa.Array]) -> bool:
    """Say whether blobs of what these chunks hold need 64-bit offsets: base64 takes four bytes for three."""
    return any(is_large(chunk.type) or _size(chunk) * 4 // 3 + 128 * len(chunk) > _INT32 for chunk in chunks)


def _size(array: pa.Array) -> int:
    offsets = offsets_of(array)
    return int(offsets[-1] - offsets[0]) if len(offsets) else 0


def offsets_of(array: pa.Array) -> NDArray[Any]:
    """Return where the rows of an array that ``plain`` gave begin, and the last one ends."""
    _, offsets, _ = array.buffers()
    if offsets is None or not len(array):
        return np.zeros(1, np.int64)
    return np.frombuffer(offsets, offset_type(array.type))[array.offset : array.offset + len(array) + 1]


def view(array: pa.Array) -> Texts:
    """Return the rows of an array that ``plain`` gave, without copying its text."""
    offsets = offsets_of(array).astype(np.int64)
    data = array.buffers()[2]
    valid = array.is_valid().to_numpy(zero_copy_only=False) if array.null_count else None
    return Texts(np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8), offsets[:-1], offsets[1:], valid)


def parts(array: pa.Array) -> Iterator[tuple[int, Texts]]:
    """Yield an array's rows, some at a time, each with the number of its first row."""
    whole = view(array)
    start = 0
    while start < len(array):
        end = min(start + ROWS, len(array))
        most = int(np.searchsorted(whole.ends[start:end], whole.starts[start] + _MOST_BYTES)) + 1
        end = min(end, start + most)
        valid = whole.valid[start:end] if whole.valid is not None else None
        yield start, Texts(whole.data, whole.starts[start:end], whole.ends[start:end], valid)
        start = end


def texts(column: pa.Array | pa.ChunkedArray, name: str) -> list[bytes | None]:
    """Return the rows of a column of text. Raises ``Usage`` for another type: no value is ever converted."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    try:
        return [row for chunk in chunks for row in view(plain(chunk)).rows()]
    except Usage as error:
        raise Usage(problem=f"column {name!r}: {error.problem}", hint=error.hint) from None


# --- results ---------------------------------------------------------------------------------------------------------
def rows_of(matrix: Bytes) -> list[bytes]:
    """Return the rows of a matrix of bytes."""
    whole, width = matrix.tobytes(), matrix.shape[1]
    return [whole[at : at + width] for at in range(0, len(whole), width)]


def words(numbers: NDArray[np.int8], words: Sequence[str]) -> pa.DictionaryArray:
    """Return a dictionary array of words by their numbers; a negative number is null."""
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers < 0), pa.array(words, pa.string()))


def names(numbers: NDArray[np.int16], known: Sequence[str]) -> pa.Array:
    """Return a string array of names by their numbers; a negative number is null."""
    return pa.array(known, pa.string()).take(pa.array(numbers, mask=numbers < 0))
