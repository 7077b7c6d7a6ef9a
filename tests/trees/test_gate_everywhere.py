"""What the gate looks for where: a policy makes it no weaker."""

from __future__ import annotations

import os

import pytest

OPEN = {
    "front matter in JSON": ("front.json", b"---\nsecured: open\n---\n{}\n"),
    "comments in JSON": ("c.json", b'{// c\n"secured": "open"}\n'),
    "a trailing comma": ("t.json", b'{"secured": "open",}\n'),
    "several documents": ("s.yml", b"secured: open\n---\nb: 1\n"),
    "a template": ("t.yaml", b"{% if a %}\nsecured: open\n{% endif %}\n"),
    "broken YAML": ("b.md", b"---\nsecured: open\nx: [\n---\n"),
    "a Quarto page": ("q.qmd", b"---\nsecured: open\n---\n"),
    "no suffix": ("none", b"---\nsecured: open\n---\n"),
    "a copy": ("b.yml~", b"secured: open\n"),
    "a mapping": ("m.yml", b"secured: {a: open}\n"),
    "a damaged blob": ("d.md", b'---\nsecured: "AAAAAAAAAAAAAAAAAAAAAA==;AAAAAAAAAAAAAAAAAAAAA==="\n---\n'),
    "twice": ("w.md", b"---\nsecured: open\nsecured: too\n---\n"),
}
RULES = {
    "none": b"",
    "other files": b"  - include: ['posts/**']\n    fields: [{path: secured}]\n",
    "other fields of all": b"  - include: ['**']\n    fields: [{path: body, required: false}]\n",
    "other fields elsewhere": b"  - include: ['posts/**']\n    fields: [{path: body, required: false}]\n",
}

BESIDE = {
    "its name says it": ("p.md", b"---\ntitle: Mist\nplaintext: open\n---\n"),
    "with a sign": ("u.md", b"---\nun-sealed: open\n---\n"),
    "with the field's name": ("n.yml", b"secured_plain: open\n"),
    "under any suffix": ("q.qmd", b"---\nDecrypted: open\n---\n"),
    "escaped": ("e.json", b'{"plain\\u0074ext": "open"}\n'),
    "in one of several lines": ("l.jsonl", b'{"a": 1}\n{"cleartext": "open"}\n'),
}
NOT_BESIDE = {
    "the text of a page": ("t.md", b"---\ntitle: Mist\n---\nplaintext: open\n"),
    "in what is no record": ("x.conf", b"plaintext: open\n"),
    "in what does not read": ("b.json", b'{"plaintext": "open"\n'),
    "nothing": ("z.md", b"---\nplaintext:\n---\n"),
}


@pytest.fixture
def tree(desk):
    desk.record("tree/posts/a.md", desk.sealed(b"a payload of two blocks, in all"))
    return desk


def policy(tree, rules):
    if rules:
        tree.write("tree/sealkit.yaml", b"version: 1\nrecords:\n" + rules)


@pytest.mark.parametrize("rules", RULES)
def test_plaintext_is_found_whatever_the_policy_says(tree, rules):
    policy(tree, RULES[rules])
    assert tree.run("check", "tree").status == 0
    for name, data in OPEN.values():
        tree.write(f"tree/{name}", data)
    ran = tree.run("check", "--json", "tree")
    found = {line["path"] for line in ran.lines if line["status"] == "finding"}
    assert found == {f"tree/{name}" for name, _ in OPEN.values()}, ran


@pytest.mark.parametrize("rules", RULES)
def test_what_stands_open_where_the_field_would_be_is_found(tree, rules):
    policy(tree, RULES[rules])
    for name, data in (*BESIDE.values(), *NOT_BESIDE.values()):
        tree.write(f"tree/{name}", data)
    found = {line["path"]: line["code"] for line in tree.run("check", "--json", "tree").lines if line["status"] == "finding"}
    assert found == {f"tree/{name}": "unsealed" for name, _ in BESIDE.values()}


def test_a_field_that_holds_a_blob_may_be_open_in_no_record_of_the_file(tree):
    blob = tree.sealed(b"another payload of two blocks, at least")
    tree.write("tree/l.jsonl", b'{"token": "%s"}\n{"token": "open"}\n' % blob.encode())
    tree.write("tree/u.yml", b"users:\n- pin: %s\n- pin: open\n" % blob.encode())
    found = {(line["path"], line["code"]) for line in tree.run("check", "--json", "tree").lines if line["status"] == "finding"}
    assert ("tree/l.jsonl", "unsealed") in found
    assert ("tree/u.yml", "unsealed") in found


EVERYWHERE = (
    b"  - include: ['posts/**']\n    exclude: ['posts/drafts/**']\n    fields: [{path: body, required: false, everywhere: %s}]\n"
)


@pytest.mark.parametrize("said", [b"true", b"false"])
def test_a_field_is_looked_for_everywhere_where_its_rule_says_so(tree, said):
    policy(tree, EVERYWHERE % said)
    tree.write("tree/new/b.yml", b"body: open\n")
    tree.write("tree/posts/drafts/c.md", b"---\nbody: open\n---\n")
    ran = tree.run("check", "--json", "tree")
    found = [line["path"] for line in ran.lines if line["status"] == "finding"]
    assert found == (["tree/new/b.yml"] if said == b"true" else [])
    assert ran.summary["left"]["excluded"] == 1


def test_a_kind_says_what_a_file_is_whose_suffix_says_nothing(tree):
    policy(tree, b"  - include: ['*.conf']\n    kind: yaml\n    fields: [{path: secured}]\n")
    tree.write("tree/a.conf", b"secured: open\n")
    tree.write("tree/b.cfg", b"secured: open\n")
    found = {line["path"]: line["code"] for line in tree.run("check", "--json", "tree").lines if line["status"] == "finding"}
    assert found == {"tree/a.conf": "unsealed"}
    policy(tree, b"  - include: ['*.conf']\n    fields: [{path: secured, required: false}]\n")
    found = {line["path"]: line["code"] for line in tree.run("check", "--json", "tree").lines if line["status"] == "finding"}
    assert found == {"tree/a.conf": "unsupported_record"}


def test_init_proposes_everywhere_where_nothing_of_that_name_is_open(tree):
    assert b"everywhere: true" in tree.run("init", "--print", "tree").out
    tree.write("tree/n.yml", b"secured: open\n")
    assert b"everywhere" not in tree.run("init", "--print", "tree").out


@pytest.mark.parametrize("field", ["users[0].token", "users[].token", "users[1].token", "deep.users[0].token"])
def test_a_field_that_two_paths_name_is_no_copy_of_itself(tree, field):
    token = tree.sealed(b"a payload of two blocks, in all", iv=os.urandom(16)).encode()
    other = tree.sealed(b"another payload of two blocks", iv=os.urandom(16)).encode()
    users = b'{"users": [{"token": "%b"}, {"token": "%b"}]}' % (token, other)
    tree.write("tree/z.json", b'{"deep": %b}' % users if field.startswith("deep") else users)
    ran = tree.run("check", "--field", field, "tree")
    assert ran.status == 0, ran
    tree.write("tree/z.json", users.replace(other, token))
    assert "repeated_blob" in str(tree.run("check", "--field", "users[0].token", "--json", "tree"))
