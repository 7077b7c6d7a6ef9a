"""Tables on the command line: one column changes, and nothing else; records become tables."""

from __future__ import annotations

import csv
import io
import json
import os
import stat

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest

ROWS = 20_000
WORDS = ["Harbour", "„Fog“, sagt sie", 'a "quoted" word', "two\nlines", "7,5"]


def table(desk, blobs):
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), metadata={"unit": "none"}),
            pa.field("secured", pa.string(), metadata={"why": "secret"}),
            pa.field("word", pa.dictionary(pa.int32(), pa.string())),
            pa.field("nested", pa.list_(pa.float64())),
        ],
        metadata={"made by": "a test"},
    )
    count = len(blobs)
    columns = [list(range(count)), blobs, [WORDS[n % 5] for n in range(count)], [[n / 3] for n in range(count)]]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def write(desk, name, made):
    path = str(desk.path / name)
    if name.endswith(".parquet"):
        pa.parquet.write_table(made, path, row_group_size=3000)
    elif name.endswith(".arrow"):
        with pa.ipc.new_file(path, made.schema) as writer:
            writer.write_table(made, max_chunksize=3000)
    else:
        flat = made.drop_columns(["nested"]).to_pylist()
        with open(path, "w", newline="", encoding="utf-8") as file:
            if name.endswith(".csv"):
                writer = csv.DictWriter(file, ["id", "secured", "word"])
                writer.writeheader()
                writer.writerows(flat)
            else:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in flat)
    return name


def read(desk, name):
    path = str(desk.path / name)
    if name.endswith(".parquet"):
        return pa.parquet.read_table(path)
    if name.endswith(".arrow"):
        return pa.ipc.open_file(path).read_all()
    if name.endswith(".csv"):
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def column(made, name="secured"):
    return made.column(name).to_pylist() if isinstance(made, pa.Table) else [row[name] or None for row in made]


@pytest.fixture
def payloads():
    return [f'{{"n": {number}, "title": "„Fog“ {"x" * (number % 40)}"}}' for number in range(300)]


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "jsonl"])
def test_there_and_back(desk, payloads, suffix):
    plain = write(desk, f"plain.{suffix}", table(desk, payloads))
    assert desk.run("columns", "seal", plain, f"sealed.{suffix}").status == 0
    assert stat.S_IMODE(os.stat(desk.path / f"sealed.{suffix}").st_mode) == 0o600
    ran = desk.run("columns", "verify", f"sealed.{suffix}", "--json")
    assert (ran.status, json.loads(ran.out)) == (0, {"summary": {"unauthenticated": 300}})
    assert desk.run("columns", "rotate", "--to", "k1", f"sealed.{suffix}", f"rotated.{suffix}").status == 0
    assert "300 rotated" in desk.run("columns", "rotate", "--to", "k2", f"rotated.{suffix}", f"again.{suffix}").err
    assert desk.run("columns", "decrypt", f"rotated.{suffix}", f"back.{suffix}").status == 0
    assert column(read(desk, f"back.{suffix}")) == payloads
    before, after = read(desk, plain), read(desk, f"back.{suffix}")
    if suffix in ("csv", "jsonl"):
        assert desk.read(f"back.{suffix}") == desk.read(plain) or suffix == "jsonl"
        assert before == after
    else:
        assert after.schema.equals(before.schema, check_metadata=True)
        assert after.equals(before)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv"])
def test_bad_rows(desk, payloads, suffix):
    blobs = [desk.sealed(payload.encode()) for payload in payloads[:20]] + ["junk", None, ""]
    write(desk, f"t.{suffix}", table(desk, blobs))
    ran = desk.run("columns", "decrypt", f"t.{suffix}", f"o.{suffix}", "--status", "became")
    assert ran.status == 1
    assert "1 malformed" in ran.err or "2 malformed" in ran.err
    made = read(desk, f"o.{suffix}")
    assert column(made) == [*payloads[:20], None, None, None]
    assert column(made, "became")[:22] == ["unauthenticated"] * 20 + ["malformed", None]
    ran = desk.run("columns", "rotate", "--to", "k1", f"t.{suffix}", f"r.{suffix}")
    assert ran.status == 1
    assert column(read(desk, f"r.{suffix}"))[20] == "junk"


def test_csv_with_a_mark_and_crlf_keeps_them(desk):
    blob = desk.sealed(b"one payload, this one")
    desk.write("t.csv", f'\ufeffsecured,a\r\n{blob},007\r\n,"x,""y"\r\n'.encode())
    assert desk.run("columns", "decrypt", "t.csv", "o.csv").status == 0
    assert desk.read("o.csv") == '\ufeffsecured,a\r\n"one payload, this one",007\r\n,"x,""y"\r\n'.encode()


def test_json_lines_keep_every_other_byte(desk):
    blob = desk.sealed(b"one payload, this one")
    desk.write("t.jsonl", f'{{"a":1.50, "secured":"{blob}","z":"\\u00e9"}}\n\n{{"b": [1e5]}}\n'.encode())
    ran = desk.run("columns", "decrypt", "t.jsonl", "o.jsonl")
    assert ran.status == 0, ran
    assert desk.read("o.jsonl") == b'{"a":1.50, "secured":"one payload, this one","z":"\\u00e9"}\n\n{"b": [1e5]}\n'


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("decrypt", "t.parquet"), 2, "no name for it"),
        (("decrypt", "t.parquet", "o.csv"), 2, "is not"),
        (("decrypt", "t.txt", "o.txt"), 2, "what kind of table"),
        (("decrypt", "t.parquet", "o.parquet", "--column", "none"), 2, "no column 'none'"),
        (("decrypt", "missing.parquet", "o.parquet"), 4, "No such file"),
        (("decrypt", "t.parquet", "t.parquet"), 4, "there already"),
        (("decrypt", "broken.parquet", "o.parquet"), 4, "damaged"),
        (("decrypt", "broken.arrow", "o.arrow"), 4, "damaged"),
        (("verify", "t.parquet", "--bind", "path"), 2, "no column holds these"),
        (("verify", "t.parquet", "--column", "id"), 2, "holds no text"),
    ],
)
def test_what_is_asked_for_wrongly(desk, payloads, arguments, status, says):
    write(desk, "t.parquet", table(desk, payloads))
    desk.write("broken.parquet", desk.read("t.parquet")[:900])
    desk.write("broken.arrow", b"junk" * 100)
    ran = desk.run("columns", *arguments)
    assert (ran.status, says in ran.err, "Traceback" in ran.err) == (status, True, False), ran
    assert not (desk.path / "o.parquet").exists()
    assert ran.err.count("error:") == 1


def test_a_wrong_key(desk, payloads):
    write(desk, "t.parquet", table(desk, [desk.sealed(payload.encode()) for payload in payloads]))
    env = {"SEALKIT_KEYS": None, "SEALKIT_SECRET": "hex:" + "11" * 32}
    ran = desk.run("columns", "verify", "t.parquet", env=env)
    assert (ran.status, "300 cannot_decrypt" in ran.err) == (1, True)
    assert desk.run("columns", "verify", "t.parquet", env={"SEALKIT_KEYS": None}).status == 3


def test_bound_rows(desk, payloads):
    made = table(desk, payloads).append_column("url", pa.array([f"https://example.net/{n}" for n in range(300)]))
    write(desk, "t.parquet", made)
    bound = ("--bind", "url", "--format", "tagged")
    assert desk.run("columns", "seal", "t.parquet", "s.parquet", *bound).status == 0
    assert "300 authentic" in desk.run("columns", "verify", "s.parquet", "--bind", "url").err
    sealed = read(desk, "s.parquet")
    moved = sealed.set_column(
        1, "secured", pa.concat_arrays([*sealed.column("secured").slice(1).chunks, *sealed.column("secured").slice(0, 1).chunks])
    )
    pa.parquet.write_table(moved, desk.path / "m.parquet")
    assert "300 tampered" in desk.run("columns", "verify", "m.parquet", "--bind", "url").err


# --- export ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "jsonl"])
def test_export(desk, suffix):
    ran = desk.run("export", "records", "-o", f"o.{suffix}", "--public", "title")
    assert ran.status == 0, ran
    made = read(desk, f"o.{suffix}")
    assert stat.S_IMODE(os.stat(desk.path / f"o.{suffix}").st_mode) == 0o600
    expected = {
        (line["path"], line["line"]): line.get("payload")
        for line in desk.run("decrypt", "--json", "records").lines
        if line["status"] != "absent"
    }
    paths, lines = column(made, "path"), [int(line) if line else None for line in column(made, "line")]
    got = dict(zip(zip(paths, lines, strict=True), column(made, "payload"), strict=True))
    assert {where: got[where] for where in expected} == expected
    assert "Who is paid what" in column(made, "title")


def test_export_without_payloads(desk):
    assert desk.run("export", "records", "-o", "o.csv", "--no-payload").status == 0
    assert "payload" not in desk.read("o.csv").decode().splitlines()[0].split(",")
    assert b"harbour" not in desk.read("o.csv")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("records", "-o", "o.txt"), 2, "what kind of table"),
        (("records", "-o", "o.csv", "--public", "path"), 2, "named twice"),
        (("nothing", "-o", "o.csv"), 4, "nothing"),
        (("records", "-o", "keys.csv"), 4, "there already"),
    ],
)
def test_export_asked_for_wrongly(desk, arguments, status, says):
    desk.write("keys.csv", b"mine")
    ran = desk.run("export", *arguments)
    assert (ran.status, says in ran.err, "Traceback" in ran.err) == (status, True, False), ran
    assert desk.read("keys.csv") == b"mine"
    assert io is not None


@pytest.mark.parametrize("options", [(), ("--status", "became")])
def test_no_plaintext_stays_in_json_lines(desk, options):
    """What is no text is sealed as JSON, as seal does it; what cannot be sealed is left empty, with or without a column of statuses."""
    desk.write(
        "open.jsonl",
        b'{"secured": {"note": "open words, enough for two blocks"}}\n{"secured": "open\\u0000words"}\n{"secured": null}\n'
        b'{"secured": 1234567890123456789012345}\n{"secured": ["open", "words"]}\n{"other": "public"}\n',
    )
    ran = desk.run("columns", "seal", "open.jsonl", "sealed.jsonl", *options)
    assert ran.status == 1, ran
    assert "1 payload_check" in ran.err
    lines = [json.loads(line) for line in desk.read("sealed.jsonl").splitlines()]
    assert [line.get("secured", "absent") for line in lines][1:3] == ["", None]
    assert all(";" in lines[number]["secured"] for number in (0, 3, 4))
    assert b"open" not in desk.read("sealed.jsonl")
    assert lines[5]["other"] == "public"
    assert desk.run("columns", "decrypt", "--key-id", "k2", "sealed.jsonl", "back.jsonl").status == 1
    back = [json.loads(line) for line in desk.read("back.jsonl").splitlines()]
    assert json.loads(back[0]["secured"]) == {"note": "open words, enough for two blocks"}
    assert back[3]["secured"] == "1234567890123456789012345"


# --- policies --------------------------------------------------------------------------------------------------------
POLICY = "version: 1\nrecords: [{include: ['*.jsonl', '*.ndjson'], fields: [{path: secured, %s}]}]\n"
DEMANDS = [
    "format: tagged",
    "format: synthetic",
    "format: tagged, bind: [id]",
    "format: tagged, payload: json",
    "format: tagged, keys: [k1]",
]


def lines(desk, name, *options):
    """Seal two lines in a file of records, and return it without the tags."""
    desk.write(name, b"".join(b'{"id": "%d", "secured": "\\"a payload of line %d\\""}\n' % (row, row) for row in (1, 2)))
    assert desk.run("seal", "--format", "tagged", *options, name).status == 0
    return desk.read(name), b"".join(
        json.dumps(row | {"secured": row["secured"].rpartition(";")[0]}).encode() + b"\n"
        for row in map(json.loads, desk.read(name).splitlines())
    )


@pytest.mark.parametrize("demand", DEMANDS)
@pytest.mark.parametrize("name", ["feed.jsonl", "feed.ndjson"])
def test_a_table_that_is_a_file_of_records_does_as_policies_demand(desk, demand, name):
    desk.write("sealkit.yaml", (POLICY % demand).encode())
    authentic, stripped = lines(desk, name)
    for number, job in enumerate(("decrypt", "rotate", "verify")):
        desk.write(name, authentic)
        out = [f"good{number}.jsonl"] if job != "verify" else []
        to = ["--to", "k1"] if job == "rotate" else []
        assert desk.run("columns", job, *to, name, *out).status == 0
        desk.write(name, stripped)
        out = [f"bad{number}.jsonl"] if job != "verify" else []
        ran = desk.run("columns", job, "--json", *to, name, *out)
        assert (ran.status, ran.summary) == (1, {"downgraded": 2}), ran
    assert b"a payload" in desk.read("good0.jsonl")
    assert b"a payload" not in desk.read("bad0.jsonl")
    assert desk.read("bad1.jsonl") == stripped


def test_what_a_table_seals_is_as_policies_demand(desk):
    desk.write("sealkit.yaml", (POLICY % "format: tagged, bind: [id]").encode())
    desk.write("feed.jsonl", b'{"id": "1", "secured": "a payload, in a column"}\n')
    assert desk.run("columns", "seal", "feed.jsonl", "sealed.jsonl").status == 0
    assert desk.run("verify", "--require-authentic", "--json", "sealed.jsonl").lines[0]["bind"] == "fields"
    assert desk.run("columns", "seal", "--format", "plain", "feed.jsonl", "plain.jsonl").status == 2


def rows(row):
    """A CSV file of one row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, row)
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().encode()


@pytest.mark.parametrize(
    ("column", "bind", "beside"), [("my notes", "id", "id"), ("Price ($)", '"the id"', "the id"), ("a.b", '"x/y",id', "x/y")]
)
def test_columns_whose_names_are_no_field_paths(desk, column, bind, beside):
    desk.env["SEALKIT_SECRET"] = "hex:" + "4b" * 16
    desk.write("in.csv", rows({column: "open", beside: "1", "id": "1"}))
    assert desk.run("columns", "seal", "in.csv", "out.csv", "--column", column, "--bind", bind, "--format", "tagged").status == 0
    assert b"open" not in desk.read("out.csv")
    assert desk.run("columns", "decrypt", "out.csv", "back.csv", "--column", column, "--bind", bind).status == 0
    assert next(csv.DictReader(io.StringIO(desk.read("back.csv").decode())))[column] == "open"
    (row,) = csv.DictReader(io.StringIO(desk.read("out.csv").decode()))
    desk.write("moved.csv", rows(row | {beside: "2"}))
    assert desk.run("columns", "verify", "moved.csv", "--column", column, "--bind", bind).status == 1
