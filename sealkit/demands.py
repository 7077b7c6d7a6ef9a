"""What is demanded of the records of a tree, as plain values; and when two demands contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.config import shown
from sealkit.errors import ConfigError, Usage
from sealkit.keys.key import STRENGTH
from sealkit.opaque import opaque
from sealkit.records import fieldpath
from sealkit.records.identity import Bind, overlap

if TYPE_CHECKING:
    from collections.abc import Iterable

PAYLOADS: Final = ("text", "json", "binary")


UNCOVERED: Final = -1
"""The ``line`` of a demand on a record that no rule matches: nothing may stand open there, and that is all."""

ALSO: Final = -2
"""The same on a record that rules match for other fields."""


class FieldRule(NamedTuple):
    """What is demanded of one field.

    ``path`` may name several (``a[].b``). ``required``: every record must have it. ``payload``: what it opens to, ``text``, ``json`` or
    ``binary``. ``format``: at least this one of ``STRENGTH``. ``bind``: None, ``"path"``, or the fields that it is bound to.
    ``keys``: the ids of those that may seal here, empty for all. ``line``: where the policy says so, 0 if it does not, ``UNCOVERED`` or
    ``ALSO``. ``everywhere``: it is looked for in all other records, too. ``kind``: of the records, where no suffix says it.
    """

    path: str = "secured"
    required: bool = True
    payload: str = "text"
    format: str = "plain"
    bind: Bind = None
    keys: tuple[str, ...] = ()
    line: int = 0
    everywhere: bool = False
    kind: str | None = None

    def is_met_by(self, format: str) -> bool:
        """Say whether a blob of this format is what is demanded, or stronger."""
        return STRENGTH.index(format) >= STRENGTH.index(self.format)

    def may_seal(self, key_id: str) -> bool:
        """Say whether this key may seal here."""
        return not self.keys or key_id in self.keys

    def demands_as(self, other: FieldRule) -> bool:
        """Say whether two rules demand the same of a record that both match, wherever they stand."""
        return self._replace(line=0, everywhere=False, kind=None) == other._replace(line=0, everywhere=False, kind=None)


class Rule(NamedTuple):
    """Demands on the records whose path below the tree's root an ``include`` glob covers and no ``exclude`` glob does."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    fields: tuple[FieldRule, ...]
    line: int = 0


def leniently(demands: Iterable[FieldRule]) -> tuple[FieldRule, ...]:
    """Return demands that only say where nothing may stand open: for what was sealed before the policy was what it is."""
    return tuple(demand._replace(required=False, format="plain", bind=None) for demand in demands)


def kind_among(demands: Iterable[FieldRule]) -> str | None:
    """Return the kind of record that a policy says a file with these demands is; None if it says nothing."""
    return next((demand.kind for demand in demands if demand.kind is not None), None)


class Asked(NamedTuple):
    """What a command says of the fields itself; None where it leaves that to the policy, or else to what holds without one.

    ``fields``: paths. ``payload``: their kind. ``bind``: what blobs are bound to, which counts where ``says_bind``. ``format``: at least
    this one of ``STRENGTH``, whatever a policy says.
    """

    fields: tuple[str, ...] | None = None
    payload: str | None = None
    bind: Bind = None
    says_bind: bool = False
    format: str = STRENGTH[0]

    def alone(self) -> tuple[FieldRule, ...]:
        """Return what is asked of a record of which no policy demands anything."""
        named = self.fields if self.fields is not None else (FieldRule().path,)
        return tuple(self._undemanded(path) for path in named)

    def over(self, rule: Rule, *, writes: bool) -> tuple[FieldRule, ...]:
        """Return what is asked of a record together with what a policy demands of it.

        A field that is named and not demanded is only asked for. A verb that only reads goes by what was said; one that ``writes`` may
        not write what the policy refuses: raises ``Usage``.
        """
        if self.fields is None:
            return tuple(self._asked(demand, writes=writes) for demand in rule.fields)
        demanded = [(fieldpath.parse(demand.path), demand) for demand in rule.fields]
        kind = kind_among(rule.fields)
        named = (one for path in self.fields for one in self._named(path, demanded, writes=writes))
        return tuple(one if kind is None else one._replace(kind=kind) for one in named)

    def _undemanded(self, path: str) -> FieldRule:
        return FieldRule(path, required=False, payload=self.payload or "text", format=self.format, bind=self.bind)

    def _named(self, path: str, demanded: list[tuple[fieldpath.Steps, FieldRule]], *, writes: bool) -> list[FieldRule]:
        """Return what is asked of a field that was named: whatever is demanded of it, or else nothing in particular."""
        steps = fieldpath.parse(path)
        meant = (demand._replace(path=path) for known, demand in demanded if len(known) == len(steps) and overlap(known, steps))
        return [self._asked(demand, writes=writes) for demand in meant] or [self._undemanded(path)]

    def _asked(self, demand: FieldRule, *, writes: bool) -> FieldRule:
        kind = self.payload if self.payload is not None else demand.payload
        bind = self.bind if self.says_bind else demand.bind
        if writes and kind != demand.payload:
            raise _refused(demand, f"payloads of the kind {demand.payload}, not {kind}", "--payload-kind")
        if writes and demand.bind is not None and bind != demand.bind:
            raise _refused(demand, "another binding", "--bind")
        form = max(demand.format, self.format, key=STRENGTH.index)
        return demand._replace(payload=kind, bind=bind, format=form)


def _refused(demand: FieldRule, what: str, option: str) -> Usage:
    return Usage(
        problem=f"the policy demands {what} of field {shown(demand.path)}",
        hint=f"leave {option} out, and the policy decides; or change the policy",
    )


@opaque
def check_together(fields: Iterable[FieldRule]) -> None:
    """Raise ``ConfigError`` where demands on the fields of one record contradict each other.

    That is: two paths that may name the same field, look alike or lead into each other, unless all that is demanded is the same; and
    a field bound to one that is sealed itself, whose text changes with every sealing.
    """
    known = [(field, fieldpath.parse(field.path)) for field in fields]
    kinds = {field.kind: field for field, _ in known if field.kind is not None}
    if len(kinds) > 1:
        raise ConfigError(
            problem=f"the same records are said to be of the kinds {' and '.join(sorted(filter(None, kinds)))}",
            hint="say it once, or let the globs of one rule exclude the records of the other",
            line=max(field.line for field in kinds.values()) or None,
        )
    for number, (field, steps) in enumerate(known):
        for before, others in known[:number]:
            if overlap(steps, others) and not field.demands_as(before):
                where = f" in line {int(before.line)}" if before.line else ""
                what = (
                    "has other demands"
                    if field.path == before.path
                    else f"and {shown(before.path)} may be one field, or one within the other,"
                )
                raise ConfigError(
                    problem=f"field {shown(field.path)} {what}{where} for the same records",
                    hint="say it once, or let the globs of one rule exclude the records of the other",
                    line=field.line or None,
                )
        for name in field.bind if isinstance(field.bind, tuple) else ():
            if any(overlap(fieldpath.parse(name), others) for _, others in known):
                raise ConfigError(
                    problem=f"field {shown(field.path)} is bound to {shown(name)}, which is sealed itself",
                    hint="bind to public fields: what is sealed changes with every sealing",
                    line=field.line or None,
                )
