"""A key's life on the command line: added, checked, enabled, disabled, made the primary, changed, renamed, exported."""

from __future__ import annotations

import json
import os
import stat

import pytest

from sealkit.keys import ringstore

HEX = "00112233445566778899aabbccddee00"


def mode_of(desk, name):
    return stat.S_IMODE((desk.path / name).stat().st_mode)


@pytest.fixture
def life(desk):
    """The desk with a ring of three keys, its primary k1, and a key file that is only its owner's."""
    desk.env["SEALKIT_KEYS"] = str(desk.path / "keys.yaml")
    for number in (1, 2, 3):
        ringstore.add_key(desk.env["SEALKIT_KEYS"], f"k{number}")
    desk.write("x.key", f"{HEX}\n".encode())
    (desk.path / "x.key").chmod(0o600)
    return desk


def keys_of(desk, **env):
    listed = [json.loads(line) for line in desk.run("keys", "--json", env=env).out.splitlines()]
    return {key["id"]: key for key in listed}


def ring(desk):
    return desk.read("keys.yaml").decode()


# --- states and formats ----------------------------------------------------------------------------------------------
def test_a_life(life):
    before = ring(life)
    assert life.run("keys", "disable", "k2").text == f"k2  disabled  plain  in {life.path}/keys.yaml\n"
    assert keys_of(life)["k2"]["state"] == "disabled"
    assert len(ring(life)) == len(before) + len("    state: disabled\n")
    assert life.run("keys", "enable", "k2").status == 0
    assert life.run("keys", "set-format", "k2", "tagged").status == 0
    assert life.run("keys", "set-accept", "k2", "authentic").text.startswith("k2  enabled  tagged  accepts authentic only  in ")
    assert life.run("keys", "set-primary", "k2").text.startswith("k2  enabled  tagged  accepts authentic only  primary")
    assert life.run("keys", "rename", "k2", "new").status == 0
    known = keys_of(life)
    assert (known["new"]["primary"], known["new"]["format"], known["new"]["accept"]) == (True, "tagged", "authentic")
    assert "k2" not in known
    life.record("x.md", "a payload of several words")
    assert "key new" in life.run("seal", "x.md").text
    assert mode_of(life, "keys.yaml") == 0o600


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["disable", "k1"], 2, "the primary k1 is disabled"),
        (["disable", "k9"], 3, "no key with that id"),
        (["set-primary", "k9"], 2, "none of the keys"),
        (["set-accept", "k2", "authentic"], 2, "it would refuse what it seals"),
        (["set-accept", "k2", "all"], 2, "'all' is not one of"),
        (["set-format", "k2", "fancy"], 2, "'fancy' is not one of"),
        (["rename", "k2", "k1"], 2, "already"),
        (["rename", "k2", "K2"], 2, "not a key id"),
        (["rename", "k2"], 2, "Missing argument"),
    ],
)
def test_what_the_ring_refuses(life, args, status, said):
    before = ring(life)
    ran = life.run("keys", *args)
    assert (ran.status, ring(life)) == (status, before), ran
    assert said in ran.err


@pytest.mark.parametrize("verb", [["enable", "k4"], ["set-primary", "k4"]])
def test_a_key_whose_bytes_are_not_there_neither_seals_nor_opens(life, verb):
    life.write("keys.yaml", ring(life).encode() + b"  - id: k4\n    source: {env: SEALKIT_SECRET_K4, encoding: hex}\n")
    if verb[0] == "enable":
        assert life.run("keys", "disable", "k4").status == 0
    before = ring(life)
    ran = life.run("keys", *verb)
    assert (ran.status, ring(life)) == (3, before), ran
    assert "SEALKIT_SECRET_K4" in ran.err
    assert life.run("keys", *verb, env={"SEALKIT_SECRET_K4": HEX}).status == 0


def test_a_key_that_cannot_be_had_can_be_disabled(life):
    life.write("keys.yaml", ring(life).encode() + b"  - id: k4\n    source: {env: SEALKIT_SECRET_K4, encoding: hex}\n")
    assert life.run("keys").status == 3
    assert life.run("keys", "disable", "k4").status == 0
    assert life.run("keys").status == 0


def test_no_ring(life):
    for args in (["disable", "k1"], ["set-primary", "k5"], ["rename", "a", "b"]):
        ran = life.run("keys", *args, "--keys", "none.yaml")
        assert ran.status == 3
        assert "sealkit keygen" in ran.err
        assert "sealkit keys add" in ran.err


def test_a_ring_that_others_can_read_is_not_changed_until_that_is_mended(life):
    (life.path / "keys.yaml").chmod(0o644)
    before = ring(life)
    ran = life.run("keys", "disable", "k2")
    assert (ran.status, ring(life)) == (3, before)
    assert "open to other users" in ran.err


def test_the_example_ring_is_only_its_owners_once_it_was_changed(desk):
    assert mode_of(desk, "keys.example") & 0o044
    assert desk.run("keys", "enable", "k0").status == 0
    assert mode_of(desk, "keys.example") & 0o077 == 0
    assert desk.read("keys.example").count(b"state: enabled") == 1


def test_a_ring_in_a_folder_that_cannot_be_written(life):
    if os.geteuid() == 0:
        before = life.files()
        (life.path / "keys.yaml").rename(life.path / "home" / "keys.yaml")
        ran = life.run("keys", "disable", "k2", "--keys", "/proc/keys.yaml")
        assert ran.status == 3
        assert life.files().keys() - before.keys() == {"home/keys.yaml"}
        return
    life.path.chmod(0o500)
    try:
        assert life.run("keys", "disable", "k2").status == 4
    finally:
        life.path.chmod(0o700)


# --- keys that are there already -------------------------------------------------------------------------------------
def test_a_key_file_is_added(life):
    ran = life.run("keys", "add", "k4", "--from-file", "x.key", "--encoding", "hex", "--format", "tagged", "--primary")
    assert ran.text == f"k4  enabled  tagged  primary  in {life.path}/keys.yaml\n"
    assert ring(life).endswith('  - id: k4\n    source: {file: "x.key", encoding: hex}\n    format: tagged\n')
    assert keys_of(life)["k4"]["bits"] == 128


def test_a_key_file_elsewhere_is_named_from_the_root_on(life):
    outside = life.path.parent / "y.key"
    outside.write_bytes(bytes.fromhex(HEX))
    outside.chmod(0o600)
    assert life.run("keys", "add", "k4", "--from-file", "../y.key", "--encoding", "raw").status == 0
    assert f'source: {{file: "{outside}", encoding: raw}}' in ring(life)


def test_a_variable_is_added(life):
    args = ["keys", "add", "k4", "--from-env", "SEALKIT_SECRET_K4", "--encoding", "hex"]
    before = ring(life)
    assert life.run(*args).status == 3
    assert ring(life) == before
    assert life.run(*args, env={"SEALKIT_SECRET_K4": HEX}).status == 0
    assert 'source: {env: "SEALKIT_SECRET_K4", encoding: hex}' in ring(life)
    assert HEX not in ring(life)


@pytest.mark.parametrize(
    ("where", "more"),
    [
        (["--from-stdin"], {"stdin": HEX.encode()}),
        (["--from-stdin"], {"stdin": HEX.encode() + b"\r\n"}),
        (["--from-file", "x.key", "--copy"], {}),
        (["--from-env", "MINE", "--copy"], {"env": {"MINE": HEX}}),
    ],
)
def test_a_key_is_brought_into_the_ring(life, where, more):
    ran = life.run("keys", "add", "k4", *where, "--encoding", "hex", **more)
    assert ran.status == 0, ran
    assert 'base64: "ABEiM0RVZneImaq7zN3uAA=="' in ring(life)
    assert mode_of(life, "keys.yaml") == 0o600


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["k4"], 2, "not said where the key is"),
        (["k4", "--from-file", "x.key"], 2, "not said how the key is written"),
        (["k4", "--from-file", "x.key", "--from-stdin", "--encoding", "hex"], 2, "not said where"),
        (["k4", "--from-file", "x.key", "--encoding", "base64"], 3, "not valid base64"),
        (["k4", "--from-file", "gone.key", "--encoding", "hex"], 3, "no such file"),
        (["k4", "--from-file", "records", "--encoding", "hex"], 3, "not a regular file"),
        (["k1", "--from-file", "x.key", "--encoding", "hex"], 2, "already"),
        (["k4", "--from-file", "x.key", "--encoding", "hex", "--accept", "authentic"], 2, "it would refuse"),
        (["k4", "--from-stdin", "--encoding", "hex"], 3, "0 bytes"),
        (["k4", "--from-env", "A B", "--encoding", "hex"], 2, "not the name of an environment variable"),
    ],
)
def test_what_is_not_added(life, args, status, said):
    if "base64" in args:
        life.write("x.key", b"not a key\n")
    before = ring(life)
    ran = life.run("keys", "add", *args)
    assert (ran.status, ring(life)) == (status, before), ran
    assert said in ran.err
    assert HEX not in ran.err


def test_a_key_that_the_ring_has_already_is_not_added_again(life):
    add = ["--from-file", "x.key", "--encoding", "hex"]
    assert life.run("keys", "add", "k4", *add).status == 0
    before = ring(life)
    ran = life.run("keys", "add", "k5", *add, "--copy")
    assert (ran.status, ring(life)) == (2, before)
    assert "the same key" in ran.err


def test_a_key_is_no_argument(life):
    ran = life.run("keys", "add", "k4", HEX)
    assert ran.status == 2
    assert HEX not in ran.err + ran.text
    ran = life.run("keys", "add", f"--secret={HEX}", "k4")
    assert ran.status == 2
    assert HEX not in ran.err + ran.text


# --- looked at -------------------------------------------------------------------------------------------------------
def test_check(life):
    life.run("keys", "add", "k4", "--from-file", "x.key", "--encoding", "hex")
    ran = life.run("keys", "check")
    assert ran.status == 0, ran
    assert [line.split()[:4] for line in ran.text.splitlines()] == [
        ["k1", "base64", "enabled", "plain"],
        ["k2", "base64", "enabled", "plain"],
        ["k3", "base64", "enabled", "plain"],
        ["k4", "file", "enabled", "plain"],
    ]
    assert ran.text.count("kid ") == 4
    assert ran.text.splitlines()[0].endswith("primary")
    assert "mode 0600, 4 keys, 0 that cannot be had" in ran.err


@pytest.mark.parametrize("what", ["gone", "open"])
def test_check_finds_what_is_wrong_and_looks_at_the_rest(life, what):
    life.run("keys", "add", "k4", "--from-file", "x.key", "--encoding", "hex")
    if what == "gone":
        (life.path / "x.key").unlink()
    else:
        (life.path / "x.key").chmod(0o640)
    ran = life.run("keys", "check", "--json")
    assert ran.status == 1
    assert [bool(line.get("problem")) for line in ran.lines] == [False, False, False, True]
    assert all(line["kid"] for line in ran.lines[:3])
    assert ran.summary == {"ring": str(life.path / "keys.yaml"), "mode": "0600", "keys": 4, "problems": 1}
    assert life.run("keys", "disable", "k4").status == 0
    assert life.run("keys", "check").status == 0, "nobody needs a disabled key"


def test_check_of_a_ring_that_is_open_to_others(life):
    (life.path / "keys.yaml").chmod(0o644)
    ran = life.run("keys", "check")
    assert ran.status == 3
    assert "open to other users" in ran.err


def test_identify_by_phone(life):
    kid = keys_of(life)["k2"]["kid"]
    spelt = " ".join(kid[at : at + 4] for at in range(0, 16, 4))
    assert life.run("keys", "identify", "--key-id", "k2").text == f"k2  kid {spelt}\n"
    assert len(life.run("keys", "identify").text.splitlines()) == 3
    ran = life.run("keys", "identify", "--from-file", "x.key", "--encoding", "hex")
    assert ran.text.startswith("128 bits  kid ")
    assert life.run("keys", "identify", "--from-stdin", "--encoding", "hex", stdin=HEX.encode()).text == ran.text
    life.run("keys", "add", "k4", "--from-file", "x.key", "--encoding", "hex")
    assert keys_of(life)["k4"]["kid"] == ran.text.split("kid ")[1].replace(" ", "").strip()
    assert life.run("keys", "identify", "--from-stdin", "--encoding", "hex", "records").status == 2
    assert life.run("keys", "identify", "--key-id", "k9").status == 3


# --- given away ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["hex", "base64", "raw"])
def test_export_of_a_key_itself(life, encoding):
    ran = life.run("keys", "export", "--secret", "k2", "--encoding", encoding, "-o", "k2.key")
    assert (ran.status, ran.out) == (0, b"")
    assert mode_of(life, "k2.key") == 0o600
    ran = life.run("keys", "identify", "--from-file", "k2.key", "--encoding", encoding)
    assert ran.text.split("kid ")[1].replace(" ", "").strip() == keys_of(life)["k2"]["kid"]
    again = life.run("keys", "export", "--secret", "k2", "-o", "k2.key")
    assert again.status == 4, "nothing is overwritten"


@pytest.mark.parametrize(
    "args",
    [["k2"], ["--secret", "k2"], ["--secret", "-o", "f"], ["--secret", "k1", "k2", "-o", "f"], ["--secret", "--verify-only", "k2"]],
    ids=" ".join,
)
def test_a_key_is_exported_only_when_that_is_said(life, args):
    before = life.files()
    ran = life.run("keys", "export", *args)
    assert (ran.status, ran.out) == (2, b"")
    assert life.files() == before


# --- wrapped keys ----------------------------------------------------------------------------------------------------
@pytest.fixture
def wrapped(life):
    """The ring with a key that is wrapped under another one."""
    assert life.run("keygen", "--id", "inner", "--wrapped-by", "k3").status == 0
    return life


def test_a_key_that_others_are_wrapped_under_is_not_removed(wrapped):
    before = ring(wrapped)
    ran = wrapped.run("keys", "remove", "k3", "--unused")
    assert (ran.status, ring(wrapped)) == (2, before), ran
    assert "inner" in ran.err
    assert wrapped.run("keys", "remove", "inner", "--unused").status == 0
    assert wrapped.run("keys", "remove", "k3", "--unused").status == 0
    assert list(keys_of(wrapped)) == ["k1", "k2"]


def test_a_key_that_others_are_wrapped_under_is_renamed_there_too(wrapped):
    kid = keys_of(wrapped)["inner"]["kid"]
    assert wrapped.run("keys", "rename", "k3", "master").status == 0
    assert 'under: "master"' in ring(wrapped)
    assert keys_of(wrapped)["inner"]["kid"] == kid
    assert wrapped.run("keys", "check").status == 0
