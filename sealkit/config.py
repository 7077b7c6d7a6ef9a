"""Configuration files: YAML of the plainest kind, read strictly.

Mappings, lists and text, nothing else: no aliases, anchors, tags, merge keys or duplicate names, because the same file must say the
same to every reader, and because a ring or a policy has no use for them. Scalars stay text (``no`` is ``"no"``), and each value
knows its line. Whatever is wrong is one ``ConfigError`` that never repeats text which may be a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sealkit.errors import BadSyntax, ConfigError, OverLimit
from sealkit.opaque import opaque
from sealkit.tree import PLAIN, Alias, Mapping, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 1 << 20
_MAX_SHOWN = 64
_KEY_LENGTHS = frozenset({22, 32, 43, 48, 64})  # characters, without padding, of 16, 24 and 32 bytes as base64 or hex
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_HEX = frozenset("0123456789abcdefABCDEF")
_SHORTEST_KEY = 16
_MERGE = "<<"


class Text(str):
    """A scalar's text, with its ``line`` (from 1) and whether it was ``quoted`` (or a block scalar): ``1`` is not ``"1"``."""

    __slots__ = ("line", "quoted")
    line: int
    quoted: bool


def as_text(text: str, *, line: int, quoted: bool) -> Text:
    """Return a text that knows its line and whether it was quoted."""
    made = Text(text)
    made.line = line
    made.quoted = quoted
    return made


class Items(list["Value"]):
    """A list, with its ``line`` (from 1)."""

    __slots__ = ("line",)

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


class Table(dict[str, "Value"]):
    """A mapping, with its ``line`` (from 1) and the line of each name in ``lines``."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def only(self, known: Iterable[str], *, of: str) -> None:
        """Refuse every name but the ``known``; ``of`` says in the message whose attributes they are."""
        allowed = tuple(known)
        for name in self:
            if name not in allowed:
                hint = did_you_mean(name, allowed)
                raise ConfigError(problem=f"{of}: unknown attribute {shown(name)}", hint=hint, line=self.lines[name])

    def need(self, name: str, *, of: str) -> Value:
        """Return the value of ``name``, which must be there."""
        if name not in self:
            raise ConfigError(problem=f"{of}: {name!r} is missing", hint=f"add a line {name}: ...", line=self.line)
        return self[name]

    def text(self, name: str, *, of: str) -> Text:
        """Return the text of ``name``, which must be there and not empty."""
        value = self.need(name, of=of)
        if not isinstance(value, Text):
            raise ConfigError(problem=f"{of}: {name!r} must be text", hint=f"write {name}: TEXT", line=self.lines[name])
        if not value:
            raise ConfigError(problem=f"{of}: {name!r} has no value", hint=f"write {name}: TEXT", line=self.lines[name])
        return value

    def choice(self, name: str, allowed: tuple[str, ...], *, of: str, default: str) -> str:
        """Return which of the ``allowed`` words ``name`` has; ``default`` when it is absent."""
        if name not in self:
            return default
        value = self.text(name, of=of)
        if value not in allowed:
            problem = f"{of}: {name!r} cannot be {shown(value)}"
            raise ConfigError(problem=problem, hint=did_you_mean(value, allowed), line=value.line)
        return str(value)

    def table(self, name: str, *, of: str) -> Table:
        """Return the mapping of ``name``, which must be there."""
        return as_table(self.need(name, of=of), of=f"{of}: {name!r}", line=self.lines[name])

    def items_of(self, name: str, *, of: str) -> Items:
        """Return the list of ``name``, which must be there."""
        value = self.need(name, of=of)
        if not isinstance(value, Items):
            hint = "write one entry a line, each after a dash"
            raise ConfigError(problem=f"{of}: {name!r} must be a list", hint=hint, line=self.lines[name])
        return value


Value: TypeAlias = Text | Table | Items


def as_table(value: Value, *, of: str, line: int) -> Table:
    """Return a value that must be a mapping; ``of`` says in the message what it is."""
    if isinstance(value, Table):
        return value
    raise ConfigError(problem=f"{of} must be a mapping", hint="write name: value; mind the blank after the colon", line=line)


def shown(text: str) -> str:
    """Quote a text of a configuration file for a message, unless it is long or holds what may be a key in the wrong place."""
    return "(not shown)" if len(text) > _MAX_SHOWN or any(map(_may_be_key, _runs(text))) else repr(str(text))


def shown_path(path: str) -> str:
    """Quote a path for a message, unless it, or one of its components, may be a key."""
    parts = [run for part in path.split("/") for run in _runs(part)]
    whole = path.rstrip("=")
    if len(whole) in _KEY_LENGTHS and _BASE64.issuperset(whole):
        parts.append(whole)
    return "(not shown)" if any(map(_may_be_key, parts)) else repr(str(path))


def _runs(text: str) -> list[str]:
    """Split a text where it has characters that no key is written with."""
    return "".join(character if character in _BASE64 else " " for character in text).split()


def _may_be_key(run: str) -> bool:
    if len(run) < _SHORTEST_KEY:
        return False
    if run.isupper() and not _HEX.issuperset(run):  # SEALKIT_SECRET_2024: the name of a variable
        return False
    return len(run) in _KEY_LENGTHS or any(character.isdigit() for character in run)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the hint for a misspelt word: the known one that is nearest, else all of them."""
    import difflib

    allowed = tuple(known)
    near = difflib.get_close_matches(word[:_MAX_SHOWN], allowed, n=1)
    return f"did you mean {near[0]!r}?" if near else "known here: " + ", ".join(allowed)


@opaque
def load(data: bytes, *, what: str) -> Table:
    """Return the mapping that a configuration file of at most 1 MiB of UTF-8 holds; ``what`` names the file in messages.

    Raises ``ConfigError`` with the line for anything but plain mappings, lists and text.
    """
    from sealkit import yamltree  # here, so that a ring from the environment does not cost the import of yaml

    _check_encoding(data, what)
    failure: SyntaxProblem | None = None
    try:
        root = yamltree.compose(data)
    except (BadSyntax, OverLimit) as error:
        failure = error
    if failure is not None:
        raise ConfigError(problem=f"{what}: {failure.problem}", hint=_SYNTAX_HINT, line=failure.line)
    if root is None:
        raise ConfigError(problem=f"{what}: empty", hint="it needs at least a line version: 1", line=1)
    return as_table(_value(root, what), of=what, line=root.line)


SyntaxProblem: TypeAlias = BadSyntax | OverLimit
_SYNTAX_HINT = "write plain mappings, lists and text, indented with blanks"


def _check_encoding(data: bytes, what: str) -> None:
    if len(data) > MAX_BYTES:
        raise ConfigError(problem=f"{what}: {len(data)} bytes; at most {MAX_BYTES} are read", hint="is it the right file?")
    bad = -1
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = error.start
    if bad >= 0:
        line = data.count(b"\n", 0, bad) + 1
        raise ConfigError(problem=f"{what}: byte {bad} is not UTF-8", hint="save the file as UTF-8", line=line)


def _value(node: Node, what: str) -> Value:
    """Turn a node into a value; the depth of nodes is limited where they are made."""
    if isinstance(node, Alias):
        raise ConfigError(problem=f"{what}: an alias", hint="write the value out", line=node.line)
    if node.anchor is not None:
        raise ConfigError(problem=f"{what}: an anchor", hint="remove the & and its name", line=node.line)
    if node.tag is not None:
        raise ConfigError(problem=f"{what}: a tag", hint="remove the ! and its name; quote text that starts so", line=node.line)
    if isinstance(node, Scalar):
        return as_text(node.text, line=node.line, quoted=node.style != PLAIN)
    if isinstance(node, Mapping):
        return _table(node, what)
    items = Items(node.line)
    items.extend(_value(item, what) for item in node.items)
    return items


def _table(node: Mapping, what: str) -> Table:
    table = Table(node.line)
    for key_node, value_node in node.pairs:
        name = _value(key_node, what)
        if not isinstance(name, Text):
            raise ConfigError(problem=f"{what}: a name that is not text", hint="write name: value", line=key_node.line)
        if name == _MERGE and not name.quoted:
            raise ConfigError(problem=f"{what}: a merge key", hint="write the attributes out", line=name.line)
        if name in table:
            problem = f"{what}: {shown(name)} stands twice, first in line {table.lines[name]}"
            raise ConfigError(problem=problem, hint="remove one of them", line=name.line)
        table.lines[str(name)] = name.line
        table[str(name)] = _value(value_node, what)
    return table
