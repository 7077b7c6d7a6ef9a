"""Every way in which an untagged blob can fail to open is one error: one text, one JSON line, one exit status."""

from __future__ import annotations

import json

import pytest

from sealkit.crypto.blob import Blob
from sealkit.errors import CannotDecrypt
from sealkit.keys.key import Key
from sealkit.sealer import Sealer

IV = bytes(range(16))
TEXT = b"three blocks of text, no more and no less."


def raw_cbc(key, padded, iv=IV):
    """Encrypt whole blocks without adding padding."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    context = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return context.update(padded) + context.finalize()


K1, K2, K0, OTHER = bytes(range(32)), bytes(range(0xF0, 0x100)), bytes(range(24)), bytes(range(40, 72))
GOOD = raw_cbc(K2, TEXT + b"\x06" * 6)


def padded_badly(ending):
    return Blob(raw_cbc(K2, (TEXT + bytes(6))[: 48 - len(ending)] + ending), IV)


def of(payload, key=K2):
    return Blob(Key("x", key).cbc().encrypt(payload, IV), IV)


CAUSES = {
    "another key": of(TEXT, OTHER),
    "another key of another size": of(TEXT, OTHER[:24]),
    "a disabled key": of(TEXT, K0),
    "last byte of the ciphertext": Blob(GOOD[:-1] + bytes([GOOD[-1] ^ 1]), IV),
    "first byte of the ciphertext": Blob(bytes([GOOD[0] ^ 1]) + GOOD[1:], IV),
    "top bit of the iv": Blob(GOOD, bytes([IV[0] ^ 0x80]) + IV[1:]),
    "a control character through the iv": Blob(GOOD, bytes([IV[0] ^ ord("t")]) + IV[1:]),
    "last block cut off": Blob(GOOD[:-16], IV),
    "first block cut off": Blob(GOOD[16:] + GOOD[:16], IV),
    "blocks in another order": Blob(GOOD[16:32] + GOOD[:16] + GOOD[32:], IV),
    "a block twice": Blob(GOOD[:16] + GOOD, IV),
    "zeros": Blob(bytes(48), bytes(16)),
    "padding of 0": padded_badly(b"\0"),
    "padding of 17": padded_badly(b"\x11" * 17),
    "padding of 255": padded_badly(b"\xff"),
    "padding that is not even": padded_badly(b"\x01\x02"),
    "padding that is short": padded_badly(b"\x05" * 4 + b"\x06"),
    "not UTF-8": of(TEXT + b"\xff"),
    "half a character": of(TEXT + "é".encode()[:1]),
    "a NUL": of(TEXT + b"\0"),
    "an escape": of(TEXT + b"\x1b[31m"),
    "a C1 control": of(TEXT + "\x9b".encode()),
    "a DEL": of(TEXT + b"\x7f"),
}


def test_there_are_enough_causes():
    assert len(CAUSES) >= 12


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_all_causes_look_the_same(desk, form):
    seen = {}
    for cause, blob in CAUSES.items():
        desk.record("x.md", str(blob))
        ran = desk.run("decrypt", *form, "x.md")
        seen.setdefault((ran.status, ran.out, ran.err), []).append(cause)
    assert len(seen) == 1, seen
    ((status, out, err),) = seen
    assert status == 1
    if form:
        assert json.loads(out.splitlines()[0])["code"] == "cannot_decrypt"
    else:
        assert out == b""
        assert "x.md:3: cannot decrypt" in err


def test_all_causes_are_one_error_with_nothing_behind_it(desk):
    seen = set()
    for blob in CAUSES.values():
        with pytest.raises(CannotDecrypt) as caught:
            Sealer(desk.ring()).unseal(blob)
        error = caught.value
        assert error.__cause__ is error.__context__ is None
        seen.add((type(error), str(error), repr(error), error.hint, error.code, error.exit_status))
    assert len(seen) == 1


@pytest.mark.parametrize("args", [["verify", "--json", "tree"], ["rotate", "--partial", "--to", "k1", "--json", "tree"]])
def test_all_causes_look_the_same_in_a_tree(desk, args):
    for number, blob in enumerate(CAUSES.values()):
        desk.record(f"tree/{number}.md", str(blob))
    before = desk.files("tree")
    ran = desk.run(*args)
    assert ran.status == 1
    assert ran.summary == {"finding": len(CAUSES), "codes": {"cannot_decrypt": len(CAUSES)}, "diagnosis": "wrong_key"}
    assert len({json.dumps(line | {"path": ""}) for line in ran.lines}) == 1
    assert {name: data for name, data in desk.files("tree").items() if name in before} == before


def test_a_payload_is_not_put_over_what_does_not_open(desk):
    desk.record("x.md", str(CAUSES["another key"]))
    before = desk.read("x.md")
    ran = desk.run("seal", "--payload", "-", "--json", "x.md", stdin=b"another payload")
    assert (ran.status, ran.lines[0]["code"]) == (1, "cannot_decrypt")
    assert desk.read("x.md") == before


def test_the_wrong_kind_of_payload_looks_the_same(desk):
    desk.record("x.md", str(of(TEXT)))
    no_json = desk.run("decrypt", "--payload-kind", "json", "x.md")
    desk.record("x.md", str(CAUSES["another key"]))
    wrong_key = desk.run("decrypt", "--payload-kind", "json", "x.md")
    assert (no_json.status, no_json.out, no_json.err) == (wrong_key.status, wrong_key.out, wrong_key.err)


def test_the_good_one_opens(desk):
    desk.record("x.md", str(Blob(GOOD, IV)))
    assert desk.run("decrypt", "x.md").out == TEXT
