"""The journal of a rotation: which is the latest, what its ends say, and that a key proves every line of it."""

import json
import os
import shutil
import socket

import pytest

from sealkit.errors import JournalError, NoUsableKey
from sealkit.keys.key import Key
from sealkit.keys.prover import prover_of
from sealkit.keys.token import TokenCBC
from sealkit.trees import chain, journals
from sealkit.trees.batch import Done
from sealkit.trees.chain import Foreign
from sealkit.trees.found import Found
from sealkit.trees.journal import Header, Journal, entries

K2 = Key("k2", bytes(range(0xF0, 0x100)))
OTHER = Key("k2", bytes(32))
KEYS = (Key("k1", bytes(range(32))), K2)
HEADER = Header("k2", K2.kid, None, ["secured"], "text", {"paths": ["."]})


@pytest.fixture
def root(tree):
    tree({"a.md": b"old"})
    os.mkdir(".sealkit")
    return "."


def change(name, before=b"old", after=b"new"):
    return Done(Found(f"./{name}", "."), [], before, after)


def begun(root=".", key=K2, header=HEADER):
    return Journal.begin(root, journals.next_name(root, journals.look(root, (key,))), header, prover_of(key))


def written(*names, ended=None, root=".", key=K2):
    """A journal in which some files were written; its path."""
    memory = begun(root, key, HEADER._replace(to_kid=key.kid))
    for name in names:
        memory.will_write([change(name)])
        memory.have_written([change(name)])
    if ended:
        memory.end(ended)
    memory.close()
    return memory.path


def the_one(told):
    """The state of the one journal that there is, which is believed."""
    (state,) = told.believed
    assert told.doubts() == []
    return state


def test_the_latest_is_the_last_even_if_the_clock_stands_still_or_goes_back(root, monkeypatch):
    clock = iter([1_700_000_000_999_999_999] * 3 + [1_600_000_000_000_000_000, 1_700_000_001_000_000_000])
    monkeypatch.setattr(journals.time, "time_ns", lambda: next(clock))
    paths = [written(ended="finished") for _ in range(5)]
    assert [state.path for state in journals.look(root, KEYS).believed] == paths


@pytest.mark.parametrize("end", ["ffffffff", "7fffffff", "00000000"])
def test_whatever_name_somebody_plants_the_next_journal_has_one(root, end, monkeypatch):
    monkeypatch.setattr(journals.time, "time_ns", lambda: 1_700_000_000_999_999_999)
    for stamp in ("20231114T221320Z", "99991231T235959Z", "ZZZZZZZZZZZZZZZZ"):
        with open(f".sealkit/journal-{stamp}-{end}.jsonl", "wb") as file:
            file.write(b"planted")
    paths = [written(ended="finished") for _ in range(3)]
    assert [state.path for state in journals.look(root, KEYS).believed] == paths


def test_a_journal_that_somebody_else_lets_go_of_meanwhile_is_passed_over(root, monkeypatch):
    for _ in range(2):
        written(ended="finished")
    first, second = journals.look(root, KEYS).believed
    names = journals._names

    def listed_before(folder):
        found = names(folder)
        os.unlink(first.path)
        return found

    monkeypatch.setattr(journals, "_names", listed_before)
    assert the_one(journals.look(root, KEYS)).path == second.path
    with pytest.raises(chain.Gone):
        journals.progress(first)


@pytest.mark.parametrize("count", [0, 1, 500])
@pytest.mark.parametrize("ended", [None, "finished", "rolled back"])
def test_state_and_progress(root, count, ended):
    memory = begun()
    memory.will_write(change(f"{index}.md") for index in range(count))
    memory.have_written(change(f"{index}.md") for index in range(count // 2))
    if ended:
        memory.end(ended)
    memory.close()
    state = the_one(journals.look(root, KEYS))
    assert state[:2] == (memory.path, HEADER)
    assert (state.ended, state.planned) == (ended, count > 0)
    assert journals.progress(state) == (count, count // 2)


def test_the_last_word_counts(root):
    memory = begun()
    memory.will_write(change(f"{index}.md") for index in range(200))
    memory.end("finished")
    memory.end("rolled back")
    memory.close()
    assert the_one(journals.look(root, KEYS)).ended == "rolled back"


TORN = [
    b'{"ended": "fin',
    b'{"will": "b.md", "befo',
    b"\n{",
    bytes(5000),
    b"\xff\xfe{",
    b'"}\n',
    b'{"done": "b.md", "mac": "00',
    b"[" * 100_000,
]


@pytest.mark.parametrize("torn", TORN, ids=range(len(TORN)))
def test_a_torn_last_line_is_ignored_and_written_behind(root, torn):
    path = written("a.md")
    with open(path, "ab") as file:
        file.write(torn)
    state = the_one(journals.look(root, KEYS))
    assert state.ended is None
    assert [entry.path for entry in entries(path, prover_of(K2))] == ["a.md"]
    for make in (Journal.resume, Journal.join):
        memory = make(root, path, prover_of(K2))
        memory.will_write([change("b.md"), change("c.md")])
        memory.close()
    assert [entry.path for entry in entries(path, prover_of(K2))] == ["a.md"] + ["b.md", "c.md"] * 2
    memory = Journal.join(root, path, prover_of(K2))
    memory.end("finished")
    memory.close()
    assert the_one(journals.look(root, KEYS)).ended == "finished"


def test_lines_behind_a_hole_that_a_crash_left_do_not_count_nor_harm(root):
    path = written("a.md", "b.md", "c.md")
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    hole = next(index for index, line in enumerate(lines) if b'"will": "b.md"' in line)
    lines[hole] = bytes(len(lines[hole]))
    with open(path, "wb") as file:
        file.write(b"\n".join(lines))
    assert the_one(journals.look(root, KEYS)).ended is None
    assert [entry.path for entry in entries(path, prover_of(K2))] == ["a.md"]
    memory = Journal.resume(root, path, prover_of(K2))
    assert memory.has_written("./a.md", b"new")
    assert not memory.has_written("./c.md", b"new")
    memory.will_write([change("d.md")])
    memory.end("finished")
    memory.close()
    assert [entry.path for entry in entries(path, prover_of(K2))] == ["a.md", "d.md"]
    assert the_one(journals.look(root, KEYS)).ended == "finished"


def test_what_was_written_is_known_again(root):
    resumed = Journal.resume(root, written("a.md"), prover_of(K2))
    assert resumed.has_written("./a.md", b"new")
    assert not resumed.has_written("./a.md", b"old")
    assert not resumed.has_written("./b.md", b"new")
    resumed.close()


def test_writers_that_do_not_know_of_each_other_make_one_chain(root):
    path = written()
    writers = [Journal.join(root, path, prover_of(K2)) for _ in range(3)]
    for turn in range(30):
        writers[turn % 3].will_write([change(f"{turn}.md")])
        if turn == 15:
            with open(path, "ab") as file:
                file.write(b'{"will": "cut sho')
    assert [entry.path for entry in entries(path, prover_of(K2))] == [f"{turn}.md" for turn in range(30)]


def test_forked_workers_make_one_chain(root):
    path = written()
    memory = Journal.join(root, path, prover_of(K2))
    children = []
    for worker in range(4):
        child = os.fork()
        if not child:
            try:
                for turn in range(50):
                    memory.will_write([change(f"{worker}-{turn}.md")])
                    memory.have_written([change(f"{worker}-{turn}.md")])
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert journals.progress(the_one(journals.look(root, KEYS))) == (200, 200)


# --- what is not ours ------------------------------------------------------------------------------------------------
def forged(lines):
    return [*lines[:-1], json.dumps({"will": "a.md", "before": "0" * 64, "after": "1" * 64, "blobs": []}).encode(), b""]


def swapped(lines):
    at = [index for index, line in enumerate(lines) if line]
    lines[at[2]], lines[at[3]] = lines[at[3]], lines[at[2]]
    return lines


def edited(lines, old, new):
    changed = [line.replace(old, new) for line in lines]
    assert changed != lines
    return changed


ALTERED = {
    "a line dropped": lambda lines: [line for line in lines if b'"done": "a.md"' not in line],
    "a line twice": lambda lines: [*lines, *[line for line in lines if b'"will": "b.md"' in line], b""],
    "lines swapped": swapped,
    "the first line twice": lambda lines: [lines[1], *lines],
    "a line without a MAC": forged,
    "a hash changed": lambda lines: edited(lines, b'"after": "', b'"after": "0'),
    "a path changed": lambda lines: edited(lines, b'"will": "b.md"', b'"will": "c.md"'),
    "a MAC changed": lambda lines: [
        *lines[:-2],
        lines[-2][:-3] + (b"0" if lines[-2][-3:-2] != b"0" else b"1") + lines[-2][-2:],
        b"",
    ],
    "the scope changed": lambda lines: edited(lines, b'"paths": ["."]', b'"paths": ["x"]'),
    "the target changed": lambda lines: edited(lines, b'"to": "k2"', b'"to": "k3"'),
    "an end without a MAC": lambda lines: [*lines[:-1], b'{"ended": "finished"}', b""],
    "a line of numbers": lambda lines: [*lines[:-1], b"[1, 2]", b""],
    "a last word without a MAC behind dirt": lambda lines: [*lines[:-1], b"\xff\0", b'{"ended": "finished"}', b""],
    "every MAC cut off": lambda lines: [line.partition(b', "mac"')[0] + b"}" if line else b"" for line in lines],
}


@pytest.mark.parametrize("how", ALTERED)
def test_a_journal_that_was_altered_is_foreign(root, how):
    path = written("a.md", "b.md")
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    with open(path, "wb") as file:
        file.write(b"\n".join(ALTERED[how](lines)))
    told = journals.look(root, KEYS)
    assert (told.believed, told.unproved) == ([], [])
    assert [error.path for error in told.foreign] == [path]
    with pytest.raises(Foreign):
        list(entries(path, prover_of(K2)))
    with pytest.raises(Foreign):
        Journal.resume(root, path, prover_of(K2))


@pytest.mark.parametrize("ended", [None, "finished"])
def test_under_another_key_of_that_name_it_is_unproved_and_with_that_kid_foreign(root, ended):
    path = written("a.md", ended=ended, key=OTHER)
    told = journals.look(root, KEYS)
    assert [state.path for state in told.unproved] == [path]
    assert told.unproved[0].doubt
    assert told.unfinished is None
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(data.replace(OTHER.kid.encode(), K2.kid.encode()))
    assert [error.path for error in journals.look(root, KEYS).foreign] == [path]


def test_no_prefix_of_a_journal_says_more_than_was_written(root):
    path = written("a.md", "b.md", ended="finished")
    with open(path, "rb") as file:
        data = file.read()
    for end in range(len(data)):
        with open(path, "wb") as file:
            file.write(data[:end])
        told = journals.look(root, KEYS)
        assert told.doubts() == [], end
        for state in told.believed:
            assert {entry.path for entry in entries(path, prover_of(K2))} <= {"a.md", "b.md"}
            assert state.ended is None or end >= len(data) - 1


def test_a_tree_that_was_moved_or_brought_back_into_its_place_keeps_its_journal(root, tmp_path):
    written("a.md", root=str(tmp_path / "tree"))
    (tmp_path / "tree").rename(tmp_path / "moved")
    assert the_one(journals.look(str(tmp_path / "moved"), KEYS)).planned
    shutil.copytree(tmp_path / "moved", tmp_path / "tree")
    assert the_one(journals.look(str(tmp_path / "tree"), KEYS)).planned


def test_the_journal_of_another_tree_is_foreign(root, tmp_path):
    path = written("a.md", ended="finished")
    (tmp_path / "other" / ".sealkit").mkdir(parents=True)
    copy = shutil.copy(path, tmp_path / "other" / ".sealkit")
    (error,) = journals.look(str(tmp_path / "other"), KEYS).foreign
    assert error.path == copy
    assert "another tree" in error.problem


def test_keys_that_cannot_prove_are_said(root):
    written("a.md")
    only = Key.verify_only("k2", bytes.fromhex(K2.kid), K2.derived().mac)
    with pytest.raises(NoUsableKey):
        prover_of(only)
    for keys in ((), (KEYS[0],), (only,)):
        told = journals.look(root, keys)
        assert (told.believed, told.foreign) == ([], [])
        assert told.unproved[0].doubt


# --- shapes ----------------------------------------------------------------------------------------------------------
GOOD = {"journal": 2, "started": "2030-01-01T00:00:00Z", "to": "k2", "to_kid": K2.kid, "source": None, "fields": ["secured"]}
GOOD |= {"payload_kind": "text", "scope": {}, "root": "/", "inode": 2}
SHAPES = {
    "text": b"no JSON\n",
    "an array": b"[]\n",
    "a number": b"7\n",
    "null": b"null\n",
    "text in quotes": b'"journal"\n',
    "an empty object": b"{}\n",
    "invalid UTF-8": b"\xff\xfe\xfd\n",
    "UTF-16": '{"journal": 2}\n'.encode("utf-16"),
    "an array of arrays": b"[" * 1_000_000 + b"\n",
    "an object of objects": b'{"journal": ' * 200_000 + b"\n{}\n",
    "a number of many digits": b'{"journal": ' + b"9" * 10_000 + b"}\n",
    "a key twice": b'{"journal": 2, "journal": 3}\n',
    "a long line": b'{"journal": 2, "to": "' + b"x" * (9 << 20) + b'"}\n',
    "a line without an end": b"x" * (9 << 20),
    "NUL in a text": json.dumps(GOOD | {"to": "k\0"}).encode() + b"\n",
    "a long root": json.dumps(GOOD | {"root": "/" + "x" * 100_000}).encode() + b"\n",
    "an escape sequence": json.dumps(GOOD | {"started": "\x1b]0;x\x07"}).encode() + b"\n",
    "zeros and then some": bytes(100) + b"x",
    **{f"no {name}": json.dumps({key: value for key, value in GOOD.items() if key != name}).encode() + b"\n" for name in GOOD},
    **{f"{name} is a list": json.dumps(GOOD | {name: [[]]}).encode() + b"\n" for name in GOOD},
    **{f"{name} is a number": json.dumps(GOOD | {name: 1.5}).encode() + b"\n" for name in GOOD},
}
BODIES = {
    "will is a number": {"will": 1, "after": "", "blobs": []},
    "will is nothing": {"will": "", "after": "", "blobs": []},
    "will has NUL": {"will": "a\0b", "after": "", "blobs": []},
    "no after": {"will": "a.md", "blobs": []},
    "blobs are text": {"will": "a.md", "after": "", "blobs": "abcd"},
    "blobs are numbers": {"will": "a.md", "after": "", "blobs": [1, 2]},
    "a blob of three": {"will": "a.md", "after": "", "blobs": [[1, "secured", "x"]]},
    "a blob of five": {"will": "a.md", "after": "", "blobs": [[1, "secured", "x", "y", "z"]]},
    "a line that is text": {"will": "a.md", "after": "", "blobs": [["1", "secured", "x", "y"]]},
    "a blob that is none": {"will": "a.md", "after": "", "blobs": [[1, "secured", None, "y"]]},
    "an array": ["will"],
}


@pytest.mark.parametrize("keys", [KEYS, ()], ids=["with keys", "without"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_any_shape_is_foreign(root, shape, keys):
    path = ".sealkit/journal-20300101T000000Z-00000000.jsonl"
    with open(path, "wb") as file:
        file.write(SHAPES[shape])
    told = journals.look(root, keys)
    assert [error.path for error in told.foreign] == [path]
    assert (told.believed, told.unproved) == ([], [])


@pytest.mark.parametrize("shape", BODIES)
def test_a_line_of_any_shape_is_foreign_where_no_key_is_asked(root, shape):
    path = ".sealkit/journal-20300101T000000Z-00000000.jsonl"
    with open(path, "wb") as file:
        file.write(b"".join(json.dumps(line).encode() + b"\n" for line in (GOOD, BODIES[shape])))
    journals.look(root, ())
    with pytest.raises(Foreign):
        list(entries(path, None))


def planted(kind, path):
    if kind == "a folder":
        os.mkdir(path)
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path)
    elif kind == "a link that leads nowhere":
        os.symlink("nowhere", path)
    elif kind == "a link to itself":
        os.symlink(os.path.basename(path), path)
    elif kind == "a link to a journal of ours":
        os.rename(written("a.md"), "elsewhere")
        os.symlink("../elsewhere", path)
    else:
        os.symlink("/dev/zero" if kind == "a link to a device" else "/", path)


KINDS = ["a folder", "a FIFO", "a socket", "a link that leads nowhere", "a link to itself"]
KINDS += ["a link to a journal of ours", "a link to a device", "a link to a folder"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_foreign_and_can_be_set_aside(root, kind):
    path = ".sealkit/journal-20300101T000000Z-00000000.jsonl"
    planted(kind, path)
    (error,) = journals.look(root, KEYS).foreign
    assert error.path == path
    aside = journals.set_aside(path)
    assert os.path.lexists(aside)
    assert journals.look(root, KEYS) == ([], [], [])


def test_a_folder_of_journals_that_is_a_link_is_an_error(root):
    os.rename(".sealkit", "elsewhere")
    os.symlink("elsewhere", ".sealkit")
    with pytest.raises(JournalError):
        journals.look(root, KEYS)


def test_setting_aside_takes_nobodys_place(root):
    for _ in range(3):
        with open(".sealkit/journal-20300101T000000Z-00000000.jsonl", "wb") as file:
            file.write(b"x")
        journals.set_aside(".sealkit/journal-20300101T000000Z-00000000.jsonl")
    assert len([name for name in os.listdir(".sealkit") if name.startswith("foreign-")]) == 3


def test_only_what_is_believed_is_tidied_away(root):
    foreign = written("a.md", ended="finished", key=OTHER)
    old, kept = written("a.md", ended="finished"), written("b.md", ended="finished")
    journals.tidy(root, KEYS)
    assert os.path.exists(foreign)
    assert not os.path.exists(old)
    assert os.path.exists(kept)


# --- keys in tokens --------------------------------------------------------------------------------------------------
class InToken:
    """A key in a token, as far as journals go: it proves none."""

    id, kid = "k2", K2.kid

    @staticmethod
    def cbc():
        return TokenCBC(None)


def test_a_rotation_to_a_token_is_believed_where_nobody_else_can_have_written_its_journal(root):
    path = written("a.md", key=InToken())
    state = the_one(journals.look(root, (InToken(),)))
    assert (state.planned, state.ended) == (True, None)
    memory = Journal.resume(root, path, None)
    assert memory.has_written("./a.md", b"new")
    memory.end("finished")
    memory.close()
    assert the_one(journals.look(root, (InToken(),))).ended == "finished"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660])
def test_a_journal_that_others_can_write_is_not(root, mode):
    path = written("a.md", key=InToken())
    os.chmod(path, mode)
    (error,) = journals.look(root, (InToken(),)).foreign
    assert "written by others" in error.problem


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root gives files away")
def test_a_journal_of_another_user_is_not(root):
    os.chown(written("a.md", key=InToken()), 12345, 12345)
    (error,) = journals.look(root, (InToken(),)).foreign
    assert "another user" in error.problem


@pytest.mark.parametrize("committed", [False, True])
def test_a_journal_that_git_tracks_is_not(root, git, committed):
    git("init", "-q")
    path = written("a.md", key=InToken())
    assert the_one(journals.look(root, (InToken(),))).planned
    git("add", "-f", path)
    if committed:
        git("commit", "-q", "-m", "x")
    (error,) = journals.look(root, (InToken(),)).foreign
    assert "tracked by git" in error.problem


def test_where_git_cannot_be_asked_it_may_be_tracked(root, git, monkeypatch):
    git("init", "-q")
    written("a.md", key=InToken())
    monkeypatch.setenv("PATH", "/nonexistent")
    (error,) = journals.look(root, (InToken(),)).foreign
    assert "may be tracked" in error.problem
