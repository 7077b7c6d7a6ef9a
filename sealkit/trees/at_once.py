"""What becomes of a file that is plainly in order, without a ``Record``; or no answer. Pure.

It is what ``content.run`` finds by way of records and jobs, put together anew from the same parts for what nearly all files are: front
matter, one field, found by the fast scan, and a two-part blob in it that is bound to nothing but that field. Tests compare both.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sealkit import report as reporting
from sealkit.context import Context
from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.jobs import Found
from sealkit.payload import BINARY
from sealkit.records import frontmatter, scan, visit
from sealkit.records.identity import field_path
from sealkit.records.kinds import FRONT_MATTER, kind_of
from sealkit.sealing import judge
from sealkit.sealing.judge import PLAIN
from sealkit.trees import orders
from sealkit.trees.result import Replaced, Result, of_blob, unopened

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.demands import FieldRule
    from sealkit.report import Outcome
    from sealkit.sealer import Sealer, Unsealed
    from sealkit.trees.orders import Order, Task


def answer(task: Task, path: str, data: bytes, known_as: str) -> Result | None:
    """Return what becomes of the content of a file; None says nothing."""
    look = LOOKS.get(task.verb)
    if look is None:
        return None
    try:
        given = task.orders(known_as)
        if len(given) != 1 or not data.startswith(b"---") or kind_of(known_as) != FRONT_MATTER:
            return None
        return look(task, given[0], path, data, known_as)
    except SealkitError:
        return None


def _checked(task: Task, order: Order, path: str, data: bytes, known_as: str) -> Result | None:
    """Check a field as the gate does, if a glance shows that it is in order."""
    if visit.may_hold_several_blobs(data):  # in another field there may be one, too
        return None
    found = _glance()(data, order.demand, task.file(known_as))
    if found is None or (order.opener is not None and found.blob.auth is not None):
        return None
    return _only(of_blob(path, reporting.CHECKED, order.demand.path, found, None, unopened(found)))


def _decrypted(task: Task, order: Order, path: str, data: bytes, known_as: str) -> Result | None:
    return _opened(order, path, data, reporting.DECRYPTED)


def _open(task: Task, order: Order, path: str, data: bytes, known_as: str) -> Result | None:
    """Open a field as before a rotation: also, its new key must be for this place."""
    if order.sealer is not None and (order.sealer.is_bounded or task.around.blessed is not None or order.demand.payload == BINARY):
        return None
    return _opened(order, path, data, reporting.FOUND)


def _opened(order: Order, path: str, data: bytes, status: str) -> Result | None:
    opener, field = order.opener, order.demand.path
    if opener is None or not _is_for_anything(order, opener):
        return None
    span = scanned(data, field)
    if not isinstance(span, scan.Span):
        return None
    both = _unsealed(opener, data, span, field)
    if both is None:
        return None
    found, opened = both
    return _only(of_blob(path, status, field, found, opened.key_id, opened.verdict, opened))


def _rotated(task: Task, order: Order, path: str, data: bytes, known_as: str) -> Result | None:
    """Re-encrypt a blob under another key, unless it is under that already, and prove the changed content."""
    demand, _, opener, sealer = order
    if opener is None or sealer is None or sealer.is_bounded or not _is_for_anything(order, opener):
        return None
    if task.around.blessed is not None or demand.payload == BINARY:
        return None
    span = scanned(data, demand.path)
    if not isinstance(span, scan.Span):
        return None
    both = _unsealed(opener, data, span, demand.path)
    if both is None:
        return None
    found, opened = both
    if opened.authenticated or judge.resealed_as(opened, sealer) != PLAIN:
        return None
    if opened.key_id == sealer.key_id:
        return _only(of_blob(path, reporting.UNCHANGED, demand.path, found, sealer.key_id, unopened(found)))
    blob = sealer.seal(opened.payload, format=PLAIN)
    old, new = str(found.blob), str(blob)
    after = exchanged(data, span, new, demand.path)
    if after is None:
        return None
    outcome = of_blob(path, reporting.ROTATED, demand.path, Found(blob, found.line), sealer.key_id, unopened(found))
    return Result([outcome], after, [Replaced(1, demand.path, old, new)])


def _is_for_anything(order: Order, opener: Sealer) -> bool:
    """Say whether it does not matter to the keys where a blob stands."""
    return not opener.is_bounded and order.demand.bind is None


def scanned(data: bytes, field: str) -> scan.Span | str | None:
    """Return where the value of a field is in front matter, as the fast scan shows it, or ``ABSENT``; None says nothing."""
    region = frontmatter.region(data)
    return scan.find(data, region.start, region.end, field, one_document=True) if region is not None else None


def _unsealed(opener: Sealer, data: bytes, span: scan.Span, field: str) -> tuple[Found, Unsealed] | None:
    """Open the two-part blob that the scan found in a field: what proves it proves it for that one."""
    blob = Blob.parse(data[span.start : span.end].decode())
    if blob.auth is not None:
        return None
    return Found(blob, data.count(b"\n", 0, span.start) + 1), opener.unseal(blob, Context(field_path(field)))


def exchanged(data: bytes, span: scan.Span, new: str, field: str) -> bytes | None:
    """Return the content with a new value where the scan found the old one, if that proves as in ``Record.replace``.

    It is read anew: the scan finds the new value, in the same place and style, where nothing begun before can end behind it, and the
    whole of it parses. All other bytes are the same.
    """
    after = b"".join((data[: span.start], new.encode(), data[span.end :]))
    place = scan.Span(span.start, span.start + len(new), nothing_closes=True)
    region = frontmatter.region(after)
    if region is None or scan.find(after, region.start, region.end, field, one_document=True) != place:
        return None
    return after if _parses()(after[region.start : place.start + 1] + after[place.end : region.end]) else None


def _only(outcome: Outcome) -> Result:
    return Result([outcome], None, [])


@cache
def _glance() -> Callable[[bytes, FieldRule, Callable[[], str] | None], Found | None]:
    """Return the gate's glance, whose parser takes long to import."""
    from sealkit.trees import glance

    return glance.gate


@cache
def _parses() -> Callable[[bytes], bool]:
    """Return what says whether YAML parses; it takes long to import, too."""
    from sealkit.records import document

    return document.parses


LOOKS: dict[str, Callable[[Task, Order, str, bytes, str], Result | None]] = {
    orders.CHECK: _checked,
    orders.DECRYPT: _decrypted,
    orders.OPEN: _open,
    orders.ROTATE: _rotated,
}
"""What answers at once, of the verbs for which that is worth it."""
