"""A key can be used and named, but not printed, copied, pickled or changed."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_canary import leaks

from sealkit.context import Context
from sealkit.errors import ConfigError, NoUsableKey, Usage
from sealkit.keys.key import Key
from sealkit.keys.members import check_members
from sealkit.wiping import wipe

# The key ids of the contract's test vectors (format 1).
KIDS = [
    ("000102030405060708090a0b0c0d0e0f", "f9fad5c33e709280"),
    ("000102030405060708090a0b0c0d0e0f1011121314151617", "7383442147e20eef"),
]


@pytest.mark.parametrize(("secret", "kid"), KIDS)
def test_kid(secret, kid):
    key = Key("k", bytes.fromhex(secret))
    assert key.kid == kid
    assert key.derived() is key.derived()


def test_what_a_key_tells():
    key = Key("k2", bytes(24), format="tagged", accept="authentic", state="disabled")
    assert (key.id, key.bits, key.format, key.accept, key.state, key.enabled) == (
        "k2",
        192,
        "tagged",
        "authentic",
        "disabled",
        False,
    )
    plain = Key("k1", bytearray(16))
    assert (plain.format, plain.accept, plain.state, plain.enabled) == ("plain", "any", "enabled", True)
    assert repr(plain) == str(plain) == f"{plain}" == "<Key k1 128 bits>"


def test_the_cipher_is_kept():
    key = Key("k", bytes(16))
    assert key.cbc() is key.cbc()
    assert key.cbc().decrypt(key.cbc().encrypt(b"payload", bytes(16)), bytes(16)) == b"payload"


REFUSED = [
    ({"id": ""}, ConfigError),
    ({"id": "K1"}, ConfigError),
    ({"id": "k 1"}, ConfigError),
    ({"id": "k1\n"}, ConfigError),
    ({"id": "ключ"}, ConfigError),
    ({"id": "k" * 65}, ConfigError),
    ({"secret": b""}, NoUsableKey),
    ({"secret": bytes(15)}, NoUsableKey),
    ({"secret": bytes(17)}, NoUsableKey),
    ({"secret": bytes(20)}, NoUsableKey),
    ({"secret": bytes(64)}, NoUsableKey),
    ({"secret": None}, NoUsableKey),
    ({"format": "fancy"}, ConfigError),
    ({"format": "tagged", "accept": "all"}, ConfigError),
    ({"state": "retired"}, ConfigError),
    ({"accept": "authentic"}, ConfigError),
    ({"secret": None, "state": "enabled"}, NoUsableKey),
    ({"secret": None, "state": "decrypt-only"}, NoUsableKey),
    ({"state": "decrypt_only"}, ConfigError),
]


@pytest.mark.parametrize(("change", "kind"), REFUSED)
def test_refused(failure, change, kind):
    arguments = {"id": "k1", "secret": bytes(16)} | change
    assert type(failure(Key, **arguments)) is kind


@pytest.mark.parametrize(
    "change",
    [{"id": 5}, {"id": None}, {"secret": "c0ffee" * 4}, {"format": 1}, {"accept": None}, {"state": b"x"}, {"only": "posts"}],
)
def test_wrong_types(change):
    with pytest.raises(TypeError, match=f"{next(iter(change))} must be") as caught:
        Key(**({"id": "k1", "secret": bytes(16)} | change))
    assert "c0ffee" not in repr(caught.value)


@pytest.mark.parametrize("size", [1, 15, 17, 31, 33, 48, 64])
def test_a_key_of_the_wrong_size_is_not_in_the_error(failure, canary, size):
    error = failure(Key, "k1", (canary * 2)[:size])
    assert error.problem == f"key k1: {size} bytes; a key has 16, 24 or 32"


@pytest.mark.parametrize("key_id", ["k", "0", "a.b_c-d", "-", "k" * 64])
def test_ids(key_id):
    assert Key(key_id, bytes(16)).id == key_id


def test_nothing_shows_the_secret(canary):
    key = Key("k1", canary)
    key.cbc()
    key.derived()
    texts = [repr(key), str(key), f"{key}", repr([key]), repr({"key": key}), repr(dir(key))]
    assert not leaks(canary, *texts)
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        vars(key)
    with pytest.raises(AttributeError):
        key.note = "x"
    with pytest.raises(AttributeError):
        key.id = "other"


COPIERS = [
    copy.copy,
    copy.deepcopy,
    pickle.dumps,
    lambda key: key.__reduce__(),
    lambda key: key.__reduce_ex__(2),
    lambda key: key.__getstate__(),
]


@pytest.mark.parametrize("copier", COPIERS)
def test_never_copied_nor_pickled(failure, canary, copier):
    key = Key("k1", canary)
    assert type(failure(copier, key)) is Usage
    assert type(failure(copier, [key]) if copier in {copy.deepcopy, pickle.dumps} else failure(copier, key)) is Usage


def test_equality_is_identity():
    one, other = Key("k", bytes(16)), Key("k", bytes(16))
    assert one == one
    assert one != other
    assert len({one, other}) == 2


@given(st.sampled_from([16, 24, 32]).flatmap(lambda size: st.tuples(*[st.binary(min_size=size, max_size=size)] * 2)))
def test_same_secret(pair):
    one, other = (Key("k", secret) for secret in pair)
    assert one.same_secret(other) == other.same_secret(one) == (pair[0] == pair[1])
    assert one.same_secret(Key("x", pair[0]))


@pytest.mark.parametrize("at", range(32))
def test_same_secret_looks_at_every_byte(at):
    secret = bytearray(32)
    one = Key("k", secret)
    secret[at] = 1
    assert not one.same_secret(Key("x", secret))


def test_secrets_of_other_sizes_are_others():
    assert not Key("k", bytes(16)).same_secret(Key("x", bytes(32)))


def test_secret_equals_iv():
    assert Key("k", bytes(range(16))).secret_equals_iv(bytes(range(16)))
    assert not Key("k", bytes(range(16))).secret_equals_iv(bytes(16))
    assert not Key("k", bytes(32)).secret_equals_iv(bytes(16))


def test_the_secret_is_copied():
    secret = bytearray(b"k" * 16)
    key, twin = Key("k", secret), Key("x", bytes(secret))
    wipe(secret)
    assert secret == bytes(16)
    assert key.same_secret(twin)


def test_closed(failure):
    key = Key("k1", b"k" * 16)
    held = key._secret
    cipher = key.cbc()
    key.close()
    assert held == bytes(16)
    assert (repr(key), key.bits) == ("<Key k1 closed>", 0)
    for use in (key.cbc, key.derived, lambda: key.kid, lambda: cipher.encrypt(b"", bytes(16))):
        with pytest.raises(NoUsableKey):
            use()
    assert not key.same_secret(key)
    assert not key.secret_equals_iv(bytes(16))
    key.close()


def test_a_disabled_key_may_be_without_bytes():
    key = Key("k1", None, state="disabled")
    assert (repr(key), key.bits, key.kid) == ("<Key k1 without bytes>", 0, "")
    assert not key.same_secret(Key("k2", None, state="disabled"))
    with pytest.raises(NoUsableKey):
        key.cbc()


@pytest.mark.parametrize("bits", [128, 192, 256])
def test_generate(bits):
    one, other = Key.generate("k", bits), Key.generate("k", bits)
    assert (one.bits, one.format) == (bits, "plain")
    assert not one.same_secret(other)


@pytest.mark.parametrize("bits", [0, 64, 255, 512, -128])
def test_generate_no_other_size(failure, bits):
    assert type(failure(Key.generate, "k", bits)) is ConfigError


@pytest.mark.parametrize(
    ("state", "opens", "seals"), [("enabled", True, True), ("decrypt-only", True, False), ("disabled", False, False)]
)
def test_what_a_state_allows(state, opens, seals):
    key = Key("k", bytes(16), state=state)
    assert (key.state, key.may_open, key.may_seal) == (state, opens, seals)
    checks = Key.verify_only("v", bytes(8), bytes(32), state=state)
    assert (checks.may_open, checks.may_seal) == (opens, False)


STATES = {"-": "disabled", "+": "decrypt-only"}


def members(*ids):
    return tuple(Key(name.strip("-+"), bytes(16), state=STATES.get(name[-1], "enabled")) for name in ids)


MEMBERS = [
    ((), "k1", "without keys"),
    (("k1", "k1"), "k1", "two keys with the id k1"),
    (("k1", "k2"), "k3", "none of the keys"),
    (("k1", "k2-"), "k2", "disabled"),
    (("k1", "k2+"), "k2", "decrypt-only"),
]


@pytest.mark.parametrize(("ids", "primary", "problem"), MEMBERS)
def test_members_that_are_no_ring(failure, ids, primary, problem):
    assert problem in failure(check_members, members(*ids), primary).problem


AT_WORK = {
    "cbc": lambda key: key.cbc().encrypt(b"a payload", bytes(16)),
    "tagger": lambda key: key.tagger().tag(bytes(10), Context(), bytes(16), bytes(16)),
    "synthesizer": lambda key: key.synthesizer().iv(Context(), b"a payload"),
}


@pytest.mark.parametrize("name", AT_WORK)
def test_a_closed_key_leaves_nothing_to_work_with(failure, name):
    """Who has what works with a key has nothing any more when the key is closed, and is told so."""
    key = Key("k1", bytes(range(100, 132)))
    worker = getattr(key, name)()
    held = type("Held", (), {name: lambda _: worker})()
    assert AT_WORK[name](held)
    derived = key.derived()
    key.close()
    error = failure(AT_WORK[name], held)
    assert type(error) is NoUsableKey
    assert (derived.mac, derived.siv, derived.journal) == (bytes(32),) * 3
