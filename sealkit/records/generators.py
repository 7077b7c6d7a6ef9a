"""Front matter as other site generators read it, which sealkit does not: TOML, JSON, Hexo's, and metadata without delimiters.

What stands in it is published by them, or taken for the field; so a file in which one of these readings has the field as a key is never
"absent". Where a reading can be followed to its end and has no such key, it is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Literal

from sealkit.errors import BadFrontMatter, SealkitError, UnsupportedRecord
from sealkit.records import frontmatter
from sealkit.tree import Alias, Mapping, Scalar, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.errors import RecordError
    from sealkit.records.spelling import Spelling

    Keys = Callable[[bytes], Iterator[str]]

MAX_BYTES = 1 << 16
MAX_JSON = 1 << 23
"""Longer front matter, and longer JSON, is not followed: that its bytes can spell the field is enough."""

_TOML_OPENER = re.compile(rb"\+{3,}[ \t]*\r?\n")
_TOML_END = re.compile(rb"(?m)^\+\+\+[ \t]*\r?$")
_JSON_OPENER = re.compile(rb"\{(?:[\s\"'}]|\Z|//|/\*|[A-Za-z_$][\w$]*[ \t]*:)")
# Hexo: all before the first line that starts so is front matter, YAML or the members of a JSON object.
_HEXO_END = re.compile(rb"\n(?P<sign>---|;;;)")
_HEXO_JSON = re.compile(rb";{3,}[ \t]*\r?\n")
# front-matter (npm) and DocPad: a first line of signs, and the same once more.
_FENCE = re.compile(rb"(?P<fence>= yaml =|(?P<sign>[^\w\s`~\x80-\xff])(?P=sign){2,1000})[ \t]*[a-z]*[ \t]*\r?\n")
# Pandoc, Quarto, Slidev: a block between lines, behind an empty line anywhere in the text.
_BLOCK = re.compile(rb"(?:\n[ \t]*\r?|\A)\n---[ \t]*\r?\n(?=[^\s-])(?P<text>(?:[^\n]*\n)*?)(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)")
# Without delimiters: lines of "Key: value" from the first one on, up to an empty one.
_METADATA = re.compile(rb"(?:[A-Za-z0-9_][^\n:]{0,100}+:[^\n]*+(?:\n|\Z)(?:[ \t]++[^\n]*+(?:\n|\Z))*+)++")
_REFUSED = "front matter that is read by some generators, not by sealkit"


WITHOUT: Final = "without"
"""The front matter of a file reads as other generators read it, and none of its keys is the field's name."""


def problem(data: bytes, spelling: Spelling, *, page: bool) -> RecordError | Literal["without"] | None:
    """Return what is wrong with a file without front matter of our form, in which the bytes can spell the field.

    ``WITHOUT`` if it has front matter of another form without the field, None if it has none. ``page``: its name is that of a page, so
    that whatever is nearly front matter counts; of other files only where the field's name stands like a key.
    """
    start = frontmatter.lead(data)
    if data.startswith(b"---", start):
        return _nearly(data, start, spelling, page=page)
    found = _delimited(data, start, spelling, page=page)
    if found is not None:
        return found
    return (
        _fenced(data, start, spelling)
        or _hexo(data, spelling)
        or (_metadata(data, start, spelling) or in_the_text(data, 0, spelling) if page else None)
    )


def _delimited(data: bytes, start: int, spelling: Spelling, *, page: bool) -> RecordError | Literal["without"] | None:
    """Return what is wrong with TOML or JSON that begins the file; in what is no page, and does not read, the name has to be like a key."""
    if _TOML_OPENER.match(data, start) or (page and data.startswith(b"+++", start)):
        found = _toml(data, start, spelling)
    elif _HEXO_JSON.match(data, start):
        found = _hexo_json(data, start, spelling)
    elif _JSON_OPENER.match(data, start):
        found = _json(data, start, spelling)
    else:
        return None
    return found if page or found == WITHOUT or spelling.has_key(data) else None


def in_the_text(data: bytes, start: int, spelling: Spelling) -> RecordError | None:
    """Return the finding for a block of metadata in the text of a page, from ``start`` on, that has the field's name as a key."""
    if data.find(b"\n---", start) < 0 or not spelling.could(data[start:]):
        return None
    for block in _BLOCK.finditer(data, start):
        text = block["text"]
        if spelling.could(text) and _named(text, spelling, _yaml_keys) is not False and spelling.line_of(text) is not None:
            return _unsupported(
                text, data.count(b"\n", 0, block.start("text")), spelling, "a block in the text, as Pandoc reads it"
            )
    return None


def _fenced(data: bytes, start: int, spelling: Spelling) -> RecordError | None:
    fence = _FENCE.match(data, start)
    if fence is None:
        return None
    end = data.find(b"\n" + fence["fence"], fence.end() - 1)
    text = data[fence.end() : end] if end >= 0 else data[fence.end() :]
    if not spelling.could(text) or spelling.line_of(text) is None:
        return None
    return _unsupported(text, data.count(b"\n", 0, fence.end()), spelling, f"between lines {fence['fence'].decode()!r}")


def _nearly(data: bytes, start: int, spelling: Spelling, *, page: bool) -> RecordError | None:
    line = spelling.line_of(data)
    if line is None and not page:
        return None
    return BadFrontMatter(
        problem="'---' does not stand alone on the first line: some readers take this for front matter, some publish it as text",
        hint="make '---' the first line, with nothing before and after it",
        line=data.count(b"\n", 0, start) + 1,
    )


def _toml(data: bytes, start: int, spelling: Spelling) -> RecordError | Literal["without"]:
    first = data.find(b"\n", start) + 1 or len(data)
    end = _TOML_END.search(data, first)
    return _unless_without(data, first, end.start() if end is not None else len(data), spelling, _toml_keys, "TOML ('+++')")


def _hexo_json(data: bytes, start: int, spelling: Spelling) -> RecordError | Literal["without"]:
    opener = _HEXO_JSON.match(data, start)
    first = opener.end() if opener is not None else start
    end = data.find(b"\n;;;", first)
    return _unless_without(data, first, end if end >= 0 else len(data), spelling, _member_keys, "JSON (';;;')")


def _json(data: bytes, start: int, spelling: Spelling) -> RecordError | Literal["without"]:
    try:
        text = data[start:].decode()
        end = start + len(text[: json.JSONDecoder().raw_decode(text)[1]].encode()) if len(text) <= MAX_JSON else len(data)
    except (ValueError, RecursionError):
        end = len(data)
    return _unless_without(data, start, end, spelling, _json_keys, "JSON ('{')")


def _hexo(data: bytes, spelling: Spelling) -> RecordError | None:
    """Return the finding for front matter without an opening line: what stands before the first ``---`` or ``;;;``."""
    end = _HEXO_END.search(data)
    if end is None or not spelling.could(data[: end.start()]):
        return None
    head = data[: end.start()]
    keys = _member_keys if end["sign"] == b";;;" else _yaml_keys
    named = _named(head, spelling, keys)
    if named is None:
        named = spelling.line_of(head) is not None  # Hexo would not read it either
    return (
        _unsupported(head, 0, spelling, f"closed by '{end['sign'].decode()}' and not opened, as Hexo reads it") if named else None
    )


def _metadata(data: bytes, start: int, spelling: Spelling) -> RecordError | None:
    head = _METADATA.match(data, start)
    if head is None or not spelling.could(head[0]) or spelling.line_of(head[0]) is None:
        return None
    return _unsupported(head[0], data.count(b"\n", 0, start), spelling, "lines of 'key: value' without delimiters")


def _unless_without(
    data: bytes, start: int, end: int, spelling: Spelling, keys: Keys, what: str
) -> RecordError | Literal["without"]:
    """Return the finding for front matter at ``start:end``, unless it reads and none of its keys is the field's name."""
    text = data[start:end]
    if not spelling.could(text) or _named(text, spelling, keys) is False:
        return WITHOUT
    return _unsupported(text, data.count(b"\n", 0, start), spelling, what)


def _unsupported(text: bytes, lines_before: int, spelling: Spelling, what: str) -> RecordError:
    line = spelling.line_of(text) or spelling.first_line(text)
    return UnsupportedRecord(
        problem=f"{_REFUSED}: {what}", hint="write it as YAML between lines '---', and seal that", line=lines_before + line
    )


def _named(text: bytes, spelling: Spelling, keys: Keys) -> bool | None:
    """Say whether a key of it is the field's name or looks like that; None where it does not read."""
    if len(text) > (MAX_JSON if keys is _json_keys else MAX_BYTES):
        return None
    try:
        return any(map(spelling.looks_like, keys(text)))
    except (SealkitError, ValueError, RecursionError):
        return None


def _toml_keys(text: bytes) -> Iterator[str]:
    import tomllib  # here for the same reason

    return _keys_of(tomllib.loads(text.decode().replace("\r\n", "\n")))


def _json_keys(text: bytes) -> Iterator[str]:
    return _keys_of(json.loads(text))


def _member_keys(text: bytes) -> Iterator[str]:
    return _keys_of(json.loads(b"{" + text + b"}"))


def _keys_of(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            yield from map(str, one)
            pending += one.values()
        elif isinstance(one, list):
            pending += one


def _yaml_keys(text: bytes) -> Iterator[str]:
    from sealkit import yamltree  # here, as it takes long to import, and few files need it

    root = yamltree.compose(text.replace(b"\t", b"  "))  # as Hexo does
    for node in walk(root) if root is not None else ():
        for key, _ in node.pairs if isinstance(node, Mapping) else ():
            named = key.target if isinstance(key, Alias) else key
            if isinstance(named, Scalar):
                yield named.text
