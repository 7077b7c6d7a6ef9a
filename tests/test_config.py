"""Configuration files: only plain mappings, lists and text; everything else is one ConfigError with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit import config
from sealkit.errors import ConfigError

REFUSED = [
    # id, file, what the problem says, line
    ("empty", b"", "empty", 1),
    ("comment only", b"# nothing\n", "empty", 1),
    ("a list", b"- a\n", "must be a mapping", 1),
    ("text", b"version 1\n", "must be a mapping", 1),
    ("alias", b"a: &x b\nc: *x\n", "an anchor", 1),
    ("alias of a mapping", b"a: b\nc: [&x d, *x]\n", "an anchor", 2),
    ("anchor alone", b"a:\n  - &x b\n", "an anchor", 2),
    ("tag", b"a: b\nc: !!str d\n", "a tag", 2),
    ("local tag", b"c: !python/object/apply:os.system [id]\n", "a tag", 1),
    ("non-specific tag", b"c: ! d\n", "a tag", 1),
    ("tag on a name", b"!!str c: d\n", "a tag", 1),
    ("merge key", b"a: b\n<<: {c: d}\n", "a merge key", 2),
    ("duplicate", b"a: b\nc: d\na: e\n", "'a' stands twice, first in line 1", 3),
    ("duplicate, otherwise quoted", b'a: b\n"\\x61": e\n', "'a' stands twice", 2),
    ("duplicate below", b"a:\n  - {b: c, b: d}\n", "'b' stands twice", 2),
    ("duplicate that may be a key", b"%b: 1\n%b: 2\n" % ((b"0123456789abcdef" * 2,) * 2), "(not shown) stands twice", 2),
    ("a list as a name", b"? [a]\n: b\n", "a name that is not text", 1),
    ("a mapping as a name", b"{a: b}: c\n", "a name that is not text", 1),
    ("two documents", b"a: b\n---\nc: d\n", "more than one YAML document", 2),
    ("not closed", b"a: [b\n", "not YAML", 2),
    ("tab", b"a:\n\tb: c\n", "not YAML", 2),
    ("not UTF-8", b"a: b\nc: \xff\n", "byte 8 is not UTF-8", 2),
    ("UTF-16", "a: b\n".encode("utf-16"), "byte 0 is not UTF-8", 1),
    ("NUL", b"a: \x00\n", "not YAML", 1),
    ("too deep", b"a: " + b"[" * 100_000, "nested deeper", 1),
    ("too long", b"a: b\n" * 300_000, "at most 1048576", None),
    ("too many events", b"a: [" + b"a," * 150_000 + b"]", "events", None),
]


@pytest.mark.parametrize(("data", "problem", "line"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(data, problem, line):
    with pytest.raises(ConfigError) as caught:
        config.load(data, what="policy")
    error = caught.value
    assert problem in error.problem
    assert error.problem.startswith("policy")
    assert error.line == line
    assert error.hint
    assert error.exit_status == 2
    assert error.__context__ is None


def test_a_tree_of_text_that_knows_its_lines():
    table = config.load(b"version: 1\nno: no\nq: \"1\"\nlist:\n  - a: 2020-13-45\n  - [x, '']\nempty:\n", what="policy")
    assert table == {"version": "1", "no": "no", "q": "1", "list": [{"a": "2020-13-45"}, ["x", ""]], "empty": ""}
    assert (table["version"].quoted, table["q"].quoted, table["list"][1][1].quoted) == (False, True, True)
    assert (table["q"].line, table["list"].line, table["list"][1].line, table.lines["empty"]) == (3, 5, 6, 7)


def test_a_quoted_merge_sign_is_a_name_like_any_other():
    assert config.load(b'"<<": a\n', what="policy") == {"<<": "a"}


def test_a_byte_order_mark_does_not_count():
    assert config.load(b"\xef\xbb\xbfa: b\n", what="policy") == {"a": "b"}


TABLE = b"name: x\nnothing:\nlist: [a]\ntable: {b: c}\n"
ACCESS = [
    (
        lambda table: table.only(["name", "nothing", "list", "tabel"], of="it"),
        "unknown attribute 'table'",
        "did you mean 'tabel'?",
        4,
    ),
    (lambda table: table.only(["qqq", "zzz"], of="it"), "unknown attribute 'name'", "known here: qqq, zzz", 1),
    (lambda table: table.text("missing", of="it"), "'missing' is missing", "add a line missing:", 1),
    (lambda table: table.text("nothing", of="it"), "'nothing' has no value", "", 2),
    (lambda table: table.text("list", of="it"), "'list' must be text", "", 3),
    (lambda table: table.table("list", of="it"), "'list' must be a mapping", "", 3),
    (lambda table: table.items_of("table", of="it"), "'table' must be a list", "", 4),
    (lambda table: table.choice("name", ("xx", "y"), of="it", default="y"), "'name' cannot be 'x'", "did you mean 'xx'?", 1),
]


@pytest.mark.parametrize(("ask", "problem", "hint", "line"), ACCESS)
def test_what_a_reader_wants_and_does_not_find(ask, problem, hint, line):
    with pytest.raises(ConfigError) as caught:
        ask(config.load(TABLE, what="policy"))
    assert caught.value.problem == f"it: {problem}"
    assert hint in caught.value.hint
    assert caught.value.line == line


def test_what_a_reader_wants_and_finds():
    table = config.load(TABLE, what="policy")
    table.only(["name", "nothing", "list", "table"], of="it")
    assert table.text("name", of="it") == "x"
    assert table.choice("name", ("x", "y"), of="it", default="y") == "x"
    assert table.choice("absent", ("x", "y"), of="it", default="y") == "y"
    assert table.table("table", of="it") == {"b": "c"}
    assert table.items_of("list", of="it") == ["a"]


FLAGS = [(b"a: true\n", True), (b"a: false\n", False), (b"b: c\n", True)]


@pytest.mark.parametrize(("data", "expected"), FLAGS)
def test_a_flag(data, expected):
    assert config.load(data, what="policy").flag("a", of="it", default=True) is expected


@pytest.mark.parametrize("text", ["yes", "True", '"true"', "1", "[]", ""])
def test_what_is_no_flag(text):
    with pytest.raises(ConfigError) as caught:
        config.load(f"a: {text}\n".encode(), what="policy").flag("a", of="it", default=True)
    assert caught.value.line == 1


CARETS = [
    # file, the line it is about, the place under which the caret stands
    ("good: 1\n  # x\nbad: 2\n", "bad: 2", "bad"),
    ("good: 1\r\nbad: 2\r\n", "bad: 2", "bad"),
    ("\ufeffbad: 2\n", "bad: 2", "bad"),
    ("{good: 'é😀', bad: 2}", "{good: 'é😀', bad: 2}", "bad"),
    ("{good: '\u2028', bad: 2}", "{good: '·', bad: 2}", "bad"),
    ("{good:\t1, bad: 2}", "{good: 1, bad: 2}", "bad"),
    ("{good: 000102030405060708090a0b0c0d0e0f, bad: 2}", f"{{good: {'·' * 32}, bad: 2}}", "bad"),
    ("{good: x/8PHy8T19vf4+fr7/P3xy, bad: 2}", f"{{good: {'·' * 22}, bad: 2}}", "bad"),
    ("{good: posts/2020/a.md, bad: 2}", "{good: posts/2020/a.md, bad: 2}", "bad"),
]


@pytest.mark.parametrize(("text", "source", "under"), CARETS)
def test_a_caret_under_the_place(text, source, under):
    data = text.encode()
    with pytest.raises(ConfigError) as caught:
        config.load(data, what="policy").only(["good"], of="it")
    error = config.with_caret(caught.value, data)
    assert (error.source, type(error.line)) == (source, int)
    assert error.source[error.caret - 1 :].startswith(under)


def test_a_long_line_is_cut_around_the_place():
    data = b"{good: " + b"g " * 5000 + b", bad: 2, more: " + b"m " * 5000 + b"}"
    with pytest.raises(ConfigError) as caught:
        config.load(data, what="policy").only(["good"], of="it")
    error = config.with_caret(caught.value, data)
    assert len(error.source) <= 100
    assert error.source[error.caret - 1 :].startswith("bad: 2")


@pytest.mark.parametrize(
    ("data", "source"), [(b"a: b\nc: ]\n", "c: ]"), (b"a: \xff\n", "a: \ufffd"), (b"", None), (b"a: b\n" * 300_000, None)]
)
def test_a_line_without_a_caret_where_the_place_is_not_known(data, source):
    with pytest.raises(ConfigError) as caught:
        config.load(data, what="policy")
    error = config.with_caret(caught.value, data)
    assert (error.source, error.caret) == (source, None)


SHOWN = ["k2", "formt", "SEALKIT_SECRET_STAGING", "SEALKIT_SECRET_2024", "secrets/k1.key", "encoding", "hex:1", "~/k1.key"]
NOT_SHOWN = [
    "000102030405060708090a0b0c0d0e0f",
    "000102030405060708090A0B0C0D0E0F",
    "ABCDEFABCDEFABCDEFABCDEFABCDEFAB",
    "8PHy8/T19vf4+fr7/P3+/w==",
    "8PHy8/T19vf4+fr7/P3+/w",
    "AAECAwQFBgcICQoLDA0ODw==",
    "0102030405060708090a0b0c0d0e0f",  # one digit pair lost in copying
    "hex:000102030405060708090a0b0c0d0e0f",  # the blank after the colon forgotten
    "x" * 65,
]
PATHS_SHOWN = ["k1.key", "/home/user1/code/project/ring2/k1.key", "../keys/2024/k1", "/" + "long/" * 30 + "k1.key"]
PATHS_NOT_SHOWN = ["000102030405060708090a0b0c0d0e0f", "keys/000102030405060708090a0b0c0d0e0f", "8PHy8/T19vf4+fr7/P3+/w=="]


@pytest.mark.parametrize("text", SHOWN)
def test_shown(text):
    assert config.shown(text) == repr(text)


@pytest.mark.parametrize("text", NOT_SHOWN)
def test_not_shown_as_it_may_be_a_key(text):
    assert config.shown(text) == "(not shown)"


@pytest.mark.parametrize("path", PATHS_SHOWN)
def test_path_shown(path):
    assert config.shown_path(path) == repr(path)


@pytest.mark.parametrize("path", PATHS_NOT_SHOWN)
def test_path_not_shown_as_it_may_be_a_key(path):
    assert config.shown_path(path) == "(not shown)"


YAML_PIECES = st.lists(
    st.sampled_from(
        [
            b"a",
            b"b",
            b": ",
            b":\n",
            b"\n",
            b"  ",
            b"- ",
            b"[",
            b"]",
            b"{",
            b"}",
            b",",
            b"&x ",
            b"*x",
            b"!t ",
            b"<<",
            b"'",
            b'"',
            b"|",
            b"\t",
        ]
    ),
    max_size=40,
).map(b"".join)


@given(st.one_of(st.binary(max_size=200), YAML_PIECES))
def test_whatever_the_bytes_only_a_config_error_escapes(data):
    try:
        table = config.load(data, what="policy")
    except ConfigError:
        return
    assert isinstance(table, config.Table)
