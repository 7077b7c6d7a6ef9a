"""``sealkit keygen``: a new key, in a new ring or in an existing one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from sealkit.cli import options, show
from sealkit.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Unpack

    from sealkit.keys.ringstore import Attributes


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


class Kept(NamedTuple):
    """What the new key is encrypted under: a key of the ring, the ring's age recipients, or a key of AWS KMS."""

    under: str | None
    age: bool
    kms: str | None

    @property
    def ways(self) -> int:
        """How many of them were said."""
        return (self.under is not None) + self.age + (self.kms is not None)

    def made(self, path: str, key_id: str, *, bits: int, **attributes: Unpack[Attributes]) -> str:
        """Make the key, and return how it is kept, for people."""
        from sealkit.cli.ask import ask
        from sealkit.keys import ringstore

        if self.under is not None:
            ringstore.add_wrapped(path, key_id, self.under, bits, ask=ask, **attributes)
            return f"wrapped under {self.under}"
        if self.age:
            from sealkit.keys.team import add_shared

            names = add_shared(path, key_id, bits, ask=ask, **attributes)
            return f"encrypted to {', '.join(names)}"
        from sealkit.keys.kms import new_source

        source = new_source(self.kms or "", key_id, bits)
        ringstore.add_source(path, key_id, source, ask=ask, **attributes)
        return "encrypted by AWS KMS"


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --wrapped-by, --age and --aws-kms."""
    return options.group(
        Kept,
        "kept",
        {
            "under": click.option(
                "--wrapped-by", "under", metavar="ID", help="A random key, wrapped under key ID of the ring: safe to commit."
            ),
            "age": click.option(
                "--age", is_flag=True, help="A random key, encrypted to the ring's age recipients: safe to commit."
            ),
            "kms": click.option(
                "--aws-kms", "kms", metavar="ARN", help="A data key that AWS KMS makes, encrypted under its key ARN."
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
    help="The format it seals in; tagged and synthetic show every alteration, and such a key accepts nothing else.",
)
@click.option("--primary", is_flag=True, help="Make it the ring's primary: from now on it seals.")
@derived
@kept
def keygen(file: str | None, key_id: str | None, bits: str, form: str, primary: bool, derived: Derived, kept: Kept) -> int:
    """Make a key and write it to a ring: a new file (0600), or added to the one there is. Nothing is overwritten.

    You have a key already? sealkit keys add puts it into a ring. The ring is --keys FILE, else $SEALKIT_KEYS, else
    ~/.config/sealkit/keys.yaml. In a new ring the key is the primary. A key is random unless a passphrase makes it; with
    --passphrase a strong one is offered.

    \b
    Example:
      sealkit keygen --keys keys.yaml
      sealkit keygen --keys keys.yaml --id k2 --format tagged --primary
      sealkit keygen --keys keys.yaml --id master --passphrase
      sealkit keygen --keys keys.yaml --wrapped-by master --primary
      sealkit keygen --keys keys.yaml --age --primary
    """
    from sealkit.keys.key import ACCEPTS
    from sealkit.keys.ringstore import add_key

    if derived.is_wanted + kept.ways > 1:
        raise Usage(
            problem="a key is derived from a passphrase, wrapped under another key, or encrypted: only one of these",
            hint="make one after the other",
        )
    path = options.ring_path(file)
    named = key_id if key_id is not None else _next_id(path)
    # Nothing was ever sealed under a new key: what has no proof under it was not sealed with it.
    attributes: Attributes = {"format": form, "accept": ACCEPTS[form != "plain"], "primary": primary}
    if not derived.is_wanted and not kept.ways:
        key = add_key(path, named, int(bits), **attributes)
        show.out(f"{key.id}  {key.bits} bits  kid {key.kid}  in {path}")
        return 0
    if kept.ways:
        how = kept.made(path, named, bits=int(bits), **attributes)
        show.out(f"{named}  {bits} bits  {how}  in {path}")
    else:
        from sealkit.cli.newpassphrase import add_derived

        add_derived(path, named, derived, bits=int(bits), **attributes)
        show.out(f"{named}  {bits} bits  from a passphrase, by {derived.kdf}  in {path}")
    return 0


def _next_id(path: str) -> str:
    from sealkit.keys.checkup import declared

    taken = {key.id for key in declared(path).keys} if os.path.lexists(path) else set()
    return next(name for number in range(1, len(taken) + 2) if (name := f"k{number}") not in taken)
