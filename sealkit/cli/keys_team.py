"""``sealkit keys add-recipient, remove-recipient, rewrap``: a ring shared by a team, its keys encrypted to each one's age recipient."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, show
from sealkit.cli.keys_ring import ring_that_is_there
from sealkit.errors import Usage

if TYPE_CHECKING:
    from sealkit.keys.team import Shared

_MOST = 4096


@click.command("add-recipient")
@options.ring_file
@options.age_identity
@click.argument("name", metavar="NAME")
@click.argument("recipient", metavar="RECIPIENT")
@click.pass_obj
def add_recipient(ring_file: str | None, file: str | None, age_identity: str | None, name: str, recipient: str) -> int:
    """Let somebody open the ring: its age keys are encrypted to all its recipients and the new one.

    RECIPIENT is age1..., as age-keygen -y shows it, or an SSH public key in quotes; - reads it from stdin.

    \b
    Example:
      sealkit keys add-recipient alice age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudq5kxesxlu6p4
      sealkit keys add-recipient bob - < bob.pub
    """
    from sealkit.cli.ask import ask
    from sealkit.keys import team

    path = _prepared(file, ring_file, age_identity)
    key = sys.stdin.read(_MOST) if recipient == "-" else recipient
    shared = team.add_recipient(path, name, key, ask=ask)
    show.out(f"{name} is a recipient now  in {path}")
    return _said(shared)


@click.command("remove-recipient")
@options.ring_file
@options.age_identity
@click.argument("name", metavar="NAME")
@click.pass_obj
def remove_recipient(ring_file: str | None, file: str | None, age_identity: str | None, name: str) -> int:
    """Encrypt the ring's age keys to everybody but NAME, who still knows the keys: make new ones and rotate to them.

    \b
    Example:
      sealkit keys remove-recipient bob
    """
    from sealkit.cli.ask import ask
    from sealkit.keys import team

    path = _prepared(file, ring_file, age_identity)
    shared = team.remove_recipient(path, name, ask=ask)
    show.out(f"{name} is no recipient any more  in {path}")
    _said(shared)
    if shared.keys:
        show.warning(
            f"{name} could read {', '.join(shared.keys)}, and old versions of the ring still say so: "
            "make a new key (sealkit keygen --age --primary) and rotate to it"
        )
    return 0


@click.command()
@options.ring_file
@options.age_identity
@click.argument("key_ids", nargs=-1, metavar="[ID]...")
@click.pass_obj
def rewrap(ring_file: str | None, file: str | None, age_identity: str | None, key_ids: tuple[str, ...]) -> int:
    """Encrypt the ring's age keys to its recipients anew; and the keys ID..., wherever they are now, for the first time.

    Whoever can change the ring can put recipients into it: read the names.

    \b
    Example:
      sealkit keys rewrap
      sealkit keys rewrap k1
    """
    from sealkit.cli.ask import ask
    from sealkit.keys import team

    return _said(team.rewrap(_prepared(file, ring_file, age_identity), key_ids, ask=ask))


def _prepared(file: str | None, ring_file: str | None, identity: str | None) -> str:
    options.use_identity(identity)
    return ring_that_is_there(file, ring_file)


def _said(shared: Shared) -> int:
    if not shared.recipients:
        raise Usage(problem="the ring has no recipients", hint="add them: sealkit keys add-recipient NAME age1...")
    keys = ", ".join(shared.keys) or "no key of the ring is (sealkit keys rewrap ID...)"
    show.out(f"encrypted to {', '.join(shared.recipients)}: {keys}")
    return 0
