"""Links in git's index, as the hook meets them: judged as those of the work tree are, without the work tree."""

import os
import subprocess

import pytest

RULE = b"version: 1\nrecords:\n  - include: ['posts/**']\n    fields: [{path: secured, required: false}]\n"

# Where links stand and lead; whether that is a finding without a policy, and with one for posts/.
LINKS = {
    "beside": ("CLAUDE.md", "AGENTS.md", False, False),
    "down": ("first.md", "posts/a.md", False, False),
    "up and down": ("posts/b.md", "../AGENTS.md", False, False),
    "to a folder": ("pages", "posts", False, False),
    "by another link": ("second.md", "first.md", False, False),
    "to what is not there": ("gone.md", "nowhere.md", False, False),
    "to itself": ("loop.md", "loop.md", False, False),
    "out": ("out.md", "../out.md", True, False),
    "out of a folder": ("posts/out.md", "../../out.md", True, True),
    "out and back": ("posts/back.md", "../../tree/posts/a.md", True, True),
    "from the root of the disk": ("posts/root.md", "/etc/hostname", True, True),
    "into what git keeps": ("posts/config.md", "../.git/config", True, True),
    "out, by a link that stays": ("posts/via.md", "../up/out.md", True, True),
    "out, and no record": ("tool.bin", "../tool.bin", False, False),
}


@pytest.fixture
def tree(desk):
    desk.write("tree/AGENTS.md", b"# What to do\n")
    desk.record("tree/posts/a.md", desk.sealed(b"a payload of two blocks, in all"))
    git(desk, "init", "-q")
    return desk


def git(tree, *args):
    subprocess.run(["git", *args], cwd=tree.path / "tree", check=True, capture_output=True)


def link(tree, name, target):
    os.symlink(target, tree.path / "tree" / name)


def check(tree, *more):
    (tree.path / "tree/AGENTS.md").unlink()  # what is in the work tree does not count
    ran = tree.run("check", "--staged", "--json", *more, "tree")
    return ran, [line["path"] for line in ran.lines if line.get("code") == "link"]


@pytest.mark.parametrize("with_policy", [False, True])
@pytest.mark.parametrize("name", LINKS)
def test_a_staged_link(tree, name, with_policy):
    path, target, bare, matched = LINKS[name]
    if with_policy:
        tree.write("tree/sealkit.yaml", RULE)
    link(tree, "first.md", "posts/a.md") if name == "by another link" else None
    link(tree, "up", "..") if "via" in path else None
    link(tree, path, target)
    git(tree, "add", "-A")
    ran, found = check(tree)
    is_finding = matched if with_policy else bare
    assert found == ([f"tree/{path}"] if is_finding else []), ran
    assert ran.status == is_finding
