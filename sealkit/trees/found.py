"""What a walk yields, and the filters it goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit.wording import plural

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


HIDDEN, IGNORED, UNASKED, LINKS, SPECIAL, TEMPORARY = "hidden", "ignored", "filtered", "links", "special", "temporary"
EXCLUDED, SPARSE = "excluded", "sparse"

_IN_WORDS = {
    HIDDEN: "hidden",
    IGNORED: "ignored by git",
    UNASKED: "left out by --include and --exclude",
    EXCLUDED: "excluded by the policy",
    SPARSE: "not checked out",
}
_NOUNS = {LINKS: ("link", ""), SPECIAL: ("special file", ""), TEMPORARY: ("temporary file", " of sealkit")}
_ORDER = (HIDDEN, IGNORED, UNASKED, EXCLUDED, LINKS, SPECIAL, TEMPORARY, SPARSE)


class Left:
    """How many files and folders a walk left, by the reason; a folder that was not entered counts once, whatever is in it."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, reason: str, times: int = 1) -> None:
        """Count some that were left."""
        self.counts[reason] = self.counts.get(reason, 0) + times

    def sentence(self) -> str | None:
        """Say in words what was left; None if nothing was."""
        words = ", ".join(_in_words(reason, self.counts[reason]) for reason in _ORDER if self.counts.get(reason))
        return f"not looked at: {words} (a folder counts as one)" if words else None


def _in_words(reason: str, count: int) -> str:
    if reason not in _NOUNS:
        return f"{count:,} {_IN_WORDS[reason]}"
    noun, of = _NOUNS[reason]
    return plural(count, noun) + of


class Filters:
    """What is asked of a record besides being below a named folder; see ``sealkit.trees.walk``.

    ``on_link`` says what is wrong with a link that is met on the way, None: nothing; ``left`` counts what is passed over.
    """

    __slots__ = (
        "cross_mounts",
        "exclude",
        "gitignore",
        "hidden",
        "include",
        "is_record",
        "left",
        "on_link",
        "on_top",
        "since",
        "temps",
    )

    def __init__(self, is_record: Callable[[str], bool]) -> None:
        self.is_record = is_record
        self.include: Globs | None = None
        self.exclude: Globs | None = None
        self.since: str | None = None
        self.gitignore = False
        self.hidden = False
        self.cross_mounts = False
        self.left = Left()
        self.on_link: Callable[[str, bool], StoreError | None] | None = None
        self.on_top: Callable[[str], None] | None = None  # is told of each work tree that begins on the way
        self.temps = False  # sealkit's own temporary files are what is looked for
