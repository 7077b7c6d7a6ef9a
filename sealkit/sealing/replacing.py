"""What takes the place of a blob: a payload that somebody gives, or one made of what the blob opened to.

It is sealed under the key of the blob that makes place, if that may seal there: no verb moves a blob to another key in silence. A payload
that is given has nothing to be vouched for. One that was made of an older payload is no better proved than that: the judge says as what
it is sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import NotBlessed
from sealkit.keys.key import FORMATS, STRENGTH
from sealkit.opaque import opaque
from sealkit.refusals import VOUCH_HINT
from sealkit.sealing import judge

if TYPE_CHECKING:
    from sealkit.crypto.blob import Blob
    from sealkit.records.identity import Place
    from sealkit.sealer import Sealer
    from sealkit.sealing.judge import Known

PLAIN, TAGGED, SYNTHETIC = FORMATS


class Successor(NamedTuple):
    """A new blob, its format, the id of its key, and that of the blob that it takes the place of (None, where that is not known).

    ``unopened``: a blob stood there that was refused for want of a proof, so that nobody knows its key.
    """

    blob: Blob
    format: str
    key: str
    was: str | None
    unopened: bool = False

    @property
    def is_proved(self) -> bool:
        """Whether who opens it can prove that nobody altered it."""
        return self.format != PLAIN

    @property
    def move(self) -> str | None:
        """Which key took the place of which, in words; None where it is the same one, or there was none."""
        if self.unopened:
            return f"key {self.key}; what stood there proves nothing, and was not opened: its key is not known"
        return None if self.was in (None, self.key) else f"key {self.was} -> {self.key}"


class Joint(NamedTuple):
    """What is known of a payload that was made of several blobs: the key that goes on, the strongest format, whether all were proved."""

    key_id: str
    format: str
    authenticated: bool


@opaque
def given(payload: bytes, place: Place, sealer: Sealer, old: Known | None, bind: int | None = None) -> Successor:
    """Seal a payload that somebody gives, in the place of a blob that opened (``old``) or of anything else (None).

    Its format is what rule and ring say, and no weaker than the proof of the old one, unless a format was asked for. ``bind`` is the
    old one's kind of binding. Raises as ``Sealer.seal``.
    """
    heir = sealer if old is None else sealer.replacing(old, place)
    form = _wanted(heir, old)
    return Successor(sealed(payload, place, heir, form, bind), form, heir.key_id, old.key_id if old is not None else None)


@opaque
def is_good_for(old: Known, sealer: Sealer, place: Place) -> bool:
    """Say whether a blob is as strong as what ``given`` would put in its place, so that one of the same payload may stay."""
    return STRENGTH.index(old.format) >= STRENGTH.index(_wanted(sealer.replacing(old, place), old))


@opaque
def edited(
    payload: bytes, place: Place, sealer: Sealer, old: Known, bind: int | None = None, *, vouched: bool = False
) -> Successor:
    """Seal a payload that was made of what a blob opened to (``old``), as the judge says.

    Where somebody has ``vouched`` for it, it is sealed as one that was proved. Raises ``NotBlessed``, and as ``Sealer.seal``.
    """
    heir, form = _settled(place, sealer, old, vouched=vouched)
    return Successor(sealed(payload, place, heir, form, bind), form, heir.key_id, old.key_id)


def check_edited(place: Place, sealer: Sealer, old: Known, *, vouched: bool = False) -> None:
    """Raise ``NotBlessed`` where ``edited`` would: for asking before somebody edits anything."""
    _settled(place, sealer, old, vouched=vouched)


def adopted(sealer: Sealer, *, vouched: bool = False) -> str:
    """Return the format in which the payload of another program's blob is sealed: what rule and ring say. Raises ``NotBlessed``.

    That blob proved nothing, so that somebody has to have ``vouched`` for it where this is to be more than ``plain``.
    """
    try:
        return judge.resealed_as(Joint(sealer.key_id, sealer.format, authenticated=False), sealer, vouched=vouched)
    except NotBlessed as error:
        error.hint = VOUCH_HINT
        raise


def may_be_stronger(old: Known, sealer: Sealer, place: Place) -> bool:
    """Say whether rule and ring ask for a proof that a blob does not have, so that somebody's word for it would change something."""
    return not old.authenticated and _wanted(sealer.replacing(old, place), old) != PLAIN


def _settled(place: Place, sealer: Sealer, old: Known, *, vouched: bool) -> tuple[Sealer, str]:
    """Return what seals in the place of a blob, and in which format."""
    heir = sealer.replacing(old, place)
    known = Joint(old.key_id, max(heir.format, old.format, key=STRENGTH.index), authenticated=False) if vouched else old
    return heir, _provable(judge.resealed_as(known, heir, vouched=vouched), heir)


@opaque
def sealed(payload: bytes, place: Place, sealer: Sealer, form: str, bind: int | None = None) -> Blob:
    """Seal a payload in its place, bound as is demanded there; where nothing is, as the blob was that makes place (``bind``)."""
    if form == PLAIN:
        return sealer.seal(payload, format=form, at=place)
    context = place.demanded() if place.kind or bind is None else place.of_kind(bind)
    return sealer.seal(payload, context, format=form, at=place)


def _wanted(sealer: Sealer, old: Known | None) -> str:
    """Return the format that rule and ring say; that of a blob that was proved, if it is stronger and none was asked for."""
    if old is None or not old.authenticated or sealer.forced_format is not None:
        return sealer.format
    return _provable(max(sealer.format, old.format, key=STRENGTH.index), sealer)


def _provable(form: str, sealer: Sealer) -> str:
    """Return ``tagged`` for ``synthetic`` under a key whose IVs prove nothing: who opens the blob would take it for a plain one."""
    return TAGGED if form == SYNTHETIC and not sealer.opening.ring.get(sealer.key_id).proves_by_iv else form
