"""Keys in the operating system's keyring, tried with the file keyring of ``keyrings.alt``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.installing import how_to_install
from sealkit.keys import sources
from sealkit.keys.access import Access
from sealkit.keys.ring import KeyRing

if os.environ.get("SEALKIT_CI"):
    import keyring
    from keyrings.alt.file import PlaintextKeyring
else:
    keyring = pytest.importorskip("keyring")
    PlaintextKeyring = pytest.importorskip("keyrings.alt.file").PlaintextKeyring

SECRET = bytes(range(100, 132))
HEX = SECRET.hex()
SOURCE = "{keyring: {service: sealkit, user: k1}, encoding: hex}"


@pytest.fixture
def store(tmp_path):
    """A file keyring in place of the user's."""
    before = keyring.get_keyring()
    made = PlaintextKeyring()
    made.file_path = str(tmp_path / "keyring.cfg")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def declare(text):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", "")


def test_a_key_in_the_keyring(store, tmp_path):
    store.set_password("sealkit", "k1", HEX)
    assert (tmp_path / "keyring.cfg").exists()
    source = declare(SOURCE)
    assert source.read(Access({})) == SECRET
    assert source.costly
    assert not source.literal
    store.set_password("sealkit", "k1", HEX[:32])
    assert source.read(Access({})) == SECRET[:16]


def test_in_a_ring(store, tmp_path):
    store.set_password("sealkit", "k1", HEX)
    ring = tmp_path / "keys.yaml"
    ring.write_text(f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {SOURCE}\n")
    assert KeyRing.load(ring).primary.bits == 256


def test_what_is_not_there(failure, store):
    error = failure(declare(SOURCE).read, Access({}))
    assert error.problem == "key k1: keyring 'sealkit' 'k1': the keyring has no such entry"
    assert "keyring set" in error.hint


def test_what_is_no_key(failure, store):
    store.set_password("sealkit", "k1", HEX[:-1])
    assert "not valid hex" in failure(declare(SOURCE).read, Access({}), canary=SECRET).problem


def test_a_keyring_that_fails(failure, monkeypatch, store):
    def fails(*_):
        raise RuntimeError(HEX)

    monkeypatch.setattr(store, "get_password", fails)
    error = failure(declare(SOURCE).read, Access({}), canary=SECRET)
    assert "the keyring cannot be read (RuntimeError)" in error.problem


def test_no_keyring(failure, monkeypatch):
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        assert "the keyring cannot be read (NoKeyringError)" in failure(declare(SOURCE).read, Access({})).problem
    finally:
        keyring.set_keyring(before)


def test_without_the_package(failure, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    error = failure(declare(SOURCE).read, Access({}))
    assert type(error) is NoUsableKey
    assert how_to_install("keyring") in error.hint


WRONG = [
    ("{keyring: sealkit, encoding: hex}", "must be a mapping"),
    ("{keyring: {service: sealkit}, encoding: hex}", "'user' is missing"),
    ("{keyring: {user: x}, encoding: hex}", "'service' is missing"),
    ("{keyring: {service: a, user: b, password: c}, encoding: hex}", "unknown attribute 'password'"),
    ("{keyring: {service: a, user: b}}", "without encoding"),
    ("{keyring: {service: a, user: b}, encoding: raw}", "no raw bytes"),
    ('{keyring: {service: "a\\nb", user: b}, encoding: hex}', "not the name of an entry"),
    (f"{{keyring: {{service: {'a' * 257}, user: b}}, encoding: hex}}", "not the name of an entry"),
]


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_declared_wrongly(failure, text, problem):
    error = failure(declare, text)
    assert type(error) is ConfigError
    assert problem in error.problem


def test_from_the_command_line(tmp_path):
    """The user's settings choose the keyring, and the package's own program writes to it, as in the recipe."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    put = [sys.executable, "-m", "keyring", "set", "sealkit", "k1"]
    subprocess.run(put, env=environment, input=HEX.encode(), check=True, capture_output=True)
    ring = tmp_path / "keys.yaml"
    ring.write_text(f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {SOURCE}\n")
    ran = subprocess.run(
        [sys.executable, "-m", "sealkit", "keys", "--keys", str(ring)], env=environment, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran
    assert ran.stdout.startswith(b"k1  256 bits  enabled  plain  kid ")
    assert HEX[:12].encode() not in ran.stdout + ran.stderr
