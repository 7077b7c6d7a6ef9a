"""What git has stored, object by object: a git that is asked one question after the other, in each process its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from sealkit.errors import StoreError, Usage
from sealkit.git.program import Asked, GitFailedError

if TYPE_CHECKING:
    from typing import Self

_SHOWN: Final = 12


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
        raise StoreError(problem=f"git does not hand out the object {shown}", hint="try: git fsck")

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
