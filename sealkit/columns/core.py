"""The jobs on a column of blobs: an Arrow array in, an array of structures out, a row for each row.

``array`` is a ``pa.Array`` or ``pa.ChunkedArray`` of any string or binary type; the result is of the same shape. ``keys`` is a ``Sealer``, a
``Reference``, or the text of one (``env:SEALKIT_SECRET``, ``file:ring.yaml``). ``field``, ``identity`` (names and columns, in the policy's
order) and ``files`` (a column of paths) say what authentic blobs are bound to. A null stays null, and so do its status and key.

Statuses are those that one record at a time would get. ``on_error`` says what an error does: ``status`` (its code is the row's status,
the rest of the row is null), ``null`` (the whole row is null) or ``raise`` (the first one is raised, with the number of its row in
``field``). Nothing but ``SealkitError`` is raised: for what makes no sense as a whole, whatever ``on_error`` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from sealkit import foreign, refusals
from sealkit.columns import arrays, results
from sealkit.columns.builder import Builder, Joined
from sealkit.columns.opening import open_rows
from sealkit.columns.places import Places
from sealkit.columns.plaintext import judged, may_be_foreign, named, suspects
from sealkit.columns.reference import Keys, as_reference, sealer_of
from sealkit.columns.results import STATUS, Result
from sealkit.columns.sealing import seal_rows
from sealkit.crypto import shapes
from sealkit.crypto.blob import Blob
from sealkit.door import typed
from sealkit.errors import AmbiguousKey, NotBlessed, SealkitError, UnsupportedVersion
from sealkit.jobs import FIELD
from sealkit.payload import BINARY
from sealkit.sealer import PLAIN, TAGGED, Sealer
from sealkit.sealing import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealkit.columns.arrays import Texts
    from sealkit.columns.places import Part

    Column: TypeAlias = pa.Array | pa.ChunkedArray
    Step = Callable[[Texts, Part, Result], dict[str, pa.Array]]


@typed
def decrypt_column(
    array: Column,
    keys: Keys,
    *,
    field: str = FIELD,
    identity: Mapping[str, Column] | None = None,
    files: Column | None = None,
    on_error: str = STATUS,
) -> Column:
    """Return ``payload`` (string, or binary if payloads are ``binary``), ``status`` (the verdict, or the code of the error), ``key``."""
    sealer = sealer_of(keys)
    chunks = _Chunks(array, Places(field, identity, files, len(array)), on_error)
    text = sealer.opening.payload != BINARY
    kind = _type(text=text, large=chunks.large)

    def step(texts: Texts, places: Part, result: Result) -> dict[str, pa.Array]:
        opened = open_rows(texts, sealer, places)
        result.opened(opened)
        return {"payload": opened.payloads.array(kind)}

    return chunks.run(step, _ids(sealer))


@typed
def verify_column(
    array: Column,
    keys: Keys,
    *,
    field: str = FIELD,
    identity: Mapping[str, Column] | None = None,
    files: Column | None = None,
    on_error: str = STATUS,
) -> Column:
    """Prove the round trip of each blob (decrypt, encrypt again with the same key and IV: the same blob); return ``status``, ``key``.

    With a verify-only key the tag alone is checked.
    """
    sealer = sealer_of(keys)

    def step(texts: Texts, places: Part, result: Result) -> dict[str, pa.Array]:
        result.opened(open_rows(texts, sealer, places, prove=True))
        return {}

    return _Chunks(array, Places(field, identity, files, len(array)), on_error).run(step, _ids(sealer))


@typed
def seal_column(
    array: Column,
    keys: Keys,
    *,
    field: str = FIELD,
    identity: Mapping[str, Column] | None = None,
    files: Column | None = None,
    on_error: str = STATUS,
    seal_foreign: bool = False,
) -> Column:
    """Return ``blob`` (string), ``status`` (``sealed``, ``unchanged`` for what is a blob already, or the code of the error), ``key``.

    What looks like a damaged blob is ``broken_blob``: sealing it would bury the damage. Another program's ciphertext is ``foreign``,
    unless it is to be sealed as it is (``seal_foreign``); what has the shape of a blob and is not encrypted is ``not_encrypted``. Where a row
    fails, its blob is null.
    """
    sealer = sealer_of(keys)
    key = sealer.key_id
    chunks = _Chunks(array, Places(field, identity, files, len(array)), on_error, grows=True)
    kind = _type(text=True, large=chunks.large)

    def step(texts: Texts, places: Part, result: Result) -> dict[str, pa.Array]:
        made, todo = Builder(len(texts.starts)), texts.known
        passed_by, errors = _already(texts, seal_foreign=seal_foreign)
        todo[[*passed_by, *errors]] = False
        rows = np.flatnonzero(todo)
        made.keep(texts, np.array(passed_by, np.int64))
        errors |= seal_rows(texts, rows, sealer, places, made)
        result.good(passed_by, results.UNCHANGED)
        result.good(rows, results.SEALED, key)
        result.failed(errors)
        return {"blob": made.array(kind)}

    return chunks.run(step, _ids(sealer))


@typed
def rotate_column(
    array: Column,
    keys: Keys,
    to: str | Sealer | None = None,
    *,
    field: str = FIELD,
    identity: Mapping[str, Column] | None = None,
    files: Column | None = None,
    on_error: str = STATUS,
) -> Column:
    """Return ``blob``, ``status`` (``rotated``, ``unchanged`` for what is under that key already, or the code of the error), ``key``.

    ``to`` is the id of a key of the same ring (its primary, for None), or a sealer. A blob keeps its format and its kind of binding, as
    in ``jobs.rotate``; where a row fails, it keeps its text, unless ``on_error`` is ``null``.
    """
    opener, sealer = turned(keys, to)
    chunks = _Chunks(array, Places(field, identity, files, len(array)), on_error, grows=True)
    kind = _type(text=True, large=chunks.large)

    def step(texts: Texts, places: Part, result: Result) -> dict[str, pa.Array]:
        return {"blob": _rotated(texts, places, result, opener, sealer).array(kind)}

    return chunks.run(step, _ids(sealer))


@typed
def inspect_column(array: Column, *, on_error: str = STATUS) -> Column:
    """Return what each blob says without a key: ``format`` (``plain`` for two parts, ``tagged``), ``kid``, ``ciphertext_bytes``, ``iv``
    (16 bytes), ``status`` (``found``, or the code of the error).
    """

    def step(texts: Texts, places: Part, result: Result) -> dict[str, pa.Array]:
        found = [row if row is None else _inspected(row) for row in texts.rows()]
        blobs = [row if isinstance(row, Blob) else None for row in found]
        result.good([number for number, blob in enumerate(blobs) if blob is not None], results.FOUND)
        result.failed({number: error for number, error in enumerate(found) if isinstance(error, SealkitError)})
        return {
            "format": pa.array([blob and (TAGGED if blob.is_tagged else PLAIN) for blob in blobs], pa.string()),
            "kid": pa.array([blob and blob.kid for blob in blobs], pa.string()),
            "ciphertext_bytes": pa.array([blob and len(blob.ciphertext) for blob in blobs], pa.int64()),
            "iv": pa.array([blob and blob.iv for blob in blobs], pa.binary(16)),
        }

    return _Chunks(array, Places(FIELD, None, None, len(array)), on_error, key=False).run(step)


def turned(keys: Keys, to: str | Sealer | None) -> tuple[Sealer, Sealer]:
    """Return what opens and what seals in a rotation. A reference whose key is named opens under that and under the new one."""
    if isinstance(keys, Sealer):
        opening = keys.opening
        opener, kind, form = keys, opening.payload, keys.forced_format
    else:
        reference = as_reference(keys)
        opening = sealer_of(reference._replace(key_id=None) if reference.payload != BINARY else reference).opening
        opener, kind, form = sealer_of(reference), reference.payload, reference.format
    if isinstance(to, Sealer):
        return opener, to
    target = to if to is not None else opening.ring.primary.id
    sealer = Sealer(opening.ring, key_id=target, payload=kind, format=form)
    if not isinstance(keys, Sealer) and (named := as_reference(keys).key_id) is not None:
        strict = as_reference(keys).require_authentic
        opener = Sealer(opening.ring, payload=kind, opens=(named, target), require_authentic=strict)
    return opener, sealer


class _Chunks:
    """A column in the chunks that it comes in, and what is the same for all."""

    def __init__(self, array: Column, places: Places, on_error: str, *, grows: bool = False, key: bool = True) -> None:
        results.check_mode(on_error)
        self._chunked = isinstance(array, pa.ChunkedArray)
        self._chunks = [arrays.plain(chunk) for chunk in (array.chunks if self._chunked else [array])]
        self._places = places
        self._on_error = on_error
        self._key = key
        enough = arrays.needs_large(self._chunks) if grows else any(arrays.is_large(chunk.type) for chunk in self._chunks)
        self.large = enough or (self._chunked and not self._chunks and arrays.is_large(array.type))

    def run(self, step: Step, ids: Sequence[str] = ()) -> Column:
        """Return what a step makes of all rows."""
        self._ids = ids
        before, made = 0, []
        for chunk in self._chunks:
            made.append(self._one(chunk, before, step))
            before += len(chunk)
        if not self._chunked:
            return made[0]
        return pa.chunked_array(made, type=made[0].type if made else self._empty(step).type)

    def _one(self, chunk: pa.Array, before: int, step: Step) -> pa.StructArray:
        joined = Joined()
        for start, texts in arrays.parts(chunk):
            result = Result(len(texts.starts), before + start, self._on_error, self._ids)
            fields = step(texts, self._places.part(before + start, len(texts.starts)), result)
            joined.add(result.array(fields, key=self._key))
        whole = joined.array()
        return whole if whole is not None else self._empty(step)

    def _empty(self, step: Step) -> pa.StructArray:
        texts = arrays.view(pa.array([], pa.string()))
        result = Result(0, 0, self._on_error, self._ids)
        return result.array(step(texts, self._places.part(0, 0), result), key=self._key)


def _type(*, text: bool, large: bool) -> pa.DataType:
    if text:
        return pa.large_string() if large else pa.string()
    return pa.large_binary() if large else pa.binary()


def _ids(sealer: Sealer) -> list[str]:
    return [key.id for key in sealer.opening.ring.keys]


def _already(texts: Texts, *, seal_foreign: bool) -> tuple[list[int], dict[int, SealkitError]]:
    """Return the rows that are blobs already, and why others are not to be sealed: damaged blobs, other programs' ciphertext."""
    blobs: list[int] = []
    errors: dict[int, SealkitError] = {}
    may_be_blobs = suspects(texts)
    for number in may_be_blobs:
        known = judged(texts.row(number), seal_foreign=seal_foreign)
        if known is True:
            blobs.append(number)
        elif known is not False:
            errors[number] = known
    for number in () if seal_foreign else {*may_be_foreign(texts)}.difference(may_be_blobs):
        program = foreign.named_payload(texts.row(number))
        if program is not None:
            errors[number] = refusals.foreign(program, is_sealing=True)
    return blobs, errors


def _inspected(row: bytes) -> Blob | SealkitError:
    try:
        blob = Blob.parse(row.decode("utf-8", "surrogateescape"))
    except SealkitError as error:
        return named(row, error)
    if not blob.is_known:
        return UnsupportedVersion(problem="a third part of a version or binding that this version of sealkit does not know")
    sign = shapes.unencrypted(blob.ciphertext)
    return blob if sign is None else refusals.not_encrypted(sign)


def _rotated(texts: Texts, places: Part, result: Result, opener: Sealer, sealer: Sealer) -> Builder:
    """Return the new text of each row, which stays what it was where there is nothing to do, or nothing can be done."""
    key, ids, made = sealer.key_id, _ids(opener), Builder(len(texts.starts))
    opened = open_rows(texts, opener, places)
    payloads, errors = opened.payloads.texts(), dict(opened.errors)
    for alike in opened.alike():
        one = int(alike[0])
        known = opened.known(one, ids)
        try:
            form = judge.resealed_as(known, sealer)
            if (known.key_id, known.format) != (key, form):
                judge.refuse_untold(known, opener)
        except (AmbiguousKey, NotBlessed) as error:
            errors |= dict.fromkeys(alike.tolist(), error)
            continue
        if (known.key_id, known.format) == (key, form):
            result.good(alike, results.UNCHANGED, key)
        else:
            result.good(alike, results.ROTATED, key)
            errors |= seal_rows(payloads, alike, sealer, places, made, form=form, bind=known.bind)
    result.failed(errors)
    made.keep(texts, np.flatnonzero(texts.known & ~made.known))
    return made
