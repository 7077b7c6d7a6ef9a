"""A record file as people read it in a diff: the payload below the line that held the blob, or a line that shows *that* it changed."""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs, limits
from sealkit.errors import Downgraded, SealkitError
from sealkit.git import objects
from sealkit.opaque import opaque
from sealkit.records.record import join
from sealkit.trees.fields import Content, Orders, Site
from sealkit.unsealed import UNAUTHENTICATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.crypto.blob import Blob
    from sealkit.sealer import Unsealed

_PAYLOAD = b"    | "
_HASH = 12  # hex digits
_HEX_LINE = 32  # bytes
_ODD = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\udc80-\udcff\U000e0000-\U000e01ef]"


def summary(blob: Blob) -> str:
    """Return what is known of a blob without a key, in one line that changes whenever the blob does.

    The bytes are those of the ciphertext, whole blocks; the hash is the beginning of SHA-256 over the blob's text.
    """
    key = f"key {blob.kid}, tagged" if blob.kid is not None else "plain"
    return f"payload {len(blob.ciphertext)} bytes, {key}, blob {hashlib.sha256(str(blob).encode()).hexdigest()[:_HASH]}"


class Readable(NamedTuple):
    """The content of a file as people read it, why some payloads could not be opened, and how many of those that could prove nothing."""

    data: bytes
    problems: list[str]
    unauthenticated: int = 0


@opaque
def readable(data: bytes, orders: Sequence[Orders], *, opens: bool) -> Readable:
    """Return the content of a file with its payloads opened, or summed up.

    A payload that proves nothing is called ``unauthenticated`` in the line above it. ``orders``: for each path that the file may have, what is asked of its fields; a blob is opened as one of these. A file that cannot
    be read without a guess is returned as it is; of one that is no text a line stands in its place that changes when it does.
    """
    if _is_no_text(data):
        told = f"{len(data)} bytes, more than {limits.ESCAPES} of them no text: not shown"
        return Readable(f"{told}; SHA-256 {hashlib.sha256(data).hexdigest()}\n".encode(), [f"limit: {told}"])
    try:
        content = Content(data, orders[0])
    except SealkitError as error:
        return Readable(data, [error.problem])
    problems, unproved = [], 0
    shown: dict[int, bytes] = {}
    for site in content.sites:
        label, payload = summary(site.found.blob), None
        if opens:
            try:
                opened = _open(site, content, orders)
                label, payload = _label(opened), opened.payload
                unproved += not opened.authenticated
            except SealkitError as error:
                label += ", not opened"
                problems.append(error.problem)
        raw = shown.get(site.record, content.records[site.record].raw)
        shown[site.record] = _instead(raw, site, label, payload)
    parts = [shown.get(number, record.raw) for number, record in enumerate(content.records)]
    return Readable(b"".join(parts) if shown else join(content.records), problems, unproved)


def _is_no_text(data: bytes) -> bool:
    """Say whether there is more to be escaped than is: controls, marks that act, what is not UTF-8."""
    if len(data) <= limits.ESCAPES:
        return False
    text = data.decode("utf-8", "surrogateescape")
    return next(islice(re.finditer(_ODD, text), limits.ESCAPES, None), None) is not None


def _label(opened: Unsealed) -> str:
    proof = "" if opened.authenticated else f", {UNAUTHENTICATED}"
    return f"payload {len(opened.payload)} bytes, key {opened.key_id}, {opened.format}{proof}"


def _open(site: Site, content: Content, orders: Sequence[Orders]) -> Unsealed:
    """Open a blob as it would be opened in one of the places that the file may be in.

    One that is proved in none of them is opened only if a proof is demanded in none: a file of the same name elsewhere in the tree makes no
    demand go away. Raises as ``jobs.unseal``.
    """
    failures: list[SealkitError] = []
    unproved: Unsealed | None = None
    for one in orders:
        order = next((order for order in one.each if order.demand.path == site.order.demand.path), None)
        if order is None or order.opener is None:
            continue
        try:
            opened = jobs.unseal(site.found, order.opener, one.place(content.records[site.record], site.field, order))
        except SealkitError as error:
            failures.append(error)
        else:
            if opened.authenticated:
                return opened
            unproved = opened
    refusal = next((error for error in failures if isinstance(error, Downgraded)), None)
    if unproved is not None and refusal is None:
        return unproved
    raise refusal or (failures[0] if failures else SealkitError(problem="there is no key"))


def _instead(raw: bytes, site: Site, label: str, payload: bytes | None) -> bytes:
    """Put a label in the blob's place, and the payload below that line."""
    text = site.text.encode()
    at = raw.find(text)
    if at < 0:  # folded or escaped: no text to be replaced, so the label stands below the record's first line
        at = raw.find(b"\n") + 1
        raw = raw[:at] + f"{site.field}: {label}\n".encode() + raw[at:]
    else:
        raw = raw[:at] + label.encode() + raw[at + len(text) :]
    if payload is None:
        return raw
    if max(payload.count(b"\n"), len(payload) // _HEX_LINE // 2) > limits.SHOWN_LINES:
        label_end = at + len(label.encode())
        return raw[:label_end] + b", not shown: too many lines" + raw[label_end:]
    end = raw.find(b"\n", at) + 1 or len(raw)
    head = raw[:end] if raw[:end].endswith(b"\n") else raw[:end] + b"\n"
    return head + b"".join(_PAYLOAD + line + b"\n" for line in lines(payload)) + raw[end:]


def lines(payload: bytes) -> list[bytes]:
    """Return a payload as lines to be compared: JSON one key a line, text as it is, anything else in hexadecimal digits."""
    value = objects.load(payload)
    if isinstance(value, dict | list):
        return objects.dump(value).split(b"\n")
    try:
        payload.decode()
    except UnicodeDecodeError:
        return [payload[at : at + _HEX_LINE].hex().encode() for at in range(0, len(payload), _HEX_LINE)]
    return payload.split(b"\n")
