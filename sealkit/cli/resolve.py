"""``sealkit resolve``: what a merge left in conflict becomes one blob again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import editing, options, show
from sealkit.demands import Asked
from sealkit.errors import NothingMatched, SealkitError, Usage

if TYPE_CHECKING:
    from sealkit.git.resolve import Pending
    from sealkit.keys.ring import KeyRing
    from sealkit.trees.fields import Content
    from sealkit.trees.store import Snapshot


@click.command()
@click.argument("path", metavar="FILE", shell_complete=options.files)
@options.fields
@options.ring_file
@click.option("--ours", "side", flag_value="ours", help="Take our side's blob, as it is; needs no key.")
@click.option("--theirs", "side", flag_value="theirs", help="Take their side's blob, as it is; needs no key.")
@editing.allow_disk_temp
def resolve(path: str, fields: tuple[str, ...], file: str | None, side: str | None, allow_disk: bool) -> int:
    """Make one blob of a field that a merge left in conflict: both sides open in your editor, and what you save is sealed.

    What does not clash is merged already (a merge without a key could not look). The text is edited in memory, as by edit. Conflicts
    in the text of the record are git's: edit the file first. Then: git add FILE.

    \b
    Example:
      sealkit resolve article.md
      sealkit resolve --theirs article.md
    """
    from sealkit.git import asking
    from sealkit.git.resolve import pending
    from sealkit.trees.fields import Content
    from sealkit.trees.store import read

    ring = options.load_ring(file, seals=True) if side is None else None
    (known,) = asking.orders([path], Asked(fields or None), ring)
    snapshot = read(path)
    try:
        content = Content(snapshot.data, known)
        content.read_through()
        found = pending(content)
    except SealkitError as error:
        if b"\n<<<<<<< " in snapshot.data:
            error.hint = "the text of the record is in conflict, too: edit the file first"
        raise error.at(path=path) from None
    if not found:
        raise NothingMatched(problem="no field in conflict", hint="see: sealkit inspect FILE", path=path)
    for one in found:
        content = content.replaced(one.number, one.field, _text(content, one, ring, side, path, allow_disk=allow_disk))
    _write(path, snapshot, content.data)
    for one in found:
        show.out(f"resolved {path}:{one.line}  {one.field}")
    show.hint("if that was all: git add FILE")
    return 0


def _text(content: Content, one: Pending, ring: KeyRing | None, side: str | None, path: str, *, allow_disk: bool) -> str:
    from sealkit.git import resolve as resolving

    if side is not None:
        return resolving.side(one, side)
    if ring is None:
        raise Usage(problem="there is no key", hint="take a side with --ours or --theirs")
    resolution = resolving.Resolution(content, one, ring, _stages(path))
    payload = resolution.merged()
    if payload is not None:
        return resolution.sealed(payload)
    text = resolution.document()

    def accept(edited: bytes) -> str:
        return resolution.sealed(resolution.payload(edited))

    return editing.edited(text, accept, is_json=text[:1] == b"{", allow_disk=allow_disk)


def _stages(path: str) -> list[bytes]:
    """Return what the sides of the merge had, as far as git knows."""
    from sealkit.git.plumbing import Repository

    try:
        repository = Repository(os.path.dirname(path))
    except SealkitError:
        return []
    name = os.path.relpath(os.path.realpath(path), repository.top)
    return [data for stage in (2, 3, 1) if (data := repository.staged(stage, name)) is not None]


def _write(path: str, snapshot: Snapshot, data: bytes) -> None:
    from sealkit.trees.replace import Options, Write, replace_one
    from sealkit.trees.roots import held

    with held([path]):
        replace_one(Write(path, snapshot, data), Options(prove=True))
