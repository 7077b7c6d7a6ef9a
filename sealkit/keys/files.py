"""Files that hold keys: read off one open descriptor, after looking at who else may read them."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from sealkit.config import shown_path
from sealkit.errors import NoUsableKey
from sealkit.opaque import opaque
from sealkit.ownership import doubt_about, doubt_about_folder, open_file
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.keys.access import Access

MAX_KEY_FILE = 4096
_ABSENT = "name the file itself, and check who may read it"
_POLICY, _GIT = "sealkit.yaml", ".git"


class Content(NamedTuple):
    """A file's bytes, what its descriptor said about it, its path without links, and whether others have a hand in it all the same."""

    data: bytearray
    status: os.stat_result
    path: str
    is_doubtful: bool


@opaque
def read_trusted(path: str, label: str, access: Access, *, limit: int, secret: bool = False, absent: str = _ABSENT) -> Content:
    """Return a regular file of at most ``limit`` bytes that nobody else has a hand in (see ``ownership``).

    Raises ``NoUsableKey``, before a byte is read. A ``secret`` file must be closed to other users, too. Where ``access`` takes unsafe files,
    what was found is a warning, and ``is_doubtful`` is set. ``absent`` is the hint for a file that is not there.
    """
    reason, hint = "", _ABSENT
    try:
        opened = open_file(path, secret=secret)
        try:
            status = os.fstat(opened.descriptor)
            _check_regular(status, label)
            if opened.doubt is not None:
                _unsafe(f"{label}: {opened.doubt.problem}", opened.doubt.hint, access)
            data = _read_open(opened.descriptor, label, limit)
            return Content(data, status, opened.path, opened.doubt is not None)
        finally:
            os.close(opened.descriptor)
    except OSError as error:
        hint = absent if error.errno == errno.ENOENT else hint
        reason = "too many symbolic links" if error.errno == errno.ELOOP else (error.strerror or "cannot be read").lower()
    except ValueError:  # a NUL or a lone surrogate in the path
        reason = "no such path can exist"
    raise NoUsableKey(problem=f"{label}: {reason}", hint=hint)


def _check_regular(status: os.stat_result, label: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NoUsableKey(problem=f"{label}: not a regular file", hint="name a file; folders, pipes and devices are not read")


def _read_open(descriptor: int, label: str, limit: int) -> bytearray:
    buffer = bytearray(limit + 1)
    view = memoryview(buffer)
    size = 0
    while size <= limit and (count := os.readv(descriptor, [view[size:]])):
        size += count
    data = bytearray(view[:size])  # a copy of the right size: shrinking in place could leave bytes behind
    view.release()
    wipe(buffer)
    if size > limit:
        wipe(data)
        raise NoUsableKey(problem=f"{label}: more than {limit} bytes", hint="is it the right file?")
    return data


@opaque
def read_key_file(path: str, label: str, access: Access) -> bytearray:
    """Return what a file with a key holds, at most 4096 bytes. Raises ``NoUsableKey`` unless it is safe, as ``access`` wants it.

    It is safe if it is a regular file, nobody else could have written or exchanged it, it is closed to others, and it is neither inside a
    tree nor tracked by git.
    """
    content = read_trusted(path, label, access, limit=MAX_KEY_FILE, secret=True)
    try:
        if (reason := published(content.path, access)) is not None:
            _unsafe(f"{label}: {reason}", "keep keys outside the tree, and rotate to a new key if it was pushed", access)
    except NoUsableKey:
        wipe(content.data)
        raise
    return content.data


@opaque
def check_program(path: str, label: str) -> None:
    """Raise ``NoUsableKey`` for a program or a library, named by its path, that somebody else has a hand in; nothing unsafe is ever run."""
    try:
        doubt = doubt_about(path)
    except (OSError, ValueError):  # starting it says why
        return
    if doubt is not None:
        raise NoUsableKey(problem=f"{label}: {shown_path(path)}: {doubt.problem}", hint=doubt.hint)


@opaque
def check_folder(path: str, label: str) -> None:
    """Raise ``NoUsableKey`` for a folder in which a ring could not be trusted, since others have a hand in what lies there."""
    doubt = doubt_about_folder(path)
    if doubt is not None:
        raise NoUsableKey(problem=f"{label}: {doubt.problem}", hint=doubt.hint)


def _unsafe(problem: str, hint: str, access: Access) -> None:
    if not access.unsafe_files:
        raise NoUsableKey(problem=problem, hint=hint)
    access.warnings.append(f"{problem}: read all the same")


def published(path: str, access: Access) -> str | None:
    """Return why a file's content is, or may soon be, public: it is in a tree of records, or tracked by git; None if it is neither."""
    for folder in _folders_above(path):
        if os.path.lexists(os.path.join(folder, _POLICY)):
            return f"inside the tree of {shown_path(folder)}, which is there to be published"
    return "tracked by git" if is_tracked(path, access) else None


def is_tracked(path: str, access: Access) -> bool:
    """Tell whether git tracks a file. Where git cannot be asked the answer is no, with a warning."""
    if not any(os.path.lexists(os.path.join(folder, _GIT)) for folder in _folders_above(path)):
        return False
    from sealkit.git.program import GitFailedError, git, top_of

    real = real_path(path)
    top = top_of(os.path.dirname(real))
    try:
        if top is not None:
            return bool(git(top, "ls-files", "-z", "--", os.path.relpath(real, top)))
    except GitFailedError:
        pass
    access.warnings.append(f"file {shown_path(path)}: it is in a git work tree, and git cannot say whether it tracks it")
    return False


def tree_above(path: str) -> str | None:
    """Return the nearest folder that holds a file and is the root of a tree (of ``sealkit.yaml`` or of git), None outside any."""
    for folder in _folders_above(path):
        if any(os.path.lexists(os.path.join(folder, mark)) for mark in (_POLICY, _GIT)):
            return folder
    return None


@opaque
def real_path(path: str) -> str:
    """Return a path from / on, without links. Raises ``NoUsableKey`` for one that counts from a folder that is gone or closed to us."""
    try:
        return os.path.realpath(path)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
    problem = f"the folder that {shown_path(path)} counts from cannot be told: {reason}"
    raise NoUsableKey(problem=problem, hint="go to a folder that is there and may be read, or name it from / on")


def _folders_above(path: str) -> Iterator[str]:
    folder = os.path.dirname(real_path(path))
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
