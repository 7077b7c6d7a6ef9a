"""Nothing is left behind: what was sealed is found again, whatever its file is called and wherever it stands."""

from __future__ import annotations

import pytest
import two_keys
from two_keys import RECORD, git

pytestmark = pytest.mark.thorough

NAMES = (
    *("page.Rmd", "feed.rss", "site.xml", "style.scss", "Makefile", "note.md~", "note.md.", "data.json", "x.tar.gz", "UPPER.QMD"),
    *("deep/er/none", "sp ace.tex", "ünï.ipynb", "-dash.mjml"),
)


@pytest.fixture
def desk(tmp_path):
    return two_keys.desk_in(tmp_path)


def sealed(desk, *names):
    for name in names:
        two_keys.sealed(desk, f"tree/{name}", "k1")


def opens_under(desk, key):
    """The files below the tree, whatever they are, in which a blob opens under a key; found without sealkit's walk."""
    import re

    blob = re.compile(rb"[A-Za-z0-9+/]{22,}={0,2};[A-Za-z0-9+/]{22}==")
    cbc = {"k1": bytes.fromhex("41" * 32), "k2": bytes.fromhex("42" * 32)}[key]
    from sealkit.crypto.blob import Blob
    from sealkit.keys.key import Key

    found = set()
    for path, data in desk.files("tree").items():
        for text in blob.findall(data) if "/.git/" not in path and "/.sealkit/" not in path else ():
            one = Blob.parse(text.decode())
            payload = Key("x", cbc).cbc().decrypt(one.ciphertext, one.iv)
            found |= {path} if payload is not None and payload.startswith(b"a payload") else set()
    return found


def test_what_is_named_is_found_again_whatever_it_is_called(desk):
    sealed(desk, *NAMES)
    assert opens_under(desk, "k1") == {f"tree/{name}" for name in NAMES}
    assert desk.run("verify", "tree").status == 0
    refused = desk.run("keys", "retire", "k1", "tree")
    assert (refused.status, len(refused.text.splitlines())) == (1, len(NAMES))
    assert desk.run("rotate", "--to", "k2", "tree").status == 0
    assert opens_under(desk, "k1") == set()
    assert desk.run("keys", "retire", "k1", "tree").status == 0
    assert desk.run("keys", "remove", "k1", "tree").status == 0
    assert desk.run("verify", "--json", "tree").summary["verified"] == len(NAMES)


HIDDEN = {
    "hidden": ".drafts/a.qmd",
    "a hidden file": ".a",
    "ignored": "build/a.Rmd",
    "ignored by its name": "a.ignored",
    "named like a copy": "b.yml~",
}


@pytest.mark.parametrize("where", HIDDEN)
def test_no_key_goes_while_a_file_that_is_passed_over_needs_it(desk, where):
    (desk.path / "tree").mkdir()
    git(desk, "init", "-q")
    desk.write("tree/.gitignore", b"build/\n*.ignored\n")
    name = HIDDEN[where]
    sealed(desk, "a.md")
    desk.write(f"tree/{name}", desk.read("tree/a.md") if not name.endswith("~") else desk.read("tree/a.md").split(b"---\n")[1])
    assert desk.run("rotate", "--to", "k2", "tree").status == 0
    for verb in ("retire", "remove"):
        ran = desk.run("keys", verb, "k1", "tree")
        still = opens_under(desk, "k1")
        assert (ran.status, f"tree/{name}" in ran.text) == ((1, True) if still else (0, False)), ran
    if still:
        assert desk.run("rotate", "--to", "k2", "--hidden", "--no-gitignore", "tree").status == 0
    assert opens_under(desk, "k1") == set()


def test_a_blob_in_a_field_that_nobody_names_counts(desk):
    sealed(desk, "a.md")
    desk.write("tree/b.yml", b"db:\n  hosts:\n" + b"  - token: " + desk.read("tree/a.md").split(b'"')[1] + b"\n")
    assert desk.run("rotate", "--to", "k2", "tree").status == 0
    ran = desk.run("keys", "retire", "k1", "tree")
    assert (ran.status, ran.text) == (1, "tree/b.yml:3  db.hosts[0].token\n")
    assert "--field" in ran.err


def test_the_index_and_history_count(desk):
    (desk.path / "tree").mkdir()
    git(desk, "init", "-q")
    sealed(desk, "a.tex")
    git(desk, "add", "-A")
    git(desk, "commit", "-qm", "one")
    assert desk.run("rotate", "--to", "k2", "tree").status == 0
    ran = desk.run("keys", "retire", "k1", "tree")
    assert (ran.status, ran.text) == (1, "tree/a.tex:3  secured  in git's index\n")
    git(desk, "commit", "-qam", "two")
    refused = desk.run("keys", "remove", "k1", "tree")
    assert (refused.status, "2 commits" in refused.err, "--forget-history" in refused.err) == (2, True, True)
    assert desk.run("keys", "remove", "k1", "--git", "tree").status == 1
    assert desk.run("keys", "remove", "k1", "--forget-history", "tree").status == 0


def test_a_file_that_is_not_checked_out_is_read_from_the_index(desk):
    (desk.path / "tree").mkdir()
    git(desk, "init", "-q")
    sealed(desk, "a.md")
    desk.write("tree/b.md", b"---\nsecured: open\n---\n")
    git(desk, "add", "-A")
    git(desk, "commit", "-qm", "one")
    git(desk, "update-index", "--skip-worktree", "b.md")
    (desk.path / "tree/b.md").unlink()
    ran = desk.run("check", "--json", "tree")
    assert (ran.status, [one["path"] for one in ran.lines if one["status"] == "finding"]) == (1, ["tree/b.md"])


def test_what_is_left_is_said(desk):
    (desk.path / "tree").mkdir()
    git(desk, "init", "-q")
    sealed(desk, "a.md")
    desk.write("tree/.gitignore", b"build/\n")
    desk.write("tree/build/x.md", RECORD)
    desk.write("tree/.sealkit-tmp-0123", b"")
    for verb in ("check", "verify"):
        ran = desk.run(verb, "--json", "tree")
        assert ran.summary["left"] == {"hidden": 1, "ignored": 1, "temporary": 1}, ran
        assert "removes them" in ran.err


@pytest.mark.parametrize("verb", [["check"], ["verify"], ["rotate", "--to", "k1"], ["seal"]], ids=" ".join)
def test_what_filters_leave_is_said(desk, verb):
    sealed(desk, "a.md")
    for name in ("b.md", "c/d.md", "e.txt"):
        desk.write(f"tree/{name}", RECORD)
    ran = desk.run(*verb, "--json", "--include", "a.md", "tree")
    assert (ran.status, ran.summary["left"]) == (0, {"filtered": 3}), ran
    ran = desk.run(*verb, "--json", "--exclude", "[b-e]*", "tree")
    assert (ran.status, sum(ran.summary["left"].values()) >= 2, set(ran.summary["left"])) == (0, True, {"filtered"}), ran


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32"])
def test_a_file_in_another_encoding_keeps_its_key(desk, encoding):
    """In the work tree, at any name; and the key goes once the file has."""
    sealed(desk, "a.md")
    (desk.path / "tree/b.txt").write_bytes((desk.path / "tree/a.md").read_bytes().decode().encode(encoding))
    (desk.path / "tree/a.md").unlink()
    ran = desk.run("keys", "retire", "k1", "tree")
    assert (ran.status, "tree/b.txt" in ran.text) == (1, True), ran
    (desk.path / "tree/b.txt").unlink()
    assert desk.run("keys", "retire", "k1", "tree").status != 0, "nothing is there to be looked at"


@pytest.mark.parametrize(
    "name", ["m.xml", "m.svg", "m.csv", "m.tsv", "m.toml", "m.properties", "m.rss", "m.plist", "m.py", "m.tab", "M.XML", "m.kml"]
)
@pytest.mark.parametrize("record", [b"title: t\nsecured: '%b'\n", b"title: t\nn: 1\n\nsecured: %b\nend: 1\n"])
def test_a_record_under_the_name_of_something_else_stops_a_rotation(desk, name, record):
    """Nothing rotates what is no record by its name; so it is said, and the key stays."""
    sealed(desk, "a.md")
    blob = (desk.path / "tree/a.md").read_bytes().split(b'"')[1]
    desk.write(f"tree/{name}", record % blob)
    for verb in (["verify"], ["rotate", "--to", "k2"]):
        ran = desk.run(*verb, "tree")
        assert (ran.status, f"tree/{name}" in ran.err) == (1, True), ran
    assert desk.run("keys", "retire", "k1", "tree").status == 1
