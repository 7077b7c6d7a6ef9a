"""What stands between a record's delimiters: its text, and the tree it is read into once somebody asks. Lines count within it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealkit import plainyaml, yamltree
from sealkit.errors import BadFrontMatter, BadSyntax
from sealkit.records import locate
from sealkit.records.kinds import FRONT_MATTER, JSON_LINES, YAML

if TYPE_CHECKING:
    from sealkit.records.locate import Field
    from sealkit.tree import Node, Scalar

# libyaml passes over a byte order mark at the start of a line, and over the first one without counting it; other readers take it for text.
_LINE_MARK = r"(?:\A|[\n\r\x85\u2028\u2029])\ufeff"
_UNREAD: Final = "unread"


def parses(rest: bytes) -> bool:
    """Say whether libyaml reads YAML from end to end, and it is within the limits; nothing is kept of it.

    ``rest`` is YAML in which of the base64 that the fast scan found behind a key, alone on its line, one character is left. The answer is
    the whole one's: wherever that stands, in a scalar of its own or inside another one, letters are letters however many there
    are, and with the line's end behind them they are no key, whose length would count. A quarter of the time goes to them otherwise.
    No other line may be longer than a key may be.
    """
    return plainyaml.is_certain(rest) or yamltree.events(plainyaml.shortened(rest)) is not None


class Document:
    """The YAML or JSON of one record, ``data``, of a kind of ``kinds``."""

    __slots__ = ("_events", "_parses", "_root", "_text", "_tokens", "data", "is_yaml", "kind")

    def __init__(self, data: bytes, kind: str) -> None:
        self.data = data
        self.kind = kind
        self.is_yaml = kind in (FRONT_MATTER, YAML)
        self._text: str | None = None
        self._events: int | None = None
        self._parses = False
        self._root: Node | str | None = _UNREAD
        self._tokens: list[tuple[int, int]] | None = None

    @property
    def text(self) -> str:
        """The text that positions count in. Raises ``BadFrontMatter`` or ``BadSyntax`` for what is not UTF-8."""
        if self._text is None:
            self._text = self._decoded()
        return self._text

    @property
    def root(self) -> Node | None:
        """The root node, None for an empty document. Raises what ``yamltree.compose`` and ``jsontree.compose`` raise."""
        if isinstance(self._root, str):
            self._root = self._read()
        return self._root

    def parses(self, start: int, end: int) -> bool:
        """Return what ``parses`` returns of the document, in which ``start:end`` is base64 as there."""
        if not self._parses and self._events is None:
            self._parses = parses(self._without(start, end))
        return self._parses or self._events is not None

    def _without(self, start: int, end: int) -> bytes:
        return self.data[: start + 1] + self.data[end:]

    def has_key_at(self, name: str, start: int) -> bool:
        """Say whether the bytes before ``start`` (and a quote, if any) are the key ``name`` at column 0."""
        key = b"\n" + name.encode() + b": "
        line = self._line_of(key, start)
        return self.data.startswith(key, line) if line >= 0 else line == -1 and self.data.startswith(key[1:])

    def confirms(self, name: str, start: int, end: int) -> bool:
        """Ask libyaml whether the bytes ``start:end`` (inside quotes, if any) are the value of the root's key ``name``.

        The document must parse, and again with a list of one item in the value's place, at column 0, into two more events. A list can
        only stand there in a block mapping at column 0, which is the root; inside a quoted scalar, a comment or a block scalar it would
        add no event, and inside a flow collection it would not parse.
        """
        if self._events is None:
            self._events = yamltree.events(self._without(start, end))
        if not self.has_key_at(name, start) or self._events is None:
            return False
        key = b"\n" + name.encode() + b": "
        after_colon = self._line_of(key, start) + len(key) - 1
        with_list = self.data[:after_colon] + b"\n- x" + self.data[end + self._is_quoted(start) :]
        return yamltree.events(with_list) == self._events + 2

    def _is_quoted(self, start: int) -> bool:
        return self.data[start - 1 : start] in (b'"', b"'")

    def _line_of(self, key: bytes, start: int) -> int:
        return start - self._is_quoted(start) - len(key)

    def fields(self, path: str) -> list[Field]:
        """Return the fields that a path names, as ``locate.fields`` does; raise where readers could disagree."""
        found = locate.fields(self.root, path)
        if self.is_yaml:
            locate.refuse_disputed_breaks(self.data, path, found, _compose)
        return found

    def token_start(self, node: Scalar) -> int:
        """Return where a scalar's own text starts, behind its anchor and tag."""
        if node.anchor is None and node.tag is None:
            return node.start
        if self._tokens is None:
            self._tokens = yamltree.scalar_tokens(self.data)
        return yamltree.scalar_start(self._tokens, node)

    def _decoded(self) -> str:
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
        raise self._unreadable(what="not UTF-8", line=line)

    def _read(self) -> Node | None:
        text = self.text
        if self.is_yaml:
            if "\0" in text:
                raise self._unreadable(what="a NUL character", line=text.count("\n", 0, text.index("\0")) + 1)
            mark = re.search(_LINE_MARK, text) if "\ufeff" in text else None
            if mark is not None:
                raise self._unreadable(what="a byte order mark inside the record", line=text.count("\n", 0, mark.end()) + 1)
            return _compose(self.data)
        from sealkit.records import jsontree

        if self.kind == JSON_LINES and not text.strip(" \t\r\n"):
            return None
        return jsontree.compose(text)

    def _unreadable(self, *, what: str, line: int) -> BadFrontMatter | BadSyntax:
        kind = BadFrontMatter if self.kind == FRONT_MATTER else BadSyntax
        return kind(problem=what, line=line)


def _compose(data: bytes) -> Node | None:
    return yamltree.compose(data)
