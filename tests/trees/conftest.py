"""What the tests of the trees room share: a tree made from a dict, a git work tree, a process without root's rights."""

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def tree(tmp_path, monkeypatch):
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
    """Run Python code in a process without root's rights; it fails when the code does. Skips where the tests are not root."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give up its rights in a child process")

    def run(code, *arguments):
        for folder in (tmp_path, *tmp_path.parents):
            if not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
        text = "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n" + textwrap.dedent(code)
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return subprocess.run(
            [sys.executable, "-c", text, *arguments],
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
