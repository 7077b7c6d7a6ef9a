"""Records replaced on the disk: whole, durable, with everything kept, and no one's save lost."""

import ctypes
import errno
import itertools
import os
import pickle
import random
import resource
import signal
import stat
import struct
import subprocess
import sys
import threading
import time

import needs
import pytest

from sealkit.errors import ChangedUnderneath, HardLinked, IsLink, NotRegular, SealkitError, StoreError, TreeBusy
from sealkit.trees import kernel
from sealkit.trees.lock import share_folder
from sealkit.trees.replace import FOLDERS, GROUP, Options, Write, commit, replace_one
from sealkit.trees.store import read

NEVER = Options(syncfs_from=10**9)
ALWAYS = Options(syncfs_from=1)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data, root=""):
    return Write(path, read(path, root), data, root=root)


def names():
    return sorted(os.path.relpath(os.path.join(top, name)) for top, _, files in os.walk(".") for name in files)


def replaced(path, data=b"new", options=NEVER):
    (committed,) = commit([write(path, data)], options)
    assert committed.path == path
    return committed.problem


@pytest.mark.parametrize("options", [NEVER, ALWAYS])
def test_records_are_replaced_and_nothing_else_is_left(tree, options):
    files = {f"{folder}/{index}.md": b"old\r\n" for folder in "abc" for index in range(100)}
    tree({**files, "d.md": b"other"})
    results = commit([write(path, path.encode()) for path in files], options)
    assert [item.path for item in results] == list(files)
    assert not [item for item in results if item.problem]
    assert names() == sorted([*files, "d.md"])
    assert all(content(path) == path.encode() for path in files)
    assert len(files) > GROUP


def test_nothing_to_do():
    assert commit([]) == []


def test_without_a_root_the_folder_is_trusted(tree):
    root = tree({"a.md": b"old", "d/b.md": b"old"})
    for path in ("a.md", root + "/a.md", "d/b.md", "./d/b.md"):
        replace_one(Write(path, read(path), b"new " + path.encode()))
        assert content(path) == b"new " + path.encode()


def test_the_record_is_another_file_afterwards_and_its_time_changes(tree):
    tree({"a.md": b"old", "b.md": b"old"})
    for path in ("a.md", "b.md"):
        os.utime(path, ns=(1, 2))
    inode = os.stat("a.md").st_ino
    assert replaced("a.md") is None
    assert os.stat("a.md").st_ino != inode
    assert os.stat("a.md").st_mtime_ns > 2
    assert replaced("b.md", options=Options(keep_mtime=True)) is None
    assert (os.stat("b.md").st_mtime_ns, os.stat("b.md").st_atime_ns >= 1) == (2, True)


# --- what is kept ----------------------------------------------------------------------------------------------------
def test_every_mode_is_kept(tree):
    tree()
    writes = []
    for mode in range(0o400, 0o1000):
        path = f"{mode:o}.md"
        with open(path, "wb") as file:
            file.write(b"old")
        os.chmod(path, mode)
        writes.append(write(path, b"new"))
    assert not [item for item in commit(writes) if item.problem]
    assert [stat.S_IMODE(os.stat(item.path).st_mode) for item in writes] == list(range(0o400, 0o1000))
    for mode in (0o4755, 0o2755, 0o1644, 0o6711):
        os.chmod("644.md", mode)
        assert replaced("644.md") is None
        assert stat.S_IMODE(os.stat("644.md").st_mode) == mode


def test_the_new_content_is_never_readable_by_more_people(tree, monkeypatch):
    tree({"a.md": b"old"})
    os.chmod("a.md", 0o600)
    old = os.umask(0)
    modes = []
    real = os.write

    def watching(fd, data):
        modes.append(stat.S_IMODE(os.fstat(fd).st_mode))
        return real(fd, data)

    monkeypatch.setattr(os, "write", watching)
    try:
        assert replaced("a.md") is None
    finally:
        os.umask(old)
    assert modes == [0o600]


@needs.root("gives files away")
def test_owner_and_group_are_kept(tree):
    tree({"a.md": b"old", "d/b.md": b"old"})
    os.chown("a.md", 12345, 23456)
    os.chmod("a.md", 0o4640)
    os.chmod("d", 0o2775)
    os.chown("d", 0, 34567)
    os.chown("d/b.md", 0, 0)
    for path, expected in (("a.md", (12345, 23456, 0o4640)), ("d/b.md", (0, 0, 0o644))):
        os.chmod(path, expected[2])
        assert replaced(path) is None
        status = os.stat(path)
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == expected


def test_an_owner_that_cannot_be_kept_is_an_error(tree, as_nobody):
    root = tree({"a.md": b"old", "b.md": b"old"})
    os.chmod(".", 0o777)
    os.chmod("a.md", 0o666)
    os.chown("b.md", 65534, 65534)

    def check():
        os.chdir(root)
        problem = replaced("a.md")
        assert (problem.problem, problem.hint) == (
            "its owner cannot be kept; nothing was changed",
            "run it as the file's owner, uid 0",
        )
        assert replaced("b.md") is None

    as_nobody(check)
    assert (content("a.md"), content("b.md")) == (b"old", b"new")
    assert names() == ["a.md", "b.md"]


def test_a_group_that_cannot_be_kept_is_named(tree, as_nobody):
    root = tree({"a.md": b"old"})
    os.chmod(".", 0o777)
    os.chown("a.md", 65534, 0)

    def check():
        os.chdir(root)
        problem = replaced("a.md")
        assert problem.problem == "its group cannot be kept; nothing was changed"
        assert (
            problem.hint
            == "it is of group 0, which you are not in: give it one of yours with chgrp, or run it as somebody in that group"
        )

    as_nobody(check)
    assert content("a.md") == b"old"


def test_extended_attributes_are_kept(tree):
    tree({"a.md": b"old"})
    try:
        os.setxattr("a.md", "user.note", b"\0binary\xff")
    except OSError as error:
        pytest.skip(f"NOT TESTED: no user attributes on this file system: {error}")
    os.setxattr("a.md", "user.other", b"")
    assert replaced("a.md") is None
    assert {name: os.getxattr("a.md", name) for name in os.listxattr("a.md")} == {"user.note": b"\0binary\xff", "user.other": b""}


def test_an_attribute_that_cannot_be_kept_is_an_error(tree, monkeypatch):
    tree({"a.md": b"old"})
    os.setxattr("a.md", "user.note", b"x")

    def refusing(*arguments, **options):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "setxattr", refusing)
    problem = replaced("a.md")
    assert "'user.note' cannot be kept (operation not permitted)" in problem.problem
    assert content("a.md") == b"old"
    assert names() == ["a.md"]


def acl(*entries):
    """An ACL as the kernel takes it (linux/posix_acl_xattr.h): entries of tag, permissions and id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NO_ID = 0xFFFFFFFF
NAMED_READER = acl((0x01, 6, NO_ID), (0x02, 4, 65534), (0x04, 0, NO_ID), (0x10, 4, NO_ID), (0x20, 0, NO_ID))


def test_acls_are_kept_and_those_of_the_folder_not_taken_over(tree):
    tree({"d/a.md": b"old", "d/b.md": b"old"})
    os.chmod("d/b.md", 0o604)
    try:
        os.setxattr("d/a.md", "system.posix_acl_access", NAMED_READER)
        os.setxattr("d", "system.posix_acl_default", NAMED_READER)
    except OSError as error:
        pytest.skip(f"NOT TESTED: no ACLs on this file system: {error}")
    mode = os.stat("d/a.md").st_mode
    assert replaced("d/a.md") is None
    assert replaced("d/b.md") is None
    assert os.getxattr("d/a.md", "system.posix_acl_access") == NAMED_READER
    assert os.stat("d/a.md").st_mode == mode
    assert os.listxattr("d/b.md") == []
    assert stat.S_IMODE(os.stat("d/b.md").st_mode) == 0o604


def test_immutable_files_and_folders_are_errors(tree):
    needs.demand_program("chattr")
    tree({"a.md": b"old", "d/b.md": b"old"})
    for path, name in (("a.md", "a.md"), ("d", "d/b.md")):
        if subprocess.run(["chattr", "+i", path], capture_output=True, check=False).returncode:
            pytest.skip("NOT TESTED: chattr +i is not possible here")
        try:
            problem = replaced(name)
        finally:
            subprocess.run(["chattr", "-i", path], check=True)
        assert "operation not permitted" in problem.problem
        assert content(name) == b"old"
    assert names() == ["a.md", "d/b.md"]


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [NEVER, ALWAYS])
def test_one_failure_does_not_touch_the_others(tree, options):
    tree({f"{index}.md": b"old" for index in range(6)})
    writes = [write(f"{index}.md", b"new") for index in range(6)]
    os.unlink("1.md")
    os.link("2.md", "2b.md")
    os.unlink("3.md")
    os.symlink("0.md", "3.md")
    os.unlink("4.md")
    os.mkfifo("4.md")
    kinds = [type(item.problem) for item in commit(writes, options)]
    assert kinds == [type(None), ChangedUnderneath, HardLinked, IsLink, NotRegular, type(None)] or kinds[4] is ChangedUnderneath
    assert [content(f"{index}.md") for index in (0, 2, 5)] == [b"new", b"old", b"new"]
    assert not [name for name in os.listdir() if name.startswith(".sealkit")]
    assert not os.path.exists("1.md")


def test_hard_links(tree):
    tree({"a.md": b"old"})
    os.link("a.md", "b.md")
    assert isinstance(replaced("a.md"), HardLinked)
    assert replaced("a.md", options=Options(break_hardlinks=True)) is None
    assert (content("a.md"), content("b.md")) == (b"new", b"old")


@pytest.mark.parametrize("change", ["content", "append", "rename", "touch", "mode"])
def test_changes_since_the_record_was_read(tree, change):
    tree({"a.md": b"old"})
    prepared = write("a.md", b"new")
    if change == "content":
        time.sleep(0.02)
        tree({"a.md": b"odd"})
    elif change == "append":
        tree({"a.md": b"old!"})
    elif change == "rename":
        tree({"b.md": b"old"})
        os.rename("b.md", "a.md")
    elif change == "touch":
        os.utime("a.md", ns=(1, 1))
    else:
        os.chmod("a.md", 0o600)
    before = content("a.md")
    (committed,) = commit([prepared])
    if change == "mode":  # kept, not refused
        assert committed.problem is None
        assert stat.S_IMODE(os.stat("a.md").st_mode) == 0o600
    else:
        assert isinstance(committed.problem, ChangedUnderneath)
        assert content("a.md") == before
    assert names() == ["a.md"]


def test_the_same_record_twice_in_one_call(tree):
    tree({"a.md": b"old"})
    first, second = commit([write("a.md", b"one"), write("a.md", b"two")])
    assert first.problem is None
    assert isinstance(second.problem, ChangedUnderneath)
    assert content("a.md") == b"one"
    assert names() == ["a.md"]


def test_a_folder_that_became_a_link_is_never_written_through(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_bytes(b"old")
    tree({"d/a.md": b"old"})
    for root in ("", None):
        prepared = Write("d/a.md", read("d/a.md", root), b"new", root=root)
        os.rename("d", "e")
        os.symlink(outside, "d")
        mtime = outside.stat().st_mtime_ns
        (committed,) = commit([prepared])
        assert isinstance(committed.problem, IsLink if root == "" else ChangedUnderneath)
        assert os.listdir(outside) == ["a.md"]
        assert outside.stat().st_mtime_ns == mtime  # not even a temporary file
        os.unlink("d")
        os.rename("e", "d")


def race_of_a_folder_and_a_link(tmp_path, rounds):
    """Swap a folder and a link to one outside all the time while records below it are replaced, until either was met, and often."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_bytes(b"outside")
    os.symlink(outside, "link")
    stop = threading.Event()

    def swap():
        here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        pause = random.Random(1)
        while not stop.is_set():
            kernel.exchange(here, "d", "link")
            time.sleep(pause.choice((0, 0, 0, 0.001, 0.004)))  # or both threads may go in step, and one of the states is never met
        os.close(here)

    swapper = threading.Thread(target=swap)
    swapper.start()
    mtime = outside.stat().st_mtime_ns
    outcomes = []
    ends = time.monotonic() + 60
    try:
        while len(outcomes) < rounds or (len(set(outcomes)) < 2 and time.monotonic() < ends):
            try:
                replace_one(write("d/a.md", b"%d" % len(outcomes)))
                outcomes.append("done")
            except StoreError as error:
                outcomes.append(error.code)
    finally:
        stop.set()
        swapper.join()
    assert (outside / "a.md").read_bytes() == b"outside"
    assert outside.stat().st_mtime_ns == mtime
    assert os.listdir(outside) == ["a.md"]
    assert {"done", "link"} <= set(outcomes)


def test_race_of_a_folder_and_a_link(tree, tmp_path):
    tree({"d/a.md": b"old"})
    race_of_a_folder_and_a_link(tmp_path, 400)


@pytest.mark.faults
def test_race_of_a_folder_and_a_link_in_full(tree, tmp_path):
    tree({"d/a.md": b"old"})
    race_of_a_folder_and_a_link(tmp_path, 10_000)


# --- an editor at the same time --------------------------------------------------------------------------------------
EDITOR = """
import os, random, sys, time
style, saves = sys.argv[1], int(sys.argv[2])
choice = random.Random(1)
for index in range(1, saves + 1):
    time.sleep(choice.random() * 0.005)
    text = b"save %06d " % index + b"x" * 3000
    if style == "rename":
        with open("a.md~", "wb") as file:
            file.write(text)
        os.rename("a.md~", "a.md")
    else:
        fd = os.open("a.md", os.O_WRONLY | os.O_TRUNC)
        os.write(fd, text[:1000])
        os.write(fd, text[1000:])
        os.close(fd)
    with open("a.md", "rb") as file:
        seen = file.read()
    if b"save %06d " % index not in seen:  # rewritten, but never without what was saved
        deadline = time.time() + 2
        while b"save %06d " % index not in seen and time.time() < deadline:
            with open("a.md", "rb") as file:
                seen = file.read()
        if b"save %06d " % index not in seen:
            print("LOST", index, seen[:40])
            sys.exit(1)
"""


def edit_while_replacing(style, saves):
    """Save in one process, with a counter in the text; put a prefix before the text in this one, and take it away."""
    counts = {"done": 0, "changed_underneath": 0}
    with subprocess.Popen([sys.executable, "-c", EDITOR, style, str(saves)], stdout=subprocess.PIPE) as editor:
        while editor.poll() is None:
            snapshot = read("a.md")
            text = snapshot.data
            if not text.endswith(b"x" * 3000):  # between an editor's truncation and its last write
                continue
            new = text[2:] if text.startswith(b"* ") else b"* " + text
            (committed,) = commit([Write("a.md", snapshot, new)], NEVER)
            counts[committed.problem.code if committed.problem else "done"] += 1
        said = editor.stdout.read()
    assert editor.returncode == 0, said
    assert b"save %06d " % saves in content("a.md")
    assert names() == ["a.md"]
    return counts


@pytest.mark.parametrize("style", ["rename", "truncate"])
def test_no_save_of_an_editor_is_lost(tree, style):
    tree({"a.md": b"save 000000 " + b"x" * 3000})
    counts = edit_while_replacing(style, 1000)
    assert counts["done"]
    assert counts["changed_underneath"]


@pytest.mark.parametrize("saves", [1, 2, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("style", ["rename", "truncate", "remove"])
def test_saves_at_the_worst_moments(tree, monkeypatch, style, moment, saves):
    """Save just before or just after one of our exchanges, the first, second and third time one happens."""
    tree({"a.md": b"old"})
    real = kernel.exchange
    counter = itertools.count(1)
    saved = []

    def save():
        number = len(saved) + 1
        saved.append(number)
        if style == "remove":
            os.unlink("a.md")
            return
        path = "b.md" if style == "rename" else "a.md"
        with open(path, "wb") as file:
            file.write(b"save %d" % number)
        if style == "rename":
            os.rename(path, "a.md")

    def exchanging(*arguments):
        due = next(counter) <= saves and os.path.exists("a.md")
        if due and moment == "before":
            save()
        real(*arguments)
        if due and moment == "after":
            save()

    monkeypatch.setattr(kernel, "exchange", exchanging)
    prepared = write("a.md", b"new")
    (committed,) = commit([prepared], NEVER)
    if style == "remove":
        assert names() == []
        assert isinstance(committed.problem, ChangedUnderneath) == (moment == "before")
        return
    assert content("a.md") == b"save %d" % len(saved)
    assert isinstance(committed.problem, ChangedUnderneath) == (moment == "before")
    assert names() == ["a.md"]


def test_a_save_into_the_new_file_of_the_same_size_and_time(tree, monkeypatch):
    """An exchange is undone while an editor has saved into our file in place, with nothing but the content changed."""
    tree({"a.md": b"old"})
    real = kernel.exchange
    counter = itertools.count()

    def exchanging(*arguments):
        if next(counter) == 0:
            tree({"b.md": b"one"})
            os.rename("b.md", "a.md")
            real(*arguments)
            status = os.stat("a.md")
            tree({"a.md": b"two"})
            os.utime("a.md", ns=(status.st_atime_ns, status.st_mtime_ns))
        else:
            real(*arguments)

    monkeypatch.setattr(kernel, "exchange", exchanging)
    assert isinstance(replaced("a.md", b"new"), ChangedUnderneath)
    assert content("a.md") == b"two"
    assert names() == ["a.md"]


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_record_that_somebody_has_open_for_writing(tree, monkeypatch, when):
    """What they write later is not lost, although nothing in the file tells that they will."""
    tree({"a.md": b"old"})
    real = kernel.exchange
    opened = []

    def exchanging(*arguments):
        if not opened:
            opened.append(os.open("a.md", os.O_WRONLY))
        real(*arguments)

    if when == "before":
        opened.append(os.open("a.md", os.O_WRONLY | os.O_APPEND))
    monkeypatch.setattr(kernel, "exchange", exchanging)
    assert isinstance(replaced("a.md"), ChangedUnderneath)
    os.write(opened[0], b"save")
    os.close(opened[0])
    assert content("a.md") == {"before": b"oldsave", "between": b"save"}[when]
    assert names() == ["a.md"]
    assert replaced("a.md") is None


def test_a_lease_stops_who_wants_to_write(tree):
    tree({"a.md": b"old"})
    fd = os.open("a.md", os.O_RDONLY)
    lease = kernel.Lease(fd)
    assert not lease.is_refused
    assert not lease.is_asked_for()
    writer = threading.Thread(target=lambda: tree({"a.md": b"new"}))
    writer.start()
    deadline = time.monotonic() + 20
    while not lease.is_asked_for() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert lease.is_asked_for()
    assert content("a.md") == b"old"
    os.close(fd)
    writer.join()
    assert content("a.md") == b"new"


def test_a_mode_changed_in_the_last_moment_is_not_lost(tree, monkeypatch):
    tree({"a.md": b"old"})
    real = kernel.exchange

    def exchanging(*arguments):
        os.chmod("a.md", 0o600)
        monkeypatch.setattr(kernel, "exchange", real)
        real(*arguments)

    monkeypatch.setattr(kernel, "exchange", exchanging)
    assert isinstance(replaced("a.md"), ChangedUnderneath)
    assert stat.S_IMODE(os.stat("a.md").st_mode) == 0o600
    assert content("a.md") == b"old"


@pytest.mark.parametrize("number", sorted(kernel.UNSUPPORTED))
def test_without_the_exchange(tree, monkeypatch, number):
    tree({"a.md": b"old", "b.md": b"old"})

    def unsupported(*arguments):
        tree({"b.md": b"saved"})
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(kernel, "exchange", unsupported)
    assert replaced("a.md") is None
    assert content("a.md") == b"new"
    assert isinstance(replaced("b.md") if number == errno.ENOSYS else ChangedUnderneath(problem=""), ChangedUnderneath | None)
    tree({"b.md": b"old"})
    assert isinstance(replaced("b.md"), ChangedUnderneath)
    assert content("b.md") == b"saved"
    assert names() == ["a.md", "b.md"]


def test_the_exchange_is_the_kernels(tree):
    tree({"a": b"1", "b": b"2"})
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        kernel.exchange(here, "a", "b")
        assert (content("a"), content("b")) == (b"2", b"1")
        with pytest.raises(FileNotFoundError):
            kernel.exchange(here, "a", "c")
        kernel.syncfs(here)
    finally:
        os.close(here)
    with pytest.raises(OSError, match="Bad file"):
        kernel.syncfs(-1)


def test_a_c_library_without_the_calls(tree, monkeypatch):
    """As with musl: ``renameat2`` goes by its number, and without ``syncfs`` each file is synced."""
    tree({"a.md": b"old"})
    real = ctypes.CDLL(None, use_errno=True)

    class Poor:
        syscall = real.syscall

    kernel._call.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda *arguments, **options: Poor)
    try:
        assert replaced("a.md", options=ALWAYS) is None
        monkeypatch.setattr(kernel, "_RENAMEAT2", {})
        kernel._call.cache_clear()
        assert replaced("a.md", b"newer", options=ALWAYS) is None
    finally:
        kernel._call.cache_clear()
    assert content("a.md") == b"newer"


# --- faults ----------------------------------------------------------------------------------------------------------
CALLS = ["open", "fstat", "write", "fchmod", "listxattr", "fsync", "rename", "unlink", "read"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EMFILE])
@pytest.mark.parametrize("call", CALLS)
def test_an_error_of_each_system_call_in_turn(tree, call, number):
    """Whatever fails: no exception but ours, each record old or new, and what is called done is new."""
    for at in range(1, 60):
        tree({"a.md": b"old", "b.md": b"old"})
        writes = [write(path, b"new") for path in ("a.md", "b.md")]
        with pytest.MonkeyPatch.context() as patched:
            counter = fail_at(patched, call, number, at)
            results = commit(writes, NEVER)
        assert {content("a.md"), content("b.md")} <= {b"old", b"new"}
        for item in results:
            assert item.problem is None or isinstance(item.problem, SealkitError)
            assert item.problem is not None or content(item.path) == b"new", (call, at)
        if next(counter) < at + 1:
            break
        for name in os.listdir():
            if name.startswith(".sealkit-tmp-"):
                assert call in {"unlink", "lstat", "read", "open", "fstat"}, (call, at, name)
                os.unlink(name)
    assert 1 < at < 59


def fail_at(patched, call, number, at):
    real = getattr(os, call)
    counter = itertools.count(1)

    def failing(*arguments, **options):
        if next(counter) == at:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    patched.setattr(os, call, failing)
    return counter


@pytest.mark.parametrize("failing", ["first", "second", "both"])
def test_syncfs_that_fails_falls_back_to_each_file(tree, monkeypatch, failing):
    tree({"a.md": b"old", "b.md": b"old"})
    counter = itertools.count(1)
    synced = []
    real = os.fsync

    def syncfs(fd):
        if failing == "both" or next(counter) == {"first": 1, "second": 2}[failing]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(kernel, "syncfs", syncfs)
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), real(fd)))
    assert [item.problem for item in commit([write(path, b"new") for path in ("a.md", "b.md")], ALWAYS)] == [None, None]
    assert len(synced) == {"first": 2, "second": 1, "both": 3}[failing]


def test_only_what_is_synced_is_done(tree, monkeypatch):
    tree({"a.md": b"old", "d/b.md": b"old"})
    bad = os.stat("d").st_ino
    real = os.fsync

    def fsync(fd):
        if os.fstat(fd).st_ino == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    first, second = commit([write(path, b"new") for path in ("a.md", "d/b.md")], NEVER)
    assert first.problem is None
    assert "may not survive a power cut" in second.problem.problem
    assert content("d/b.md") == b"new"


def test_order_of_syncs_and_renames(tree, monkeypatch):
    tree({"a.md": b"old", "b.md": b"old"})
    events = []
    for module, call in ((os, "fsync"), (os, "rename"), (os, "unlink"), (kernel, "exchange")):
        real = getattr(module, call)

        def noted(*arguments, real=real, call=call, **options):
            kind = "folder" if call == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else call
            events.append(kind)
            return real(*arguments, **options)

        monkeypatch.setattr(module, call, noted)
    commit([write(path, b"new") for path in ("a.md", "b.md")], NEVER)
    assert events == ["fsync", "fsync", "rename", "exchange", "rename", "exchange", "unlink", "unlink", "folder"]


@pytest.mark.parametrize("call", ["open", "write", "fchmod", "fsync", "rename", "exchange", "read", "unlink"])
@pytest.mark.parametrize("after", [False, True])
def test_an_interruption_anywhere_leaves_records_whole(tree, call, after):
    for at in range(1, 60):
        tree({"a.md": b"old", "b.md": b"old"})
        writes = [write(path, b"new") for path in ("a.md", "b.md")]
        module = kernel if call == "exchange" else os
        real = getattr(module, call)
        counter = itertools.count(1)

        def interrupted(*arguments, real=real, counter=counter, at=at, **options):
            due = next(counter) == at
            if due and not after:
                raise KeyboardInterrupt
            result = real(*arguments, **options)
            if due:
                raise KeyboardInterrupt
            return result

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, call, interrupted)
            try:
                commit(writes, NEVER)
            except KeyboardInterrupt:
                pass
            else:
                break
        assert {content("a.md"), content("b.md")} <= {b"old", b"new"}
        left = [name for name in os.listdir() if name.startswith(".sealkit")]
        assert not left or (call == "open" and after), (at, left)
        for name in left:
            os.unlink(name)
    assert at > 1


def test_a_disk_that_fills_up(tree, tmp_path):
    """Every size of a small tmpfs: each record old or new, and the reason told."""
    code = """
import os, subprocess, sys
from sealkit.trees.replace import Write, commit
from sealkit.trees.store import read
seen = set()
for pages in range(10, 60, 3):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * 4096}", "none", "."], check=True)
    os.chdir(os.getcwd())
    paths = [f"{index}.md" for index in range(8)]
    for path in paths:
        with open(path, "wb") as file:
            file.write(b"old" * 1000)
    results = commit([Write(path, read(path), b"new" * 3000) for path in paths])
    for item in results:
        with open(item.path, "rb") as file:
            data = file.read()
        assert data == (b"new" * 3000 if item.problem is None else b"old" * 1000), (pages, item)
        seen.add(item.problem and item.problem.problem)
    assert sorted(os.listdir()) == sorted(paths)
    os.chdir("/")
    subprocess.run(["umount", sys.argv[1]], check=True)
    os.chdir(sys.argv[1])
print(sorted(seen, key=str))
"""
    needs.demand_namespace()
    root = tree()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = ["unshare", "-Urm", sys.executable, "-c", code, root]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[None, 'cannot be replaced: no space left on device']\n"


def test_a_read_only_file_system(tree):
    code = """
import subprocess, sys
from sealkit.trees.replace import Write, commit
from sealkit.trees.store import read
subprocess.run(["mount", "-o", "remount,ro", "."], check=True)
(item,) = commit([Write("a.md", read("a.md"), b"new")])
print(item.problem.problem)
"""
    needs.demand_namespace()
    root = tree()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    script = f"mount -t tmpfs none '{root}' && cd '{root}' && echo old >a.md && exec {sys.executable} -c '{code}'"
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "cannot be replaced: read-only file system\n", done.stderr


def test_a_file_size_limit(tree, forked):
    tree({"a.md": b"old", "b.md": b"old"})

    def check():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        first, second = commit([write("a.md", b"x" * 2000), write("b.md", b"new")])
        assert "file too large" in first.problem.problem
        assert second.problem is None

    forked(check)
    assert (content("a.md"), content("b.md")) == (b"old", b"new")
    assert names() == ["a.md", "b.md"]


def test_more_files_than_descriptors(tree, forked):
    files = {f"{index}.md": b"old" for index in range(100)}
    tree(files)

    def check():
        writes = [write(path, b"new") for path in files]
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        assert {item.problem for item in commit(writes)} == {None}

    forked(check)
    assert {content(path) for path in files} == {b"new"}


def test_more_folders_than_are_open_at_once(tree):
    files = {f"{index}/a.md": b"old" for index in range(2 * FOLDERS + 10)}
    tree(files)
    assert {item.problem for item in commit([write(path, b"new") for path in files])} == {None}
    assert {content(path) for path in files} == {b"new"}


@pytest.mark.parametrize("count", [3, 40])
def test_what_must_be_on_the_disk_before(tree, monkeypatch, count):
    """The other file is synced after the new content is written and before the first record is replaced, whichever way."""
    files = {f"{index}.md": b"old" for index in range(count)}
    tree(files | {"journal": b"what will be done"})
    calls = []
    real_exchange, real_syncfs, real_fsync = kernel.exchange, kernel.syncfs, os.fsync
    monkeypatch.setattr(kernel, "exchange", lambda *args: (calls.append("exchange"), real_exchange(*args))[1])
    monkeypatch.setattr(kernel, "syncfs", lambda fd: (calls.append("journal"), real_syncfs(fd))[1])
    journal = os.open("journal", os.O_RDWR)
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("journal" if fd == journal else "fsync"), real_fsync(fd))[1])
    assert {item.problem for item in commit([write(path, b"new") for path in files], also=journal)} == {None}
    os.close(journal)
    assert calls.index("journal") < calls.index("exchange")
    assert calls.count("exchange") == count


def test_nothing_is_replaced_if_that_fails(tree, monkeypatch):
    tree({"a.md": b"old"})
    read_end, write_end = os.pipe()  # cannot be synced
    (committed,) = commit([write("a.md", b"new")], also=write_end)
    assert committed.problem.code == "journal"
    assert content("a.md") == b"old"
    assert names() == ["a.md"]
    os.close(read_end)
    os.close(write_end)


def test_too_few_descriptors(tree, forked):
    files = {f"{index}/a.md": b"old" for index in range(100)}
    tree(files)

    def check():
        writes = [write(path, b"new") for path in files]
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        results = commit(writes)
        assert any(item.problem for item in results)
        for item in results:
            assert content(item.path) == (b"old" if item.problem else b"new")
            assert not item.problem or "too many open files" in item.problem.problem

    forked(check)


def test_a_folder_that_somebody_tidies_up_is_waited_for(tree, monkeypatch):
    import fcntl

    tree({"a.md": b"old", "b.md": b"old"})
    folder = os.open(".", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    first, second = commit([write("a.md", b"new"), write("b.md", b"new")])
    assert isinstance(first.problem, TreeBusy)
    assert isinstance(second.problem, TreeBusy)
    monkeypatch.setattr(time, "sleep", lambda _: fcntl.flock(folder, fcntl.LOCK_UN))
    assert replaced("a.md") is None
    share_folder(folder, ".")
    os.close(folder)


def test_names_that_are_no_text_or_long(tree):
    tree()
    for raw in (b"caf\xe9", b"line\nbreak", b"n" * 255, b"-rf", b"$(x)"):
        with open(raw, "wb") as file:
            file.write(b"old")
        assert replaced(os.fsdecode(raw)) is None
        assert content(raw) == b"new"


def test_descriptors_are_closed(tree):
    tree({f"{folder}/a.md": b"old" for folder in "abc"})
    before = len(os.listdir("/proc/self/fd"))
    commit([write(f"{folder}/a.md", b"new") for folder in "abc"])
    commit([Write("x/a.md", read("a/a.md"), b"")])
    assert len(os.listdir("/proc/self/fd")) == before


def test_content_is_neither_shown_nor_pickled(tree):
    tree({"a.md": b"canary"})
    prepared = write("a.md", b"canary")
    assert "canary" not in repr(prepared)
    with pytest.raises(TypeError):
        pickle.dumps(prepared)
    os.link("a.md", "b.md")
    with pytest.raises(HardLinked) as caught:
        replace_one(prepared)
    assert caught.tb.tb_next.tb_next is None  # nothing below the public function
