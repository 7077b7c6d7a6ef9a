"""Folders of records: what the command line does to them, in one call each, and the parts it is made of.

Each function takes paths of files and folders and yields an ``Outcome`` (see ``sealkit.report``) for every field, in the order of the
walk; nothing is done before the first one is asked for. ``filters`` are those of ``sealkit.trees.walk.walk``: ``include``, ``exclude``,
``since``, ``gitignore``, ``hidden``, ``cross_mounts``. They work in this process; the command line adds workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from sealkit.keys.ring import KeyRing
    from sealkit.report import Outcome
    from sealkit.trees.content import Task
    from sealkit.trees.found import Found

    Paths = Sequence[str | os.PathLike[str]]

__all__ = ["decrypt", "inspect", "rotate", "seal", "verify"]

_FIELDS = ("secured",)


def inspect(paths: Paths, *, fields: Sequence[str] = _FIELDS, **filters: Any) -> Iterator[Outcome]:  # noqa: ANN401 - walk's own
    """Yield what is in the fields, without a key."""
    from sealkit.trees import content

    return _each(content.Task(content.INSPECT, tuple(fields)), paths, filters)


def decrypt(paths: Paths, ring: KeyRing, *, fields: Sequence[str] = _FIELDS, **filters: Any) -> Iterator[Outcome]:  # noqa: ANN401
    """Yield the payloads (``Outcome.payload``, bytes)."""
    from sealkit.sealer import Sealer
    from sealkit.trees import content

    return _each(content.Task(content.DECRYPT, tuple(fields), opener=Sealer(ring)), paths, filters)


def verify(paths: Paths, ring: KeyRing, *, fields: Sequence[str] = _FIELDS, **filters: Any) -> Iterator[Outcome]:  # noqa: ANN401
    """Prove the round trip of every blob."""
    from sealkit.sealer import Sealer
    from sealkit.trees import content

    return _each(content.Task(content.VERIFY, tuple(fields), opener=Sealer(ring)), paths, filters)


def seal(
    paths: Paths,
    ring: KeyRing,
    *,
    fields: Sequence[str] = _FIELDS,
    write: bool = True,
    **filters: Any,  # noqa: ANN401
) -> Iterator[Outcome]:
    """Seal plaintext fields in place; without ``write``, say what would change. Raises ``TreeBusy``."""
    from sealkit.sealer import Sealer
    from sealkit.trees import content

    return _each(content.Task(content.SEAL, tuple(fields), sealer=Sealer(ring)), paths, filters, write=write)


def rotate(
    folder: str | os.PathLike[str],
    ring: KeyRing,
    *,
    to: str | None = None,
    fields: Sequence[str] = _FIELDS,
    **filters: Any,  # noqa: ANN401
) -> Iterator[Outcome]:
    """Re-encrypt all blobs below a folder under the primary key, or ``to``; resume a rotation that was interrupted.

    If a field cannot be opened, the outcomes of those are yielded and nothing is written. Raises ``TreeBusy`` and ``JournalError``.
    """
    import os

    from sealkit.sealer import Sealer
    from sealkit.trees import batch, content, journal, rotation
    from sealkit.trees.roots import held

    path = os.fspath(folder)
    sealer = Sealer(ring, key_id=to if to is not None else ring.primary.id)
    task = content.Task(content.ROTATE, tuple(fields), opener=Sealer(ring), sealer=sealer)
    root = rotation.tree_of([path]) or path
    scope = rotation.scope([path], root, filters)
    header = journal.Header(sealer.key_id, ring.get(sealer.key_id).kid, None, list(fields), "text", scope)
    plan = rotation.Rotation(task, batch.Mode(write=True, workers=1), root, header)
    with held([path]):
        rotation.probe(plan)
        wrong = [outcome for outcome in _each(rotation.opening(plan), [path], filters) if outcome.exit_status]
        if wrong:
            yield from wrong
            return
        with rotation.remembered(plan) as memory:
            for done in batch.each(task, _walk([path], filters), plan.mode, memory):
                yield from done.outcomes
            rotation.finish(plan, memory)


def _walk(paths: Paths, filters: dict[str, Any]) -> Iterator[Found]:
    from sealkit.records.kinds import is_record_name
    from sealkit.trees.walk import walk

    return walk(paths, is_record=is_record_name, **filters)


def _each(task: Task, paths: Paths, filters: dict[str, Any], *, write: bool = False) -> Iterator[Outcome]:
    from contextlib import nullcontext
    from os import fspath

    from sealkit.trees import batch
    from sealkit.trees.roots import held

    with held([fspath(path) for path in paths]) if write else nullcontext():
        for done in batch.each(task, _walk(paths, filters), batch.Mode(write=write)):
            yield from done.outcomes
