"""Keys in the keyring of the operating system, through the ``keyring`` package: macOS Keychain, Secret Service, KWallet, Windows.

Which keyring it is, and whether it has to be unlocked, is for the user's own settings of that package to say, never for the ring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit.config import shown
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.installing import how_to_install
from sealkit.keys.access import Source
from sealkit.keys.encodings import decoded, encoding_of
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from sealkit.config import Table
    from sealkit.keys.access import Access

_MAX_NAME = 256


class Entry(NamedTuple):
    """An entry of the keyring: what it is for, and whose it is."""

    service: str
    user: str


class OSKeyring(Source):
    """Key bytes in an entry of the operating system's keyring, as text."""

    __slots__ = ("_encoding", "_entry", "_label")
    costly = True

    def __init__(self, entry: Entry, encoding: str, label: str) -> None:
        self._entry = entry
        self._encoding = encoding
        self._label = f"{label}: keyring {shown(entry.service)} {shown(entry.user)}"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Ask the keyring, which may ask for its own password, and decode."""
        return decoded(self._text(), self._encoding, self._label, access)

    def _text(self) -> str:
        try:
            import keyring
        except ImportError:
            hint = f"install it: {how_to_install('keyring')}"
            raise NoUsableKey(problem=f"{self._label}: the package keyring is not installed", hint=hint) from None
        try:
            text = keyring.get_password(self._entry.service, self._entry.user)
        except Exception as error:  # a keyring's own errors are of any class, and may say what should not be said
            hint = "see what the keyring says: keyring diagnose; keyring get SERVICE USER"
            raise NoUsableKey(problem=f"{self._label}: the keyring cannot be read ({type(error).__name__})", hint=hint) from None
        if text is None:
            hint = "put the key in: keyring set SERVICE USER"
            raise NoUsableKey(problem=f"{self._label}: the keyring has no such entry", hint=hint)
        return text


def declare(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare an entry of the keyring as a source. Raises ``ConfigError``."""
    del folder
    table = entry.table(kind, of=label)
    table.only(("service", "user"), of=f"{label}: keyring")
    names = [table.text(name, of=f"{label}: keyring") for name in Entry._fields]
    for name in names:
        if len(name) > _MAX_NAME or not name.isprintable():
            hint = f"at most {_MAX_NAME} characters that print"
            raise ConfigError(problem=f"{label}: not the name of an entry of a keyring", hint=hint, line=name.line)
    encoding = encoding_of(entry, kind, label)
    if encoding == "raw":
        hint = "hex or base64: a keyring keeps text"
        raise ConfigError(problem=f"{label}: a keyring has no raw bytes", hint=hint, line=entry.lines["encoding"])
    return OSKeyring(Entry(*map(str, names)), encoding, label)
