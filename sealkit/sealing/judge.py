"""The one judge: what of a blob is proved, what may be opened at all, and as what, under which key, it may be sealed again.

Whoever opens, shows or reseals asks here, so that there is one verdict on a blob, and no way round gives it a proof that nobody made.

A blob of two parts says neither which key sealed it nor whether anybody altered it, and a wrong key passes its padding check once in 255
times. So keys are asked in two ways. One whose synthetic IVs count is asked for the proof: the IV is computed for whatever comes out,
text or not. One that takes what is not proved is asked whether a payload comes out. Where none is, no answer depends on what came out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from sealkit.crypto.tag import HEADER_BYTES, TAG_BYTES, equal
from sealkit.errors import AmbiguousKey, CannotDecrypt, NotBlessed, NoUsableKey, Tampered, Usage
from sealkit.keys.key import FORMATS
from sealkit.keys.reach import is_within
from sealkit.opaque import opaque
from sealkit.payload import BINARY, check, passes
from sealkit.refusals import TAMPERED, tells_no_key, unproved, untold
from sealkit.unsealed import AUTHENTIC, UNAUTHENTICATED, Opening, Unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealkit.context import Binder, Context
    from sealkit.crypto.blob import Blob
    from sealkit.keys.key import Key
    from sealkit.keys.ring import KeyRing
    from sealkit.sealer import Sealer

    Contexts: TypeAlias = Context | list[Context | None]
    """What all of some rows are for, or what each is; None for what has no place."""

PLAIN, TAGGED, SYNTHETIC = FORMATS
FEW_BLOCKS = 2
"""So many blocks may pass for a payload under a wrong key: every key is tried. Of more, the first that fits is the one."""
_BLOCK = 16


# --- three parts -----------------------------------------------------------------------------------------------------
class Checked(NamedTuple):
    """A blob whose tag fits where it was found: the id of its key, and the verdict."""

    key_id: str
    verdict: str


def check_tag(key: Key, blob: Blob, context: Context) -> Checked:
    """Check the tag of a blob of three parts, in constant time. Raises ``Tampered``."""
    _refuse_tampered(key, blob, context)
    return Checked(key.id, AUTHENTIC)


def unseal_tagged(key: Key, blob: Blob, context: Context, kind: str) -> Unsealed:
    """Return what a blob of three parts opens to, once its tag fits. Raises ``Tampered``, and ``PayloadCheck`` for what is of another kind."""
    _refuse_tampered(key, blob, context)
    payload = check(key.cbc().decrypt(blob.ciphertext, blob.iv), kind, sealed=True)
    return Unsealed(payload, key.id, AUTHENTIC, TAGGED)


def _refuse_tampered(key: Key, blob: Blob, context: Context) -> None:
    auth = blob.auth or b""
    header = auth[:HEADER_BYTES]
    if not key.tagger().accepts(auth[HEADER_BYTES:], header, context, blob.iv, blob.ciphertext):
        raise Tampered(problem=TAMPERED[header[1]])


# --- two parts -------------------------------------------------------------------------------------------------------
class Recent:
    """The key that last opened a blob which no proof told it for: a guess which one the next is under, shared by those who open alike."""

    __slots__ = ("key",)

    def __init__(self) -> None:
        self.key: Key | None = None


class TwoParts:
    """How blobs of two parts are opened by the keys of an ``Opening``: ``provers`` are asked for the IV's proof, ``takers`` for a payload.

    ``refuses``: what is not proved is refused, whatever it would have opened to. Then takers are not asked; and without provers, or where a
    tag is demanded, nothing is decrypted.
    """

    __slots__ = ("_opening", "_recent", "provers", "refuses", "takers")

    def __init__(self, opening: Opening, recent: Recent) -> None:
        self._opening = opening
        self._recent = recent
        able = tuple(key for key in opening.keys if not key.is_verify_only)
        takers = tuple(key for key in able if opening.vouches or key.accept != AUTHENTIC)
        self.refuses = opening.requires or opening.least != PLAIN or (bool(able) and not takers)
        self.takers = () if self.refuses else takers
        self.provers = () if opening.least == TAGGED else tuple(key for key in able if key.proves_by_iv)

    def unseal(self, blob: Blob, binder: Binder) -> Unsealed:
        """Return what a blob opens to, and what is known of it.

        Raises ``PayloadCheck`` for what is authentic but of another kind; ``Downgraded`` for everything that is not authentic, where that is
        refused; else ``CannotDecrypt`` and ``AmbiguousKey``. What ``binder`` raises is passed on, before anything is decrypted.
        """
        if self.provers:
            context = binder.demanded()
            for key in self.provers:
                text, proved = _proof(key, blob, context)
                if proved:
                    return Unsealed(check(text, self._opening.payload, sealed=True), key.id, AUTHENTIC, SYNTHETIC)
        if self.refuses:
            raise unproved(self._opening)
        key, text = self._fitting(blob)
        return Unsealed(text, key.id, UNAUTHENTICATED)

    def proves(self, blob: Blob) -> Callable[[Context], bool]:
        """Return a function that says of a context whether a blob is authentic there."""
        made = [(key.synthesizer(), *key.cbc().decrypt_whole(blob.ciphertext, blob.iv)) for key in self.provers]

        def is_proved(context: Context) -> bool:
            each = [equal(one.iv(context, text), blob.iv) & unpads for one, text, unpads in made]
            return any(each)

        return is_proved

    def _fitting(self, blob: Blob) -> tuple[Key, bytes]:
        """Return the one key under which a payload comes out, and that payload."""
        kind = self._opening.payload
        takers, first_fits = self.asked(), self.first_fits(len(blob.ciphertext) // _BLOCK)
        fits: list[tuple[Key, bytes]] = []
        for key in takers:
            text, unpads = key.cbc().decrypt_whole(blob.ciphertext, blob.iv)
            if passes(text, kind, unpads=unpads):
                fits.append((key, text))
                if first_fits:
                    break
        if not fits:
            raise CannotDecrypt
        if len(fits) > 1:
            names = ", ".join(key.id for key in takers if key in [one for one, _ in fits])
            raise AmbiguousKey(problem=f"more than one key of the ring opens this blob: {names}")
        self.remember(fits[0][0])
        return fits[0]

    def first_fits(self, blocks: int) -> bool:
        """Say whether of so many blocks the first key that fits is the one: no other passes by chance."""
        return blocks > FEW_BLOCKS and self._opening.payload != BINARY

    def asked(self) -> tuple[Key, ...]:
        """Return the takers in the order in which they are asked: that which fitted last goes first. Raises ``AmbiguousKey``."""
        if self._opening.payload == BINARY:
            return self._told()
        recent = self._recent.key
        if recent is None or self.takers[:1] == (recent,) or recent not in self.takers:
            return self.takers
        return (recent, *(key for key in self.takers if key is not recent))

    def remember(self, key: Key) -> None:
        """Note that a key fitted."""
        self._recent.key = key

    def _told(self) -> tuple[Key, ...]:
        """Return the keys that may have sealed a binary payload: those that were named; or else the only one that it can be."""
        opening = self._opening
        able = [key for key in opening.keys if not key.is_verify_only]
        if opening.named or len(able) <= 1:
            return self.takers
        sole = [key for key in self.takers if (key.id,) == opening.allowed]
        if not sole:
            raise tells_no_key()
        return tuple(sole)


def _proof(key: Key, blob: Blob, context: Context) -> tuple[bytes, bool]:
    """Return what comes out under a key, and whether the IV proves it; the IV is computed for whatever comes out."""
    text, unpads = key.cbc().decrypt_whole(blob.ciphertext, blob.iv)
    return text, equal(key.synthesizer().iv(context, text), blob.iv) & unpads


# --- many at once ----------------------------------------------------------------------------------------------------
class Proved(NamedTuple):
    """Many rows judged: which of them are proved, and the verdict and the format of those."""

    fits: list[bool]
    verdict: str
    format: str


@opaque
def check_tags(key: Key, header: bytes, contexts: Contexts, rows: Sequence[bytes], tags: bytes) -> Proved:
    """Judge rows of iv and ciphertext whose third parts begin with ``header`` by their tags, which stand one behind the other."""
    tagger = key.tagger()
    if isinstance(contexts, list):
        each = zip(contexts, rows, strict=True)
        made = [tagger.tags(header, context, [row])[0] if context is not None else bytes(TAG_BYTES) for context, row in each]
        known = [context is not None for context in contexts]
    else:
        made, known = tagger.tags(header, contexts, rows), [True] * len(rows)
    if not equal(b"".join(made), tags):  # nearly always all of them fit
        starts = range(0, len(tags), TAG_BYTES)
        known = [equal(one, tags[at : at + TAG_BYTES]) & is_known for one, at, is_known in zip(made, starts, known, strict=True)]
    return Proved(known, AUTHENTIC, TAGGED)


@opaque
def check_ivs(key: Key, contexts: Contexts, texts: Sequence[bytes], unpads: Sequence[bool], ivs: Sequence[bytes]) -> Proved:
    """Judge rows by their synthetic IVs: ``texts`` is what came out, whatever it is, and ``unpads`` says where the padding was right."""
    made, fits = key.synthesizer(), []
    if not isinstance(contexts, list):
        contexts = [contexts] * len(texts)
    for context, text, unpad, iv in zip(contexts, texts, unpads, ivs, strict=True):
        fits.append(context is not None and equal(made.iv(context, text), iv) & unpad)
    return Proved(fits, AUTHENTIC, SYNTHETIC)


# --- sealed again ----------------------------------------------------------------------------------------------------
class Known(Protocol):
    """What is known of a blob that was opened: an ``Unsealed``, or many rows of a column that are alike."""

    @property
    def key_id(self) -> str:
        """The id of the key that opened it."""
        ...

    @property
    def format(self) -> str:
        """The format that it has."""
        ...

    @property
    def authenticated(self) -> bool:
        """Whether it was proved that nobody without the key made or altered it."""
        ...


def resealed_as(opened: Known, sealer: Sealer, *, vouched: bool = False) -> str:
    """Return the format in which a blob that was opened is sealed again, by what ``sealer`` was asked for and its rule demands.

    A blob keeps its format, unless another one was asked for; the rule may raise it. What proved nothing gets no proof by that, for the
    proof would say that nobody altered it: only where somebody has ``vouched`` for it. Raises ``NotBlessed``.
    """
    form = sealer.raised(sealer.forced_format if sealer.forced_format is not None else opened.format)
    if form != PLAIN and not opened.authenticated and not vouched:
        raise NotBlessed(problem="the blob may have been altered, and a proof would say that it was not")
    return form


def is_settled(opened: Known, sealer: Sealer, *, vouched: bool = False) -> bool:
    """Say whether a blob is left as it is: under the key that seals, in the format that it would get, or refused another one."""
    try:
        return (opened.key_id, opened.format) == (sealer.key_id, resealed_as(opened, sealer, vouched=vouched))
    except NotBlessed:
        return True


def is_untold(opened: Known, opener: Sealer) -> bool:
    """Say whether nothing tells that a blob was under the key that opened it: binary, unproved, and the key was not named."""
    return opener.payload_kind == BINARY and not opened.authenticated and not opener.opening.named


def refuse_untold(opened: Known, opener: Sealer) -> None:
    """Raise ``AmbiguousKey`` where a blob is to be sealed again, and nothing tells that what came out is its payload."""
    if is_untold(opened, opener):
        raise untold()


def successor(opened: Known, sealer: Sealer, at: Binder | None = None) -> str:
    """Return the id of the key under which a blob is sealed that takes the place ``at`` of one that was opened.

    It is the key of that one, if it may seal there; else the sealer's own, as where a key was named. Who changes a key says so.
    """
    return opened.key_id if sealer.may_seal_under(opened.key_id, at) else sealer.key_id


def may_seal(key: Key, allowed: tuple[str, ...], at: Binder | None = None) -> bool:
    """Say whether a key may seal: where only the ids ``allowed`` may (all, for none), in the place ``at``."""
    return key.may_seal and (not allowed or key.id in allowed) and (at is None or is_within(key, at))


def allowed_key(ring: KeyRing, key: Key, allowed: tuple[str, ...], *, named: bool) -> Key:
    """Return a key if it is one of the ids ``allowed`` (all, for none); else the first of those that may seal, unless it was ``named``.

    Raises ``Usage`` where it was, and ``NoUsableKey``.
    """
    if not allowed or key.id in allowed:
        return key
    names = ", ".join(allowed)
    if named:
        raise Usage(problem=f"the policy lets no key but {names} seal here, and {key.id} was named", hint="name one of those")
    others = [one for one in ring if may_seal(one, allowed)]
    if not others:
        raise NoUsableKey(problem=f"the policy lets no key but {names} seal here, and the ring has none of them enabled")
    return min(others, key=lambda one: allowed.index(one.id))
