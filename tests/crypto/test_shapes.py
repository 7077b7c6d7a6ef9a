"""What shows that bytes are not encrypted: every encoding of plaintext is found, in every door, and no real ciphertext is accused."""

from __future__ import annotations

import base64
import json
import random
import struct

import pytest

from sealkit import Blob, KeyRing, Sealer, jobs
from sealkit.crypto import shapes
from sealkit.errors import NotEncrypted
from sealkit.keys.key import Key
from sealkit.records.record import Record

SEALER = Sealer(KeyRing([Key("k1", bytes(range(32)))], primary="k1"))
CHANCE = random.Random(18)


def blocks(data: bytes) -> bytes:
    """Whole blocks of it."""
    assert len(data) >= 16
    return data[: len(data) // 16 * 16]


def padded(data: bytes) -> bytes:
    count = 16 - len(data) % 16
    return data + bytes([count]) * count


NOISE = CHANCE.randbytes(16)
PLAIN = {
    "one block of prose": b"of the old mills",
    "prose with an odd byte": b"The ferry leaves before sunrise\0",
    "Markdown": blocks(b"# Harbour\n\n- fog *at dawn*, see [map](x)\n"),
    "an object": blocks(b'{"contract": "W-2210", "rate": 0.14, "paid": true}'),
    "an array of numbers": blocks(json.dumps(list(range(1000, 1040))).encode()),
    "HTML": blocks(b"<div class='a'><b>Rates</b><br/>see below</div>"),
    "XML": blocks(b'<?xml version="1.0" encoding="UTF-8"?><a><b/></a>'),
    "CSV": blocks(b"id,name,rate\r\n1,Ida,0.14\r\n2,Per,0.19\r\n3,Lee,0.2"),
    "YAML": blocks(b"user: ida\npassword: correct horse\nhost: db.local\n"),
    "hex digits": CHANCE.randbytes(16).hex().encode(),
    "base64 once more": base64.b64encode(CHANCE.randbytes(24)),
    "a PEM key": blocks(b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0"),
    "padded, as by a cipher that is switched off": padded(b"hunter2"),
    "padded, and little of it": padded(b"correct horse battery staple 99!"),
    "padded with zeros": b"tr0ub4dor" + bytes(23),
    "UTF-16": blocks("The rates are not public".encode("utf-16-le")),
    "UTF-16, one block": "Contract".encode("utf-16-be"),
    "UTF-16 with a mark": blocks("Rates, not public".encode("utf-16")),
    "UTF-16, Cyrillic": blocks("Договор не подлежит разглашению третьим лицам".encode("utf-16-le")),
    "UTF-16, Greek": blocks("Η σύμβαση δεν είναι δημόσια ακόμη σήμερα".encode("utf-16-be")),
    "UTF-32": blocks("not public yet".encode("utf-32-le")),
    "Persian": blocks("قرارداد هنوز منتشر نشده است".encode()),
    "Chinese": blocks("合同尚未公开,请勿转发给任何第三方人员".encode()),
    "Hindi": blocks("अनुबंध अभी सार्वजनिक नहीं है".encode()),
    "emoji": blocks("🔒🔑📄📎🧾💼🗝️🔐".encode()),
    "Latin-1": "Verträge über Löhne für Müller ä".encode("latin-1"),
    "zeros": bytes(48),
    "a run of zeros": CHANCE.randbytes(20) + bytes(12) + CHANCE.randbytes(16),
    "one byte over and over": b"\xee" * 16,
    "two equal blocks": NOISE * 2,
    "equal blocks apart": NOISE + CHANCE.randbytes(160) + NOISE,
    "small numbers": struct.pack("<8I", *range(700, 708)),
    "text of a thousand lines": b"a line of the log, and another one; done\n" * 1000 + b" " * 8,
}


@pytest.mark.parametrize("what", PLAIN)
def test_encoded_plaintext_is_told(what):
    assert len(PLAIN[what]) % 16 == 0
    assert shapes.unencrypted(PLAIN[what]) is not None


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 16, 65, 200])
def test_random_bytes_show_nothing(size):
    """As many as a first look sends on to the second are among them."""
    assert not any(shapes.unencrypted(CHANCE.randbytes(16 * size)) for _ in range(1_500 if size < 16 else 300))


def test_what_is_sealed_shows_nothing():
    sealer = SEALER.under(payload="binary", least="plain", opens=False)
    for payload in PLAIN.values():
        assert shapes.unencrypted(sealer.seal(payload, format="plain").ciphertext) is None


def test_a_first_look_hides_nothing():
    """What it lets pass without weighing, weighing would have let pass, too."""
    for size in (16, 32, 64, 256):
        for _ in range(100):
            assert shapes._weighed(CHANCE.randbytes(size)) is None
    for what, data in PLAIN.items():
        if shapes._weighed(data) is not None:
            assert shapes.unencrypted(data) is not None, what


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_model_is_a_probability(share):
    """The bound holds for models whose probabilities add up to one: 2 ** gain / 256 is what a model gives to a byte."""
    for model in (shapes._prose(), shapes._print(), shapes._model({b"ab": share})):
        assert sum(2**gain / 256 for gain in model) == pytest.approx(1)


@pytest.mark.parametrize("lanes", [1, 2])
def test_learning_is_a_probability(lanes):
    """All strings of two bytes have a probability of one together."""
    alike, unlike = shapes._unevenness(b"aa", lanes), shapes._unevenness(b"ab", lanes)
    assert (256 * 2**alike + 256 * 255 * 2**unlike) / 65536 == pytest.approx(1)


# --- in every door ---------------------------------------------------------------------------------------------------
SOME = ["an object", "HTML", "UTF-16", "zeros", "Persian", "two equal blocks", "padded, as by a cipher that is switched off", "CSV"]


def blob(what: str) -> str:
    return str(Blob(PLAIN[what], CHANCE.randbytes(16)))


@pytest.mark.parametrize("what", SOME)
def test_jobs(what):
    record = Record.parse(f"title: x\nsecured: {blob(what)}\n".encode(), kind="yaml")
    for job in (jobs.inspect, lambda record: jobs.seal(record, SEALER)):
        with pytest.raises(NotEncrypted) as caught:
            job(record)
        assert (caught.value.code, caught.value.line, caught.value.field) == ("not_encrypted", 2, "secured")


@pytest.mark.parametrize("what", SOME)
def test_command_line(desk, what):
    for name, text in (("a.md", "---\ntitle: x\nsecured: {}\n---\nBody\n"), ("b.json", '{{"secured": "{}"}}')):
        desk.write(name, text.format(blob(what)).encode())
        before = desk.read(name)
        for verb in (["check"], ["inspect"], ["seal"]):
            ran = desk.run(*verb, "--json", name)
            assert (ran.status, ran.lines[0]["code"]) == (1, "not_encrypted"), (verb, ran)
        assert desk.read(name) == before


@pytest.mark.parametrize("form", ["sarif", "junit", "github"])
def test_formats_of_findings(desk, form):
    desk.write("a.yml", f"secured: {blob('HTML')}\n".encode())
    ran = desk.run("check", "--format", form, "a.yml")
    assert ran.status == 1
    assert "encrypted" in ran.text


def test_a_tree_and_its_history(desk):
    desk.write("posts/a.md", f"---\nsecured: {blob('UTF-16')}\n---\n".encode())
    desk.write("other/b.md", b"---\ntitle: Fog\n---\n")
    desk.write("sealkit.yaml", b"version: 1\nrecords:\n  - include: ['other/**']\n    fields: [{path: secured, required: false}]\n")
    ran = desk.run("check", "--json", ".")
    assert ran.status == 1
    assert [line["code"] for line in ran.lines if line.get("status") == "finding"] == ["not_encrypted"]


def test_columns():
    pa = pytest.importorskip("pyarrow")
    from sealkit.columns import inspect_column, seal_column

    rows = [str(SEALER.seal(b"a payload")), *map(blob, SOME), "plain text"]
    array = pa.array(rows)
    assert seal_column(array, SEALER).field("status").to_pylist() == ["unchanged", *["not_encrypted"] * len(SOME), "sealed"]
    assert inspect_column(array).field("status").to_pylist() == ["found", *["not_encrypted"] * len(SOME), "malformed"]
