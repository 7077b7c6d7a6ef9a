"""A journal that came with the tree: it is named, never believed, never in the way, and set aside by one command.

What a journal of ours is for still works: rotations go on after an interruption, and are taken back, without a key only by somebody who
has seen what that does.
"""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

NAME = "journal-20300101T000000Z-00000000.jsonl"
KIDS = {"k1": "", "k2": ""}  # filled from the ring
BOTH = {"tree/a.md": "k2", "tree/b.md": "k2"}
NO_RING = {"SEALKIT_KEYS": None}


@pytest.fixture
def tree(desk):
    """Two records under k1, in a folder that will be a tree."""
    for name in ("a", "b"):
        desk.record(f"tree/{name}.md", desk.sealed(f"payload {name}, long enough to tell".encode(), "k1"))
    KIDS.update({key.id: key.kid for key in desk.ring()})
    return desk


def header(desk, to="k2", **more):
    """The first line as an attacker would write it: all but a MAC can be known."""
    scope = {"paths": ["."], "include": [], "exclude": [], "since": None, "gitignore": True, "hidden": False, "cross_mounts": False}
    known = {"journal": 2, "started": "2030-01-01T00:00:00Z", "to": to, "to_kid": KIDS.get(to, "0" * 16), "source": None}
    known |= {"fields": ["secured"], "payload_kind": "text", "scope": scope}
    known |= {"root": str(desk.path / "tree"), "inode": (desk.path / "tree").stat().st_ino}
    return known | more


def claim(desk, name):
    """A line that says of a file as it stands that the rotation wrote it; its old blob would be the attacker's."""
    data = desk.read(f"tree/{name}")
    blob = data.partition(b'secured: "')[2].partition(b'"')[0].decode()
    return {
        "will": name,
        "before": "0" * 64,
        "after": hashlib.sha256(data).hexdigest(),
        "blobs": [[1, "secured", "AAAA;BBBB", blob]],
    }


def planted(desk, *lines, name=NAME):
    data = b"\n" + b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    return desk.write(f"tree/.sealkit/{name}", data)


def under(desk):
    return {line["path"]: line.get("key") for line in desk.run("verify", "--json", "tree").lines}


def journals(desk, start="journal-"):
    return sorted(name for name in os.listdir(desk.path / "tree/.sealkit") if name.startswith(start))


def interrupted(desk):
    """A rotation to k2 that was killed behind its first record, and the name of its journal."""
    program = (
        "import os, signal, sys\nfrom sealkit.trees import replace\nreplace.GROUP = 1\ndone = replace.commit\n"
        "def commit(*args, **more):\n    made = done(*args, **more)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "from sealkit.trees import batch\nbatch.WRITE_CHUNK = 1\nreplace.commit = commit\n"
        "from sealkit.cli.program import run_alone\nrun_alone(['rotate', '--to', 'k2', 'tree'])\n"
    )
    ran = subprocess.run([desk.command()[0], "-c", program], cwd=desk.path, env=desk.env, capture_output=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran
    assert sorted(under(desk).values()) == ["k1", "k2"]
    (name,) = journals(desk)
    return name


# --- journals that came with the tree --------------------------------------------------------------------------------
def lines_of_ours(desk):
    """The lines of a journal of ours, of this rotation, in another tree."""
    desk.record("other/a.md", desk.sealed(b"payload a, long enough to tell", "k1"))
    assert desk.run("rotate", "--to", "k2", "other").status == 0
    (name,) = (name for name in desk.files("other") if "journal-" in name)
    return desk.read(name).splitlines()


PLANTED = {
    "what stands there was written": lambda desk: [header(desk), claim(desk, "a.md"), claim(desk, "b.md")],
    "it was finished": lambda desk: [header(desk), claim(desk, "a.md"), {"ended": "finished"}],
    "with MACs of zeros": lambda desk: [line | {"mac": "0" * 64} for line in (header(desk), claim(desk, "a.md"))],
    "another rotation is not finished": lambda desk: [header(desk, to="k1"), claim(desk, "a.md")],
    "to a key that nobody has": lambda desk: [header(desk, to="k9"), claim(desk, "a.md")],
    "to a key that is disabled": lambda desk: [header(desk, to="k0", to_kid=desk.ring().get("k0").kid)],
    "with the kid of none": lambda desk: [header(desk, to_kid=""), claim(desk, "a.md")],
    "of the version before": lambda desk: [header(desk, journal=1), claim(desk, "a.md")],
    "of a version to come": lambda desk: [header(desk, journal=3), claim(desk, "a.md")],
    "of another tree": lines_of_ours,
    "of another tree, cut off": lambda desk: lines_of_ours(desk)[:2],
    "of another tree, with lines behind it": lambda desk: [*lines_of_ours(desk), claim(desk, "b.md")],
    "of another tree, with our place": lambda desk: [header(desk), *lines_of_ours(desk)[1:]],
    "no journal at all": lambda desk: [b"\xff\xfe", b"[]", b"{"],
}


@pytest.mark.parametrize("shape", PLANTED)
def test_it_is_named_and_neither_believed_nor_in_the_way(tree, shape):
    path = planted(tree, *PLANTED[shape](tree))
    said = tree.run("rotate", "--status", "tree")
    assert said.status == 0, said
    assert NAME in said.text + said.err
    ran = tree.run("rotate", "--to", "k2", "tree")
    assert ran.status == 0, ran
    assert "2 rotated" in ran.err
    assert f"{path} " in ran.err
    assert "--set-aside" in ran.err
    assert under(tree) == BOTH
    assert tree.run("rotate", "--to", "k2", "tree").status == 0
    assert NAME in journals(tree)
    assert len(journals(tree)) == 2


@pytest.mark.parametrize("shape", PLANTED)
def test_it_is_set_aside_by_one_command(tree, shape):
    planted(tree, *PLANTED[shape](tree))
    ran = tree.run("rotate", "--set-aside", "tree")
    assert ran.status == 0, ran
    assert NAME in ran.text
    assert (journals(tree), journals(tree, "foreign-")) == ([], [f"foreign-{NAME}"])
    ran = tree.run("rotate", "--to", "k2", "tree")
    assert NAME not in ran.err
    assert "2 rotated" in ran.err
    again = tree.run("rotate", "--set-aside", "tree")
    assert again.status == 2
    assert "no journal" in again.err


@pytest.mark.parametrize("shape", PLANTED)
def test_nothing_is_put_back_by_it(tree, shape):
    planted(tree, *PLANTED[shape](tree))
    before = tree.read("tree/a.md"), tree.read("tree/b.md")
    ran = tree.run("rotate", "--rollback", "tree")
    assert ran.status in (2, 3, 4), ran
    assert "Traceback" not in ran.err
    assert (tree.read("tree/a.md"), tree.read("tree/b.md")) == before


@pytest.mark.parametrize("shape", PLANTED)
def test_it_hides_no_rotation_of_ours(tree, shape):
    """With one of ours beside it, which is older by name, that one counts."""
    ours = interrupted(tree)
    planted(tree, *PLANTED[shape](tree))
    said = tree.run("rotate", "--status", "tree")
    assert said.status == 1
    assert "1 of 2 files written, unfinished" in said.text or "0 of 1 file written, unfinished" in said.text
    refused = tree.run("rotate", "--to", "k1", "tree")
    assert "is not finished" in refused.err
    assert ours in refused.err
    before = tree.read("tree/b.md")
    back = tree.run("rotate", "--rollback", "tree")
    assert back.status == 0, back
    assert under(tree) == dict.fromkeys(BOTH, "k1")
    assert tree.read("tree/b.md") == before


@pytest.mark.parametrize("shape", PLANTED)
def test_other_verbs_go_on_beside_it(tree, shape):
    planted(tree, *PLANTED[shape](tree))
    for verb in (["check"], ["decrypt", "--json"], ["verify"]):
        ran = tree.run(*verb, "tree")
        assert ran.status in (0, 1), ran
        assert "Traceback" not in ran.err
    ran = tree.run("doctor", "tree")
    assert ran.status in (0, 1), ran
    assert NAME in ran.text or shape in {"it was finished", "of another tree, with our place"}  # it asks no key


def test_thousands_of_them_are_named_in_a_few_lines(tree):
    folder = tree.path / "tree/.sealkit"
    folder.mkdir()
    for number in range(5000):
        (folder / f"journal-20300101T000000Z-{number:08x}.jsonl").write_bytes(json.dumps(header(tree)).encode())
    start = time.monotonic()
    ran = tree.run("rotate", "--to", "k2", "tree")
    assert ran.status == 0
    assert "4995 more" in ran.err
    assert len(ran.err.splitlines()) < 20
    assert time.monotonic() - start < 30
    assert under(tree) == BOTH
    aside = tree.run("rotate", "--set-aside", "tree")
    assert aside.status == 0
    assert len(aside.text.splitlines()) == 5000


# --- journals of ours ------------------------------------------------------------------------------------------------
def test_an_interrupted_rotation_goes_on(tree):
    interrupted(tree)
    written = {name for name, key in under(tree).items() if key == "k2"}
    before = {name: tree.read(name) for name in written}
    ran = tree.run("rotate", "--to", "k2", "tree")
    assert ran.status == 0, ran
    assert "1 rotated, 1 unchanged" in ran.err
    assert {name: tree.read(name) for name in written} == before
    assert under(tree) == BOTH


def test_a_journal_of_ours_holds_blobs_hashes_and_macs_alone(tree):
    before = {name: tree.read(name) for name in BOTH}
    assert tree.run("rotate", "--to", "k2", "tree").status == 0
    (name,) = [name for name in tree.files("tree/.sealkit") if "journal-" in name]
    _, head, *lines = (json.loads(line or b"{}") for line in tree.read(f"tree/.sealkit/{name.rpartition('/')[2]}").splitlines())
    assert set(head) == {*header(tree), "mac"}
    assert {key for line in lines for key in line} == {"will", "before", "after", "blobs", "done", "ended", "mac"}
    blobs = {blob for line in lines for _, field, *both in line.get("blobs", []) for blob in both}
    records = b"".join([*before.values(), *(tree.read(name) for name in BOTH)])
    assert len(blobs) == 4
    assert all(blob.encode() in records for blob in blobs)
    assert {len(line[key]) for line in lines for key in ("before", "after") if key in line} == {64}


def test_where_it_was_altered_the_same_command_finishes_without_it(tree):
    name = interrupted(tree)
    with (tree.path / "tree/.sealkit" / name).open("ab") as file:
        file.write(json.dumps(claim(tree, "b.md")).encode() + b"\n")
    ran = tree.run("rotate", "--to", "k2", "tree")
    assert ran.status == 0, ran
    assert f"{name} line " in ran.err
    assert "1 rotated, 1 unchanged" in ran.err
    assert under(tree) == BOTH


def test_what_is_proved_is_not_set_aside(tree):
    name = interrupted(tree)
    assert tree.run("rotate", "--set-aside", "tree").status == 2
    assert journals(tree) == [name]
    assert tree.run("rotate", "--set-aside", "tree", env=NO_RING).status == 3
    assert journals(tree) == [name]


def test_a_rotation_is_proved_by_the_key_alone(tree):
    """As from ``--key-file``, without a ring."""
    assert tree.run("rotate", "--to", "k2", "tree").status == 0
    tree.write("k2.key", bytes(range(0xF0, 0x100)))
    (tree.path / "k2.key").chmod(0o600)
    ran = tree.run("rotate", "--rollback", "--key-file", "k2.key", "--key-encoding", "raw", "tree", env=NO_RING)
    assert ran.status == 0, ran
    assert "2 restored" in ran.err


# --- taking a rotation back without its key --------------------------------------------------------------------------
KEYLESS = {
    "no ring": ([], NO_RING),
    "a ring that is not there": (["--keys", "gone.yaml"], {}),
    "a ring that is broken": (["--keys", "broken.yaml"], {}),
    "a ring without that key": (["--keys", "other.yaml"], {}),
    "a ring whose key cannot be had": (["--keys", "lacking.yaml"], {}),
    "a ring that only verifies": (["--keys", "verify.yaml"], {}),
}


@pytest.fixture
def rotated(tree):
    """The tree rotated to k2; rings without that key; what the records were."""
    tree.before = tree.read("tree/a.md"), tree.read("tree/b.md")
    assert tree.run("rotate", "--to", "k2", "tree").status == 0
    other = b"version: 1\nprimary: x\nkeys:\n  - {id: x, source: {hex: 00112233445566778899aabbccddeeff}}\n"
    tree.write("broken.yaml", b"version: 1\nkeys: 7\n")
    tree.write("other.yaml", other)
    tree.write("lacking.yaml", other + b"  - {id: k2, source: {env: GONE, encoding: hex}, state: disabled}\n")
    tree.write("verify.yaml", tree.ring().export_verify_only(["k2"]))
    for name in ("broken", "other", "lacking", "verify"):
        (tree.path / f"{name}.yaml").chmod(0o600)
    return tree


def stands(desk):
    return desk.read("tree/a.md"), desk.read("tree/b.md")


@pytest.mark.parametrize("case", KEYLESS)
def test_without_the_key_it_is_listed_and_nothing_is_done(rotated, case):
    options, env = KEYLESS[case]
    now = stands(rotated)
    ran = rotated.run("rotate", "--rollback", *options, "tree", env=env)
    assert ran.status == 3, ran
    assert ran.text.count("would change tree/") == 2
    assert "--yes" in ran.err
    assert stands(rotated) == now
    assert len(journals(rotated)) == 1


@pytest.mark.parametrize("case", KEYLESS)
def test_who_means_it_says_yes(rotated, case):
    options, env = KEYLESS[case]
    ran = rotated.run("rotate", "--rollback", "--yes", *options, "tree", env=env)
    assert ran.status == 0, ran
    assert "2 restored" in ran.err
    assert stands(rotated) == rotated.before
    assert journals(rotated) == []
    assert len(journals(rotated, "foreign-")) == 1
    assert rotated.run("rotate", "--rollback", "--yes", "tree").status == 2


def at_terminal(desk, answer, *args, env=()):
    """Run sealkit on a terminal, answer its question, and return its exit status and all that it said."""
    environment = {name: value for name, value in (desk.env | dict(env)).items() if value is not None}
    child, terminal = pty.fork()
    if not child:
        os.chdir(desk.path)
        os.execve(desk.command()[0], desk.command(*args), environment)
    said, is_answered = b"", False
    while select.select([terminal], [], [], 60)[0]:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
        if not is_answered and b"[y/N]" in said:
            os.write(terminal, answer)
            is_answered = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()


@pytest.mark.parametrize(("answer", "is_done"), [(b"y\n", True), (b"n\n", False), (b"\n", False)])
def test_a_person_is_asked(rotated, answer, is_done):
    now = stands(rotated)
    status, said = at_terminal(rotated, answer, "rotate", "--rollback", "tree", env=NO_RING)
    assert said.count("would change") >= 2
    assert status == (0 if is_done else 3), said
    assert stands(rotated) == (rotated.before if is_done else now)


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_with_the_key_it_can_be_looked_at_first(rotated, option):
    now = stands(rotated)
    ran = rotated.run("rotate", "--rollback", option, "tree")
    assert ran.status == 1, ran
    assert stands(rotated) == now
    assert rotated.run("rotate", "--rollback", "tree").status == 0
    assert stands(rotated) == rotated.before


def test_with_the_key_an_altered_journal_takes_nothing_back(rotated):
    (name,) = journals(rotated)
    path = rotated.path / "tree/.sealkit" / name
    path.write_bytes(path.read_bytes().replace(b'"will": "a.md"', b'"will": "b.md"'))
    now = stands(rotated)
    ran = rotated.run("rotate", "--rollback", "--yes", "tree")
    assert ran.status == 4, ran
    assert name in ran.err
    assert stands(rotated) == now
    assert rotated.run("rotate", "--status", "tree").status == 0


@pytest.mark.parametrize(
    "path", ["../outside.md", "/etc/hostname", "sub/../../outside.md", ".sealkit/lock", "link.md", "link/x.md", "gone.md", "\ud800"]
)
def test_no_key_no_way_out_of_the_tree(rotated, path):
    """Whoever says yes to a planted journal says yes to records of this tree alone."""
    rotated.write("outside.md", rotated.read("tree/a.md"))
    (rotated.path / "tree/link.md").symlink_to("../outside.md")
    (rotated.path / "tree/link").symlink_to("..")
    blob = rotated.read("tree/a.md").partition(b'secured: "')[2].partition(b'"')[0].decode()
    line = {"will": path, "before": "0" * 64, "after": "0" * 64, "blobs": [[1, "secured", "AAAA;BBBB", blob]]}
    planted(rotated, header(rotated, to="k9"), line)
    before = rotated.read("outside.md")
    ran = rotated.run("rotate", "--rollback", "--yes", "tree", env=NO_RING)
    assert ran.status in (1, 4), ran
    assert "Traceback" not in ran.err
    assert rotated.read("outside.md") == before


@pytest.mark.parametrize(
    "options", [["--yes"], ["--status", "--rollback"], ["--status", "--set-aside"], ["--rollback", "--set-aside"]]
)
def test_options_that_make_no_sense_together(tree, options):
    assert tree.run("rotate", *options, "tree").status == 2


OLD = [
    "plaintext",
    "",
    "AAAA",
    "AAAA;BBBB",
    'x"\nother: y',
    "a\0b",
    "\ud800",
    "[1, 2]",
    "QUJD=;QUJD=",
    "U2FsdGVkX1/AAAAA",
    "<<<<<<< ours",
]


@pytest.mark.parametrize("old", OLD, ids=ascii)
def test_nothing_but_blobs_is_put_back_whoever_says_yes(tree, old):
    blob = tree.read("tree/a.md").partition(b'secured: "')[2].partition(b'"')[0].decode()
    other = tree.read("tree/b.md").partition(b'secured: "')[2].partition(b'"')[0].decode()
    lines = [
        {"will": name, "before": "", "after": "", "blobs": [[1, "secured", *texts]]}
        for name, texts in (("a.md", (old, blob)), ("b.md", (blob, other)))
    ]
    planted(tree, header(tree, to="k9"), *lines)
    before = tree.read("tree/a.md"), tree.read("tree/b.md")
    ran = tree.run("rotate", "--rollback", "--yes", "tree")
    assert ran.status in (1, 4), ran
    assert "error: tree/a.md" in ran.err
    assert tree.read("tree/a.md") == before[0]
    assert tree.read("tree/b.md") == before[0]


# --- keys that go ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", PLANTED)
def test_a_key_is_retired_beside_it(tree, shape):
    tree.write("ring.yaml", tree.read("keys.example"))
    (tree.path / "ring.yaml").chmod(0o600)
    ring = ["--keys", "ring.yaml"]
    assert tree.run("rotate", *ring, "--to", "k2", "tree").status == 0
    planted(tree, *PLANTED[shape](tree))
    ran = tree.run("keys", "retire", *ring, "k1", "tree")
    assert ran.status == 0, ran
    assert NAME in ran.err
