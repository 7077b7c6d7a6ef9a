"""What git has and the work tree has not: sparse files are read from the index or counted; submodules hide no record of a policy."""

from __future__ import annotations

import os
import subprocess

import pytest
from desk import Desk

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

OPEN = b"---\nsecured: open\n---\n"
SEALED = b"---\nsecured: %s\n---\n"
RULE = b"version: 1\nrecords:\n  - include: ['posts/**']\n    exclude: ['posts/themes']\n    fields: [{path: secured, required: false}]\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def tree(tmp_path):
    desk = Desk(tmp_path)
    desk.record("tree/posts/a.md", desk.sealed(b"a payload of two blocks, in all"))
    git(desk, "init", "-q")
    return desk


def git(tree, *args, feed=None):
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always", *args]
    return subprocess.run(command, cwd=tree.path / "tree", check=True, capture_output=True, input=feed).stdout.decode()


def commit(tree):
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "some")


def keep_out(tree, *names):
    """Keep files of the index out of the work tree."""
    git(tree, "update-index", "--skip-worktree", *names)
    for name in names:
        (tree.path / "tree" / name).unlink()


def findings(ran, code=None):
    return [one["path"] for one in ran.lines if one.get("status") == "finding" and code in (None, one["code"])]


def check(tree, *more):
    ran = tree.run("check", "--json", *more, "tree")
    assert ran.status in (0, 1), ran
    return ran


# --- files ----------------------------------------------------------------------------------------------------------------
NAMES = (
    "b.md",
    "posts/b.md",
    "b.qmd",
    "b",
    "Makefile",
    "b.json",
    "deep/er/b.md~",
    "sp ace.rst",
    "ünï.md",
    "posts/x/y/z.tex",
    "-b.md",
)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_index_has_counts_whatever_stands_in_its_place(tree, name):
    content = OPEN if not name.endswith(".json") else b'{"secured": "open"}'
    tree.write(f"tree/{name}", content)
    commit(tree)
    git(tree, "update-index", "--skip-worktree", "--", name)
    assert findings(check(tree)) == [f"tree/{name}"], "the same content is said once"
    tree.write(f"tree/{name}", b"---\ntitle: nothing here\n---\n")
    assert findings(check(tree)) == [f"tree/{name}"]
    (tree.path / "tree" / name).unlink()
    assert findings(check(tree)) == [f"tree/{name}"]
    assert findings(check(tree, "--since", "HEAD")) == [], "it has not changed"
    git(tree, "update-index", "--cacheinfo", f"100644,{stored(tree, OPEN + b'more')},{name}")
    git(tree, "update-index", "--skip-worktree", "--", name)
    assert findings(check(tree, "--since", "HEAD")) == [f"tree/{name}"]


def stored(tree, data):
    return git(tree, "hash-object", "-w", "--stdin", feed=data).strip()


def test_a_sealed_file_that_is_there_with_another_version_is_no_copy(tree):
    commit(tree)
    git(tree, "update-index", "--skip-worktree", "posts/a.md")
    tree.write("tree/posts/a.md", tree.read("tree/posts/a.md") + b"more\n")
    assert findings(check(tree)) == []


LINKS = {
    "in": ("b.md", "posts/a.md", False),
    "up and down": ("posts/b.md", "../posts/a.md", False),
    "out": ("b.md", "../b.md", True),
    "absolute": ("b.md", "/etc/hostname", True),
    "out, no record": ("b.bin", "../b.bin", False),
}


@pytest.mark.parametrize("which", LINKS)
def test_a_link_that_is_not_checked_out(tree, which):
    name, target, is_finding = LINKS[which]
    os.symlink(target, tree.path / "tree" / name)
    commit(tree)
    keep_out(tree, name)
    assert findings(check(tree), "link") == ([f"tree/{name}"] if is_finding else [])


@pytest.mark.parametrize("number", [1, 3])
def test_verify_and_rotate_count_what_is_not_checked_out(tree, number):
    names = [f"{n}.md" for n in range(number)]
    for name in names:
        tree.write(f"tree/{name}", OPEN)
    tree.write("tree/there.md", b"---\ntitle: t\n---\n")
    commit(tree)
    keep_out(tree, *names)
    git(tree, "update-index", "--skip-worktree", "there.md")
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{COMMIT},lib")
    for verb in ("verify", "rotate"):
        ran = tree.run(verb, "--json", "tree")
        assert (ran.status, ran.summary["left"]["sparse"]) == (0, number + 1), ran
        assert f"{number + 1} not checked out" in tree.run(verb, "tree").err


# --- submodules -----------------------------------------------------------------------------------------------------------
# Where a submodule is, and whether a rule for posts/ (but for posts/themes) may cover what is in it.
SUBMODULES = {
    "below": ("posts/lib", True),
    "deep below": ("posts/x/y/lib", True),
    "named like a record": ("posts/lib.md", True),
    "with a space": ("posts/a lib", True),
    "no ASCII": ("posts/bïb", True),
    "hidden": ("posts/.lib", True),
    "beside": ("lib", False),
    "named like the folder": ("postscript", False),
    "excluded": ("posts/themes", False),
    "below what is excluded": ("posts/themes/x", False),
    "in a folder of the same name": ("old/posts/lib", False),
}


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("which", SUBMODULES)
def test_a_submodule_that_is_not_checked_out(tree, which, staged):
    name, is_finding = SUBMODULES[which]
    tree.write("tree/sealkit.yaml", RULE)
    commit(tree)
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{COMMIT},{name}")
    more = ["--staged"] if staged else []
    ran = check(tree, *more)
    assert findings(ran, "inner_work_tree") == findings(ran) == ([f"tree/{name}"] if is_finding else []), ran
    assert ran.summary.get("left", {}).get("sparse", 0) == (not is_finding)
    assert findings(check(tree, *more, "--since", "HEAD")) == findings(ran), "it is new"
    git(tree, "commit", "-qm", "with it")
    assert findings(check(tree, *more, "--since", "HEAD")) == [], "it has not changed"
    assert findings(check(tree, *more)) == findings(ran)
    (tree.path / "tree" / name).mkdir(parents=True)  # as a clone leaves it
    assert findings(check(tree, *more)) == findings(ran)


@pytest.mark.parametrize("staged", [False, True])
def test_without_a_policy_a_submodule_is_counted(tree, staged):
    git(tree, "add", "-A")
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{COMMIT},posts/lib")
    ran = check(tree, *(["--staged"] if staged else []))
    assert (findings(ran), ran.summary["left"]) == ([], {"sparse": 1})


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize(("content", "is_finding"), [("x/c.md", True), ("drafts/c", True), (None, False)])
def test_of_a_submodule_that_is_checked_out_its_files_count(tree, content, is_finding, staged):
    rule = b"version: 1\nrecords:\n  - include: ['posts/*.md', '*/drafts/*', 'lib/x/*']\n    fields: [{path: secured, required: false}]\n"
    tree.write("tree/sealkit.yaml", rule)
    tree.write("other/README", b"nothing here\n")
    if content is not None:
        tree.write(f"other/{content}", b"nothing here either\n")
    for args in (["init", "-q"], ["add", "-A"], ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "one"]):
        subprocess.run(["git", *args], cwd=tree.path / "other", check=True)
    git(tree, "submodule", "--quiet", "add", str(tree.path / "other"), "lib")
    git(tree, "add", "-A")
    ran = check(tree, *(["--staged"] if staged else []))
    assert findings(ran) == (["tree/lib"] if is_finding else []), ran
    if content is not None:  # gone from the work tree, not from the commit
        (tree.path / "tree/lib" / content).unlink()
        assert findings(check(tree, *(["--staged"] if staged else []))) == ["tree/lib"]


# --- what leaves a submodule out, and policies that are not checked out --------------------------------------------------
LEAVING_OUT = {
    "lib/**": True,
    "lib": True,
    "lib/*": True,
    "li?/**": True,
    "**/lib/**": True,
    "lib/": True,
    "*/**": True,
    "l*": True,
    "lib/*.md": False,
    "lib/x/**": False,
    "libs/**": False,
    "lib/[a-z]*": False,
}


@pytest.mark.parametrize("glob", LEAVING_OUT)
def test_an_exclude_of_all_that_is_in_a_submodule_leaves_it_out(tree, glob):
    rule = f"version: 1\nrecords:\n  - include: ['**']\n    exclude: ['{glob}']\n    fields: [{{path: secured, required: false}}]\n"
    tree.write("tree/sealkit.yaml", rule.encode())
    commit(tree)
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{COMMIT},lib")
    assert findings(check(tree), "inner_work_tree") == ([] if LEAVING_OUT[glob] else ["tree/lib"])


DEMANDS = (
    "path: mail",
    "path: a.b",
    "path: mail, required: false",
    "path: '\"x.y\".z'",
    "path: secured, format: tagged",
    "path: title",
    "path: secured, bind: path, format: tagged",
    "path: 'l[].m'",
    "path: key",
    "path: deep.er.down",
)
PLAIN = b"---\nmail: open\na: {b: open}\nx.y: {z: open}\nl: [{m: open}]\nkey: open\ndeep: {er: {down: open}}\nsecured: %s\n---\n"


@pytest.mark.parametrize("demand", DEMANDS)
def test_a_policy_that_is_not_checked_out_holds(tree, demand):
    rule = f"version: 1\nrecords:\n  - include: ['posts/**']\n    fields: [{{{demand}}}]\n"
    tree.write("tree/sealkit.yaml", rule.encode())
    tree.write("tree/posts/a.md", PLAIN % tree.sealed(b"a payload of two blocks, in all").encode())
    commit(tree)
    expected = findings(check(tree))
    assert expected
    keep_out(tree, "sealkit.yaml")
    assert findings(check(tree)) == expected


def test_a_policy_further_in_that_is_not_checked_out_holds(tree):
    tree.write("tree/posts/sealkit.yaml", b"version: 1\nrecords:\n  - include: ['*.md']\n    fields: [{path: title}]\n")
    tree.write("tree/posts/b.md", b"---\ntitle: open\n---\n")
    commit(tree)
    keep_out(tree, "posts/sealkit.yaml")
    assert "tree/posts/b.md" in findings(check(tree))
    assert "tree/posts/b.md" in [
        one["path"] for one in tree.run("check", "--json", "tree/posts").lines if one["status"] == "finding"
    ]


# --- a folder with the name of a policy -----------------------------------------------------------------------------------
PLACES = ("", "posts", "a/b", ".hidden", "sp ace", "ünï", "x.md", "posts/sealkit", "deep/er/and/er", "-p")


@pytest.mark.parametrize("place", PLACES)
def test_a_folder_with_the_name_of_a_policy_stops_nothing_and_is_found(tree, place):
    folder = "/".join(step for step in ("tree", place, "sealkit.yaml") if step)
    tree.write(f"{folder}/x.md", b"---\ntitle: nothing here\n---\n")
    assert findings(check(tree, "--hidden"), "no_policy") == [folder]
    commit(tree)
    assert findings(check(tree, "--staged"), "no_policy") == [folder]
    for verb in (["verify"], ["rotate", "--check"], ["keys", "retire", "k1"]):
        assert tree.run(*verb, "tree").status in ((0,) if verb[0] != "rotate" else (0, 1)), verb
