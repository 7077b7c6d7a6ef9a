"""Ring files are made private, changed atomically, and read back; whatever fails, the old file stays whole."""

from __future__ import annotations

import fcntl
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealkit.errors import ChangedUnderneath, ConfigError, IsLink, NoUsableKey, SealkitError, StoreError, TreeBusy
from sealkit.keys import ringstore
from sealkit.keys.ring import KeyRing

ROOT = os.geteuid() == 0
OLD = b"# mine\nversion: 1\nprimary: old # seals\nkeys:\n  - id: old\n    source: {hex: '" + b"c5" * 16 + b"'}\n# end\n"


def ring_file(folder, data=OLD, mode=0o600):
    path = folder / "keys.yaml"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def names(folder):
    return [entry.name for entry in folder.iterdir()]


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_ring(tmp_path):
    path = tmp_path / "config" / "sealkit" / "keys.yaml"
    umask = os.umask(0)
    try:
        key = ringstore.add_key(str(path), "k1")
    finally:
        os.umask(umask)
    ring = KeyRing.load(path)
    assert (key.id, key.bits, key.format) == ("k1", 256, "plain")
    assert ring.primary.same_secret(key)
    assert ring.warnings == ()
    assert (mode_of(path), mode_of(path.parent), mode_of(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert names(path.parent) == ["keys.yaml"]


def test_a_new_ring_in_this_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert ringstore.add_key("keys.yaml", "k1", 128, format="tagged").bits == 128
    assert KeyRing.load("keys.yaml").primary.format == "tagged"


@pytest.mark.parametrize("primary", [False, True])
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_is_added(tmp_path, primary, mode):
    path = ring_file(tmp_path, mode=mode)
    key = ringstore.add_key(str(path), "new", primary=primary)
    ring = KeyRing.load(path)
    assert [member.id for member in ring] == ["old", "new"]
    assert ring.get("new").same_secret(key)
    assert ring.primary.id == ("new" if primary else "old")
    assert mode_of(path) == mode
    head, tail = OLD.split(b"# end\n")[0], b"# end\n"
    assert path.read_bytes().startswith(head.replace(b"primary: old #", b"primary: new #") if primary else head)
    assert path.read_bytes().endswith(tail)
    assert names(tmp_path) == ["keys.yaml"]


def test_two_keys_are_never_the_same(tmp_path):
    path = str(tmp_path / "keys.yaml")
    keys = [ringstore.add_key(path, f"k{number}") for number in range(5)]
    assert len({key.kid for key in keys}) == 5
    assert len(KeyRing.load(path)) == 5


def test_set_primary(tmp_path):
    path = ring_file(tmp_path)
    ringstore.add_key(str(path), "new")
    before = path.read_bytes()
    ringstore.set_primary(str(path), "new")
    assert path.read_bytes() == before.replace(b"primary: old #", b"primary: new #")


def test_set_primary_keeps_a_mode_that_suits_a_ring_without_keys_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("A", "0a" * 16)
    monkeypatch.setenv("B", "0b" * 16)
    data = b"version: 1\nprimary: a\nkeys:\n  - {id: a, source: {env: A, encoding: hex}}\n  - {id: b, source: {env: B, encoding: hex}}\n"
    path = ring_file(tmp_path, data, 0o644)
    ringstore.set_primary(str(path), "b")
    assert path.read_bytes() == data.replace(b"primary: a", b"primary: b")
    assert mode_of(path) == 0o644


def refuse(failure, path, kind, problem, key_id="new", **options):
    before = path.read_bytes() if path.is_file() else None
    error = failure(ringstore.add_key, str(path), key_id, canary=b"\xc5" * 16, **options)
    assert type(error) is kind, error
    assert problem in error.problem
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not [name for name in names(path.parent) if name.startswith(".sealkit")]
    return error


@pytest.mark.parametrize(("key_id", "options"), [("old", {}), ("OLD", {}), ("new", {"bits": 64}), ("new", {"format": "fancy"})])
def test_refused_for_what_was_asked(failure, tmp_path, key_id, options):
    refuse(failure, ring_file(tmp_path), ConfigError, "", key_id, **options)


def test_an_id_that_is_taken_is_never_overwritten(failure, tmp_path):
    error = refuse(failure, ring_file(tmp_path), ConfigError, "it has a key old already", "old")
    assert error.path.endswith("keys.yaml")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_refused_for_its_mode(failure, tmp_path, mode):
    error = refuse(failure, ring_file(tmp_path, mode=mode), NoUsableKey, "open to other users")
    assert "chmod 600" in error.hint


def test_refused_for_its_form(failure, tmp_path):
    refuse(failure, ring_file(tmp_path, b"version: 2\n"), ConfigError, "version must be 1")
    refuse(failure, ring_file(tmp_path, b""), ConfigError, "empty")


def test_refused_for_its_kind(failure, tmp_path):
    path = tmp_path / "keys.yaml"
    path.mkdir()
    refuse(failure, path, NoUsableKey, "not a regular file")
    path.rmdir()
    os.mkfifo(path, 0o600)
    refuse(failure, path, NoUsableKey, "not a regular file")
    path.unlink()
    path.symlink_to("nowhere")
    refuse(failure, path, IsLink, "symbolic link")
    (tmp_path / "real").write_bytes(OLD)
    path.unlink()
    path.symlink_to("real")
    refuse(failure, path, IsLink, "symbolic link")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "keys.yaml/below"])
def test_refused_for_its_path(failure, tmp_path, name):
    ring_file(tmp_path)
    assert isinstance(failure(ringstore.add_key, f"{tmp_path}/{name}", "new"), StoreError)


@pytest.mark.parametrize("lock", [fcntl.LOCK_EX, fcntl.LOCK_SH])
def test_another_sealkit_holds_it(failure, tmp_path, lock):
    path = ring_file(tmp_path)
    with path.open() as held:
        fcntl.flock(held, lock)
        error = refuse(failure, path, TreeBusy, "another sealkit changes it")
    assert error.exit_status == 75
    ringstore.add_key(str(path), "new")


def test_many_at_once_lose_no_key(tmp_path):
    path = ring_file(tmp_path)

    def add(key_id):
        while True:
            try:
                return ringstore.add_key(str(path), key_id).kid
            except (TreeBusy, ChangedUnderneath):
                continue

    with ThreadPoolExecutor(4) as pool:
        kids = list(pool.map(add, [f"k{number}" for number in range(16)]))
    assert {key.kid for key in KeyRing.load(path)} >= set(kids)
    assert len(KeyRing.load(path)) == 17


@pytest.mark.parametrize("how", ["replaced", "appended"])
def test_an_editor_saves_meanwhile(failure, monkeypatch, tmp_path, how):
    def save(*arguments, **options):
        real(*arguments, **options)
        monkeypatch.setattr(ringstore, "write_new", real)
        if how == "replaced":
            (tmp_path / "theirs").write_bytes(OLD + b"# theirs\n")
            (tmp_path / "theirs").replace(path)
        else:
            with path.open("ab") as file:
                file.write(b"# theirs\n")

    real = ringstore.write_new
    path = ring_file(tmp_path)
    monkeypatch.setattr(ringstore, "write_new", save)
    error = failure(ringstore.add_key, str(path), "new")
    assert type(error) is ChangedUnderneath
    assert path.read_bytes() == OLD + b"# theirs\n"
    assert names(tmp_path) == ["keys.yaml"]


class FailsAt:
    """A system call that fails the n-th time."""

    def __init__(self, point, real):
        self.point, self.real, self.seen = point, real, 0

    def __call__(self, *arguments, **options):
        self.seen += 1
        if self.seen == self.point:
            raise OSError(5, "Input/output error")
        return self.real(*arguments, **options)


CALLS = ["open", "write", "fchmod", "fsync", "replace", "lstat", "fstat", "readv", "mkdir"]


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_every_call_that_fails_leaves_the_old_ring_or_the_new_one(monkeypatch, tmp_path, call, exists):
    """Count the fault point up until nothing fails any more."""
    real = getattr(os, call)
    for point in range(1, 80):
        folder = tmp_path / f"{point}"
        folder.mkdir()
        path = ring_file(folder) if exists else folder / "keys.yaml"
        faulty = FailsAt(point, real)
        monkeypatch.setattr(os, call, faulty)
        try:
            ringstore.add_key(str(path), "new")
            failed = False
        except SealkitError:
            failed = True
        finally:
            monkeypatch.setattr(os, call, real)
        assert set(names(folder)) <= {"keys.yaml"}
        assert path.exists() or (failed and not exists)
        if path.exists():
            assert "new" in KeyRing.load(path) or (failed and path.read_bytes() == OLD)
        if faulty.seen < point:
            return
    pytest.fail("it never came to an end")


def test_short_writes_are_completed(monkeypatch, tmp_path):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:7]))
    path = tmp_path / "keys.yaml"
    ringstore.add_key(str(path), "k1")
    assert len(KeyRing.load(path)) == 1


def test_a_key_that_does_not_read_back_is_an_error(failure, monkeypatch, tmp_path):
    real = ringstore.write_new

    def lose(path, data, mode, owner=None):
        real(path, data.replace(b'base64: "', b'base64: "AAAA')[: -len(b'AAAA"}\n') - 2] + b'="}\n', mode, owner=owner)

    monkeypatch.setattr(ringstore, "write_new", lose)
    error = failure(ringstore.add_key, str(tmp_path / "keys.yaml"), "k1")
    assert type(error) in {ChangedUnderneath, NoUsableKey}


@pytest.mark.skipif(not ROOT, reason="only root has files of others that it may write")
def test_a_file_of_another_user_is_refused(failure, tmp_path):
    path = ring_file(tmp_path)
    os.chown(path, 65534, 65534)
    refuse(failure, path, NoUsableKey, "owned by another user")
