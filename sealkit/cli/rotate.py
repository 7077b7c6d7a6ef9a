"""``sealkit rotate``: blobs are re-encrypted under another key, in place."""

from __future__ import annotations

import click

from sealkit.cli import options
from sealkit.cli.change import Change, change, in_place
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.sealer import Sealer
from sealkit.trees import content


@click.command()
@options.where
@options.fields
@options.keys
@click.option("--to", metavar="ID", help="The key to seal under; the ring's primary if not given.")
@click.option("--from", "source", metavar="ID", help="The key that sealed them; only it and the target open blobs then.")
@change
@options.output
def rotate(
    where: Where, fields: tuple[str, ...], keys: Keys, to: str | None, source: str | None, change: Change, output: Output
) -> int:
    """Re-encrypt blobs under the primary key, or --to ID, in place. A blob under that key already is left alone, byte for byte.

    \b
    Example:
      sealkit keygen --id k3
      sealkit rotate --to k3 posts/
    """
    if keys.key_id is not None and source is not None:
        raise Usage(problem="--key-id and --from both name the key that opens", hint="give --from alone")
    ring = options.load_ring(keys.file)
    source = source if source is not None else keys.key_id
    sealer = Sealer(ring, key_id=to if to is not None else ring.primary.id, payload=keys.payload_kind)
    opens = (source, sealer.key_id) if source is not None else None
    opener = Sealer(ring, opens=opens, payload=keys.payload_kind)
    return in_place(content.Task(content.ROTATE, fields, opener=opener, sealer=sealer), where, output, change)
