"""The record that a misplaced blob belongs to is found, in every kind of file, and not looked for without end."""

import pytest

from sealkit.context import Context
from sealkit.demands import Asked
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records.identity import Place
from sealkit.records.kinds import is_record_name
from sealkit.records.record import split
from sealkit.sealer import Sealer
from sealkit.trees import elsewhere
from sealkit.trees.elsewhere import Elsewhere
from sealkit.trees.roots import Below
from sealkit.trees.walk import walk

SEALER = Sealer(KeyRing([Key("k1", bytes(range(32)), format="tagged")], primary="k1"))
PAYLOAD = b"a payload, and what it belongs to"


def finder(bind, fields=("secured",)):
    asked = Asked(fields, bind=bind).alone()
    return Elsewhere(lambda: walk(["."], is_record=is_record_name), Below(["."]), lambda path: asked)


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
