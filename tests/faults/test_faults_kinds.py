"""F10: links and special files where records are expected: named, never followed, never written; the rest is done."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess

import needs
import pytest
from fault_tree import Tree, three

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

FAILED, FOUND, DONE = 4, 1, 0
VERBS = {
    "rotate": ("rotate", "--partial", "tree"),
    "seal": ("seal", "tree"),
    "verify": ("verify", "tree"),
    "decrypt": ("decrypt", "--json", "tree"),
}
ROOT = os.geteuid() == 0


def link(target):
    def make(path, outside):
        path.symlink_to(target.format(outside=outside))

    return make


def fifo(path, outside):
    os.mkfifo(path)


def socket_file(path, outside):
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        listening.bind(f"/proc/self/fd/{here}/{path.name}")  # a path of any length
        os.close(here)


def device(path, outside):
    if not ROOT:
        pytest.skip("NOT TESTED: only root makes device nodes")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


ODD = {
    "a link to a file outside": link("{outside}/secret.md"),
    "a link to a folder outside": link("{outside}"),
    "a link upwards": link(".."),
    "a FIFO": fifo,
    "a socket": socket_file,
    "a device": device,
}
IN_THE_TREE = {
    "a link to a record": link("article.md"),
    "a link to nothing": link("nothing.md"),
    "a link to itself": link("odd.md"),
    "a link to a folder": link("deeper"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("odd", [*ODD, *IN_THE_TREE])
def test_is_named_and_the_rest_is_done(place, odd, verb):
    tree = Tree(place, three()).make(None if verb == "seal" else "k1")
    outside = place.path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_bytes(b"---\nsecured: nobody may touch this\n---\n")
    made = tree.root / "odd.md"
    {**ODD, **IN_THE_TREE}[odd](made, outside)
    before = os.lstat(made)
    run = place.run(*VERBS[verb])
    if odd in IN_THE_TREE:  # what it leads to is looked at where it is
        assert run.status == DONE, run
        assert ("1 link" in run.err) == (verb in {"rotate", "verify", "seal"}), run
    else:
        assert run.status == (FOUND if odd.startswith("a link") else FAILED), run
        assert b"odd.md" in run.out + run.err.encode(), run
    assert "Traceback" not in run.err, run
    now = os.lstat(made)
    assert (now.st_ino, now.st_mode, now.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert (outside / "secret.md").read_bytes() == b"---\nsecured: nobody may touch this\n---\n"
    assert os.listdir(outside) == ["secret.md"]
    if verb in {"rotate", "seal"}:
        tree.check_complete("k2")
    else:
        tree.check_complete("k1")
        assert run.out.count(b'"status": "decrypted"') == (4 if verb == "decrypt" else 0)
    tree.check_tidy()


@pytest.mark.parametrize("verb", ["rotate", "seal"])
def test_several_names(place, verb):
    tree = Tree(place, three()).make("k1" if verb == "rotate" else None)
    article, other = tree.root / "article.md", place.path / "other.md"
    os.link(article, other)
    old = other.read_bytes()
    run = place.run(*VERBS[verb])
    assert run.status == FAILED, run
    assert "article.md" in run.err
    assert article.read_bytes() == other.read_bytes() == old
    assert set(tree.keys().values()) == {"k1" if verb == "rotate" else None, "k2"}
    run = place.run(*VERBS[verb][:-1], "--break-hardlinks", "tree")
    assert run.status == DONE, run
    assert other.read_bytes() == old
    assert article.stat().st_nlink == 1
    tree.check_complete("k2")


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_with_a_record_s_name(place, verb):
    tree = Tree(place, three()).make(None if verb == "seal" else "k1")
    (tree.root / "folder.md").mkdir()
    shutil.copy(tree.root / "article.md", tree.root / "folder.md" / "inner.md")
    assert place.run(*VERBS[verb]).status == DONE
    if verb in {"rotate", "seal"}:
        inner = (tree.root / "folder.md" / "inner.md").read_bytes()
        assert tree.sources[0].keys(inner) == ["k2"]


@needs.root("mounts another file system")
@pytest.mark.parametrize("verb", VERBS)
def test_another_file_system(place, verb):
    tree = Tree(place, three()).make(None if verb == "seal" else "k1")
    mounted = tree.root / "mounted"
    mounted.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "none", mounted], check=False, capture_output=True)
    if mount.returncode:
        pytest.skip(f"NOT TESTED: cannot mount: {mount.stderr.decode()}")
    try:
        shutil.copy(tree.root / "article.md", mounted / "inner.md")
        old = (mounted / "inner.md").read_bytes()
        run = place.run(*VERBS[verb])
        assert run.status == FAILED, run
        assert b"mounted" in run.out + run.err.encode()
        assert (mounted / "inner.md").read_bytes() == old
        if verb == "rotate":  # with other options it is another rotation
            assert place.run("rotate", "--rollback", "tree").status == DONE
        run = place.run(*VERBS[verb][:-1], "--cross-mounts", "tree")
        assert run.status == DONE, run
        assert tree.sources[0].keys((mounted / "inner.md").read_bytes()) == (["k2"] if verb in {"rotate", "seal"} else ["k1"])
    finally:
        subprocess.run(["umount", mounted], check=True)


@pytest.mark.parametrize("times", [10, pytest.param(30, marks=pytest.mark.slow), pytest.param(2000, marks=pytest.mark.faults)])
def test_a_folder_that_becomes_a_link_meanwhile(place, times, amount):
    """Whoever swaps a folder for a link while records are written gets nothing written elsewhere."""
    tree = Tree(place, three()).make("k1")
    outside = place.path / "outside"
    outside.mkdir()
    victim = outside / "crlf.md"
    victim.write_bytes(tree.sources[1].bytes("k1"))
    deeper, aside = tree.root / "deeper", tree.root / "aside"
    status = victim.stat()
    for number in range(amount(times)):
        run = place.start("rotate", "--partial", "--to", ("k2", "k1")[number % 2], "tree")
        while os.path.exists(f"/proc/{run.pid}/fd/0"):
            os.rename(deeper, aside)
            deeper.symlink_to(outside)
            deeper.unlink()
            os.rename(aside, deeper)
        assert run.wait() in (DONE, FAILED, 2), run
        assert "Traceback" not in run.err, run
        now = victim.stat()
        assert (now.st_ino, now.st_mtime_ns, os.listdir(outside)) == (status.st_ino, status.st_mtime_ns, ["crlf.md"])
        tree.check_whole("k1", "k2")
        assert place.run("rotate", "--to", ("k2", "k1")[number % 2], "tree").status == DONE
