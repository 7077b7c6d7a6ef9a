"""Properties of records: an edit changes one value and nothing else, whatever the record; nothing but SealkitError comes out."""

from __future__ import annotations

import functools
import pickle
import traceback

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from record_table import NEW, OLD, ROWS
from yaml_documents import Documents

from sealkit import yamltree
from sealkit.errors import (
    BadFieldPath,
    FieldAbsent,
    NotAString,
    OverLimit,
    RefusedEdit,
    SealkitError,
    SharedNode,
    UnsupportedRecord,
)
from sealkit.records import locate, scan
from sealkit.records.document import Document
from sealkit.records.record import Record, split

KINDS = ("frontmatter", "yaml", "json", "jsonl")
PATHS = ("secured", "a", "k-1", "a.b", "a[0]", "a[]", "[]", "[0].secured", "a[].b", "title.secured", "é", "<<", "~", "1")

b64 = st.binary(max_size=30)
blobs = st.builds(
    lambda parts: ";".join(parts),
    st.lists(
        st.text(alphabet="ABCXYZabcxyz0123+/", min_size=1, max_size=20).map(lambda text: text + "=" * (len(text) % 3)),
        min_size=2,
        max_size=3,
    ),
)
seeds = st.integers(0, 2**32)
any_text = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20)
texts = st.one_of(any_text, st.text(alphabet="a \t\n\r\"'\\:#,[]{}&*!|>%@`?-~\x00\x85\u2028\ufeff🎉", max_size=12))


def readable(record: Record, path: str) -> str | None:
    try:
        return record.value(path)
    except SealkitError:
        return None


def check_edit(record: Record, changed: Record, path: str, text: str) -> None:
    before, after = record.raw, changed.raw
    old, new = record.field(path), changed.field(path)
    source, start = record.document.text, record.region.start
    head = before[:start] + source[: old.node.start].encode()
    assert after.startswith(head)
    tail = before[start + len(source[: old.node.end].encode()) :]
    assert after.endswith(tail)
    assert new.blob_text == text
    assert changed.value(path) is not None
    again = Record.parse(after, kind=record.kind)
    assert again.replace(path, text) is again
    assert again.set(path, text).value(path) == text


@settings(max_examples=1200, deadline=None)
@given(seeds, blobs, st.sampled_from(["frontmatter", "yaml"]))
def test_replace_changes_one_value(seed, blob, kind):
    source = Documents(seed)().encode("utf-8", "surrogatepass")
    data = b"---\n" + source + b"\n---\nbody\xff\r\n" if kind == "frontmatter" else source
    try:
        record = Record.parse(data, kind=kind)
    except SealkitError:
        return
    value = readable(record, "secured")
    if value is None:
        return
    assert record.replace("secured", value) is record
    try:
        changed = record.replace("secured", blob)
    except (SharedNode, RefusedEdit):
        return
    check_edit(record, changed, "secured", blob)


def replaced(data: bytes, text: str, *, by_tree: bool) -> bytes | str:
    record = Record.parse(data, kind="yaml")
    try:
        if by_tree:
            record.values("secured")  # from now on the scan is not asked
        return record.replace("secured", text).raw
    except SealkitError as error:
        return error.code


def test_the_fast_replacement_is_the_one_through_the_tree():
    fast = same = 0
    for seed in range(5_000):
        data = Documents(seed)().encode("utf-8", "surrogatepass")
        span = scan.find(data, 0, len(data), "secured")
        if not isinstance(span, scan.Span):
            continue
        fast += 1
        for text in (NEW, "QQ;QQ", "two words", "x", "", 'q"q;q', "é;é"):
            assert replaced(data, text, by_tree=False) == replaced(data, text, by_tree=True), data
        value = data[span.start : span.end].decode()
        holds = Record.parse(data, kind="yaml")
        tree = Record.parse(data, kind="yaml")
        try:
            expected = tree.value("secured") == value
        except SealkitError:
            with pytest.raises(SealkitError):
                holds.holds("secured", value)
            continue
        assert holds.holds("secured", value) is expected is True
        assert not holds.holds("secured", value + "A")
        same += 1
    assert fast > 1000
    assert same > 500


@pytest.mark.parametrize(
    "source",
    [
        'a: "\nsecured: @\n"\n',
        "a: '\nsecured: @\n'\n",
        "a: {\nsecured: @\n}\n",
        "a: [\nsecured: @\n]\n",
        "a: 1\nsecured: @\nb: *c\n",
        "a: [1\nsecured: @\n",
        "- a\nsecured: @\n",
        "%TAG !a! b\n" * 101 + "secured: @\n",
        "a: |\n  secured: @\n",
        "# secured: @\n",
        "b: secured: @\n",
        " secured: @\n",
    ],
)
def test_libyaml_confirms_no_decoy(source):
    start = source.index("@")
    data = source.replace("@", "x;y").encode()
    assert not Document(data, "yaml").confirms("secured", start, start + 3)
    assert Document(b"secured: x;y\n" + data, "yaml").confirms("secured", 9, 12) is (
        yamltree.events(b"secured: x;y\n" + data) is not None
    )


def test_confirming_costs_little_for_a_bomb():
    bomb = "".join(f"%TAG !{i}! x\n" for i in range(60_000)).encode()
    record = Record.parse(bomb + b"secured: x;y\n", kind="yaml")
    for call in (lambda: record.replace("secured", "q;q"), lambda: record.holds("secured", "x;y")):
        with pytest.raises(OverLimit):
            call()
    assert yamltree.events(b"a: [" + b"a," * 100_000 + b"]") is None
    assert yamltree.events(b"#" * (1 << 20) + b"#") is None


def test_replace_is_rarely_refused():
    """The property above must not be empty: count what a fixed source of documents gives."""
    found = {"changed": 0, "shared_node": 0, "unread": 0, "absent": 0}
    for seed in range(4000):
        source = Documents(seed)().encode("utf-8", "surrogatepass")
        try:
            record = Record.parse(source, kind="yaml")
            value = record.value("secured")
        except SealkitError:
            found["unread"] += 1
            continue
        if value is None:
            found["absent"] += 1
            continue
        try:
            check_edit(record, record.replace("secured", NEW), "secured", NEW)
            found["changed"] += 1
        except SealkitError as error:
            found[error.code] += 1
    assert found["changed"] > 600, found
    assert found["shared_node"] < 20, found


@settings(max_examples=800, deadline=None)
@given(st.sampled_from([row for row in ROWS if row.outcome == "value"]), texts)
def test_any_text_can_be_set_and_read(row, text):
    record = Record.parse(row.data, kind=row.kind)
    if "[]" in row.path:
        return
    changed = record.set(row.path, text)
    assert changed.value(row.path) == text
    assert changed.plaintext(row.path) == (text.encode(), "text")
    assert changed.set(row.path, OLD).value(row.path) == OLD
    replaced = record.replace(row.path, text)
    assert text in (replaced.value(row.path), replaced.blob_text(row.path)[0])


@settings(max_examples=400, deadline=None)
@given(
    texts,
    st.sampled_from(
        [
            "---\n---\n",
            "---\r\na: 1\r\n---\r\nB\r\n",
            "---\nsecured:\n---\n",
            "---\nsecured: 12 # c\n---\n",
            "---\nsecured: {a: [1]}\nb: 2\n---\n",
        ]
    ),
)
def test_what_was_decrypted_can_be_put_back(text, page):
    record = Record.parse(page.encode(), kind="frontmatter").set("secured", text)
    assert record.plaintext() == (text.encode(), "text")
    sealed = record.set("secured", OLD)
    assert sealed.blob_text()[0] == OLD
    assert sealed.set("secured", text).raw == record.raw


def everything(data: bytes, kind: str, path: str, text: str) -> None:
    """Call all there is; only ``SealkitError`` may come out."""
    calls = [
        lambda record: record.value(path),
        lambda record: record.blob_text(path),
        lambda record: record.values(path),
        lambda record: record.paths(path),
        lambda record: record.plaintext(path),
        lambda record: record.replace(path, text),
        lambda record: record.set(path, text),
        lambda record: record.holds(path, text),
        lambda record: record.warnings,
    ]
    for record in attempt(data, lambda: split(data, kind)) or []:
        for call in calls:
            result = attempt(data, functools.partial(call, record))
            if isinstance(result, Record) and result is not record:
                assert result.blob_text(path)[0] == text


def attempt(data: bytes, call):
    """Return the result, or None for a ``SealkitError``, which must be in order."""
    try:
        return call()
    except SealkitError as error:
        failure = error
    assert failure.__context__ is None
    assert failure.line is None or 1 <= failure.line <= data.count(b"\n") + 1
    assert str(pickle.loads(pickle.dumps(failure))) == str(failure)
    assert failure.problem in str(failure)
    return None


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=80),
    st.sampled_from(KINDS),
    st.sampled_from(PATHS),
    texts,
    st.sampled_from([b"", b"---\n", b'{"secured":', b"secured: "]),
)
def test_arbitrary_bytes(data, kind, path, text, prefix):
    everything(prefix + data, kind, path, text)


@settings(max_examples=700, deadline=None)
@given(seeds, st.sampled_from(KINDS), st.sampled_from(PATHS), st.one_of(texts, st.text(max_size=3)))
def test_arbitrary_documents(seed, kind, path, text):
    source = Documents(seed)().encode("utf-8", "surrogatepass")
    if kind == "frontmatter":
        source = b"---\n" + source + b"\n---\n"
    everything(source, kind, path, text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12), st.sampled_from(KINDS))
def test_arbitrary_paths(path, kind):
    everything(b'---\na: 1\nsecured: "x;y"\n---\n' if kind == "frontmatter" else b'{"a": 1, "secured": "x;y"}', kind, path, "v")


# --- what is said about values ---------------------------------------------------------------------------------------
def page(yaml_text: str) -> Record:
    return Record.parse(f"---\n{yaml_text}---\n".encode(), kind="frontmatter")


@pytest.mark.parametrize(
    ("text", "kind", "payload"),
    [
        ("'a b'", "string", (b"a b", "text")),
        ("é # c", "string", ("é".encode(), "text")),
        ("|\n  a\n  b", "string", (b"a\nb\n", "text")),
        ('"\\u00e9\\n"', "string", ("é\n".encode(), "text")),
        ("012", "number", (b"012", "text")),
        ("1_000", "number", (b"1_000", "text")),
        ("yes", "boolean", (b"yes", "text")),
        ("2020-01-01", "timestamp", (b"2020-01-01", "text")),
        ("{b: 1, a: x}", "mapping", (b'{"b":1,"a":"x"}', "json")),
        ("\n  z: [1, 'two', é]\n  a: {}", "mapping", ('{"z":[1,"two","é"],"a":{}}'.encode(), "json")),
        ("[]", "sequence", (b"[]", "json")),
        ("[1.5, -2, 1e3, true, null, ~, 2020-01-01]", "sequence", (b'[1.5,-2,1e3,true,null,null,"2020-01-01"]', "json")),
        ('["\\u2028", "\\0", "\\"" ]', "sequence", ('["\u2028","\\u0000","\\""]'.encode(), "json")),
    ],
)
def test_plaintext(text, kind, payload):
    record = page(f"secured: {text}\nz: 1\n")
    assert record.plaintext() == payload
    (value,) = record.values()
    assert value.type == kind
    assert (value.text is None) == (kind != "string")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_a_string"),
        ("~", "not_a_string"),
        ("!!binary QQ==", "not_a_string"),
        ("!vault x", "not_a_string"),
        ("[yes]", "refused_edit"),
        ("[012]", "refused_edit"),
        ("[0x1f]", "refused_edit"),
        ("[.inf]", "refused_edit"),
        ("[1:30]", "refused_edit"),
        ("[+1]", "refused_edit"),
        ("[!!str 1, !t 2]", "refused_edit"),
        ("{[a]: 1}", "refused_edit"),
        ("{<<: {a: 1}}", "refused_edit"),
        ("{a: 1, a: 2}", "duplicate_key"),
        ("{a: 1, 'a': 2}", "duplicate_key"),
    ],
)
def test_no_plaintext(text, code):
    record = page(f"z: 1\nsecured: {text}\n")
    with pytest.raises(SealkitError) as failure:
        record.plaintext()
    assert (failure.value.code, failure.value.line) == (code, 3)


def test_deep_plaintext():
    depth = 98
    record = page("secured: " + "[" * depth + "]" * depth + "\n")
    assert record.plaintext() == (b"[" * depth + b"]" * depth, "json")
    record = page("secured: " + "{a: " * depth + "1" + "}" * depth + "\n")
    assert record.plaintext()[0].count(b"{") == depth


def test_only_ascii_white_space_is_stripped_from_blocks():
    record = page("secured: |\n  \u00a0x;y \u00a0\n\n")
    assert record.blob_text() == ("\u00a0x;y \u00a0", 2)
    assert page("secured: |\n\n  x;y  \n\n").blob_text() == ("x;y", 2)
    assert page('secured: " x;y\\n"\n').blob_text() == (" x;y\n", 2)


def test_several_fields():
    record = page("a:\n- secured: x;y\n- b: 1\n- secured: 12\n")
    assert [(value.path, value.blob_text, value.line) for value in record.values("a[].secured")] == [
        ("a[0].secured", "x;y", 3),
        ("a[2].secured", None, 5),
    ]
    assert record.paths("a[].secured") == ["a[0].secured", "a[2].secured"]
    for call in (record.value, record.blob_text, record.plaintext):
        with pytest.raises(BadFieldPath):
            call("a[].secured")
    assert record.replace("a[0].secured", "q;q").raw == record.raw.replace(b"x;y", b"q;q")


def test_absent_is_an_error_where_something_must_be_there():
    record = page("a: 1\n")
    for call in (record.plaintext, lambda: record.replace("secured", "x"), lambda: record.holds("secured", "x")):
        with pytest.raises(FieldAbsent) as failure:
            call()
        assert (failure.value.line, failure.value.field) == (1, "secured")


def test_not_a_string_says_what_it_is():
    for text, kind in (("12", "number"), ("[1]", "sequence"), ("{}", "mapping"), ("", "null"), ("!t x", "tagged")):
        with pytest.raises(NotAString) as failure:
            page(f"secured: {text}\n").value()
        assert (failure.value.type, failure.value.line, failure.value.field) == (kind, 2, "secured")


def test_lines_of_json_lines_and_pages():
    record = Record.parse(b'{"secured": 1}', kind="jsonl", line=41)
    with pytest.raises(NotAString) as failure:
        record.value()
    assert failure.value.line == 41
    record = Record.parse(b'---\n\n\nsecured: "x;y"\n---\n', kind="frontmatter")
    assert record.blob_text() == ("x;y", 4)
    assert record.values()[0].line == 4


def test_the_scan_and_the_parse_name_the_same_line():
    for row in ROWS:
        if row.outcome == "value":
            record = Record.parse(row.data, kind=row.kind)
            fast = record.blob_text(row.path)
            record.values(row.path)
            assert record.blob_text(row.path) == fast


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"---\na: 1\n---\nB\n", []),
        (b"\xef\xbb\xbf---\na: 1\n---\n", ["byte order mark"]),
        (b"---\na: 1\n...\n", ["closed by '...'"]),
        (b"---\na: 1\n---\ncaf\xe9\n", ["not UTF-8"]),
        (b"---\na: 1\n---\na\rb\r\n", ["carriage return"]),
        (b"\xef\xbb\xbf---\na: 1\r\n...\n\xff\r", ["byte order mark", "closed by '...'", "carriage return", "not UTF-8"]),
        (b"text\n", []),
    ],
)
def test_warnings(data, words):
    found = Record.parse(data, kind="frontmatter").warnings
    assert len(found) == len(words)
    assert all(word in warning for word, warning in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.md", "frontmatter"),
        ("a/b.MARKDOWN", "frontmatter"),
        ("a.html", "frontmatter"),
        ("a.txt", "frontmatter"),
        ("a.yml", "yaml"),
        ("a.YAML", "yaml"),
        ("a.json", "json"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a", "frontmatter"),
        ("a.json/b", "frontmatter"),
        (".json", "json"),
    ],
)
def test_kind_of(path, kind):
    assert Record.kind_of(path) == kind


def test_unknown_kind():
    with pytest.raises(UnsupportedRecord):
        Record.parse(b"", kind="toml")


def test_nothing_of_the_record_is_shown_or_pickled():
    record = page('secured: "my plaintext"\n')
    assert "plaintext" not in repr(record)
    with pytest.raises(TypeError):
        pickle.dumps(record)
    for call in (
        lambda: page("secured: [my plaintext\n").value(),
        lambda: page("secured: 12 # my plaintext\nsecured: my plaintext\n").value(),
        lambda: page("secured: {a: my plaintext, b: *c}\n").value(),
        lambda: page("secured: my plaintext\xff\x01\n").value(),
        lambda: Record.parse(b'---\nsecured: "my plaintext \xff"\n---\n', kind="frontmatter").value(),
        lambda: Record.parse(b'{"secured": "my plaintext', kind="json").value(),
        lambda: page("secured:\n  a: my plaintext # c\n").set("secured", "x"),
        lambda: page("secured: [my plaintext, yes]\n").plaintext(),
    ):
        with pytest.raises(SealkitError) as failure:
            call()
        shown = "".join(traceback.TracebackException.from_exception(failure.value, capture_locals=True).format())
        frames = [line for line in shown.splitlines() if "my plaintext" in line and "lambda" not in line and "page(" not in line]
        assert [line for line in frames if "record" in line.lower() and "sealkit" in line] == []
        assert "plaintext" not in f"{failure.value.problem}{failure.value.hint}".replace("the plaintext", "")
        assert failure.value.__context__ is None


def test_values_are_what_a_yaml_reader_makes_of_them():
    """Whatever is called a string must be one for PyYAML's safe loader too."""
    words = (
        "x",
        "1",
        "1.5",
        "-1",
        "0x1f",
        "0o17",
        "017",
        "1e3",
        "1.0e+3",
        ".5",
        "5.",
        ".inf",
        "-.inf",
        ".nan",
        "yes",
        "On",
        "TRUE",
        "null",
        "~",
        "1:30",
        "1:30:20.5",
    )
    words += (
        "2020-01-01",
        "2020-1-1 1:00:00",
        "2020-01-01T10:00:00Z",
        "2020-01-01 10:00:00 +1",
        "2020-01-01 10:00:00.123 -01:30",
        "0b11",
        "1_0",
        "1,000",
        "+",
        "-",
        "=",
    )
    for word in words:
        if word in ("-", "="):
            continue
        (value,) = page(f"secured: {word}\n").values()
        try:
            loaded = yaml.load(f"secured: {word}\n", Loader=yaml.CSafeLoader)["secured"]
        except ValueError:
            loaded = None
        if value.type == locate.STRING:
            assert loaded == word
