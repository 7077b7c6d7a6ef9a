"""A task with all that it may ask about the trees that its paths are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from sealkit.errors import Usage
from sealkit.records.identity import Binding
from sealkit.trees import orders
from sealkit.trees.demanded import FROM_DISK, PASSED_OVER, SEARCHED, Demanded, Reach, Reading
from sealkit.trees.elsewhere import Elsewhere
from sealkit.trees.orders import Around, Task
from sealkit.trees.roots import Below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sealkit.demands import Asked
    from sealkit.legacy import Salted
    from sealkit.sealer import Sealer
    from sealkit.trees.found import Found

WRITING = frozenset({orders.SEAL, orders.ROTATE, orders.RETAG})


class _More(TypedDict, total=False):
    """What a task may need beside the fields: the sealers, the payload, and what is known of the tree around."""

    opener: Sealer | None
    sealer: Sealer | None
    payload: bytes | Salted | None
    around: Around


def task(
    verb: str,
    asked: Asked,
    paths: Sequence[str],
    walk: Callable[[], Iterable[Found]] | None = None,
    *,
    opener: Sealer | None = None,
    sealer: Sealer | None = None,
    payload: bytes | Salted | None = None,
    policies: Reading = FROM_DISK,
) -> Task:
    """Return the task of a verb on what is below the paths: as was asked for, and as the policies there demand.

    ``walk`` yields the records among which the place of a misplaced blob is looked for; ``policies`` says how these are read.
    """
    below = Below(paths, policies.holds)
    uncovered = SEARCHED if verb == orders.CHECK else PASSED_OVER if verb == orders.SEAL and not isinstance(payload, bytes) else ""
    reach = Reach(verb in WRITING, uncovered, frozenset(paths), policies.leniently, every=verb in (orders.ROTATE, orders.VERIFY))
    demanded = Demanded(below, asked, reach, policies.read)
    demanded.read()
    around = Around(demanded, below, Elsewhere(walk, below, demanded) if walk is not None else None, alike=demanded.alike)
    return _task(verb, asked, opener=opener, sealer=sealer, payload=payload, around=around)


def demanded_by(task: Task) -> Demanded:
    """Return what says what is demanded of each file, for a task on paths. Raises ``Usage`` for a task that is in no tree."""
    demanded = task.around.demanded
    if not isinstance(demanded, Demanded):
        raise Usage(problem="a record that is in no tree has no policy", hint="name its file")
    return demanded


def nowhere(verb: str, asked: Asked, **more: Unpack[_More]) -> Task:
    """Return the task of a verb on a record that is in no tree."""
    return _task(verb, asked, **more)


def _task(verb: str, asked: Asked, **more: Unpack[_More]) -> Task:
    fields = tuple(demand.path for demand in asked.alone())
    return Task(verb, fields, binding=Binding(asked.bind), **more)
