"""``sealkit edit``: a payload in an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealkit.cli import editing, options, show
from sealkit.errors import StoreError

if TYPE_CHECKING:
    from sealkit.cli.options import Keys
    from sealkit.desk.spot import Spot
    from sealkit.sealing.replacing import Successor


@click.command()
@click.argument("path", metavar="FILE", shell_complete=options.files)
@options.fields
@editing.line
@options.keys
@options.form
@editing.vouch
@editing.allow_disk_temp
def edit(path: str, fields: tuple[str, ...], line: int | None, keys: Keys, form: str | None, vouch: bool, allow_disk: bool) -> int:
    """Open a payload in your editor ($VISUAL, $EDITOR, vi), and seal what you saved; unchanged, nothing is written.

    The payload is edited in memory ($XDG_RUNTIME_DIR or /dev/shm), never on a disk unless --allow-disk-temp says so, and removed
    afterwards. A payload that had no line end after its last line keeps none. A field that is absent is added.

    The blob keeps its key, if that may seal, and its format. One that proves nothing is opened as decrypt opens it, and gets no proof by
    being edited: only if you vouch for it (--vouch, or y at the terminal).

    \b
    Example:
      sealkit edit article.md
      EDITOR="nano -w" sealkit edit --field provider.secured nested.md
    """
    spot = spot_of(path, fields, line, keys, form)
    if vouch:
        spot.vouch()
    before = _opened(spot)
    text = before if before is not None else b""

    def accept(new: bytes) -> Successor | None:
        payload = new if text.endswith(b"\n") else new.removesuffix(b"\n")
        return None if payload == before or (before is None and not payload) else _sealed(spot, payload)

    say(path, spot, editing.edited(text, accept, is_json=text[:1] == b"{", allow_disk=allow_disk))
    return 0


def _opened(spot: Spot) -> bytes | None:
    """Return the payload, for which somebody at the terminal may have vouched; what may not be sealed again is refused before it is edited."""
    try:
        payload = spot.payload()
        spot.check()
    except editing.REFUSED as error:
        if not spot.can_be_vouched_for or not editing.is_vouched_for(error):
            raise
        spot.vouch()
        payload = spot.payload()
    if spot.is_unproved:
        show.unauthenticated(f"{spot.path}  {spot.field}")
    if spot.wants_proof and editing.vouches(_ASKED):
        spot.vouch()
    return payload


_ASKED = "Do you vouch for it, so that what you save is sealed as the ring says, and counts as authentic?"


def _sealed(spot: Spot, payload: bytes) -> Successor | None:
    """Seal what was edited; if it cannot be written, or somebody else changed the field, it is not lost: it is printed, sealed."""
    try:
        return spot.amend(payload)
    except StoreError:
        show.note("what you edited, sealed, is on stdout: put it into the field if it is to stand")
        show.out(spot.blob(payload))
        raise


def spot_of(
    path: str, fields: tuple[str, ...], line: int | None, keys: Keys, form: str | None, *, reads_stdin: bool = False
) -> Spot:
    """Return the field that is meant."""
    from sealkit.desk.spot import Spot
    from sealkit.trees import orders, tasks

    ring = options.load_ring(keys.ring, seals=True, reads_stdin=reads_stdin)
    sealer = keys.sealer(ring, format=form)
    return Spot(path, tasks.task(orders.SEAL, keys.asked(fields), [path], opener=sealer, sealer=sealer, payload=b""), line)


def say(path: str, spot: Spot, new: Successor | None) -> None:
    """Say what was done, that a key changed, and that nobody can prove what was sealed, if that was not said of the old blob."""
    if new is None:
        show.note("unchanged: nothing was written")
        return
    show.out(f"sealed {path}  {spot.field}")
    if new.move is not None:
        show.note(f"{path}  {spot.field}: {new.move}")
    if not new.is_proved and not spot.is_unproved:
        show.unauthenticated(f"{path}  {spot.field}", new=True)
