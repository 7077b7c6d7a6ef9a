"""Text in UTF-16 or UTF-32: told from its bytes, and decoded; and which files hold no text at all."""

from __future__ import annotations

import codecs
from typing import Final

SAMPLE: Final = 8 << 10
"""How much of a file tells whether it is text."""

# The longer marks first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FEW = 8  # one in so many characters of a text, at least, is ASCII: blanks, line ends, signs


def encoding(data: bytes) -> str | None:
    """Return which wide encoding a file is in, None for none: by its mark, or by where NULs stand in its beginning."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) and data.find(b"\0", 0, SAMPLE) < 0:
        return None
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    sample = data[: min(SAMPLE, len(data) // 4 * 4 or len(data))]
    zeros = [sample[place::4].count(0) for place in range(4)]
    quarter = len(sample) // 4
    if quarter > (not zeros[1]) and zeros[2] == zeros[3] == quarter and not zeros[0]:
        return "utf-32-le"
    if quarter > (not zeros[2]) and zeros[0] == zeros[1] == quarter and not zeros[3]:
        return "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if not even and odd > 1 and odd * _FEW * 2 >= len(sample):
        return "utf-16-le"
    if not odd and even > 1 and even * _FEW * 2 >= len(sample):
        return "utf-16-be"
    return None


def decoded(data: bytes, name: str) -> bytes:
    """Return the text in UTF-8, without its mark; what is no text of this encoding is left out."""
    return data.decode(name, "ignore").removeprefix("\ufeff").encode("utf-8", "ignore")


def is_text(data: bytes) -> bool:
    """Say whether a file holds text: no NUL in its beginning, or UTF-16 or UTF-32."""
    return data.find(b"\0", 0, SAMPLE) < 0 or encoding(data) is not None
