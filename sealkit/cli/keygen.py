"""``sealkit keygen``: a new key, in a new ring or in an existing one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from sealkit.cli import options, show
from sealkit.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Derived(NamedTuple):
    """Whether the key comes from a passphrase, where that comes from, and how the key is derived."""

    prompt: bool
    env: str | None
    command: str | None
    kdf: str
    hard: bool

    @property
    def is_wanted(self) -> bool:
        """Whether any of it was said."""
        return self.prompt or self.env is not None or self.command is not None


def derived(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --passphrase and what goes with it."""
    return options.group(
        Derived,
        "derived",
        {
            "prompt": click.option("--passphrase", "prompt", is_flag=True, help="Derive the key from a passphrase that is typed."),
            "env": click.option("--passphrase-env", "env", metavar="NAME", help="From the passphrase in a variable."),
            "command": click.option(
                "--passphrase-command", "command", metavar="COMMAND", help="From the passphrase that a program prints."
            ),
            "kdf": click.option(
                "--kdf",
                type=click.Choice(["argon2id", "scrypt", "pbkdf2"]),
                default="argon2id",
                show_default=True,
                help="How it is derived.",
            ),
            "hard": click.option(
                "--hard", is_flag=True, help="With much more work: argon2id in 2 GiB of memory, seconds each time."
            ),
        },
    )(function)


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
@derived
@click.option("--wrapped-by", "under", metavar="ID", help="A random key, wrapped under key ID of the ring: safe to commit.")
def keygen(file: str | None, key_id: str | None, bits: str, form: str, primary: bool, derived: Derived, under: str | None) -> int:
    """Make a key and write it to a ring: a new file (0600), or added to the one there is. Nothing is overwritten.

    The ring is --keys FILE, else $SEALKIT_KEYS, else ~/.config/sealkit/keys.yaml. In a new ring the key is the primary. A key is
    random unless a passphrase makes it; with --passphrase a strong one is offered.

    \b
    Example:
      sealkit keygen --keys keys.yaml
      sealkit keygen --keys keys.yaml --id k2 --format tagged --primary
      sealkit keygen --keys keys.yaml --id master --passphrase
      sealkit keygen --keys keys.yaml --wrapped-by master --primary
    """
    from sealkit.keys.process import protect_process
    from sealkit.keys.ringstore import add_key

    if derived.is_wanted and under is not None:
        raise Usage(
            problem="a key is derived from a passphrase or wrapped under another key, not both", hint="make one after the other"
        )
    protect_process()
    path = options.ring_path(file)
    named = key_id if key_id is not None else _next_id(path)
    if not derived.is_wanted and under is None:
        key = add_key(path, named, int(bits), format=form, primary=primary)
        show.out(f"{key.id}  {key.bits} bits  kid {key.kid}  in {path}")
        return 0
    from sealkit.cli.ask import ask
    from sealkit.keys.ringstore import add_wrapped

    if under is not None:
        add_wrapped(path, named, under, int(bits), format=form, primary=primary, ask=ask)
        show.out(f"{named}  {bits} bits  wrapped under {under}  in {path}")
    else:
        from sealkit.cli.newpassphrase import add_derived

        add_derived(path, named, derived, bits=int(bits), form=form, primary=primary)
        show.out(f"{named}  {bits} bits  from a passphrase, by {derived.kdf}  in {path}")
    return 0


def _next_id(path: str) -> str:
    from sealkit.keys.checkup import declared

    taken = {key.id for key in declared(path).keys} if os.path.lexists(path) else set()
    return next(name for number in range(1, len(taken) + 2) if (name := f"k{number}") not in taken)
