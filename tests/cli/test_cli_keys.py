"""``sealkit keygen``, ``keys`` and ``completion``; and how the ring is found."""

from __future__ import annotations

import base64
import json
import re
import shutil
import stat
import subprocess

import pytest

SECRETS = {"k1": bytes(range(32)), "k2": bytes(range(0xF0, 0x100)), "k0": bytes(range(24))}


def spellings(secret):
    texts = [secret.hex(), base64.b64encode(secret).decode(), repr(secret)[2:-1], secret.decode("latin-1")]
    return [part for text in texts for part in (text[:12], text[-12:])]


# --- keygen ----------------------------------------------------------------------------------------------------------
def test_a_new_ring(desk):
    ran = desk.run("keygen", "--keys", "new/keys.yaml")
    assert ran.status == 0
    assert re.fullmatch(r"k1  256 bits  kid [0-9a-f]{16}  in new/keys\.yaml\n", ran.text)
    assert stat.S_IMODE((desk.path / "new/keys.yaml").stat().st_mode) == 0o600
    assert stat.S_IMODE((desk.path / "new").stat().st_mode) == 0o700
    secret = base64.b64decode(re.search(rb'base64: "([^"]+)"', desk.read("new/keys.yaml"))[1])
    assert len(secret) == 32
    assert not [text for text in spellings(secret) if text in ran.text + ran.err]
    desk.record("x.md", "plaintext")
    assert desk.run("seal", "--keys", "new/keys.yaml", "x.md").status == 0
    assert desk.run("decrypt", "--keys", "new/keys.yaml", "x.md").out == b"plaintext"


def test_a_key_is_added_and_becomes_primary_only_when_told(desk):
    desk.run("keygen", "--keys", "keys.yaml", "--id", "first")
    before = desk.read("keys.yaml")
    assert desk.run("keygen", "--keys", "keys.yaml").text.startswith("k1  256 bits")
    assert desk.read("keys.yaml").startswith(before)
    third = desk.run("keygen", "--keys", "keys.yaml", "--id", "third", "--bits", "128", "--primary")
    assert third.text.startswith("third  128 bits")
    listed = [json.loads(line) for line in desk.run("keys", "--json", "--keys", "keys.yaml").out.splitlines()]
    assert [(key["id"], key["primary"]) for key in listed] == [("first", False), ("k1", False), ("third", True)]
    assert stat.S_IMODE((desk.path / "keys.yaml").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("options", "status"), [(["--id", "k1"], 2), (["--id", "UPPER"], 2), (["--bits", "129"], 2), (["--id", ""], 2)]
)
def test_nothing_is_overwritten(desk, options, status):
    desk.run("keygen", "--keys", "keys.yaml")
    before = desk.read("keys.yaml")
    assert desk.run("keygen", "--keys", "keys.yaml", *options).status == status
    assert desk.read("keys.yaml") == before


def test_a_ring_that_others_can_read_gets_no_key(desk):
    desk.run("keygen", "--keys", "keys.yaml")
    (desk.path / "keys.yaml").chmod(0o644)
    before = desk.read("keys.yaml")
    assert desk.run("keygen", "--keys", "keys.yaml").status == 3
    assert desk.run("keys", "--keys", "keys.yaml").status == 3
    assert desk.read("keys.yaml") == before


def test_where_a_ring_is_made(desk):
    assert desk.run("keygen", env={"SEALKIT_KEYS": str(desk.path / "named.yaml")}).status == 0
    assert (desk.path / "named.yaml").is_file()
    ran = desk.run("keygen", env={"SEALKIT_KEYS": None})
    assert ran.status == 0
    assert (desk.path / "home/.config/sealkit/keys.yaml").is_file()
    assert desk.run("keys", env={"SEALKIT_KEYS": None}).status == 0


def test_the_folder_cannot_be_made(desk):
    desk.write("file", b"")
    assert desk.run("keygen", "--keys", "file/keys.yaml").status == 4


# --- keys ------------------------------------------------------------------------------------------------------------
def test_keys_lists_and_never_shows_a_key(desk):
    text, lines = desk.run("keys"), desk.run("keys", "--json")
    assert text.text.splitlines() == [
        "k2  128 bits  enabled  plain  kid 88c9e77c1d6dcd2a  primary",
        "k1  256 bits  enabled  plain  kid 63774208dc4c7f9a",
        "k0  192 bits  disabled  plain  kid 7383442147e20eef",
    ]
    listed = [json.loads(line) for line in lines.out.splitlines()]
    assert listed[0] == {
        "id": "k2",
        "bits": 128,
        "state": "enabled",
        "format": "plain",
        "accept": "any",
        "kid": "88c9e77c1d6dcd2a",
        "primary": True,
    }
    said = text.text + text.err + lines.text + lines.err
    assert not [found for secret in SECRETS.values() for found in spellings(secret) if found in said]


# --- the ring is found -----------------------------------------------------------------------------------------------
def test_the_search_order(desk):
    desk.run("keygen", "--keys", "a.yaml", "--id", "a")
    desk.run("keygen", "--keys", "home/.config/sealkit/keys.yaml", "--id", "home")
    environment = {"SEALKIT_KEYS": "keys.example", "SEALKIT_SECRET": "hex:" + "ab" * 16}
    assert desk.run("keys", "--keys", "a.yaml", env=environment).text.startswith("a  ")
    assert desk.run("keys", env=environment).text.startswith("k2  ")
    user = desk.run("keys", env=environment | {"SEALKIT_KEYS": None})
    assert user.text.startswith("home  ")
    assert "SEALKIT_SECRET is set but not used" in user.err
    shutil.rmtree(desk.path / "home/.config")
    alone = desk.run("keys", env=environment | {"SEALKIT_KEYS": None})
    assert alone.text.startswith("env  128 bits")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (None, 2),
        (b"", 2),
        (b"version: 2\nprimary: a\nkeys: []\n", 2),
        (b"version: 1\nprimary: b\nkeys:\n  - id: a\n    source: {hex: '00'}\n", 2),
        (b"version: 1\nprimary: a\nkeys:\n  - id: a\n    source: {hex: '00'}\n", 3),
        (b"version: 1\nprimary: a\nkeys:\n  - id: a\n    source: {env: SEALKIT_SECRET_ABSENT, encoding: hex}\n", 3),
        (b"version: 1\nprimary: a\nkeys:\n  - id: a\n    source: {file: absent.key, encoding: hex}\n", 3),
        (b"version: 1\nversion: 1\nprimary: a\nkeys: []\n", 2),
        (b"\0", 2),
        (b"a: [", 2),
        (b"[" * 100_000, 2),
    ],
)
def test_bad_rings(desk, content, status):
    if content is not None:
        desk.write("bad.yaml", content)
        (desk.path / "bad.yaml").chmod(0o600)
    ran = desk.run("decrypt", "--keys", "bad.yaml", "records/article.md")
    assert ran.status in ((status,) if content is not None else (2, 3)), ran
    assert ran.out == b""
    assert "Traceback" not in ran.err
    assert "hint:" in ran.err


@pytest.mark.parametrize("verb", ["decrypt", "seal", "rotate", "verify", "keys"])
def test_no_ring_at_all(desk, verb):
    ran = desk.run(verb, *([] if verb == "keys" else ["records/article.md"]), env={"SEALKIT_KEYS": None})
    assert ran.status == 3
    assert "sealkit keygen" in ran.err


@pytest.mark.parametrize("value", ["", "00" * 16, "hex:00", "hex:zz", "base64:!!", "raw:0123456789abcdef"])
def test_a_secret_that_is_none(desk, value):
    ran = desk.run("keys", env={"SEALKIT_KEYS": None, "SEALKIT_SECRET": value})
    assert ran.status == 3, ran
    assert len(value) < 8 or value[4:] not in ran.err


def test_the_secret_is_not_inherited_by_children(desk):
    environment = {"SEALKIT_KEYS": None, "SEALKIT_SECRET": "hex:" + "ab" * 16}
    desk.write("home/git", b'#!/bin/sh\nenv > "$HOME/seen"\nexit 1\n')
    (desk.path / "home/git").chmod(0o755)
    desk.record("tree/x.md", "plaintext")
    for name in ("config", "HEAD", "objects/x", "refs/x"):
        desk.write(f"tree/.git/{name}", b"")
    environment["PATH"] = f"{desk.path}/home:{desk.env['PATH']}"
    desk.run("seal", "--since", "HEAD", "tree", env=environment)
    assert b"HOME=" in desk.read("home/seen")
    assert b"abab" not in desk.read("home/seen")


# --- keys never come as arguments ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "option", ["--key={}", "--key {}", "--key{}", "--secret={}", "--passphrase {}", "--key-hex={}", "--keyfile={}"]
)
def test_a_key_as_an_argument_is_refused_and_not_repeated(desk, option):
    secret = "00112233445566778899aabbccddeeff"
    ran = desk.run("decrypt", *option.format(secret).split(" "), "records/article.md")
    assert (ran.status, ran.out) == (2, b"")
    assert secret[:8] not in ran.err
    assert "--keys FILE" in ran.err


# --- completion ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(desk, shell):
    ran = desk.run("completion", shell)
    assert ran.status == 0
    assert "_SEALKIT_COMPLETE" in ran.text
    if shutil.which(shell) is not None:
        desk.write("script", ran.out)
        subprocess.run([shell, "-n", "script"], cwd=desk.path, check=True)
    assert desk.run("completion", "tcsh").status == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["de"], ["decrypt"]),
        (["k"], ["keygen", "keys"]),
        (["decrypt", "--key-f"], ["--key-file", "--key-fd"]),
        (["seal", "--payload-kind", ""], ["text", "json", "binary"]),
        (["inspect", "records/ar"], ["<files>"]),
        (["decrypt", "--keys", "k"], ["<files>"]),
        (["seal", "--payload", "k"], ["<files>"]),
        (["verify", "--report", "k"], ["<files>"]),
        (["decrypt", "x", "-o", "k"], ["<files>"]),
    ],
)
def test_bash_completes(desk, words, expected):
    desk.write("home/sealkit", ("#!/bin/sh\nexec " + " ".join(desk.command()) + ' "$@"\n').encode())
    (desk.path / "home/sealkit").chmod(0o755)
    quoted = " ".join(f"'{word}'" for word in ["sealkit", *words])
    script = f"""
        compopt() {{ COMPREPLY+=('<files>'); }}
        source <(sealkit completion bash)
        COMP_WORDS=({quoted}); COMP_CWORD={len(words)}
        _sealkit_completion sealkit
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = desk.env | {"PATH": f"{desk.path}/home:{desk.env['PATH']}"}
    ran = subprocess.run(["bash", "-c", script], cwd=desk.path, env=environment, capture_output=True, check=True, text=True)
    assert ran.stdout.split() == expected, ran
