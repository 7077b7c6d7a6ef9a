"""Text as it may be printed: nothing in it acts on a terminal, reads otherwise than it is, or gives a CI runner an order.

There are two strengths. ``line`` is for names and messages: every control, and every character that cannot be seen, is an escape.
``lines`` is for what records and payloads hold: line feeds, tabs, and what Persian and emoji are written with (U+200C, U+200D, variation
selectors) stay. Both break what runners take for orders: ``##[…]``, ``##vso[…]``, ``##teamcity[…]``, ``::…`` at the start of a line, and
GitLab's sections. Patterns are compiled when they are needed, which is hardly ever.
"""

from __future__ import annotations

import re
from functools import cache

# Controls, bidi controls, separators of lines, half characters, tags, what is invisible and makes a name look like another: in both.
_ALWAYS = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
# What the text of a language may need, and a name does not: joiners, variation selectors, soft hyphens, fillers.
_NAMES = "\t\n\r\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
# Azure and GitHub look for "##[" and "##vso[" anywhere in a line, as TeamCity does for its own; GitHub for "::" behind blanks at its start.
_ORDERS = r"\#(?=\#[\w.-]*\[)|s(?=ection_(?:start|end):)|(?:(?<=\n)|\A)[ %s]*:(?=:)"
_BLANKS = r"\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_STARTS = ("##", "::", "section_")
_PLAIN = re.compile(rb"[\t\n\x20-\x7e]*")


@cache
def _names() -> re.Pattern[str]:
    return re.compile(f"[{_ALWAYS}{_NAMES}]|{_ORDERS % _BLANKS}")


@cache
def _payloads() -> re.Pattern[str]:
    return re.compile(f"[{_ALWAYS}]|\r(?!\n)|" + _ORDERS % (_BLANKS + r"\t"))


def line(text: str) -> str:
    """Return a name or a message fit for one line of a terminal or a log: what could act there is shown as escapes."""
    return text if _is_plain(text) else _names().sub(_escape, text)


def lines(text: str) -> str:
    """Return what a record or a payload holds as lines fit for a terminal or a log."""
    return text if _is_plain(text) else _payloads().sub(_escape, text)


def _is_plain(text: str) -> bool:
    """Say whether text is ASCII that acts nowhere, as nearly all is."""
    return text.isascii() and text.isprintable() and "##" not in text and "::" not in text and "section_" not in text


def printed(data: bytes) -> bytes:
    """Return bytes as ``lines`` does; what is not UTF-8 is shown as escapes, too."""
    if _PLAIN.fullmatch(data) and not any(start.encode() in data for start in _STARTS):  # nearly always
        return data
    return lines(data.decode("utf-8", "surrogateescape")).encode()


def json_text(data: bytes) -> bytes:
    """Return JSON in ASCII with the same values, in which no runner finds an order: ``#`` and ``:`` stand for themselves in texts alone."""
    if b"##" in data:
        data = data.replace(b"##", b"\\u0023#")
    return data.replace(b"section_", b"\\u0073ection_") if b"section_" in data else data


def _escape(match: re.Match[str]) -> str:
    text = match[0]
    if text.endswith(":"):  # behind blanks, which stay
        return f"{text[:-1]}\\x3a"
    code = ord(text)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no text
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
