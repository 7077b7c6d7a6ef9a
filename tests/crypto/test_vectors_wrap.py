"""Key wrap against RFC 3394, RFC 5649, NIST's CAVP vectors and Wycheproof: 12,000 cases and more."""

from __future__ import annotations

import json
from pathlib import Path

import cryptography_vectors
import pytest

from sealkit.crypto.wrap import unwrap, wrap
from sealkit.errors import NoUsableKey

DATA = Path(__file__).parents[1] / "data"


def opens(kek, wrapped, algorithm):
    """What unwraps, None for a refusal."""
    try:
        return bytes(unwrap(kek, wrapped, algorithm))
    except NoUsableKey:
        return None


@pytest.mark.parametrize(("name", "algorithm", "count"), [("rfc3394_kw", "kw", 6), ("rfc5649_kwp", "kwp", 2)])
def test_rfc(name, algorithm, count):
    tests = json.loads((DATA / "rfc" / f"{name}.json").read_text())["tests"]
    assert len(tests) == count
    for case in tests:
        kek, key, wrapped = (bytes.fromhex(case[part]) for part in ("kek", "key", "wrapped"))
        assert wrap(kek, key, algorithm) == wrapped
        assert opens(kek, wrapped, algorithm) == key


@pytest.mark.parametrize(("name", "algorithm", "count"), [("aes_wrap", "kw", 165), ("aes_kwp", "kwp", 254)])
def test_wycheproof(name, algorithm, count):
    document = json.loads((DATA / "wycheproof" / f"{name}_test.json").read_text())
    seen = 0
    for group in document["testGroups"]:
        for case in group["tests"]:
            seen += 1
            kek, message, wrapped = (bytes.fromhex(case[part]) for part in ("key", "msg", "ct"))
            found = opens(kek, wrapped, algorithm)
            if case["result"] == "valid":
                assert found == message, case
                assert wrap(kek, message, algorithm) == wrapped
            elif case["result"] == "invalid":
                assert found is None, case
            else:  # sound, but short: whether to take it is left to each program
                assert found in {message, None}
    assert seen == count


def nist(name):
    """Read the groups of ``NAME = hex`` of a file of NIST's; a case that must be refused has ``FAIL``."""
    case = {}
    with cryptography_vectors.open_vector_file(f"keywrap/kwtestvectors/{name}.txt", "r") as file:
        for line in [*file, ""]:
            field, equals, value = line.strip().partition(" = ")
            if field == "FAIL" or (equals and field in {"K", "C", "P"}):
                case[field] = bytes.fromhex(value)
            elif not line.strip() and "K" in case:
                yield case
                case = {}


@pytest.mark.parametrize("algorithm", ["kw", "kwp"])
@pytest.mark.parametrize("bits", [128, 192, 256])
def test_nist(algorithm, bits):
    counts = {"wrapped": 0, "opened": 0, "refused": 0}
    for case in nist(f"{algorithm.upper()}_AE_{bits}"):
        assert wrap(case["K"], case["P"], algorithm) == case["C"]
        counts["wrapped"] += 1
    for case in nist(f"{algorithm.upper()}_AD_{bits}"):
        found = opens(case["K"], case["C"], algorithm)
        assert found == (None if "FAIL" in case else case["P"])
        counts["refused" if "FAIL" in case else "opened"] += 1
    assert min(counts.values()) >= 50, counts
    assert sum(counts.values()) >= 900, counts


@pytest.mark.parametrize("size", [0, 8, 15, 17])
def test_lengths_that_kw_does_not_take(size):
    with pytest.raises(NoUsableKey):
        wrap(bytes(16), bytes(size), "kw")


def test_every_altered_bit_is_refused():
    for algorithm in ("kw", "kwp"):
        wrapped = wrap(bytes(32), bytes(range(32)), algorithm)
        for bit in range(8 * len(wrapped)):
            altered = bytearray(wrapped)
            altered[bit // 8] ^= 1 << bit % 8
            assert opens(bytes(32), altered, algorithm) is None
