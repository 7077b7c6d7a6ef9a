"""The one judge: as what a blob that was opened may be sealed again, and under which key.

Whoever opens, shows or reseals asks here, so that no way round gives a blob a proof that nobody made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sealkit.errors import NotBlessed, NoUsableKey, Usage
from sealkit.keys.key import FORMATS
from sealkit.keys.reach import is_within

if TYPE_CHECKING:
    from sealkit.context import Binder
    from sealkit.keys.key import Key
    from sealkit.keys.ring import KeyRing
    from sealkit.sealer import Sealer

PLAIN = FORMATS[0]


class Known(Protocol):
    """What is known of a blob that was opened: an ``Unsealed``, or many rows of a column that are alike."""

    @property
    def key_id(self) -> str:
        """The id of the key that opened it."""
        ...

    @property
    def format(self) -> str:
        """The format that it has."""
        ...

    @property
    def authenticated(self) -> bool:
        """Whether it was proved that nobody without the key made or altered it."""
        ...


def resealed_as(opened: Known, sealer: Sealer, *, vouched: bool = False) -> str:
    """Return the format in which a blob that was opened is sealed again, by what ``sealer`` was asked for and its rule demands.

    A blob keeps its format, unless another one was asked for; the rule may raise it. What proved nothing gets no proof by that, for the
    proof would say that nobody altered it: only where somebody has ``vouched`` for it. Raises ``NotBlessed``.
    """
    form = sealer.raised(sealer.forced_format if sealer.forced_format is not None else opened.format)
    if form != PLAIN and not opened.authenticated and not vouched:
        raise NotBlessed(problem="the blob may have been altered, and a proof would say that it was not")
    return form


def successor(opened: Known, sealer: Sealer, at: Binder | None = None) -> str:
    """Return the id of the key under which a blob is sealed that takes the place ``at`` of one that was opened.

    It is the key of that one, if it may seal there; else the sealer's own, as where a key was named. Who changes a key says so.
    """
    return opened.key_id if sealer.may_seal_under(opened.key_id, at) else sealer.key_id


def may_seal(key: Key, allowed: tuple[str, ...], at: Binder | None = None) -> bool:
    """Say whether a key may seal: where only the ids ``allowed`` may (all, for none), in the place ``at``."""
    return key.may_seal and (not allowed or key.id in allowed) and (at is None or is_within(key, at))


def allowed_key(ring: KeyRing, key: Key, allowed: tuple[str, ...], *, named: bool) -> Key:
    """Return a key if it is one of the ids ``allowed`` (all, for none); else the first of those that may seal, unless it was ``named``.

    Raises ``Usage`` where it was, and ``NoUsableKey``.
    """
    if not allowed or key.id in allowed:
        return key
    names = ", ".join(allowed)
    if named:
        raise Usage(problem=f"the policy lets no key but {names} seal here, and {key.id} was named", hint="name one of those")
    others = [one for one in ring if may_seal(one, allowed)]
    if not others:
        raise NoUsableKey(problem=f"the policy lets no key but {names} seal here, and the ring has none of them enabled")
    return min(others, key=lambda one: allowed.index(one.id))
