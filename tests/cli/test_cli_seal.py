"""``sealkit seal``: plaintext of every kind becomes a blob, in place; blobs stay as they are."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

# The text that follows ``secured:`` in front matter, and the payload it stands for.
VALUES = [
    ("hello, world", b"hello, world"),
    ('"quoted \\u00e9 \\n line"', "quoted é \n line".encode()),
    ("'it''s single'", b"it's single"),
    ("2026", b"2026"),
    ("-1.50", b"-1.50"),
    ("true", b"true"),
    ("no", b"no"),
    ("2026-01-05", b"2026-01-05"),
    ("{b: 2, a: [x, true, null]}", b'{"b":2,"a":["x",true,null]}'),
    ("\n  name: Ida\n  pay: 4000", b'{"name":"Ida","pay":4000}'),
    ("\n  - one\n  - 2", b'["one",2]'),
    ("|\n  two\n  lines", b"two\nlines\n"),
    ("|-\n  no final\n  newline", b"no final\nnewline"),
    (">\n  folded\n  text", b"folded text\n"),
    ("plain\n  continued", b"plain continued"),
    ("Grüße 😀", "Grüße 😀".encode()),
    ('""', b""),
]


def opened(desk, name, *options):
    ran = desk.run("decrypt", "--key-id", "k2", *options, name)
    assert ran.status == 0, ran
    return ran.out


@pytest.mark.parametrize(("value", "payload"), VALUES, ids=[value for value, _ in VALUES])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_every_kind_of_plaintext(desk, value, payload, ends):
    before, after = b"---\ntitle: t # stays\n", b"\nlast:   'kept'\n---\nbody \xff\n"
    desk.write("x.md", (before + f"secured: {value}".encode() + after).replace(b"\n", ends))
    ran = desk.run("seal", "--key-id", "k2", "x.md")
    assert ran.status == 0, ran
    assert ran.text == "sealed x.md:3  secured  key k2\n"
    sealed = desk.read("x.md")
    start, end = before.replace(b"\n", ends), after.replace(b"\n", ends)
    assert sealed.startswith(start)
    assert sealed.endswith(end)
    assert re.fullmatch(rb'secured: ?"[A-Za-z0-9+/]+=*;[A-Za-z0-9+/]{22}=="', sealed[len(start) : -len(end)])
    assert opened(desk, "x.md") == payload
    twice(desk, "x.md", "--key-id", "k2")


def twice(desk, name, *options):
    """Sealing again changes nothing: not the bytes, not the inode, not the time."""
    before, status = desk.read(name), (desk.path / name).stat()
    again = desk.run("seal", *options, name)
    assert again.status == 0
    assert again.out == b""
    assert "1 unchanged" in again.err
    now = (desk.path / name).stat()
    assert desk.read(name) == before
    assert (now.st_ino, now.st_mtime_ns, now.st_ctime_ns) == (status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


@pytest.mark.parametrize(
    ("name", "before", "payload"),
    [
        ("x.json", b'{\r\n  "a" : 1,\r\n  "secured" : "text",\r\n  "b": 2\r\n}', b"text"),
        ("x.json", b'{"secured": {"x": [1, 2.50, null, "\xc3\xa9"]}, "b": 2}\n', '{"x":[1,2.50,null,"é"]}'.encode()),
        ("x.json", b'{"a":1,"secured":12345678901234567890}', b"12345678901234567890"),
        ("x.yaml", b"a: 1\nsecured: text # remark\n", b"text"),
        ("x.yml", b"%YAML 1.1\n---\nsecured: text\n", b"text"),
        ("x.html", b"---\nsecured: text\n---\n<p>", b"text"),
    ],
)
def test_other_records(desk, name, before, payload):
    desk.write(name, before)
    assert desk.run("seal", "--key-id", "k2", name).status == 0
    assert opened(desk, name) == payload
    head = before[: before.index(b"secured")]
    assert desk.read(name).startswith(head)
    twice(desk, name, "--key-id", "k2")


def test_json_lines_are_sealed_each_for_itself(desk):
    lines = [
        b'{"id": 1, "secured": "one, which is long enough"}',
        b"",
        b'{"id": 2}',
        b'{"secured": {"n": 3, "text": "three"}, "id":3}',
    ]
    desk.write("x.jsonl", b"\n".join(lines))
    ran = desk.run("seal", "x.jsonl")
    assert ran.status == 0  # the line without the field is counted, the empty one is no record
    assert "2 sealed, 1 absent" in str(ran)
    after = desk.read("x.jsonl").split(b"\n")
    assert [after[1], after[2]] == [lines[1], lines[2]]
    assert [line.get("payload") for line in desk.run("decrypt", "--json", "x.jsonl").lines] == [
        "one, which is long enough",
        None,  # the line without the field
        '{"n":3,"text":"three"}',
    ]


def test_json_lines_without_the_field_at_all_are_a_finding(desk):
    desk.write("x.jsonl", b'{"id": 1}\n\n{"id": 2}\n')
    assert desk.run("verify", "x.jsonl").status == 1
    desk.write("x.jsonl", b"\n\n")
    assert desk.run("verify", "x.jsonl").status == 1


@pytest.mark.parametrize("field", ["a.b", "list[].secret", "list[1].secret"])
def test_nested_fields(desk, field):
    desk.write(
        "x.yaml", b"a: {b: first of all secrets}\nlist:\n  - secret: second of all secrets\n  - secret: third of all secrets\n"
    )
    assert desk.run("seal", "--field", field, "x.yaml").status == 0
    left = [word for word in (b"first", b"second", b"third") if word in desk.read("x.yaml")]
    assert left == {"a.b": [b"second", b"third"], "list[].secret": [b"first"], "list[1].secret": [b"first", b"second"]}[field]
    assert desk.run("verify", "--field", field, "x.yaml").status == 0


# --- --payload -------------------------------------------------------------------------------------------------------
RECORD = b"---\ntitle: t\n---\nbody\n"


@pytest.mark.parametrize("payload", [b"a payload\r\nof two lines", b"", b"\xc3\xa9" * 500, b'{"a": 1}\n'])
def test_payload_from_a_file_adds_the_field(desk, payload):
    desk.write("x.md", RECORD)
    desk.write("p.txt", payload)
    assert desk.run("seal", "--key-id", "k2", "--payload", "p.txt", "x.md").status == 0
    sealed = desk.read("x.md")
    assert re.fullmatch(rb'---\ntitle: t\nsecured: "[^"]+"\n---\nbody\n', sealed)
    assert opened(desk, "x.md") == payload
    status = (desk.path / "x.md").stat()
    again = desk.run("seal", "--key-id", "k2", "--payload", "p.txt", "x.md")
    assert "1 unchanged" in again.err
    now = (desk.path / "x.md").stat()
    assert (desk.read("x.md"), now.st_ino, now.st_mtime_ns) == (sealed, status.st_ino, status.st_mtime_ns)


def test_payload_from_stdin_replaces_another_one(desk):
    desk.write("x.md", desk.read("records/article.md"))
    ran = desk.run("seal", "--payload", "-", "x.md", stdin=b"something that is new in here")
    assert ran.status == 0
    assert opened(desk, "x.md") == b"something that is new in here"
    before, after = desk.read("records/article.md").split(b"\n"), desk.read("x.md").split(b"\n")
    assert [line for line in before if b"secured" not in line] == [line for line in after if b"secured" not in line]


def test_an_equal_payload_keeps_blob_and_file(desk):
    payload = desk.run("decrypt", "records/interview.md").out
    before, status = desk.read("records/interview.md"), (desk.path / "records/interview.md").stat()
    assert desk.run("seal", "--payload", "-", "records/interview.md", stdin=payload).status == 0
    now = (desk.path / "records/interview.md").stat()
    assert desk.read("records/interview.md") == before
    assert (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


@pytest.mark.parametrize(
    "args",
    [
        ["--payload", "p.txt", "records/article.md", "records/board.yml"],
        ["--payload", "p.txt", "records/feed.jsonl"],
        ["--payload", "p.txt", "--field", "a[].b", "records/article.md"],
        ["--payload", "p.txt", "--field", "a", "--field", "b", "records/article.md"],
        ["--payload", "-", "-"],
    ],
)
def test_a_payload_is_for_one_field(desk, args):
    desk.write("p.txt", b"payload")
    before = desk.files("records")
    assert desk.run("seal", *args).status == 2
    assert desk.files("records") == before


def test_payload_errors(desk):
    assert desk.run("seal", "--payload", "absent.txt", "records/article.md").status == 4
    desk.write("p.bin", b"\xff\0")
    assert desk.run("seal", "--payload", "p.bin", "records/article.md").status == 1
    desk.write("x.md", RECORD)
    assert desk.run("seal", "--payload", "p.bin", "--payload-kind", "binary", "--key-id", "k2", "x.md").status == 0
    assert opened(desk, "x.md", "--payload-kind", "binary") == b"\xff\0"


# --- refusals --------------------------------------------------------------------------------------------------------
def test_broken_blobs_are_not_buried(desk):
    good = desk.sealed(b"forty bytes of payload, more or less ....")
    for broken in (good[:-1], good + ";", good.replace(";", " ;"), good[1:], good.replace("=", "")):
        desk.record("x.md", broken)
        before = desk.read("x.md")
        ran = desk.run("seal", "--json", "x.md")
        assert ran.status == 1, broken
        assert ran.lines[0]["code"] in {"broken_blob", "malformed", "noncanonical"}
        assert desk.read("x.md") == before


@pytest.mark.parametrize(
    "text",
    [
        "secured:\n",
        "secured: ~\n",
        "secured: !!binary aGVsbG8=\n",
        "secured: &a text\nother: *a\n",
        "secured: x\nsecured: y\n",
        "Secured: x\n",
        "a: [\n",
    ],
)
def test_what_is_not_sealed(desk, text):
    desk.write("x.md", f"---\n{text}---\n".encode())
    before = desk.read("x.md")
    ran = desk.run("seal", "x.md")
    assert ran.status == 1, ran
    assert desk.read("x.md") == before


def test_control_characters_are_no_text(desk):
    desk.write("x.md", b'---\nsecured: "a\\u0007"\n---\n')
    ran = desk.run("seal", "--json", "x.md")
    assert ran.status == 1
    assert ran.lines[0]["code"] == "payload_check"


@pytest.mark.parametrize(("form", "parts"), [("tagged", 3), ("synthetic", 2)])
def test_a_key_seals_in_its_own_format(desk, form, parts):
    ring = desk.read("keys.example").replace(b"  - id: k2\n", f"  - id: k2\n    format: {form}\n".encode())
    desk.write("keys.example", ring)
    desk.record("x.md", "plaintext")
    assert desk.run("seal", "x.md").status == 0
    assert desk.read("x.md").count(b";") == parts - 1
    (line,) = desk.run("decrypt", "--json", "x.md").lines
    assert (line["payload"], line["code"], line["format"]) == ("plaintext", "authentic", form)


# --- without writing -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("option", ["--check", "--diff"])
@pytest.mark.parametrize("json_lines", [[], ["--json"]])
def test_check_and_diff_write_nothing(desk, option, json_lines):
    desk.record("records/x.md", "Geheim: the plaintext")
    before = desk.files()
    ran = desk.run("seal", option, *json_lines, "records")
    assert ran.status == 1
    assert desk.files() == before
    if json_lines:
        assert ran.summary["would_change"] == 1
    assert desk.run("seal", "records").status == 0
    done = desk.run("seal", option, *json_lines, "records")
    assert done.status == 0


@pytest.mark.parametrize("name", ["x.md", "x.json", "y.md"])
@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_diff_holds_no_plaintext(desk, name, from_stdin):
    records = {
        "x.md": b'---\na: 1\nsecured: "Geheim: the\n  -- a/Geheim two\n  ++ b/Geheim three"\n---\n',
        "x.json": b'{"a": 1,\n"secured": {"x":\n"Geheim", "y": ["Geheim"]\n}}\n',
        "y.md": b'---\n{secured: "\n-- a/Geheim one\n++ b/Geheim two"}\n---\n',
    }
    desk.write(name, records[name])
    ran = desk.run("seal", "--diff", "-", "--as", name, stdin=records[name]) if from_stdin else desk.run("seal", "--diff", name)
    assert b"Geheim" not in ran.out
    assert "Geheim" not in ran.err
    assert ran.status == 1, ran
    assert b"<plaintext, not shown>" in ran.out
    assert b"+++ " in ran.out


def test_stdin_to_stdout(desk):
    record = b"---\r\nsecured: text that is long enough\r\n---\r\n"
    ran = desk.run("seal", "-", "--as", "x.md", stdin=record)
    assert ran.status == 0
    assert ran.out.startswith(b'---\r\nsecured: "')
    again = desk.run("seal", "-", "--as", "x.md", stdin=ran.out)
    assert (again.status, again.out) == (0, ran.out)
    check = desk.run("seal", "-", "--check", stdin=record)
    assert check.status == 1
    assert b"would change" in check.out
    assert desk.run("seal", "-", stdin=b"---\nsecured: [\n---\n").out == b""


def test_a_pipe_of_decrypt_and_seal(desk):
    command = "sealkit decrypt --record records/article.md | sealkit seal - --as article.md | sealkit decrypt -"
    command = command.replace("sealkit", " ".join(desk.command()))
    ran = subprocess.run(["bash", "-c", command], cwd=desk.path, env=desk.env, capture_output=True, check=True)
    assert json.loads(ran.stdout)["id"] == "harbour-lights"


# --- files -----------------------------------------------------------------------------------------------------------
def test_mode_and_time_of_a_sealed_file(desk):
    desk.record("x.md", "plaintext that is long enough")
    os.chmod(desk.path / "x.md", 0o640)
    os.utime(desk.path / "x.md", (1_600_000_000, 1_600_000_000))
    assert desk.run("seal", "--keep-mtime", "x.md").status == 0
    status = (desk.path / "x.md").stat()
    assert status.st_mode & 0o7777 == 0o640
    assert status.st_mtime == 1_600_000_000
    assert not [name for name in desk.files() if "sealkit-tmp" in name]


def test_hard_links_are_broken_only_when_told(desk):
    desk.record("x.md", "plaintext that is long enough")
    os.link(desk.path / "x.md", desk.path / "y.md")
    ran = desk.run("seal", "x.md")
    assert ran.status == 4
    assert "--break-hardlinks" in ran.err
    assert desk.run("seal", "--break-hardlinks", "x.md").status == 0
    assert b"plaintext" in desk.read("y.md")
    assert b"plaintext" not in desk.read("x.md")


def test_one_block_under_several_keys_opens_again(desk):
    desk.record("x.md", "short")
    ran = desk.run("seal", "x.md")
    assert ran.status == 0
    assert "--key-id" not in ran.text + ran.err
    assert desk.run("decrypt", "x.md").out == b"short"


def test_if_present_passes_over_records_without_the_field(desk):
    desk.write("notes.md", b"# no front matter\n")
    desk.write("open.md", b"---\nsecured: a payload of more than one block\n---\n")
    assert desk.run("seal", "notes.md").status == 1
    ran = desk.run("seal", "--if-present", "notes.md", "open.md", "records/article.md")
    assert ran.status == 0, ran
    assert b"payload" not in desk.read("open.md")
    assert desk.run("seal", "--if-present", "notes.md").status == 0
    desk.write("broken.md", b"---\nsecured: [a\n---\n")
    assert desk.run("seal", "--if-present", "broken.md").status == 1
