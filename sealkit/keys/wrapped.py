"""Keys wrapped under another key of the ring: AES-KW (RFC 3394) or AES-KWP (RFC 5649), so that the ring is safe to commit."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from sealkit.crypto.wrap import ALGORITHMS
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.access import Source
from sealkit.keys.key import SIZES, check_id
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from sealkit.config import Table
    from sealkit.keys.access import Access

MAX_WRAPPED = 48
"""More bytes than any wrapped key has: 32, and 8 for what is checked."""


class Wrapped(Source):
    """Key bytes that stand in the ring, wrapped under another of its entries."""

    __slots__ = ("_algorithm", "_label", "_wrapped", "needs")
    costly = True

    def __init__(self, wrapped: bytes, under: str, algorithm: str, label: str) -> None:
        self._wrapped = wrapped
        self._algorithm = algorithm
        self._label = label
        self.needs = under

    @opaque
    def read(self, access: Access) -> bytearray:
        """Unwrap it; the other entry's bytes are fetched for that, once while a ring is loaded."""
        under = self.needs or ""
        if under not in access.others:
            raise NoUsableKey(problem=f"{self._label}: wrapped under key {under}, which is not at hand", hint="load the whole ring")
        problem = ""
        try:
            secret = access.others[under].unwrap(under, self._wrapped, self._algorithm, access)
        except NoUsableKey as error:
            problem, hint = error.problem, error.hint
        if problem:
            raise NoUsableKey(problem=f"{self._label}: wrapped under key {under}: {problem}", hint=hint)
        if len(secret) in SIZES:
            return secret
        wipe(secret)
        raise NoUsableKey(problem=f"{self._label}: no key was wrapped, but {len(secret)} bytes", hint="a key has 16, 24 or 32")


def declare(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare a wrapped key as a source. Raises ``ConfigError``."""
    del folder
    text = entry.text(kind, of=label)
    under = entry.text("under", of=label)
    try:
        check_id(str(under))
    except ConfigError as error:
        error.at(line=under.line)
        raise
    try:
        wrapped = binascii.a2b_base64(text.encode(), strict_mode=True)
    except ValueError:
        wrapped = b""
    if not 0 < len(wrapped) <= MAX_WRAPPED or binascii.b2a_base64(wrapped, newline=False) != text.encode():
        hint = "padded base64 of at most 48 bytes; make it with: sealkit keygen --wrapped-by ID"
        raise ConfigError(problem=f"{label}: not a wrapped key", hint=hint, line=text.line)
    return Wrapped(wrapped, str(under), entry.choice("algorithm", ALGORITHMS, of=label, default="kw"), label)


def wrapped_source(secret: bytearray, under: str, access: Access) -> str:
    """Return the source, as a ring file has it, of a key wrapped under an entry of ``access.others``. Raises ``NoUsableKey``."""
    wrapped = access.others[under].wrap(under, secret, "kw", access)
    text = binascii.b2a_base64(wrapped, newline=False).decode("ascii")
    return f'{{wrapped: "{text}", under: "{under}"}}'
