"""What a file is to who looks for a field: without it, records, or a finding with a line; never "absent" where some reader has it as a key."""

import random

import pytest
from yaml_documents import Documents

from sealkit import Blob, yamltree
from sealkit.errors import SealkitError
from sealkit.records import frontmatter
from sealkit.records.kinds import kind_of
from sealkit.records.reading import ABSENT, read
from sealkit.records.record import Record
from sealkit.records.spelling import Spelling
from sealkit.tree import flatten

BLOB = str(Blob(bytes(range(32)), bytes(range(16))))
SECURED = Spelling(["secured"])


def outcome(path, data, declared=None, spelling=SECURED):
    """The code and line of what is found in a file, "field" and its line, "absent", or "like a key" and the line."""
    if isinstance(data, str):
        data = data.encode()
    reading = read(path, data, spelling, declared)
    if reading.problem is not None:
        return reading.problem.code, reading.problem.line
    if reading.line is not None:
        unsupported = reading.unsupported()
        return "like a key", unsupported.line
    if reading.is_absent:
        return "absent", None
    for record in reading.records:
        try:
            field = None if record.is_blank else record.field(spelling.names[0])
        except SealkitError as error:
            return error.code, error.line
        if field is not None:
            return "field", record.file_line(field.node.line)
    return "absent", None


def found(data, kind):
    """The field of a record, None if it has none, or the code of what is wrong."""
    try:
        return Record.parse(data, kind=kind).field("secured")
    except SealkitError as error:
        return error.code


# --- of a kind, and it does not read ---------------------------------------------------------------------------------
MISREAD = {
    "a comment in JSON": ("a.json", '{"a": 1, // x\n"secured": "open"}', "syntax", 1),
    "a block comment": ("a.json", '/* settings */\n{"secured": "open"}', "syntax", 1),
    "a comment of #": ("a.json", '{\n# x\n"secured": "open"}', "syntax", 2),
    "a comma at the end": ("a.json", '{"secured": "open",\n}', "syntax", 2),
    "a comma in a list": ("a.json", '{"secured": ["open",\n]}', "syntax", 2),
    "JSON5 keys": ("a.json", "{secured: 'open'}", "syntax", 1),
    "JSON5 strings": ("a.json", "{\n'secured': 1}", "syntax", 2),
    "JSON5 numbers": ("a.json", '{"secured": +1}', "syntax", 1),
    "JSON5 escapes": ("a.json", '{"a": 1, "se\\cured": 1}', "syntax", 1),
    "two objects": ("a.json", '{"secured": 1}\n{"secured": 2}', "syntax", 2),
    "a template of JSON": ("a.json", '{% for p in posts %}\n{"secured": "{{ p }}"}', "syntax", 1),
    "a value missing": ("a.json", '{"secured":\n}', "syntax", 2),
    "a byte order mark and a comment": ("a.json", '\ufeff{"secured": 1} // x', "syntax", 1),
    "JSON that is not UTF-8": ("a.json", b'{"secured": "\xff"}', "syntax", 1),
    "JSON in UTF-16": ("a.json", '{"secured": "open"}'.encode("utf-16"), "unsupported_record", 1),
    "a JSON line": ("a.jsonl", '{"a": 1}\n{"secured": "open",}\n', "syntax", 2),
    "an array that is not closed": ("a.json", '[{"secured": "open"}', "syntax", 1),
    "an array of JSON": ("a.json", '[{"a": 1},\n{"secured": "open"}]', "syntax", 1),
    "an array, deep": ("a.json", '[[{"a": {"s\\u0065cured": 1}}]]', "syntax", 1),
    "a line that is an array": ("a.jsonl", '{"a": 1}\n[{"secured": "open"}]\n', "syntax", 2),
    "a YAML list": ("a.yml", "- secured: open\n", "syntax", 1),
    "a list of look-alikes": ("a.yml", "# x\n- a: 1\n- Secured: open\n", "syntax", 2),
    "a list with base64": ("a.yml", "- !!binary c2VjdXJlZA==: open\n", "syntax", 1),
    "two documents": ("a.yaml", "a: 1\n---\nsecured: open\n", "syntax", 2),
    "three documents": ("a.yml", "---\nsecured: open\n---\nb: 1\n---\nc: 1\n", "syntax", 3),
    "a document behind an end": ("a.yml", "secured: open\n...\nb: 1\n", "syntax", 3),
    "an empty second one": ("a.yml", "---\nsecured: open\n---\n", "syntax", 3),
    "Helm": ("a.yaml", "{{- if .Values.x }}\nsecured: open\n{{- end }}\n", "syntax", 1),
    "Jinja": ("a.yaml", "{% if x %}\nsecured: open\n{% endif %}\n", "syntax", 1),
    "ERB": ("a.yml", "<% x %>\nsecured: open\n", "syntax", 2),
    "a template in a value": ("a.yml", "a: {{ x }} y\nsecured: open\n", "syntax", 1),
    "a tab": ("a.yml", "a:\n\t- b\nsecured: open\n", "syntax", 2),
    "a colon in a value": ("a.yml", "title: a: b\nsecured: open\n", "syntax", 1),
    "marks of a merge": ("a.yml", "<<<<<<< ours\nsecured: open\n=======\nsecured: x\n>>>>>>> theirs\n", "syntax", 2),
    "YAML in UTF-32": ("a.yml", "secured: open".encode("utf-32"), "unsupported_record", 1),
    "broken front matter": ("a.md", "---\ntitle: a: b\nsecured: open\n---\n", "syntax", 2),
    "an open quote": ("a.md", '---\ntitle: "a\nsecured: open\n---\n', "syntax", 4),
    "a list that is not closed": ("a.qmd", "---\ntags: [a, b\nsecured: open\n---\n", "syntax", 3),
    "front matter in another file": ("a.xml", "---\nsecured: open\ntitle: a: b\n---\n<x/>", "syntax", 3),
    "a template as front matter": ("a.md", "---\n{{ x }}\nsecured: open\n---\n", "syntax", 3),
    "front matter in UTF-16": ("a.md", "---\nsecured: open\n---\n".encode("utf-16"), "unsupported_record", 1),
    "the name in an escape": ("a.md", '---\ntitle: a: b\n"s\\u0065cured": open\n---\n', "syntax", 2),
    "the name in base64": ("a.md", "---\na: 1\n!!binary c2VjdXJlZA==: open\n---\n", "lookalike_key", 3),
    "the name in a list": ("a.md", "---\na: 1\n? [secured]\n: open\n---\n", "lookalike_key", 3),
    "the name in a list of a line": ("a.md", f'---\nsecured: "{BLOB}"\n[secured]: open\n---\n', "lookalike_key", 3),
    "an alias to it": ("a.md", "---\na: &a [secured]\n*a : open\n---\n", "lookalike_key", 3),
    "twice": ("a.md", "---\nsecured: x\nsecured: open\n---\n", "duplicate_key", 3),
    "declared YAML": ("a.conf", "a: b: c\nsecured: open\n", "syntax", 1, "yaml"),
    "declared JSON": ("a.conf", '{"secured": 1,}', "syntax", 1, "json"),
    "declared JSON Lines": ("a.log", '{"a": 1}\nx "secured": 1\n', "syntax", 2, "jsonl"),
    "YAML that other readers of front matter end earlier": ("a.yml", '---\na: "b\n---x"\nsecured: open\n', "frontmatter", 3),
    "YAML with dashes in a text": ("a.yml", "---\na: 'b\n----'\nsecured: open\n...\n", "frontmatter", 3),
}


@pytest.mark.parametrize("row", MISREAD.values(), ids=MISREAD)
def test_a_finding_with_a_line_and_never_absent(row):
    path, data, code, line, *declared = row
    assert outcome(path, data, *declared) == (code, line)


@pytest.mark.parametrize("row", MISREAD.values(), ids=MISREAD)
def test_the_same_without_the_name_is_no_business_of_ours(row):
    path, data, *_ = row
    text = data.encode() if isinstance(data, str) else data
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    text = (
        text.replace(b"secured", b"payload")
        .replace(b"Secured", b"payload")
        .replace(b"s\\u0065cured", b"p\\u0061yload")
        .replace(b"se\\cured", b"payload")
    )
    text = text.replace(b"c2VjdXJlZA==", b"cGF5bG9hZA==")
    assert read(path, text, SECURED) == ABSENT


# --- front matter that other generators read -------------------------------------------------------------------------
OTHER_GENERATORS = {
    "Hexo": ("a.md", "title: a\nsecured: open\n---\ntext", 2),
    "Hexo, more dashes": ("a.md", "secured: open\n-----\ntext", 1),
    "Hexo, a page": ("a.html", "layout: x\nsecured:\n  a: open\n---\n<p>", 2),
    "Hexo, another suffix": ("a.ejs", "secured: open\n---\n", 1),
    "Hexo, CRLF": ("a.md", "title: a\r\nsecured: open\r\n---\r\ntext", 2),
    "Hexo, flow": ("a.md", "{title: a,\n secured: open}\n---\ntext", 2),
    "Hexo, deep": ("a.md", "a:\n- b:\n    secured: open\n---\n", 3),
    "Hexo, that does not read": ("a.md", "title: a: b\nsecured: open\n---\n", 2),
    "Hexo, an escape": ("a.md", 'title: a\n"s\\x65cured": open\n---\n', 2),
    "Hexo, capitals": ("a.md", "title: a\nSECURED: open\n---\n", 2),
    "Hexo, JSON": ("a.md", '"title": "a",\n"secured": "open"\n;;;\ntext', 2),
    "Hexo, JSON between": ("a.md", ';;;\n"title": "a",\n"secured": "open"\n;;;\ntext', 3),
    "Hexo, JSON that does not read": ("a.md", ";;;\nsecured: open\n;;;\ntext", 2),
    "Hexo, JSON not closed": ("a.md", ';;;\n"secured": "open"\n', 2),
    "Hexo, more semicolons": ("a.md", ';;;;;\n"secured": "open"\n;;;;;\n', 2),
    "TOML": ("a.md", '+++\ntitle = "a"\nsecured = "open"\n+++\ntext', 3),
    "TOML, a table": ("a.md", '+++\n[params]\nsecured = "open"\n+++\n', 3),
    "TOML, the name of one": ("a.md", '+++\n[secured]\nx = "open"\n+++\n', 2),
    "TOML, a dotted key": ("a.md", '+++\na.secured = "open"\n+++\n', 2),
    "TOML, a quoted key": ("a.md", '+++\n"s\\u0065cured" = "open"\n+++\n', 2),
    "TOML, within a line": ("a.md", '+++\na = {b = 1, secured = "open"}\n+++\n', 2),
    "TOML, broken": ("a.md", '+++\ntitle = a\nsecured = "open"\n+++\n', 3),
    "TOML, not closed": ("a.md", '+++\nsecured = "open"\n', 2),
    "TOML, blank lines before": ("a.md", '\n\n+++\nsecured = "open"\n+++\n', 4),
    "TOML in another file": ("a.rst", '+++\nsecured = "open"\n+++\n', 2),
    "TOML, a blob": ("a.md", f'+++\nsecured = "{BLOB}"\n+++\n', 2),
    "JSON": ("a.md", '{\n"title": "a",\n"secured": "open"\n}\ntext', 3),
    "JSON in a line": ("a.html", '{"title": "a", "secured": "open"}\ntext', 1),
    "JSON, deep": ("a.md", '{\n"a": [{\n"secured": "open"}]}\n', 3),
    "JSON with a comment": ("a.md", '{\n// x\n"secured": "open"}\n', 3),
    "JSON, an escape": ("a.md", '{"a": 1,\n"s\\u0065cured": "open"}\n', 2),
    "JSON, not closed": ("a.md", '{\n"secured": "open"\n', 2),
    "MkDocs": ("a.md", "Title: a\nSecured: open\n\ntext", 2),
    "Pelican": ("a.md", "Date: 2024-01-01\nsecured: open\n    more\nTags: x\n\ntext", 2),
    "front-matter": ("a.md", "= yaml =\ntitle: a\nsecured: open\n= yaml =\ntext", 3),
    "DocPad": ("a.html.md", "###\ntitle: a\nsecured: open\n###\ntext", 3),
    "DocPad, not closed": ("a.md", "***\nsecured: open\n", 2),
    "Pandoc": ("a.md", "# Title\n\ntext\n\n---\nsecured: open\n...\n\nmore", 6),
    "Pandoc, CRLF": ("a.md", "text\r\n\r\n---\r\na: 1\r\nsecured: open\r\n---\r\n", 5),
    "Quarto": ("a.qmd", "---\ntitle: a\n---\n\ntext\n\n---\nsecured: open\n---\n", 8),
    "Quarto, no front matter": ("a.qmd", "# Title\n\n---\nsecured: open\n---\n", 4),
    "R Markdown, no front matter": ("a.Rmd", "text\n\n---\ntitle: a\nsecured: open\n...\n", 5),
    "not closed, and a NUL": ("a.md", "---\nsecured: open\n\0", 1),
    "Slidev": ("a.md", f"---\nsecured: {BLOB}\n---\n\n# One\n\n---\nlayout: x\nsecured: open\n---\n\n# Two\n", 9),
    "Slidev, right behind the front matter": ("a.md", f"---\nsecured: {BLOB}\n---\n---\nsecured: open\n---\n", 5),
    "Slidev, behind other front matter": ("a.md", "---\na: 1\n---\n---\nsecured: open\n---\n", 5),
    "Slidev, right behind a text": ("a.md", "---\na: 1\n---\n# s\n---\nsecured: open\n---\n", 6),
    "Slidev, behind an empty one": ("a.md", "---\n---\n---\nsecured: open\n---\n", 4),
    "Slidev, CRLF": ("a.md", "# s\r\n---\r\nlayout: x\r\nsecured: open\r\n---\r\n", 4),
    "Slidev, the second slide": ("a.md", "# s\n---\na: 1\n---\ntext\n---\nsecured: open\n---\n", 7),
    "Pandoc, behind a heading's line": ("a.md", "Title\n---\nprose\n\n---\nsecured: open\n---\n", 6),
    "JSON in a file of another kind": ("a.webmanifest", '{"name": "x", "secured": "open"}', 1),
    "JSON5": ("a.json5", "{a: 1, secured: 'open',}", 1),
    "TOML in a file of another kind": ("a.tpl", "+++\na = [\nsecured = 1\n+++\n", 3),
    "four dashes": ("a.md", "----\nsecured: open\n----\n", 1),
    "a word behind it": ("a.md", "---yaml\nsecured: open\n---\n", 1),
    "JSON by a word": ("a.md", '---json\n{"secured": "open"}\n---\n', 1),
    "a blank line before it": ("a.md", "\n---\nsecured: open\n---\n", 2),
    "a no-break space before it": ("a.md", "\u00a0---\nsecured: open\n---\n", 1),
    "not closed": ("a.md", "---\nsecured: open\n", 1),
    "closed by more": ("a.md", "---\nsecured: open\n----\ntext", 3),
    "four dashes elsewhere": ("a.tpl", "----\nsecured: open\n----\n", 1),
}


@pytest.mark.parametrize("row", OTHER_GENERATORS.values(), ids=OTHER_GENERATORS)
def test_what_other_generators_read_is_a_finding(row):
    path, data, line = row
    code, where = outcome(path, data)
    assert code in ("frontmatter", "unsupported_record")
    assert where == line


NO_KEY = {
    "Hexo": ("a.md", "title: a secured thing\n---\ntext"),
    "Hexo, below": ("a.md", "title: a\n---\nthe word secured\n"),
    "a rule between lines": ("a.md", "It is secured by a key.\n\n---\n\nMore"),
    "TOML": ("a.md", '+++\ntitle = "secured"\n+++\ntext'),
    "TOML, a comment": ("a.md", '+++\n# secured = "x"\ntitle = "a"\n+++\ntext'),
    "TOML, text of lines": ("a.md", '+++\na = """\nsecured = 1\n"""\n+++\ntext'),
    "TOML, below": ("a.md", '+++\ntitle = "a"\n+++\nThe word secured.\n'),
    "JSON": ("a.md", '{\n"title": "secured"\n}\ntext'),
    "JSON, below": ("a.md", '{"title": "a"}\nThe word secured'),
    "Hexo, JSON": ("a.md", ';;;\n"title": "secured"\n;;;\ntext'),
    "front matter": ("a.md", "---\ntitle: a\n---\nsecured: in the text\n"),
    "front matter that is broken": ("a.md", "---\ntitle: a: b\n---\nThe word secured\n"),
    "front matter in JSON": ("a.json", '---\nlayout: none\n---\n{"secured": "{{ x }}"}'),
    "a block in the text": ("a.md", "---\na: 1\n---\n\ntext\n\n---\ntitle: secured\n---\n"),
    "front matter shown in a fence": ("a.md", "---\na: 1\n---\n\n```yaml\n---\nsecured: x\n---\n```\n"),
    "a heading of signs": ("a.md", "###\nthe word secured\n###\n"),
    "an array": ("a.json", '["secured", 1]'),
    "an array of objects": ("a.json", '[{"a": "secured"}, {"b": {"c": "secured"}}]'),
    "a JSON text": ("a.json", '"secured"'),
    "a list": ("a.yml", "# x\n---\n- secured\n- a: secured\n"),
    "Lisp": ("a.el", ";;; a.el --- what is secured\n(setq a 1)\n"),
    "Lisp, a line of its own": ("a.el", ";;;\n;;; what is secured\n;;;\n(setq a 1)\n"),
    "Nix": ("a.nix", "{ pkgs, ... }:\n# what is secured\n{ a = 1; }\n"),
    "additions": ("a.diff", "+++ b/x\n+secured\n"),
    "a notebook": ("a.ipynb", '{\n "cells": [{"source": ["secured: x"]}]\n}'),
    "a patch": ("a.patch", "--- a/x\n+++ b/x\n+a secured: thing\n"),
    "SQL": ("a.sql", "---- secured tables\nselect 1;\n"),
    "prose": ("a.txt", "All of it is secured, they say: so be it.\n"),
    "code": ("a.py", "if secured == 1:\n    pass\n"),
    "a picture": ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR secured: x"),
    "nothing": ("a.md", ""),
    "YAML": ("a.yml", "title: secured\n"),
    "JSON's values": ("a.json", '{"a": ["secured"]}'),
}


@pytest.mark.parametrize("row", NO_KEY.values(), ids=NO_KEY)
def test_where_no_reading_has_it_as_a_key_it_is_absent(row):
    path, data = row
    assert outcome(path, data) == ("absent", None)


OF_NO_KIND = {
    "an environment": (".env", "A=1\nsecured=open\n", 2),
    "its export": ("a.sh", "x\nsecured=open\n", 2),
    "a setting": ("a.ini", "[x]\nsecured = open\n", 2),
    "TOML": ("a.toml", 'title = "a"\nsecured = "open"\n', 2),
    "code": ("a.py", "x = 1\nsecured = 'open'\n", 2),
    "a list": ("a.conf", "- secured: open\n", 1),
    "in quotes": ("a.conf", 'x\n  "secured": "open",\n', 2),
    "AsciiDoc": ("a.adoc", "= Title\n:secured: open\n", 2),
    "Org, below the text": ("a.org", "#+TITLE: a\n\ntext\n#+SECURED: open\n", 4),
    "deep in prose": ("a.md", "# Title\n\nText\n\nsecured: open\n", 5),
    "disguised": ("a.conf", "x\ns\u0435cured: open\n", 2),
    "UTF-16": ("a.reg", "x\r\nsecured=open\r\n".encode("utf-16"), 2),
}


@pytest.mark.parametrize("row", OF_NO_KIND.values(), ids=OF_NO_KIND)
def test_of_no_kind_with_the_name_like_a_key(row):
    path, data, line = row
    assert outcome(path, data) == ("like a key", line)


# --- kinds -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "data", "declared", "kind"),
    [
        ("a.md", b"---\na: 1\n---\n", None, "frontmatter"),
        ("a.qmd", b"---\na: 1\n---\n", None, "frontmatter"),
        ("a.Rmd", b"--- \t\r\na: 1\n---\n", None, "frontmatter"),
        ("a", b"\xef\xbb\xbf---\na: 1\n---\n", None, "frontmatter"),
        ("feed.rss", b"---\n---\n<rss/>", None, "frontmatter"),
        ("main.scss", b"---\n---\n$a: 1", None, "frontmatter"),
        ("a.json", b"---\n---\n{}", None, "frontmatter"),
        ("a.jsonl", b"---\n---\n{}", None, "frontmatter"),
        ("a.json", b"{}", None, "json"),
        ("a.yml", b"---\na: 1\n---\n", None, "yaml"),
        ("a.YAML", b"a: 1", None, "yaml"),
        ("a.ndjson", b"{}", None, "jsonl"),
        ("a.md", b"text", None, None),
        ("a.py", b"text", None, None),
        ("a", b"", None, None),
        ("a.conf", b"a: 1", "yaml", "yaml"),
        ("a.conf", b"---\na: 1\n---\n", "yaml", "yaml"),
        ("a.conf", b"---\n---\n", "json", "frontmatter"),
        ("a.tpl", b"text", "frontmatter", "frontmatter"),
        ("a.json", b"a: 1", "yaml", "yaml"),
    ],
)
def test_kinds(path, data, declared, kind):
    assert kind_of(path, data, declared) == kind


READ = {
    "front matter": ("a.Rmd", f'---\ntitle: a\nsecured: "{BLOB}"\n---\n', 3),
    "front matter in XML": ("feed.xml", f"---\nsecured: {BLOB}\n---\n<x/>", 2),
    "front matter in JSON": ("a.json", f'---\nsecured: "{BLOB}"\n---\n{{"a": [}}', 2),
    "YAML that begins as front matter": ("a.yml", f"---\nsecured: {BLOB}\n", 2),
    "YAML that is front matter too": ("a.yml", f"---\nsecured: {BLOB}\n...\n", 2),
    "YAML with a comment behind": ("a.yml", f"---\nsecured: {BLOB}\n...\n# the end\n", 2),
    "JSON": ("a.json", f'{{"a": 1,\n"secured": "{BLOB}"}}', 2),
    "JSON Lines": ("a.jsonl", f'{{"a": 1}}\n\n{{"secured": "{BLOB}"}}\n', 3),
    "a declared kind": ("a.conf", f"a: 1\nsecured: {BLOB}\n", 2, "yaml"),
    "plaintext": ("a.md", "---\nsecured: open\n---\n", 2),
    "a template in the value": ("a.yml", "a: 1\nsecured: {{ x }}\n", 2),
}


@pytest.mark.parametrize("row", READ.values(), ids=READ)
def test_records(row):
    path, data, line, *declared = row
    assert outcome(path, data, *declared) == ("field", line)


def test_yaml_that_is_closed_like_front_matter_reads_the_same_both_ways():
    """What ``read`` lets pass as YAML is one document, and the same between the delimiters."""
    make, pick = Documents(18), random.Random(18)
    same = 0
    for _ in range(3000):
        text = f"---\n{make()}\n{pick.choice(['...', '--- ', '...  '])}\n{pick.choice(['', '# x', 'a: 1', '...', '---x'])}"
        data = text.encode("utf-8", "surrogatepass")
        reading = read("a.yml", data, Spelling(["[]"]))
        if reading.problem is not None:
            continue
        try:
            whole = list(flatten(yamltree.compose(data)))
        except SealkitError:
            continue
        region = frontmatter.region(data)
        inside = yamltree.compose(data[region.start : region.end])
        assert list(flatten(inside)) == whole or inside is None  # an empty document
        same += 1
    assert same > 50


def test_where_the_bytes_cannot_spell_it_no_document_has_the_field_or_its_look_alike():
    make = Documents(19)
    absent = 0
    for _ in range(4000):
        data = make().encode("utf-8", "surrogatepass")
        if SECURED.could(data):
            continue
        absent += 1
        for kind in ("yaml", "frontmatter"):
            framed = b"---\n" + data + b"\n---\n" if kind == "frontmatter" else data
            assert found(framed, kind) in (None, "syntax", "frontmatter", "limit", "unsupported_record", "line_break")
    assert absent > 50


# --- lists, where several fields are looked for ----------------------------------------------------------------------
_SEALED = f'"{BLOB}"'
OF_OTHERS = {
    "the same name in the items": ("a.json", '[{"secured": @}]', ("[].secured", "secured"), None),
    "the order of the paths": ("a.json", '[{"secured": @}]', ("secured", "[].secured"), None),
    "a name that is nowhere in it": ("a.json", '[{"secured": @}]', ("[].secured", "notes"), None),
    "deeper": ("a.json", '[{"a": {"secured": @}}, {"a": {"secured": @}}]', ("[].a.secured", "secured", "a.secured"), None),
    "an item by its number": ("a.json", '[{"secured": @}]', ("[0].secured", "secured"), None),
    "YAML": ("a.yml", "- secured: @\n- b: 1\n", ("[].secured", "secured"), None),
    "YAML behind a mark": ("a.yml", "---\n- secured: @\n", ("[].secured", "secured"), None),
    "a list of lists": ("a.json", '[[{"secured": @}]]', ("[][].secured", "secured"), None),
    "a line of several": ("a.jsonl", '{"a": 1}\n[{"secured": @}]\n', ("[].secured", "secured"), None),
    "a name beyond ASCII": ("a.json", '[{"secured": @}]', ("[].secured", "راز"), None),
    "an item that is not named": ("a.json", '[{"secured": @}, {"secured": @}]', ("[0].secured", "secured"), "syntax"),
    "a key deeper than the field": ("a.json", '[{"secured": @, "a": {"secured": 1}}]', ("[].secured", "secured"), "syntax"),
    "a look-alike elsewhere": ("a.json", '[{"secured": @, "a": {"Secured": 1}}]', ("[].secured", "secured"), "syntax"),
    "another name that is in it": ("a.json", '[{"secured": @, "notes": 1}]', ("[].secured", "notes"), "syntax"),
    "one path alone": ("a.json", '[{"secured": @}]', ("secured",), "syntax"),
    "a text": ("a.json", '"secured"', ("[].secured", "secured"), None),
}


@pytest.mark.parametrize("row", OF_OTHERS.values(), ids=OF_OTHERS)
def test_in_a_list_a_key_that_another_field_owns_is_in_its_place(row):
    path, text, paths, code = row
    reading = read(path, text.replace("@", _SEALED).encode(), Spelling(paths))
    assert reading.problem is None
    told = {one: _code(record, one) for record in reading.records or () for one in paths if "[" not in one}
    assert set(told.values()) - {None} == {code} - {None}


def _code(record, path):
    try:
        assert record.field(path) is None
    except SealkitError as error:
        return error.code


def test_what_a_list_lacks_it_lacks_when_it_was_changed():
    (record,) = read("a.json", f'[{{"secured": {_SEALED}}}]'.encode(), Spelling(("[].secured", "secured"))).records
    assert record.replace("[0].secured", "x;y").value("secured") is None
