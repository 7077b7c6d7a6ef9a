"""Which keys may seal where: as the policy of a tree says (``keys``), and as the ring says (``only``), whatever verb it is."""

from __future__ import annotations

import pytest

RING = f"""version: 1
primary: k1
keys:
  - id: k1
    source: {{hex: "{"41" * 32}"}}
    only: ["posts/**"]
  - id: k2
    source: {{hex: "{"42" * 32}"}}
  - id: t1
    source: {{hex: "{"43" * 32}"}}
    format: tagged
    only: ["posts/**"]
"""
TEXT = "a payload of more than one block"


@pytest.fixture
def tree(desk):
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.record("tree/posts/a.md", TEXT)
    desk.record("tree/drafts/a.md", TEXT)
    return desk


def records(desk):
    return {name: data for name, data in desk.files("tree").items() if "/.sealkit/" not in name}


def refused(desk, *args, statuses=(1,), said="k1 is only for posts/**, and this is drafts/a.md", **more):
    before = records(desk)
    ran = desk.run(*args, **more)
    assert ran.status in statuses, ran
    assert said in ran.err, ran
    assert records(desk) == before
    return ran


# --- only ------------------------------------------------------------------------------------------------------------
def test_a_key_seals_only_where_it_is_for(tree):
    before = tree.read("tree/drafts/a.md")
    ran = tree.run("seal", "tree")
    assert ran.status == 1
    assert "sealed tree/posts/a.md:3  secured  key k1" in ran.text
    assert "drafts/a.md:3: key k1 is only for posts/**, and this is drafts/a.md" in ran.err
    assert tree.read("tree/drafts/a.md") == before
    refused(tree, "seal", "--check", "tree")
    refused(tree, "seal", "--payload", "-", "tree/drafts/a.md", stdin=b"x", said="k1 is only for posts/**, and this is a.md")
    assert tree.run("seal", "--key-id", "k2", "tree").status == 0


def test_the_path_is_that_below_the_root_of_the_tree(tree):
    refused(tree, "seal", "tree/posts", said="and this is a.md")
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords:\n  - include: ['**/*.md']\n    fields: [{path: secured}]\n")
    assert tree.run("seal", "tree/posts").status == 0
    refused(tree, "seal", "tree/drafts")


def test_it_opens_only_there(tree):
    assert tree.run("seal", "tree/posts/a.md", "tree").status == 1
    (tree.path / "tree/drafts/a.md").write_bytes(tree.read("tree/posts/a.md"))
    ran = tree.run("decrypt", "--json", "--key-id", "k1", "tree")
    assert ran.status == 1
    assert ran.text.count(TEXT) == 1
    assert "k1 is only for posts/**, and this is drafts/a.md" in ran.text
    refused(tree, "verify", "--key-id", "k1", "tree")
    refused(tree, "rotate", "--to", "k2", "--from", "k1", "tree", said="drafts/a.md:3: cannot decrypt")
    assert tree.run("decrypt", "tree/posts/a.md", "--as", "x").status == 2


def test_stdin_is_where_as_says(tree):
    record = tree.read("tree/posts/a.md")
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords:\n  - include: ['**/*.md']\n    fields: [{path: secured}]\n")
    refused(tree, "seal", "-", stdin=record, said="not known where this stands")
    refused(tree, "seal", "-", "--as", "tree/drafts/a.md", stdin=record)
    ran = tree.run("seal", "-", "--as", "tree/posts/a.md", stdin=record)
    assert ran.status == 0, ran
    assert tree.run("decrypt", "-", "--as", "tree/posts/a.md", stdin=ran.out).text == TEXT
    refused(tree, "decrypt", "-", "--key-id", "k1", "--as", "tree/drafts/a.md", stdin=ran.out)


def test_a_rotation_to_it_is_refused_before_anything_is_written(tree):
    assert tree.run("seal", "--key-id", "k2", "tree").status == 0
    refused(tree, "rotate", "tree")
    assert tree.run("rotate", "--partial", "tree").status == 1
    assert tree.run("keys", "identify", "--json", "tree").lines[0]["key"] == "k2"
    assert tree.run("keys", "identify", "--json", "tree").lines[1]["key"] == "k1"


def test_a_tagged_blob_is_not_bound_anew_elsewhere(tree):
    assert tree.run("seal", "--key-id", "t1", "--bind", "path", "tree").status == 1
    (tree.path / "tree/posts/a.md").rename(tree.path / "tree/drafts/b.md")
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords:\n  - include: ['**/*.md']\n    fields: [{path: secured, bind: path}]\n")
    ran = refused(tree, "retag", "--was", "posts/a.md", "tree/drafts/b.md", said="t1 is only for posts/**, and this is drafts/b.md")
    assert ran.text == ""


def test_a_tag_elsewhere_does_not_count(tree):
    assert tree.run("seal", "--key-id", "t1", "tree").status == 1
    (tree.path / "tree/drafts/a.md").write_bytes(tree.read("tree/posts/a.md"))
    ran = tree.run("keys", "export", "--verify-only", "t1", "-o", "verify.yaml")
    assert ran.status == 0
    refused(tree, "check", "--keys", "verify.yaml", "tree", said="t1 is only for posts/**, and this is drafts/a.md")
    assert tree.run("check", "--keys", "verify.yaml", "tree/posts/a.md", "--include", "x").status in (0, 1, 2)


def editor(desk, text):
    script = desk.path / "editor"
    script.write_text(f"#!/bin/sh\nprintf '%s' '{text}' > \"$1\"\n")
    script.chmod(0o755)
    return {"VISUAL": None, "EDITOR": str(script)}


def test_what_is_typed_is_not_sealed_elsewhere(tree):
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords:\n  - include: ['**/*.md']\n    fields: [{path: secured}]\n")
    refused(tree, "set", "tree/drafts/a.md", stdin=b"other words of a payload", statuses=(1, 3))
    assert tree.run("set", "tree/posts/a.md", stdin=b"other words of a payload").status == 0
    assert tree.run("decrypt", "tree/posts/a.md").text == "other words of a payload"
    tree.record("tree/drafts/b.md", "")
    for name in ("drafts/b.md", "drafts/a.md"):
        before = records(tree)
        ran = tree.run("edit", f"tree/{name}", env=editor(tree, "what was typed in an editor"))
        assert ran.status in (1, 2, 3), ran
        assert records(tree) == before
    assert tree.run("edit", "tree/posts/a.md", env=editor(tree, "what was typed in an editor")).status == 0
    assert tree.run("decrypt", "tree/posts/a.md").text == "what was typed in an editor"


# --- the policy ------------------------------------------------------------------------------------------------------
POLICY = b"""version: 1
records:
  - include: ["posts/**"]
    fields: [{path: secured, keys: [t1, k2]}]
  - include: ["drafts/**"]
    fields: [{path: secured, keys: [k2]}]
"""


def keys_of(desk):
    return {line["path"]: line.get("key") for line in desk.run("keys", "identify", "--json", "tree").lines}


def test_the_policy_says_which_keys_seal(tree):
    tree.write("tree/sealkit.yaml", POLICY)
    assert tree.run("seal", "tree").status == 0
    assert keys_of(tree) == {"tree/posts/a.md": "t1", "tree/drafts/a.md": "k2"}
    assert tree.run("rotate", "--to", "k2", "tree").status == 0
    assert keys_of(tree) == {"tree/posts/a.md": "k2", "tree/drafts/a.md": "k2"}
    ran = tree.run("seal", "-", "--as", "tree/drafts/x.md", stdin=b"---\nsecured: words of a payload\n---\n")
    assert ran.status == 0, ran
    assert tree.run("decrypt", "-", "--as", "tree/drafts/x.md", "--key-id", "k2", stdin=ran.out).status == 0


@pytest.mark.parametrize(
    "args",
    [
        ["seal", "--key-id", "k1", "tree"],
        ["seal", "--key-id", "t1", "tree/drafts"],
        ["seal", "--key-id", "k1", "--payload", "keys.example", "tree/posts/a.md"],
        ["seal", "--key-id", "k1", "--check", "tree"],
    ],
    ids=" ".join,
)
def test_a_key_that_was_named_is_refused_where_the_policy_has_others(tree, args):
    tree.write("tree/sealkit.yaml", POLICY)
    refused(tree, *args, statuses=(1, 2), said="the policy lets no key but")


def test_a_rotation_to_a_key_that_the_policy_refuses(tree):
    tree.write("tree/sealkit.yaml", POLICY)
    assert tree.run("seal", "tree").status == 0
    refused(tree, "rotate", "--to", "k1", "tree", statuses=(1, 2), said="the policy lets no key but")
    assert keys_of(tree) == {"tree/posts/a.md": "t1", "tree/drafts/a.md": "k2"}


def test_what_is_typed_goes_by_the_policy(tree):
    tree.write("tree/sealkit.yaml", POLICY)
    refused(
        tree,
        "set",
        "--key-id",
        "t1",
        "tree/drafts/a.md",
        stdin=b"words of a payload",
        statuses=(1, 2),
        said="the policy lets no key but",
    )
    for name, key in (("drafts", "k2"), ("posts", "t1")):
        assert tree.run("set", f"tree/{name}/a.md", stdin=b"other words of a payload").status == 0
        assert keys_of(tree)[f"tree/{name}/a.md"] == key
