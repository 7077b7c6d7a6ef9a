"""A reference to a key source: what travels to other processes and machines in the key's stead; each resolves it once, where it is."""

from __future__ import annotations

import os
from typing import NamedTuple

from sealkit.errors import Usage
from sealkit.keys.ring import KeyRing
from sealkit.opaque import opaque
from sealkit.payload import TEXT
from sealkit.sealer import Sealer

_HINT = "write env:NAME, for a variable that holds hex:DIGITS or base64:TEXT, or file:PATH, for a key ring"


class Reference(NamedTuple):
    """Where the keys are (``env:NAME`` or ``file:PATH``), and how a ``Sealer`` is made of them: see there.

    It holds no key, so that it may be pickled and sent; ``Reference("env:SEALKIT_SECRET")`` and that text alone mean the same.
    """

    source: str
    key_id: str | None = None
    payload: str = TEXT
    format: str | None = None
    require_authentic: bool = False


Keys = Sealer | Reference | str
"""What opens and seals a column: a sealer, or a reference to its keys."""

_rings: dict[tuple[int, str], KeyRing] = {}
_sealers: dict[tuple[int, Reference], Sealer] = {}


@opaque
def sealer_of(keys: Keys) -> Sealer:
    """Return the sealer that is meant. A reference is resolved once a process. Raises ``Usage``, and as ``KeyRing`` and ``Sealer`` do."""
    if isinstance(keys, Sealer):
        return keys
    reference = as_reference(keys)
    place = (os.getpid(), reference)
    sealer = _sealers.get(place)
    if sealer is None:
        sealer = _sealers[place] = Sealer(
            _ring(reference.source),
            key_id=reference.key_id,
            payload=reference.payload,
            format=reference.format,
            require_authentic=reference.require_authentic,
        )
    return sealer


@opaque
def ring_of(keys: Reference | str) -> KeyRing:
    """Return the ring that a reference leads to, resolved once a process. Raises as ``sealer_of``."""
    return _ring(as_reference(keys).source)


@opaque
def as_reference(keys: object) -> Reference:
    """Return the reference that is meant, which is not resolved by that. Raises ``Usage`` for what is none: it may be the key itself."""
    reference = (
        keys if isinstance(keys, Reference) and isinstance(keys.source, str) else Reference(keys) if isinstance(keys, str) else None
    )
    if reference is None:
        raise Usage(problem="no reference to keys", hint=_HINT)
    kind, _, name = reference.source.partition(":")
    if kind not in ("env", "file") or not name:
        raise Usage(problem="no reference to keys", hint=_HINT)
    return reference


@opaque
def forget() -> None:
    """Drop what was resolved in this process, so that a variable or a file is read again."""
    _sealers.clear()
    _rings.clear()


def _ring(source: str) -> KeyRing:
    place = (os.getpid(), source)
    ring = _rings.get(place)
    if ring is None:
        kind, _, name = source.partition(":")
        ring = _rings[place] = KeyRing.from_variable(name) if kind == "env" else KeyRing.load(name)
    return ring
