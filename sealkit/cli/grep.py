"""``sealkit grep``: the lines of payloads that match."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click

from sealkit import limits, printable
from sealkit.cli import options, run
from sealkit.errors import TooLarge, Usage
from sealkit.report import failure
from sealkit.trees import orders
from sealkit.trees.batch import Mode

if TYPE_CHECKING:
    from sealkit.cli.options import Keys, Output, Where
    from sealkit.report import Outcome
    from sealkit.trees.batch import Done


@click.command()
@click.argument("pattern", metavar="PATTERN")
@options.where
@options.fields
@options.keys
@options.output
@click.option("-i", "--ignore-case", "ignores_case", is_flag=True, help="Upper and lower case are the same.")
@click.option("-F", "--fixed-strings", "is_fixed", is_flag=True, help="PATTERN is a text, not a regular expression.")
@click.option("-l", "--files-with-matches", "only_names", is_flag=True, help="Print the places of the payloads that match alone.")
def grep(
    pattern: str,
    where: Where,
    fields: tuple[str, ...],
    keys: Keys,
    output: Output,
    ignores_case: bool,
    is_fixed: bool,
    only_names: bool,
) -> int:
    """Search payloads for a regular expression (Python's), and print the lines that match, with their places.

    Nothing decrypted is written anywhere. Exit 0 if everything was looked at, whether anything matched or not.

    \b
    Example:
      sealkit grep harbour posts/
      sealkit grep -i -l "wire service" posts/
    """
    if output.json:
        raise Usage(problem="grep prints lines", hint="for JSON: sealkit decrypt --json PATH, and a program that reads it")
    try:
        wanted = re.compile(re.escape(pattern) if is_fixed else pattern, re.IGNORECASE if ignores_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise Usage(problem=f"no regular expression: {error}", hint="-F takes PATTERN as it is") from None
    ring = options.load_ring(keys.ring, reads_stdin=where.is_stdin)
    task = run.task(orders.DECRYPT, where, keys.asked(fields), opener=keys.sealer(ring))
    mode = Mode(workers=output.workers, fail_fast=output.fail_fast)
    return run.records(task, where, output, mode, run.Maker(output, _Matches(wanted, only_names=only_names), _searchable))


def _searchable(done: Done) -> Done:
    """Take payloads of more lines than are searched for what they are: not looked at."""
    if all(outcome.payload is None or len(outcome.payload) <= limits.SHOWN_LINES for outcome in done.outcomes):
        return done
    return done._replace(outcomes=[_unless_long(outcome) for outcome in done.outcomes])


def _unless_long(outcome: Outcome) -> Outcome:
    lines = outcome.payload.count(b"\n") if outcome.payload is not None else 0
    if lines <= limits.SHOWN_LINES:
        return outcome
    hint = f"search it elsewhere, as in: sealkit decrypt {shlex.quote(outcome.path)} | grep PATTERN"
    return failure(
        outcome.path,
        TooLarge(problem=f"a payload of {lines} lines; at most {limits.SHOWN_LINES} are searched", hint=hint, line=outcome.line),
        outcome.field,
    )


class _Matches:
    """The text that is printed of a file: the lines of its payloads that match."""

    def __init__(self, wanted: re.Pattern[str], *, only_names: bool) -> None:
        self._wanted = wanted
        self._only_names = only_names

    def __call__(self, done: Done) -> bytes:
        return b"".join(self._of(outcome) for outcome in done.outcomes if outcome.payload is not None)

    def _of(self, outcome: Outcome) -> bytes:
        payload = (outcome.payload or b"").decode("utf-8", "backslashreplace")
        found = [line for line in payload.splitlines() if self._wanted.search(line)]
        place = printable.line(f"{outcome.place}  {outcome.field}")
        if self._only_names:
            return f"{place}\n".encode() if found else b""
        return "".join(f"{printable.lines(f'{place}: {line}')}\n" for line in found).encode()
