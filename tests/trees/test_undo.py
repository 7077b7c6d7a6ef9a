"""Old blobs put back: at once what comes by way of a ``Record``, in groups that wait for the disk as seldom as the rotation did."""

import os
from pathlib import Path

import pytest

from sealkit import Key, KeyRing, Sealer
from sealkit import report as reporting
from sealkit.trees import batch, kernel, undo
from sealkit.trees.journal import Entry
from sealkit.trees.result import Replaced

SEALER = Sealer(KeyRing([Key("one", bytes(range(16)))], primary="one"))
OLD, NEW, OTHER = (str(SEALER.seal(b"a payload of more than one block")) for _ in range(3))

CONTENTS = {
    "plain": f"---\nsecured: {NEW}\n---\ntext\n",
    "quoted": f'---\ntitle: a\nsecured: "{NEW}"\n---\ntext\n',
    "single quotes": f"---\nsecured: '{NEW}'\nlast: b\n---\n",
    "windows": f"---\r\ntitle: a\r\nsecured: {NEW}\r\n---\r\ntext\r\n",
    "last of all": f"---\ntitle: a\nsecured: {NEW}\n---",
    "with a comment": f"---\nsecured: {NEW} # said\n---\ntext\n",
    "the old one already": f"---\nsecured: {OLD}\n---\ntext\n",
    "another one": f"---\nsecured: {OTHER}\n---\ntext\n",
    "folded": f"---\nsecured: >-\n  {NEW}\n---\ntext\n",
    "twice": f"---\nsecured: {NEW}\nsecured: {NEW}\n---\ntext\n",
    "gone": "---\ntitle: a\n---\ntext\n",
    "no front matter": f"secured: {NEW}\n",
    "no YAML": f"---\nsecured: {NEW}\na: [\n---\n",
    "an anchor": f"---\nsecured: &a {NEW}\nb: *a\n---\n",
    "below": f"---\na:\n  secured: {NEW}\n---\n",
    "empty": "",
}


@pytest.mark.parametrize("old", [OLD, "no blob", "\ud800", ""], ids=["a blob", "no blob", "no text", "nothing"])
@pytest.mark.parametrize("name", CONTENTS)
def test_at_once_is_what_a_record_gives(name, old):
    data, replaced = CONTENTS[name].encode(), [Replaced(1, "secured", old, NEW)]
    answer, careful = undo._at_once("a.md", data, replaced), undo._by_record("a.md", data, replaced)
    assert answer in (None, careful)
    assert undo.restore("a.md", data, replaced) == careful
    if old == OLD and name in ("plain", "quoted", "single quotes", "windows"):
        assert answer is not None
        assert answer.data == data.replace(NEW.encode(), OLD.encode())
    if old != OLD:
        assert careful.data is None


@pytest.mark.parametrize(
    ("path", "line", "field"), [("a.yml", 1, "secured"), ("a.md", 2, "secured"), ("a.md", 1, "a.secured"), ("a.txt", 1, "secured")]
)
def test_other_records_and_fields_too(path, line, field):
    data, replaced = CONTENTS["below"].encode(), [Replaced(line, field, OLD, NEW)]
    assert undo._at_once(path, data, replaced) in (None, undo._by_record(path, data, replaced))


def record(number, blob=NEW):
    return f"---\ntitle: {number}\nsecured: {blob}\n---\ntext\n".encode()


def entries(names):
    return [Entry(name, "", [Replaced(1, "secured", OLD, NEW)]) for name in names]


def run(root, names, **mode):
    return list(batch.restore(root, entries(names), batch.Mode(**{"write": True, **mode}), lambda _: None))


@pytest.mark.parametrize("folders", [1, 3, 40])
def test_files_are_replaced_in_groups(tree, monkeypatch, folders):
    names = [f"{number % folders}/{number}.md" for number in range(200)]
    root = tree({name: record(number) for number, name in enumerate(names)})
    waits = []
    for module, call in ((os, "fsync"), (kernel, "syncfs")):
        real = getattr(module, call)
        monkeypatch.setattr(module, call, lambda *given, real=real, call=call: waits.append(call) or real(*given))
    done = run(root, names)
    assert [os.path.relpath(one.found.path, root) for one in done] == names
    assert {outcome.status for one in done for outcome in one.outcomes} == {reporting.RESTORED}
    assert all(Path(root, name).read_bytes() == record(number, OLD) for number, name in enumerate(names))
    assert len(waits) <= 4, "as seldom as a rotation of so many waits"
    assert sorted(name for _, _, files in os.walk(root) for name in files) == sorted(name.rpartition("/")[2] for name in names)


def test_what_is_wrong_with_one_file_is_nothing_to_the_others(tree):
    files = {f"{number:02}.md": record(number) for number in range(40)}
    root = tree(files | {"07.md": record(7, OTHER), "08.md": record(8, OLD)})
    os.unlink(f"{root}/09.md")
    os.link(f"{root}/10.md", f"{root}/second.md")
    statuses = [one.outcomes[0].status for one in run(root, sorted(files))]
    assert statuses[7:11] == [reporting.FINDING, reporting.UNCHANGED, reporting.FAILED, reporting.FAILED]
    assert set(statuses[:7] + statuses[11:]) == {reporting.RESTORED}


def test_what_somebody_saved_meanwhile_is_kept_and_looked_at_again(tree, monkeypatch):
    root = tree({f"{number}.md": record(number) for number in range(3)})
    saved = record(1).replace(b"text", b"saved meanwhile")
    look = undo.restore

    def restore(path, data, replaced, kind):
        result = look(path, data, replaced, kind)
        if path.endswith("1.md") and b"meanwhile" not in data:
            Path(path).write_bytes(saved)
        return result

    monkeypatch.setattr(undo, "restore", restore)
    done = run(root, [f"{number}.md" for number in range(3)])
    assert [one.outcomes[0].status for one in done] == [reporting.RESTORED] * 3
    assert Path(root, "1.md").read_bytes() == saved.replace(NEW.encode(), OLD.encode())


def test_without_writing_it_is_said_what_would_be(tree):
    root = tree({"a.md": record(1), "b.md": record(2, OLD)})
    done = run(root, ["a.md", "b.md"], write=False)
    assert [one.outcomes[0].status for one in done] == [reporting.WOULD_CHANGE, reporting.UNCHANGED]
    assert Path(root, "a.md").read_bytes() == record(1)
