"""The format's own vectors, as far as grammar, cipher and derivation go; and HKDF against RFC 5869."""

import hmac
import json
from pathlib import Path

import pytest

from sealkit.crypto.blob import Blob
from sealkit.crypto.cipher import CBC, _hkdf, derive

DATA = Path(__file__).parents[1] / "data"
TESTS = json.loads((DATA / "format" / "format.json").read_text())["tests"]
BINDS = {"none": 0, "path": 1, "fields": 2}


def unhexed(case, *names):
    return [bytes.fromhex(case[name]) for name in names]


def test_none_is_missing():
    assert len(TESTS) == 8
    assert {len(case["key"]) * 4 for case in TESTS} == {128, 192, 256}
    assert {case["bind"] for case in TESTS} == set(BINDS)


@pytest.mark.parametrize("case", TESTS, ids=range(len(TESTS)))
def test_derived_keys(case):
    derived = derive(bytes.fromhex(case["key"]))
    assert [derived.kid, derived.mac, derived.siv] == unhexed(case, "kid", "k_mac", "k_siv")


@pytest.mark.parametrize("case", TESTS, ids=range(len(TESTS)))
def test_three_parts(case):
    blob = Blob.parse(case["blob"])
    ciphertext, iv, tag = unhexed(case, "ct", "iv", "tag")
    assert (blob.ciphertext, blob.iv) == (ciphertext, iv)
    assert (blob.version, blob.bind, blob.kid) == (1, BINDS[case["bind"]], case["kid"])
    assert blob == Blob(ciphertext, iv, bytes([1, BINDS[case["bind"]]]) + bytes.fromhex(case["kid"]) + tag)
    assert str(blob) == case["blob"]


@pytest.mark.parametrize("case", TESTS, ids=range(len(TESTS)))
def test_the_first_two_parts_are_a_blob_for_readers_that_know_no_tag(case):
    key, payload = unhexed(case, "key", "plaintext")
    cbc = CBC(key)
    blob = Blob.parse(case["blob"].rpartition(";")[0])
    assert not blob.is_tagged
    assert cbc.decrypt(blob.ciphertext, blob.iv) == payload
    assert cbc.encrypt(payload, blob.iv) == blob.ciphertext


def test_rfc_5869():
    tests = json.loads((DATA / "rfc" / "rfc5869_hkdf_sha256.json").read_text())["tests"]
    assert len(tests) == 3
    for case in tests:
        material, salt, info, expected = unhexed(case, "ikm", "salt", "info", "okm")
        assert _hkdf(material, salt=salt, info=info, length=case["L"]) == expected


@pytest.mark.parametrize("case", TESTS, ids=range(len(TESTS)))
def test_the_journal_key_is_expanded_as_the_others_are(case):
    """There is no vector of it; its info is all that is its own, and one round of RFC 5869's expansion is enough for 32 bytes."""
    key = bytes.fromhex(case["key"])
    extracted = hmac.digest(b"sealkit/v1", key, "sha256")
    assert hmac.digest(extracted, b"sealkit/v1 siv\x01", "sha256").hex() == case["k_siv"]
    assert derive(key).journal == hmac.digest(extracted, b"sealkit/v1 journal\x01", "sha256")
