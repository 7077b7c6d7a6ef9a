"""What a merge left in conflict, opened as texts to be edited, and made into one blob again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import PayloadCheck, SealkitError
from sealkit.git import objects, threeway
from sealkit.git.payloads import Decision, Merger, Opened, Trio, Version
from sealkit.jobs import Found
from sealkit.opaque import opaque
from sealkit.trees.fields import Content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealkit.conflict import Conflict
    from sealkit.crypto.blob import Blob
    from sealkit.keys.ring import KeyRing
    from sealkit.trees.fields import Orders
    from sealkit.trees.orders import Order

OURS, THEIRS = "ours", "theirs"


class Pending(NamedTuple):
    """A field in conflict: the number of its record in the file, its path, its line (from 1), and what it holds."""

    number: int
    field: str
    line: int
    order: Order
    conflict: Conflict


def pending(content: Content) -> list[Pending]:
    """Return the fields in conflict. Raises the ``RecordError`` of a record that cannot be read."""
    return [
        Pending(number, field, _line(content, number, field), order, conflict)
        for number, field, order, conflict in content.conflicts()
    ]


def _line(content: Content, number: int, field: str) -> int:
    found = content.records[number].blob_text(field)
    return found[1] if found is not None else content.records[number].line


def side(one: Pending, which: str) -> str:
    """Return the text of one side's blob, as it is."""
    return str(one.conflict.ours if which == OURS else one.conflict.theirs)


class Resolution:
    """One field in conflict, opened. ``stages``: the file as the sides had it, where an authentic blob may belong that is bound to fields.

    ``vouched``: somebody knows that the blobs are good, although they prove nothing. Raises as ``Sealer.unseal``.
    """

    @opaque
    def __init__(
        self, content: Content, one: Pending, ring: KeyRing, stages: Sequence[bytes] = (), *, vouched: bool = False
    ) -> None:
        self._merger = Merger(one.order, ring, vouched=vouched)
        self._place = content.orders.place(content.records[one.number], one.field, one.order)
        self._known = [content, *_readable(stages, content.orders)]
        self._one = one
        base = one.conflict.base
        self._trio = Trio(
            self._version(base) if base is not None else None, self._version(one.conflict.ours), self._version(one.conflict.theirs)
        )
        self._opened: Opened = self._merger.open(self._trio)
        self._style: objects.Style | None = None

    def __repr__(self) -> str:
        return f"<Resolution of {self._one.field}>"

    def _version(self, blob: Blob) -> Version:
        """Return a blob with the place in which it opens; that in the record as it is now, if none is known."""
        found = Found(blob, self._one.line)
        for content in self._known:
            for number, record in enumerate(content.records):
                if len(content.records) != len(self._known[0].records) or number == self._one.number:
                    version = Version(found, content.orders.place(record, self._one.field, self._one.order))
                    if self._merger.opens(version):
                        return version
        return Version(found, self._place)

    @property
    def unproved(self) -> list[str]:
        """The sides that somebody without the key may have altered."""
        sides = {OURS: self._opened.ours, THEIRS: self._opened.theirs}
        return [name for name, opened in sides.items() if not opened.authenticated]

    @opaque
    def check(self) -> None:
        """Raise ``NotBlessed`` where what somebody makes of both sides could not be sealed: for asking before it is edited."""
        self._merger.check(self._opened, self._place)

    @opaque
    def merged(self) -> bytes | None:
        """Return the payload if nothing clashes (a merge without a key could not look)."""
        return threeway.merge(*self._opened.payloads())

    @opaque
    def document(self) -> bytes:
        """Return the text to be edited: one key a line where all is JSON, and the lines of both sides between marks where they clash."""
        texts = self._opened.payloads()
        values = [objects.load(text) for text in texts if text is not None]
        if all(isinstance(value, dict | list) for value in values):
            self._style = objects.style_of(texts[1])
            pretty = [objects.dump(value) + b"\n" for value in values]
            return threeway.document(pretty[0] if len(pretty) > 2 else None, pretty[-2], pretty[-1])
        return threeway.document(*texts)

    @opaque
    def payload(self, edited: bytes) -> bytes:
        """Return the payload that an edited text stands for. Raises ``PayloadCheck`` while marks are left in it."""
        if threeway.has_marks(edited):
            raise PayloadCheck(
                problem="lines that mark the conflict are left in the text", hint="remove them, and one of the sides"
            )
        value = objects.load(edited) if self._style is not None else objects.NO_VALUE
        if value is not objects.NO_VALUE and self._style is not None:
            return objects.dump(value, self._style)
        texts = self._opened.payloads()
        has_line_end = texts[1].endswith(b"\n") or texts[2].endswith(b"\n")
        return edited if has_line_end else edited.removesuffix(b"\n")

    @opaque
    def sealed(self, payload: bytes) -> Decision:
        """Return the blob that settles the conflict. Raises ``NotBlessed``, and as ``Sealer.seal``."""
        return self._merger.settled(self._trio, self._opened, payload, self._place)


def _readable(stages: Sequence[bytes], orders: Orders) -> Iterator[Content]:
    for data in stages:
        try:
            yield Content(data, orders)
        except SealkitError:
            continue
