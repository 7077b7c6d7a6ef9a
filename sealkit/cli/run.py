"""Running a task over what was named, and printing what becomes of it; shared by the verbs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from sealkit import report as reporting
from sealkit.cli import show
from sealkit.errors import NothingMatched, Usage
from sealkit.report import Outcome, Report, json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.cli.options import Output, Where
    from sealkit.trees.batch import Done, Mode
    from sealkit.trees.content import Task
    from sealkit.trees.found import Found

STDIN = "-"


class Printer:
    """Prints outcomes as they come, as text or JSON lines, and counts them."""

    def __init__(self, output: Output, text: Callable[[Outcome], None]) -> None:
        self.report = Report()
        self._output = output
        self._text = text
        self._hints: set[str] = set()
        self._copy = None
        if output.report is not None:
            from sealkit.cli.reportfile import create

            self._copy = create(output.report)

    def add(self, outcome: Outcome) -> None:
        """Count and print one outcome."""
        self.report.add(outcome)
        if self._output.json:
            self._json(outcome.as_dict())
            return
        if self._copy is not None:
            self._copy.write(json_line(outcome._replace(payload=None).as_dict()))
        if outcome.exit_status:
            show.finding(outcome)
            if outcome.hint is not None and outcome.hint not in self._hints:
                self._hints.add(outcome.hint)
                show.hint(outcome.hint)
        elif outcome.status != reporting.ABSENT:
            self._text(outcome)

    def _json(self, known: dict[str, Any]) -> None:
        line = json_line(known)
        sys.stdout.buffer.write(line)
        if self._copy is not None:
            self._copy.write(line)

    def close(self) -> int:
        """Print the summary and return the exit status."""
        if self._output.json:
            self._json(self.report.summary())
        elif self._copy is not None:
            self._copy.write(json_line(self.report.summary()))
        if self._copy is not None:
            self._copy.close()
        if not self._output.quiet:
            show.note(self.report.sentence())
        advice = self.report.advice()
        if advice is not None:
            show.hint(advice)
        return self.report.exit_status


def walk(where: Where) -> Iterator[Found]:
    """Yield the records that were named."""
    from sealkit.records.kinds import is_record_name
    from sealkit.trees.walk import walk as walk_tree

    return walk_tree(
        where.paths,
        is_record=is_record_name,
        include=where.include,
        exclude=where.exclude,
        since=where.since,
        gitignore=where.gitignore,
        hidden=where.hidden,
        cross_mounts=where.cross_mounts,
    )


def over(task: Task, where: Where, mode: Mode) -> Iterator[Done]:
    """Do a task to all that was named."""
    from sealkit.trees import batch

    return batch.run(task, walk(where), mode)


def stdin(task: Task, where: Where) -> Done:
    """Do a task to the record on stdin."""
    from sealkit.trees import content
    from sealkit.trees.batch import Done
    from sealkit.trees.found import Found

    data = sys.stdin.buffer.read()
    result = content.run(task, STDIN, data, where.as_name if where.as_name is not None else STDIN)
    return Done(Found(STDIN, "", named=True), result.outcomes, data, result.data)


def printed(done: Iterable[Done], printer: Printer, each: Callable[[Done], None] | None = None) -> int:
    """Print all outcomes and the summary, and return the exit status; what was named itself must have the field."""
    anything_named = False
    for one in done:
        anything_named = anything_named or one.found.named
        for outcome in one.outcomes:
            printer.add(missing(outcome) if one.found.named and outcome.status == reporting.ABSENT else outcome)
        if each is not None:
            each(one)
    refuse_nothing(printer.report, anything_named=anything_named)
    return printer.close()


def missing(outcome: Outcome) -> Outcome:
    """Make the absence of the field a finding: in a folder it is nothing special, in a record that was named it is."""
    return outcome._replace(exit_status=1, message=f"the record has no field {outcome.field!r}")


def refuse_nothing(report: Report, *, anything_named: bool) -> None:
    """Raise ``NothingMatched`` if there was nothing to do: a gate that looked at nothing must not be green."""
    if not report.total:
        raise NothingMatched(
            problem="no record among what was given", hint="name a file, or see --include, --hidden, --no-gitignore"
        )
    if not report.fields and not anything_named:
        raise NothingMatched(problem="no record has the field", hint="name another one with --field PATH")


def one_record(where: Where) -> None:
    """Raise ``Usage`` unless exactly one path was named."""
    if len(where.paths) != 1:
        raise Usage(problem="this takes one record")
