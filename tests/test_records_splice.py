"""Replacing, setting and adding: exactly which bytes change."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit.errors import FieldAbsent, RefusedEdit, SealkitError, SharedNode
from sealkit.records import fieldpath
from sealkit.records.record import Record
from sealkit.records.splice import quote

any_text = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30)
odd_text = st.text(alphabet="aé \t\n\r\"'\\/;:#,[]{}&*!|>%@`?-~\x00\x1b\x7f\x85\xa0\u2028\u2029\ufeff\ufffe\uffff🎉", max_size=20)
texts = st.one_of(any_text, odd_text)


# --- quote -----------------------------------------------------------------------------------------------------------
@settings(max_examples=700)
@given(texts)
def test_quote_is_read_back_by_yaml_and_json(text):
    quoted = quote(text)
    assert json.loads(quoted) == text
    assert yaml.load(f"a: {quoted}\n", Loader=yaml.CSafeLoader) == {"a": text}
    assert yaml.load(f"[{quoted}]", Loader=yaml.CSafeLoader) == [text]
    assert "\n" not in quoted


def test_quote_of_every_character():
    characters = [chr(point) for point in range(0x3000) if not 0xD800 <= point < 0xE000]
    characters += [
        chr(point) for point in (*range(0xFE00, 0x10100), 0x1F389, 0x1FFFE, 0x1FFFF, 0x10FFFF) if not 0xD800 <= point < 0xE000
    ]
    document = "".join(f"- {quote(character)}\n" for character in characters)
    assert yaml.load(document, Loader=yaml.CSafeLoader) == characters
    assert [json.loads(quote(character)) for character in characters] == characters


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_quote_refuses_half_a_pair(text):
    with pytest.raises(RefusedEdit):
        quote(text)


# --- set over what is there ------------------------------------------------------------------------------------------
SET = {
    # name: (YAML, YAML after); N is the new text in double quotes
    "double": ('secured: "x"\n', "secured: N\n"),
    "single": ("secured: 'x' # c\n", "secured: N # c\n"),
    "plain": ("secured: some text # c\n", "secured: N # c\n"),
    "plain-lines": ("secured: some\n  text\nb: 1\n", "secured: N\nb: 1\n"),
    "quoted-lines": ('secured: "some\n  text"\nb: 1\n', "secured: N\nb: 1\n"),
    "number": ("secured: 12\n", "secured: N\n"),
    "date": ("secured: 2020-01-01\n", "secured: N\n"),
    "true": ("secured: yes\n", "secured: N\n"),
    "tilde": ("secured: ~ # c\n", "secured: N # c\n"),
    "null-word": ("secured: null\n", "secured: N\n"),
    "null-nothing": ("secured:\n", "secured: N\n"),
    "null-nothing-space": ("secured: \n", "secured: N \n"),
    "null-nothing-more": ("secured:\nb: 1\n", "secured: N\nb: 1\n"),
    "null-comment": ("secured: # c\n", "secured: N # c\n"),
    "null-comment-below": ("secured:\n  # c\nb: 1\n", "secured: N\n  # c\nb: 1\n"),
    "null-anchor": ("secured: &x\nb: 1\n", "secured: &x N\nb: 1\n"),
    "null-tag": ("secured: !!str\nb: 1\n", "secured: !!str N\nb: 1\n"),
    "null-flow": ("{secured: , b: 1}\n", "{secured: N, b: 1}\n"),
    "null-flow-tight": ('{"secured":, b: 1}\n', '{"secured": N, b: 1}\n'),
    "null-explicit": ("? secured\n:\nb: 1\n", "? secured\n: N\nb: 1\n"),
    "anchor": ('secured: &x "y"\n', "secured: &x N\n"),
    "tag": ("secured: !!str 12\n", "secured: !!str N\n"),
    "literal": ("secured: |\n  a\n  b\nb: 1\n", "secured: N\nb: 1\n"),
    "literal-comment": ("secured: | # c\n  a\n  b\nb: 1\n", "secured: N # c\nb: 1\n"),
    "literal-anchor": ("secured: &x |-2\n    a\nb: 1\n", "secured: &x N\nb: 1\n"),
    "literal-blank-after": ("secured: |+\n  a\n\n\nb: 1\n", "secured: N\n\n\nb: 1\n"),
    "literal-comment-after": ("secured: |\n  a\n# c\nb: 1\n", "secured: N\n# c\nb: 1\n"),
    "literal-blank-first": ("secured: |\n\n  a\nb: 1\n", "secured: N\nb: 1\n"),
    "literal-hash": ("secured: |\n  # a\nb: 1\n", "secured: N\nb: 1\n"),
    "literal-empty": ("secured: |\nb: 1\n", "secured: N\nb: 1\n"),
    "literal-empty-comment": ("secured: >- # c\n\nb: 1\n", "secured: N # c\n\nb: 1\n"),
    "folded": ("secured: >-\n  a\n  b\n", "secured: N\n"),
    "flow-mapping": ("secured: {a: 1, b: [2]}\nb: 1\n", "secured: N\nb: 1\n"),
    "flow-mapping-comment-after": ("secured: {a: 1} # c\n", "secured: N # c\n"),
    "flow-mapping-lines": ("secured: {a: 1,\n  b: 2\n}\nb: 1\n", "secured: N\nb: 1\n"),
    "flow-mapping-empty": ("secured: {}\n", "secured: N\n"),
    "flow-list-empty": ("secured: [ ]\n", "secured: N\n"),
    "flow-list-hash-in-text": ("secured: ['#', a#b]\n", "secured: N\n"),
    "flow-next-line": ("secured:\n  {a: 1}\nb: 1\n", "secured:\n  N\nb: 1\n"),
    "block-mapping": ("secured:\n  a: 1\n  b: two\nb: 1\n", "secured: N\nb: 1\n"),
    "block-mapping-last": ("secured:\n  a: 1\n", "secured: N\n"),
    "block-mapping-deep": ("secured:\n  a:\n    - b: 1\n      c: 'd'\nb: 1\n", "secured: N\nb: 1\n"),
    "block-mapping-blank-after": ("secured:\n  a: 1\n\n\nb: 1\n", "secured: N\n\n\nb: 1\n"),
    "block-mapping-comment-after": ("secured:\n  a: 1\n# c\nb: 1\n", "secured: N\n# c\nb: 1\n"),
    "block-mapping-literal": ("secured:\n  a: |\n    x\n    # no comment\n\nb: 1\n", "secured: N\n\nb: 1\n"),
    "block-mapping-null-last": ("secured:\n  a:\nb: 1\n", "secured: N\nb: 1\n"),
    "block-mapping-empty-last": ("secured:\n  a: {}\nb: 1\n", "secured: N\nb: 1\n"),
    "block-mapping-comment-before": ("secured: # c\n  a: 1\nb: 1\n", "secured: # c\n  N\nb: 1\n"),
    "block-list": ("secured:\n  - a\n  - b\nb: 1\n", "secured: N\nb: 1\n"),
    "block-list-indentless": ("secured:\n- a\n- b: 1\nb: 1\n", "secured: N\nb: 1\n"),
    "block-list-null-last": ("secured:\n- a\n-\nb: 1\n", "secured: N\nb: 1\n"),
    "quoted-key": ('"secured":\n  a: 1\nb: 1\n', '"secured": N\nb: 1\n'),
    "astral-before": ("a: 🎉\nsecured:\n  🎉: é\nb: 1\n", "a: 🎉\nsecured: N\nb: 1\n"),
}
SET_REFUSED = {
    "comment-in-mapping": ("secured:\n  a: 1 # c\n  b: 2\n", RefusedEdit, 3),
    "comment-line-in-mapping": ("secured:\n  a: 1\n  # c\n  b: 2\n", RefusedEdit, 3),
    "comment-at-the-end": ("secured:\n  a: 1 # c\nb: 1\n", RefusedEdit, 3),
    "comment-line-at-the-end": ("secured:\n  a: 1\n  # c\nb: 1\n", RefusedEdit, 3),
    "comment-in-flow": ("secured: {a: 1, # c\n  b: 2}\n", RefusedEdit, 2),
    "comment-before-flow-end": ("secured: [a # c\n  ]\n", RefusedEdit, 2),
    "anchor-inside": ("secured:\n  a: &x 1\n", RefusedEdit, 3),
    "tag-inside": ("b: 1\nsecured:\n  a: !t 1\n", RefusedEdit, 4),
    "alias-inside": ("b: &x 1\nsecured:\n  a: *x\n", SharedNode, 4),
    "alias": ("b: &x 1\nsecured: *x\n", SharedNode, 2),
    "used-elsewhere": ("secured: &x {a: 1}\nb: *x\n", SharedNode, 2),
    "tag-of-no-string": ("secured: !!int 12\n", RefusedEdit, 2),
    "tag-own": ("b: 1\nsecured: !vault x\n", RefusedEdit, 3),
    "block-at-the-line-start": ("secured:\n|\n  a\n", RefusedEdit, 3),
    "empty-block-at-the-line-start": ("secured:\n|\n", RefusedEdit, 3),
    "missing-below": ("b: {a: 1}\n", FieldAbsent, 1),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", SET)
def test_set(name, end):
    before, after = (f"---\n{text}---\nBODY\n".replace("\n", end) for text in SET[name])
    record = Record.parse(before.encode(), kind="frontmatter")
    text = 'new "text"; # ünïcode'
    changed = record.set("secured", text)
    assert changed.raw.decode() == after.replace("N", quote(text))
    assert changed.value("secured") == text
    assert changed.plaintext("secured") == (text.encode(), "text")


@pytest.mark.parametrize("name", SET_REFUSED)
def test_set_refused(name):
    yaml_text, error, line = SET_REFUSED[name]
    path = "b.secured" if name == "missing-below" else "secured"
    with pytest.raises(error) as failure:
        Record.parse(f"---\n{yaml_text}---\n".encode(), kind="frontmatter").set(path, "x")
    assert type(failure.value) is error
    assert failure.value.line == line


# --- adding ----------------------------------------------------------------------------------------------------------
ADDED = {
    # name: (kind, before, after)
    "frontmatter": ("frontmatter", "---\na: 1\n---\nB\n", '---\na: 1\nsecured: "N"\n---\nB\n'),
    "frontmatter-crlf": ("frontmatter", "---\r\na: 1\r\n---\r\nB\r\n", '---\r\na: 1\r\nsecured: "N"\r\n---\r\nB\r\n'),
    "frontmatter-empty": ("frontmatter", "---\n---\nB\n", '---\nsecured: "N"\n---\nB\n'),
    "frontmatter-empty-crlf": ("frontmatter", "---\r\n---\r\n", '---\r\nsecured: "N"\r\n---\r\n'),
    "frontmatter-empty-end": ("frontmatter", "---\n---", '---\nsecured: "N"\n---'),
    "frontmatter-crlf-body-lf": ("frontmatter", "---\r\na: 1\r\n---\r\nB\n", '---\r\na: 1\r\nsecured: "N"\r\n---\r\nB\n'),
    "frontmatter-lf-body-crlf": ("frontmatter", "---\na: 1\n---\nB\r\n", '---\na: 1\nsecured: "N"\n---\nB\r\n'),
    "frontmatter-dots": ("frontmatter", "---\na: 1\n...\nB\n", '---\na: 1\nsecured: "N"\n...\nB\n'),
    "frontmatter-bom": ("frontmatter", "\ufeff---\na: 1\n---\n", '\ufeff---\na: 1\nsecured: "N"\n---\n'),
    "frontmatter-comment": ("frontmatter", "---\n# c\n---\n", '---\n# c\nsecured: "N"\n---\n'),
    "frontmatter-comment-last": ("frontmatter", "---\na: 1 # c\n  # d\n---\n", '---\na: 1 # c\n  # d\nsecured: "N"\n---\n'),
    "frontmatter-blank-last": ("frontmatter", "---\na: 1\n\n\n---\n", '---\na: 1\n\n\nsecured: "N"\n---\n'),
    "frontmatter-literal-last": ("frontmatter", "---\na: |\n  x\n---\n", '---\na: |\n  x\nsecured: "N"\n---\n'),
    "frontmatter-literal-keep-last": ("frontmatter", "---\na: |+\n  x\n\n---\n", '---\na: |+\n  x\n\nsecured: "N"\n---\n'),
    "frontmatter-null-last": ("frontmatter", "---\na:\n---\n", '---\na:\nsecured: "N"\n---\n'),
    "frontmatter-list-last": ("frontmatter", "---\na:\n- b\n---\n", '---\na:\n- b\nsecured: "N"\n---\n'),
    "frontmatter-nested-last": ("frontmatter", "---\na:\n  b: 1\n---\n", '---\na:\n  b: 1\nsecured: "N"\n---\n'),
    "frontmatter-explicit-last": ("frontmatter", "---\n? a\n: b\n---\n", '---\n? a\n: b\nsecured: "N"\n---\n'),
    "frontmatter-quoted-dots": ("frontmatter", '---\na: "x\n ..."\n---\n', '---\na: "x\n ..."\nsecured: "N"\n---\n'),
    "yaml": ("yaml", "a: 1\n", 'a: 1\nsecured: "N"\n'),
    "yaml-empty": ("yaml", "", 'secured: "N"\n'),
    "yaml-bom-only": ("yaml", "\ufeff", '\ufeffsecured: "N"\n'),
    "yaml-no-newline": ("yaml", "a: 1", 'a: 1\nsecured: "N"\n'),
    "yaml-no-newline-crlf": ("yaml", "a: 1\r\nb: 2", 'a: 1\r\nb: 2\r\nsecured: "N"\r\n'),
    "yaml-crlf": ("yaml", "a: 1\r\n", 'a: 1\r\nsecured: "N"\r\n'),
    "yaml-dots": ("yaml", "a: 1\n...\n", 'a: 1\nsecured: "N"\n...\n'),
    "yaml-dots-crlf": ("yaml", "a: 1\r\n...\r\n", 'a: 1\r\nsecured: "N"\r\n...\r\n'),
    "yaml-dots-no-newline": ("yaml", "a: 1\n...", 'a: 1\nsecured: "N"\n...'),
    "yaml-dots-comment": ("yaml", "a: 1\n... # c\n", 'a: 1\nsecured: "N"\n... # c\n'),
    "yaml-marker": ("yaml", "---\na: 1\n", '---\na: 1\nsecured: "N"\n'),
    "yaml-marker-only": ("yaml", "---\n", '---\nsecured: "N"\n'),
    "yaml-comment-only": ("yaml", "# c\n", '# c\nsecured: "N"\n'),
    "yaml-comment-no-newline": ("yaml", "# c", '# c\nsecured: "N"\n'),
    "yaml-directive": ("yaml", "%YAML 1.1\n---\na: 1\n", '%YAML 1.1\n---\na: 1\nsecured: "N"\n'),
    "json-empty": ("json", "{}", '{"secured": "N"}'),
    "json-empty-spaces": ("json", "{ }\n", '{"secured": "N"}\n'),
    "json-compact": ("json", '{"a":1}', '{"a":1,"secured":"N"}'),
    "json-compact-two": ("json", '{"a":1,"b":[2]}\n', '{"a":1,"b":[2],"secured":"N"}\n'),
    "json-spaces": ("json", '{"a": 1, "b": 2}', '{"a": 1, "b": 2, "secured": "N"}'),
    "json-spaces-one": ("json", '{"a": 1}', '{"a": 1, "secured": "N"}'),
    "json-inner-spaces": ("json", '{ "a": 1 }', '{ "a": 1, "secured": "N" }'),
    "json-indented": ("json", '{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "secured": "N"\n}\n'),
    "json-indented-tabs": ("json", '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n', '{\n\t"a": {\n\t\t"b": 1\n\t},\n\t"secured": "N"\n}\n'),
    "json-indented-crlf": ("json", '{\r\n  "a": 1\r\n}\r\n', '{\r\n  "a": 1,\r\n  "secured": "N"\r\n}\r\n'),
    "json-bom": ("json", '\ufeff{"a":1}', '\ufeff{"a":1,"secured":"N"}'),
    "json-astral": ("json", '{"🎉": "🎉"}', '{"🎉": "🎉", "secured": "N"}'),
    "jsonl": ("jsonl", '{"a":1}\n', '{"a":1,"secured":"N"}\n'),
    "jsonl-crlf": ("jsonl", '{"a":1}\r\n', '{"a":1,"secured":"N"}\r\n'),
}
ADD_REFUSED = {
    "no-front-matter": ("frontmatter", "text\n"),
    "flow-root": ("frontmatter", "---\n{a: 1}\n---\n"),
    "flow-root-empty": ("frontmatter", "---\n{}\n---\n"),
    "indented-root": ("frontmatter", "---\n  a: 1\n---\n"),
    "null-root": ("yaml", "--- ~\n"),
    "broken": ("frontmatter", "---\na: [\n---\n"),
    "list-root": ("yaml", "- a\n"),
    "scalar-root": ("yaml", "text\n"),
    "literal-no-newline": ("yaml", "a: |\n  x"),
    "open-plain-with-marker": ("yaml", "--- a\n"),
    "json-list": ("json", "[]"),
    "json-null": ("json", "null"),
    "json-nothing": ("json", ""),
    "jsonl-blank": ("jsonl", "\n"),
}


@pytest.mark.parametrize("name", ADDED)
def test_add(name):
    kind, before, after = ADDED[name]
    record = Record.parse(before.encode(), kind=kind)
    assert record.value("secured") is None
    changed = record.set("secured", "QQ==;x")
    assert changed.raw.decode() == after.replace("N", "QQ==;x")
    assert changed.value("secured") == "QQ==;x"


@pytest.mark.parametrize("name", ADD_REFUSED)
def test_add_refused(name):
    kind, before = ADD_REFUSED[name]
    with pytest.raises(SealkitError):
        Record.parse(before.encode(), kind=kind).set("secured", "x")


@pytest.mark.parametrize(
    "name", ["a b", "null", "Yes", "1", "#x", "- a", "ключ", "a: b", "x y", "~", "=", "<", "&a", "!x", "*y", "a#b", "a,b", "y"]
)
def test_added_names_are_read_back(name):
    for kind, before in (("frontmatter", "---\nz: 1\n---\n"), ("yaml", "z: 1"), ("json", '{"z": 1}')):
        path = fieldpath.join((name,))
        changed = Record.parse(before.encode(), kind=kind).set(path, "v")
        assert changed.value(path) == "v"
        if kind != "json":
            source = changed.raw.decode().strip("-\n")
            assert list(yaml.load(source, Loader=yaml.CSafeLoader)) == ["z", name]


# --- JSON ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", ["null", "12", "true", "{}", '{"a": [1, {"b": "# }"}]}', "[]", "[\n  1\n]", '"x"', '"\\u0041"'])
@pytest.mark.parametrize("around", ['{{"a": 1, "secured": {}, "b": 2}}', '{{\n  "secured": {}\n}}\n', '{{"secured":{}}}'])
def test_set_in_json(value, around):
    record = Record.parse(around.format(value).encode(), kind="json")
    assert record.set("secured", 'a"é').raw.decode() == around.format('"a\\"é"')


# --- replace ---------------------------------------------------------------------------------------------------------
REPLACED = {
    # text that its style cannot hold: (before, new text, after)
    "plain-to-double": ("secured: QQ==;x\n", "two words", 'secured: "two words"\n'),
    "plain-empty": ("secured: QQ==;x\n", "", 'secured: ""\n'),
    "plain-number": ("secured: QQ==;x\n", "12", 'secured: "12"\n'),
    "single-apostrophe": ("secured: 'x'\n", "it's", "secured: 'it''s'\n"),
    "single-spaces": ("secured: 'x'\n", "  y ", "secured: '  y '\n"),
    "single-line-end": ("secured: 'x'\n", "a\nb", 'secured: "a\\nb"\n'),
    "single-line-separator": ("secured: 'x'\n", "a\u2028b", 'secured: "a\\u2028b"\n'),
    "double-escapes": ('secured: "x"\n', 'a"\\\n', 'secured: "a\\"\\\\\\n"\n'),
    "block-to-double": ("secured: | # c\n  x\nb: 1\n", "two words", 'secured: "two words" # c\nb: 1\n'),
    "block-keep": ("secured: |+\n  x\n\nb: 1\n", "QQ==;y", "secured: |+\n  QQ==;y\n\nb: 1\n"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_replace(name):
    before, text, after = REPLACED[name]
    record = Record.parse(f"---\n{before}---\n".encode(), kind="frontmatter")
    changed = record.replace("secured", text)
    assert changed.raw.decode() == f"---\n{after}---\n"
    assert changed.blob_text("secured")[0] == text
