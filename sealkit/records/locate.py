"""Which node of a record is the field, and where its bytes stand; an error wherever two readers could disagree."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit import limits
from sealkit.errors import BadSyntax, DuplicateKey, LineBreakDispute, LookAlikeKey, MergedField, OverLimit
from sealkit.records import fieldpath
from sealkit.records.lookalike import skeleton
from sealkit.tree import FOLDED, LITERAL, PLAIN, Alias, Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STRING, NULL, NUMBER, BOOLEAN, TIMESTAMP, TAGGED = "string", "null", "number", "boolean", "timestamp", "tagged"

# What a plain scalar is for a YAML 1.1 reader (libyaml, Psych) or a YAML 1.2 reader (js-yaml): not a string for either is not a string.
# They are compiled when first used, as the other patterns of this package that most runs never need (re keeps them).
_TYPES = (
    (NULL, r"~|null|Null|NULL|"),
    (BOOLEAN, r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"),
    (
        NUMBER,
        r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
    (
        TIMESTAMP,
        r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?",
    ),
)
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")
_MERGE_TAG = "tag:yaml.org,2002:merge"
_BINARY_TAGS = ("!binary", "tag:yaml.org,2002:binary")
MAX_WRAPPED = 100
_DISPUTED = {0x85: "\xb7", 0x2028: "\xb7", 0x2029: "\xb7"}
_DISPUTED_BYTES = rb"\xc2\x85|\xe2\x80[\xa8\xa9]"


class Field(NamedTuple):
    """One concrete field: its path, its node, and whether another place of the record shares it."""

    path: str
    node: Scalar | Mapping | Sequence
    shared: bool
    is_alias: bool
    key: Node | None

    @property
    def type(self) -> str:
        """What the value is: one of the names of ``scalar_type``, ``mapping`` or ``sequence``."""
        if isinstance(self.node, Scalar):
            return scalar_type(self.node)
        return "mapping" if isinstance(self.node, Mapping) else "sequence"

    @property
    def is_string(self) -> bool:
        """Whether every reader takes the value for a string."""
        return self.type == STRING

    @property
    def is_block(self) -> bool:
        """Whether the value is a block scalar (``|``, ``>``)."""
        return isinstance(self.node, Scalar) and self.node.style in (LITERAL, FOLDED)

    @property
    def blob_text(self) -> str:
        """The text that is a blob if the field holds one: a block scalar's is what remains without the white space around it."""
        text = self.node.text if isinstance(self.node, Scalar) else ""
        return text.strip(" \t\r\n") if self.is_block else text


class _Child(NamedTuple):
    """What stands one step below a node: its name in the path, its key (None for an item), its value."""

    name: str
    key: Node | None
    value: Node


def scalar_type(node: Scalar) -> str:
    """Return what a reader makes of a scalar: one of the six names above."""
    if node.tag is not None:
        return STRING if node.tag in _STRING_TAGS else TAGGED
    if node.style != PLAIN:
        return STRING
    return next((name for name, pattern in _TYPES if re.fullmatch(pattern, node.text)), STRING)


def fields(root: Node | None, path: str) -> list[Field]:
    """Return the concrete fields that a path names, in document order; an empty list where it is absent.

    Raises ``DuplicateKey``, ``LookAlikeKey``, ``MergedField``, ``OverLimit`` (more fields than are looked at, as aliases that multiply make them) and,
    for a root or a step through what is no mapping or sequence, ``BadSyntax``; each with the line.
    """
    steps = fieldpath.parse(path)
    if root is None or (isinstance(root, Scalar) and scalar_type(root) == NULL):
        return []
    found = [Field("", *_resolve(root), None)]
    for step in steps:
        found = _deeper(found, step)
    return found


def _resolve(node: Node) -> tuple[Scalar | Mapping | Sequence, bool, bool]:
    return (node.target, True, True) if isinstance(node, Alias) else (node, node.shared, False)


def _deeper(found: list[Field], step: fieldpath.Step) -> list[Field]:
    """Return the fields one step below; a node that aliases lead to many times is looked through once."""
    children: dict[int, list[_Child]] = {}
    deeper: list[Field] = []
    for field in found:
        of_node = children.get(id(field.node))
        if of_node is None:
            of_node = children[id(field.node)] = list(_children(field, step))
        if len(deeper) + len(of_node) > limits.FIELDS:
            raise OverLimit(problem=f"more than {limits.FIELDS} fields of one path", line=field.node.line)
        for name, key, value in of_node:
            node, shared, is_alias = _resolve(value)
            deeper.append(Field((field.path + name).removeprefix("."), node, shared or field.shared, is_alias, key))
    return deeper


def _children(field: Field, step: fieldpath.Step) -> Iterator[_Child]:
    node = field.node
    if isinstance(node, Scalar) and scalar_type(node) == NULL:
        return
    if isinstance(step, str):
        if not isinstance(node, Mapping):
            hint = (
                f"a field of each item of a list is named so: {field.path}[].{fieldpath.text_of(step)}"
                if isinstance(node, Sequence)
                else None
            )
            problem = f"{field.path or 'the record'} is not a mapping, so it has no key {step!r}"
            raise BadSyntax(problem=problem, hint=hint, line=node.line)
        pair = _pair(node, step)
        if pair is not None:
            yield _Child(fieldpath.text_of(step), *pair)
        return
    if not isinstance(node, Sequence):
        raise BadSyntax(problem=f"{field.path or 'the record'} is not a list, so it has no items", line=node.line)
    for index in range(len(node.items)) if step is fieldpath.EVERY else range(step, min(step + 1, len(node.items))):
        yield _Child(f"[{index}]", None, node.items[index])


def _key_text(key: Node) -> str | None:
    node = key.target if isinstance(key, Alias) else key
    return node.text if isinstance(node, Scalar) else None


def _made_of(key: Node) -> str | None:
    """Return the text that some readers make of a key that is no plain text: base64 with a tag, a list of one (js-yaml); None for any other."""
    node = key.target if isinstance(key, Alias) else key
    for _ in range(MAX_WRAPPED):
        if not isinstance(node, Sequence) or len(node.items) != 1:
            break
        item = node.items[0]
        node = item.target if isinstance(item, Alias) else item
    if not isinstance(node, Scalar) or (node is key and node.tag is None):
        return None
    if node.tag not in _BINARY_TAGS:
        return node.text if node.tag is None or node.tag in _STRING_TAGS else None
    try:
        return base64.b64decode(node.text + "==").decode("utf-8", "replace")
    except ValueError:
        return None


def may_be_named(key: Node, looks_like: Callable[[str], bool]) -> bool:
    """Say whether some reader may take a key for one that ``looks_like`` says is the field's name."""
    return any(text is not None and looks_like(text) for text in (_key_text(key), _made_of(key)))


def _is_merge(key: Node) -> bool:
    return _key_text(key) == "<<" or (isinstance(key, Scalar) and key.tag == _MERGE_TAG)


def _pair(mapping: Mapping, name: str) -> tuple[Node, Node] | None:
    """Return the one pair with this key, or None; raise where readers could take another one, or this one, for it."""
    folded = skeleton(name)
    found: list[int] = []
    merges: list[int] = []
    for index, (key, _) in enumerate(mapping.pairs):
        text = _key_text(key)
        if _is_merge(key):
            merges.append(index)
        elif text == name and not _is_binary(key):
            found.append(index)
        elif _looks_like(key, text, folded):
            raise _look_alike(key, name)
    if len(found) > 1:
        raise DuplicateKey(
            problem=f"the key {name!r} stands {len(found)} times in one mapping", line=mapping.pairs[found[1]][0].line
        )
    last = _last_that_brings(mapping, merges, name, folded) if merges else None
    if last is not None and (not found or last > found[0]):
        raise MergedField(problem=f"{name!r} is brought by a merge key", line=mapping.pairs[last][0].line)
    return mapping.pairs[found[0]] if found else None


def _last_that_brings(mapping: Mapping, merges: list[int], name: str, folded: str) -> int | None:
    """Return the last of the merges that brings the key, directly or by merges of its own; raise for a look-alike they bring."""
    last = None
    seen: set[int] = set()
    for index in reversed(merges):
        pending = [mapping.pairs[index][1]]
        while pending:
            value = pending.pop()
            node = value.target if isinstance(value, Alias) else value
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, Sequence):
                pending += node.items
            elif isinstance(node, Mapping):
                pending += [under for key, under in node.pairs if _is_merge(key)]
                last = index if last is None and _has_key(node, name, folded) else last
    return last


def _has_key(mapping: Mapping, name: str, folded: str) -> bool:
    for key, _ in mapping.pairs:
        text = _key_text(key)
        if text == name and not _is_binary(key):
            return True
        if _looks_like(key, text, folded):
            raise _look_alike(key, name)
    return False


def _is_binary(key: Node) -> bool:
    return isinstance(key, Scalar) and key.tag in _BINARY_TAGS


def _looks_like(key: Node, text: str | None, folded: str) -> bool:
    if text is not None and skeleton(text) == folded:
        return True
    made = _made_of(key) if text is None or isinstance(key, Alias) or _is_binary(key) else None
    return made is not None and skeleton(made) == folded


def _look_alike(key: Node, name: str) -> LookAlikeKey:
    return LookAlikeKey(problem=f"a key looks like {name!r} but is spelt otherwise", line=key.line)


def refuse_disputed_breaks(data: bytes, path: str, found: list[Field], compose: Callable[[bytes], Node | None]) -> None:
    """Raise ``LineBreakDispute`` if NEL, LS and PS, read as text as YAML 1.2 has it, make the field another one."""
    first = None if data.isascii() else re.search(_DISPUTED_BYTES, data)
    if first is None:
        return
    try:
        other = fields(compose(data.decode().translate(_DISPUTED).encode()), path)
    except (BadSyntax, DuplicateKey, LookAlikeKey, MergedField):
        other = None
    if other is None or [_place(field) for field in found] != [_place(field) for field in other]:
        raise LineBreakDispute(
            problem=f"whether {path!r} is there depends on how U+0085, U+2028 and U+2029 are read",
            line=data.count(b"\n", 0, first.start()) + 1,
        )


def _place(field: Field) -> tuple[str, int, int, str | None]:
    node = field.node
    return field.path, node.start, node.end, node.text if isinstance(node, Scalar) else None
