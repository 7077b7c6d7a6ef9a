"""What a source of key bytes is, and what it may reach.

A source is one class in a module of its own, with one function ``declare(entry, kind, label, folder)`` (or one named after its
kind) that makes it from its table in a ring file, or raises ``ConfigError`` for a table that makes no sense; ``sources`` names both.
Nothing is fetched when it is declared: ``read`` does that. What a source needs beyond its own table it finds in the ``Access`` that
it is handed: the environment, somebody to ask, the ring's other entries, whether unsafe key files will do.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.remembered import Hold
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from sealkit.keys.token import Token


class Cost(NamedTuple):
    """What deriving a key takes, as far as its parameters say: seconds of a processor, and bytes of memory."""

    seconds: float
    memory: int


FREE = Cost(0, 0)

MAX_DEPTH = 4
"""How many keys may be wrapped one under the other: k1 under k2 under k3 under k4."""


class Source(ABC):
    """A place that key bytes come from; each kind is a subclass.

    ``literal``: the bytes stand in the ring file itself. ``runs``: reading it runs a program or loads code that the ring names, which a
    ring inside a tree may not. ``costly``: reading it asks somebody, runs something or takes long, so it is not done for disabled
    keys. ``holds``: the key works where it is, and gives no bytes. ``cost``: what deriving the key takes. ``needs``: the id of the ring's entry that this one is wrapped under, None for most.
    """

    __slots__ = ()
    literal: ClassVar[bool] = False
    cost: Cost = FREE
    runs: bool = False
    costly: bool = False
    needs: str | None = None
    holds: bool = False

    def hold(self, access: Access) -> Token:
        """Return the key in its token; for sources that hold one, and never give its bytes. Raises ``NoUsableKey``."""
        raise NoUsableKey(problem="this source gives the bytes of its key, and holds none")

    @abstractmethod
    def read(self, access: Access) -> bytearray:
        """Return the 16, 24 or 32 bytes, for the caller to wipe. Raises ``NoUsableKey``."""

    def wrap(self, key_id: str, secret: bytearray, algorithm: str, access: Access) -> bytes:
        """Return some bytes wrapped (``kw``, ``kwp``) under this entry, ``key_id``. Raises ``NoUsableKey``."""
        from sealkit.crypto.wrap import wrap

        kek = access.secret_of(key_id)
        try:
            return wrap(kek, secret, algorithm)
        finally:
            wipe(kek)

    def unwrap(self, key_id: str, wrapped: bytes, algorithm: str, access: Access) -> bytearray:
        """Return what was wrapped (``kw``, ``kwp``) under this entry, ``key_id``. Raises ``NoUsableKey``.

        A source whose key never leaves its token does it there.
        """
        from sealkit.crypto.wrap import unwrap

        kek = access.secret_of(key_id)
        try:
            return unwrap(kek, wrapped, algorithm)
        finally:
            wipe(kek)


class Access:
    """What sources may reach, while one ring is loaded; and where they leave warnings for people.

    ``environ``: the environment. ``ask``: called with a question (such as "passphrase of key k1"), returns what somebody typed; None
    where there is nobody, since the library never prompts. ``unsafe_files``: rings and key files are taken that others can read
    or write, or that lie in a tree; only for who says so each time. Such a ring runs nothing. ``others``: the sources of the ring's entries by id, for those wrapped under
    one. ``warnings``: sentences for people.
    """

    __slots__ = ("_fetched", "_hold", "ask", "environ", "others", "unsafe_files", "warnings")

    def __init__(
        self,
        environ: MutableMapping[str, str],
        *,
        ask: Callable[[str], str] | None = None,
        unsafe_files: bool = False,
    ) -> None:
        self.environ = environ
        self.ask = ask
        self.unsafe_files = unsafe_files
        self.others: dict[str, Source] = {}
        self.warnings: list[str] = []
        self._fetched: dict[str, bytearray] = {}
        self._hold = Hold()

    def secret_of(self, key_id: str) -> bytearray:
        """Return the bytes of an entry of ``others``, for the caller to wipe; fetched once until ``close``. Raises ``NoUsableKey``."""
        if key_id not in self._fetched:
            self._fetched[key_id] = self.others[key_id].read(self)
        return bytearray(self._fetched[key_id])

    def remembered(self, name: int | bytes, make: Callable[[], bytearray]) -> bytearray:
        """Return a copy of a secret that is had once a process, or at some cost, for the caller to wipe; ``make`` gives it the first time."""
        return self._hold.take(name, make)

    def handed_over(self) -> Hold:
        """Return what holds on to all that was remembered, for a ring that lets go of it when it is closed."""
        hold, self._hold = self._hold, Hold()
        return hold

    def close(self) -> None:
        """Wipe what was fetched, and let go of what was remembered."""
        for secret in self._fetched.values():
            wipe(secret)
        self._fetched.clear()
        self._hold.release()

    def asked(self, question: str) -> str:
        """Return what somebody typed. Raises ``NoUsableKey`` where nobody can be asked."""
        if self.ask is None:
            hint = "run it on a terminal, or take the passphrase from a variable, a file or a command"
            raise NoUsableKey(problem=f"{question}: nobody to ask", hint=hint)
        return self.ask(question)


def check_needs(needs: dict[str, str | None], lines: dict[str, int]) -> None:
    """Raise ``ConfigError`` unless every entry that is needed is there, none needs itself in the end, and few need each other."""
    for key_id in needs:
        seen = [key_id]
        while (wanted := needs[seen[-1]]) is not None:
            if wanted not in needs:
                hint = "it names another entry of the ring: " + ", ".join(name for name in needs if name != seen[-1])
                raise ConfigError(
                    problem=f"key {seen[-1]}: wrapped under a key that the ring has not", hint=hint, line=lines[seen[-1]]
                )
            if wanted in seen:
                raise ConfigError(
                    problem=f"key {key_id}: wrapped under itself in the end", hint="wrap it under another", line=lines[key_id]
                )
            seen.append(wanted)
            if len(seen) > MAX_DEPTH:
                raise ConfigError(
                    problem=f"key {key_id}: more than {MAX_DEPTH} keys wrapped one under the other",
                    hint="wrap it under the outermost",
                    line=lines[key_id],
                )


_taken: dict[str, str] = {}


def take_variable(name: str, environ: MutableMapping[str, str]) -> str | None:
    """Return a variable's value, None if it is not set.

    From the environment of this process (``os.environ``) it is removed, so that editors, pagers and hooks do not inherit it; its
    value stays in this process, so that a ring can be loaded again. A value set anew counts. Other mappings are only read.
    """
    if environ is not os.environ:
        return environ.get(name)
    value = environ.pop(name, None)
    if value is not None:
        _taken[name] = value
    return _taken.get(name)
