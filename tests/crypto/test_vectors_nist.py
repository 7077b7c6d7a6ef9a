"""AES-CBC against NIST's known answers (AESAVS KAT and MMT, SP 800-38A) and RFC 3602.

These vectors have no padding, and sealkit has no way to leave it out. PKCS#7 adds a whole block to a payload of whole blocks, and in
CBC that block changes none before it: so the ciphertext must be the vector's, and 16 bytes more; and the vector's ciphertext with
those 16 bytes after it must give back the vector's plaintext.
"""

import json
from pathlib import Path

import cryptography_vectors
import pytest

from sealkit.crypto.cipher import CBC

DATA = Path(__file__).parents[1] / "data"

# Cases a file, encrypting and decrypting together; a file that is read wrongly must not pass by being empty.
CASES = {
    "CBCGFSbox128": 14,
    "CBCGFSbox192": 12,
    "CBCGFSbox256": 10,
    "CBCKeySbox128": 42,
    "CBCKeySbox192": 48,
    "CBCKeySbox256": 32,
    "CBCVarKey128": 256,
    "CBCVarKey192": 384,
    "CBCVarKey256": 512,
    "CBCVarTxt128": 256,
    "CBCVarTxt192": 256,
    "CBCVarTxt256": 256,
    "CBCMMT128": 20,
    "CBCMMT192": 20,
    "CBCMMT256": 20,
}


def read_cases(name):
    """Read the ``NAME = hex`` groups of a response file, one group a case."""
    case = {}
    with cryptography_vectors.open_vector_file(f"ciphers/AES/CBC/{name}.rsp", "r") as file:
        for line in [*file, ""]:
            if " = " in line:
                field, value = line.strip().split(" = ")
                case[field] = int(value) if field == "COUNT" else bytes.fromhex(value)
            elif case:
                yield case
                case = {}


def check(cbc, iv, plaintext, ciphertext):
    assert len(plaintext) == len(ciphertext) > 0
    sealed = cbc.encrypt(plaintext, iv)
    assert sealed[:-16] == ciphertext
    assert cbc.decrypt(ciphertext + sealed[-16:], iv) == plaintext


@pytest.mark.parametrize(("name", "count"), CASES.items(), ids=CASES.keys())
def test_nist(name, count):
    cases = list(read_cases(name))
    assert len(cases) == count
    kept = {}
    for case in cases:
        key = case["KEY"]
        assert len(key) * 8 == int(name[-3:])
        for cbc in (CBC(key), kept.setdefault(key, CBC(key))):
            check(cbc, case["IV"], case["PLAINTEXT"], case["CIPHERTEXT"])


def test_rfc_3602():
    tests = json.loads((DATA / "rfc" / "rfc3602_aes_cbc_nopad.json").read_text())["tests"]
    assert len(tests) == 4
    for case in tests:
        key, iv, plaintext, ciphertext = (bytes.fromhex(case[name]) for name in ("key", "iv", "msg", "ct"))
        check(CBC(key), iv, plaintext, ciphertext)
