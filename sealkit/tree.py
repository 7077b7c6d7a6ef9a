"""The nodes a record is read into, whatever its syntax: scalars stay text, and every node knows where it stands.

``start`` and ``end`` count code points of the text that was read (a leading byte order mark not counted), ``line`` counts from 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN, SINGLE, DOUBLE, LITERAL, FOLDED = "", "'", '"', "|", ">"


class Scalar:
    """A scalar: its decoded ``text``, its ``style`` (one of the five constants), its explicit ``tag`` and its ``anchor``."""

    __slots__ = ("anchor", "end", "line", "shared", "start", "style", "tag", "text")

    def __init__(self, start: int, end: int, line: int, text: str, style: str) -> None:
        self.start = start
        self.end = end
        self.line = line
        self.text = text
        self.style = style
        self.tag: str | None = None
        self.anchor: str | None = None
        self.shared = False


class Collection:
    """What a mapping and a sequence have in common."""

    __slots__ = ("anchor", "end", "flow", "line", "shared", "start", "tag")

    def __init__(self, start: int, line: int, *, flow: bool) -> None:
        self.start = start
        self.end = start
        self.line = line
        self.flow = flow
        self.tag: str | None = None
        self.anchor: str | None = None
        self.shared = False


class Mapping(Collection):
    """A mapping: its ``pairs`` of key node and value node, in document order, duplicates included."""

    __slots__ = ("_key", "pairs")

    def __init__(self, start: int, line: int, *, flow: bool) -> None:
        super().__init__(start, line, flow=flow)
        self.pairs: list[tuple[Node, Node]] = []
        self._key: Node | None = None

    def add(self, node: Node) -> None:
        """Take the next node of the stream: a key, then its value, in turn."""
        if self._key is None:
            self._key = node
        else:
            self.pairs.append((self._key, node))
            self._key = None


class Sequence(Collection):
    """A sequence: its ``items`` in document order."""

    __slots__ = ("items",)

    def __init__(self, start: int, line: int, *, flow: bool) -> None:
        super().__init__(start, line, flow=flow)
        self.items: list[Node] = []

    def add(self, node: Node) -> None:
        """Take the next node of the stream."""
        self.items.append(node)


class Alias:
    """An alias; ``target`` is the node whose anchor it names, as it stood at this point of the stream."""

    __slots__ = ("end", "line", "name", "start", "target")

    def __init__(self, start: int, end: int, line: int, name: str | None, target: Anchored) -> None:
        self.start = start
        self.end = end
        self.line = line
        self.name = name
        self.target = target


Anchored = Scalar | Mapping | Sequence
Node = Anchored | Alias


def walk(root: Node) -> Iterator[Node]:
    """Yield a node and all under it in document order, keys included, without recursion; aliases are not followed."""
    pending: list[Node] = [root]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, Mapping):
            for key, value in reversed(node.pairs):
                pending += (value, key)
        elif isinstance(node, Sequence):
            pending += reversed(node.items)


def flatten(root: Node | None, *holes: Node) -> Iterator[tuple[object, ...]]:
    """Yield the tree as tuples without positions, ``("hole",)`` in place of some nodes: trees that differ only there are equal."""
    left_out = {id(hole) for hole in holes}
    pending: list[Node | str | None] = [root]
    while pending:
        node = pending.pop()
        if id(node) in left_out:
            yield ("hole",)
        elif isinstance(node, Scalar):
            yield ("scalar", node.text, node.style, node.tag, node.anchor)
        elif isinstance(node, Alias):
            yield ("alias", node.name)
        elif isinstance(node, Mapping):
            yield ("mapping", node.flow, node.tag, node.anchor)
            pending.append("end")
            for key, value in reversed(node.pairs):
                pending += (value, key)
        elif isinstance(node, Sequence):
            yield ("sequence", node.flow, node.tag, node.anchor)
            pending.append("end")
            pending += reversed(node.items)
        else:
            yield (node,)
