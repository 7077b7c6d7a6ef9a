"""The handed-down hard records: outcome, value, edited bytes, nothing outside the token, and replacing a value by itself."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path

import pytest

from sealkit.errors import SealkitError
from sealkit.records.record import Record

HERE = Path(__file__).parent / "data" / "record_cases"
EXPECTED = json.loads((HERE / "expected.json").read_text())
NEW = EXPECTED["replacement_blob"]
CASES = EXPECTED["cases"]


def run(data: bytes, case: dict, new: str) -> tuple[str, str | None, bytes | None]:
    try:
        record = Record.parse(data, kind=case["format"])
        value = record.value(case["path"])
    except SealkitError:
        return "error", None, None
    if value is None:
        return "absent", None, None
    try:
        return "value", value, record.replace(case["path"], new).raw
    except SealkitError:
        return "value", value, None


def edited(case: dict) -> bytes | None:
    if "edited" in case:
        return base64.b64decode(case["edited"])
    if "edited_zlib" in case:
        return zlib.decompress(base64.b64decode(case["edited_zlib"]))
    return None


def test_the_corpus_is_whole():
    assert len(CASES) == 62
    assert {case["file"] for case in CASES} == {path.name for path in (HERE / "files").iterdir()}


@pytest.mark.parametrize("case", CASES, ids=[case["file"] for case in CASES])
def test_case(case):
    data = (HERE / "files" / case["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == case["sha256"], "the file itself was changed"
    outcome, value, after = run(data, case, NEW)
    assert outcome == case["outcome"]
    if outcome != "value":
        return
    assert value == case["value"]
    assert after == edited(case)
    if after is not None:
        start, end = case["span"]
        assert after.startswith(data[:start])
        assert after.endswith(data[end:])
    if case.get("blob") == "strict":
        assert run(data, case, case["value"])[2] == data


@pytest.mark.parametrize("case", [case for case in CASES if case["outcome"] == "value"], ids=lambda case: case["file"])
def test_the_fast_scan_gives_the_same_text(case):
    record = Record.parse((HERE / "files" / case["file"]).read_bytes(), kind=case["format"])
    text, line = record.blob_text(case["path"])
    (full,) = record.values(case["path"])
    assert (text, line) == (full.blob_text, full.line)
