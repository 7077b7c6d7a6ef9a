"""Field paths: ``secured``, ``a.b``, ``a[].b`` (every item), ``a[0].b`` (one item)."""

from __future__ import annotations

import re
from functools import lru_cache

from sealkit.errors import BadFieldPath

EVERY = None
"""The step ``[]``: every item of a sequence."""

Step = str | int | None
Steps = tuple[Step, ...]

_STEP = re.compile(r"\[(?P<index>[0-9]{0,9})\]|(?P<dot>\.?)(?P<key>[^.\[\]]+)")


@lru_cache(maxsize=1024)
def parse(path: str) -> Steps:
    """Return the steps of a field path: text for a key, a number for an item (from 0), None for every item.

    Raises ``BadFieldPath``.
    """
    steps: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or bool(match["dot"]) != (at > 0 and match["key"] is not None):
            raise BadFieldPath(problem=f"field path {path!r}: no key or [number] at character {at}")
        if match["key"] is not None:
            steps.append(match["key"])
        else:
            steps.append(int(match["index"]) if match["index"] else EVERY)
        at = match.end()
    if not steps:
        raise BadFieldPath(problem="the field path is empty")
    return tuple(steps)


def join(steps: Steps) -> str:
    """Return the text of a path; ``parse(join(steps)) == steps``."""
    text = "".join(f".{step}" if isinstance(step, str) else "[]" if step is EVERY else f"[{step}]" for step in steps)
    return text.removeprefix(".")
