"""What every verb says, bare and with --help, and what it says to a command line that cannot be run.

``python tests/cli/write_help.py`` writes it anew, to ``tests/data/help``: look at the difference, and commit it. The tests compare what the
verbs say, into a pipe and on a terminal, with these files. ``--show pipe`` or ``--show terminal`` prints it as JSON, under whatever click
is imported.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "help"
WRONG = "wrong.txt"

# Command lines that cannot be run. What they say is the same under every click, and never more than a sentence and a hint.
WRONG_LINES = """
nope
decrip
git nope
git --
keys nope
keys chek
--nope
-Z
--version=1
--help=1
--keys f decrypt
decrypt --nope
decrypt --n
decrypt --keyss x
decrypt --pass x
decrypt --secret=x
decrypt --keys
decrypt -o
inspect --keys f a
check --key-id k a --nope
decrypt --workers x a
decrypt --workers 0 a
decrypt --json=3 a
decrypt --payload-kind x a
seal --format a b
columns nope
columns decrypt
columns decrypt a
columns verify a b c
completion ksh
completion bash x
keys --json=3
keys set-accept k1
keys set-accept k1 nope
keys rename a
export .
git merge-driver a b c x p
keygen --bits 3
check --format x .
keys add k1 --encoding rot13
set
""".strip().splitlines()
# What they say bare is about the machine, or the shell's own text.
OF_THE_MACHINE = [["doctor"]]


def command_lines():
    """Every verb, bare and with --help, by the file that they belong to; and the command lines that cannot be run."""
    from sealkit.cli import git, keys
    from sealkit.cli.program import VERBS

    verbs = [[], *([verb] for verb in VERBS), *(["keys", verb] for verb in keys.VERBS), *(["git", verb] for verb in git.VERBS)]
    for verb in verbs:
        name = "-".join(["sealkit", *verb]) + ".txt"
        if verb not in OF_THE_MACHINE:
            yield name, verb
        yield name, [*verb, "--help"]
    for line in WRONG_LINES:
        yield WRONG, line.split()


# --- running it -------------------------------------------------------------------------------------------------------
def said(arguments, *, on_terminal):
    """Run a command line in a child of this process, in a folder and a home of its own: exit status, stdout, stderr."""
    with tempfile.TemporaryDirectory() as folder:
        ends = [pty.openpty() if on_terminal else os.pipe() for _ in range(2)]
        child = os.fork()
        if not child:
            _become(arguments, folder, [end[1] for end in ends], on_terminal=on_terminal)
        for end in ends:
            os.close(end[1])
        out, err = _read([end[0] for end in ends])
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return status, *(neutral(text, folder) for text in (out, err))


def _become(arguments, folder, outputs, *, on_terminal):
    try:
        signal.alarm(60)
        if on_terminal:
            for descriptor in outputs:
                fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        os.dup2(outputs[0] if on_terminal else os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(outputs[0], 1)
        os.dup2(outputs[1], 2)
        for name in [name for name in os.environ if name.startswith(("SEALKIT", "XDG", "GIT", "GITHUB", "CI"))]:
            del os.environ[name]
        os.environ |= {"HOME": f"{folder}/home", "COLUMNS": "100", "LINES": "40", "LANG": "C.UTF-8"}
        for name in ("home", "work"):
            os.mkdir(f"{folder}/{name}")
        os.chdir(f"{folder}/work")
        os.umask(0o022)
        for number, stream, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
            setattr(sys, stream, os.fdopen(number, mode, encoding="utf-8", closefd=False))
        from sealkit.cli.program import run_alone

        status = run_alone(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    finally:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(99)


def _read(descriptors):
    texts = dict.fromkeys(descriptors, b"")
    left = set(descriptors)
    while left:
        for descriptor in select.select(list(left), [], [])[0]:
            data = b""
            with contextlib.suppress(OSError):  # the end of a terminal
                data = os.read(descriptor, 65536)
            texts[descriptor] += data
            if not data:
                left.discard(descriptor)
                os.close(descriptor)
    return [text.decode().replace("\r\n", "\n") for text in texts.values()]


def neutral(text, folder):
    """Put names in the place of what is different each time: the folders, and keys and blobs that were made for this."""
    for name, path in (("HOME", f"{folder}/home"), ("WORK", f"{folder}/work")):
        text = text.replace(path, name)
    blob = r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{22,}={0,2};[A-Za-z0-9+/]{22}==(;[A-Za-z0-9+/]{56})?"
    text = re.sub(blob, "BLOB", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "KEY", text)
    return re.sub(r"\bkid ([0-9a-f]{16}|([0-9a-f]{4} ){3}[0-9a-f]{4})\b", "kid KID", text)


# --- the files --------------------------------------------------------------------------------------------------------
def page(arguments, status, out, err):
    """One command line as it stands in a file."""
    shown = f"$ {' '.join(['sealkit', *arguments])}\n(exit {status})\n"
    for name, text in (("stdout", out), ("stderr", err)):
        shown += f"({name})\n{text}" if text else ""
    return shown + "\n"


def pages(*, on_terminal):
    """Every file that there should be, with its content."""
    files = {}
    for name, arguments in command_lines():
        files[name] = files.get(name, "") + page(arguments, *said(arguments, on_terminal=on_terminal))
    return files


def main(arguments):
    if arguments[:1] == ["--show"]:
        from importlib.metadata import version

        shown = {"click": version("click"), "pages": pages(on_terminal=arguments[1] == "terminal")}
        print(json.dumps(shown))
        return
    FOLDER.mkdir(exist_ok=True)
    made = pages(on_terminal=False)
    for old in FOLDER.iterdir():
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
