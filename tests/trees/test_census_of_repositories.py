"""A key does not go while the index of a repository inside the tree, or its history, has something under it; cut history is told."""

from __future__ import annotations

import pytest
import two_keys
from two_keys import RECORD, desk_in

PLACES = ("lib", "posts/lib", ".hidden", "a/b/c/d", "ignored", "sp ace", "ünï", "lib.md", "vendor/.x/y", "-lib")


@pytest.fixture
def desk(tmp_path):
    desk = desk_in(tmp_path)
    desk.write("tree/new.md", RECORD)
    assert desk.run("seal", "tree/new.md").status == 0
    desk.write("tree/.gitignore", b"ignored\n")
    return desk


def git(desk, where, *args):
    two_keys.git(desk, *args, where=where)


def begin(desk, where):
    """A repository with a record under k1 in its index, and nothing of it in the work tree."""
    desk.write(f"{where}/old.md", RECORD)
    assert desk.run("seal", "--key-id", "k1", "--", f"{where}/old.md").status == 0
    git(desk, where, "init", "-q")
    git(desk, where, "add", "old.md")
    (desk.path / where / "old.md").unlink()


@pytest.mark.parametrize("in_git", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_the_index_of_a_repository_inside_counts(desk, place, in_git):
    if in_git:
        git(desk, "tree", "init", "-q")
    begin(desk, f"tree/{place}")
    ran = desk.run("keys", "retire", "k1", "tree")
    assert (ran.status, ran.text) == (1, f"tree/{place}/old.md:3  secured  in git's index\n"), ran
    git(desk, f"tree/{place}", "commit", "-qm", "one")
    git(desk, f"tree/{place}", "rm", "-q", "--cached", "old.md")
    assert "1 version in git" in desk.run("keys", "census", "--git", "tree").text
    assert desk.run("keys", "retire", "k1", "tree").status == 0


def test_a_repository_inside_that_does_not_answer_is_told(desk):
    begin(desk, "tree/lib")
    (desk.path / "tree/lib/.git/index").write_bytes(b"no index")
    ran = desk.run("keys", "retire", "k1", "tree")
    assert (ran.status != 0, "tree/lib" in ran.err) == (True, True), ran


def test_a_shallow_clone_says_that_its_history_is_cut(desk):
    git(desk, "tree", "init", "-q")
    for name in ("one", "two"):
        desk.write("tree/name", name.encode())
        git(desk, "tree", "add", "-A")
        git(desk, "tree", "commit", "-qm", name)
    whole = desk.run("keys", "census", "--git", "tree")
    assert "shallow" not in whole.err
    git(desk, ".", "clone", "-q", "--depth", "1", f"file://{desk.path}/tree", "cut")
    ran = desk.run("keys", "census", "--git", "cut")
    assert (ran.status, "cut is a shallow clone" in ran.err) == (0, True), ran


STORES = {
    "a bare clone": ("clone", "--bare", "-q", "from", "tree/b.git"),
    "a bare clone, hidden": ("clone", "--bare", "-q", "from", "tree/.b"),
    "a bare clone, ignored": ("clone", "--bare", "-q", "from", "tree/ignored"),
    "a mirror, deep": ("clone", "--mirror", "-q", "from", "tree/a/b/objects/c"),
    "a bare clone of loose objects": ("clone", "--bare", "-q", "--no-local", "-c", "transfer.unpackLimit=1000", "from", "tree/b"),
}


@pytest.mark.parametrize("which", STORES)
def test_a_repository_without_a_work_tree_is_told(desk, which):
    begin(desk, "from")
    git(desk, "from", "commit", "-qm", "one")
    git(desk, ".", *STORES[which])
    ran = desk.run("keys", "retire", "--git", "k1", "tree")
    assert (ran.status != 0, f"{STORES[which][-1]}: what a repository without a work tree has stored" in ran.err) == (True, True), (
        ran
    )
    ran = desk.run("keys", "remove", "k1", "tree")
    assert (ran.status, "what a repository without a work tree has stored was not looked at" in ran.err) == (2, True), ran
    assert desk.run("keys", "remove", "--forget-history", "k1", "tree").status == 0


@pytest.mark.parametrize("verb", ["retire", "remove"])
def test_a_store_that_a_work_tree_leads_to_is_looked_at(desk, verb):
    git(desk, "tree", "init", "-q", "--separate-git-dir", str(desk.path / "tree/store"))
    git(desk, "tree", "add", "new.md")
    git(desk, "tree", "commit", "-qm", "one")
    assert desk.run("keys", verb, "--git", "k1", "tree").status == 0
