"""Whatever git merges with, onto whatever stands in the work tree, and whatever has become of sealkit: no side is lost without a mark."""

from __future__ import annotations

import pytest
from githouse import front
from test_git_install_gone import installed, text

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

NAME = "a.md"
STATES = {"there": None, "gone": "gone", "exits with 1": "exits with 1", "Python gone": "without_its_python"}
LINE, OTHER = 3, 16


def branches(repo, ours=b"OURS", theirs=b"THEIRS", at=LINE):
    """A base, a branch ``theirs``, and ``main``, on which each says its word; None: nothing of its own."""
    repo.write(NAME, text())
    repo.write("beside.md", front("x"))
    repo.commit("base")
    repo.git("checkout", "-qb", "theirs")
    repo.write(NAME, text(theirs, at))
    repo.commit("theirs")
    repo.git("checkout", "-q", "main")
    if ours is not None:
        repo.write(NAME, text(ours, LINE))
    repo.git("commit", "-qam", "ours", "--no-verify", "--allow-empty")


# --- how git merges: each returns git's run, and the words that must be in the file if it merged ------------------------------
def merge(repo, spoil):
    branches(repo)
    spoil()
    return repo.git("merge", "-q", "--no-verify", "theirs", status=None), (b"OURS", b"THEIRS")


def rebase(repo, spoil):
    branches(repo)
    spoil()
    return repo.git("rebase", "-q", "theirs", status=None), (b"OURS", b"THEIRS")


def cherry_pick(repo, spoil):
    branches(repo)
    spoil()
    return repo.git("cherry-pick", "theirs", status=None), (b"OURS", b"THEIRS")


def revert(repo, spoil):
    """The base is what a revert merges in: what it takes away is no side."""
    branches(repo)
    repo.write(NAME, text(b"LATER", LINE))
    repo.git("commit", "-qam", "later", "--no-verify")
    spoil()
    return repo.git("revert", "--no-edit", "HEAD~1", status=None), (b"LATER",)


def stash_pop(repo, spoil):
    branches(repo)
    repo.write(NAME, text(b"STASHED", LINE))
    repo.git("stash", "-q")
    repo.write(NAME, text(b"LATER", LINE))
    repo.git("commit", "-qam", "later", "--no-verify")
    spoil()
    here = b"DIRTY" if repo.git("diff", "--cached", "--name-only").out else b"LATER"
    return repo.git("stash", "pop", "-q", status=None), (b"STASHED", here)


def checkout(repo, spoil):
    branches(repo, ours=None)
    repo.write(NAME, text(b"LOCAL", LINE))
    spoil()
    local = b"LOCAL" if b"LOCAL" in repo.read(NAME) else b"DIRTY"
    return repo.git("checkout", "-q", "-m", "theirs", status=None), (local, b"THEIRS")


def pull(*how, ours=b"OURS"):
    def pulled(repo, spoil):
        branches(repo, ours=ours)
        spoil()
        is_dirty = b"DIRTY" in repo.read(NAME)
        ran = repo.git("pull", "-q", "--no-edit", "--no-verify", *how, ".", "theirs", status=None)
        first = [b"OURS"] if ours is not None else [b"DIRTY"] if is_dirty else []
        return ran, (*first, b"THEIRS")

    return pulled


WAYS = {
    "merge": merge,
    "rebase": rebase,
    "cherry-pick": cherry_pick,
    "revert": revert,
    "stash pop": stash_pop,
    "checkout -m": checkout,
    "pull --autostash": pull("--no-rebase", "--autostash"),
    "pull --rebase --autostash": pull("--rebase", "--autostash"),
    "pull --autostash, what was stashed is in the way": pull("--no-rebase", "--autostash", ours=None),
}


# --- what stands in the work tree --------------------------------------------------------------------------------------
def clean(repo):
    """Nothing that is not committed."""


def dirty(repo):
    repo.write(NAME, text(b"DIRTY", LINE))


def dirty_beside(repo):
    repo.write("beside.md", front("DIRTY"))


def staged(repo):
    dirty(repo)
    repo.git("add", NAME)


WORK_TREES = {one.__name__: one for one in (clean, dirty, dirty_beside, staged)}


# --- what must be true after it ----------------------------------------------------------------------------------------
def everything(repo):
    """What stands in the work tree, and what git keeps anywhere: commits, stashes, its index."""
    return b"".join([*(path.read_bytes() for path in sorted(repo.path.glob("*.md"))), repo.objects()])


def is_marked(data):
    return b"<<<<<<<" in data and b"=======" in data and b">>>>>>>" in data


CASES = [(way, state, work_tree) for way in WAYS for state in STATES for work_tree in ("clean", "dirty")]
CASES += [(way, "gone", "dirty_beside") for way in WAYS]
CASES += [("stash pop", state, "staged") for state in STATES]
IN_THE_WAY = "pull --autostash, what was stashed is in the way"
CONFLICTS = {(way, "clean") for way in WAYS if way != IN_THE_WAY} | {(IN_THE_WAY, "dirty"), ("stash pop", "staged")}
"""Where git comes to merge the lines: there must be marks."""


@pytest.mark.parametrize(("way", "state", "work_tree"), CASES)
def test_no_side_is_lost_without_a_mark(repo, way, state, work_tree):
    if STATES[state] is None:
        repo.install()
        repo.write(".gitattributes", b"*.md diff=sealkit merge=sealkit\n")
    else:
        installed(repo, STATES[state])
    before = []

    def spoil():
        WORK_TREES[work_tree](repo)
        before.append(repo.read(NAME))

    ran, words = WAYS[way](repo, spoil)
    data = repo.read(NAME)
    unmerged = repo.git("ls-files", "-u", NAME).out
    assert is_marked(data) or (way, work_tree) not in CONFLICTS, (ran, data)
    if is_marked(data):
        assert all(word in data for word in words), (ran, data)
    else:
        assert not unmerged, (ran, data)
        assert data == before[0] or all(word in data for word in words), (ran, data)
        assert ran.status or all(word in data for word in words), (ran, data)
    everywhere = everything(repo)
    said = (*words, *([b"DIRTY"] if work_tree != "clean" else []))
    assert [word for word in said if word not in everywhere] == [], ran
    assert not [path.name for path in repo.path.iterdir() if ".sealkit" in path.name or "merge_file" in path.name]
