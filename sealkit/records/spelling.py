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
from typing import TYPE_CHECKING, Final

from sealkit import limits
from sealkit.records import beside, fieldpath, scan, wide
from sealkit.records.escapes import Escapes, in_plain
from sealkit.records.lookalike import ASCII_FOLD, look, loose, skeleton

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


JOINT: Final = b".\n"
"""What stands between files whose bytes are joined. A dot ends escapes and base64, a line's end tags: nothing in one file reaches another.

It takes nothing from what either could spell by itself: a name is in the bytes of one file, or in what these stand for.
"""

OVERLAP: Final = 1 << 16
"""How many bytes of a piece are looked at again with the next one, where a file is looked through in pieces."""

_UNSEEN: Final = 0x7F
# As look-alikes are folded; what controls there are becomes DEL, so that one search shows that there is none.
_FOLD = bytes(
    _UNSEEN if (byte < 0x20 and byte not in b"\t\n\r") or byte == _UNSEEN else folded for byte, folded in enumerate(ASCII_FOLD)
)
_ASCII = bytes(range(128))
_NOT_IN_MARKS = bytes(byte for byte in _ASCII if _FOLD[byte] == _UNSEEN) + scan.SEPARATORS
_FEW = 24  # characters that are replaced one after the other; more are by a table

# What can be written otherwise than by itself, as \/ or '' or a line's end, ends a piece of a name.
_APART = re.compile(r"""[\s'"\\/]+""")

# A YAML tag, and the text behind it, which may be base64 in one of several lines, behind a block scalar's header, quotes or an anchor.
_TAG = re.compile(rb"!(?<![^\s\[{,:?(-]!)(?:<[^>\s]{0,200}+>|[^\s,\[\]{}]{0,200}+)")
_DECODING_TAG = re.compile(rb"!(?<![^\s\[{,:?(-]!)(?:!?binary|<|[^\s,\[\]{}%]{0,200}+%)")
_OTHER_TAG = re.compile(rb"!(?<![^\s\[{,:?(-]!)[^\s,\[\]{}=(&|\"'<>)]{1,200}+(?<!!)\s")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{2,}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_TAGGED = 4096  # bytes behind a tag that are looked at
_MOST_KEPT = 10_000  # characters whose meaning is kept

_AT_START = rb"""(?m)^[ \t]*+(?:export[ \t]++)?+(?:(?:[-?:]|\#\+|\.\.)[ \t]*+)*+["'`]?(?:NAMES)["'`]?[ \t]*[:=]"""
# What may be a key: a sign that makes it one follows, at once or behind what is no text, or behind comments, or behind the end of a template's
# expression, as in {{ "name" | quote }}: x. More comments than are followed may hide one.
_BETWEEN = rb"""(?: [^a-z2-9\#/SIGNS]++ | \#[^\n]{0,1000}+(?=\n|\Z) | //[^\n]{0,1000}+(?=\n|\Z) | /\*(?:[^*]|\*(?!/)){0,1000}+\*/ | /(?![/*]) )"""
_AS_KEY = (
    rb"(?:NAMES) (?: BETWEEN{0,50}+ (?:[SIGNS] | \#|/) | BETWEEN{50} | [^\n}%>]{0,100}+[}%>]{1,3}+[\"']?[ \t]*+[SIGNS] )".replace(
        b"BETWEEN", _BETWEEN
    )
)
# Keys that are written otherwise: explicit ones, and aliases.
_OTHER_KEY = re.compile(rb"(?m)(?:^|[\s\[{,\x80-\xff])\?(?:[\s\x80-\xff]|$)|\*[^\s,\[\]{}:]++\s*+:")
# A line that is a comment: without quotes, for a text in quotes may begin a line with "#" and be closed in it.
_COMMENT = re.compile(rb"""(?m)^[ \t]*+\#[^\n\r"'\x85\xa8\xa9]*+(?=\r?$)""")


class Spelling:
    """The names that some field paths end in (``a[].b``: ``b``), and how they may be spelt.

    ``with_open``: the names count, too, under which the payload may stand open beside a field or where it would stand (``plaintext``,
    ``secured_raw``), as the gate looks for them in the records of a rule.
    """

    __slots__ = (
        "_alternatives",
        "_beside",
        "_escapes",
        "_folds",
        "_letters",
        "_looks",
        "_marks",
        "_others",
        "_own_marks",
        "_patterns",
        "_pieces",
        "_plainly",
        "_spelt",
        "names",
        "paths",
    )

    def __init__(self, paths: Iterable[str], *, with_open: bool = False) -> None:
        paths = tuple(paths)
        self.paths: Final = paths
        self._beside = paths if with_open else ()
        self.names: Final = tuple(dict.fromkeys(map(_last_key, paths)))
        self._looks = frozenset().union(*map(_looks_of, self.names))
        self._pieces = tuple(tuple(piece.encode("utf-8", "replace") for piece in _APART.split(one) if piece) for one in self._looks)
        self._plainly = tuple(name.encode() for name in self.names[:1] if name.isascii() and name.isalnum())
        self._letters = frozenset("".join(self._looks))
        self._folds: dict[str, str] = {}
        self._others: set[str] = set()
        self._escapes = Escapes(self._letters.union(*map(beside.letters, self._beside)))
        # of which one is in whatever spells a name, and in whatever spells one in the clear as well; an empty one where nothing can be told
        self._own_marks = tuple({max((_squeezed(piece) for piece in pieces), key=len, default=b"") for pieces in self._pieces})
        self._marks = tuple(dict.fromkeys((*self._own_marks, *(mark for path in self._beside for mark in beside.marks(path)))))
        self._spelt = (*self._own_marks, *(one for path in self._beside for one in beside.spelt(path)))
        names = b"|".join(rb"[\s'\"\\/]*".join(map(re.escape, pieces)) for pieces in self._pieces if pieces)
        self._alternatives = names
        self._patterns: dict[bytes, re.Pattern[bytes]] = {}

    def __repr__(self) -> str:
        return f"Spelling({list(self.names)!r})"

    def could(self, data: bytes) -> bool:
        """Say whether the bytes can spell one of the names; False is certain. Where one stands there as it is, that is told at once."""
        if self.stands_in(data) or self._could_in_utf8(data):
            return True
        encoding = wide.encoding(data)
        return encoding is not None and self._could_in_utf8(wide.decoded(data, encoding))

    def stands_in(self, data: bytes) -> bool:
        """Say whether one of the names stands in the bytes as it is; False says nothing."""
        return any(map(data.__contains__, self._plainly))

    def could_any(self, joined: bytes) -> bool:
        """Say whether one of several files, with ``JOINT`` between them, may spell one of the names; False is certain of each of them.

        What has to be told file by file is not told here, and may: other encodings, what is no UTF-8, and what directives make of tags.
        """
        if b"\0" in joined or b"\xff" in joined or (b"!" in joined and b"%TAG" in joined):
            return True
        if b"!" in joined and self._spelt_in_base64(joined):
            return True
        if b"\\" not in joined:
            return self._may_spell(joined)
        return self._may_spell(joined) or any(map(self._may_spell, self._escapes.readings(joined)))

    def _may_spell(self, data: bytes) -> bool:
        """Say whether text may spell one of the names without escapes, but do not look closely at it; False is certain."""
        text = _squeezed(data)
        if any(map(text.__contains__, self._marks)) and any(map(text.__contains__, self._spelt)):
            return True
        return not data.isascii() and self._may_be_disguised(data, text)

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
        return self.line_where(data, _AT_START)

    def line_where(self, data: bytes, pattern: bytes) -> int | None:
        """Return the line of the first match of a pattern in which ``NAMES`` stands for the names, where they begin; None for none.

        It is verbose, and looks at what is folded: small letters, ``l`` for ``i`` and ``1``, ``o`` for ``0``.
        """
        for text in self._readings(data) if self._alternatives else ():
            match = self._compiled(pattern).search(text)
            if match is not None:
                return text.count(b"\n", 0, match.end()) + 1
        return None

    def may_be_key(self, data: bytes, signs: bytes = b":") -> bool:
        """Say whether one of the names may be a key somewhere, to some reader or once a template is filled in; False is certain.

        ``signs``: those behind a key that make it one.
        """
        if b":" in signs and any(b"\n%b:" % name in data for name in self._plainly):  # nearly always, where there is one
            return True
        encoding = wide.encoding(data)
        if encoding is not None:
            data = wide.decoded(data, encoding)
        if not self._alternatives or (b"!" in data and self._spelt_in_base64(data)):
            return True
        if b"#" in data:
            data = _COMMENT.sub(b"", data)
        if _OTHER_KEY.search(data) is not None:
            return self.could(data)
        return self.line_where(data, _AS_KEY.replace(b"SIGNS", signs)) is not None

    def first_line(self, data: bytes) -> int:
        """Return the first line that spells one of the names by itself; the first of all if that is told by several together."""
        lines = enumerate(data.split(b"\n"), 1)
        return next((number for number, line in lines if self.could(line)), 1)

    def looks_like(self, key: str) -> bool:
        """Say whether a key, as it was read, is one of the names or may be taken for one."""
        return look(key) in self._looks

    def looks_at(self, key: str, step: str) -> bool:
        """Say whether a key, as it was read, is a step of a path or may be taken for it."""
        return look(key) in _looks_of(step)

    # --- how it is done --------------------------------------------------------------------------------------------------
    def _compiled(self, pattern: bytes) -> re.Pattern[bytes]:
        if pattern not in self._patterns:
            self._patterns[pattern] = re.compile(pattern.replace(b"NAMES", self._alternatives), re.VERBOSE)
        return self._patterns[pattern]

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
        for plain in (data, *(self._escapes.readings(data) if b"\\" in data else ())):
            yield _folded(plain)
            clear = plain if plain.isascii() else self._without_disguise(plain)
            if clear is not plain:
                yield _folded(clear)

    def _could_in_utf8(self, data: bytes) -> bool:
        if self._spells(data):
            return True
        if b"\\" in data and any(map(self._spells, self._escapes.readings(data))):
            return True
        return b"!" in data and self._spelt_in_base64(data)

    def _spells(self, data: bytes) -> bool:
        """Say whether UTF-8 spells one of the names without escapes; nearly always a text squeezed once has no mark of any, and that is all."""
        text = _squeezed(data)
        for mark in self._marks:
            if mark in text:
                if self._has(data) or any(beside.could(data, path) for path in self._beside):
                    return True
                break
        return not data.isascii() and self._may_be_disguised(data, text) and self._has_disguised(data)

    def _may_be_disguised(self, data: bytes, text: bytes) -> bool:
        """Say whether a mark of a name is in squeezed ``text``, once what is beyond ASCII in it is folded; False is certain."""
        relevant = self._relevant(data)
        if not relevant:
            return relevant is None
        if len(relevant) > _FEW:
            return True
        for one, folded in relevant.items():
            text = text.replace(one.encode(), _squeezed(folded.encode("utf-8", "replace")))
        return any(map(text.__contains__, self._own_marks))

    def _has_disguised(self, data: bytes) -> bool:
        plain = self._without_disguise(data)
        return plain is not data and self._has(plain)

    def _relevant(self, data: bytes) -> dict[str, str] | None:
        """Return what those characters beyond ASCII are folded into that may be part of a name; None for what is no UTF-8."""
        try:
            others = set(data.translate(None, _ASCII).decode()) - self._others  # nearly always all are known to be no part of one
        except UnicodeDecodeError:
            return None
        return {one: folded for one in others if (folded := self._folded(one)) is not None}

    def _without_disguise(self, data: bytes) -> bytes:
        """Return UTF-8 with those characters beyond ASCII folded that may be part of a name; the same bytes if there is none."""
        others = set(data.translate(None, _ASCII).decode("utf-8", "ignore"))
        relevant = {ord(one): folded for one in others if (folded := self._folded(one)) is not None}
        if not relevant:
            return data
        return data.decode("utf-8", "ignore").translate(relevant).encode("utf-8", "replace")

    def _folded(self, character: str) -> str | None:
        """Return what a character is folded into; None where it cannot be part of a name."""
        folded = self._folds.get(character)
        if folded is None:
            folded = loose(character)
            if folded and self._letters.isdisjoint(folded):
                if len(self._others) >= _MOST_KEPT:
                    self._others.clear()
                self._others.add(character)
                return None
            if len(self._folds) >= _MOST_KEPT:
                self._folds.clear()
            self._folds[character] = folded
        return folded

    def _spelt_in_base64(self, data: bytes) -> bool:
        """Say whether the text behind a tag, as base64, spells a name: ``!!binary`` and what a ``%TAG`` makes of it."""
        directed = b"%" in data and _OTHER_TAG.search(data) is not None and b"%TAG" in data
        tags = _TAG if directed else _DECODING_TAG
        for number, tag in enumerate(tags.finditer(data)):
            if number == limits.BASE64_TAGS:
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


def _decoded(behind: bytes) -> Iterator[bytes]:
    """Yield what some text decodes to as base64, wherever that begins in it."""
    if b"\\" in behind:
        behind = in_plain(behind)
    for run in _BASE64.findall(behind.translate(_STANDARD, b" \t\r\n")):
        for start in range(4):
            letters = run[start:]
            whole = len(letters) // 4 * 4
            yield binascii.a2b_base64(letters[:whole] if len(letters) - whole < 2 else letters + b"=" * (4 - len(letters) + whole))


def _squeezed(data: bytes) -> bytes:
    """Return some bytes as ``scan.squeezed`` does, without what controls there are."""
    return data.translate(ASCII_FOLD, _NOT_IN_MARKS)


@lru_cache(maxsize=64)
def spelling(paths: tuple[str, ...], *, with_open: bool = False) -> Spelling:
    """Return the ``Spelling`` of these paths, the same object for the same paths."""
    return Spelling(paths, with_open=with_open)


@lru_cache(maxsize=256)
def _looks_of(name: str) -> frozenset[str]:
    """Return what a key looks like that is a name, or may be taken for it."""
    return frozenset((look(name), look(skeleton(name))))


def _last_key(path: str) -> str:
    """Return the last key of a field path; empty, and so spelt by anything, where it has none."""
    return next((step for step in reversed(fieldpath.parse(path)) if isinstance(step, str)), "")
