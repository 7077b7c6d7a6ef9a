"""Reading and writing files through descriptors: only regular files, never through a link, never over something."""

import errno
import os
import pickle
import resource
import signal
import socket
import stat
import traceback

import pytest

from sealkit import outfile
from sealkit.errors import IsLink, NotRegular, OverLimit, SealkitError, StoreError
from sealkit.outfile import write_new
from sealkit.trees.store import Store, read


def test_a_snapshot_says_what_the_file_was(tree):
    tree({"d/a.md": b"content\r\n"})
    os.chmod("d/a.md", 0o640)
    snapshot = read("d/a.md", "d")
    status = os.stat("d/a.md")
    assert snapshot.data == b"content\r\n"
    assert (snapshot.dev, snapshot.ino, snapshot.size) == (status.st_dev, status.st_ino, 9)
    assert (snapshot.mtime_ns, snapshot.ctime_ns) == (status.st_mtime_ns, status.st_ctime_ns)
    assert (snapshot.mode, snapshot.nlink, snapshot.uid, snapshot.gid) == (0o640, 1, status.st_uid, status.st_gid)


@pytest.mark.parametrize("size", [0, 1, 4095, 65536, 65537, 3_000_000])
def test_any_size(tree, size):
    data = os.urandom(size)
    tree({"a.md": data})
    assert read("a.md").data == data


def test_a_file_whose_size_is_not_known_before(tree):
    tree()
    assert read("/proc/self/status").data.startswith(b"Name:")
    with pytest.raises(OverLimit):
        read("/proc/self/status", limit=10)


def test_limit(tree):
    tree({"a.md": b"12345"})
    assert read("a.md", limit=5).data == b"12345"
    with pytest.raises(OverLimit) as caught:
        read("a.md", limit=4)
    assert caught.value.path == "a.md"


def test_a_file_that_grows_while_it_is_read(tree, monkeypatch):
    tree({"a.md": b"12345"})
    real = os.read

    def growing(fd, size):
        with open("a.md", "ab") as file:
            file.write(b"canary" * 20)
        return real(fd, size)

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(OverLimit) as caught:
        Store().read("a.md", limit=1000)
    trace = caught.tb.tb_next  # without this test's own frame
    shown = traceback.TracebackException(OverLimit, caught.value, trace, capture_locals=True).format()
    assert "canary" not in "".join(shown)


def test_every_way_of_naming_a_file(tree):
    root = tree({"d/e/a.md": b"1", "b.md": b"2"})
    assert read("d/e/a.md").data == b"1"
    assert read("d/e/a.md", "").data == b"1"
    assert read("d/e/a.md", "d").data == b"1"
    assert read("d//e/./a.md", "d").data == b"1"
    assert read(root + "/b.md", root).data == b"2"
    assert read(root + "/b.md", "/").data == b"2"
    assert read("./b.md").data == b"2"
    assert read("d/../b.md").data == b"2"


@pytest.mark.parametrize(
    ("path", "root"), [("d/../../x.md", "d"), ("e/a.md", "d"), ("dd/a.md", "d"), ("a.md", "d"), ("/etc/hostname", "d")]
)
def test_paths_that_lead_out_of_the_tree(tree, path, root):
    tree({"d/a.md": b"1", "e/a.md": b"2", "dd/a.md": b"", "a.md": b""})
    with pytest.raises(StoreError, match="leads out"):
        read(path, root)


def test_links_are_not_followed(tree, tmp_path):
    tree({"d/a.md": b"", "t/x.md": b""})
    os.symlink("d/a.md", "l.md")
    os.symlink("l2.md", "l2.md")
    os.symlink("/etc/hostname", "out.md")
    os.symlink("nowhere", "dangling.md")
    os.symlink("../d", "t/folder")
    for path in ("l.md", "l2.md", "out.md", "dangling.md", "t/folder/a.md"):
        with pytest.raises(IsLink) as caught:
            read(path, "")
        assert caught.value.path == path
    assert read("t/folder/a.md", "t/folder").data == b""  # who names a root vouches for the way to it


def test_only_regular_files(tree):
    tree({"folder.md/x": b""})
    os.mkfifo("fifo.md")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.md")
    cases = {"fifo.md": "a FIFO", "socket.md": "a socket", "folder.md": "a folder", "/dev/null": "a character device"}
    for path, kind in cases.items():
        with pytest.raises(NotRegular, match=kind):
            read(path)


@pytest.mark.parametrize("path", ["nope.md", "nope/a.md", "a.md/x", "x" * 300, "nul\0", "\ud800", "", "/", "..", "."])
def test_what_cannot_be_read(tree, path):
    tree({"a.md": b""})
    with pytest.raises(SealkitError) as caught:
        read(path, "")
    assert caught.value.exit_status == 4


def test_names_that_are_no_text_or_long(tree):
    tree()
    for raw in (b"caf\xe9", b"line\nbreak", b"n" * 255):
        with open(raw, "wb") as file:
            file.write(raw)
        assert read(os.fsdecode(raw), "").data == raw


def test_a_folder_that_is_replaced_between_two_reads(tree):
    tree({"d/a.md": b"old", "d/b.md": b"old"})
    with Store() as store:
        assert store.read("d/a.md", "").data == b"old"
        os.rename("d", "e")
        tree({"d/c.md": b"new"})
        assert store.read("d/c.md", "").data == b"new"
        os.rename("d", "f")
        os.symlink("f", "d")
        with pytest.raises(IsLink):
            store.read("d/b.md", "")


def test_a_store_leaves_no_descriptor_open(tree):
    tree({"d/a.md": b"", "e/b.md": b""})
    before = len(os.listdir("/proc/self/fd"))
    with Store() as store:
        for path in ("d/a.md", "e/b.md", "d/a.md"):
            store.read(path, "")
        for path in ("d/x.md", "x/a.md"):
            with pytest.raises(StoreError):
                store.read(path, "")
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("call", ["open", "fstat", "read"])
def test_errors_of_the_system_are_told(tree, monkeypatch, call):
    tree({"a.md": b"1"})

    def failing(*arguments, **options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        with Store() as store, pytest.raises(StoreError) as caught:
            store.read("a.md", "")
        patched.undo()
    assert "input/output error" in caught.value.problem
    assert caught.value.__context__ is None


def test_no_permission(tree, as_nobody):
    root = tree({"a.md": b"", "d/b.md": b"", "searched/c.md": b"c"})
    os.chmod("a.md", 0o600)
    os.chmod("d", 0o600)
    os.chmod("searched", 0o711)

    def check():
        for path in ("a.md", "d/b.md"):
            with pytest.raises(StoreError, match="permission denied"):
                read(f"{root}/{path}", root)
        assert read(f"{root}/searched/c.md", root).data == b"c"

    as_nobody(check)


def test_content_is_neither_shown_nor_pickled(tree):
    tree({"a.md": b"canary"})
    snapshot = read("a.md")
    assert "canary" not in repr(snapshot) + str(snapshot)
    with pytest.raises(TypeError):
        pickle.dumps(snapshot)


def test_write_new(tree):
    tree()
    old = os.umask(0o077)
    try:
        write_new("a.key", b"data")
        write_new("b.key", b"", mode=0o644)
    finally:
        os.umask(old)
    assert read("a.key").data == b"data"
    assert [stat.S_IMODE(os.stat(name).st_mode) for name in ("a.key", "b.key")] == [0o600, 0o644]
    assert sorted(os.listdir()) == ["a.key", "b.key"]


def test_write_new_never_over_something(tree):
    tree({"a.key": b"old", "d/x": b""})
    os.symlink("nowhere", "l.key")
    os.mkfifo("f.key")
    for path in ("a.key", "l.key", "f.key", "d"):
        with pytest.raises(StoreError, match="exists already"):
            write_new(path, b"new")
    assert read("a.key").data == b"old"
    assert sorted(os.listdir()) == ["a.key", "d", "f.key", "l.key"]


@pytest.mark.parametrize("path", ["no/such.key", "", "nul\0", "x" * 300, "a.md/x", "\ud800"])
def test_write_new_where_it_cannot(tree, path):
    tree({"a.md": b""})
    with pytest.raises(StoreError):
        write_new(path, b"canary")
    assert os.listdir() == ["a.md"]


@pytest.mark.parametrize("call", ["open", "write", "fchmod", "fsync", "link", "close"])
def test_write_new_leaves_nothing_when_it_fails(tree, monkeypatch, call):
    tree()
    real = getattr(os, call)

    def failing(*arguments, **options):
        if call == "close":
            real(*arguments, **options)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        with pytest.raises((StoreError, OSError)) as caught:
            write_new("a.key", b"canary")
    if call != "close":
        assert isinstance(caught.value, StoreError)
        assert "no space left" in caught.value.problem
    assert os.listdir() == [] or call in {"fsync", "close"}


def test_write_new_where_there_are_no_hard_links(tree, monkeypatch):
    tree({"old.key": b"old"})

    def unsupported(*arguments, **options):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", unsupported)
    write_new("a.key", b"data")
    assert read("a.key").data == b"data"
    with pytest.raises(StoreError, match="exists already"):
        write_new("old.key", b"new")
    monkeypatch.setattr(outfile, "write_all", unsupported)
    with pytest.raises(StoreError):
        write_new("b.key", b"data")
    assert sorted(os.listdir()) == ["a.key", "old.key"]


def test_short_writes_are_continued(tree, monkeypatch):
    tree()
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:3])))
    write_new("a.key", b"0123456789")
    assert read("a.key").data == b"0123456789"


def test_a_file_size_limit_is_an_error_and_leaves_nothing(tree, forked):
    tree()

    def check():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(StoreError, match="file too large"):
            write_new("a.key", b"x" * 2000)
        assert os.listdir() == []

    forked(check)
