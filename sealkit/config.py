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
MAX_EVENTS = 100_000
_MAX_SHOWN = 64
_MAX_QUOTED = 100
_DOT = "\xb7"
_KEY_LENGTHS = frozenset({22, 32, 43, 48, 64})  # characters, without padding, of 16, 24 and 32 bytes as base64 or hex
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_HEX = frozenset("0123456789abcdefABCDEF")
_SHORTEST_KEY = 16
_MERGE = "<<"


class Line(int):
    """A line number (from 1) that knows where in the text the thing it stands for starts: ``start``, in code points.

    An error that has one as its ``line`` can show the place with a caret (``with_caret``).
    """

    start: int


def as_line(line: int, start: int) -> Line:
    """Return a line number that knows the place."""
    made = Line(line)
    made.start = start
    return made


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

    def flag(self, name: str, *, of: str, default: bool) -> bool:
        """Return whether ``name`` is ``true`` or ``false``, plain and in lower case; ``default`` when it is absent."""
        if name not in self:
            return default
        value = self.text(name, of=of)
        if value.quoted or value not in {"true", "false"}:
            raise ConfigError(
                problem=f"{of}: {name!r} is true or false", hint="without quotes; yes and no are text", line=value.line
            )
        return value == "true"

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


def as_table(value: Value, *, of: str, line: int, first: str = "name") -> Table:
    """Return a value that must be a mapping; ``of`` says in the message what it is, ``first`` the name that a lone text is the value of."""
    if isinstance(value, Table):
        return value
    hint = "write name: value; mind the blank after the colon"
    if isinstance(value, Text) and first != "name":
        hint = f"write {first}: before it; mind the blank after the colon"
    raise ConfigError(problem=f"{of} must be a mapping", hint=hint, line=line)


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


def with_caret(error: ConfigError, data: bytes) -> ConfigError:
    """Give an error about the configuration file ``data`` the line it speaks of, and the place in it; return the error itself.

    For files that hold no secrets. What may be a key all the same, having strayed there, is shown as dots, and so is what does not print.
    """
    number = error.line
    if number is None:
        return error
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    start = number.start if isinstance(number, Line) else None
    error.line = int(number)
    if start is None:
        lines = text.split("\n", number)
        if number > len(lines) or not lines[number - 1].strip():
            return error
        begins = sum(len(line) + 1 for line in lines[: number - 1])
    else:
        begins = text.rfind("\n", 0, start) + 1
    line = masked(text[begins:].partition("\n")[0].rstrip())
    cut = max(0, start - begins - _MAX_QUOTED // 2) if start is not None and len(line) > _MAX_QUOTED else 0
    error.source = line[cut : cut + _MAX_QUOTED]
    error.caret = start - begins - cut + 1 if start is not None else None
    return error


def masked(line: str) -> str:
    """Return a line with dots for what may be a key, as ``shown_path`` takes it, and for what does not print; as long as it was."""
    for run in _runs(line):
        whole = run.rstrip("=")
        if len(whole) in _KEY_LENGTHS or any(map(_may_be_key, run.split("/"))):
            line = line.replace(run, _DOT * len(run))
    return "".join(character if character.isprintable() else " " if character == "\t" else _DOT for character in line)


@opaque
def load(data: bytes, *, what: str, most: int = MAX_BYTES, events: int = MAX_EVENTS, text_hint: str | None = None) -> Table:
    """Return the mapping that a configuration file of at most ``most`` bytes of UTF-8 holds; ``what`` names the file in messages.

    At most ``events`` YAML events of it are read: two a line, more or less. ``text_hint`` says what to do with a file that holds one text alone.

    Raises ``ConfigError`` with the line for anything but plain mappings, lists and text.
    """
    from sealkit import yamltree  # here, so that a ring from the environment does not cost the import of yaml

    _check_encoding(data, what, most)
    failure: SyntaxProblem | None = None
    try:
        root = yamltree.compose(data, events=events)
    except (BadSyntax, OverLimit) as error:
        failure = error
    if failure is not None:
        raise ConfigError(problem=f"{what}: {failure.problem}", hint=_SYNTAX_HINT, line=failure.line)
    if root is None:
        raise ConfigError(problem=f"{what}: empty", hint="it needs at least a line version: 1", line=1)
    value = _value(root, what)
    if isinstance(value, Text) and text_hint is not None:
        raise ConfigError(problem=f"{what} must be a mapping", hint=text_hint, line=_line(root))
    return as_table(value, of=what, line=_line(root))


SyntaxProblem: TypeAlias = BadSyntax | OverLimit
_SYNTAX_HINT = "write plain mappings, lists and text, indented with blanks"


def _check_encoding(data: bytes, what: str, most: int) -> None:
    if len(data) > most:
        raise ConfigError(problem=f"{what}: {len(data)} bytes; at most {most} are read", hint="is it the right file?")
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
        raise ConfigError(problem=f"{what}: an alias", hint="write the value out", line=_line(node))
    if node.anchor is not None:
        raise ConfigError(problem=f"{what}: an anchor", hint="remove the & and its name", line=_line(node))
    if node.tag is not None:
        raise ConfigError(problem=f"{what}: a tag", hint="remove the ! and its name; quote text that starts so", line=_line(node))
    if isinstance(node, Scalar):
        return as_text(node.text, line=_line(node), quoted=node.style != PLAIN)
    if isinstance(node, Mapping):
        return _table(node, what)
    items = Items(_line(node))
    items.extend(_value(item, what) for item in node.items)
    return items


def _table(node: Mapping, what: str) -> Table:
    table = Table(_line(node))
    for key_node, value_node in node.pairs:
        name = _value(key_node, what)
        if not isinstance(name, Text):
            raise ConfigError(problem=f"{what}: a name that is not text", hint="write name: value", line=_line(key_node))
        if name == _MERGE and not name.quoted:
            raise ConfigError(problem=f"{what}: a merge key", hint="write the attributes out", line=name.line)
        if name in table:
            problem = f"{what}: {shown(name)} stands twice, first in line {table.lines[name]}"
            raise ConfigError(problem=problem, hint="remove one of them", line=name.line)
        table.lines[str(name)] = name.line
        table[str(name)] = _value(value_node, what)
    return table


def _line(node: Node) -> Line:
    return as_line(node.line, node.start)
