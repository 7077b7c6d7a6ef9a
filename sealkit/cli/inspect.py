"""``sealkit inspect``: what is in the fields, without a key."""

from __future__ import annotations

import os

import click

from sealkit.cli import options, run
from sealkit.cli.options import Output, Where
from sealkit.demands import Asked
from sealkit.report import Outcome
from sealkit.trees import orders
from sealkit.trees.batch import Mode
from sealkit.wording import plural


@click.command()
@options.where
@options.fields
@options.output
def inspect(where: Where, fields: tuple[str, ...], output: Output) -> int:
    """Show each blob's parts, format, binding and defects. No key is needed, and none is read; so no tag is checked.

    \b
    Example:
      sealkit inspect article.md
      sealkit inspect --json posts/ | jq 'select(.status == "finding")'
    """
    several = len(where.paths) > 1 or os.path.isdir(where.paths[0])
    maker = run.Maker(output, run.lines(_line if several else _block))
    mode = Mode(workers=output.workers, fail_fast=output.fail_fast)
    return run.records(run.task(orders.INSPECT, where, Asked(fields or None)), where, output, mode, maker)


def _block(outcome: Outcome) -> list[str]:
    size = outcome.ciphertext_bytes or 0
    kid = [f"  kid         {outcome.kid}"] if outcome.kid is not None else []
    about = outcome.code if outcome.bind is None else f"bound to {outcome.bind}; the tag was not checked"
    return [
        f"{outcome.place}  {outcome.field}",
        f"  format      {outcome.format} ({'three' if outcome.kid else 'two'} parts), {about}",
        f"  ciphertext  {plural(size, 'byte')} ({plural(size // 16, 'block')})",
        f"  iv          {outcome.iv}",
        *kid,
        "  base64      canonical",
    ]


def _line(outcome: Outcome) -> str:
    kid = f" kid {outcome.kid}" if outcome.kid is not None else ""
    shape = f"{outcome.format} {outcome.ciphertext_bytes} bytes"
    about = outcome.code if outcome.bind is None else f"bound to {outcome.bind}"
    return f"{outcome.place}  {outcome.field}  {shape}  iv {outcome.iv}{kid}  {about}"
