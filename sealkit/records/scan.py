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
from functools import lru_cache
from typing import Final, NamedTuple

from sealkit.records.lookalike import ASCII_FOLD, may_spell, skeleton

MAX_BYTES = 1 << 20
MAX_BRACKETS = 100
MAX_LINE = 1024

ABSENT: Final = "absent"


class Span(NamedTuple):
    """The value's text stands at bytes ``start:end`` (inside the quotes, if any)."""

    start: int
    end: int


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,100}")
_VALUE = re.compile(rb"(?P<quote>[\"']?)(?P<text>[A-Za-z0-9+/]+={0,2}(?:;[A-Za-z0-9+/]+={0,2})+)(?P=quote) *(?:\r?\n|\r?\Z)")
# An escape that can stand for a letter, or join a name over a line end.
_SPELLING = re.compile(rb"\\[xuU\r\n]")
_EXPLICIT = re.compile(rb"\?[ \r\n]|\?\Z")
_ROOT_KEY = re.compile(rb"(?:---[ ]*\r?\n)?+(?:[ ]*+(?:#[^\n]*+|\r)?+\n)*+[A-Za-z_][A-Za-z0-9_-]*:[ \r\n]")
# Lines that leave nothing open: without quotes and brackets, or with values that end on their line.
_CLOSED_LINES = re.compile(
    rb"""(?:
        [^\n"'\[{]*+ \n
      | [ ]*+ \# [^\n]*+ \n
      | [ ]*+ (?:-[ ]++)*+ (?:[A-Za-z_][A-Za-z0-9_.-]*+:[ ]++)?+
        (?: "(?:[^"\\\n]|\\[^\r\n])*+" | '(?:[^'\n]|'')*+' | \[[^\[\]{}"'\#\n]*+\] | \{[^\[\]{}"'\#\n]*+\}
          | [A-Za-z0-9_./(+$] (?:[^\n:\#]|:(?![ \t\r\n])|(?<![ \t])\#)*+ )
        [ ]*+ \r?\n
    )*+""",
    re.VERBOSE,
)
# Control characters become NUL, so that one search finds them all; TAB is not one that needs care, but few records have it.
_FOLD = bytes(0 if (byte < 0x20 and byte not in b"\n\r") or byte == 0x7F else folded for byte, folded in enumerate(ASCII_FOLD))
_ASCII = bytes(range(128))
_NEVER = frozenset("\u2028\u2029\ufeff\ufffe\uffff") | frozenset(map(chr, range(0x80, 0xA0)))


class _Needle(NamedTuple):
    key: bytes
    folded: bytes
    as_key: re.Pattern[bytes]
    skeleton: str


@lru_cache(maxsize=64)
def _needle(name: str) -> _Needle | None:
    if not _NAME.fullmatch(name) or name.lower() in ("null", "true", "false", "yes", "no", "on", "off", "y", "n"):
        return None
    look = skeleton(name)
    folded = look.encode()
    return _Needle(f"\n{name}: ".encode(), folded, re.compile(re.escape(folded) + rb"[\"']?[ \t]*:"), look)


def find(data: bytes, start: int, end: int, name: str) -> Span | str | None:
    """Find the top-level field ``name`` in the YAML at ``data[start:end]``: its span, ``ABSENT``, or None for no answer."""
    needle = _needle(name)
    if needle is None or end - start > MAX_BYTES:
        return None
    yaml = data[start:end]
    folded = yaml.translate(_FOLD)
    if b"\0" in folded or (b"\r" in yaml and yaml.count(b"\r") != yaml.count(b"\r\n")):
        return None
    if (b"\\" in yaml and _SPELLING.search(yaml)) or yaml.count(b"[") + yaml.count(b"{") > MAX_BRACKETS:
        return None
    if not yaml.isascii() and not _harmless(yaml, needle.skeleton):
        return None
    times = folded.count(needle.folded)
    if times == 0:
        return ABSENT if not yaml.startswith(b"%") else None
    if times > 1 and not _once_as_key(yaml, folded, needle):
        return None
    if b"&" in yaml and not _ROOT_KEY.match(yaml):
        return None  # a mapping that has an anchor can merge itself
    return _at_column_0(data, start, end, needle)


def _harmless(yaml: bytes, name_skeleton: str) -> bool:
    """Say whether this is UTF-8 whose other characters are no line breaks, no controls, and no part of a look-alike."""
    try:
        yaml.decode()
    except UnicodeDecodeError:
        return False
    others = set(yaml.translate(None, _ASCII).decode())
    return others.isdisjoint(_NEVER) and not may_spell("".join(others), name_skeleton)


def _once_as_key(yaml: bytes, folded: bytes, needle: _Needle) -> bool:
    """Say whether of several occurrences of the name only one can be a key, and none can come by alias, merge or ``?``."""
    return (
        b"*" not in yaml
        and b"<<" not in yaml
        and b"!!" not in yaml
        and b"!<" not in yaml
        and not _EXPLICIT.search(yaml)
        and len(needle.as_key.findall(folded)) == 1
        and _ROOT_KEY.match(yaml) is not None
    )


def _at_column_0(data: bytes, start: int, end: int, needle: _Needle) -> Span | None:
    line = _line_start(data, start, end, needle.key)
    if line < 0:
        return None
    value = _VALUE.match(data, line + len(needle.key) - 1, end)
    if value is None:
        return None
    after = value.end()
    if not value["quote"] and after != end and data[after : after + 1] in (b" ", b"\t", b"\r", b"\n"):
        return None  # a plain scalar may go on
    if data.find(b"\n---", start, end) >= 0 or data.find(b"\n...", start, end) >= 0:
        return None  # more than one document, in a YAML file
    if _has_long_line(data, start, line) or _has_long_line(data, after, end):
        return None  # libyaml refuses keys of more than 1,024 characters
    if _may_be_inside(data, start, line, after, end, value["quote"]) and not _closed(data, start, line):
        return None
    return Span(*value.span("text"))


def _line_start(data: bytes, start: int, end: int, key: bytes) -> int:
    if data.startswith(key[1:], start):
        return start
    return data.find(key, start, end) + 1 or -1


def _may_be_inside(data: bytes, start: int, line: int, after: int, end: int, quote: bytes) -> bool:
    """Say whether a quote or bracket before the line could be closed behind it."""
    if after == end:
        return False
    if (data.find(b"[", start, line) >= 0 or data.find(b"{", start, line) >= 0) and (
        data.find(b"]", after, end) >= 0 or data.find(b"}", after, end) >= 0
    ):
        return True
    return any(mark != quote and data.find(mark, start, line) >= 0 and data.find(mark, after, end) >= 0 for mark in (b'"', b"'"))


def _has_long_line(data: bytes, start: int, end: int) -> bool:
    while end - start > MAX_LINE:
        start = data.rfind(b"\n", start, start + MAX_LINE + 1) + 1
        if not start:
            return True
    return False


def _closed(data: bytes, start: int, line: int) -> bool:
    """Say whether every line before the field's closes what it opens."""
    lines = _CLOSED_LINES.match(data, start, line)
    return lines is not None and lines.end() == line
