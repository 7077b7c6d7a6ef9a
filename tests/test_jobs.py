"""The five jobs on one record of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit import jobs
from sealkit.crypto.blob import Blob
from sealkit.crypto.cipher import CBC
from sealkit.errors import (
    BrokenBlob,
    CannotDecrypt,
    FieldAbsent,
    Malformed,
    NonCanonical,
    NotAString,
    ProofFailed,
    RefusedEdit,
    SealkitError,
    Unsealed,
)
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records import splice
from sealkit.records.identity import Place
from sealkit.records.record import Record
from sealkit.sealer import Sealer

RECORDS = Path(__file__).parent / "records"
K1, K2 = Key("k1", bytes(range(32))), Key("k2", bytes(range(0xF0, 0x100)))
RING = KeyRing([K1, K2], primary="k2")
SEALER = Sealer(RING)
IV = bytes(range(16))
TEXT = b"a payload of several blocks: {not JSON}"
SEALED = str(Blob(K2.cbc().encrypt(TEXT, IV), IV))
FIELDS = [("article.md", "secured"), ("board.yml", "secured"), ("crlf.md", "secured"), ("interview.md", "secured")]
FIELDS += [("nested.md", "provider.secured")]

SHAPES = {
    "front matter": ("frontmatter", "---\na: 1\nsecured: {}\nb: 2\n---\nbody {{}}\n"),
    "front matter, CRLF": ("frontmatter", "---\r\na: 1\r\nsecured: {}\r\n---\r\nbody"),
    "YAML": ("yaml", "# one\nsecured: {}   # two\nb: 2"),
    "JSON": ("json", '{{"a": 1, "secured" : {}, "b": [2]}}'),
    "a JSON line": ("jsonl", '{{"secured":{}}}'),
}


def record(shape, value):
    kind, text = SHAPES[shape]
    return Record.parse(text.format(value).encode(), kind=kind)


def sample(name):
    return Record.parse((RECORDS / name).read_bytes(), kind=Record.kind_of(name))


@pytest.mark.parametrize("shape", SHAPES)
def test_all_jobs_on_every_shape(shape):
    before = record(shape, '"some plaintext of two blocks, or three"')
    with pytest.raises(Unsealed):
        jobs.inspect(before)
    sealed = jobs.seal(before, SEALER)
    assert sealed is not before
    assert jobs.seal(sealed, SEALER) is sealed
    assert jobs.decrypt(sealed, SEALER).payload == b"some plaintext of two blocks, or three"
    assert jobs.verify(sealed, SEALER) is None
    assert jobs.rotate(sealed, SEALER, SEALER) is sealed
    rotated = jobs.rotate(sealed, SEALER, Sealer(RING, key_id="k1"))
    assert jobs.decrypt(rotated, SEALER).key_id == "k1"
    assert jobs.inspect(rotated).blob.iv != jobs.inspect(sealed).blob.iv
    assert jobs.reveal(rotated, SEALER).raw == before.raw
    head, tail = before.raw.split(b'"some plaintext of two blocks, or three"')
    for after in (sealed, rotated):
        assert after.raw.startswith(head)
        assert after.raw.endswith(tail)


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_samples(name, field):
    before = sample(name)
    payload = jobs.decrypt(before, SEALER, field=field).payload
    jobs.verify(before, SEALER, field=field)
    assert jobs.seal(before, SEALER, field=field) is before
    assert jobs.seal(before, SEALER, field=field, payload=payload) is before
    back = jobs.seal(jobs.reveal(before, SEALER, field=field), SEALER, field=field)
    assert jobs.decrypt(back, SEALER, field=field).payload == payload


def test_a_payload_is_given():
    empty = Record.parse(b"---\na: 1\n---\n", kind="frontmatter")
    with pytest.raises(FieldAbsent):
        jobs.seal(empty, SEALER)
    added = jobs.seal(empty, SEALER, payload=TEXT)
    assert jobs.decrypt(added, SEALER).payload == TEXT
    assert jobs.seal(added, SEALER, payload=TEXT) is added
    other = jobs.seal(added, SEALER, payload=TEXT + b".")
    assert jobs.decrypt(other, SEALER).payload == TEXT + b"."
    broken = record("YAML", SEALED[:-1])
    assert jobs.decrypt(jobs.seal(broken, SEALER, payload=TEXT), SEALER).payload == TEXT


@pytest.mark.parametrize(
    ("value", "kind", "job"),
    [
        ('"text"', Unsealed, jobs.inspect),
        ("12", Unsealed, jobs.inspect),
        ("{x: 1}", Unsealed, jobs.inspect),
        ("~", NotAString, jobs.inspect),
        ("~", NotAString, lambda one: jobs.seal(one, SEALER)),
        (SEALED + ";", Malformed, jobs.inspect),
        (SEALED[:-1], NonCanonical, jobs.inspect),
        (SEALED[:-1], BrokenBlob, lambda one: jobs.seal(one, SEALER)),
        (SEALED, CannotDecrypt, lambda one: jobs.decrypt(one, Sealer(RING, key_id="k1"))),
        (SEALED, CannotDecrypt, lambda one: jobs.rotate(one, Sealer(RING, key_id="k1"), SEALER)),
        ("text", Unsealed, lambda one: jobs.rotate(one, SEALER, SEALER)),
        ("text", Unsealed, lambda one: jobs.verify(one, SEALER)),
    ],
)
def test_errors_say_where(value, kind, job):
    with pytest.raises(kind) as caught:
        job(record("front matter", value))
    assert (caught.value.line, caught.value.field) == (3, "secured")
    assert caught.value.hint or kind is NotAString


def test_an_absent_field_says_which():
    with pytest.raises(FieldAbsent) as caught:
        jobs.inspect(record("YAML", SEALED), "other.field")
    assert caught.value.field == "other.field"


def test_a_binary_payload_is_not_revealed():
    sealed = record("YAML", str(Blob(K2.cbc().encrypt(b"\xff" * 20, IV), IV)))
    with pytest.raises(RefusedEdit):
        jobs.reveal(sealed, Sealer(RING, key_id="k2", payload="binary"))


def test_a_blob_is_exchanged_without_a_key():
    before = record("front matter", SEALED)
    after = jobs.rotate(before, SEALER, Sealer(RING, key_id="k1"))
    new = str(jobs.inspect(after).blob)
    assert jobs.exchange(after, "secured", new, SEALED).raw == before.raw
    assert jobs.exchange(before, "secured", new, SEALED) is before
    assert jobs.exchange(record("front matter", "other"), "secured", new, SEALED) is None
    assert jobs.exchange(before, "absent", new, SEALED) is None


# --- verify finds what is planted in each of its steps -----------------------------------------------------------------
def test_verify_finds_a_cipher_that_opens_wrongly(monkeypatch):
    real = CBC.decrypt_whole
    monkeypatch.setattr(CBC, "decrypt_whole", lambda self, ciphertext, iv: (real(self, ciphertext, iv)[0][:-1] + b"!", True))
    with pytest.raises(ProofFailed, match="another blob"):
        jobs.verify(record("YAML", SEALED), Sealer(RING, key_id="k2"))


def test_verify_finds_a_cipher_that_seals_wrongly(monkeypatch):
    real = CBC.encrypt
    monkeypatch.setattr(CBC, "encrypt", lambda self, payload, iv: real(self, payload, iv[::-1]))
    with pytest.raises(ProofFailed, match="another blob"):
        jobs.verify(record("YAML", SEALED), Sealer(RING, key_id="k2"))


@pytest.mark.parametrize("shape", ["YAML", "JSON", "a JSON line"])
def test_verify_finds_a_splice_that_changes_something_else(monkeypatch, shape):
    value = f'"{SEALED}"'
    jobs.verify(record(shape, value), SEALER)
    real = splice.in_style

    def off_by_one(*args):
        change = real(*args)
        return change._replace(end=change.end + 1)

    monkeypatch.setattr(splice, "in_style", off_by_one)
    with pytest.raises(ProofFailed, match="other bytes"):
        jobs.verify(record(shape, value), SEALER)


def test_verify_finds_a_scan_that_finds_another_value(monkeypatch):
    """The fast scan answers with the blob of the first field; the full parse, which the proof uses, finds the second."""
    from sealkit.records import scan

    other = str(Blob(K2.cbc().encrypt(b"another payload of several blocks", IV), IV))
    both = Record.parse(f"---\nother: {other}\nsecured: {SEALED}\n---\n".encode(), kind="frontmatter")
    jobs.verify(both, SEALER)
    at = both.raw.index(other.encode())
    monkeypatch.setattr(scan, "find", lambda *_, **__: scan.Span(at, at + len(other)))
    again = Record.parse(both.raw, kind="frontmatter")
    assert jobs.decrypt(again, SEALER).payload == b"another payload of several blocks"
    with pytest.raises(ProofFailed, match="full parse"):
        jobs.verify(again, SEALER)


def test_verify_finds_a_blob_that_was_exchanged_after_it_was_read():
    one = record("YAML", SEALED)
    found = jobs.inspect(one)
    place = Place(one)
    opened = jobs.unseal(found, SEALER, place)
    changed = found._replace(blob=Blob(found.blob.ciphertext, bytes(16)))
    with pytest.raises(ProofFailed):
        jobs.prove(one, changed, opened, SEALER, place)
    with pytest.raises(ProofFailed):
        jobs.prove(record("YAML", SEALED.swapcase()), found, opened, SEALER, place)


# --- whatever the bytes ------------------------------------------------------------------------------------------------
PIECES = st.lists(
    st.sampled_from(
        [
            b"---\n",
            b"secured:",
            b" ",
            b"\n",
            b"\r\n",
            b'"',
            b"'",
            SEALED.encode(),
            SEALED[:50].encode(),
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"a: 1\n",
            b"&a",
            b"*a",
            b"|\n  ",
            b">-\n",
            b"!!str ",
            b"#",
            b"\xef\xbb\xbf",
            b"\x00",
            b"\xc2\x85",
            b"<<: *a\n",
            b"- ",
            b"? ",
            b"\t",
        ]
    )
    | st.binary(max_size=5),
    max_size=14,
).map(b"".join)
WRAPPED = (
    PIECES
    | PIECES.map(lambda piece: b"---\nsecured: " + piece + b"\n---\n")
    | PIECES.map(lambda piece: b'{"secured": ' + piece + b"}")
)


@settings(max_examples=1500, deadline=None)
@given(
    data=WRAPPED,
    kind=st.sampled_from(["frontmatter", "yaml", "json", "jsonl"]),
    field=st.sampled_from(["secured", "a.b", "a[]", ""]),
)
def test_only_our_errors_whatever_the_bytes(data, kind, field):
    said = []

    def attempt(job):
        try:
            return job(Record.parse(data, kind=kind))
        except SealkitError as error:
            said.append(str(error))
            return None

    for job in (
        lambda one: jobs.inspect(one, field),
        lambda one: jobs.decrypt(one, SEALER, field=field),
        lambda one: jobs.reveal(one, SEALER, field=field),
        lambda one: jobs.rotate(one, SEALER, Sealer(RING, key_id="k1"), field=field),
        lambda one: jobs.verify(one, SEALER, field=field),
        lambda one: one.warnings,
    ):
        attempt(job)
    for payload in (None, TEXT):
        sealed = attempt(lambda one, payload=payload: jobs.seal(one, SEALER, field=field, payload=payload))
        if sealed is not None:
            assert jobs.seal(Record.parse(sealed.raw, kind=kind), SEALER, field=field, payload=payload).raw == sealed.raw
    assert all(said)
    assert not any(SEALED[:30] in text for text in said)
