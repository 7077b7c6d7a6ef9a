"""``sealkit export``: the records of a tree as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Keys, Where
from sealkit.report import Report
from sealkit.trees import batch, orders
from sealkit.trees.batch import Done, Mode
from sealkit.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@options.where
@options.fields
@options.keys
@click.option(
    "-o",
    "target",
    metavar="FILE",
    required=True,
    shell_complete=options.files,
    help="The table: a new .parquet, .arrow, .csv or .jsonl file.",
)
@click.option("--public", multiple=True, metavar="PATH", help="A public field that becomes a column, too. May be repeated.")
@click.option("--no-payload", is_flag=True, help="Leave payloads out: what is public, and the status of what is not.")
@click.option("-q", "--quiet", is_flag=True, help="Only findings and errors on stderr.")
@click.option("--progress/--no-progress", default=True, help="Progress on a terminal (the default).")
def export(where: Where, fields: tuple[str, ...], keys: Keys, target: str, public: tuple[str, ...], **given: Any) -> int:
    """Write the records of a tree to a table (0600): path, line, field, payload, status, key, and the public fields that are named.

    A record that does not open has its error as status, and makes the exit status 1.

    \b
    Example:
      sealkit export posts/ -o posts.parquet --public title --public date
    """
    from sealkit.columns import tables
    from sealkit.columns.files import format_of

    format_of(target)
    ring = options.load_ring(keys.ring)
    task = run.task(orders.DECRYPT, where, keys.asked(fields), opener=keys.sealer(ring))
    output = options.Output(
        json=False, quiet=given["quiet"], progress=given["progress"], report=None, workers=None, fail_fast=False
    )
    printer = run.Printer(output, "export")
    run.count(printer, where)
    report: Report = printer.report

    def rows() -> Iterator[dict[str, Any]]:
        maker = run.Maker(output, run.no_text)
        done = [run.stdin(task, where)] if where.is_stdin else batch.each(task, run.walk(where), Mode())
        for one in done:
            printer.add(maker([one]))
            yield from _rows(one, public, payloads=not given["no_payload"])
        run.refuse_nothing(report, where)

    count = tables.write(target, rows(), public, payloads=not given["no_payload"])
    show.note(f"{plural(count, 'row')} in {target}") if not given["quiet"] else None
    return printer.close()


def _rows(done: Done, public: tuple[str, ...], *, payloads: bool) -> Iterator[dict[str, Any]]:
    from sealkit.columns import tables

    records = tables.public_fields(done.found.path, done.before, public) if public and done.before is not None else []
    for outcome in done.outcomes:
        before = [values for line, values in records if line <= (outcome.line or 1)]
        yield tables.row(outcome, before[-1] if before else {}, payloads=payloads)
