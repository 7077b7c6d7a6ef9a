"""A rotation shared out to workers: what ``sealkit rotate`` promises holds, whoever does the work."""

from __future__ import annotations

import base64
import json
import os
import sys

import pytest
from rotating_workers import Engine

from sealkit.columns import rotating
from sealkit.errors import NothingMatched, TreeBusy, Usage
from sealkit.trees import journals
from sealkit.trees.roots import held

CLOSED = f"{base64.b64encode(bytes(48)).decode()};{base64.b64encode(bytes(16)).decode()}"


@pytest.fixture
def tree(desk):
    """Forty records in three folders, sealed under k1, and the reference to their ring."""
    for number in range(40):
        folder = desk.path / "tree" / ("a", "b", "b/c")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02}.md").write_text(f"---\ntitle: t\nsecured: payload number {number}\n---\nbody\n")
    assert desk.run("seal", "--key-id", "k1", "-q", "tree").status == 0
    return desk


def reference(desk):
    return (f"file:{desk.path / 'keys.example'}",)


def rotate(desk, engine=None, to="k2", **more):
    given = {"fields": None, "partial": False} | more
    return rotating.rotate(
        engine or Engine(reference(desk)), str(desk.path / "tree"), to, given["fields"], partial=given["partial"]
    )


def payloads(desk):
    return {line["path"]: line.get("payload") for line in desk.run("decrypt", "--json", "tree").lines if "path" in line}


def under(desk):
    lines = [line for line in desk.run("verify", "--json", "tree").lines if "path" in line]
    return {key: sum(line.get("key") == key for line in lines) for key in {line.get("key") for line in lines}}


def content(desk):
    return {str(path): path.read_bytes() for path in sorted((desk.path / "tree").rglob("*.*")) if ".sealkit" not in path.parts}


def remembered(desk):
    """What the journals say that a key proves; there are no others."""
    told = journals.look(str(desk.path / "tree"), desk.ring().keys)
    assert told.doubts() == []
    return told.believed


@pytest.mark.parametrize("processes", [0, 2])
def test_every_record_is_rotated_and_nothing_else_changes(tree, processes):
    before = payloads(tree)
    assert len(before) == 40
    done = rotate(tree, Engine(reference(tree), processes=processes))
    assert done == ({"rotated": 40}, [], True)
    assert payloads(tree) == before
    assert under(tree) == {"k2": 40}
    assert b"40 of 40 files written, finished" in tree.run("rotate", "--status", "tree").out
    written = content(tree)
    assert rotate(tree) == ({"unchanged": 40}, [], True)
    assert content(tree) == written


def test_the_old_blobs_can_be_brought_back(tree):
    before = content(tree)
    rotate(tree)
    assert content(tree) != before
    assert tree.run("rotate", "--rollback", "tree").status == 0
    assert content(tree) == before


@pytest.mark.parametrize("goes_on", ["here", "command line"])
@pytest.mark.parametrize("stop", [0, 1, 3, 5])
def test_an_interrupted_rotation_goes_on(tree, stop, goes_on):
    before = payloads(tree)
    with pytest.raises(InterruptedError):
        rotate(tree, Engine(reference(tree), stop=stop))
    (state,) = remembered(tree)
    assert state.ended is None
    assert journals.progress(state) == (min(7 * stop, 40), min(7 * stop, 40))
    assert payloads(tree) == before
    if goes_on == "here":
        engine = Engine(reference(tree))
        done = rotate(tree, engine)
        assert (done.counts, done.is_complete) == (
            {"rotated": 40 - 7 * stop, "unchanged": 7 * stop} if stop else {"rotated": 40},
            True,
        )
        assert engine.shares[-1].again
    else:
        ran = tree.run("rotate", "--to", "k2", "tree")
        assert ran.status == 0, ran
    assert under(tree) == {"k2": 40}
    assert payloads(tree) == before
    (state,) = remembered(tree)
    assert state.ended == "finished"


def test_another_rotation_is_not_begun_before_one_has_ended(tree):
    with pytest.raises(InterruptedError):
        rotate(tree, Engine(reference(tree), stop=2))
    ran = tree.run("rotate", "--to", "k1", "tree")
    assert "is not finished" in ran.err
    rotate(tree)
    rotate(tree, to="k1")
    assert under(tree) == {"k1": 40}


def test_nothing_is_written_where_one_field_does_not_open(tree):
    (tree.path / "tree/b/01.md").write_text("---\nsecured: left open\n---\n")
    (tree.path / "tree/a/30.md").write_text(f"---\nsecured: '{CLOSED}'\n---\n")
    before = content(tree)
    done = rotate(tree)
    assert [(os.path.basename(one.path), one.code, one.line) for one in done.problems] == [
        ("30.md", "cannot_decrypt", 2),
        ("01.md", "unsealed", 2),
    ]
    assert not done.is_complete
    assert content(tree) == before
    assert remembered(tree) == []
    done = rotate(tree, partial=True)
    assert (done.counts, done.is_complete) == ({"rotated": 38, "finding": 2}, False)
    assert under(tree)["k2"] == 38


def test_two_at_once(tree):
    with held([str(tree.path / "tree")]), pytest.raises(TreeBusy):
        rotate(tree)
    assert under(tree) == {"k1": 40}


@pytest.mark.skipif(sys.platform != "linux", reason="file systems of macOS refuse names that are no text")
def test_names_that_are_no_text(tree):
    folder = os.fsencode(tree.path / "tree")
    for name in (b"\xff\xfe.md", "é\n\u202e.md".encode()):
        with open(os.path.join(folder, b"a/00.md"), "rb") as file, open(os.path.join(folder, name), "wb") as copy:
            copy.write(file.read())
    with open(os.path.join(folder, b"\xfd.md"), "wb") as file:
        file.write(b"---\nsecured: open\n---\n")
    done = rotate(tree, partial=True)
    assert done.counts == {"rotated": 42, "finding": 1}
    assert [os.fsencode(one.path) for one in done.problems] == [os.path.join(folder, b"\xfd.md")]


def test_what_cannot_be_looked_at_is_a_problem(tree):
    os.symlink(tree.path / "outside.md", tree.path / "tree/a/link.md")
    done = rotate(tree)
    assert [(os.path.basename(one.path), one.code) for one in done.problems] == [("link.md", "link")]
    assert not done.is_complete
    assert under(tree) == {"k1": 40, None: 1}


def test_a_policy_is_kept_to(tree):
    (tree.path / "tree/sealkit.yaml").write_text(
        "version: 1\nrecords:\n- include: ['a/*.md']\n  fields: [{path: secured, keys: [k1]}]\n- include: ['b/**']\n  fields: [{path: secured}]\n"
    )
    before = content(tree)
    done = rotate(tree)
    assert {(one.path.split("/tree/")[1][0], one.code) for one in done.problems} == {("a", "usage")}
    assert (done.counts["failed"], done.is_complete) == (14, False)
    assert content(tree) == before
    assert rotate(tree, partial=True).counts == {"rotated": 26, "failed": 14}
    assert under(tree) == {"k1": 14, "k2": 26}


def test_the_key_that_is_named_opens(tree):
    keys = (reference(tree)[0], "k1")
    assert rotate(tree, Engine(keys)).counts == {"rotated": 40}
    assert json.loads(json.dumps(remembered(tree)[0].header._asdict()))["source"] == "k1"
    assert rotate(tree, Engine((reference(tree)[0], "k1")), to="k1").problems[0].code == "cannot_decrypt"


def test_no_tree_and_no_field(tree):
    with pytest.raises(Usage, match="no folder here"):
        rotating.rotate(Engine(reference(tree)), str(tree.path / "nowhere"), None, None, partial=False)
    with pytest.raises(NothingMatched):
        rotate(tree, fields=["other"])
    assert remembered(tree) == []
