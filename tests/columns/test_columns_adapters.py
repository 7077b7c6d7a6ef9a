"""The adapters, in the real libraries: each gives what the core gives; nulls, slices, errors."""

from __future__ import annotations

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from column_cases import RINGS, SEALERS, STRANGER, rows_of

from sealkit.columns import Reference, decrypt_column, reference, seal_column
from sealkit.columns import duckdb as in_duckdb
from sealkit.columns import pandas as in_pandas
from sealkit.columns import polars as in_polars
from sealkit.errors import NoUsableKey, Usage
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer

SEALER = SEALERS["several"]
GOOD = [str(SEALER.seal(f"payload number {number}, „Fog“".encode())) for number in range(40)]
ROWS = [*GOOD, None, "junk", str(Sealer(KeyRing([STRANGER], primary="x")).seal(b"of another key, this one")), ""]
EXPECTED = rows_of(decrypt_column(pa.array(ROWS), SEALER))
PAYLOADS = [payload and payload.decode() for payload, _, _ in EXPECTED]
STATUSES = [status for _, status, _ in EXPECTED]
SECRET = "hex:" + bytes(range(32)).hex()


# --- references ------------------------------------------------------------------------------------------------------
def test_a_reference_is_resolved_once(monkeypatch, tmp_path):
    reference.forget()
    monkeypatch.setenv("OUR_SECRET", SECRET)
    sealed = seal_column(pa.array(["the payload of a row"]), "env:OUR_SECRET").field("blob")
    assert decrypt_column(sealed, SEALERS["one"]).field("payload").to_pylist() == ["the payload of a row"]
    assert reference.sealer_of("env:OUR_SECRET") is reference.sealer_of(Reference("env:OUR_SECRET"))
    ring = tmp_path / "ring.yaml"
    ring.write_text(f"version: 1\nprimary: a\nkeys:\n  - id: a\n    source: {{hex: '{bytes(range(32)).hex()}'}}\n")
    ring.chmod(0o600)
    assert decrypt_column(sealed, f"file:{ring}").field("key").to_pylist() == ["a"]
    reference.forget()


@pytest.mark.parametrize("wrong", ["", "env:", "file:", SECRET, "SEALKIT_SECRET"])
def test_what_is_no_reference_is_not_repeated(wrong):
    with pytest.raises(Usage) as caught:
        decrypt_column(pa.array(["x"]), wrong)
    assert "0102" not in f"{caught.value!r}{caught.value.hint}"


@pytest.mark.parametrize("wrong", [3, None, b"env:X", SECRET.encode(), bytearray(32)])
def test_what_is_no_keys_at_all(wrong):
    with pytest.raises(TypeError, match="keys must be") as caught:
        decrypt_column(pa.array(["x"]), wrong)
    assert "0102" not in repr(caught.value)


def test_a_reference_that_leads_nowhere(monkeypatch):
    with pytest.raises(NoUsableKey, match="NOT_SET_HERE is not set"):
        decrypt_column(pa.array(["x"]), "env:NOT_SET_HERE")


# --- pandas ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [object, "str", "string", pd.ArrowDtype(pa.string()), "category"])
def test_pandas(dtype):
    frame = pd.DataFrame({"secured": pd.Series(ROWS, dtype=dtype)}).set_axis([f"r{n}" for n in range(len(ROWS))])
    opened = frame.sealkit.decrypt("secured", SEALER)
    assert list(opened.index) == list(frame.index)
    assert [None if pd.isna(one) else one for one in opened["payload"]] == PAYLOADS
    assert [None if pd.isna(one) else one for one in opened["status"]] == STATUSES
    some = frame[::3].sealkit.decrypt("secured", SEALER)
    assert [None if pd.isna(one) else one for one in some["payload"]] == PAYLOADS[::3]
    assert [None if pd.isna(one) else one for one in frame.sealkit.verify("secured", SEALER)["status"]] == STATUSES
    turned = frame.sealkit.rotate("secured", SEALER, "k2")
    assert list(turned["status"][:40]) == ["rotated"] * 40
    assert list(in_pandas.decrypt(turned["blob"], SEALER)["payload"][:40]) == PAYLOADS[:40]
    sealed = pd.DataFrame({"a": ["one payload, this", None]}).sealkit.seal("a", SEALER)
    assert in_pandas.decrypt(sealed["blob"], SEALER)["payload"][0] == "one payload, this"
    assert pd.isna(sealed["blob"][1])


def test_pandas_raises_if_asked_to():
    with pytest.raises(Usage):
        in_pandas.decrypt(pd.Series([1, 2]), SEALER)


# --- polars ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_polars(engine):
    frame = pl.DataFrame({"secured": ROWS * 50, "n": list(range(len(ROWS) * 50))}).lazy()
    opened = frame.with_columns(in_polars.decrypt("secured", SEALER).alias("opened")).unnest("opened").collect(engine=engine)
    assert opened["payload"].to_list() == PAYLOADS * 50
    assert opened["status"].to_list() == STATUSES * 50
    assert opened["n"].to_list() == list(range(len(ROWS) * 50))
    turned = frame.select(in_polars.rotate(pl.col("secured"), SEALER, "k2").struct.field("blob")).collect(engine=engine)
    assert decrypt_column(turned["blob"].to_arrow(), SEALER).field(2).to_pylist()[:40] == ["k2"] * 40
    assert frame.select(in_polars.verify("secured", SEALER).struct.field("status")).collect()["status"].to_list() == STATUSES * 50
    sealed = pl.DataFrame({"a": ["one payload, this", None]}).select(in_polars.seal("a", SEALER).struct.field("blob"))
    assert decrypt_column(sealed["blob"].to_arrow(), SEALER).field(0).to_pylist() == ["one payload, this", None]


def test_polars_slices_and_binary():
    frame = pl.DataFrame({"secured": ROWS})[7:42]
    assert frame.select(in_polars.decrypt("secured", SEALER).struct.field("payload"))["payload"].to_list() == PAYLOADS[7:42]
    binary = Sealer(RINGS["several"], payload="binary", key_id="k1")
    got = frame.select(in_polars.decrypt("secured", binary).struct.field("payload"))["payload"]
    assert got.dtype == pl.Binary
    assert got.to_list()[0] == PAYLOADS[7].encode()


# --- duckdb ----------------------------------------------------------------------------------------------------------
def test_duckdb():
    with duckdb.connect() as connection:
        in_duckdb.register(connection, SEALER)
        table = pa.table({"secured": ROWS * 50, "n": list(range(len(ROWS) * 50))})
        connection.register("t", table)
        got = connection.sql("select unseal(secured), unseal_status(secured) from t order by n").fetchall()
        assert got == list(zip(PAYLOADS, STATUSES, strict=True)) * 50
        assert connection.sql("select unseal(seal('one payload, this'))").fetchall() == [("one payload, this",)]
        assert connection.sql("select count(distinct seal('one payload, this')) from range(100)").fetchall() == [(100,)]
        assert connection.sql("select count(*) from t where unseal(secured) is null and secured is not null").fetchall() == [(150,)]
        first = connection.sql("select reseal(secured), secured from t where n in (0, 41) order by n").fetchall()
        assert first == [(GOOD[0], GOOD[0]), (None, "junk")]


# --- any other engine ------------------------------------------------------------------------------------------------
def test_the_recipe_for_whatever_hands_over_arrow_batches():
    """The five lines of docs/columns.md."""
    batches = pa.table({"id": range(len(ROWS)), "secured": ROWS}).to_batches(max_chunksize=7)
    sealer = SEALER

    # recipe
    def opened(batches):
        for batch in batches:
            struct = decrypt_column(batch.column("secured"), sealer)
            yield batch.append_column("payload", struct.field("payload")).append_column("status", struct.field("status"))

    assert [row["payload"] for batch in opened(batches) for row in batch.to_pylist()] == PAYLOADS
