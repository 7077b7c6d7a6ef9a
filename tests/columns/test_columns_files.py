"""Tables that are not written to their end: the new file is gone, and nobody hears of the writers that were at it."""

from __future__ import annotations

import csv
import gc
import os
import sys

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from sealkit.columns import files, tables
from sealkit.errors import StoreError

KINDS = ["parquet", "arrow", "csv", "jsonl"]
ROWS = 20_000
TABLE = pa.table({"secured": ["a value that is text"] * ROWS})


@pytest.fixture
def unheard(monkeypatch):
    """What Python would print of exceptions that nobody could catch."""
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    return told


def source(tmp_path, kind):
    path = tmp_path / f"in.{kind}"
    if kind == "parquet":
        pa.parquet.write_table(TABLE, path)
    elif kind == "arrow":
        with pa.ipc.new_file(str(path), TABLE.schema) as writer:
            writer.write_table(TABLE, 5000)
    elif kind == "csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["secured"], *zip(TABLE.column("secured").to_pylist(), strict=True)])
    else:
        path.write_text('{"secured": "a value that is text"}\n' * ROWS)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_is_broken_off(tmp_path, unheard, kind):
    """By an interruption in the middle, and by who reads no further."""
    target = tmp_path / f"out.{kind}"
    done = []

    def step(column, beside):
        if done:
            raise KeyboardInterrupt
        done.append(column)
        return column, pa.array(["sealed"] * len(column))

    with pytest.raises(KeyboardInterrupt):
        list(files.stream(str(source(tmp_path, kind)), str(target), files.Change("secured"), step))
    gc.collect()
    assert not target.exists()
    done.clear()
    stream = files.stream(str(source(tmp_path, kind)), str(target), files.Change("secured"), step)
    next(stream)
    stream.close()
    del stream
    gc.collect()
    assert (unheard, target.exists()) == ([], False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_for_which_there_is_no_room(tmp_path, unheard, monkeypatch, kind):
    target = tmp_path / f"out.{kind}"
    real = os.open

    def full(path, flags, *arguments, **more):
        return real("/dev/full", os.O_WRONLY) if flags & os.O_TMPFILE == os.O_TMPFILE else real(path, flags, *arguments, **more)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(StoreError) as caught:
        list(
            files.stream(
                str(source(tmp_path, kind)),
                str(target),
                files.Change("secured"),
                lambda column, _: (column, pa.array(["sealed"] * len(column))),
            )
        )
    assert (caught.value.path, caught.value.exit_status) == (str(target), 4)
    assert "space" in caught.value.problem.lower()
    del caught
    gc.collect()
    assert (unheard, target.exists()) == ([], False)


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_that_is_broken_off(tmp_path, unheard, kind):
    target = tmp_path / f"out.{kind}"

    def rows():
        yield from [{"path": "a.md", "line": 1, "payload": "text", "status": "authentic", "key": "k1"}] * ROWS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tables.write(str(target), rows(), (), payloads=True)
    gc.collect()
    assert (unheard, target.exists()) == ([], False)
