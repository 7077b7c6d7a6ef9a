"""What keeps files from being replaced is said before a rotation writes anything: all of it, with what to do; and then nothing has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import needs
import pytest
from desk import ROOT as CLONE
from warm import where_things_are

pytestmark = pytest.mark.thorough  # each run is a start of Python, as somebody else

FAILED = 4
PERSON, OTHER = 1000, 1234
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw+ep, as setcap(8) writes it


def sealed(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(CLONE / "tests" / "records" / "article.md", path)
    path.chmod(0o644)


# --- what is in the way, and how it is taken out of it -----------------------------------------------------------------
@contextmanager
def mode(path, bits):
    before = path.stat().st_mode & 0o7777
    path.chmod(bits)
    yield
    path.chmod(before)


@contextmanager
def owner(path, uid, gid, bits=None):
    before = path.stat()
    os.chown(path, uid, gid)
    path.chmod(before.st_mode & 0o7777 if bits is None else bits)
    yield
    os.chown(path, before.st_uid, before.st_gid)
    path.chmod(before.st_mode & 0o7777)


@contextmanager
def flag(path, letter):
    needs.demand_program("chattr")
    if subprocess.run(["chattr", f"+{letter}", path], check=False, capture_output=True).returncode:
        pytest.skip(f"NOT TESTED: chattr +{letter} is not possible here")
    try:
        yield
    finally:
        subprocess.run(["chattr", f"-{letter}", path], check=True)


@contextmanager
def capability(path):
    os.setxattr(path, "security.capability", CAPABILITY)
    yield
    os.removexattr(path, "security.capability")


class Case(NamedTuple):
    """What is done to ``c/d`` or the record in it, what must be said of it, and what is advised; whether root is kept from it, too."""

    spoil: object
    says: str
    advises: str
    stops_root: bool = False
    takes_root: bool = True


def on_both(folder, record):
    """A folder where everybody may write and only the owners may remove, and a record of somebody else in it."""

    @contextmanager
    def spoil(yard):
        with owner(yard / folder, 0, 0, 0o1777), owner(yard / record, OTHER, PERSON):
            yield

    return spoil


FOLDER, RECORD = "c/d", "c/d/e.md"
CASES = {
    "a read-only folder": Case(lambda y: mode(y / FOLDER, 0o555), "may not be written", "chmod u+wx the folder", takes_root=False),
    "a closed folder": Case(lambda y: mode(y / FOLDER, 0o511 | 0o444), "may not be written", "chmod u+wx", takes_root=False),
    "another's folder": Case(lambda y: owner(y / FOLDER, OTHER, OTHER), "of uid 1234", "run it as the folder's owner"),
    "root's folder": Case(lambda y: owner(y / FOLDER, 0, 0, 0o755), "of uid 0", "run it as the folder's owner"),
    "an immutable folder": Case(lambda y: flag(y / FOLDER, "i"), "its folder is immutable", "chattr -i", stops_root=True),
    "an append-only folder": Case(lambda y: flag(y / FOLDER, "a"), "its folder is append-only", "chattr -a", stops_root=True),
    "an immutable file": Case(lambda y: flag(y / RECORD, "i"), "the file is immutable", "chattr -i", stops_root=True),
    "an append-only file": Case(lambda y: flag(y / RECORD, "a"), "the file is append-only", "chattr -a", stops_root=True),
    "a sticky folder": Case(on_both(FOLDER, RECORD), "its folder is sticky", "uid 1234"),
    "another's file": Case(lambda y: owner(y / RECORD, OTHER, PERSON), "its owner cannot be kept", "uid 1234"),
    "root's file": Case(lambda y: owner(y / RECORD, 0, 0), "its owner cannot be kept", "uid 0"),
    "another group's file": Case(lambda y: owner(y / RECORD, PERSON, OTHER), "its group cannot be kept", "chgrp"),
    "a file that runs with rights": Case(lambda y: capability(y / RECORD), "'security.capability' cannot be kept", "as root"),
}


class Yard:
    """A tree of four records that a person owns, where that person can get at it."""

    def __init__(self, place, wrap):
        self.path, self.wrap = place / "tree", wrap
        for name in ("a.md", "b/c.md", RECORD, "z.md"):
            sealed(self.path / name)
        shutil.copy(CLONE / "keys.example", place / "keys.yaml")
        (place / "keys.yaml").chmod(0o644)
        if needs.ROOT:
            for path in (self.path, *self.path.rglob("*")):
                os.chown(path, PERSON, PERSON)
        self.keys = str(place / "keys.yaml")

    def run(self, *args, as_root=False):
        environment = {"PATH": os.environ["PATH"], "HOME": "/", "SEALKIT_KEYS": self.keys, "PYTHONPATH": where_things_are()[1]}
        command = [*([] if as_root else self.wrap), sys.executable, "-m", "sealkit", *args, "."]
        return subprocess.run(command, cwd=self.path, env=environment, check=False, capture_output=True, text=True)

    def state(self):
        """Every file of the tree: content, inode and times; but for what is sealkit's own."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            if ".sealkit" not in path.parts and path.is_file():
                status = path.stat()
                found[str(path)] = (path.read_bytes(), status.st_ino, status.st_mtime_ns)
        return found


@pytest.fixture
def yard():
    wrap = ("setpriv", f"--reuid={PERSON}", f"--regid={PERSON}", "--clear-groups") if needs.ROOT else ()
    if wrap:
        needs.demand_program("setpriv")
    place = Path(tempfile.mkdtemp(prefix="sealkit-yard-"))
    try:
        place.chmod(0o755)
        made = Yard(place, wrap)
        if made.run("--version").returncode:
            pytest.skip("NOT TESTED: another user cannot run the Python of these tests")
        yield made
    finally:
        with suppress(OSError):
            shutil.rmtree(place)


def spoilt(yard, case):
    if case.takes_root and not needs.ROOT:
        pytest.skip("only root can put this in the way")
    return case.spoil(yard.path)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_is_said_before_anything_is_written(yard, case):
    before = yard.state()
    with spoilt(yard, case):
        ran = yard.run("rotate", "--to", "k1")
        assert ran.returncode == FAILED, ran
        assert [line for line in ran.stderr.splitlines() if RECORD in line and case.says in line], ran.stderr
        assert case.advises in ran.stderr, ran.stderr
        assert "nothing was changed" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert yard.state() == before
    ran = yard.run("rotate", "--to", "k1")
    assert ran.returncode == 0, ran
    assert "4 rotated" in ran.stderr


@needs.root("can put them in the way")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_root_is_told_of_what_stops_root(yard, case):
    before = yard.state()
    with spoilt(yard, case):
        ran = yard.run("rotate", "--to", "k1", as_root=True)
        assert ran.returncode == (FAILED if case.stops_root else 0), ran
        assert (yard.state() == before) == case.stops_root
        assert not case.stops_root or (RECORD in ran.stderr and case.says in ran.stderr and case.advises in ran.stderr)


@needs.root("can put them in the way")
def test_all_of_it_is_said_at_once(yard):
    before = yard.state()
    with owner(yard.path / "a.md", OTHER, OTHER), mode(yard.path / "b", 0o555), owner(yard.path / RECORD, PERSON, OTHER):
        ran = yard.run("rotate", "--to", "k1")
        assert ran.returncode == FAILED, ran
        for name, says in (("a.md", "its owner"), ("b/c.md", "may not be written"), (RECORD, "its group")):
            assert [line for line in ran.stderr.splitlines() if name in line and says in line], (name, ran.stderr)
        assert "z.md" not in ran.stderr
        assert yard.state() == before
        ran = yard.run("rotate", "--to", "k1", "--partial")
        assert ran.returncode == FAILED, ran
        changed = {name for name, one in yard.state().items() if one != before[name]}
        assert [Path(name).name for name in changed] == ["z.md"]


@needs.root("can put them in the way")
def test_what_need_not_be_written_is_in_nobodys_way(yard):
    assert yard.run("rotate", "--to", "k1").returncode == 0
    with owner(yard.path / "a.md", OTHER, OTHER), mode(yard.path / "b", 0o555):
        ran = yard.run("rotate", "--to", "k1")
    assert ran.returncode == 0, ran
    assert "4 unchanged" in ran.stderr


def test_a_folder_of_a_read_only_file_system(yard):
    needs.demand_namespace()
    before = yard.state()
    script = 'mount --bind c/d c/d && mount -o remount,ro,bind c/d && cd . && exec "$@"'
    yard.wrap = ("unshare", *(("-m",) if needs.ROOT else ("-Urm",)), "sh", "-c", script, "sh")
    ran = yard.run("rotate", "--to", "k1")
    assert ran.returncode == FAILED, ran
    assert RECORD in ran.stderr
    assert "mounted read-only" in ran.stderr
    assert yard.state() == before


def test_nothing_is_left_over_where_all_is_well(yard):
    assert yard.run("rotate", "--to", "k1").returncode == 0
    assert not list(yard.path.rglob(".sealkit-tmp-*"))
