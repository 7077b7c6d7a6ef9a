"""Authentic blobs: what is sealed with a tag or a synthetic IV opens unaltered in its place, and nowhere and in no other way."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.context import BINDS, UNBOUND, Context
from sealkit.crypto.blob import Blob
from sealkit.errors import (
    AmbiguousKey,
    CannotDecrypt,
    ConfigError,
    DisabledKey,
    Downgraded,
    Malformed,
    NoUsableKey,
    PayloadCheck,
    SealkitError,
    Tampered,
    UnknownKey,
    UnsupportedVersion,
    Usage,
)
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer

FORMAT = json.loads((Path(__file__).parent / "data" / "format" / "format.json").read_text())["tests"]
SECRET, OTHER, MAC = bytes(range(100, 132)), bytes(range(32, 48)), bytes(range(200, 232))
PAYLOAD = b"a payload of more than one block of text"


def ring(format="tagged", accept="any", **rest):
    return KeyRing([Key("k1", SECRET, format=format, accept=accept, **rest), Key("k2", OTHER)], primary="k1")


TAGGED, SYNTHETIC, STRICT = Sealer(ring()), Sealer(ring("synthetic")), Sealer(ring("synthetic", "authentic"))
PLACES = [
    Context((b"k" + field,), bind, identity)
    for field in (b"secured", b"other")
    for bind, identity in ((0, ()), (1, (b"a/b.md",)), (1, (b"a/c.md",)), (2, (b"id", b"1")), (2, (b"id", b"2")))
]


def flipped(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


# --- the format's own vectors ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", FORMAT, ids=range(len(FORMAT)))
def test_vectors_open(case):
    where = Context(
        tuple(b"i%d" % one if isinstance(one, int) else b"k" + one.encode() for one in case["path"]),
        BINDS.index(case["bind"]),
        tuple(map(bytes.fromhex, case["identity"])),
    )
    payload = bytes.fromhex(case["plaintext"])
    keys = KeyRing([Key("k1", bytes.fromhex(case["key"]), format="tagged")], primary="k1")
    sealer = Sealer(keys, key_id="k1", payload="binary")
    blob = Blob.parse(case["blob"])
    opened = sealer.unseal(blob, where)
    assert (opened.payload, opened.verdict, opened.format) == (payload, "authentic", "tagged")
    assert sealer.reproduces(blob, opened, where)
    if case["iv_mode"] == "synthetic":
        keys = KeyRing([Key("k1", bytes.fromhex(case["key"]), format="synthetic")], primary="k1")
        sealer = Sealer(keys, key_id="k1", payload="binary")
        two = Blob(blob.ciphertext, blob.iv)
        assert sealer.seal(payload, where) == two
        assert (sealer.unseal(two, where).verdict, sealer.unseal(two, where).format) == ("authentic", "synthetic")


# --- round trips -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("sealer", [TAGGED, SYNTHETIC, STRICT, Sealer(ring(mac_secret=MAC))])
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200).map(str.encode))
def test_what_is_sealed_opens(sealer, where, payload):
    blob = sealer.seal(payload, where)
    assert Blob.parse(str(blob)) == blob
    opened = sealer.unseal(blob, where)
    assert (opened.payload, opened.key_id, opened.verdict) == (payload, "k1", "authentic")
    assert opened.authenticated
    assert sealer.reproduces(blob, opened, where)
    assert sealer.fits(blob)(where)


def test_a_tagged_blob_is_read_by_those_who_know_no_tag():
    two = Blob.parse(";".join(str(TAGGED.seal(PAYLOAD)).split(";")[:2]))
    assert Sealer(KeyRing([Key("k1", SECRET)], primary="k1")).unseal(two).payload == PAYLOAD


def test_synthetic_ivs_are_the_same_every_time_and_tagged_ones_never():
    assert SYNTHETIC.seal(PAYLOAD) == SYNTHETIC.seal(PAYLOAD)
    assert SYNTHETIC.seal(PAYLOAD).iv != SYNTHETIC.seal(PAYLOAD, PLACES[1]).iv
    assert len({TAGGED.seal(PAYLOAD).iv for _ in range(1000)}) == 1000


# --- nothing altered is authentic ------------------------------------------------------------------------------------
def verdict(sealer, blob, where=UNBOUND):
    try:
        return sealer.unseal(blob, where).verdict
    except (Tampered, UnknownKey, UnsupportedVersion, Downgraded, CannotDecrypt, AmbiguousKey) as error:
        return error.code


@pytest.mark.parametrize("blocks", range(1, 9))
@pytest.mark.parametrize("where", [PLACES[0], PLACES[1], PLACES[3]])
def test_every_bit_flip(blocks, where):
    payload = b"x" * (16 * blocks - 1)
    blob = TAGGED.seal(payload, where)
    for bit in range(8 * len(blob.ciphertext)):
        assert verdict(TAGGED, Blob(flipped(blob.ciphertext, bit), blob.iv, blob.auth), where) == "tampered"
    for bit in range(8 * 16):
        assert verdict(TAGGED, Blob(blob.ciphertext, flipped(blob.iv, bit), blob.auth), where) == "tampered"
    for bit in range(8 * 42):
        expected = {"unsupported_version"} if bit < 8 else {"downgraded", "unsupported_version"} if bit < 16 else {"unknown_key"}
        assert verdict(TAGGED, Blob(blob.ciphertext, blob.iv, flipped(blob.auth, bit)), where) in (
            expected if bit < 80 else {"tampered"}
        )
    blob = STRICT.seal(payload, where)
    for bit in range(8 * len(blob.ciphertext)):
        assert verdict(STRICT, Blob(flipped(blob.ciphertext, bit), blob.iv), where) != "authentic"
    for bit in range(8 * 16):
        assert verdict(STRICT, Blob(blob.ciphertext, flipped(blob.iv, bit)), where) != "authentic"


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=;"


@pytest.mark.parametrize("blocks", range(1, 9))
@pytest.mark.parametrize("sealer", [TAGGED, STRICT], ids=["tagged", "synthetic"])
def test_every_edit_of_one_character(sealer, blocks):
    text = str(sealer.seal(b"x" * (16 * blocks - 1)))
    edits = {text[:at] + text[at + 1 :] for at in range(len(text))}
    edits |= {text[:at] + letter + text[at + 1 :] for at in range(len(text)) for letter in LETTERS}
    if blocks < 4:
        edits |= {text[:at] + letter + text[at:] for at in range(len(text) + 1) for letter in LETTERS}
    edits.discard(text)
    accepted = 0
    for edit in edits:
        try:
            accepted += sealer.unseal(Blob.parse(edit)).authenticated
        except (Malformed, Tampered, UnknownKey, UnsupportedVersion, Downgraded, CannotDecrypt, AmbiguousKey):
            pass
    assert accepted == 0
    assert len(edits) > 60 * len(text)


@pytest.mark.parametrize("sealer", [TAGGED, STRICT], ids=["tagged", "synthetic"])
def test_every_move_is_refused_and_the_place_it_fits_is_found(sealer):
    """All n(n-1) moves of 30 records with 2 fields each, bound by path."""
    places = [Context((b"k" + field,), 1, (b"posts/%d.md" % number,)) for number in range(30) for field in (b"secured", b"other")]
    blobs = [sealer.seal(b"the payload of one field of one record", place) for place in places]
    for here, there in permutations(range(len(places)), 2):
        assert verdict(sealer, blobs[here], places[there]) == ("tampered" if sealer is TAGGED else "cannot_decrypt")
    for number, blob in enumerate(blobs):
        fits = sealer.fits(blob)
        assert [place for place in places if fits(place)] == [places[number]]


# --- downgrade -------------------------------------------------------------------------------------------------------
def test_a_tag_cut_off():
    blob = TAGGED.seal(PAYLOAD)
    two = Blob(blob.ciphertext, blob.iv)
    assert verdict(TAGGED, two) == "unauthenticated"
    assert verdict(Sealer(ring(accept="authentic")), two) == "cannot_decrypt"  # k2 takes such blobs
    assert verdict(Sealer(ring(accept="authentic"), key_id="k1"), two) == "downgraded"
    assert verdict(Sealer(ring(), require_authentic=True), two) == "downgraded"


@pytest.mark.parametrize("auth", [b"", b"\1\0", bytes(41), bytes(43)])
def test_a_third_part_of_another_size_is_no_blob(auth):
    blob = TAGGED.seal(PAYLOAD)
    with pytest.raises(Malformed):
        Blob(blob.ciphertext, blob.iv, auth)


def test_the_kind_of_binding_is_part_of_the_tag():
    blob = TAGGED.seal(PAYLOAD, PLACES[1])
    none = Blob(blob.ciphertext, blob.iv, blob.auth[:1] + b"\0" + blob.auth[2:])
    assert verdict(TAGGED, none) == "tampered"
    assert verdict(TAGGED, none, PLACES[1]) == "downgraded"
    assert verdict(TAGGED, blob, PLACES[0]) == "downgraded"


def test_plain_is_never_sealed_under_a_key_that_accepts_authentic_blobs_only():
    with pytest.raises(Downgraded):
        Sealer(ring(accept="authentic"), format="plain").seal(PAYLOAD)
    assert Sealer(ring(), format="plain").seal(PAYLOAD).auth is None


def test_synthetic_counts_only_where_it_is_demanded():
    blob = SYNTHETIC.seal(PAYLOAD)
    assert Sealer(ring("plain")).unseal(blob).verdict == "unauthenticated"
    assert Sealer(ring("tagged", "authentic")).unseal(blob).verdict == "authentic"
    assert SYNTHETIC.unseal(Sealer(ring("plain")).seal(PAYLOAD)).verdict == "unauthenticated"


def test_a_short_payload_is_known_by_its_synthetic_iv():
    assert SYNTHETIC.unseal(SYNTHETIC.seal(b"x")).payload == b"x"
    assert verdict(SYNTHETIC, Sealer(ring("plain")).seal(b"x")) == "unauthenticated"


# --- keys ------------------------------------------------------------------------------------------------------------
def test_key_not_in_the_ring():
    blob = TAGGED.seal(PAYLOAD)
    with pytest.raises(UnknownKey) as caught:
        Sealer(KeyRing([Key("k2", OTHER)], primary="k2")).unseal(blob)
    assert caught.value.kid == blob.kid
    assert blob.kid in str(caught.value)


def test_key_disabled_or_not_named():
    blob = TAGGED.seal(PAYLOAD)
    disabled = KeyRing([Key("k1", SECRET, state="disabled"), Key("k2", OTHER)], primary="k2")
    with pytest.raises(DisabledKey):
        Sealer(disabled).unseal(blob)
    with pytest.raises(UnknownKey, match="k1"):
        Sealer(ring(), key_id="k2").unseal(blob)


def test_another_mac_secret_is_another_kid_and_another_tag():
    blob = Sealer(ring(mac_secret=MAC)).seal(PAYLOAD)
    assert blob.kid != TAGGED.seal(PAYLOAD).kid
    assert verdict(TAGGED, blob) == "unknown_key"
    with pytest.raises(NoUsableKey):
        Key("k1", SECRET, mac_secret=MAC[:16])


def test_payload_check_of_an_authentic_blob():
    blob = Sealer(ring(), key_id="k1", payload="binary").seal(b"\0\xff" * 20)
    with pytest.raises(PayloadCheck):
        TAGGED.unseal(blob)


# --- verify-only keys ------------------------------------------------------------------------------------------------
@pytest.fixture
def exported(tmp_path):
    path = tmp_path / "verify.yaml"
    path.write_bytes(ring(mac_secret=MAC).export_verify_only())
    path.chmod(0o600)
    return KeyRing.load(path)


def test_a_verify_only_key_checks_and_does_nothing_else(exported):
    full, only = Sealer(ring(mac_secret=MAC)), Sealer(exported)
    blob = full.seal(PAYLOAD, PLACES[1])
    assert only.check(blob, PLACES[1]) == full.check(blob, PLACES[1]) == "k1"
    assert only.fits(blob)(PLACES[1])
    assert not only.fits(blob)(PLACES[2])
    with pytest.raises(Tampered):
        only.check(blob, PLACES[2])
    for refused in (
        lambda: only.unseal(blob, PLACES[1]),
        lambda: only.seal(PAYLOAD),
        lambda: only.key_id,
        lambda: exported.primary,
    ):
        with pytest.raises(NoUsableKey):
            refused()
    with pytest.raises(CannotDecrypt):
        only.unseal(Blob(blob.ciphertext, blob.iv))
    with pytest.raises(NoUsableKey):
        only.check(Blob(blob.ciphertext, blob.iv))


def test_the_export_has_nothing_of_the_key():
    text = ring(mac_secret=MAC).export_verify_only(["k1", "k2"])
    for secret in (SECRET, OTHER, MAC):
        assert secret.hex().encode() not in text
        assert __import__("base64").b64encode(secret) not in text
    with pytest.raises(NoUsableKey, match="synthetic"):
        ring("synthetic").export_verify_only(["k1"])
    with pytest.raises(NoUsableKey):
        ring("plain").export_verify_only()


RING = "version: 1\n{primary}keys:\n  - id: k1\n{entry}"
ONLY = '    verify_only: {kid: 63774208dc4c7f9a, hex: "' + MAC.hex() + '"}\n'


@pytest.mark.parametrize(
    ("primary", "entry", "line"),
    [
        ("primary: k1\n", ONLY, 2),
        ("", "    source: {hex: '" + SECRET.hex() + "'}\n", 1),
        ("", ONLY + "    source: {hex: '" + SECRET.hex() + "'}\n", 5),
        ("", ONLY + "    mac: {hex: '" + SECRET.hex() + "'}\n", 5),
        ("", ONLY + "    format: synthetic\n", 5),
        ("", ONLY.replace("63774208dc4c7f9a", "63774208DC4C7F9A"), 4),
        ("", ONLY.replace("63774208dc4c7f9a", "6377"), 4),
        ("", "    verify_only: {hex: '" + MAC.hex() + "'}\n", 4),
    ],
)
def test_rings_that_make_no_sense(tmp_path, primary, entry, line):
    path = tmp_path / "ring.yaml"
    path.write_text(RING.format(primary=primary, entry=entry))
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        KeyRing.load(path)
    assert caught.value.line == line


# --- retagging -------------------------------------------------------------------------------------------------------
def test_retag_proves_first_and_needs_no_decryption(exported):
    full, only = Sealer(ring(mac_secret=MAC)), Sealer(exported)
    blob = full.seal(PAYLOAD, PLACES[1])
    for sealer in (full, only):
        moved = sealer.retag(blob, PLACES[1], PLACES[3])
        assert (moved.ciphertext, moved.iv) == (blob.ciphertext, blob.iv)
        assert full.unseal(moved, PLACES[3]).payload == PAYLOAD
        with pytest.raises(Tampered):
            sealer.retag(blob, PLACES[2], PLACES[3])
        with pytest.raises(Downgraded):
            sealer.retag(blob, PLACES[0], PLACES[3])


def test_retag_of_a_synthetic_blob():
    blob = SYNTHETIC.seal(PAYLOAD, PLACES[1])
    assert SYNTHETIC.retag(blob, PLACES[1], PLACES[2]) == SYNTHETIC.seal(PAYLOAD, PLACES[2])
    with pytest.raises(Downgraded):
        SYNTHETIC.retag(blob, PLACES[2], PLACES[1])


@pytest.mark.parametrize("form", ["tagged", "synthetic"])
def test_a_decrypt_only_key_binds_nothing_anew(form):
    blob = Sealer(ring(form)).seal(PAYLOAD, PLACES[1])
    old = KeyRing([Key("k1", SECRET, format=form, state="decrypt-only"), Key("k2", OTHER)], primary="k2")
    assert Sealer(old).unseal(blob, PLACES[1]).verdict == "authentic"
    with pytest.raises(NoUsableKey, match="decrypt-only"):
        Sealer(old).retag(blob, PLACES[1], PLACES[2])


@pytest.mark.parametrize("wrong", [{"format": "none"}, {"format": "PLAIN"}])
def test_no_such_format(wrong):
    with pytest.raises(Usage):
        Sealer(ring(), **wrong)


def test_errors_hold_nothing_below_them():
    blob = TAGGED.seal(PAYLOAD)
    for fail in (
        lambda: TAGGED.unseal(blob, PLACES[1]),
        lambda: TAGGED.unseal(Blob(blob.ciphertext, blob.iv, flipped(blob.auth, 300))),
        lambda: Sealer(ring(accept="authentic")).unseal(Blob(blob.ciphertext, blob.iv)),
    ):
        with pytest.raises(SealkitError) as caught:
            fail()
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert PAYLOAD.decode() not in repr(caught.value) + str(caught.value)
