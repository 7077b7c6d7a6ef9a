"""The table of exit statuses, and what is asked for wrongly."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

STATUSES = [
    (0, ["--version"]),
    (0, ["--help"]),
    (0, ["decrypt", "-h"]),
    (0, ["inspect", "records"]),
    (0, ["verify", "records"]),
    (0, ["decrypt", "records/article.md"]),
    (0, ["seal", "records"]),
    (0, ["rotate", "records"]),
    (0, ["keys"]),
    (0, ["keygen", "--keys", "new.yaml"]),
    (1, ["inspect", "plain.md"]),
    (1, ["verify", "plain.md"]),
    (1, ["decrypt", "plain.md"]),
    (1, ["rotate", "plain.md"]),
    (1, ["seal", "--check", "plain.md"]),
    (1, ["rotate", "--check", "--to", "k1", "records/article.md"]),
    (1, ["decrypt", "--key-id", "k1", "records/article.md"]),
    (1, ["inspect", "--field", "a[0].b", "records/article.md"]),
    (2, []),
    (2, ["nonsense"]),
    (2, ["inspect"]),
    (2, ["inspect", "--nonsense", "records"]),
    (2, ["inspect", "--key-id", "k1", "records"]),
    (2, ["decrypt", "--payload-kind", "xml", "records/article.md"]),
    (1, ["decrypt", "--payload-kind", "binary", "records/article.md"]),
    (2, ["decrypt", "records"]),
    (2, ["inspect", "hollow"]),
    (2, ["inspect", "--field", "nothing", "records"]),
    (2, ["inspect", "--field", "a..b", "records/article.md"]),
    (2, ["inspect", "--field", "a[", "records/article.md"]),
    (2, ["inspect", "--field", "", "records/article.md"]),
    (2, ["inspect", "--workers", "0", "records"]),
    (2, ["keygen", "--bits", "64"]),
    (2, ["completion"]),
    (2, ["--keys", "keys.example", "decrypt", "records/article.md"]),
    (3, ["decrypt", "--key-id", "k9", "records/article.md"]),
    (3, ["rotate", "--to", "k9", "records"]),
    (4, ["inspect", "nonexistent.md"]),
    (4, ["inspect", "records", "nonexistent.md"]),
    (4, ["decrypt", "records/article.md", "-o", "plain.md"]),
    (4, ["verify", "--report", "/nonexistent/x", "records"]),
]


@pytest.mark.parametrize(("status", "args"), STATUSES, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_exit_status(desk, status, args):
    desk.write("plain.md", b"---\nsecured: some plaintext, long enough\n---\n")
    (desk.path / "hollow").mkdir()
    before = {name: data for name, data in desk.files().items() if not name.startswith("new.yaml")}
    ran = desk.run(*args)
    assert ran.status == status, ran
    assert "Traceback" not in ran.err
    after = desk.files()
    assert {name: after.get(name) for name in before if name.endswith(".md")} == {
        name: data for name, data in before.items() if name.endswith(".md")
    } or args[0] == "rotate"
    if status > 1:
        assert ran.err.startswith("sealkit: ") or not args or "sealkit: error:" in ran.err
    if status == 2 and args:
        assert "hint:" in ran.err


def test_another_sealkit_holds_the_tree(desk):
    """A run that waits for its payload holds nothing; one that is writing holds the tree."""
    from sealkit.trees.roots import held

    desk.record("tree/x.md", desk.sealed(b"y" * 40, "k1"))
    with held([str(desk.path / "tree")]):
        for verb in ("rotate", "seal"):
            ran = desk.run(verb, "tree")
            assert ran.status == 75, ran
            assert "sealkit: error:" in ran.err
        assert desk.run("inspect", "tree").status == 0
    assert desk.run("rotate", "tree").status == 0


@pytest.mark.parametrize("verb", ["inspect", "decrypt", "seal", "rotate", "verify"])
def test_findings_do_not_stop_the_rest(desk, verb):
    desk.record("records/a.md", desk.sealed(b"x" * 40)[:-3])
    options = ["--partial"] if verb == "rotate" else []
    ran = desk.run(verb, *options, "--json", "records")
    assert ran.status == 1
    assert sum(ran.summary.get(status, 0) for status in ("found", "decrypted", "sealed", "rotated", "verified", "unchanged")) == 7
    assert ran.summary["finding"] == 1


@pytest.mark.parametrize("workers", ["1", "2", "3"])
@pytest.mark.parametrize("verb", ["inspect", "decrypt", "verify", "rotate", "seal"])
def test_workers_change_nothing_in_what_is_said(desk, verb, workers):
    for number in range(300):
        desk.record(f"tree/{number:03}.md", desk.sealed(b"y" * 40) if number % 7 else "!" + desk.sealed(b"y" * 40)[1:])
    options = ["--partial"] if verb == "rotate" else []
    one = desk.run(verb, *options, "--json", "tree")
    many = desk.run(verb, *options, "--json", "--workers", workers, "tree")
    assert (many.status, many.out) == (one.status, one.out)


def test_quiet_says_only_what_is_wrong(desk):
    assert desk.run("inspect", "--quiet", "records").err == ""
    desk.record("x.md", "plaintext")
    assert "plaintext" in desk.run("inspect", "--quiet", "x.md").err


def test_every_error_has_a_hint_and_no_trace(desk):
    (desk.path / "hollow").mkdir()
    for args in (["decrypt", "--keys", "none.yaml", "x"], ["inspect", "hollow"], ["nonsense"], ["decrypt", "records"]):
        ran = desk.run(*args)
        assert "sealkit: hint: " in ran.err, (args, ran)
        assert "Traceback" not in ran.err
