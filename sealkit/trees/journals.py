"""The journals that stand in a tree: which of them are ours, and what those say.

``.sealkit`` comes with the tree, and the tree may come from anybody. So a journal is believed only if a key of the ring proves it, for this
tree; a rotation to a key in a token, which has no key for that, only if nobody else can have written its journal and git does not bring
it along. Any other journal is named, and is in nobody's way.
"""

from __future__ import annotations

import os
import re
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import JournalError, NoUsableKey
from sealkit.keys.prover import prover_of
from sealkit.trees import chain
from sealkit.trees.chain import Foreign, Gone, Reader
from sealkit.trees.folders import release
from sealkit.trees.found import OWN_FOLDER
from sealkit.trees.journal import DONE, FINISHED, ROLLED_BACK, VERSION, WILL, Header, Place
from sealkit.wording import within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.crypto.tag import Prover
    from sealkit.keys.key import Key

ASIDE = "foreign-"
"""What the name of a journal begins with that was set aside: it is none any more, and nothing reads it."""

_NAME = re.compile(r"journal-[0-9TZ]{16}-[0-9a-f]{8}\.jsonl")
_WORD = re.compile(r"[0-9A-Za-z._:-]{1,64}")
_FIRST = b'{"journal": '
_MOST_PATH = 4096
_TAIL = 4096  # bytes; the last word of a journal is far shorter
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ENDS = frozenset({FINISHED, ROLLED_BACK})


class State(NamedTuple):
    """What a journal says: its file, its header, when it was begun, how it ended (None: it did not), whether any file was planned.

    ``doubt`` says why no key here can prove it (None: it is proved), ``prover`` what proves it (None for a key in a token).
    """

    path: str
    header: Header
    started: str
    ended: str | None
    planned: bool
    doubt: str | None = None
    prover: Prover | None = None


class Told(NamedTuple):
    """The journals of a tree, the latest last: those that are believed, those that no key here can prove, and those that are foreign."""

    believed: list[State]
    unproved: list[State]
    foreign: list[Foreign]

    @property
    def unfinished(self) -> State | None:
        """The rotation that was begun and has not ended, as far as journals are believed."""
        return next((state for state in self.believed if state.ended is None), None)

    def doubts(self) -> list[Foreign]:
        """Return why each journal that is not believed is not."""
        return [Foreign(problem=state.doubt or "", path=state.path) for state in self.unproved] + self.foreign


class Progress(NamedTuple):
    """How far a rotation came: how many files it was about to replace, and how many of them it is known to have replaced."""

    planned: int
    written: int


class _Claim(NamedTuple):
    """The first line of a journal, as it says itself."""

    header: Header
    started: str
    place: Place


def look(root: str, keys: Sequence[Key]) -> Told:
    """Return what the journals in a tree say, and which of them a key among ``keys`` proves. Raises ``JournalError`` for what cannot be read.

    Nobody need hold the tree: those that somebody else removes meanwhile are not among them.
    """
    folder = within(root, OWN_FOLDER)
    told = Told([], [], [])
    for name in _names(folder):
        try:
            state = _state(os.path.join(folder, name), root, keys)
        except Gone:
            continue
        except Foreign as error:
            told.foreign.append(error)
            continue
        if state is not None:
            (told.believed if state.doubt is None else told.unproved).append(state)
    return told


def progress(state: State) -> Progress:
    """Count what a journal says. Raises ``JournalError``, ``Gone`` and ``Foreign`` among them."""
    planned = written = 0
    for line in chain.read(state.path, Reader(state.path, state.prover)):
        planned += line.startswith(WILL)
        written += line.startswith(DONE)
    return Progress(planned, written)


def tidy(root: str, keys: Sequence[Key]) -> None:
    """Keep the latest ended rotation that wrote anything, for taking it back, and remove the other ended ones; none that is not believed."""
    ended = [state for state in look(root, keys).believed if state.ended is not None]
    kept = next((state for state in reversed(ended) if state.planned), None)
    for state in ended:
        if state is not kept:
            _remove(state.path)


def set_aside(path: str) -> str:
    """Give a journal, whatever stands there, a name that is none of a journal, and return its new path. Raises ``JournalError``."""
    folder = chain.open_folder(os.path.dirname(path))
    name = os.path.basename(path)
    aside = ASIDE + name
    try:
        if os.path.lexists(os.path.join(os.path.dirname(path), aside)):
            aside = f"{aside}.{os.urandom(8).hex()}"
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return os.path.join(os.path.dirname(path), aside)
    finally:
        release(folder)
    raise JournalError(problem=f"the journal cannot be set aside: {reason}", path=path)


def next_name(root: str, told: Told) -> str:
    """Return a name that sorts behind all that are believed, whatever the clock says: the time, and the fraction of the second in 2^-31."""
    now = time.time_ns()
    fraction = (now % 10**9 << 31) // 10**9
    name = _named(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now // 10**9)), fraction)
    latest = os.path.basename(told.believed[-1].path) if told.believed else ""
    taken = set(_names(os.path.join(root, OWN_FOLDER)))
    while name <= latest or name in taken:
        stamp, _, end = max(name, latest).removeprefix("journal-").removesuffix(".jsonl").rpartition("-")
        name, latest = _named(stamp, int(end, 16) + 1), ""
    return name


def _named(stamp: str, fraction: int) -> str:
    return f"journal-{stamp}-{fraction:08x}.jsonl"


def _names(folder: str) -> list[str]:
    """Return the names of the journals in a folder, the latest last."""
    try:
        opened = chain.open_folder(folder)
    except Gone:
        return []
    try:
        return sorted(name for name in os.listdir(opened) if _NAME.fullmatch(name))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    finally:
        release(opened)
    raise JournalError(problem=f"the journals cannot be listed: {reason}", path=folder)


def _state(path: str, root: str, keys: Sequence[Key]) -> State | None:
    """Read one journal; None for one whose header never reached the disk, which therefore changed nothing. Raises ``Foreign``."""
    claim = _claim(path)
    if claim is None:
        return None
    if not _is_of(root, claim.place):
        raise Foreign(problem=f"is the journal of another tree, of {claim.place.root!r}", path=path)
    doubt, prover = _proof(path, root, claim.header, keys)
    planned, ended = _ends(path, prover)
    return State(path, claim.header, claim.started, ended, planned, doubt, prover)


def _claim(path: str) -> _Claim | None:
    """Return what the first line says. Raises ``Foreign`` for a file that is no journal."""
    reader = Reader(path, None)
    for line in chain.read(path, reader):
        claim = _parsed(chain.parsed(line))
        if claim is None:
            raise reader.foreign(why="is not how a journal of this version of sealkit begins")
        return claim
    if _holds_more(path):
        raise Foreign(problem="is no journal", path=path)
    return None


def _holds_more(path: str) -> bool:
    """Say whether there is more in a file than a crash leaves of a header."""
    descriptor = chain.opened(path, chain.READING)
    try:
        start = os.read(descriptor, chain.MOST_FIRST).lstrip(b"\0\n")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return b"\n" in start or not _FIRST.startswith(start[: len(_FIRST)])
    finally:
        release(descriptor)
    raise JournalError(problem=f"the journal cannot be read: {reason}", path=path)


def _parsed(known: object) -> _Claim | None:
    """Read a header, which may say anything; None for what is none."""
    match known:
        case {
            "journal": int(version),
            "started": str(started),
            "to": str(to),
            "to_kid": str(kid),
            "source": None | str() as source,
            "fields": list(fields),
            "payload_kind": str(kind),
            "scope": dict(scope),
            "root": str(root),
            "inode": int(inode),
        } if version == VERSION and _WORD.fullmatch(started) and _WORD.fullmatch(to) and len(root) <= _MOST_PATH:
            if all(isinstance(field, str) for field in fields):
                return _Claim(Header(to, kid, source, fields, kind, scope), started, Place(root, inode))
    return None


def _proof(path: str, root: str, header: Header, keys: Sequence[Key]) -> tuple[str | None, Prover | None]:
    """Return why no key can prove a journal, or None and what proves it. Raises ``Foreign`` for one that nothing could prove."""
    key = next((key for key in keys if key.kid == header.to_kid and (key.kid or key.id == header.to)), None)
    if key is None:
        return f"is the journal of a rotation to key {header.to}, which is not here to prove it", None
    try:
        prover = prover_of(key)
    except NoUsableKey as error:
        return f"cannot be proved: {error.problem}", None
    if prover is None:
        why = _others_hand(path, root)
        if why is not None:
            raise Foreign(problem=f"{why}, and key {header.to}, in a token, cannot prove it", path=path)
    return None, prover


def _others_hand(path: str, root: str) -> str | None:
    """Say how somebody else may have written a journal that nothing proves, None if nobody can have."""
    descriptor = chain.opened(path, chain.READING)
    try:
        status = os.fstat(descriptor)
    except OSError as error:
        return f"cannot be looked at: {os.strerror(error.errno or 0)}"
    finally:
        release(descriptor)
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    if status.st_mode & _OTHERS_WRITE:
        return "can be written by others"
    return _brought_by_git(path, root)


def _brought_by_git(path: str, root: str) -> str | None:
    from sealkit.git.program import GitFailedError, git, top_of

    top = top_of(root)
    if top is None:
        return None
    try:
        tracked = git(top, "ls-files", "-z", "--cached", "--", os.path.relpath(os.path.realpath(path), top))
    except (GitFailedError, OSError):
        return "may be tracked by git, which cannot say so"
    return "is tracked by git" if tracked else None


def _is_of(root: str, place: Place) -> bool:
    """Say whether a journal is this tree's: moved or copied into place a tree is the same, but not both."""
    here = Place.of(root)
    return here.root == place.root or here.inode == place.inode


def _ends(path: str, prover: Prover | None) -> tuple[bool, str | None]:
    """Return whether a journal says that any file was planned, and how it ended. One that says how it ended is not read in between."""
    reader = Reader(path, prover)
    lines = chain.read(path, reader)
    if next(lines, None) is None:
        raise Foreign(problem="does not prove itself under the key that it is said to be of", path=path)
    second = next(lines, b"")
    lines.close()
    planned = second.startswith(WILL)
    ended = _end(second) or _last_word(path, prover)
    if ended is None:
        for line in chain.read(path, Reader(path, prover)):
            ended = _end(line) or ended
    return planned, ended


def _last_word(path: str, prover: Prover | None) -> str | None:
    """Return how a journal says that it ended in its last line, where that follows from the one before; None if it has to be read whole."""
    descriptor = chain.opened(path, chain.READING)
    try:
        tail = os.pread(descriptor, _TAIL, max(os.fstat(descriptor).st_size - _TAIL, 0))
    except OSError:
        return None
    finally:
        release(descriptor)
    *earlier, last = tail.rstrip(b"\n").rpartition(b"\n")
    before = chain.stated(b"".join(earlier).rstrip(b"\n") + b"\n")
    if prover is not None and before is None:
        return None
    reader = Reader(path, prover, before=before or chain.START)
    try:
        return _end(last) if reader.believes(last) else None
    except Foreign:
        return None


def _end(line: bytes) -> str | None:
    match chain.parsed(line) if line.startswith(b'{"ended": ') else None:
        case {"ended": str(how)} if how in _ENDS:
            return how
    return None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return
    raise JournalError(problem=f"an old journal cannot be removed: {reason}", path=path)
