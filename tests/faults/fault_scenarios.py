"""The commands into which faults are injected: what they start from, what must hold after the fault, and how they are completed."""

from __future__ import annotations

import os
import shutil
import stat
from typing import ClassVar

import yaml
from fault_tree import CANARY, TEMP, Source, Tree, three

from sealkit.keys.ring import KeyRing

DONE = (0,)
_ONE_EACH = {"sealkit.trees.batch.CHUNK": 1, "sealkit.trees.batch.WRITE_CHUNK": 1}  # so that three records keep two workers busy
_TAKEN, _NOTHING = 2, 2


class Scenario:
    """A command over the tree of three records.

    ``begin`` makes what it starts from, once; each fault gets a copy. ``check`` holds after a fault, ``complete`` after the next run.
    """

    args = ("rotate", "tree")
    settings: ClassVar[dict[str, int]] = {}
    old, new = "k1", "k2"
    statuses = DONE  # of the next run
    third = DONE  # of the one after that, which must change nothing

    def __init__(self, place):
        self.tree = Tree(place, self.sources())
        self.place = place
        self.template = place.path.with_name("template")
        self.copied = ("tree", "home", "tmp", "keys.yaml", *self.extra)

    extra: tuple[str, ...] = ()

    @staticmethod
    def sources():
        return three()

    def prepare(self):
        """Make the state that the command starts from, and keep a copy."""
        self.tree.make(self.old)
        self.begin()
        shutil.rmtree(self.template, ignore_errors=True)
        self.template.mkdir()
        for name in self.copied:
            if (self.place.path / name).exists():
                _copy(self.place.path / name, self.template / name)

    def begin(self):
        pass

    def reset(self):
        """Go back to that state."""
        for name in self.copied:
            target = self.place.path / name
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
            if (self.template / name).exists():
                _copy(self.template / name, target)

    def check(self):
        self.tree.check_whole(self.old, self.new)
        self.tree.check_journal()
        self.tree.check_secrets(plaintext_may_stand=self.extra)

    def complete(self):
        self.tree.check_complete(self.new)
        self.tree.check_secrets(plaintext_may_stand=self.extra)

    def again(self):
        """Run it to the end, and once more: the first completes (I5), the second changes nothing."""
        run = self.place.run(*self.args, settings=self.settings)
        assert run.status in self.statuses, f"I5 the next run does not complete: {run}"
        self.complete()
        self.check_tidy()
        before = self.state()
        run = self.place.run(*self.args, settings=self.settings)
        assert run.status in self.third, f"I5 the third run: {run}"
        assert self.state() == before, "I5 the third run changed something"
        self.check_tidy()

    def check_tidy(self):
        self.tree.check_tidy()

    def state(self):
        return self.tree.state()


def _copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


class Rotate(Scenario):
    """All records under another key."""


class RotateWithWorkers(Scenario):
    """The same by two processes, a record at a time."""

    args = ("rotate", "--workers", "2", "tree")
    settings = _ONE_EACH


class RotateReusing(Scenario):
    """The same, where the file that each record leaves behind becomes the next one."""

    settings: ClassVar[dict[str, int]] = {"sealkit.trees.replace.GROUP": 1, "sealkit.trees.replace.SYNCFS": 1}


class Seal(Scenario):
    """Plaintext becomes blobs. The old records hold plaintext, and so may one that changed places, until the next run."""

    args = ("seal", "tree")
    old = None

    def check(self):
        self.tree.check_whole(None, "k2")
        names = {source.name for source in self.tree.sources}
        temps = [path for path in self.tree.files(self.tree.root) if path.name.startswith(TEMP)]
        for temp in temps:  # an old record that made place, readable by whoever could read it there; never a copy made by us
            if CANARY.encode() in temp.read_bytes():
                assert temp.name.count("-") == 4, f"I4 plaintext in a temporary file: {temp}"
        relative = {f"tree/{name}" for name in names} | {str(temp.relative_to(self.place.path)) for temp in temps}
        self.tree.check_secrets(plaintext_may_stand=tuple(relative))


class SealPayload(Scenario):
    """The payload of a file into one record, whose field held another blob: it is sealed under the key of that one."""

    args = ("seal", "--payload", "payload.txt", "tree/article.md")
    old, new = "k1", "k1"
    extra = ("payload.txt",)
    payload = f"{CANARY}: another payload, of a file".encode()

    @staticmethod
    def sources():
        return three()[:1]

    def begin(self):
        (self.place.path / "payload.txt").write_bytes(self.payload)
        article = self.tree.sources[0]
        self.after = Source(article.name, article.segments, [self.payload])

    def check(self):
        self.tree.check_secrets(plaintext_may_stand=self.extra)
        if self._current() is not self.after:
            self.tree.check_whole("k1")

    def _current(self):
        data = (self.tree.root / self.after.name).read_bytes()
        return self.tree.sources[0] if data == self.tree.sources[0].bytes("k1") else self.after

    def complete(self):
        data = (self.tree.root / self.after.name).read_bytes()
        assert self.after.keys(data) == ["k1"], "not sealed"
        self.tree.check_secrets(plaintext_may_stand=self.extra)

    def again(self):
        super().again()
        run = self.place.run("seal", "tree")  # a run over the folder sweeps what a run over the file may not
        assert run.status == 0, run
        self.tree.check_tidy()


class RollBack(Scenario):
    """A finished rotation taken back."""

    args = ("rotate", "--rollback", "tree")
    new, third = "k1", (_NOTHING,)
    statuses = (0, _NOTHING)  # nothing to take back: it was done before the fault

    def begin(self):
        assert self.place.run("rotate", "tree").status == 0

    def check(self):
        self.tree.check_whole("k1", "k2")
        self.tree.check_journal()
        self.tree.check_secrets()


class RollBackReusing(RollBack):
    """The same, where the file that each record leaves behind becomes the next one."""

    settings = RotateReusing.settings


class Resume(Scenario):
    """A rotation that was killed in the middle: one record is done, one has changed places with its temporary file, one is old."""

    def reset(self):
        """Interrupt a rotation anew: what it leaves is known by its inodes, which a copy would not have."""
        super().reset()
        _, log = self.place.traced("rotate", "tree", inject="renameat2:signal=KILL:when=3", calls="renameat2")
        assert log.was_hit
        assert set(self.tree.keys().values()) == {"k1", "k2"}


class ResumeWithWorkers(Resume):
    """The same by two processes."""

    args = ("rotate", "--workers", "2", "tree")
    settings = _ONE_EACH


class KeygenNew(Scenario):
    """A key in a new ring, in a folder that is made for it: all of it or none."""

    args = ("keygen", "--keys", "new/ring.yaml", "--id", "k7")
    extra = ("new",)
    third = (_TAKEN,)
    statuses = (0, _TAKEN)
    ids = frozenset({"k7"})
    before = frozenset()

    @property
    def ring(self):
        return self.place.path / "new" / "ring.yaml"

    def check(self):
        self.tree.check_complete("k1")
        assert self._ids() in (self.before, self.before | self.ids), "half a ring"

    def _ids(self):
        if not os.path.lexists(self.ring):
            return set()
        status = self.ring.stat()
        assert stat.S_IMODE(status.st_mode) == 0o600
        yaml.safe_load(self.ring.read_text())
        return {key.id for key in KeyRing.load(self.ring, environ={})}

    def complete(self):
        assert self._ids() == self.before | self.ids

    def check_tidy(self):
        left = [name for name in os.listdir(self.ring.parent) if TEMP.strip(".") in name]
        assert not left, f"I6 a key is left over in {left}"

    def state(self):
        status = self.ring.stat()
        return self.ring.read_bytes(), status.st_ino, status.st_mtime_ns


class KeygenAdd(KeygenNew):
    """A key added to the ring that is there, as its primary."""

    args = ("keygen", "--keys", "new/ring.yaml", "--id", "k7", "--primary")
    before = frozenset({"k0", "k1", "k2"})

    def begin(self):
        (self.place.path / "new").mkdir(0o700)
        shutil.copyfile(self.place.path / "keys.yaml", self.ring)
        self.ring.chmod(0o600)


class DecryptToFile(Scenario):
    """A payload to a new file: all of it or none."""

    args = ("decrypt", "tree/article.md", "-o", "new/payload")
    extra = ("new",)
    third, statuses = (4,), (0, 4)

    def begin(self):
        (self.place.path / "new").mkdir(0o700)

    @property
    def target(self):
        return self.place.path / "new" / "payload"

    def check(self):
        self.tree.check_complete("k1")
        self.tree.check_secrets(plaintext_may_stand=self.extra)
        if self.target.exists():
            assert self.target.read_bytes() == self.tree.sources[0].payloads[0], "a payload cut short"

    def complete(self):
        self.check()
        assert self.target.exists()

    def check_tidy(self):
        assert os.listdir(self.target.parent) == ["payload"], f"I6 left over: {os.listdir(self.target.parent)}"

    def state(self):
        status = self.target.stat()
        return self.target.read_bytes(), status.st_ino, status.st_mtime_ns


ALL = (
    Rotate,
    RotateWithWorkers,
    RotateReusing,
    Seal,
    SealPayload,
    RollBack,
    RollBackReusing,
    Resume,
    ResumeWithWorkers,
    KeygenNew,
    KeygenAdd,
    DecryptToFile,
)
