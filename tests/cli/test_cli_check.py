"""The gate: what is planted is found, in the work tree, the index and history, without a key."""

import json
import os
import re
import subprocess
import sys
import unicodedata
from base64 import b64encode
from pathlib import Path

import jsonschema
import needs
import pytest
from desk import Desk
from junitparser import JUnitXml

SCHEMA = json.loads((Path(__file__).parent.parent / "data/sarif/sarif-2.1.0.json").read_bytes())
RING = f"""version: 1
primary: t1
keys:
  - id: t1
    source: {{hex: "{"41" * 32}"}}
    format: tagged
  - id: p1
    source: {{hex: "{"44" * 32}"}}
"""
POLICY = b"""version: 1
records:
  - include: ["posts/**/*.md", "posts/*.bin"]
    exclude: ["posts/drafts/**"]
    fields: [{path: secured, format: tagged, bind: path}]
  - include: ["data/*.yml"]
    fields: [{path: "users[].token", required: false}, {path: author.mail, bind: [id], format: tagged}]
  - include: ["lines/*.jsonl", "lines/*.json"]
    fields: [{path: secured}]
"""
POST = '---\ntitle: {0}\nsecured: "the payload of {0}, of two blocks"\n---\ntext\n'
DATA = "id: 7\nauthor: {name: x, mail: m@example.org}\nusers:\n  - {name: a, token: one}\n  - {name: b, token: two}\n"
LINE = '{{"id": {0}, "secured": "line {0}, long enough for two blocks"}}\n'


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A desk with a sealed tree with a policy, in git; made once, and copied for each test."""
    desk = Desk(tmp_path_factory.mktemp("sealed"))
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.write("tree/sealkit.yaml", POLICY)
    for name in ("a", "b", "deep/c", "drafts/open"):
        desk.write(f"tree/posts/{name}.md", POST.format(name).encode())
    desk.write("tree/data/u.yml", DATA.encode())
    desk.write("tree/lines/l.jsonl", "".join(map(LINE.format, range(3))).encode())
    desk.write("tree/lines/one.json", LINE.format(9).encode())
    desk.write("tree/README.md", b"# nothing here\n")
    desk.write("tree/conf/odd.yml", b"a: 1\n---\nb: 2\n")
    assert desk.run("seal", "--field", "users[].token", "--field", "author.mail", "tree/data").status == 0
    assert desk.run("seal", "tree").status == 0
    git(desk, "init", "-q", "-b", "main")
    commit(desk, "sealed")
    return desk


@pytest.fixture
def tree(desk, sealed):
    for name in ("tree", "ring.yaml"):
        subprocess.run(["cp", "-a", sealed.path / name, desk.path], check=True)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    return desk


def git(desk, *args):
    return subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e@x", *args], cwd=desk.path / "tree", check=True, capture_output=True
    ).stdout


def commit(desk, words):
    git(desk, "add", "-A")
    git(desk, "commit", "-qm", words)


def keyless(desk):
    """The gate needs no key, and finds none."""
    desk.env.pop("SEALKIT_KEYS", None)
    return desk


def gate(desk, *args):
    run = keyless(desk).run("check", "--json", *(args or ("tree",)))
    assert "Traceback" not in run.err
    return run


def found(run):
    return {(one["path"], one["code"]): one for one in run.lines if one["status"] in ("finding", "failed")}


def test_a_sealed_tree_passes(tree):
    run = gate(tree)
    assert run.status == 0, run
    assert run.summary["checked"] == 10


def edit(name, old, new):
    def plant(tree):
        data = tree.read(f"tree/{name}")
        assert old in data
        tree.write(f"tree/{name}", data.replace(old, new, 1))

    return plant


def value(name, new, key=b"secured"):
    """Put other text where a blob stands."""

    def plant(tree):
        data = tree.read(f"tree/{name}")
        head, mark, rest = data.partition(key + b': "')
        assert mark
        tree.write(f"tree/{name}", head + key + b": " + new + rest[rest.index(b'"') + 1 :])

    return plant


def write(name, data):
    return lambda tree: tree.write(f"tree/{name}", data)


def without_tag(tree):
    data = tree.read("tree/posts/a.md")
    start = data.index(b'"') + 1
    end = data.index(b'"', start)
    tree.write("tree/posts/a.md", data[:start] + b";".join(data[start:end].split(b";")[:2]) + data[end:])


def of_another_version(tree):
    before, _, after = tree.read("tree/posts/a.md").rpartition(b";AQ")  # an IV may begin so, too
    tree.write("tree/posts/a.md", before + b";AA" + after)


def copied(tree):
    tree.write("tree/posts/b.md", tree.read("tree/posts/a.md"))


def link(tree):
    os.symlink("../../README.md", tree.path / "tree/posts/link.md")


def fifo(tree):
    os.mkfifo(tree.path / "tree/posts/pipe.md")


def two_fields(tree):
    data = tree.read("tree/posts/a.md")
    tree.write("tree/posts/a.md", data.replace(b"title: a\n", b"title: a\nsecured: open\n"))


A = "tree/posts/a.md"
LEAKS = {
    "plaintext in the blob's place": (value("posts/a.md", b'"open"'), A, "unsealed"),
    "plaintext without quotes": (value("posts/a.md", b"open"), A, "unsealed"),
    "a block scalar": (value("posts/a.md", b"|\n  open\n  text"), A, "unsealed"),
    "a mapping": (value("posts/a.md", b"{body: open}"), A, "unsealed"),
    "a list": (value("posts/a.md", b"[open]"), A, "unsealed"),
    "a number": (value("posts/a.md", b"42"), A, "unsealed"),
    "nothing": (value("posts/a.md", b""), A, "not_a_string"),
    "base64 that is no blob": (value("posts/a.md", b'"' + b64encode(b"open text") + b'"'), A, "unsealed"),
    "half a blob": (value("posts/a.md", b'"' + b64encode(bytes(32)) + b';AAAA"'), A, "malformed"),
    "the field removed": (edit("posts/a.md", b"secured:", b"public:"), A, "absent"),
    "no front matter": (write("posts/a.md", b"open text\n"), A, "absent"),
    "an empty file": (write("posts/a.md", b""), A, "absent"),
    "the tag cut off": (without_tag, A, "downgraded"),
    "the version byte changed": (of_another_version, A, "unsupported_version"),
    "the field twice, open first": (two_fields, A, "duplicate_key"),
    "another case": (edit("posts/a.md", b"title: a", b"Secured: open"), A, "lookalike_key"),
    "a Cyrillic letter": (edit("posts/a.md", b"title: a", "sеcured: open".encode()), A, "lookalike_key"),
    "open beside it": (edit("posts/a.md", b"title: a", b"unsealed: open"), A, "unsealed"),
    "open beside it, named after it": (edit("posts/a.md", b"title: a", b"secured-plain: {body: open}"), A, "unsealed"),
    "open beside it, with dashes": (edit("posts/a.md", b"title: a", b"Plain-Secured: open"), A, "unsealed"),
    "open beside it, spelled with escapes": (edit("posts/a.md", b"title: a", b'"\\x75nsealed": open'), A, "unsealed"),
    "open beside it, by a merge key": (edit("posts/a.md", b"title: a", b"<<: {unsealed: open}"), A, "unsealed"),
    "brought by a merge key": (
        write("posts/a.md", b"---\nx: &x {secured: open}\n<<: *x\n---\n"),
        A,
        "merged_field",
    ),
    "behind a line break of some readers": (edit("posts/a.md", b"title: a", "title: a\u2028secured: open".encode()), A, None),
    "broken YAML": (edit("posts/a.md", b"title: a", b"title: [a"), A, "syntax"),
    "front matter without an end": (write("posts/a.md", b"---\nsecured: open\ntext\n"), A, None),
    "TOML front matter": (write("posts/a.md", b"+++\nsecured = 'open'\n+++\n"), A, None),
    "UTF-16": (write("posts/a.md", "---\nsecured: open\n---\n".encode("utf-16")), A, None),
    "a NUL": (edit("posts/a.md", b"title: a", b"title: \0"), A, None),
    "a new record, open": (write("posts/new.md", b"---\nsecured: open\n---\n"), "tree/posts/new.md", "unsealed"),
    "a hidden record, open": (write("posts/.new.md", b"---\nsecured: open\n---\n"), "tree/posts/.new.md", "unsealed"),
    "a record that no rule matches": (write("new/n.md", b"---\nsecured: open\n---\n"), "tree/new/n.md", "unsealed"),
    "open where the field should be": (write("new/n.md", b"---\nsecured_plain: open\n---\n"), "tree/new/n.md", "unsealed"),
    "a file that is no record": (write("posts/x.bin", b"\0\1"), "tree/posts/x.bin", "absent"),
    "a link out of the tree": (link, "tree/posts/link.md", "link"),
    "a pipe": (fifo, "tree/posts/pipe.md", "not_regular"),
    "one item of a list": (edit("data/u.yml", b"name: b, token: ", b"name: b, token: open, x: "), "tree/data/u.yml", "unsealed"),
    "a bound field that is gone": (edit("data/u.yml", b"id: 7\n", b""), "tree/data/u.yml", "unbound"),
    "one line of many": (
        edit("lines/l.jsonl", b'"id": 1, "secured": "', b'"id": 1, "secured": "open", "x": "'),
        "tree/lines/l.jsonl",
        "unsealed",
    ),
    "a line without the field": (
        edit("lines/l.jsonl", b'"id": 1, "secured"', b'"id": 1, "public"'),
        "tree/lines/l.jsonl",
        "absent",
    ),
    "a copied record": (copied, "tree/posts/b.md", "repeated_blob"),
    "two names for one": (write("posts/A.md", b"---\nsecured: open\n---\n"), "tree/posts/A.md", "name_clash"),
    "an empty glob": (
        lambda tree: [path.unlink() for path in (tree.path / "tree/data").iterdir()],
        "tree/sealkit.yaml",
        "nothing_matched",
    ),
    "a broken policy": (write("sealkit.yaml", b"version: 1\n"), None, None),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_what_is_planted_is_found_and_named(tree, kind):
    plant, path, code = LEAKS[kind]
    plant(tree)
    run = gate(tree)
    assert run.status in (1, 2, 4), run
    if path is None:
        assert run.status == 2
        return
    named = [one for one in run.lines if one["path"] == path and one["status"] in ("finding", "failed")]
    assert named, run
    if code is not None:
        assert code in {one["code"] for one in named}, named
    for one in named:
        assert one["code"] in ("unsupported_record", "nothing_matched", "name_clash", "link", "not_regular") or one["line"]
    assert b"open text" not in run.out


def test_what_is_found_in_the_work_tree_is_found_in_the_index_and_in_history(tree):
    value("posts/a.md", b'"open"')(tree)
    commit(tree, "leak")
    leak = git(tree, "rev-parse", "--short=12", "HEAD").decode().strip()
    git(tree, "revert", "--no-edit", "HEAD")
    assert gate(tree).status == 0
    assert gate(tree, "--staged", "tree").status == 0
    run = gate(tree, "--history", "tree")
    assert run.status == 1
    assert leak in found(run)[A, "unsealed"]["message"]
    git(tree, "reset", "-q", "--hard", "HEAD~2")
    assert found(gate(tree, "--history", "tree")), "what the reflog remembers can be pushed, too"


def test_the_index_is_what_counts(tree):
    sealed = tree.read(A)
    value("posts/a.md", b'"open"')(tree)
    assert gate(tree, "--staged", "tree").status == 0
    git(tree, "add", "-A")
    tree.write(A, sealed)
    assert gate(tree).status == 0
    run = gate(tree, "--staged", "tree")
    assert (A, "unsealed") in found(run)
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords: [{include: ['none/*'], fields: [{path: x}]}]\n")
    assert (A, "unsealed") in found(gate(tree, "--staged", "tree")), "the policy is that of the index, too"


def test_a_merge_in_progress_is_a_finding(tree):
    git(tree, "checkout", "-qb", "other")
    edit("posts/a.md", b"text", b"other text")(tree)
    commit(tree, "other")
    git(tree, "checkout", "-q", "-")
    edit("posts/a.md", b"text", b"our text")(tree)
    commit(tree, "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git(tree, "merge", "other")
    run = gate(tree, "--staged", "tree")
    assert run.status == 4
    assert "conflict" in found(run)[A, "io"]["message"]


# --- since -----------------------------------------------------------------------------------------------------------
def test_nothing_changed_since(tree):
    run = keyless(tree).run("check", "--since", "HEAD", "tree")
    assert (run.status, "no record changed" in run.err) == (0, True), run


def test_a_tag_that_went_since(tree):
    tree.write("tree/sealkit.yaml", POLICY.replace(b", format: tagged, bind: path", b""))
    commit(tree, "a policy that demands less")
    without_tag(tree)
    assert gate(tree).status == 0
    run = gate(tree, "--since", "HEAD", "tree")
    assert "had a tag" in found(run)[A, "downgraded"]["message"]
    both = gate(tree, "--since", "HEAD~1", "tree")
    policy = found(both)["tree/sealkit.yaml", "policy_weakened"]["message"]
    assert any(words in policy for words in ("need not be tagged", "is not bound"))


def test_a_policy_that_went_since(tree):
    (tree.path / "tree/sealkit.yaml").unlink()
    edit("posts/a.md", b"text", b"texts")(tree)
    run = gate(tree, "--since", "HEAD", "tree")
    assert ("tree/sealkit.yaml", "policy_weakened") in found(run), run


def test_an_old_blob_that_came_back(tree):
    old = tree.read(A)
    tree.env["SEALKIT_KEYS"] = str(tree.path / "ring.yaml")
    tree.write("payload", b"another payload, longer than one block")
    assert tree.run("seal", "--payload", "payload", A).status == 0
    commit(tree, "edited")
    tree.write(A, old)
    assert gate(tree).status == 0
    run = gate(tree, "--since", "HEAD", "tree")
    assert "old one was brought back" in found(run)[A, "rolled_back"]["message"]
    assert gate(tree, "--staged", "--since", "HEAD", "tree").status == 0
    git(tree, "add", "-A")
    assert (A, "rolled_back") in found(gate(tree, "--staged", "--since", "HEAD", "tree"))


def test_an_edit_is_no_rollback(tree):
    tree.env["SEALKIT_KEYS"] = str(tree.path / "ring.yaml")
    tree.write("payload", b"another payload, longer than one block")
    assert tree.run("seal", "--payload", "payload", A).status == 0
    assert gate(tree, "--since", "HEAD", "tree").status == 0


def reseal(tree, text, path=A):
    tree.env["SEALKIT_KEYS"] = str(tree.path / "ring.yaml")
    tree.write("payload", text)
    assert tree.run("seal", "--payload", "payload", path).status == 0
    keyless(tree)


LENIENT = b"version: 1\nrecords: [{include: ['**/*.md'], fields: [{path: secured, required: false}]}]\n"


def policies_found(run):
    assert run.status == 1, run
    return {
        (one["path"], one["message"].partition(": ")[2].partition(" (")[0]) for one in run.lines if one["code"] == "policy_weakened"
    }


def test_a_lenient_policy_further_down_takes_nothing_away(tree):
    tree.write("tree/posts/sealkit.yaml", LENIENT)
    without_tag(tree)
    for args in ((), ("--since", "HEAD")):
        codes = found(gate(tree, *args, "tree"))
        assert {(A, "downgraded"), ("tree/posts/sealkit.yaml", "nested_policy")} <= set(codes), codes
        assert "policy_weakened" not in {code for _, code in codes}


def test_a_policy_that_went_is_missed_from_below_too(tree):
    (tree.path / "tree/sealkit.yaml").unlink()
    assert policies_found(gate(tree, "--since", "HEAD", "tree/posts")) == {
        ("tree/sealkit.yaml", "field secured is not demanded any more")
    }


def test_a_binding_to_fewer_fields(tree):
    name = "tree/sealkit.yaml"
    tree.write(name, POLICY.replace(b"bind: [id]", b"bind: [id, author.name]"))
    commit(tree, "bound to two")
    tree.write(name, POLICY)
    assert policies_found(gate(tree, "--since", "HEAD", "tree")) == {(name, "field author.mail is bound to fewer fields")}
    tree.write(name, POLICY.replace(b"format: tagged}]", b"format: tagged, keys: [t1]}]"))
    assert "policy_weakened" not in {code for _, code in found(gate(tree, "--since", "HEAD~1", "tree"))}


def test_a_deleted_record_that_came_back(tree):
    old = tree.read(A)
    (tree.path / A).unlink()
    commit(tree, "deleted")
    tree.write(A, old)
    assert (A, "rolled_back") in found(gate(tree, "--since", "HEAD", "tree"))


def test_an_iv_that_served_before(tree):
    name = "tree/lines/one.json"
    data = tree.read(name)
    reseal(tree, b"another payload, longer than one block", name)
    commit(tree, "edited")
    old_iv = data.split(b";")[1][:24]
    now = tree.read(name)
    tree.write(name, now.replace(now.split(b";")[1][:24], old_iv))
    assert gate(tree).status == 0
    assert "served for another blob" in found(gate(tree, "--since", "HEAD", "tree"))[name, "repeated_iv"]["message"]


def test_a_tag_that_was_cut_off_under_another_line_number(tree):
    name = "tree/lines/l.jsonl"
    first, second, *rest = tree.read(name).splitlines(keepends=True)
    blob = first.split(b'"')[5]
    cut = first.replace(blob, b";".join(blob.split(b";")[:2]))
    tree.write(name, second + cut + b"".join(rest))
    (one,) = [one for one in gate(tree, "--since", "HEAD", "tree").lines if one.get("code") == "downgraded"]
    assert (one["path"], one["line"]) == (name, 2)


def test_lines_that_changed_places_are_no_rollback(tree):
    name = "tree/lines/l.jsonl"
    tree.write(name, b"".join(reversed(tree.read(name).splitlines(keepends=True))))
    assert gate(tree, "--since", "HEAD", "tree").status == 0


@pytest.mark.parametrize("args", [("--history",), ("--since", "HEAD")])
def test_a_shallow_clone_does_not_pass(tree, args):
    (tree.path / "tree/new").write_bytes(b"")
    commit(tree, "second")
    url = f"file://{tree.path}/tree"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, "shallow"], cwd=tree.path, check=True)
    subprocess.run(["git", "clone", "-q", url, "whole"], cwd=tree.path, check=True)
    assert gate(tree, *args, "whole").status == 0
    run = gate(tree, *args, "shallow")
    assert (run.status, "shallow clone" in run.err) == (4, True), run


def test_a_commit_that_stands_for_another_hides_nothing(tree):
    value("posts/a.md", b'"open"')(tree)
    commit(tree, "leak")
    git(tree, "revert", "--no-edit", "HEAD")
    git(tree, "replace", "HEAD~1", "HEAD~2")
    assert (A, "unsealed") in found(gate(tree, "--history", "tree"))


def test_a_broken_object_does_not_pass(tree):
    name = git(tree, "rev-parse", "HEAD:posts/a.md").decode().strip()
    path = tree.path / "tree/.git/objects" / name[:2] / name[2:]
    path.chmod(0o600)
    path.write_bytes(b"no object")
    for args in (("--staged",), ("--history",)):
        run = gate(tree, *args, "tree")
        assert run.status == 4
        assert (A, "io") in found(run)


def test_a_policy_that_the_index_cannot_give_does_not_pass(tree):
    os.remove(tree.path / "tree/sealkit.yaml")
    os.symlink("elsewhere.yaml", tree.path / "tree/sealkit.yaml")
    git(tree, "add", "-A")
    assert gate(tree, "--staged", "tree").status == 4


def test_no_two_part_blob_where_that_is_asked_for(tree):
    assert gate(tree, "--require-authentic", "tree").status == 0
    tree.env["SEALKIT_REQUIRE_AUTHENTIC"] = "1"
    without_tag(tree)
    tree.write("tree/sealkit.yaml", LENIENT)
    assert (A, "downgraded") in found(gate(tree))
    assert tree.run("check", "-", stdin=tree.read(A)).status == 2
    assert tree.run("check", "-", "--as", A, stdin=tree.read(A)).status == 1


# --- names -----------------------------------------------------------------------------------------------------------
SPELLINGS = [
    *("Secured", "SECURED", "sEcured", "securEd", "secureD", "SecureD", "seCured"),
    *("\u0455ecured", "s\u0435cured", "se\u0441ured", "sec\u057dred", "secu\u0433ed", "secur\u0435d", "secure\u0501"),
    *("\uff53ecured", "\uff33\uff25\uff23\uff35\uff32\uff25\uff24", "sec\u1d1cred", "s\u212ecured", "secu\u1d26ed"),
    *(
        "\u200bsecured",
        "secured\u200b",
        "se\u200dcured",
        "se\u2060cured",
        "sec\u00adured",
        "secured\ufe0f",
        "\u202esecured",
        "secu\u2066red",
    ),
    *(
        "\U0001d42cecured",
        "s\U0001d41ecured",
        "se\U0001d41cured",
        "sec\U0001d42ered",
        "secu\U0001d42bed",
        "secured\u034f"[:7] + "\u200c",
    ),
    *(
        "\u017fecured",
        "\ua731ecured",
        "s\u03b5cured",
        "se\u2ca5ured",
        "sec\u03c5red",
        "se\u1d04ured",
        "secure\u13e7",
        "secu\uab47ed",
    ),
    *(
        "\u24e2ecured",
        "s\u24d4cured",
        "se\u24d2ured",
        "sec\u24e4red",
        "secu\u24e1ed",
        "secure\u24d3",
        "s\u04bdcured",
        "\u13daecured",
    ),
    *("\U00010448ecured", "se\U0001043dured", "sec\U000104f6red"),
]


def test_there_are_fifty():
    assert len(set(SPELLINGS)) >= 50
    assert "secured" not in SPELLINGS


@pytest.mark.parametrize("sealed_too", [True, False])
def test_fifty_spellings_of_the_field(tree, sealed_too):
    for number, name in enumerate(SPELLINGS):
        data = tree.read(A).replace(b"title: a", f'"{name}": open'.encode())
        if not sealed_too:
            data = f'---\ntitle: a\n"{name}": open\n---\n'.encode()
        tree.write(f"tree/posts/n{number}.md", data)
    run = gate(tree)
    named = {path for path, code in found(run) if code == "lookalike_key"}
    assert named == {f"tree/posts/n{number}.md" for number in range(len(SPELLINGS))}


@pytest.mark.parametrize(
    "name",
    [
        *("se\u0301cured", "s\u00e9cured", "secu\u0323red", "secured\u0332", "secured\u034f", "sec\u20ddured"),
        *(
            "\u115fsecured",
            "secured\u3164",
            "se\u180bcured",
            "secured\U000e0100",
            "s\u200becured",
            "\u202esecured",
            "secure\u2066d",
        ),
    ],
)
def test_keys_in_disguise(tree, name):
    """With marks that are easily overlooked, or with what nobody sees."""
    for path, text in (
        ("posts/a.md", f'"{name}": open'),
        ("posts/b.md", f"? '{name}'\n: open"),
        ("posts/deep/c.md", f'"{ascii(name)[1:-1]}": x'),
    ):
        title = f"title: {path[6:-3]}\n".encode()
        edit(path, title, title + f"{text}\n".encode())(tree)
    codes = found(gate(tree))
    assert {path for path, code in codes if code == "lookalike_key"} == {A, "tree/posts/b.md", "tree/posts/deep/c.md"}, codes


@pytest.mark.parametrize(
    "text",
    [
        'titel: "Über: Größe"\n"größe": é\n日本: 語',
        "می\u200cخواهم: ۱",
        "نیم\u200cفاصله: a\nکتاب\u200cها: [a]",
        "❤\ufe0f: a\n⭐\ufe0f\u200d: b",
        "👩\u200d💻: a",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f: a",
        "ti\u200btle: x",
        "\u202eeltit: x",
        "क्\u200dष: a",
        "שָׁלוֹם\u200f: a",
        '"a\\u200bb": c',
    ],
)
def test_names_in_other_languages_are_no_disguise(tree, text):
    edit("posts/a.md", b"title: a", f"title: a\n{text}".encode())(tree)
    assert gate(tree).status == 0


def test_normal_forms_of_file_names(tree):
    tree.write("tree/posts/" + unicodedata.normalize("NFC", "\u00e9.md"), tree.read(A))
    tree.write("tree/posts/" + unicodedata.normalize("NFD", "\u00e9.md"), tree.read(A))
    assert "name_clash" in {code for _, code in found(gate(tree))}


RANDOM = bytes.fromhex("8f03c1d2aa97600e5fd4b319f27ce16b")


# --- IVs -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ivs", "code"),
    [
        ([bytes(16)], "weak_iv"),
        ([b"\x11" * 16], "weak_iv"),
        ([b"0123456789abcdef"], "weak_iv"),
        ([(7).to_bytes(16)], "weak_iv"),
        ([(7).to_bytes(16, "little")], "weak_iv"),
        ([RANDOM, (int.from_bytes(RANDOM) + 1).to_bytes(16)], "weak_iv"),
        ([RANDOM, RANDOM], "repeated_iv"),
    ],
)
def test_ivs_that_are_none(desk, ivs, code):
    for number, iv in enumerate(ivs):
        blob = f"{b64encode(os.urandom(32)).decode()};{b64encode(iv).decode()}"
        desk.write(f"t/{number}.md", f'---\nsecured: "{blob}"\n---\n'.encode())
    run = gate(desk, "t")
    assert run.status == 1
    assert {one for _, one in found(run)} == {code}
    assert len(found(run)) == len(ivs)


def test_payloads_that_begin_alike(desk):
    first, iv = os.urandom(16), os.urandom(16)
    for name in ("a", "b"):
        blob = f"{b64encode(first + os.urandom(16)).decode()};{b64encode(iv).decode()}"
        desk.write(f"t/{name}.md", f'---\nsecured: "{blob}"\n---\n'.encode())
    messages = [one["message"] for one in found(gate(desk, "t")).values()]
    assert len(messages) == 2
    assert all("begin alike" in message for message in messages)
    assert all(("t/b.md" in message) != ("t/a.md" in message) for message in messages)


# --- keys ------------------------------------------------------------------------------------------------------------
def test_a_verify_only_key_checks_tags(tree):
    assert tree.run("keys", "export", "--verify-only", "t1", "-o", "verify.yaml").status == 0
    assert gate(tree, "--keys", "verify.yaml", "tree").status == 0
    data = tree.read("tree/posts/a.md")
    tree.write("tree/posts/a.md", tree.read("tree/posts/b.md"))
    tree.write("tree/posts/b.md", data)
    assert gate(tree).status == 0, "moved blobs do not show without a key"
    assert {path for path, code in found(gate(tree, "--keys", "verify.yaml", "tree")) if code == "misbound"} == {
        A,
        "tree/posts/b.md",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"GITHUB_EVENT_NAME": "pull_request"},
        {"GITHUB_EVENT_NAME": "pull_request_target"},
        {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_PROJECT_ID": "1"},
    ],
)
def test_keys_that_decrypt_are_refused_in_a_pull_request(tree, settings):
    assert tree.run("keys", "export", "--verify-only", "t1", "-o", "verify.yaml").status == 0
    run = tree.run("check", "--keys", "ring.yaml", "tree", env=settings)
    assert (run.status, "pull request" in run.err) == (2, True), run
    assert tree.run("check", "--keys", "ring.yaml", "--i-know", "tree", env=settings).status == 0
    assert tree.run("check", "--keys", "verify.yaml", "tree", env=settings).status == 0
    assert tree.run("check", "tree", env=settings).status == 0


# --- self test, stdin, nothing ---------------------------------------------------------------------------------------
def test_the_gate_tests_itself(tree):
    before = tree.files("tree/posts")
    run = keyless(tree).run("check", "--self-test", "tree")
    assert run.status == 0, run
    planted, caught = (int(word) for word in run.err.split() if word.isdigit())
    assert planted == caught >= 6
    assert tree.files("tree/posts") == before


def test_the_self_test_can_fail(tree):
    """A gate that lets everything through is found out."""
    code = "import sys; from sealkit import jobs; jobs.gate = lambda record, demand, field, binding: jobs.Found(__import__('sealkit').Blob(bytes(16), bytes(range(16))), 1); from sealkit.cli import main; sys.exit(main())"
    run = keyless(tree).run(
        "check", "--self-test", "tree", wrap=("sh", "-c", f'shift 3; exec "$0" -c "{code}" "$@"', sys.executable)
    )
    assert run.status == 1, run
    assert "is let through" in run.err


def test_stdin(tree):
    sealed = tree.read(A)
    assert keyless(tree).run("check", "-", "--as", A, stdin=sealed).status == 0
    assert tree.run("check", "-", "--as", A, stdin=POST.format("a").encode()).status == 1


@pytest.mark.parametrize(
    "args",
    [("empty",), ("--include", "none/*", "tree"), ("nowhere",), ("--since", "HEAD", "tree/empty"), ("--staged", "tree/empty")],
)
def test_nothing_is_never_green(tree, args):
    for name in ("empty", "tree/empty"):
        (tree.path / name).mkdir()
    assert gate(tree, *args).status in (2, 4)


@pytest.mark.parametrize(
    "args", [("tree",), ("--history", "tree"), ("--self-test", "tree"), ("--since", "HEAD", "tree"), ("empty",)]
)
def test_only_an_index_may_be_empty(tree, args):
    ran = gate(tree, "--if-present", *args)
    assert (ran.status, "--if-present is for the index" in ran.err) == (2, True)


# --- for other programs ----------------------------------------------------------------------------------------------
def leaky(tree):
    value("posts/a.md", b'"open"')(tree)
    tree.write("tree/posts/w,e:i%r d\u00e9.md", b"---\nsecured: open\n---\n")
    link(tree)
    return keyless(tree)


def test_sarif_is_what_its_schema_says(tree):
    run = leaky(tree).run("check", "--format", "sarif", "tree")
    assert run.status == 1
    log = json.loads(run.out)
    jsonschema.validate(log, SCHEMA)
    results = log["runs"][0]["results"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]: one for one in results}
    assert places["tree/posts/a.md"]["ruleId"] == "unsealed"
    assert places["tree/posts/a.md"]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert "tree/posts/w%2Ce%3Ai%25r%20d%C3%A9.md" in places
    empty = json.loads(tree.run("check", "--format", "sarif", "tree/lines").out)
    jsonschema.validate(empty, SCHEMA)
    assert empty["runs"][0]["results"] == []


def test_junit_is_read_by_another_parser(tree):
    run = leaky(tree).run("check", "--format", "junit", "tree")
    (suite,) = JUnitXml.fromstring(run.out)
    cases = {case.classname: case for case in suite}
    assert (suite.tests, suite.failures, suite.errors) == (4, 3, 0)
    assert len(cases) == 4
    (failure,) = cases["tree/posts/w,e:i%r d\u00e9.md"].result
    assert failure.type == "unsealed"
    assert "plaintext" in failure.message


def test_annotations(tree):
    """Read as the runner of GitHub Actions reads them."""
    run = leaky(tree).run("check", "--format", "github", "tree")
    read = []
    for line in run.out.decode().splitlines():
        command, _, message = line.removeprefix("::").partition("::")
        name, _, rest = command.partition(" ")
        assert name == "error"
        known = dict(pair.split("=", 1) for pair in rest.split(","))
        for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            known = {key: text.replace(code, character) for key, text in known.items()}
        read.append((known["file"], known.get("line"), known["title"], message))
    assert ("tree/posts/a.md", "3", "sealkit: unsealed", "secured: the field 'secured' holds plaintext, not a blob") in read
    assert any(file == "tree/posts/w,e:i%r d\u00e9.md" for file, *_ in read)
    assert len(read) == 3


# --- init ------------------------------------------------------------------------------------------------------------
def test_init_writes_what_the_gate_then_demands(tree):
    (tree.path / "tree/sealkit.yaml").unlink()
    shown = keyless(tree).run("init", "--print", "tree")
    assert not (tree.path / "tree/sealkit.yaml").exists()
    run = tree.run("init", "tree")
    assert run.status == 0, run
    assert tree.read("tree/sealkit.yaml") == shown.out
    for part in (b"posts/**/*.md", b"format: tagged", b"bind: path", b"users[].token", b"author.mail"):
        assert part in shown.out, shown.out
    again = tree.run("init", "tree")
    assert (again.status, "already" in again.err) == (2, True)
    value("lines/one.json", b'"open"', key=b'"secured"')
    write("lines/new.json", b'{"secured": "open"}')(tree)
    assert ("tree/lines/new.json", "unsealed") in found(gate(tree))


@pytest.mark.parametrize("args", [("empty",), ("nowhere",), ("ring.yaml",)])
def test_init_of_nothing(tree, args):
    (tree.path / "empty").mkdir()
    run = tree.run("init", *args)
    assert run.status in (2, 4)
    assert "Traceback" not in run.err


@pytest.mark.parametrize("call", ["getdents64", "openat", "newfstatat"])
def test_an_error_of_any_folder_fails_the_gate(tree, call):
    """EIO from opening, reading or asking about a folder: nothing below it was looked at, so the gate is shut."""
    needs.demand_program("strace")
    keyless(tree)
    folder = re.compile(rb'O_DIRECTORY|getdents64|"[^"]*(tree|posts|deep|data|lines|conf|sealkit.yaml)"')
    trace = ("strace", "-qq", "-y", "-e", f"trace={call}", "-o", "log")
    assert tree.run("check", "tree", process=True).status == 0, "and what Python compiles first is compiled"
    clean = tree.run("check", "tree", wrap=trace)
    assert clean.status == 0, clean
    lines = [line for line in tree.read("log").splitlines() if not line.startswith(b"--- ")]  # signals are no calls
    calls = [
        number
        for number, line in enumerate(lines, 1)
        if b"tree" in line and folder.search(line) and b".git" not in line and b"ENOENT" not in line
    ]
    assert len(calls) >= 6, lines
    for number in calls:
        run = tree.run("check", "tree", wrap=(*trace, "-e", f"inject={call}:error=EIO:when={number}"))
        (hit,) = (line for line in tree.read("log").splitlines() if b"(INJECTED)" in line)
        assert b"tree" in hit
        # Where links are resolved, an error changes nothing if there is none: then everything was looked at all the same.
        assert run.status != 0 or (call == "newfstatat" and run.err == clean.err), (hit, run)


# --- what git keeps --------------------------------------------------------------------------------------------------
def test_plaintext_that_git_keeps_or_is_told_to_keep_shuts_the_gate(tree):
    git(tree, "config", "diff.sealkit.cachetextconv", "true")
    run = gate(tree)
    assert (run.status, found(run)["tree/.git", "plaintext_kept"]["status"]) == (1, "finding")
    git(tree, "config", "diff.sealkit.cachetextconv", "false")
    assert gate(tree).status == 0
    git(tree, "update-ref", "refs/notes/textconv/sealkit", "HEAD")
    assert "textconv printed once" in found(gate(tree, "--staged", "tree"))["tree/.git", "plaintext_kept"]["message"]


# --- what of our own git tracks --------------------------------------------------------------------------------------
OWN = [
    *(".sealkit/journal-20260101T000000Z-1.jsonl", ".sealkit/lock", ".sealkit/.gitignore", "posts/.sealkit/journal-x"),
    *("posts/deep/.sealkit/a/b", ".sealkit-tmp-abc", "posts/.sealkit-tmp-0123-a.md", ".SealKit/journal-x", "new/.Sealkit-TMP-x"),
    *("a b/.sealkit/\u00e9", "new/.sealkit"),
]


@pytest.mark.parametrize("name", OWN)
def test_what_of_our_own_git_tracks(tree, name):
    """It may be somebody else's: a journal says what a rotation did, a temporary file is put back in its place."""
    tree.write(f"tree/{name}", b"{}\n")
    assert "own_file_tracked" not in {code for _, code in found(gate(tree))}, "what is only there is nobody's but ours"
    git(tree, "add", "-f", name)
    for args in (("tree",), ("--staged", "tree"), ("tree/posts/deep",), ("--since", "HEAD", "tree"), (A,)):
        assert found(gate(tree, *args))[f"tree/{name}", "own_file_tracked"], args
    commit(tree, "tracked")
    (tree.path / f"tree/{name}").unlink()
    assert (f"tree/{name}", "own_file_tracked") in found(gate(tree)), "it need not be there now"


@pytest.mark.parametrize("name", ["posts/sealkit/x.txt", ".sealkit.d/x", "x.sealkit", "my.sealkit/x", "sealkit-tmp-x", ".sealkitx"])
def test_what_only_looks_like_our_own(tree, name):
    tree.write(f"tree/{name}", b"# nothing\n")
    git(tree, "add", "-f", name)
    assert gate(tree).status == 0


def test_git_that_refuses_does_not_pass(tree):
    tree.write("tree/.git/config", b"[broken\n")
    run = gate(tree)
    assert run.status == 4, run
    assert "git does not answer" in str(found(run))


def test_a_tree_is_checked_where_there_is_no_git(tree):
    (tree.path / "empty").mkdir()
    tree.env["PATH"] = str(tree.path / "empty")
    assert gate(tree).status == 0


# --- keys that may not seal here -------------------------------------------------------------------------------------
@pytest.fixture
def two_keys(tree):
    """A tree whose policy lets one key seal, and a ring with two."""
    ring = tree.read("ring.yaml") + b'  - id: t2\n    source: {hex: "%s"}\n    format: tagged\n' % (b"45" * 32)
    tree.write("ring.yaml", ring)
    (tree.path / "ring.yaml").chmod(0o600)
    tree.write("tree/sealkit.yaml", POLICY.replace(b"bind: path}", b"bind: path, keys: [t2]}"))
    return tree


def test_a_tagged_blob_under_a_key_that_may_not_seal_here(two_keys):
    tree = two_keys
    expected = {f"tree/posts/{name}.md" for name in ("a", "b", "deep/c")}
    for args in (("check", "--i-know", "--keys", "ring.yaml"), ("verify",)):
        run = tree.run(args[0], "--json", *args[1:], "tree")
        assert run.status == 1, run
        assert {path for path, code in found(run) if code == "wrong_key"} == expected
        assert all(
            "under key t1, and the policy lets no key but t2" in found(run)[path, "wrong_key"]["message"] for path in expected
        )
    assert tree.run("decrypt", "-q", A).status == 0, "it opens all the same"
    assert tree.run("rotate", "--to", "t2", "--exclude", "drafts/**", "tree/posts").status == 0, "and a rotation mends it"
    for args in (("check", "--keys", "ring.yaml"), ("verify",)):
        assert "wrong_key" not in {code for _, code in found(tree.run(args[0], "--json", *args[1:], "tree"))}


def test_a_verify_only_key_tells_too(two_keys):
    tree = two_keys
    assert tree.run("keys", "export", "--verify-only", "t1", "t2", "-o", "verify.yaml").status == 0
    assert (A, "wrong_key") in found(gate(tree, "--keys", "verify.yaml", "tree"))
    assert gate(tree).status == 0, "without keys nobody knows whose a kid is"


# --- policies inside ------------------------------------------------------------------------------------------------
def test_a_policy_inside_a_tree_is_found(tree):
    inner = b"version: 1\nrecords: [{include: ['c.md'], fields: [{path: secured, format: tagged, bind: path}]}]\n"
    tree.write("tree/posts/deep/sealkit.yaml", inner)
    for args in (("tree",), ("tree/posts/deep",), ("tree/posts/deep/c.md",), ("--since", "HEAD", "tree")):
        run = gate(tree, *args)
        assert set(found(run)) == {("tree/posts/deep/sealkit.yaml", "nested_policy")}, (args, run)
        assert run.status == 1
    assert gate(tree, "--staged", "tree").status == 0
    git(tree, "add", "-A")
    (tree.path / "tree/posts/deep/sealkit.yaml").unlink()
    assert ("tree/posts/deep/sealkit.yaml", "nested_policy") in found(gate(tree, "--staged", "tree")), "the index is what counts"


def test_an_index_without_its_policy(tree):
    """What is in the work tree alone says nothing about what would be committed."""
    git(tree, "rm", "-q", "--cached", "sealkit.yaml")
    assert ("tree/sealkit.yaml", "policy_weakened") in found(gate(tree, "--staged", "--since", "HEAD", "tree"))


def test_the_self_test_plants_under_all_policies(tree):
    tree.write("tree/posts/sealkit.yaml", b"version: 1\nrecords: [{include: ['**'], exclude: ['**'], fields: [{path: x}]}]\n")
    run = keyless(tree).run("check", "--self-test", "tree")
    assert run.status == 0, run


def test_init_makes_no_policy_inside_a_tree(tree):
    run = keyless(tree).run("init", "tree/posts")
    assert (run.status, "tree/sealkit.yaml" in run.err) == (2, True), run
    assert not (tree.path / "tree/posts/sealkit.yaml").exists()
    assert tree.run("init", "--print", "tree/posts").status == 0


def test_a_policy_of_somebody_else_above_is_named(desk):
    desk.write("up/sealkit.yaml", LENIENT)
    (desk.path / "up/sealkit.yaml").chmod(0o666)
    desk.write("up/tree/a.md", b'---\nsecured: "%s;%s"\n---\n' % (b64encode(os.urandom(32)), b64encode(os.urandom(16))))
    run = keyless(desk).run("check", "up/tree")
    assert (run.status, "does not count" in run.err) == (0, True), run


# --- work trees inside ----------------------------------------------------------------------------------------------
def repository(folder):
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


def submodule(folder):
    """A work tree whose repository the one around it keeps."""
    repository(folder)
    kept = folder.parent.parent / ".git/modules/x"
    kept.parent.mkdir(exist_ok=True)
    (folder / ".git").rename(kept)
    (folder / ".git").write_text(f"gitdir: {os.path.relpath(kept, folder)}\n")


INNER = {
    "a repository": repository,
    "a submodule": submodule,
    "a shell of a repository": lambda folder: [(folder / ".git" / name).mkdir(parents=True) for name in ("HEAD", "objects", "refs")],
    "a file that leads out": lambda folder: (folder / ".git").write_text("gitdir: ../../.git\n"),
    "a file that leads nowhere": lambda folder: (folder / ".git").write_text("gitdir: /nowhere\n"),
    "a file of anything": lambda folder: (folder / ".git").write_text("x"),
    "an empty file": lambda folder: (folder / ".git").touch(),
    "a link to the repository": lambda folder: (folder / ".git").symlink_to("../../.git"),
    "a link to nothing": lambda folder: (folder / ".git").symlink_to("nothing"),
    "a policy of its own": lambda folder: (
        repository(folder),
        (folder / "sealkit.yaml").write_text("version: 1\nrecords: [{include: ['*.md'], fields: [{path: y}]}]\n"),
    ),
    "two, one in the other": lambda folder: (repository(folder), repository(folder / "more"), (folder / "c.md").rename(folder / "more/c.md")),
    "two with lax policies, one in the other": lambda folder: (
        repository(folder),
        (folder / "sealkit.yaml").write_text("version: 1\nrecords: [{include: ['*.txt'], fields: [{path: y}]}]\n"),
        repository(folder / "more"),
        (folder / "c.md").rename(folder / "more/c.md"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("inner", INNER)
def test_a_work_tree_inside_takes_no_rule_away(tree, inner):
    INNER[inner](tree.path / "tree/posts/deep")
    for name in ("tree", "tree/posts"):
        run = gate(tree, name)
        assert run.status != 0
        assert any(code == "inner_work_tree" and path.startswith("tree/posts/deep") for path, code in found(run)), run
    run = gate(tree, "--since", "HEAD", "tree")
    assert "inner_work_tree" in {code for _, code in found(run)}, run


def test_a_submodule_that_is_named_takes_no_rule_away(tree):
    submodule(tree.path / "tree/posts/deep")
    for name in ("tree/posts/deep", "tree/posts/deep/c.md"):
        assert ("tree/posts/deep", "inner_work_tree") in found(gate(tree, name))


def test_a_work_tree_inside_that_no_rule_speaks_of(tree):
    for name in ("vendor", "posts/drafts/theme"):
        tree.write(f"tree/{name}/README.md", b"# nothing here\n")
        repository(tree.path / "tree" / name)
    assert gate(tree, "tree").status == 0
    tree.write("tree/posts/own/a.md", b"---\ntitle: x\nsecured: plain\n---\n")
    repository(tree.path / "tree/posts/own")
    assert "inner_work_tree" not in {code for _, code in found(gate(tree, "tree/posts/own"))}, (
        "a clone of its own, looked at by itself"
    )


def test_a_work_tree_inside_a_tree_outside_of_git(tree):
    subprocess.run(["rm", "-rf", str(tree.path / "tree/.git")], check=True)
    assert gate(tree, "tree").status == 0
    repository(tree.path / "tree/posts/deep")
    assert ("tree/posts/deep", "inner_work_tree") in found(gate(tree, "tree"))
