"""``sealkit retag``: authentic blobs are bound to their records as they are now, after a rename or an edit of a bound field."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, run
from sealkit.cli.change import Change, change, in_place
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.trees import orders
from sealkit.trees.before import Before, said

if TYPE_CHECKING:
    from sealkit.trees.revision import Revision


@click.command()
@options.where
@options.fields
@options.keys
@click.option(
    "--was",
    metavar="PATH",
    help="What the one file or folder was called, below the tree's root; '.' for a folder that was the root itself.",
)
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
      sealkit retag --was posts archive/posts/      the folder was moved
      sealkit retag --was . site/                   site/ was a tree of its own
    """
    if was is not None and len(where.paths) != 1:
        raise Usage(problem="--was is for one file or folder", hint="for several renamed files, use --was-in REV")
    if any("=" not in value for value in values):
        raise Usage(problem="--was-field takes NAME=VALUE", hint="as in --was-field sourceUrl=https://old.example/")
    ring = options.load_ring(keys.ring, reads_stdin=where.is_stdin)
    task = run.task(orders.RETAG, where, keys.asked(fields), opener=keys.sealer(ring))
    known = said(was, where.paths[0], task.around.below)
    before = Before(known, dict(value.split("=", 1) for value in values), task.around.below)
    opened = _revision(revision, where)
    try:
        task.around = task.around._replace(was=before if opened is None else before.in_revision(opened))
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
