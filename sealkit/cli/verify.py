"""``sealkit verify``: the round trip, proved."""

from __future__ import annotations

import click

from sealkit.cli import options, run
from sealkit.cli.options import Keys, Output, Where
from sealkit.report import Outcome
from sealkit.trees import orders
from sealkit.trees.batch import Mode


@click.command()
@options.where
@options.fields
@options.keys
@options.output
def verify(where: Where, fields: tuple[str, ...], keys: Keys, output: Output) -> int:
    """Prove the round trip: decrypt, encrypt again with the same IV, the same blob; splice it in, the same bytes.

    A tagged blob is proved to be unaltered and in its place; with a verify-only key that is all that is proved. A blob that is authentic
    for another record is misbound, and that record is named.

    \b
    Example:
      sealkit verify posts/
    """
    ring = options.load_ring(keys.ring, reads_stdin=where.is_stdin)
    task = run.task(orders.VERIFY, where, keys.asked(fields), opener=keys.sealer(ring))
    mode = Mode(workers=output.workers, fail_fast=output.fail_fast)
    return run.records(task, where, output, mode, run.Maker(output, run.lines(_line)))


def _line(outcome: Outcome) -> str:
    return f"verified {outcome.place}  {outcome.field}  key {outcome.key}, {outcome.code}"
