"""Where a key may be used: below which paths of a tree."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from sealkit.config import shown
from sealkit.context import PROBE
from sealkit.errors import ConfigError, DisabledKey
from sealkit.globs import Glob, Globs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealkit.context import Binder
    from sealkit.keys.key import Key

MAX_GLOBS = 32
MAX_LENGTH = 128
MAX_WILDCARDS = 64
MAX_IN_RING = 128
"""How many globs there are at most for one key, how long each, with how many wildcards together; and how many of either for all keys of a ring."""


class Reach:
    """Globs over the paths of files below the root of their tree, compared in NFC. Raises ``ConfigError``."""

    __slots__ = ("_globs", "only")

    def __init__(self, only: Iterable[str]) -> None:
        self.only = tuple(map(str, only))
        if len(self.only) > MAX_GLOBS or _wildcards(self.only) > MAX_WILDCARDS:
            problem = f"only: at most {MAX_GLOBS} globs, with {MAX_WILDCARDS} wildcards together"
            raise ConfigError(problem=problem, hint="name folders")
        for glob in self.only:
            _check(glob)
        self._globs: Globs | None = None

    def covers(self, path: str) -> bool:
        """Say whether a file with this path below its tree's root is within reach."""
        if self._globs is None:
            self._globs = Globs(map(_normal, self.only))
        return self._globs.covers(_normal(path))

    def __repr__(self) -> str:
        return f"<Reach {', '.join(self.only)}>"


def check_all(lists: Iterable[tuple[str, ...]], line: int) -> None:
    """Raise ``ConfigError`` if the globs of all keys of a ring are too many for reading it to stay cheap."""
    globs = [glob for only in lists for glob in only]
    if max(len(globs), _wildcards(globs)) > MAX_IN_RING:
        raise ConfigError(problem=f"key ring: at most {MAX_IN_RING} globs and wildcards in all", hint="name folders", line=line)


def _wildcards(globs: Iterable[str]) -> int:
    return sum(glob.count(sign) for glob in globs for sign in "*?[")


def _check(glob: str) -> None:
    problem = None
    if not glob or len(glob) > MAX_LENGTH or not glob.isprintable():
        problem = f"has to be text of 1 to {MAX_LENGTH} characters"
    elif glob.startswith(("/", "~")) or "\\" in glob or not {"", ".", ".."}.isdisjoint(glob.rstrip("/").split("/")):
        problem = "does not lead down from the root of the tree"
    else:
        parsed = Glob(_normal(glob.rstrip("/")))
        problem = "matches nothing" if parsed.step is None and parsed.path is None else None
    if problem is not None:
        hint = "write it as in a policy, from the folder of sealkit.yaml on: posts/**"
        raise ConfigError(problem=f"only: the glob {shown(glob)} {problem}", hint=hint)


def _normal(text: str) -> bytes:
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")


def within(keys: tuple[Key, ...], place: Binder) -> tuple[Key, ...]:
    """Return those of some keys that may be used in a place. Raises ``DisabledKey`` if none may."""
    some = tuple(key for key in keys if is_within(key, place))
    if keys and not some:
        raise _outside(keys[0], place.below())
    return some


def is_within(key: Key, place: Binder) -> bool:
    """Say whether a key may be used in a place. Raises as ``below`` does."""
    if key.reach is None or place is PROBE:
        return True
    path = place.below()
    return path is not None and key.reach.covers(path)


def check_within(key: Key, place: Binder) -> None:
    """Raise ``DisabledKey`` unless a key may be used in a place."""
    if key.reach is not None and place is not PROBE:
        within((key,), place)


def _outside(key: Key, path: str | None) -> DisabledKey:
    only = ", ".join(key.reach.only) if key.reach is not None else ""
    if path is None:
        hint = "say what it is, as if it were a file of the tree: --as NAME"
        return DisabledKey(problem=f"key {key.id} is only for {only}, and it is not known where this stands", hint=hint)
    return DisabledKey(
        problem=f"key {key.id} is only for {only}, and this is {path}", hint="use another key here, or let the ring say more: only"
    )
