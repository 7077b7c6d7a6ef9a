"""Escapes that can stand for a part of a name, or for nothing between two of its letters, and what some bytes say where they are read."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sealkit.records.lookalike import loose

if TYPE_CHECKING:
    from collections.abc import Iterable

# What can stand for a letter, or join two over a line's end, behind however many backslashes; a surrogate pair is one. LETTERS are those of
# the names: JSON5 reads a backslash before a letter that means nothing as that letter, and YAML reads some of them as controls.
_HEX = rb"[0-9a-fA-F]"
_ESCAPE = rb"""\\(?<!\\\\)\\*+(?:
        u[dD][89abAB]HH\\++u[dD][c-fC-F]HH | xHH | uHHHH | u\{H{1,6}\} | UH{8} | [0-7]{1,3}
      | (?:[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9])\s*+ | (?=[\x80-\xff]) | [LETTERS]
    )""".replace(b"H", _HEX)
_NUMERIC = _ESCAPE.replace(b" | [LETTERS]", b"")
_SUSPECT = rb"\\[xuU0-7\r\n\x80-\xffLETTERS]"
_NEVER_LETTERS = frozenset("bfnrtvxu")  # behind a backslash, in all of these languages
_CONTROLS = b"abefv"
_LINE_ENDS = b"\r\n\xc2\xe2"
_FEW = 24  # escapes that are replaced one after the other; more are in one pass
_MOST_KEPT = 10_000  # escapes whose meaning is kept


class Escapes:
    """What escapes may stand for in names that are made of these letters, as look-alikes are folded."""

    __slots__ = ("_escape", "_known", "_letters", "_suspect")

    def __init__(self, letters: Iterable[str]) -> None:
        self._letters = frozenset(letters)
        self._known: dict[bytes, bytes | None] = {}
        # with a backslash before it, each of these is an escape; so are digits, line ends and what is beyond ASCII, which _SUSPECT has
        marks = "".join(sorted({*_alike(self._letters)} - _NEVER_LETTERS)).encode() + _CONTROLS
        # not compiled yet: nearly all files hold no backslash
        self._suspect = _SUSPECT.replace(b"LETTERS", marks)
        self._escape = _ESCAPE.replace(b"LETTERS", marks)

    def readings(self, data: bytes) -> list[bytes]:
        """Return the bytes with each escape that stands for a part of a name, or for nothing, replaced by that; none if there is no such escape.

        There are two ways of it where a letter behind a backslash is itself to some readers, and a control to others.
        """
        if _compiled(self._suspect).search(data) is None:
            return []
        found = {
            escape: plain for escape in set(_compiled(self._escape).findall(data)) if (plain := self._meant(escape)) is not None
        }
        if not found:
            return []
        plain = self._replaced(data, found)
        controls = {escape: b"" for escape in found if escape[-2:-1] == b"\\" and escape[-1:] in _CONTROLS}
        if not any(found[escape] for escape in controls):
            return [plain]
        return [plain, self._replaced(data, {**found, **controls})]

    def _replaced(self, data: bytes, found: dict[bytes, bytes]) -> bytes:
        """Return the bytes with some escapes replaced: the longest first, so that none is taken for a part of another."""
        if len(found) > _FEW or any(escape[-1:] == b"\\" for escape in found):
            return _compiled(self._escape).sub(lambda match: found.get(match[0], match[0]), data)
        for escape in sorted(found, key=len, reverse=True):
            data = data.replace(escape, found[escape])
        return data

    def _meant(self, escape: bytes) -> bytes | None:
        """Return what an escape stands for; None where it cannot be part of a name."""
        if escape not in self._known:
            plain = _character(escape)
            folded = "".join(map(loose, plain.decode()))
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[escape] = plain if not folded or not self._letters.isdisjoint(folded) else None
        return self._known[escape]


@lru_cache(maxsize=256)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.VERBOSE)


def in_plain(data: bytes) -> bytes:
    """Return some bytes with all escapes by number, and of line ends, replaced by what they stand for."""
    return _compiled(_NUMERIC).sub(lambda match: _character(match[0]), data)


def _character(escape: bytes) -> bytes:
    """Return the character that an escape stands for, in UTF-8; nothing for a line's end."""
    digits = escape.lstrip(b"\\")
    if digits[:1] in _LINE_ENDS:
        return b""
    if len(digits) == 1 and not digits.isdigit():
        return b"" if digits in b"bfv" else digits
    if digits.isdigit():
        return chr(int(digits, 8) & 0xFF).encode()
    units = [int(part.strip(b"xuU{}"), 16) for part in escape.split(b"\\") if part]
    if len(units) > 1:
        return chr(0x10000 + ((units[0] & 0x3FF) << 10) + (units[1] & 0x3FF)).encode()
    return chr(units[0]).encode("utf-8", "ignore") if units[0] <= 0x10FFFF else b""


def _alike(letters: Iterable[str]) -> str:
    """Return the letters, and the sign, of ASCII that are folded into one of these."""
    return "".join(chr(code) for code in range(128) if (chr(code).isalpha() or chr(code) == "|") and loose(chr(code)) in letters)
