"""YAML as a bounded tree of nodes with positions; the only door to libyaml.

Nothing is ever constructed: scalars stay text, tags and anchors stay names, aliases stay aliases. The tree is built from libyaml's
event stream with limits on size, depth, events and aliases, because the loaders of PyYAML crash the process on 100,000 nested
brackets and take seconds for a few hundred bytes of merge keys.

Positions (``start``, ``end``) are libyaml's: they count code points, a leading byte order mark is not counted, and a node's start
is its anchor or tag where it has one. ``line`` counts line feeds, from 1: libyaml itself also counts lone CR, NEL, LS and PS.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import yaml

from sealkit import limits
from sealkit.errors import BadSyntax, ConfigError, OverLimit
from sealkit.tree import PLAIN, Alias, Anchored, Mapping, Node, Scalar, Sequence, walk

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = limits.YAML_BYTES
MAX_DEPTH = limits.DEPTH
MAX_EVENTS = limits.YAML_EVENTS
MAX_ALIASES = limits.YAML_ALIASES
MAX_DIRECTIVES = limits.YAML_DIRECTIVES

_TOO_DEEP = "exceeded maximum nesting depth"
"""What libyaml itself says, since 0.2.6, of flow collections more than 1,000 deep, before it hands on the first of them."""

_ODD_BREAKS = re.compile(rb"\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]")


class _Mark(Protocol):
    index: int
    line: int


class _Event(Protocol):
    """What libyaml's events and tokens carry; each kind has some of it."""

    start_mark: _Mark
    end_mark: _Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool


class _Parser(Protocol):
    def get_event(self) -> _Event: ...
    def check_token(self) -> bool: ...
    def get_token(self) -> _Event: ...
    def raw_parse(self) -> int: ...


def _kind(event: object) -> type:
    return type(event)


def libyaml() -> str | None:
    """Return the version of libyaml that PyYAML works with, None if it has none."""
    if not yaml.__with_libyaml__:
        return None
    from yaml._yaml import get_version_string

    return str(get_version_string())


class _Failure(NamedTuple):
    problem: str
    line: int | None


@functools.cache
def _parser() -> Callable[[bytes], _Parser]:
    """Return libyaml's parser; its pure Python twin reads some documents otherwise, so there is no falling back."""
    if not yaml.__with_libyaml__:
        raise ConfigError(
            problem="PyYAML has no libyaml here, and its pure Python parser reads some documents otherwise",
            hint="install PyYAML from a wheel, or with libyaml's development files present: pip install --force-reinstall pyyaml",
        )
    from yaml._yaml import CParser

    return cast("Callable[[bytes], _Parser]", CParser)


def compose(data: bytes, *, events: int = MAX_EVENTS) -> Node | None:
    """Return the root node of a UTF-8 YAML stream of at most one document; None if it holds no document.

    Raises ``OverLimit`` over 1 MiB, depth 100, ``events`` (100,000 of them), 100 aliases or 100 lines that start with ``%``, and ``BadSyntax`` (with
    the line) for what libyaml refuses, an alias without its anchor, or a second document.
    """
    if len(data) > MAX_BYTES:
        raise OverLimit(problem=f"YAML of {len(data)} bytes; at most {MAX_BYTES} are read")
    if data.count(b"\n%") > MAX_DIRECTIVES:  # libyaml compares each %TAG with all before it
        raise OverLimit(problem=f"more than {MAX_DIRECTIVES} lines that start with '%'")
    odd = (b"\r" in data or not data.isascii()) and _ODD_BREAKS.search(data)
    feeds = _line_feeds(data) if odd else None
    try:
        root = _Composer(data, feeds, events).document()
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        failure = _failure(error, data, feeds)
    else:
        if root is not None and feeds is not None:
            for node in walk(root):
                node.line = bisect_left(feeds, node.start) + 1
        return root
    if failure.problem.endswith(_TOO_DEEP):
        raise OverLimit(problem=_nested_deeper(), line=failure.line)
    raise BadSyntax(problem=failure.problem, line=failure.line)


def _nested_deeper() -> str:
    return f"YAML nested deeper than {MAX_DEPTH}"


def _line_feeds(data: bytes) -> list[int] | None:
    """Return where the line feeds stand, in code points; None for what is not UTF-8."""
    try:
        return [match.start() for match in re.finditer("\n", data.decode())]
    except UnicodeDecodeError:
        return None


def _line(mark: _Mark, feeds: list[int] | None) -> int:
    return mark.line + 1 if feeds is None else bisect_left(feeds, mark.index) + 1


def events(data: bytes) -> int | None:
    """Return into how many events libyaml reads a YAML stream to its end; None where that is not known to be what ``compose`` reads.

    That is: it does not parse, or is over the limits, or may have aliases, whose anchors only ``compose`` looks for; depth is not
    limited here, for nothing is kept. A third of what ``compose`` costs.
    """
    if len(data) > MAX_BYTES or b"*" in data or (b"%" in data and data.count(b"\n%") > MAX_DIRECTIVES):
        return None
    try:
        count = _parser()(data).raw_parse()
    except yaml.YAMLError:
        return None
    return count if count <= MAX_EVENTS else None


def _failure(error: Exception, data: bytes, feeds: list[int] | None) -> _Failure:
    """Keep the parser's own words and the line; its message would quote the source."""
    words = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    mark, offset = getattr(error, "problem_mark", None), getattr(error, "position", None)
    line = None
    if mark is not None:  # at the end of a last line without a line feed, libyaml is one ahead
        line = min(_line(mark, feeds), data.count(b"\n") + 1)
    if offset is not None:
        line = data.count(b"\n", 0, offset) + 1
    return _Failure(f"not YAML: {words}", line)


class _Composer:
    """Turns the event stream into nodes, without recursion."""

    def __init__(self, data: bytes, feeds: list[int] | None, most: int) -> None:
        self._parser = _parser()(data)
        self._feeds = feeds
        self._events = 0
        self._most = most
        self._aliases = 0
        self._anchors: dict[str, Anchored] = {}

    def _next(self) -> _Event:
        self._events += 1
        if self._events > self._most:
            raise OverLimit(problem=f"more than {self._most} YAML events")
        return self._parser.get_event()

    def document(self) -> Node | None:
        self._next()  # the start of the stream
        if not isinstance(self._next(), yaml.DocumentStartEvent):
            return None
        root = self._root()
        self._next()  # the end of the document
        after = self._next()
        if _kind(after) is yaml.DocumentStartEvent:
            raise BadSyntax(problem="more than one YAML document", line=_line(after.start_mark, self._feeds))
        return root

    def _root(self) -> Node:
        open_nodes: list[Mapping | Sequence] = []
        while True:
            event = self._next()
            if isinstance(event, yaml.CollectionStartEvent):
                self._open(event, open_nodes)
                continue
            node: Node
            if isinstance(event, yaml.CollectionEndEvent):
                node = open_nodes.pop()
                node.end = event.end_mark.index
            else:
                node = self._leaf(event)
            if not open_nodes:
                return node
            open_nodes[-1].add(node)

    def _open(self, event: _Event, open_nodes: list[Mapping | Sequence]) -> None:
        if len(open_nodes) >= MAX_DEPTH:
            raise OverLimit(problem=_nested_deeper(), line=_line(event.start_mark, self._feeds))
        kind = Mapping if _kind(event) is yaml.MappingStartEvent else Sequence
        node = kind(event.start_mark.index, event.start_mark.line + 1, flow=bool(event.flow_style))
        self._remember(node, event)
        open_nodes.append(node)

    def _leaf(self, event: _Event) -> Node:
        if _kind(event) is yaml.ScalarEvent:
            start = event.start_mark
            scalar = Scalar(start.index, event.end_mark.index, start.line + 1, event.value, event.style or PLAIN)
            self._remember(scalar, event)
            return scalar
        self._aliases += 1
        line = _line(event.start_mark, self._feeds)
        if self._aliases > MAX_ALIASES:
            raise OverLimit(problem=f"more than {MAX_ALIASES} YAML aliases", line=line)
        target = self._anchors.get(event.anchor or "")
        if target is None:
            raise BadSyntax(problem="not YAML: an alias without its anchor", line=line)
        target.shared = True
        return Alias(event.start_mark.index, event.end_mark.index, line, event.anchor, target)

    def _remember(self, node: Anchored, event: _Event) -> None:
        node.tag = event.tag
        node.anchor = event.anchor
        if node.anchor is not None:
            self._anchors[node.anchor] = node


def scalar_tokens(data: bytes) -> list[tuple[int, int]]:
    """Return where the scalars of a document that parses start and end, each without its anchor and tag, in code points."""
    parser, found = _parser()(data), []
    while parser.check_token():
        token = parser.get_token()
        if _kind(token) is yaml.ScalarToken:
            found.append((token.start_mark.index, token.end_mark.index))
    return found


def scalar_start(tokens: list[tuple[int, int]], node: Scalar) -> int:
    """Return where the scalar's own text starts, behind its anchor and tag; in code points, as ``Scalar.start``."""
    if node.anchor is None and node.tag is None:
        return node.start
    number = bisect_left(tokens, (node.start, 0))
    if number == len(tokens):
        return node.end
    start, end = tokens[number]
    return start if end <= node.end else node.end
