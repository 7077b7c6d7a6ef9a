"""What ``seal`` and ``rotate`` share: records that are changed in place, or would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from sealkit import report as reporting
from sealkit.cli import run, show
from sealkit.trees.batch import Done, Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.cli.options import Output, Where
    from sealkit.errors import SealkitError
    from sealkit.report import Outcome
    from sealkit.trees.orders import Task

F = TypeVar("F", bound="Callable[..., Any]")


class Change(NamedTuple):
    """Whether to write, and what to be careful about."""

    check: bool
    diff: bool
    break_hardlinks: bool
    keep_mtime: bool

    @property
    def writes(self) -> bool:
        """Whether anything is to be written."""
        return not (self.check or self.diff)

    def mode(self, output: Output) -> Mode:
        """Return how the records are gone through."""
        return Mode(self.writes, self.break_hardlinks, self.keep_mtime, output.workers, output.fail_fast)


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


def in_place(task: Task, where: Where, output: Output, change: Change, *, may_lack: bool = False) -> int:
    """Change the records that were named, or one from stdin to stdout; print what was done. ``may_lack`` as in ``run.Maker``."""
    if where.is_stdin:
        return _filter(run.stdin(task, where), where, output, change)
    maker = run.Maker(output, texts(change), may_lack=may_lack)
    if not change.writes:
        return run.records(task, where, output, change.mode(output), maker)
    from sealkit.trees.roots import held

    with held(where.paths) as leftovers:
        warn(leftovers)
        return run.records(task, where, output, change.mode(output), maker)


def warn(problems: list[SealkitError]) -> None:
    """Say what an interrupted run left behind that could not be dealt with."""
    for problem in problems:
        show.warning(f"{problem.path}: {problem.problem}")


def texts(change: Change) -> Callable[[Done], bytes]:
    """Return the text that is printed of changed files."""
    return _diff if change.diff else run.lines(_line)


def _filter(done: Done, where: Where, output: Output, change: Change) -> int:
    """Print the changed record, or nothing but the findings: half a result must not go down a pipe."""
    if not change.writes:
        return run.printed([run.Maker(output, texts(change))([done.as_dry_run()])], run.Printer(output, ""), where)
    output = output._replace(json=False, quiet=True)
    status = run.printed([run.Maker(output, run.no_text)([done])], run.Printer(output, ""), where)
    for outcome in done.outcomes:
        if outcome.message is not None and not outcome.exit_status:
            show.note(f"{outcome.place}  {outcome.field}: {outcome.message}")
    if not status:
        show.content(done.after if done.after is not None else done.before or b"")
    return status


def _line(outcome: Outcome) -> str | None:
    if outcome.status == reporting.UNCHANGED:
        return None
    key = f"  key {outcome.key}" if outcome.key is not None else ""
    note = f"  ({outcome.message})" if outcome.message is not None else ""
    return f"{outcome.status.replace('_', ' ')} {outcome.place}  {outcome.field}{key}{note}"


def _diff(done: Done) -> bytes:
    from sealkit.cli.unified import unified

    if done.after is None or done.before is None:
        return b""
    return unified(done.found.path, done.before, done.after, hidden=done.removes_plaintext)
