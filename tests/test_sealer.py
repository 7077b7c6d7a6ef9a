"""The recipe: what is sealed opens again, what another key sealed does not, and nobody is left to guess."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
from collections import Counter

import needs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.crypto.blob import Blob
from sealkit.crypto.cipher import CBC
from sealkit.errors import (
    AmbiguousKey,
    CannotDecrypt,
    DisabledKey,
    Downgraded,
    NoUsableKey,
    PayloadCheck,
    ProofFailed,
    SealkitError,
    UnsupportedVersion,
    Usage,
)
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.payload import is_text
from sealkit.sealer import Sealer, Unsealed

SECRETS = {"k1": bytes(range(32)), "k2": bytes(range(0xF0, 0x100)), "k3": bytes(range(60, 84))}
ONE = KeyRing([Key("k1", SECRETS["k1"])], primary="k1")
RING = KeyRing([*(Key(name, secret) for name, secret in SECRETS.items()), Key("k0", bytes(16), state="disabled")], primary="k2")
IV = bytes(range(100, 116))
TEXT = b"two blocks of text, more or less"


def blob(payload=TEXT, key="k2", iv=IV):
    return Blob(CBC(SECRETS[key]).encrypt(payload, iv), iv)


# --- there and back --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key_id", SECRETS)
@given(start=st.binary(max_size=100), size=st.integers(0, 100) | st.integers(0, 100_000), end=st.binary(max_size=20))
def test_any_bytes(key_id, start, size, end):
    payload = (start + bytes(100_000))[:size] + end
    sealer = Sealer(RING, key_id=key_id, payload="binary")
    sealed = sealer.seal(payload)
    assert sealed.auth is None
    assert len(sealed.ciphertext) == len(payload) // 16 * 16 + 16
    opened = sealer.unseal(Blob.parse(str(sealed)))
    assert (opened.payload, opened.key_id, opened.verdict, opened.authenticated) == (payload, key_id, "unauthenticated", False)
    assert sealer.reproduces(sealed, opened)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 33, 4095, 4096, 65_535, 65_536, 100_000])
def test_sizes_at_the_edges(size):
    payload = b"x" * size
    sealer = Sealer(ONE)
    assert sealer.unseal(sealer.seal(payload)).payload == payload


@given(text=st.text(max_size=300))
def test_text_is_sealed_exactly_if_it_passes(text):
    sealer = Sealer(ONE)
    payload = text.encode("utf-8", "surrogatepass")
    allowed = all(
        char in "\t\r\n" or not (ord(char) < 32 or 127 <= ord(char) < 160 or 0xD800 <= ord(char) < 0xE000) for char in text
    )
    assert is_text(payload) == allowed
    if allowed:
        assert sealer.unseal(sealer.seal(payload)).payload == payload
    else:
        with pytest.raises(PayloadCheck):
            sealer.seal(payload)


def test_every_iv_is_new():
    sealer = Sealer(ONE)
    assert len({sealer.seal(TEXT).iv for _ in range(5000)}) == 5000


def test_the_primary_seals_unless_a_key_is_named():
    assert Sealer(RING).key_id == "k2"
    assert Sealer(RING).unseal(Sealer(RING).seal(TEXT)).key_id == "k2"
    assert Sealer(RING, key_id="k3").key_id == "k3"
    assert Sealer(RING).unseal(Sealer(RING, key_id="k3").seal(TEXT)).key_id == "k3"


# --- wrong keys ------------------------------------------------------------------------------------------------------
def test_a_wrong_key_is_never_taken_for_the_right_one():
    """Of 100,000 ciphertexts of two or three blocks under no key of the ring, none opens, though every 255th unpads."""
    sealer = Sealer(ONE)
    key = ONE.primary.cbc()
    random = os.urandom(100_000 * 64)
    unpadded = accepted = 0
    for at in range(0, len(random), 64):
        iv, ciphertext = random[at : at + 16], random[at + 16 : at + (48 if at % 128 else 64)]
        unpadded += key.decrypt(ciphertext, iv) is not None
        try:
            sealer.unseal(Blob(ciphertext, iv))
        except CannotDecrypt:
            continue
        accepted += 1
    assert accepted == 0
    assert 250 < unpadded < 550


def test_how_often_a_wrong_key_passes_by_chance():
    """Counted, not tried: all texts of each length, over all bytes, with each padding behind them."""
    encoded = (chr(point).encode() for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    characters = Counter(len(one) for one in encoded if is_text(one))
    texts = [1]
    for size in range(1, 48):
        texts.append(sum(count * texts[size - length] for length, count in characters.items() if length <= size))
    one, two, three = (sum(texts[16 * blocks - pad] for pad in range(1, 17)) / 256 ** (16 * blocks) for blocks in (1, 2, 3))
    assert 1 / (3.1 * 10**7) < one < 1 / (3 * 10**7)
    assert two < 1 / (6 * 10**12)
    assert three < 1 / 10**18


def test_another_key_of_the_ring_is_found_and_no_other_key_opens():
    for name in SECRETS:
        assert Sealer(RING).unseal(blob(key=name)).key_id == name
    with pytest.raises(CannotDecrypt):
        Sealer(RING, key_id="k1").unseal(blob())
    with pytest.raises(CannotDecrypt):
        Sealer(RING, opens=("k1", "k3")).unseal(blob())
    assert Sealer(RING, key_id="k1", opens=("k2", "k1")).unseal(blob()).key_id == "k2"


def test_two_keys_that_fit_are_ambiguous():
    """A ciphertext of two blocks that unpads under two keys: binary payloads give nothing else to go by."""
    sealer = Sealer(RING, payload="binary", opens=("k1", "k2"))
    other = RING.get("k2").cbc()
    both = next(made for n in range(100_000) if other.decrypt((made := blob(n.to_bytes(20), "k1")).ciphertext, IV) is not None)
    with pytest.raises(AmbiguousKey) as caught:
        sealer.unseal(both)
    assert "k1, k2" in caught.value.problem
    assert Sealer(RING, payload="binary", key_id="k1").unseal(both).key_id == "k1"


@pytest.mark.parametrize("size", [0, 20, 100])
def test_the_key_of_a_binary_payload_is_told_or_the_only_one(size):
    sealed = blob(os.urandom(size), "k1")
    with pytest.raises(AmbiguousKey, match="binary") as caught:
        Sealer(RING, payload="binary").unseal(sealed)
    assert "--key-id" in caught.value.hint
    policy = {"payload": "binary", "least": "plain", "opens": True}
    for sealer in (
        Sealer(RING, payload="binary", key_id="k1"),
        Sealer(ONE, payload="binary"),
        Sealer(RING).under(keys=("k1",), **policy),
        Sealer(KeyRing([*ONE, Key("k0", bytes(16), state="disabled")], primary="k1"), payload="binary"),
    ):
        assert sealer.unseal(sealed).key_id == "k1"
    for keys in ((), ("k1", "k2"), ("k9",), ("k1", "k9")):
        with pytest.raises(AmbiguousKey):
            Sealer(RING).under(keys=keys, **policy).unseal(sealed)


@pytest.mark.parametrize("asked", ["text", "json", "binary"])
@pytest.mark.parametrize("demanded", ["text", "json", "binary"])
@pytest.mark.parametrize("opens", [True, False])
def test_what_a_policy_demands_holds_whatever_was_opened_before(asked, demanded, opens):
    payloads = {"text": TEXT, "json": b'"JSON, in two blocks"', "binary": b"\xff no text, in two blocks"}
    sealed = {kind: Sealer(ONE, payload="binary").seal(payload) for kind, payload in payloads.items()}
    sealer = Sealer(ONE, payload=asked)
    assert sealer.unseal(sealed[asked]).payload == payloads[asked]
    other = sealer.under(payload=demanded, least="plain", opens=opens)
    assert other.unseal(sealed[demanded]).payload == payloads[demanded]


@pytest.mark.parametrize("form", ["tagged", "synthetic"])
def test_an_authentic_binary_payload_names_its_key(form):
    keys = KeyRing([Key("k2", SECRETS["k2"], format=form), Key("k1", SECRETS["k1"])], primary="k2")
    sealer = Sealer(keys, payload="binary")
    opened = sealer.unseal(sealer.seal(b"\xff\0"))
    assert (opened.payload, opened.key_id, opened.verdict) == (b"\xff\0", "k2", "authentic")


def test_text_that_fits_two_keys_is_ambiguous():
    """A ciphertext of one block that is text under two keys; found by trying 34 million IVs."""
    found = Blob(bytes.fromhex("4284362de9b2369ed1404612e9c28f22"), (34_313_588).to_bytes(16))
    assert Sealer(RING, key_id="k1").unseal(found).payload == b""
    assert Sealer(RING, key_id="k2").unseal(found).payload.decode()
    for opens in (("k1", "k2"), None):
        with pytest.raises(AmbiguousKey):
            Sealer(RING, opens=opens).unseal(found)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 31, 32, 47, 48, 500])
@pytest.mark.parametrize("key", SECRETS)
def test_payloads_of_any_length_open_under_a_ring_of_several(key, size):
    text = b"text of some length. "[: size % 21] + b"x" * (size - size % 21)
    assert (Sealer(RING).unseal(blob(text, key)).payload, Sealer(RING).unseal(blob(text, key)).key_id) == (text, key)


@pytest.fixture
def asked(monkeypatch):
    """The keys that decipher, in order."""
    keys, real = [], CBC.decrypt_whole
    names = {id(key.cbc()): key.id for key in RING}

    def noted(self, ciphertext, iv):
        keys.append(names[id(self)])
        return real(self, ciphertext, iv)

    monkeypatch.setattr(CBC, "decrypt_whole", noted)
    return keys


def test_of_three_blocks_the_first_that_fits_counts_and_goes_first_the_next_time(asked):
    sealer, long = Sealer(RING), b"a payload of three blocks or more, whatever it says"
    order = [key.id for key in RING.openers]
    sealer.unseal(blob(long, order[-1]))
    assert asked == order
    for key in (order[-1], order[-1], order[0], order[0]):
        del asked[:]
        sealer.unseal(blob(long, key))
    assert asked == [order[0]]
    with pytest.raises(CannotDecrypt):
        sealer.unseal(Blob(bytes(64), IV))


def test_of_one_or_two_blocks_every_key_is_asked(asked):
    sealer = Sealer(RING)
    for text in (b"short", b"a text of two blocks.."):
        for _ in range(2):
            del asked[:]
            sealer.unseal(blob(text))
            assert sorted(asked) == sorted(key.id for key in RING.openers)


# --- decrypt-only --------------------------------------------------------------------------------------------------------
OLD = KeyRing([Key("new", SECRETS["k1"]), Key("old", SECRETS["k2"], state="decrypt-only")], primary="new")


def test_a_decrypt_only_key_opens_and_never_seals():
    assert Sealer(OLD).unseal(blob()).key_id == "old"
    named = Sealer(OLD, key_id="old")
    assert named.unseal(blob()).payload == TEXT
    for seals in (lambda: named.seal(TEXT), lambda: named.key_id, lambda: named.format, lambda: named.seal(TEXT, format="tagged")):
        with pytest.raises(NoUsableKey, match="key old is decrypt-only"):
            seals()
    with pytest.raises(NoUsableKey):
        Sealer(OLD).under(payload="text", least="plain", keys=("old",), opens=False)
    assert Sealer(OLD).replacing(Sealer(OLD).unseal(blob())).key_id == "new"


def test_a_tagged_blob_under_a_decrypt_only_key_opens():
    sealed = Sealer(KeyRing([Key("x", SECRETS["k2"], format="tagged")], primary="x")).seal(TEXT)
    assert (Sealer(OLD).unseal(sealed).key_id, Sealer(OLD).unseal(sealed).verdict) == ("old", "authentic")


def test_disabled_keys_do_nothing():
    sealed = Blob(CBC(bytes(16)).encrypt(TEXT, IV), IV)
    with pytest.raises(CannotDecrypt):
        Sealer(RING).unseal(sealed)
    for options in ({"key_id": "k0"}, {"opens": ("k0",)}, {"opens": ("k1", "k0")}):
        with pytest.raises(DisabledKey):
            Sealer(RING, **options)
    with pytest.raises(NoUsableKey):
        Sealer(RING, key_id="k9")


# --- formats that promise more ---------------------------------------------------------------------------------------
def test_a_plain_blob_under_a_key_that_wants_a_tag_is_a_downgrade():
    ring = KeyRing([Key("k1", SECRETS["k1"]), Key("k2", SECRETS["k2"], format="tagged", accept="authentic")], primary="k1")
    with pytest.raises(CannotDecrypt):  # k1 takes such blobs, and this is none of its own
        Sealer(ring).unseal(blob())
    assert Sealer(ring).unseal(blob(key="k1")).payload == TEXT
    alone = KeyRing([Key("k2", SECRETS["k2"], format="tagged", accept="authentic")], primary="k2")
    with pytest.raises(Downgraded, match="key k2 accepts authentic blobs only"):
        Sealer(alone).unseal(blob())
    lenient = KeyRing([Key("k2", SECRETS["k2"], format="tagged")], primary="k2")
    assert Sealer(lenient).unseal(blob()).verdict == "unauthenticated"


@pytest.mark.parametrize("auth", [bytes(42), b"\2" + bytes(41), b"\1\3" + bytes(40), b"\xff" * 42])
@pytest.mark.parametrize("ring", [ONE, RING])
def test_three_parts_are_never_read_as_two(ring, auth):
    two = blob(key="k1")
    with pytest.raises(UnsupportedVersion):
        Sealer(ring).unseal(Blob(two.ciphertext, two.iv, auth))


# --- payload kinds ---------------------------------------------------------------------------------------------------
JSON = [b"{}", b"[]", b'"x"', b"1", b"-0.5e9", b"null", b' {"a": [1, {"b": "\xc3\xa9"}]}\n', b"9" * 5000, b'"\\ud800"']
NO_JSON = [
    b"",
    b"text",
    b"{",
    b"NaN",
    b"[Infinity]",
    b"-Infinity",
    b"'x'",
    b"01",
    b"1 2",
    b"[" * 100_000,
    b'"\n"',
    b'"\\x"',
    b"\xff",
    b"{a: 1}",
]


@pytest.mark.parametrize("payload", JSON, ids=lambda payload: repr(payload[:20]))
def test_json(payload):
    sealer = Sealer(ONE, payload="json")
    assert sealer.unseal(sealer.seal(payload)).payload == payload


@pytest.mark.parametrize("payload", NO_JSON, ids=lambda payload: repr(payload[:20]))
def test_no_json(payload):
    with pytest.raises(PayloadCheck):
        Sealer(ONE, payload="json").seal(payload)
    with pytest.raises(CannotDecrypt):
        Sealer(ONE, payload="json").unseal(blob(payload, "k1"))


@pytest.mark.parametrize("byte", range(256))
def test_single_bytes_as_text(byte):
    assert is_text(b"a" + bytes([byte]) + b"b") == (byte in b"\t\n\r" or 32 <= byte < 127)


def test_what_is_asked_for_wrongly():
    with pytest.raises(Usage):
        Sealer(RING, payload="xml")
    for payload in ("text", None, 3, [b"text"], {"text": 1}):
        for kind in ("text", "json"):
            with pytest.raises(TypeError, match="payload must be bytes"):
                Sealer(ONE, payload=kind).seal(payload)
        with pytest.raises(TypeError, match="payload must be bytes"):
            Sealer(ONE, payload="binary", key_id="k1").seal(payload)


def test_an_unsealable_payload_is_not_repeated():
    with pytest.raises(PayloadCheck) as caught:
        Sealer(ONE).seal(b"a secret\0")
    assert "secret" not in f"{caught.value!r} {caught.value.hint}"


# --- proofs ----------------------------------------------------------------------------------------------------------
def test_a_defect_of_the_cipher_is_found_before_a_blob_is_handed_out(monkeypatch):
    real = CBC.encrypt
    monkeypatch.setattr(CBC, "encrypt", lambda self, payload, iv: real(self, payload[:-1] + b"!", iv))
    with pytest.raises(ProofFailed):
        Sealer(ONE).seal(TEXT)


@pytest.mark.parametrize(
    "other",
    [
        lambda made, opened: (Blob(made.ciphertext, bytes(16)), opened),
        lambda made, opened: (Blob(made.ciphertext + bytes(16), made.iv), opened),
        lambda made, opened: (Blob(bytes([made.ciphertext[0] ^ 1]) + made.ciphertext[1:], made.iv), opened),
        lambda made, opened: (made, Unsealed(opened.payload + b" ", opened.key_id, opened.verdict)),
        lambda made, opened: (made, Unsealed(opened.payload, "k1", opened.verdict)),
        lambda made, opened: (made, Unsealed(opened.payload, "nobody", opened.verdict)),
    ],
)
def test_what_does_not_reproduce(other):
    sealer, made = Sealer(RING), blob()
    opened = sealer.unseal(made)
    assert sealer.reproduces(made, opened)
    assert not sealer.reproduces(*other(made, opened))


# --- nothing is shown ------------------------------------------------------------------------------------------------
def test_neither_shown_nor_pickled_nor_copied():
    sealer = Sealer(RING)
    opened = sealer.unseal(blob())
    for thing in (sealer, opened):
        assert "two blocks" not in f"{thing!r} {thing!s}"
        assert not hasattr(thing, "__dict__")
        for way in (pickle.dumps, copy.deepcopy):
            with pytest.raises(SealkitError):
                way(thing)


# --- others ----------------------------------------------------------------------------------------------------------
OPENSSL, NODE = shutil.which("openssl"), shutil.which("node")
PAYLOADS = [b"", b"x", b"fifteen bytes..", b"sixteen bytes...", "é😀".encode() * 100, bytes(range(256))]
_NODE = """
const crypto = require("crypto"); const [mode, key, text, iv] = process.argv.slice(1);
const input = require("fs").readFileSync(0); const algorithm = `aes-${key.length * 4}-cbc`;
const cipher = crypto[mode === "open" ? "createDecipheriv" : "createCipheriv"](algorithm, Buffer.from(key, "hex"), Buffer.from(iv, "hex"));
process.stdout.write(Buffer.concat([cipher.update(mode === "open" ? Buffer.from(text, "base64") : input), cipher.final()]));
"""


def openssl(mode, secret, iv, data):
    command = [OPENSSL, "enc", f"-aes-{len(secret) * 8}-cbc", "-K", secret.hex(), "-iv", iv.hex()]
    return subprocess.run([*command, *(["-d"] if mode == "open" else [])], input=data, capture_output=True, check=True).stdout


def node(mode, secret, iv, data):
    from base64 import b64encode

    text = b64encode(data).decode() if mode == "open" else ""
    command = [NODE, "-e", _NODE, "--", mode, secret.hex(), text, iv.hex()]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(openssl, marks=needs.program("openssl")),
        pytest.param(node, marks=needs.program("node")),
    ],
)
@pytest.mark.parametrize("key_id", SECRETS)
def test_other_programs_open_what_is_sealed_and_the_reverse(program, key_id):
    sealer = Sealer(RING, key_id=key_id, payload="binary")
    for payload in PAYLOADS:
        text = str(sealer.seal(payload))
        made = Blob.parse(text)
        assert program("open", SECRETS[key_id], made.iv, made.ciphertext) == payload
        theirs = Blob(program("seal", SECRETS[key_id], IV, payload), IV)
        assert sealer.unseal(theirs).payload == payload
        assert theirs == blob(payload, key_id)
