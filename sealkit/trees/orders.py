"""What is to be done: a verb on the records of files, and for each field what is demanded of it and with which keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs
from sealkit.demands import ALSO, FieldRule, kind_among
from sealkit.errors import SealkitError
from sealkit.records import fieldpath
from sealkit.records.identity import UNDEMANDED, Binding, overlap
from sealkit.records.spelling import spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealkit.crypto.blob import Blob
    from sealkit.legacy import Salted
    from sealkit.records.identity import Bind, Place
    from sealkit.records.record import Record
    from sealkit.records.spelling import Spelling
    from sealkit.sealer import Sealer

INSPECT, OPEN, DECRYPT, REVEAL, SEAL = "inspect", "open", "decrypt", "reveal", "seal"
ROTATE, SETTLED, VERIFY, RETAG, CHECK = "rotate", "settled", "verify", "retag", "check"


class Around(NamedTuple):
    """What a verb may ask about the tree that a file is in; each may be None, where nothing is known.

    ``demanded`` says what is demanded of a file's fields, in the place of the task's own ``fields`` and ``binding``; ``below`` gives a
    file's path below the tree's root; ``elsewhere`` names the record that a blob is authentic for, if any; ``blessed`` gives a file's
    content in the git revision that somebody vouches for, if any; ``was`` says what a field's blob was bound to before (``retag``);
    ``alike`` says what is demanded of all files in a file's folder, or None where that depends on their names.
    """

    demanded: Callable[[str], Sequence[FieldRule]] | None = None
    below: Callable[[str], str] | None = None
    elsewhere: Callable[[Sealer, Blob], str | None] | None = None
    blessed: Callable[[str], bytes | None] | None = None
    was: Callable[[str, Record, str, Bind, int | None], Place] | None = None
    alike: Callable[[str], Sequence[FieldRule] | None] | None = None


NOWHERE = Around()
_MOST_KEPT = 1024
CHANGING = frozenset({SEAL, ROTATE, REVEAL, RETAG})
"""The verbs that change records."""

_STRICT = frozenset({OPEN, DECRYPT, REVEAL, ROTATE, SEAL, VERIFY})


class Task:
    """What to do to every record: a verb, the fields (``a[].b`` allowed), and the sealers it needs.

    ``opener`` opens blobs, ``sealer`` seals; ``payload`` is for ``seal`` of one record; ``binding`` says what authentic blobs are to be
    bound to. ``open`` is ``decrypt`` without the payload, ``reveal`` puts the payload in the blob's place. ``told``: that binary payloads
    are under the key that they seem to be is borne out by what else is in the tree. ``seal_foreign``: another program's ciphertext is sealed, too.
    """

    __slots__ = (
        "_demands",
        "_given",
        "_of_path",
        "_orders",
        "_path",
        "_sought",
        "answers_at_once",
        "around",
        "binding",
        "fields",
        "opener",
        "payload",
        "seal_foreign",
        "sealer",
        "told",
        "verb",
    )

    def __init__(
        self,
        verb: str,
        fields: tuple[str, ...] = (jobs.FIELD,),
        *,
        opener: Sealer | None = None,
        sealer: Sealer | None = None,
        payload: bytes | Salted | None = None,
        binding: Binding = UNDEMANDED,
        around: Around = NOWHERE,
    ) -> None:
        self.verb, self.fields, self.payload = verb, fields, payload
        self.binding, self.around = binding, around
        self.opener, self.sealer = opener, sealer
        self.told = False
        self.answers_at_once = False  # as the file before was: which way is tried first, not what comes of it
        self.seal_foreign = False
        self._orders: dict[FieldRule, Order] = {}
        self._demands: Sequence[FieldRule] | None = None
        self._path: str | None = None
        self._of_path: Sequence[FieldRule] = ()
        self._given: Sequence[Order] = ()
        self._sought: dict[int, tuple[Sequence[FieldRule], Sought]] = {}

    def orders(self, path: str) -> Sequence[Order]:
        """Return what to do in a file. Raises ``ConfigError`` for a policy that is none, ``Usage`` for what a policy refuses."""
        demanded = self.around.demanded
        if demanded is None:
            rules = (FieldRule(pattern, required=False, bind=self.binding.bind) for pattern in self.fields)
            return [Order(rule, self.binding, self.opener, self.sealer) for rule in rules]
        demands = self._demanded(path, demanded)
        if demands is not self._demands:  # nearly all files of a tree have the very same
            self._given = [self._orders.get(demand) or self._order(demand) for demand in demands]
            self._demands = demands
        return self._given

    def sought(self, path: str) -> Sought:
        """Return what is looked for in a file, made once for all files of which the very same is demanded. Raises as ``orders``."""
        demanded = self.around.demanded
        return self._looked_for(self._demanded(path, demanded)) if demanded is not None else sought_by(self.rules(path))

    def _demanded(self, path: str, demanded: Callable[[str], Sequence[FieldRule]]) -> Sequence[FieldRule]:
        """Return what is demanded of a file, asked once for all that is asked of it."""
        if path != self._path:
            self._of_path = demanded(path)
            self._path = path
        return self._of_path

    def sought_by_all(self, path: str) -> Sought | None:
        """Return what is looked for in a file and in all others of its folder; None where that depends on their names. Raises as ``orders``."""
        alike = self.around.alike(path) if self.around.alike is not None else None
        return self._looked_for(alike) if alike is not None else None

    def _looked_for(self, demands: Sequence[FieldRule]) -> Sought:
        known = self._sought.get(id(demands))
        if known is None:
            if len(self._sought) >= _MOST_KEPT:
                self._sought.clear()
            for demand in demands:
                self.also(demand)  # raises for what a policy refuses
            known = self._sought[id(demands)] = demands, sought_by(demands)  # which keeps them, so that nothing else gets their id
        return known[1]

    def rules(self, path: str) -> Sequence[FieldRule]:
        """Return what is demanded of the fields of a file. Raises as ``orders``."""
        return [order.demand for order in self.orders(path)]

    def also(self, demand: FieldRule) -> Order:
        """Return what to do to fields that nobody names: to look at them as at those that are."""
        return self._orders.get(demand) or self._order(demand)

    def _order(self, demand: FieldRule) -> Order:
        """Return what to do to the fields of which this is demanded. Tags are checked, and moved, whatever format is demanded."""
        opener, sealer = self.opener, self.sealer
        if opener is not None:
            least = demand.format if self.verb in _STRICT else "plain"
            kind = demand.payload if self.verb != CHECK else "text"  # tags are checked, and nothing is opened
            opener = opener.under(payload=kind, least=least, keys=demand.keys, opens=True)
        if sealer is not None:
            sealer = sealer.under(payload=demand.payload, least=demand.format, keys=demand.keys, opens=False)
        order = Order(demand, self.binding._replace(bind=demand.bind), opener, sealer)
        self._orders[demand] = order
        return order

    def file(self, path: str) -> Callable[[], str] | None:
        """Return what gives a file's path below its tree's root, if that is known."""
        below = self.around.below
        return None if below is None else lambda: below(path)

    def as_settled(self) -> Task:
        """Return the task for a file that was written already: what is there is counted as unchanged."""
        return Task(SETTLED, self.fields, sealer=self.sealer, binding=self.binding, around=self.around)

    def __repr__(self) -> str:
        return f"<Task {self.verb} {','.join(self.fields)}>"


class Sought(NamedTuple):
    """What is looked for in a file: ``fields``, how their names may be spelt, and those under which payloads stand open, and of which of them it is ``told`` that they are absent.

    ``is_required``: one of them must be there; ``is_covered``: a rule of a policy matches the file; ``kind``: what a policy says it is.
    """

    fields: tuple[str, ...]
    spelling: Spelling
    with_open: Spelling
    told: tuple[str, ...]
    is_required: bool
    is_covered: bool
    kind: str | None


def sought_by(demands: Sequence[FieldRule]) -> Sought:
    """Return what is looked for in a file of whose fields this is demanded."""
    fields = tuple(demand.path for demand in demands)
    return Sought(
        fields,
        spelling(fields),
        spelling(fields, with_open=True),
        tuple(demand.path for demand in demands if demand.line != ALSO),
        any(demand.required for demand in demands),
        any(demand.line > 0 for demand in demands),
        kind_among(demands),
    )


class Order(NamedTuple):
    """What a task is to do to the fields that a demand's path (``a[].b``) names, and with what."""

    demand: FieldRule
    binding: Binding
    opener: Sealer | None
    sealer: Sealer | None


class Asked(NamedTuple):
    """A field that an order is about, or that a record lacks, or where a ``problem`` kept it from being looked for."""

    order: Order
    field: str
    is_absent: bool = False
    problem: SealkitError | None = None


def apart(given: Sequence[Order]) -> list[Sequence[Order]]:
    """Return orders in groups, in their order: in each, no field may be one of another order, around it or within it."""
    groups: list[list[Order]] = []
    known: list[fieldpath.Steps] = []
    for order in given:
        steps = _steps(order.demand.path) if len(given) > 1 else ()
        if not groups or any(overlap(steps, before) for before in known):
            groups.append([])
            known = []
        groups[-1].append(order)
        known.append(steps)
    return [*groups]


def _steps(path: str) -> fieldpath.Steps:
    """Return the steps of a path; none, which lead everywhere, for what is none."""
    try:
        return fieldpath.parse(path)
    except SealkitError:
        return ()
