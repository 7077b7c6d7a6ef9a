"""Folders in memory for payloads: made only where nobody else has a hand in them, and removed without following anything.

As root and as a person (whom root becomes in a process of its own); ``victim`` is what must stay, whatever is set up.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import traceback
from pathlib import Path

import pytest

from sealkit.desk import scratch
from sealkit.errors import StoreError

PERSON, MALLORY = 12345, 54321
DEAD = "sealkit-desk-0123456789abcdef"
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="NOT TESTED: only root sets up what other users own")
WHO = [pytest.param(os.geteuid(), id="me"), *([pytest.param(PERSON, id="person")] if IS_ROOT else [])]


class House:
    """A folder with a ``place`` for scratch folders and a ``victim`` with a file eight levels deep, both of one user."""

    def __init__(self, root, uid, monkeypatch):
        self.root, self.uid = root, uid
        self.place, self.victim = root / "place", root / "victim"
        deep = self.victim / "/".join("1234567")
        for folder in (self.place, deep):
            folder.mkdir(parents=True)
        self.place.chmod(0o700)
        (deep / "file").write_bytes(b"to stay")
        (self.victim / "file").write_bytes(b"to stay, too")
        self.give(root)
        monkeypatch.setattr(scratch, "_IN_MEMORY", scratch._IN_MEMORY | {kind_of(root)})
        monkeypatch.setattr(scratch, "_SHARED_MEMORY", str(root / "nowhere"))
        monkeypatch.setattr(scratch, "_TEMPORARY", str(root / "nowhere"))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(self.place))
        monkeypatch.setenv("TMPDIR", str(self.place))
        self.before = self.stands()

    def give(self, path, uid=None):
        """Give a path and all below it to a user."""
        for folder, names, files in os.walk(path):
            for name in [".", *names, *files]:
                os.lchown(os.path.join(folder, name), self.uid if uid is None else uid, -1)

    def dead(self, place=None, uid=None, mode=0o700, **files):
        """A scratch folder that a killed process left, with files in it."""
        folder = (place or self.place) / DEAD
        folder.mkdir(mode=0o700)
        for name, data in (files or {"payload.txt": b"a payload"}).items():
            (folder / name).write_bytes(data)
        self.give(folder, uid)
        folder.chmod(mode)
        return folder

    def stands(self):
        return {str(path): path.read_bytes() for path in sorted(self.victim.rglob("file"))}

    def run(self, job):
        """Do a job as the user, and return what it returns, as text."""
        return job() if self.uid == os.geteuid() else as_user(self.uid, job)

    def sweep(self):
        return self.run(scratch.sweep)


def kind_of(path):
    """The kind of the file system that a path is on."""
    device = os.stat(path).st_dev
    for line in Path("/proc/self/mountinfo").read_bytes().split(b"\n"):
        before, _, after = line.partition(b" - ")
        if before.split()[2:3] == [f"{os.major(device)}:{os.minor(device)}".encode()]:
            return os.fsdecode(after.split()[0])
    return "unknown"


def as_user(uid, job):
    """Call a function in a process without root's rights; return the list or text that it returns."""
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        said = ""
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            said = json.dumps(job())
        finally:
            os.write(sender, (said or traceback.format_exc()).encode())
            os._exit(0 if said else 1)
    os.close(sender)
    with open(receiver) as file:
        said = file.read()
    assert os.waitpid(child, 0)[1] == 0, said
    return json.loads(said)


@pytest.fixture(params=WHO)
def house(request, monkeypatch):
    root = Path(tempfile.mkdtemp(prefix="sealkit-scratch-test-", dir="/tmp"))
    root.chmod(0o755)
    yield House(root, request.param, monkeypatch)
    shutil.rmtree(root)


def made():
    """Where a scratch folder is made, and whether it goes."""
    try:
        with scratch.Scratch() as folder:
            path = folder.path
            folder.write("payload.txt", b"x")
            assert folder.read(os.path.join(path, "payload.txt")) == b"x"
        assert not os.path.lexists(path)
    except StoreError as error:
        return error.problem
    return path


def test_a_place_of_our_own(house):
    assert house.run(made).startswith(str(house.place))
    folder = house.dead()
    assert house.sweep() == [str(folder)]
    assert not os.path.lexists(folder)


def test_what_links_in_it_lead_to_stays(house):
    folder = house.dead()
    for name, target in (("link", house.victim), ("file", house.victim / "file"), ("up", ".."), ("nowhere", "/nonexistent")):
        (folder / name).symlink_to(target)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "link").symlink_to(house.victim)
    os.link(house.victim / "file", folder / "another name")
    os.mkfifo(folder / "fifo")
    house.give(folder)
    assert house.sweep() == [str(folder)]
    assert not os.path.lexists(folder)
    assert house.stands() == house.before


# --- places of others ----------------------------------------------------------------------------------------------------
def owned_by_another(house):
    house.dead(uid=house.uid)
    os.chown(house.place, MALLORY, -1)


def writable_by_everybody(house):
    house.dead()
    house.place.chmod(0o777)


def writable_by_a_group(house):
    house.dead()
    os.chown(house.place, -1, MALLORY)
    house.place.chmod(0o770)


def below_a_folder_of_another(house):
    above = house.root / "mallory"
    (above / "run").mkdir(parents=True)
    house.give(above / "run")
    house.dead(above / "run")
    os.chown(above, MALLORY, -1)
    os.environ["XDG_RUNTIME_DIR"] = os.environ["TMPDIR"] = str(above / "run")


def below_a_folder_that_all_can_write(house):
    below_a_folder_of_another(house)
    os.chown(house.root / "mallory", house.uid, -1)
    (house.root / "mallory").chmod(0o777)


def a_link_of_another(house):
    house.victim.joinpath(DEAD).mkdir(mode=0o700)
    house.victim.joinpath(DEAD, "file").write_bytes(b"to stay")
    house.give(house.victim)
    link = house.root / "link"
    link.symlink_to(house.victim)
    os.lchown(link, MALLORY, -1)
    os.environ["XDG_RUNTIME_DIR"] = os.environ["TMPDIR"] = str(link)
    house.before = house.stands()


def a_link_of_another_on_the_way(house):
    a_link_of_another(house)
    (house.victim / "run").mkdir()
    (house.victim / DEAD).rename(house.victim / "run" / DEAD)
    house.give(house.victim)
    os.environ["XDG_RUNTIME_DIR"] = os.environ["TMPDIR"] = str(house.root / "link" / "run")
    house.before = house.stands()


FOREIGN = [owned_by_another, writable_by_everybody, writable_by_a_group, below_a_folder_of_another]
FOREIGN += [below_a_folder_that_all_can_write, a_link_of_another, a_link_of_another_on_the_way]


@needs_root
@pytest.mark.parametrize("layout", FOREIGN, ids=lambda layout: layout.__name__)
def test_nothing_is_made_or_removed_in_a_place_that_others_have_a_hand_in(house, layout):
    layout(house)
    everything = sorted(map(str, house.root.rglob("*")))
    assert house.sweep() == []
    assert house.run(scratch.left) == []
    assert "no folder in memory" in house.run(made)
    assert sorted(map(str, house.root.rglob("*"))) == everything
    assert house.stands() == house.before


@pytest.mark.parametrize("place", ["", ".", "place", "/nonexistent", "/dev/null", "/proc/self/mountinfo", "a\nb", "/" + "x" * 5000])
def test_a_place_that_is_none(house, place, monkeypatch):
    monkeypatch.chdir(house.root)
    monkeypatch.setenv("XDG_RUNTIME_DIR", place)
    monkeypatch.setenv("TMPDIR", str(house.root / "nowhere"))
    folder = house.dead()
    assert house.sweep() == []
    assert folder.exists()
    assert "no folder in memory" in house.run(made)


# --- folders that are not ours to remove ---------------------------------------------------------------------------------
def a_link(house):
    (house.place / DEAD).symlink_to(house.victim)
    house.give(house.place)


def a_file(house):
    (house.place / DEAD).write_bytes(b"")
    house.give(house.place)


def a_fifo(house):
    os.mkfifo(house.place / DEAD)
    house.give(house.place)


def open_to_others(house):
    house.dead(mode=0o755)


def of_another_name(house):
    house.dead().rename(house.place / "sealkit-desk")


def of_another_user(house):
    house.dead(uid=MALLORY)


def of_a_living_process(house):
    import fcntl

    house.held = os.open(house.dead(), os.O_RDONLY)
    fcntl.flock(house.held, fcntl.LOCK_EX)


KEPT = [a_link, a_file, a_fifo, open_to_others, of_another_name, of_a_living_process]
KEPT += [pytest.param(of_another_user, marks=needs_root)]


@pytest.mark.parametrize("layout", KEPT, ids=lambda layout: getattr(layout, "__name__", None))
def test_what_is_no_dead_folder_of_ours_stays(house, layout):
    layout(house)
    everything = sorted(map(str, house.root.rglob("*")))
    assert house.sweep() == []
    assert sorted(map(str, house.root.rglob("*"))) == everything
    assert house.stands() == house.before


def test_what_is_too_deep_stays_and_is_said(house):
    folder = house.dead()
    (folder / "/".join("123456789")).mkdir(parents=True)
    house.give(folder)
    house.sweep()
    assert house.run(scratch.left) == [str(folder)]


@needs_root
def test_a_sticky_folder_of_roots_is_a_place(house, monkeypatch):
    os.chown(house.place, 0, 0)
    house.place.chmod(0o1777)
    mallorys = house.place / (DEAD + "00")
    mallorys.mkdir(mode=0o700)
    os.chown(mallorys, MALLORY, -1)
    assert house.run(made).startswith(str(house.place))
    folder = house.dead()
    assert house.sweep() == [str(folder)]
    assert mallorys.exists()


@needs_root
def test_root_does_not_go_by_the_runtime_folder_of_another(house, monkeypatch):
    """As under ``sudo -E``: a folder of root's in it, which its owner may exchange for a link."""
    if house.uid != 0:
        pytest.skip("of root alone")
    os.chown(house.place, PERSON, PERSON)
    folder = house.dead()
    assert house.sweep() == []
    assert folder.exists()


# --- races -----------------------------------------------------------------------------------------------------------------
def swapping(monkeypatch, call, at, swap):
    """Have something done just before the first call of a function of ``os`` on a name."""
    real = getattr(os, call)
    done = []

    def wrapped(path, *args, **more):
        if not done and os.fspath(path) == at:
            done.append(swap())
        return real(path, *args, **more)

    monkeypatch.setattr(os, call, wrapped)
    return done


@pytest.mark.parametrize("call", ["open", "rmdir"])
@pytest.mark.parametrize("name", [DEAD, "inside"])
def test_what_is_exchanged_for_a_link_meanwhile_is_not_followed(house, monkeypatch, call, name):
    folder = house.dead()
    (folder / "inside").mkdir()
    (folder / "inside" / "file").write_bytes(b"x")
    house.give(folder)
    target = folder if name == DEAD else folder / "inside"

    def swap():
        target.rename(house.root / "moved")
        target.symlink_to(house.victim)
        return True

    if house.uid != os.geteuid():
        os.chown(house.root, house.uid, -1)
    done = swapping(monkeypatch, call, name, swap)
    house.sweep()
    assert house.uid != os.geteuid() or done
    assert house.stands() == house.before


def test_a_thousand_exchanges_while_it_is_swept(house):
    """Somebody of the same user exchanges the folder for a link and back, all the time."""
    os.chown(house.root, house.uid, -1)
    (house.root / "link").symlink_to(house.victim)
    swapper = os.fork()
    if not swapper:
        aside = house.root / "aside"
        while True:
            try:
                (house.place / DEAD).rename(aside)
                (house.root / "link").rename(house.place / DEAD)
                (house.place / DEAD).rename(house.root / "link")
                aside.rename(house.place / DEAD)
            except OSError:
                continue
    try:
        for _ in range(300):
            try:
                folder = house.dead()
                (folder / "deeper").mkdir()
                house.give(folder)
            except OSError:
                pass
            scratch.sweep()
    finally:
        os.kill(swapper, signal.SIGKILL)
        os.waitpid(swapper, 0)
    assert house.stands() == house.before
