"""Files that somebody names for output: whole or not there, whoever is killed; through no link, whatever a tree holds; for nobody else."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sealkit import outfile
from sealkit.columns import files
from sealkit.errors import IsLink, StoreError
from sealkit.outfile import PUBLIC, Folder, new_file, trusted_part, write_new

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The tree that somebody works in, beside a folder that nothing may be written to."""
    (tmp_path / "outside" / "inner").mkdir(parents=True)
    (tmp_path / "tree").mkdir()
    monkeypatch.chdir(tmp_path / "tree")
    return tmp_path / "tree"


def every(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def modes(folder):
    return {str(path.relative_to(folder)): f"{stat.S_IMODE(path.stat().st_mode):o}" for path in sorted(Path(folder).rglob("*"))}


# --- through no link ---------------------------------------------------------------------------------------------------
# A name, and the links that a tree brings: each leads out of it, or elsewhere in it.
LINKS = [
    ("o", {"o": "../outside/new"}),
    ("o", {"o": "../outside"}),
    ("o", {"o": "o"}),
    ("a/o", {"a": "../outside"}),
    ("a/b/o", {"a": "../outside"}),
    ("a/b/o", {"a/b": "../../outside"}),
    ("a/b/c/o", {"a/b/c": "../../../outside/inner"}),
    ("./a/o", {"a": "../outside"}),
    ("{here}/a/o", {"a": "{outside}"}),
    ("a/inner/o", {"a": "../outside"}),
    ("a/o", {"a": "b", "b": "../outside"}),
    ("a/o", {"a": "real"}),
    ("../up/o", {"../up": "outside"}),
    ("a//b///o", {"a/b": "{outside}"}),
]


def planted(here, links):
    outside = here.parent / "outside"
    (here / "real").mkdir()
    for name, target in links.items():
        link = here / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target.format(outside=outside))
    return every(outside), every(here)


def written(name, data=b"canary", *, replaces=False):
    with new_file(name, replaces=replaces) as file:
        file.write(data)
        file.keep()


@pytest.mark.parametrize(("name", "links"), LINKS)
@pytest.mark.parametrize("replaces", [False, True])
def test_no_file_is_reached_through_a_link(here, name, links, replaces):
    before = planted(here, links)
    name = name.format(here=here)
    is_link = os.path.islink(name)
    if is_link and replaces:  # the link itself gives way
        written(name, replaces=True)
        assert not os.path.islink(name)
    else:
        with pytest.raises(StoreError) as caught:
            written(name, replaces=replaces)
        assert (caught.value.exit_status, bool(caught.value.hint)) == (4, True)
        assert caught.value.path in (name, name.removeprefix(f"{here}/"))
    assert every(here.parent / "outside") == before[0]
    assert every(here) == before[1]


@pytest.mark.parametrize("levels", [(), ("a",), ("a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize("target", ["{outside}", "../outside", "../../outside", "real", "."])
def test_nothing_below_a_folder_is_reached_through_a_link(here, levels, target):
    with Folder.open("out", makes=True) as folder:
        above = here / "out" / Path(*levels)
        above.mkdir(parents=True, exist_ok=True)
        (here / "out" / "real").mkdir()
        (above / "link").symlink_to(target.format(outside=here.parent / "outside"))
        before = every(here.parent)
        with pytest.raises(IsLink):
            folder.write_new(os.path.join(*levels, "link", "deep", "o"), b"canary")
        with pytest.raises(StoreError, match="exists already"):
            folder.write_new(os.path.join(*levels, "link"), b"canary")
        assert every(here.parent) == before


@pytest.mark.parametrize(
    "name", ["../o", "a/../../o", "a/..", "..", "a/b/../../../outside/o", "./../o", "", ".", "a/", "/../o", "x\0y", "n" * 300]
)
def test_no_name_leads_out_of_a_folder(here, name):
    with Folder.open("out", makes=True) as folder, pytest.raises(StoreError):
        folder.write_new(name, b"canary")
    assert [path for path in every(here.parent) if not path.startswith("tree/out")] == ["outside", "outside/inner", "tree"]
    assert not [path for path in Path("out").rglob("*") if path.is_file()]


def test_a_folder_that_is_swapped_stays_the_one_that_was_opened(here):
    with Folder.open("out/deep", makes=True) as folder:
        os.rename("out", "moved")
        os.symlink("../outside", "out")
        folder.write_new("a/o", b"data")
    assert (here / "moved/deep/a/o").read_bytes() == b"data"
    assert every(here.parent / "outside") == ["inner"]


def test_a_folder_that_is_swapped_while_a_file_is_under_way(here):
    os.mkdir("out")
    with new_file("out/o") as file:
        file.write(b"data")
        os.rename("out", "moved")
        os.symlink("../outside", "out")
        file.keep()
    assert (here / "moved/o").read_bytes() == b"data"
    assert every(here.parent / "outside") == ["inner"]


@pytest.mark.parametrize(
    ("path", "trusted"),
    [
        ("o", ""),
        ("a/o", ""),
        ("./o", ""),
        ("../o", ".."),
        ("../../a/o", "../.."),
        ("/dev/null", "/dev"),
        ("/o", "/"),
        ("/var/folders/x/o", "/var"),
        ("a/../o", ""),
        ("..", ".."),
    ],
)
def test_what_may_lead_through_links(path, trusted):
    assert trusted_part(path) == (path, trusted)


def test_a_path_that_is_said_in_full(here):
    assert trusted_part(f"{here}/a/o") == ("a/o", "")
    assert trusted_part(f"{here}//a") == ("a", "")
    assert trusted_part(f"{here}side/a")[0] == f"{here}side/a"


# --- for nobody else ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_modes(here, umask):
    before = os.umask(umask)
    try:
        with Folder.open("a/b/c", makes=True) as folder:
            folder.write_new("d/e/o", b"data")
            folder.write_new("d/o", b"data")
        write_new("secret", b"data")
        write_new("exact", b"data", mode=0o644)
        with new_file("public", PUBLIC) as file:
            file.keep()
    finally:
        os.umask(before)
    folders = dict.fromkeys(("a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e"), "700")
    public = f"{0o666 & ~umask:o}"
    assert modes(here) == folders | {"a/b/c/d/e/o": "600", "a/b/c/d/o": "600", "secret": "600", "exact": "644", "public": public}


def test_a_folder_that_is_there_keeps_its_mode(here):
    os.makedirs("a/b")
    os.chmod("a", 0o755)
    with Folder.open("a/b/c", makes=True):
        assert modes(here)["a"] == "755"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664, 0o666])
def test_what_is_written_over_keeps_its_mode(here, mode):
    Path("o").write_bytes(b"old")
    os.chmod("o", mode)
    with new_file("o", PUBLIC, replaces=True) as file:
        file.write(b"new")
        assert Path("o").read_bytes() == b"old"
        file.keep()
    assert (Path("o").read_bytes(), modes(here)) == (b"new", {"o": f"{mode:o}"})


# --- whole or not there ------------------------------------------------------------------------------------------------
def refused(number):
    def call(*arguments, **options):
        raise OSError(number, os.strerror(number))

    return call


NO_LINKS = [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK]
NO_NAMELESS = [None, errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL]


def lacking(monkeypatch, *, nameless=0, link=None, move=None):
    """Let the system lack files without a name, hard links, or renaming that replaces nothing."""
    real = os.open
    if nameless is None:
        monkeypatch.setattr(outfile, "_NAMELESS", 0)
    elif nameless:

        def opened(path, flags, *arguments, **options):
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(nameless, os.strerror(nameless))
            return real(path, flags, *arguments, **options)

        monkeypatch.setattr(os, "open", opened)
    if link is not None:
        monkeypatch.setattr(os, "link", refused(link))
    if move is not None:
        monkeypatch.setattr(outfile.kernel, "move_new", refused(move))


@pytest.mark.parametrize("nameless", [0, *NO_NAMELESS])
@pytest.mark.parametrize("link", [None, *NO_LINKS])
@pytest.mark.parametrize("move", [None, errno.ENOSYS, errno.EINVAL])
def test_whatever_the_system_lacks(here, monkeypatch, nameless, link, move):
    lacking(monkeypatch, nameless=nameless, link=link, move=move)
    Path("old").write_bytes(b"old")
    data = os.urandom(3 << 19)
    with new_file("o") as file:
        for at in range(0, len(data), 1 << 18):
            file.write(data[at : at + (1 << 18)])
        assert not os.path.lexists("o")
        file.keep()
    with pytest.raises(StoreError, match="exists already"):
        write_new("old", b"new")
    with new_file("late") as file:
        Path("late").write_bytes(b"somebody else's")
        file.write(b"ours")
        with pytest.raises(StoreError, match="exists already"):
            file.keep()
    written("old", b"new", replaces=True)
    with new_file("given up") as file:
        file.write(b"x")
    assert Path("o").read_bytes() == data
    assert (Path("late").read_bytes(), Path("old").read_bytes()) == (b"somebody else's", b"new")
    assert modes(here).keys() == {"o", "old", "late"}
    assert modes(here)["o"] == "600"


def in_child(task):
    """Run a task in a child, which ends by a signal or with 0; return its status."""
    pid = os.fork()
    if not pid:
        try:
            task()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("calls", range(12))
@pytest.mark.parametrize(
    "lack", [{}, {"nameless": errno.EOPNOTSUPP}, {"nameless": None, "link": errno.EPERM}, {"link": errno.EPERM}]
)
@pytest.mark.parametrize("replaces", [False, True])
def test_killed_at_any_call(here, monkeypatch, calls, lack, replaces):
    """A kill -9 before the call of that number: under the name there is all, or what there was before."""
    if replaces:
        Path("o").write_bytes(b"old")
    data = b"0123456789" * 1000

    def task():
        left = [calls]
        lacking(monkeypatch, **lack)
        for module, name in [
            (os, "open"),
            (os, "write"),
            (os, "fchmod"),
            (os, "fsync"),
            (os, "link"),
            (os, "rename"),
            (os, "pread"),
            (outfile.kernel, "move_new"),
        ]:
            monkeypatch.setattr(module, name, counted(getattr(module, name), left))
        with new_file("o", replaces=replaces) as file:
            for at in range(0, len(data), 2500):
                file.write(data[at : at + 2500])
            file.keep()

    def counted(call, left):
        def counting(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counting

    status = in_child(task)
    there = Path("o").read_bytes() if os.path.lexists("o") else None
    assert there in ((b"old" if replaces else None), data)
    assert status in (0, signal.SIGKILL)
    if status == 0:
        assert there == data
    assert all(name == "o" or name.startswith(".sealkit-tmp-") for name in every(here))
    if not lack:
        assert len(every(here)) <= 1 + replaces


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
@pytest.mark.parametrize("lack", [{}, {"nameless": errno.EOPNOTSUPP}, {"link": errno.EPERM}])
def test_no_room_leaves_nothing(here, forked, monkeypatch, size, lack):
    def check():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        lacking(monkeypatch, **lack)
        with pytest.raises(StoreError, match="file too large") as caught:
            write_new("o", b"x" * 1001)
        assert caught.value.path == "o"
        assert every(here) == []

    forked(check)


@pytest.fixture
def forked():
    """Run a check in a child, and fail where it fails."""

    def run(check):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                check()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0

    return run


# --- the verbs ---------------------------------------------------------------------------------------------------------
def rows(desk, count=30_000):
    blob = desk.sealed(b"a payload that is some blocks long, so that it shows")
    desk.write("in.csv", b"id,secured\n" + b"".join(b"%d,%s\n" % (number, blob.encode()) for number in range(count)))
    desk.write("in.jsonl", b"".join(b'{"id": %d, "secured": "%s"}\n' % (number, blob.encode()) for number in range(count // 10)))


KILLED = """
import os, signal, sys
from sealkit import outfile
at = int(sys.argv.pop(1))
real, seen = os.write, [0]
def write(fd, data):
    seen[0] += len(data)
    if seen[0] > at:
        real(fd, bytes(data[: max(len(data) // 2, 1)]))
        os.kill(os.getpid(), signal.SIGKILL)
    return real(fd, data)
outfile.os.write = write
from sealkit.cli.program import run
sys.exit(run(sys.argv[1:]))
"""
VERBS = [
    ("columns decrypt in.csv {}", "o.csv"),
    ("columns rotate in.csv {}", "o.csv"),
    ("columns decrypt in.jsonl {}", "o.jsonl"),
    ("export records -o {}", "o.csv"),
    ("export records -o {}", "o.parquet"),
    ("decrypt records/article.md -o {}", "o.txt"),
    ("decrypt --record records/article.md -o {}", "o.md"),
    ("keys export --secret k2 -o {}", "o.key"),
    ("keys export --verify-only kt -o {}", "o.yaml"),
    ("check --format sarif records -o {}", "o.sarif"),
]


@pytest.mark.parametrize(("command", "name"), VERBS)
def test_a_verb_that_is_killed_leaves_nothing_under_the_name(desk, command, name):
    if "kt" in command:
        assert desk.run("keygen", "--id", "kt", "--format", "tagged", "--keys", "keys.yaml").status == 0
        desk.env["SEALKIT_KEYS"] = str(desk.path / "keys.yaml")
    rows(desk)
    arguments = command.format(name).split()
    if "check" in command:  # which prints by the stream, into the file that was opened
        desk.write(name, b"old")
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, "0", *arguments], cwd=desk.path, env=desk.env, capture_output=True, check=False
    )
    if "check" in command:
        assert ran.returncode in (0, 1)
        assert json.loads(desk.read(name))["version"] == "2.1.0"
        return
    assert ran.returncode == -signal.SIGKILL, ran
    assert not (desk.path / name).exists()
    assert not list(desk.path.glob(".sealkit-tmp-*"))
    assert desk.run(*arguments).status in (0, 1)
    assert stat.S_IMODE((desk.path / name).stat().st_mode) == 0o600
    again = desk.run(*arguments)
    assert again.status == 4
    assert "exists already" in again.err


@pytest.mark.parametrize(("command", "name"), [one for one in VERBS if "kt" not in one[0]])
@pytest.mark.parametrize("link", ["o", "folder"])
def test_no_verb_writes_through_a_link(desk, command, name, link):
    rows(desk, 20)
    (desk.path / "elsewhere").mkdir()
    target = name if link == "o" else f"in/{name}"
    (desk.path / target.split("/")[0]).symlink_to(f"elsewhere/{name}" if link == "o" else "elsewhere")
    ran = desk.run(*command.format(target).split())
    assert (ran.status, "Traceback" in ran.err) == (4, False), ran
    assert target in ran.err
    assert not list((desk.path / "elsewhere").iterdir())


def test_folders_of_payloads(desk):
    ran = desk.run("decrypt", "records", "-o", "a/b/c")
    assert ran.status in (0, 1, 4)
    folders = {str(path.relative_to(desk.path)): f"{stat.S_IMODE(path.stat().st_mode):o}" for path in (desk.path / "a").rglob("*")}
    assert set(folders.values()) == {"700", "600"}
    assert stat.S_IMODE((desk.path / "a").stat().st_mode) == 0o700
    (desk.path / "elsewhere").mkdir()
    (desk.path / "out").mkdir()
    desk.write("tree/posts/x.md", desk.read("records/article.md"))
    (desk.path / "out" / "posts").symlink_to("../elsewhere")
    ran = desk.run("decrypt", "tree", "-o", "out")
    assert ran.status == 4
    assert "link" in ran.err
    assert not list((desk.path / "elsewhere").iterdir())


def test_tables_say_that_there_is_no_room(desk, forked):
    rows(desk)

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    command = [sys.executable, "-m", "sealkit", "columns", "decrypt", "in.csv", "o.csv"]
    ran = subprocess.run(command, cwd=desk.path, env=desk.env, capture_output=True, check=False, preexec_fn=limited)
    assert ran.returncode == 4, ran
    assert b"o.csv: cannot be written: file too large" in ran.stderr
    assert not (desk.path / "o.csv").exists()
    assert files.format_of("o.csv") == files.CSV
