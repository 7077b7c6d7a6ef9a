"""Many blobs opened at once; whatever is odd about a row sends it to the scalar path, so that verdicts are the same by construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sealkit.columns import base64rows
from sealkit.columns.arrays import rows_of
from sealkit.columns.base64rows import AUTH_TEXT, BLOCK, IV_BYTES, IV_TEXT, Parts
from sealkit.columns.builder import Builder
from sealkit.columns.payloads import fitting, is_padding
from sealkit.columns.plaintext import named
from sealkit.columns.results import NUMBERS, STATUSES
from sealkit.columns.sealing import decrypted, encrypted
from sealkit.crypto.blob import Blob
from sealkit.errors import AmbiguousKey, ProofFailed, SealkitError
from sealkit.sealer import AUTHENTIC, PLAIN, SYNTHETIC, TAGGED, UNAUTHENTICATED
from sealkit.sealing import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.columns.arrays import Bytes, Mask, Numbers, Texts
    from sealkit.columns.places import Part
    from sealkit.keys.key import Key
    from sealkit.sealer import Sealer
    from sealkit.sealing.judge import Contexts
    from sealkit.unsealed import Opening

FEWEST = 8
"""Rows of one layout that are worth doing at once."""
_LONGEST = 1 << 20
_SEMICOLON = ord(";")
_HEADER = 10
_VERSION = 1


FORMATS = (PLAIN, TAGGED, SYNTHETIC)


class Known(NamedTuple):
    """What is known of a row that opened, for the judge; ``bind`` is that of a tagged blob."""

    key_id: str
    format: str
    authenticated: bool
    bind: int | None


class Opened:
    """What rows opened to: ``payloads``, and arrays of numbers: ``verdicts`` (in ``STATUSES``), ``keys`` (in the ring's order),
    ``formats`` (in ``FORMATS``), ``binds`` (of tagged blobs); -1 for what is not known. ``errors`` has why the others did not.
    """

    __slots__ = ("binds", "errors", "formats", "keys", "payloads", "verdicts")

    def __init__(self, count: int) -> None:
        self.payloads = Builder(count)
        self.verdicts, self.formats, self.binds = (np.full(count, -1, np.int8) for _ in range(3))
        self.keys = np.full(count, -1, np.int16)
        self.errors: dict[int, SealkitError] = {}

    def add(self, rows: Numbers | int, key: int, verdict: str, format: str, bind: int | None = None) -> None:
        """Note how some rows opened."""
        self.verdicts[rows] = NUMBERS[verdict]
        self.keys[rows] = key
        self.formats[rows] = FORMATS.index(format)
        self.binds[rows] = -1 if bind is None else bind

    def known(self, row: int, ids: Sequence[str]) -> Known:
        """Return what is known of a row that opened; ``ids`` are those of the ring's keys."""
        bind = int(self.binds[row])
        verdict, format = STATUSES[self.verdicts[row]], FORMATS[self.formats[row]]
        return Known(ids[self.keys[row]], format, verdict == AUTHENTIC, bind if bind >= 0 else None)

    def alike(self) -> list[Numbers]:
        """Return the rows that opened, by all that is noted of them."""
        good = np.flatnonzero(self.verdicts >= 0)
        noted = np.stack([self.verdicts[good], self.formats[good], self.binds[good], self.keys[good]], axis=1)
        kinds, which = np.unique(noted, axis=0, return_inverse=True)
        return [good[which.reshape(-1) == kind] for kind in range(len(kinds))]


def open_rows(texts: Texts, sealer: Sealer, places: Part, *, prove: bool = False) -> Opened:
    """Open the blobs of some rows; ``prove`` the round trip of each, too: encrypted again with the same key and IV, the same blob."""
    work = _Work(texts, sealer, places, prove=prove)
    known = texts.known
    everywhere = all(key.reach is None for key in sealer.opening.ring.keys)
    for members, blocks, tagged in _layouts(texts, known) if everywhere else ():
        work.layout(members, blocks, tagged=tagged)
    for row in np.flatnonzero(known & (work.opened.verdicts < 0)).tolist():
        work.scalar(row, sealer)
    return work.opened


def _layouts(texts: Texts, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[tuple[Numbers, int, bool]]:
    """Return the rows that look like blobs by layout: their numbers, the blocks of their ciphertext, and whether they have a third part."""
    lengths = texts.ends - texts.starts
    two = np.flatnonzero(known & (lengths >= 2 * IV_TEXT + 1) & (lengths <= _LONGEST))
    two = two[texts.data[texts.ends[two] - IV_TEXT - 1] == _SEMICOLON]
    three = np.flatnonzero(known & (lengths >= 2 * IV_TEXT + 2 + AUTH_TEXT) & (lengths <= _LONGEST))
    three = three[texts.data[texts.ends[three] - AUTH_TEXT - 1] == _SEMICOLON]
    found = []
    for members, more, tagged in ((two, 0, False), (three, AUTH_TEXT + 1, True)):
        sizes = lengths[members]
        for size in np.unique(sizes).tolist():
            blocks = base64rows.blocks_of(size - IV_TEXT - 1 - more)
            some = members[sizes == size]
            if blocks and len(some) >= FEWEST:
                found.append((some, blocks, tagged))
    return found


class _Work:
    """The opening of some rows: what is known of each so far."""

    def __init__(self, texts: Texts, sealer: Sealer, places: Part, *, prove: bool) -> None:
        self.opened = Opened(len(texts.starts))
        self._texts = texts
        self._opening: Opening = sealer.opening
        self._two = sealer.two_parts
        self._numbers = {key.id: number for number, key in enumerate(self._opening.ring.keys)}
        self._places = places
        self._prove = prove

    def scalar(self, row: int, sealer: Sealer) -> None:
        """Open one blob: the scalar path."""
        binder = self._places.at(row)
        try:
            blob = Blob.parse(self._texts.row(row).decode("utf-8", "surrogateescape"))
            if self._prove and blob.auth is not None and sealer.checks_only(blob):
                checked = sealer.checked(blob, binder)
                self.opened.add(row, self._numbers[checked.key_id], checked.verdict, TAGGED, blob.bind)
                return
            opened = sealer.unseal(blob, binder)
            if self._prove and not sealer.reproduces(blob, opened, binder):
                raise ProofFailed(problem="sealed again with the same key and IV, the payload gives another blob")
        except SealkitError as error:
            self.opened.errors[row] = named(self._texts.row(row), error)
            return
        self.opened.payloads.put_one(row, opened.payload)
        self.opened.add(row, self._numbers[opened.key_id], opened.verdict, opened.format, blob.bind)

    def layout(self, members: Numbers, blocks: int, *, tagged: bool) -> None:
        """Open rows of one layout, as far as they are well-formed."""
        texts = self._texts
        length = int(texts.ends[members[0]] - texts.starts[members[0]])
        text = sliding_window_view(texts.data, length)[texts.starts[members]]
        parts = base64rows.decode(text, blocks, tagged=tagged)
        good = parts.good
        if not good.all():
            members, parts = members[good], Parts(parts.rows[good], parts.auth[good] if parts.auth is not None else None, good)
        if not len(members):
            return
        if parts.auth is None:
            self._two_parts(members, parts.rows)
            return
        auth = parts.auth
        if (auth[:, :_HEADER] == auth[0, :_HEADER]).all():
            self._tagged(members, parts.rows, auth)
            return
        for header in np.unique(auth[:, :_HEADER], axis=0):
            same = (auth[:, :_HEADER] == header).all(axis=1)
            self._tagged(members[same], parts.rows[same], auth[same])

    # --- two parts -------------------------------------------------------------------------------------------------------
    def _two_parts(self, members: Numbers, rows: Bytes) -> None:
        """Open what the judge's keys open; everything else is for the scalar path."""
        two = self._two
        for key in two.provers:
            members, rows = self._unproved(key, members, rows) if len(members) else (members, rows)
        if two.refuses or not len(members):
            return
        try:
            takers = two.asked()
        except AmbiguousKey:
            return
        if two.first_fits(rows.shape[1] // BLOCK - 1):
            self._first(takers, members, rows)
        else:
            self._only(takers, members, rows)

    def _unproved(self, key: Key, members: Numbers, rows: Bytes) -> tuple[Numbers, Bytes]:
        """Open the rows that a key proves by their IVs; return the others, without those whose place cannot be had."""
        tried, contexts = Tried(key, rows, self._opening.payload), self._contexts(members)
        proved = judge.check_ivs(key, contexts, tried.texts(), tried.unpads.tolist(), rows_of(rows[:, :IV_BYTES]))
        fits = np.array(proved.fits, np.bool_)
        if fits.any():
            self._add(members, tried, np.flatnonzero(fits & tried.fits), proved.verdict, proved.format)
        left = ~fits
        if isinstance(contexts, list):
            left &= np.array([context is not None for context in contexts], np.bool_)
        return members[left], rows[left]

    def _first(self, takers: Sequence[Key], members: Numbers, rows: Bytes) -> None:
        """Open rows under the first key that fits."""
        for key in takers:
            tried = Tried(key, rows, self._opening.payload)
            fits = tried.fits
            if fits.any():
                self._two.remember(key)
                self._add(members, tried, np.flatnonzero(fits), UNAUTHENTICATED, PLAIN)
            if fits.all():
                return
            members, rows = members[~fits], rows[~fits]

    def _only(self, takers: Sequence[Key], members: Numbers, rows: Bytes) -> None:
        """Open rows that exactly one key opens."""
        opened = [Tried(key, rows, self._opening.payload) for key in takers]
        times = sum(tried.fits.astype(np.int64) for tried in opened)
        for tried in opened:
            self._add(members, tried, np.flatnonzero(tried.fits & (times == 1)), UNAUTHENTICATED, PLAIN)

    def _add(self, members: Numbers, tried: Tried, good: Numbers, verdict: str, format: str, bind: int | None = None) -> None:
        """Note how the good ones of some rows opened; where that is to be proved, only of those that prove."""
        if self._prove:
            good = tried.proved(good)
        else:  # who proves does not want the payloads
            tried.put(self.opened.payloads, members, good)
        self.opened.add(members[good], self._numbers[tried.key.id], verdict, format, bind)

    def _contexts(self, members: Numbers, bind: int | None = None) -> Contexts:
        """Return what some rows are for, as is demanded or for a kind of binding; None for what has no place."""
        kind = bind if bind is not None else self._places.kind if self._places.kind is not None else 0
        shared = self._places.uniform(kind)
        if shared is not None:
            return shared
        return [self._places.context(row, kind) for row in members.tolist()]

    # --- three parts -----------------------------------------------------------------------------------------------------
    def _tagged(self, members: Numbers, rows: Bytes, auth: Bytes) -> None:
        """Open rows whose third parts begin alike, once their tags fit."""
        opening, header = self._opening, auth[0, :_HEADER].tobytes()
        version, bind = header[0], header[1]
        key = opening.ring.by_kid(header[2:].hex())
        if (
            version != _VERSION
            or key is None
            or not key.may_open
            or key.is_verify_only
            or (opening.named and key not in opening.keys)
        ):
            return
        contexts = self._contexts(members, bind)
        proved = judge.check_tags(key, header, contexts, rows_of(rows), auth[:, _HEADER:].tobytes())
        good = np.array(proved.fits, np.bool_)
        if not good.any():
            return
        if not good.all():
            members, rows = members[good], rows[good]
        tried = Tried(key, rows, opening.payload)
        self._add(members, tried, np.flatnonzero(tried.fits), proved.verdict, proved.format, bind)


class Tried:
    """Rows of iv and ciphertext under one key: ``unpads`` says which of them do, ``fits`` which do to a payload of the kind that is wanted."""

    __slots__ = ("_fits", "_kind", "_made", "_padding", "_pads", "key", "rows", "unpads")

    def __init__(self, key: Key, rows: Bytes, kind: str) -> None:
        self.key = key
        self.rows = rows
        self._kind = kind
        self._fits: Mask | None = None
        self._made = made = decrypted(key, rows)
        self._pads = pads = made[:, -1].copy()
        self._padding = is_padding(pads)
        wrong = self._padding & (made[:, -BLOCK:] != pads[:, None])
        self.unpads = (pads >= 1) & (pads <= BLOCK) & ~wrong.any(axis=1)

    @property
    def fits(self) -> Mask:
        """Which rows unpad to a payload of the kind; looked at when it is asked for, which is after what proves it."""
        if self._fits is None:
            self._fits = fits = self.unpads.copy()
            if fits.all():
                fits[:] = fitting(self._made, self._padding, self._kind, IV_BYTES)
            elif (chosen := np.flatnonzero(fits)).size:
                fits[chosen] = fitting(self._made[chosen], self._padding[chosen], self._kind, IV_BYTES)
        return self._fits

    def texts(self) -> list[bytes]:
        """Return what came out of each row: its payload; all of it, where the padding is wrong."""
        ends = self._made.shape[1] - np.where(self.unpads, self._pads, 0).astype(np.int64)
        return [row[IV_BYTES:end] for row, end in zip(rows_of(self._made), ends.tolist(), strict=True)]

    def put(self, payloads: Builder, members: Numbers, at: Numbers) -> None:
        """Put down the payloads of some rows, which are those of ``members``."""
        width = self._made.shape[1]
        starts, ends = IV_BYTES + width * at, width * (at + 1) - self._pads[at]
        payloads.put(members[at], self._made.reshape(-1), starts, ends)

    def proved(self, good: Numbers) -> Numbers:
        """Return which of the good rows give the same ciphertext again; the others are for the scalar path to judge."""
        if not len(good):
            return good
        rows, made = self.rows[good], self._made[good]
        again = encrypted(self.key, made[:, IV_BYTES:], rows[:, :IV_BYTES])
        same: Mask = (again == rows[:, IV_BYTES:]).all(axis=1)
        return good[same]
