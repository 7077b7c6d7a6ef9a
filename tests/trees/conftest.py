"""What the tests of the trees room share: a tree made from a dict, a git work tree, a process without root's rights."""

import importlib
import os
import subprocess
import traceback

import pytest

NOBODY = 65534
importlib.import_module("ctypes")  # children without rights could not import it later


@pytest.fixture
def removed(tmp_path):
    """Remove the tree when all that was patched is as before, by a program that no depth stops, as it does pytest when that tidies up."""
    yield
    subprocess.run(["rm", "-rf", tmp_path / "tree"], check=False, capture_output=True)


@pytest.fixture
def tree(removed, tmp_path, monkeypatch):
    """Make files from {path: bytes} below the working folder, which is empty at first, and return its path as text."""
    root = tmp_path / "tree"
    root.mkdir()
    monkeypatch.chdir(root)

    def make(files=None):
        for path, data in (files or {}).items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return str(root)

    return make


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Run git in the working folder without anybody's settings; return what it prints."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)
        return done.stdout

    return run


@pytest.fixture
def as_nobody(tmp_path):
    """Call a function in a process without root's rights, and fail when it does. Skips where the tests are not root."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give up its rights in a child process")
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)

    def drop_rights_and_call(function):
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        function()

    return lambda function: in_child(lambda: drop_rights_and_call(function))


@pytest.fixture
def forked():
    """Call a function in a child process, and fail when it does."""
    return in_child


def in_child(function):
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        said = b""
        try:
            function()
        except BaseException:  # told to the parent
            said = traceback.format_exc().encode()
        os.write(sender, said[:60000])
        os._exit(0)
    os.close(sender)
    with open(receiver, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    assert not said, said
