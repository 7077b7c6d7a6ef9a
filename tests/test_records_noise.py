"""What has nothing to do with a field is silent, and what some reader takes for its key is not: by the kind of file, with the reason."""

import pytest
from test_records_reading import BLOB, SECURED, outcome

from sealkit.records import loosejson
from sealkit.records.spelling import Spelling

SILENT = {
    "lines of lists": ("a.jsonl", '[1]\n["secured"]\n'),
    "lines of texts and numbers": ("a.ndjson", '"secured"\n7\nnull\n'),
    "lines of lists of objects": ("a.jsonl", '[{"a": "secured: x"}]\n'),
    "a list whose next key is empty": ("a.json", '["secured", {"": 1}]'),
    "deep in GeoJSON": ("a.geojson", '{"features": [{"properties": {"secured": "x"}}]}'),
    "deep in a notebook": ("a.ipynb", '{"cells": [{"metadata": {"secured": true}}]}'),
    "deep in a lock file": ("Pipfile.lock", '{"_meta": {"secured": 1}}'),
    "deep in a manifest": ("a.webmanifest", '{"icons": [{"secured": 1}]}'),
    "deep in JSON": ("a.json", '{"a": {"secured": "x"}}'),
    "deep in JSON with comments": ("a.json", '{"a": {"secured": "x"}, // why\n}'),
    "deep in JSON5": ("a.json5", "{a: {secured: 'x'},}"),
    "deep in TOML": ("a.toml", "[a]\nsecured = 1\n"),
    "the word in a comment of JSON": ("tsconfig.json", '{\n // secured by: x\n"a": 1,\n}'),
    "a key in a comment of JSON": ("tsconfig.json", '{\n /* "secured": "x", */\n"a": 1}'),
    "the word in a comment of YAML": ("a.yml", "# it is secured: see\na: {{ x }} y\n"),
    "a value of Helm": ("a.yaml", "{{- if .Values.secured }}\na: {{ .b }}\n{{- end }}\n"),
    "another key of Helm": ("a.yaml", "{{- if x }}\nsecured_by: {{ .b }}\n{{- end }}\n"),
    "deep in one of several documents": ("a.yaml", "a: 1\n---\nmetadata:\n  labels:\n    secured: 'true'\n"),
    "a text in one of several documents": ("a.yml", "---\na: |\n  secured: x\n---\nb: 1\n"),
    "a page that begins with a line": ("a.md", "---\n\nAll of it is secured by us.\n"),
    "a page that begins with a longer line": ("a.md", "----\n\nAll of it is secured by us.\n"),
    "an example in a fence": ("README.md", "# T\n```yaml\n---\nsecured: x\n---\n```\n"),
    "an example in a fence of a list": ("README.md", "- so:\n\n  ~~~\n  secured: x\n  ~~~\n\ntext\n"),
    "an export in a fence": ("a.mdx", '```js\nexport const meta = {secured: "x"}\n```\n'),
    "prose before a rule": ("a.md", "Two words:\nall is secured\n: so it is.\n\n---\n\nMore\n"),
    "reST before a rule": ("a.rst", ".. toctree::\n   :caption: secured: x\n\n---\n"),
    "a component of Astro": ("a.astro", '---\nconst secured = "x"\n---\n<p/>\n'),
    "a table that is sealed": ("a.csv", f'id,secured\n1,"{BLOB}"\n2,\n'),
    "a table with the word": ("a.csv", "id,state\n1,secured\n"),
    "a name that is part of another": ("a.yml", "unsecuredness: {{ x }} y\n"),
}


@pytest.mark.parametrize("row", SILENT.values(), ids=SILENT)
def test_silent(row):
    assert outcome(*row) == ("absent", None)


# The kind of file, what stands in it, what becomes of it: a finding because some reader takes it for a key of the page or the record; or
# "like a key": counted, and a finding where a rule matches the file or it was named.
DECIDED = {
    "JSON with comments": ("a.jsonc", '{ // c\n"secured": "x"}', "unsupported_record", 2),
    "JSON5": ("a.json5", "{secured: 'x'}", "unsupported_record", 1),
    "a manifest": ("a.webmanifest", '{"secured": "x"}', "unsupported_record", 1),
    "a list in JSON of another name": ("a.geojson", '[{"a": {"secured": "x"}}]', "like a key", 1),
    "JSON that is two values": ("a.log", '{"a": 1}\n{"secured": "x"}\n', "like a key", 2),
    "JSON that does not read": ("a.tmpl", '{"a": {{ x }}, "secured": "x"}', "like a key", 1),
    "CSV": ("a.csv", "a,secured,b\n1,open,2\n", "like a key", 2),
    "CSV, some rows sealed": ("a.csv", f"secured,a\n{BLOB},1\nopen,2\n", "like a key", 3),
    "CSV, a look-alike": ("a.csv", 'a,"Secured "\n1,open\n', "like a key", 2),
    "TSV": ("a.tsv", "a\tsecured\n1\topen\n", "like a key", 2),
    "MDX": ("a.mdx", '# T\n\nexport const meta = {secured: "x"}\n', "unsupported_record", 3),
    "MDX, several lines": ("a.mdx", "export const meta = {\n  title: 1,\n  secured: 2,\n}\n", "unsupported_record", 3),
    "Astro, as YAML": ("a.astro", "---\nsecured: x\n---\n", "field", 2),
    "TOML": ("a.toml", 'a = 1\nsecured = "x"\n', "like a key", 2),
    "TOML, a table": ("a.toml", "[secured]\na = 1\n", "like a key", 1),
    "TOML that does not read": ("a.toml", "a = \n[secured]\n", "like a key", 2),
    "properties": ("a.properties", "secured x\n", "like a key", 1),
    "an environment": (".env", "export SECURED=x\n", "like a key", 1),
    "XML": ("a.xml", "<a>\n<x:secured>x</x:secured></a>", "like a key", 2),
    "an attribute of XML": ("a.xml", '<a\n secured="x"/>', "like a key", 2),
    "a property list": ("a.plist", "<dict><key>secured</key><string/></dict>", "like a key", 1),
    "Org": ("a.org", "#+TITLE: a\n#+SECURED: x\n", "unsupported_record", 2),
    "Org, a drawer": ("a.org", "* A\n:PROPERTIES:\n:SECURED: x\n:END:\n", "like a key", 3),
    "reST": ("a.rst", "Title\n=====\n\n:date: 1\n:secured: x\n", "unsupported_record", 5),
    "reST, below the text": ("a.rst", "Title\n=====\n\ntext\n\n:secured: x\n", "like a key", 6),
    "Nikola": ("a.rst", ".. title: a\n.. secured: x\n\ntext\n", "unsupported_record", 2),
    "Nikola, in a comment": ("a.md", "<!--\n.. title: a\n.. secured: x\n-->\ntext\n", "unsupported_record", 3),
    "AsciiDoc": ("a.adoc", "= Title\n:secured: x\n", "like a key", 2),
    "AsciiDoc of Jekyll": ("a.adoc", "= Title\n:page-secured: x\n", "unsupported_record", 2),
    "HTML of Pelican": ("a.html", '<head>\n<meta name="secured" content="x">', "unsupported_record", 2),
    "MultiMarkdown": ("a.md", "Secured: note\n\ntext\n", "unsupported_record", 1),
    "MultiMarkdown, a value of two lines": ("a.txt", "Title: a\nmore of it\nsecured: x\n", "unsupported_record", 3),
    "the same in reST": ("a.rst", "Secured: note\n\ntext\n", "like a key", 1),
    "the same below": ("a.md", "Text\n\nSecured: note\n", "like a key", 3),
    "blanks around it, YAML": ("a.yml", "a: 1\n'secured ': x\n", "lookalike_key", 2),
    "blanks around it, JSON": ("a.json", '{"\\u00a0secured": "x"}', "lookalike_key", 1),
    "blanks around it, TOML": ("a.md", '+++\n"secured\\t" = "x"\n+++\n', "unsupported_record", 2),
    "a no-break space behind it, beside the field": ("a.md", f"---\nsecured: {BLOB}\nsecured\u00a0: x\n---\n", "lookalike_key", 3),
    "an em space before it, beside the field": ("a.yml", f"a: 1\nsecured: {BLOB}\n\u2003secured: x\n", "lookalike_key", 3),
    "an explicit key behind another line's end": ("a.yml", "a: {{ x }} y\n\u2028? secured\n", "syntax", 1),
    "a key that a template writes": ("a.yaml", 'a: {{ x }} y\n{{ "secured" | quote }}: x\n', "syntax", 1),
    "a key in the second document": ("a.yaml", "a: {secured: 1}\n---\n? secured\n: x\n", "syntax", 2),
    "a key behind a comment of JSON, to YAML": ("a.json", '{"a": 1, // b, secured: open,\n"c": 2}', "syntax", 1),
}


@pytest.mark.parametrize("row", DECIDED.values(), ids=DECIDED)
def test_decided(row):
    path, data, code, line = row
    assert outcome(path, data) == (code, line)


NESTED = {
    "JSON": ("a.geojson", '{"a": {"secured": 1}}', "unsupported_record"),
    "JSON, a list": ("a.geojson", '{"a": [{"b": 1}, {"secured": 1}]}', "unsupported_record"),
    "TOML": ("a.toml", "[a]\nsecured = 1\n", "like a key"),
    "at the top": ("a.geojson", '{"secured": 1, "a": {}}', "absent"),
    "deeper": ("a.geojson", '{"a": {"b": {"secured": 1}}}', "absent"),
    "a key of it twice": ("a.geojson", '{"a": {"secured": 1}, "a": {}}', "unsupported_record"),
}


@pytest.mark.parametrize("what", NESTED)
def test_the_place_counts(what):
    path, data, code = NESTED[what]
    field = "a[].secured" if "list" in what else "a.secured"
    assert outcome(path, data, spelling=Spelling([field]))[0] == code


@pytest.mark.parametrize(
    "text", ["{a:1,}", "{'a': [1,2,], // x\n}", '/* c */ {"a": "// no"}', '{"a": "\\v", b: .5}', "\ufeff{a: +1}"]
)
def test_lenient_readers(text):
    assert loosejson.read(text)[0][0] == "a"


@pytest.mark.parametrize("text", ["{a b: 1}", '{"a" 1}', "[1,,2]", "{a: 1", "{a: 'x}", "{{ x }}", "a: 1", "/* {}"])
def test_what_lenient_readers_do_not_read(text):
    with pytest.raises(ValueError, match=r"JSON|Expecting|Extra|delimiter"):
        loosejson.read(text)


MANY = [b"secured ", b"secured # ", b"secured\n#'\n#'", b"secured /*", b"\n---\nsecured\n", b"secured // x\n", b"# secured\n"]


@pytest.mark.parametrize("text", MANY)
def test_it_is_one_pass(text):
    """What went back and forth would not come to an end here."""
    SECURED.may_be_key(text * 200_000)
    outcome("a.md", text * 50_000)
