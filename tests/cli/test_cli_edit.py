"""The key holder's desk: a payload edited in memory, whatever the editor, the signals and the file's name; set, grep, diff."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import needs
import pytest
from desk import RECORDS

from sealkit.desk import editor, scratch
from sealkit.errors import StoreError, Usage

TEXT = b"Kanarienvogel eins\nKanarienvogel zwei\n"


@pytest.fixture
def memory(desk):
    """A folder in memory of one's own, as $XDG_RUNTIME_DIR."""
    place = needs.demand_memory() / f"sealkit-test-{os.getpid()}"
    place.mkdir(mode=0o700)
    desk.env["XDG_RUNTIME_DIR"] = str(place)
    desk.env["TMPDIR"] = str(desk.path / "home")
    desk.record("a.md", desk.sealed(TEXT))
    yield place
    for folder, _, names in os.walk(place, topdown=False):
        for name in names:
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


def script(desk, text):
    """An editor that is a shell script; its file is ``$1``, or the last argument."""
    path = desk.path / "home" / "my editor"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"EDITOR": f"'{path}'"}


def payload(desk, name="a.md"):
    ran = desk.run("decrypt", name)
    assert ran.status == 0, ran
    return ran.out


# --- edit ---------------------------------------------------------------------------------------------------------------
def test_what_is_saved_is_sealed_afresh(desk, memory):
    before = desk.read("a.md")
    ran = desk.run("edit", "a.md", env=script(desk, 'sed -i s/eins/one/ "$1"'))
    assert (ran.status, ran.text) == (0, "sealed a.md  secured\n")
    after = desk.read("a.md")
    assert payload(desk) == TEXT.replace(b"eins", b"one")
    old, new = (data.split(b'"')[1].split(b";") for data in (before, after))
    assert old[1] != new[1]
    assert old[0][:20] != new[0][:20]
    assert [line for line in before.splitlines() if b"secured" not in line] == [
        line for line in after.splitlines() if b"secured" not in line
    ]
    assert os.listdir(memory) == []


def test_unchanged_is_not_written(desk, memory):
    status = os.stat(desk.path / "a.md")
    ran = desk.run("edit", "a.md", env={"EDITOR": "touch"})
    assert (ran.status, ran.text, "unchanged" in ran.err) == (0, "", True)
    assert os.stat(desk.path / "a.md").st_ino == status.st_ino


def test_what_the_editor_sees(desk, memory):
    """A name that says nothing, a folder of one's own in memory, no secrets, and no open descriptor of sealkit's."""
    log = desk.path / "home" / "log"
    text = f'{{ echo "$1"; stat -c %a "$1" "$(dirname "$1")"; env; ls -l /proc/self/fd; }} > "{log}"'
    name = desk.record("the merger of A and B.md", desk.sealed(TEXT))
    ran = desk.run("edit", name, env=script(desk, text) | {"SEALKIT_SECRET_K9": "hex:00", "MY_SECRET": "x", "SEALKIT_X": "1"})
    assert ran.status == 0, ran
    said = log.read_text()
    path, mode, above, *rest = said.splitlines()
    assert path.startswith(f"{memory}/sealkit-desk-")
    assert os.path.basename(path) == "payload.txt"
    assert (mode, above) == ("600", "700")
    assert "merger" not in said
    assert "SECRET" not in said
    assert "SEALKIT_" not in said
    assert f"TMPDIR={os.path.dirname(path)}" in rest
    assert f"HOME={desk.path / 'home'}" in rest
    assert not [line for line in rest if str(desk.path / "keys") in line or ".md" in line]


@pytest.mark.parametrize("value", [b"no line end", b"line end\n", b"two\n\n", b"\xc3\xbc\r\nx"])
def test_the_last_line_end(desk, memory, value):
    """Editors add one; a payload without one keeps none."""
    data = value + b" and more than one block"
    desk.record("b.md", desk.sealed(data))
    ran = desk.run("edit", "b.md", env=script(desk, """printf '%s\\n' "$(cat "$1")" > "$1" """))
    assert ran.status == 0, ran
    assert payload(desk, "b.md").rstrip(b"\n") == data.rstrip(b"\n")
    assert "unchanged" in ran.err or data.endswith(b"\n")


def test_a_field_that_is_absent_is_added(desk, memory):
    desk.write("new.md", b"---\ntitle: t\n---\n")
    assert desk.run("edit", "new.md", env={"EDITOR": "touch"}).status == 0
    assert desk.read("new.md") == b"---\ntitle: t\n---\n"
    ran = desk.run("edit", "new.md", env=script(desk, 'echo "Nobody knows this." > "$1"'))
    assert ran.status == 0, ran
    assert payload(desk, "new.md") == b"Nobody knows this."


NO_EDITORS = {
    "fails": ("false", 2, "ended with 1"),
    "killed": ("sh -c 'kill -9 $$'", 2, "by signal 9"),
    "interrupted": ("sh -c 'kill -INT $$'", 130, "interrupted; nothing is half done"),
    "interrupted, as a shell says it": ("sh -c 'exit 130'", 130, "interrupted; nothing is half done"),
    "missing": ("no-such-editor", 2, "no editor"),
    "quotes": ("'", 2, "no command"),
    "removes the file": ("rm", 4, "cannot be read"),
    "a folder": ("sh -c 'rm $0; mkdir $0'", 4, "no regular file"),
    "not text": ("sh -c 'printf \"\\\\377\\\\376\" > $0'", 1, "not text"),
}


@pytest.mark.parametrize("name", NO_EDITORS)
def test_editors_that_fail(desk, memory, name):
    command, status, said = NO_EDITORS[name]
    before = desk.read("a.md")
    ran = desk.run("edit", "a.md", env={"EDITOR": command})
    assert (ran.status, said in ran.err, "Traceback" in ran.err) == (status, True, False), ran
    assert desk.read("a.md") == before
    assert os.listdir(memory) == []


@pytest.mark.parametrize("name", ["-x.md", "$(touch pwned).md", "a\nb.md", "';touch pwned;'.md"])
def test_odd_names(desk, memory, name):
    desk.record(name, desk.sealed(TEXT))
    ran = desk.run("edit", "--", name, env={"EDITOR": "sed -i s/eins/one/"})
    assert ran.status == 0, ran
    assert not (desk.path / "pwned").exists()
    assert desk.run("decrypt", "--", name).out == TEXT.replace(b"eins", b"one")


def test_somebody_else_saves_meanwhile(desk, memory):
    """Another line of the file may change; where the field did, theirs is kept, and ours is not lost."""
    ran = desk.run("edit", "a.md", env=script(desk, f'sed -i s/eins/one/ "$1"; sed -i "s/title: t/title: T/" "{desk.path}/a.md"'))
    assert ran.status == 0, ran
    assert b"title: T" in desk.read("a.md")
    other = desk.sealed(b"their own text, which is as long as it is")
    desk.write("theirs", b'---\nsecured: "' + other.encode() + b'"\n---\n')
    ran = desk.run("edit", "a.md", env=script(desk, f'sed -i s/zwei/two/ "$1"; cp "{desk.path}/theirs" "{desk.path}/a.md"'))
    assert (ran.status, "meanwhile" in ran.err) == (4, True), ran
    assert payload(desk) == b"their own text, which is as long as it is"
    desk.record("mine.md", ran.text.strip())
    assert payload(desk, "mine.md") == b"Kanarienvogel one\nKanarienvogel two\n"


def test_what_cannot_be_written_is_not_lost(desk, memory):
    """It is printed, sealed; here the file has got a second name."""
    ran = desk.run(
        "edit",
        "a.md",
        env=script(
            desk, f'sed -i s/eins/one/ "$1"; cp "{desk.path}/a.md" "{desk.path}/b.md"; ln -f "{desk.path}/a.md" "{desk.path}/c.md"'
        ),
    )
    assert (ran.status, "a.md" in ran.err, "on stdout" in ran.err) == (4, True, True), ran
    desk.record("mine.md", ran.text.strip())
    assert payload(desk, "mine.md") == TEXT.replace(b"eins", b"one")
    assert payload(desk) == TEXT


def test_a_wrong_key_names_the_place(desk, memory):
    desk.write("other.md", (RECORDS / "sample.md").read_bytes())
    ran = desk.run("edit", "other.md", env={"EDITOR": "touch"})
    assert (ran.status, "other.md:45: cannot decrypt" in ran.err) == (1, True), ran


def test_which_field(desk, memory):
    lines = [b'{"id": %d, "secured": "%s"}' % (number, desk.sealed(TEXT + b"%d" % number).encode()) for number in (1, 2)]
    desk.write("feed.jsonl", b"\n".join(lines) + b"\n")
    ran = desk.run("edit", "feed.jsonl", env={"EDITOR": "touch"})
    assert (ran.status, "--line N" in ran.err) == (2, True)
    assert desk.run("edit", "--line", "3", "feed.jsonl", env={"EDITOR": "touch"}).status == 2
    assert desk.run("edit", "--line", "2", "feed.jsonl", env={"EDITOR": "sed -i s/eins/one/"}).status == 0
    first, second = desk.read("feed.jsonl").splitlines()
    assert first == lines[0]
    assert second != lines[1]


def test_no_folder_in_memory(desk, memory, monkeypatch):
    monkeypatch.setattr(scratch, "_IN_MEMORY", frozenset({"no-such-file-system"}))
    with pytest.raises(StoreError, match="no folder in memory"), scratch.Scratch():
        pass
    monkeypatch.setenv("TMPDIR", str(desk.path / "home"))
    with scratch.Scratch(allow_disk=True) as folder:
        assert folder.path.startswith(str(desk.path / "home"))
        assert os.stat(folder.path).st_mode & 0o777 == 0o700
    assert not os.path.lexists(folder.path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signals(desk, memory, number):
    """TERM and HUP end the editor and remove the folder; what KILL leaves, the next command removes."""
    desk.env |= script(desk, f'echo $$ > "{desk.path}/home/pid"; exec sleep 60')
    before = desk.read("a.md")
    running = desk.start("edit", "a.md")
    pid = wait_for(desk.path / "home" / "pid")
    (left,) = os.listdir(memory)
    assert TEXT in (memory / left / "payload.txt").read_bytes()
    running.send_signal(number)
    assert running.wait(30) == (-9 if number == signal.SIGKILL else 128 + number)
    if number == signal.SIGKILL:
        assert os.listdir(memory) == [left]
        os.kill(pid, signal.SIGKILL)
        assert desk.run("inspect", "a.md").status == 0
    _, said = running.communicate(timeout=30)
    assert b"Traceback" not in said
    assert os.listdir(memory) == []
    assert not os.path.exists(f"/proc/{pid}") or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    assert desk.read("a.md") == before


class StoppedError(Exception):
    """What a handler of sealkit's raises."""


def stop(number, frame):
    raise StoppedError


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_signal_while_the_editor_starts_ends_it(monkeypatch, tmp_path, number, moment):
    """It comes inside of ``Popen``, when the editor runs already and nobody knows its number."""
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **more):
            if moment == "before":
                os.kill(os.getpid(), number)
            started.append(self)
            super().__init__(*args, **more)
            if moment == "after":
                os.kill(os.getpid(), number)

    before = signal.signal(number, stop)
    try:
        monkeypatch.setattr(subprocess, "Popen", Popen)
        with pytest.raises(StoppedError):
            editor.Editor({"EDITOR": "sleep", "PATH": os.environ["PATH"]}).run("60")
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert started[0].returncode == -signal.SIGTERM


def wait_for(path):
    for _ in range(600):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(path)


def test_the_folder_of_a_living_sealkit_is_left_alone(desk, memory):
    desk.env |= script(desk, f'echo $$ > "{desk.path}/home/pid"; sleep 1.5; sed -i s/eins/one/ "$1"')
    running = desk.start("edit", "a.md")
    wait_for(desk.path / "home" / "pid")
    assert desk.run("inspect", "a.md").status == 0
    running.communicate(timeout=30)
    assert running.returncode == 0
    assert payload(desk) == TEXT.replace(b"eins", b"one")


def test_nothing_reaches_a_disk(desk, memory):
    """strace is the outside program: no file outside of memory is opened for writing while the payload is open, but the record's own."""
    trace = desk.path / "home" / "trace"
    wrap = ["strace", "-f", "-y", "-qq", "-e", "trace=open,openat,creat,rename,renameat,renameat2,link,linkat", "-o", str(trace)]
    needs.demand_program("strace")
    ran = desk.run("edit", "a.md", env={"EDITOR": "sed -i s/eins/one/"}, wrap=wrap)
    assert ran.status == 0, ran
    written = [line for line in trace.read_text().splitlines() if "O_WRONLY" in line or "O_RDWR" in line or "O_CREAT" in line]
    written = [line for line in written if " = -1 " not in line and "/dev/null" not in line and "/dev/tty" not in line]
    assert any(str(memory) in line for line in written)
    outside = [line for line in written if str(memory) not in line]
    assert all(
        ".sealkit-tmp-" in line or "__pycache__" in line or ".sealkit/lock" in line or "O_TMPFILE" in line for line in outside
    ), outside
    for name, data in desk.files().items():
        assert b"Kanarienvogel" not in data, name


# --- the editor -----------------------------------------------------------------------------------------------------------
def test_known_editors_are_told_to_keep_no_copies(tmp_path, monkeypatch):
    for name in ("vim", "nano", "emacs", "unknown"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "vi").symlink_to("vim")
    monkeypatch.setenv("PATH", str(tmp_path))
    known = {name: editor.Editor({"EDITOR": f"{name} -x"}) for name in ("vim", "vi", "nano", "emacs", "unknown")}
    assert [name for name, one in known.items() if one.is_known] == ["vim", "vi", "nano", "emacs"]
    assert known["vi"].command("/x") == [
        str(tmp_path / "vi"),
        "-x",
        "-n",
        "-i",
        "NONE",
        "-c",
        "set nobackup nowritebackup noundofile",
        "--",
        "/x",
    ]
    assert known["unknown"].command("/x") == [str(tmp_path / "unknown"), "-x", "/x"]
    assert editor.Editor({"VISUAL": "nano", "EDITOR": "vim"}).name == "nano"
    assert editor.Editor({}).name == "vi"
    with pytest.raises(Usage):
        editor.Editor({"EDITOR": "'"})


# --- set ---------------------------------------------------------------------------------------------------------------------
def test_set(desk):
    desk.record("a.md", desk.sealed(TEXT))
    ran = desk.run("set", "a.md", stdin=b"another text, of some length\n")
    assert (ran.status, ran.text) == (0, "sealed a.md  secured\n")
    assert payload(desk) == b"another text, of some length\n"
    before = desk.read("a.md")
    assert "unchanged" in desk.run("set", "a.md", stdin=b"another text, of some length\n").err
    assert desk.read("a.md") == before
    ran = desk.run("set", "a.md", stdin=b"\x00")
    assert ran.status == 1
    assert desk.read("a.md") == before


def test_set_says_that_what_it_seals_can_be_altered(desk):
    desk.record("a.md", desk.sealed(TEXT))
    ran = desk.run("set", "a.md", stdin=b"another text, of some length\n")
    assert ran.err.endswith("sealkit: a.md  secured: unauthenticated: somebody without the key can alter it\n")


# --- grep, diff ----------------------------------------------------------------------------------------------------------------
def test_grep(desk):
    for name, text in (("a.md", TEXT), ("b.md", TEXT.upper()), ("c.md", b"nothing of the kind is in here\n")):
        desk.record(f"g/{name}", desk.sealed(text))
    ran = desk.run("grep", "zw.i", "g")
    assert (ran.status, ran.text) == (0, "g/a.md:3  secured: Kanarienvogel zwei\n")
    assert desk.run("grep", "-i", "-l", "zwei", "g").text == "g/a.md:3  secured\ng/b.md:3  secured\n"
    assert desk.run("grep", "-F", "zw.i", "g").text == ""
    assert desk.run("grep", "-F", "zw.i", "g").status == 0
    assert desk.run("grep", "(", "g").status == 2
    assert desk.run("grep", "--json", "x", "g").status == 2
    desk.record("g/d.md", "plaintext stands here")
    ran = desk.run("grep", "eins", "g")
    assert (ran.status, ran.text.count("eins"), "plaintext, not a blob" in ran.err) == (1, 1, True)


def test_diff_of_two_files(desk):
    desk.record("a.md", desk.sealed(TEXT))
    desk.record("b.md", desk.sealed(TEXT.replace(b"zwei", b"drei"), "k1"))
    ran = desk.run("diff", "a.md", "b.md")
    assert ran.status == 0
    assert ran.text.splitlines()[:2] == ["--- a/a.md", "+++ b/b.md"]
    assert "-    | Kanarienvogel zwei" in ran.text.splitlines()
    assert "+    | Kanarienvogel drei" in ran.text.splitlines()
    assert "     | Kanarienvogel eins" in ran.text.splitlines()
    assert "    | Kanarienvogel [-zwei-]{+drei+}" in desk.run("diff", "--word", "a.md", "b.md").text.splitlines()
    assert desk.run("diff", "a.md", "a.md").text == ""
    assert desk.run("diff", "a.md").status == 2
    assert desk.run("diff", "HEAD", "a.md").status == 2  # no repository
    ran = desk.run("diff", "a.md", "b.md", env={"SEALKIT_KEYS": "/nowhere"})
    assert (ran.status, ran.text) == (3, "")


def test_diff_says_what_it_could_not_open(desk):
    desk.record("a.md", desk.sealed(TEXT))
    other = (RECORDS / "sample.md").read_bytes()
    desk.write("b.md", other)
    ran = desk.run("diff", "a.md", "b.md")
    assert (ran.status, "b.md: cannot decrypt" in ran.err, "not opened" in ran.text) == (1, True, True)


RELATIVE = [".:{}", ":{}", "{}:", "bin:{}", "./bin:{}", "../desk/bin:{}", "..:{}", "::{}", "{}::bin", "bin/:./:{}"]


@pytest.mark.parametrize("path", RELATIVE)
@pytest.mark.parametrize("word", ["plant", "plant -x"])
def test_no_editor_of_the_working_folder(desk, memory, path, word):
    """What is called as an editor, in a folder that PATH names from where one is, is somebody's file in a tree."""
    for place in ("plant", "bin/plant", "../plant"):
        desk.write(place, b"#!/bin/sh\ntouch ran\n")
        (desk.path / place).chmod(0o755)
    ran = desk.run("edit", "a.md", env={"EDITOR": word, "PATH": path.format(desk.env["PATH"])})
    assert ran.status == 2
    assert "no editor 'plant'" in ran.err
    assert not (desk.path / "ran").exists()


def test_an_editor_starts_nothing_of_the_working_folder_either(desk, memory):
    desk.write("plant", b"#!/bin/sh\ntouch ran\n")
    (desk.path / "plant").chmod(0o755)
    env = script(desk, "plant")
    assert desk.run("edit", "a.md", env=env | {"PATH": f".:{desk.env['PATH']}"}).status == 2
    assert not (desk.path / "ran").exists()
