"""``sealkit edit``: a payload in an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealkit.cli import editing, options, show
from sealkit.errors import StoreError

if TYPE_CHECKING:
    from sealkit.cli.options import Keys
    from sealkit.desk.spot import Spot


@click.command()
@click.argument("path", metavar="FILE", shell_complete=options.files)
@options.fields
@editing.line
@options.keys
@options.form
@editing.allow_disk_temp
def edit(path: str, fields: tuple[str, ...], line: int | None, keys: Keys, form: str | None, allow_disk: bool) -> int:
    """Open a payload in your editor ($VISUAL, $EDITOR, vi), and seal what you saved; unchanged, nothing is written.

    The payload is edited in memory ($XDG_RUNTIME_DIR or /dev/shm), never on a disk unless --allow-disk-temp says so, and removed
    afterwards. A payload that had no line end after its last line keeps none. A field that is absent is added.

    \b
    Example:
      sealkit edit article.md
      EDITOR="nano -w" sealkit edit --field provider.secured nested.md
    """
    spot = spot_of(path, fields, line, keys, form)
    before = spot.payload()
    text = before if before is not None else b""

    def accept(new: bytes) -> bool:
        payload = new if text.endswith(b"\n") else new.removesuffix(b"\n")
        if payload == before or (before is None and not payload):
            return False
        return _sealed(spot, payload)

    is_changed = editing.edited(text, accept, is_json=text[:1] == b"{", allow_disk=allow_disk)
    say(path, spot.field, is_changed=is_changed)
    return 0


def _sealed(spot: Spot, payload: bytes) -> bool:
    """Seal what was edited; if it cannot be written, or somebody else changed the field, it is not lost: it is printed, sealed."""
    try:
        return spot.sealed(payload)
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
    return Spot(path, tasks.task(orders.SEAL, keys.asked(fields), [path], sealer=sealer, payload=b""), line)


def say(path: str, field: str, *, is_changed: bool) -> None:
    """Say what was done."""
    if is_changed:
        show.out(f"sealed {path}  {field}")
    else:
        show.note("unchanged: nothing was written")
