"""F4: the power goes at every sync, rename and unlink of a rotation, on real file systems.

A file system in an image on a loop device is shut down as by a power cut (``FS_IOC_SHUTDOWN``: 1, what its journal holds reaches the
disk, file contents do not; 2, neither does), right before or right after a system call; then it is mounted again and looked at. No
record may be empty, zeroed, torn or missing; after exit 0 all are new; what the journal says agrees with the tree, so that the same
command completes.

Needs root, loop devices, ``mkfs.ext4`` or ``mkfs.xfs``, and strace. Run it as ``python power_cut.py [ext4|xfs]…``, or with pytest.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fault_runs import Place, Tracer, kill_group, missing_strace, warmed
from fault_tree import Tree, many, three

FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
FLAGS = (1, 2)
KINDS = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
SIZES = {"ext4": 64 << 20, "xfs": 320 << 20}
CALLS = ("fsync", "syncfs", "renameat", "renameat2", "unlinkat", "linkat", "write", "mkdir")
SIDES = {"before": "KILL", "after": "STOP"}
PATIENCE = 120
TURNS = 8
VERBS = {"rotate": "k1", "seal": None}  # and what the records are under before
# Few files are synced one by one, many by one call; and files that one group left behind are written again by the next one.
TREES = {"fsync": three, "syncfs": lambda: many(40), "reusing": lambda: many(6)}
REUSING = {"sealkit.trees.replace.GROUP": 2, "sealkit.trees.replace.SYNCFS": 1}


def until(happens):
    deadline = time.monotonic() + PATIENCE
    while not happens():
        if time.monotonic() > deadline:
            raise AssertionError("the disk is busy")
        time.sleep(0.005)


class Disk:
    """A file system in a file, mounted over a folder."""

    def __init__(self, kind, image, folder):
        self.kind, self.image, self.folder = kind, Path(image), Path(folder)
        self.folder.mkdir(exist_ok=True)

    def make(self):
        with self.image.open("wb") as file:
            file.truncate(SIZES[self.kind])
        subprocess.run([*KINDS[self.kind], self.image], check=True, capture_output=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.folder], check=True, capture_output=True)

    def unmount(self):
        """Unmount it, and wait until it is gone: a mount namespace that somebody else just made may keep it alive for a while."""
        until(lambda: subprocess.run(["umount", self.folder], check=False, capture_output=True).returncode == 0)
        until(lambda: not subprocess.run(["losetup", "-j", self.image], check=True, capture_output=True).stdout)

    def sync(self):
        subprocess.run(["sync", "-f", self.folder], check=True)

    def cut(self, flag):
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, struct.pack("I", flag))
        finally:
            os.close(folder)


def missing(kind):
    """Why the power cannot be cut here; None if it can."""
    if missing_strace():
        return missing_strace()
    if os.geteuid() != 0:
        return "only root mounts images"
    if shutil.which(KINDS[kind][0]) is None:
        return f"{KINDS[kind][0]} is missing"
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(kind, f"{folder}/image", f"{folder}/mounted")
        try:
            disk.make()
        except (OSError, subprocess.CalledProcessError) as error:
            return f"an image of {kind} cannot be mounted: {getattr(error, 'stderr', b'') or error}"
        try:
            disk.cut(1)
        except OSError as error:
            return f"{kind} cannot be shut down: {error.strerror}"
        finally:
            disk.unmount()
    return None


class Cuts:
    """All cuts of one kind on one disk; counts them, and what was found after them."""

    def __init__(self, disk, warm, said, flag):
        self.disk, self.flag = disk, flag
        self.place = Place(disk.folder, warm, said)
        self.seen = {"cuts": 0, "old": 0, "mixed": 0, "new": 0, "temporary files": 0}

    def every(self, first=0, step=1):
        """Cut at one call in ``step``; a run that ends before the cut is cut after its end.

        A part takes one in eight of the kinds of calls, for each costs at least that one cut after the end.
        """
        turns = TURNS if step % TURNS == 0 else 1
        stride = step // turns
        kinds = itertools.product(VERBS, TREES.items(), SIDES, CALLS)
        for verb, (name, sources), side, call in itertools.islice(kinds, first % turns, None, turns):
            self.verb, self.old = verb, VERBS[verb]
            self.settings = REUSING if name == "reusing" else {}
            tree = Tree(self.place, sources())
            number = 1 + first // turns % stride
            while self.one(tree, call, side, number, f"{verb}, {name} tree, {side} {call} no. {number}"):
                number += stride

    def one(self, tree, call, side, number, what):
        tree.make(self.old)
        self.disk.sync()
        status = self._until(call, side, number)
        self.disk.cut(self.flag)
        kill_group(self.pid)
        self.tracer.end()
        self.disk.unmount()
        self.disk.mount()
        self._look(tree, status, what)
        return status is None

    def _until(self, call, side, number):
        """Run to the call; return its exit status if it ended before."""
        inject = f"{call}:signal={SIDES[side]}:when={number}"
        self.tracer = tracer = Tracer(self.place, (self.verb, "tree"), inject, call, {"settings": self.settings})
        self.pid = tracer.run.pid
        if side == "after":
            return None if tracer.reaches_its_stop() else tracer.run.wait()
        tracer.end()
        return None if tracer.run.status == -signal.SIGKILL else tracer.run.status

    def _look(self, tree, status, what):
        try:
            keys = set(tree.keys().values())
            assert keys <= {self.old, "k2"}, f"neither old nor new: {keys}"
            assert status is None or (status == 0 and keys == {"k2"}), f"exit {status}, but after the cut: {keys}"
            if self.old is not None:  # else the old records hold plaintext, and there is no journal
                tree.check_journal()
                tree.check_secrets()
            self.seen["temporary files"] += any(".sealkit-tmp-" in path.name for path in tree.files(tree.root))
            run = self.place.run(self.verb, "tree")
            assert run.status == 0, f"the next run: {run}"
            tree.check_complete("k2")
            tree.check_tidy()
        except AssertionError as error:
            raise AssertionError(f"{self.disk.kind}, flag {self.flag}, {what}: {error}") from None
        self.seen["cuts"] += 1
        self.seen["mixed" if len(keys) > 1 else "old" if keys == {self.old} else "new"] += 1


def cuts(kind, flag, folder, warm, first=0, step=1):
    """Make a disk and cut its power at every point; return what was seen."""
    folder = Path(folder)
    said = folder / "said"
    said.mkdir()
    disk = Disk(kind, folder / "image", folder / "mounted")
    disk.make()
    try:
        all_of_them = Cuts(disk, warm, said, flag)
        all_of_them.every(first, step)
        return all_of_them.seen
    finally:
        disk.unmount()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="ext4, xfs; both if none is given")
    parser.add_argument("--step", type=int, default=1, help="every so many-th point")
    asked = parser.parse_args()
    warm = warmed()
    try:
        for kind in asked.kinds or KINDS:
            reason = missing(kind)
            if reason:
                sys.exit(f"NOT TESTED: {reason}")
            for flag in FLAGS:
                with tempfile.TemporaryDirectory() as folder:
                    print(kind, "flag", flag, cuts(kind, flag, folder, warm, step=asked.step), flush=True)
    finally:
        warm.close()


if __name__ == "__main__":
    main()
