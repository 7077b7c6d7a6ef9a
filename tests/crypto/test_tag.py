"""Tags and synthetic IVs: the format's own vectors, JOSE's composition, HMAC and HKDF as others have computed them."""

import hashlib
import hmac
import json
import os
import pickle
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.context import BINDS, Context
from sealkit.crypto import tag
from sealkit.crypto.cipher import CBC, _hkdf, derive
from sealkit.crypto.tag import Prover, Synthesizer, Tagger, authenticate, pae
from sealkit.errors import Usage

DATA = Path(__file__).parents[1] / "data"
FORMAT = json.loads((DATA / "format" / "format.json").read_text())["tests"]
JOSE = {"a128cbc_hs256": ("sha256", 16), "a192cbc_hs384": ("sha384", 24), "a256cbc_hs512": ("sha512", 32)}


def load(name):
    return json.loads((DATA / name).read_text())


def unhexed(case, *names):
    return [bytes.fromhex(case[name]) for name in names]


def step(part):
    return b"i%d" % part if isinstance(part, int) else b"k" + part.encode()


def context(case):
    return Context(tuple(map(step, case["path"])), BINDS.index(case["bind"]), tuple(map(bytes.fromhex, case["identity"])))


def header(case):
    return bytes([1, BINDS.index(case["bind"])]) + bytes.fromhex(case["kid"])


# --- the format's own vectors ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", FORMAT, ids=range(len(FORMAT)))
def test_associated_data_and_tag(case):
    mac, iv, ciphertext, expected, associated = unhexed(case, "k_mac", "iv", "ct", "tag", "aad")
    where = context(case)
    assert pae([b"sealkit/v1", header(case), pae(where.identity), pae(where.path)]) == associated
    assert authenticate(mac, associated, iv, ciphertext) == expected
    tagger = Tagger(mac)
    for _ in range(2):  # the kept state is not used up
        assert tagger.tag(header(case), where, iv, ciphertext) == expected
        assert tagger.accepts(expected, header(case), where, iv, ciphertext)
    assert not tagger.accepts(expected[:-1] + bytes([expected[-1] ^ 1]), header(case), where, iv, ciphertext)
    assert not tagger.accepts(expected[:-1], header(case), where, iv, ciphertext)


@pytest.mark.parametrize("case", FORMAT, ids=range(len(FORMAT)))
def test_synthetic_iv(case):
    siv, iv, payload = unhexed(case, "k_siv", "iv", "plaintext")
    assert (Synthesizer(siv).iv(context(case), payload) == iv) == (case["iv_mode"] == "synthetic")


# --- JOSE ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "case", load("rfc/rfc7518_appB_aes_cbc_hmac.json")["tests"] + load("rfc/rfc7516_appB_a128cbc_hs256.json")["tests"]
)
def test_rfc_7518_and_7516_appendix_b(case):
    hash_name, length = JOSE[case["alg"].lower().replace("-", "_")]
    mac_key, enc_key, payload, iv, associated, expected, whole, cut = unhexed(
        case, "MAC_KEY", "ENC_KEY", "P", "IV", "A", "E", "M", "T"
    )
    assert CBC(enc_key).encrypt(payload, iv) == expected
    assert CBC(enc_key).decrypt(expected, iv) == payload
    assert authenticate(mac_key, associated, iv, expected, hash=hash_name, length=len(whole)) == whole
    assert authenticate(mac_key, associated, iv, expected, hash=hash_name, length=length) == cut


def wycheproof():
    for name, (hash_name, length) in JOSE.items():
        for group in load(f"wycheproof/{name}_test.json")["testGroups"]:
            for case in group["tests"]:
                yield pytest.param(case, hash_name, length, id=f"{name}-{case['tcId']}")


def opened(case, hash_name, length):
    """Open a JWE of these parts as RFC 7518 section 5.2.2.2 says; None for what it refuses."""
    key, iv, associated, ciphertext, mark = unhexed(case, "key", "iv", "aad", "ct", "tag")
    if len(key) != 2 * length or len(iv) != 16 or len(mark) != length:
        return None
    expected = authenticate(key[:length], associated, iv, ciphertext, hash=hash_name, length=length)
    return CBC(key[length:]).decrypt(ciphertext, iv) if tag.equal(expected, mark) else None


@pytest.mark.parametrize(("case", "hash_name", "length"), list(wycheproof()))
def test_wycheproof_cbc_hmac(case, hash_name, length):
    assert case["result"] in {"valid", "invalid"}
    payload = opened(case, hash_name, length)
    assert payload == (bytes.fromhex(case["msg"]) if case["result"] == "valid" else None)
    if case["result"] == "valid":
        key, iv, ciphertext = unhexed(case, "key", "iv", "ct")
        assert CBC(key[length:]).encrypt(payload, iv) == ciphertext


def test_none_is_missing():
    assert len(list(wycheproof())) == 282


# --- HMAC and HKDF ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", load("rfc/rfc4231_hmac.json")["tests"], ids=lambda case: case["tc"])
@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_rfc_4231(case, name):
    key, data, expected = unhexed(case, "key", "data", f"hmac_{name}")
    mac = tag._mac(key, name)
    mac.update(data)
    assert mac.finalize()[: len(expected)] == expected


def test_wycheproof_hmac():
    count = 0
    for group in load("wycheproof/hmac_sha256_test.json")["testGroups"]:
        for case in group["tests"]:
            key, data, expected = unhexed(case, "key", "msg", "tag")
            mac = tag._mac(key, "sha256")
            mac.update(data)
            assert tag.equal(mac.finalize()[: group["tagSize"] // 8], expected) == (case["result"] == "valid"), case["tcId"]
            count += 1
    assert count == 174


def test_wycheproof_hkdf():
    count = 0
    for group in load("wycheproof/hkdf_sha256_test.json")["testGroups"]:
        for case in group["tests"]:
            material, salt, info, expected = unhexed(case, "ikm", "salt", "info", "okm")
            count += 1
            if case["result"] == "invalid":
                assert case["size"] > 255 * 32
                with pytest.raises(ValueError, match=r"too large|[Cc]an ?not derive"):
                    _hkdf(material, salt=salt, info=info, length=case["size"])
            else:
                assert _hkdf(material, salt=salt, info=info, length=case["size"]) == expected
    assert count == 86


# --- against another implementation ----------------------------------------------------------------------------------
def their_pae(parts):
    return struct.pack("<Q", len(parts)) + b"".join(struct.pack("<Q", len(part)) + part for part in parts)


def their_hkdf(material, salt, info, length):
    prk, block, out = hmac.digest(salt, material, "sha256"), b"", b""
    for number in range(1, 255):
        block = hmac.digest(prk, block + info + bytes([number]), "sha256")
        out += block
        if len(out) >= length:
            return out[:length]
    raise AssertionError


@given(
    st.binary(min_size=32, max_size=32),
    st.lists(st.binary(max_size=40), max_size=4),
    st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=3),
    st.integers(0, 2),
    st.binary(max_size=100),
)
def test_tags_and_ivs_as_the_standard_library_has_them(key, identity, path, bind, payload):
    where = Context(tuple(path), bind, tuple(identity))
    for extra in (None, b"\5" * 32):
        derived = derive(key, extra)
        salt = b"sealkit/v1" if extra is None else b"sealkit/v1+mac"
        material = key + (extra or b"")
        assert derived.kid == their_hkdf(material, salt, b"sealkit/v1 kid", 8)
        assert derived.mac == their_hkdf(material, salt, b"sealkit/v1 mac", 32)
        head, iv, ciphertext = bytes([1, bind]) + derived.kid, os.urandom(16), os.urandom(32)
        associated = their_pae([b"sealkit/v1", head, their_pae(identity), their_pae(path)])
        data = associated + iv + ciphertext + struct.pack(">Q", 8 * len(associated))
        assert Tagger(derived.mac).tag(head, where, iv, ciphertext) == hmac.new(derived.mac, data, hashlib.sha256).digest()
        data = their_pae([b"sealkit/v1 siv", their_pae(identity), their_pae(path), payload])
        assert Synthesizer(derived.siv).iv(where, payload) == hmac.digest(derived.siv, data, "sha256")[:16]


# --- the encoding ----------------------------------------------------------------------------------------------------
PARTS = st.lists(st.binary(max_size=20) | st.builds(pae, st.lists(st.binary(max_size=4), max_size=3)), max_size=4)


@given(PARTS, PARTS)
def test_no_two_lists_have_one_encoding(one, other):
    assert (pae(one) == pae(other)) == (one == other)


@given(PARTS)
def test_the_encoding_can_be_read_back(parts):
    data = pae(parts)
    count, at, found = int.from_bytes(data[:8], "little"), 8, []
    for _ in range(count):
        size = int.from_bytes(data[at : at + 8], "little")
        found.append(data[at + 8 : at + 8 + size])
        at += 8 + size
    assert (found, at) == (parts, len(data))


# --- the rest --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("wrong", [{"hash": "md5"}, {"length": 0}, {"length": 33}, {"hash": "sha384", "length": 49}])
def test_no_such_tag(wrong):
    with pytest.raises(Usage):
        authenticate(b"k" * 32, b"", b"", b"", **wrong)


@pytest.mark.parametrize("made", [Tagger(b"\xa7" * 32), Synthesizer(b"\xa7" * 32), Prover(b"\xa7" * 32)])
def test_neither_shown_nor_pickled(made):
    assert "a7" not in repr(made)
    assert not hasattr(made, "__dict__")
    with pytest.raises(Usage):
        pickle.dumps(made)


def test_many_fields_are_not_all_remembered():
    tagger = Tagger(bytes(32))
    for number in range(1000):
        tagger.tag(bytes(10), Context((b"k%d" % number,)), bytes(16), bytes(16))
    assert len(tagger._started) <= 64


@pytest.mark.parametrize("line", [b"", b"x", b'{"will": "a.md"', bytes(100_000)], ids=len)
def test_a_line_of_a_journal_is_proved_together_with_the_mac_before(line):
    key, before = bytes(range(32)), bytes(range(32, 64))
    assert Prover(key).mac(before, line) == hmac.digest(key, before + line, "sha256")
    assert Prover(key).mac(bytes(32), line) != Prover(key).mac(before, line) != Prover(bytes(32)).mac(before, line)
