"""Rows of text put down in any order, as they lie in memory; and the Arrow array of them, which Arrow itself gathers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sealkit.columns.arrays import Texts, is_plain, offset_type, offsets_of

if TYPE_CHECKING:
    from sealkit.columns.arrays import Bytes, Mask, Numbers


class Builder:
    """Makes an array of ``count`` rows: those that are put down, each once, and nulls. Nothing is copied before the end."""

    __slots__ = ("_alone", "_count", "_edges", "_pieces", "_rows", "_size")

    def __init__(self, count: int) -> None:
        self._count = count
        self._pieces: list[Bytes] = []
        self._rows: list[Numbers] = []
        self._edges: list[Numbers] = []
        self._size = 0
        self._alone: dict[int, bytes] = {}

    def put(self, rows: Numbers, data: Bytes, starts: Numbers, ends: Numbers) -> None:
        """Put down rows that lie in ``data``, each from its start to its end, one behind the other."""
        edges = np.empty(2 * len(rows), np.int64)
        edges[::2], edges[1::2] = starts, ends
        self._rows.append(rows)
        self._edges.append(edges + self._size)
        self._pieces.append(data)
        self._size += len(data)

    def put_one(self, row: int, text: bytes) -> None:
        """Put down one row."""
        self._alone[row] = text

    def keep(self, texts: Texts, rows: Numbers) -> None:
        """Put down rows, in ascending order, as they are in ``texts``."""
        if len(rows):
            first, last = texts.starts[rows[0]], texts.ends[rows[-1]]
            self.put(rows, texts.data[first:last], texts.starts[rows] - first, texts.ends[rows] - first)

    @property
    def known(self) -> Mask:
        """Which rows were put down."""
        known = np.zeros(self._count, np.bool_)
        known[self._numbers()] = True
        return known

    def texts(self) -> Texts:
        """Return the rows; ``valid`` says which were put down."""
        rows, edges, data = self._joined()
        starts, ends = np.zeros(self._count, np.int64), np.zeros(self._count, np.int64)
        starts[rows], ends[rows] = edges[::2], edges[1::2]
        return Texts(data, starts, ends, self.known)

    def array(self, kind: pa.DataType) -> pa.Array:
        """Return an array of a string or binary type; for a string type, rows are known to be UTF-8."""
        rows, edges, data = self._joined()
        if not len(rows):
            return pa.nulls(self._count, kind)
        # What is put down are the even elements of an array whose odd ones are what lies in between: taking them leaves that behind.
        offsets = np.append(edges, len(data)).astype(offset_type(kind))
        whole = pa.Array.from_buffers(kind, len(edges), [None, pa.py_buffer(offsets), pa.py_buffer(data)], 0)
        places = np.full(self._count, -1, np.int64)
        places[rows] = np.arange(0, len(edges), 2)
        return whole.take(pa.array(places, mask=places < 0) if len(rows) < self._count else pa.array(places))

    def _numbers(self) -> Numbers:
        return np.concatenate([*self._rows, np.fromiter(self._alone, np.int64, len(self._alone))])

    def _joined(self) -> tuple[Numbers, Numbers, Bytes]:
        """Return the numbers of the rows, their edges, and all that they lie in."""
        alone = list(self._alone.values())
        ends = self._size + np.cumsum(np.fromiter(map(len, alone), np.int64, len(alone)))
        edges = np.empty(2 * len(alone), np.int64)
        edges[::2], edges[1::2] = np.append(self._size, ends[:-1])[: len(alone)], ends
        pieces = [*self._pieces, np.frombuffer(b"".join(alone), np.uint8)] if alone else self._pieces
        data = pieces[0] if len(pieces) == 1 else np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)
        return self._numbers(), np.concatenate([*self._edges, edges]), data


class Joined:
    """Structures one behind the other. The text in their first field is moved as each is added, so that it is never there twice."""

    __slots__ = ("_data", "_ends", "_parts", "_valid")

    def __init__(self) -> None:
        self._parts: list[pa.StructArray] = []
        self._data = bytearray()
        self._ends: list[Numbers] = []
        self._valid: list[pa.Array] = []

    def add(self, part: pa.StructArray) -> None:
        """Add some rows, all of one type."""
        self._parts.append(part)
        if is_plain(part.type.field(0).type):
            if len(self._parts) == 2:
                self._move(0)
            if len(self._parts) > 1:
                self._move(-1)

    def array(self) -> pa.StructArray | None:
        """Return all of them, None if nothing was added."""
        if len(self._parts) < 2:
            return self._parts[0] if self._parts else None
        whole = pa.concat_arrays(self._parts)
        if not self._ends:
            return whole
        kind = whole.type.field(0).type
        ends = np.concatenate([np.zeros(1, np.int64), *self._ends]).astype(offset_type(kind))
        valid = pa.concat_arrays(self._valid)
        buffers = [None if valid.true_count == len(valid) else valid.buffers()[1], pa.py_buffer(ends), pa.py_buffer(self._data)]
        return _with_first(whole, pa.Array.from_buffers(kind, len(whole), buffers))

    def _move(self, at: int) -> None:
        part = self._parts[at]
        texts = part.field(0)
        ends, data = offsets_of(texts).astype(np.int64), texts.buffers()[2]
        self._ends.append(ends[1:] - ends[0] + len(self._data))
        self._valid.append(texts.is_valid())
        if data is not None:
            self._data += memoryview(data)[ends[0] : ends[-1]]
        self._parts[at] = _with_first(part, pa.nulls(len(part), texts.type))


def _with_first(structs: pa.StructArray, first: pa.Array) -> pa.StructArray:
    """Return the same structures with another first field."""
    fields = [first, *(structs.field(number) for number in range(1, structs.type.num_fields))]
    names = [field.name for field in structs.type]
    return pa.StructArray.from_arrays(fields, names=names, mask=structs.is_null() if structs.null_count else None)
