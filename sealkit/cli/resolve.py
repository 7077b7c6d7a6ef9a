"""``sealkit resolve``: what a merge left in conflict becomes one blob again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import editing, options, show
from sealkit.demands import Asked
from sealkit.errors import NothingMatched, SealkitError, Usage
from sealkit.trees.folders import real_path
from sealkit.wording import quoted

if TYPE_CHECKING:
    from sealkit.git.payloads import Decision
    from sealkit.git.resolve import Pending, Resolution
    from sealkit.keys.ring import KeyRing
    from sealkit.trees.fields import Content
    from sealkit.trees.store import Snapshot


@click.command()
@click.argument("path", metavar="FILE", shell_complete=options.files)
@options.fields
@options.ring_file
@options.require_authentic
@click.option("--ours", "side", flag_value="ours", help="Take our side's blob, as it is; needs no key.")
@click.option("--theirs", "side", flag_value="theirs", help="Take their side's blob, as it is; needs no key.")
@editing.vouch
@editing.allow_disk_temp
def resolve(
    path: str,
    fields: tuple[str, ...],
    file: str | None,
    require_authentic: bool,
    side: str | None,
    vouch: bool,
    allow_disk: bool,
) -> int:
    """Make one blob of a field that a merge left in conflict: both sides open in your editor, and what you save is sealed.

    What does not clash is merged already (a merge without a key could not look). The text is edited in memory, as by edit. Conflicts
    in the text of the record are git's: edit the file first. Then: git add FILE.

    Both sides are opened as decrypt opens them, and what is made of them is proved only if both were: if you know that both are good, say
    so with --vouch, or y at the terminal.

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
    (known,) = asking.orders([path], Asked(fields or None), ring, seals=True, require_authentic=require_authentic)
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
        raise NothingMatched(problem="no field in conflict", hint="see: sealkit inspect {FILE}", path=path)
    desk = _Desk(path, ring, side, vouched=vouch, allow_disk=allow_disk)
    for one in found:
        content = content.replaced(one.number, one.field, desk.text(content, one))
    _write(path, snapshot, content.data)
    for one in found:
        show.out(f"resolved {path}:{one.line}  {one.field}")
    show.hint(f"if that was all: git add {quoted(path)}")
    return 0


class _Desk:
    """What somebody said of the conflicts of one file, and how they are settled."""

    def __init__(self, path: str, ring: KeyRing | None, side: str | None, *, vouched: bool, allow_disk: bool) -> None:
        self._path = path
        self._ring = ring
        self._side = side
        self._vouched = vouched
        self._allow_disk = allow_disk

    def text(self, content: Content, one: Pending) -> str:
        """Return the text that settles a conflict."""
        from sealkit.git import resolve as resolving

        if self._side is not None:
            return resolving.side(one, self._side)
        place = f"{self._path}:{one.line}  {one.field}"
        resolution, decision = self._opened(content, one)
        for side in resolution.unproved:
            show.unauthenticated(f"{place} ({side})")
        if decision is None:
            decision = self._edited(resolution)
        if decision.move is not None:
            show.note(f"{place}: {decision.move}")
        return decision.text or ""

    def _opened(self, content: Content, one: Pending) -> tuple[Resolution, Decision | None]:
        """Return both sides, opened, and the blob that settles the conflict if nothing clashes.

        What may not be sealed is refused before it is edited, unless somebody at the terminal vouches for it.
        """
        try:
            return self._settled(content, one)
        except editing.REFUSED as error:
            if all(blob is None or blob.is_tagged for blob in one.conflict) or not editing.is_vouched_for(error):
                raise error.at(path=self._path) from None
        self._vouched = True
        return self._settled(content, one)

    def _settled(self, content: Content, one: Pending) -> tuple[Resolution, Decision | None]:
        from sealkit.git import resolve as resolving

        if self._ring is None:
            raise Usage(problem="there is no key", hint="take a side with --ours or --theirs")
        resolution = resolving.Resolution(content, one, self._ring, _stages(self._path), vouched=self._vouched)
        payload = resolution.merged()
        if payload is not None:
            return resolution, resolution.sealed(payload)
        resolution.check()
        return resolution, None

    def _edited(self, resolution: Resolution) -> Decision:
        text = resolution.document()

        def accept(edited: bytes) -> Decision:
            return resolution.sealed(resolution.payload(edited))

        return editing.edited(text, accept, is_json=text[:1] == b"{", allow_disk=self._allow_disk)


def _stages(path: str) -> list[bytes]:
    """Return what the sides of the merge had, as far as git knows."""
    from sealkit.git.plumbing import Repository

    try:
        repository = Repository(os.path.dirname(path))
    except SealkitError:
        return []
    name = os.path.relpath(real_path(path), repository.top)
    return [data for stage in (2, 3, 1) if (data := repository.staged(stage, name)) is not None]


def _write(path: str, snapshot: Snapshot, data: bytes) -> None:
    from sealkit.trees.replace import Options, Write, replace_one
    from sealkit.trees.roots import held

    with held([path]):
        replace_one(Write(path, snapshot, data), Options(prove=True))
