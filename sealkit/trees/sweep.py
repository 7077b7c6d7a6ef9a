"""What interrupted runs left behind, removed or finished."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from sealkit.errors import SealkitError, StoreError
from sealkit.trees import lock, swap
from sealkit.trees.folders import LISTED, failure, open_folder
from sealkit.trees.walk import leftovers


class Swept(NamedTuple):
    """How many temporary files were removed, how many saves put back in their place, and what could not be dealt with."""

    removed: int
    restored: int
    problems: tuple[SealkitError, ...]


def sweep(root: str) -> Swept:
    """Deal with the temporary files below a folder. To be called by who holds the tree's lock, before anything is written.

    Files of a commit that is under way (by a process that works in another tree that overlaps this one) are left alone. Folders that
    cannot be looked into are passed over: the walk for records reports them.
    """
    removed = restored = 0
    problems: list[SealkitError] = []
    for found in leftovers(root):
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
        os.close(folder)
    raise problem
