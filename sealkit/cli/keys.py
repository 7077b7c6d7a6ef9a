"""``sealkit keys``: what the ring holds, without key bytes."""

from __future__ import annotations

import sys

import click

from sealkit.cli import options, show
from sealkit.report import json_line


@click.command()
@options.ring_file
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each key.")
def keys(file: str | None, as_json: bool) -> int:
    """List the keys of the ring: id, bits, state, format, kid. The kid is what people compare; key bytes are never shown.

    \b
    Example:
      sealkit keys --keys keys.example
    """
    ring = options.load_ring(file)
    for key in ring:
        if as_json:
            known = {"id": key.id, "bits": key.bits, "state": key.state, "format": key.format, "accept": key.accept, "kid": key.kid}
            sys.stdout.buffer.write(json_line(known | {"primary": key is ring.primary}))
        else:
            mark = "  primary" if key is ring.primary else ""
            show.out(f"{key.id}  {key.bits} bits  {key.state}  {key.format}  kid {key.kid}{mark}")
    return 0
