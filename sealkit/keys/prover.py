"""What proves the journals of rotations to a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.crypto.tag import Prover
from sealkit.keys.token import TokenCBC
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from sealkit.keys.key import Key


@opaque
def prover_of(key: Key) -> Prover | None:
    """Return what proves the journals of rotations to a key; None for one in a token, which has no key for that there.

    Raises ``NoUsableKey`` for a key that is closed, verify-only or without bytes.
    """
    return None if isinstance(key.cbc(), TokenCBC) else Prover(key.derived().journal)
