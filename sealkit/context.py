"""What an authentic blob is for: the field's path in its record, and the identity of the record that it is bound to.

A context is what goes into the tag, or into a synthetic IV, beside the payload. Whoever knows the record makes it (``records``);
whoever seals or opens only hands it on.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sealkit.errors import Downgraded

NONE, PATH, FIELDS = 0, 1, 2
BINDS = ("none", "path", "fields")
"""The kinds of binding, by the number that a tagged blob carries."""


class Context(NamedTuple):
    """One field of one record: ``path`` holds an element for each step, ``k`` and a UTF-8 key or ``i`` and a decimal index.

    ``identity`` is empty for ``bind`` 0 (none); the NFC path of the file below the tree's root for 1 (path); names and values, in turn,
    for 2 (fields).
    """

    path: tuple[bytes, ...] = (b"ksecured",)
    bind: int = NONE
    identity: tuple[bytes, ...] = ()

    def demanded(self) -> Context:
        """Return the context itself: it is what a blob without a word about its binding is taken to be bound to."""
        return self

    def below(self) -> str | None:
        """Return the path of the file below the tree's root, where it is bound to that; else it is not known."""
        return self.identity[0].decode("utf-8", "surrogateescape") if self.bind == PATH and self.identity else None

    def of_kind(self, bind: int) -> Context:
        """Return the context of a blob that says it is bound in this way. Raises ``Downgraded`` if that is not what is known."""
        if bind != self.bind:
            raise Downgraded(problem=f"the blob is bound to {BINDS[bind]}, and {BINDS[self.bind]} is demanded")
        return self


class Binder(Protocol):
    """What can say, for each kind of binding, what the identity of a field's record is; a ``Context`` knows one kind."""

    def demanded(self) -> Context:
        """Return the context that a new blob gets. Raises the ``RecordError`` of a bound field that is missing, empty or no scalar."""
        ...

    def below(self) -> str | None:
        """Return the path of the record's file below the root of its tree, None where that is not known. Raises ``StoreError``."""
        ...

    def of_kind(self, bind: int) -> Context:
        """Return the context of a blob that says it is bound in this way.

        Raises ``Downgraded`` for a weaker binding than is demanded, ``Usage`` where the names of the bound fields are not known, and
        as ``demanded``.
        """
        ...


UNBOUND = Context()

PROBE = Context()
"""The place of a blob that is sealed to see whether that works, and then dropped: every key may seal there."""
