"""Authentic blobs on the command line: verdicts, moves, downgrades, blessing, retagging, verify-only keys."""

import json
import re
import subprocess

import pytest

RING = f"""version: 1
primary: t1
keys:
  - id: t1
    source: {{hex: "{"41" * 32}"}}
    format: tagged
  - id: t2
    source: {{hex: "{"42" * 32}"}}
    format: tagged
    accept: authentic
  - id: s1
    source: {{hex: "{"43" * 32}"}}
    format: synthetic
    accept: authentic
  - id: p1
    source: {{hex: "{"44" * 32}"}}
"""
PLAIN = '---\ntitle: {title}\nsourceUrl: https://example.org/{title}\nsecured: "the payload of {title}, of two blocks"\n---\ntext\n'

LENIENT = b'version: 1\nrecords: [{include: ["**"], fields: [{path: secured, required: false}]}]\n'


@pytest.fixture
def tree(desk):
    """Three records in posts/, unsealed; their ring."""
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    use(desk, "ring.yaml")
    for name in "abc":
        desk.write(f"posts/{name}.md", PLAIN.format(title=name).encode())
    return desk


def use(tree, ring):
    tree.env["SEALKIT_KEYS"] = str(tree.path / ring)


def sealed(tree, *options):
    ran = tree.run("seal", *options, "posts")
    assert ran.status == 0, ran
    return {name: field(tree, name) for name in "abc"}


def field(tree, name):
    return re.search(rb'secured: "([^"]*)"', tree.read(f"posts/{name}.md"))[1].decode()


def put(tree, name, blob):
    data = tree.read(f"posts/{name}.md")
    tree.write(f"posts/{name}.md", data.replace(field(tree, name).encode(), blob.encode()))


def codes(ran):
    return {line["path"].rpartition("/")[2]: line.get("code") for line in ran.lines}


def git(tree, *args):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", *args]
    return subprocess.run(command, cwd=tree.path, check=True, capture_output=True).stdout


# --- verdicts --------------------------------------------------------------------------------------------------------
def test_verdicts_are_said_and_counted(tree):
    sealed(tree)
    put(tree, "a", ";".join(field(tree, "a").split(";")[:2]))
    ran = tree.run("decrypt", "--json", "posts")
    assert codes(ran) == {"a.md": "unauthenticated", "b.md": "authentic", "c.md": "authentic"}
    assert ran.summary == {"decrypted": 3, "unauthenticated": 1}
    assert tree.run("verify", "posts").err.endswith("sealkit: 3 verified; 1 unauthenticated\n")


def test_inspect_needs_no_key(tree):
    sealed(tree, "--bind", "path")
    (line, *_) = tree.run("inspect", "--json", "posts").lines
    assert (line["format"], line["bind"]) == ("tagged", "path")
    assert re.fullmatch("[0-9a-f]{16}", line["kid"])
    assert "key" not in line


@pytest.mark.parametrize("way", [["--require-authentic"], []])
def test_nothing_that_may_have_been_altered_is_opened_where_that_is_asked(tree, way):
    sealed(tree, "--format", "plain")
    if not way:
        tree.env["SEALKIT_REQUIRE_AUTHENTIC"] = "1"
    ran = tree.run("decrypt", "--json", *way, "posts")
    assert (ran.status, set(codes(ran).values())) == (1, {"downgraded"})
    assert "payload" not in ran.text


# --- moved and altered -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("key", "bind"), [("t2", "path"), ("t2", "sourceUrl"), ("s1", "path"), ("s1", "title,sourceUrl")])
@pytest.mark.parametrize("verb", [["decrypt", "--json"], ["verify", "--json"], ["rotate", "--json", "--check", "--to", "t1"]])
def test_a_moved_blob_is_refused_and_its_record_named(tree, key, bind, verb):
    blobs = sealed(tree, "--key-id", key, "--bind", bind)
    put(tree, "a", blobs["b"])
    ran = tree.run(*verb, "--bind", bind, "posts")
    assert ran.status == 1
    named = key == "t2"  # of a blob of two parts that would tell what it opens to
    assert codes(ran)["a.md"] == ("misbound" if named else "cannot_decrypt")
    told = next(line["message"] for line in ran.lines if line["path"].endswith("a.md"))
    assert ("belongs to b.md, field secured" in told) == named


def test_an_older_blob_that_was_put_back_is_authentic(tree):
    """When it is opened nothing shows it: for that there is git's history."""
    older = sealed(tree, "--bind", "path")["a"]
    assert tree.run("set", "posts/a.md", stdin=b"another payload, of two blocks\n").status == 0
    put(tree, "a", older)
    (line,) = tree.run("decrypt", "--json", "posts/a.md").lines
    assert (line["code"], line["payload"]) == ("authentic", "the payload of a, of two blocks")


def test_a_blob_that_is_bound_to_nothing_moves_unseen(tree):
    blobs = sealed(tree)
    put(tree, "a", blobs["b"])
    (line,) = tree.run("decrypt", "--json", "posts/a.md").lines
    assert (line["code"], line["payload"]) == ("authentic", "the payload of b, of two blocks")


def test_an_altered_blob(tree):
    blob = sealed(tree)["a"]
    put(tree, "a", ("B" if blob[0] != "B" else "C") + blob[1:])
    ran = tree.run("verify", "--json", "posts")
    assert (ran.status, codes(ran)["a.md"]) == (1, "tampered")


def test_a_policy_makes_the_root(tree):
    blobs = sealed(tree, "--bind", "path")
    tree.write("sealkit.yaml", LENIENT)
    assert codes(tree.run("verify", "--json", "posts"))["a.md"] == "misbound"
    (tree.path / "sealkit.yaml").unlink()
    assert tree.run("verify", "posts").status == 0
    assert field(tree, "a") == blobs["a"]


def test_a_bound_field_that_is_missing(tree):
    tree.write("posts/d.md", b"---\nsecured: text of the payload\n---\n")
    ran = tree.run("seal", "--json", "--bind", "sourceUrl", "posts")
    assert (ran.status, codes(ran)["d.md"]) == (1, "unbound")
    assert b"text of the payload" in tree.read("posts/d.md")


# --- rotation --------------------------------------------------------------------------------------------------------
def test_rotate_keeps_the_format_and_the_binding(tree):
    blobs = sealed(tree, "--bind", "path")
    put(tree, "c", ";".join(blobs["c"].split(";")[:2]))
    assert tree.run("rotate", "--to", "p1", "posts").status == 0
    ran = tree.run("inspect", "--json", "posts")
    assert [(line["format"], line.get("bind")) for line in ran.lines] == [("tagged", "path"), ("tagged", "path"), ("plain", None)]
    assert tree.run("verify", "--bind", "path", "posts").err.endswith("3 verified; 1 unauthenticated\n")


def test_a_plain_blob_does_not_go_under_a_key_that_would_refuse_it(tree):
    sealed(tree, "--format", "plain")
    ran = tree.run("rotate", "--json", "--to", "t2", "posts")
    assert (ran.status, set(codes(ran).values())) == (1, {"downgraded"})


def test_an_upgrade_needs_somebody_who_vouches(tree):
    before = sealed(tree, "--format", "plain", "--key-id", "p1")
    ran = tree.run("rotate", "--json", "--to", "t1", "--format", "tagged", "posts")
    assert (ran.status, set(codes(ran).values())) == (1, {"not_blessed"})
    assert {name: field(tree, name) for name in "abc"} == before
    git(tree, "init", "-q")
    git(tree, "add", "posts")
    git(tree, "commit", "-qm", "reviewed")
    tampered = before["b"][:-4] + ("A" if before["b"][-4] != "A" else "B") + before["b"][-3:]
    put(tree, "b", tampered)
    ran = tree.run("rotate", "--json", "--partial", "--to", "t1", "--format", "tagged", "--bless", "HEAD", "posts")
    assert codes(ran)["b.md"] in {"not_blessed", "cannot_decrypt"}
    put(tree, "b", before["b"])
    ran = tree.run("rotate", "--json", "--to", "t1", "--format", "tagged", "--bless", "HEAD", "posts")
    assert ran.status == 0, ran
    assert tree.run("verify", "--require-authentic", "posts").status == 0


ROWS = [  # what the lines of a file held and hold, by id (None: no such line), and which of them may be blessed
    ("12", "12", "12"),
    ("12", "21", ""),
    ("123", "132", "1"),
    ("123", "312", ""),
    ("12", "11", "1"),
    ("12", "22", "2"),
    ("1", "11", "1"),
    ("123", "1 3", "13"),
    ("12", "2", ""),
    ("123", "113", "13"),
]


@pytest.mark.parametrize(("was", "now", "blessed"), ROWS)
def test_what_was_seen_in_one_record_is_not_blessed_in_another(tree, was, now, blessed):
    names = ("id", "secured")

    def lines(blobs, order):
        rows = [(str(number), blobs[name]) for number, name in enumerate(order, 1) if name != " "]
        return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows).encode()

    tree.write("feed.jsonl", lines({name: f"the payload of line {name}, of blocks" for name in "123"}, "123"))
    assert tree.run("seal", "--key-id", "p1", "--format", "plain", "feed.jsonl").status == 0
    blobs = {name: json.loads(line)["secured"] for name, line in zip("123", tree.read("feed.jsonl").splitlines(), strict=True)}
    tree.write("feed.jsonl", lines(blobs, was))
    git(tree, "init", "-q")
    git(tree, "add", "feed.jsonl")
    git(tree, "commit", "-qm", "reviewed")
    tree.write("feed.jsonl", lines(blobs, now))
    tree.run("rotate", "--to", "t1", "--format", "tagged", "--bind", names[0], "--bless", "HEAD", "feed.jsonl")
    after = [json.loads(line) for line in tree.read("feed.jsonl").splitlines()]
    assert "".join(row[names[0]] for row in after if row["secured"].count(";") == 2) == blessed


@pytest.mark.parametrize("data", ["sourceUrl: https://example.org/b", "sourceUrl: ''", "sourceurl: a", "sourceUrl: [a]", "{}: {}"])
def test_what_was_seen_under_other_values_of_bound_fields_is_not_blessed(tree, data):
    before = sealed(tree, "--format", "plain", "--key-id", "p1")
    git(tree, "init", "-q")
    git(tree, "add", "posts")
    git(tree, "commit", "-qm", "reviewed")
    tree.write("posts/a.md", tree.read("posts/a.md").replace(b"sourceUrl: https://example.org/a", data.encode()))
    tree.run("rotate", "--partial", "--to", "t1", "--format", "tagged", "--bind", "sourceUrl", "--bless", "HEAD", "posts")
    assert {name: field(tree, name) == before[name] for name in "abc"} == {"a": True, "b": False, "c": False}


def test_an_upgrade_under_the_same_key(tree):
    sealed(tree, "--format", "plain")
    git(tree, "init", "-q")
    git(tree, "add", "posts")
    git(tree, "commit", "-qm", "reviewed")
    assert tree.run("rotate", "--format", "tagged", "--bless", "HEAD", "posts").status == 0
    assert tree.run("verify", "--require-authentic", "posts").status == 0
    before = {name: field(tree, name) for name in "abc"}
    assert tree.run("rotate", "--format", "tagged", "posts").status == 0
    assert {name: field(tree, name) for name in "abc"} == before


@pytest.mark.parametrize("revision", ["nowhere", "--all", ""])
def test_a_revision_that_is_none(tree, revision):
    sealed(tree, "--format", "plain")
    git(tree, "init", "-q")
    ran = tree.run("rotate", "--format", "tagged", f"--bless={revision}", "posts")
    assert ran.status == 2
    assert "no revision" in ran.err


def test_seal_over_an_authentic_blob_keeps_it_so(tree):
    sealed(tree)
    tree.write("payload.txt", b"another payload, and long enough")
    assert tree.run("seal", "--key-id", "t1", "--payload", "payload.txt", "posts/a.md").status == 0
    assert field(tree, "a").count(";") == 2


# --- retagging -------------------------------------------------------------------------------------------------------
def test_retag_after_a_rename(tree):
    sealed(tree, "--bind", "path")
    (tree.path / "posts/a.md").rename(tree.path / "posts/z.md")
    tree.write("sealkit.yaml", LENIENT)
    ran = tree.run("retag", "--bind", "path", "--was", "b.md", "posts/z.md")
    assert ran.status == 1
    ran = tree.run("retag", "--json", "--bind", "path", "--was", "a.md", "posts/z.md")
    assert (ran.status, ran.summary) == (0, {"retagged": 1})
    assert tree.run("verify", "--bind", "path", "posts/z.md").status == 0


def test_retag_after_an_edit_of_a_bound_field(tree):
    sealed(tree, "--bind", "sourceUrl")
    tree.write("posts/a.md", tree.read("posts/a.md").replace(b"example.org/a", b"example.org/new"))
    assert tree.run("verify", "--bind", "sourceUrl", "posts").status == 1
    ran = tree.run("retag", "--bind", "sourceUrl", "--was-field", "sourceUrl=https://example.org/a", "posts/a.md")
    assert ran.status == 0, ran
    assert tree.run("verify", "--bind", "sourceUrl", "posts").status == 0
    before = tree.read("posts/a.md")
    assert tree.run("retag", "--bind", "sourceUrl", "posts").status == 0
    assert tree.read("posts/a.md") == before


def test_retag_of_what_git_saw_renamed_and_edited(tree):
    git(tree, "init", "-q")
    sealed(tree, "--bind", "path")
    git(tree, "add", "posts")
    git(tree, "commit", "-qm", "before")
    git(tree, "mv", "posts/a.md", "posts/moved.md")
    assert tree.run("verify", "--bind", "path", "posts").status == 1
    ran = tree.run("retag", "--bind", "path", "--was-in", "HEAD", "posts")
    assert ran.status == 0, ran
    assert tree.run("verify", "--bind", "path", "posts").status == 0


def test_retag_with_another_binding(tree):
    sealed(tree)
    assert tree.run("retag", "--bind", "path", "posts").status == 0
    assert {line["bind"] for line in tree.run("inspect", "--json", "posts").lines} == {"path"}
    assert tree.run("verify", "--bind", "path", "posts").status == 0


def test_retag_of_a_plain_blob(tree):
    sealed(tree, "--format", "plain")
    ran = tree.run("retag", "--json", "--bind", "path", "posts")
    assert (ran.status, set(codes(ran).values())) == (1, {"downgraded"})


# --- keys ------------------------------------------------------------------------------------------------------------
def test_verify_only_keys_verify_and_retag_and_do_nothing_else(tree):
    blobs = sealed(tree, "--bind", "path")
    assert tree.run("keys", "export", "--verify-only", "t1", "-o", "verify.yaml").status == 0
    use(tree, "verify.yaml")
    ran = tree.run("verify", "--json", "--bind", "path", "posts")
    assert (ran.status, ran.summary) == (0, {"verified": 3})
    put(tree, "a", blobs["b"])
    assert codes(tree.run("verify", "--json", "--bind", "path", "posts"))["a.md"] == "misbound"
    put(tree, "a", blobs["a"])
    assert tree.run("decrypt", "posts/a.md").status in {1, 3}
    assert tree.run("rotate", "posts").status == 3
    tree.write("posts/d.md", PLAIN.format(title="d").encode())
    assert tree.run("seal", "posts").status == 3
    assert "verify-only" in tree.run("keys").text
    listed = [json.loads(line) for line in tree.run("keys", "--json").text.splitlines()]
    assert [(key["id"], key["verify_only"], key["primary"]) for key in listed] == [("t1", True, False)]


def test_export_is_for_tags_only(tree):
    assert tree.run("keys", "export", "t1").status == 2
    assert tree.run("keys", "export", "--verify-only", "s1").status == 3
    text = tree.run("keys", "export", "--verify-only").text
    assert "id: t1" in text
    assert "id: s1" not in text
    assert "41" * 32 not in text


def test_identify_counts_records_by_key(tree):
    sealed(tree)
    put(tree, "b", sealed_elsewhere(tree))
    ran = tree.run("keys", "identify", "posts")
    assert ran.status == 1
    assert re.findall(r"^t1  \S+", ran.text, re.MULTILINE) == ["t1  posts/a.md:4", "t1  posts/c.md:4"]
    assert "2 under key t1" in ran.err
    assert "1 under no key of the ring" in ran.err


def sealed_elsewhere(tree):
    tree.write("other.yaml", RING.replace("41" * 32, "51" * 32).encode())
    (tree.path / "other.yaml").chmod(0o600)
    tree.write("x.md", PLAIN.format(title="x").encode())
    use(tree, "other.yaml")
    assert tree.run("seal", "x.md").status == 0
    use(tree, "ring.yaml")
    return re.search(rb'secured: "([^"]*)"', tree.read("x.md"))[1].decode()


@pytest.mark.parametrize(("form", "verdict"), [("plain", "unauthenticated"), ("tagged", "authentic"), ("synthetic", "authentic")])
def test_keygen_makes_keys_of_every_format(desk, form, verdict):
    assert desk.run("keygen", "--keys", "new.yaml").status == 0
    assert desk.run("keygen", "--keys", "new.yaml", "--format", form, "--primary").status == 0
    use(desk, "new.yaml")
    desk.record("x.md", "the plaintext of a record")
    assert desk.run("seal", "x.md").status == 0
    (line,) = desk.run("decrypt", "--json", "x.md").lines
    assert (line["key"], line["code"], line["format"]) == ("k2", verdict, form)
