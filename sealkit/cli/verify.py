"""``sealkit verify``: the round trip, proved."""

from __future__ import annotations

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Keys, Output, Where
from sealkit.report import Outcome
from sealkit.sealer import Sealer
from sealkit.trees import content
from sealkit.trees.batch import Mode


@click.command()
@options.where
@options.fields
@options.keys
@options.output
def verify(where: Where, fields: tuple[str, ...], keys: Keys, output: Output) -> int:
    """Prove the round trip: decrypt, encrypt again with the same IV, the same blob; splice it in, the same bytes.

    \b
    Example:
      sealkit verify posts/
    """
    ring = options.load_ring(keys.file)
    task = content.Task(content.VERIFY, fields, opener=Sealer(ring, key_id=keys.key_id, payload=keys.payload_kind))
    done = [run.stdin(task, where)] if where.is_stdin else run.over(task, where, Mode())
    return run.printed(done, run.Printer(output, _line))


def _line(outcome: Outcome) -> None:
    show.out(f"verified {outcome.place}  {outcome.field}  key {outcome.key}, {outcome.code}")
