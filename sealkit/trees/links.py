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
        return self._judged(path, self._is_inside, leads_on=leads_on)

    def staged(self, path: str, target_of: Callable[[str], str | None]) -> StoreError | None:
        """Return the same of a link in git's index; ``target_of`` says where one leads, by its path below the root of its tree, as ``path``."""
        return self._judged(path, lambda path: stays_below(self._known().below(path), target_of), leads_on=True)

    def _judged(self, path: str, is_inside: Callable[[str], bool], *, leads_on: bool) -> StoreError | None:
        try:
            if is_inside(path) or not self.is_expected(path, leads_on=leads_on):
                return None
        except SealkitError:  # of a policy that cannot be read: whoever looks at it says so
            pass
        return LeadsOut(problem="a link out of the tree, where a record is expected: what it leads to is not looked at", path=path)

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


def stays_below(below: str, target_of: Callable[[str], str | None]) -> bool:
    """Say of a path whether it, and every link on the way that ``target_of`` knows, stays below the root; a loop leads nowhere else.

    Nothing is looked up on the disk. What starts with a slash leads out: on another machine it leads who knows where.
    """
    return _stays(_Named(target_of), below)


def leads_into(root: str, below: str) -> bool:
    """Say whether a path below a folder, and every link on the way, stays below it; what is not there, or a loop, leads nowhere else.

    Each step is looked up in the descriptor of the folder before it.
    """
    way = _Opened(root)
    try:
        way.begin()
        return _stays(way, below)
    except (OSError, ValueError):  # nothing is there, or nobody may look
        return True
    finally:
        way.close()


def _stays(way: _Named | _Opened, below: str) -> bool:
    """Go along a path and the links on it; say whether that stays below where it began. What git keeps for itself is no part of a tree."""
    pending, hops = below.split("/")[::-1], 0
    while pending:
        step = pending.pop()
        if step == _GIT or (step == ".." and not way.up()):
            return False
        target = way.into(step) if step not in {"", ".", ".."} else None
        if target is None:
            continue
        hops += 1
        if hops > _MOST_HOPS:
            return True
        from_root = way.again(target) if target.startswith("/") else target
        if from_root is None:
            return False
        pending += from_root.split("/")[::-1]
    return True


class _Named:
    """A way through what is known by name alone."""

    def __init__(self, target_of: Callable[[str], str | None]) -> None:
        self._target_of = target_of
        self._here: list[str] = []

    def up(self) -> bool:
        """Go back one folder; False at the root."""
        return bool(self._here and self._here.pop())

    def into(self, step: str) -> str | None:
        """Go on; of a link return the target instead."""
        target = self._target_of("/".join((*self._here, step)))
        if target is None:
            self._here.append(step)
        return target

    def again(self, target: str) -> str | None:
        """Begin anew for a target that starts with a slash: None, for it leads out."""
        return None


class _Opened:
    """A way through folders, the descriptors of which are open."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._opened: list[int] = []

    def begin(self) -> None:
        """Open the root. Raises ``OSError``."""
        self._opened.append(os.open(self._root, PASSED & ~os.O_NOFOLLOW))

    def close(self) -> None:
        """Close all that is open."""
        for one in self._opened:
            release(one)

    def up(self) -> bool:
        """Go back one folder; False at the root."""
        if len(self._opened) == 1:
            return False
        release(self._opened.pop())
        return True

    def into(self, step: str) -> str | None:
        """Go on into a folder; of a link return the target instead. What is a file ends the way: ``OSError`` for what leads on from it."""
        mode = os.lstat(step, dir_fd=self._opened[-1]).st_mode
        if stat.S_ISLNK(mode):
            return os.readlink(step, dir_fd=self._opened[-1])
        if stat.S_ISDIR(mode):
            self._opened.append(os.open(step, PASSED, dir_fd=self._opened[-1]))
        return None

    def again(self, target: str) -> str | None:
        """Begin anew for a target that starts with a slash, and return it as a path below the root; None if it is none."""
        if not is_within(os.path.normpath(target), self._root):
            return None
        while self.up():
            continue
        return os.path.relpath(os.path.normpath(target), self._root)
