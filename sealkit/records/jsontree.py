"""JSON (RFC 8259) as a tree of nodes with positions.

A scanner of its own, because neither YAML nor ``json.loads`` will do: the former reads escapes, numbers and duplicates otherwise, the
latter drops duplicate keys and positions and takes ``NaN``.
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder

from sealkit import limits
from sealkit.errors import BadSyntax, OverLimit
from sealkit.jsonsize import values_of
from sealkit.tree import DOUBLE, PLAIN, Mapping, Node, Scalar, Sequence

MAX_DEPTH = limits.DEPTH

_DECODER = JSONDecoder()
_BLANKS = re.compile(r"[ \t\n\r]*")
_LITERAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_AFTER_WORD = re.compile(r"[\w.+-]")


def compose(text: str) -> Node:
    """Return the root node of a JSON text; strings have the style ``DOUBLE``, all other scalars ``PLAIN`` and their text as written.

    Raises ``BadSyntax`` with the line, and ``OverLimit`` over depth 100 and for more values than ``limits.JSON_VALUES``.
    """
    refuse_many_values(text)
    return _Scanner(text).document()


def refuse_many_values(text: str | bytes) -> None:
    """Raise ``OverLimit`` for a JSON text, or lines of them, that holds more keys and values than are read; they are counted, not read."""
    found = values_of(text, limits.JSON_VALUES)
    if found > limits.JSON_VALUES:
        raise OverLimit(problem=f"JSON of {found} keys and values; at most {limits.JSON_VALUES} are read", line=1)


class _Scanner:
    """Reads one value after the other, without recursion."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0

    def document(self) -> Node:
        root = self._value()
        if self._peek():
            raise self._error(problem="something stands behind the end of the value")
        return root

    def _value(self) -> Node:
        """Read a value and all inside it."""
        open_nodes: list[Mapping | Sequence] = []
        while True:
            node: Node | None = self._start(open_nodes)
            while node is not None:
                if not open_nodes:
                    return node
                open_nodes[-1].add(node)
                node = self._finish(open_nodes)

    def _start(self, open_nodes: list[Mapping | Sequence]) -> Node | None:
        """Read a scalar, or open a collection: then return it if it is empty, else read up to its first value and return None."""
        mark = self._peek()
        if mark not in ("{", "["):
            return self._scalar(mark)
        if len(open_nodes) >= MAX_DEPTH:
            raise OverLimit(problem=f"JSON nested deeper than {MAX_DEPTH}", line=self._here())
        kind = Mapping if mark == "{" else Sequence
        node = kind(self._at, self._here(), flow=True)
        self._at += 1
        if self._peek() == ("}" if mark == "{" else "]"):
            self._at += 1
            node.end = self._at
            return node
        open_nodes.append(node)
        self._key(node)
        return None

    def _finish(self, open_nodes: list[Mapping | Sequence]) -> Node | None:
        """Read what follows a value: a comma (then return None) or the end of the collection, which is returned."""
        node = open_nodes[-1]
        mark = self._peek()
        if mark == ",":
            self._at += 1
            self._key(node)
            return None
        if mark != ("}" if isinstance(node, Mapping) else "]"):
            raise self._error(problem="neither a comma nor the end of the collection")
        self._at += 1
        node.end = self._at
        return open_nodes.pop()

    def _key(self, node: Mapping | Sequence) -> None:
        if isinstance(node, Sequence):
            return
        if self._peek() != '"':
            raise self._error(problem="no key")
        node.add(self._string())
        if self._peek() != ":":
            raise self._error(problem="no colon behind the key")
        self._at += 1

    def _scalar(self, mark: str) -> Scalar:
        if mark == '"':
            return self._string()
        match = _LITERAL.match(self._text, self._at)
        if match is None or _AFTER_WORD.match(self._text, match.end()):
            raise self._error(problem="no value")
        self._at = match.end()
        return Scalar(match.start(), match.end(), self._here(match.start()), match[0], PLAIN)

    def _string(self) -> Scalar:
        start = self._at
        try:
            text, self._at = _DECODER.raw_decode(self._text, start)
        except JSONDecodeError:
            text = None
        if text is None:  # raised here, for the decoder's own error holds the whole document
            raise self._error(problem="a string is not closed, or holds a bad escape or a control character")
        return Scalar(start, self._at, self._here(start), text, DOUBLE)

    def _peek(self) -> str:
        """Skip blanks and return the next character, "" at the end."""
        match = _BLANKS.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _here(self, at: int | None = None) -> int:
        """Return the line of a position, counting only what was not counted before."""
        at = self._at if at is None else at
        self._line += self._text.count("\n", self._counted, at)
        self._counted = max(self._counted, at)
        return self._line

    def _error(self, *, problem: str) -> BadSyntax:
        return BadSyntax(problem=f"not JSON: {problem}", line=self._here())
