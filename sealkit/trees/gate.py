"""What the gate asks of a tree as a whole: that each rule matches a record, that what a rule covers is one, that names are apart."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

from sealkit.errors import SealkitError
from sealkit.records.kinds import POLICY
from sealkit.report import FINDING, Outcome, failure
from sealkit.trees.folders import from_here, real_path
from sealkit.trees.found import EXCLUDED, Left
from sealkit.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealkit.trees.demanded import Demanded, Level
    from sealkit.trees.found import Found


class Watch:
    """Looks at the files of a tree as they pass, and lets all but policies through; ``findings`` are what is wrong with the tree.

    With ``whole``, the files are all that the given folders hold: a rule that matches none of them is a finding, where its policy stands
    in or below one. A policy below another one is a finding, too, and so is a work tree inside whose records a policy outside of it covers.
    """

    def __init__(self, demanded: Demanded, *, whole: bool, left: Left | None = None) -> None:
        self._left = left if left is not None else Left()
        self._demanded = demanded
        self._whole = whole
        self._findings: list[Outcome] = []
        self._unmatched: dict[str, set[int]] = {}
        self._folded: dict[str, str] = {}
        self._folder: str | None = None
        self._levels: tuple[Level, ...] = ()
        self._beyond: tuple[str, tuple[Level, ...]] | None = None
        self._inner: set[str] = set()
        self._misnamed: set[str] = set()

    def passing(self, found: Iterable[Found]) -> Iterator[Found]:
        """Yield the records among some files, each problem met on the way among them."""
        for one in found:
            try:
                if one.problem is not None or self._is_record(one):
                    yield one
            except SealkitError as error:
                self._findings.append(failure(one.path, error))

    def findings(self) -> list[Outcome]:
        """Return what is wrong with the files that have passed."""
        missing = [
            self._finding(
                _shown(folder),
                "nothing_matched",
                "no record matches this rule: a gate that looks at nothing is open",
                self._rule_line(folder, number),
            )
            for folder, numbers in self._unmatched.items()
            for number in sorted(numbers)
        ]
        return [*self._findings, *missing]

    def _is_record(self, found: Found) -> bool:
        cut = found.path.rfind("/") + 1
        folder, name = found.path[:cut], found.path[cut:]
        if folder != self._folder:  # files come folder by folder
            if f"/{POLICY}/" in f"/{folder}":
                self._find_folder(folder)
            self._levels = self._learned(found.path)
            self._beyond = self._demanded.beyond(found.path)
            self._folder = folder
        if self._beyond is not None:
            self._look_beyond(found.path, *self._beyond)
        if name == POLICY and not (found.named and not self._levels):
            return False
        if not self._levels:
            return True
        below = self._demanded.below(found.path)
        is_covered = is_left_out = False
        for level in self._levels:
            matching, left_out = level.policy.verdict(below[len(level.prefix) :])
            if matching:
                self._unmatched[level.folder] -= matching
                is_covered = True
            is_left_out = is_left_out or bool(left_out)
        if is_covered:
            self._compare(found.path)
        elif is_left_out:
            self._left.add(EXCLUDED)
        return True

    def _find_folder(self, folder: str) -> None:
        """Find a folder that has the name of a policy, once: it is none, and whoever put it there may have meant to take one's place."""
        place = folder[: f"/{folder}".index(f"/{POLICY}/") + len(POLICY)]
        if place not in self._misnamed:
            self._misnamed.add(place)
            problem = "a folder with the name of a policy: it is none, and no rule is read there"
            hint = "give the folder another name, or put the policy back in its place"
            self._findings.append(Outcome(place, FINDING, None, "no_policy", message=problem, hint=hint, exit_status=1))

    def _learned(self, path: str) -> tuple[Level, ...]:
        """Return the policies that apply to a file, outermost first; note those that were not met before."""
        levels = self._demanded.levels(path)
        for level in levels:
            if level.folder not in self._unmatched:
                whole = self._whole and self._demanded.is_whole(level.folder)
                self._unmatched[level.folder] = set(range(len(level.policy.rules))) if whole else set()
                if level.prefix:
                    self._findings.append(nested(level.folder, levels[0].folder))
        return levels

    def _look_beyond(self, path: str, top: str, levels: tuple[Level, ...]) -> None:
        """Find a work tree inside a tree whose policies speak of what is in it, and do not hold there."""
        place = os.path.join(real_path(os.path.dirname(path)), os.path.basename(path))
        level = next((one for one in levels if one.policy.matching(os.path.relpath(place, one.folder))), None)
        if level is None or top in self._inner:
            return
        self._inner.add(top)
        shown, policy = from_here(top), _shown(level.folder)
        problem = (
            f"a git work tree of its own, where {policy} does not hold, though its rules cover {os.path.basename(path)!r} in it"
        )
        hint = f"take its .git away; or say in {policy} that what is in it does not count: exclude: [{os.path.relpath(top, level.folder)!r}]"
        self._findings.append(Outcome(shown, FINDING, None, "inner_work_tree", message=problem, hint=hint, exit_status=1))

    def _rule_line(self, folder: str, number: int) -> int | None:
        policy = self._demanded.policy_in(folder)
        return (policy.rules[number].line or None) if policy is not None else None

    def _compare(self, path: str) -> None:
        """Find two files whose names some file systems do not tell apart (Unicode normal forms, case)."""
        if path.isascii() and path == path.lower():
            return
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        if folded == path:
            return
        other = self._folded.setdefault(folded, path)
        if other == path and not _is_another(folded, path):
            return
        twin = other if other != path else folded
        problem = f"some systems take this name and that of {twin!r} for one: what is checked there is another file"
        self._findings.append(self._finding(path, "name_clash", problem))

    def _finding(self, path: str, code: str, problem: str, line: int | None = None) -> Outcome:
        return Outcome(path, FINDING, None, code, line=line, message=problem, exit_status=1)


def nested(folder: str, root: str) -> Outcome:
    """Return the finding that a policy stands in a folder of a tree whose root is another one."""
    problem = f"a policy inside the tree of {_shown(root)}: its rules add to those above it, and paths count from the root"
    hint = f"say its rules there, and remove it; blobs bound to paths from here on: sealkit retag --was . {quoted(os.path.dirname(_shown(folder)) or '.')}"
    return Outcome(_shown(folder), FINDING, None, "nested_policy", message=problem, hint=hint, exit_status=1)


def _shown(folder: str) -> str:
    """Return the path of the policy in an absolute folder, as somebody in the working folder would name it."""
    return from_here(os.path.join(folder, POLICY))


def _is_another(one: str, other: str) -> bool:
    """Say whether there is a file of the first name that is not the second: on some systems both lead to the same."""
    try:
        return not os.path.samefile(one, other)
    except (OSError, ValueError):
        return False
