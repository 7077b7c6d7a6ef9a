"""Links that are met in a tree: whether they lead out of it, and whether somebody expects a record there. None is ever followed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from sealkit.demands import Asked
from sealkit.errors import LeadsOut, SealkitError
from sealkit.records.kinds import is_record_name
from sealkit.trees.demanded import Demanded
from sealkit.trees.folders import PASSED, release
from sealkit.trees.roots import Below, is_within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealkit.errors import StoreError

_MOST_HOPS = 40
_GIT = ".git"


class Links:
    """Says of each link below some paths what is wrong with it: one out of its tree where a record is expected.

    That is where a rule of the policy matches its name, or what may be below it; without a policy, where the name is a record's.
    """

    def __init__(self, paths: Sequence[str], demanded: Demanded | None = None) -> None:
        self._paths = paths
        self._demanded = demanded

    def __call__(self, path: str, leads_on: bool) -> StoreError | None:
        """Return what is wrong with a link, which may ``lead on`` to a folder; None if nothing is."""
        try:
            if self._is_inside(path) or not self.is_expected(path, leads_on=leads_on):
                return None
        except SealkitError:  # of a policy that cannot be read: whoever looks at it says so
            pass
        return _leads_out(path)

    def staged(self, path: str, target_of: Callable[[str], str | None]) -> StoreError | None:
        """Return the same of a link in git's index; ``target_of`` says where one leads, by its path below the root of its tree, as ``path``."""
        try:
            if stays_below(self._known().below(path), target_of) or not self.is_expected(path, leads_on=True):
                return None
        except SealkitError:
            pass
        return _leads_out(path)

    def is_expected(self, path: str, *, leads_on: bool) -> bool:
        """Say whether a record is expected where a link stands. Raises as ``Demanded.policies``."""
        demanded = self._known()
        policies = demanded.policies(path)
        if policies is None:
            return is_record_name(os.path.basename(path))
        return policies.reach(demanded.below(path), leads_on=leads_on)

    def _is_inside(self, path: str) -> bool:
        demanded = self._known()
        return leads_into(demanded.root_above(path), demanded.below(path))

    def _known(self) -> Demanded:
        if self._demanded is None:
            self._demanded = Demanded(Below(self._paths), Asked())
        return self._demanded


def _leads_out(path: str) -> StoreError:
    return LeadsOut(problem="a link out of the tree, where a record is expected: what it leads to is not looked at", path=path)


def stays_below(below: str, target_of: Callable[[str], str | None]) -> bool:
    """Say of a path whether it, and every link on the way that ``target_of`` knows, stays below the root; a loop leads nowhere else.

    Nothing is looked up on the disk. What starts with a slash leads out: on another machine it leads who knows where.
    """
    pending, here, hops = below.split("/")[::-1], list[str](), 0
    while pending:
        step = pending.pop()
        if step == _GIT or (step == ".." and not here):
            return False
        if step == "..":
            here.pop()
        elif step not in {"", "."}:
            here.append(step)
            target = target_of("/".join(here))
            if target is None:
                continue
            hops += 1
            if hops > _MOST_HOPS or target.startswith("/"):
                return hops > _MOST_HOPS
            here.pop()
            pending += target.split("/")[::-1]
    return True


def leads_into(root: str, below: str) -> bool:
    """Say whether a path below a folder, and every link on the way, stays below it; what is not there, or a loop, leads nowhere else.

    Each step is looked up in the descriptor of the folder before it. What git keeps for itself is no part of a tree.
    """
    opened: list[int] = []
    pending = below.split("/")[::-1]
    hops = 0
    try:
        opened.append(os.open(root, PASSED & ~os.O_NOFOLLOW))
        while pending:
            step = pending.pop()
            if step == _GIT:
                return False
            if step == "..":
                release(opened.pop())
                if not opened:
                    return False
            elif step not in {"", "."}:
                target = _entered(opened, step)
                if target is None:
                    continue
                hops += 1
                if hops > _MOST_HOPS:
                    return True
                if target.startswith("/"):
                    if not is_within(os.path.normpath(target), root):
                        return False
                    target = os.path.relpath(os.path.normpath(target), root)
                    while len(opened) > 1:
                        release(opened.pop())
                pending += target.split("/")[::-1]
    except (OSError, ValueError):  # nothing is there, or nobody may look
        return True
    finally:
        for one in opened:
            release(one)
    return True


def _entered(opened: list[int], step: str) -> str | None:
    """Go on into a folder; of a link return the target instead. What is a file ends the way: ``OSError`` for what leads on from it."""
    mode = os.lstat(step, dir_fd=opened[-1]).st_mode
    if stat.S_ISLNK(mode):
        return os.readlink(step, dir_fd=opened[-1])
    if stat.S_ISDIR(mode):
        opened.append(os.open(step, PASSED, dir_fd=opened[-1]))
    return None
