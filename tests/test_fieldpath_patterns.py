"""Field paths that are patterns of another language are refused everywhere, with what to write; keys with signs are quoted and work everywhere."""

import json

import pytest

from sealkit import Blob
from sealkit.errors import BadFieldPath
from sealkit.policyfile import ConfigError, parse
from sealkit.records import fieldpath
from sealkit.records.record import Record

KEY = "hex:" + "4a" * 16

# What was written -> what is to be written in its place; None where only the quoted key can be named.
PATTERNS = {
    "*": None,
    "**": None,
    "db.*": None,
    "*.token": None,
    "db.**.token": None,
    "db.pass*": None,
    "db.pass?": None,
    "db[*].token": "db[].token",
    "db[:].token": "db[].token",
    "items/token": "items.token",
    "/items/token": "items.token",
    "#/items/0/token": "items[0].token",
    "items/0/token": "items[0].token",
    "$": None,
    "$.items": "items",
    "$.items[*].token": "items[].token",
    "$['items']['tls.key']": 'items."tls.key"',
    '$["items"].token': "items.token",
    "['items']": "items",
    "$..token": None,
    "items..token": None,
    ".items.token": "items.token",
    " items.token": "items.token",
    "items.token ": "items.token",
    "items . token": "items.token",
    "\titems": "items",
    "'tls.key'": '"tls.key"',
    "`items`": "items",
    "tls\\.key": '"tls.key"',
    "a.tls\\.key.b": 'a."tls.key".b',
    "my key": None,
    "items:token": "items.token",
    "items::token": "items.token",
    "items->token": "items.token",
    "items => token": "items.token",
    "items;token": "items.token",
    "items|token": "items.token",
    "items\\token": "items.token",
    "@.token": "token",
    "~.token": "token",
    "token!": None,
    "token=x": None,
    "#": None,
    "items[-1].token": None,
    "items[0:2]": None,
    "{a}": None,
    "^token$": None,
    "(token)": None,
    "a,b": "a.b",
}


@pytest.mark.parametrize(("path", "instead"), PATTERNS.items(), ids=ascii)
def test_refused_with_what_to_write(path, instead):
    with pytest.raises(BadFieldPath) as caught:
        fieldpath.parse(path)
    hint = caught.value.hint
    if instead is not None:
        assert hint.startswith(f"write {instead}")
        assert fieldpath.join(fieldpath.parse(instead)) == instead
    elif path.isprintable():
        quoted = hint[hint.index('"') :]
        assert fieldpath.parse(quoted) == (path,)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("path", PATTERNS, ids=ascii)
def test_a_policy_is_refused_with_the_line(path):
    text = f"version: 1\nrecords:\n- include: ['**']\n  fields:\n  - path: {json.dumps(path)}\n".encode()
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.line == 5


@pytest.mark.parametrize("path", [one for one in PATTERNS if "," not in one], ids=ascii)
def test_a_policys_bind_is_refused(path):
    text = f"version: 1\nrecords:\n- include: ['**']\n  fields:\n  - path: secured\n    bind: [{json.dumps(path)}]\n".encode()
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.line == 6


QUOTED = {
    '"tls.key".secured': b'---\n"tls.key":\n  secured: open\n---\n',
    '"kubernetes.io/x"': b"---\nkubernetes.io/x: open\n---\n",
    'data."a b"': b"---\ndata: {a b: open}\n---\n",
    '"*"': b'---\n"*": open\n---\n',
    '"$ref"': b"---\n$ref: open\n---\n",
    'a[]."x/y"': b"---\na:\n- x/y: open\n---\n",
    'a[0]."x.y"': b"---\na:\n- x.y: open\n---\n",
    '"a[]"': b'---\n"a[]": open\n---\n',
    '"[0]"': b'---\n"[0]": open\n---\n',
    '"a\\"b"': b"---\n'a\"b': open\n---\n",
    '"a\\\\b"': b"---\n'a\\b': open\n---\n",
    '"it\'s"': b"---\nit's: open\n---\n",
    '""': b'---\n"": open\n---\n',
    '" a"': b'---\n" a": open\n---\n',
    '"a,b"': b"---\n'a,b': open\n---\n",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": "---\n\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645: open\n---\n".encode(),
    "\u2764\ufe0f": "---\n\u2764\ufe0f: open\n---\n".encode(),
}


@pytest.mark.parametrize(("path", "data"), QUOTED.items(), ids=ascii)
def test_a_quoted_key_is_found_and_named_so(path, data):
    record = Record.parse(data, kind="frontmatter")
    (value,) = record.values(path)
    assert value.text == "open"
    assert value.path == path.replace("[]", "[0]") if path.startswith("a[]") else value.path == path
    assert record.paths(path) == [value.path]
    blob = str(Blob(bytes(range(16)), bytes(16)))
    assert record.replace(value.path, blob).blob_text(value.path)[0] == blob


@pytest.mark.parametrize("path", QUOTED, ids=ascii)
def test_a_policy_names_it_in_its_one_spelling(path):
    text = f"version: 1\nrecords:\n- include: ['**']\n  fields:\n  - path: {json.dumps(path, ensure_ascii=False)}\n".encode()
    (rule,) = parse(text)
    assert rule.fields[0].path == path


@pytest.mark.parametrize("path", ['"tls.key".secured', 'data."a b"', 'a[]."x/y"', '"a\\"b"', '"a,b"', "\u2764\ufe0f"], ids=ascii)
def test_on_the_command_line(desk, path):
    desk.env["SEALKIT_SECRET"] = KEY
    desk.write("a.md", QUOTED[path])
    assert desk.run("seal", "--field", path, "a.md").status == 0
    run = desk.run("decrypt", "--field", path, "a.md")
    assert (run.status, run.out) == (0, b"open")
    assert desk.run("check", "--field", path, "a.md").status == 0


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("seal", "*.token"),
        ("decrypt", "db/token"),
        ("inspect", "$.db"),
        ("rotate", " db.token"),
        ("verify", "a..b"),
        ("check", "my key"),
        ("census", "['db']"),
    ],
)
def test_the_command_line_refuses_it_once_before_anything_is_done(desk, path, verb):
    desk.env["SEALKIT_SECRET"] = KEY
    for name in "abc":
        desk.write(f"t/{name}.md", b"---\nsecured: open\n---\n")
    verbs = ["keys", "census"] if verb == "census" else [verb]
    run = desk.run(*verbs, "--field", path, "t")
    assert run.status == 2
    assert run.err.count("error:") == 1
    assert "hint: " in run.err
    assert (desk.path / "t/a.md").read_bytes() == b"---\nsecured: open\n---\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ["a"]),
        ("a,b.c", ["a", "b.c"]),
        ("a, b", ["a", "b"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ('x."a\\",b",c', ['x."a\\",b"', "c"]),
        ("a,,b", ["a", "", "b"]),
        ("", [""]),
        ('"a', ['"a']),
    ],
)
def test_lists_of_paths(text, names):
    assert fieldpath.split_list(text) == names


@pytest.mark.parametrize(
    ("column", "path"),
    [
        ("secured", "secured"),
        ("a.b", "a.b"),
        ("my column", '"my column"'),
        ("a/b", '"a/b"'),
        ("Price ($)", '"Price ($)"'),
        ("", '""'),
    ],
)
def test_the_path_of_a_column(column, path):
    assert fieldpath.of_column(column) == path
    assert fieldpath.column_of(path) == column
