"""Plain YAML: when libyaml need not be asked whether it parses, and what it need not read to tell.

``is_certain`` tells it from the lines, in a fifth of the time, and only where the answer is yes. It needs ``google-re2`` (the extra
``fast``), which matches a grammar of lines in one pass; without it nothing is certain. The grammar is that of front matter as people
and generators write it: block mappings and block sequences, each level two columns further in; keys of letters, digits, ``_`` and
``-``; values that end on their line, plain or in quotes without escapes; comments and empty lines. Sequences stand in their key's
column throughout, or two further in throughout.

Why libyaml reads such a document to its end:

1. A value cannot go on: quoted ones are closed on their line, and behind a plain one nothing but comments and empty lines comes before a
   line in the column of the collection that the value is in, or further left, which ends it.
2. A value is no key, and holds no comment: ``: ``, a ``:`` at its end and `` #`` are in no plain one, and behind a quoted one stands no ``:``.
   It is no indicator: it begins with none, and a ``-`` that it begins with is followed by what makes it text.
3. Where a line begins, only columns are possible in which a collection of its kind is open, or a new one may begin: behind a key without
   a value, and behind ``- ``.
4. Neither documents end or begin (``---``, ``...``) nor directives stand there: no line begins with ``.``, ``%``, or ``-`` but for ``- ``.

``shortened`` takes most letters out of long values: libyaml reads what is left in half the time.

Both proofs are tested by comparing with libyaml on generated documents.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 1 << 16
"""Longer documents are left to libyaml, which limits the number of its events."""

FEW: Final = 250
"""For fewer documents the engine is not worth its start."""

# What libyaml takes for line breaks, passes over or refuses.
_NO_TEXT = frozenset("\u2028\u2029\ufeff\ufffe\uffff") | frozenset(map(chr, range(0x80, 0xA0)))
_ASCII = bytes(range(128))
_DEEPEST, _DEEPEST_IN_KEYS_COLUMN = 8, 4  # the columns of keys: two further in for each level, and for each sequence, if that is so
_MEMORY = 32 << 20  # what the engine may use, in bytes; a thousandth is usual

_KEY = r"[A-Za-z_][A-Za-z0-9_\-]*:"
_PLAIN = r"(?:[A-Za-z0-9_./(+$\x80-\xff]|-[A-Za-z0-9.])#*(?: *(?:[!-\"$-9;-~\x80-\xff]|:+[!-9;-~\x80-\xff])#*)*"
_DOUBLE = r'"[ !#-\[\]-~\x80-\xff]*"'
_SINGLE = r"'(?:[ -&(-~\x80-\xff]|'')*'"
_BLANKS = r"(?: *(?:#[ -~\x80-\xff]*)?\n)*"
_END = rf" *(?: #[ -~\x80-\xff]*)?\n{_BLANKS}"
_VALUE = rf"(?:{_PLAIN}|{_DOUBLE}|{_SINGLE}){_END}"

_RUN = rb"[A-Za-z][A-Za-z0-9 ,./_-]{16,}[A-Za-z]"
_QUOTED_VALUE = rb': "' + _RUN
_PLAIN_VALUE = rb": (?:https?://)?" + _RUN
_MORE_THAN_LETTERS = tuple(b"\\[{&*!%")

_asked = count()


def is_certain(data: bytes) -> bool:
    """Say whether a document is bound to parse; False says nothing. No key may be longer than libyaml takes them (1,024 characters)."""
    if len(data) > MAX_BYTES or next(_asked) < FEW:
        return False
    matches = engine()
    return matches is not None and (data.isascii() or beyond_ascii(data) is not None) and matches(data)


def shortened(data: bytes) -> bytes:
    """Return YAML that libyaml reads into as many events as this, or refuses as it does this, in less time; no key may be longer than it takes.

    Behind ``: ``, runs of letters, digits, blanks and ``,./_-`` from one letter to another become one letter. Whatever such a run stands in
    (a scalar of any style, a key, a comment), it is no end of that and no beginning of anything, however long it is, and where it begins
    stays. In tags, anchors, directives, escapes and flow collections that need not be so: where there may be any, nothing is done.
    """
    if any(map(data.__contains__, _MORE_THAN_LETTERS)):
        return data
    quoted, plain = _values()
    return plain.sub(b": a", quoted.sub(b': "a', data))


@cache
def _values() -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    return re.compile(_QUOTED_VALUE), re.compile(_PLAIN_VALUE)


@cache
def engine() -> Callable[[bytes], bool] | None:
    """Return what matches the grammar, None where there is no ``google-re2``."""
    try:
        import re2
    except ImportError:
        return None
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture, options.log_errors, options.max_mem = True, False, _MEMORY
    matched: Callable[[bytes], Any] = re2.compile(grammar().encode(), options).fullmatch
    return lambda data: matched(data) is not None


def grammar() -> str:
    """Return the grammar, as a regular expression over bytes."""
    apart = _mapping(0, step=2, deepest=_DEEPEST)
    in_keys_column = _mapping(0, step=0, deepest=_DEEPEST_IN_KEYS_COLUMN)
    return f"{_BLANKS}(?:{apart}|{in_keys_column})"


def _mapping(column: int, step: int, deepest: int) -> str:
    return f"(?:{_indent(column)}{_entry(column, step, deepest)})+"


def _sequence(column: int, step: int, deepest: int) -> str:
    items = _VALUE
    if column + 2 <= deepest:
        entry = _entry(column + 2, step, deepest)
        items = f"(?:{_VALUE}|{entry}(?:{_indent(column + 2)}{entry})*)"
    return f"(?:{_indent(column)}- {items})+"


def _entry(column: int, step: int, deepest: int) -> str:
    """A key in this column, and its value: on its line, or a collection below, whose sequences are ``step`` columns further in."""
    below = [_sequence(column + step, step, deepest)]
    if column + 2 <= deepest:
        below.append(_mapping(column + 2, step, deepest))
    return f"{_KEY}(?: +{_VALUE}|{_END}(?:{'|'.join(below)})?)"


def _indent(column: int) -> str:
    return " " * column


def beyond_ascii(data: bytes) -> set[str] | None:
    """Return the characters of some UTF-8 that ASCII lacks; None if it is none, or if libyaml does not take each of them for text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    found = set(data.translate(None, _ASCII).decode())
    return found if found.isdisjoint(_NO_TEXT) else None
