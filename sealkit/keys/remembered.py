"""What a source of keys gives once, or at some cost: remembered as long as an open ring has it, so that a second ring can have it too.

What a descriptor gave cannot be read again, and a key from a passphrase takes a while to derive. Who takes such a secret holds on to it (``Hold``)
and lets go in the end, as a ring does that is closed; once nobody holds on to it, it is overwritten. A command that reads its ring more than
once says so (``throughout``, ``for_the_whole_run``).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet

from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Name = int | bytes
    """A descriptor by its number, a derived key by a keyed hash of what it comes from."""

_lock = threading.Lock()
_secrets: dict[Name, bytearray] = {}
_holds: WeakSet[Hold] = WeakSet()
"""Who holds on to something; one that is dropped and never released holds on to nothing any more."""
_spans: list[None] = []
"""One item for each ``throughout`` that is under way."""


class Hold:
    """What one ring, while it is loaded and open, has of what is remembered."""

    __slots__ = ("__weakref__", "_names")

    def __init__(self) -> None:
        self._names: set[Name] = set()

    def take(self, name: Name, make: Callable[[], bytearray]) -> bytearray:
        """Return a copy of what is remembered under a name, for the caller to wipe; ``make`` gives it if nothing is."""
        with _lock:
            if name not in _secrets:
                _secrets[name] = make()
            self._names.add(name)
            _holds.add(self)
            return bytearray(_secrets[name])

    def release(self) -> None:
        """Let go: what nobody else holds on to is overwritten."""
        with _lock:
            self._names.clear()
            _holds.discard(self)
            _forget_the_rest()


@contextmanager
def throughout() -> Iterator[None]:
    """Remember all that is taken in the meantime until the end, whoever lets go of it."""
    _spans.append(None)
    try:
        yield
    finally:
        with _lock:
            _spans.pop()
            _forget_the_rest()


def for_the_whole_run() -> None:
    """Remember all that is taken from now on, as a command line does: its process ends with its run, and its memory with it."""
    _spans.append(None)


def forget() -> None:
    """Overwrite all that is remembered, whoever holds on to it; open rings keep the keys that they have."""
    with _lock:
        for hold in _holds:
            hold._names.clear()
        _wipe_all_but(set())


def _forget_the_rest() -> None:
    if not _spans:
        _wipe_all_but({name for hold in _holds for name in hold._names})


def _wipe_all_but(held: set[Name]) -> None:
    for name in _secrets.keys() - held:
        wipe(_secrets.pop(name))
