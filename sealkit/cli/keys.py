"""``sealkit keys``: the keys of the ring, without their bytes, and their whole life; each verb of it is in a module of its own kind."""

from __future__ import annotations

import importlib

import click

from sealkit.cli import options, show
from sealkit.cli.group import Group
from sealkit.report import json_line

# The verbs of a key's life, in the order in which --help lists them: the module that each is in, and what it does.
VERBS = {
    "check": ("keys_export", "Look whether every key of the ring can be had, and by whom else."),
    "add": ("keys_ring", "Add a key that you have, to a new ring or an existing one."),
    "enable": ("keys_ring", "Let a key open and seal again."),
    "decrypt-only": ("keys_ring", "Let a key open, and seal nothing any more."),
    "disable": ("keys_ring", "Keep a key on record, to be used for nothing."),
    "set-primary": ("keys_ring", "Say which key seals."),
    "set-format": ("keys_ring", "Change the format that a key seals in."),
    "set-accept": ("keys_ring", "Say whether blobs without a tag count under a key."),
    "rename": ("keys_ring", "Give a key another id."),
    "identify": ("keys_use", "Say which key each record is under."),
    "census": ("keys_census", "Count records by the key they are under, in git's history too."),
    "retire": ("keys_goes", "Disable a key that nothing is under any more."),
    "remove": ("keys_goes", "Cut a key that nothing is under out of the ring."),
    "add-recipient": ("keys_team", "Let somebody open the ring's age keys."),
    "remove-recipient": ("keys_team", "Encrypt the ring's age keys to everybody but one."),
    "rewrap": ("keys_team", "Encrypt keys to the ring's age recipients."),
    "to-token": ("keys_token", "Move a key into a PKCS #11 token, which never gives it back."),
    "export": ("keys_export", "Print keys that only check tags; or write a key to a file."),
}


class Life(Group):
    """The group of verbs on keys; it imports a verb's module when that verb is asked for."""

    def verbs(self) -> dict[str, str]:
        """Return the verbs in their order."""
        return {name: text for name, (_, text) in VERBS.items()}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb's command, or None."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"sealkit.cli.{VERBS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None


@click.group(cls=Life, invoke_without_command=True)
@options.ring
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each key.")
@click.pass_context
def keys(ctx: click.Context, ring: options.Ring, as_json: bool) -> int:
    """List the keys of the ring: id, bits, state, format, kid. The kid is what people compare; key bytes are never shown.

    \b
    Example:
      sealkit keys --keys keys.example
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = ring.file
        return 0
    opened = options.load_ring(ring)
    for key in opened:
        is_primary = opened.can_seal and key is opened.primary
        if as_json:
            known = {"id": key.id, "bits": key.bits, "state": key.state, "format": key.format, "accept": key.accept, "kid": key.kid}
            show.json_lines(json_line(known | {"primary": is_primary} | ({"verify_only": True} if key.is_verify_only else {})))
        else:
            size = "verify-only" if key.is_verify_only else f"{key.bits} bits" if key.bits else "not fetched"
            kid = f"kid {key.kid}" if key.kid else "no kid"
            show.out(f"{key.id}  {size}  {key.state}  {key.format}  {kid}{'  primary' if is_primary else ''}")
    return 0
