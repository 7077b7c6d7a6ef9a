"""``sealkit keys check`` and ``export``: whether the keys of a ring can be had, and what may be given away of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from sealkit.cli import options, show
from sealkit.cli.ask import ask
from sealkit.errors import Usage
from sealkit.report import json_line
from sealkit.wording import plural

if TYPE_CHECKING:
    from sealkit.keys.checkup import Seen

_FINDING = 1


@click.command()
@options.ring_file
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each key, the ring last.")
@click.pass_obj
def check(ring_file: str | None, file: str | None, as_json: bool) -> int:
    """Look whether the ring loads, each key can be had where the ring says, and other users cannot: exit 1 if not. Kids are shown.

    \b
    Example:
      sealkit keys check --keys keys.example
    """
    from sealkit.keys import checkup

    path = options.ring_path(file if file is not None else ring_file)
    checked = checkup.check(path, os.environ, ask=ask)
    for one in checked.keys:
        _show(one, primary=one.key.id == checked.primary, as_json=as_json)
    for text in checked.warnings:
        show.warning(text)
    problems = checked.problems
    if as_json:
        summary = {"ring": path, "mode": f"{checked.mode:04o}", "keys": len(checked.keys), "problems": problems}
        show.json_lines(json_line({"summary": summary}))
    show.note(f"{path}: mode {checked.mode:04o}, {plural(len(checked.keys), 'key')}, {problems} that cannot be had")
    return _FINDING if problems else 0


def _show(one: Seen, *, primary: bool, as_json: bool) -> None:
    key = one.key
    if as_json:
        known: dict[str, Any] = {"id": key.id, "source": one.kind, "state": key.state, "format": key.format, "accept": key.accept}
        known |= {"kid": one.kid} if one.kid else {}
        known |= {"primary": primary} | ({"verify_only": True} if key.is_verify_only else {})
        known |= {"problem": one.problem, "hint": one.hint} if one.problem is not None else {}
        show.json_lines(json_line(known))
        return
    kid = f"kid {one.kid}" if one.kid else "no kid"
    show.out(f"{key.id}  {one.kind}  {key.state}  {key.format}  {kid}{'  primary' if primary else ''}")
    if one.problem is not None:
        (show.note if key.may_open else show.warning)(f"error: {one.problem}" if key.may_open else one.problem)
        show.hint(one.hint)


@click.command()
@options.ring_file
@click.option("--verify-only", is_flag=True, help="Keys that check tags and open nothing; a secret, for they make tags, too.")
@click.option("--secret", is_flag=True, help="The key itself: one ID, to the new file -o FILE (0600) and nowhere else.")
@click.option(
    "--encoding", type=click.Choice(["hex", "base64", "raw"]), default="hex", show_default=True, help="How --secret writes it."
)
@click.option("-o", "target", metavar="FILE", shell_complete=options.files, help="Write to this new file (0600), not to stdout.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.pass_obj
def export(
    ring_file: str | None,
    file: str | None,
    verify_only: bool,
    secret: bool,
    encoding: str,
    target: str | None,
    ids: tuple[str, ...],
) -> int:
    """Print a ring of verify-only keys: check, verify and retag check tags with it, and it opens nothing.

    Who has it can make a valid tag for any ciphertext: it is a secret, and not for jobs that run what strangers wrote. Without ID, all
    keys that tag are exported. With --secret, a key itself is written to a file, to be carried to where it is needed.

    \b
    Example:
      sealkit keys export --verify-only k2 -o verify.yaml
      sealkit keys export --secret k2 -o k2.key
    """
    if verify_only == secret:
        hint = "--verify-only for keys that only check tags; --secret ID -o FILE for a key itself"
        raise Usage(problem="it is not said what is to be exported", hint=hint)
    named = file if file is not None else ring_file
    if secret:
        return _export_secret(options.ring_path(named), ids, encoding, target)
    ring = options.load_ring(named)
    text = ring.export_verify_only(ids or None)
    if target is None:
        show.content(text)
    else:
        from sealkit.outfile import write_new

        write_new(target, text)
    return 0


def _export_secret(ring: str, ids: tuple[str, ...], encoding: str, target: str | None) -> int:
    from sealkit.keys.ringstore import export_secret

    if len(ids) != 1 or target is None:
        raise Usage(problem="a key itself goes to a file, one at a time", hint="as in: sealkit keys export --secret k2 -o k2.key")
    export_secret(ring, ids[0], encoding, target, ask=ask)
    show.note(f"wrote key {ids[0]} to {target}, as {encoding}: whoever reads that file opens what the key sealed")
    return 0
