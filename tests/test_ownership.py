"""Who may have a hand in a file: real layouts with real owners, looked at by root and by a person; and nothing of a refused ring is used."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import stat
import struct
import tempfile
import traceback
from pathlib import Path

import pytest

from sealkit import ownership
from sealkit.errors import NoUsableKey, SealkitError
from sealkit.keys import checkup, ringstore, team
from sealkit.keys.ring import KeyRing

ROOT = os.geteuid() == 0
STRANGER = 65533
HEX = bytes(range(100, 132)).hex()


def has_private_group(user):
    """Tell whether a user is alone in a group of the same name, as far as the system's files say."""
    try:
        group = grp.getgrgid(user.pw_gid)
    except KeyError:
        return False
    return group.gr_name == user.pw_name and not group.gr_mem and sum(other.pw_gid == user.pw_gid for other in pwd.getpwall()) == 1


def somebody():
    """A user with a private group, who is not root; None if there is none, or none that root may become."""
    if not ROOT:
        return None
    return next((user for user in pwd.getpwall() if 0 < user.pw_uid < STRANGER and has_private_group(user)), None)


PERSON = somebody()
WHO = {"root": 0} if ROOT else {"me": os.geteuid()}
if PERSON is not None:
    WHO["person"] = PERSON.pw_uid


# --- layouts -----------------------------------------------------------------------------------------------------------
# (name, what is made: path, owner (me, root, other), mode or the link's target, group (own, shared), the path asked for, what is said)
FOLDER = stat.S_IFDIR
LAYOUTS = [
    ("own file, closed", [("ring", "me", 0o600)], "ring", ""),
    ("own file, others may read", [("ring", "me", 0o644)], "ring", ""),
    ("own file, only for reading", [("ring", "me", 0o444)], "ring", ""),
    ("root's file", [("ring", "root", 0o644)], "ring", ""),
    ("another's file", [("ring", "other", 0o644)], "ring", "owned by another user"),
    ("another's file that nobody may write", [("ring", "other", 0o444)], "ring", "owned by another user"),
    ("own file, everybody writes", [("ring", "me", 0o646)], "ring", "writable by everybody"),
    ("root's file, everybody writes", [("ring", "root", 0o666)], "ring", "writable by everybody"),
    ("own file, private group", [("ring", "me", 0o664)], "ring", ""),
    ("own file, shared group", [("ring", "me", 0o664, "shared")], "ring", "writable by its group"),
    ("shared group reads", [("ring", "me", 0o640, "shared")], "ring", ""),
    ("folder of another", [("d", "other", FOLDER | 0o755), ("d/ring", "me", 0o600)], "d/ring", "folder"),
    ("folder of another, three above", [("d", "other", FOLDER | 0o755), ("d/e/f/ring", "me", 0o600)], "d/e/f/ring", "folder"),
    ("folder for everybody", [("d", "me", FOLDER | 0o777), ("d/ring", "me", 0o600)], "d/ring", "folder"),
    ("folder for everybody, above", [("d", "root", FOLDER | 0o777), ("d/e/ring", "me", 0o600)], "d/e/ring", "folder"),
    ("folder of the private group", [("d", "me", FOLDER | 0o775), ("d/ring", "me", 0o660)], "d/ring", ""),
    ("folder of a shared group", [("d", "me", FOLDER | 0o2775, "shared"), ("d/ring", "me", 0o600)], "d/ring", "its group"),
    ("root's sticky folder", [("d", "root", FOLDER | 0o1777), ("d/ring", "me", 0o600)], "d/ring", ""),
    ("root's sticky folder, root's file", [("d", "root", FOLDER | 0o1777), ("d/ring", "root", 0o644)], "d/ring", ""),
    (
        "root's sticky folder, another's file",
        [("d", "root", FOLDER | 0o1777), ("d/ring", "other", 0o644)],
        "d/ring",
        "another user",
    ),
    (
        "root's sticky folder, another's below",
        [("d", "root", FOLDER | 0o1777), ("d/e", "other", FOLDER | 0o755), ("d/e/ring", "me", 0o600)],
        "d/e/ring",
        "folder",
    ),
    ("another's sticky folder", [("d", "other", FOLDER | 0o1777), ("d/ring", "me", 0o600)], "d/ring", "folder"),
    ("own link", [("real", "me", 0o600), ("ring", "me", "real")], "ring", ""),
    ("root's link", [("real", "me", 0o600), ("ring", "root", "real")], "ring", ""),
    ("another's link", [("real", "me", 0o600), ("ring", "other", "real")], "ring", "symbolic link of another"),
    ("another's link to a folder", [("d/ring", "me", 0o600), ("e", "other", "d")], "e/ring", "symbolic link of another"),
    (
        "own link to a folder of another",
        [("d", "other", FOLDER | 0o755), ("d/ring", "me", 0o600), ("l", "me", "d")],
        "l/ring",
        "folder",
    ),
    (
        "own link in a folder for everybody",
        [("real", "me", 0o600), ("d", "me", FOLDER | 0o777), ("d/l", "me", "../real")],
        "d/l",
        "folder",
    ),
    ("own link behind another's", [("real", "me", 0o600), ("b", "other", "real"), ("ring", "me", "b")], "ring", "link of another"),
    ("through .. of a folder of another", [("d", "other", FOLDER | 0o755), ("ring", "me", 0o600)], "d/../ring", "folder"),
    (
        "a mounted secret",
        [
            ("s", "root", FOLDER | 0o1777),
            ("s/..2031", "root", FOLDER | 0o755),
            ("s/..2031/ring", "root", 0o644),
            ("s/..data", "root", "..2031"),
            ("s/ring", "root", "..data/ring"),
        ],
        "s/ring",
        "",
    ),
]


def look(path):
    """Return what is said of a file: the doubt about it as a list, or why it cannot be opened."""
    try:
        opened = ownership.open_file(path)
    except OSError as error:
        return os.strerror(error.errno)
    os.close(opened.descriptor)
    return list(opened.doubt or ("", ""))


def as_user(uid, function, *arguments, umask=0o022, cwd="/"):
    """Return what a function returns in a process of a user, who has no groups but their own.

    The process is a fork: the interpreter may lie where only root can read.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with open(reading, "rb") as answers:
            answer = answers.read()
        assert os.waitpid(child, 0)[1] == 0, answer
        return json.loads(answer)
    status = 1
    try:
        if uid != os.geteuid():
            os.setgroups([])
            os.setgid(pwd.getpwuid(uid).pw_gid)
            os.setuid(uid)
        os.umask(umask)
        os.chdir(cwd)
        os.write(writing, json.dumps(function(*arguments)).encode())
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


@pytest.fixture
def place():
    """A folder that everybody reaches, below root's sticky one."""
    path = Path(tempfile.mkdtemp(prefix="sealkit-owners-", dir="/tmp")).resolve()
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def make(place, made, me):
    os.chown(place, me, pwd.getpwuid(me).pw_gid)
    owners = {"me": me, "root": 0, "other": STRANGER}
    below = place / "x"
    below.mkdir()
    for path, *_ in made:
        (below / path).parent.mkdir(parents=True, exist_ok=True)
    for path, owner, what, *group in made:
        target = below / path
        if isinstance(what, str):
            target.symlink_to(what)
        elif what & FOLDER:
            target.mkdir(exist_ok=True)
        else:
            target.write_text("version: 1\n")
        gid = 100 if group else pwd.getpwuid(me).pw_gid if owner != "root" else 0
        os.lchown(target, owners[owner], gid)
    for path in [below, *below.rglob("*")]:
        if path.stat(follow_symlinks=False).st_uid == 0 and str(path.relative_to(below)) not in {one for one, *_ in made}:
            os.chown(path, me, pwd.getpwuid(me).pw_gid)  # folders on the way that no row speaks of
    for path, _, what, *_ in made:
        if not isinstance(what, str):
            os.chmod(below / path, stat.S_IMODE(what), follow_symlinks=True)
    return below


def is_makeable(made):
    """Tell whether this user can make a layout: a person cannot give files away."""
    return ROOT or all(owner == "me" and not group for _, owner, _, *group in made)


@pytest.mark.parametrize(("name", "made", "asked", "said"), LAYOUTS, ids=[row[0] for row in LAYOUTS])
@pytest.mark.parametrize("who", WHO)
def test_a_layout(place, who, name, made, asked, said):
    if not is_makeable(made):
        pytest.skip("only root can give files away")
    if not ROOT and "private group" in name and not has_private_group(pwd.getpwuid(os.geteuid())):
        pytest.skip("this user has no private group")
    below = make(place, made, WHO[who])
    doubt = as_user(WHO[who], look, str(below / asked))
    assert (said in doubt[0]) if said else (doubt == ["", ""]), doubt
    if said:
        assert "uid" in doubt[0]
        assert "link" in said or "mode" in doubt[0]
        assert "chmod" in doubt[1] or "chown" in doubt[1] or doubt[1] == "name the file itself"


@pytest.mark.parametrize("who", WHO)
def test_a_relative_path_counts_the_folders_above_it(place, who):
    if not ROOT:
        pytest.skip("only root can give files away")
    below = make(place, [("d", "other", FOLDER | 0o755), ("d/e/ring", "me", 0o600)], WHO[who])
    doubt = as_user(WHO[who], look, "ring", cwd=below / "d" / "e")
    assert f"the folder {below}/d above it is owned by another user (uid {STRANGER})" in doubt[0]


# --- access lists --------------------------------------------------------------------------------------------------------
def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY_ID = 0xFFFFFFFF
ACLS = [
    ("somebody reads", ((1, 6, NOBODY_ID), (2, 4, STRANGER), (4, 6, NOBODY_ID), (0x10, 6, NOBODY_ID), (0x20, 4, NOBODY_ID)), ""),
    (
        "somebody writes",
        ((1, 6, NOBODY_ID), (2, 6, STRANGER), (4, 4, NOBODY_ID), (0x10, 6, NOBODY_ID), (0x20, 4, NOBODY_ID)),
        "access list",
    ),
    (
        "a group writes",
        ((1, 6, NOBODY_ID), (4, 4, NOBODY_ID), (8, 6, 100), (0x10, 6, NOBODY_ID), (0x20, 4, NOBODY_ID)),
        "access list",
    ),
    (
        "the mask keeps it off",
        ((1, 6, NOBODY_ID), (2, 6, STRANGER), (4, 6, NOBODY_ID), (0x10, 4, NOBODY_ID), (0x20, 4, NOBODY_ID)),
        "",
    ),
]


@pytest.mark.parametrize(("name", "entries", "said"), ACLS, ids=[row[0] for row in ACLS])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_access_list(tmp_path, kind, name, entries, said):
    if not has_private_group(pwd.getpwuid(os.geteuid())):
        pytest.skip("this user has no private group")
    ring = tmp_path / "d" / "ring"
    ring.parent.mkdir()
    ring.write_text("")
    listed = ring if kind == "file" else ring.parent
    try:
        os.setxattr(
            listed, "system.posix_acl_access", acl(*((tag, rights | (kind == "folder"), who) for tag, rights, who in entries))
        )
    except OSError:
        pytest.skip("this file system keeps no access lists")
    doubt = ownership.doubt_about(ring)
    assert (said in doubt.problem) if said else (doubt is None)


# --- what a umask makes is trusted ------------------------------------------------------------------------------------------
def make_rings(folder):
    """Make a ring, change it, write another one by hand, and load both."""
    os.makedirs(f"{folder}/a/b")
    path = f"{folder}/a/b/keys.yaml"
    environ = {"X": HEX}
    ringstore.add_key(path, "k1")
    ringstore.set_attribute(path, "k1", "format", "tagged")
    written = f"{folder}/a/b/env.yaml"
    with open(written, "w") as file:
        file.write("version: 1\nprimary: k2\nkeys:\n  - {id: k2, source: {env: X, encoding: hex}}\n")
    return [KeyRing.load(path).primary.format, KeyRing.load(written, environ=environ).primary.bits]


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077, 0o027, 0o007])
@pytest.mark.parametrize("who", WHO)
def test_what_a_umask_makes(place, tmp_path, who, umask):
    assert make_rings(tmp_path) == ["tagged", 256]  # here, so that everything is imported
    if not umask & 0o020 and not has_private_group(pwd.getpwuid(WHO[who])):
        pytest.skip("this user has no private group")
    os.chown(place, WHO[who], pwd.getpwuid(WHO[who]).pw_gid)
    assert as_user(WHO[who], make_rings, str(place), umask=umask) == ["tagged", 256]


def test_a_umask_of_nothing_makes_no_ring_for_everybody(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(0o777)
    with pytest.raises(NoUsableKey, match="writable by everybody"):
        ringstore.add_key(str(tmp_path / "d" / "keys.yaml"), "k1")
    assert os.listdir(tmp_path / "d") == []


# --- nothing of a ring that is refused is used -------------------------------------------------------------------------------
def ring_that_runs(folder, mark):
    folder.mkdir(exist_ok=True)
    path = folder / "keys.yaml"
    run = f"{{command: [touch, {mark}], encoding: hex}}"
    path.write_text(
        f"version: 1\nprimary: k1\nkeys:\n  - {{id: k1, source: {run}}}\n  - {{id: k2, source: {{env: X, encoding: hex}}, mac: {run}}}\n"
        f"recipients:\n  - {{name: a, age: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudq5kxesxlu6p4'}}\n"
    )
    return path


def everybody_writes(path):
    path.chmod(0o666)


def folder_for_everybody(path):
    path.parent.chmod(0o777)


def is_anothers(path):
    os.chown(path, STRANGER, STRANGER)


def folder_is_anothers(path):
    os.chown(path.parent, STRANGER, STRANGER)


def in_a_tree(path):
    (path.parent / "sealkit.yaml").write_text("version: 1\n")


def linked_into_a_tree(path):
    """The ring is elsewhere; in the tree, where its programs would run, is a link to it."""
    real = path.with_name("real")
    real.mkdir()
    path.rename(real / "keys.yaml")
    tree = path.with_name("tree")
    tree.mkdir()
    (tree / "sealkit.yaml").write_text("version: 1\n")
    (tree / "keys.yaml").symlink_to(real / "keys.yaml")
    path.symlink_to(tree / "keys.yaml")
    return tree / "keys.yaml"


only_root = pytest.mark.skipif(not ROOT, reason="only root can give files away")
PLANTED = [
    everybody_writes,
    folder_for_everybody,
    pytest.param(is_anothers, marks=only_root),
    pytest.param(folder_is_anothers, marks=only_root),
    in_a_tree,
    linked_into_a_tree,
]
CALLS = {
    "load": lambda path: KeyRing.load(path),
    "load what is unsafe": lambda path: KeyRing.load(path, unsafe_files=True),
    "find": lambda path: KeyRing.find(path),
    "find what is unsafe": lambda path: KeyRing.find(None, {"SEALKIT_KEYS": path}, unsafe_files=True),
    "keys check": lambda path: checkup.check(path, {}),
    "doctor": lambda path: checkup.check(path, {}, costly=False),
    "keygen": lambda path: ringstore.add_wrapped(path, "k3", "k1"),
    "keys add": lambda path: ringstore.add_source(path, "k3", "{env: X, encoding: hex}"),
    "set-primary": lambda path: ringstore.set_primary(path, "k2"),
    "enable": lambda path: ringstore.set_attribute(path, "k1", "state", "enabled"),
    "rewrap": lambda path: team.rewrap(path, ("k1",)),
    "export --secret": lambda path: ringstore.export_secret(path, "k1", "hex", f"{path}.out"),
}


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("call", CALLS)
def test_a_ring_that_is_refused_runs_nothing(tmp_path, plant, call):
    mark = tmp_path / "ran"
    path = ring_that_runs(tmp_path / "rings", mark)
    path = plant(path) or path
    with pytest.raises(SealkitError):
        CALLS[call](str(path))
    assert not mark.exists()


def test_the_same_ring_runs_where_it_is_ours(tmp_path):
    path = ring_that_runs(tmp_path / "rings", tmp_path / "ran")
    with pytest.raises(NoUsableKey, match="0 bytes"):
        KeyRing.load(path)
    assert (tmp_path / "ran").exists()


# --- programs that a ring names by their path ----------------------------------------------------------------------------------
def in_a_folder_for_everybody(program):
    program.parent.chmod(0o777)


def for_everybody(program):
    program.chmod(0o777)


def a_strangers(program):
    os.chown(program, STRANGER, STRANGER)


PROGRAMS = [
    (lambda program: None, ""),
    (in_a_folder_for_everybody, "writable by everybody"),
    (for_everybody, "writable by everybody"),
    pytest.param(a_strangers, "owned by another user", marks=only_root),
]


@pytest.mark.parametrize(("plant", "said"), PROGRAMS)
@pytest.mark.parametrize("named", ["relative", "absolute"])
@pytest.mark.parametrize("source", ["command", "passphrase"])
def test_a_program_beside_the_ring(tmp_path, plant, said, named, source):
    program = tmp_path / "bin" / "key"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {HEX}\n")
    program.chmod(0o755)
    plant(program)
    path = tmp_path / "keys.yaml"
    command = f"command: [{program if named == 'absolute' else './bin/key'}]"
    cost = "kdf: pbkdf2, iterations: 1, salt: AAAAAAAAAAAAAAAAAAAAAA=="
    what = f"{{{command}, encoding: hex}}" if source == "command" else f"{{passphrase: {{{command}}}, {cost}}}"
    path.write_text(f"version: 1\nprimary: k1\nkeys:\n  - {{id: k1, source: {what}}}\n")
    if not said:
        assert KeyRing.load(path).primary.bits == 256
        return
    with pytest.raises(NoUsableKey, match=said):
        KeyRing.load(path)


# --- races ---------------------------------------------------------------------------------------------------------------------
def test_what_was_looked_at_is_what_is_read(monkeypatch, tmp_path):
    """The file is exchanged for another one right after it was opened: what is read is the one that was looked at."""
    path = tmp_path / "ring"
    path.write_text("ours")
    real = os.fstat

    def exchanging(descriptor):
        status = real(descriptor)
        if stat.S_ISREG(status.st_mode):
            (tmp_path / "other").write_text("theirs")
            os.replace(tmp_path / "other", path)
        return status

    monkeypatch.setattr(os, "fstat", exchanging)
    opened = ownership.open_file(path)
    monkeypatch.undo()
    assert os.read(opened.descriptor, 10) == b"ours"
    os.close(opened.descriptor)


def test_no_descriptor_is_left_open(tmp_path):
    path = tmp_path / "ring"
    path.write_text("")
    before = os.listdir("/proc/self/fd") if Path("/proc/self/fd").exists() else []
    for _ in range(3):
        os.close(ownership.open_file(path).descriptor)
        assert ownership.doubt_about(path) is None
        for missing in ("nothing", "ring/below", "a\0b", ""):
            with pytest.raises((OSError, ValueError)):
                ownership.open_file(str(tmp_path / missing) if missing else "")
    assert (os.listdir("/proc/self/fd") if before else []) == before


@pytest.mark.parametrize("links", [39, 40, 41, 200])
def test_links_have_an_end(tmp_path, links):
    (tmp_path / "0").write_text("")
    for number in range(links):
        (tmp_path / str(number + 1)).symlink_to(str(number))
    if links <= ownership.MOST_LINKS:
        assert ownership.doubt_about(tmp_path / str(links)) is None
        return
    with pytest.raises(OSError, match="symbolic links"):
        ownership.doubt_about(tmp_path / str(links))
