"""``sealkit rotate``: other keys, the same payloads; and diffs that ``patch`` takes."""

from __future__ import annotations

import shutil
import subprocess

import needs
import pytest

FIELDS = [("article.md", "secured"), ("board.yml", "secured"), ("crlf.md", "secured"), ("interview.md", "secured")]
FIELDS += [("nested.md", "provider.secured"), ("feed.jsonl", "secured")]


def payloads(desk, path, field="secured"):
    return [(line["path"], line.get("payload")) for line in desk.run("decrypt", "--json", "--field", field, path).lines]


def keys(desk, path, field="secured"):
    return {line.get("key") for line in desk.run("verify", "--json", "--field", field, path).lines}


@pytest.mark.parametrize(("name", "field"), FIELDS)
@pytest.mark.parametrize("target", ["k1", "k2"])
def test_rotation_keeps_the_payload_and_all_else(desk, name, field, target):
    path = f"records/{name}"
    before, raw = payloads(desk, path, field), desk.read(path)
    ran = desk.run("rotate", "--to", target, "--field", field, path)
    assert ran.status == 0, ran
    assert payloads(desk, path, field) == before
    assert keys(desk, path, field) == {target}
    blobs = {line["iv"] for line in desk.run("inspect", "--json", "--field", field, path).lines}
    assert len(blobs) == len(before)
    changed = [(old, new) for old, new in zip(raw.split(b"\n"), desk.read(path).split(b"\n"), strict=True) if old != new]
    assert len(changed) in (0, len(before))
    assert len(raw) == len(desk.read(path))
    status, raw = (desk.path / path).stat(), desk.read(path)
    again = desk.run("rotate", "--to", target, "--field", field, path)
    assert "unchanged" in again.err
    assert again.status == 0
    assert again.out == b""
    assert desk.read(path) == raw
    assert (desk.path / path).stat().st_mtime_ns == status.st_mtime_ns


def test_the_primary_is_the_target_unless_told(desk):
    ran = desk.run("rotate", "--json", "records")
    assert ran.status == 0
    assert [line["path"] for line in ran.lines if line["status"] == "rotated"] == ["records/interview.md"]
    assert keys(desk, "records") == {"k2", None}


def test_from_names_the_old_key(desk):
    ran = desk.run("rotate", "--from", "k1", "--json", "records")
    assert ran.status == 0
    desk.record("x.md", desk.sealed(b"short", "k1"))
    assert desk.run("rotate", "--from", "k2", "x.md").status == 1
    assert desk.run("rotate", "--from", "k1", "x.md").status == 0
    assert desk.run("decrypt", "--key-id", "k2", "x.md").out == b"short"
    assert desk.run("rotate", "--from", "k1", "x.md").status == 0


def test_key_id_is_from(desk):
    desk.record("x.md", desk.sealed(b"short", "k1"))
    assert desk.run("rotate", "--key-id", "k1", "x.md").status == 0
    assert desk.run("decrypt", "--key-id", "k2", "x.md").out == b"short"
    assert desk.run("rotate", "--key-id", "k1", "--from", "k1", "x.md").status == 2


@pytest.mark.parametrize(
    ("options", "status"),
    [(["--to", "k9"], 3), (["--from", "k9"], 3), (["--to", "k0"], 1), (["--from", "k0"], 1), (["--to", ""], 3)],
)
def test_keys_that_cannot_be_used(desk, options, status):
    before = desk.files("records")
    assert desk.run("rotate", *options, "records").status == status
    assert {name: data for name, data in desk.files("records").items() if ".sealkit" not in name} == before


def test_what_does_not_open_stays(desk):
    blob = desk.sealed(b"x" * 64)
    desk.record("x.md", ("A" if blob[0] != "A" else "B") + blob[1:40] + ("A" if blob[40] != "A" else "B") + blob[41:])
    before = desk.read("x.md")
    ran = desk.run("rotate", "--to", "k1", "x.md")
    assert ran.status == 1
    assert desk.read("x.md") == before
    desk.record("y.md", "plaintext")
    assert "plaintext" in desk.run("rotate", "--json", "y.md").lines[0]["message"]
    assert b'"plaintext"' in desk.read("y.md")


def test_stdin_to_stdout(desk):
    ran = desk.run("rotate", "--to", "k1", "-", stdin=desk.read("records/crlf.md"))
    assert ran.status == 0
    assert ran.out.count(b"\r\n") == desk.read("records/crlf.md").count(b"\r\n")
    assert desk.run("decrypt", "--key-id", "k1", "-", stdin=ran.out).out == desk.run("decrypt", "records/crlf.md").out
    unchanged = desk.run("rotate", "-", stdin=desk.read("records/crlf.md"))
    assert unchanged.out == desk.read("records/crlf.md")


# --- diffs -----------------------------------------------------------------------------------------------------------
ODD_NAMES = ["x.md", "with space.md", "ü.md", 'quo"te\\.md', "a\nb.md", "tab\tb.md", "--- a.md", "@@ -1 +1 @@.md", "ends \n.md"]
CONTENTS = {
    "plain": b"---\na: 1\nsecured: %s\nb: 2\n---\nbody\n",
    "crlf": b"---\r\na: 1\r\nsecured: %s\r\nb: 2\r\n---\r\nbody\r\n",
    "no final newline": b"---\na: 1\nsecured: %s\n---",
    "binary body": b"---\nsecured: %s\n---\n\xff\xfe\x0c\x0b \x1c\x85\n",
    "dashes": b"---\n# -- a/x\n# ++ b/x\nsecured: %s\n---\n-- a/x\n++ b/x\n",
}


def patched(desk, diff, below):
    copy = desk.path / "copy"
    shutil.copytree(desk.path / below, copy / below)
    ran = subprocess.run(["patch", "-p1", "--binary", "--batch"], cwd=copy, input=diff, capture_output=True, check=False)
    assert ran.returncode == 0, (ran.stdout, ran.stderr, diff)
    return copy


@pytest.mark.parametrize("shape", CONTENTS)
@pytest.mark.parametrize("option", ["--diff", "--check"])
def test_check_and_diff_write_nothing(desk, shape, option):
    desk.write("tree/x.md", CONTENTS[shape] % desk.sealed(b"y" * 40, "k1").encode())
    before = desk.files()
    ran = desk.run("rotate", option, "tree")
    assert ran.status == 1
    assert desk.files() == before
    assert b"would rotate" not in ran.out


@needs.program("patch")
@pytest.mark.parametrize("shape", CONTENTS)
def test_patch_takes_the_diff(desk, shape):
    desk.write("tree/x.md", CONTENTS[shape] % desk.sealed(b"y" * 40, "k1").encode())
    diff = desk.run("rotate", "--diff", "tree").out
    copy = patched(desk, diff, "tree")
    after = (copy / "tree/x.md").read_bytes()
    head, tail = (CONTENTS[shape]).split(b"%s")
    assert after.startswith(head)
    assert after.endswith(tail)
    desk.write("tree/x.md", after)
    assert keys(desk, "tree/x.md") == {"k2"}
    assert payloads(desk, "tree/x.md") == [("tree/x.md", "y" * 40)]


@needs.program("patch")
def test_patch_takes_a_diff_of_odd_names(desk):
    for name in ODD_NAMES:
        desk.write(f"tree/{name}", CONTENTS["plain"] % desk.sealed(b"y" * 40, "k1").encode())
    copy = patched(desk, desk.run("rotate", "--diff", "tree").out, "tree")
    for name in ODD_NAMES:
        assert (copy / "tree" / name).read_bytes() != desk.read(f"tree/{name}"), name


def test_a_diff_of_several_files_and_the_sentence(desk):
    ran = desk.run("rotate", "--to", "k1", "--diff", "records")
    assert ran.status == 1
    assert ran.out.count(b"\n--- a/records/") + ran.out.startswith(b"--- a/records/") == 4
    assert "would change" in ran.err


def test_files_with_several_names_are_said_before_anything_is_written(desk):
    for name in "abc":
        desk.record(f"tree/{name}.md", desk.sealed(f"payload {name}, long enough to tell".encode(), "k1"))
    (desk.path / "tree/z.md").hardlink_to(desk.path / "tree/b.md")
    before = {name: desk.read(name) for name in desk.files("tree")}
    ran = desk.run("rotate", "--to", "k2", "tree")
    assert ran.status == 4
    assert "2 names" in ran.err
    assert "--break-hardlinks" in ran.err
    assert {name: desk.read(name) for name in before} == before
    assert desk.run("rotate", "--to", "k2", "--partial", "tree").status == 4
    assert desk.read("tree/a.md") != before["tree/a.md"]
    assert desk.read("tree/b.md") == before["tree/b.md"]
    assert desk.run("rotate", "--to", "k2", "--break-hardlinks", "tree").status == 0
    assert keys(desk, "tree") == {"k2"}
    (desk.path / "tree/y.md").hardlink_to(desk.path / "tree/b.md")
    assert desk.run("rotate", "--to", "k2", "tree").status == 0, "nothing needs to be written"


def test_a_file_with_several_names_hides_nothing_else_that_is_wrong_in_it(desk):
    blobs = desk.sealed(b"a payload that is long enough", "k1"), "left open"
    desk.write("tree/a.jsonl", b"".join(b'{"secured": "%s"}\n' % str(blob).encode() for blob in blobs))
    (desk.path / "tree/b.jsonl").hardlink_to(desk.path / "tree/a.jsonl")
    ran = desk.run("rotate", "--to", "k2", "tree")
    assert ran.err.count("2 names") == 2
    assert ran.err.count("plaintext") == 2, ran.err
