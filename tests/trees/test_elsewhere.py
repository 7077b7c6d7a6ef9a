"""The record that a misplaced blob belongs to is found, in every kind of file, and not looked for without end."""

import re

import pytest

from sealkit import trees
from sealkit.context import Context
from sealkit.demands import Asked
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records.identity import Place
from sealkit.records.kinds import is_record_name
from sealkit.records.record import split
from sealkit.sealer import Sealer
from sealkit.trees import Terms, elsewhere
from sealkit.trees.elsewhere import Elsewhere
from sealkit.trees.roots import Below
from sealkit.trees.walk import Passing, walk

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

SEALER = Sealer(KeyRing([Key("k1", bytes(range(32)), format="tagged")], primary="k1"))
PAYLOAD = b"a payload, and what it belongs to"


def finder(bind, fields=("secured",)):
    asked = Asked(fields, bind=bind).alone()
    return Elsewhere(lambda: walk(["."], passing=Passing(is_record_name)), Below(["."]), lambda path: asked)


@pytest.fixture
def records(tree):
    tree(
        {
            "a.md": b"---\nid: 1\nsecured: x\n---\n",
            "d/b.yml": b"id: 2\nsecured: x\nother: y\n",
            "d/c.json": b'{"id": "3", "secured": "x"}',
            "e.jsonl": b'{"id": "4", "secured": "x"}\n{"id": "5", "secured": "x"}\n',
            "broken.md": b"---\nid: [\n---\n",
        }
    )


@pytest.mark.parametrize("path", ["a.md", "d/b.yml", "d/c.json"])
def test_bound_to_a_path(records, path):
    blob = SEALER.seal(PAYLOAD, Context((b"ksecured",), 1, (path.encode(),)))
    assert finder("path")(SEALER, blob) == f"{path}, field secured"


@pytest.mark.parametrize(("value", "where"), [("1", "a.md"), ("2", "d/b.yml"), ("3", "d/c.json"), ("5", "e.jsonl:2")])
def test_bound_to_a_field(records, value, where):
    blob = SEALER.seal(PAYLOAD, Context((b"ksecured",), 2, (b"id", value.encode())))
    assert finder(("id",))(SEALER, blob) == f"{where}, field secured"


def test_another_field_of_the_same_record(records):
    record = split(b"id: 2\nsecured: x\nother: y\n", "yaml")[0]
    blob = SEALER.seal(PAYLOAD, Place(record, "other", bind=("id",)).demanded())
    assert finder(("id",), ("secured", "other"))(SEALER, blob) == "d/b.yml, field other"


def test_nowhere(records):
    blob = SEALER.seal(PAYLOAD, Context((b"ksecured",), 1, (b"elsewhere.md",)))
    assert finder("path")(SEALER, blob) is None
    assert finder(None)(SEALER, SEALER.seal(PAYLOAD, Context((b"ksecured",), 2, (b"id", b"1")))) is None


def test_a_tree_in_the_wrong_place_is_not_searched_for_every_blob(records, monkeypatch):
    monkeypatch.setattr(elsewhere, "MAX_SEARCHES", 3)
    search = finder("path")
    blob = SEALER.seal(PAYLOAD, Context((b"ksecured",), 1, (b"a.md",)))
    assert [search(SEALER, blob) is not None for _ in range(5)] == [True, True, True, False, False]


# --- every move -----------------------------------------------------------------------------------------------------
RECORDS, FIELDS = 30, ("secured", "other")
RECORD = '---\nid: "{0}"\nsecured: the first payload of record {0}\nother: the second payload of record {0}\n---\ntext\n'
BLOB = re.compile(rb'(?m)^(secured|other): "(.*)"$')


def a_ring(form):
    return KeyRing([Key("k1", b"\xa7" * 32, format=form, accept="authentic")], primary="k1")


def places():
    return [(f"posts/{number:02}.md", field) for number in range(RECORDS) for field in FIELDS]


@pytest.mark.parametrize("form", ["tagged", "synthetic"])
@pytest.mark.parametrize("bind", ["path", ("id",)], ids=["path", "fields"])
def test_every_move_is_refused_and_named(tmp_path, form, bind):
    """All 60 times 59 moves of 30 records with 2 fields: each blob stands in each other place once."""
    for number in range(RECORDS):
        path = tmp_path / f"posts/{number:02}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(RECORD.format(number))
    ring, terms = a_ring(form), Terms(bind=bind)
    assert not [one for one in trees.seal([tmp_path], ring, fields=FIELDS, terms=terms) if one.exit_status]
    where = places()
    files = {path: (tmp_path / path).read_bytes() for path, _ in where}
    blobs = [dict(BLOB.findall(files[path]))[field.encode()] for path, field in where]
    moves = 0
    for step in range(1, len(where)):
        moved = dict(files)
        for number, (path, _) in enumerate(where):
            moved[path] = moved[path].replace(blobs[number], b"@%d@" % number)
        for number, (path, _) in enumerate(where):
            moved[path] = moved[path].replace(b"@%d@" % number, blobs[(number + step) % len(where)])
        for path, data in moved.items():
            (tmp_path / path).write_bytes(data)
        seen = {(one.path, one.field): one for one in trees.decrypt([tmp_path], ring, fields=FIELDS, terms=terms)}
        for number, (path, field) in enumerate(where):
            one = seen.pop((str(tmp_path / path), field))
            home, its_field = where[(number + step) % len(where)]
            # Where it belongs would tell of a blob of two parts what it opens to.
            assert (one.code, one.exit_status, one.payload) == ("misbound" if form == "tagged" else "downgraded", 1, None)
            assert one.message.endswith(f"belongs to {home}, field {its_field}") == (form == "tagged")
            moves += 1
        assert not seen
    assert moves == 60 * 59
