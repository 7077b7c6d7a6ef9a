"""Keys wrapped under keys, on the hazardous floor: AES Key Wrap (RFC 3394) and with padding (RFC 5649). Bytes in, bytes out.

``cryptography`` is imported when a key is wrapped or unwrapped, not before.
"""

from __future__ import annotations

from sealkit.errors import NoUsableKey
from sealkit.opaque import opaque
from sealkit.wiping import lent, moved

ALGORITHMS = ("kw", "kwp")
"""``kw``: RFC 3394, for 16 bytes and more, in steps of 8. ``kwp``: RFC 5649, for any number of bytes."""


@opaque
def wrap(kek: bytes | bytearray, secret: bytes | bytearray, algorithm: str) -> bytes:
    """Return ``secret`` wrapped under a key of 16, 24 or 32 bytes. Raises ``NoUsableKey`` for a length that the algorithm does not take."""
    from cryptography.hazmat.primitives import keywrap

    function = keywrap.aes_key_wrap if algorithm == "kw" else keywrap.aes_key_wrap_with_padding
    try:
        with lent(kek) as given, lent(secret) as wrapped:
            return function(given, wrapped)
    except ValueError:
        pass
    raise NoUsableKey(problem="bytes that cannot be wrapped", hint="a key has 16, 24 or 32")


@opaque
def unwrap(kek: bytes | bytearray, wrapped: bytes | bytearray, algorithm: str) -> bytearray:
    """Return what was wrapped. Raises ``NoUsableKey``, always the same, if it was wrapped under another key, or altered."""
    from cryptography.hazmat.primitives import keywrap

    function = keywrap.aes_key_unwrap if algorithm == "kw" else keywrap.aes_key_unwrap_with_padding
    try:
        with lent(kek) as given:
            return moved(function(given, bytes(wrapped)))
    except (keywrap.InvalidUnwrap, ValueError):
        pass
    raise NoUsableKey(problem="it does not unwrap", hint="another key wrapped it (a wrong passphrase?), or it was altered")
