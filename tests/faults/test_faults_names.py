"""F12: trees that cannot be written, folders that cannot be entered, what vanishes, and names of every kind: named, and the rest is done."""

from __future__ import annotations

import os
import random
import subprocess
import time

import needs
import pytest
from fault_tree import Source, Tree, many, three

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

DONE, FINDINGS, NOTHING, FAILED = 0, 1, 2, 4
NOBODY = 65534
ROOT = os.geteuid() == 0
VERBS = {
    "rotate": ("rotate", "--partial", "tree"),
    "seal": ("seal", "tree"),
    "verify": ("verify", "tree"),
    "decrypt": ("decrypt", "--json", "tree"),
}
WRITES = ("rotate", "seal")
NAMES = {
    "not UTF-8": os.fsdecode(b"caf\xe9.md"),
    "255 bytes": "x" * 252 + ".md",
    "255 bytes of UTF-8": "ü" * 126 + ".md",
    "spaces": " a  record .md",
    "a newline": "two\nlines.md",
    "control characters": "\x1b[31mred\x07.md",
    "a leading dash": "--rm.md",
    "quotes": "'\"`$(true);&.md",
    "right to left": "\u202egnp.md",
}


@pytest.fixture(params=VERBS)
def verb(request):
    return request.param


@pytest.fixture
def ordinary(place):
    """Run sealkit as somebody whose rights have limits: as root, as nobody."""
    if not ROOT:
        return place.run
    for folder in (place.path, *place.path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)

    def run(*args):
        for above, folders, names in os.walk(place.path):
            for name in (".", *folders, *names):
                os.chown(os.path.join(above, name), NOBODY, NOBODY, follow_symlinks=False)
        return place.run(*args, uid=NOBODY)

    return run


def start_of(verb):
    return None if verb == "seal" else "k1"


def check_rest(tree, verb, run, left_out=(), more=0):
    """All records but those left out are done; those are as they were."""
    keys = tree.keys()
    for name, key in keys.items():
        assert key == (start_of(verb) if name in left_out or verb not in WRITES else "k2"), (name, run)
    if verb == "decrypt":
        assert run.out.count(b'"payload"') == more + sum(len(one.payloads) for one in tree.sources if one.name not in left_out)


@pytest.mark.parametrize("name", NAMES)
def test_names(place, verb, name):
    tree = Tree(place, [*three(), Source(NAMES[name], [b"---\nsecured: ", b"\n---\n"], [b"of a record with an odd name"])])
    tree.make(start_of(verb))
    run = place.run(*VERBS[verb])
    assert run.status == DONE, run
    check_rest(tree, verb, run)
    assert "\x1b" not in run.err
    tree.check_tidy()


def test_long_paths(place, verb):
    """A path as long as the system takes; one that is longer than it takes in one piece is done or named."""
    step, deep = "d" * 200, place.path / "tree"
    room = os.pathconf("/", "PC_PATH_MAX") - len(str(deep)) - 120
    longest = "/".join([step] * (room // (len(step) + 1)))
    tree = Tree(
        place, [*three(), Source(f"{longest}/long.md", [b"---\nsecured: ", b"\n---\n"], [b"of a record far down, at the end"])]
    )
    tree.make(start_of(verb))
    run = place.run(*VERBS[verb])
    assert run.status == DONE, run
    check_rest(tree, verb, run)


def test_paths_that_are_too_long(place, verb):
    tree = Tree(place, three()).make(start_of(verb))
    step = "d" * 250
    here = os.open(tree.root, os.O_RDONLY)
    for _ in range(18):  # more than 4096 bytes
        os.mkdir(step, dir_fd=here)
        below = os.open(step, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    fd = os.open("deep.md", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(fd, tree.sources[0].bytes(start_of(verb)))
    os.close(fd)
    run = place.run(*VERBS[verb])
    fd = os.open("deep.md", os.O_RDONLY, dir_fd=here)
    data = os.read(fd, 1 << 16)
    for opened in (fd, here):
        os.close(opened)
    subprocess.run(["rm", "-rf", tree.root / step], check=True)
    assert run.status in (DONE, FAILED), run
    assert "Traceback" not in run.err, run
    if run.status == FAILED:
        assert step.encode() in run.out + run.err.encode()
        assert data == tree.sources[0].bytes(start_of(verb))
    elif verb in WRITES:
        assert tree.sources[0].keys(data) == ["k2"]
    check_rest(tree, verb, run, more=run.status == DONE)


def test_no_way_into_a_folder(place, ordinary, verb):
    tree = Tree(place, three()).make(start_of(verb))
    (tree.root / "deeper").chmod(0)
    run = ordinary(*VERBS[verb])
    (tree.root / "deeper").chmod(0o755)
    assert run.status == FAILED, run
    assert b"tree/deeper" in run.out + run.err.encode()
    check_rest(tree, verb, run, {"deeper/crlf.md"})


def test_a_folder_that_cannot_be_written(place, ordinary, verb):
    tree = Tree(place, three()).make(start_of(verb))
    (tree.root / "deeper").chmod(0o555)
    run = ordinary(*VERBS[verb])
    (tree.root / "deeper").chmod(0o755)
    assert run.status == (FAILED if verb in WRITES else DONE), run
    if verb in WRITES:
        assert "tree/deeper/crlf.md" in run.err
    check_rest(tree, verb, run, {"deeper/crlf.md"} if verb in WRITES else ())
    tree.check_tidy()


def test_a_record_that_cannot_be_read(place, ordinary, verb):
    tree = Tree(place, three()).make(start_of(verb))
    (tree.root / "article.md").chmod(0)
    run = ordinary(*VERBS[verb])
    assert run.status == FAILED, run
    assert b"tree/article.md" in run.out + run.err.encode()
    (tree.root / "article.md").chmod(0o644)
    check_rest(tree, verb, run, {"article.md"})


@needs.root("mounts a folder read-only")
def test_a_tree_that_is_mounted_read_only(place, verb):
    tree = Tree(place, three()).make(start_of(verb))
    mount = subprocess.run(["mount", "--bind", tree.root, tree.root], check=False, capture_output=True)
    if mount.returncode:
        pytest.skip(f"NOT TESTED: cannot mount: {mount.stderr.decode()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", tree.root], check=True)
        run = place.run(*VERBS[verb])
    finally:
        subprocess.run(["umount", tree.root], check=True)
    assert run.status == (FAILED if verb in WRITES else DONE), run
    if verb in WRITES:
        assert "tree" in run.err
    check_rest(tree, verb, run, {source.name for source in tree.sources} if verb in WRITES else ())


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("times", [3, pytest.param(200, marks=pytest.mark.faults)])
def test_what_vanishes_meanwhile(place, verb, what, times, amount):
    """What is removed while the tree is worked on is named or was not seen; it is not made anew, and the rest is done."""
    chance = random.Random(f"{verb}{what}")
    tree = Tree(place, many(220))
    for _ in range(amount(times)):
        tree.make(start_of(verb))
        run = place.start(*VERBS[verb])
        time.sleep(chance.uniform(0, 0.06))
        if what == "file":
            gone = {source.name for source in chance.sample(tree.sources, 10)}
            for name in gone:
                (tree.root / name).unlink()
        else:
            gone = {source.name for source in tree.sources if source.name.startswith("01/")}
            os.rename(tree.root / "01", place.path / "tmp" / "01")
        assert run.wait() in (DONE, FAILED), run
        assert "Traceback" not in run.err, run
        if what == "file":
            back = [name for name in gone if (tree.root / name).exists()]
            assert not back, f"made anew: {back}"
        rest = Tree(place, [source for source in tree.sources if source.name not in gone])
        check_rest_of(rest, verb, run)


def check_rest_of(rest, verb, run):
    assert set(rest.keys().values()) == ({"k2"} if verb in WRITES else {"k1"}), run
