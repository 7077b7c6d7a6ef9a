"""``sealkit retag``: authentic blobs are bound to their records as they are now, after a rename or an edit of a bound field."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, run
from sealkit.cli.change import Change, change, in_place
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.records.identity import BIND_PATH, Place
from sealkit.trees import content

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.identity import Bind
    from sealkit.records.record import Record
    from sealkit.trees.revision import Revision


@click.command()
@options.where
@options.fields
@options.keys
@click.option("--was", metavar="PATH", help="What the one file was called, below the tree's root.")
@click.option("--was-field", "values", multiple=True, metavar="NAME=VALUE", help="What a bound field held. May be repeated.")
@click.option(
    "--was-in", "revision", metavar="REV", help="Names and bound fields as they were in this git revision; renames are followed."
)
@change
@options.output
def retag(
    where: Where,
    fields: tuple[str, ...],
    keys: Keys,
    was: str | None,
    values: tuple[str, ...],
    revision: str | None,
    change: Change,
    output: Output,
) -> int:
    """Bind authentic blobs to their records as they are now: after a rename, an edit of a bound field, or with another --bind.

    Each blob is first proved under what it was bound to. Tagged blobs are not decrypted: a verify-only key is enough.

    \b
    Example:
      sealkit retag --was posts/old.md posts/new.md
      sealkit retag --bind sourceUrl --was-field sourceUrl=https://old.example/ posts/new.md
      sealkit retag --was-in HEAD posts/
    """
    if was is not None and (len(where.paths) != 1 or os.path.isdir(where.paths[0])):
        raise Usage(problem="--was is for one file", hint="for several renamed files, use --was-in REV")
    if any("=" not in value for value in values):
        raise Usage(problem="--was-field takes NAME=VALUE", hint="as in --was-field sourceUrl=https://old.example/")
    ring = options.load_ring(keys.file)
    around = run.around(where, keys, fields)
    before = _Before(was, dict(value.split("=", 1) for value in values), around.below, keys.binding.bind)
    opened = _revision(revision, where)
    try:
        task = content.Task(
            content.RETAG,
            fields,
            opener=keys.sealer(ring),
            binding=keys.binding,
            around=around._replace(was=before if opened is None else before.in_revision(opened)),
        )
        return in_place(task, where, output, change)
    finally:
        if opened is not None:
            opened.close()


def _revision(revision: str | None, where: Where) -> Revision | None:
    if revision is None:
        return None
    from sealkit.trees.revision import Revision

    path = where.paths[0]
    return Revision(revision, path if os.path.isdir(path) else os.path.dirname(path))


class _Before:
    """What a blob was bound to: what was said, else what the record is bound to now."""

    def __init__(self, was: str | None, values: dict[str, str], below: Callable[[str], str] | None, bind: Bind) -> None:
        self._bind = bind
        self._was = was
        self._values = values
        self._below = below

    def __call__(self, path: str, record: Record, field: str, kind: int | None) -> Place:
        below = self._below
        now = (lambda: below(path)) if below is not None else None
        return self._place(record, field, self._was if self._was is not None else now, kind)

    def _place(self, record: Record, field: str, file: str | Callable[[], str] | None, kind: int | None) -> Place:
        """Return the place that the blob was bound to: in the way it says, or, where it says nothing, as is demanded now."""
        known = {
            None: self._bind,
            0: None,
            1: BIND_PATH,
            2: self._bind if isinstance(self._bind, tuple) else tuple(self._values) or None,
        }
        return Place(record, field, file=file, bind=known[kind], instead=self._values)

    def in_revision(self, revision: Revision) -> Callable[[str, Record, str, int | None], Place]:
        """Return the same, of the records as they were in a git revision."""
        from sealkit.records.record import split

        below = self._below

        def before(path: str, record: Record, field: str, kind: int | None) -> Place:
            then = revision.content_before_rename(path)
            if then is None or below is None:
                raise Usage(problem="it was not in that revision", path=path)
            name, data = then
            old = next((one for one in split(data, record.kind) if one.line == record.line), record)
            return self._place(old, field, lambda: below(name), kind)

        return before
