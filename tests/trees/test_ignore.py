"""Ignore files mean what they mean to git: the same tree, listed by both."""

import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealkit.trees.ignore import IgnoreFile
from sealkit.trees.walk import Passing, walk

NAMES = ["a", "b", "a.md", "b.md", "ab", "a b", "a ", "!a", "#a", "é", "x[1]", "a*b", "-"]
FILES = [*NAMES, "d/e/a", "d/e/f/a.md", "d/e/f/b", "e/d/a", "a.d/a"]
FILES += [f"{top}/{name}" for top in ("d", "e") for name in NAMES]

GLOBS = r"a b d e f é * ** *** a* / d/ /** **/ ? [ab] [!a] [^b] []-a] [[:alpha:]] [a- [/] [ ] x[1] .md \ \* ! #"
PIECES = st.sampled_from([*GLOBS.split(" "), " ", "\\ ", "\t", "\r"])
# git compares pointers into two buffers to see whether ** begins a step (wildmatch.c: prev_p < text), so what it makes of a**/b is
# chance; here as in gitignore(5) those are two plain asterisks.
CHANCE = re.compile(r"[^/*]\*{2,}(?:\\?/|\\?\s*$)")
LINES = st.lists(PIECES, min_size=1, max_size=6).map("".join).filter(lambda line: not CHANCE.search(line))
IGNORE = st.lists(LINES, max_size=6).flatmap(lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(lines)))


PASSING = Passing(lambda name: name != ".gitignore", lambda path, leads_on: None)


def listed(**options):
    return [found.path for found in walk(["."], passing=PASSING, hidden=True, **options)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(top=IGNORE, inner=IGNORE, exclude=IGNORE)
def test_same_files_as_git(tree, git, top, inner, exclude):
    if not os.path.exists(".git"):
        tree(dict.fromkeys(FILES, b""))
        git("init", "-q")
    for path, text in ((".gitignore", top), ("d/.gitignore", inner), (".git/info/exclude", exclude)):
        with open(path, "wb") as file:
            file.write(text.encode())
    theirs = git("ls-files", "-z", "--others", "--exclude-standard").decode().split("\0")[:-1]
    assert listed() == [path for path in theirs if not path.endswith(".gitignore")]


RULES = [
    (b"*.log", "a.log", True),
    (b"*.log\n!a.log", "a.log", False),
    (b"!a.log\n*.log", "a.log", True),
    (b"\xef\xbb\xbfa", "a", True),
    (b"a\\ ", "a ", True),
    (b"a  ", "a", True),
    (b"\\#a", "#a", True),
    (b"#a", "#a", None),
    (b"a/", "a", None),
    (b"", "a", None),
    (b"/", "a", None),
    (b"[", "[", None),
]


@pytest.mark.parametrize(("text", "name", "expected"), RULES)
def test_rule_for_a_file(text, name, expected):
    assert IgnoreFile(text).file(name.encode(), name.encode()) is expected


def test_rule_with_a_slash_at_the_end_is_for_folders():
    assert IgnoreFile(b"a/").folder(b"a", b"x/a") is True


def test_tracked_files_are_not_ignored(tree, git):
    tree({"a.md": b"", "b.md": b"", "out/c.md": b"", "out/d.md": b"", "out/in/e.md": b"", ".gitignore": b"b.md\nout/\n"})
    git("init", "-q")
    git("add", "-f", "b.md", "out/in/e.md")
    assert listed() == ["a.md", "b.md", "out/in/e.md"]
    os.chdir("out")
    assert listed() == ["c.md", "d.md", "in/e.md"]  # naming the folder takes it: its own rules still count


def test_rules_above_the_named_folder_count(tree, git):
    tree({"x/y/a.md": b"", "x/y/b.md": b"", "x/y/z/c.md": b"", ".gitignore": b"/x/y/b.md\n", "x/.gitignore": b"y/z\n"})
    git("init", "-q")
    assert [found.path for found in walk(["x/y"], passing=Passing(lambda name: True))] == ["x/y/a.md"]


def test_rules_count_outside_a_work_tree_too(tree):
    tree({"a.md": b"", "b.md": b"", ".gitignore": b"b.md\n"})
    assert listed() == ["a.md"]
    assert listed(gitignore=False) == ["a.md", "b.md"]


def test_a_work_tree_inside_has_its_own_rules(tree, git, monkeypatch):
    root = tree({"a.md": b"", "in/a.md": b"", "in/b.md": b"", ".gitignore": b"a.md\n", "in/.gitignore": b"b.md\n"})
    git("init", "-q")
    monkeypatch.chdir("in")
    git("init", "-q")
    monkeypatch.chdir(root)
    assert listed() == ["in/a.md"]


def test_linked_work_trees_share_info_exclude(tree, git, tmp_path, monkeypatch):
    tree({"a.md": b"", "b.md": b""})
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    with open(".git/info/exclude", "w") as file:
        file.write("b.md\n")
    git("worktree", "add", "-q", str(tmp_path / "linked"))
    monkeypatch.chdir(tmp_path / "linked")
    for name in ("a.md", "b.md"):
        open(name, "w").close()
    assert listed() == ["a.md"]


@pytest.mark.parametrize("reason", ["missing", "refusing"])
def test_git_that_cannot_be_asked_is_a_problem(tree, git, tmp_path, monkeypatch, reason):
    tree({"a.md": b"", "b.md": b"", ".gitignore": b"b.md\n"})
    git("init", "-q")
    programs = tmp_path / "programs"
    programs.mkdir()
    if reason == "refusing":
        (programs / "git").write_text("#!/bin/sh\necho 'fatal: detected dubious ownership' >&2; exit 128\n")
        (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    found = list(walk(["."], passing=Passing(lambda name: name.endswith(".md"))))
    assert [item.path for item in found if not item.problem] == ["a.md"]
    (problem,) = [item.problem for item in found if item.problem]
    assert ("not installed" if reason == "missing" else "dubious ownership") in problem.problem
    assert "--no-gitignore" in problem.hint


def test_git_is_not_asked_when_nothing_is_ignored(tree, git, monkeypatch):
    tree({"a.md": b"", ".gitignore": b"*.log\n"})
    git("init", "-q")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert listed() == ["a.md"]


def test_an_ignore_file_that_cannot_be_read_is_a_problem(tree, as_nobody):
    root = tree({"a.md": b"", ".gitignore": b"a.md\n"})
    os.chmod(".gitignore", 0)

    def check():
        found = list(walk([root], passing=Passing(lambda name: name.endswith(".md"))))
        assert [bool(item.problem) for item in found] == [True, False]
        assert "permission denied" in found[0].problem.problem

    as_nobody(check)


def test_an_ignore_file_that_is_a_link_or_fifo_does_not_count(tree):
    tree({"a.md": b"", "rules": b"a.md\n", "d/a.md": b""})
    os.symlink("rules", ".gitignore")
    os.mkfifo("d/.gitignore")
    assert listed() == ["a.md", "d/a.md", "rules"]


def test_an_ignore_file_of_absurd_size_is_a_problem(tree):
    tree({"a.md": b"", ".gitignore": b"x\n" * (1 << 20)})
    found = list(walk(["."], passing=Passing(lambda name: name.endswith(".md"))))
    assert [item.path for item in found] == [".gitignore", "a.md"]
    assert found[0].problem
