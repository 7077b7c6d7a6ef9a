"""What the keys of a ring may take together, before any of them is derived: a ring may come from anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit import limits
from sealkit.errors import TooCostly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealkit.keys.access import Source
    from sealkit.keys.ringfile import Declaration


def check_cost(keys: Iterable[Declaration]) -> None:
    """Raise ``TooCostly`` if the keys that may open, and those that they are wrapped under, would take too long, or too much, to derive."""
    keys = tuple(keys)
    sources = {declared.id: declared.source for declared in keys}
    needed: dict[str, Source] = {}
    for declared in keys:
        key_id: str | None = declared.id if declared.may_open else None
        while key_id is not None and key_id not in needed:
            needed[key_id] = sources[key_id]
            key_id = sources[key_id].needs
    costs = [source.cost for source in needed.values()]
    costs += [declared.mac.cost for declared in keys if declared.mac is not None and declared.may_open]
    seconds, memory = sum(cost.seconds for cost in costs), sum(cost.memory for cost in costs)
    if seconds > limits.RING_SECONDS or memory > limits.RING_BYTES:
        raise TooCostly(
            problem=f"key ring: deriving its keys takes about {seconds:.0f} s and {memory / limits.GIB:.1f} GiB; at most "
            f"{limits.RING_SECONDS:.0f} s and {limits.RING_BYTES // limits.GIB} GiB are spent on a ring",
            hint="take keys out of use with: sealkit keys disable ID; or divide it into rings that are named with --keys FILE",
        )
