"""Every row of the record table: outcome, value, line, edited bytes, nothing outside the token, and no change for an equal value."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from record_table import NEW, ROWS

from sealkit.errors import NotAString, SealkitError, SharedNode
from sealkit.records.record import Record

BLOB = re.compile(r"[A-Za-z0-9+/=]+;[A-Za-z0-9+/=;]+")


def test_names_are_unique_and_every_family_is_there():
    assert max(Counter(row.name for row in ROWS).values()) == 1
    assert Counter(row.name[0] for row in ROWS).keys() == set("abcdefghijk")


@pytest.mark.parametrize("row", [row for row in ROWS if row.outcome in ("value", "shared")], ids=lambda row: row.name)
def test_value(row):
    record = Record.parse(row.data, kind=row.kind)
    assert record.value(row.path) == row.value
    assert record.replace(row.path, row.value) is record
    text, line = record.blob_text(row.path)
    (value,) = record.values(row.path)
    assert (text, line) == (value.blob_text, value.line)
    if BLOB.fullmatch(text):
        assert record.holds(row.path, text)
        assert not record.holds(row.path, NEW)
    if row.outcome == "shared":
        with pytest.raises(SharedNode) as refused:
            record.replace(row.path, NEW)
        assert refused.value.line == line
        with pytest.raises(SharedNode):
            record.set(row.path, NEW)
        return
    after = record.replace(row.path, NEW)
    assert after.raw == row.after
    assert after.blob_text(row.path)[0] == NEW
    assert Record.parse(after.raw, kind=row.kind).replace(row.path, NEW).raw == after.raw


@pytest.mark.parametrize("row", [row for row in ROWS if row.outcome == "absent"], ids=lambda row: row.name)
def test_absent(row):
    record = Record.parse(row.data, kind=row.kind)
    assert record.value(row.path) is None
    assert record.blob_text(row.path) is None
    assert record.values(row.path) == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.outcome not in ("value", "shared", "absent")], ids=lambda row: row.name)
def test_error(row):
    with pytest.raises(SealkitError) as failure:
        Record.parse(row.data, kind=row.kind).value(row.path)
    assert failure.value.code == row.outcome
    if row.line is not None:
        assert failure.value.line == row.line
    assert failure.value.__context__ is None
    if failure.value.code != NotAString.code:
        with pytest.raises(SealkitError):
            Record.parse(row.data, kind=row.kind).values(row.path)
    with pytest.raises(SealkitError):
        Record.parse(row.data, kind=row.kind).replace(row.path, NEW)
