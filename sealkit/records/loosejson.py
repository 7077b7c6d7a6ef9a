"""JSON as lenient readers take it: with comments, commas too many, single quotes and keys without quotes (JSONC, JSON5).

For telling that no reader finds a key in it. Nothing is opened, sealed or changed by way of this reading: a record in it is a finding.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from sealkit import limits
from sealkit.records.places import Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(
    r"""\s*+(?:
        (?P<comment>//[^\n\r\u2028\u2029]*+|/\*(?s:.*?)\*/)
      | (?P<double>"(?:[^"\\\n]|\\(?s:.))*+")
      | (?P<single>'(?:[^'\\\n]|\\(?s:.))*+')
      | (?P<sign>[\[\]{}:,])
      | (?P<word>[^\s\[\]{}:,"'/\#]++)
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_IN_QUOTES: Final = re.compile(r"\\(\r\n|(?s:.))|(\")")
_KEPT: Final = frozenset('"\\/bfnrtu')
_BLANK: Final = "\ufeff \t\r\n"


def read(text: str) -> object:
    """Return the value of a text, objects as ``Pairs``. Raises ``ValueError`` for what lenient readers do not read either."""
    text = text.lstrip(_BLANK)
    try:
        return strict(text)
    except ValueError:
        if len(text) > limits.LOOSE_JSON_BYTES:
            raise
        return json.loads("".join(_strictly(text)), object_pairs_hook=Pairs, strict=False)


def strict(text: str) -> object:
    """Return the value of a JSON text, objects as ``Pairs``. Raises ``ValueError``."""
    return json.loads(text, object_pairs_hook=Pairs)


def begin(text: str) -> tuple[object, int]:
    """Return the value that a text begins with, if that is JSON, and where it ends. Raises ``ValueError``."""
    return json.JSONDecoder(object_pairs_hook=Pairs).raw_decode(text)


def _strictly(text: str) -> Iterator[str]:
    """Yield the tokens of a lenient text as JSON has them; a comma is held back until something follows that may."""
    comma = ""
    for kind, one in _tokens(text):
        if kind == "comment":
            continue
        if comma and one not in ("]", "}"):
            yield comma
        comma = one if one == "," else ""
        if kind in ("single", "double"):
            yield '"' + _IN_QUOTES.sub(_escape, one[1:-1]) + '"'
        elif kind == "word":
            yield _word(one)
        elif not comma:
            yield one


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            message = "no token of JSON"
            raise ValueError(message)
        if found.lastgroup == "end":
            return
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _escape(found: re.Match[str]) -> str:
    """Return an escape as JSON has it: a line's end is gone, what means nothing is itself."""
    if found[2] is not None:
        return '\\"'
    sign = found[1]
    if sign in ("\r\n", "\n", "\r", "\u2028", "\u2029"):
        return ""
    if sign == "x":
        return "\\u00"
    return found[0] if sign in _KEPT else json.dumps(sign)[1:-1]


def _word(token: str) -> str:
    """Return a word as JSON: as it is if it is a value, else as a text: of a key without quotes, or a number as JSON5 has it."""
    try:
        json.loads(token)
    except ValueError:
        return json.dumps(re.sub(r"\\u([0-9a-fA-F]{4})", lambda digits: chr(int(digits[1], 16)), token))
    return token
