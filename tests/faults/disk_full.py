"""F6: a disk that is full after so many pages, for each number of pages. To be run in a mount namespace of its own.

``python disk_full.py FOLDER FIRST STEP COUNT`` mounts a tmpfs over FOLDER for each size; prints what it saw; exits 1 at a violation.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fault_runs import Place, warmed
from fault_tree import Tree, many, three

PAGE = os.sysconf("SC_PAGESIZE")
DONE, FAILED = 0, 4
COMMANDS = {"rotate": "k1", "seal": None}


def mount(folder, *options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "none", folder], check=True)


def size_of(place, tree, key):
    """How many pages the tree and what belongs to it take on a disk that is large enough."""
    mount(place.path, "size=64m")
    try:
        tree.make(key)
        status = os.statvfs(place.path)
        return (status.f_blocks - status.f_bfree) * status.f_frsize // PAGE
    finally:
        subprocess.run(["umount", place.path], check=True)


def fill(place, tree, verb, pages):
    """Run a command on a disk of so many pages; make room, and run it again. Return whether it fitted."""
    old = COMMANDS[verb]
    mount(place.path, f"size={pages * PAGE}")
    try:
        tree.make(old)
        run = place.run(verb, "tree")
        assert run.status in (DONE, FAILED), run
        assert "Traceback" not in run.err, run
        tree.check_whole(old, "k2")
        if run.status == DONE:
            tree.check_complete("k2")
            tree.check_tidy()
        else:
            assert "tree" in run.err, f"names nothing: {run}"
        fitted = run.status == DONE
        subprocess.run(["mount", "-o", "remount,size=64m", place.path], check=True)
        run = place.run(verb, "tree")
        assert run.status == DONE, f"after room was made: {run}"
        tree.check_complete("k2")
        tree.check_tidy()
        before = tree.state()
        assert place.run(verb, "tree").status == DONE
        assert tree.state() == before
    finally:
        subprocess.run(["umount", place.path], check=True)
    return fitted


def main():
    folder, (first, step, count) = Path(sys.argv[1]), map(int, sys.argv[2:])
    folder.mkdir(exist_ok=True)
    warm = warmed()
    sizes = fitted = 0
    try:
        with tempfile.TemporaryDirectory() as said:
            place = Place(folder, warm, said)
            for verb, old in COMMANDS.items():
                tree = Tree(place, [*three(), *many(12)])
                used = size_of(place, tree, old)
                for extra in range(first, count, step):
                    sizes += 1
                    try:
                        fitted += fill(place, tree, verb, used + extra)
                    except AssertionError as error:
                        sys.exit(f"{verb} with {extra} pages left: {error}")
    finally:
        warm.close()
    print(f"{sizes} sizes, {fitted} large enough")


if __name__ == "__main__":
    main()
