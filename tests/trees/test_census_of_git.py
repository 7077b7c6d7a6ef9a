"""A key does not go while anything that git has stored is under it, whether or not a branch leads there; by whatever way it came there."""

from __future__ import annotations

import hashlib
import os
import shutil

import pytest
from two_keys import desk_in, git, sealed

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything


@pytest.fixture
def tree(tmp_path):
    """A repository in which all is under k2, and a blob under k1 that stands nowhere."""
    desk = desk_in(tmp_path)
    sealed(desk, "tree/new.md", "k2")
    desk.blob = sealed(desk, "old.md", "k1")
    desk.old = desk.read("old.md")
    git(desk, "init", "-q", "-b", "main")
    git(desk, "add", "-A")
    git(desk, "commit", "-qm", "one")
    return desk


def stored(tree, data=None):
    return git(tree, "hash-object", "-w", "--stdin", feed=tree.old if data is None else data)


def message(tree):
    return f"Look at this\n\nsecured: {tree.blob}\n"


# --- ways into the store ---------------------------------------------------------------------------------------------------
def tag_of_a_file(tree):
    git(tree, "tag", "keep", stored(tree))


def signed_tag_of_a_file(tree):
    git(tree, "tag", "-a", "-m", "kept", "keep", stored(tree))


def tag_of_a_folder(tree):
    made = git(tree, "mktree", feed=f"100644 blob {stored(tree)}\tdeep.md\n".encode())
    git(tree, "tag", "keep", made)


def message_of_a_tag(tree):
    git(tree, "tag", "-a", "-m", message(tree), "keep")


def message_of_a_tag_that_is_gone(tree):
    message_of_a_tag(tree)
    git(tree, "tag", "-d", "keep")


def message_of_a_commit(tree):
    git(tree, "commit", "-q", "--allow-empty", "-m", message(tree))


def message_that_was_amended(tree):
    message_of_a_commit(tree)
    git(tree, "commit", "-q", "--allow-empty", "--amend", "-m", "better")


def tag_in_a_merge(tree):
    """The message of a tag that was merged is a header of the merge."""
    git(tree, "switch", "-qc", "side")
    git(tree, "commit", "-q", "--allow-empty", "-m", "side")
    git(tree, "tag", "-a", "-m", message(tree), "keep")
    git(tree, "switch", "-q", "main")
    git(tree, "merge", "-q", "--no-ff", "-m", "merged", "keep")
    git(tree, "tag", "-d", "keep")
    git(tree, "reflog", "expire", "--expire=now", "--all")


def note(tree):
    git(tree, "notes", "add", "-m", message(tree))


def note_of_another_kind(tree):
    git(tree, "notes", "--ref", "review", "add", "-C", stored(tree), "HEAD")


def index_of_another_work_tree(tree):
    git(tree, "worktree", "add", "-q", "--detach", "../other")
    tree.write("other/old.md", tree.old)
    git(tree, "add", "-A", where="other")
    (tree.path / "other/old.md").unlink()


def head_of_another_work_tree(tree):
    index_of_another_work_tree(tree)
    git(tree, "commit", "-qm", "there", where="other")


def reflog_of_another_work_tree(tree):
    head_of_another_work_tree(tree)
    git(tree, "reset", "-q", "--hard", "main", where="other")


def reflog(tree):
    commit_of_old(tree)
    git(tree, "reset", "-q", "--hard", "HEAD~1")


def commit_of_old(tree):
    tree.write("tree/old.md", tree.old)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "two")


def no_reflog_either(tree):
    reflog(tree)
    git(tree, "reflog", "expire", "--expire=now", "--all")


def stash(tree):
    tree.write("tree/old.md", tree.old)
    git(tree, "stash", "-q", "-u")


def dropped_stash(tree):
    stash(tree)
    git(tree, "stash", "drop", "-q")


def once_staged(tree):
    tree.write("tree/old.md", tree.old)
    git(tree, "add", "old.md")
    git(tree, "rm", "-q", "-f", "old.md")


def deleted_branch(tree):
    git(tree, "switch", "-qc", "side")
    commit_of_old(tree)
    git(tree, "switch", "-q", "main")
    git(tree, "branch", "-q", "-D", "side")


def packed(tree):
    no_reflog_either(tree)
    git(tree, "repack", "-q", "-a", "-d", "-k")


def borrowed(tree):
    """From another repository, as clones with --shared do."""
    git(tree, "init", "-q", "../lender")
    lent = git(tree, "hash-object", "-w", "--stdin", feed=tree.old, where="lender")
    (tree.path / "tree/.git/objects/info/alternates").write_text(f"{tree.path}/lender/.git/objects\n")
    assert lent


def beside_the_paths(tree):
    tree.write("tree/elsewhere/x.md", b"---\ntitle: t\n---\n")
    git(tree, "tag", "keep", stored(tree))


def target_of_a_link(tree):
    os.symlink(f"to {tree.blob}", tree.path / "tree/link")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "a link")
    git(tree, "rm", "-q", "link")


def in_utf_16(tree):
    git(tree, "tag", "keep", stored(tree, f"secured: {tree.blob}\n".encode("utf-16")))


def behind_nuls(tree):
    git(tree, "tag", "keep", stored(tree, b"\0\1\2\0" * 40 + tree.blob.encode() + b"\0\0"))


def escaped(tree):
    git(tree, "tag", "keep", stored(tree, b'{"x": "%s"}' % tree.blob.replace("=", "\\u003d").replace("/", "\\/").encode()))


WAYS = [
    *(tag_of_a_file, signed_tag_of_a_file, tag_of_a_folder, message_of_a_tag, message_of_a_tag_that_is_gone, message_of_a_commit),
    *(message_that_was_amended, tag_in_a_merge, note, note_of_another_kind, index_of_another_work_tree, head_of_another_work_tree),
    *(reflog_of_another_work_tree, reflog, no_reflog_either, stash, dropped_stash, once_staged, deleted_branch, packed, borrowed),
    *(beside_the_paths, target_of_a_link, in_utf_16, behind_nuls, escaped),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_with_git_nothing_that_is_stored_is_missed(tree, way):
    way(tree)
    ran = tree.run("keys", "remove", "--git", "k1", "tree")
    assert ran.status == 1, ran
    assert "key k1 is needed" in ran.err
    assert "git gc" in ran.err
    census = tree.run("keys", "census", "--git", "--json", "tree")
    assert [line["versions"] for line in census.lines if line.get("key") == "k1"] != [0], census


def test_with_git_a_key_goes_that_nothing_stored_is_under(tree):
    git(tree, "tag", "-a", "-m", "a tag", "one")
    git(tree, "notes", "add", "-m", "a note")
    assert tree.run("keys", "retire", "--git", "k1", "tree").status == 0
    assert tree.run("keys", "remove", "--git", "k1", "tree").status == 0


# --- the files beside the objects -------------------------------------------------------------------------------------------
FILES = {
    "settings": "config",
    "a message that is written": "COMMIT_EDITMSG",
    "a merge that is under way": "MERGE_MSG",
    "what is ignored here": "info/exclude",
    "a log": "logs/HEAD",
    "a patch that is applied": "rebase-apply/0001",
    "a large file kept elsewhere": "lfs/objects/ab/cd/abcd",
    "a hook": "hooks/pre-commit.old",
    "the description": "description",
    "somebody's notes": "notes.txt",
    "a rebase": "rebase-merge/message",
}


@pytest.mark.parametrize("name", FILES.values(), ids=FILES)
def test_with_git_the_files_that_git_keeps_count(tree, name):
    path = tree.path / "tree/.git" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(f"\n# {tree.blob}\n".encode())
    ran = tree.run("keys", "retire", "--git", "k1", "tree")
    assert (ran.status, f"tree/.git/{name}" in ran.text) == (1, True), ran


def test_a_submodule_is_looked_at_where_it_is_checked_out_and_else_told(tree):
    tree.write("inner/old.md", tree.old)
    for args in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-qm", "one"],
        ["rm", "-q", "old.md"],
        ["commit", "-qm", "two"],
    ):
        git(tree, *args, where="inner")
    git(tree, "submodule", "--quiet", "add", "../inner", "lib")
    git(tree, "commit", "-qm", "a submodule")
    ran = tree.run("keys", "retire", "--git", "k1", "tree")
    assert (ran.status, "tree/lib/old.md" in ran.text) == (1, True), ran
    git(tree, "submodule", "--quiet", "deinit", "--force", "lib")
    ran = tree.run("keys", "retire", "--git", "k1", "tree")
    assert (ran.status, "tree/.git/modules/lib" in ran.err) == (1, True), ran
    shutil.rmtree(tree.path / "tree/.git/modules")
    assert tree.run("keys", "retire", "--git", "k1", "tree").status == 0


def test_two_work_trees_of_a_repository_are_counted_once(tree):
    git(tree, "worktree", "add", "-q", "--detach", "inside")
    (tree.path / "tree/inside/new.md").unlink()
    census = tree.run("keys", "census", "--git", "--json", "tree")
    assert [(line["fields"], line["versions"]) for line in census.lines if line["key"] == "k2"] == [(1, 1)], census


@pytest.mark.parametrize("kept", [8, 300])
def test_an_object_that_is_damaged_keeps_a_key(tree, kept):
    for number in range(3):
        stored(tree, b"%d\n" % number + bytes(range(256)) * 4)
    place = stored(tree, b"".join(hashlib.sha256(bytes([n])).digest() for n in range(64)))
    path = tree.path / "tree/.git/objects" / place[:2] / place[2:]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:kept])
    ran = tree.run("keys", "retire", "--git", "k1", "tree")
    assert (ran.status != 0, place[:12] in ran.err, "disabled" in ran.text) == (True, True, False), ran


# --- without --git ----------------------------------------------------------------------------------------------------------
UNSEEN = {
    "commits": (lambda tree: None, "1 commit of this repository was not looked at"),
    "a reflog": (no_reflog_either, "2 commits of this repository were not looked at"),
    "a dropped stash": (dropped_stash, "commits of this repository were not looked at"),
    "another work tree": (head_of_another_work_tree, "2 commits of this repository were not looked at"),
    "a deleted branch": (deleted_branch, "2 commits of this repository were not looked at"),
}


@pytest.mark.parametrize("which", UNSEEN)
def test_remove_says_how_much_it_did_not_look_at(tree, which):
    way, said = UNSEEN[which]
    way(tree)
    ran = tree.run("keys", "remove", "k1", "tree")
    assert (ran.status, said in ran.err) == (2, True), ran
    assert tree.run("keys", "remove", "k1", "--forget-history", "tree").status == 0


NO_COMMITS = {"a file": once_staged, "a tag": tag_of_a_file, "a folder": tag_of_a_folder, "no name": stored}


@pytest.mark.parametrize("which", NO_COMMITS)
def test_remove_counts_objects_where_there_is_no_commit(tree, which):
    shutil.rmtree(tree.path / "tree/.git")
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    NO_COMMITS[which](tree)
    ran = tree.run("keys", "remove", "k1", "tree")
    assert (ran.status, "1 object of this repository was not looked at" in ran.err) == (2, True), ran
    assert tree.run("keys", "remove", "k1", "--forget-history", "tree").status == 0


@pytest.mark.parametrize("place", ["lib", ".hidden/lib", "a/b/c", "sp ace"])
def test_remove_counts_the_commits_of_repositories_inside(tree, place):
    shutil.rmtree(tree.path / "tree/.git")
    tree.write(f"tree/{place}/x", b"x")
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "one"]):
        git(tree, *args, where=f"tree/{place}")
    ran = tree.run("keys", "remove", "k1", "tree")
    assert (ran.status, "1 commit" in ran.err) == (2, True), ran
    assert tree.run("keys", "remove", "k1", "--forget-history", "tree").status == 0


def test_paths_in_several_repositories_all_count(tree):
    tree.write("second/x", b"x")
    git(tree, "init", "-q", "-b", "main", where="second")
    tree.write("second/old.md", tree.old)
    git(tree, "add", "-A", where="second")
    (tree.path / "second/old.md").unlink()
    for paths in (["tree", "second"], ["second", "tree"], ["home", "second", "tree"]):
        ran = tree.run("keys", "retire", "k1", *paths)
        assert (ran.status, "second/old.md" in ran.text) == (1, True), ran


# --- rotations of trees inside, and what does not read -----------------------------------------------------------------------
@pytest.mark.parametrize("place", ["sub", "a/b", ".hidden", "sp ace", "ignored"])
def test_an_unfinished_rotation_of_a_tree_inside_keeps_a_key(tree, place):
    shutil.rmtree(tree.path / "tree/.git")
    tree.write(f"tree/{place}/old.md", tree.old)
    assert tree.run("rotate", "--to", "k2", f"tree/{place}").status == 0
    assert tree.run("keys", "retire", "k1", "tree").status == 0
    journal = next((tree.path / f"tree/{place}/.sealkit").glob("journal-*"))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    assert tree.run("keys", "enable", "k1").status == 0
    ran = tree.run("keys", "retire", "k1", "tree")
    assert (ran.status, "is not finished" in ran.err) == (4, True), ran


DOES_NOT_READ = {
    "JSON": b'{"secured": ',
    "JSON with a comment": b'{"secured": "x"} // and more',
    "YAML": b"secured: [a\nb: {",
    "YAML of two": b"secured: x\n---\nsecured: y\n",
    "a template": b"secured: {{ .Values.secured }}\n{{ if }}\n",
    "tabs": b"secured:\n\t- a\n",
    "no UTF-8": b"secured: \xff\xfe\n",
    "twice": b"secured: a\nsecured: b\n",
    "an alias": b"a: &x y\nsecured: *x\n",
    "a merge": b"a: &x {secured: y}\n<<: *x\n",
}


@pytest.mark.parametrize("which", DOES_NOT_READ)
def test_what_does_not_read_keeps_a_key_only_if_a_blob_may_be_in_it(tree, which):
    name = f"tree/x.{'json' if 'JSON' in which else 'yml'}"
    tree.write(name, DOES_NOT_READ[which])
    ran = tree.run("keys", "retire", "k1", "tree")
    assert (ran.status, "x." in ran.err) == (0, False), ran
    tree.write(name, DOES_NOT_READ[which] + b"\n# " + tree.blob.encode() + b"\n")
    assert tree.run("keys", "enable", "k1").status == 0
    assert tree.run("keys", "retire", "k1", "tree").status == 1
