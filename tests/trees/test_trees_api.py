"""What a notebook does to a folder in one call."""

import os
import shutil
from pathlib import Path

import pytest

from sealkit import KeyRing, trees
from sealkit.errors import TreeBusy
from sealkit.trees import journals, rotation
from sealkit.trees.lock import lock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(ROOT / "tests/records", tmp_path / "posts")
    (tmp_path / "posts/sample.md").unlink()
    return tmp_path / "posts"


@pytest.fixture(scope="module")
def ring():
    return KeyRing.load(ROOT / "keys.example")


def statuses(outcomes):
    return [outcome.status for outcome in outcomes]


def test_read(tree, ring):
    assert statuses(trees.inspect([tree])) == ["found"] * 7 + ["absent"]
    assert statuses(trees.verify([tree], ring)) == ["verified"] * 7 + ["absent"]
    payloads = [outcome.payload for outcome in trees.decrypt([tree / "nested.md"], ring, fields=["provider.secured"])]
    assert payloads[0].startswith(b'{"provider":"wire-service"')
    assert statuses(trees.inspect([tree], include=["*.jsonl"])) == ["found"] * 3


def test_seal(tree, ring):
    (tree / "new.md").write_text("---\nsecured: two blocks of plaintext\n---\n")
    assert statuses(trees.seal([tree / "new.md"], ring, write=False)) == ["would_change"]
    assert statuses(trees.seal([tree / "new.md"], ring)) == ["sealed"]
    assert statuses(trees.seal([tree / "new.md"], ring)) == ["unchanged"]
    assert [outcome.payload for outcome in trees.decrypt([tree / "new.md"], ring)] == [b"two blocks of plaintext"]


def test_rotate(tree, ring):
    assert sorted(statuses(trees.rotate(tree, ring, to="k1"))) == ["absent"] + ["rotated"] * 6 + ["unchanged"]
    assert sorted(statuses(trees.rotate(tree, ring, to="k1"))) == ["absent"] + ["unchanged"] * 7
    assert {outcome.key for outcome in trees.decrypt([tree], ring) if outcome.payload} == {"k1"}


def test_a_rotation_that_could_not_write_everything_is_not_finished(tree, ring, monkeypatch):
    twin, remembered = tree / "twin.txt", rotation.remembered

    def and_a_name_comes_in_between(plan):
        os.link(tree / "article.md", twin)
        return remembered(plan)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(rotation, "remembered", and_a_name_comes_in_between)
        first = statuses(trees.rotate(tree, ring, to="k1", exclude=["twin.txt"]))
    assert "failed" in first
    assert "rotated" in first
    assert journals.look(str(tree), list(ring)).unfinished is not None
    twin.unlink()
    assert "failed" not in statuses(trees.rotate(tree, ring, to="k1", exclude=["twin.txt"]))
    assert journals.look(str(tree), list(ring)).unfinished is None


def test_rotate_writes_nothing_if_a_file_has_several_names(tree, ring):
    os.link(tree / "article.md", tree / "twin.txt")
    before = {path: path.read_bytes() for path in tree.iterdir() if path.is_file()}
    outcomes = list(trees.rotate(tree, ring, to="k1"))
    assert [(Path(one.path).name, one.code) for one in outcomes] == [("article.md", "hardlinked"), ("twin.txt", "hardlinked")]
    assert {path: path.read_bytes() for path in tree.iterdir() if path.is_file()} == before


def test_rotate_writes_nothing_if_a_field_does_not_open(tree, ring):
    shutil.copy(ROOT / "tests/records/sample.md", tree)
    before = {path: path.read_bytes() for path in tree.iterdir() if path.is_file()}
    (outcome,) = trees.rotate(tree, ring, to="k1")
    assert (outcome.code, outcome.exit_status) == ("cannot_decrypt", 1)
    assert {path: path.read_bytes() for path in tree.iterdir() if path.is_file()} == before


def test_one_at_a_time(tree, ring):
    with lock(str(tree)), pytest.raises(TreeBusy):
        list(trees.rotate(tree, ring, to="k1"))
