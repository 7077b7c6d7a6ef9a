"""``sealkit keys``: what the ring holds, without key bytes; which of its keys records are under; what may be given away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.report import json_line
from sealkit.trees import content
from sealkit.trees.batch import Done, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.trees.batch import Piece

_CLOSED = ("cannot_decrypt", "unknown_key", "ambiguous_key")


@click.group(invoke_without_command=True)
@options.ring_file
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each key.")
@click.pass_context
def keys(ctx: click.Context, file: str | None, as_json: bool) -> int:
    """List the keys of the ring: id, bits, state, format, kid. The kid is what people compare; key bytes are never shown.

    \b
    Example:
      sealkit keys --keys keys.example
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = file
        return 0
    ring = options.load_ring(file)
    for key in ring:
        is_primary = ring.can_seal and key is ring.primary
        if as_json:
            known = {"id": key.id, "bits": key.bits, "state": key.state, "format": key.format, "accept": key.accept, "kid": key.kid}
            sys.stdout.buffer.write(
                json_line(known | {"primary": is_primary} | ({"verify_only": True} if key.is_verify_only else {}))
            )
        else:
            size = "verify-only" if key.is_verify_only else f"{key.bits} bits"
            show.out(f"{key.id}  {size}  {key.state}  {key.format}  kid {key.kid}{'  primary' if is_primary else ''}")
    return 0


@keys.command()
@options.where
@options.fields
@options.keys
@options.output
@click.pass_obj
def identify(ring_file: str | None, where: Where, fields: tuple[str, ...], keys: Keys, output: Output) -> int:
    """Say which key of the ring each record is under, or none, with counts.

    \b
    Example:
      sealkit keys identify posts/
    """
    ring = options.load_ring(keys.file if keys.file is not None else ring_file)
    task = run.task(content.OPEN, where, keys.asked(fields), opener=keys.sealer(ring))
    counting = _Counting(
        run.Maker(output, run.lines(lambda outcome: f"{outcome.key}  {show.line(outcome.place)}  {outcome.field}"))
    )
    status = run.records(task, where, output, Mode(workers=1, fail_fast=output.fail_fast), counting)
    for name, count in sorted(counting.counts.items()):
        show.note(f"{count} under {name}")
    return status


class _Counting:
    """Makes what is printed, and counts fields by the key they are under."""

    def __init__(self, maker: run.Maker) -> None:
        self._maker = maker
        self.counts: dict[str, int] = {}

    def __call__(self, some: Sequence[Done]) -> Piece:
        for done in some:
            for outcome in done.outcomes:
                name = (
                    f"key {outcome.key}" if outcome.key is not None else "no key of the ring" if outcome.code in _CLOSED else None
                )
                if name is not None:
                    self.counts[name] = self.counts.get(name, 0) + 1
        return self._maker(some)


@keys.command()
@options.ring_file
@click.option("--verify-only", is_flag=True, help="Keys that check tags, and can do nothing else.")
@click.option("-o", "target", metavar="FILE", shell_complete=options.files, help="Write to this new file (0600), not to stdout.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.pass_obj
def export(ring_file: str | None, file: str | None, verify_only: bool, target: str | None, ids: tuple[str, ...]) -> int:
    """Print a ring of verify-only keys for CI: it checks tags with verify, but neither opens nor seals.

    Who has it can make tags, too: keep it as secret as other credentials of the pipeline. Without ID, all keys that tag are exported.

    \b
    Example:
      sealkit keys export --verify-only k2 -o verify.yaml
    """
    if not verify_only:
        raise Usage(problem="keys themselves are never exported", hint="add --verify-only for keys that only check tags")
    ring = options.load_ring(file if file is not None else ring_file)
    text = ring.export_verify_only(ids or None)
    if target is None:
        sys.stdout.buffer.write(text)
    else:
        from sealkit.trees.store import write_new

        write_new(target, text)
    return 0
