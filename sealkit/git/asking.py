"""What is asked of the fields of a file that git names, with the keys there are, or without."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from sealkit.demands import Asked
from sealkit.errors import SealkitError, Usage
from sealkit.git.plumbing import Repository
from sealkit.sealer import Sealer
from sealkit.trees import tasks
from sealkit.trees.fields import Orders
from sealkit.trees.orders import DECRYPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.keys.ring import KeyRing

_TEMPORARY = re.compile(r"git-blob-[A-Za-z0-9]{6}/|[A-Za-z0-9]{6}_")  # as git names what it hands to textconv, now and before 2.37
_MOST_NAMES = 100


def orders(
    paths: Sequence[str], asked: Asked, ring: KeyRing | None, *, seals: bool = False, require_authentic: bool = False
) -> list[Orders]:
    """Return what is asked of the fields of each file: opened as ``decrypt`` opens them, and, if it ``seals``, sealed as ``seal`` does.

    Without keys that do, nothing is opened or sealed. Raises as ``tasks.task``.
    """
    if ring is not None:
        opener = Sealer(ring, require_authentic=require_authentic)
        try:
            task = tasks.task(DECRYPT, asked, paths, opener=opener, sealer=opener if seals and ring.can_seal else None)
            return [Orders(task, path) for path in paths]
        except Usage:  # binary payloads, whose key must be named
            pass
    task = tasks.task(DECRYPT, asked, paths)
    return [Orders(task, path) for path in paths]


def names_of(path: str) -> list[str]:
    """Return the paths that a file handed out by git may have in the work tree: of a temporary one all those of its name."""
    name = os.path.basename(path)
    temporary = _TEMPORARY.match(os.path.relpath(path, _temp())) if os.path.isabs(path) else None
    if temporary is None:
        return [path]
    if not temporary[0].endswith("/"):
        name = name[len(temporary[0]) :]
    try:
        repository = Repository("")
        found = repository.tracked(name)[:_MOST_NAMES]
    except SealkitError:
        return [name]
    return [os.path.join(repository.top, one) for one in found] or [name]


def _temp() -> str:
    return os.environ.get("TMPDIR") or "/tmp"  # where git puts it; nothing is written there
