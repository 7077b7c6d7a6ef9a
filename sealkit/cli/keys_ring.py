"""``sealkit keys add, enable, decrypt-only, disable, set-primary, set-format, set-accept, rename``: the ring changed, byte-exactly and at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from sealkit.cli import options, show
from sealkit.cli.ask import ask
from sealkit.cli.keys_given import given_key
from sealkit.errors import NoUsableKey, SealkitError

if TYPE_CHECKING:
    from sealkit.cli.keys_given import Given

_FORMATS = click.Choice(["plain", "tagged", "synthetic"])
_ACCEPTS = click.Choice(["any", "authentic"])


@click.command()
@options.ring_file
@given_key
@click.option("--copy", is_flag=True, help="Write the bytes into the ring, not where they are.")
@click.option("--format", "form", type=_FORMATS, default="plain", show_default=True, help="The format it seals in.")
@click.option("--accept", type=_ACCEPTS, default="any", show_default=True, help="authentic: refuse plain blobs under it.")
@click.option("--primary", is_flag=True, help="Make it the ring's primary: from now on it seals.")
@click.argument("key_id", metavar="ID")
@click.pass_obj
def add(ring_file: str | None, /, file: str | None, given: Given, key_id: str, copy: bool, **attributes: Any) -> int:
    """Add a key that there is already to the ring; where there is no ring, make one, with the key as its primary.

    The key is read, and read back, before anything can be sealed under it. The ring remembers where the key is (--from-file, --from-env),
    or holds it itself (--copy, --from-stdin). New keys: sealkit keygen.

    \b
    Example:
      sealkit keys add k3 --from-file k3.key --encoding hex
      sealkit keys add k4 --from-env SEALKIT_SECRET_K4 --encoding base64 --primary
    """
    from sealkit.keys import ringstore

    path = options.ring_path(file if file is not None else ring_file)
    source = given.copied() if copy or given.from_stdin else given.source(path)
    attributes["format"] = attributes.pop("form")
    ringstore.add_source(path, key_id, source, ask=ask, **attributes)
    return _listed(path, key_id)


@click.command()
@options.ring_file
@click.argument("key_id", metavar="ID")
@click.pass_obj
def enable(ring_file: str | None, file: str | None, key_id: str) -> int:
    """Let a key open and seal again. Its bytes must be there: a ring whose keys cannot all be had opens nothing.

    \b
    Example:
      sealkit keys enable k1
    """
    return _set(file, ring_file, key_id, "state", "enabled")


@click.command("decrypt-only")
@options.ring_file
@click.argument("key_id", metavar="ID")
@click.pass_obj
def decrypt_only(ring_file: str | None, file: str | None, key_id: str) -> int:
    """Let a key open what is under it, and seal nothing any more; its bytes must be there. keys enable takes it back.

    \b
    Example:
      sealkit keys decrypt-only k1
    """
    return _set(file, ring_file, key_id, "state", "decrypt-only")


@click.command()
@options.ring_file
@click.argument("key_id", metavar="ID")
@click.pass_obj
def disable(ring_file: str | None, file: str | None, key_id: str) -> int:
    """Keep a key on record, to be used for nothing: what is under it opens no more. Nothing is looked at: see keys retire.

    \b
    Example:
      sealkit keys disable k1
    """
    return _set(file, ring_file, key_id, "state", "disabled")


@click.command("set-format")
@options.ring_file
@click.argument("key_id", metavar="ID")
@click.argument("form", metavar="FORMAT", type=_FORMATS)
@click.pass_obj
def set_format(ring_file: str | None, file: str | None, key_id: str, form: str) -> int:
    """Change the format that a key seals in from now on: plain, tagged or synthetic. What is sealed stays as it is.

    \b
    Example:
      sealkit keys set-format k2 tagged
    """
    return _set(file, ring_file, key_id, "format", form)


@click.command("set-accept")
@options.ring_file
@click.argument("key_id", metavar="ID")
@click.argument("accept", metavar="any|authentic", type=_ACCEPTS)
@click.pass_obj
def set_accept(ring_file: str | None, file: str | None, key_id: str, accept: str) -> int:
    """Say whether blobs that nobody can check count under a key (any), or are refused (authentic).

    \b
    Example:
      sealkit keys set-accept k2 authentic
    """
    return _set(file, ring_file, key_id, "accept", accept)


def _set(file: str | None, ring_file: str | None, key_id: str, name: str, value: str) -> int:
    from sealkit.keys import ringstore

    path = ring_that_is_there(file, ring_file)
    ringstore.set_attribute(path, key_id, name, value, ask=ask)
    return _listed(path, key_id)


@click.command("set-primary")
@options.ring_file
@click.argument("key_id", metavar="ID")
@click.pass_obj
def set_primary(ring_file: str | None, file: str | None, key_id: str) -> int:
    """Make another enabled key the one that seals. Its bytes must be there.

    \b
    Example:
      sealkit keys set-primary k2
    """
    from sealkit.keys import ringstore

    path = ring_that_is_there(file, ring_file)
    ringstore.set_primary(path, key_id, ask=ask)
    return _listed(path, key_id)


@click.command()
@options.ring_file
@click.argument("key_id", metavar="ID")
@click.argument("new_id", metavar="NEW")
@click.pass_obj
def rename(ring_file: str | None, file: str | None, key_id: str, new_id: str) -> int:
    """Give a key another id, wherever the ring names it. Policies (keys: [ID]) and unfinished rotations name it, too: they are not changed.

    \b
    Example:
      sealkit keys rename k2 2026
    """
    from sealkit.keys import ringstore

    path = ring_that_is_there(file, ring_file)
    ringstore.rename(path, key_id, new_id)
    return _listed(path, new_id)


def ring_that_is_there(file: str | None, ring_file: str | None) -> str:
    """Return the ring that is to be changed: one that is there. Raises ``NoUsableKey``."""
    from sealkit.keys.ring import NO_FILE_HINT

    path = options.ring_path(file if file is not None else ring_file)
    if not os.path.lexists(path):
        raise NoUsableKey(problem="there is no key ring", hint=NO_FILE_HINT, path=path)
    return path


def _listed(path: str, key_id: str) -> int:
    """Say what the ring has of a key now."""
    from sealkit.keys.checkup import declared

    try:
        text = declared(path)
    except SealkitError as error:
        raise error.at(path=path) from None
    key = next(key for key in text.keys if key.id == key_id)
    accept = "  accepts authentic only" if key.accept == "authentic" else ""
    show.out(f"{key.id}  {key.state}  {key.format}{accept}{'  primary' if text.primary == key.id else ''}  in {path}")
    return 0
