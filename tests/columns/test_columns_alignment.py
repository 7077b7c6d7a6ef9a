"""A row gets its own payload, whatever its frame went through: the adapters for pandas, Polars and DuckDB, and the recipes of the docs.

Row ``id`` holds the payload ``payload of row <id>``, or, every third one, none. What is wrong with a frame after a recipe is that
some row shows anything else: ``foreign`` finds it.
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from column_cases import SEALERS
from hypothesis import find, given, settings
from hypothesis import strategies as st

import sealkit.columns.pandas as in_pandas
from sealkit.columns import decrypt_column, reference, seal_column
from sealkit.columns import duckdb as in_duckdb
from sealkit.columns import polars as in_polars
from sealkit.errors import Usage

SEALER = SEALERS["one"]
PAGE = Path(__file__).parents[2] / "docs" / "columns.md"
COUNT = 24


def payload_of(number):
    """What the row of this id holds; every third has nothing."""
    return None if number % 3 == 2 else f"payload of row {number}"


SEALED = seal_column(pa.array([payload_of(number) for number in range(COUNT)]), SEALER).field("blob").to_pylist()


def foreign(rows):
    """The rows (id, payload) that show what is not theirs."""
    seen = [
        (int(number), None if payload is None or payload is pd.NA or payload != payload else payload) for number, payload in rows
    ]
    return [(number, payload) for number, payload in seen if payload != payload_of(number)]


def rows_of(frame, payload="payload"):
    return list(zip(frame["id"], frame[payload], strict=True))


# --- frames --------------------------------------------------------------------------------------------------------------
def plain_frame(numbers=range(COUNT)):
    return pd.DataFrame({"id": list(numbers), "secured": pd.Series([SEALED[number] for number in numbers], dtype=object).array})


def chunks(size):
    """A frame as reading in chunks gives it, each with an index of its own."""
    return [plain_frame(range(start, min(start + size, COUNT))) for start in range(0, COUNT, size)]


def multi(frame):
    return frame.set_index(
        pd.MultiIndex.from_arrays([[n % 2 for n in frame["id"]], [n % 3 for n in frame["id"]]], names=["a", "b"])
    )


FRAMES = {
    "in order": plain_frame,
    "concatenated": lambda: pd.concat(chunks(5)),
    "every index the same": lambda: plain_frame().set_axis([0] * COUNT),
    "shuffled": lambda: plain_frame().sample(frac=1, random_state=7),
    "concatenated and shuffled": lambda: pd.concat(chunks(2)).sample(frac=1, random_state=3),
    "concatenated and sorted by its index": lambda: pd.concat(chunks(7)).sort_index(kind="stable"),
    "sorted downwards": lambda: pd.concat(chunks(7)).sort_values("id", ascending=False),
    "filtered": lambda: pd.concat(chunks(4)).loc[lambda frame: frame["id"] % 2 == 0],
    "named rows, twice": lambda: plain_frame().set_axis([f"r{n % 4}" for n in range(COUNT)]),
    "several levels, repeated": lambda: multi(plain_frame()),
    "several levels, sorted": lambda: multi(plain_frame().sample(frac=1, random_state=1)).sort_index(kind="stable"),
    "joined": lambda: pd.concat(chunks(6)).merge(pd.DataFrame({"id": [3, 1, 2, 1, 17], "n": range(5)}), on="id", how="right"),
    "missing index": lambda: plain_frame().set_axis([None if n % 2 else float(n % 3) for n in range(COUNT)]),
    "times": lambda: plain_frame().set_axis(pd.to_datetime(["2024-01-01", "2024-01-02"] * (COUNT // 2))),
    "grouped": lambda: pd.concat([part for _, part in plain_frame().groupby(lambda n: n % 5)]),
    "exploded": lambda: plain_frame().assign(n=[[1, 2]] * COUNT).explode("n"),
    "categories": lambda: pd.concat(chunks(5)).astype({"secured": "category"}),
    "arrow, in pieces": lambda: pd.concat([one.astype({"secured": pd.ArrowDtype(pa.string())}) for one in chunks(5)]),
    "empty": lambda: plain_frame().iloc[:0],
}


def joined_by_index(frame):
    """What the docs said once."""
    return frame.join(frame.sealkit.decrypt("secured", SEALER))


PANDAS = {
    "opened": lambda frame: frame.sealkit.opened("secured", SEALER),
    "decrypt, by position": lambda frame: frame.assign(payload=frame.sealkit.decrypt("secured", SEALER)["payload"].array),
    "decrypt, assigned": lambda frame: frame.assign(payload=frame.sealkit.decrypt("secured", SEALER)["payload"]),
    "function": lambda frame: frame.assign(payload=in_pandas.decrypt(frame["secured"], SEALER)["payload"].array),
    "sealed again": lambda frame: frame.assign(
        secured=in_pandas.seal(frame.sealkit.decrypt("secured", SEALER)["payload"], SEALER)["blob"].array
    ).sealkit.opened("secured", SEALER),
    "rotated": lambda frame: frame.assign(secured=frame.sealkit.rotate("secured", SEALER)["blob"].array).sealkit.opened(
        "secured", SEALER
    ),
}


@pytest.mark.parametrize("way", PANDAS)
@pytest.mark.parametrize("kind", FRAMES)
def test_a_row_gets_its_own_payload(kind, way):
    frame = FRAMES[kind]()
    before = frame.copy()
    got = PANDAS[way](frame)
    assert foreign(rows_of(got)) == []
    assert got.index.equals(frame.index)
    pd.testing.assert_frame_equal(frame, before)


def test_the_old_recipe_would_be_found():
    """A planted violation: row 2, which has no payload, shows that of row 1."""
    frame = pd.concat([plain_frame([0, 1]), plain_frame([3, 2])])
    assert (2, payload_of(1)) in foreign(rows_of(joined_by_index(frame)))
    assert foreign(rows_of(PANDAS["opened"](frame))) == []
    wrong = [kind for kind in FRAMES if foreign(rows_of(joined_by_index(FRAMES[kind]())))]
    assert {"concatenated", "every index the same", "named rows, twice", "several levels, repeated", "times"} <= set(wrong)


# --- any frame -----------------------------------------------------------------------------------------------------------
@st.composite
def histories(draw):
    """A frame after some of what people do to frames."""
    frame = plain_frame(draw(st.lists(st.integers(0, COUNT - 1), max_size=12)))
    for step in draw(st.lists(st.sampled_from(["index", "levels", "shuffle", "sort", "concat", "filter", "join"]), max_size=4)):
        if step == "index":
            frame = frame.set_axis(draw(st.lists(st.integers(0, 3), min_size=len(frame), max_size=len(frame))))
        elif step == "levels":
            levels = st.lists(st.integers(0, 1), min_size=len(frame), max_size=len(frame))
            frame = frame.set_axis(pd.MultiIndex.from_arrays([draw(levels), draw(levels)]))
        elif step == "shuffle":
            frame = frame.iloc[draw(st.permutations(range(len(frame))))]
        elif step == "sort":
            frame = frame.sort_values("id", ascending=draw(st.booleans()), kind="stable")
        elif step == "concat":
            cut = draw(st.integers(0, len(frame)))
            frame = pd.concat([frame.iloc[cut:], frame.iloc[:cut]]) if draw(st.booleans()) else pd.concat([frame, frame.iloc[:cut]])
        elif step == "filter":
            frame = frame[frame["id"] % 2 == draw(st.integers(0, 1))]
        else:
            frame = frame.merge(pd.DataFrame({"id": draw(st.lists(st.integers(0, COUNT - 1), max_size=4))}), on="id", how="left")
    return frame


@settings(max_examples=150, deadline=None)
@given(histories(), st.sampled_from(sorted(PANDAS)))
def test_any_pandas_frame(frame, way):
    assert foreign(rows_of(PANDAS[way](frame))) == []


def test_the_old_recipe_would_be_found_in_any_frame():
    frame = find(histories(), lambda frame: foreign(rows_of(joined_by_index(frame))) != [], settings=settings(derandomize=True))
    assert not frame.index.is_unique


def as_polars(frame):
    return pl.DataFrame(
        {"id": [int(one) for one in frame["id"]], "secured": [SEALED[int(one)] for one in frame["id"]]},
        schema={"id": pl.Int64, "secured": pl.String},
    )


def unnested(frame):
    return frame.with_columns(in_polars.decrypt("secured", SEALER).alias("opened")).unnest("opened")


POLARS = {
    "as it is": lambda frame: unnested(frame),
    "filtered before": lambda frame: unnested(frame.filter(pl.col("id") % 2 == 0)),
    "filtered behind": lambda frame: unnested(frame).filter(pl.col("id") % 2 == 0),
    "filtered by what was opened": lambda frame: unnested(frame).filter(pl.col("payload").is_not_null()),
    "sorted behind": lambda frame: unnested(frame).sort("payload", descending=True),
    "cut behind": lambda frame: unnested(frame).slice(2, 5),
    "joined before": lambda frame: unnested(frame.join(frame.select("id", n="id"), on="id", how="inner", maintain_order="none")),
    "joined behind": lambda frame: frame.select("id").join(unnested(frame).unique("id"), on="id", how="left"),
    "together": lambda frame: unnested(pl.concat([frame, frame.filter(pl.col("id") > 3)])),
    "of groups": lambda frame: (
        frame.group_by(pl.col("id") % 3)
        .agg(n="id", payload=in_polars.decrypt("secured", SEALER).struct.field("payload"))
        .drop("id")
        .explode("n", "payload")
        .rename({"n": "id"})
        .drop_nulls("id")
    ),
    "reversed": lambda frame: frame.reverse().select("id", in_polars.decrypt("secured", SEALER).struct.field("payload")),
    "sealed again": lambda frame: unnested(
        unnested(frame).select("id", in_polars.seal("payload", SEALER).struct.field("blob").alias("secured"))
    ),
}


@pytest.mark.parametrize("way", POLARS)
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("kind", ["in order", "concatenated and shuffled", "joined", "empty"])
def test_polars(kind, engine, way):
    got = POLARS[way](as_polars(FRAMES[kind]()).lazy()).collect(engine=engine)
    assert foreign(got.select("id", "payload").rows()) == []


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(sorted(POLARS)), st.sampled_from(["in-memory", "streaming"]))
def test_any_polars_frame(frame, way, engine):
    assert foreign(POLARS[way](as_polars(frame).lazy()).collect(engine=engine).select("id", "payload").rows()) == []


DUCKDB = {
    "as it is": "select id, unseal(secured) from t",
    "filtered": "select id, unseal(secured) from t where id % 2 = 0",
    "filtered by what was opened": "select id, unseal(secured) from t where unseal_status(secured) = 'unauthenticated'",
    "without": "select id, unseal(secured) from t where unseal(secured) is null",
    "sorted": "select id, unseal(secured) as payload from t order by payload desc, id",
    "cut": "select id, unseal(secured) from t order by id limit 5 offset 2",
    "joined": "select t.id, unseal(t.secured) from t join t as u on t.id = u.id",
    "joined with what was opened": "select t.id, o.payload from t left join (select distinct id, unseal(secured) as payload from t) o on t.id = o.id",
    "together": "select id, unseal(secured) from t union all select id, unseal(secured) from t where id > 3",
    "of groups": "select unnest(list(id)), unnest(list(unseal(secured))) from t group by id % 3",
    "sealed again": "select id, unseal(seal(unseal(secured))) from t",
    "window": "select id, unseal(secured) from (select *, row_number() over (order by secured) as n from t) order by n",
    "of one": "select id, unseal(any_value(secured)) from t group by id",
}


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as made:
        in_duckdb.register(made, SEALER)
        yield made


@pytest.mark.parametrize("query", DUCKDB)
@pytest.mark.parametrize("kind", ["in order", "concatenated and shuffled", "joined", "empty"])
def test_duckdb(connection, kind, query):
    connection.register("t", as_polars(FRAMES[kind]()).to_arrow())
    assert foreign(connection.sql(DUCKDB[query]).fetchall()) == []


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(sorted(DUCKDB)))
def test_any_duckdb_table(connection, frame, query):
    connection.register("t", as_polars(frame).to_arrow())
    assert foreign(connection.sql(DUCKDB[query]).fetchall()) == []


def test_many_rows_in_many_threads(connection):
    """Vectors and morsels, cut anywhere."""
    many = as_polars(pd.concat([plain_frame()] * 500)).sample(fraction=1, shuffle=True, seed=5)
    connection.register("t", many.to_arrow())
    assert foreign(connection.sql(DUCKDB["filtered by what was opened"]).fetchall()) == []
    assert foreign(unnested(many.lazy()).collect(engine="streaming").select("id", "payload").rows()) == []


# --- columns beside the blobs --------------------------------------------------------------------------------------------
BOUND = SEALERS["tagged"]


def bound_frame(numbers):
    payloads = pd.Series([f"payload of row {number}" for number in numbers])
    urls = [f"https://example.org/{number}" for number in numbers]
    frame = pd.DataFrame({"id": list(numbers), "url": urls, "path": [f"posts/{number}.md" for number in numbers]})
    for name, beside in (("fields", {"identity": {"url": pa.array(urls)}}), ("file", {"files": pa.array(list(frame["path"]))})):
        frame[name] = in_pandas.seal(payloads, BOUND, **beside)["blob"].array
    return frame


@pytest.mark.parametrize(
    "kind", [lambda one: one, lambda one: one.iloc[::-1], lambda one: one.set_axis([0] * len(one)), lambda one: one[one["id"] > 4]]
)
def test_identity_by_names_of_columns(kind):
    frame = kind(pd.concat([bound_frame(range(5)), bound_frame(range(5, 9))]))
    by_fields = frame.sealkit.opened("fields", BOUND, identity=["url"])
    by_file = frame.sealkit.opened("file", BOUND, files="path")
    for got in (by_fields, by_file):
        assert list(got["status"]) == ["authentic"] * len(frame)
        assert list(got["payload"]) == [f"payload of row {number}" for number in got["id"]]
    assert list(frame.sealkit.verify("fields", BOUND, identity={"url": frame["url"]})["status"]) == ["authentic"] * len(frame)


@pytest.mark.parametrize("way", ["identity", "files"])
@pytest.mark.parametrize("verb", ["decrypt", "seal", "rotate", "verify"])
def test_a_column_of_another_index_is_refused(way, verb):
    frame = bound_frame(range(6))
    shuffled = frame["url"].iloc[::-1]
    beside = {"identity": {"url": shuffled}} if way == "identity" else {"files": shuffled}
    with pytest.raises(Usage, match="another index"):
        getattr(frame.sealkit, verb)("fields", BOUND, **beside)


# --- what is refused -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["payload", "status", "key"])
def test_a_name_that_is_taken(name):
    frame = plain_frame().assign(**{name: 0})
    with pytest.raises(Usage, match=f"a column '{name}' already"):
        frame.sealkit.opened("secured", SEALER)
    got = frame.sealkit.opened("secured", SEALER, prefix="opened_")
    assert foreign(rows_of(got, "opened_payload")) == []
    assert list(got[name]) == [0] * COUNT


@pytest.mark.parametrize(("columns", "said"), [(["id", "other"], "no column"), (["secured", "secured"], "2 columns")])
def test_a_column_that_is_not_there_once(columns, said):
    frame = plain_frame().set_axis(columns, axis=1)
    for verb in ("opened", "decrypt", "seal", "rotate", "verify"):
        with pytest.raises(Usage, match=said):
            getattr(frame.sealkit, verb)("secured", SEALER)


@pytest.mark.parametrize("wrong", [None, "text", ["list"], pa.array(["x"]), plain_frame(), 3])
def test_what_is_no_series(wrong):
    for function in (in_pandas.decrypt, in_pandas.seal, in_pandas.rotate, in_pandas.verify):
        with pytest.raises(TypeError, match="series"):
            function(wrong, SEALER)


def test_frames_of_other_lengths_are_not_put_together():
    with pytest.raises(Usage, match="rows"):
        in_pandas.placed(plain_frame(), plain_frame([1, 2]).rename(columns=lambda name: f"other_{name}"))


# --- the recipes of the docs, as printed ---------------------------------------------------------------------------------
def recipes(heading):
    """The examples of one part of the page."""
    part = re.search(rf"^## {heading}\n(.*?)^## ", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return re.findall(r"^```py\n(.*?)^```$", part[1], re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the ring and the table that the recipes name."""
    reference.forget()
    monkeypatch.chdir(tmp_path)
    ring = tmp_path / "ring.yaml"
    ring.write_text(f"version: 1\nprimary: k1\nkeys:\n- id: k1\n  source: {{hex: '{bytes(range(32)).hex()}'}}\n")
    ring.chmod(0o600)
    yield tmp_path
    reference.forget()


@pytest.mark.parametrize("kind", FRAMES)
def test_the_recipes_for_pandas(kind, place):
    first, second = recipes("pandas")
    names = {"frame": FRAMES[kind]()}
    exec(first, names)
    assert foreign(rows_of(names["frame"])) == []
    assert list(names["frame"].columns[-3:]) == ["payload", "status", "key"]
    names = {"frame": FRAMES[kind]()}
    exec(second, names)
    assert foreign(rows_of(PANDAS["opened"](names["frame"]))) == []


@pytest.mark.parametrize("kind", FRAMES)
def test_the_recipe_for_polars(kind, place):
    (recipe,) = recipes("Polars")
    names = {"frame": as_polars(FRAMES[kind]()).lazy()}
    exec(recipe, names)
    assert foreign(names["opened"].select("id", "payload").rows()) == []


@pytest.mark.parametrize("kind", FRAMES)
def test_the_recipe_for_duckdb(kind, place):
    (recipe,) = recipes("DuckDB")
    as_polars(FRAMES[kind]()).write_parquet(place / "articles.parquet", row_group_size=4)
    with duckdb.connect() as made:
        names = {"connection": made}
        exec(recipe, names)
        assert foreign([row[:2] for row in names["opened"].fetchall()]) == []


def test_every_recipe_of_the_page_is_tried():
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {heading for heading in headings[:-1] if recipes(heading)} == {"pandas", "Polars", "DuckDB", "Spark"}


# --- any other engine ----------------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(1, 7))
def test_arrow_batches_of_any_length(frame, size):
    table = as_polars(frame).to_arrow()
    rows = []
    for batch in table.to_batches(max_chunksize=size):
        struct = decrypt_column(batch.column("secured"), SEALER)
        rows += zip(batch.column("id").to_pylist(), struct.field("payload").to_pylist(), strict=True)
    assert foreign(rows) == []
    whole = decrypt_column(table["secured"], SEALER)
    assert foreign(zip(table["id"].to_pylist(), [row["payload"] for row in whole.to_pylist()], strict=True)) == []
