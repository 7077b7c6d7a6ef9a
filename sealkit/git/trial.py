"""What git is told to run, tried as git runs it where least is given: without this shell's environment, in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Final

from sealkit.crypto.blob import Blob
from sealkit.desk.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHELL: Final = "/bin/sh"
_BARE_PATH: Final = "/usr/bin:/bin"
_MOST_SECONDS: Final = 60
_RECORD: Final = '---\ntitle: A record\nsecured: "{}"\n---\n'


def prints(words: Sequence[str], *arguments: str) -> bytes | None:
    """Return what a command prints, None if it does not start or fails."""
    status, out = _run([*words, *arguments], "/")
    return out if status == 0 else None


def shows(textconv: str) -> bool:
    """Say whether a textconv command shows a record as sealkit does, and not as it is."""
    with Scratch(allow_disk=True) as scratch:
        path = scratch.write("record.md", _record(0))
        status, out = _run([_SHELL, "-c", f'{textconv} "$@"', textconv, path], os.path.dirname(path))
    return status == 0 and b"payload 16 bytes, plain, blob " in out


def merges(driver: str) -> bool:
    """Say whether a merge driver's command merges as sealkit does: without a key, both sides of a field stay in it as ciphertext."""
    with Scratch(allow_disk=True) as scratch:
        base, ours, theirs = (
            scratch.write(f"{name}.md", _record(number)) for number, name in enumerate(("base", "ours", "theirs"))
        )
        values = {"%": "%", "L": "7", "P": "record.md"}
        values |= {mark: shlex.quote(path) for mark, path in (("O", base), ("A", ours), ("B", theirs))}
        command = re.sub("%([%OABLP])", lambda match: values[match[1]], driver)
        status, _ = _run([_SHELL, "-c", command], os.path.dirname(base))
        return status == 1 and b"sealkit-conflict/1 " in scratch.read(ours)


def _record(number: int) -> bytes:
    """Return a record whose blob is under no key at all."""
    return _RECORD.format(Blob(bytes([number] * 16), bytes(16))).encode()


def _run(command: list[str], folder: str) -> tuple[int, bytes]:
    """Run a command and return its exit status and what it prints; it finds no ring, so that nobody is asked for a passphrase."""
    import subprocess

    environment = {"PATH": _BARE_PATH, "HOME": os.environ.get("HOME", "/"), "SEALKIT_KEYS": os.path.join(folder, "no-such-ring")}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_MOST_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return -1, b""
    return done.returncode, done.stdout
