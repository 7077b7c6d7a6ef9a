"""What ``seal`` and ``rotate`` share: records that are changed in place, or would be."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from sealkit import report as reporting
from sealkit.cli import run, show
from sealkit.trees.batch import Done, Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.cli.options import Output, Where
    from sealkit.report import Outcome
    from sealkit.trees.content import Task

F = TypeVar("F", bound="Callable[..., Any]")


class Change(NamedTuple):
    """Whether to write, and what to be careful about."""

    check: bool
    diff: bool
    break_hardlinks: bool
    keep_mtime: bool

    @property
    def mode(self) -> Mode:
        """How the records are gone through."""
        return Mode(write=not (self.check or self.diff), break_hardlinks=self.break_hardlinks, keep_mtime=self.keep_mtime)


def change(function: F) -> F:
    """Add --check, --diff and how files are replaced."""
    from sealkit.cli.options import group

    return group(
        Change,
        "change",
        {
            "check": click.option("--check", is_flag=True, help="Write nothing; say what would change, exit 1 if anything."),
            "diff": click.option("--diff", is_flag=True, help="As --check, with a unified diff on stdout; never plaintext."),
            "break_hardlinks": click.option(
                "--break-hardlinks", is_flag=True, help="Files with several names too; the other names keep the old content."
            ),
            "keep_mtime": click.option("--keep-mtime", is_flag=True, help="Keep the files' modification times."),
        },
    )(function)


def in_place(task: Task, where: Where, output: Output, change: Change) -> int:
    """Change the records that were named, or one from stdin to stdout; print what was done."""
    if where.is_stdin:
        return _filter(run.stdin(task, where), output, change)
    printer = run.Printer(output, show.nothing if change.diff else _line)
    return run.printed(run.over(task, where, change.mode), printer, _print_diff if change.diff else None)


def _filter(done: Done, output: Output, change: Change) -> int:
    """Print the changed record, or nothing but the findings: half a result must not go down a pipe."""
    printer = run.Printer(output._replace(json=False, quiet=True), show.nothing)
    if change.check or change.diff:
        done = done.as_dry_run()
        printer = run.Printer(output, _line)
    status = run.printed([done], printer, _print_diff if change.diff else None)
    if not status and not (change.check or change.diff):
        show.raw(done.after if done.after is not None else done.before or b"")
    return status


def _line(outcome: Outcome) -> None:
    if outcome.status != reporting.UNCHANGED:
        key = f"  key {outcome.key}" if outcome.key is not None else ""
        show.out(f"{outcome.status.replace('_', ' ')} {outcome.place}  {outcome.field}{key}")
        if outcome.message is not None:
            show.warning(f"{outcome.place}: {outcome.message}")


def _print_diff(done: Done) -> None:
    from sealkit.cli.diff import unified

    if done.after is not None and done.before is not None:
        sys.stdout.flush()
        show.raw(unified(done.found.path, done.before, done.after, hidden=done.removes_plaintext))
