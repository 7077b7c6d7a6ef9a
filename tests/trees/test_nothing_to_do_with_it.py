"""Files that have nothing to do with it stop nothing; links count by where they lead."""

from __future__ import annotations

import os

import pytest

OTHERS = {
    "an array": ("a.json", b"[1, 2, 3]\n"),
    "an empty file": ("e.json", b""),
    "comments": ("tsconfig.json", b'{// why\n"a": 1,}\n'),
    "TOML": ("hugo.md", b'+++\ntitle = "t"\n+++\n'),
    "a template": ("t.yml", b"{% for a in b %}\n{{ a }}: [\n"),
    "Helm": ("chart.yaml", b"{{- if .Values.x }}\na: {{ .y }}\n{{- end }}\n"),
    "several documents": ("k8s.yaml", b"a: 1\n---\nb: 2\n"),
    "a broken head": ("post.md", b"---\ntitle: [\n---\n"),
    "an open head": ("open.md", b"---\ntitle: t\n"),
    "half a JSON": ("half.json", b'{"a": '),
    "lines of no JSON": ("l.jsonl", b"{}\nno\n"),
    "an image": ("i.png", b"\x89PNG\r\n\0\0secured: no" + bytes(90_000)),
    "duplicate keys": ("d.yml", b"a: 1\na: 2\n"),
    "deep": ("deep.json", b"[" * 3000),
}


@pytest.fixture
def tree(desk):
    desk.record("tree/a.md", desk.sealed(b"a payload of two blocks, in all"))
    return desk


@pytest.mark.parametrize("policy", [False, True])
def test_files_without_the_field_stop_nothing(tree, policy):
    for name, data in OTHERS.values():
        tree.write(f"tree/{name}", data)
    if policy:
        assert tree.run("init", "tree").status == 0
    for args in (("check",), ("verify",), ("rotate", "--to", "k1"), ("keys", "census")):
        ran = tree.run(*args, "tree")
        assert ran.status == 0, ran


LINKS = {
    "to a record": ("CLAUDE.md", "a.md", 0),
    "to a folder": ("posts", "deep", 0),
    "up and down again": ("deep/l.md", "../a.md", 0),
    "to nothing here": ("gone.md", "nowhere.md", 0),
    "to itself": ("loop.md", "loop.md", 0),
    "by way of another": ("two.md", "deep/../deep/../a.md", 0),
    "out": ("out.md", "../../outside.md", 1),
    "out, absolutely": ("abs.md", "/etc/hostname", 1),
    "out, without a record's name": ("out", "../../outside.md", 0),
    "out to a folder": ("folder", "/etc", 0),
    "out by way of a folder": ("by.yml", "deep/../../x.yml", 1),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_counts_by_where_it_leads(tree, kind):
    name, target, status = LINKS[kind]
    (tree.path / "tree/deep").mkdir()
    os.symlink(target, tree.path / "tree" / name)
    for args in (("check",), ("verify",)):
        ran = tree.run(*args, "--json", "tree")
        assert ran.status == status, ran
        assert ("links" in ran.summary.get("left", {})) == (status == 0)
    assert tree.run("init", "tree").status == 0


def test_with_a_policy_a_rule_says_where_a_record_is_expected(tree):
    policy = b"version: 1\nrecords:\n  - include: ['posts/**']\n    fields: [{path: secured, required: false}]\n"
    tree.write("tree/sealkit.yaml", policy)
    tree.record("tree/posts/b.md", tree.sealed(b"another payload of two blocks", iv=os.urandom(16)))
    os.symlink("/etc/hostname", tree.path / "tree/elsewhere.md")
    assert tree.run("check", "tree").status == 0
    os.symlink("/etc/hostname", tree.path / "tree/posts/any")
    assert tree.run("check", "tree").status == 1
