"""Which files are not what they were in a commit: compared without git, which would start filters to do it.

A file is unchanged if the commit, the index and the work tree hold the same bytes. What git converts on its way (line ends, filters) is
changed to this: it is looked at once more than needed, never once too few.
"""

from __future__ import annotations

import hashlib
import os
import stat
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sealkit.git.program import git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    State = tuple[bytes, str] | None
    """What is in a place: a file or a link, and the id of its content as git counts it; None for anything else."""

_FILE, _LINK = b"file", b"link"
_KINDS: Final = {b"100644": _FILE, b"100755": _FILE, b"100664": _FILE, b"120000": _LINK}
_LEFT_OUT: Final = (b"S", b"s")  # as git ls-files -t marks it
_SHA1_DIGITS: Final = 40
_CHUNK: Final = 1 << 20
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Changes:
    """The files of a work tree, or below a folder of it, that differ from a commit. Raises ``GitFailedError``.

    ``top``: the work tree's; ``commit``: a whole id; ``folder``: below the top, with slashes, or nothing.
    """

    def __init__(self, top: str, commit: str, folder: str = "") -> None:
        self._top_name, self._commit = top, commit
        self._top = os.fsencode(top)
        self._prefix = os.fsencode(folder) + b"/" if folder else b""
        below = ("--", folder) if folder else ("--",)
        self._digits = len(commit)
        self._then = dict(_of_tree(git(top, "ls-tree", "-r", "-z", "--full-tree", commit, *below)))
        self._staged: dict[bytes, State] = {}
        self._left_out: set[bytes] = set()
        for name, state, is_left_out in _of_index(git(top, "ls-files", "--stage", "-t", "-z", *below)):
            self._staged[name] = state
            if is_left_out:
                self._left_out.add(name)

    def __contains__(self, path: bytes) -> bool:
        """Say whether a file, by its path below the folder, is new or differs: in the index or in the work tree.

        A link differs, too, where another link does: that may be on its way, so that it leads elsewhere now.
        """
        name = self._prefix + path
        then = self._then.get(name)
        if then is None or self._staged.get(name) != then or state_of(self._top + b"/" + name, self._digits) != then:
            return True
        return then[0] == _LINK and self._some_link_differs

    @cached_property
    def _some_link_differs(self) -> bool:
        """Say whether a link of the whole work tree is new or differs: those outside of the folder may be on the way of one in it."""
        then = dict(_of_tree(git(self._top_name, "ls-tree", "-r", "-z", "--full-tree", self._commit)))
        staged = {name: state for name, state, _ in _of_index(git(self._top_name, "ls-files", "--stage", "-t", "-z"))}
        links = {name for states in (then, staged) for name, state in states.items() if state is not None and state[0] == _LINK}
        return any(
            then.get(name) != staged.get(name) or state_of(self._top + b"/" + name, self._digits) != then[name]
            for name in links - self._left_out
        )

    def tracked(self, is_asked_for: Callable[[str], bool]) -> Iterator[str]:
        """Yield the changed files that the commit or the index has, by their paths below the top, in order.

        What a sparse checkout leaves out has not changed because it is not there.
        """
        for name in sorted(self._then.keys() | self._staged.keys()):
            path = os.fsdecode(name)
            if not is_asked_for(path) or name[len(self._prefix) :] not in self:
                continue
            is_same = name in self._left_out and self._staged.get(name) == self._then.get(name)
            if not (is_same and not os.path.lexists(self._top + b"/" + name)):
                yield path


def state_of(path: bytes, digits: int) -> State:
    """Return what is in a place of the work tree, in a repository whose ids have so many ``digits``.

    What cannot be read has changed: who reads it says why.
    """
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            target = os.readlink(path)
            return _LINK, _id(digits, len(target), iter([target]))
        opened = os.open(path, _OPEN)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            return None
        return _FILE, _id(digits, status.st_size, iter(lambda: os.read(opened, _CHUNK), b""))
    except OSError:
        return None
    finally:
        os.close(opened)


def _id(digits: int, size: int, parts: Iterator[bytes]) -> str:
    """Return the id of a file's content in a repository (gitformat-pack(5): the hash of a header and the bytes)."""
    digest = hashlib.sha1(usedforsecurity=False) if digits == _SHA1_DIGITS else hashlib.sha256()
    digest.update(b"blob %d\0" % size)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _of_tree(listing: bytes) -> Iterator[tuple[bytes, State]]:
    for line in listing.split(b"\0"):
        head, _, name = line.partition(b"\t")
        if name:
            mode, _, object_id = head.split()
            yield name, _state(mode, object_id)


def _of_index(listing: bytes) -> Iterator[tuple[bytes, State, bool]]:
    """Yield each file of the index, what it is there, and whether a sparse checkout leaves it out."""
    for line in listing.split(b"\0"):
        head, _, name = line.partition(b"\t")
        if name:
            tag, mode, object_id, stage = head.split()
            yield name, _state(mode, object_id) if stage == b"0" else None, tag in _LEFT_OUT


def _state(mode: bytes, object_id: bytes) -> State:
    kind = _KINDS.get(mode)
    return None if kind is None else (kind, object_id.decode("ascii"))
