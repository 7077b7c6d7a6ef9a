"""A key goes only when nothing is under it any more: ``keys census``, ``retire`` and ``remove``, in the work tree and in git."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys

import needs
import pytest
from desk import IV

from sealkit.crypto.blob import Blob
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

RING = f"""version: 1
primary: k2
keys:
  - id: k2
    source: {{hex: "{"42" * 32}"}}
  - id: k1 # old
    source: {{hex: "{"41" * 32}"}}
  - id: t1
    source: {{hex: "{"43" * 16}"}}
    format: tagged
  - id: s1
    source: {{hex: "{"44" * 16}"}}
    format: synthetic
  - id: k0
    source: {{hex: "{"40" * 16}"}}
    state: disabled
"""
SECRETS = {"k2": "42" * 32, "k1": "41" * 32, "t1": "43" * 16, "s1": "44" * 16, "k0": "40" * 16, "foreign": "50" * 32}
FORMATS = {"t1": "tagged", "s1": "synthetic"}


def blob(key, payload=b"what the payload is, in two blocks", form=None):
    if key == "foreign" and form is None:  # with an IV under which none of the keys unpads it by chance
        return str(Blob(Key("x", bytes.fromhex(SECRETS[key])).cbc().encrypt(payload, IV), IV))
    ring = KeyRing([Key("x", bytes.fromhex(SECRETS[key]), format=form or FORMATS.get(key, "plain"))], primary="x")
    return str(Sealer(ring, payload="binary", key_id="x").seal(payload))


def git(desk, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    environment = desk.env | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=desk.path / "tree", env=environment, check=True, capture_output=True).stdout.decode()


@pytest.fixture
def tree(desk):
    """A tree with a record under each key, and what no key opens."""
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.record("tree/new.md", blob("k2"))
    desk.record("tree/deep/new too.md", blob("k2"))
    desk.record("tree/tagged.md", blob("t1"))
    desk.record("tree/synthetic.md", blob("s1"))
    desk.record("tree/open.md", "plaintext")
    desk.write("tree/none.md", b"---\ntitle: t\n---\n")
    desk.write("tree/odd.yml", b"a: 1\n---\nb: 2\n")
    return desk


def counts(desk, *args):
    ran = desk.run("keys", "census", "--json", *args, "tree")
    assert ran.status == 0, ran
    return {line["key"] if "key" in line else line["kid"]: line for line in ran.lines}


def fields(desk, *args):
    return {name: line["fields"] for name, line in counts(desk, *args).items() if line["fields"]}


# --- census ----------------------------------------------------------------------------------------------------------
def test_every_key_is_counted(tree):
    tree.record("tree/old.md", blob("k1"))
    tree.record("tree/disabled.md", blob("k0"))
    tree.record("tree/foreign.md", blob("foreign"))
    tree.record("tree/unknown.md", blob("foreign", form="tagged"))
    kid = Blob.parse(blob("foreign", form="tagged")).kid
    assert fields(tree) == {"k2": 2, "k1": 1, "t1": 1, "s1": 1, "k0": 1, kid: 1, None: 1}
    text = tree.run("keys", "census", "tree")
    assert text.status == 0
    assert text.text.splitlines()[:2] == ["k2  enabled  2 fields in 2 files", "k1  enabled  1 field in 1 file"]
    assert f"kid {kid}  1 field in 1 file" in text.text
    assert "no key of the ring  1 field in 1 file" in text.text


def test_hidden_and_ignored_records_count(tree):
    git(tree, "init", "-q")
    tree.write("tree/.gitignore", b"drafts/\n")
    tree.record("tree/drafts/old.md", blob("k1"))
    tree.record("tree/.hidden/old.md", blob("k1"))
    assert fields(tree)["k1"] == 2


def test_several_fields_of_a_file(tree):
    lines = "".join(json.dumps({"secured": blob("k1")}) + "\n" for _ in range(3))
    tree.write("tree/l.jsonl", lines.encode())
    tree.write("tree/n.yml", f"a:\n  - b: '{blob('k1')}'\n  - b: '{blob('k2')}'\n".encode())
    assert (counts(tree)["k1"]["fields"], counts(tree)["k1"]["files"]) == (4, 2)
    (tree.path / "tree/odd.yml").unlink()  # it may hold a b, and does not read
    assert fields(tree, "--field", "a[].b") == {"k1": 4, "k2": 3, "t1": 1, "s1": 1}  # what nobody names counts, too


def test_the_policy_says_which_fields(tree):
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords:\n  - include: ['*.yml']\n    fields: [{path: x.y}]\n")
    tree.write("tree/n.yml", f"x: {{y: '{blob('k1')}'}}\n".encode())
    assert fields(tree)["k1"] == 1


def test_a_payload_of_another_kind_is_not_overlooked(tree):
    tree.record("tree/binary.md", blob("k1", bytes(range(256))))
    assert fields(tree)["k1"] == 1


def test_every_version_in_git_counts(tree):
    git(tree, "init", "-q", "-b", "main")
    tree.record("tree/a.md", blob("k1"))
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "one")
    git(tree, "tag", "v1")
    git(tree, "switch", "-qc", "side")
    tree.record("tree/side.md", blob("k1"))
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "side")
    git(tree, "switch", "-q", "main")
    tree.record("tree/a.md", blob("k2"))
    git(tree, "commit", "-qam", "two")
    assert "k1" not in fields(tree)
    known = counts(tree, "--git")
    assert (known["k1"]["fields"], known["k1"]["versions"]) == (0, 2)
    assert (known["k2"]["fields"], known["k2"]["versions"]) == (3, 3)
    assert "k1  enabled  0 fields in 0 files; 2 versions in git" in tree.run("keys", "census", "--git", "tree").text


@pytest.mark.parametrize(
    ("args", "status"),
    [(["none"], 4), (["-"], 2), ([""], 2), (["tree/none.md", "--field", "nowhere"], 2), (["--git", "records"], 2)],
)
def test_a_census_of_nothing(tree, args, status):
    assert tree.run("keys", "census", *args).status == status


# --- retire ----------------------------------------------------------------------------------------------------------
def retired(desk, *args):
    """Run retire, and say whether the ring changed, in nothing but the state of k1."""
    before = desk.read("ring.yaml").decode()
    ran = desk.run("keys", "retire", "k1", *args)
    after = desk.read("ring.yaml").decode()
    source = f'    source: {{hex: "{"41" * 32}"}}\n'
    assert after in (before, before.replace(source, f"{source}    state: disabled\n"))
    assert (ran.status == 0) == (after != before)
    return ran


def test_a_key_that_records_are_under_is_not_retired(tree):
    tree.record("tree/old.md", blob("k1"))
    tree.record("tree/.hidden/old.md", blob("k1"))
    ran = retired(tree, "tree")
    assert ran.status == 1
    assert sorted(ran.text.splitlines()) == ["tree/.hidden/old.md:3  secured", "tree/old.md:3  secured"]
    assert "needed, for the 2 fields listed" in ran.err


def test_a_key_is_retired_after_the_rotation(tree):
    tree.record("tree/old.md", blob("k1"))
    (tree.path / "tree/odd.yml").unlink()
    for name in ("tagged", "synthetic", "open"):
        (tree.path / f"tree/{name}.md").unlink()
    assert retired(tree, "tree").status == 1
    assert tree.run("rotate", "tree").status == 0
    assert retired(tree, "tree").status == 0
    assert tree.run("decrypt", "tree/old.md").status == 0


def test_history_counts_only_when_that_is_asked_for(tree):
    git(tree, "init", "-q")
    tree.record("tree/old.md", blob("k1"))
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "one")
    tree.record("tree/old.md", blob("k2"))
    assert retired(tree, "tree").text == "tree/old.md:3  secured  in git's index\n"
    git(tree, "add", "-A")
    ran = retired(tree, "--git", "tree")
    assert ran.status == 1
    head = git(tree, "rev-parse", "HEAD")[:12]
    assert ran.text == f"tree/old.md:3  secured  in commit {head}\n"
    ran = retired(tree, "tree")
    assert ran.status == 0
    assert "what git holds was not looked at" in ran.err


def test_what_cannot_be_read_keeps_a_key(tree):
    (tree.path / "tree/link.md").symlink_to("new.md")
    ran = retired(tree, "tree/link.md")
    assert ran.status == 4 or "tree/link.md" in ran.err
    tree.record("tree/broken.md", blob("k1")[:-3])
    tree.record("tree/twice.md", blob("k1") + '"\nsecured: "' + blob("k1"))
    ran = retired(tree, "tree")
    assert ran.status == 1
    assert "twice.md" in ran.err
    assert "nothing was changed" in ran.err


@needs.root("becomes another user, who is kept out of the file")
def test_a_file_that_is_not_readable_keeps_a_key(tree):
    for folder in (tree.path, *tree.path.parents):
        folder.chmod(folder.stat().st_mode | 0o055) if folder.stat().st_uid == 0 and folder != folder.parent else None
    os.chown(tree.path / "ring.yaml", 65534, 65534)
    os.chmod(tree.path / "tree/new.md", 0o000)
    for folder, _, _ in os.walk(tree.path / "tree"):
        os.chown(folder, 65534, 65534)
    os.chown(tree.path, 65534, 65534)
    wrap = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if subprocess.run([*wrap, sys.executable, "-c", "import sealkit"], cwd="/", check=False, capture_output=True).returncode:
        pytest.skip("nobody but root can read the Python that runs the tests")
    ran = tree.run("keys", "retire", "k1", "tree", wrap=wrap)
    assert ran.status in (1, 4), ran
    assert "new.md" in ran.err
    assert b"state: disabled" not in tree.read("ring.yaml").partition(b"k1 # old")[2].partition(b"- id")[0]


def test_another_sealkit_holds_the_tree(tree):
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords:\n  - include: ['*.md']\n    fields: [{path: secured}]\n")
    (tree.path / "tree/.sealkit").mkdir()
    with (tree.path / "tree/.sealkit/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert retired(tree, "tree").status == 75
    assert retired(tree, "tree").status == 0


def test_a_rotation_that_is_not_finished_keeps_a_key(tree):
    tree.record("tree/old.md", blob("k1"))
    tree.record("tree/foreign.md", blob("foreign"))
    assert tree.run("rotate", "--partial", "tree").status in (1, 4)
    states = [name for name in tree.files("tree") if "journal" in name]
    journal = tree.path / states[0]
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b'"end"' not in line and b"finished" not in line))
    tree.record("tree/foreign.md", blob("k2"))
    ran = retired(tree, "tree")
    assert ran.status == 4, ran
    assert "is not finished" in ran.err


@pytest.mark.parametrize(("key_id", "status", "said"), [("k2", 2, "is the primary"), ("k9", 3, "no key with that id")])
def test_what_is_no_key_to_retire(tree, key_id, status, said):
    ran = tree.run("keys", "retire", key_id, "tree")
    assert ran.status == status
    assert said in ran.err


def test_a_key_that_cannot_be_had_is_not_retired(tree):
    tree.write("ring.yaml", RING.encode() + b"  - id: e\n    source: {env: GONE, encoding: hex}\n    state: disabled\n")
    ran = tree.run("keys", "retire", "e", "tree")
    assert ran.status == 3
    assert "cannot be told what is under it" in ran.err


# --- remove ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("args", [["k1"], ["k1", "--unused", "tree"]])
def test_a_key_is_not_removed_without_a_word_about_its_records(tree, args):
    ran = tree.run("keys", "remove", *args)
    assert (ran.status, tree.read("ring.yaml").decode()) == (2, RING)
    assert "nothing was looked at" in ran.err


def test_a_key_that_is_needed_is_not_removed(tree):
    tree.record("tree/old.md", blob("k1"))
    ran = tree.run("keys", "remove", "k1", "tree")
    assert (ran.status, tree.read("ring.yaml").decode()) == (1, RING)
    assert ran.text == "tree/old.md:3  secured\n"
    for args in (["k2", "tree"], ["k2", "--unused"]):
        ran = tree.run("keys", "remove", *args)
        assert (ran.status, tree.read("ring.yaml").decode()) == (2, RING)
        assert "is the primary" in ran.err


@pytest.mark.parametrize("args", [["tree"], ["--unused"]])
def test_a_key_is_removed(tree, args):
    ran = tree.run("keys", "remove", "k1", *args)
    assert ran.status == 0, ran
    assert tree.read("ring.yaml").decode() == RING.replace(f'  - id: k1 # old\n    source: {{hex: "{"41" * 32}"}}\n', "")
    assert "what git holds" not in ran.err


# --- where blobs have to be authentic ---------------------------------------------------------------------------------
TEXTS = [
    b"text of a payload, in two blocks",
    b'{"a": "JSON, in two blocks of text"}',
    b"\xff\xfe no text, in two blocks of it",
    b"x",
    b"a" * 16,
    b"b" * 40,
]


def outcomes(key, payload):
    """Yield blobs of one length that open to a payload, to another one, and to nothing."""
    made = Blob.parse(blob(key, payload, "plain"))
    for flip in (0, 1, 2, 3, 0x10, 0x11, 0x80, 0xFF):
        yield str(Blob(made.ciphertext, made.iv[:-1] + bytes([made.iv[-1] ^ flip])))
        yield str(Blob(made.ciphertext[:-1] + bytes([made.ciphertext[-1] ^ flip]), made.iv))


POLICY = "version: 1\nrecords:\n  - include: ['**']\n    fields: [{path: secured, %s}]\n"
STRICT = {
    "tagged": ("format: tagged", []),
    "synthetic": ("format: synthetic", []),
    "json": ("format: tagged, payload: json", []),
    "binary": ("format: synthetic, payload: binary", []),
    "the run": ("payload: text", ["--require-authentic"]),
    "the run, of binary ones": ("payload: binary", ["--require-authentic"]),
}


@pytest.mark.parametrize(("demand", "options"), STRICT.values(), ids=STRICT)
@pytest.mark.parametrize("payload", TEXTS)
def test_a_census_of_what_has_to_be_authentic_tells_nothing_of_what_it_opens_to(demand, options, payload, desk):
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.write("tree/sealkit.yaml", (POLICY % demand).encode())
    told = set()
    for text in outcomes("k1", payload):
        desk.record("tree/a.md", text)
        told.add(
            str(desk.run("keys", "census", "--json", *options, "tree")) + str(desk.run("keys", "retire", "k1", *options, "tree"))
        )
    assert len(told) == 1, told


@pytest.mark.parametrize("bind", ["", ", bind: path", ", bind: [title]"])
@pytest.mark.parametrize("accept", ["any", "authentic"])
def test_a_key_of_synthetic_blobs_goes_once_they_are_rotated(desk, bind, accept):
    keys = "".join(
        f"  - {{id: {name}, source: {{hex: '{digit * 64}'}}, format: synthetic, accept: {accept}}}\n"
        for name, digit in (("s2", "2"), ("s1", "1"))
    )
    desk.write("ring.yaml", f"version: 1\nprimary: s2\nkeys:\n{keys}".encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.write("tree/sealkit.yaml", (POLICY % f"format: synthetic{bind}").encode())
    desk.write("tree/a.md", b'---\ntitle: a\nsecured: "a payload of more than one block"\n---\n')
    assert desk.run("seal", "--key-id", "s1", "tree").status == 0
    assert desk.run("keys", "retire", "s1", "tree").status == 1
    assert desk.run("rotate", "tree").status == 0
    assert [line.get("fields") for line in desk.run("keys", "census", "--json", "tree").lines[:2]] == [1, 0]
    assert desk.run("keys", "retire", "s1", "tree").status == 0
