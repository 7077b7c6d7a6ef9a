"""The fast scan: a top-level field found, or shown to be absent, without parsing; or no answer.

It answers only where the answer is bound to be the full parse's, if that succeeds. What it leans on, for a line at column 0 that is
``NAME: `` and a base64 value with ``;`` (``"B"``, ``'B'`` or plain ``B``) and nothing more:

1. At column 0 the line is a key of the root mapping unless it lies inside a quoted scalar or a flow collection that began before it
   and ends behind it: libyaml lets a block scalar's text start at column 1 at the earliest, a plain scalar cannot go on over a line
   that holds ``: `` and then be a key, and a root of another kind does not parse with such a line in it.
2. Inside a double-quoted scalar, the quote of ``"B"`` would end it and ``B`` would stand where nothing may: no parse. The same for
   ``'B'`` inside a single-quoted one. B has no quotes and brackets of its own.
3. So it suffices that no quote of the other kind and no bracket can be open: either none occurs before the line, or no closing one
   occurs behind it, or every line before it closes what it opens (one possessive regular expression).
4. No second key of this name, or of its looks, can exist: the name, folded as look-alikes are, occurs once, or only once as a key could
   (a colon behind it), and there is no merge, tag, alias, explicit key or escape that could bring it or spell it otherwise.

Absent: the folded name does not occur, and no escape and no other alphabet could spell it. Everything else is left to the parser.
The proof is tested by comparing both on generated documents.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final, NamedTuple

from sealkit.plainyaml import beyond_ascii
from sealkit.records.lookalike import ASCII_FOLD, may_be_escaped, may_spell, skeleton

MAX_BYTES = 1 << 20
MAX_BRACKETS = 99  # below the root mapping, so that brackets alone do not nest deeper than the tree may
MAX_LINE = 1024

ABSENT: Final = "absent"


class Span(NamedTuple):
    """The value's text stands at bytes ``start:end`` (inside the quotes, if any).

    ``nothing_closes`` says that what stands behind it holds nothing that could end a scalar or collection begun before it: in a document
    that parses, nothing is open there.
    """

    start: int
    end: int
    nothing_closes: bool = False


class Alone(NamedTuple):
    """The value's text stands at bytes ``start:end``; ``rest`` is the document without it, but for its first letter.

    ``text`` is ``squeezed`` out of the rest.
    """

    start: int
    end: int
    rest: bytes
    text: bytes


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,100}")
_VALUE = re.compile(rb"(?P<quote>[\"']?)(?P<text>[A-Za-z0-9+/]+={0,2}(?:;[A-Za-z0-9+/]+={0,2})+)(?P=quote) *(?:\r?\n|\r?\Z)")
_EXPLICIT = rb"\?[ \r\n]|\?\Z"
_ROOT_KEY = rb"(?:---[ ]*\r?\n)?+(?:[ ]*+(?:#[^\n]*+|\r)?+\n)*+[A-Za-z_][A-Za-z0-9_-]*:[ \r\n]"
# Lines that leave nothing open: without quotes and brackets, or with values that end on their line.
_CLOSED_LINES = rb"""(?:
        [^\n"'\[{]*+ \n
      | [ ]*+ \# [^\n]*+ \n
      | [ ]*+ (?:-[ ]++)*+ (?:[A-Za-z_][A-Za-z0-9_.-]*+:[ ]++)?+
        (?: "(?:[^"\\\n]|\\[^\r\n])*+" | '(?:[^'\n]|'')*+' | \[[^\[\]{}"'\#\n]*+\] | \{[^\[\]{}"'\#\n]*+\}
          | [A-Za-z0-9_./(+$] (?:[^\n:\#]|:(?![ \t\r\n])|(?<![ \t])\#)*+ )
        [ ]*+ \r?\n
    )*+"""
# What needs a second look (controls, CR, escapes, brackets, anchors) becomes NUL, so that one search shows that there is none of it.
_FOLD = bytes(
    0 if (byte < 0x20 and byte != 0x0A) or byte == 0x7F or byte in b"\\[{&" else folded for byte, folded in enumerate(ASCII_FOLD)
)
_CONTROLS = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")

SEPARATORS = b"-_ "


class _Needle(NamedTuple):
    key: bytes
    folded: bytes
    squeezed: bytes
    as_key: re.Pattern[bytes]
    skeleton: str


@lru_cache(maxsize=64)
def _needle(name: str) -> _Needle | None:
    if not _NAME.fullmatch(name) or name.lower() in ("null", "true", "false", "yes", "no", "on", "off", "y", "n"):
        return None
    look = skeleton(name)
    folded = look.encode()
    as_key = re.compile(re.escape(folded) + rb"[\"'\] \t]*:")
    return _Needle(f"\n{name}: ".encode(), folded, folded.translate(None, SEPARATORS), as_key, look)


def find(data: bytes, start: int, end: int, name: str, *, one_document: bool = False) -> Span | str | None:
    """Find the top-level field ``name`` in the YAML at ``data[start:end]``: its span, ``ABSENT``, or None for no answer.

    ``one_document`` says that no line of it is known to start with ``---`` or to be ``...``, as is so in front matter.
    """
    needle = _needle(name)
    if needle is None or end - start > MAX_BYTES:
        return None
    yaml = data[start:end]
    folded = yaml.translate(_FOLD)
    suspect = b"\0" in folded
    if (suspect and not _readable(yaml)) or _may_decode(yaml) or not (yaml.isascii() or _harmless(yaml, needle.skeleton)):
        return None
    line = folded.find(needle.folded)
    if line < 0:
        return ABSENT if not yaml.startswith(b"%") else None
    if folded.find(needle.folded, line + 1) >= 0:
        line = _one_of_several(yaml, folded, needle)
    if suspect and b"&" in yaml and not re.match(_ROOT_KEY, yaml):
        return None  # a mapping that has an anchor can merge itself
    if not one_document and (yaml.find(b"\n---") >= 0 or yaml.find(b"\n...") >= 0):
        return None
    return _at_column_0(yaml, line, needle.key, start)


def squeezed(yaml: bytes) -> bytes:
    """Return what some YAML looks like, letter by letter, without ``SEPARATORS``: where it spells a name or its look-alike, this does."""
    return yaml.translate(_FOLD, SEPARATORS)


def alone(yaml: bytes, name: str) -> Alone | None:
    """Find the field as ``find`` does in one document of plain ASCII, that spells the name but once beside the value.

    None for no answer, as also where it holds brackets, escapes or anchors.
    """
    needle = _needle(name)
    if needle is None or len(yaml) > MAX_BYTES or _may_decode(yaml):
        return None
    span = _at_column_0(yaml, _line_of(yaml, needle.key), needle.key)
    if span is None:
        return None
    rest = yaml[: span.start + 1] + yaml[span.end :]
    text = squeezed(rest)
    if b"\0" in text or not text.isascii() or text.count(needle.squeezed) != 1:
        return None
    return Alone(span.start, span.end, rest, text)


def _readable(yaml: bytes) -> bool:
    """Say whether there are no control characters, no lone CR, no escape that could spell the name, and not too many brackets."""
    return not _CONTROLS.search(yaml) and not may_be_escaped(yaml) and yaml.count(b"[") + yaml.count(b"{") <= MAX_BRACKETS


def _may_decode(yaml: bytes) -> bool:
    """Say whether there may be a tag that makes a name of base64."""
    return b"!" in yaml and (b"inary" in yaml or b"%" in yaml)


def _harmless(yaml: bytes, name_skeleton: str) -> bool:
    """Say whether this is UTF-8 whose other characters are no line breaks, no controls, and no part of a look-alike."""
    others = beyond_ascii(yaml)
    return others is not None and not may_spell("".join(others), name_skeleton)


def _one_of_several(yaml: bytes, folded: bytes, needle: _Needle) -> int:
    """Return where the one occurrence of the name stands that can be a key, or -1; none may come by alias, merge, tag or ``?``."""
    if (
        b"*" in yaml
        or b"<<" in yaml
        or b"!!" in yaml
        or b"!<" in yaml
        or re.search(_EXPLICIT, yaml)
        or len(needle.as_key.findall(folded)) != 1
        or not re.match(_ROOT_KEY, yaml)
    ):
        return -1
    return _line_of(yaml, needle.key)


def _line_of(yaml: bytes, key: bytes) -> int:
    """Return where the first line stands that begins with the key, or -1."""
    return 0 if yaml.startswith(key[1:]) else yaml.find(key) + 1 or -1


def _at_column_0(yaml: bytes, line: int, key: bytes, start: int = 0) -> Span | None:
    """Return the value of the key on this line (an offset) if that is bound to be the field: nothing can be open there.

    The span counts from where the YAML stands at ``start``.
    """
    if line < 0 or not (yaml.startswith(key, line - 1) if line else yaml.startswith(key[1:])):
        return None
    value = _VALUE.match(yaml, line + len(key) - 1)
    if value is None:
        return None
    after = value.end()
    quote = value["quote"]
    if not quote and yaml[after : after + 1] in (b" ", b"\t", b"\r", b"\n"):
        return None  # a plain scalar may go on
    if _has_long_line(yaml, 0, line) or _has_long_line(yaml, after, len(yaml)):
        return None  # libyaml refuses keys of more than 1,024 characters
    may_be_inside = _may_be_inside(yaml, line, after, quote)
    if may_be_inside and not _closed(yaml, line):
        return None
    at, end = value.span("text")
    return Span(start + at, start + end, not may_be_inside)


def _may_be_inside(yaml: bytes, line: int, after: int, quote: bytes) -> bool:
    """Say whether a quote or bracket before the line could be closed behind it."""
    if after == len(yaml):
        return False
    if (yaml.find(b"[", 0, line) >= 0 or yaml.find(b"{", 0, line) >= 0) and (
        yaml.find(b"]", after) >= 0 or yaml.find(b"}", after) >= 0
    ):
        return True
    return any(mark != quote and yaml.find(mark, 0, line) >= 0 and yaml.find(mark, after) >= 0 for mark in (b'"', b"'"))


def _has_long_line(yaml: bytes, start: int, end: int) -> bool:
    while end - start > MAX_LINE:
        start = yaml.rfind(b"\n", start, start + MAX_LINE + 1) + 1
        if not start:
            return True
    return False


def _closed(yaml: bytes, line: int) -> bool:
    """Say whether every line before the field's closes what it opens."""
    lines = _closed_lines().match(yaml, 0, line)
    return lines is not None and lines.end() == line


@cache
def _closed_lines() -> re.Pattern[bytes]:
    return re.compile(_CLOSED_LINES, re.VERBOSE)
