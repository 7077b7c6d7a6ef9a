"""Whether the bytes of a file can spell a field's name, in any way that a reader might take for it; asked before anything is parsed.

The answer "no" is certain, "yes" is not: a file whose bytes cannot spell the name has no such field, and is neither parsed nor reported.
Counted are case, width, ligatures, homoglyphs, accents, invisible characters, every backslash that can stand for or join letters, tags that
decode base64, and UTF-16 and UTF-32. Nearly always one table and one search over the bytes tell it; only files with bytes beyond ASCII,
with a backslash or with such a tag take a longer look.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from sealkit.records import beside, fieldpath, wide
from sealkit.records.lookalike import ASCII_FOLD, loose, skeleton

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

K = TypeVar("K")
V = TypeVar("V")

OVERLAP: Final = 1 << 16
"""How many bytes of a piece are looked at again with the next one, where a file is looked through in pieces."""

_UNSEEN: Final = 0x7F
# As look-alikes are folded; what controls there are becomes DEL, so that one search shows that there is none.
_FOLD = bytes(
    _UNSEEN if (byte < 0x20 and byte not in b"\t\n\r") or byte == _UNSEEN else folded for byte, folded in enumerate(ASCII_FOLD)
)
_ASCII = bytes(range(128))
_FEW = 24  # characters that are replaced one after the other; more are by a table

# What can be written otherwise than by itself, as \/ or '' or a line's end, ends a piece of a name.
_APART = re.compile(r"""[\s'"\\/]+""")

# What can stand for a letter, or join two over a line's end, behind however many backslashes; a surrogate pair is one. LETTERS are those of
# the names: JSON5 reads a backslash before a letter that means nothing as that letter, and YAML reads some of them as controls.
_HEX = rb"[0-9a-fA-F]"
_ESCAPE = rb"""\\(?<!\\\\)\\*+(?:
        u[dD][89abAB]HH\\++u[dD][c-fC-F]HH | xHH | uHHHH | u\{H{1,6}\} | UH{8} | [0-7]{1,3}
      | (?:[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9])\s*+ | (?=[\x80-\xff]) | [LETTERS]
    )""".replace(b"H", _HEX)
_NUMERIC = re.compile(_ESCAPE.replace(b" | [LETTERS]", b""), re.VERBOSE)
_SUSPECT = rb"\\[xuU0-7\r\n\x80-\xffLETTERS]"
_NEVER_LETTERS = frozenset("bfnrtvxu")  # behind a backslash, in all of these languages
_CONTROLS = b"abefv"
_LINE_ENDS = b"\r\n\xc2\xe2"

# A YAML tag, and the text behind it, which may be base64 in one of several lines, behind a block scalar's header, quotes or an anchor.
_TAG = re.compile(rb"!(?<![^\s\[{,:?(-]!)(?:<[^>\s]{0,200}+>|[^\s,\[\]{}]{0,200}+)")
_DECODING_TAG = re.compile(rb"!(?<![^\s\[{,:?(-]!)(?:!?binary|<|[^\s,\[\]{}%]{0,200}+%)")
_OTHER_TAG = re.compile(rb"!(?<![^\s\[{,:?(-]!)[^\s,\[\]{}=(&|\"'<>)]{1,200}+(?<!!)\s")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{2,}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_TAGGED = 4096  # bytes behind a tag that are looked at
_MOST_TAGS = 500  # that are looked behind: at a few milliseconds each, where they stand close together
_MOST_KEPT = 10_000  # characters and escapes whose meaning is kept

_AT_START = rb"(?m)^[ \t]*+(?:(?:[-?:]|\#\+|\.\.)[ \t]*+)*+"
_KEY = rb"""["'`]?(?:NAMES)["'`]?[ \t]*[:=]"""


class Spelling:
    """The names that some field paths end in (``a[].b``: ``b``), and how they may be spelt.

    ``with_open``: the names count, too, under which the payload may stand open beside a field or where it would stand (``plaintext``,
    ``secured_raw``), as the gate looks for them in the records of a rule.
    """

    __slots__ = (
        "_at_start",
        "_beside",
        "_escape",
        "_escapes",
        "_folds",
        "_key",
        "_letters",
        "_looks",
        "_pieces",
        "_suspect",
        "names",
    )

    def __init__(self, paths: Iterable[str], *, with_open: bool = False) -> None:
        paths = tuple(paths)
        self._beside = paths if with_open else ()
        self.names: Final = tuple(dict.fromkeys(map(_last_key, paths)))
        self._looks = frozenset(look for name in self.names for look in (_look(name), _look(skeleton(name))))
        self._pieces = tuple(
            tuple(piece.encode("utf-8", "replace") for piece in _APART.split(look) if piece) for look in self._looks
        )
        self._letters = frozenset("".join(self._looks))
        self._folds: dict[str, str | None] = {}
        self._escapes: dict[bytes, bytes | None] = {}
        marks = "".join(sorted({*_alike(self._letters)} - _NEVER_LETTERS)).encode() + _CONTROLS
        self._suspect = re.compile(_SUSPECT.replace(b"LETTERS", marks))
        self._escape = re.compile(_ESCAPE.replace(b"LETTERS", marks), re.VERBOSE)
        names = b"|".join(rb"[\s'\"\\/]*".join(map(re.escape, pieces)) for pieces in self._pieces if pieces)
        self._key = re.compile(_KEY.replace(b"NAMES", names), re.VERBOSE) if names else None
        self._at_start = re.compile(_AT_START + _KEY.replace(b"NAMES", names), re.VERBOSE) if names else None

    def __repr__(self) -> str:
        return f"Spelling({list(self.names)!r})"

    def could(self, data: bytes) -> bool:
        """Say whether the bytes can spell one of the names; False is certain."""
        if self._has(data) or self._could_otherwise(data):
            return True
        encoding = wide.encoding(data)
        if encoding is not None and self._could_in_utf8(wide.decoded(data, encoding)):
            return True
        return any(beside.could(data, path) for path in self._beside)

    def could_in(self, pieces: Iterable[bytes]) -> bool:
        """Say what ``could`` says of a file that is read in pieces; invisible characters between letters are seen over 64 KiB."""
        before = b""
        for piece in pieces:
            if self.could(before + piece):
                return True
            before = (before + piece)[-OVERLAP:]
        return False

    def line_of(self, data: bytes) -> int | None:
        """Return the first line at whose start one of the names stands before ``:`` or ``=``; blanks, ``- `` and quotes may precede it."""
        if self._at_start is None:
            return None
        for text in self._readings(data):
            match = self._at_start.search(text)
            if match is not None:
                return text.count(b"\n", 0, match.end()) + 1
        return None

    def has_key(self, data: bytes) -> bool:
        """Say whether one of the names stands somewhere before ``:`` or ``=``, in quotes or not."""
        return self._key is None or any(self._key.search(text) is not None for text in self._readings(data))

    def first_line(self, data: bytes) -> int:
        """Return the first line that spells one of the names by itself; the first of all if that is told by several together."""
        lines = enumerate(data.split(b"\n"), 1)
        return next((number for number, line in lines if self.could(line)), 1)

    def looks_like(self, key: str) -> bool:
        """Say whether a key, as it was read, is one of the names or may be taken for one."""
        return _look(key) in self._looks

    # --- how it is done --------------------------------------------------------------------------------------------------
    def _has(self, data: bytes) -> bool:
        folded = _folded(data)
        for pieces in self._pieces:
            for piece in pieces:
                if piece not in folded:
                    break
            else:
                return True
        return False

    def _readings(self, data: bytes) -> Iterator[bytes]:
        """Yield the bytes as they may be read, folded, with their line feeds."""
        encoding = wide.encoding(data)
        if encoding is not None:
            data = wide.decoded(data, encoding)
        for plain in (data, *(self._unescaped(data) if b"\\" in data else ())):
            yield _folded(plain)
            clear = plain if plain.isascii() else self._without_disguise(plain)
            if clear is not plain:
                yield _folded(clear)

    def _could_in_utf8(self, data: bytes) -> bool:
        return self._has(data) or self._could_otherwise(data)

    def _could_otherwise(self, data: bytes) -> bool:
        """Say whether UTF-8 can spell one of the names other than in letters of ASCII."""
        if not data.isascii() and self._has_disguised(data):
            return True
        return (b"\\" in data and self._spelt_with_escapes(data)) or (b"!" in data and self._spelt_in_base64(data))

    def _has_disguised(self, data: bytes) -> bool:
        plain = self._without_disguise(data)
        return plain is not data and self._has(plain)

    def _without_disguise(self, data: bytes) -> bytes:
        """Return UTF-8 with those characters beyond ASCII folded that may be part of a name; the same bytes if there is none."""
        relevant = {one: folded for one in self._others(data) if (folded := self._folded(one)) is not None}
        if not relevant:
            return data
        text = data.decode("utf-8", "ignore")
        if len(relevant) > _FEW:
            text = text.translate({ord(one): folded for one, folded in relevant.items()})
        else:
            for one, folded in relevant.items():
                text = text.replace(one, folded)
        return text.encode("utf-8", "replace")

    def _others(self, data: bytes) -> set[str]:
        return set(data.translate(None, _ASCII).decode("utf-8", "ignore"))

    def _folded(self, character: str) -> str | None:
        """Return what a character is folded into; None where it cannot be part of a name."""
        if character not in self._folds:
            folded = loose(character)
            _keep(self._folds, character, folded if self._counts(folded) else None)
        return self._folds[character]

    def _counts(self, folded: str) -> bool:
        return not folded or not self._letters.isdisjoint(folded)

    def _spelt_with_escapes(self, data: bytes) -> bool:
        return any(self._has(plain) or self._has_disguised(plain) for plain in self._unescaped(data))

    def _unescaped(self, data: bytes) -> list[bytes]:
        """Return the bytes with each escape that stands for a part of a name, or for nothing, replaced by that; none if there is no such escape.

        There are two ways of it where a letter behind a backslash is itself to some readers, and a control to others.
        """
        if self._suspect.search(data) is None:
            return []
        found = {escape: plain for escape in set(self._escape.findall(data)) if (plain := self._meant(escape)) is not None}
        if not found:
            return []
        plain = self._escape.sub(lambda match: found.get(match[0], match[0]), data)
        controls = {escape: b"" for escape in found if escape[-2:-1] == b"\\" and escape[-1:] in _CONTROLS}
        if not any(found[escape] for escape in controls):
            return [plain]
        return [plain, self._escape.sub(lambda match: controls.get(match[0], found.get(match[0], match[0])), data)]

    def _meant(self, escape: bytes) -> bytes | None:
        """Return what an escape stands for; None where it cannot be part of a name."""
        if escape not in self._escapes:
            plain = _character(escape)
            _keep(self._escapes, escape, plain if self._counts("".join(map(loose, plain.decode()))) else None)
        return self._escapes[escape]

    def _spelt_in_base64(self, data: bytes) -> bool:
        """Say whether the text behind a tag, as base64, spells a name: ``!!binary`` and what a ``%TAG`` makes of it."""
        directed = b"%" in data and _OTHER_TAG.search(data) is not None and b"%TAG" in data
        tags = _TAG if directed else _DECODING_TAG
        for number, tag in enumerate(tags.finditer(data)):
            if number == _MOST_TAGS:
                return True  # it may, and what is so full of them is beyond other limits
            whole = _TAG.match(data, tag.start())
            after = whole.end() if whole is not None else tag.end()
            for plain in _decoded(data[after : after + _TAGGED]):
                if self._has(plain) or self._has_disguised(plain):
                    return True
        return False


def _folded(data: bytes) -> bytes:
    folded = data.translate(_FOLD)
    return folded.replace(b"\x7f", b"") if b"\x7f" in folded else folded


def _keep(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= _MOST_KEPT:
        cache.clear()
    cache[key] = value


def _decoded(behind: bytes) -> Iterator[bytes]:
    """Yield what some text decodes to as base64, wherever that begins in it."""
    if b"\\" in behind:
        behind = _NUMERIC.sub(lambda match: _character(match[0]), behind)
    for run in _BASE64.findall(behind.translate(_STANDARD, b" \t\r\n")):
        for start in range(4):
            letters = run[start:]
            whole = len(letters) // 4 * 4
            yield binascii.a2b_base64(letters[:whole] if len(letters) - whole < 2 else letters + b"=" * (4 - len(letters) + whole))


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


@lru_cache(maxsize=64)
def spelling(paths: tuple[str, ...], *, with_open: bool = False) -> Spelling:
    """Return the ``Spelling`` of these paths, the same object for the same paths."""
    return Spelling(paths, with_open=with_open)


def _last_key(path: str) -> str:
    """Return the last key of a field path; empty, and so spelt by anything, where it has none."""
    return next((step for step in reversed(fieldpath.parse(path)) if isinstance(step, str)), "")


def _alike(letters: Iterable[str]) -> str:
    """Return the letters, and the sign, of ASCII that are folded into one of these."""
    return "".join(chr(code) for code in range(128) if (chr(code).isalpha() or chr(code) == "|") and loose(chr(code)) in letters)


def _look(name: str) -> str:
    return "".join(map(loose, name))
