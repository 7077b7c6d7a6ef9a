"""What one ``.gitignore`` file says, as git understands it (gitignore(5); ``dir.c`` and ``wildmatch.c`` of git).

The rules of a file are compiled, last rule first, into one regular expression for files and one for folders, so that asking costs one
match however many rules there are. They work on bytes, as git does. Ignore files that are links do not count, as in git.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from sealkit import limits
from sealkit.errors import TooLarge
from sealkit.globs import Glob
from sealkit.trees.folders import failure, release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _Rule(NamedTuple):
    expression: bytes  # for the name, NUL, the path below the ignore file's folder
    negated: bool
    folders_only: bool


class IgnoreFile:
    """The rules of one ignore file, for paths below the folder it stands in."""

    __slots__ = ("_files", "_folders", "_rules")

    def __init__(self, text: bytes) -> None:
        self._rules = list(_rules(text))
        self._files: Callable[[bytes], re.Match[bytes] | None] | None = None
        self._folders: Callable[[bytes], re.Match[bytes] | None] | None = None

    def __bool__(self) -> bool:
        return bool(self._rules)

    def file(self, name: bytes, path: bytes) -> bool | None:
        """Say whether a file is ignored (True), kept by a rule with ``!`` (False) or not mentioned (None)."""
        if self._files is None:
            self._files = _compiled([rule for rule in self._rules if not rule.folders_only])
        found = self._files(name + b"\0" + path)
        return None if found is None else found.lastindex is None

    def folder(self, name: bytes, path: bytes) -> bool | None:
        """Say the same of a folder, whose name and path have no slash at the end."""
        if self._folders is None:
            self._folders = _compiled(self._rules)
        found = self._folders(name + b"\0" + path)
        return None if found is None else found.lastindex is None


def _compiled(rules: list[_Rule]) -> Callable[[bytes], re.Match[bytes] | None]:
    """Join the rules: the first alternative that fits decides, hence last rule first; only a rule with ``!`` has a group."""
    ways = [b"(" + rule.expression + b")" if rule.negated else b"(?:" + rule.expression + b")" for rule in reversed(rules)]
    return re.compile(b"|".join(ways) if ways else b"(?!)", re.DOTALL).fullmatch


def _rules(text: bytes) -> Iterator[_Rule]:
    for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        rule = _rule(_trimmed(line.removesuffix(b"\r")))
        if rule is not None:
            yield rule


def _trimmed(line: bytes) -> bytes:
    """Drop the spaces at the end, unless a backslash keeps one."""
    bare = line.rstrip(b" ")
    escapes = len(bare) - len(bare.rstrip(b"\\"))
    return line[: len(bare) + 1] if escapes % 2 and len(bare) < len(line) else bare


def _rule(line: bytes) -> _Rule | None:
    if not line or line.startswith(b"#"):
        return None
    negated = line.startswith(b"!")
    pattern = line[negated:]
    folders_only = pattern.endswith(b"/")
    glob = Glob(pattern[:-1] if folders_only else pattern)
    if glob.step:
        return _Rule(glob.step + b"\0.*", negated, folders_only)
    if glob.path:
        return _Rule(b"[^\0]*\0" + glob.path, negated, folders_only)
    return None


def read(name: str, folder: int | None, path: str) -> IgnoreFile | None:
    """Read the ignore file ``name`` (below the open ``folder``, unless None); None when there is none to go by.

    ``StoreError`` when there is one that cannot be read; ``path`` is how messages call it.
    """
    try:
        opened = os.open(name, _READING, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if _does_not_count(name, folder):
            return None
        problem = failure("cannot read which files git ignores", error, path)
    else:
        return _read(opened, path)
    raise problem


def _does_not_count(name: str, folder: int | None) -> bool:
    try:
        return not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def _read(opened: int, path: str) -> IgnoreFile | None:
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            return None
        text = (
            b"".join(iter(lambda: os.read(opened, limits.IGNORE_BYTES + 1), b"")) if status.st_size <= limits.IGNORE_BYTES else None
        )
    except OSError as error:
        problem = failure("cannot read which files git ignores", error, path)
    else:
        if text is not None:
            return IgnoreFile(text)
        problem = TooLarge(
            problem=f"an ignore file of {status.st_size} bytes; at most {limits.IGNORE_BYTES} are read",
            hint="shorten it, or look at what git ignores, too: --no-gitignore",
            path=path,
        )
    finally:
        release(opened)
    raise problem
