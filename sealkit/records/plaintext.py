"""The payload that an unsealed field stands for."""

from __future__ import annotations

import json
import re

from sealkit.errors import DuplicateKey, NotAString, RefusedEdit
from sealkit.records.locate import BOOLEAN, NULL, NUMBER, STRING, TAGGED, TIMESTAMP, scalar_type
from sealkit.tree import Alias, Mapping, Node, Scalar

TEXT, JSON = "text", "json"

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def payload(node: Node) -> tuple[bytes, str]:
    """Return the payload (UTF-8) and its kind, ``text`` or ``json``, of a plaintext node.

    A string is its text, a number, truth value or date is what is written, mappings and lists are JSON with the keys in document order.
    Raises ``NotAString`` for null and tagged scalars, ``RefusedEdit`` for what JSON and YAML readers would not agree on.
    """
    if not isinstance(node, Scalar):
        return _json(node).encode(), JSON
    kind = scalar_type(node)
    if kind in (NULL, TAGGED):
        problem = "the field is empty (null)" if kind == NULL else "the field has a YAML tag, which no payload keeps"
        hint = "write what is to be sealed in its place, or take the field out; of one record, --payload FILE gives it"
        raise NotAString(problem=f"{problem}: there is nothing to seal", type=kind, hint=hint, line=node.line)
    return _utf8(node.text, node.line), TEXT


def _utf8(text: str, line: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    raise RefusedEdit(problem="the plaintext holds half a surrogate pair, which UTF-8 cannot", line=line)


def _json(node: Node) -> str:
    """Return a node as compact JSON. The depth was limited when the node was read."""
    if isinstance(node, Alias):
        raise RefusedEdit(problem="an alias stands inside the plaintext", line=node.line)
    if isinstance(node, Scalar):
        return _json_scalar(node)
    if isinstance(node, Mapping):
        return "{" + ",".join(f"{key}:{value}" for key, value in _members(node)) + "}"
    return "[" + ",".join(_json(item) for item in node.items) + "]"


def _members(node: Mapping) -> list[tuple[str, str]]:
    seen: set[str] = set()
    members = []
    for key, value in node.pairs:
        if not isinstance(key, Scalar) or key.text == "<<":
            raise RefusedEdit(problem="a key inside the plaintext is not a plain name", line=key.line)
        if key.text in seen:
            raise DuplicateKey(problem="a key stands twice in one mapping of the plaintext", line=key.line)
        seen.add(key.text)
        _utf8(key.text, key.line)
        members.append((json.dumps(key.text, ensure_ascii=False), _json(value)))
    return members


def _json_scalar(node: Scalar) -> str:
    kind = scalar_type(node)
    if kind in (STRING, TIMESTAMP):
        _utf8(node.text, node.line)
        return json.dumps(node.text, ensure_ascii=False)
    if kind == NULL:
        return "null"
    if kind == BOOLEAN and node.text.lower() in ("true", "false"):
        return node.text.lower()
    if kind == NUMBER and _JSON_NUMBER.fullmatch(node.text):
        return node.text
    raise RefusedEdit(
        problem="a value inside the plaintext is not the same for every YAML reader (yes/no, octal, base 60, a tag …)",
        hint="quote it, or write it as JSON has it",
        line=node.line,
    )
