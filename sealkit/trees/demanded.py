"""What is demanded of the fields of each file: by the policy of its tree, and by what was asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import ConfigError
from sealkit.policy import NAME, Policy
from sealkit.trees.store import read

if TYPE_CHECKING:
    from sealkit.demands import Asked, FieldRule, Rule
    from sealkit.trees.roots import Below

MAX_BYTES = 32 << 10


def policy_of(root: str) -> Policy | None:
    """Return the policy in the root of a tree, None if there is none. Raises ``ConfigError`` with its path, and ``StoreError``."""
    path = os.path.join(root, NAME)
    if not os.path.lexists(path):
        return None
    data = read(path, limit=MAX_BYTES + 1).data
    try:
        return Policy.parse(data)
    except ConfigError as error:
        raise error.at(path=path) from None


class Demanded:
    """Says of each file what is demanded of its fields; policies are read once.

    A file that its tree's policy says nothing about is treated as if there were none, but a verb that seals what it finds
    (``only_matched``) leaves it alone, unless it was ``named`` itself, or fields were.
    """

    def __init__(
        self,
        below: Below,
        asked: Asked,
        *,
        writes: bool = False,
        only_matched: bool = False,
        named: frozenset[str] = frozenset(),
    ) -> None:
        self._named = named
        self._below = below
        self._asked = asked
        self._alone = asked.alone()
        self._writes = writes
        self._only_matched = only_matched and asked.fields is None
        self._policies: dict[str, Policy | None] = {}
        self._known: dict[Rule, tuple[FieldRule, ...]] = {}

    def read(self) -> None:
        """Read the policies of the paths that were given, so that a broken one is one error, not one for each file. Raises as below."""
        for root in self._below.roots():
            self._policies[root] = policy_of(root)

    def __call__(self, path: str) -> tuple[FieldRule, ...]:
        """Return the demands on the fields of a file, in the order of the policy.

        Raises ``ConfigError`` for a policy that is none, ``Usage`` where what was asked for is what it refuses, and ``StoreError``.
        """
        root = self._below.root(path)
        if root not in self._policies:
            self._policies[root] = policy_of(root)
        policy = self._policies[root]
        if policy is None:
            return self._alone
        rule = policy.rule(self._below(path))
        if rule is None:
            return () if self._only_matched and path not in self._named else self._alone
        if rule not in self._known:
            self._known[rule] = self._asked.over(rule, writes=self._writes)
        return self._known[rule]
