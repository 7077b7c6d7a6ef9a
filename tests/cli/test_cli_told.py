"""What is said leads on: hints are commands that do the thing, paths are as they were named, and what was not looked at is told."""

from __future__ import annotations

import json
import os
import shlex
import subprocess

import pytest

pytestmark = pytest.mark.thorough

OPEN = b"---\ntitle: t\nsecured: some plaintext, long enough\n---\nbody\n"
NESTED = b"db:\n  password: some plaintext, long enough\n"


def hint_of(ran):
    """The words of the command in the first hint."""
    text = ran.err.partition("hint: ")[2].partition("\n")[0]
    words = shlex.split("sealkit " + text.partition("sealkit ")[2])
    ends = [number for number, word in enumerate(words) if word.endswith(";")]
    return [word.rstrip(";") for word in words[: ends[0] + 1]] if ends else words


def git(desk, *args):
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *args], cwd=desk.path, check=True, capture_output=True)


# --- hints -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["verify", "check", "decrypt", "rotate"])
@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("a.md", OPEN, "secured"),
        ("a b.md", OPEN, "secured"),
        ("it's $x;.md", OPEN, "secured"),
        ("tree/é.md", OPEN, "secured"),
        ("-q.md", OPEN, "secured"),
        ("db.yml", NESTED, "db.password"),
        ("x.yml", b'"tls.key": some plaintext, long enough\n', '"tls.key"'),
        ("y.yml", b"users:\n  - token: some plaintext, long enough\n", "users[].token"),
        ("z.json", b'{"db": {"token": "some plaintext, long enough"}}\n', "db.token"),
        ("w.jsonl", b'{"secured": "some plaintext, long enough"}\n', "secured"),
        ("t.md", OPEN.replace(b"secured", b"token"), "token"),
    ],
)
def test_the_hint_seals_what_stands_open(desk, verb, name, data, field):
    desk.write(name, data)
    asked = [verb, "--field", field, "--", name]
    before = desk.run(*asked)
    assert before.status == 1, before
    words = hint_of(before)
    assert words[:2] == ["sealkit", "seal"], before
    assert desk.run(*words[1:]).status == 0
    assert desk.run(*asked).status == 0


def test_a_hint_is_said_once_of_a_tree_and_of_each_file_in_json(desk):
    for number in range(4):
        desk.write(f"tree/{number}.md", OPEN)
    assert desk.run("check", "tree").err.count("hint: seal it with") == 1
    assert [line["hint"] for line in desk.run("check", "--json", "tree").lines] == [
        f"seal it with: sealkit seal tree/{number}.md" for number in range(4)
    ]


def test_what_is_staged_is_sealed_and_staged_anew(desk):
    git(desk, "init", "-q")
    desk.write("a b.md", OPEN)
    git(desk, "add", "a b.md")
    ran = desk.run("check", "--staged", "a b.md")
    assert "sealkit: hint: seal it with: sealkit seal 'a b.md' && git add 'a b.md'\n" in ran.err


def test_what_was_committed_open_is_not_to_be_sealed(desk):
    git(desk, "init", "-q")
    desk.write("a.md", OPEN)
    git(desk, "add", "a.md")
    git(desk, "commit", "-qm", "open")
    ran = desk.run("check", "--history", "a.md")
    assert ran.status == 1
    assert "hint: it stays in the history" in ran.err
    assert "sealkit seal" not in ran.err


# --- paths -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("named", [".", "./", "records", "records/", "./records", "records/.", "../desk", "../desk/records/"])
def test_rollback_names_files_as_rotate_does(desk, named):
    there = desk.run("rotate", "--to", "k1", named)
    back = desk.run("rotate", "--rollback", named)
    paths = [[line.split()[1] for line in ran.text.splitlines()] for ran in (there, back)]
    assert (there.status, back.status) == (0, 0), back
    assert len(paths[0]) == 6
    if named in {"records/.", "../desk/records/"}:  # spelt otherwise, and the same files
        paths = [[os.path.normpath(path) for path in some] for some in paths]
    assert paths[0] == paths[1]


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ([], "sealkit.yaml"),
        (["."], "sealkit.yaml"),
        (["./"], "sealkit.yaml"),
        (["records"], "records/sealkit.yaml"),
        (["./records/"], "./records/sealkit.yaml"),
    ],
)
def test_init_names_its_file_as_the_folder_was_named(desk, args, path):
    assert f"sealkit: wrote {path}: " in desk.run("init", *args).err
    assert f"sealkit: error: {path}: there is a policy already\n" in desk.run("init", *args).err


# --- what is no record ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["inspect", "decrypt", "seal", "verify", "check"])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a JPEG image"),
        (b"GIF89a\1\0", "a GIF image"),
        (b"%PDF-1.7\n%\xe2\xe3\n", "a PDF document"),
        (b"PK\3\4\x14\0", "a ZIP archive"),
        (b"\x1f\x8b\x08\0", "gzip data"),
        (b"\x7fELF\2\1", "a program"),
        (b"SQLite format 3\0\x10", "an SQLite database"),
        (b"PAR1\x15\0", "a Parquet table"),
        (b"\0\1\2\3\xfe", "no text"),
        (b"", "an empty file"),
        (b"hello\n", "text without front matter"),
    ],
)
def test_a_file_that_is_no_record_is_called_what_it_is(desk, verb, data, what):
    desk.write("thing.bin", data)
    ran = desk.run(verb, "thing.bin")
    assert ran.status == 1
    assert f"this is no record that could have the field 'secured', but {what}" in ran.err


def test_an_image_gets_no_payload(desk):
    desk.write("a.png", b"\x89PNG\r\n\x1a\n\0\0")
    ran = desk.run("set", "a.png", stdin=b"a payload")
    assert (ran.status, "but a PNG image" in ran.err, "begin it with" in ran.err) == (1, True, False)


# --- what was not looked at, and all of stdout JSON --------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["seal", "retag", "rotate", "verify", "check"])
def test_what_was_left_is_told(desk, verb):
    desk.write("records/.hidden/x.md", b"x")
    os.symlink("article.md", desk.path / "records/link.md")
    assert "sealkit: not looked at: 1 hidden, 1 link (a folder counts as one)\n" in desk.run(verb, "records").err


def test_a_census_in_json_is_json_and_nothing_else(desk):
    for name in ("one", "two"):
        desk.write(f"records/{name}.yml", f"secured: {desk.sealed(b'x' * 40)}\nsecured: {desk.sealed(b'y' * 40)}\n".encode())
    ran = desk.run("keys", "census", "--json", "records")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert all(isinstance(line, dict) for line in lines)
    assert [line["path"] for line in lines if "path" in line] == ["records/one.yml", "records/two.yml"]
    assert "error" not in ran.said
    assert lines[-1]["summary"]["unread"] == 2


# --- init -------------------------------------------------------------------------------------------------------------------
@pytest.fixture
def open_tree(desk):
    for name in ("a", "b"):
        desk.write(f"posts/{name}.md", OPEN)
    desk.write("data/db.yml", NESTED)
    return desk


def test_init_leads_on_where_nothing_is_sealed(open_tree):
    ran = open_tree.run("init", "posts")
    assert ran.status == 2
    assert "'secured' stands open in 2 records" in ran.err
    words = hint_of(ran)
    assert words == ["sealkit", "seal", "posts"]
    assert open_tree.run(*words[1:]).status == 0
    assert open_tree.run("init", "posts").status == 0
    assert open_tree.run("check", "posts").status == 0


@pytest.mark.parametrize(
    ("folder", "fields", "told"),
    [
        ("posts", ["secured"], b'include: ["*.md"]'),
        ("data", ["db.password"], b"path: db.password"),
        (".", ["secured", "db.password"], b"path: db.password"),
    ],
)
def test_a_policy_can_come_first(open_tree, folder, fields, told):
    options = [word for field in fields for word in ("--field", field)]
    ran = open_tree.run("init", *options, folder)
    assert ran.status == 0, ran
    policy = open_tree.read(os.path.join(folder, "sealkit.yaml"))
    assert told in policy
    assert open_tree.run("check", folder).status == 1
    words = hint_of(
        type(ran)(0, b"", ran.err[ran.err.index("open; seal them with") :].replace("seal them", "hint: seal them").encode())
    )
    assert open_tree.run(*words[1:]).status == 0
    assert open_tree.run("check", folder).status == 0


@pytest.mark.parametrize("args", [["data"], ["--field", "nothing", "posts"]])
def test_init_says_what_to_name(open_tree, args):
    ran = open_tree.run("init", *args)
    assert (ran.status, f"sealkit init --field PATH {args[-1]}" in ran.err) == (2, True)


# --- small messages ------------------------------------------------------------------------------------------------------------
def test_a_folder_that_cannot_be_written_in(desk, stranger):
    desk.write("shut/a.md", OPEN)
    (desk.path / "shut").chmod(0o555)
    try:
        ran = desk.run("seal", "shut/a.md", wrap=stranger)
    finally:
        (desk.path / "shut").chmod(0o755)
    assert (ran.status, "you must be able to write in its folder, too: shut\n" in ran.err) == (4, True), ran


@pytest.mark.parametrize("args", [["check", "--since", "HEAD", "."], ["check", "--since", "@", "."], ["diff", "HEAD", "a.md"]])
def test_nothing_is_committed_yet(desk, args):
    git(desk, "init", "-q")
    desk.write("a.md", OPEN)
    ran = desk.run(*args)
    assert (ran.status, "nothing is committed yet" in ran.err) == (2, True), ran


def test_no_ring_is_spoken_of_where_a_key_file_was_given(desk):
    desk.write("k.key", b"42" * 32)
    (desk.path / "k.key").chmod(0o600)
    ran = desk.run("decrypt", "--key-file", "k.key", "--key-encoding", "hex", "records/article.md", env={"SEALKIT_KEYS": None})
    assert ran.status == 1
    assert "ring" not in ran.err


def test_a_key_from_a_variable_that_is_not_there(desk):
    ran = desk.run("keys", "add", "k7", "--keys", "new.yaml", "--from-env", "NO_SUCH_SECRET", "--encoding", "hex")
    assert ran.status == 3
    assert "export the variable, set to the key as hex" in ran.err
    assert "disable" not in ran.err
    assert "NO_SUCH_SECRET" not in ran.err, "a key may have been typed in the place of a name"


@pytest.mark.parametrize("args", [["set"], ["seal", "--payload", "-"]])
def test_an_empty_stdin_takes_the_place_of_nothing(desk, args):
    before = desk.read("records/article.md")
    ran = desk.run(*args, "records/article.md")
    assert (ran.status, "nothing came on stdin" in ran.err, "--allow-empty" in ran.err) == (2, True, True), ran
    assert desk.read("records/article.md") == before
    assert desk.run("set", "--allow-empty", "records/article.md").status == 0
    assert desk.run("decrypt", "--raw", "records/article.md").out == b""


def test_a_link_out_of_a_tree_without_a_policy_speaks_of_none(desk):
    desk.write("elsewhere.md", OPEN)
    os.symlink("../elsewhere.md", desk.path / "records/l.md")
    ran = desk.run("check", "records")
    assert "remove the link" in ran.err
    assert "policy" not in ran.err
