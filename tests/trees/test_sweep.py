"""What a killed process leaves behind: removed when it is ours or old, put back when it is somebody's save."""

import itertools
import os
import signal

import pytest

from sealkit.trees import kernel, swap
from sealkit.trees.lock import share_folder
from sealkit.trees.replace import Options, Write, commit
from sealkit.trees.store import read
from sealkit.trees.sweep import sweep

RENAME = os.rename
OPTIONS = Options(syncfs_from=10**9)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def temps():
    return [name for name in os.listdir() if name.startswith(".sealkit-tmp-")]


def killed(at, save=None):
    """Replace a.md and b.md in a child that is killed before its ``at``-th call; ``save`` runs just before the first exchange."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        writes = [Write(path, read(path), b"new") for path in ("a.md", "b.md")]
        counter, saved = itertools.count(1), []
        for module, call in [(os, name) for name in ("open", "write", "fchmod", "fsync", "rename", "unlink", "lstat")] + [
            (kernel, "exchange")
        ]:
            real = getattr(module, call)

            def counted(*arguments, real=real, call=call, **options):
                if next(counter) == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                if call == "exchange" and save and not saved:
                    saved.append(True)
                    save()
                return real(*arguments, **options)

            setattr(module, call, counted)
        commit(writes, OPTIONS)
    finally:
        os._exit(0)


def test_kill_at_every_call(tree):
    for at in range(1, 100):
        tree({"a.md": b"old", "b.md": b"old"})
        if not killed(at):
            break
        assert {content("a.md"), content("b.md")} <= {b"old", b"new"}
        left = len(temps())
        swept = sweep("")
        assert (swept.removed, swept.restored, swept.problems) == (left, 0, ())
        assert sorted(os.listdir()) == ["a.md", "b.md"]
        assert {content("a.md"), content("b.md")} <= {b"old", b"new"}
    assert at > 20


@pytest.mark.parametrize("style", ["rename", "truncate"])
def test_a_save_survives_a_kill_at_every_call(tree, style):
    """The save comes between our check and our exchange, and then we die: what came out of the exchange is the only copy."""
    restored = 0

    def save():
        path = "saved" if style == "rename" else "a.md"
        with open(path, "wb") as file:
            file.write(b"somebody's save")
        if style == "rename":
            RENAME(path, "a.md")

    for at in range(1, 100):
        tree({"a.md": b"old", "b.md": b"old"})
        done = not killed(at, save)
        was_saved = content("a.md") == b"somebody's save" or any(content(name) == b"somebody's save" for name in temps())
        swept = sweep("")
        restored += swept.restored
        assert not swept.problems
        assert content("a.md") == b"somebody's save" if was_saved else content("a.md") in {b"old", b"new"}
        assert sorted(os.listdir()) == ["a.md", "b.md"]
        if done:
            break
    assert restored
    assert at > 20


def test_a_version_whose_place_is_taken_is_kept_and_told(tree):
    tree({"a.md": b"new"})
    new = swap.Mark.of(os.stat("a.md"))
    name = swap.marked(".sealkit-tmp-0123456789abcdef", swap.Mark(1, 2, 3), new)
    tree({name: b"somebody's save", "a.md": b"and another, since"})
    swept = sweep("")
    assert (swept.removed, swept.restored) == (0, 0)
    (problem,) = swept.problems
    assert problem.path == name
    assert "compare it" in problem.hint
    assert content(name) == b"somebody's save"


def test_only_our_own_regular_files(tree):
    ours = ".sealkit-tmp-0123456789abcdef"
    tree({".sealkit-tmp-notes.txt": b"mine", "d/" + ours: b"", ".hidden/" + ours: b"", "x" + ours: b"", ".git/" + ours: b""})
    os.symlink("x", ours)
    os.mkdir("e")
    os.mkfifo("e/" + ours)
    swept = sweep(".")
    assert (swept.removed, swept.restored, swept.problems) == (2, 0, ())
    assert sorted(os.listdir()) == sorted([".git", ".hidden", ours, ".sealkit-tmp-notes.txt", "d", "e", "x" + ours])
    assert os.listdir("d") == os.listdir(".hidden") == []


def test_files_of_a_living_process_are_left_alone(tree, forked):
    root = tree({"d/.sealkit-tmp-0123456789abcdef": b"", "e/.sealkit-tmp-0123456789abcdef": b""})
    folder = os.open("d", os.O_RDONLY)
    share_folder(folder, "d")
    forked(lambda: check_left_alone(root))
    os.close(folder)
    assert sweep(root).removed == 1


def check_left_alone(root):
    assert sweep(root).removed == 1
    assert os.listdir("d")
    assert not os.listdir("e")


def test_what_cannot_be_removed_is_told(tree, as_nobody):
    root = tree({"d/.sealkit-tmp-0123456789abcdef": b"", "closed/x": b""})
    os.chmod("closed", 0)

    def check():
        swept = sweep(root)
        assert swept.removed == 0
        (problem,) = swept.problems
        assert "permission denied" in problem.problem
        assert problem.path == root + "/d/.sealkit-tmp-0123456789abcdef"

    as_nobody(check)


@pytest.mark.parametrize(
    "name",
    [
        "a.md",
        ".sealkit-tmp-",
        ".sealkit-tmp-0123456789abcdeg",
        ".sealkit-tmp-0123456789abcdef-1.2.3",
        ".sealkit-tmp-0123456789abcdef.md",
    ],
)
def test_names_that_are_not_ours(name):
    assert not swap.is_ours(name)
    assert swap.marks(name) is None


def test_marks_survive_their_name():
    old, new = swap.Mark(1, 0, 2**63), swap.Mark(2**64 - 1, 5, (1 << 64) - 7)
    name = swap.marked(".sealkit-tmp-0123456789abcdef", old, new)
    assert swap.is_ours(name)
    assert swap.marks(name) == (old, new)
    assert len(name) < 255
    assert swap.marks(".sealkit-tmp-0123456789abcdef-..1..-1.2.3") is None
