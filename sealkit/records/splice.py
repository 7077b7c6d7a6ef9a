"""Which characters of a record change, and into what, when a field's value does.

Positions are code points of the text that was parsed. Only the value's own token is touched: anchors, tags, comments, blanks and line
ends stay as they are.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import RefusedEdit, SharedNode
from sealkit.records.locate import STRING, scalar_type
from sealkit.tree import FOLDED, LITERAL, PLAIN, SINGLE, Mapping, Node, Scalar, Sequence, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.records.locate import Field

# A text that YAML reads as itself, and as a string, whatever stands around it.
_BARE = re.compile(r"[A-Za-z0-9+/][A-Za-z0-9+/=]*(?:;[A-Za-z0-9+/=]+)+")
_SINGLE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]*")
# What JSON writes as it is and YAML does not allow, or reads as a line break.
_YAML_ESCAPES = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BLANK = " \t\r\n"
# Names that need no quotes as keys: no indicator, no number, and no word that some reader takes for a truth value or null.
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NO_NAMES = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")


class Splice(NamedTuple):
    """Replace the characters ``start:end`` by ``text``."""

    start: int
    end: int
    text: str


def quote(text: str) -> str:
    """Return ``text`` as a double-quoted scalar that YAML and JSON both read as ``text``.

    Raises ``RefusedEdit`` for lone surrogates, which no UTF-8 file can hold.
    """
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise RefusedEdit(problem="the text holds half a surrogate pair, which UTF-8 cannot")
    return _YAML_ESCAPES.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def in_style(text: str, start: int, field: Field, new: str) -> Splice:
    """Put ``new`` in a string scalar's place, in the scalar's own style where it can hold it.

    ``text`` is what was parsed, ``start`` where the scalar's own token starts in it.
    """
    node = field.node
    if not isinstance(node, Scalar):
        raise RefusedEdit(problem="the value is not a scalar")
    if node.style in (LITERAL, FOLDED):
        return _in_block(text, start, node, new)
    if node.style == PLAIN and _BARE.fullmatch(new):
        return Splice(start, node.end, new)
    if node.style == SINGLE and _SINGLE_LINE.fullmatch(new):
        return Splice(start, node.end, "'" + new.replace("'", "''") + "'")
    return Splice(start, node.end, quote(new))


def _in_block(text: str, start: int, node: Scalar, new: str) -> Splice:
    """Replace from the first to the last character of a block scalar's text that is not blank; all of it if that cannot be."""
    header_end = text.index("\n", start) if "\n" in text[start : node.end] else node.end
    content = text[header_end : node.end]
    last = header_end + len(content.rstrip(_BLANK))
    if not content.strip(_BLANK) or not _BARE.fullmatch(new):
        return _over_block(text, start, node, new)
    return Splice(header_end + len(content) - len(content.lstrip(_BLANK)), last, new)


def quoted(text: str, field: Field, new: str, token_start: Callable[[Scalar], int]) -> Splice:
    """Put ``new``, double quoted, in the place of whatever the field holds: scalar, nothing, mapping or list.

    Raises ``SharedNode`` and ``RefusedEdit`` (a tag or anchor inside, or a comment that would be lost or left behind).
    """
    node = field.node
    if isinstance(node, Scalar):
        return _over_scalar(text, node, new, token_start)
    if any(inner.tag is not None or inner.anchor is not None for inner in _anchored(node)):
        raise RefusedEdit(problem="a tag or an anchor stands inside the plaintext", line=node.line)
    start, end = _extent(text, field, node)
    gap = text[:start].rstrip(_BLANK)
    if gap.endswith(":") and not node.flow:
        return Splice(len(gap), end, " " + quote(new))
    return Splice(start, end, quote(new))


def _over_scalar(text: str, node: Scalar, new: str, token_start: Callable[[Scalar], int]) -> Splice:
    if node.tag is not None and scalar_type(node) != STRING:
        raise RefusedEdit(problem="the value has a tag that is not that of a string", hint="remove the tag first", line=node.line)
    start = token_start(node)
    if start == node.end:  # nothing stands there
        blank = "" if text[start - 1 : start] in (" ", "\t", "\n") else " "
        return Splice(start, start, blank + quote(new))
    if node.style in (LITERAL, FOLDED):
        return _over_block(text, start, node, new)
    return Splice(start, node.end, quote(new))


def _over_block(text: str, start: int, node: Scalar, new: str) -> Splice:
    """Put ``new``, double quoted, in a block scalar's place, keeping the comment behind its header."""
    if not start or text[start - 1] == "\n":
        raise RefusedEdit(
            problem="the block scalar begins at the start of a line, where a quoted one cannot stand",
            hint="write its header behind the key first",
            line=node.line,
        )
    header, _, content = text[start : node.end].partition("\n")
    header = header.rstrip(_BLANK)
    indicators = len(header) if "#" not in header else len(header[: header.index("#")].rstrip(_BLANK))
    end = start + (len(text[start : node.end].rstrip(_BLANK)) if content.strip(_BLANK) else len(header))
    return Splice(start, end, quote(new) + header[indicators:])


def _extent(text: str, field: Field, node: Mapping | Sequence) -> tuple[int, int]:
    """Return where a collection starts and where its last character stands; refuse comments in it."""
    leaves = list(_leaves(node))
    end = node.end if node.flow else max(_leaf_end(text, inner) for inner in walk(node) if not _is_open_ended(inner))
    at = node.start
    for leaf in leaves:
        if "#" in text[at : leaf.start]:
            raise _comment(node)
        at = _leaf_end(text, leaf)
    if "#" in (text[at:end] if node.flow else _own_lines_after(text, end, field, node)):
        raise _comment(node)
    return node.start, end


def _own_lines_after(text: str, end: int, field: Field, node: Mapping | Sequence) -> str:
    """Return what follows a block collection's last scalar on its line and on lines indented deeper than the field's key."""
    column = field.key.start - (text.rfind("\n", 0, field.key.start) + 1) if field.key is not None else 0
    first, *later = text[end : node.end].split("\n")
    return first + "".join(line for line in later if len(line) - len(line.lstrip(" ")) > column)


def _comment(node: Node) -> RefusedEdit:
    return RefusedEdit(
        problem="a comment stands inside the plaintext: it would be lost, or stay behind unsealed",
        hint="remove it first",
        line=node.line,
    )


def _is_open_ended(node: Node) -> bool:
    """Say whether libyaml's end of a node may lie behind what belongs to it: that of a block collection does."""
    return isinstance(node, (Mapping, Sequence)) and not node.flow


def _leaf_end(text: str, leaf: Node) -> int:
    """Return where a leaf's own characters end; libyaml's end of a block scalar lies behind the blank lines that follow."""
    if isinstance(leaf, Scalar) and leaf.style in (LITERAL, FOLDED):
        return leaf.start + len(text[leaf.start : leaf.end].rstrip(_BLANK))
    return leaf.end


def _leaves(node: Mapping | Sequence) -> list[Node]:
    """Return the scalars, aliases and empty collections under a node, in document order."""
    return [
        inner
        for inner in walk(node)
        if not (isinstance(inner, Mapping) and inner.pairs) and not (isinstance(inner, Sequence) and inner.items)
    ]


def _anchored(node: Node) -> Iterator[Scalar | Mapping | Sequence]:
    for inner in walk(node):
        if not isinstance(inner, (Scalar, Mapping, Sequence)):
            raise SharedNode(problem="an alias stands inside the plaintext", line=inner.line)
        yield inner


def insert_yaml(text: str, root: Node | None, name: str, new: str, ending: str) -> Splice:
    """Add ``name: "new"`` as the last line of a block mapping at column 0 (or of nothing), ended by ``ending``."""
    if not _is_nothing(root) and (not isinstance(root, Mapping) or root.flow or _column(text, root.start)):
        raise RefusedEdit(
            problem="the field cannot be added: the record is not a block mapping at column 0",
            hint="add the line by hand, with an empty value",
        )
    marker = re.search(r"^\.\.\.(?=\s|\Z)", text, re.MULTILINE)
    at = marker.start() if marker is not None else len(text)
    before = "" if at == 0 or text[at - 1] == "\n" else ending
    key = name if _PLAIN_NAME.fullmatch(name) and name.lower() not in _NO_NAMES else quote(name)
    return Splice(at, at, f"{before}{key}: {quote(new)}{ending}")


def _is_nothing(root: Node | None) -> bool:
    """Say whether a document is empty, perhaps behind a ``---``."""
    return root is None or (isinstance(root, Scalar) and root.start == root.end and root.tag is None and root.anchor is None)


def _column(text: str, at: int) -> int:
    return at - (text.rfind("\n", 0, at) + 1)


def insert_json(text: str, root: Node | None, name: str, new: str) -> Splice:
    """Add ``"name": "new"`` as the last member of the root object, laid out as the last member there is."""
    if not isinstance(root, Mapping):
        raise RefusedEdit(problem="the field cannot be added: the record is not an object")
    if not root.pairs:
        return Splice(root.start + 1, root.end - 1, f"{quote(name)}: {quote(new)}")
    last_key, last_value = root.pairs[-1]
    before = text[: last_key.start]
    blank = before[len(before.rstrip(_BLANK)) :]
    colon = text[last_key.end : last_value.start]
    if not blank and len(root.pairs) == 1 and colon.endswith(" "):
        blank = " "
    return Splice(last_value.end, last_value.end, f",{blank}{quote(name)}{colon}{quote(new)}")
