"""Two blobs of one field made into one: opened, merged as payloads, and sealed anew; nothing else is known of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs
from sealkit.errors import SealkitError, Usage
from sealkit.git import threeway
from sealkit.keys.key import STRENGTH
from sealkit.opaque import opaque
from sealkit.sealer import AUTHENTIC, SYNTHETIC, TAGGED, Sealer

if TYPE_CHECKING:
    from sealkit.crypto.blob import Blob
    from sealkit.jobs import Found
    from sealkit.keys.ring import KeyRing
    from sealkit.records.identity import Place
    from sealkit.sealer import Unsealed
    from sealkit.trees.orders import Order


class Version(NamedTuple):
    """A blob on one side of a merge, and where it is there."""

    found: Found
    place: Place

    @property
    def text(self) -> str:
        """The blob's text."""
        return str(self.found.blob)


class Trio(NamedTuple):
    """What a field was, and what both sides made of it; ``base`` is None where it is new on both."""

    base: Version | None
    ours: Version
    theirs: Version


class Opened(NamedTuple):
    """The payloads of a trio. Not shown: its repr would show them."""

    base: Unsealed | None
    ours: Unsealed
    theirs: Unsealed

    def __repr__(self) -> str:
        return "<Opened>"

    def payloads(self) -> tuple[bytes | None, bytes, bytes]:
        """Return the payloads: the base's, ours, theirs."""
        return self.base.payload if self.base is not None else None, self.ours.payload, self.theirs.payload


class Decision(NamedTuple):
    """What becomes of a field: the text of its blob; None for a conflict, and why."""

    text: str | None
    reason: str = ""


CLASH = Decision(None, "both sides changed the same part of the payload")
ONE_AUTHENTIC = Decision(None, "one side's blob is authentic and the other's may have been altered: a merge would vouch for both")
NO_KEY = Decision(None, "both sides changed the payload, and there is no key to look into it")


def without_keys(trio: Trio) -> Decision:
    """Return what can be decided without a look into the blobs: where one side left the blob alone, the other's is taken as it is."""
    base, ours, theirs = trio.base, trio.ours.text, trio.theirs.text
    if ours == theirs or (base is not None and base.text == theirs):
        return Decision(ours)
    if base is not None and base.text == ours:
        return Decision(theirs)
    return NO_KEY


class Merger:
    """Merges the blobs of one field. ``order`` says how they are opened and sealed, ``ring`` which keys there are."""

    def __init__(self, order: Order, ring: KeyRing) -> None:
        self._order = order
        self._ring = ring

    @opaque
    def decide(self, trio: Trio, place: Place) -> Decision:
        """Return what becomes of a field that both sides changed; ``place`` is where it is in the merged record."""
        try:
            opened = self.open(trio)
        except SealkitError as error:
            return Decision(None, f"both sides changed the payload, and it cannot be looked into: {error.problem}")
        try:
            payload = threeway.merge(*opened.payloads())
            if payload is None:
                return CLASH
            if opened.ours.authenticated != opened.theirs.authenticated:
                return ONE_AUTHENTIC
            return Decision(self.settled(trio, opened, payload, place))
        except SealkitError as error:
            return Decision(None, f"the merged payload cannot be sealed: {error.problem}")

    @opaque
    def open(self, trio: Trio) -> Opened:
        """Open the blobs of a trio; a base that does not open counts as none. Raises as ``Sealer.unseal``."""
        ours, theirs = self._unseal(trio.ours), self._unseal(trio.theirs)
        try:
            base = self._unseal(trio.base) if trio.base is not None else None
        except SealkitError:
            base = None
        return Opened(base, ours, theirs)

    def _unseal(self, version: Version) -> Unsealed:
        if self._order.opener is None:
            raise Usage(problem="there is no key")
        return jobs.unseal(version.found, self._order.opener, version.place)

    @opaque
    def settled(self, trio: Trio, opened: Opened, payload: bytes, place: Place) -> str:
        """Return the text of a blob of the merged payload: one that a side has already, or a new one. Raises as ``Sealer.seal``."""
        key_id = self._key(opened)
        form = self._format(opened, key_id)
        for version, one in ((trio.ours, opened.ours), (trio.theirs, opened.theirs)):
            if (one.payload, one.key_id, one.format) == (payload, key_id, form) and self.opens(version._replace(place=place)):
                return version.text
        return str(self._sealed(payload, key_id, form, self._bind(trio), place))

    def opens(self, version: Version) -> bool:
        """Say whether a blob opens where it is."""
        try:
            self._unseal(version)
        except SealkitError:
            return False
        return True

    def _key(self, opened: Opened) -> str:
        """Return the id of the key that one side rotated to, or that both are under; the primary where both rotated, each elsewhere."""
        ours, theirs = opened.ours.key_id, opened.theirs.key_id
        base = opened.base.key_id if opened.base is not None else None
        if ours == theirs or theirs == base:
            return ours
        return theirs if ours == base else self._ring.primary.id

    def _format(self, opened: Opened, key_id: str) -> str:
        form = max(opened.ours.format, opened.theirs.format, key=STRENGTH.index)
        if form != SYNTHETIC:
            return form
        key = self._ring.get(key_id)
        return form if key.format == SYNTHETIC or key.accept == AUTHENTIC else TAGGED

    @staticmethod
    def _bind(trio: Trio) -> int | None:
        base = trio.base.found.blob.bind if trio.base is not None else None
        ours, theirs = trio.ours.found.blob.bind, trio.theirs.found.blob.bind
        return theirs if ours == base else ours

    def _sealed(self, payload: bytes, key_id: str, form: str, bind: int | None, place: Place) -> Blob:
        """Seal a payload under a key, or, where the policy refuses that one, under the one that it takes. Raises as ``Sealer.seal``.

        ``bind`` is the kind of binding of the blob that makes place; where the policy demands one, that counts.
        """
        demand = self._order.demand
        try:
            named = Sealer(self._ring, key_id=key_id)
            sealer = named.under(payload=demand.payload, least=demand.format, keys=demand.keys, opens=False)
        except SealkitError:
            sealer = self._order.sealer if self._order.sealer is not None else Sealer(self._ring)
        if form == "plain":
            return sealer.seal(payload, format=form, at=place)
        context = place.demanded() if demand.bind is not None or bind is None else place.of_kind(bind)
        return sealer.seal(payload, context, format=sealer.raised(form), at=place)
