"""``sealkit decrypt``: payloads to stdout, or to files that were named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.sealer import Sealer
from sealkit.trees import content
from sealkit.trees.batch import Done, Mode

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command()
@options.where
@options.fields
@options.keys
@options.output
@click.option("--raw", is_flag=True, help="Payload bytes as they are, on a terminal too.")
@click.option("--record", "whole", is_flag=True, help="The whole record, with the payload as a quoted scalar; seal turns it back.")
@click.option(
    "-o", "target", metavar="PATH", help="Write to this new file (0600); with several records, to files below this folder."
)
def decrypt(where: Where, fields: tuple[str, ...], keys: Keys, output: Output, raw: bool, whole: bool, target: str | None) -> int:
    """Write payloads to stdout: one as it is, several as JSON lines (--json) or as files (-o FOLDER).

    On a terminal, control characters are escaped; --raw writes them. A payload from a two-part blob is unauthenticated: somebody
    without the key may have altered it.

    \b
    Example:
      sealkit decrypt article.md
      sealkit decrypt --json posts/ > payloads.jsonl
      sealkit decrypt --record article.md -o draft.md
    """
    several = len(where.paths) > 1 or any(os.path.isdir(path) for path in where.paths)
    if several and not output.json and (target is None or whole):
        raise Usage(problem="several records", hint="add --json for JSON lines, or -o FOLDER for a file each")
    ring = options.load_ring(keys.file)
    opener = Sealer(ring, key_id=keys.key_id, payload=keys.payload_kind)
    task = content.Task(content.REVEAL if whole else content.DECRYPT, fields, opener=opener)
    done = [run.stdin(task, where)] if where.is_stdin else run.over(task, where, Mode())
    if whole:
        return _whole_record(list(done), output, target)
    if several or output.json:
        return _many(done, output, target)
    return _one(list(done), output, target, raw=raw)


def _whole_record(done: list[Done], output: Output, target: str | None) -> int:
    status = run.printed(done, run.Printer(output._replace(quiet=True), show.nothing))
    if not status and done[0].after is not None:
        _write(done[0].after, target)
    return status


def _one(done: list[Done], output: Output, target: str | None, *, raw: bool) -> int:
    payloads = [outcome.payload for one in done for outcome in one.outcomes if outcome.payload is not None]
    if len(payloads) > 1:
        raise Usage(problem=f"{len(payloads)} payloads", hint="add --json for JSON lines, or name one field with --field a[0].b")
    status = run.printed(done, run.Printer(output._replace(quiet=True), show.nothing))
    if payloads and target is None:
        show.payload(payloads[0], as_it_is=raw)
    elif payloads:
        _write(payloads[0], target)
    return status


def _many(done: Iterable[Done], output: Output, target: str | None) -> int:
    if target is None:
        return run.printed(done, run.Printer(output, show.nothing))
    from sealkit.trees.payloads import PayloadFiles

    with PayloadFiles(target) as files:
        return run.printed(map(files.keep, done), run.Printer(output, show.nothing))


def _write(data: bytes, target: str | None) -> None:
    if target is None:
        show.raw(data)
        return
    from sealkit.trees.store import write_new

    write_new(target, data)
