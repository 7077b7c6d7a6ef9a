"""What is answered at once is what is said by way of a ``Record``: the same outcomes and bytes, for documents, blobs, demands and rings of all kinds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from yaml_documents import Documents

from sealkit import Blob, Key, KeyRing, Sealer
from sealkit.context import Context
from sealkit.crypto import cipher
from sealkit.demands import FieldRule
from sealkit.trees import at_once, content, orders
from sealkit.trees.orders import Around, Task

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

ONE, TWO = Key("one", bytes(range(16))), Key("two", bytes(range(32)))
SYNTHETIC = Key("three", bytes(range(3, 35)), format="synthetic")
RINGS = {
    "both keys": KeyRing([ONE, TWO], primary="two"),
    "another key": KeyRing([Key("other", bytes(range(9, 41)))], primary="other"),
    "synthetic IVs": KeyRing([SYNTHETIC, ONE], primary="three"),
    "for some paths": KeyRing([Key("one", bytes(range(16)), only=["posts/*"]), TWO], primary="two"),
    "for other paths": KeyRing([Key("one", bytes(range(16)), only=["pages/*"])], primary="one"),
}
DEMANDS = [
    FieldRule(),
    FieldRule(bind="path"),
    FieldRule(format="tagged"),
    FieldRule(payload="json"),
    FieldRule(path="a.secured"),
    FieldRule(bind=("title",)),
]
PAYLOAD = b"a payload of more than one block"
BOTH = Sealer(KeyRing([ONE, TWO, SYNTHETIC], primary="two"), key_id="one")
BLOBS = [
    *(BOTH.seal(PAYLOAD), BOTH.seal(b"short"), BOTH.seal(PAYLOAD, format="tagged"), BOTH.seal(b'{"a": "of more than one block"}')),
    *(Sealer(RINGS["synthetic IVs"]).seal(PAYLOAD), Blob(bytes(32), bytes(16)), Blob(bytes(32), bytes(16), bytes(42))),
]
CASES = Path(__file__).parents[1] / "data" / "record_cases"


def compare(data, demand, ring, monkeypatch, verb=orders.DECRYPT, sealer=None):
    """Return the outcomes, which must be the same both ways, as must be the new content and the blobs that change places."""

    def run():
        around = Around(lambda path: (demand,), lambda path: path)
        opener = Sealer(ring) if ring is not None else None
        return content.run(Task(verb, (demand.path,), opener=opener, sealer=sealer, around=around), "posts/a.md", data)

    answered = run()
    with monkeypatch.context() as patched:
        patched.setattr(at_once, "LOOKS", {})
        assert run() == answered
    return answered.outcomes


def documents():
    """Yield front matter around each blob: the usual, all kinds of noise, and the hard cases."""
    make, chance = Documents(11), random.Random(11)
    for blob in map(str, BLOBS):
        yield f'---\ntitle: a\nsecured: "{blob}"\n---\nbody\n'.encode()
        yield f"---\r\nsecured: {blob}\r\n---\r\n".encode()
        yield f"---\na:\n  secured: '{blob}'\n---\n".encode()
        yield f"---\nSecured: {blob}\nsecured: {blob}\n---\n".encode()
        yield f"---\nsecured: {blob}\n".encode()
        for _ in range(60):
            text = make().replace("QQ==;QQ==", blob).replace("QUJD;QUJD", str(chance.choice(BLOBS)))
            yield f"---\n{text}---\nbody\n".encode("utf-8", "surrogatepass")
    for path in sorted(CASES.rglob("*.md")):
        yield path.read_bytes()
    yield b""
    yield b"---\nsecured:\n---\n"
    yield b"no front matter\n"


@pytest.mark.parametrize("ring", RINGS.values(), ids=RINGS)
@pytest.mark.parametrize("demand", DEMANDS, ids=str)
def test_the_same_outcomes(ring, demand, monkeypatch):
    statuses = {one.status for data in documents() for one in compare(data, demand, ring, monkeypatch)}
    assert statuses >= {"finding", "absent"}


@pytest.mark.parametrize("demand", [*DEMANDS, FieldRule(path="a[].secured"), FieldRule(path="other")], ids=str)
def test_the_same_of_what_is_absent(demand, monkeypatch):
    statuses = {one.status for data in documents() for one in compare(data, demand, None, monkeypatch, orders.INSPECT)}
    assert "absent" in statuses


def test_what_is_absent_is_said_at_once(monkeypatch):
    monkeypatch.setattr(content, "_Work", None)
    for task in (Task(orders.INSPECT), Task(orders.DECRYPT, opener=Sealer(RINGS["both keys"]))):
        (outcome,) = content.run(task, "a.md", b"---\ntitle: a\n---\n").outcomes
        assert (outcome.status, outcome.line) == ("absent", 1)


def test_what_is_plain_is_opened_at_once(monkeypatch):
    data = f'---\nsecured: "{BLOBS[0]}"\n---\n'.encode()
    monkeypatch.setattr(content, "_Work", None)
    task = Task(orders.DECRYPT, opener=Sealer(RINGS["both keys"]))
    (outcome,) = content.run(task, "a.md", data).outcomes
    assert (outcome.payload, outcome.key, outcome.code, outcome.line) == (PAYLOAD, "one", "unauthenticated", 2)


SEALERS = {
    "another key": Sealer(RINGS["both keys"], key_id="two"),
    "the same key": Sealer(RINGS["both keys"], key_id="one"),
    "tagged": Sealer(RINGS["both keys"], key_id="two", format="tagged"),
    "plain": Sealer(RINGS["both keys"], key_id="two", format="plain"),
    "synthetic IVs": Sealer(RINGS["synthetic IVs"], key_id="three"),
    "for some paths": Sealer(KeyRing([Key("two", bytes(range(32)), only=["posts/*"])], primary="two")),
    "for other paths": Sealer(KeyRing([Key("two", bytes(range(32)), only=["pages/*"])], primary="two")),
    "authentic only": Sealer(KeyRing([Key("two", bytes(range(32)), accept="authentic", format="tagged")], primary="two")),
    "none": None,
}


@pytest.mark.parametrize("sealer", SEALERS.values(), ids=SEALERS)
@pytest.mark.parametrize("verb", [orders.OPEN, orders.ROTATE])
def test_the_same_of_a_rotation(sealer, verb, monkeypatch):
    monkeypatch.setattr(cipher, "random_iv", lambda: b"one for both ways"[:16])
    statuses = set()
    for data in documents():
        for demand in (FieldRule(), FieldRule(bind="path"), FieldRule(format="tagged"), FieldRule(path="a.secured")):
            statuses |= {one.status for one in compare(data, demand, RINGS["both keys"], monkeypatch, verb, sealer)}
    assert statuses >= {"finding", "absent"}


@pytest.mark.parametrize("ring", RINGS.values(), ids=RINGS)
def test_the_same_of_a_rotation_under_rings_of_all_kinds(ring, monkeypatch):
    monkeypatch.setattr(cipher, "random_iv", lambda: b"one for both ways"[:16])
    for data in documents():
        compare(data, FieldRule(), ring, monkeypatch, orders.ROTATE, SEALERS["another key"])


def test_what_is_plain_is_rotated_at_once(monkeypatch):
    before = f'---\r\ntitle: "é [x]"\r\nsecured: "{BLOBS[0]}"\r\n---\r\nsecured: none\r\n'.encode()
    monkeypatch.setattr(content, "_Work", None)
    result = content.run(Task(orders.ROTATE, opener=Sealer(RINGS["both keys"]), sealer=SEALERS["another key"]), "a.md", before)
    ((line, field, old, new),) = result.replaced
    (outcome,) = result.outcomes
    assert (outcome.status, outcome.key, outcome.line, line, field, old) == ("rotated", "two", 3, 1, "secured", str(BLOBS[0]))
    assert result.data == before.replace(old.encode(), new.encode())
    assert SEALERS["another key"].unseal(Blob.parse(new)).payload == PAYLOAD


@pytest.mark.parametrize("odd", ['a: "b', "a: 'b", "a: [b", "a: {b: c", "- a", "a: b: c", "\ta: b", "secured: QQ==;QQ=="])
def test_what_does_not_prove_is_not_rotated_at_once(odd, monkeypatch):
    data = f'---\nsecured: "{BLOBS[0]}"\n{odd}\n---\n'.encode()
    monkeypatch.setattr(cipher, "random_iv", lambda: b"one for both ways"[:16])
    assert (
        at_once.answer(Task(orders.ROTATE, opener=Sealer(RINGS["both keys"]), sealer=SEALERS["another key"]), "a.md", data, "a.md")
        is None
    )
    compare(data, FieldRule(), RINGS["both keys"], monkeypatch, orders.ROTATE, SEALERS["another key"])


FIELDS = ["secured", "other", "Secured", "secured2", "payload", "a", "_b", "provider-secured", "SECURED", "paywalled"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("strict", [False, True])
def test_a_synthetic_blob_is_proved_for_the_field_that_it_was_sealed_for_alone(field, strict, monkeypatch):
    key = Key("three", bytes(range(3, 35)), format="synthetic", accept="authentic" if strict else "any")
    ring = KeyRing([key], primary="three")
    for sealed_for in FIELDS:
        blob = Sealer(ring).seal(PAYLOAD, Context((b"k" + sealed_for.encode(),)))
        data = f"---\ntitle: a\n{field}: {blob}\n---\n".encode()
        for verb, sealer in ((orders.DECRYPT, None), (orders.OPEN, None), (orders.ROTATE, Sealer(RINGS["both keys"]))):
            monkeypatch.setattr(cipher, "random_iv", lambda: b"one for both ways"[:16])
            (outcome,) = compare(data, FieldRule(path=field), ring, monkeypatch, verb, sealer)
            if verb != orders.ROTATE:
                refused = "downgraded" if strict else "unauthenticated"
                assert outcome.code == ("authentic" if field == sealed_for else refused)
