"""A verb that changes many fields of a file reads it twice, and makes of it what it would field by field."""

from __future__ import annotations

import json

import pytest

from sealkit import Key, KeyRing, Sealer, yamltree
from sealkit.demands import FieldRule
from sealkit.records import jsontree
from sealkit.records.draft import Draft, Entangled
from sealkit.records.identity import Binding, Place
from sealkit.trees import content, orders, undo
from sealkit.trees.fields import Content, Orders
from sealkit.trees.orders import Around, Task

ONE = Key("one", bytes(range(32)), format="synthetic")
TWO = Key("two", bytes(range(1, 33)), format="synthetic")
RING = KeyRing([ONE, TWO], primary="one")
FIRST, SECOND = Sealer(RING), Sealer(RING, key_id="two")

FILES = {
    "a.yml": (
        "id: n\na:\n" + "".join(f"- b: a payload of {number}\n  c: |\n    two\n    lines\n" for number in range(20)),
        ("a[].b", "a[].c"),
    ),
    "b.md": (
        "---\r\nid: n\r\na:\r\n" + "".join(f"- {{b: 'text {number}', c: [x]}} # c\r\n" for number in range(20)) + "---\r\nbody\r\n",
        ("a[].b", "a[].c"),
    ),
    "c.json": (
        json.dumps({"id": "n", "a": [{"b": f"text {number}", "c": {"d": number}} for number in range(20)]}, indent=1),
        ("a[].b", "a[].c"),
    ),
    "d.jsonl": (
        "".join(json.dumps({"id": "n", "b": f"text {number}", "c": f"other {number}"}) + "\n" for number in range(8)),
        ("b", "c"),
    ),
    "one and another.yml": ("id: n\nx: one\ny:\n  z: two\nw: [p, q]\nv: last\n", ("v", "x", "w[]", "y.z", "missing")),
    "with what is refused.yml": ("id: n\na:\n- &k shared\n- *k\n- fine\n-\n- [x, # no\n   y]\n- more\n", ("a[]", "id")),
    "one within the other.yml": ("id: n\na:\n  b: one\n  c: two\nd: three\n", ("a.b", "a", "d", "a.c")),
}


@pytest.fixture
def parses(monkeypatch):
    """How often YAML and JSON are read."""
    found = []
    for module in (yamltree, jsontree):
        monkeypatch.setattr(module, "compose", lambda *args, was=module.compose, **named: found.append(1) or was(*args, **named))
    return found


def run(verb, path, data, fields, bind=None, **named):
    around = Around(
        lambda _: tuple(FieldRule(field, required=False, bind=bind) for field in fields),
        lambda path: path,
        was=lambda path, record, field, bind, kind: Place(record, field, file="was.yml", bind="path"),
    )
    return content.run(Task(verb, fields, around=around, opener=FIRST, **named), path, data)


def both(verb, path, data, fields, bind=None, **named):
    """Return what comes of a verb, which must be the same field by field."""
    together = run(verb, path, data, fields, bind, **named)

    def never(record):
        raise Entangled

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Draft, "of", never)
        assert run(verb, path, data, fields, bind, **named) == together
    return together


@pytest.mark.parametrize("bind", [None, ("id",), "path"], ids=["unbound", "fields", "path"])
@pytest.mark.parametrize("path", FILES)
def test_it_is_as_field_by_field(path, bind):
    if bind == "path" and path.endswith("jsonl"):
        bind = None
    text, fields = FILES[path]
    data = text.encode()
    sealed = both(orders.SEAL, path, data, fields, bind, sealer=FIRST)
    assert sealed.data not in (None, data)
    rotated = both(orders.ROTATE, path, sealed.data, fields, bind, sealer=SECOND)
    assert len(rotated.replaced) == sum(outcome.status == "rotated" for outcome in rotated.outcomes) > 1
    back = undo.restore(path, rotated.data, rotated.replaced)
    assert back.data == sealed.data
    assert {outcome.status for outcome in back.outcomes} == {"restored"}
    opened = both(orders.REVEAL, path, sealed.data, fields, bind)
    assert opened.data is not None
    assert both(orders.SEAL, path, opened.data, fields, bind, sealer=FIRST).data is not None


def test_tags_are_moved_together(parses):
    data = ("a:\n" + "".join(f"- text {number}\n" for number in range(50))).encode()
    tagged = Sealer(RING, format="tagged")
    there = content.run(Task(orders.SEAL, ("a[]",), sealer=tagged, binding=Binding("path", "was.yml")), "was.yml", data).data
    parses.clear()
    moved = run(orders.RETAG, "is.yml", there, ("a[]",), "path")
    assert len(parses) == 2
    assert {outcome.status for outcome in moved.outcomes} == {"retagged"}
    assert len(moved.replaced) == 50
    assert both(orders.RETAG, "is.yml", there, ("a[]",), "path") == moved


@pytest.mark.parametrize("name", ["a.yml", "b.md", "c.json"])
def test_a_file_is_read_twice_however_many_fields_it_has(name, parses):
    text, fields = FILES[name]
    for verb, named, most in (
        (orders.SEAL, {"sealer": FIRST}, 2),
        (orders.CHECK, {}, 1),
        (orders.INSPECT, {}, 1),
        (orders.DECRYPT, {}, 1),
        (orders.VERIFY, {}, 1),
        (orders.ROTATE, {"sealer": SECOND}, 2),
        (orders.REVEAL, {}, 2),
    ):
        parses.clear()
        result = run(verb, name, text if isinstance(text, bytes) else text.encode(), fields, **named)
        assert len(parses) <= most, verb
        assert len(result.outcomes) == 40
        assert not any(outcome.exit_status for outcome in result.outcomes)
        if verb == orders.ROTATE:
            parses.clear()
            assert undo.restore(name, result.data, result.replaced).data == text
            assert len(parses) == 2
        text = result.data if verb in (orders.SEAL, orders.ROTATE) else text


def test_lines_are_read_twice_each(parses):
    text, fields = FILES["d.jsonl"]
    result = run(orders.SEAL, "d.jsonl", text.encode(), fields, sealer=FIRST)
    assert [outcome.status for outcome in result.outcomes] == ["sealed"] * 16
    assert len(parses) == 2 * 8


@pytest.mark.parametrize("name", ["a.yml", "b.md", "c.json", "d.jsonl"])
def test_blobs_are_covered_together(name, parses):
    text, fields = FILES[name]
    data = run(orders.SEAL, name, text.encode(), fields, sealer=FIRST).data
    asked = Orders(Task(orders.OPEN, fields, opener=FIRST), name)
    known = Content(data, asked)
    records = sum(not record.is_blank for record in known.records)
    parses.clear()
    marks = {(site.record, site.field): f"mark{number:03d}" for number, site in enumerate(known.sites)}
    covered = known.covered(marks)
    assert len(parses) <= 2 * records
    assert len(known.sites) > 15
    for site in known.sites:
        data = data.replace(site.text.encode(), marks[site.record, site.field].encode())
    assert covered == data


def test_a_blob_that_stands_twice_is_covered_where_it_is_the_field():
    blob = str(FIRST.seal(b"a payload"))
    data = f"# {blob}\na:\n- {blob}\n- 'x'\n- \"{str(SECOND.seal(b'another')).replace(';', chr(92) + 'x3b')}\"\n".encode()
    known = Content(data, Orders(Task(orders.OPEN, ("a[]",), opener=FIRST), "a.yml"))
    covered = known.covered({(site.record, site.field): f"mark{number}" for number, site in enumerate(known.sites)})
    assert covered == f'# {blob}\na:\n- "mark0"\n- \'x\'\n- "mark1"\n'.encode()
