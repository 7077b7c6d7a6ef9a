"""What is demanded of the records of a tree, as plain values; and when two demands contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.config import shown
from sealkit.errors import ConfigError
from sealkit.opaque import opaque
from sealkit.records import fieldpath
from sealkit.records.identity import Bind, overlap

if TYPE_CHECKING:
    from collections.abc import Iterable

PAYLOADS: Final = ("text", "json", "binary")
STRENGTH: Final = ("plain", "synthetic", "tagged")
"""The formats, from the one that proves nothing to the one whose proof can be checked without decryption."""


class FieldRule(NamedTuple):
    """What is demanded of one field.

    ``path`` may name several (``a[].b``). ``required``: every record must have it. ``payload``: what it opens to, ``text``, ``json`` or
    ``binary``. ``format``: at least this one of ``STRENGTH``. ``bind``: None, ``"path"``, or the fields that it is bound to.
    ``keys``: the ids of those that may seal here, empty for all. ``line``: where the policy says so, 0 if it does not.
    """

    path: str = "secured"
    required: bool = True
    payload: str = "text"
    format: str = "plain"
    bind: Bind = None
    keys: tuple[str, ...] = ()
    line: int = 0

    def format_under(self, key_format: str) -> str:
        """Return the format to seal in under a key of this format: the stronger one, for a policy may only raise what the ring says."""
        return max(self.format, key_format, key=STRENGTH.index)

    def is_met_by(self, format: str) -> bool:
        """Say whether a blob of this format is what is demanded, or stronger."""
        return STRENGTH.index(format) >= STRENGTH.index(self.format)

    def may_seal(self, key_id: str) -> bool:
        """Say whether this key may seal here."""
        return not self.keys or key_id in self.keys

    def demands_as(self, other: FieldRule) -> bool:
        """Say whether two rules demand the same, wherever they stand."""
        return self._replace(line=0) == other._replace(line=0)


class Rule(NamedTuple):
    """Demands on the records whose path below the tree's root an ``include`` glob covers and no ``exclude`` glob does."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    fields: tuple[FieldRule, ...]
    line: int = 0


@opaque
def check_together(fields: Iterable[FieldRule]) -> None:
    """Raise ``ConfigError`` where demands on the fields of one record contradict each other.

    That is: two paths that may name the same field, look alike or lead into each other, unless all that is demanded is the same; and
    a field bound to one that is sealed itself, whose text changes with every sealing.
    """
    known = [(field, fieldpath.parse(field.path)) for field in fields]
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
