"""AES-CBC with PKCS#7 padding against Project Wycheproof: every way of being wrong is the same None."""

import json
from collections import Counter
from pathlib import Path

from sealkit.crypto.cipher import CBC

FILE = Path(__file__).parents[1] / "data" / "wycheproof" / "aes_cbc_pkcs5_test.json"


def test_aes_cbc_pkcs5():
    seen = Counter()
    for group in json.loads(FILE.read_text())["testGroups"]:
        for case in group["tests"]:
            key, iv, payload, ciphertext = (bytes.fromhex(case[name]) for name in ("key", "iv", "msg", "ct"))
            assert len(key) * 8 == group["keySize"]
            cbc = CBC(key)
            if case["result"] == "valid":
                assert cbc.encrypt(payload, iv) == ciphertext, case["tcId"]
                assert cbc.decrypt(ciphertext, iv) == payload, case["tcId"]
            else:
                assert cbc.decrypt(ciphertext, iv) is None, case["tcId"]
            seen[case["result"], *case["flags"], group["keySize"]] += 1
    assert seen == {
        (result, flag, bits): count
        for result, flag, count in [("valid", "Pseudorandom", 24), ("invalid", "BadPadding", 47), ("invalid", "NoPadding", 1)]
        for bits in (128, 192, 256)
    }
