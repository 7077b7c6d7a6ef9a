"""How many keys and values a JSON text holds: counted, not read."""

from __future__ import annotations

import re
from typing import Final

_STRING: Final = r'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"?+'  # closed or not, so that it takes one pass, whatever the text


def values_of(text: str | bytes, enough: int) -> int:
    """Return how many keys and values a JSON text holds, if it is JSON; where that is no more than ``enough``, perhaps too high a number.

    Each but the first stands behind a comma, a colon or a bracket; those in strings are left out only if there would be too many.
    """
    found = _signs(text)
    if found <= enough:
        return found
    return _signs(re.sub(_STRING.encode(), b"", text) if isinstance(text, bytes) else re.sub(_STRING, "", text))


def _signs(text: str | bytes) -> int:
    if isinstance(text, bytes):
        return sum(map(text.count, (b",", b":", b"[", b"{"))) + 1
    return sum(map(text.count, (",", ":", "[", "{"))) + 1
