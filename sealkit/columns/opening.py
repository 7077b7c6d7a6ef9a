"""Many blobs opened at once; whatever is odd about a row sends it to the scalar path, so that verdicts are the same by construction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sealkit.columns import base64rows
from sealkit.columns.base64rows import AUTH_TEXT, BLOCK, IV_BYTES, IV_TEXT
from sealkit.columns.payloads import passing
from sealkit.columns.results import NUMBERS
from sealkit.columns.sealing import encrypted
from sealkit.crypto.blob import Blob
from sealkit.crypto.tag import equal
from sealkit.errors import ProofFailed, SealkitError
from sealkit.sealer import AUTHENTIC, PLAIN, SYNTHETIC, TAGGED, UNAUTHENTICATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.columns.arrays import Bytes, Numbers, Texts
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


class Opened:
    """What rows opened to: ``payloads``, and arrays of numbers: ``verdicts`` (in ``STATUSES``), ``keys`` (in the ring's order),
    ``formats`` (in ``FORMATS``), ``binds`` (of tagged blobs); -1 for what is not known. ``errors`` has why the others did not.
    """

    __slots__ = ("binds", "errors", "formats", "keys", "payloads", "verdicts")

    def __init__(self, count: int) -> None:
        self.payloads: list[bytes | None] = [None] * count
        self.verdicts, self.formats, self.binds = (np.full(count, -1, np.int8) for _ in range(3))
        self.keys = np.full(count, -1, np.int16)
        self.errors: dict[int, SealkitError] = {}

    def add(self, rows: list[int], payloads: Sequence[bytes], key: int, verdict: str, format: str, bind: int | None = None) -> None:
        """Note what some rows opened to, alike in all but their payloads."""
        for row, payload in zip(rows, payloads, strict=True):
            self.payloads[row] = payload
        self.verdicts[rows] = NUMBERS[verdict]
        self.keys[rows] = key
        self.formats[rows] = FORMATS.index(format)
        self.binds[rows] = -1 if bind is None else bind


def open_rows(texts: Texts, sealer: Sealer, places: Part, *, prove: bool = False) -> Opened:
    """Open the blobs of some rows; ``prove`` the round trip of each, too: encrypted again with the same key and IV, the same blob."""
    work = _Work(texts, sealer, places, prove=prove)
    known = texts.valid if texts.valid is not None else np.ones(len(texts.starts), np.bool_)
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
                self.opened.add([row], [b""], self._numbers[sealer.check(blob, binder)], AUTHENTIC, TAGGED, blob.bind)
                return
            opened = sealer.unseal(blob, binder)
            if self._prove and not sealer.reproduces(blob, opened, binder):
                raise ProofFailed(problem="sealed again with the same key and IV, the payload gives another blob")
        except SealkitError as error:
            self.opened.errors[row] = error
            return
        self.opened.add([row], [opened.payload], self._numbers[opened.key_id], opened.verdict, opened.format, blob.bind)

    def layout(self, members: Numbers, blocks: int, *, tagged: bool) -> None:
        """Open rows of one layout, as far as they are well-formed."""
        texts = self._texts
        length = int(texts.ends[members[0]] - texts.starts[members[0]])
        text = sliding_window_view(texts.data, length)[texts.starts[members]]
        parts = base64rows.decode(text, blocks, tagged=tagged)
        members, rows = members[parts.good], parts.rows[parts.good]
        if not len(members):
            return
        if parts.auth is None:
            self._two_parts(members, rows)
            return
        auth = parts.auth[parts.good]
        headers = np.ascontiguousarray(auth[:, :_HEADER]).view(f"V{_HEADER}").reshape(-1)
        for header in set(headers.tolist()):
            same = headers == np.void(header)
            self._tagged(members[same], rows[same], np.ascontiguousarray(auth[same]), bytes(header))

    # --- two parts -------------------------------------------------------------------------------------------------------
    def _two_parts(self, members: Numbers, rows: Bytes) -> None:
        """Open what exactly one key opens; everything else is for the scalar path."""
        opening = self._opening
        keys = [key for key in opening.keys if not key.is_verify_only]
        short = len(opening.keys) > 1 and not opening.named and rows.shape[1] <= IV_BYTES + BLOCK
        if short or opening.least == TAGGED:
            return
        opened = [(key, *payloads_of(key, rows, opening.payload)) for key in keys]
        if len(opened) == 1 and not self._prove and None not in opened[0][1]:
            self._judge(opened[0][0], members, rows, [payload or b"" for payload in opened[0][1]])
            return
        fits = np.zeros(len(members), np.int64)
        for _, payloads, _ in opened:
            fits += [payload is not None for payload in payloads]
        for key, payloads, padded in opened:
            good = [at for at in np.flatnonzero(fits == 1).tolist() if payloads[at] is not None]
            if self._prove and good:
                good = self._proved(key, rows, padded, good)
            if good:
                self._judge(key, members[good], rows[good], [payloads[at] or b"" for at in good])

    def _judge(self, key: Key, members: Numbers, rows: Bytes, payloads: list[bytes]) -> None:
        """Note rows that only this key opens, with their verdict, as far as they are to be opened."""
        number, numbers = self._numbers[key.id], members.tolist()
        lenient = self._opening.lenient and key.accept != AUTHENTIC
        if key.format != SYNTHETIC and key.accept != AUTHENTIC:
            if lenient:
                self.opened.add(numbers, payloads, number, UNAUTHENTICATED, PLAIN)
            return
        places, synthesizer = self._places, key.synthesizer()
        shared = places.uniform(0)
        bind = places.kind if places.kind is not None else 0
        ivs = rows[:, :IV_BYTES].tobytes()
        proved: list[int] = []
        other: list[int] = []
        for at, payload in enumerate(payloads):
            context = shared if shared is not None else places.context(numbers[at], bind)
            if context is not None:
                iv = ivs[at * IV_BYTES : (at + 1) * IV_BYTES]
                (proved if equal(synthesizer.iv(context, payload), iv) else other).append(at)
        self.opened.add([numbers[at] for at in proved], [payloads[at] for at in proved], number, AUTHENTIC, SYNTHETIC)
        if lenient:
            self.opened.add([numbers[at] for at in other], [payloads[at] for at in other], number, UNAUTHENTICATED, PLAIN)

    # --- three parts -----------------------------------------------------------------------------------------------------
    def _tagged(self, members: Numbers, rows: Bytes, auth: Bytes, header: bytes) -> None:
        """Open rows whose third parts begin alike, once their tags fit."""
        opening = self._opening
        version, bind = header[0], header[1]
        key = opening.ring.by_kid(header[2:].hex())
        if (
            version != _VERSION
            or key is None
            or not key.enabled
            or key.is_verify_only
            or (opening.named and key not in opening.keys)
        ):
            return
        good = self._authentic(key, members, rows, auth, header, bind)
        if not good:
            return
        some = rows[good]
        payloads, padded = payloads_of(key, some, opening.payload)
        chosen = list(range(len(good)))
        if self._prove:
            chosen = self._proved(key, some, padded, [at for at in chosen if payloads[at] is not None])
        found = [(good[at], payload) for at in chosen if (payload := payloads[at]) is not None]
        if found:
            numbers = members[[at for at, _ in found]].tolist()
            self.opened.add(numbers, [payload for _, payload in found], self._numbers[key.id], AUTHENTIC, TAGGED, bind)

    def _authentic(self, key: Key, members: Numbers, rows: Bytes, auth: Bytes, header: bytes, bind: int) -> list[int]:
        """Return which rows' tags fit."""
        width, size = rows.shape[1], auth.shape[1]
        data, tags = rows.tobytes(), auth.tobytes()
        covered = [data[at : at + width] for at in range(0, len(data), width)]
        shared = self._places.uniform(bind)
        if shared is not None:
            made = key.tagger().tags(header, shared, covered)
            return [at for at, tag in enumerate(made) if equal(tag, tags[at * size + _HEADER : (at + 1) * size])]
        good = []
        for at, row in enumerate(covered):
            context = self._places.context(int(members[at]), bind)
            tag = tags[at * size + _HEADER : (at + 1) * size]
            if context is not None and equal(key.tagger().tags(header, context, [row])[0], tag):
                good.append(at)
        return good

    def _proved(self, key: Key, rows: Bytes, padded: Bytes, good: list[int]) -> list[int]:
        """Return which of the good rows give the same ciphertext again; the others are for the scalar path to judge."""
        again = encrypted(key, padded[good], rows[good, :IV_BYTES])
        same = (again == rows[good, IV_BYTES:]).all(axis=1)
        return [at for at, one in zip(good, same.tolist(), strict=True) if one]


def payloads_of(key: Key, rows: Bytes, kind: str) -> tuple[list[bytes | None], Bytes]:
    """Return the payloads of rows of iv and ciphertext, None for one that does not unpad or is not of its kind; and all, padded."""
    count, width = rows.shape
    data = bytes(key.cbc().decrypt_rows(rows.tobytes(), width))
    padded = np.frombuffer(data, np.uint8).reshape(count, width)[:, IV_BYTES:]
    last = padded[:, -1]
    counts = np.arange(BLOCK, 0, -1, dtype=np.uint8)
    wrong = (padded[:, -BLOCK:] != last[:, None]) & (counts <= last[:, None])
    unpads = (last >= 1) & (last <= BLOCK) & ~wrong.any(axis=1)
    starts = np.arange(IV_BYTES, count * width, width)
    ends = starts + (width - IV_BYTES) - last
    chosen = np.flatnonzero(unpads)
    found = [data[start:end] for start, end in zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True)]
    checks = passing(found, kind)
    if len(found) == count and all(checks):
        return list(found), padded
    payloads: list[bytes | None] = [None] * count
    for at, payload, passes in zip(chosen.tolist(), found, checks, strict=True):
        if passes:
            payloads[at] = payload
    return payloads, padded
