"""Two blobs of one field made into one: opened, merged as payloads, and sealed anew; nothing else is known of the record.

They are opened as ``decrypt`` opens them. What is made of both is proved only if both were: the judge says as what it is sealed, and
refuses what would prove more, unless somebody vouches for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs
from sealkit.errors import NotBlessed, SealkitError, Usage
from sealkit.git import threeway
from sealkit.keys.key import STRENGTH
from sealkit.opaque import opaque
from sealkit.sealer import Sealer
from sealkit.sealing import replacing
from sealkit.sealing.replacing import Joint

if TYPE_CHECKING:
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
    """What becomes of a field: the text of its blob; None for a conflict, and why; and which key took the place of which, if one did."""

    text: str | None
    reason: str = ""
    move: str | None = None


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


def _mixes(opened: Opened) -> bool:
    """Say whether a merge would hold anything of a side that proves nothing beside what the other one proves."""
    if opened.ours.authenticated == opened.theirs.authenticated:
        return False
    proved, other = (opened.ours, opened.theirs) if opened.ours.authenticated else (opened.theirs, opened.ours)
    return other.payload != proved.payload and (opened.base is None or other.payload != opened.base.payload)


class Merger:
    """Merges the blobs of one field. ``order`` says how they are opened and sealed, ``ring`` which keys there are.

    Where somebody has ``vouched`` for the blobs, they are opened although they prove nothing, and sealed as rule and ring say.
    """

    def __init__(self, order: Order, ring: KeyRing, *, vouched: bool = False) -> None:
        self._order = order
        self._ring = ring
        self._vouched = vouched

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
            return ONE_AUTHENTIC if _mixes(opened) else self.settled(trio, opened, payload, place)
        except NotBlessed as error:
            one_sided = opened.ours.authenticated != opened.theirs.authenticated
            return ONE_AUTHENTIC if one_sided else Decision(None, f"the merged payload cannot be sealed: {error.problem}")
        except SealkitError as error:
            return Decision(None, f"the merged payload cannot be sealed: {error.problem}")

    @opaque
    def open(self, trio: Trio) -> Opened:
        """Open the blobs of a trio. Raises as ``Sealer.unseal``.

        A base that does not open counts as none; so does one that proves nothing beside two that are authentic: whoever altered it would
        choose what is left of them.
        """
        ours, theirs = self._unseal(trio.ours), self._unseal(trio.theirs)
        try:
            base = self._unseal(trio.base) if trio.base is not None else None
        except SealkitError:
            base = None
        if base is not None and not base.authenticated and ours.authenticated and theirs.authenticated:
            base = None
        return Opened(base, ours, theirs)

    def _unseal(self, version: Version) -> Unsealed:
        opener = self._order.opener
        if opener is None:
            raise Usage(problem="there is no key")
        return jobs.unseal(version.found, opener.vouching() if self._vouched else opener, version.place)

    @opaque
    def settled(self, trio: Trio, opened: Opened, payload: bytes, place: Place) -> Decision:
        """Return a blob of the merged payload: one that a side has already, or a new one. Raises ``NotBlessed``, and as ``Sealer.seal``."""
        joint = self._joint(opened)
        for version, one in ((trio.ours, opened.ours), (trio.theirs, opened.theirs)):
            if one.payload == payload and self._may_stay(one, joint, place) and self.opens(version._replace(place=place)):
                return Decision(version.text)
        new = replacing.edited(payload, place, self._sealer(), joint, self._bind(trio), vouched=self._vouched)
        was = opened.ours.key_id
        return Decision(str(new.blob), move=None if new.key == was else f"key {was} -> {new.key}")

    def check(self, opened: Opened, place: Place) -> None:
        """Raise ``NotBlessed`` where ``settled`` would, for a payload that no side has: for asking before somebody edits it."""
        replacing.check_edited(place, self._sealer(), self._joint(opened), vouched=self._vouched)

    def _may_stay(self, one: Unsealed, joint: Joint, place: Place) -> bool:
        """Say whether a side's blob is what a merged one would be; where somebody vouches for it, it may have to become stronger."""
        if (one.key_id, one.format) != (joint.key_id, joint.format):
            return False
        return not self._vouched or replacing.is_good_for(one, self._sealer(), place)

    def opens(self, version: Version) -> bool:
        """Say whether a blob opens where it is."""
        try:
            self._unseal(version)
        except SealkitError:
            return False
        return True

    def _joint(self, opened: Opened) -> Joint:
        """Return what is known of both sides together."""
        form = max(opened.ours.format, opened.theirs.format, key=STRENGTH.index)
        return Joint(self._key(opened), form, opened.ours.authenticated and opened.theirs.authenticated)

    def _key(self, opened: Opened) -> str:
        """Return the id of the key that one side rotated to, or that both are under; the primary where both rotated, each elsewhere."""
        ours, theirs = opened.ours.key_id, opened.theirs.key_id
        base = opened.base.key_id if opened.base is not None else None
        if ours == theirs or theirs == base:
            return ours
        return theirs if ours == base else self._ring.primary.id

    def _sealer(self) -> Sealer:
        return self._order.sealer if self._order.sealer is not None else Sealer(self._ring)

    @staticmethod
    def _bind(trio: Trio) -> int | None:
        base = trio.base.found.blob.bind if trio.base is not None else None
        ours, theirs = trio.ours.found.blob.bind, trio.theirs.found.blob.bind
        return theirs if ours == base else ours
