"""Files that records leave behind are written again, if nobody could notice."""

import contextlib
import os
import subprocess

import needs
import pytest

from sealkit.trees import replace, swap
from sealkit.trees.replace import Options, Write, commit
from sealkit.trees.store import read

ALWAYS = Options(syncfs_from=1)
COUNT = 40


@pytest.fixture(autouse=True)
def taken(monkeypatch):
    """Groups of ten; the names of the files that were written again."""
    monkeypatch.setattr(replace, "GROUP", 10)
    take, names = replace.Spares.take, []

    def noted(self, *args):
        found = take(self, *args)
        names.extend([found[0]] if found else [])
        return found

    monkeypatch.setattr(replace.Spares, "take", noted)
    return names


def files(tree, content=b"the old content of a record, longer than the new one"):
    paths = [f"{folder}/{index}.md" for folder in "ab" for index in range(COUNT // 2)]
    tree(dict.fromkeys(paths, content))
    return paths


def writes(paths):
    return [Write(path, read(path, ""), b"new " + path.encode(), root="") for path in paths]


def rewrite(paths, spares=None):
    """Give each record new content; with spares of its own, closed at the end, unless others are handed in."""
    kept = replace.Spares() if spares is None else spares
    results = commit(writes(paths), ALWAYS, spares=kept)
    if spares is None:
        kept.close()
    assert not [one for one in results if one.problem]
    for path in paths:
        with open(path, "rb") as file:
            assert file.read() == b"new " + path.encode()


def leftovers():
    return [name for _, _, names in os.walk(".") for name in names if name.startswith(".sealkit")]


def test_what_one_group_leaves_the_next_one_writes(tree, taken):
    rewrite(files(tree))
    assert len(taken) == COUNT - 10  # all but the first group
    assert leftovers() == []


def test_without_spares_no_group_leaves_anything(tree, monkeypatch):
    admitted = []
    monkeypatch.setattr(replace.Spares, "admit", lambda self, left: admitted.extend(left))
    commit(writes(files(tree)), ALWAYS)
    assert admitted == []
    assert leftovers() == []


def test_what_one_call_leaves_the_next_one_writes(tree, taken):
    paths = files(tree)
    spares = replace.Spares()
    rewrite(paths[:20], spares)
    rewrite(paths[20:], spares)
    assert len(taken) == COUNT - 10
    assert len(leftovers()) == 10  # as many as the last group left, until whoever made them closes them
    spares.close()
    assert leftovers() == []


def test_who_has_the_old_file_open_goes_on_reading_it(tree, taken):
    paths = files(tree)
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(open(path, "rb")) for path in paths]
        rewrite(paths)
        assert {reader.read() for reader in readers} == {b"the old content of a record, longer than the new one"}
        assert taken == []


def test_another_name_keeps_the_old_content(tree):
    paths = files(tree)
    for index, path in enumerate(paths):
        os.link(path, f"other{index}")
    spares = replace.Spares()
    commit(writes(paths), ALWAYS._replace(break_hardlinks=True), spares=spares)
    spares.close()
    for index in range(len(paths)):
        with open(f"other{index}", "rb") as file:
            assert file.read() == b"the old content of a record, longer than the new one"


def test_modes_and_attributes_are_those_of_each_record(tree):
    paths = files(tree)
    for index, path in enumerate(paths):
        os.chmod(path, (0o644, 0o600, 0o664)[index % 3])
        if index % 4 == 0:
            os.setxattr(path, "user.note", str(index).encode())
    rewrite(paths)
    for index, path in enumerate(paths):
        assert os.stat(path).st_mode & 0o777 == (0o644, 0o600, 0o664)[index % 3]
        assert os.listxattr(path) == (["user.note"] if index % 4 == 0 else [])
    assert leftovers() == []


@needs.program("setfacl")
def test_a_file_with_an_access_list_is_not_written_again(tree, taken):
    paths = files(tree)
    subprocess.run(["setfacl", "-m", "u:12345:r", *paths], check=True)
    rewrite(paths)
    assert taken == []


def test_nothing_is_written_again_before_the_names_are_on_the_disk(tree, monkeypatch):
    paths = files(tree)
    events = []
    retire, take, syncfs = swap.retire, replace.Spares.take, replace.kernel.syncfs

    def noted_retire(*args, **options):
        events.append("retire")
        return retire(*args, **options)

    def noted_take(self, *args):
        found = take(self, *args)
        events.append("take" if found else "make")
        return found

    def noted_syncfs(fd):
        events.append("sync")
        syncfs(fd)

    monkeypatch.setattr(swap, "retire", noted_retire)
    monkeypatch.setattr(replace.Spares, "take", noted_take)
    monkeypatch.setattr(replace.kernel, "syncfs", noted_syncfs)
    rewrite(paths)
    assert events == [
        *["make"] * 10, "sync", *["retire"] * 10, "sync",
        *(["take"] * 10 + ["sync"] + ["retire"] * 10 + ["sync"]) * 3,
    ]  # fmt: skip


def test_no_spare_is_kept_when_that_sync_fails(tree, taken, monkeypatch):
    paths = files(tree)

    def failing(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(replace.kernel, "syncfs", failing)
    rewrite(paths)
    assert taken == []
    assert leftovers() == []
