"""Blobs seen in the bytes of a file, whatever kind of file it is: a search for known blobs by their IVs, or for any. Parses nothing. Pure."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_IV = re.compile(rb";([A-Za-z0-9+/]{22}==)")
_AUTH = re.compile(rb";([A-Za-z0-9+/]{56})(?![A-Za-z0-9+/=])")
_BLOB = re.compile(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{20,}+={0,2}+;[A-Za-z0-9+/]{22}==(?:;[A-Za-z0-9+/]{56}(?![A-Za-z0-9+/=]))?")
_LEAST = {0: 64, 1: 44, 2: 24}
"""How long a ciphertext is at the least, in base64, by how many ``=`` end it; it may be longer by any number of three blocks."""
_THREE_BLOCKS = 64
_DIGITS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_ESCAPE = re.compile(rb"\\(?:(/)|u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|U000000([0-9a-fA-F]{2})|\r?\n[ \t\r\n]*)")


class Core(NamedTuple):
    """What makes two blobs the same whatever their tags say: the ciphertext and the IV, as their texts."""

    ciphertext: bytes
    iv: bytes


def core(blob: Blob) -> Core:
    """Return what a blob is the same as another one by."""
    ciphertext, iv, *_ = str(blob).encode().split(b";")
    return Core(ciphertext, iv)


class Sighting(NamedTuple):
    """A blob that was seen: its ``core``, or None for another blob with the ``iv``; whether it has a tag, and how that is bound."""

    iv: bytes
    core: Core | None
    tagged: bool = False
    bind: int = 0


class Sought:
    """Blobs that are looked for."""

    def __init__(self, blobs: Iterable[Blob]) -> None:
        self._by_iv: dict[bytes, set[Core]] = {}
        for blob in blobs:
            one = core(blob)
            self._by_iv.setdefault(one.iv, set()).add(one)

    def __bool__(self) -> bool:
        return bool(self._by_iv)

    def sightings(self, data: bytes) -> Iterator[Sighting]:
        """Yield each place in some bytes where one of the blobs stands, or another one with its IV."""
        text = _ESCAPE.sub(_meant, data) if b"\\" in data else data
        for match in _IV.finditer(text):
            cores = self._by_iv.get(match[1])
            if cores is not None:
                yield _seen(text, match, cores)

    def count(self, data: bytes) -> Mapping[Core, int]:
        """Return how often each of the blobs stands in some bytes; those that do not are left out."""
        counts: dict[Core, int] = {}
        for one in self.sightings(data):
            if one.core is not None:
                counts[one.core] = counts.get(one.core, 0) + 1
        return counts


def anywhere(data: bytes) -> Iterator[tuple[int, Blob]]:
    """Yield every blob that is spelt out in some bytes, whatever stands around it, with its line (from 1); in UTF-16 and UTF-32, too."""
    seen: set[tuple[int, Blob]] = set()
    for text in as_spelt(data):
        for one in _spelt(text):
            if one not in seen:
                seen.add(one)
                yield one


def as_spelt(data: bytes) -> Iterator[bytes]:
    """Yield some bytes as they are and, where there are NULs, without: so ASCII in any wide encoding is read wherever it begins."""
    yield data
    if b"\0" in data:
        yield data.replace(b"\0", b"")


def _spelt(data: bytes) -> Iterator[tuple[int, Blob]]:
    text = _ESCAPE.sub(_meant, data) if b"\\" in data else data
    line, before = 1, 0
    for match in _BLOB.finditer(text):
        line, before = line + text.count(b"\n", before, match.start()), match.start()
        blob = _parsed(match[0]) or _parsed(_last(match[0]))
        if blob is not None:
            yield line, blob


def _parsed(text: bytes) -> Blob | None:
    try:
        return Blob.parse(text.decode())
    except SealkitError:
        return None


def _last(text: bytes) -> bytes:
    """Return the longest end of some text that may be a blob: a name, or the byte that says how long it is, may stand right before one."""
    end = text.index(b";")
    least = _LEAST[text.count(b"=", 0, end)]
    return text[end - least - (end - least) // _THREE_BLOCKS * _THREE_BLOCKS :] if end >= least else text


def _seen(text: bytes, match: re.Match[bytes], cores: set[Core]) -> Sighting:
    end = match.start()
    auth = _AUTH.match(text, match.end())
    bind = base64.b64decode(auth[1])[1] if auth is not None else 0
    for one in cores:
        begin = end - len(one.ciphertext)
        if text.endswith(one.ciphertext, 0, end) and not (begin and text[begin - 1] in _DIGITS):
            return Sighting(match[1], one, auth is not None, bind)
    return Sighting(match[1], None)


def _meant(escape: re.Match[bytes]) -> bytes:
    """Return the character that an escape of JSON or YAML stands for; an escaped line end stands for none."""
    slash, *digits = escape.groups()
    number = next((text for text in digits if text is not None), None)
    return slash or (bytes((int(number, 16),)) if number is not None else b"")
