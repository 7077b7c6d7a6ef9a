"""``sealkit decrypt``: payloads to stdout, or to files that were named."""

from __future__ import annotations

import os

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.outfile import write_new
from sealkit.trees import batch, orders
from sealkit.trees.batch import Done, Mode
from sealkit.trees.payloads import PayloadFiles
from sealkit.unsealed import UNAUTHENTICATED


@click.command()
@options.where
@options.fields
@options.keys
@options.output
@click.option("--raw", is_flag=True, help="Payload bytes as they are, on a terminal too.")
@click.option("--record", "whole", is_flag=True, help="The whole record, with the payload as a quoted scalar; seal turns it back.")
@click.option(
    "-o",
    "target",
    metavar="PATH",
    shell_complete=options.files,
    help="Write to this new file (0600); with several records, to files below this folder.",
)
def decrypt(where: Where, fields: tuple[str, ...], keys: Keys, output: Output, raw: bool, whole: bool, target: str | None) -> int:
    """Write payloads to stdout: one as it is, several as JSON lines (--json) or as files (-o FOLDER).

    On a terminal, control characters are escaped; --raw writes them. A payload from a two-part blob is unauthenticated, which is
    said on stderr: somebody without the key may have altered it.

    \b
    Example:
      sealkit decrypt article.md
      sealkit decrypt --json posts/ > payloads.jsonl
      sealkit decrypt --record article.md -o draft.md
    """
    folder = next((path for path in where.paths if os.path.isdir(path)), None)
    several = len(where.paths) > 1 or folder is not None
    if several and not output.json and (target is None or whole):
        problem = "several records" if folder is None else "a folder, which may hold several records"
        raise Usage(problem=problem, hint="add --json for JSON lines, or -o FOLDER for a file each", path=folder)
    if whole and output.json:
        raise Usage(problem="--record writes a record, not JSON lines", hint="give one of --record and --json")
    ring = options.load_ring(keys.ring, reads_stdin=where.is_stdin)
    verb = orders.REVEAL if whole else orders.DECRYPT
    task = run.task(verb, where, keys.asked(fields), opener=keys.sealer(ring))
    if several or (output.json and not whole):
        return _many(task, where, output, target)
    done = [run.stdin(task, where)] if where.is_stdin else list(batch.each(task, run.walk(where), Mode()))
    return _whole_record(done, where, output, target, raw=raw) if whole else _one(done, where, output, target, raw=raw)


def _many(task: orders.Task, where: Where, output: Output, target: str | None) -> int:
    keep = PayloadFiles(target).keep if target is not None else None
    mode = Mode(workers=output.workers, fail_fast=output.fail_fast)
    return run.records(task, where, output, mode, run.Maker(output, run.no_text, keep))


def _whole_record(done: list[Done], where: Where, output: Output, target: str | None, *, raw: bool) -> int:
    status = _findings(done, where, output)
    _say_unproved(done, output)
    if not status and done[0].after is not None:
        _write(done[0].after, target, raw=raw)
    return status


def _one(done: list[Done], where: Where, output: Output, target: str | None, *, raw: bool) -> int:
    payloads = [outcome.payload for one in done for outcome in one.outcomes if outcome.payload is not None]
    if len(payloads) > 1:
        hint = "add --json for JSON lines, or -o FOLDER for a file each, or name one field with --field a[0].b"
        raise Usage(problem=f"{len(payloads)} payloads", hint=hint, path=where.paths[0])
    status = _findings(done, where, output)
    _say_unproved(done, output)
    if payloads:
        _write(payloads[0], target, raw=raw)
    return status


def _findings(done: list[Done], where: Where, output: Output) -> int:
    """Print what is wrong, and nothing else."""
    output = output._replace(json=False, quiet=True)
    return run.printed([run.Maker(output, run.no_text)(done)], run.Printer(output, "decrypt"), where)


def _say_unproved(done: list[Done], output: Output) -> None:
    """Say which payloads somebody without the key may have altered; the summary of several records counts them."""
    for outcome in (outcome for one in done for outcome in one.outcomes):
        if outcome.code == UNAUTHENTICATED and not output.quiet:
            show.unauthenticated(f"{outcome.place}  {outcome.field}")


def _write(data: bytes, target: str | None, *, raw: bool) -> None:
    if target is None:
        show.content(data, as_it_is=raw)
    else:
        write_new(target, data)
