"""``sealkit keygen``: a new key, in a new ring or in an existing one."""

from __future__ import annotations

import os

import click

from sealkit.cli import options, show


@click.command()
@options.ring_file
@click.option("--id", "key_id", metavar="ID", help="The key's name: a-z 0-9 . _ -; the next free of k1, k2, … if not given.")
@click.option("--bits", type=click.Choice(["128", "192", "256"]), default="256", show_default=True, help="The key's size.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["plain", "tagged", "synthetic"]),
    default="plain",
    show_default=True,
    help="The format it seals in; tagged and synthetic show every alteration.",
)
@click.option("--primary", is_flag=True, help="Make it the ring's primary: from now on it seals.")
def keygen(file: str | None, key_id: str | None, bits: str, form: str, primary: bool) -> int:
    """Make a random key and write it to a ring: a new file (0600), or added to the one there is. Nothing is overwritten.

    The ring is --keys FILE, else $SEALKIT_KEYS, else ~/.config/sealkit/keys.yaml. In a new ring the key is the primary.

    \b
    Example:
      sealkit keygen --keys keys.yaml
      sealkit keygen --keys keys.yaml --id k2 --format tagged --primary
    """
    from sealkit.keys.process import protect_process
    from sealkit.keys.ringstore import add_key

    protect_process()
    path = options.ring_path(file)
    key = add_key(path, key_id if key_id is not None else _next_id(path), int(bits), format=form, primary=primary)
    show.out(f"{key.id}  {key.bits} bits  kid {key.kid}  in {path}")
    return 0


def _next_id(path: str) -> str:
    from sealkit.keys.ring import KeyRing

    taken = {key.id for key in KeyRing.load(path)} if os.path.lexists(path) else set()
    return next(name for number in range(1, len(taken) + 2) if (name := f"k{number}") not in taken)
