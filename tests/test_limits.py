"""What is read is bounded, in every door: small inputs that stand for much work end in little time and memory, by the real command."""

from __future__ import annotations

import atexit
import base64
import functools
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from desk import Desk

from sealkit import limits
from sealkit.cli import run
from sealkit.errors import SealkitError
from sealkit.globs import Globs
from sealkit.keys import passphrase as passphrases
from sealkit.keys.access import Cost
from sealkit.keys.budget import check_cost
from sealkit.payload import check
from sealkit.records import jsontree
from sealkit.records.record import Record, split
from sealkit.records.spelling import Spelling
from sealkit.trees import ignore

pytestmark = pytest.mark.thorough

MIB = 1 << 20
SECONDS = 12  # of a processor that others may keep busy; what is not refused takes minutes
MEMORY = 1000 * MIB  # beside what a start takes
TABLE_MEMORY = 3000 * MIB  # of addresses: pyarrow asks for many that it never uses
SMALL = {"ARROW_DEFAULT_MEMORY_POOL": "system", "ARROW_IO_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
ENDLESS = ("sh", "-c", 'exec "$@" </dev/zero', "sh")


class Bomb(NamedTuple):
    """How a desk is prepared, which gives the arguments; the exit status and what is said; the memory, and what it is wrapped in."""

    prepared: object
    status: int
    says: str
    memory: int = MEMORY
    wrap: tuple[str, ...] = ()


def file(name, *parts, verb=("check",)):
    """A file of some parts, each repeated as often as is said, that a verb is given."""

    def prepare(desk):
        desk.write(name, b"".join(part * times for part, times in parts))
        return [*verb, name]

    return prepare


def table(kind, made):
    """A table that a Python of its own makes, so that its memory is not ours."""

    def prepare(desk):
        code = f"import sys\nimport pyarrow as pa\nimport pyarrow.parquet as pq\n{made}\n"
        if kind == "parquet":
            code += "pq.write_table(t, 'a.parquet', compression='zstd', **o)\n"
        else:
            code += (
                "import pyarrow.ipc\nw = pa.ipc.new_file('a.arrow', t.schema, options=pa.ipc.IpcWriteOptions(compression='zstd'))\n"
            )
            code += "w.write_table(t)\nw.close()\n"
        _maker().run(code, desk.path)
        return ["columns", "decrypt", f"a.{kind}", f"o.{kind}"]

    return prepare


class Maker:
    """A Python that has imported pyarrow, and runs what it is told, one thing after the other: none of its memory is ours."""

    def __init__(self):
        loop = "import json, os, sys\nimport pyarrow, pyarrow.parquet, pyarrow.ipc\nfor line in sys.stdin:\n"
        loop += "    code, folder = json.loads(line)\n    os.chdir(folder)\n    exec(code, {})\n    print(flush=True)\n"
        self._process = subprocess.Popen([sys.executable, "-c", loop], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, code, folder):
        """Run some code in a folder, to its end."""
        self._process.stdin.write(json.dumps([code, str(folder)]) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "\n"

    def close(self):
        self._process.communicate(timeout=60)


@functools.cache
def _maker():
    made = Maker()
    atexit.register(made.close)
    return made


def csv(*parts):
    def prepare(desk):
        desk.write("a.csv", b"".join(part * times for part, times in parts))
        return ["columns", "decrypt", "a.csv", "o.csv"]

    return prepare


def lines_table(desk):
    desk.write("a.jsonl", b'{"secured":[' + b"[]," * (4 * MIB) + b"1]}\n")
    return ["columns", "decrypt", "a.jsonl", "o.jsonl"]


def ring(*sources, mac=""):
    """A ring of passphrase keys, and a record to be opened with it."""

    def prepare(desk):
        desk.write("pw", b"a passphrase that nobody uses")
        (desk.path / "pw").chmod(0o600)
        keys = "".join(f"  - id: k{number}\n    source: {source}{mac}\n" for number, source in enumerate(sources))
        desk.write("ring.yaml", f"version: 1\nprimary: k0\nkeys:\n{keys}".encode())
        (desk.path / "ring.yaml").chmod(0o600)
        desk.record("a.md", "AAAAAAAAAAAAAAAAAAAAAA==;AAAAAAAAAAAAAAAAAAAAAA==")
        return ["decrypt", "--keys", "ring.yaml", "a.md"]

    return prepare


def passphrase(number, kdf, **parameters):
    salt = base64.b64encode(number.to_bytes(16, "big")).decode()
    given = "".join(f", {name}: {value}" for name, value in parameters.items())
    return f'{{passphrase: {{file: pw}}, kdf: {kdf}, salt: "{salt}"{given}}}'


def ignoring(text, name=".gitignore"):
    """A work tree with an ignore file."""

    def prepare(desk):
        subprocess.run(["git", "init", "-q", desk.path / "t"], check=True)
        desk.write(f"t/{name}", text)
        desk.write("t/a.md", b"---\ntitle: 1\n---\n")
        return ["check", "t"]

    return prepare


def including(*globs):
    def prepare(desk):
        desk.write("t/a.md", b"---\nsecured: 1\n---\n")
        return ["check", "t", *(word for glob in globs for word in ("--include", glob))]

    return prepare


def policy(text):
    def prepare(desk):
        desk.write("t/sealkit.yaml", text)
        desk.write("t/a.md", b"---\nsecured: 1\n---\n")
        return ["check", "t"]

    return prepare


def sealed(payload, *args):
    """A record that holds a payload, sealed past the checks; what is done with it."""

    def prepare(desk):
        desk.write("a.json", b'{"secured":"' + desk.sealed(payload()).encode() + b'"}')
        return [*args, "a.json"]

    return prepare


def sealing(payload):
    def prepare(desk):
        desk.write("p", payload())
        desk.write("a.json", b'{"title":"t"}')
        return ["seal", "--payload", "p", "--payload-kind", "json", "a.json"]

    return prepare


def two(old, new, *args):
    def prepare(desk):
        desk.write("a.json", b'{"secured":"' + desk.sealed(old()).encode() + b'"}')
        desk.write("b.json", b'{"secured":"' + desk.sealed(new()).encode() + b'"}')
        return ["diff", *args, "a.json", "b.json"]

    return prepare


def alternating(sign):
    return lambda: b"".join(b"%d\n%s%d\n" % (n, sign, n) for n in range(12_000))


def given(*args):
    def prepare(desk):
        desk.record("a.md", "plain")
        return list(args)

    return prepare


def stored(desk):
    """A version in git's index that is larger than a record may be."""
    subprocess.run(["git", "init", "-q", desk.path / "t"], check=True)
    desk.write("t/a.json", b'{"secured":"' + b"a" * (70 * MIB) + b'"}')
    subprocess.run(["git", "-C", desk.path / "t", "add", "a.json"], check=True)
    return ["check", "--staged", "t"]


ARGON = passphrase(1, "argon2id", t=16, m=4 << 20, p=4)
SCRYPT = passphrase(1, "scrypt", n=1 << 20, r=16, p=16)
WRAPPED = f'{{wrapped: "{base64.b64encode(bytes(40)).decode()}", under: k1}}'
WIDE = "t = pa.table({'secured': ['A' * 66000] * 8192})\n"
ONE_VALUE = "pa.DictionaryArray.from_arrays(pa.array([0] * 8192), ['A' * 450000])"
BLOBS = b'{"secured":"AAAAAAAAAAAAAAAAAAAAAA==;AAAAAAAAAAAAAAAAAAAAAA=="}\n'
JSON_NUMBERS = b"[" + b"1," * 16 + b"1]"

BOMBS = {
    # what other generators read
    "a line of backslashes": Bomb(file("a.txt", (b"\\", 12 * MIB), (b"secured: x", 1)), 1, "like a key"),
    "a line of semicolons": Bomb(file("a.md", (b";", 12 * MIB), (b"secured: x", 1)), 1, "no record"),
    "a fence without an end": Bomb(file("a.md", (b"#", 12 * MIB), (b"\nsecured: x", 1)), 1, "like a key"),
    "lines of metadata": Bomb(file("a.md", (b"a: secured\n", MIB)), 1, "no record"),
    "metadata that goes on": Bomb(file("a.md", (b"a: secured\n", 1), (b" b\n", 4 * MIB)), 1, "no record"),
    "tags of a directive": Bomb(
        file("a.yml", (b"%TAG !e! tag:yaml.org,2002:\n---\na: ", 1), (b"!e!binary c2Vj ", MIB // 2)), 1, "bytes"
    ),
    # JSON, JSON Lines
    "24 MB of []": Bomb(file("a.json", (b'{"secured":[', 1), (b"[],", 8 * MIB), (b"1]}", 1)), 1, "keys and values"),
    "objects": Bomb(file("a.json", (b'{"secured":[', 1), (b"{},", 4 * MIB), (b"1]}", 1)), 1, "keys and values"),
    "numbers, inspected": Bomb(
        file("a.json", (b'{"secured":[', 1), (b"1,", 8 * MIB), (b"1]}", 1), verb=["inspect"]), 1, "keys and values"
    ),
    "members": Bomb(file("a.json", (b"{", 1), (b'"a":1,', 2 * MIB), (b'"secured":1}', 1)), 1, "keys and values"),
    "strings that are not closed": Bomb(
        file("a.json", (b'{"secured":[', 1), (b'"\\"",', 4 * MIB), (b'"', 1)), 1, "keys and values"
    ),
    "lines": Bomb(file("a.jsonl", (b'{"secured":1}\n', 1), (b"{}\n", 700_000)), 1, "lines of JSON"),
    "empty lines": Bomb(file("a.jsonl", (b'{"secured":1}\n', 1), (b"\n", 20 * MIB)), 1, "lines of JSON"),
    "lines, shown": Bomb(file("a.jsonl", (BLOBS, 300_000), verb=["git", "textconv"]), 0, "lines of JSON"),
    "values in lines": Bomb(file("a.jsonl", (b'{"secured":[' + b"[]," * 999 + b"1]}\n", 9000)), 1, "keys and values"),
    "fields, sealed": Bomb(
        file("a.json", (b'{"a":["x"', 1), (b',"x"', 200_000), (b"]}", 1), verb=["seal", "--field", "a[]"]), 1, "fields of one path"
    ),
    "fields, looked at": Bomb(
        file("a.json", (b'{"a":[{"b":1}', 1), (b',{"b":1}', 100_000), (b"]}", 1), verb=["check", "--field", "a[].b"]),
        1,
        "fields of one path",
    ),
    "blanks": Bomb(file("a.json", (b'{"secured":', 1), (b" \n", 12 * MIB), (b"1}", 1)), 1, "plaintext"),
    "one number": Bomb(file("a.json", (b'{"secured":', 1), (b"1", 24 * MIB), (b"}", 1)), 1, "plaintext"),
    "one blob": Bomb(file("a.json", (b'{"secured":"', 1), (b"A" * 64, MIB // 4), (b';AAAAAAAAAAAAAAAAAAAAAA=="}', 1)), 1, ""),
    # YAML, front matter
    "YAML of 16 MB": Bomb(file("a.yaml", (b"secured: 1\n", 1), (b"- a\n", 4 * MIB)), 1, "at most 1048576 are read"),
    "lines of dots": Bomb(file("a.md", (b"---\nsecured: a\n", 1), (b"...a\n", 2 * MIB)), 1, ""),
    "blanks before a line of dashes": Bomb(file("a.md", (b" ", 12 * MIB), (b"---\nsecured: a\n---\n", 1)), 1, ""),
    "a megabyte of items": Bomb(file("a.md", (b"---\nsecured:\n", 1), (b"- a\n", 200_000), (b"---\n", 1)), 1, "YAML events"),
    # which files
    "an ignore file": Bomb(ignoring(b"".join(b"a%d\n" % n for n in range(140_000))), 4, "an ignore file of"),
    "an ignore file of sets": Bomb(ignoring(b"[!a-c]" * 100_000), 4, "an ignore file of"),
    "an exclude file of git's": Bomb(ignoring(b"*a" * 300_000, ".git/info/exclude"), 4, "an ignore file of"),
    "globs of many steps": Bomb(including("a/" * 30_000 + "*"), 2, "bytes times steps"),
    "many globs": Bomb(including(*(f"**/{n}/*" + "/a" * 40 for n in range(900))), 2, "bytes times steps"),
    "a policy of globs": Bomb(policy(b"version: 1\nrecords:\n  - include: [" + b'"a*/**",' * 9000 + b"]\n"), 2, "policy: "),
    # keys
    "Argon2id": Bomb(ring(ARGON), 2, "at most 10 s and 4 GiB"),
    "scrypt": Bomb(ring(SCRYPT), 2, "at most 10 s and 4 GiB"),
    "PBKDF2 forty times": Bomb(ring(*(passphrase(n, "pbkdf2", iterations=10_000_000) for n in range(1, 41))), 2, "at most 10 s"),
    "Argon2id 256 times": Bomb(ring(*(passphrase(n, "argon2id", t=3, m=65536, p=4) for n in range(1, 257))), 2, "at most 10 s"),
    "wrapped under a costly one": Bomb(ring(WRAPPED, f"{SCRYPT}\n    state: disabled"), 2, "at most 10 s"),
    "MAC keys": Bomb(ring("{hex: " + "ab" * 32 + "}", mac=f"\n    mac: {SCRYPT}"), 2, "at most 10 s"),
    "a ring of 2 MB": Bomb(ring(*("{env: A}",) * 60_000), 3, "more than"),
    "a program that never ends": Bomb(given("decrypt", "--key-command", "yes", "--key-encoding", "hex", "a.md"), 3, "4096"),
    "a key on stdin": Bomb(given("decrypt", "--key-stdin", "--key-encoding", "hex", "a.md"), 3, "4096", wrap=ENDLESS),
    # stdin
    "a record on stdin": Bomb(given("check", "-", "--as", "a.json"), 4, "bytes on stdin", wrap=ENDLESS),
    "what is to be sealed": Bomb(given("seal", "--payload", "-", "a.md"), 4, "bytes on stdin", wrap=ENDLESS),
    "what is set": Bomb(given("set", "a.md"), 4, "bytes on stdin", wrap=ENDLESS),
    # payloads, diffs, git
    "24 MB of NUL, shown": Bomb(file("a.md", (b"\0", 24 * MIB), verb=["git", "textconv"]), 0, "not shown"),
    "24 MB of ESC, shown": Bomb(file("a.md", (b"\x1b", 24 * MIB), verb=["git", "textconv"]), 0, "not shown"),
    "bidi controls, shown": Bomb(file("a.md", ("\u202e".encode(), 12 * MIB), verb=["git", "textconv"]), 0, "not shown"),
    "no UTF-8, shown": Bomb(file("a.md", (b"\xff", 24 * MIB), verb=["git", "textconv"]), 0, "not shown"),
    "line ends, shown": Bomb(sealed(lambda: b"\n" * (20 * MIB), "git", "textconv", "--force"), 0, ""),
    "line ends, searched": Bomb(sealed(lambda: b"\n" * (20 * MIB), "grep", "^$"), 4, "are searched"),
    "JSON to be sealed": Bomb(sealing(lambda: b"[" + b"[]," * (12 * MIB) + b"1]"), 1, "JSON payload"),
    "JSON that is opened": Bomb(sealed(lambda: b"[" + b"[]," * (6 * MIB) + b"1]", "decrypt", "--payload-kind", "json"), 1, ""),
    "JSON, compared": Bomb(two(lambda: JSON_NUMBERS * 400_000, lambda: b"[" + b"1," * (2 * MIB) + b"1]"), 0, ""),
    "every second line, compared": Bomb(two(alternating(b"a"), alternating(b"b")), 0, ""),
    "every second line, word by word": Bomb(two(alternating(b"a"), alternating(b"b"), "--word"), 0, ""),
    "equal lines, word by word": Bomb(two(lambda: b"\n" * 100_000, lambda: b"a" + b"\n" * 100_000 + b"b", "--word"), 0, ""),
    "one word after the other": Bomb(two(lambda: b"a " * 200_000, lambda: b"b a " * 200_000, "--word"), 0, ""),
    "a version in git": Bomb(stored, 4, "at most 67108864 are read"),
    # tables
    "CSV: one line": Bomb(csv((b"secured\n", 1), (b"a", 65 * MIB)), 4, "a line of more than", TABLE_MEMORY),
    "CSV: one value": Bomb(csv((b'secured\n"', 1), (b"a\n", 20 * MIB)), 4, "a row of more than", TABLE_MEMORY),
    "CSV: commas": Bomb(csv((b"secured\n", 1), (b",", 20 * MIB)), 4, "a line of more than", TABLE_MEMORY),
    "CSV: columns": Bomb(csv((b"a,", 10 * MIB), (b"secured\n", 1)), 4, "a line of more than", TABLE_MEMORY),
    "JSON Lines: one line": Bomb(lines_table, 1, "keys and values", TABLE_MEMORY),
    "Parquet: 475 bytes": Bomb(
        table("parquet", f"t = pa.table({{'secured': {ONE_VALUE}}})\no = {{'store_schema': False}}"), 4, "unfolds to", TABLE_MEMORY
    ),
    "Parquet: prefixes": Bomb(
        table("parquet", WIDE + "o = {'use_dictionary': False, 'column_encoding': {'secured': 'DELTA_BYTE_ARRAY'}}"),
        4,
        "unfolds to",
        TABLE_MEMORY,
    ),
    "Parquet: another column": Bomb(
        table("parquet", f"t = pa.table({{'secured': ['a'] * 8192, 'x': {ONE_VALUE}}})\no = {{'store_schema': False}}"),
        4,
        "unfolds to",
        TABLE_MEMORY,
    ),
    "Parquet: lists": Bomb(
        table("parquet", "t = pa.table({'secured': ['a'], 'x': [['A' * 66000] * 8192]})\no = {}"), 4, "unfolds to", TABLE_MEMORY
    ),
    "Parquet: a page": Bomb(
        table(
            "parquet",
            "t = pa.table({'secured': pa.array(['A' * (1 << 20)] * 140)})\no = {'use_dictionary': False, 'data_page_size': 1 << 30}",
        ),
        4,
        "a page of",
        TABLE_MEMORY,
    ),
    "Parquet: rows": Bomb(
        table("parquet", "t = pa.table({'secured': pa.nulls(60_000_000, pa.int8())})\no = {}"), 4, "unfolds to", TABLE_MEMORY
    ),
    "Arrow: a batch": Bomb(
        table("arrow", "t = pa.table({'secured': pa.nulls(70_000_000, pa.int64())})"),
        4,
        "a batch of",
        TABLE_MEMORY,
    ),
    "Arrow: one value, referred to": Bomb(
        table("arrow", "t = pa.table({'secured': pa.DictionaryArray.from_arrays(pa.array([0] * 60_000), ['A' * 450_000])})"),
        4,
        "unfolds to",
        TABLE_MEMORY,
    ),
    "Arrow: rows of nothing": Bomb(
        table("arrow", "t = pa.table({'secured': pa.nulls((1 << 31) - 1)})"), 4, "rows; at most", TABLE_MEMORY
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(tmp_path, name):
    """It ends with the status and says what is expected, within a processor's seconds and a child's memory."""
    bomb = BOMBS[name]
    desk = Desk(tmp_path)
    args = bomb.prepared(desk)

    ran = desk.run(*args, wrap=bomb.wrap, env=SMALL, bounds=(SECONDS, bomb.memory), timeout=300)
    for path in desk.path.glob("*.*"):  # they are large, and pytest keeps folders
        path.unlink() if path.is_file() else None
    assert ran.status == bomb.status, ran
    assert bomb.says in ran.err
    assert "Traceback" not in ran.err


# --- and what is just within the bounds is read ---------------------------------------------------------------------------
WITHIN = {
    "JSON_VALUES": (20, lambda many: jsontree.compose("[" + "1," * (18 + many) + "1]")),
    "values of a string": (20, lambda many: jsontree.compose('["' + ",:[{" * 50 + '"' + ",1" * (18 + many) + "]")),
    "JSON_LINES": (20, lambda many: split(b"{}\n" * (20 + many), "jsonl")),
    "values in lines": (20, lambda many: split(b"[1]\n" * (19 + many), "jsonl")),
    "FIELDS": (20, lambda many: Record(b'{"a": [1' + b",1" * (19 + many) + b"]}", "json", 1).paths("a[]")),
    "PAYLOAD_VALUES": (20, lambda many: check(b"[" + b"1," * (18 + many) + b"1]", "json")),
    "GLOB_WORK": (20, lambda many: Globs(["a/b", "a" * (14 + many)])),
    "IGNORE_BYTES": (20, lambda many: ignored(b"a\n" * 10 + b"b" * many)),
    "RING_SECONDS": (10.0, lambda many: check_cost(declared(seconds=2.5) for _ in range(4 + many))),
    "RING_BYTES": (4 << 30, lambda many: check_cost(declared(memory=1 << 30) for _ in range(4 + many))),
    "FILE_BYTES": (20, lambda many: stdin(b"a" * (20 + many))),
    "CELL_BYTES": (20, lambda many: rows(b"secured\n" + b"a" * (19 + many) + b"\n")),
    "CELLS": (3, lambda many: rows(b"secured,a,b,c\n" + b"1,2,3,4" + b"," * many + b"\n")),
    "SHOWN_LINES": (3, lambda many: rows(b'secured\n"a\nb\nc' + b"\nd" * many + b'"\n')),
}


def declared(seconds=0.0, memory=0):
    """A key of a ring whose source costs that; each has an id of its own."""
    source = SimpleNamespace(cost=Cost(seconds, memory), needs=None)
    return SimpleNamespace(id=object(), source=source, mac=None, may_open=True)


def ignored(text):
    Path(".gitignore").write_bytes(text)
    return ignore.read(".gitignore", None, ".gitignore")


def stdin(data):
    read = io.TextIOWrapper(io.BytesIO(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", read)
        return run.given()


def rows(text):
    pytest.importorskip("pyarrow")
    from sealkit.columns import files

    Path("a.csv").write_bytes(text)
    return list(files.stream("a.csv", None, files.Change("secured"), lambda column, _: (None, column)))


@pytest.mark.parametrize("name", WITHIN)
def test_within_a_bound_and_beyond(monkeypatch, tmp_path, name):
    """With the figure made small: as much as that is read, and one more is refused as ``limit``, with a figure and what to do."""
    most, read = WITHIN[name]
    figure = {"values of a string": "JSON_VALUES", "values in lines": "JSON_VALUES"}.get(name, name)
    monkeypatch.setattr(limits, figure, most)
    monkeypatch.chdir(tmp_path)
    read(0)
    with pytest.raises(SealkitError) as caught:
        read(1)
    assert caught.value.code == "limit"
    assert caught.value.hint
    assert any(character.isdigit() for character in caught.value.problem)


def test_what_keygen_makes_is_within_the_bounds():
    """Two keys of ``--hard``, of each function, and forty of the default."""
    for name, function in passphrases.FUNCTIONS.items():
        for parameters, count in ((passphrases.HARD[name], 2), (function.defaults, 24)):
            cost = function.cost(**parameters)
            check_cost(declared(cost.seconds, cost.memory) for _ in range(count))


def test_large_json_without_the_field_is_not_parsed(monkeypatch):
    """Whatever it holds: what cannot spell the field's name costs a look at its bytes."""
    monkeypatch.setattr(limits, "JSON_VALUES", 10)
    assert not Spelling(["secured"]).could(b'{"a": [' + b"1," * 1000 + b"1]}")


def test_every_figure_is_in_the_documentation():
    """docs/format.md has each figure of the table, as it is here."""
    table = (Path(__file__).parents[1] / "docs" / "format.md").read_text().partition("## Limits")[2]
    written = {name: value for name, value in vars(limits).items() if name.isupper() and name not in ("MIB", "GIB")}
    missing = [name for name in written if f"`{name}`" not in table]
    assert missing == []
    for name, value in written.items():
        (row,) = [line for line in table.splitlines() if f"`{name}`" in line]
        assert shown(value) in row, (name, shown(value))


def shown(value):
    """A figure as the documentation writes it; rows are counted, and not in kibi."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 128 << 10)):
        if isinstance(value, int) and value >= size and not value % size:
            return f"{value // size if unit != 'KiB' else value >> 10} {unit}"
    return f"{value:,}"
