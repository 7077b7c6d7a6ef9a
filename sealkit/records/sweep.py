"""Whether marks of names are in much text, told in one pass over it, where RE2 is installed: otherwise each mark is a pass of its own.

The expression says what ``spelling`` looks for in squeezed text: the letters of a mark, each as any byte, character or escape that is folded
into it, with nothing between them but what is left out. Which characters beyond ASCII and which escapes those are is learned as they are
met. What is not known yet matches by itself, and so does what is no UTF-8: "no" is certain whatever was learned.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sealkit import onepass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_START = 1 << 20  # bytes that are looked at without it: its own start takes as long as looking at them
_MOST = 40  # times that something is learned: where there is more, as in Chinese, learning takes longer than it gains
_ASCII = bytes(range(128))
_BLOCK = 64  # characters that differ in the last byte of their UTF-8 alone, and are learned together
_FIRST = ("\u00a0", "\u00c0", "\u2010")  # Western letters and signs, and the quotes and dashes of nearly all languages
_FOLLOWING = range(0x80, 0xC0)
_LEADING = range(0xC0, 0x100)

# Escapes of four digits, and pairs of them that stand for one character; others are not learned.
_ESCAPE = re.compile(rb"\\(u(?:(?![dD][89a-fA-F])HHHH|[dD][89abAB]HH\\u[dD][c-fC-F]HH))".replace(b"H", b"[0-9a-fA-F]"))
_HEX = b"0123456789abcdefABCDEF"
_POSSIBLE = (b"u", _HEX + b"{", _HEX, _HEX, _HEX)
_MORE_ESCAPES = b"xU01234567\r\n" + bytes(range(0x80, 0x100))


class Folds(NamedTuple):
    """How text is folded: each byte of ASCII ``plain``, None for what is left out; and characters ``beyond`` it.

    Those are folded into an empty text where they are left out, and into None where they are in no mark. A backslash before one of
    ``escaped``, a digit, a line's end or what is beyond ASCII makes an escape.
    """

    plain: Mapping[int, int | None]
    beyond: Callable[[str], str | None]
    escaped: bytes

    def of(self, character: str) -> str | None:
        """Return what a character is folded into."""
        if not character.isascii():
            return self.beyond(character)
        byte = self.plain[ord(character)]
        return "" if byte is None else chr(byte)


def of(marks: Sequence[bytes], folds: Folds) -> Sweep | None:
    """Return what looks for some marks, None where that cannot be told so: one of them is empty, or is not ASCII."""
    return Sweep(marks, folds) if marks and all(mark and mark.isascii() for mark in marks) else None


class Sweep:
    """Looks for marks in text, as each of them would be found in it squeezed."""

    __slots__ = ("_beyond", "_escapes", "_folds", "_marks", "_plain", "_seen", "_spread", "_with_escapes")

    def __init__(self, marks: Sequence[bytes], folds: Folds) -> None:
        self._marks = tuple(marks)
        self._folds = folds
        self._seen = 0
        self._beyond: dict[bytes, str | None] = {}  # characters that are known, but for those that are folded into several letters
        self._spread: dict[bytes, bytes] = {}  # such that were met
        self._escapes: dict[bytes, str | None] = {}
        self._plain = _Expression(self._compiled)
        self._with_escapes = _Expression(partial(self._compiled, escapes=True))

    def finds(self, data: bytes) -> bool | None:
        """Say whether a mark may be in some text, escapes aside; None for no answer. "No" is certain."""
        return self._asked(self._plain, data, self._learn_characters)

    def finds_escaped(self, data: bytes) -> bool | None:
        """Say the same of text with whatever its escapes stand for."""
        return self._asked(self._with_escapes, data, lambda text: self._learn_characters(text) or self._learn_escapes(text))

    def _asked(self, expression: _Expression, data: bytes, learn: Callable[[bytes], bool]) -> bool | None:
        self._seen += len(data)
        if self._seen < _START:
            return None
        if not self._beyond:
            self._take_up(_FIRST)
        while True:
            text = data
            for character, folded in self._spread.items():
                text = text.replace(character, folded)
            found = expression.finds(text + b"\n")  # where a character is cut off, something else follows
            if not found:
                return found
            try:
                if not learn(data):
                    return True
            except UnicodeDecodeError:
                return None
            self._plain.is_old = self._with_escapes.is_old = True

    def _learn_characters(self, data: bytes) -> bool:
        """Learn what the characters beyond ASCII in some text are folded into, and say whether that was not known of one of them."""
        met = {one for one in set(data.translate(None, _ASCII).decode()) if one.encode() not in self._beyond}
        return self._take_up(one for one in met if one.encode() not in self._spread)

    def _take_up(self, met: Iterable[str]) -> bool:
        met = list(met)
        for one in met:
            folded = self._folds.of(one)
            if folded is not None and len(folded) > 1:
                self._spread[one.encode()] = folded.encode("utf-8", "replace")
        for block in {ord(one) // _BLOCK for one in met}:
            for character in map(chr, range(block * _BLOCK, block * _BLOCK + _BLOCK)):
                folded = self._folds.of(character)
                if folded is None or len(folded) < 2:
                    self._beyond[character.encode("utf-8", "surrogatepass")] = folded
        return bool(met)

    def _learn_escapes(self, data: bytes) -> bool:
        met = set(_ESCAPE.findall(data)) - self._escapes.keys()
        known = {one: folded for one in met if (folded := self._folds.of(_character(one))) is None or len(folded) < 2}
        self._escapes |= known
        return bool(known)

    def _compiled(self, *, escapes: bool = False) -> Callable[[bytes], bool] | None:
        known = self._escapes if escapes else {}
        between = b"(?:%b|%b)*" % (self._spelt(None, known), _any_of(_FOLLOWING))
        letters = {letter: b"(?:%b)" % self._spelt(letter, known) for letter in {*b"".join(self._marks)}}
        ways = [between.join(letters[letter] for letter in mark) for mark in self._marks]
        ways += _unlike(sorted(self._beyond), 0, (bytes(_LEADING),))
        if escapes:
            others = _any_of({*_MORE_ESCAPES, *self._folds.escaped})
            ways.append(rb"\\(?:%b)" % b"|".join((others, *_unlike(sorted(known), 0, _POSSIBLE))))
        return onepass.compiled(b"|".join(ways))

    def _spelt(self, letter: int | None, escapes: Mapping[bytes, str | None]) -> bytes:
        """Return the expression for all that is folded into a letter, or for all that is left out."""
        meant = "" if letter is None else chr(letter)
        plain = _any_of(byte for byte, folded in self._folds.plain.items() if folded == letter)
        beyond = (_literally(one) for one, folded in self._beyond.items() if folded == meant)
        escaped = (rb"\\+" + _literally(one) for one, folded in escapes.items() if folded == meant)
        return b"|".join((plain, *beyond, *escaped))


class _Expression:
    """An expression that is compiled when it is asked for, and anew when more is known."""

    __slots__ = ("_compile", "_finds", "_left", "is_old")

    def __init__(self, compiling: Callable[[], Callable[[bytes], bool] | None]) -> None:
        self._compile = compiling
        self._finds: Callable[[bytes], bool] | None = None
        self._left = _MOST
        self.is_old = True

    def finds(self, data: bytes) -> bool | None:
        """Say whether it matches in some bytes; None where there is no such expression, or it was made too many times."""
        if self.is_old and self._left:
            self._left -= 1
            self._finds = self._compile() if self._left else None
            self.is_old = False
            if self._finds is None:
                self._left = 0
        return self._finds(data) if self._finds is not None else None


def _character(escape: bytes) -> str:
    """Return the character that an escape of four digits, or a pair of such, stands for."""
    units = [int(part[-4:], 16) for part in escape.split(b"\\")]
    return chr(units[0]) if len(units) == 1 else chr(0x10000 + ((units[0] & 0x3FF) << 10) + (units[1] & 0x3FF))


def _unlike(known: Sequence[bytes], depth: int, possible: Sequence[bytes]) -> list[bytes]:
    """Return expressions for what begins like one of some texts, which are sorted, and is none of them.

    ``possible`` has the bytes that may stand in each place; in later ones, any.
    """
    heads = sorted({one[depth] for one in known})
    others = set(possible[depth] if depth < len(possible) else range(0x100)) - set(heads)
    ways = [_any_of(others)] if others else []
    for head in heads:
        longer = [one for one in known if one[depth] == head and len(one) > depth + 1]
        if longer:
            ways.append(b"%b(?:%b)" % (_literally(bytes((head,))), b"|".join(_unlike(longer, depth + 1, possible))))
    return ways


def _any_of(values: Iterable[int]) -> bytes:
    return b"[%b]" % b"".join(b"\\x%02x" % byte for byte in sorted(values))


def _literally(text: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in text)
