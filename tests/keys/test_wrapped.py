"""Keys wrapped under another entry of the ring: one passphrase opens a ring that is safe to commit."""

from __future__ import annotations

import base64

import pytest

from sealkit.crypto.wrap import wrap
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import passphrase, ringfile, ringstore
from sealkit.keys.access import Access
from sealkit.keys.ring import KeyRing

KEK, SECRET = bytes(range(16)), bytes(range(100, 132))
SALT = "AAECAwQFBgcICQoLDA0ODw=="
PASSPHRASE = "acid acorn acre acts"


def b64(data):
    return base64.b64encode(data).decode()


def ring(*entries, primary="k1"):
    return f"version: 1\nprimary: {primary}\nkeys:\n" + "".join(f"  - {entry}\n" for entry in entries)


def load(tmp_path, text, **given):
    path = tmp_path / "keys.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return KeyRing.load(path, environ={}, **given)


def entry(key_id, secret, under, kek, *, algorithm="", more=""):
    chosen = wrap(kek, secret, algorithm or "kw")
    stated = f", algorithm: {algorithm}" if algorithm else ""
    return f"{{id: {key_id}, source: {{wrapped: '{b64(chosen)}', under: {under}{stated}}}{more}}}"


MASTER = f"{{id: master, state: disabled, source: {{hex: '{KEK.hex()}'}}}}"


@pytest.mark.parametrize("algorithm", ["", "kw", "kwp"])
@pytest.mark.parametrize("size", [16, 24, 32])
def test_a_wrapped_key(tmp_path, algorithm, size):
    loaded = load(tmp_path, ring(MASTER, entry("k1", SECRET[:size], "master", KEK, algorithm=algorithm)))
    assert loaded.primary.encoded("hex").strip() == SECRET[:size].hex().encode()
    assert [key.id for key in loaded.openers] == ["k1"]


def test_keys_under_keys(tmp_path):
    chain = [
        entry("k1", SECRET, "k2", bytes(32)),
        entry("k2", bytes(32), "k3", bytes(24)),
        entry("k3", bytes(24), "master", KEK),
        MASTER,
    ]
    assert load(tmp_path, ring(*chain)).primary.encoded("hex").strip() == SECRET.hex().encode()
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, ring(entry("k0", SECRET, "k1", SECRET), *chain))
    assert "more than 4 keys" in caught.value.problem


def test_a_mac_secret_and_a_verify_only_key_may_be_wrapped(tmp_path):
    mac = f"{{wrapped: '{b64(wrap(KEK, bytes(32), 'kw'))}', under: master}}"
    loaded = load(
        tmp_path,
        ring(
            MASTER,
            f"{{id: k1, source: {{hex: '{SECRET.hex()}'}}, mac: {mac}}}",
            f"{{id: v, verify_only: {{kid: {'0' * 16}, {mac[1:]}}}",
        ),
    )
    assert loaded.get("v").is_verify_only


WRONG = [
    (entry("k1", SECRET, "master", bytes(16)), NoUsableKey, "wrapped under key master: it does not unwrap"),
    (entry("k1", SECRET, "master", KEK, algorithm="kwp").replace("kwp", "kw"), NoUsableKey, "it does not unwrap"),
    (entry("k1", SECRET[:9], "master", KEK, algorithm="kwp"), NoUsableKey, "no key was wrapped, but 9 bytes"),
    (entry("k1", SECRET, "k1", KEK), ConfigError, "wrapped under itself"),
    (entry("k1", SECRET, "k7", KEK), ConfigError, "a key that the ring has not"),
    (entry("k1", SECRET, "K7", KEK), ConfigError, "not a key id"),
    (entry("k1", SECRET, "master", KEK).replace(", under: master", ""), ConfigError, "'under' is missing"),
    (entry("k1", SECRET, "master", KEK, algorithm="kwp").replace("kwp", "gcm"), ConfigError, "'algorithm' cannot be 'gcm'"),
    ("{id: k1, source: {wrapped: AAAA, under: master}}", NoUsableKey, "it does not unwrap"),
    ("{id: k1, source: {wrapped: AAA, under: master}}", ConfigError, "not a wrapped key"),
    (f"{{id: k1, source: {{wrapped: {b64(bytes(49))}, under: master}}}}", ConfigError, "not a wrapped key"),
]


@pytest.mark.parametrize(("text", "kind", "problem"), WRONG)
def test_wrong(failure, tmp_path, text, kind, problem):
    error = failure(load, tmp_path, ring(MASTER, text), canary=SECRET)
    assert type(error) is kind
    assert problem in error.problem
    assert error.line == 5


def test_not_under_what_only_checks_tags(failure, tmp_path):
    v = f"{{id: v, verify_only: {{kid: {'0' * 16}, hex: '{bytes(32).hex()}'}}}}"
    error = failure(load, tmp_path, ring(v, entry("k1", SECRET, "v", bytes(32))))
    assert "under what is no whole key" in error.problem


def test_the_other_key_is_fetched_once(tmp_path):
    """Each key under it would ask again otherwise, or run the program again."""
    (tmp_path / "count").write_text("")
    master = f"{{id: master, source: {{command: [sh, -c, 'echo x >> {tmp_path}/count; echo {KEK.hex()}'], encoding: hex}}}}"
    load(tmp_path, ring(master, *[entry(f"k{number}", bytes([number]) * 32, "master", KEK) for number in range(1, 6)]))
    assert (tmp_path / "count").read_text() == "x\n"


def test_what_is_disabled_asks_for_nothing(tmp_path):
    master = f"{{id: master, state: disabled, source: {{passphrase: prompt, kdf: argon2id, salt: {SALT}, t: 1, m: 8, p: 1}}}}"
    loaded = load(
        tmp_path,
        ring(
            f"{{id: k1, source: {{hex: '{SECRET.hex()}'}}}}",
            master,
            entry("k2", bytes(32), "master", KEK, more=", state: disabled"),
        ),
    )
    assert [key.bits for key in loaded] == [256, 0, 0]


def test_a_ring_under_a_passphrase(tmp_path):
    path = str(tmp_path / "keys.yaml")
    asked = []

    def ask(question):
        asked.append(question)
        return PASSPHRASE

    recipe = passphrase.Recipe("argon2id", (("t", 1), ("m", 8), ("p", 1)), bytes(16), 32)
    check = passphrase.check_of(recipe.derive(bytearray(PASSPHRASE.encode())))
    ringstore.add_source(path, "master", passphrase.source_of(recipe, "prompt", check), ask=ask)
    ringstore.add_wrapped(path, "k1", "master", primary=True, format="tagged", ask=ask)
    ringstore.set_attribute(path, "master", "state", "disabled")
    text = (tmp_path / "keys.yaml").read_bytes()
    assert b"wrapped" in text
    declared = ringfile.parse(text, "")
    assert not any(key.source.literal for key in declared.keys)
    (tmp_path / "keys.yaml").chmod(0o644)
    (tmp_path / ".git").mkdir()
    (tmp_path / "sealkit.yaml").write_text("version: 1\n")
    loaded = KeyRing.load(path, ask=ask)
    assert [(key.id, key.format) for key in loaded.openers] == [("k1", "tagged")]
    assert set(asked) == {"passphrase of key master"}
    with pytest.raises(NoUsableKey) as caught:
        KeyRing.load(path, ask=lambda question: "something else")
    assert caught.value.problem == "key k1: wrapped under key master: key master: wrong passphrase"
    with pytest.raises(NoUsableKey) as caught:
        KeyRing.load(path)
    assert "nobody to ask" in caught.value.problem


def test_what_was_fetched_is_wiped():
    access = Access({})
    access.others = {
        key.id: key.source for key in ringfile.parse(ring(f"{{id: k1, source: {{hex: '{SECRET.hex()}'}}}}").encode(), "").keys
    }
    copy = access.secret_of("k1")
    kept = access._fetched["k1"]
    access.close()
    assert copy == SECRET
    assert kept == bytes(32)
    assert not access._fetched
