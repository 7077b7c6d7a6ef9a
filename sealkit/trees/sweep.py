"""What interrupted runs left behind, removed or finished."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from sealkit.errors import SealkitError, StoreError
from sealkit.trees import lock, swap
from sealkit.trees.folders import LISTED, failure, open_folder, release
from sealkit.trees.found import TEMP_PREFIX, Found
from sealkit.trees.walk import leftovers


class Swept(NamedTuple):
    """How many temporary files were removed, how many saves put back in their place, and what could not be dealt with."""

    removed: int
    restored: int
    problems: tuple[SealkitError, ...]


def sweep(root: str, *, below: bool = True) -> Swept:
    """Deal with the temporary files in a folder and, if ``below``, in those in it. To be called before anything is written there.

    Files of a commit that is under way (by a process that works in another tree that overlaps this one) are left alone. Folders that
    cannot be looked into are passed over: the walk for records reports them.
    """
    removed = restored = 0
    problems: list[SealkitError] = []
    for found in leftovers(root) if below else _here(root):
        name = os.path.basename(found.path)
        if found.problem is not None or not swap.is_ours(name):
            continue
        try:
            settled = _settle(found.path, found.root, name)
        except SealkitError as error:
            problems.append(error.with_traceback(None).at(path=found.path))
        else:
            removed += settled is True
            restored += settled is False
    return Swept(removed, restored, tuple(problems))


def _here(folder: str) -> list[Found]:
    try:
        names = sorted(name for name in os.listdir(folder or ".") if name.startswith(TEMP_PREFIX))
    except OSError:  # passed over, as above
        return []
    return [Found(os.path.join(folder, name), folder) for name in names]


def _settle(path: str, root: str, name: str) -> bool | None:
    folder = open_folder(path, root, flags=LISTED)
    try:
        if not lock.own_folder(folder):
            return None
        if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
            return None
        return swap.settle(folder, name)
    except FileNotFoundError:
        return None
    except StoreError as error:
        error.path = path
        problem: StoreError = error.with_traceback(None)
    except OSError as error:
        problem = failure("is a leftover of an interrupted run and cannot be removed", error, path)
    finally:
        release(folder)
    raise problem
