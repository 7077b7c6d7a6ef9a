"""What a walk yields, and the filters it goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.errors import StoreError
    from sealkit.globs import Globs

TEMP_PREFIX = ".sealkit-tmp-"
"""How the name of each temporary file begins that sealkit makes beside a record."""

OWN_FOLDER = ".sealkit"
"""The folder in a tree's root that holds its lock and journals."""


class Found(NamedTuple):
    """A record's path, or what kept one from being looked at.

    ``path`` is what was named plus the path below it, with bytes that are no text kept as surrogate escapes. ``root`` is the named
    folder, or the folder of a named file ("" for the working folder); ``path`` starts with it. ``named`` is True for what was named
    itself.
    """

    path: str
    root: str
    named: bool = False
    problem: StoreError | None = None


class Filters:
    """What is asked of a record besides being below a named folder; see ``sealkit.trees.walk``."""

    __slots__ = ("cross_mounts", "exclude", "gitignore", "hidden", "include", "is_record", "since", "temps")

    def __init__(self, is_record: Callable[[str], bool]) -> None:
        self.is_record = is_record
        self.include: Globs | None = None
        self.exclude: Globs | None = None
        self.since: str | None = None
        self.gitignore = False
        self.hidden = False
        self.cross_mounts = False
        self.temps = False  # sealkit's own temporary files are what is looked for
