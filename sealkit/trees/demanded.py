"""What is demanded of the fields of each file: by the policy of its tree, and by what was asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.demands import UNCOVERED, FieldRule, leniently
from sealkit.errors import ConfigError
from sealkit.records.kinds import POLICY
from sealkit.trees.roots import is_folder, is_there
from sealkit.trees.store import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.demands import Asked, Rule
    from sealkit.policy import Policy
    from sealkit.trees.roots import Below

MAX_BYTES = 32 << 10


def read_policy(path: str) -> bytes | None:
    """Return the text of the policy at a path, None if there is none. Raises ``StoreError``."""
    return read(path, limit=MAX_BYTES + 1).data if is_there(path) else None


def policy_of(root: str, read: Callable[[str], bytes | None] = read_policy) -> Policy | None:
    """Return the policy in the root of a tree, None if there is none. Raises ``ConfigError`` with its path, and ``StoreError``."""
    path = os.path.join(root, POLICY)
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
    ``leniently``, that is all that is demanded of any record.
    """

    writes: bool = False
    uncovered: str = ""
    named: frozenset[str] = frozenset()
    leniently: bool = False


class Reading(NamedTuple):
    """How policies are read: by which function of their path, and ``leniently`` or not (see ``Reach``)."""

    read: Callable[[str], bytes | None] = read_policy
    leniently: bool = False


PASSED_OVER, SEARCHED = "passed over", "searched"


class Demanded:
    """Says of each file what is demanded of its fields; policies are read once.

    A file that its tree's policy says nothing about is treated as if there were none, unless ``reach`` says otherwise or fields were named.
    """

    def __init__(
        self,
        below: Below,
        asked: Asked,
        reach: Reach = Reach(),  # noqa: B008 - a constant
        read: Callable[[str], bytes | None] = read_policy,
    ) -> None:
        self._below = below
        self._read = read
        self._asked = asked
        self._alone = asked.alone()
        self._reach = reach
        self._policies: dict[str, Policy | None] = {}
        self._known: dict[Rule, tuple[FieldRule, ...]] = {}
        self._uncovered: dict[Policy, tuple[FieldRule, ...]] = {}

    def read(self) -> None:
        """Read the policies of the paths that were given, so that a broken one is one error, not one for each file. Raises as below."""
        for root in self._below.roots():
            self.policy_in(root)

    def has_policy(self) -> bool:
        """Say whether there is a policy in every tree that the given paths are in."""
        return bool(self._policies) and None not in self._policies.values()

    def root(self, path: str) -> str:
        """Return the root of the tree that a path is in."""
        return self._below.root(os.path.join(path, ".") if is_folder(path) else path)

    def is_whole(self, path: str) -> bool:
        """Say whether the root of the tree that a file is in is one of the given folders, or below one."""
        return self._below.is_given(self._below.root(path))

    def below(self, path: str) -> str:
        """Return the path of a file below the root of its tree."""
        return self._below(path)

    def policy_in(self, root: str) -> Policy | None:
        """Return the policy in a root. Raises as ``policy``."""
        if root not in self._policies:
            self._policies[root] = policy_of(root, self._read)
        return self._policies[root]

    def policy(self, path: str) -> Policy | None:
        """Return the policy of the tree that a file is in. Raises ``ConfigError`` and ``StoreError``."""
        return self.policy_in(self._below.root(path))

    def __call__(self, path: str) -> tuple[FieldRule, ...]:
        """Return the demands on the fields of a file, in the order of the policy.

        Raises ``ConfigError`` for a policy that is none, ``Usage`` where what was asked for is what it refuses, and ``StoreError``.
        """
        policy = self.policy(path)
        if policy is None:
            return self._alone
        below = self._below(path)
        rule = policy.rule(below)
        if rule is None:
            return self._without_rule(policy, path, below)
        if rule not in self._known:
            demands = self._asked.over(rule, writes=self._reach.writes)
            self._known[rule] = leniently(demands) if self._reach.leniently else demands
        return self._known[rule]

    def _without_rule(self, policy: Policy, path: str, below: str) -> tuple[FieldRule, ...]:
        """Return what is demanded of a file that no rule matches."""
        if not self._reach.uncovered or self._asked.fields is not None:
            return self._alone
        if self._reach.uncovered == PASSED_OVER:
            return self._alone if path in self._reach.named else ()
        if policy.leaves_out(below):
            return ()
        if policy not in self._uncovered:
            paths = dict.fromkeys(field.path for rule in policy.rules for field in rule.fields)
            self._uncovered[policy] = tuple(FieldRule(path, required=False, line=UNCOVERED) for path in paths)
        return self._uncovered[policy]
