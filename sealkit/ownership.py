"""Who may have a hand in a file: the one rule for rings, key files, and the folders and links on the way to them.

A file is trusted if nobody but its reader and root could have written it, put another in its place, or led elsewhere on the way to it. Each
folder from / on, each link and the file itself is root's or the reader's own. Others write none of them, but for a folder with the sticky
bit (such as /tmp), where everybody's files are safe from everybody else. A group may write where it is the user's private group, which has
nobody else in it, as systems with the umask 0002 have one for each user.

The way is walked by descriptors and what is opened at its end is what was looked at. In a folder that passes, nobody else can exchange an
entry of ours; in one that does not, what is found is no longer trusted whatever it is. So nothing can change between the look and the use.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

MOST_LINKS = 40
"""As many as the kernel follows on one way."""
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ACL = "system.posix_acl_access"
_ACL_ENTRY = struct.Struct("<HHI")
_ACL_HEADER, _ACL_WRITE = 4, 2
_ACL_NAMED = frozenset({0x02, 0x08})  # ACL_USER, ACL_GROUP: entries for somebody by name
_NO_ACL = frozenset({errno.ENODATA, errno.EOPNOTSUPP})


class Doubt(NamedTuple):
    """Why a file is not trusted, as what follows its name and a colon in a message; and what to do about it."""

    problem: str
    hint: str


class Opened(NamedTuple):
    """A file open for reading: its descriptor (for the caller to close), its path without links, the first doubt about it, None for none."""

    descriptor: int
    path: str
    doubt: Doubt | None


def open_file(path: str | os.PathLike[str], *, secret: bool = False) -> Opened:
    """Open a file by walking the way to it, and say whether it is trusted; a ``secret`` one must be closed to other users, too.

    Raises ``OSError``, and ``ValueError`` for what can be no path. Opening never waits for the writer of a FIFO.
    """
    with _Walk(path) as walk:
        name = walk.to_the_end()
        descriptor = os.open(name, _FILE, dir_fd=walk.folder)
        try:
            walk.look_at_file(descriptor, name, secret=secret)
        except BaseException:
            os.close(descriptor)
            raise
        return Opened(descriptor, walk.path_of(name), walk.doubt)


def doubt_about(path: str | os.PathLike[str]) -> Doubt | None:
    """Return why a file is not trusted, None if it is; it need not be readable. Raises ``OSError`` and ``ValueError``."""
    with _Walk(path) as walk:
        walk.look_at_file(None, walk.to_the_end(), secret=False)
        return walk.doubt


def doubt_about_folder(path: str | os.PathLike[str]) -> Doubt | None:
    """Return why what lies in a folder is not trusted, whoever owns it; None if it is. Raises ``OSError`` and ``ValueError``."""
    with _Walk(os.path.join(os.fspath(path) or ".", ".")) as walk:
        walk.to_the_end()
        return walk.doubt


def exposure(status: os.stat_result) -> str | None:
    """Return why a file with secrets may not be used: not ours (nor root's), or open to others; None if it may."""
    if not _is_ours(status):
        return f"owned by another user (uid {status.st_uid}), mode {_mode(status)}"
    if status.st_mode & _OTHERS:
        return f"open to other users (mode {_mode(status)})"
    return None


# --- the way to a file -----------------------------------------------------------------------------------------------
class _Walk:
    """A way from / to a file, walked folder by folder; ``folder`` is the descriptor of the last one, ``doubt`` the first that came up."""

    def __init__(self, given: str | os.PathLike[str]) -> None:
        path = os.fspath(given)
        if not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._ahead = _parts(path if os.path.isabs(path) else os.path.join(os.getcwd(), path))
        self._links = 0
        self._names: list[str] = []
        self.doubt: Doubt | None = None
        self.folder = -1

    def __enter__(self) -> Self:
        self._enter(os.open("/", _FOLDER))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self.folder)

    def path_of(self, name: str) -> str:
        """Return the path of an entry of the folder that the walk is in."""
        return "/" + "/".join(self._names if name == "." else [*self._names, name])

    def to_the_end(self) -> str:
        """Walk to the folder that holds the file, and return the file's name there; it is no link."""
        while True:
            name = self._ahead.pop() if self._ahead else "."
            if name == "..":
                del self._names[-1:]
                self._enter(os.open("..", _FOLDER, dir_fd=self.folder))
            elif stat.S_ISLNK((status := self._lstat(name)).st_mode):
                self._follow(name, status)
            elif self._ahead:
                self._names.append(name)
                self._enter(os.open(name, _FOLDER, dir_fd=self.folder))
            else:
                return name

    def look_at_file(self, descriptor: int | None, name: str, *, secret: bool) -> None:
        """Look at what is at the end of the way: by its descriptor, or by its name in the folder."""
        status = self._lstat(name) if descriptor is None else os.fstat(descriptor)
        path = self.path_of(name)
        reason = exposure(status) if secret else None
        if reason is not None:
            self._doubt(reason, _hint(status, path, "600"))
        elif (reason := written_by_others(status, path, descriptor)) is not None:
            self._doubt(reason, _hint(status, path, "go-w"))

    def _lstat(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self.folder, follow_symlinks=False)

    def _enter(self, folder: int) -> None:
        if self.folder >= 0:
            os.close(self.folder)
        self.folder = folder
        status = os.fstat(folder)
        if status.st_mode & stat.S_ISVTX and _is_ours(status):
            return
        path = self.path_of(".")
        if (reason := written_by_others(status, path, folder)) is not None:
            self._doubt(f"the folder {_quoted(path)} above it is {reason}", f"{_hint(status, path, 'go-w')}; or keep it elsewhere")

    def _follow(self, name: str, status: os.stat_result) -> None:
        self._links += 1
        if self._links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if not _is_ours(status):
            what = f"{_quoted(self.path_of(name))} is a symbolic link of another user's (uid {status.st_uid}), who may point it elsewhere"
            self._doubt(what, "name the file itself")
        target = os.readlink(name, dir_fd=self.folder)
        if target.startswith("/"):
            self._names.clear()
            self._enter(os.open("/", _FOLDER))
        self._ahead += _parts(target)

    def _doubt(self, problem: str, hint: str) -> None:
        if self.doubt is None:
            self.doubt = Doubt(problem, hint)


def _parts(path: str) -> list[str]:
    """Return the names of a path, the last first; one that can only be a folder ends with its own dot."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return [*(["."] if path.endswith(("/", "/.")) else []), *reversed(parts)]


# --- who may write ---------------------------------------------------------------------------------------------------
def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in {os.geteuid(), 0}


def written_by_others(status: os.stat_result, path: str, descriptor: int | None = None) -> str | None:
    """Return who else may write a file or a folder, with its owner and mode; None for nobody."""
    if not _is_ours(status):
        return f"owned by another user (uid {status.st_uid}), mode {_mode(status)}"
    if status.st_mode & stat.S_IWOTH:
        return f"writable by everybody (uid {status.st_uid}, mode {_mode(status)})"
    if status.st_mode & stat.S_IWGRP:
        if not _is_private_group(status.st_gid):
            return f"writable by its group (uid {status.st_uid}, gid {status.st_gid}, mode {_mode(status)})"
        # With an access list, the group's bits show what its entries may have at most, and not what the group has.
        if _names_writers(path if descriptor is None else f"/proc/self/fd/{descriptor}"):
            return f"writable by others in its access list (uid {status.st_uid}, mode {_mode(status)})"
    return None


def _is_private_group(gid: int) -> bool:
    """Tell whether a group is that of our user or of root alone: the user's primary group, of the same name, with nobody else in it."""
    import grp
    import pwd

    for uid in (os.geteuid(), 0):
        try:
            user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
        except KeyError:
            continue
        if user.pw_gid == gid and group.gr_name == user.pw_name and not {*group.gr_mem} - {user.pw_name}:
            return all(other.pw_uid == uid for other in pwd.getpwall() if other.pw_gid == gid)
    return False


def _names_writers(path: str) -> bool:
    """Tell whether a file's access list lets somebody write by name, or cannot be read."""
    if not hasattr(os, "getxattr"):  # macOS
        return False
    try:
        entries = os.getxattr(path, _ACL)[_ACL_HEADER:]
    except OSError as error:
        return error.errno not in _NO_ACL
    return any(tag in _ACL_NAMED and rights & _ACL_WRITE for tag, rights, _ in _ACL_ENTRY.iter_unpack(entries))


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"


def _hint(status: os.stat_result, path: str, mode: str) -> str:
    """Return the command that makes a file or a folder one that nobody else has a hand in."""
    shown = _quoted(path)
    if not _is_ours(status):
        return f"if you trust it, make it yours: chown {os.geteuid()} {shown}"
    return f"chmod {mode} {shown}, and make sure that you own it" if mode == "600" else f"chmod {mode} {shown}"


def _quoted(path: str) -> str:
    """Return a path as a shell takes it; what is there is no key that strayed into a path, so it is shown whatever it looks like."""
    return shlex.quote(path) if path.isprintable() else repr(path)
