"""F6: a disk that is full after so many pages, for each number of pages. To be run in a mount namespace of its own.

A rotation is taken back on a disk of just the pages that the rotation left, and so many more.

``python disk_full.py FOLDER FIRST STEP COUNT`` mounts a tmpfs over FOLDER for each size; prints what it saw; exits 1 at a violation.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from fault_runs import Place, warmed
from fault_tree import Tree, many, three

PAGE = os.sysconf("SC_PAGESIZE")
DONE, FAILED, NOTHING = 0, 4, 2
ROOM, RECORDS = 16384, 12  # pages of a disk that is large enough; small records besides the three


class Command(NamedTuple):
    """What is run: arguments, the key of the blobs before and after, what came before it, and the exit status once it was done."""

    args: tuple[str, ...]
    old: str | None
    new: str
    before: tuple[str, ...] = ()
    again: int = DONE


COMMANDS = (
    Command(("rotate", "tree"), "k1", "k2"),
    Command(("seal", "tree"), None, "k2"),
    Command(("rotate", "--rollback", "tree"), "k2", "k1", before=("rotate", "tree"), again=NOTHING),
)


def mount(folder, *options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "none", folder], check=True)


def resize(place, pages):
    subprocess.run(["mount", "-o", f"remount,size={pages * PAGE}", place.path], check=True)


def used(place):
    status = os.statvfs(place.path)
    return (status.f_blocks - status.f_bfree) * status.f_frsize // PAGE


def make(place, tree, command):
    """Make the tree as it is before the command."""
    tree.make("k1" if command.before else command.old)
    if command.before:
        assert place.run(*command.before).status == DONE


def fill(place, tree, command, extra):
    """Run a command on a disk with so many pages left; make room, and run it again. Return whether it fitted."""
    mount(place.path, f"size={ROOM * PAGE}")
    try:
        make(place, tree, command)
        resize(place, used(place) + extra)
        run = place.run(*command.args)
        assert run.status in (DONE, FAILED), run
        assert "Traceback" not in run.err, run
        tree.check_whole(command.old, command.new)
        fitted = run.status == DONE
        if fitted:
            tree.check_complete(command.new)
            tree.check_tidy()
        else:
            assert "tree" in run.err, f"names nothing: {run}"
        resize(place, ROOM)
        if not fitted or command.again == DONE:
            run = place.run(*command.args)
            assert run.status == DONE, f"after room was made: {run}"
        tree.check_complete(command.new)
        tree.check_tidy()
        before = tree.state()
        assert place.run(*command.args).status == command.again
        assert tree.state() == before
    finally:
        subprocess.run(["umount", place.path], check=True)
    return fitted


def main():
    folder, (first, step, count) = Path(sys.argv[1]), map(int, sys.argv[2:])
    folder.mkdir(exist_ok=True)
    warm = warmed()
    try:
        with tempfile.TemporaryDirectory() as said:
            place = Place(folder, warm, said)
            for command in COMMANDS:
                sizes = fitted = 0
                tree = Tree(place, [*three(), *many(RECORDS)])
                for extra in range(first, count, step):
                    sizes += 1
                    try:
                        fitted += fill(place, tree, command, extra)
                    except AssertionError as error:
                        sys.exit(f"{' '.join(command.args)} with {extra} pages left: {error}")
                print(f"{sizes} sizes, {fitted} large enough: {' '.join(command.args)}")
    finally:
        warm.close()


if __name__ == "__main__":
    main()
