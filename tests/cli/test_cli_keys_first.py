"""The first key: one that somebody has, put into a ring that is not there yet; one that is made; and what is said where there is none."""

from __future__ import annotations

import base64
import stat

import pytest

from sealkit.keys.ring import KeyRing

SECRET = bytes(range(200, 232))
HEX, BASE64 = SECRET.hex(), base64.b64encode(SECRET).decode()
TEXT = "0123456789abcdefghijklmnopqrstuv"


@pytest.fixture
def new(desk):
    """The desk of somebody who has a key, and no ring."""
    desk.env.pop("SEALKIT_KEYS")
    for name, content in (("hex.key", HEX), ("b64.key", BASE64), ("js.key", TEXT)):
        desk.write(name, f"{content}\n".encode())
    desk.write("raw.key", SECRET)
    for name in ("hex.key", "b64.key", "js.key", "raw.key"):
        (desk.path / name).chmod(0o600)
    return desk


# (what is said of the key, what is on stdin, the variable it is in, what the ring then holds)
FIRST = [
    (["--from-file", "hex.key", "--encoding", "hex"], "", "", 'hex.key", encoding: hex}'),
    (["--from-file", "b64.key", "--encoding", "base64"], "", "", 'b64.key", encoding: base64}'),
    (["--from-file", "raw.key", "--encoding", "raw"], "", "", 'raw.key", encoding: raw}'),
    (["--from-file", "js.key", "--encoding", "utf8"], "", "", 'js.key", encoding: utf8}'),
    (["--from-file", "hex.key", "--encoding", "hex", "--copy"], "", "", f'base64: "{BASE64}"'),
    (["--from-env", "SEALKIT_SECRET_SITE", "--encoding", "hex"], "", HEX, '{env: "SEALKIT_SECRET_SITE", encoding: hex}'),
    (["--from-env", "SEALKIT_SECRET_SITE", "--encoding", "base64"], "", BASE64, "encoding: base64}"),
    (["--from-env", "SEALKIT_SECRET_SITE", "--encoding", "hex", "--copy"], "", HEX, f'base64: "{BASE64}"'),
    (["--from-stdin", "--encoding", "hex"], f"{HEX}\n", "", f'base64: "{BASE64}"'),
    (["--from-stdin", "--encoding", "base64"], BASE64, "", f'base64: "{BASE64}"'),
    (["--from-file", "hex.key", "--encoding", "hex", "--format", "tagged"], "", "", "format: tagged"),
    (["--from-file", "hex.key", "--encoding", "hex", "--format", "tagged", "--accept", "authentic"], "", "", "accept: authentic"),
    (["--from-file", "hex.key", "--encoding", "hex", "--primary"], "", "", "primary: site"),
]


@pytest.mark.parametrize(("given", "stdin", "variable", "held"), FIRST, ids=range(len(FIRST)))
@pytest.mark.parametrize("place", ["the user's own", "--keys", "SEALKIT_KEYS"])
def test_a_key_that_somebody_has_makes_a_ring(new, place, given, stdin, variable, held):
    env = {"SEALKIT_SECRET_SITE": variable} if variable else {}
    named = {"the user's own": "home/.config/sealkit/keys.yaml", "--keys": "mine/keys.yaml", "SEALKIT_KEYS": "named.yaml"}[place]
    if place == "SEALKIT_KEYS":
        new.env["SEALKIT_KEYS"] = str(new.path / named)
    options = ["--keys", named] if place == "--keys" else []
    ran = new.run("keys", "add", "site", *given, *options, stdin=stdin.encode(), env=env)
    assert ran.status == 0, ran
    assert "primary" in ran.text
    assert HEX not in ran.err + ran.text
    ring = new.path / named
    assert stat.S_IMODE(ring.stat().st_mode) == 0o600
    assert held in ring.read_text()
    with KeyRing.load(ring, environ=dict(env)) as loaded:
        assert loaded.primary.id == "site"
        assert bytes(loaded.primary.encoded("raw")) == (TEXT.encode() if "js.key" in given else SECRET)
    new.record("x.md", "a payload of several words")
    again = ["--keys", named] if place == "--keys" else []
    assert "key site" in new.run("seal", "x.md", *again, env=env).text


NOT_ADDED = [
    (["--from-file", "none.key", "--encoding", "hex"], 3, "no such file"),
    (["--from-file", "hex.key", "--encoding", "base64"], 3, "probably hex"),
    (["--from-file", "hex.key"], 2, "how the key is written"),
    (["--encoding", "hex"], 2, "where the key is"),
    (["--from-env", "NOT_SET", "--encoding", "hex"], 3, "not set"),
    (["--from-stdin", "--encoding", "hex"], 3, ""),
    (["--from-file", "hex.key", "--from-stdin", "--encoding", "hex"], 2, "where the key is"),
    (["--from-file", "hex.key", "--encoding", "hex", "--accept", "authentic"], 2, "would refuse what it seals"),
    (["--from-file", "open.key", "--encoding", "hex"], 3, "open to other users (mode 0644)"),
    (["--from-file", "records/in.key", "--encoding", "hex"], 3, "inside the tree of"),
]


@pytest.mark.parametrize(("given", "status", "said"), NOT_ADDED, ids=range(len(NOT_ADDED)))
def test_a_key_that_cannot_be_had_makes_no_ring(new, given, status, said):
    new.write("open.key", HEX.encode())
    (new.path / "open.key").chmod(0o644)
    new.write("records/sealkit.yaml", b"version: 1\n")
    new.write("records/in.key", HEX.encode())
    (new.path / "records" / "in.key").chmod(0o600)
    ran = new.run("keys", "add", "site", "--keys", "ring.yaml", *given)
    assert ran.status == status, ran
    assert said in ran.err
    assert [name for name in new.files() if "ring.yaml" in name] == []


# --- where there is no key -----------------------------------------------------------------------------------------------
VERBS = [
    ["decrypt", "records/article.md"],
    ["seal", "records/article.md"],
    ["rotate", "records"],
    ["verify", "records"],
    ["edit", "records/article.md"],
    ["set", "records/article.md"],
    ["grep", "x", "records"],
    ["export", "records", "-o", "out.csv"],
    ["keys"],
    ["keys", "identify", "records"],
    ["retag", "records"],
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_key_at_all(new, verb):
    ran = new.run(*verb, stdin=b"x")
    assert ran.status == 3, ran
    for way in ("--key-env NAME", "sealkit keys add ID --from-file FILE", "sealkit keygen"):
        assert way in ran.err
    assert ran.err.index("keys add") < ran.err.index("keygen")


@pytest.mark.parametrize(
    "verb", [*VERBS, ["keys", "census", "records"], ["keys", "check"], ["keys", "export", "--verify-only"]], ids=" ".join
)
def test_a_ring_that_was_named_and_is_not_there(new, verb):
    ran = new.run(*verb, env={"SEALKIT_KEYS": str(new.path / "none.yaml")}, stdin=b"x")
    assert ran.status == 3, ran
    for way in ("sealkit keys add ID --from-file FILE", "sealkit keygen", "--keys FILE"):
        assert way in ran.err


CHANGES = [
    ["disable"],
    ["enable"],
    ["decrypt-only"],
    ["set-primary"],
    ["rename", "b"],
    ["set-format", "tagged"],
    ["set-accept", "any"],
    ["rewrap"],
]


@pytest.mark.parametrize("verb", CHANGES, ids=" ".join)
def test_no_ring_to_be_changed(new, verb):
    ran = new.run("keys", verb[0], "a", *verb[1:])
    assert ran.status == 3, ran
    assert "sealkit keys add ID --from-file FILE" in ran.err
    assert "--key-env" not in ran.err  # which these verbs do not have


WITHOUT = [
    ["keys", "census", "records"],
    ["keys", "retire", "k1", "records"],
    ["diff", "records/article.md", "records/interview.md"],
]


@pytest.mark.parametrize("verb", WITHOUT, ids=" ".join)
def test_verbs_without_key_env_do_not_name_it(new, verb):
    ran = new.run(*verb)
    assert ran.status == 3, ran
    assert "sealkit keys add ID --from-file FILE" in ran.err
    assert "--key-env" not in ran.err


def test_doctor_says_both_ways(new):
    ran = new.run("doctor")
    assert "sealkit keys add ID --from-file FILE" in ran.text + ran.err


# --- keys that are made now ------------------------------------------------------------------------------------------------
MADE = [
    ([], "any"),
    (["--format", "plain"], "any"),
    (["--format", "tagged"], "authentic"),
    (["--format", "synthetic"], "authentic"),
    (["--format", "tagged", "--bits", "128"], "authentic"),
    (["--format", "tagged", "--id", "own", "--primary"], "authentic"),
    (["--format", "tagged", "--passphrase-env", "SEALKIT_SECRET_P", "--kdf", "pbkdf2"], "authentic"),
    (["--format", "plain", "--passphrase-env", "SEALKIT_SECRET_P", "--kdf", "pbkdf2"], "any"),
    (["--format", "tagged", "--wrapped-by", "first"], "authentic"),
    (["--wrapped-by", "first"], "any"),
]


@pytest.mark.parametrize(("how", "accept"), MADE, ids=range(len(MADE)))
@pytest.mark.parametrize("is_new", [True, False])
def test_a_new_key_with_proofs_accepts_nothing_else(new, how, accept, is_new):
    if not is_new or "--wrapped-by" in how:
        assert new.run("keygen", "--keys", "ring.yaml", "--id", "first").status == 0
    env = {"SEALKIT_SECRET_P": "a passphrase of nine words that is only for tests"}
    ran = new.run("keygen", "--keys", "ring.yaml", *how, env=env)
    assert ran.status == 0, ran
    with KeyRing.load(new.path / "ring.yaml", environ=dict(env)) as ring:
        assert ring.keys[-1].accept == accept


# --- decrypt-only ------------------------------------------------------------------------------------------------------------
def test_a_key_that_only_decrypts(new):
    new.env["SEALKIT_KEYS"] = str(new.path / "ring.yaml")
    assert new.run("keygen").status == 0
    new.record("x.md", "a payload of several words")
    assert new.run("seal", "x.md").status == 0
    ran = new.run("keys", "decrypt-only", "k1")
    assert ran.status == 2, ran  # the primary seals
    assert new.run("keygen", "--primary").status == 0
    assert new.run("keys", "decrypt-only", "k1").text.startswith("k1  decrypt-only  plain  in ")
    assert new.run("decrypt", "x.md").out == b"a payload of several words"
    assert new.run("rotate", "--to", "k1", "x.md").status == 3
    assert new.run("keys", "set-primary", "k1").status == 2
    assert new.run("keys", "enable", "k1").text.startswith("k1  enabled  plain  in ")
    assert "decrypt-only" not in (new.path / "ring.yaml").read_text().replace("state: enabled", "")


def test_a_key_that_cannot_be_had_does_not_become_decrypt_only(new):
    new.env["SEALKIT_KEYS"] = str(new.path / "ring.yaml")
    new.run("keygen")
    env = {"SEALKIT_SECRET_SITE": HEX}
    assert new.run("keys", "add", "site", "--from-env", "SEALKIT_SECRET_SITE", "--encoding", "hex", env=env).status == 0
    assert new.run("keys", "disable", "site").status == 0
    assert new.run("keys", "decrypt-only", "site").status == 3
    assert new.run("keys", "decrypt-only", "site", env=env).status == 0


# --- no ring -----------------------------------------------------------------------------------------------------------------
WITHOUT_A_RING = [
    ["keys"],
    ["keys", "check"],
    ["keys", "enable", "k1"],
    ["keys", "decrypt-only", "k1"],
    ["keys", "disable", "k1"],
    ["keys", "set-primary", "k1"],
    ["keys", "set-format", "k1", "tagged"],
    ["keys", "set-accept", "k1", "any"],
    ["keys", "rename", "k1", "k2"],
    ["keys", "identify", "records"],
    ["keys", "census", "records"],
    ["keys", "retire", "k1", "records"],
    ["keys", "remove", "k1", "records"],
    ["keys", "remove", "k1", "--unused"],
    ["keys", "add-recipient", "ida", "age1x"],
    ["keys", "remove-recipient", "ida"],
    ["keys", "rewrap"],
    ["keys", "to-token", "k1", "--module", "/m.so", "--token", "t", "--pin-env", "PIN"],
    ["keys", "export", "--verify-only"],
    ["keys", "export", "--secret", "k1", "-o", "x"],
    ["keygen", "--age"],
    ["keygen", "--wrapped-by", "k1"],
    ["decrypt", "records/article.md"],
    ["seal", "records/article.md"],
    ["edit", "records/article.md"],
]


@pytest.mark.parametrize("words", WITHOUT_A_RING, ids=" ".join)
def test_a_ring_that_is_not_there_is_named_and_how_one_is_made(new, words):
    ran = new.run(*words, "--keys", "none.yaml")
    assert (ran.status, ran.out) == (3, b""), ran
    error, hint = ran.err.splitlines()
    assert error in (
        "sealkit: error: none.yaml: key ring: no such file or directory",
        "sealkit: error: none.yaml: there is no key ring",
    )
    assert hint.startswith("sealkit: hint: a key that you have goes into a ring with: sealkit keys add")
    assert not (new.path / "none.yaml").exists()
