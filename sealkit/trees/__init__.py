"""Folders of records: what the command line does to them, in one call each, and the parts it is made of.

Each function takes paths of files and folders and yields an ``Outcome`` (see ``sealkit.report``) for every field, in the order of the
walk; nothing is done before the first one is asked for. ``filters`` are those of ``sealkit.trees.walk.walk``: ``include``, ``exclude``,
``since``, ``gitignore``, ``hidden``, ``cross_mounts``. They work in this process; the command line adds workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sealkit.door import typed

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from sealkit.keys.ring import KeyRing
    from sealkit.records.identity import Bind
    from sealkit.report import Outcome
    from sealkit.sealer import Sealer
    from sealkit.trees.found import Found
    from sealkit.trees.orders import Task

    Paths = Sequence[str | os.PathLike[str]]

__all__ = ["Terms", "decrypt", "inspect", "retag", "rotate", "seal", "verify"]


class Terms(NamedTuple):
    """How blobs are opened and sealed: with which key alone, as what ``payload`` kind, bound to what, in which ``format``.

    ``bind`` is ``"path"`` or the paths of fields; ``require_authentic`` opens nothing that may have been altered. Where ``payload`` or
    ``bind`` is None, the policy of the tree decides, or else payloads are text, and blobs bound to nothing.
    """

    key_id: str | None = None
    payload: str | None = None
    bind: Bind = None
    format: str | None = None
    require_authentic: bool = False

    def sealer(self, ring: KeyRing, key_id: str | None = None) -> Sealer:
        """Return what opens and seals on these terms, with ``key_id`` if no other key is named."""
        from sealkit.sealer import Sealer

        named = self.key_id if self.key_id is not None else key_id
        authentic = self.require_authentic
        return Sealer(ring, key_id=named, payload=self.payload or "text", format=self.format, require_authentic=authentic)


TERMS = Terms()


@typed
def inspect(paths: Paths, *, fields: Sequence[str] | None = None, **filters: object) -> Iterator[Outcome]:
    """Yield what is in the fields, without a key."""
    from sealkit.trees import orders

    return _each(_task(orders.INSPECT, paths, fields, TERMS), paths, filters)


@typed
def decrypt(
    paths: Paths,
    ring: KeyRing,
    *,
    fields: Sequence[str] | None = None,
    terms: Terms = TERMS,
    **filters: object,  # those of walk
) -> Iterator[Outcome]:
    """Yield the payloads (``Outcome.payload``, bytes)."""
    from sealkit.trees import orders

    return _each(_task(orders.DECRYPT, paths, fields, terms, opener=terms.sealer(ring)), paths, filters)


@typed
def verify(
    paths: Paths,
    ring: KeyRing,
    *,
    fields: Sequence[str] | None = None,
    terms: Terms = TERMS,
    **filters: object,  # those of walk
) -> Iterator[Outcome]:
    """Prove the round trip of every blob; with a verify-only key, its tag."""
    from sealkit.trees import orders

    return _each(_task(orders.VERIFY, paths, fields, terms, opener=terms.sealer(ring)), paths, filters)


@typed
def seal(
    paths: Paths,
    ring: KeyRing,
    *,
    fields: Sequence[str] | None = None,
    terms: Terms = TERMS,
    write: bool = True,
    seal_foreign: bool = False,
    **filters: object,  # those of walk
) -> Iterator[Outcome]:
    """Seal plaintext fields in place; without ``write``, say what would change. Raises ``TreeBusy``.

    Another program's ciphertext is a finding, unless it is to be sealed as it is (``seal_foreign``).
    """
    from sealkit.trees import orders

    task = _task(orders.SEAL, paths, fields, terms, sealer=terms.sealer(ring))
    task.seal_foreign = seal_foreign
    return _each(task, paths, filters, write=write)


@typed
def retag(
    path: str | os.PathLike[str],
    ring: KeyRing,
    *,
    was: str | None = None,
    values: dict[str, str] | None = None,
    fields: Sequence[str] | None = None,
    terms: Terms = TERMS,
) -> Iterator[Outcome]:
    """Bind the blobs of one record, or of all in a folder, to what they are now; they were at ``was`` below the root of their tree.

    Their bound fields held ``values``. Raises ``TreeBusy``, and ``Usage`` for a ``was`` that does not lead down from a root.
    """
    from os import fspath

    from sealkit.trees import orders
    from sealkit.trees.before import Before, said

    paths = [fspath(path)]
    task = _task(orders.RETAG, paths, fields, terms, opener=terms.sealer(ring))
    below = task.around.below
    before = Before(said(was, paths[0], below), values if values is not None else {}, below)
    task.around = task.around._replace(was=before)
    return _each(task, paths, {}, write=True)


@typed
def rotate(
    folder: str | os.PathLike[str],
    ring: KeyRing,
    *,
    to: str | None = None,
    fields: Sequence[str] | None = None,
    terms: Terms = TERMS,
    **filters: object,  # those of walk
) -> Iterator[Outcome]:
    """Re-encrypt all blobs below a folder under the primary key, or ``to``; resume a rotation that was interrupted.

    If a field cannot be opened, or a file has several names, the outcomes of those are yielded and nothing is written. Where a file could not be written, the rotation
    stays unfinished, and the same call goes on. Journals in the tree that no key of the ring proves are passed over. Raises ``TreeBusy`` and ``JournalError``.
    """
    import os

    from sealkit.report import Report
    from sealkit.trees import batch, journal, orders, rotation
    from sealkit.trees.roots import held

    path = os.fspath(folder)
    sealer = terms.sealer(ring, to if to is not None else ring.primary.id)
    opener = terms._replace(key_id=None, format=None).sealer(ring)
    task = _task(orders.ROTATE, [path], fields, terms, opener=opener, sealer=sealer)
    root = rotation.tree_of([path]) or path
    scope = rotation.scope([path], root, filters)
    header = journal.Header(sealer.key_id, ring.get(sealer.key_id).kid, None, list(task.fields), terms.payload or "text", scope)
    plan = rotation.Rotation(task, batch.Mode(write=True, workers=1), root, header, ring.keys)
    with held([path]):
        rotation.probe(plan)
        report, wrong = Report(), []
        for done in rotation.rehearse(plan, _walk([path], filters)):
            for outcome in done.outcomes:
                report.add(outcome)
                wrong += [outcome] if outcome.exit_status else []
        if wrong:
            yield from wrong
            return
        rotation.check_told(report, partial=False)
        task.told = True
        with rotation.remembered(plan) as memory:
            report = Report()
            for done in batch.each(task, _walk([path], filters), plan.mode, memory):
                for outcome in done.outcomes:
                    report.add(outcome)
                    yield outcome
            if rotation.is_complete(report.exit_status):
                rotation.finish(plan, memory)


def _task(
    verb: str,
    paths: Paths,
    fields: Sequence[str] | None,
    terms: Terms,
    *,
    opener: Sealer | None = None,
    sealer: Sealer | None = None,
) -> Task:
    from os import fspath

    from sealkit.demands import Asked
    from sealkit.trees import tasks

    asked = Asked(tuple(fields) if fields is not None else None, terms.payload, terms.bind, terms.bind is not None)
    named = [fspath(path) for path in paths]
    return tasks.task(verb, asked, named, lambda: _walk(paths, {}), opener=opener, sealer=sealer)


def _walk(paths: Paths, filters: dict[str, Any]) -> Iterator[Found]:
    from os import fspath

    from sealkit.trees.links import Links
    from sealkit.trees.walk import Passing, walk

    return walk(paths, passing=Passing(on_link=Links([fspath(path) for path in paths])), **filters)


def _each(task: Task, paths: Paths, filters: dict[str, Any], *, write: bool = False) -> Iterator[Outcome]:
    from contextlib import nullcontext
    from os import fspath

    from sealkit.trees import batch
    from sealkit.trees.roots import held

    with held([fspath(path) for path in paths]) if write else nullcontext():
        for done in batch.each(task, _walk(paths, filters), batch.Mode(write=write)):
            yield from done.outcomes
