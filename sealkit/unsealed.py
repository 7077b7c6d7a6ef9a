"""What a blob opened to, and what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from sealkit.errors import Usage

if TYPE_CHECKING:
    from sealkit.keys.key import Key
    from sealkit.keys.ring import KeyRing

UNAUTHENTICATED: Final = "unauthenticated"
AUTHENTIC: Final = "authentic"


class Unsealed:
    """What a blob opened to: ``payload`` (bytes), ``key_id`` (the key that opened it), ``verdict``, ``format``.

    The verdict ``unauthenticated`` says that somebody without the key may have altered the payload; ``authentic`` that nobody did. The
    format is that of the blob: ``plain``, ``tagged``, or ``synthetic`` for a two-part blob whose IV fits.
    """

    __slots__ = ("format", "key_id", "payload", "verdict")

    def __init__(self, payload: bytes, key_id: str, verdict: str, format: str = "plain") -> None:
        self.payload = payload
        self.key_id = key_id
        self.verdict = verdict
        self.format = format

    @property
    def authenticated(self) -> bool:
        """Whether the verdict is ``authentic``."""
        return self.verdict == AUTHENTIC

    def __repr__(self) -> str:
        return f"<Unsealed {len(self.payload)} bytes, key {self.key_id}, {self.verdict}>"

    def __reduce__(self) -> NoReturn:
        raise Usage(problem="an unsealed payload is never pickled", hint="pickle its .payload, if you must")

    def __getstate__(self) -> NoReturn:
        self.__reduce__()


class Opening(NamedTuple):
    """How a sealer opens, for those who open many blobs at once: its ring, the keys that open two-part blobs, the kind of payload.

    ``named``: whether those keys were named. ``least``: the weakest format that is opened. ``requires``: nothing is opened that is not
    authentic. ``allowed``: the ids of the keys that may seal here, none for all. ``vouches``: somebody answers for what is opened.
    """

    ring: KeyRing
    keys: tuple[Key, ...]
    payload: str
    named: bool
    least: str = "plain"
    requires: bool = False
    allowed: tuple[str, ...] = ()
    vouches: bool = False
