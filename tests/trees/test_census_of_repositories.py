"""A key does not go while the index of a repository inside the tree, or its history, has something under it; cut history is told."""

from __future__ import annotations

import subprocess

import pytest
from desk import Desk

RING = "version: 1\nprimary: k2\nkeys:\n" + "".join(
    f'  - id: {name}\n    source: {{hex: "{number * 32}"}}\n' for name, number in (("k2", "42"), ("k1", "41"))
)
RECORD = b'---\ntitle: t\nsecured: "a payload of two blocks, at the least"\n---\nbody\n'
PLACES = ("lib", "posts/lib", ".hidden", "a/b/c/d", "ignored", "sp ace", "ünï", "lib.md", "vendor/.x/y", "-lib")


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.write("tree/new.md", RECORD)
    assert desk.run("seal", "tree/new.md").status == 0
    desk.write("tree/.gitignore", b"ignored\n")
    return desk


def git(desk, where, *args):
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *args]
    subprocess.run(command, cwd=desk.path / where, check=True, capture_output=True)


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
