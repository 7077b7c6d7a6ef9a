"""``sealkit import``: blobs of other programs become ours, in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sealkit.cli import editing, options, run
from sealkit.cli.change import Change, change, in_place
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import NoUsableKey, Usage
from sealkit.trees import orders

if TYPE_CHECKING:
    from collections.abc import Callable


class Theirs(NamedTuple):
    """What the other program made: whether it was ``openssl`` or works like it, where its passphrase is, and how it made its key."""

    openssl: bool
    env: str | None
    command: str | None
    digest: str | None
    bits: str


def theirs(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what is said of the other program."""
    return options.group(
        Theirs,
        "theirs",
        {
            "openssl": click.option(
                "--openssl-legacy",
                "openssl",
                is_flag=True,
                help="What openssl enc and CryptoJS make of a passphrase: U2FsdGVkX1…, Salted__.",
            ),
            "env": click.option(
                "--passphrase-env", "env", metavar="NAME", help="Its passphrase is in this variable; else it is asked for."
            ),
            "command": click.option(
                "--passphrase-command", "command", metavar="COMMAND", help="Its passphrase is what a program prints."
            ),
            "digest": click.option(
                "--digest", type=click.Choice(["md5", "sha256"]), help="How its key was made; else the one that fits."
            ),
            "bits": click.option(
                "--bits",
                type=click.Choice(["128", "192", "256"]),
                default="256",
                show_default=True,
                help="The size of its AES key.",
            ),
        },
    )(function)


@click.command("import")
@options.where
@options.fields
@options.keys
@theirs
@options.form
@editing.vouch
@change
@options.output
def import_(
    where: Where,
    fields: tuple[str, ...],
    keys: Keys,
    theirs: Theirs,
    form: str | None,
    vouch: bool,
    change: Change,
    output: Output,
) -> int:
    """Turn blobs of other programs into ours, in place: opened under their passphrase, sealed under the ring's key.

    A field that holds a blob of ours is left alone; plaintext is a finding, and is not sealed. Only what opens under the passphrase
    and is of the payload's kind is taken; --check and --diff write nothing.

    Such a blob proves nothing. Where rule, ring or --format say that ours is to prove something, it is taken only if you know that it is
    good: --vouch, or y at the terminal.

    \b
    Example:
      sealkit import --openssl-legacy --passphrase-env OLD_PASSPHRASE posts/
    """
    from sealkit.legacy import Salted

    if not theirs.openssl:
        raise Usage(problem="it is not said what is to be imported", hint="what openssl enc or CryptoJS made: --openssl-legacy")
    ring = options.load_ring(keys.ring, seals=True, reads_stdin=where.is_stdin)
    sealer, passphrase = keys.sealer(ring, format=form), _passphrase(theirs.env, theirs.command)
    if change.writes and not vouch and sealer.format != "plain":
        vouch = editing.vouches("Nothing proves what is imported. Do you know that all of it is good, and vouch for it?")
    opener = Salted(passphrase, digest=theirs.digest, bits=int(theirs.bits), vouched=vouch)
    task = run.task(orders.SEAL, where, keys.asked(fields), sealer=sealer, payload=opener)
    return in_place(task, where, output, change)


def _passphrase(env: str | None, command: str | None) -> bytearray:
    """Return the passphrase as its bytes are, whatever their form: the other program took them so."""
    from sealkit.cli.ask import ask
    from sealkit.keys.encodings import encoded, without_line_ending

    if env is not None and command is not None:
        raise Usage(problem="more than one place to take the passphrase from", hint="--passphrase-env or --passphrase-command")
    if env is None and command is None:
        return encoded(ask("passphrase of the blobs"), "the passphrase")
    from sealkit.cli.newpassphrase import from_elsewhere

    _, content = from_elsewhere(env, command)
    bare = without_line_ending(content)
    if not bare:
        raise NoUsableKey(problem="an empty passphrase", hint="see where it comes from")
    return bare
