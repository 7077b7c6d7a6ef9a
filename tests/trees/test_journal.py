"""The journal of a rotation: which is the latest, and what its ends say."""

import os

import pytest

from sealkit.trees import journal
from sealkit.trees.batch import Done
from sealkit.trees.found import Found
from sealkit.trees.journal import Header, Journal

HEADER = Header("k2", "88c9e77c1d6dcd2a", None, ["secured"], "text", {"paths": ["."]})


@pytest.fixture
def root(tree):
    tree({"a.md": b"old"})
    os.mkdir(".sealkit")
    return "."


def change(name, before=b"old", after=b"new"):
    return Done(Found(f"./{name}", "."), [], before, after)


def test_the_latest_is_the_last_even_if_the_clock_stands_still_or_goes_back(root, monkeypatch):
    clock = iter([1_700_000_000_999_999_999] * 3 + [1_600_000_000_000_000_000, 1_700_000_001_000_000_000])
    monkeypatch.setattr(journal.time, "time_ns", lambda: next(clock))
    paths = []
    for _ in range(5):
        begun = Journal.begin(root, HEADER)
        begun.end("finished")
        begun.close()
        paths.append(begun.path)
    assert [state.path for state in journal.states(root)] == paths


def test_a_journal_that_somebody_else_lets_go_of_meanwhile_is_passed_over(root, monkeypatch):
    for _ in range(2):
        begun = Journal.begin(root, HEADER)
        begun.end("finished")
        begun.close()
    first, second = journal.states(root)
    names = journal._names

    def listed_before(folder):
        found = names(folder)
        os.unlink(first.path)
        return found

    monkeypatch.setattr(journal, "_names", listed_before)
    assert journal.states(root) == [second]
    with pytest.raises(journal.Gone):
        journal.progress(first.path)


@pytest.mark.parametrize("count", [0, 1, 500])
@pytest.mark.parametrize("ended", [None, "finished", "rolled back"])
def test_state_and_progress(root, count, ended):
    begun = Journal.begin(root, HEADER)
    begun.will_write(change(f"{index}.md") for index in range(count))
    begun.have_written(change(f"{index}.md") for index in range(count // 2))
    if ended:
        begun.end(ended)
    begun.close()
    (state,) = journal.states(root)
    assert state[:2] == (begun.path, HEADER)
    assert (state.ended, state.planned) == (ended, count > 0)
    assert journal.progress(state.path) == (count, count // 2)


def test_the_last_word_counts(root):
    begun = Journal.begin(root, HEADER)
    begun.will_write(change(f"{index}.md") for index in range(200))
    begun.end("finished")
    begun.end("rolled back")
    begun.close()
    (state,) = journal.states(root)
    assert state.ended == "rolled back"


@pytest.mark.parametrize("torn", [b'{"ended": "fin', b'{"will": "b.md", "befo', b"\n{"])
def test_a_torn_last_line_is_ignored(root, torn):
    begun = Journal.begin(root, HEADER)
    begun.will_write([change("a.md")])
    begun.close()
    with open(begun.path, "ab") as file:
        file.write(torn)
    (state,) = journal.states(root)
    assert state.ended is None
    assert [entry.path for entry in journal.entries(state.path)] == ["a.md"]


def test_what_was_written_is_known_again(root):
    begun = Journal.begin(root, HEADER)
    begun.will_write([change("a.md", after=b"new")])
    begun.close()
    resumed = Journal.resume(root, begun.path)
    assert resumed.has_written("./a.md", b"new")
    assert not resumed.has_written("./a.md", b"old")
    assert not resumed.has_written("./b.md", b"new")
    resumed.close()
