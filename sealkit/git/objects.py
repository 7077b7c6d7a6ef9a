"""JSON as values that keep their numbers' spelling; merged key by key, and written in the style that a text has."""

from __future__ import annotations

import json
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from sealkit import limits
from sealkit.jsonsize import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = Any
"""A dict, a list, a str, a ``Number``, True, False or None."""


class Number(NamedTuple):
    """A number as it is written."""

    text: str


class ClashError(Exception):
    """Both sides changed one value, each in its own way."""


class Style(NamedTuple):
    """How a text writes JSON: what stands behind a comma and a colon, how deep a level is indented (None: all on one line)."""

    comma: str = ","
    colon: str = ":"
    indent: str | None = None
    ascii: bool = False
    end: str = ""


NO_VALUE: Final = object()
"""What ``load`` returns for a text that is not JSON, or that readers may take for different values."""

PRETTY: Final = Style(",", ": ", "  ")
_STYLES = (Style(), Style(", ", ": "), PRETTY, *(Style(",", ": ", indent) for indent in ("    ", "\t", " ")))


def load(text: bytes) -> Json:
    """Return the value of a JSON text; ``NO_VALUE`` for what is none, names a key twice, or holds more than is merged key by key."""
    if values_of(text, limits.MERGED_VALUES) > limits.MERGED_VALUES:
        return NO_VALUE
    try:
        return json.loads(
            text.decode(), object_pairs_hook=_members, parse_int=Number, parse_float=Number, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        return NO_VALUE


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def merge(base: Json, ours: Json, theirs: Json) -> Json:
    """Return the value that holds the changes of both sides; objects are merged key by key. Raises ``ClashError``.

    ``NO_VALUE`` stands for what is not there. Keys stand in the order of ours; those that theirs added follow.
    """
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        raise ClashError
    before = base if isinstance(base, dict) else {}
    merged = {}
    for key in dict.fromkeys((*ours, *theirs)):
        value = merge(before.get(key, NO_VALUE), ours.get(key, NO_VALUE), theirs.get(key, NO_VALUE))
        if value is not NO_VALUE:
            merged[key] = value
    return merged


def style_of(text: bytes) -> Style:
    """Return the style in which a JSON text is written; where it is none of those known, one that is near it."""
    value = load(text)
    whole = text.decode("utf-8", "replace")
    body = whole.strip(" \t\r\n")
    end = whole[len(whole.rstrip(" \t\r\n")) :]
    for style in _STYLES:
        for is_ascii in (False, True):
            chosen = style._replace(ascii=is_ascii)
            if dump(value, chosen) == body.encode("utf-8", "surrogatepass"):
                return chosen._replace(end=end)
    return (PRETTY if "\n" in body else _STYLES[1])._replace(end=end)


def dump(value: Json, style: Style = PRETTY) -> bytes:
    """Return the JSON text of a value. Half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    text = "".join(_written(value, style, ""))
    return (text + style.end).encode("utf-8", "surrogatepass")


def _written(value: Json, style: Style, depth: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _block("{", ((_string(key, style) + style.colon, member) for key, member in value.items()), "}", style, depth)
    elif isinstance(value, list):
        yield from _block("[", (("", item) for item in value), "]", style, depth)
    elif isinstance(value, str):
        yield _string(value, style)
    elif isinstance(value, Number):
        yield value.text
    else:
        yield json.dumps(value) if value is not NO_VALUE else ""


def _block(opener: str, items: Iterator[tuple[str, Json]], closer: str, style: Style, depth: str) -> Iterator[str]:
    deeper = depth + (style.indent or "")
    is_empty = True
    for label, item in items:
        yield opener if is_empty else style.comma
        yield f"\n{deeper}{label}" if style.indent is not None else label
        yield from _written(item, style, deeper)
        is_empty = False
    if is_empty:
        yield opener
    elif style.indent is not None:
        yield f"\n{depth}"
    yield closer


def _string(text: str, style: Style) -> str:
    if style.ascii or any("\ud800" <= character <= "\udfff" for character in text):
        return encode_basestring_ascii(text)
    return encode_basestring(text)
