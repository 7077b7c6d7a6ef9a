"""``sealkit keys to-token``: a key of the ring moved into a PKCS #11 token."""

from __future__ import annotations

import os
from json import dumps
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, show
from sealkit.cli.keys_ring import ring_that_is_there

if TYPE_CHECKING:
    from sealkit.keys.key import Key
    from sealkit.keys.session import Place


@click.command("to-token")
@options.ring_file
@click.option("--module", required=True, metavar="FILE", shell_complete=options.files, help="The token's PKCS #11 library.")
@click.option("--token", required=True, metavar="LABEL", help="The token's label.")
@click.option("--label", metavar="LABEL", help="The label of the key in the token; sealkit ID if not given.")
@click.option("--pin-env", metavar="NAME", help="The PIN is in the variable NAME; without it, it is asked for.")
@click.argument("key_id", metavar="ID")
@click.pass_obj
def to_token(
    ring_file: str | None, /, file: str | None, key_id: str, module: str, token: str, label: str | None, pin_env: str | None
) -> int:
    """Move a key into a PKCS #11 token: it works there from now on, and the ring says where. It cannot be taken out again.

    Its kid and its tags stay what they are. Where the key was before, in a file or a password manager, it still is.

    \b
    Example:
      sealkit keys to-token k2 --module /usr/lib/softhsm/libsofthsm2.so --token press \\
        --pin-env SEALKIT_SECRET_PIN
    """
    from sealkit.cli.ask import ask
    from sealkit.keys import ringedit, ringstore
    from sealkit.keys.ring import KeyRing
    from sealkit.keys.session import Place

    path = ring_that_is_there(file, ring_file)
    place = Place(os.path.abspath(module), token, label or f"sealkit {key_id}")
    with KeyRing.load(path, ask=ask) as ring:
        text = _moved(ring.get(key_id), place, pin_env)
    ringstore.change(path, lambda data: ringedit.with_source(data, key_id, text), ask=ask)
    show.out(f"{key_id}  in token {token}, key {place.key!r}  in {path}")
    show.warning(f"key {key_id} is still where it was before it was in the token: remove it there, and from backups")
    return 0


def _moved(key: Key, place: Place, pin_env: str | None) -> str:
    """Put the key into the token, and return its new source."""
    from sealkit.cli.ask import ask
    from sealkit.keys import pkcs11
    from sealkit.keys.access import Access
    from sealkit.wiping import wipe

    where = f"{{env: {dumps(pin_env)}}}" if pin_env is not None else "prompt"
    text = pkcs11.source_text(place, where)
    source = pkcs11.declared(text, f"key {key.id}")
    pin = source.pin(Access(os.environ, ask=ask))
    try:
        return pkcs11.source_text(pkcs11.put(key, source.place, pin), where)
    finally:
        wipe(pin)
