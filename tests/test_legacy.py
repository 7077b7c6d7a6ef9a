"""Passphrase blobs of other programs: of real crypto-js, and of the ``openssl`` that is installed."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
from pathlib import Path

import needs
import pytest

from sealkit import jobs
from sealkit.errors import AmbiguousKey, BrokenBlob, CannotDecrypt, SealkitError, Unsealed, Usage
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.legacy import Salted
from sealkit.records.record import Record
from sealkit.sealer import Sealer

VECTORS = json.loads((Path(__file__).parent / "data" / "openssl_legacy" / "crypto_js.json").read_text())["cases"]
PASSPHRASE = "Fahrstuhl & Zwiebelkröte"
PAYLOAD = "Am Hafen gehen um zehn die Lichter aus.\nUnd dann?\n" * 5


@pytest.mark.parametrize("case", VECTORS, ids=[repr(case["payload"][:10]) for case in VECTORS])
def test_crypto_js(case):
    passphrase, payload = case["passphrase"].encode(), case["payload"].encode()
    assert Salted(passphrase, digest="md5").opens(case["blob"], "text") == payload
    assert Salted(passphrase).opens(case["blob"], "text") == payload
    with pytest.raises(CannotDecrypt):
        Salted(passphrase, digest="sha256").opens(case["blob"], "text")


def openssl(payload, *options, digest="sha256", bits=256):
    needs.demand_program("openssl")
    command = ["openssl", "enc", f"-aes-{bits}-cbc", "-md", digest, "-salt", *options, "-pass", "env:P"]
    ran = subprocess.run(command, input=payload, env={"PATH": os.environ["PATH"], "P": PASSPHRASE}, capture_output=True, check=True)
    return ran.stdout


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("digest", ["md5", "sha256"])
@pytest.mark.parametrize("options", [["-a"], ["-a", "-A"]])
def test_openssl(digest, bits, options):
    text = openssl(PAYLOAD.encode(), *options, digest=digest, bits=bits).decode()
    assert Salted.resembles(text)
    assert ("\n" in text.strip()) == (len(options) == 1)
    for chosen in (None, digest):
        assert Salted(PASSPHRASE.encode(), digest=chosen, bits=bits).opens(text, "text") == PAYLOAD.encode()
    other = "md5" if digest == "sha256" else "sha256"
    for wrong in (Salted(PASSPHRASE.encode(), digest=other, bits=bits), Salted(b"another", bits=bits)):
        with pytest.raises(CannotDecrypt) as caught:
            wrong.opens(text, "text")
        assert caught.value.problem == "cannot decrypt: the passphrase does not open this blob"


def test_binary_payloads_name_the_digest():
    text = openssl(bytes(range(256)), "-a").decode()
    assert Salted(PASSPHRASE.encode(), digest="sha256").opens(text, "binary") == bytes(range(256))
    with pytest.raises(Usage):
        Salted(PASSPHRASE.encode()).opens(text, "binary")
    with pytest.raises(CannotDecrypt):
        Salted(PASSPHRASE.encode()).opens(text, "text")


def test_both_digests_fit(monkeypatch):
    monkeypatch.setattr("sealkit.legacy.open_salted", lambda *_: b"text")
    with pytest.raises(AmbiguousKey):
        Salted(b"p").opens(VECTORS[0]["blob"], "text")


WHOLE = base64.b64decode(VECTORS[0]["blob"])
BROKEN = [WHOLE[:16], WHOLE[:-1], WHOLE[:8], b"salted__" + WHOLE[8:], WHOLE + b"x", b""]


@pytest.mark.parametrize("data", BROKEN, ids=range(len(BROKEN)))
def test_broken(data):
    with pytest.raises(BrokenBlob):
        Salted(b"p").opens(base64.b64encode(data).decode(), "text")


@pytest.mark.parametrize("text", ["", "U2FsdGVkX1", "U2FsdGVkX1!", "U2FsdGVkX1" * 30, "é", "\ud800", "U2FsdGVkX1\ud800"])
def test_whatever_the_text(text):
    Salted.resembles(text)
    with pytest.raises(BrokenBlob):
        Salted(b"p").opens(text, "text")


def test_the_passphrase_stays_inside():
    made = Salted(b"xyzzy-plugh")
    assert "xyzzy" not in repr(made)
    with pytest.raises(SealkitError):
        pickle.dumps(made)
    for wrong in (
        {"passphrase": b""},
        {"passphrase": "text"},
        {"passphrase": b"x", "digest": "sha1"},
        {"passphrase": b"x", "bits": 512},
    ):
        with pytest.raises(Usage):
            Salted(**wrong)


# --- records -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def sealer():
    return Sealer(KeyRing([Key("k1", bytes(range(7, 39)))], primary="k1"))


def record(value, more=""):
    return Record.parse(f"---\ntitle: t\nsecured: {value}\nend: 1\n---\nbody\n{more}".encode(), kind="frontmatter")


def test_a_record(sealer):
    folded = "\n  ".join(openssl(PAYLOAD.encode(), "-a").decode().split())
    for value in (VECTORS[0]["blob"], f'"{VECTORS[0]["blob"]}"', f"|\n  {folded}", f"\n  {folded}"):
        expected = VECTORS[0]["payload"] if folded not in value else PAYLOAD
        before = record(value)
        after = jobs.seal(before, sealer, payload=Salted(PASSPHRASE.encode()))
        assert jobs.decrypt(after, sealer).payload == expected.encode()
        assert after.raw.startswith(b"---\ntitle: t\nsecured: ")
        assert after.raw.endswith(b"end: 1\n---\nbody\n")
        assert jobs.seal(after, sealer, payload=Salted(PASSPHRASE.encode())) is after, "twice is safe"


@pytest.mark.parametrize("value", ["plaintext", "12", "[a]", "{a: b}", "''", "Salted__"])
def test_plaintext_is_not_sealed(sealer, value):
    with pytest.raises(SealkitError) as caught:
        jobs.seal(record(value), sealer, payload=Salted(b"p"))
    assert type(caught.value) is Unsealed
    assert (caught.value.field, caught.value.line) == ("secured", 3)


def test_it_is_called_what_it_is_elsewhere(sealer):
    for job in (jobs.inspect, lambda record: jobs.decrypt(record, sealer), lambda record: jobs.seal(record, sealer)):
        with pytest.raises(SealkitError) as caught:
            job(record(VECTORS[0]["blob"]))
        assert "sealkit import --openssl-legacy" in caught.value.hint or "sealkit inspect" in caught.value.hint
