"""The tree's lock: one writer at a time, nothing made by readers, no way through a link."""

import os
import signal
import subprocess
import sys

import pytest

from sealkit.errors import HardLinked, IsLink, NotRegular, StoreError, TreeBusy
from sealkit.trees.lock import lock


def test_one_writer_at_a_time(tree, forked):
    root = tree()

    def busy():
        with pytest.raises(TreeBusy) as caught, lock(root):
            pass
        assert caught.value.exit_status == 75
        assert f"process {holder} on {os.uname().nodename}" in caught.value.problem
        with pytest.raises(TreeBusy), lock(root, shared=True):
            pass

    holder = os.getpid()
    with lock(root) as held:
        assert held.held
        forked(busy)
    with lock(root):
        pass


def test_readers_share_and_keep_writers_out(tree, forked):
    root = tree()
    with lock(root):
        pass

    def other():
        with lock(root, shared=True) as held:
            assert held.held
        with pytest.raises(TreeBusy), lock(root):
            pass

    with lock(root, shared=True):
        forked(other)


def test_the_lock_file_stays_and_git_does_not_see_it(tree, git):
    tree()
    git("init", "-q")
    with lock(""):
        assert sorted(os.listdir(".sealkit")) == [".gitignore", "lock"]
        assert git("status", "--porcelain", "--untracked-files=all") == b""
        with open(".sealkit/lock") as file:
            assert file.read() == f"{os.getpid()} {os.uname().nodename}\n"
    assert os.path.exists(".sealkit/lock")


def test_readers_and_single_files_make_nothing(tree):
    root = tree({"a.md": b""})
    for options in ({"shared": True}, {"create": False}, {"shared": True, "create": False}):
        with lock(root, **options) as held:
            assert not held.held
    assert os.listdir() == ["a.md"]
    os.mkdir(".sealkit")
    with lock(root, create=False) as held:
        assert held.held
        with pytest.raises(TreeBusy), lock(root):
            pass


def test_the_kernel_frees_the_lock_of_a_killed_process(tree):
    root = tree()
    code = (
        "import sys, time; from sealkit.trees.lock import lock\nwith lock(sys.argv[1]): print('held', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", code, root], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(TreeBusy, match=f"process {process.pid} "), lock(root):
            pass
        process.send_signal(signal.SIGKILL)
    with lock(root):
        pass


def test_nothing_is_made_or_written_through_links(tree, tmp_path):
    root = tree({"other/lock": b"precious"})
    os.symlink("other", ".sealkit")
    with pytest.raises(IsLink), lock(root):
        pass
    with pytest.raises(IsLink), lock(root, shared=True):
        pass
    assert os.listdir("other") == ["lock"]
    os.unlink(".sealkit")
    os.mkdir(".sealkit")
    os.symlink("../other/lock", ".sealkit/lock")
    with pytest.raises(IsLink), lock(root):
        pass
    with open("other/lock", "rb") as file:
        assert file.read() == b"precious"


def test_a_lock_that_is_another_file_too(tree):
    root = tree({"precious": b"all of it", ".sealkit/x": b""})
    os.link("precious", ".sealkit/lock")
    with pytest.raises(HardLinked), lock(root):
        pass
    with open("precious", "rb") as file:
        assert file.read() == b"all of it"


def test_other_kinds_in_the_way(tree):
    root = tree({".sealkit": b""})
    with pytest.raises(StoreError), lock(root):
        pass
    os.unlink(".sealkit")
    os.mkdir(".sealkit")
    os.mkfifo(".sealkit/lock")
    with pytest.raises(NotRegular), lock(root):
        pass


def test_a_lock_file_with_anything_in_it(tree, forked):
    root = tree({".sealkit/lock": b"\x1b[31m" * 100})

    def busy():
        with pytest.raises(TreeBusy) as caught, lock(root):
            pass
        assert caught.value.problem == "another sealkit is at work in this tree"

    with lock(root, shared=True):
        forked(busy)


def test_a_tree_that_cannot_be_written(tree, as_nobody):
    root = tree()

    def check():
        with pytest.raises(StoreError, match="permission denied"), lock(root):
            pass
        with lock(root, shared=True) as held:
            assert not held.held

    as_nobody(check)
    with pytest.raises(StoreError, match="no such file"), lock(root + "/nowhere"):
        pass
