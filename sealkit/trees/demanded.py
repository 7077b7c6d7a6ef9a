"""What is demanded of the fields of each file: by the policy of its tree, and by what was asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.demands import ALSO, UNCOVERED, FieldRule, leniently
from sealkit.errors import ConfigError, OverLimit, TooCostly
from sealkit.records.kinds import POLICY
from sealkit.trees.folders import from_here
from sealkit.trees.roots import holds_policy, is_folder
from sealkit.trees.store import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.demands import Asked, Rule
    from sealkit.policy import Policies, Policy
    from sealkit.trees.roots import Below

MAX_BYTES = 32 << 10


def read_policy(path: str) -> bytes | None:
    """Return the text of the policy at a path, None if there is none. Raises ``StoreError``, and ``TooCostly`` for one that is too long."""
    try:
        return read(path, limit=MAX_BYTES).data if holds_policy(os.path.dirname(path)) else None
    except OverLimit as error:
        problem = f"policy: {error.problem}"
    raise TooCostly(problem=problem, hint="say it in fewer rules", path=path)


def policy_of(folder: str, read: Callable[[str], bytes | None] = read_policy) -> Policy | None:
    """Return the policy in a folder, None if there is none. Raises ``ConfigError`` with its path, and ``StoreError``."""
    path = os.path.join(folder, POLICY)
    data = read(path)
    if data is None:
        return None
    from sealkit.policy import Policy

    try:
        return Policy.parse(data)
    except ConfigError as error:
        raise error.at(path=path) from None


class Reach(NamedTuple):
    """How far a verb goes: whether it ``writes``, and what it does to records that no rule matches.

    ``PASSED_OVER``: nothing, but to those that were ``named`` themselves; ``SEARCHED``: nothing may stand open in them either. With
    ``leniently``, that is all that is demanded of any record. ``every``: a record that rules match for other fields only is treated as
    one that none matches, too, so that no blob is left behind.
    """

    writes: bool = False
    uncovered: str = ""
    named: frozenset[str] = frozenset()
    leniently: bool = False
    every: bool = False


OF_A_READER = Reach()


class Reading(NamedTuple):
    """How policies are found and read: which folders hold one, by which function of its path, and ``leniently`` or not (see ``Reach``)."""

    read: Callable[[str], bytes | None] = read_policy
    leniently: bool = False
    holds: Callable[[str], bool] = holds_policy


FROM_DISK = Reading()


class Level(NamedTuple):
    """A policy that applies: the absolute folder it stands in, the way there from the tree's root (``""`` or ``a/b/``), what it says."""

    folder: str
    prefix: str
    policy: Policy


PASSED_OVER, SEARCHED = "passed over", "searched"


class Demanded:
    """Says of each file what is demanded of its fields; policies are read once.

    All policies on the way from a tree's root down to a file count. A file that none says anything about is treated as if there were none, unless ``reach`` says otherwise or fields were named.
    """

    def __init__(
        self,
        below: Below,
        asked: Asked,
        reach: Reach = OF_A_READER,
        read: Callable[[str], bytes | None] = read_policy,
    ) -> None:
        self._below = below
        self._read = read
        self._asked = asked
        self._alone = asked.alone()
        self._reach = reach
        self._policies: dict[str, Policy | None] = {}
        self._known: dict[tuple[int, tuple[str, ...]], tuple[Rule, tuple[FieldRule, ...]]] = {}
        self._levels: dict[tuple[str, ...], tuple[Level, ...]] = {}
        self._together: dict[tuple[str, ...], Policies | None] = {}
        self._uncovered: dict[tuple[str, ...], tuple[FieldRule, ...]] = {}

    def read(self) -> None:
        """Read the policies of the paths that were given, so that a broken one is one error, not one for each file. Raises as below."""
        for folder in self._below.given_policies():
            self.policy_in(folder)

    def has_policy(self) -> bool:
        """Say whether there is a policy in every tree that the given paths are in."""
        roots = self._below.roots()
        return bool(roots) and roots <= self._below.given_policies()

    def root(self, path: str) -> str:
        """Return the root of the tree that a path is in."""
        return self._below.root(os.path.join(path, ".") if is_folder(path) else path)

    def root_above(self, path: str) -> str:
        """Return the root of the tree that a file, or what stands in a file's place, is in."""
        return self._below.root(path)

    def is_whole(self, folder: str) -> bool:
        """Say whether an absolute folder is one of the given ones, or below one."""
        return self._below.is_given(folder)

    def below(self, path: str) -> str:
        """Return the path of a file below the root of its tree."""
        return self._below(path)

    def passed_over(self) -> list[str]:
        """Return the folders above a tree whose policies were found to be somebody else's, and do not count."""
        return sorted(self._below.passed_over)

    def policy_in(self, folder: str) -> Policy | None:
        """Return the policy that stands in an absolute folder. Raises ``ConfigError`` and ``StoreError``."""
        if folder not in self._policies:
            self._policies[folder] = policy_of(folder, self._read)
        return self._policies[folder]

    def levels(self, path: str) -> tuple[Level, ...]:
        """Return the policies that apply to a file, outermost first. Raises ``ConfigError`` and ``StoreError``."""
        folders = self._below.policies(path)
        if folders not in self._levels:
            self._levels[folders] = tuple(self._each_of(folders))
        return self._levels[folders]

    def _each_of(self, folders: tuple[str, ...]) -> Iterator[Level]:
        for folder in folders:
            policy = self.policy_in(folder)
            if policy is not None:
                way = os.path.relpath(folder, folders[0])
                yield Level(folder, "" if way == "." else way + "/", policy)

    def beyond(self, path: str) -> tuple[str, tuple[Level, ...]] | None:
        """Return the work tree that keeps policies away from a file, and those; None if nothing does. Raises as ``levels``."""
        found = self._below.beyond(path)
        return (found[0], tuple(self._each_of(found[1]))) if found is not None else None

    def policies(self, path: str) -> Policies | None:
        """Return what the policies that apply to a file say together, None if there are none. Raises as ``levels``."""
        folders = self._below.policies(path)
        if not folders:
            return None
        if folders not in self._together:
            from sealkit.policy import Policies

            levels = self.levels(path)
            self._together[folders] = Policies((level.prefix, level.policy) for level in levels) if levels else None
        return self._together[folders]

    def __call__(self, path: str) -> tuple[FieldRule, ...]:
        """Return the demands on the fields of a file, in the order of the policies.

        Raises ``ConfigError`` for a policy that is none, or that contradicts another one where the verb writes; ``Usage`` where what was
        asked for is what a policy refuses; and ``StoreError``.
        """
        policies = self.policies(path)
        if policies is None:
            return self._alone
        below = self._below(path)
        rule = self._rule(policies, path, below)
        if rule is None:
            return self._without_rule(policies, path, below)
        also = self._also(policies, below)
        known = self._known.get((id(rule), also))
        if known is None:
            demands = self._asked.over(rule, writes=self._reach.writes)
            demands = leniently(demands) if self._reach.leniently else demands
            known = self._known[id(rule), also] = rule, (*demands, *_besides(demands, also))  # kept, so that no other gets its id
        return known[1]

    def alike(self, path: str) -> tuple[FieldRule, ...] | None:
        """Return what is demanded of a file and of all others in its folder; None where it depends on their names. Raises as ``levels``."""
        return None if self.levels(path) else self._alone

    def _also(self, policies: Policies, below: str) -> tuple[str, ...]:
        """Return the fields that are looked for in a file whatever rules match it."""
        if self._asked.fields is not None:
            return ()
        if self._reach.every:
            return tuple(dict.fromkeys((*(demand.path for demand in self._alone), *policies.elsewhere(below))))
        return policies.elsewhere(below) if self._reach.uncovered == SEARCHED else ()

    def _rule(self, policies: Policies, path: str, below: str) -> Rule | None:
        try:
            return policies.rule(below, writes=self._reach.writes)
        except ConfigError as error:
            if len(policies.levels) < 2:
                raise
            problem = error.problem
        names = " and ".join(from_here(os.path.join(folder, POLICY)) for folder in self._below.policies(path))
        raise ConfigError(
            problem=f"the policies that hold here ({names}) contradict each other: {problem}",
            hint="say it once, in the policy of the tree's root, and remove the one further in",
            path=path,
        )

    def _without_rule(self, policies: Policies, path: str, below: str) -> tuple[FieldRule, ...]:
        """Return what is demanded of a file that no rule matches."""
        if not self._reach.uncovered or self._asked.fields is not None:
            return self._alone
        if self._reach.uncovered == PASSED_OVER:
            return self._alone if path in self._reach.named else ()
        paths = policies.elsewhere(below)
        if paths not in self._uncovered:
            self._uncovered[paths] = tuple(FieldRule(one, required=False, line=UNCOVERED) for one in paths)
        return self._uncovered[paths]


def _besides(demands: tuple[FieldRule, ...], also: tuple[str, ...]) -> Iterator[FieldRule]:
    """Yield what is looked for besides: each field of which the rules that match demand nothing themselves."""
    known = {demand.path for demand in demands}
    return (FieldRule(path, required=False, line=ALSO) for path in also if path not in known)
