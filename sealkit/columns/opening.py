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
from sealkit.columns.results import NUMBERS, STATUSES
from sealkit.columns.sealing import decrypted, encrypted
from sealkit.crypto.blob import Blob
from sealkit.crypto.tag import equal
from sealkit.errors import ProofFailed, SealkitError
from sealkit.sealer import AUTHENTIC, PLAIN, SYNTHETIC, TAGGED, UNAUTHENTICATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.columns.arrays import Bytes, Mask, Numbers, Texts
    from sealkit.columns.places import Part
    from sealkit.keys.key import Key
    from sealkit.sealer import Sealer
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
        self._numbers = {key.id: number for number, key in enumerate(self._opening.ring.keys)}
        self._places = places
        self._prove = prove

    def scalar(self, row: int, sealer: Sealer) -> None:
        """Open one blob: the scalar path."""
        binder = self._places.at(row)
        try:
            blob = Blob.parse(self._texts.row(row).decode("utf-8", "surrogateescape"))
            if self._prove and blob.auth is not None and sealer.checks_only(blob):
                self.opened.add(row, self._numbers[sealer.check(blob, binder)], AUTHENTIC, TAGGED, blob.bind)
                return
            opened = sealer.unseal(blob, binder)
            if self._prove and not sealer.reproduces(blob, opened, binder):
                raise ProofFailed(problem="sealed again with the same key and IV, the payload gives another blob")
        except SealkitError as error:
            self.opened.errors[row] = error
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

    def _put(self, members: Numbers, tried: Tried, at: Numbers) -> None:
        if not self._prove:  # who proves does not want them
            tried.put(self.opened.payloads, members, at)

    # --- two parts -------------------------------------------------------------------------------------------------------
    def _two_parts(self, members: Numbers, rows: Bytes) -> None:
        """Open what exactly one key opens; everything else is for the scalar path."""
        opening = self._opening
        keys = [key for key in opening.keys if not key.is_verify_only]
        short = len(opening.keys) > 1 and not opening.named and rows.shape[1] <= IV_BYTES + BLOCK
        if short or opening.least == TAGGED:
            return
        opened = [Tried(key, rows, opening.payload) for key in keys]
        times = sum(tried.fits.astype(np.int64) for tried in opened)
        for tried in opened:
            good = np.flatnonzero(tried.fits & (times == 1))
            if self._prove:
                good = tried.proved(good)
            if len(good):
                self._judge(members, tried, good)

    def _judge(self, members: Numbers, tried: Tried, good: Numbers) -> None:
        """Note rows that only this key opens, with their verdict, as far as they are to be opened."""
        key = tried.key
        number = self._numbers[key.id]
        lenient = self._opening.lenient and key.accept != AUTHENTIC
        if key.format == SYNTHETIC or key.accept == AUTHENTIC:
            fits = self._synthetic(members, tried, good)
            if fits.any():
                self._put(members, tried, good[fits])
                self.opened.add(members[good[fits]], number, AUTHENTIC, SYNTHETIC)
            good = good[~fits]
        if lenient and len(good):
            self._put(members, tried, good)
            self.opened.add(members[good], number, UNAUTHENTICATED, PLAIN)

    def _synthetic(self, members: Numbers, tried: Tried, good: Numbers) -> Mask:
        """Say which of the good rows have the IV that belongs to their payload; what has no place has none, and stays out."""
        places, synthesizer = self._places, tried.key.synthesizer()
        shared = places.uniform(0)
        bind = places.kind if places.kind is not None else 0
        fits = np.zeros(len(good), np.bool_)
        ivs = tried.rows[:, :IV_BYTES]
        for at, one in enumerate(good.tolist()):
            context = shared if shared is not None else places.context(int(members[one]), bind)
            fits[at] = context is not None and equal(synthesizer.iv(context, tried.payload(one)), ivs[one].tobytes())
        return fits

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
        good = self._authentic(key, members, rows, auth, bind)
        if not good.all():
            members, rows = members[good], rows[good]
        if not len(members):
            return
        tried = Tried(key, rows, opening.payload)
        chosen = np.flatnonzero(tried.fits)
        if self._prove:
            chosen = tried.proved(chosen)
        if len(chosen):
            self._put(members, tried, chosen)
            self.opened.add(members[chosen], self._numbers[key.id], AUTHENTIC, TAGGED, bind)

    def _authentic(self, key: Key, members: Numbers, rows: Bytes, auth: Bytes, bind: int) -> Mask:
        """Say which rows' tags fit."""
        header, covered, tagger = auth[0, :_HEADER].tobytes(), rows_of(rows), key.tagger()
        shared = self._places.uniform(bind)
        if shared is not None:
            made = np.frombuffer(b"".join(tagger.tags(header, shared, covered)), np.uint8).reshape(len(rows), -1)
            # All bytes are looked at, whatever the first ones say: the time tells nothing about where tags differ.
            differing: Bytes = np.bitwise_or.reduce(made ^ auth[:, _HEADER:], axis=1)
            return np.equal(differing, 0)
        good = np.zeros(len(rows), np.bool_)
        for at, row in enumerate(covered):
            context = self._places.context(int(members[at]), bind)
            tag = auth[at, _HEADER:].tobytes()
            good[at] = context is not None and equal(tagger.tags(header, context, [row])[0], tag)
        return good


class Tried:
    """Rows of iv and ciphertext under one key: ``fits`` says which unpad to a payload of the kind that is wanted."""

    __slots__ = ("_made", "_pads", "fits", "key", "rows")

    def __init__(self, key: Key, rows: Bytes, kind: str) -> None:
        self.key = key
        self.rows = rows
        self._made = made = decrypted(key, rows)
        self._pads = pads = made[:, -1].copy()
        padding = is_padding(pads)
        wrong = padding & (made[:, -BLOCK:] != pads[:, None])
        self.fits = (pads >= 1) & (pads <= BLOCK) & ~wrong.any(axis=1)
        if self.fits.all():
            self.fits = fitting(made, padding, kind, IV_BYTES)
        elif (chosen := np.flatnonzero(self.fits)).size:
            self.fits[chosen] = fitting(made[chosen], padding[chosen], kind, IV_BYTES)

    def put(self, payloads: Builder, members: Numbers, at: Numbers) -> None:
        """Put down the payloads of some rows, which are those of ``members``."""
        width = self._made.shape[1]
        starts, ends = IV_BYTES + width * at, width * (at + 1) - self._pads[at]
        payloads.put(members[at], self._made.reshape(-1), starts, ends)

    def payload(self, row: int) -> bytes:
        """Return one payload."""
        return self._made[row, IV_BYTES : self._made.shape[1] - int(self._pads[row])].tobytes()

    def proved(self, good: Numbers) -> Numbers:
        """Return which of the good rows give the same ciphertext again; the others are for the scalar path to judge."""
        if not len(good):
            return good
        rows, made = self.rows[good], self._made[good]
        again = encrypted(self.key, made[:, IV_BYTES:], rows[:, :IV_BYTES])
        same: Mask = (again == rows[:, IV_BYTES:]).all(axis=1)
        return good[same]
