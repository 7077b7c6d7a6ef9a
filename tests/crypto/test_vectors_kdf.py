"""Key derivation against RFC 9106 (Argon2id), RFC 7914 (scrypt and PBKDF2) and Wycheproof (PBKDF2)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sealkit.crypto import kdf
from sealkit.errors import NoUsableKey

DATA = Path(__file__).parents[1] / "data"


def cases(name):
    return json.loads((DATA / name).read_text())


def test_rfc_9106():
    (case,) = [case for case in cases("rfc/rfc9106_argon2.json")["tests"] if case["variant"] == "argon2id"]
    password, salt, secret, ad, tag = (bytes.fromhex(case[name]) for name in ("password", "salt", "secret", "ad", "tag"))
    cost = {"t": case["iterations"], "m": case["memory_kib"], "p": case["lanes"]}
    assert kdf.argon2id(password, salt, size=case["dkLen"], **cost, secret=secret, associated=ad) == tag
    assert kdf.argon2id(password, salt, size=case["dkLen"], **cost) != tag


RFC_7914 = cases("rfc/rfc7914_scrypt.json")["tests"]


@pytest.mark.parametrize("case", RFC_7914, ids=[f"n={case['n']}" for case in RFC_7914])
def test_rfc_7914(case):
    if case["n"] == 1 << 20 and not os.environ.get("SEALKIT_CI"):
        pytest.skip("takes seconds and 1 GiB; in CI it runs")
    passphrase, salt = case["password_ascii"].encode(), case["salt_ascii"].encode()
    found = kdf.scrypt(passphrase, salt, size=case["dkLen"], n=case["n"], r=case["r"], p=case["p"])
    assert found == bytes.fromhex(case["dk"])


def test_rfc_7914_pbkdf2():
    found = cases("rfc/rfc7914_pbkdf2_sha256.json")["tests"]
    assert len(found) == 2
    for case in found:
        passphrase, salt = case["password_ascii"].encode(), case["salt_ascii"].encode()
        assert kdf.pbkdf2(passphrase, salt, size=case["dkLen"], iterations=case["iterations"]) == bytes.fromhex(case["dk"])


def test_wycheproof_pbkdf2():
    count = 0
    for group in cases("wycheproof/pbkdf2_hmacsha256_test.json")["testGroups"]:
        for case in group["tests"]:
            assert case["result"] == "valid"
            passphrase, salt = bytes.fromhex(case["password"]), bytes.fromhex(case["salt"])
            found = kdf.pbkdf2(passphrase, salt, size=case["dkLen"], iterations=case["iterationCount"])
            assert found == bytes.fromhex(case["dk"]), case["tcId"]
            count += 1
    assert count == 60


def test_what_a_function_does_not_take():
    with pytest.raises(NoUsableKey):
        kdf.argon2id(b"x", b"short", size=32, t=1, m=8, p=1)
    with pytest.raises(NoUsableKey):
        kdf.scrypt(b"x", b"salt", size=32, n=3, r=1, p=1)
