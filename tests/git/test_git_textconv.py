"""Diffs: payloads on the key holder's terminal, and a line that changes everywhere else."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from githouse import PAYLOAD, front
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealkit import jobs
from sealkit.demands import Asked
from sealkit.errors import SealkitError
from sealkit.git import asking, shown, terminal
from sealkit.records.identity import Binding
from sealkit.records.record import Record
from sealkit.sealer import Sealer

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

SECRET = b"payload of some length"
SUMMARY = rb"payload 48 bytes, plain, blob [0-9a-f]{12}"


@pytest.fixture
def house(repo):
    """A repository with two versions of a record, the second in the last commit."""
    repo.install()
    repo.write("a.md", front(repo.blob()))
    repo.commit("one")
    repo.write("a.md", front(repo.blob(PAYLOAD.upper())))
    repo.commit("two")
    return repo


COMMANDS = [["diff", "HEAD~1"], ["log", "-p"], ["show"], ["blame", "a.md"], ["log", "-p", "--", "a.md"], ["diff", "HEAD~1", "HEAD"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_terminals_see_payloads_and_nobody_else(house, command):
    assert SECRET.upper() in house.on_terminal("git", "--no-pager", *command)
    shown_to_others = house.git(*command).out
    assert SECRET not in shown_to_others.lower()
    assert re.search(SUMMARY, shown_to_others)
    for line in (
        f"git {' '.join(command)} | cat",
        f"git {' '.join(command)} > out; cat out",
        f"git --no-pager {' '.join(command)} | cat",
    ):
        printed = house.on_terminal("sh", "-c", line)
        assert SECRET not in printed.lower(), line
        assert re.search(SUMMARY, printed), line


@pytest.mark.parametrize("pager", ["cat", "cat | cat", "sh -c 'cat; true'"])
def test_the_pager_that_git_starts_on_a_terminal_sees_them(house, pager):
    assert SECRET.upper() in house.on_terminal("git", "-p", "diff", "HEAD~1", env={"GIT_PAGER": pager})


def test_a_pager_that_prints_elsewhere_does_not(house):
    house.on_terminal("sh", "-c", "git -p diff HEAD~1 > out", env={"GIT_PAGER": "cat"})
    assert SECRET not in house.read("out").lower()
    house.on_terminal("sh", "-c", "GIT_PAGER_IN_USE=1 git diff HEAD~1 > out")
    assert SECRET not in house.read("out").lower()
    house.on_terminal("git", "-p", "diff", "HEAD~1", env={"GIT_PAGER": "exec cat > out"})
    assert SECRET not in house.read("out").lower()


def test_the_line_changes_whenever_the_blob_does(house):
    lines = re.findall(rb"^[-+]secured: (.*)$", house.git("diff", "HEAD~1").out, re.MULTILINE)
    assert len(set(lines)) == 2
    assert house.git("diff", "HEAD~1").out == house.git("diff", "HEAD~1").out


def test_without_a_key_on_a_terminal(house):
    printed = house.on_terminal("git", "--no-pager", "diff", "HEAD~1", env={"SEALKIT_KEYS": "/nowhere"})
    assert re.search(SUMMARY, printed)
    assert b"Traceback" not in printed


def test_by_hand(house):
    """Nobody's git: nothing is known of where it goes."""
    assert SECRET not in house.run("git", "textconv", "a.md").out.lower()
    assert SECRET not in house.on_terminal(sys.executable, "-m", "sealkit", "git", "textconv", "a.md").lower()
    assert SECRET.upper() in house.run("git", "textconv", "--force", "a.md").out


def test_tagged_and_bound_to_the_path(repo):
    """Git hands out old versions under another name; the path that the tag fits is found among those of that name."""
    repo.write(
        "sealkit.yaml",
        b"version: 1\nrecords:\n  - include: ['**/*.md']\n    fields: [{path: secured, format: tagged, bind: path}]\n",
    )
    repo.install()
    sealer = Sealer(repo.ring(), format="tagged")
    for number, payload in enumerate((PAYLOAD, PAYLOAD.upper())):
        for name in ("a.md", "posts/a.md"):
            data = front("x").replace(b'secured: "x"\n', b"")
            repo.write(
                name, jobs.seal(Record.parse(data, kind="frontmatter"), sealer, payload=payload, binding=Binding("path", name)).raw
            )
        repo.commit(str(number))
    printed = repo.on_terminal("git", "--no-pager", "log", "-p", "--", "posts")
    assert printed.count(SECRET) == 2
    assert printed.count(SECRET.upper()) == 1
    assert b"not opened" not in printed
    kid = repo.ring().get("k2").kid.encode()
    assert b"payload 48 bytes, key %s, tagged, blob " % kid in repo.git("log", "-p").out


def test_json_is_shown_one_key_a_line(repo):
    repo.write("a.md", front(repo.blob(b'{"id":1,"by":{"name":"Ida","n":1.10}}')))
    lines = repo.run("git", "textconv", "--force", "a.md").text.splitlines()
    assert lines[3:11] == [
        'secured: "payload 37 bytes, key k2, plain, unauthenticated"',
        "    | {",
        '    |   "id": 1,',
        '    |   "by": {',
        '    |     "name": "Ida",',
        '    |     "n": 1.10',
        "    |   }",
        "    | }",
    ]


def test_controls_are_escaped(repo):
    repo.write("a.md", front(repo.blob('\u202e text {"a":1}'.encode())).replace(b"body", b"\x1b[31mred\x07"))
    out = repo.run("git", "textconv", "--force", "a.md").out
    assert b"\x1b" not in out
    assert rb"\x1b[31mred\x07" in out
    assert rb"\u202e text" in out


@pytest.mark.parametrize(
    "data", [b"", b"no front matter", b"---\nsecured: [", front("plaintext"), b"\xff\xfe\x00", b"---\n" * 3], ids=range(6)
)
def test_what_is_no_record_is_shown_as_it_is(repo, data):
    repo.write("a.md", data)
    ran = repo.run("git", "textconv", "--force", "a.md")
    assert ran.status == 0
    assert "Traceback" not in ran.err
    assert b"plaintext" not in data or b"plaintext" in ran.out


def test_a_file_that_is_not_there(repo):
    ran = repo.run("git", "textconv", "nothing.md")
    assert (ran.status, ran.err.count("error")) == (4, 1)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200), st.binary(max_size=20))
def test_any_bytes(body, value):
    """Whatever a file holds, it is shown, or said to be what it is; no other error."""
    known = asking.orders(["a.md"], Asked(), None)
    for data in (body, b"---\nsecured: " + value + b"\n" + body + b"\n---\n"):
        try:
            text = shown.readable(data, known, opens=False).data
        except SealkitError:
            continue
        assert text == data or b"payload " in text


def test_where_git_prints_is_not_known_without_a_git():
    assert not terminal.git_prints_to_a_terminal()
    assert not terminal.git_prints_to_a_terminal(1)
    assert not terminal.git_prints_to_a_terminal(2**22 + 1)


def test_a_process_of_another_name_is_no_git(tmp_path):
    """The name counts, not the arguments."""
    running = subprocess.Popen(["sleep", "30"], stdout=subprocess.DEVNULL)
    try:
        assert not terminal.git_prints_to_a_terminal(running.pid)
    finally:
        running.kill()
        running.wait()


POLICY = b"version: 1\nrecords:\n  - include: ['posts/*.md']\n    fields: [{path: secured, format: tagged}]\n"


@pytest.mark.parametrize("beside", ["free/a.md", "a.md", "posts/old/a.md", None])
def test_a_file_of_the_same_name_makes_no_demand_go_away(repo, beside):
    """Git hands over a temporary file, whose name may stand in several places: one that is refused in any of them stays closed."""
    repo.write("sealkit.yaml", POLICY)
    for name in ("posts/a.md", beside):
        if name is not None:
            repo.write(name, front(repo.blob()))
    repo.install()
    repo.commit("one")
    folder = repo.temp / "git-blob-abc123"
    folder.mkdir()
    (folder / "a.md").write_bytes(front(repo.blob()))
    ran = repo.run("git", "textconv", "--force", str(folder / "a.md"))
    assert (ran.status, SECRET in ran.out, "not opened" in ran.text) == (0, False, True), ran
    (folder / "b.md").write_bytes(front(repo.blob()))
    ran = repo.run("git", "textconv", "--force", str(folder / "b.md"))  # of no such place: opened, and called what it is
    assert (ran.status, SECRET in ran.out, "unauthenticated" in ran.text) == (0, True, True), ran


@pytest.mark.parametrize("command", COMMANDS[:4], ids=" ".join)
def test_what_decrypt_refuses_no_diff_shows(house, command):
    """By the environment that git hands on."""
    shown_to_us = house.on_terminal("git", "--no-pager", *command, env={"SEALKIT_REQUIRE_AUTHENTIC": "1"})
    assert SECRET not in shown_to_us.lower()
    assert b"not opened" in shown_to_us
    assert b"unauthenticated" in house.on_terminal("git", "--no-pager", *command)


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "TRUE", "whatever it takes"])
def test_a_demand_in_other_words_is_a_demand(house, value):
    """Git's own calls cannot ask back: a word that is no switch's is taken for yes, and nothing dies of it."""
    ran = house.run("git", "textconv", "--force", "a.md", env={"SEALKIT_REQUIRE_AUTHENTIC": value})
    assert (ran.status, SECRET.upper() in ran.out) == (0, False), ran


@pytest.mark.parametrize("value", ["", "0", "false", "no", "off"])
def test_a_demand_that_is_off(house, value):
    assert SECRET.upper() in house.run("git", "textconv", "--force", "a.md", env={"SEALKIT_REQUIRE_AUTHENTIC": value}).out
