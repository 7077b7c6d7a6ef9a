"""Whether marks of names are in much text, told in one pass over it, where RE2 is installed: otherwise each mark is a pass of its own.

The expression says what ``spelling`` looks for in squeezed text: the letters of a mark, each as any byte or character that is folded into
it, with nothing between them but what is left out. Which characters beyond ASCII are folded into what is asked as they are met, a block of
64 at a time; a character of which that is not known yet matches by itself, and so does what is no UTF-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealkit import onepass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MUCH: Final = 16 << 10
"""For fewer bytes it is not asked: what it gains there is little."""

_START = 1 << 20  # bytes that are looked at without it: its own start takes as long as looking at them
_MOST = 32  # blocks that are known: beyond these, as in Chinese, learning takes longer than it gains
_ASCII = bytes(range(128))
_BLOCK = 64  # characters that differ in the last byte of their UTF-8 alone
_FIRST = ("\u00a0", "\u00c0", "\u2010")  # Western letters and signs, and the quotes and dashes of nearly all languages
_FOLLOWING = range(0x80, 0xC0)
_LEADING = range(0xC0, 0x100)


def of(marks: Sequence[bytes], ascii_folded: Mapping[int, int | None], folded: Callable[[str], str | None]) -> Sweep | None:
    """Return what looks for some marks, None where that cannot be told so: one of them is empty, or is not ASCII.

    ``ascii_folded`` says into which byte each of ASCII is folded, None for those that are left out; ``folded`` says that of a character
    beyond ASCII, empty for those that are left out, and None for those that are in no mark.
    """
    return Sweep(marks, ascii_folded, folded) if marks and all(mark and mark.isascii() for mark in marks) else None


class Sweep:
    """Looks for marks in text, as each of them would be found in it squeezed."""

    __slots__ = ("_ascii_folded", "_beyond", "_blocks", "_finds", "_folded", "_marks", "_seen", "_spread")

    def __init__(
        self, marks: Sequence[bytes], ascii_folded: Mapping[int, int | None], folded: Callable[[str], str | None]
    ) -> None:
        self._marks = tuple(marks)
        self._ascii_folded = ascii_folded
        self._folded = folded
        self._seen = 0
        self._blocks: set[int] = set()
        self._beyond: dict[str, str | None] = {}  # of these blocks, but for those that are folded into several letters
        self._spread: dict[bytes, bytes] = {}  # such that were met
        self._finds: Callable[[bytes], bool] | None = None

    def finds(self, data: bytes) -> bool | None:
        """Say whether a mark may be in some text, None for no answer; "no" is certain."""
        self._seen += len(data)
        if self._seen < _START:
            return None
        if self._finds is None and not self._learn(_FIRST):
            return None
        while True:
            text = data
            for character, folded in self._spread.items():
                text = text.replace(character, folded)
            if self._finds is None or not self._finds(text + b"\n"):  # where a character is cut off, something else follows
                return None if self._finds is None else False
            try:
                unknown = set(data.translate(None, _ASCII).decode()) - self._beyond.keys()
            except UnicodeDecodeError:
                return None
            unknown = {one for one in unknown if one.encode() not in self._spread}
            if not unknown:
                return True
            if not self._learn(unknown):
                return None

    def _learn(self, characters: Iterable[str]) -> bool:
        """Take up the blocks of some characters, and say whether that can be done."""
        self._blocks |= {ord(one) // _BLOCK for one in characters}
        if len(self._blocks) > _MOST:
            self._seen = -1 << 62
            return False
        for one in characters:
            folded = self._folded(one)
            if folded is not None and len(folded) > 1:
                self._spread[one.encode()] = folded.encode("utf-8", "replace")
        for block in self._blocks:
            for code in range(block * _BLOCK, block * _BLOCK + _BLOCK):
                folded = self._folded(chr(code))
                if folded is None or len(folded) < 2 or chr(code).encode() in self._spread:
                    self._beyond[chr(code)] = folded
        self._finds = onepass.compiled(self._expression())
        if self._finds is None:
            self._seen = -1 << 62  # there is no RE2, and nobody need ask for it again
        return self._finds is not None

    def _expression(self) -> bytes:
        between = b"(?:%b|%b)*" % (self._spelt(None), _any_of(_FOLLOWING))
        letters = {letter: b"(?:%b)" % self._spelt(letter) for letter in {*b"".join(self._marks)}}
        marks = [between.join(letters[letter] for letter in mark) for mark in self._marks]
        return b"|".join((*marks, _other_than(sorted(one.encode() for one in self._beyond))))

    def _spelt(self, letter: int | None) -> bytes:
        """Return the expression for all that is folded into a letter, or for all that is left out."""
        meant = "" if letter is None else chr(letter)
        plain = _any_of(byte for byte, folded in self._ascii_folded.items() if folded == letter)
        return b"|".join((plain, *(_literally(one.encode()) for one, folded in self._beyond.items() if folded == meant)))


def _other_than(known: Sequence[bytes]) -> bytes:
    """Return the expression for the beginning of any character beyond ASCII but some, which are sorted."""
    return b"|".join(_unlike(known, 0, _LEADING))


def _unlike(known: Sequence[bytes], depth: int, possible: Iterable[int]) -> list[bytes]:
    heads = sorted({one[depth] for one in known})
    ways = [_any_of(byte for byte in possible if byte not in heads)]
    for head in heads:
        longer = [one for one in known if one[depth] == head and len(one) > depth + 1]
        if longer:
            ways.append(b"%b(?:%b)" % (_literally(bytes((head,))), b"|".join(_unlike(longer, depth + 1, range(0x100)))))
    return ways


def _any_of(values: Iterable[int]) -> bytes:
    return b"[%b]" % b"".join(b"\\x%02x" % byte for byte in values)


def _literally(text: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in text)
