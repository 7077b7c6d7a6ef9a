"""What files were in a git revision: their content, and their names before they were renamed."""

import os
import subprocess

import pytest

from sealkit.errors import Usage
from sealkit.trees.revision import Revision


def git(*args):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", *args]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture
def repository(tree):
    tree({"a.md": b"one\n" * 20, "d/b c.md": b"two", "gone.md": b"three", "bin.md": bytes(range(256))})
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    git("mv", "a.md", "d/new.md")
    with open("d/b c.md", "wb") as file:
        file.write(b"changed")
    os.unlink("gone.md")
    with open("later.md", "wb") as file:
        file.write(b"later")


def test_content_is_that_of_the_revision(repository):
    with Revision("HEAD", ".") as revision:
        for path, data in (("d/b c.md", b"two"), ("./d/../d/b c.md", b"two"), ("gone.md", b"three"), ("bin.md", bytes(range(256)))):
            assert revision.content(path) == data
        for path in ("later.md", "d/new.md", "d", "nowhere/x.md", "line\nbreak.md", "../outside.md"):
            assert revision.content(path) is None
        assert revision.content(os.path.abspath("bin.md")) == bytes(range(256))


def test_renames_are_followed(repository):
    with Revision("HEAD", "d") as revision:
        name, data = revision.content_before_rename("d/new.md")
        assert (os.path.relpath(name), data) == ("a.md", b"one\n" * 20)
        assert revision.content_before_rename("bin.md")[1] == bytes(range(256))
        assert revision.content_before_rename("later.md") is None


def test_a_forked_process_asks_a_git_of_its_own(repository):
    with Revision("HEAD", ".") as revision:
        assert revision.content("gone.md") == b"three"
        pid = os.fork()
        if not pid:
            os._exit(0 if revision.content("d/b c.md") == b"two" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert revision.content("gone.md") == b"three"


@pytest.mark.parametrize("name", ["nowhere", "--all", "-p", "", "HEAD:a.md", "HEAD^{tree}"])
def test_no_such_revision(repository, name):
    with pytest.raises(Usage, match="no revision"):
        Revision(name, ".")


def test_not_in_a_work_tree(tree):
    tree({"a.md": b"one"})
    with pytest.raises(Usage, match="not in a git work tree"):
        Revision("HEAD", ".")
