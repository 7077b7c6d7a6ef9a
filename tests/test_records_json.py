"""The JSON scanner against ``json.loads``: it takes a subset, and what it takes means the same."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit.errors import BadSyntax, OverLimit, SealkitError
from sealkit.records import jsontree
from sealkit.records.record import Record, join, split
from sealkit.tree import DOUBLE, Mapping, Node, Scalar, Sequence, walk

SOUP = (
    *(
        '{"a":',
        '{"secured": "x;y"',
        '"a"',
        '"',
        "1",
        "-0.5e+3",
        "01",
        "true",
        "null",
        "NaN",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        " ",
        "\n",
        "\r\n",
        "\t",
    ),
    *(
        "\\u00e9",
        '"\\ud83c\\udf89"',
        '"\\ud83c"',
        "\\",
        "é",
        "🎉",
        "\u2028",
        "\u00a0",
        "\x00",
        "\x7f",
        "\ufeff",
        "//",
        "'",
        "-",
        "+",
        ".",
        "E",
    ),
)
texts = st.one_of(
    st.lists(st.sampled_from(SOUP), max_size=14).map("".join),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=10,
    ).flatmap(
        lambda value: st.builds(json.dumps, st.just(value), indent=st.sampled_from([None, 1, 2]), ensure_ascii=st.booleans())
    ),
)


def meaning(node: Node):
    """Turn a tree into what ``json.loads`` gives with pairs kept."""
    if isinstance(node, Mapping):
        return "object", [(key.text, meaning(value)) for key, value in node.pairs]
    if isinstance(node, Sequence):
        return [meaning(item) for item in node.items]
    return node.text if node.style == DOUBLE else ("literal", node.text)


def reference(text: str):
    def refuse(constant):
        raise ValueError(constant)

    literal = {True: ("literal", "true"), False: ("literal", "false"), None: ("literal", "null")}

    def tidy(value):
        if value is True or value is False or value is None:
            return literal[value]
        if isinstance(value, list):
            return [tidy(item) for item in value]
        if isinstance(value, tuple) and value[0] == "object":
            return "object", [(key, tidy(item)) for key, item in value[1]]
        return value

    return tidy(
        json.loads(
            text,
            object_pairs_hook=lambda pairs: ("object", pairs),
            parse_constant=refuse,
            parse_int=lambda digits: ("literal", digits),
            parse_float=lambda digits: ("literal", digits),
        )
    )


@settings(max_examples=700, deadline=None)
@given(texts)
def test_same_as_json_loads(text):
    try:
        expected = reference(text)
    except (ValueError, RecursionError):
        with pytest.raises((BadSyntax, OverLimit)):
            jsontree.compose(text)
        return
    assert meaning(jsontree.compose(text)) == expected


@settings(max_examples=500, deadline=None)
@given(texts, st.integers(0, 60), st.sampled_from(SOUP))
def test_same_as_json_loads_with_a_fault(text, at, fault):
    test_same_as_json_loads.hypothesis.inner_test(text[:at] + fault + text[at:])
    test_same_as_json_loads.hypothesis.inner_test(text[:at] + text[at + 1 :])


@settings(max_examples=300, deadline=None)
@given(texts)
def test_positions(text):
    try:
        root = jsontree.compose(text)
    except SealkitError:
        return
    for node in walk(root):
        source = text[node.start : node.end]
        assert node.line == text.count("\n", 0, node.start) + 1
        if isinstance(node, Scalar) and node.style == DOUBLE:
            assert json.loads(source) == node.text
        elif isinstance(node, Scalar):
            assert source == node.text
        else:
            assert source[0] + source[-1] in ("{}", "[]")
            assert json.loads(source) is not None


def test_depth_does_not_use_the_stack():
    limit = sys.getrecursionlimit()
    assert limit < 100_000
    assert jsontree.compose("[" * 100 + "]" * 100) is not None
    for text in ("[" * 101 + "]" * 101, "[" * 100_000, '{"a":' * 100_000, '[{"a":' * 100_000):
        with pytest.raises(OverLimit):
            jsontree.compose(text)


def test_no_message_quotes_the_source():
    with pytest.raises(BadSyntax) as failure:
        jsontree.compose('{"secret": "my plaintext')
    assert "plaintext" not in f"{failure.value} {failure.value!r} {failure.value.__dict__} {failure.value.__context__}"


# --- JSON Lines ------------------------------------------------------------------------------------------------------
def test_lines_are_records():
    data = b'\xef\xbb\xbf{"secured": "a;b"}\n\n  \r\n{"x":\r1, "secured": "c;d"}\r\n{"secured": "e;f"}'
    records = split(data, "jsonl")
    assert [record.line for record in records] == [1, 2, 3, 4, 5]
    assert [record.value("secured") for record in records] == ["a;b", None, None, "c;d", "e;f"]
    assert join(records) == data
    assert [record.blob_text("secured") for record in records if record.value("secured")] == [("a;b", 1), ("c;d", 4), ("e;f", 5)]
    changed = [record.replace("secured", "q;q") if record.value("secured") else record for record in records]
    assert join(changed) == data.replace(b"a;b", b"q;q").replace(b"c;d", b"q;q").replace(b"e;f", b"q;q")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"secured": 1}', "not_a_string"),
        (b'{"secured": "a", "secured": "b"}', "duplicate_key"),
        (b'{"Secured": "a"}', "lookalike_key"),
        (b'{"secured": ', "syntax"),
        (b'{"secured": "\xe9"}', "syntax"),
        (b'\xef\xbb\xbf{"secured": "a;b"}', "syntax"),
        (b"[" * 200, "limit"),
        (b'{"secured": "a;b"} {}', "syntax"),
    ],
)
def test_errors_name_the_line_of_the_file(line, code):
    data = b'{"secured": "a;b"}\n{"secured": "a;b"}\n' + line + b"\n"
    *_, last = split(data, "jsonl")
    with pytest.raises(SealkitError) as failure:
        last.value("secured")
    assert (failure.value.code, failure.value.line) == (code, 3)


def test_set_errors_name_the_line_of_the_file():
    *_, last = split(b"{}\n{}\n[1]\n", "jsonl")
    with pytest.raises(SealkitError) as failure:
        last.set("secured", "x")
    assert failure.value.line == 3
    *_, blank = split(b"{}\n\n", "jsonl")
    with pytest.raises(SealkitError) as failure:
        blank.set("secured", "x")
    assert failure.value.line == 2


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["frontmatter", "yaml", "json"]))
def test_split_and_join_are_inverse(data, kind):
    for content, its_kind in ((data.replace(b"\0", b"\n"), "jsonl"), (data, kind)):
        try:
            records = split(content, its_kind)
        except SealkitError:
            continue
        assert join(records) == content


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\n\n", b"a", b"a\n", b"a\r\n", b"a\rb\n", b"a\x0bb\x0cc\x1cd\xc2\x85e\n", b"\xe2\x80\xa8"]
)
def test_only_line_feeds_end_lines(data):
    records = split(data, "jsonl")
    assert join(records) == data
    assert len(records) == len(data.removesuffix(b"\n").split(b"\n")) if data else records == []


def test_records_do_not_mix():
    assert Record.parse(b'{"a": 1}', kind="jsonl", line=7).line == 7
