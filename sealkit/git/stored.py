"""What git has stored, object by object: a git that is asked one question after the other, in each process its own; or all there is."""

from __future__ import annotations

import os
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.errors import StoreError, Usage
from sealkit.git.program import Asked, GitFailedError, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

_SHOWN: Final = 12
_AT_ONCE: Final = 256
"""Questions that are asked before the first answer is read: they fit into a pipe."""
_PIECE: Final = 1 << 20
BLOB: Final = "blob"


class Entry(NamedTuple):
    """An object that git has stored: its id, its kind (``blob``, ``commit``, ``tag``; ``missing`` for a broken one) and its size."""

    name: str
    kind: str
    size: int

    @property
    def shown(self) -> str:
        """What the object is called that no path leads to."""
        return f"{'object' if self.kind == BLOB else self.kind} {self.name[:_SHOWN]}"


def all_stored(top: str) -> Iterator[Entry]:
    """Yield every object of a repository but its trees, whether or not anything leads to it: packed, loose, or borrowed from another one.

    Raises ``GitFailedError``.
    """
    for line in git(top, "cat-file", "--batch-all-objects", "--batch-check", "--unordered").splitlines():
        name, kind, *size = line.decode("ascii", "replace").split()
        if kind != "tree":
            yield Entry(name, kind, int(size[0]) if size else 0)


class Stored:
    """The objects of the repository of a work tree, each of at most ``limit`` bytes. Forked workers may use it too. Close it."""

    def __init__(self, top: str, limit: int) -> None:
        self._top = top
        self._limit = limit
        self._asked: Asked | None = None
        self._owner = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the git that was asked."""
        asked, self._asked = self._asked, None
        if asked is not None and self._owner == os.getpid():
            asked.close()

    def file(self, name: bytes) -> bytes | None:
        """Return the content of a file: of the object of this id, or of ``COMMIT:PATH``. None if there is none, or it is no file.

        Raises ``StoreError`` where git does not hand it out, or it is too large, and ``Usage`` where git cannot be started.
        """
        if b"\n" in name:
            raise StoreError(problem="git cannot be asked for a path with a line end in it")
        shown = os.fsdecode(name)[:_SHOWN]
        try:
            asked, answers = self._git().pipes
            asked.write(name + b"\n")
            asked.flush()
            line = answers.readline()
            words = line.rsplit(maxsplit=2)
            if line and not (len(words) == 3 and words[2].isdigit()):  # "... missing"
                return None
            size = int(words[2]) if line else 0
            if size > self._limit:
                self._give_up()
                raise StoreError(problem=f"a version of {size} bytes; at most {self._limit} are read")
            data = answers.read(size + 1) if line else b""
            if len(data) == size + 1:
                return data[:-1] if words[1] == b"blob" else None
        except (OSError, ValueError):
            pass
        self._give_up()
        raise _refused(shown)

    def each(self, names: Iterable[str]) -> Iterator[bytes | StoreError]:
        """Yield what each of some objects holds, in their order, whatever kind they are; of one that git does not hand out, why.

        None may be larger than the limit: see ``pieces``. Raises ``Usage`` as ``file``.
        """
        left, asked = iter(names), deque[str]()
        while True:
            fresh = list(islice(left, _AT_ONCE - len(asked)))
            if not fresh and not asked:
                return
            asked += fresh
            try:
                pipe, _ = self._git().pipes
                pipe.write("".join(f"{name}\n" for name in fresh).encode("ascii"))
                pipe.flush()
            except OSError:  # the answers end before the questions do
                pass
            while asked:
                data = self._answer()
                name = asked.popleft()
                if data is None:
                    yield _refused(name)
                    self._give_up()
                    left = iter([*asked, *left])
                    asked.clear()
                else:
                    yield data

    def _answer(self) -> bytes | None:
        """Read one answer; None if there is none, or it breaks off."""
        try:
            _, answers = self._git().pipes
            words = answers.readline().split()
            if len(words) != 3 or not words[2].isdigit():
                return None
            size = int(words[2])
            data = answers.read(size + 1)
        except (OSError, ValueError):
            return None
        return data[:-1] if len(data) == size + 1 else None

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield what an object holds, however large it is, in pieces. Raises ``StoreError`` where git does not hand it out, and ``Usage``."""
        asked, answers = self._git().pipes
        try:
            asked.write(name.encode("ascii") + b"\n")
            asked.flush()
            words = answers.readline().split()
            left = int(words[2]) + 1 if len(words) == 3 else 0
            is_there = left > 0
            while left > 0 and (piece := answers.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece if left else piece[:-1]
        except (OSError, ValueError):
            is_there = False
        finally:
            self._give_up()
        if not is_there or left:
            raise _refused(name)

    def _git(self) -> Asked:
        if self._asked is None or self._owner != os.getpid():
            self._owner = os.getpid()
            try:
                self._asked = Asked(self._top)
            except GitFailedError as failed:
                reason = str(failed)
            else:
                return self._asked
            raise Usage(problem=f"git cannot be started: {reason}")
        return self._asked

    def _give_up(self) -> None:
        """End a git whose answer is not read to its end; the next question is for another one."""
        if self._asked is not None:
            self._asked.stop()
            self.close()


def _refused(name: str) -> StoreError:
    return StoreError(problem=f"git does not hand out the object {name[:_SHOWN]}", hint="try: git fsck")
