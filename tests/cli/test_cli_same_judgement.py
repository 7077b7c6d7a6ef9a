"""``check``, ``check --staged`` and ``check --since`` say the same of the same files and links."""

import os
import subprocess

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

OPEN = b"---\ntitle: t\nsecured: open\n---\n"
POLICY = (
    b"version: 1\nrecords:\n  - include: ['posts/**', '*.conf']\n    kind: yaml\n    fields: [{path: secured, required: false}]\n"
)

# What a file is called and holds; whether that is a finding without a policy, and with one for posts/ and *.conf, of kind yaml.
FILES = {
    "no suffix": ("page", OPEN, True, True),
    "an unknown suffix": ("a.qmd", OPEN, True, True),
    "a copy": ("a.md~", OPEN, True, True),
    "a script": ("run.sh", b"#!/bin/sh\nsecured=open\n", False, False),
    "of a kind that a rule says": ("a.conf", b"secured: open\n", False, True),
    "below, without a suffix": ("posts/x", b"secured: open\n", False, True),
    "below, in order": ("posts/y", b"title: t\n", False, False),
    "an array": ("a.json", b"[1, 2]", False, False),
    "JSON": ("b.json", b'{"secured": "open"}', True, True),
    "a template": ("t.yml", b"a: {{ b }}\n", False, False),
    "a template with the field": ("u.yml", b"secured: {{ b }}\n", True, True),
    "no text": ("a.bin", b"\0\1\2secured: open\n", False, False),
}
# Where a link stands and leads, and the same of it.
LINKS = {
    "in": ("l.md", "AGENTS.txt", False, False),
    "to a folder": ("pages", "posts", False, False),
    "out": ("l.md", "../l.md", True, False),
    "out, no record": ("l.bin", "../l.bin", False, False),
    "out, where a rule matches": ("posts/l", "../../l", False, True),
    "out, by its kind": ("l.conf", "../l.conf", False, True),
    "up and down": ("posts/l.md", "../AGENTS.txt", False, False),
    "absolute": ("posts/l.md", "/etc/hostname", True, True),
    "to git": ("posts/l.md", "../.git/config", True, True),
    "to nothing": ("l.md", "nowhere", False, False),
    "to itself": ("l.md", "l.md", False, False),
}

STRICTER = {"out", "out, no record"}
"""Links of which the index does not say whether they lead to a folder, in which a rule might match: ``--staged`` takes it that they do."""


@pytest.fixture
def tree(desk):
    desk.write("tree/AGENTS.txt", b"what to do\n")
    desk.record("tree/posts/a.md", desk.sealed(b"a payload of two blocks, in all"))
    git(desk, "init", "-q")
    return desk


def git(tree, *args):
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e@x", *args], cwd=tree.path / "tree", check=True, capture_output=True
    )


def found(tree, *more):
    ran = tree.run("check", "--json", *more, "tree")
    assert ran.status in (0, 1), ran
    return {(one["path"], one["code"]) for one in ran.lines if one.get("status") == "finding"}


def put(tree, name, what):
    path = tree.path / "tree" / name
    path.unlink(missing_ok=True)
    os.symlink(what, path) if isinstance(what, str) else tree.write(f"tree/{name}", what)


@pytest.mark.parametrize("with_policy", [False, True])
@pytest.mark.parametrize("which", [*FILES, *LINKS])
def test_the_same_is_said_of_the_same(tree, which, with_policy):
    name, what, bare, matched = (FILES | LINKS)[which]
    is_finding = matched if with_policy else bare
    if with_policy:
        tree.write("tree/posts/a.md", tree.read("tree/posts/a.md").split(b"---\n")[1])  # of the kind that the rule says
        tree.write("tree/sealkit.yaml", POLICY)
    put(tree, name, what)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "all")
    plain = found(tree)
    assert {path for path, _ in plain} - {f"tree/{name}"} <= {"tree/sealkit.yaml"}
    assert any(path == f"tree/{name}" for path, _ in plain) == is_finding
    more = {(f"tree/{name}", "link")} if with_policy and which in STRICTER else set()
    assert found(tree, "--staged") == plain | more
    assert not any(path == f"tree/{name}" for path, _ in found(tree, "--since", "HEAD"))
    put(tree, name, b"title: another\n" if isinstance(what, str) else b"title: once\n")
    git(tree, "commit", "-qam", "in order")
    put(tree, name, what)  # what was in order, and a file, is that now
    assert any(path == f"tree/{name}" for path, _ in found(tree, "--since", "HEAD")) == is_finding
    git(tree, "add", "-A")
    assert any(path == f"tree/{name}" for path, _ in found(tree, "--since", "HEAD", "--staged")) == (is_finding or bool(more))


WAYS = {
    "a folder's link": ({"l.md": "way/l.md", "way": "posts"}, "way", "../outside"),
    "another folder": ({"posts/l.md": "../lib/l.md", "lib": "posts"}, "lib", "../outside"),
    "over two links": ({"l.md": "one/l.md", "one": "two", "two": "posts"}, "two", "/"),
    "a file's link": ({"l.md": "AGENTS.md", "AGENTS.md": "AGENTS.txt"}, "AGENTS.md", "../AGENTS.txt"),
    "into git's own folder": ({"l.md": "way/config", "way": "posts"}, "way", ".git"),
    "deeper": ({"posts/l.md": "in/here/l.md", "posts/in": "../lib", "lib/here": "../posts"}, "lib/here", "../.."),
    "further up": ({"l.md": "way/l.md", "way": "posts"}, "way", "../../"),
    "where nothing was": ({"l.md": "way/x/l.md"}, "way", ".."),
    "a record of another kind": ({"l.json": "way/l.json", "way": "posts"}, "way", "../outside"),
    "with blanks": ({"a b.md": "a way/l.md", "a way": "posts"}, "a way", "../outside"),
}
"""Links, the one of them that leads elsewhere then, and where to."""


@pytest.mark.parametrize("which", WAYS)
@pytest.mark.parametrize("is_staged", [False, True])
def test_a_link_whose_way_leads_elsewhere_has_changed(tree, which, is_staged):
    links, way, to = WAYS[which]
    for name, target in links.items():
        (tree.path / "tree" / name).parent.mkdir(exist_ok=True)
        put(tree, name, target)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "all")
    name = next(iter(links))
    assert found(tree) == found(tree, "--since", "HEAD") == set()
    put(tree, way, to)
    if is_staged or way not in links:
        git(tree, "add", "-A")
    assert (f"tree/{name}", "link") in found(tree)
    assert (f"tree/{name}", "link") in found(tree, "--since", "HEAD")
