"""Where sealkit is gone or broken, git goes on: records are shown as they are, no merge loses a side, and the hook says what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from githouse import front

from sealkit.git.starting import Program

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

# --- what may have become of the program -----------------------------------------------------------------------------------
SCRIPTS = {
    "exits with 0": "exit 0",
    "exits with 1": "exit 1",
    "exits with 2": "echo 'sealkit: error: no such option' >&2; exit 2",
    "exits with 75": "exit 75",
    "exits with 126": "exit 126",
    "exits with 127": "exit 127",
    "exits with 255": "exit 255",
    "is killed": "kill -9 $$",
    "is terminated": "kill -TERM $$",
    "dies of a fault": "kill -SEGV $$",
    "says other words": "echo merged it all; exit 0",
    "says half a word": "printf merge; kill -9 $$",
    "dies while it writes": 'echo half > "$6.sealkit"; kill -9 $$',
}


def gone(path):
    """Removed, as by pip uninstall."""


def no_file_to_run(path):
    path.write_text("#!/bin/sh\necho merged\n")
    path.chmod(0o644)


def a_folder(path):
    path.mkdir()


def without_its_python(path):
    path.write_text("#!/nonexistent/bin/python\nprint('merged')\n")
    path.chmod(0o755)


def without_the_package(path):
    path.write_text(f"#!{sys.executable} -I\nfrom a_package_that_is_gone import main\nmain()\n")
    path.chmod(0o755)


def without_a_dependency(path):
    path.write_text(f"#!{sys.executable} -I\nimport sys\nsys.modules['click'] = None\nfrom sealkit.cli import main\nmain()\n")
    path.chmod(0o755)


def a_dead_link(path):
    path.symlink_to("nowhere")


def script(text):
    def make(path):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    return make


WAYS = [gone, no_file_to_run, a_folder, without_its_python, without_the_package, without_a_dependency, a_dead_link]
STATES = {way.__name__: way for way in WAYS} | {name: script(text) for name, text in SCRIPTS.items()}


def installed(repo, state):
    """Install sealkit by the name of a program that has come to this."""
    path = repo.path.parent / "an environment" / "sealkit"
    path.parent.mkdir()
    program = Program((str(path),))
    repo.write(".gitattributes", b"*.md diff=sealkit merge=sealkit\n")
    repo.git("config", "diff.sealkit.textconv", program.textconv())
    repo.git("config", "merge.sealkit.driver", program.merge_driver())
    hook = repo.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n" + program.hook())
    hook.chmod(0o755)
    STATES[state](path)
    repo.env = {**repo.env, "PATH": "/usr/bin:/bin"}
    return path


# --- merges ------------------------------------------------------------------------------------------------------------
LINES = [f"line {number}\n".encode() for number in range(20)]


def text(change=None, at=0):
    lines = list(LINES)
    if change is not None:
        lines[at] = change + b"\n"
    return b"---\nsecured: x\n---\n" + b"".join(lines)


class Merge:
    """A merge: the base and both sides, what of each must be found after it, and whether it must be in conflict."""

    def __init__(self, base, ours, theirs, words, *, conflict):
        self.base, self.ours, self.theirs, self.words, self.conflict = base, ours, theirs, words, conflict


MERGES = {
    "the same line": Merge(text(), text(b"OURS", 3), text(b"THEIRS", 3), [b"OURS", b"THEIRS"], conflict=True),
    "other lines": Merge(text(), text(b"OURS", 3), text(b"THEIRS", 16), [b"OURS", b"THEIRS"], conflict=False),
    "the field": Merge(front("base;b"), front("OURS;b"), front("THEIRS;b"), [b"OURS", b"THEIRS"], conflict=True),
    "the field, and a line": Merge(
        front("base;b"), front("OURS;b"), front("base;b", "THEIRS: 1\n"), [b"OURS", b"THEIRS"], conflict=False
    ),
    "a line, and no field": Merge(text(), text(b"OURS", 0), text()[19:] + b"THEIRS\n", [b"OURS", b"THEIRS"], conflict=None),
    "no last line end": Merge(b"a", b"OURS", b"THEIRS", [b"OURS", b"THEIRS"], conflict=True),
    "both are new": Merge(None, front("OURS;b"), front("THEIRS;b"), [b"OURS", b"THEIRS"], conflict=True),
    "bytes that are no text": Merge(b"a\0b\n", b"OURS\0\n", b"THEIRS\0\n", [b"OURS\0", b"THEIRS\0"], conflict=True),
    "many conflicts": Merge(
        b"".join(b"%d\n=\n" % one for one in range(300)),
        b"".join(b"OURS%d\n=\n" % one for one in range(300)),
        b"".join(b"THEIRS%d\n=\n" % one for one in range(300)),
        [b"OURS0\n", b"OURS299\n", b"THEIRS0\n", b"THEIRS299\n"],
        conflict=True,
    ),
    "line ends": Merge(text().replace(b"\n", b"\r\n"), text(b"OURS", 3), text(b"THEIRS", 3), [b"OURS", b"THEIRS"], conflict=True),
}


def merge(repo, name, case):
    def put(data):
        if data is None:
            (repo.path / "unrelated").write_bytes(b"x")
        else:
            repo.write(name, data)
        repo.commit()

    put(case.base)
    repo.git("checkout", "-qb", "theirs")
    put(case.theirs)
    repo.git("checkout", "-q", "main")
    put(case.ours)
    return repo.git("merge", "-q", "-m", "m", "--no-verify", "theirs", status=None)


def check(repo, name, case, ran):
    data = repo.read(name)
    for word in case.words:
        assert word in data, (ran, data)
    if case.conflict is not None:
        assert (ran.status, b"<<<<<<<" in data and b">>>>>>>" in data) == (int(case.conflict), case.conflict), (ran, data)
    assert ran.status in {0, 1}
    assert (b"<<<<<<<" in data) is (ran.status == 1)
    assert sorted(path.name for path in repo.path.iterdir() if "merge_file" in path.name or ".sealkit" in path.name) == []


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ["the same line", "other lines", "the field"])
def test_no_merge_loses_a_side(repo, state, name):
    installed(repo, state)
    case = MERGES[name]
    ran = merge(repo, "a b.md", case)
    check(repo, "a b.md", case, ran)
    assert "sealkit did not start or did not finish" in ran.err


@pytest.mark.parametrize("state", ["gone", "without_the_package", "is killed"])
@pytest.mark.parametrize("name", MERGES)
def test_whatever_the_sides_did(repo, state, name):
    installed(repo, state)
    case = MERGES[name]
    check(repo, "'q'$x.md", case, merge(repo, "'q'$x.md", case))


def test_a_rebase_a_cherry_pick_and_a_stash(repo):
    installed(repo, "gone")
    case = MERGES["the same line"]
    merge(repo, "a.md", case)
    repo.git("merge", "--abort")
    for command in (["rebase", "theirs"], ["cherry-pick", "theirs"]):
        ran = repo.git(*command, status=None)
        data = repo.read("a.md")
        assert (ran.status, b"OURS" in data, b"THEIRS" in data, b"<<<<<<<" in data) == (1, True, True, True), command
        repo.git(command[0], "--abort")
    repo.write("a.md", text(b"STASHED", 3))
    repo.git("stash", "-q")
    repo.write("a.md", text(b"LATER", 3))
    repo.commit("later")
    assert repo.git("stash", "pop", status=None).status == 1
    data = repo.read("a.md")
    assert (b"STASHED" in data, b"LATER" in data, b"<<<<<<<" in data) == (True, True, True)


def test_where_git_merges_no_lines_either(repo):
    """Not even git is found: whole files stand between the marks."""
    program = Program(("/nonexistent/sealkit",))
    names = {"O": "o", "A": "a", "B": "b", "L": "7", "P": "p"}
    for name in "oab":
        (repo.path / name).write_text(name * 3 + "\n")
    command = program.merge_driver()
    for mark, value in names.items():
        command = command.replace(f"%{mark}", value)
    ran = subprocess.run(["/bin/sh", "-c", command.replace("%%", "%")], cwd=repo.path, env={"PATH": "/nonexistent"}, check=False)
    assert ran.returncode == 1
    assert repo.read("a") == b"<<<<<<< ours\naaa\n\n=======\nbbb\n\n>>>>>>> theirs\n"


def test_the_driver_itself_keeps_both_sides_where_it_fails(repo):
    """A record that cannot be looked at (here: a policy that is none) is merged as git merges any text."""
    repo.install()
    case = MERGES["the same line"]
    repo.write("sealkit.yaml", b"version: 99\n")
    check(repo, "a.md", case, merge(repo, "a.md", case))


# --- what is shown -----------------------------------------------------------------------------------------------------
SHOWN = [
    ["diff", "HEAD~1"],
    ["log", "-p"],
    ["show"],
    ["blame", "a.md"],
    ["diff", "--cached", "HEAD~1"],
    ["log", "-p", "--follow", "a.md"],
]


@pytest.mark.parametrize("state", STATES)
def test_records_are_shown_as_they_are(repo, state):
    repo.write("a.md", front("base;b"))
    repo.commit("one")
    repo.write("a.md", front("later;b"))
    repo.commit("two")
    installed(repo, state)
    for command in SHOWN if state in {"gone", "is killed"} else SHOWN[:1]:
        ran = repo.git(*command)
        if state != "exits with 0" and state != "says other words":
            assert b"later;b" in ran.out, ran


# --- what is committed -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", [name for name in STATES if name not in {"exits with 0", "says other words"}])
def test_the_hook_says_what_to_do(repo, state):
    installed(repo, state)
    repo.write("a.md", front("nobody has sealed this"))
    repo.git("add", "a.md")
    ran = repo.git("commit", "-qm", "m", status=1)
    for word in ("does not start any more", "git commit --no-verify", "sealkit git install"):
        assert word in ran.err, ran
    repo.git("commit", "-qm", "m", "--no-verify")


def test_the_hook_says_nothing_more_where_all_is_well(repo):
    repo.install()
    repo.write("a.md", front("nobody has sealed this"))
    repo.git("add", "a.md")
    ran = repo.git("commit", "-qm", "m", status=1)
    assert ("does not start" in ran.err, "a.md:4" in ran.err) == (False, True)


# --- doctor ------------------------------------------------------------------------------------------------------------
def test_doctor_tries_what_is_set(repo, monkeypatch):
    """The settings are as they should be, and what they name does not work."""
    from sealkit.git import starting
    from sealkit.git.install import Installation
    from sealkit.git.plumbing import Repository

    for number, (state, make) in enumerate(STATES.items()):
        path = repo.path.parent / f"{number}" / "sealkit"
        path.parent.mkdir()
        monkeypatch.setattr(starting, "find", lambda version, path=path: Program((str(path),)))
        installation = Installation(Repository(str(repo.path)), "0")
        list(installation.install())
        make(path)
        found = {one.text: one for one in installation.examine()}
        for name in ("diff.sealkit.textconv", "merge.sealkit.driver"):
            assert found[f"{name} is set"].is_good
            finding = found[f"{name} does not work from a bare environment"]
            assert (finding.is_good, "again" in finding.hint) == (False, True), state
