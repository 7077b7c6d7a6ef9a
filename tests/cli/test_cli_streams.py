"""Output that cannot be written, or that nobody reads: one of the statuses that are documented, nothing half done, and no traceback."""

from __future__ import annotations

import os
import shlex

import needs
import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

IO, GONE = 4, 141
RECORD = "records/article.md"
SAID = "sealkit: error: the output cannot be written: No space left on device\n"

RUNS = [
    [],
    ["--version"],
    ["--help"],
    ["decrypt", "--help"],
    ["inspect", RECORD],
    ["inspect", "--json", "records"],
    ["inspect", "plain.md"],
    ["inspect", "nowhere.md"],
    ["inspect", "--nonsense", RECORD],
    ["nonsense"],
    ["decrypt", RECORD],
    ["decrypt", "--json", "records"],
    ["decrypt", "--key-id", "k9", RECORD],
    ["verify", "records"],
    ["verify", "--report", "copy.jsonl", "records"],
    ["check", "records"],
    ["check", "--json", "plain.md"],
    ["check", "--format", "sarif", "records"],
    ["rotate", "--to", "k1", "records"],
    ["rotate", "--check", "--to", "k1", "records"],
    ["rotate", "--diff", "--to", "k1", RECORD],
    ["seal", "plain.md"],
    ["seal", "--check", "plain.md"],
    ["retag", "records"],
    ["grep", "a", "records"],
    ["init", "--print", "records"],
    ["init", "records"],
    ["keys"],
    ["keys", "--nonsense"],
    ["keys", "check"],
    ["keys", "census", "records"],
    ["keys", "census", "--json", "records"],
    ["keygen", "--keys", "new.yaml"],
    ["doctor"],
    ["compat"],
    ["completion", "bash"],
    ["columns"],
]
each = pytest.mark.parametrize("args", RUNS, ids=lambda args: " ".join(args) or "sealkit")


@pytest.fixture
def desk(desk):
    desk.write("plain.md", b"---\nsecured: some plaintext, long enough\n---\n")
    return desk


@pytest.fixture
def whole(desk, args):
    """What the command prints where everything can be written, and what it makes of the folder; the folder is then as it was."""
    before = desk.files()
    ran = desk.run(*args)
    ran.files = changed(before, desk.files())
    for name in desk.files().keys() - before.keys():
        (desk.path / name).unlink()
    for name, data in before.items():
        if desk.read(name) != data:
            desk.write(name, data)
    return ran


@pytest.fixture
def full():
    try:
        descriptor = os.open("/dev/full", os.O_WRONLY)
    except OSError:
        pytest.skip("NOT TESTED: no /dev/full here")
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def unread():
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def changed(before, after):
    return {
        name for name, data in after.items() if before.get(name) != data and not name.startswith(("records/.sealkit", ".sealkit"))
    }


@each
def test_results_on_a_full_disk_are_one_clear_error(desk, whole, full, args):
    ran = desk.run(*args, stdout=full)
    assert ran.status == (IO if whole.out else whole.status), ran
    assert ran.err.count(SAID) == bool(whole.out), ran
    assert "Traceback" not in ran.err
    assert "Exception ignored" not in ran.err


@each
def test_messages_on_a_full_disk_are_lost_and_the_work_is_done(desk, whole, full, args):
    """What was to be said may matter: so 0, which says that all is well, is not said."""
    before = desk.files()
    ran = desk.run(*args, stderr=full)
    assert ran.status == (whole.status or (IO if whole.err else 0)), ran
    assert changed(before, desk.files()) == whole.files
    if args != ["compat"]:  # a throw-away key
        assert len(ran.out) == len(whole.out)


UNBUFFERED = [["verify", "records"], ["seal", "plain.md"], ["rotate", "--to", "k1", "records"], ["inspect", "nowhere.md"]]


@pytest.mark.parametrize("args", UNBUFFERED, ids=" ".join)
def test_messages_are_lost_as_well_where_python_buffers_nothing(desk, whole, full, unread, args):
    """As images of containers have it: ``PYTHONUNBUFFERED``, with which stderr has a layer less."""
    unbuffered = {"PYTHONUNBUFFERED": "1"}
    before = desk.files()
    for stream, lost in ((full, IO), (unread, GONE)):
        for name, data in before.items():
            desk.write(name, data)
        ran = desk.run(*args, stderr=stream, env=unbuffered, process=True)
        assert ran.status == (whole.status or lost), ran
        assert changed(before, desk.files()) == whole.files
    ran = desk.run(*args, stdout=full, env=unbuffered, process=True)
    assert ran.status in (IO, whole.status)
    assert "Traceback" not in ran.err


@each
def test_both_on_a_full_disk(desk, whole, full, args):
    ran = desk.run(*args, stdout=full, stderr=full)
    assert ran.status == (IO if whole.out else whole.status or (IO if whole.err else 0)), ran


@each
def test_nobody_reads_the_results(desk, whole, unread, args):
    ran = desk.run(*args, stdout=unread)
    assert ran.status == (GONE if whole.out else whole.status), ran
    assert "Traceback" not in ran.err
    assert "Exception ignored" not in ran.err


@each
def test_nobody_reads_the_messages(desk, whole, unread, args):
    before = desk.files()
    ran = desk.run(*args, stderr=unread)
    assert ran.status == (whole.status or (GONE if whole.err else 0)), ran
    assert changed(before, desk.files()) == whole.files


def test_a_rotation_that_could_not_say_what_it_did_goes_on(desk, full):
    """It stops where the results cannot be written; what it wrote is whole, and the same command does the rest."""
    assert desk.run("rotate", "--to", "k1", "records", stdout=full).status == IO
    assert desk.run("rotate", "--to", "k1", "records").status == 0
    assert {line["key"] for line in desk.run("decrypt", "--json", "records").lines if line["status"] == "decrypted"} == {"k1"}


REAL = [
    (0, "inspect records/article.md 2>&-"),
    (2, "nonsense 2>&-"),
    (2, "2>&-"),
    (IO, "inspect records/article.md >&-"),
    (IO, "inspect records/article.md >&- 2>&-"),
    (IO, "--version >&-"),
    (IO, "--version >&- 2>&-"),
    (IO, "--help >&-"),
    (0, "decrypt records/article.md <&-"),
    (IO, "--version >/dev/full"),
    (IO, "--version >/dev/full 2>/dev/full"),
    (2, "2>/dev/full"),
    (IO, "verify records 2>/dev/full"),
    (IO, "decrypt records/article.md >/dev/full 2>/dev/full"),
]


@needs.program("sh")
@pytest.mark.parametrize(("status", "line"), REAL, ids=[line for _, line in REAL])
def test_a_process_of_its_own_ends_with_that_status(desk, status, line):
    """As Python ends it writes once more what it could not write, and would say 120."""
    if "/dev/full" in line and not os.path.exists("/dev/full"):
        pytest.skip("NOT TESTED: no /dev/full here")
    command = " ".join(map(shlex.quote, desk.command()))
    ran = desk.run(wrap=["sh", "-c", f"{command} {line}"])
    assert ran.status == status, ran
    assert "Traceback" not in ran.err
    assert "Exception ignored" not in ran.err
