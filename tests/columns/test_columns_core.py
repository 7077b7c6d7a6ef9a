"""A column opens, seals and rotates to exactly what one record at a time does; and nothing that is odd about an array matters."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest
from column_cases import (
    CONTEXTS,
    MAKERS,
    RINGS,
    SEALERS,
    STRANGER,
    TYPES,
    array_of,
    blobs,
    damaged,
    rows_of,
    scalar,
    scalar_verify,
    tables,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealkit.columns import base64rows, core, decrypt_column, inspect_column, rotate_column, seal_column, verify_column
from sealkit.columns.arrays import ROWS, view
from sealkit.columns.places import Places
from sealkit.columns.plaintext import suspects
from sealkit.columns.results import STATUSES
from sealkit.crypto.blob import Blob
from sealkit.errors import CannotDecrypt, Downgraded, SealkitError, Usage
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.payload import passes
from sealkit.records.identity import Place
from sealkit.records.record import Record
from sealkit.sealer import Sealer

FUZZ = settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))
CI = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
UNBOUND = Places("secured", None, None, 1).part(0, 1).at(0)
SEALER = SEALERS["one"]


@pytest.fixture(params=["pybase64", "numpy"])
def decoder(request, monkeypatch):
    """Both ways to decode base64."""
    if request.param == "numpy":
        monkeypatch.setattr(base64rows, "pybase64", None)
    else:
        assert base64rows.pybase64 is not None, "pybase64 is not installed"


# --- the same as the scalar path -------------------------------------------------------------------------------------
def parsed(row):
    """The blob of a row, or the code of the error."""
    try:
        return Blob.parse(row)
    except SealkitError as error:
        return error.code


def same_as_scalar(rows, name, kind):
    sealer = SEALERS[name]
    array = array_of(rows, kind)
    assert rows_of(decrypt_column(array, sealer)) == [scalar(row, sealer, UNBOUND) for row in rows]
    assert rows_of(verify_column(array, sealer)) == [scalar_verify(row, sealer, UNBOUND) for row in rows]
    inspected = inspect_column(array).to_pylist()
    for row, told in zip(rows, inspected, strict=True):
        blob = parsed(row) if row is not None else None
        if isinstance(blob, str):
            assert told["status"] == blob
            continue
        if blob is not None and blob.is_known:
            kind = "tagged" if blob.auth is not None else "plain"
            assert told == {
                "format": kind,
                "kid": blob.kid,
                "ciphertext_bytes": len(blob.ciphertext),
                "iv": blob.iv,
                "status": "found",
            }


@CI
@given(rows=tables(), name=st.sampled_from(sorted(SEALERS)), kind=st.sampled_from(TYPES))
def test_random_tables_open_as_their_rows_do(rows, name, kind):
    same_as_scalar(rows, name, kind)


@pytest.mark.fuzz
@FUZZ
@given(rows=tables(), name=st.sampled_from(sorted(SEALERS)), kind=st.sampled_from(TYPES))
def test_five_thousand_random_tables_open_as_their_rows_do(rows, name, kind):
    same_as_scalar(rows, name, kind)


@pytest.mark.parametrize("name", sorted(SEALERS))
def test_all_kinds_of_rows_in_numbers(name, decoder):
    """Each maker's blobs of 0 to 40 bytes, 10 of each, beside damaged ones: all that is done at once, and all that is not."""
    rows = []
    for maker in MAKERS:
        for size in (0, 1, 15, 16, 17, 31, 32, 40):
            payload = ("é" * 20).encode()[: size // 2 * 2] + b"x" * (size % 2)
            rows += [str(maker.seal(payload)) for _ in range(10)]
    for row in rows[::7]:
        rows += [row[:-1], row + "=", row.replace(";", " "), row[:30] + "." + row[31:], row[:5] + "=" + row[6:]]
    same_as_scalar(rows, name, TYPES[0])


@CI
@given(row=st.one_of(blobs(), damaged()), name=st.sampled_from(sorted(SEALERS)), beside=blobs())
def test_a_row_among_its_like(row, name, beside):
    """The same rows as part of a layout that is done at once, and alone."""
    sealer = SEALERS[name]
    many = rows_of(decrypt_column(pa.array([row] * 9 + [beside], pa.string()), sealer))
    assert set(many[:-1]) == {scalar(row, sealer, UNBOUND)}
    assert many[-1] == scalar(beside, sealer, UNBOUND)


@pytest.mark.parametrize("at", [0, 1, 30, 62, 63, 64, 65, 87, 88, 89, 100, 143, 144, 145])
@pytest.mark.parametrize("character", [*"=;A .", "é"])
def test_one_wrong_character_anywhere(at, character, decoder):
    """In the one row among many of its layout; wherever it stands, the others open."""
    sealer = SEALERS["tagged"]
    rows = [str(sealer.seal(b"a payload of three blocks, as it happens.")) for _ in range(20)]
    at = min(at, len(rows[0]) - 1)
    rows[7] = rows[7][:at] + character + rows[7][at + 1 :]
    got = rows_of(decrypt_column(pa.array(rows), sealer))
    assert got == [scalar(row, sealer, UNBOUND) for row in rows]
    assert [status for _, status, _ in got].count("authentic") >= 19


def test_every_last_bit(decoder):
    """All spellings of the last character before the padding: one is canonical."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    good = str(SEALER.seal(b"x" * 20))
    body, _, iv = good.partition(";")
    rows = [f"{body[:-2]}{letter}=;{iv}" for letter in letters] + [f"{body};{iv[:21]}{letter}==" for letter in letters]
    assert rows_of(decrypt_column(pa.array(rows), SEALER)) == [scalar(row, SEALER, UNBOUND) for row in rows]


# --- sealing ---------------------------------------------------------------------------------------------------------
SEALING = ["one", "several", "tagged", "strict", "synthetic", "demanding", "json", "binary", "named"]


@CI
@given(
    payloads=st.lists(st.one_of(st.none(), st.text(max_size=50), blobs(), damaged()), max_size=30),
    repeats=st.integers(1, 9),
    name=st.sampled_from(SEALING),
)
def test_what_is_sealed_opens_and_what_is_a_blob_is_left_alone(payloads, repeats, name):
    payloads = [payload for payload in payloads for _ in range(repeats)]
    sealer = SEALERS[name]
    result = seal_column(array_of(payloads), sealer)
    for payload, row in zip(payloads, result.to_pylist(), strict=True):
        if payload is None:
            assert row == {"blob": None, "status": None, "key": None}
            continue
        if row["status"] == "unchanged":
            assert row["blob"] == payload == str(Blob.parse(payload))
            continue
        with pytest.raises(SealkitError):
            Blob.parse(payload)
        if row["status"] == "broken_blob":
            assert Blob.resembles(payload)
            continue
        if not passes(payload.encode(), sealer.opening.payload):
            assert row == {"blob": None, "status": "payload_check", "key": None}
            continue
        assert (row["status"], row["key"]) == ("sealed", sealer.key_id)
        blob = Blob.parse(row["blob"])
        named = (
            sealer if sealer.opening.named else Sealer(sealer.opening.ring, key_id=sealer.key_id, payload=sealer.opening.payload)
        )
        opened = named.unseal(blob)
        assert opened.payload == payload.encode()
        assert named.reproduces(blob, opened)
        assert (blob.auth is None) == (sealer.format != "tagged")


@pytest.mark.parametrize("name", ["tagged", "synthetic"])
def test_sealing_at_once_gives_the_blob_that_one_record_gets(name, monkeypatch):
    """With the IVs known, each blob is the same, byte for byte."""
    sealer = SEALERS[name]
    monkeypatch.setattr(os, "urandom", lambda size: bytes(size))
    payloads = [f"payload {'x' * (number % 50)}" for number in range(400)]
    at_once = seal_column(pa.array(payloads), sealer).field("blob").to_pylist()
    assert at_once == [str(sealer.seal(payload.encode())) for payload in payloads]


def test_every_iv_is_new():
    blobs_ = seal_column(pa.array(["the same payload"] * 20_000), SEALER).field("blob").to_pylist()
    assert len({text.partition(";")[2] for text in blobs_}) == 20_000


@CI
@given(rows=st.lists(st.one_of(st.none(), blobs(), damaged(), st.text(max_size=90)), max_size=30))
def test_no_row_that_could_be_a_blob_is_passed_by(rows):
    array = pa.array([row if row is None else row.encode("utf-8", "surrogatepass") for row in rows], pa.binary())
    told = set(suspects(view(array)))
    for number, row in enumerate(rows):
        if row is not None and number not in told:
            assert not Blob.resembles(row)
            with pytest.raises(SealkitError):
                Blob.parse(row)


HARD = [
    "{",
    "[",
    ",",
    ";",
    "=",
    '"',
    " ",
    "A",
    "AAAA",
    "A" * 22 + "==",
    "A" * 43 + "=",
    "A" * 64,
    "A" * 56,
    "U2FsdGVkX1",
    "-",
    "_",
    "é",
    "\n",
]


@CI
@given(row=st.lists(st.sampled_from(HARD), max_size=12).map("".join))
def test_no_row_that_nearly_is_a_blob_is_passed_by(row):
    if not suspects(view(pa.array([row]))):
        assert not Blob.resembles(row)


def test_what_openssl_writes_is_suspected_whatever_follows():
    assert suspects(view(pa.array(["U2FsdGVkX1{" + "A" * 64, "U2FsdGVkX1 " + "x" * 64]))) == [0, 1]


def test_json_and_prose_are_not_suspected():
    rows = ['{"title":"' + "x" * 80 + '","author":"Ida"}', "The quotes are not confirmed yet. " * 4]
    assert suspects(view(pa.array(rows))) == []


# --- rotation --------------------------------------------------------------------------------------------------------
@CI
@given(rows=tables(), form=st.sampled_from([None, "plain", "tagged", "synthetic"]), to=st.sampled_from(["k1", "k2"]))
def test_rotation_goes_as_for_one_record(rows, form, to):
    opener = SEALERS["several"]
    sealer = Sealer(RINGS["several"], key_id=to, format=form)
    after = rotate_column(pa.array(rows, pa.string()), opener, sealer).to_pylist()
    for row, new in zip(rows, after, strict=True):
        payload, status, key = scalar(row, opener, UNBOUND)
        if payload is None:
            assert new == {"blob": row, "status": status, "key": None}
            continue
        old = Blob.parse(row)
        kept = opener.unseal(old, UNBOUND).format
        wanted = form or kept
        if key == to and wanted == kept:
            assert new == {"blob": row, "status": "unchanged", "key": to}
        elif wanted != "plain" and status != "authentic":
            assert new == {"blob": row, "status": "not_blessed", "key": None}
        else:
            assert (new["status"], new["key"]) == ("rotated", to)
            opened = Sealer(RINGS["several"], key_id=to).unseal(Blob.parse(new["blob"]))
            assert opened.payload == payload
            assert (Blob.parse(new["blob"]).auth is not None) == (wanted == "tagged")


def test_rotation_by_names():
    old = seal_column(pa.array(["the payload of one row"] * 10), Sealer(RINGS["several"], key_id="k1")).field("blob")
    new = rotate_column(old, SEALERS["several"], "k2")
    assert set(new.field("status").to_pylist()) == {"rotated"}
    assert set(decrypt_column(new.field("blob"), SEALERS["several"]).field("key").to_pylist()) == {"k2"}
    assert set(rotate_column(new.field("blob"), SEALERS["several"], "k2").field("status").to_pylist()) == {"unchanged"}
    assert rotate_column(new.field("blob"), SEALERS["several"], "k2").field("blob") == new.field("blob")


# --- bound blobs -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["tagged", "strict", "synthetic", "demanding", "one"])
@pytest.mark.parametrize("kind", ["files", "identity"])
def test_bound_blobs_open_in_their_rows_only(name, kind):
    sealer = SEALERS[name]
    count = 40
    names = [f"posts/{number}.md" for number in range(count)]
    where = (
        {"files": pa.array(names)}
        if kind == "files"
        else {"identity": {"sourceUrl": pa.array(names), "id": pa.array(["é"] * count)}}
    )
    sealed = seal_column(pa.array([f"payload number {number} and so on" for number in range(count)]), sealer, **where)
    assert set(sealed.field("status").to_pylist()) == {"sealed"}
    turned = pa.concat_arrays([sealed.field("blob")[1:], sealed.field("blob")[:1]])
    places = Places("secured", where.get("identity"), where.get("files"), count).part(0, count)
    for column in (sealed.field("blob"), turned):
        expected = [scalar(row, sealer, places.at(number)) for number, row in enumerate(column.to_pylist())]
        assert rows_of(decrypt_column(column, sealer, **where)) == expected
        assert rows_of(verify_column(column, sealer, **where)) == [status[1:] for status in expected]
    plain = sealer.format == "plain"
    assert {status for _, status, _ in rows_of(decrypt_column(turned, sealer, **where))} <= (
        {"unauthenticated"} if plain else {"tampered", "downgraded", "unauthenticated"}
    )
    assert {status for _, status, _ in rows_of(decrypt_column(sealed.field("blob"), sealer, **where))} == (
        {"unauthenticated"} if plain else {"authentic"}
    )


def test_contexts_are_those_of_a_record():
    for context, where in zip(
        CONTEXTS, [{}, {"files": pa.array(["posts/a.md"])}, {"identity": {"id": pa.array(["r1"])}}], strict=True
    ):
        part = Places("secured", where.get("identity"), where.get("files"), 1).part(0, 1)
        assert part.at(0).demanded() == context


@pytest.mark.parametrize("bind", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "where", [{}, {"files": pa.array(["a.md"])}, {"identity": {"id": pa.array(["r1"])}}], ids=["none", "files", "identity"]
)
def test_a_row_is_bound_as_a_record_is(where, bind):
    record = Record.parse(b"---\nid: r1\nsecured: x\n---\n", kind="frontmatter")
    demanded = "path" if "files" in where else ("id",) if where else None
    place = Place(record, bind=demanded, file="a.md" if "files" in where else None)
    row = Places("secured", where.get("identity"), where.get("files"), 1).part(0, 1).at(0)

    def told(binder):
        try:
            return binder.of_kind(bind)
        except SealkitError as error:
            return error.code

    assert told(row) == told(place)


def test_rows_without_an_identity_are_unbound():
    sealer = SEALERS["tagged"]
    identity = {"id": pa.array(["a", None, "", "b"] * 5)}
    sealed = seal_column(pa.array(["some payload or other"] * 20), sealer, identity=identity)
    assert sealed.field("status").to_pylist() == ["sealed", "unbound", "unbound", "sealed"] * 5
    bound = sealed.field("blob").take(pa.array([0, 0, 0, 0] * 5))
    assert decrypt_column(bound, sealer, identity=identity).field("status").to_pylist()[:3] == ["authentic", "unbound", "unbound"]
    assert set(decrypt_column(sealed.field("blob")[:1], sealer).field("status").to_pylist()) == {"usage"}
    assert decrypt_column(sealed.field("blob")[:1], sealer, files=pa.array(["a"])).field("status").to_pylist() == ["downgraded"]


@pytest.mark.parametrize(
    "where",
    [
        {"identity": {"id": pa.array([1])}},
        {"identity": {"id": pa.array(["a", "b"])}},
        {"identity": {"secured": pa.array(["a"])}},
        {"identity": {}},
        {"files": pa.array([1.5])},
        {"field": "a[].b"},
        {"on_error": "ignore"},
    ],
)
def test_what_is_asked_for_wrongly(where):
    with pytest.raises(Usage):
        decrypt_column(pa.array(["x"]), SEALER, **where)


def test_keys_that_are_for_some_paths():
    sealer = SEALERS["for some"]
    files = pa.array(["posts/a.md", "notes/b.md", None] * 10)
    payloads = pa.array(["the payload of one row"] * 30)
    for where in ({"files": files}, {"files": files, "identity": {"id": pa.array(["x"] * 30)}}):
        sealed = seal_column(payloads, sealer, **where)
        third = "disabled_key" if "identity" in where else "unbound"
        assert sealed.field("status").to_pylist() == ["sealed", "disabled_key", third] * 10
        blobs_ = sealed.field("blob").take(pa.array([0] * 30))
        statuses = decrypt_column(blobs_, sealer, **where).field("status").to_pylist()
        assert statuses == ["authentic", "disabled_key", "disabled_key"] * 10
    assert set(seal_column(payloads, sealer).field("status").to_pylist()) == {"disabled_key"}


# --- arrays of every shape -------------------------------------------------------------------------------------------
def sealed_rows(count, sealer=SEALER):
    return [str(sealer.seal(f"payload {number} {'é' * (number % 23)}".encode())) for number in range(count)]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_every_type_and_the_borders_of_chunks(kind):
    """Slices at odd offsets, nulls, and more rows than are done at a time."""
    rows = sealed_rows(60)
    rows = [rows[number % 60] if number % 11 else None for number in range(ROWS + 100)]
    array = array_of(rows, kind)
    expected = [scalar(row, SEALER, UNBOUND) for row in rows]
    assert rows_of(decrypt_column(array, SEALER)) == expected
    for start, end in ((0, 0), (1, 2), (ROWS - 1, ROWS + 1), (3, ROWS + 3), (17, 90)):
        assert rows_of(decrypt_column(array[start:end], SEALER)) == expected[start:end]


def test_chunked_arrays_keep_their_chunks():
    array = pa.chunked_array([array_of(sealed_rows(count)) for count in (3, 0, 20)])
    result = decrypt_column(array, SEALER)
    assert [len(chunk) for chunk in result.chunks] == [3, 0, 20]
    assert len(decrypt_column(pa.chunked_array([], pa.string()), SEALER)) == 0
    assert decrypt_column(pa.chunked_array([], pa.string()), SEALER).type == result.type
    names = pa.chunked_array([pa.array(["a"] * 10), pa.array(["b"] * 13)])
    bound = seal_column(array, SEALERS["tagged"], field="a", files=names)
    assert rows_of(bound) == [(row, "unchanged", None) for row in array.to_pylist()]


def test_types_of_results():
    assert str(decrypt_column(pa.array([], pa.string()), SEALER).type) == (
        "struct<payload: string, status: dictionary<values=string, indices=int8, ordered=0>, key: string>"
    )
    assert decrypt_column(pa.array(["x"], pa.large_string()), SEALER).type.field("payload").type == pa.large_string()
    assert decrypt_column(pa.array(["x"]), SEALERS["binary"]).type.field("payload").type == pa.binary()
    decrypt_column(pa.array(sealed_rows(30)), SEALER).validate(full=True)


@pytest.mark.parametrize(
    "array",
    [pa.array([None, None]), pa.array(["x"]).cast(pa.binary_view()), pa.array([b"xx"], pa.binary(2)), pa.array([], pa.string())],
    ids=lambda array: str(array.type),
)
def test_other_types_of_text(array):
    statuses = decrypt_column(array, SEALER).field("status").to_pylist()
    assert statuses == [None if one is None else "malformed" for one in array.to_pylist()]


@pytest.mark.parametrize("array", [pa.array([1]), pa.array([[1]]), pa.array([{"a": 1}])], ids=lambda array: str(array.type))
def test_no_text(array):
    with pytest.raises(Usage, match="holds no text"):
        decrypt_column(array, SEALER)


def test_text_that_is_not_utf8_is_malformed():
    array = pa.array([b"\xff" * 60, b"\xc3;" * 40], pa.binary())
    assert decrypt_column(array, SEALER).field("status").to_pylist() == ["malformed", "malformed"]
    assert seal_column(array, SEALER).field("status").to_pylist() == ["payload_check"] * 2
    assert seal_column(array, SEALERS["binary"]).field("status").to_pylist() == ["sealed"] * 2


def test_buffers_are_only_read():
    rows = sealed_rows(50)
    text = "".join(rows).encode()
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    array = pa.Array.from_buffers(pa.string(), 50, [None, pa.py_buffer(offsets), pa.py_buffer(bytes(text))])
    assert not array.buffers()[2].is_mutable
    before = array.buffers()[2].to_pybytes()
    for job in (decrypt_column, seal_column, verify_column, rotate_column):
        job(array, SEALER)
    assert array.buffers()[2].to_pybytes() == before


def test_huge_rows_and_small_ones():
    rows = sealed_rows(20)
    payload = "x" * 3_000_000
    rows[5] = str(SEALER.seal(payload.encode()))
    got = rows_of(decrypt_column(pa.array(rows), SEALER))
    assert got == [scalar(row, SEALER, UNBOUND) for row in rows]
    many = seal_column(pa.array([payload, "small", payload]), SEALER)
    assert decrypt_column(many.field("blob"), SEALER).field("payload").to_pylist() == [payload, "small", payload]


def test_more_than_two_gibibytes_of_offsets():
    """A buffer of 2.2 GiB, of which most is nothing: 64-bit offsets lead to the rows at its end."""
    rows = sealed_rows(20)
    text = "".join(rows).encode()
    far = (1 << 31) + 500
    import mmap

    with mmap.mmap(-1, far + len(text)) as memory:
        memory[far:] = text
        offsets = (np.cumsum([0, *map(len, rows)]) + far).astype(np.int64)
        array = pa.Array.from_buffers(pa.large_string(), 20, [None, pa.py_buffer(offsets), pa.py_buffer(memory)])
        result = decrypt_column(array, SEALER)
        assert rows_of(result) == [scalar(row, SEALER, UNBOUND) for row in rows]
        assert result.type.field("payload").type == pa.large_string()
        del array


def test_blobs_that_would_not_fit_get_large_offsets(monkeypatch):
    assert seal_column(pa.array(["x"]), SEALER).type.field("blob").type == pa.string()
    monkeypatch.setattr(core.arrays, "_INT32", 1000)
    assert seal_column(pa.array(["x" * 20] * 20), SEALER).type.field("blob").type == pa.large_string()


# --- errors ----------------------------------------------------------------------------------------------------------
def test_what_an_error_does():
    rows = [*sealed_rows(12), "junk", None, str(Sealer(KeyRing([STRANGER], primary="x")).seal(b"of another key, this one"))]
    array = pa.array(rows)
    status = decrypt_column(array, SEALER).to_pylist()
    assert status[12:] == [
        {"payload": None, "status": "malformed", "key": None},
        {"payload": None, "status": None, "key": None},
        {"payload": None, "status": "cannot_decrypt", "key": None},
    ]
    nulls = decrypt_column(array, SEALER, on_error="null").to_pylist()
    assert nulls == [*status[:12], None, status[13], None]
    with pytest.raises(SealkitError) as caught:
        decrypt_column(array, SEALER, on_error="raise")
    assert (caught.value.code, caught.value.field) == ("malformed", "row 12")
    with pytest.raises(CannotDecrypt) as caught:
        decrypt_column(pa.chunked_array([array[:12], array[13:]]), SEALER, on_error="raise")
    assert caught.value.field == "row 13"
    assert len(decrypt_column(array[:12], SEALER, on_error="raise")) == 12
    failed = seal_column(pa.array(["fine, this payload", "not fine\0"]), SEALER)
    assert failed.to_pylist()[1] == {"blob": None, "status": "payload_check", "key": None}
    kept = rotate_column(array, SEALER).to_pylist()
    assert [row["blob"] for row in kept] == rows
    assert rotate_column(array, SEALER, on_error="null").to_pylist()[12] is None


def test_a_wrong_key_opens_nothing():
    rows = sealed_rows(3000)
    wrong = Sealer(KeyRing([STRANGER], primary="x"))
    assert set(rows_of(decrypt_column(pa.array(rows), wrong))) == {(None, "cannot_decrypt", None)}


def test_a_verify_only_ring_seals_nothing():
    key = Key("k4", bytes(32), format="tagged")
    ring = KeyRing([Key.verify_only("k4", bytes.fromhex(key.kid), key.derived().mac)], primary=None)
    tagged = pa.array([str(Sealer(KeyRing([key], primary="k4")).seal(b"payload of it"))] * 9)
    assert set(rows_of(verify_column(tagged, Sealer(ring)))) == {("authentic", "k4")}
    assert set(decrypt_column(tagged, Sealer(ring)).field("status").to_pylist()) == {"no_usable_key"}
    with pytest.raises(SealkitError):
        seal_column(pa.array(["x"]), Sealer(ring))


def test_a_strict_key_seals_no_plain_blob():
    sealer = Sealer(RINGS["strict"], format="plain")
    assert set(seal_column(pa.array(["payload of the row"] * 9), sealer).field("status").to_pylist()) == {"downgraded"}
    with pytest.raises(Downgraded):
        seal_column(pa.array(["payload of the row"] * 9), sealer, on_error="raise")


def test_every_code_that_a_row_can_have_is_a_status():
    pending, codes = [SealkitError], set()
    while pending:
        kind = pending.pop()
        codes.add(kind.code)
        pending += kind.__subclasses__()
    assert set(STATUSES) - codes == {"authentic", "unauthenticated", "sealed", "rotated", "unchanged", "found"}


def test_a_defect_of_the_cipher_is_found_before_a_blob_is_handed_out(monkeypatch):
    from sealkit.crypto.cipher import CBC

    real = CBC.encrypt_blocks
    monkeypatch.setattr(CBC, "encrypt_blocks", lambda self, blocks: real(self, bytes(blocks[:-1]) + bytes([blocks[-1] ^ 1])))
    with pytest.raises(SealkitError) as caught:
        seal_column(pa.array(["payload of the row"] * 9), SEALER)
    assert caught.value.code == "proof_failed"


def test_verify_finds_what_does_not_encrypt_again(monkeypatch):
    from sealkit.crypto.cipher import CBC

    rows = pa.array(sealed_rows(30))
    monkeypatch.setattr(CBC, "encrypt_blocks", lambda self, blocks: bytes(len(blocks)))
    monkeypatch.setattr(CBC, "encrypt", lambda self, payload, iv: b"")
    assert set(verify_column(rows, SEALER).field("status").to_pylist()) == {"proof_failed"}
