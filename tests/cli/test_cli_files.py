"""Files as they come: names, links, special files, permissions; streams that are full, closed or gone."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

VERBS = ["inspect", "decrypt", "seal", "rotate", "verify"]
NAMES = [
    b"-x.md",
    b"--key=v.md",
    b"a\nb.md",
    b"\xff\xfe.md",
    b"a b.md",
    b"$(touch pwned).md",
    b"'\".md",
    b"%s{}.md",
    "ü\u202e.md".encode(),
    b"*.md",
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names(desk, name):
    (desk.path / os.fsdecode(name)).write_bytes(desk.read("records/interview.md"))
    for verb in VERBS:
        ran = desk.run(verb, "--", name)
        assert ran.status == 0, (verb, ran)
        json_lines = desk.run(verb, "--json", "--", name)
        assert json_lines.lines[0]["path"] == os.fsdecode(name)
        text = ran.err if verb == "decrypt" else ran.text + ran.err
        assert not any(control in text for control in ("\x1b", "\u202e", "\udcff"))
        assert all(line.count(".md") <= 1 for line in text.splitlines())
    assert not (desk.path / "pwned").exists()


def test_an_odd_name_in_an_error(desk):
    ran = desk.run("inspect", "--", b"no\nsuch\x1b\xff.md")
    assert ran.status == 4
    assert "no\\x0asuch\\x1b\\xff.md" in ran.err


def test_a_name_that_begins_with_a_dash_needs_two(desk):
    (desk.path / "-x.md").write_bytes(desk.read("records/article.md"))
    assert desk.run("inspect", "-x.md").status == 2
    assert desk.run("inspect", "./-x.md").status == 0


def test_any_encoding_of_stdout(desk):
    (desk.path / "ü.md").write_bytes(desk.read("records/article.md"))
    for encoding in ("ascii", "latin-1", "utf-8"):
        assert desk.run("inspect", "ü.md", env={"PYTHONIOENCODING": encoding}).status == 0
        assert desk.run("decrypt", "records/interview.md", env={"PYTHONIOENCODING": encoding}).status == 0


# --- nothing is skipped in silence -----------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", VERBS)
def test_nothing_matched(desk, verb):
    desk.write("empty/notes.bin", b"")
    (desk.path / "hollow").mkdir()
    desk.write("other/x.md", b"---\na: 1\n---\n")
    form = ["--json"]
    for path in ("empty", "hollow", "other"):
        assert desk.run(verb, *form, path).status == 2, path
    assert desk.run(verb, *form, "records", "--include", "*.nothing").status == 2
    assert desk.run(verb, "").status == 2
    assert desk.run(verb).status == 2
    assert desk.run(verb, *form, "nonexistent").status == 4


@pytest.mark.parametrize("verb", VERBS)
def test_what_cannot_be_read_is_said_and_the_rest_is_done(desk, verb, stranger):
    shutil.copytree(desk.path / "records", desk.path / "records/below")
    (desk.path / "records/article.md").chmod(0)
    (desk.path / "records/below").chmod(0)
    try:
        ran = desk.run(verb, "--json", "records", wrap=stranger)
    finally:
        (desk.path / "records/below").chmod(0o755)
    assert ran.status == 4, ran
    failed = [line["path"] for line in ran.lines if line["status"] == "failed"]
    assert "records/article.md" in failed
    assert any("below" in path for path in failed)
    assert sum(ran.summary.get(status, 0) for status in ("found", "decrypted", "unchanged", "verified")) == 6


@pytest.mark.parametrize("verb", ["seal", "rotate"])
def test_a_folder_that_cannot_be_written(desk, verb, stranger):
    desk.record("tree/x.md", "plaintext" if verb == "seal" else desk.sealed(b"y" * 40, "k1"))
    before = desk.read("tree/x.md")
    (desk.path / "tree").chmod(0o555)
    try:
        ran = desk.run(verb, "tree/x.md", wrap=stranger)
    finally:
        (desk.path / "tree").chmod(0o755)
    assert ran.status == 4, ran
    assert desk.read("tree/x.md") == before


@pytest.mark.parametrize("verb", VERBS)
def test_links_are_refused(desk, verb):
    desk.write("outside/x.md", b"---\nsecured: outside\n---\n")
    before = desk.files("outside")
    for name, target in (
        ("file.md", "../outside/x.md"),
        ("folder", "../outside"),
        ("loop.md", "loop.md"),
        ("dangling.md", "nowhere"),
    ):
        (desk.path / "links").mkdir(exist_ok=True)
        (desk.path / "links" / name).symlink_to(target)
        ran = desk.run(verb, "--json", f"links/{name}")
        assert ran.status == 4, (name, ran)
        assert ran.lines[0]["code"] == "link"
    assert desk.run(verb, "--json", "links").status == 1, "two of them lead out of the tree"
    assert desk.files("outside") == before
    assert (desk.path / "links/file.md").is_symlink()


@pytest.mark.parametrize("verb", VERBS)
def test_special_files_do_not_block(desk, verb):
    os.mkfifo(desk.path / "pipe.md")
    (desk.path / "folder.md").mkdir()
    with socket.socket(socket.AF_UNIX) as unix:
        os.chdir(desk.path)  # a socket's path must be short
        unix.bind("socket.md")
        for name in ("pipe.md", "socket.md", "/dev/null", "/dev/zero"):
            ran = desk.run(verb, "--json", name)
            assert ran.status == 4, (name, ran)
            assert ran.lines[0]["code"] == "not_regular"
        assert desk.run(verb, "--json", "folder.md").status == 2


def test_a_fifo_below_a_folder_is_said(desk):
    os.mkfifo(desk.path / "records/pipe.md")
    ran = desk.run("inspect", "--json", "records")
    assert ran.status == 4
    assert ran.summary["found"] == 7


# --- streams ---------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full, a disk that is always full")
@pytest.mark.parametrize(
    "args", [["inspect", "records"], ["decrypt", "records/article.md"], ["decrypt", "--json", "records"], ["keys"], ["--help"]]
)
def test_a_full_disk_for_stdout(desk, args):
    with open("/dev/full", "wb") as full:
        ran = desk.run(*args, stdout=full)
    assert ran.status == 4
    assert "No space left" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("args", [["inspect", "tree"], ["decrypt", "--json", "tree"], ["decrypt", "big.md"]])
def test_a_pipe_that_nobody_reads(desk, args):
    desk.record("big.md", desk.sealed(b"y" * 500_000))
    for number in range(300):
        desk.record(f"tree/{'n' * 100}{number}.md", desk.sealed(b"y" * 400))
    running = desk.start(*args)
    running.stdin.close()
    running.stdout.read(10)
    running.stdout.close()
    err = running.stderr.read()
    running.stderr.close()
    assert running.wait(30) == 128 + signal.SIGPIPE
    assert b"Traceback" not in err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(desk, closed):
    payload = desk.run("decrypt", "records/article.md").out
    for args, status in (("decrypt records/article.md", 0), ("inspect records", 0), ("rotate --to k1 records", 0), ("verify -", 1)):
        command = f"{' '.join(desk.command())} {args} {closed}"
        ran = subprocess.run(
            ["bash", "-c", command], cwd=desk.path, env=desk.env, input=b"---\n---\n", capture_output=True, check=False, timeout=60
        )
        expected = status if ">&-" not in closed.replace("2>&-", "") else 4
        assert ran.returncode in (expected, status if args.startswith("verify") else expected), (args, ran)
        assert b"Traceback" not in ran.stderr
        if args.startswith("decrypt") and expected == 0:
            assert ran.stdout == payload


def test_an_empty_stdin_is_no_record(desk):
    assert desk.run("decrypt", "-").status == 1
