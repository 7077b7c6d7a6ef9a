"""``sealkit inspect``: what is in the fields, without a key."""

from __future__ import annotations

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Output, Where
from sealkit.report import Outcome
from sealkit.trees import content
from sealkit.trees.batch import Mode


@click.command()
@options.where
@options.fields
@options.output
@click.pass_context
def inspect(ctx: click.Context, where: Where, fields: tuple[str, ...], output: Output) -> int:
    """Show each blob's parts, format and defects. No key is needed, and none is read.

    \b
    Example:
      sealkit inspect article.md
      sealkit inspect --json posts/ | jq 'select(.status == "finding")'
    """
    task = content.Task(content.INSPECT, fields)
    printer = run.Printer(output, _line if len(where.paths) > 1 else _block)
    done = [run.stdin(task, where)] if where.is_stdin else run.over(task, where, Mode())
    return run.printed(done, printer)


def _block(outcome: Outcome) -> None:
    size = outcome.ciphertext_bytes or 0
    show.out(f"{outcome.place}  {outcome.field}")
    show.out(f"  format      {outcome.format} ({'three' if outcome.kid else 'two'} parts), {outcome.code}")
    show.out(f"  ciphertext  {size} bytes ({size // 16} block{'s' * (size != 16)})")
    show.out(f"  iv          {outcome.iv}")
    if outcome.kid is not None:
        show.out(f"  kid         {outcome.kid}")
    show.out("  base64      canonical")


def _line(outcome: Outcome) -> None:
    kid = f" kid {outcome.kid}" if outcome.kid is not None else ""
    show.out(
        f"{outcome.place}  {outcome.field}  {outcome.format} {outcome.ciphertext_bytes} bytes iv {outcome.iv}{kid} {outcome.code}"
    )
