"""Submodules in git's index, in a tree whose policies speak of what is in them and do not hold there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import SealkitError
from sealkit.git.program import is_top
from sealkit.records.kinds import POLICY
from sealkit.report import FINDING, Outcome
from sealkit.trees.found import SPARSE
from sealkit.trees.versions import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.policy import Policies
    from sealkit.trees.demanded import Demanded
    from sealkit.trees.found import Left

CODE = "inner_work_tree"


def findings(repository: Repository, demanded: Demanded, left: Left, since: str | None = None) -> Iterator[Outcome]:
    """Yield a finding for each submodule in which a rule of the policies around it covers a file, or may: what is not here may be one.

    What is not checked out, and no rule covers, is counted in ``left``. ``since``: a commit, and only submodules that it has not.
    """
    for name, commit in repository.submodules(since):
        path, inner = repository.shown(name), os.path.join(repository.top, name)
        is_here = is_top(inner)
        try:
            policies = demanded.policies(path)
            below = demanded.below(path)
        except SealkitError:  # of a policy that cannot be read: whoever looks at it says so
            continue
        if policies is not None and policies.reach(below, leads_on=True, is_folder=True):
            if not is_here:
                yield _finding(path, below, "is not checked out: its rules may cover records in it")
            elif _covers(policies, below, inner, commit):
                yield _finding(path, below, "has, or may have, files that its rules cover")
        elif not is_here:
            left.add(SPARSE)


def _covers(policies: Policies, below: str, inner: str, commit: str) -> bool:
    """Say whether a rule covers a file of a submodule's commit, or whether that commit is not to be had."""
    try:
        names = Repository([inner]).files(commit)
        return any(policies.reach(f"{below}/{name}", leads_on=False) for name in names)
    except SealkitError:
        return True


def _finding(path: str, below: str, what: str) -> Outcome:
    problem = f"a submodule, where the {POLICY} around it does not hold, {what}"
    hint = f"take it out; or say in {POLICY} that what is in it does not count: exclude: [{below!r}]"
    return Outcome(path, FINDING, None, CODE, message=problem, hint=hint, exit_status=1)
