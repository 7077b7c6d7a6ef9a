"""Rings: what a ring file may say, who may read it, where it is found; and that nothing of a key is ever told."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keys_canary import CANARY, leaks

from sealkit.errors import ConfigError, NoUsableKey, SealkitError, Usage
from sealkit.keys import ringfile
from sealkit.keys.key import Key
from sealkit.keys.ring import EXAMPLE_KEYS, KeyRing, user_ring

ROOT = os.geteuid() == 0
EXAMPLE = Path(__file__).parents[2] / "keys.example"
PUBLIC = "the keys of keys.example are public"
OTHER = bytes(range(200, 232))
HEX = CANARY.hex()


def write(folder, text, mode=0o600, name="keys.yaml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def load(folder, text, environ=None, mode=0o600):
    return KeyRing.load(write(folder, text, mode), environ={} if environ is None else environ)


# --- rings that load -------------------------------------------------------------------------------------------------
def test_the_example_loads_as_it_comes_out_of_version_control(tmp_path):
    ring = load(tmp_path, EXAMPLE.read_bytes(), mode=0o644)
    assert [(key.id, key.bits, key.format, key.state, key.kid) for key in ring] == [
        ("k2", 128, "plain", "enabled", "88c9e77c1d6dcd2a"),
        ("k1", 256, "plain", "enabled", "63774208dc4c7f9a"),
        ("k0", 192, "plain", "disabled", "7383442147e20eef"),
    ]
    assert ring.primary.id == "k2"
    assert [key.id for key in ring.openers] == ["k2", "k1"]
    assert all(key.is_one_of(EXAMPLE_KEYS) for key in ring)
    assert len(ring.warnings) == 1
    assert PUBLIC in ring.warnings[0]


def test_the_example_itself_loads():
    assert KeyRing.load(EXAMPLE).path == str(EXAMPLE)


def test_every_attribute(tmp_path):
    write(tmp_path, OTHER.hex() + "\n", name="k2.key")
    text = f"""\
version: 1
primary: k1
keys:
  - id: k1
    source: {{env: SEALKIT_SECRET_K1, encoding: base64}}
    format: tagged
    accept: authentic
  - {{id: "2", source: {{file: k2.key, encoding: hex}}, state: disabled, format: synthetic, accept: any}}
  - source:
      hex: {HEX}
    id: no
"""
    ring = load(tmp_path, text, {"SEALKIT_SECRET_K1": base64.b64encode(OTHER[:16]).decode()})
    told = [(key.id, key.bits, key.format, key.accept, key.state) for key in ring.keys]
    assert told == [
        ("k1", 128, "tagged", "authentic", "enabled"),
        ("2", 256, "synthetic", "any", "disabled"),
        ("no", 256, "plain", "any", "enabled"),
    ]
    assert ring.get("2").same_secret(Key("x", OTHER))
    assert ring.get("no").same_secret(Key("x", CANARY))
    assert ring.warnings == ()


def test_what_a_ring_tells():
    one, other = Key("k1", OTHER), Key("k2", CANARY)
    ring = KeyRing([one, other], primary="k2")
    assert (ring.keys, ring.openers, ring.primary, ring.path, ring.warnings) == ((one, other), (one, other), other, None, ())
    assert (list(ring), len(ring)) == ([one, other], 2)
    assert "k1" in ring
    assert one in ring
    assert "k3" not in ring
    assert Key("k1", OTHER) not in ring
    assert ring.get("k1") is one
    assert ring.by_kid(one.kid) is one
    assert ring.by_kid("0" * 16) is None
    assert repr(ring) == "<KeyRing of k1, k2; primary k2>"


def test_a_key_the_ring_does_not_have(failure):
    error = failure(KeyRing([Key("k1", CANARY)], primary="k1").get, HEX)
    assert type(error) is NoUsableKey
    assert error.hint == "it has: k1"


def test_closing_a_ring_closes_its_keys():
    with KeyRing([Key("k1", OTHER), Key("k2", CANARY)], primary="k2") as ring:
        assert ring.primary.bits == 256
    assert [repr(key) for key in ring] == ["<Key k1 closed>", "<Key k2 closed>"]


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, pickle.dumps, lambda ring: ring.__getstate__()])
def test_never_copied_nor_pickled(failure, copier):
    ring = KeyRing([Key("k1", CANARY)], primary="k1")
    assert type(failure(copier, ring)) is Usage
    assert not leaks(CANARY, repr(ring), str(ring), repr(dir(ring)))
    assert not hasattr(ring, "__dict__")


def test_one_secret_under_two_ids(failure):
    error = failure(KeyRing, [Key("k1", OTHER), Key("k2", CANARY), Key("k3", CANARY, state="disabled")], primary="k1")
    assert type(error) is ConfigError
    assert error.problem == "keys k2 and k3 are the same key"
    assert "remove one" in error.hint


def test_the_example_keys_are_warned_about_wherever_they_come_from():
    assert PUBLIC in KeyRing([Key("k", bytes(range(32)))], primary="k").warnings[0]
    assert KeyRing([Key("k", bytes(range(16)))], primary="k").warnings == ()


# --- rings that do not -----------------------------------------------------------------------------------------------
K1 = f"  - id: k1\n    source: {{hex: '{HEX}'}}\n"
K2 = f"  - id: k2\n    source: {{hex: '{OTHER.hex()}'}}\n"
HEAD = "version: 1\nprimary: k1\nkeys:\n"
BAD = [
    # file, class, what the problem says, what the hint says, line
    ("", ConfigError, "key ring: empty", "version: 1", 1),
    ("[]", ConfigError, "must be a mapping", "", 1),
    ("00112233445566778899aabbccddeeff\n", ConfigError, "must be a mapping", "--key-file FILE", 1),
    ("\x00", ConfigError, "not YAML", "", 1),
    (f"primary: k1\nkeys:\n{K1}", ConfigError, "'version' is missing", "version:", 1),
    (HEAD.replace("1\n", "2\n", 1) + K1, ConfigError, "version must be 1", "later sealkit", 1),
    (HEAD.replace("1\n", "'1'\n", 1) + K1, ConfigError, "version must be 1", "", 1),
    (HEAD.replace("1\n", "1.0\n", 1) + K1, ConfigError, "version must be 1", "", 1),
    (HEAD.replace("1\n", "[1]\n", 1) + K1, ConfigError, "'version' must be text", "", 1),
    (f"version: 1\nkeys:\n{K1}", ConfigError, "'primary' is missing", "primary:", 1),
    (f"version: 1\nprimary: [k1]\nkeys:\n{K1}", ConfigError, "'primary' must be text", "", 2),
    (f"version: 1\nprimary:\nkeys:\n{K1}", ConfigError, "'primary' has no value", "", 2),
    (f"version: 1\nprimary: k3\nkeys:\n{K1}{K2}", ConfigError, "none of the keys", "one of: k1, k2", 2),
    (f"{HEAD}{K1}    state: disabled\n", ConfigError, "the primary k1 is disabled", "enable", 2),
    ("version: 1\nprimary: k1\n", ConfigError, "'keys' is missing", "", 1),
    ("version: 1\nprimary: k1\nkeys:\n", ConfigError, "'keys' must be a list", "after a dash", 3),
    ("version: 1\nprimary: k1\nkeys: []\n", ConfigError, "without keys", "keygen", 2),
    ("version: 1\nprimary: k1\nkeys: {k1: a}\n", ConfigError, "'keys' must be a list", "", 3),
    ("version: 1\nprimary: k1\nkeys: [k1]\n", ConfigError, "an entry of keys must be a mapping", "blank after the colon", 3),
    (f"{HEAD}{K1}{K2}".replace("k2", "k1"), ConfigError, "two keys with the id k1", "its own id", 6),
    (f"{HEAD}{K1}  - id: k9\n    source: {{hex: '{HEX}'}}\n", ConfigError, "keys k1 and k9 are the same key", "remove one", None),
    (f"{HEAD}{K1}policy: x\n", ConfigError, "key ring: unknown attribute 'policy'", "known here: version, primary, keys", 6),
    (f"{HEAD}{K1}prmary: x\n", ConfigError, "unknown attribute 'prmary'", "did you mean 'primary'?", 6),
    (f"{HEAD}{K1}    formt: tagged\n", ConfigError, "key k1: unknown attribute 'formt'", "did you mean 'format'?", 6),
    (f"{HEAD}{K1}    public: true\n", ConfigError, "key k1: unknown attribute 'public'", "known here", 6),
    (f"{HEAD}{K1}    {HEX}: x\n", ConfigError, "key k1: unknown attribute (not shown)", "", 6),
    (f"{HEAD}{K1}    format: taged\n", ConfigError, "key k1: 'format' cannot be 'taged'", "did you mean 'tagged'?", 6),
    (f"{HEAD}{K1}    format: {HEX}\n", ConfigError, "key k1: 'format' cannot be (not shown)", "known here", 6),
    (f"{HEAD}{K1}    accept: all\n", ConfigError, "key k1: 'accept' cannot be 'all'", "", 6),
    (
        f"{HEAD}{K1}    state: off\n",
        ConfigError,
        "key k1: 'state' cannot be 'off'",
        "known here: enabled, decrypt-only, disabled",
        6,
    ),
    (f"{HEAD}{K1}    accept: authentic\n", ConfigError, "key k1: it would refuse what it seals", "format: tagged", 6),
    (f"{HEAD}  - source: {{hex: '{HEX}'}}\n", ConfigError, "an entry of keys: 'id' is missing", "", 4),
    (f"{HEAD}  - id: K1\n    source: {{hex: '{HEX}'}}\n", ConfigError, "not a key id", "a-z 0-9", 4),
    (f"{HEAD}  - id: {HEX}x/\n    source: {{hex: '{HEX}'}}\n", ConfigError, "not a key id", "a-z 0-9", 4),
    (f"{HEAD}  - id: {'k' * 65}\n    source: {{hex: '{HEX}'}}\n", ConfigError, "not a key id", "64", 4),
    (f"{HEAD}  - id: k1\n", ConfigError, "key k1: 'source' is missing", "", 4),
    (f"{HEAD}  - id: k1\n    source: {HEX}\n", ConfigError, "key k1: 'source' must be a mapping", "name: value", 5),
    (f"{HEAD}  - id: k1\n    source: {{hex:{HEX}}}\n", ConfigError, "key k1: source: unknown attribute (not shown)", "", 5),
    (
        f"{HEAD}  - id: k1\n    source: {{pkcs11: x}}\n",
        ConfigError,
        "'pkcs11' must be a mapping",
        "",
        5,
    ),
    (f"{HEAD}{K1}    {K1[4:]}", ConfigError, "'id' stands twice", "", 6),
    (f"{HEAD}  - &k\n    id: k1\n    source: {{hex: '{HEX}'}}\n", ConfigError, "an anchor", "", 4),
    (f"{HEAD}  - id: k1\n    source: {{hex: '{HEX[:-1]}'}}\n", NoUsableKey, "key k1: hex text: not valid hex", "even number", 4),
    (f"{HEAD}  - id: k1\n    source: {{hex: '{HEX[:-2]}'}}\n", NoUsableKey, "31 bytes as hex", "16, 24 or 32", 4),
    (f"{HEAD}  - id: k1\n    source: {{base64: '{HEX}'}}\n", NoUsableKey, "48 bytes as base64", "probably hex: encoding: hex", 4),
    (f"{HEAD}{K1}  - id: k2\n    source: {{hex: zz}}\n    state: disabled\n", NoUsableKey, "key k2: hex text", "", 6),
    (
        f"{HEAD}{K1}  - id: k2\n    source: {{env: NOT_SET, encoding: hex}}\n",
        NoUsableKey,
        "key k2: env 'NOT_SET' is not set",
        "disable",
        6,
    ),
    (f"{HEAD}{K1}  - id: k2\n    source: {{file: none.key, encoding: hex}}\n", NoUsableKey, "no such file", "check", 6),
    (
        HEAD + "".join(f"  - {{id: k{n}, source: {{hex: '{n:032x}'}}}}\n" for n in range(257)),
        ConfigError,
        "257 keys; at most 256",
        "",
        4,
    ),
]


@pytest.mark.parametrize(("text", "kind", "problem", "hint", "line"), BAD, ids=range(len(BAD)))
def test_bad_ring(failure, tmp_path, text, kind, problem, hint, line):
    path = write(tmp_path, text)
    error = failure(KeyRing.load, path, environ={})
    assert type(error) is kind
    assert error.exit_status == (2 if kind is ConfigError else 3)
    assert problem in error.problem
    assert hint in error.hint
    assert error.line == line
    assert error.path == str(path)


def test_what_is_read_of_a_ring_as_yaml_is_bounded(tmp_path, failure):
    """Two events for an attribute: a list of some thousand words is no ring."""
    words = f"{HEAD}recipients: [{', '.join('x' * 10_240)}]\n"
    error = failure(KeyRing.load, write(tmp_path, words), environ={})
    assert "more than 10240" in error.problem
    assert ringfile.MAX_EVENTS == 10_240


def test_no_key_is_fetched_from_a_ring_that_is_wrong(tmp_path):
    environ = {}
    text = f"{HEAD}  - id: k1\n    source: {{env: SEALKIT_SECRET_K1, encoding: hex}}\n{K2}    formt: x\n"
    with pytest.raises(ConfigError):
        load(tmp_path, text, environ)


def test_a_disabled_key_that_cannot_be_had_is_kept_without_bytes(tmp_path):
    ring = load(tmp_path, f"{HEAD}{K1}  - id: k2\n    source: {{env: NOT_SET, encoding: hex}}\n    state: disabled\n")
    assert repr(ring.get("k2")) == "<Key k2 without bytes>"
    assert ring.by_kid("") is not ring.primary


def test_a_decrypt_only_key_must_be_had(tmp_path):
    text = f"{HEAD}{K1}  - id: k2\n    source: {{env: OLD, encoding: hex}}\n    state: decrypt-only\n"
    ring = load(tmp_path, text, {"OLD": "00" * 16})
    assert [key.id for key in ring.openers] == ["k1", "k2"]
    with pytest.raises(NoUsableKey, match="key k2"):
        load(tmp_path, text, {})


def test_utf8_is_warned_about(tmp_path):
    text = f"{HEAD}  - id: k1\n    source: {{env: JS, encoding: utf8}}\n"
    ring = load(tmp_path, text, {"JS": "0123456789abcdef"})
    assert ring.primary.same_secret(Key("x", b"0123456789abcdef"))
    assert [warning.split(":")[0] for warning in ring.warnings] == ["key k1"]


def test_a_ring_is_loaded_twice_in_one_process(monkeypatch, tmp_path):
    monkeypatch.setenv("SEALKIT_SECRET_TWICE", HEX)
    path = write(tmp_path, f"{HEAD}  - id: k1\n    source: {{env: SEALKIT_SECRET_TWICE, encoding: hex}}\n")
    assert KeyRing.load(path).primary.same_secret(KeyRing.load(path).primary)
    assert "SEALKIT_SECRET_TWICE" not in os.environ


# --- who may read a ring file ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("mode", "usable"), [(0o400, 1), (0o600, 1), (0o640, 0), (0o644, 0), (0o604, 0), (0o440, 0)])
def test_mode_of_a_ring_with_keys_in_it(failure, tmp_path, mode, usable):
    path = write(tmp_path, HEAD + K1 + K2, mode)
    if usable:
        assert len(KeyRing.load(path)) == 2
        return
    error = failure(KeyRing.load, path)
    assert type(error) is NoUsableKey
    assert f"it holds the bytes of key k1, but is open to other users (mode {mode:04o})" in error.problem
    assert "chmod 600" in error.hint
    assert error.path == str(path)


def test_mode_counts_for_a_disabled_key_too(failure, tmp_path):
    write(tmp_path, OTHER, name="k1.key")
    text = f"{HEAD}  - id: k1\n    source: {{file: k1.key, encoding: raw}}\n  - id: k2\n    source: {{hex: '{HEX}'}}\n    state: disabled\n"
    assert "key k2" in failure(KeyRing.load, write(tmp_path, text, 0o644)).problem


def test_mode_does_not_count_without_keys_in_it(tmp_path):
    text = f"{HEAD}  - id: k1\n    source: {{env: X, encoding: hex}}\n"
    assert load(tmp_path, text, {"X": HEX}, mode=0o644).primary.bits == 256


def test_one_real_key_among_the_example_keys_makes_the_mode_count(failure, tmp_path):
    path = write(tmp_path, EXAMPLE.read_text() + K1.replace("k1", "mine"), 0o644)
    assert "key mine" in failure(KeyRing.load, path).problem
    path.chmod(0o600)
    assert PUBLIC in KeyRing.load(path).warnings[0]


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_owner_of_a_ring_with_keys_in_it(failure, tmp_path):
    path = write(tmp_path, HEAD + K1)
    os.chown(path, 65534, 65534)
    assert "owned by another user" in failure(KeyRing.load, path).problem


def test_a_ring_file_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    write(tmp_path / "real", f"{HEAD}  - id: k1\n    source: {{file: k1.key, encoding: hex}}\n")
    write(tmp_path, HEX, name="k1.key")
    (tmp_path / "keys.yaml").symlink_to("real/keys.yaml")
    assert KeyRing.load(tmp_path / "keys.yaml").primary.bits == 256, "relative to the folder of the path that was given"


NO_FILE = [
    ("missing.yaml", "no such file"),
    ("", "no such file"),
    (".", "not a regular file"),
    ("fifo", "not a regular file"),
    ("a\0b", "no such path"),
]


@pytest.mark.parametrize(("name", "problem"), NO_FILE)
def test_no_such_ring(failure, monkeypatch, tmp_path, name, problem):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    error = failure(KeyRing.load, name)
    assert type(error) is NoUsableKey
    assert problem in error.problem


def test_a_ring_that_is_too_big(failure, tmp_path):
    assert "more than 1048576 bytes" in failure(KeyRing.load, write(tmp_path, b"#" * (1 << 20) + b"\n")).problem


# --- where a ring is found -------------------------------------------------------------------------------------------
@pytest.fixture
def places(tmp_path):
    """Rings in every place, each with a primary named after it."""
    for place in ("flag", "variable", "xdg/sealkit", "home/.config/sealkit"):
        (tmp_path / place).mkdir(parents=True)
        name = place.split("/")[0]
        write(tmp_path / place, HEAD.replace("k1", name) + K1.replace("k1", name))
    return tmp_path


def environment(places, *names):
    every = {
        "SEALKIT_KEYS": str(places / "variable/keys.yaml"),
        "XDG_CONFIG_HOME": str(places / "xdg"),
        "HOME": str(places / "home"),
        "SEALKIT_SECRET": f"hex:{HEX}",
    }
    return {name: every[name] for name in names}


ORDER = [
    (True, ("SEALKIT_KEYS", "XDG_CONFIG_HOME", "HOME", "SEALKIT_SECRET"), "flag"),
    (False, ("SEALKIT_KEYS", "XDG_CONFIG_HOME", "HOME", "SEALKIT_SECRET"), "variable"),
    (False, ("XDG_CONFIG_HOME", "HOME", "SEALKIT_SECRET"), "xdg"),
    (False, ("HOME", "SEALKIT_SECRET"), "home"),
]


@pytest.mark.parametrize(("flag", "names", "found"), ORDER, ids=[row[2] for row in ORDER])
def test_find(places, flag, names, found):
    ring = KeyRing.find(str(places / "flag/keys.yaml") if flag else None, environment(places, *names))
    assert ring.primary.id == found


def test_find_says_when_the_secret_of_the_environment_is_not_used(places):
    ring = KeyRing.find(None, environment(places, "HOME", "SEALKIT_SECRET"))
    assert "SEALKIT_SECRET is set but not used" in ring.warnings[0]
    assert HEX not in ring.warnings[0]


@pytest.mark.parametrize("value", [f"hex:{HEX}", "base64:" + base64.b64encode(CANARY).decode(), f"hex:{HEX}\n"])
def test_find_one_key_in_the_environment(tmp_path, value):
    ring = KeyRing.find(None, {"HOME": str(tmp_path), "SEALKIT_SECRET": value})
    assert [repr(key) for key in ring] == ["<Key env 256 bits>"]
    assert ring.primary.same_secret(Key("x", CANARY))
    assert ring.path is None


def test_find_takes_the_secret_out_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SEALKIT_KEYS", raising=False)
    monkeypatch.setenv("SEALKIT_SECRET", f"hex:{HEX}")
    assert KeyRing.find().primary.bits == 256
    assert "SEALKIT_SECRET" not in os.environ
    assert KeyRing.find().primary.bits == 256


NO_SECRET = [
    HEX,
    base64.b64encode(CANARY).decode(),
    f"utf8:{HEX}",
    f"HEX:{HEX}",
    f"hex: {HEX}",
    f"hex:{HEX}0",
    f"base64:{HEX}",
    ":",
    "hex:",
    "x",
]


@pytest.mark.parametrize("value", NO_SECRET, ids=range(len(NO_SECRET)))
def test_find_refuses_a_secret(failure, tmp_path, value):
    error = failure(KeyRing.find, None, {"HOME": str(tmp_path), "SEALKIT_SECRET": value})
    assert type(error) is NoUsableKey
    assert error.problem.startswith("SEALKIT_SECRET")


@pytest.mark.parametrize("variables", [{}, {"SEALKIT_KEYS": ""}, {"SEALKIT_SECRET": ""}, {"XDG_CONFIG_HOME": "relative"}])
def test_find_nothing(failure, tmp_path, variables):
    error = failure(KeyRing.find, None, {"HOME": str(tmp_path)} | variables)
    assert (type(error), error.exit_status, error.problem) == (NoUsableKey, 3, "no key ring")
    for way in ("sealkit keygen", "--keys FILE", "SEALKIT_KEYS", "SEALKIT_SECRET to hex:DIGITS or base64:TEXT"):
        assert way in error.hint


@pytest.mark.parametrize("named", ["flag", "variable"])
def test_find_never_looks_further_than_a_ring_that_was_named(failure, places, named):
    environ = environment(places, "XDG_CONFIG_HOME", "HOME", "SEALKIT_SECRET")
    missing = str(places / "missing.yaml")
    if named == "variable":
        environ["SEALKIT_KEYS"] = missing
    error = failure(KeyRing.find, missing if named == "flag" else None, environ)
    assert error.path == missing
    assert "no such file" in error.problem
    assert type(failure(KeyRing.find, "", environ)) is NoUsableKey


def test_find_never_looks_further_than_a_ring_of_the_user_that_is_broken(failure, places):
    environ = environment(places, "HOME", "SEALKIT_SECRET")
    ring = places / "home/.config/sealkit/keys.yaml"
    ring.write_text("version: 2\n")
    assert type(failure(KeyRing.find, None, environ)) is ConfigError
    ring.unlink()
    ring.symlink_to("nowhere")
    assert type(failure(KeyRing.find, None, environ)) is NoUsableKey


def test_the_place_of_the_user_without_a_home():
    assert user_ring({}).endswith("/.config/sealkit/keys.yaml")


# --- nothing is told, whatever the bytes -----------------------------------------------------------------------------
REAL = (HEAD + K1 + K2).encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_arbitrary_bytes(tmp_path, data):
    with pytest.raises(SealkitError):
        load(tmp_path, data)


PIECES = [
    b"'",
    b'"',
    b"\n",
    b" ",
    b"  ",
    b"- ",
    b":",
    b": ",
    b"{",
    b"}",
    b"[",
    b"&a ",
    b"*a",
    b"!x ",
    b"<<: ",
    b"\t",
    b"\x00",
    b"\xff",
    b"#",
    b"|",
    b"1",
]


def mutated(data, choose):
    """Cut, repeat or put in a little at random places; the canary stays recognisable."""
    for _ in range(choose.randint(1, 3)):
        at, length = choose.randrange(len(data) + 1), choose.randint(0, 12)
        put = choose.choice([b"", data[at : at + length] * 2, choose.choice(PIECES)])
        data = data[:at] + put + data[at + (0 if choose.random() < 0.5 else length) :]
    return data


@pytest.mark.parametrize("seed", range(8))
def test_mutations_of_rings_raise_only_sealkit_errors_that_tell_nothing(failure, tmp_path, seed):
    choose = random.Random(seed)
    loaded = 0
    for _ in range(150):
        path = write(tmp_path, mutated(choose.choice([REAL, REAL, EXAMPLE.read_bytes()]), choose))
        try:
            KeyRing.load(path, environ={})
            loaded += 1
        except SealkitError:
            failure(KeyRing.load, path, environ={})
    assert loaded < 150


@given(st.binary(max_size=200))
def test_parse_raises_only_config_errors(data):
    with pytest.raises(ConfigError):
        ringfile.parse(data, "")


def test_a_ring_from_the_environment_costs_no_yaml(tmp_path):
    child = "import sys; from sealkit.keys.ring import KeyRing; KeyRing.find(); print(sorted({'yaml', 'cryptography', 'hashlib', 'difflib'} & set(sys.modules)))"
    environ = {"SEALKIT_SECRET": f"hex:{HEX}", "HOME": str(tmp_path), "PYTHONPATH": str(EXAMPLE.parent)}
    done = subprocess.run([sys.executable, "-S", "-c", child], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
