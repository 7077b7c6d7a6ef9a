"""A marked payload goes through everything that git does with a repository; no object, file or temporary file may hold a part of it."""

from __future__ import annotations

import os
import shutil
import subprocess

import needs
import pytest
from githouse import front
from test_git_merge import House

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

WORDS = [f"Kanarienvogel{number}Bergwerk" for number in range(9)]
TEXT = "".join(f"{word} steht in Zeile {number}\n" for number, word in enumerate(WORDS)).encode()
NEEDLES = [word.encode() for word in WORDS] + [b"steht in Zeile"]


def edited(line, by):
    lines = TEXT.splitlines(keepends=True)
    return b"".join([*lines[:line], lines[line].replace(b"steht", by), *lines[line + 1 :]])


def hits(repo, folders=()):
    """Where the payload is: objects (loose, packed, unreachable), the work tree, all of .git, temporary folders."""
    found = [("objects", needle) for needle in NEEDLES if needle in repo.objects()]
    for folder in (repo.path, repo.temp, repo.path.parent / "home", *folders):
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        data = file.read()
                    found += [(path, needle) for needle in NEEDLES if needle in data or needle in os.fsencode(name)]
    return found


@pytest.fixture
def house(repo):
    return House(repo, TEXT)


def test_a_canary_would_be_found(house):
    assert not hits(house.repo)
    house.repo.write("open.md", front(WORDS[0]))
    house.repo.git("add", "open.md")
    (house.repo.path / "open.md").unlink()
    assert [where for where, _ in hits(house.repo)] == ["objects"]
    (house.repo.temp / "x").write_bytes(TEXT)
    assert len(hits(house.repo)) > 2


@pytest.fixture
def memory(house):
    """A folder in memory of this test's own."""
    folder = needs.demand_memory() / f"sealkit-test-git-{os.getpid()}"
    folder.mkdir(mode=0o700)
    house.repo.env["XDG_RUNTIME_DIR"] = str(folder)
    yield folder
    shutil.rmtree(folder)


def test_git_keeps_nothing(house, memory):
    repo = house.repo
    mine, yours = house.sealed(house.base, edited(0, b"stand")), house.sealed(house.base, edited(8, b"lag"))
    clash = house.sealed(house.base, edited(0, b"hing"))

    def branch(name, data, message):
        repo.git("checkout", "-q", "-B", name, "main")
        repo.write("a.md", data)
        repo.commit(message)

    branch("yours", yours, "yours")
    branch("clash", clash, "clash")
    branch("mine", mine, "mine")
    for command in (
        ["diff", "main"],
        ["log", "-p"],
        ["blame", "a.md"],
        ["show", "--word-diff"],
        ["log", "-S", "stand", "-p", "-1"],
    ):
        printed = repo.on_terminal("git", "--no-pager", *command)
        assert b"Kanarienvogel" in printed, command
        repo.git(*command)
    repo.git("merge", "-q", "--no-edit", "yours")
    repo.git("merge", "clash", status=1)
    repo.git("diff", status=None)
    repo.on_terminal("git", "--no-pager", "diff")
    ran = repo.run("resolve", "a.md", env={"EDITOR": "sed -i -e /^[<|=>][<|=>]/d"})
    assert ran.status == 0, ran
    repo.git("add", "a.md")
    repo.git("commit", "-qm", "merged")
    repo.git("checkout", "-q", "yours")
    repo.git("rebase", "mine", status=None)
    repo.git("rebase", "--abort", status=None)
    repo.git("cherry-pick", "clash", status=None)
    repo.git("cherry-pick", "--abort", status=None)
    repo.git("checkout", "-qf", "main")
    repo.write("a.md", yours)
    repo.git("stash")
    repo.write("a.md", mine)
    repo.commit("again")
    repo.git("stash", "pop", status=None)
    repo.git("checkout", "-qf", "main")
    for verb in (["edit", "a.md"], ["diff", "main~1"], ["diff", "--word", "main~1"], ["grep", "Kanarienvogel", "."]):
        ran = repo.run(*verb, env={"EDITOR": "sed -i s/steht/lag/"})
        assert ran.status == 0, ran
    repo.commit("edited")
    repo.git("gc", "-q")
    assert not hits(repo)
    assert os.listdir(memory) == []
    assert len(repo.git("log", "--all", "--format=%H").out.splitlines()) > 7
    assert subprocess.run(["git", "fsck"], cwd=repo.path, env=repo.env, capture_output=True, check=False).returncode == 0
