"""A key does not go while a table below the paths has something under it, however that is packed; what is not looked into is told."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import subprocess
import tempfile
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest
from two_keys import RING, desk_in, sealed

from sealkit.columns import searched
from sealkit.errors import StoreError, TooLarge
from sealkit.records import packed

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

IV = "c2VhbGtpdCB0ZXN0IGl2IQ=="
TEXT = f"{'QUJD' * 16};{IV[:22]}=="


@pytest.fixture
def tree(tmp_path):
    """A tree in which all is under k2, and a blob under k1 that stands nowhere."""
    desk = desk_in(tmp_path)
    sealed(desk, "tree/new.md", "k2")
    desk.blob = sealed(desk, "old.md", "k1")
    return desk


def parquet(table, **more):
    out = io.BytesIO()
    pa.parquet.write_table(table, out, **more)
    return out.getvalue()


def arrow(table, **more):
    out = io.BytesIO()
    pa.feather.write_feather(table, out, **more)
    return out.getvalue()


def texts(blob):
    return pa.table({"id": [1, 2, 3], "secured": ["", blob, None]})


# --- files that sealkit writes ------------------------------------------------------------------------------------------------
PACKED = {
    **{f"Parquet, {name}": (lambda blob, name=name: parquet(texts(blob), compression=name)) for name in ("snappy", "zstd", "gzip", "brotli")},
    "Parquet, not compressed": lambda blob: parquet(texts(blob), compression="none", use_dictionary=False),
    "Parquet, no statistics": lambda blob: parquet(texts(blob), write_statistics=False),
    "Parquet, old pages": lambda blob: parquet(texts(blob), data_page_version="2.0", use_dictionary=False),
    "Parquet, deltas": lambda blob: parquet(texts(blob), use_dictionary=False, column_encoding={"secured": "DELTA_BYTE_ARRAY"}),
    **{f"Arrow, {name}": (lambda blob, name=name: arrow(texts(blob), compression=name)) for name in ("zstd", "lz4", "uncompressed")},
}  # fmt: skip


@pytest.mark.parametrize("which", PACKED)
def test_a_key_does_not_go_while_a_table_is_under_it(tree, which):
    tree.write("tree/data/t.bin", PACKED[which](tree.blob))  # the name says nothing
    ran = tree.run("keys", "retire", "k1", "tree")
    assert (ran.status, ran.text) == (1, "tree/data/t.bin:2  in a table, column secured\n"), ran
    assert "columns rotate" in ran.err
    tree.write("tree/data/t.bin", PACKED[which](TEXT))  # under no key
    assert tree.run("keys", "retire", "k1", "tree").status == 0


@pytest.mark.parametrize("form", [parquet, arrow])
def test_tables_in_git_count(tree, form):
    for args in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *args], cwd=tree.path / "tree", check=True)
    tree.write("tree/t.x", form(texts(tree.blob)))
    subprocess.run(["git", "add", "-A"], cwd=tree.path / "tree", check=True)
    (tree.path / "tree/t.x").unlink()
    assert tree.run("keys", "retire", "k1", "tree").text == "tree/t.x:2  in a table, column secured  in git's index\n"
    subprocess.run(["git", "rm", "-q", "--cached", "t.x"], cwd=tree.path / "tree", check=True)
    ran = tree.run("keys", "retire", "--git", "k1", "tree")
    assert (ran.status, "in a table, column secured" in ran.text) == (1, True), ran


def nested(value):
    return pa.table({"x": pa.array(value[0], value[1])})


SHAPES = {
    "text": (["", TEXT], pa.string(), [("x", 2)]),
    "long text": (["", TEXT], pa.large_string(), [("x", 2)]),
    "bytes": ([TEXT.encode(), b""], pa.binary(), [("x", 1)]),
    "bytes of one length": ([TEXT.encode(), b"\0" * len(TEXT)], pa.binary(len(TEXT)), [("x", 1)]),
    "bytes that are no text": ([b"\xff\xfe\0" + TEXT.encode() + b"\0\xff", None], pa.binary(), [("x", 1)]),
    "UTF-16": ([None, TEXT.encode("utf-16")], pa.binary(), [("x", 2)]),
    "a list": ([[], ["a", TEXT], None, [TEXT.replace("QUJD", "REVG")]], pa.list_(pa.string()), [("x[]", 2), ("x[]", 4)]),
    "a struct": ([{"a": {"b": TEXT}}, None], pa.struct([("a", pa.struct([("b", pa.string())]))]), [("x.a.b", 1)]),
    "a list of structs": ([[], [{"a": TEXT}]], pa.list_(pa.struct([("a", pa.string())])), [("x[].a", 2)]),
    "a map": ([[], [("k", TEXT)]], pa.map_(pa.string(), pa.string()), [("x", 1)]),
    "a dictionary": (["q", TEXT, TEXT], pa.dictionary(pa.int32(), pa.string()), [("x", 1)]),
    "JSON in text": (['{"secured": "' + TEXT.replace("=", "\\u003d") + '"}', ""], pa.string(), [("x", 1)]),
    "in prose": (["it was " + TEXT + ", then", ""], pa.string(), [("x", 1)]),
    "numbers": ([1, 2], pa.int64(), []),
    "none": (["a;b", "QUJD;"], pa.string(), []),
}  # fmt: skip


@pytest.mark.parametrize("which", SHAPES)
@pytest.mark.parametrize("form", [parquet, arrow])
def test_blobs_are_found_in_columns_of_any_type(form, which):
    values, kind, expected = SHAPES[which]
    found = [(cell.column, cell.row) for cell in searched.cells(form(nested((values, kind))))]
    assert found == expected


@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary_view()])
def test_blobs_are_found_in_views(kind):
    table, out = nested(([TEXT.encode() if kind == pa.binary_view() else TEXT], kind)), io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    assert [cell.row for cell in searched.cells(out.getvalue())] == [1]


def test_rows_are_counted_over_batches():
    many = ["x"] * 20_000
    many[0] = many[9_000] = many[19_999] = TEXT
    for data in (parquet(pa.table({"x": many}), row_group_size=3000), arrow(pa.table({"x": many}), chunksize=1000)):
        assert [cell.row for cell in searched.cells(data)] == [1, 9001, 20_000]


@pytest.mark.parametrize(
    "data", [b"PAR1", b"PAR1PAR1", b"ARROW1\0\0", b"", b"text", parquet(texts(TEXT))[:-20], arrow(texts(TEXT))[:-9]]
)
def test_what_is_no_table_is_one_error(data):
    with pytest.raises((StoreError, TooLarge)) as caught:
        list(searched.cells(data))
    assert TEXT not in str(caught.value)


# --- what is not looked into ----------------------------------------------------------------------------------------------------
def zipped(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("word/document.xml", data)
    return out.getvalue()


def database(data):
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table t (x blob)")
        connection.execute("insert into t values (?)", (zlib.compress(data),))
        return connection.serialize()


def orc(data):
    out = io.BytesIO()
    pa.orc.write_table(pa.table({"x": [data.decode()]}), out, compression="zstd")
    return out.getvalue()


def stream(data):
    out, table = io.BytesIO(), pa.table({"x": [data.decode()] * 9})
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return out.getvalue()


def bundle(data):
    with tempfile.TemporaryDirectory() as folder:

        def git(*args):
            return subprocess.run(
                ["git", "-c", "user.name=n", "-c", "user.email=e@x", *args], cwd=folder, check=True, capture_output=True
            ).stdout

        git("init", "-q")
        (Path(folder) / "a.md").write_bytes(data)
        git("add", "-A")
        git("commit", "-qm", "one")
        return git("bundle", "create", "-q", "-", "--all")


OTHERS = {
    "git bundle": bundle,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zlib": zlib.compress,
    "zip": zipped,
    "SQLite": database,
    "ORC": orc,
    "Arrow stream": stream,
    "Zstandard": lambda data: pa.Codec("zstd").compress(data).to_pybytes(),
    "LZ4": lambda data: pa.Codec("lz4").compress(data).to_pybytes(),
    "7-Zip": lambda data: b"7z\xbc\xaf\x27\x1c" + zlib.compress(data),
    "PDF": lambda data: b"%PDF-1.7\n" + zlib.compress(data),
}


@pytest.mark.parametrize("which", OTHERS)
def test_other_packed_files_are_told(tree, which):
    tree.write("tree/a.md.x", OTHERS[which](f"secured: {TEXT}\n".encode()))
    ran = tree.run("keys", "retire", "k1", "tree")
    assert (ran.status, "1 packed file not looked into: tree/a.md.x" in ran.err) == (0, True), ran
    census = tree.run("keys", "census", "--json", "tree")
    assert [(one["path"], one["packed"]) for one in census.summary["unopened"]] == [("tree/a.md.x", which)]


@pytest.mark.parametrize(
    "data", [b"text", b"", b"PK is no zip", b"x^2", b"xyz", b"BZh", b"OR", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a"]
)
def test_what_is_not_packed(data):
    assert packed.kind(data) is None


@pytest.mark.parametrize("verb", [["retire"], ["remove"]])
def test_a_table_that_cannot_be_looked_into_is_asked_about(tree, verb):
    for number in range(5):
        tree.write(f"tree/{number}.parquet", b"PAR1" + bytes([number]) * 40)
    ran = tree.run("keys", *verb, "k1", "tree")
    assert (ran.status, "5 tables were not looked into" in ran.err, "tree/2.parquet and 2 more" in ran.err) == (2, True, True), ran
    assert "--forget-tables" in ran.err
    assert tree.run("keys", *verb, "--forget-tables", "k1", "tree").status == 0


def test_without_what_reads_tables_they_are_asked_about(tree):
    tree.write("tree/t.parquet", parquet(texts(tree.blob), write_statistics=False, compression="gzip"))
    tree.write("without/pyarrow/__init__.py", b"raise ImportError('not installed here')\n")
    env = {"PYTHONPATH": str(tree.path / "without")}
    ran = tree.run("keys", "retire", "k1", "tree", env=env, process=True)
    assert (ran.status, "1 table was not looked into" in ran.err, "[columns]" in ran.err) == (2, True, True), ran
    assert tree.run("keys", "census", "tree", env=env, process=True).status == 0


# --- comments -------------------------------------------------------------------------------------------------------------------
POLICY = "version: 1\nrecords:\n  - include: ['*.md']\n    fields: [{path: secured, required: false}]\n"
COMMENTS = {
    "a policy": ("sealkit.yaml", POLICY + "# @\n"),
    "a policy, at the end of a line": ("sealkit.yaml", POLICY.replace("1\n", "1 # @\n", 1)),
    "a policy further in": ("sub/sealkit.yaml", POLICY + "# @\n"),
    "a ring": ("ring.yaml", RING + "# @\n"),
    "YAML": ("a.yml", "title: t # @\n"),
    "front matter": ("a.md", "---\ntitle: t # @\n---\n"),
    "a body": ("a.md", "---\ntitle: t\n---\n<!-- @ -->\n"),
    "JSON with comments": ("a.json", '{"title": 1} // @\n'),
    "a list of what git ignores": (".gitignore", "# @\n"),
    "attributes": (".gitattributes", "# @\n"),
    "a script": ("bin/run", "#!/bin/sh\n# @\n"),
    "a file of no kind": ("notes", "see @ there\n"),
    "a copy": ("sealkit.yaml.orig", POLICY + "# @\n"),
}


@pytest.mark.parametrize("which", COMMENTS)
def test_a_key_does_not_go_while_a_comment_is_under_it(tree, which):
    name, text = COMMENTS[which]
    tree.write(f"tree/{name}", text.replace("@", tree.blob).encode())
    ran = tree.run("keys", "retire", "k1", "tree")
    assert (ran.status, f"tree/{name}" in ran.text) == (1, True), ran


# --- what a table says beside its values ----------------------------------------------------------------------------------------
def noted(blob, kind=None):
    return pa.field("c", kind or pa.int64(), metadata={"note": blob})


def of_schema(*fields, metadata=None):
    schema = pa.schema(fields, metadata=metadata)
    return pa.Table.from_batches([], schema)


BESIDE = {
    "the table's": lambda blob: of_schema(pa.field("c", pa.int64()), metadata={"note": blob}),
    "the table's, in JSON": lambda blob: of_schema(pa.field("c", pa.int64()), metadata={"pandas": f'{{"a": "{blob}"}}'}),
    "a key": lambda blob: of_schema(pa.field("c", pa.int64()), metadata={blob: "x"}),
    "a column's": lambda blob: of_schema(noted(blob)),
    "a column's name": lambda blob: of_schema(pa.field(blob, pa.int64())),
    "an item's": lambda blob: of_schema(pa.field("l", pa.list_(noted(blob)))),
    "a member's": lambda blob: of_schema(pa.field("s", pa.struct([noted(blob)]))),
    "a member's name": lambda blob: of_schema(pa.field("s", pa.struct([pa.field(blob, pa.int64())]))),
    "a map's value's": lambda blob: of_schema(pa.field("m", pa.map_(pa.string(), noted(blob)))),
    "deep": lambda blob: of_schema(pa.field("l", pa.list_(pa.struct([pa.field("m", pa.list_(noted(blob)))])))),
}


@pytest.mark.parametrize("form", [parquet, arrow])
@pytest.mark.parametrize("which", BESIDE)
def test_a_blob_in_what_a_table_says_beside_its_values_counts(form, which):
    found = list(searched.cells(form(BESIDE[which](TEXT))))
    assert {str(cell.blob) for cell in found} == {TEXT}
    assert {cell.row for cell in found} == {1}


NO_ROWS = {
    "text": pa.string(),
    "bytes": pa.binary(),
    "numbers": pa.int64(),
    "of one length": pa.binary(7),
    "times": pa.timestamp("us"),
    "lists": pa.list_(pa.string()),
    "members": pa.struct([("a", pa.string()), ("b", pa.bool_())]),
    "maps": pa.map_(pa.string(), pa.string()),
    "a dictionary": pa.dictionary(pa.int32(), pa.string()),
    "nothing": pa.null(),
}


@pytest.mark.parametrize("more", [{}, {"use_dictionary": False}, {"compression": "zstd"}], ids=["", "no dictionary", "zstd"])
@pytest.mark.parametrize("which", NO_ROWS)
def test_a_table_of_no_rows_is_one(which, more):
    assert list(searched.cells(parquet(of_schema(pa.field("c", NO_ROWS[which])), **more))) == []


@pytest.mark.parametrize("verb", ["seal", "decrypt", "rotate"])
def test_a_table_of_no_rows_is_taken_by_the_verbs_of_columns(tree, verb):
    tree.write("in.parquet", parquet(of_schema(pa.field("secured", pa.string()))))
    ran = tree.run("columns", verb, "in.parquet", "out.parquet", "--column", "secured")
    assert (ran.status, pa.parquet.read_table(tree.path / "out.parquet").num_rows) == (0, 0), ran
