"""The recipe: payload and ring make a blob; a blob and the ring make a payload, with a verdict.

A blob of three parts names its key and carries a tag, which is checked before anything is decrypted. Of one of two parts the keys of the
ring are asked; the judge (``sealing.judge``) says which, in which order, and what is known of what comes out.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, Self

from sealkit.context import UNBOUND
from sealkit.crypto import cipher
from sealkit.crypto.blob import Blob, of_parts
from sealkit.crypto.tag import equal
from sealkit.door import as_bytes, refuse, typed, typed_where_it_fails
from sealkit.errors import (
    DisabledKey,
    Downgraded,
    NoUsableKey,
    ProofFailed,
    UnknownKey,
    UnsupportedVersion,
    Usage,
)
from sealkit.keys.key import FORMATS, STATES, STRENGTH
from sealkit.keys.reach import check_within, within
from sealkit.opaque import opaque
from sealkit.payload import BINARY, JSON, KINDS, TEXT, check, passes
from sealkit.sealing import judge
from sealkit.unsealed import AUTHENTIC, UNAUTHENTICATED, Opening, Unsealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.context import Binder, Context
    from sealkit.keys.key import Key
    from sealkit.keys.ring import KeyRing
    from sealkit.sealing.judge import Known

PLAIN, TAGGED, SYNTHETIC = FORMATS
DECRYPT_ONLY = STATES[1]
PAYLOAD_KINDS: Final = KINDS

_VERSION = 1
_HEADER = 10  # bytes of a third part before its tag: version, bind, kid

__all__ = [
    "AUTHENTIC",
    "BINARY",
    "JSON",
    "PAYLOAD_KINDS",
    "PLAIN",
    "SYNTHETIC",
    "TAGGED",
    "TEXT",
    "UNAUTHENTICATED",
    "Sealer",
    "Unsealed",
]


class Sealer:
    """Seals under the primary key of a ring, and opens under its enabled keys.

    ``key_id`` names the one key of the ring to use for both, and no other. ``payload`` is what payloads must be: ``text`` (strict
    UTF-8 without control characters but tab, CR and LF), ``json`` (text that is JSON, RFC 8259) or ``binary`` (anything; it checks
    nothing, so its key must be named). ``opens`` names the keys to open with, where they are not the sealing one. ``format`` seals in
    another format than the key's own; ``require_authentic`` opens nothing that may have been altered. Raises ``NoUsableKey``,
    ``DisabledKey`` and ``Usage``.
    """

    __slots__ = (
        *("_accepts", "_allowed", "_bounded", "_demanded", "_format", "_named", "_openers", "_payload", "_recent"),
        *("_requires_authentic", "_ring", "_sealing", "_two_parts", "_vouches"),
    )

    @typed
    def __init__(
        self,
        ring: KeyRing,
        *,
        key_id: str | None = None,
        payload: str = TEXT,
        opens: tuple[str, ...] | None = None,
        format: str | None = None,
        require_authentic: bool = False,
    ) -> None:
        if payload not in PAYLOAD_KINDS:
            raise Usage(problem=f"no such payload kind: {payload!r}", hint=f"one of {', '.join(PAYLOAD_KINDS)}")
        if format is not None and format not in FORMATS:
            raise Usage(problem=f"no such format: {format!r}", hint=f"one of {', '.join(FORMATS)}")
        named = opens or ((key_id,) if key_id is not None else ())
        self._named = bool(named)
        self._ring = ring
        self._sealing = _usable(ring.get(key_id)) if key_id is not None else ring.primary if ring.can_seal else None
        self._openers = tuple(_usable(ring.get(name)) for name in dict.fromkeys(named)) if named else ring.openers
        self._bounded = any(key.reach is not None for key in self._openers)
        self._payload = payload
        self._format = format
        self._allowed: tuple[str, ...] = ()
        self._demanded = self._accepts = PLAIN
        self._vouches = False
        self._requires_authentic = require_authentic
        self._recent = judge.Recent()
        self._two_parts: judge.TwoParts | None = None

    @typed
    def under(self, *, payload: str, least: str, keys: tuple[str, ...] = (), opens: bool) -> Self:
        """Return a sealer that does as a policy demands of a field: payloads of that kind, in the format ``least`` or a stronger one.

        If it ``opens``, weaker blobs are ``Downgraded``. Else it seals under one of the ``keys`` (any, if none is demanded): that which
        was named, or the primary, or the first of them that the ring has; under a key whose IVs prove nothing, in the format ``tagged``
        where ``synthetic`` is demanded. Raises ``Usage`` for a key or a format that was named and is refused, and ``NoUsableKey``.
        """
        other = copy.copy(self)
        other._payload, other._allowed, other._two_parts = payload, keys, None
        if opens:
            other._accepts = least
            return other
        other._demanded = least
        other._sealing = judge.allowed_key(self._ring, self._sealer(), keys, named=self._named)
        if self._format is not None and _is_weaker(self._format, least):
            raise Usage(
                problem=f"the policy demands the format {least} at least, and {self._format} is weaker",
                hint="leave --format out, and the policy decides",
            )
        return other

    @typed
    def replacing(self, opened: Known, at: Binder | None = None) -> Self:
        """Return a sealer for what takes the place ``at`` of a blob that was opened: under the same key, if that may seal there."""
        other = copy.copy(self)
        other._sealing = self._ring.get(judge.successor(opened, self, at))
        return other

    @opaque
    def vouching(self) -> Self:
        """Return a sealer that opens what proves nothing, whatever the policy, the run or its key wants: for blobs that somebody vouches for."""
        other = copy.copy(self)
        other._accepts, other._requires_authentic, other._vouches, other._two_parts = PLAIN, False, True, None
        return other

    @typed
    def may_seal_under(self, key_id: str, at: Binder | None = None) -> bool:
        """Say whether a key of the ring may seal (in the place ``at``): what the policy takes, unless another one was named."""
        return key_id == self.key_id or (not self._named and judge.may_seal(self._ring.get(key_id), self._allowed, at))

    def __repr__(self) -> str:
        return f"<Sealer {self._sealing.id if self._sealing is not None else 'verify-only'}, {self._payload} payloads>"

    @property
    def payload_kind(self) -> str:
        """What payloads must be: ``text``, ``json`` or ``binary``."""
        return self._payload

    @property
    def key_id(self) -> str:
        """The id of the key that seals. Raises ``NoUsableKey`` if none does."""
        return self._sealer().id

    @property
    def format(self) -> str:
        """The format that blobs are sealed in. Raises ``NoUsableKey`` if no key seals."""
        return self._format if self._format is not None else self.raised(self._sealer().format)

    @typed
    def raised(self, form: str) -> str:
        """Return the format that takes the place of another: that one, or what is demanded where that is stronger."""
        least = self._demanded
        if least == PLAIN:
            return form
        if least == SYNTHETIC and not self._sealer().proves_by_iv:
            least = TAGGED
        return least if _is_weaker(form, least) else form

    @property
    def forced_format(self) -> str | None:
        """The format that was asked for, whatever the key's own; None if none was."""
        return self._format

    @property
    def opening(self) -> Opening:
        """How blobs are opened, for those who open many at once."""
        demanded = (self._accepts, self._requires_authentic, self._allowed, self._vouches)
        return Opening(self._ring, self._openers, self._payload, self._named, *demanded)

    @property
    def two_parts(self) -> judge.TwoParts:
        """How blobs of two parts are opened, wherever they are: for keys that are not ``is_bounded``."""
        if self._two_parts is None:
            self._two_parts = judge.TwoParts(self.opening, self._recent)
        return self._two_parts

    @typed_where_it_fails
    def tells_no_key(self, blob: Blob) -> bool:
        """Say whether nothing in a blob could tell which key of the ring sealed it, so that the key must be named to open it."""
        several = len(self._openers) > 1 and self._allowed != (self.key_id,)
        return blob.auth is None and self._payload == BINARY and several and not self._named

    # --- sealing -----------------------------------------------------------------------------------------------------
    @typed_where_it_fails
    def seal(self, payload: bytes, context: Context = UNBOUND, *, format: str | None = None, at: Binder | None = None) -> Blob:
        """Return a new blob of the payload under the sealing key, in ``format`` or the sealer's own.

        ``context`` says where it belongs; a ``plain`` blob takes no notice of it. ``at`` is the place it will stand in, if that says more:
        for keys that are only for some. The IV comes from the operating system's random generator, or from the payload (``synthetic``).
        Raises ``PayloadCheck`` for a payload that would not pass when it is opened, ``Downgraded`` for a ``plain`` blob under a key that
        accepts authentic ones only, and ``DisabledKey`` where the key is not for this place.
        """
        payload = as_bytes("Sealer.seal: payload", payload)
        if format is not None and not isinstance(format, str):
            refuse("Sealer.seal: format", "str or None", type(format))
        if at is not None and not hasattr(at, "demanded"):
            refuse("Sealer.seal: at", "Binder or None", type(at))
        key = self._sealer()
        check(payload, self._payload)
        check_within(key, at if at is not None else context)
        form = format or self._format or self.raised(key.format)
        if form == PLAIN and key.accept == AUTHENTIC:
            raise Downgraded(
                problem=f"key {key.id} accepts authentic blobs only: a plain one would be refused",
                hint="seal it as tagged or synthetic; what may have been altered is vouched for with: sealkit rotate --format tagged --bless REV",
            )
        iv = key.synthesizer().iv(context, payload) if form == SYNTHETIC else cipher.random_iv()
        ciphertext = key.cbc().encrypt(payload, iv)
        if key.cbc().decrypt(ciphertext, iv) != payload:
            raise ProofFailed(problem="the new blob does not open to the payload")
        if form != TAGGED:
            return of_parts(ciphertext, iv)
        header = _header(key, context)
        return of_parts(ciphertext, iv, header + key.tagger().tag(header, context, iv, ciphertext))

    @typed
    def retag(self, blob: Blob, old: Binder, new: Context, *, at: Binder | None = None) -> Blob:
        """Return an authentic blob bound to another identity: that of a record that was renamed, or whose bound fields were edited.

        It is proved under the old identity first. A tagged blob keeps its ciphertext and needs no decryption, so that a verify-only key is
        enough; a synthetic one is sealed anew under its key. Raises as ``check`` and ``unseal``, ``Downgraded`` for one of two parts that
        proves nothing, whatever it would open to, and ``NoUsableKey`` for a decrypt-only key.
        """
        if blob.auth is None:
            opened = judge.TwoParts(self._opening_in(old)._replace(requires=True), self._recent).unseal(blob, old)
            key = _able(self._ring.get(opened.key_id))
            check_within(key, at if at is not None else new)
            iv = key.synthesizer().iv(new, opened.payload)
            return Blob(key.cbc().encrypt(opened.payload, iv), iv)
        key, _, context = self._tagged(blob, old)
        judge.check_tag(key, blob, context)
        check_within(_able(key), at if at is not None else new)
        header = _header(key, new)
        return Blob(blob.ciphertext, blob.iv, header + key.tagger().tag(header, new, blob.iv, blob.ciphertext))

    @property
    def is_bounded(self) -> bool:
        """Whether a key that opens is for some paths of a tree alone (``only`` in a ring)."""
        return self._bounded

    # --- opening -----------------------------------------------------------------------------------------------------
    @opaque
    def unseal(self, blob: Blob, binder: Binder = UNBOUND) -> Unsealed:
        """Return the payload of a blob, with the key that opened it and the verdict; ``binder`` says where the blob was found.

        Raises ``PayloadCheck`` for what is authentic but not of the payload's kind. For a tagged blob, ``UnsupportedVersion``,
        ``UnknownKey``, ``DisabledKey`` and ``Tampered`` (which it is for another record, too: see ``fits``). For one of two parts,
        ``Downgraded`` for everything that is not authentic, where only that is accepted; else ``CannotDecrypt`` for everything that can be
        wrong with it, and ``AmbiguousKey`` where two keys fit, or nothing could tell. What ``binder`` raises is passed on.
        """
        # Looked at before, and not where it fails: a refusal takes the same steps whatever came out.
        if not isinstance(blob, Blob):
            refuse("Sealer.unseal: blob", "Blob", type(blob))
        if not hasattr(binder, "demanded"):
            refuse("Sealer.unseal: binder", "Binder", type(binder))
        if blob.auth is not None:
            return judge.unseal_tagged(*self._tagged(blob, binder), self._payload)
        if not self._bounded:
            return self.two_parts.unseal(blob, binder)
        return judge.TwoParts(self._opening_in(binder), self._recent).unseal(blob, binder)

    @typed_where_it_fails
    def check(self, blob: Blob, binder: Binder = UNBOUND) -> str:
        """Check the tag of a blob, without decrypting it, and return the id of its key; a verify-only key is enough.

        Raises as ``unseal`` for a tagged blob, and ``NoUsableKey`` for a two-part one, of which only the key itself can tell anything.
        """
        return self.checked(blob, binder).key_id

    @typed_where_it_fails
    def checked(self, blob: Blob, binder: Binder = UNBOUND) -> judge.Checked:
        """Check the tag of a blob as ``check`` does, and return the verdict, too."""
        if blob.auth is None:
            raise NoUsableKey(
                problem="a blob without a tag cannot be checked without its key", hint="use a ring with the key itself"
            )
        return judge.check_tag(*self._tagged(blob, binder))

    @typed_where_it_fails
    def checks_only(self, blob: Blob) -> bool:
        """Say whether the key that a tagged blob names is verify-only here."""
        key = self._ring.by_kid(blob.kid or "")
        return key is not None and key.is_verify_only

    @typed_where_it_fails
    def fits(self, blob: Blob) -> Callable[[Context], bool]:
        """Return a function that says of a context whether the blob is authentic there; made for asking it of many.

        For a blob that could be authentic nowhere it says no to all.
        """
        if blob.auth is not None:
            header, tag = blob.auth[:_HEADER], blob.auth[_HEADER:]
            key = self._ring.by_kid(header[2:].hex())
            if key is None or not blob.is_known:
                return lambda context: False
            tagger = key.tagger()
            return lambda context: context.bind == header[1] and tagger.accepts(tag, header, context, blob.iv, blob.ciphertext)
        return self.two_parts.proves(blob)

    @typed_where_it_fails
    def unseal_own(self, blob: Blob) -> bytes | None:
        """Return what a blob opens to under the sealing key, None if it does not; for proving that the key works."""
        payload = self._sealer().cbc().decrypt(blob.ciphertext, blob.iv)
        return payload if payload is not None and passes(payload, self._payload) else None

    @typed_where_it_fails
    def reproduces(self, blob: Blob, unsealed: Unsealed, binder: Binder = UNBOUND) -> bool:
        """Say whether sealing the payload again with the same key and IV gives the same blob; for proving a round trip only."""
        key = next((key for key in self._openers if key.id == unsealed.key_id), None)
        if key is None or key.cbc().encrypt(unsealed.payload, blob.iv) != blob.ciphertext:
            return False
        if blob.auth is None:
            return unsealed.format != SYNTHETIC or equal(key.synthesizer().iv(binder.demanded(), unsealed.payload), blob.iv)
        context = binder.of_kind(blob.auth[1])
        header = _header(key, context)
        return header + key.tagger().tag(header, context, blob.iv, blob.ciphertext) == blob.auth

    @typed
    def check_place(self, place: Binder) -> None:
        """Raise ``DisabledKey`` where the key that seals is not for this place."""
        check_within(self._sealer(), place)

    def _sealer(self) -> Key:
        return _able(self._sealing if self._sealing is not None else self._ring.primary)  # which raises

    def _opening_in(self, place: Binder) -> Opening:
        """Return how blobs are opened in a place: by the keys that may be used there."""
        return self.opening._replace(keys=within(self._openers, place)) if self._bounded else self.opening

    def _tagged(self, blob: Blob, binder: Binder) -> tuple[Key, Blob, Context]:
        """Return the key that a tagged blob names, the blob, and what its tag has to fit (steps 2 to 4 of opening)."""
        auth = blob.auth or b""
        if not blob.is_known:
            raise UnsupportedVersion(
                problem=f"the third part is of version {auth[0]}, binding {auth[1]}, which this version of sealkit does not check",
                hint="use a version that does; it is never opened unchecked",
            )
        key = self._key_of(auth[2:_HEADER].hex())
        check_within(key, binder)
        return key, blob, binder.of_kind(auth[1])

    def _key_of(self, kid: str) -> Key:
        key = self._ring.by_kid(kid)
        if key is None:
            raise UnknownKey(kid=kid, problem=f"the ring has no key with the kid {kid}", hint="ask for the ring that sealed it")
        _usable(key)
        if self._named and key not in self._openers:
            raise UnknownKey(
                kid=kid, problem=f"the blob is under key {key.id} (kid {kid}), which was not named", hint="name that key"
            )
        return key


def _header(key: Key, context: Context) -> bytes:
    return bytes((_VERSION, context.bind)) + key.derived().kid


def _is_weaker(form: str, least: str) -> bool:
    return STRENGTH.index(form) < STRENGTH.index(least)


def _able(key: Key) -> Key:
    """Return a key that may seal, as far as its state goes; a verify-only one may still bind tags anew."""
    if key.state == DECRYPT_ONLY:
        problem = f"key {key.id} is decrypt-only: it opens, and seals nothing"
        raise NoUsableKey(problem=problem, hint="enable it in the ring, or name another one")
    return key


def _usable(key: Key) -> Key:
    if not key.may_open:
        raise DisabledKey(problem=f"key {key.id} is disabled", hint="enable it in the ring, or name another one")
    return key
