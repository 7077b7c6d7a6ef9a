"""A field in conflict: what both sides of a merge sealed, and what they began with, as one text that is no blob.

The text takes the blob's place in the record, so that the record reads as before and holds nothing but ciphertext; every gate refuses
it, and ``sealkit resolve`` makes one blob of it.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from sealkit.crypto.blob import Blob
from sealkit.errors import Malformed

MARK: Final = "sealkit-conflict/1"
_NONE: Final = "-"


class Conflict(NamedTuple):
    """The blobs of a field in conflict; ``base`` is None where the field is new on both sides."""

    ours: Blob
    base: Blob | None
    theirs: Blob

    def __str__(self) -> str:
        return f"{MARK} {self.ours} {self.base if self.base is not None else _NONE} {self.theirs}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a field in conflict; None for any other text."""
        words = text.split(" ")
        if len(words) != 4 or words[0] != MARK:
            return None
        try:
            ours, theirs = Blob.parse(words[1]), Blob.parse(words[3])
            return cls(ours, None if words[2] == _NONE else Blob.parse(words[2]), theirs)
        except Malformed:
            return None


def is_conflict(text: str) -> bool:
    """Say whether a text is, or was, a field in conflict."""
    return text.lstrip().startswith(MARK)
