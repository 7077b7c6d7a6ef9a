"""Running a task over what was named, and printing what becomes of it; shared by the verbs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

import click

from sealkit import limits, printable
from sealkit import report as reporting
from sealkit.cli import show
from sealkit.cli.progress import Progress
from sealkit.errors import NothingMatched, StoreError, TooLarge, Usage
from sealkit.records.kinds import JSON_LINES, kind_of
from sealkit.report import Outcome, Report, json_line
from sealkit.trees.found import SPARSE, TEMPORARY, Left
from sealkit.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.cli.options import Output, Where
    from sealkit.demands import Asked
    from sealkit.report import Counted
    from sealkit.trees.batch import Done, Mode, Piece
    from sealkit.trees.found import Found
    from sealkit.trees.orders import Task

STDIN = "-"
_SAYS_WHAT_IS_LEFT = frozenset({"seal", "verify", "rotate", "retag"})

Text = "Callable[[Done], bytes]"


class Maker:
    """Makes what is printed out of what became of files; it runs in the workers. With ``only_problems``, of what is wrong alone.

    With ``may_lack``, a record that was named and has no field is no finding.
    """

    def __init__(
        self,
        output: Output,
        text: Callable[[Done], bytes],
        keep: Callable[[Done], Done] | None = None,
        *,
        only_problems: bool = False,
        may_lack: bool = False,
    ) -> None:
        self._may_lack = may_lack
        self._only_problems = only_problems
        self._json = output.json
        self._copies = output.report is not None
        self._text = text
        self._keep = keep

    @property
    def tells_absent(self) -> bool:
        """Whether anything is printed of records that lack the field, and were not named: in JSON, and in a report."""
        return (self._json or self._copies) and not self._only_problems

    def __call__(self, some: Sequence[Done]) -> Piece:
        """Return what is to be printed of some files."""
        from sealkit.trees.batch import Piece

        out: list[bytes] = []
        copy: list[bytes] = []
        problems: list[tuple[object, ...]] = []
        counts: dict[Counted, int] = {}
        for done in some:
            one = self._ready(done)
            for outcome in one.outcomes:
                by = reporting.counted(outcome)
                counts[by] = counts.get(by, 0) + 1
                if outcome.exit_status:
                    problems.append(tuple(outcome._replace(payload=None)))
                if self._only_problems and not outcome.exit_status:
                    continue
                if self._json:
                    out.append(outcome.json_line())
                if self._copies:
                    copy.append(outcome._replace(payload=None).json_line())
            if not self._json:
                out.append(self._text(one))
        return Piece(b"".join(out), b"".join(copy), problems, counts, len(some))

    def _ready(self, done: Done) -> Done:
        if self._keep is not None:
            done = self._keep(done)
        if self._may_lack or not done.found.named:
            return done
        absent = [outcome.status == reporting.ABSENT for outcome in done.outcomes]
        if all(absent) if kind_of(done.found.path) == JSON_LINES else any(absent):
            return done._replace(outcomes=[missing(outcome) for outcome in done.outcomes])
        return done


def missing(outcome: Outcome) -> Outcome:
    """Make the absence of the field a finding: in a folder it is nothing special, in a record that was named it is."""
    if outcome.status != reporting.ABSENT:
        return outcome
    message = outcome.message if outcome.message is not None else f"the record has no field {outcome.field!r}"
    return outcome._replace(exit_status=1, message=message)


class Making(Protocol):
    """What makes what is printed out of what became of files, and says whether that tells anything of those that lack the field."""

    @property
    def tells_absent(self) -> bool:
        """Whether anything is printed of records that lack the field."""
        ...

    def __call__(self, some: Sequence[Done]) -> Piece:
        """Return what is to be printed of some files."""
        ...


class Printer:
    """Prints pieces as they come, and counts what is in them."""

    def __init__(self, output: Output, what: str) -> None:
        self.report = Report()
        self._output = output
        self._hints: set[str] = set()
        self._escapes = False
        self.left: Left | None = None
        self._copy = None
        self.progress = Progress(what, shown=output.progress and not output.quiet)
        if output.report is not None:
            from sealkit.cli.reportfile import create

            self._copy = create(output.report)
            click.get_current_context().call_on_close(self._copy.close)  # also where the run ends before its end

    def add(self, piece: Piece) -> None:
        """Print and count one piece."""
        self.report.merge(piece.counts)
        if piece.out or piece.problems:
            self.progress.clear()
        if piece.out:
            self._print(piece.out)
        if self._copy is not None:
            self._copy.write(piece.copy)
        if piece.problems and not self._output.json:
            show.flush()
            for problem in piece.problems:
                self._show(Outcome._make(problem))
        self.progress.add(piece.files)

    def _print(self, data: bytes) -> None:
        if self._output.json:
            show.json_lines(data)
        elif show.text(data) and not self._output.quiet and not self._escapes:
            self._escapes = True
            show.note("what could act on a terminal or a CI runner is shown as escapes, which patch does not take")

    def _show(self, outcome: Outcome) -> None:
        show.finding(outcome)
        if outcome.hint is None:
            return
        kind = outcome.hint.replace(quoted(outcome.path), "FILE")  # said once, not of each file of a tree
        if kind not in self._hints:
            self._hints.add(kind)
            show.hint(outcome.hint)

    def close(self) -> int:
        """Print the summary and return the exit status."""
        self.progress.clear()
        if self._output.json:
            show.json_lines(self._summary())
        show.flush()
        if self._copy is not None:
            self._copy.write(self._summary())
            self._copy.close()
        if not self._output.quiet:
            show.note(self.report.sentence())
            self._show_left()
        advice = self.report.advice()
        if advice is not None:
            show.hint(advice)
        return self.report.exit_status

    def _show_left(self) -> None:
        """Say what was not looked at, and what removes what interrupted runs left behind."""
        left = self.left.sentence() if self.left is not None else None
        if left is not None:
            show.note(left)
        if self.left is not None and self.left.counts.get(TEMPORARY):
            show.hint("an interrupted run left temporary files behind; the next seal, rotate or retag of this tree removes them")

    def _summary(self) -> bytes:
        summary = self.report.summary()
        if self.left is not None and self.left.counts:
            summary["summary"]["left"] = self.left.counts
        return json_line(summary)


def no_text(done: Done) -> bytes:
    """Print nothing of a file's outcomes: the result is something else."""
    return b""


def lines(line: Callable[[Outcome], str | Sequence[str] | None]) -> Callable[[Done], bytes]:
    """Return a text for files made of a line (None: no line), or several, for each outcome that is neither absent nor wrong."""

    def text(done: Done) -> bytes:
        made: list[str] = []
        for one in done.outcomes:
            told = line(one) if not one.exit_status and one.status != reporting.ABSENT else None
            if told is not None:
                made += [told] if isinstance(told, str) else told
        return "".join([f"{printable.line(one)}\n" for one in made]).encode()

    return text


def walk(
    where: Where,
    is_record: Callable[[str], bool] | None = None,
    left: Left | None = None,
    on_top: Callable[[str], None] | None = None,
) -> Iterator[Found]:
    """Yield the files that were named and may be records; ``is_record``, ``left`` and ``on_top`` as in ``Passing``."""
    from sealkit.trees.links import Links
    from sealkit.trees.walk import Passing, is_no_policy
    from sealkit.trees.walk import walk as walk_tree

    return walk_tree(
        where.paths,
        passing=Passing(is_record if is_record is not None else is_no_policy, Links(where.paths), left, on_top),
        include=where.include,
        exclude=where.exclude,
        since=where.since,
        gitignore=where.gitignore,
        hidden=where.hidden,
        cross_mounts=where.cross_mounts,
    )


def task(verb: str, where: Where, asked: Asked, **more: Any) -> Task:
    """Return the task of a verb on what was named; ``more`` are its sealers and its payload."""
    from sealkit.trees import tasks

    if not where.is_stdin:
        return tasks.task(verb, asked, where.paths, lambda: walk(where._replace(since=None)), **more)
    if where.as_name is None:
        return tasks.nowhere(verb, asked, **more)
    return tasks.task(verb, asked, (), **more)


def records(task: Task, where: Where, output: Output, mode: Mode, maker: Making) -> int:
    """Do a task to all that was named, print what becomes of it, and return the exit status."""
    from sealkit.trees import batch

    printer = Printer(output, task.verb)
    if where.is_stdin:
        return printed([maker([stdin(task, where)])], printer, where)
    count(printer, where)
    if task.verb in _SAYS_WHAT_IS_LEFT:
        printer.left = Left()
        count_absent(printer.left, where)
    pieces = batch.pieces(task, walk(where, left=printer.left), mode, maker, tells_absent=maker.tells_absent)
    return printed(pieces, printer, where)


def count(printer: Printer, where: Where) -> None:
    """Count the records first if somebody watches the progress."""
    if printer.progress.shown:
        printer.progress.total = sum(1 for _ in walk(where))


def count_absent(left: Left, where: Where) -> None:
    """Count what git keeps out of the work tree: it is in its index, and nobody looks at it there."""
    from sealkit.trees.versions import repositories

    if where.since is not None:
        return
    try:
        number = sum(one.absent() for one in repositories(where.paths))
    except (StoreError, Usage) as error:
        show.warning(f"whether all that git has is checked out cannot be told: {error.problem}")
        return
    if number:
        left.add(SPARSE, number)


def given() -> bytes:
    """Return what stdin gives until its end. Raises ``TooLarge``: it may never end."""
    data = sys.stdin.buffer.read(limits.FILE_BYTES + 1)
    if len(data) > limits.FILE_BYTES:
        hint = "is it what you meant? larger ones are not read from files, either"
        raise TooLarge(problem=f"more than {limits.FILE_BYTES} bytes on stdin", hint=hint, path=STDIN)
    return data


def given_payload(how: str, *, may_be_empty: bool) -> bytes:
    """Return a payload from stdin. Nothing at all is refused, unless it is meant, and it is said ``how`` to mean it: what was to write it may have failed."""
    data = given()
    if not data and not may_be_empty:
        problem = "nothing came on stdin, and an empty payload would take the place of what there is"
        raise Usage(problem=problem, hint=f"did the program before it fail? an empty payload is sealed with: {how}")
    return data


def stdin(task: Task, where: Where) -> Done:
    """Do a task to the record on stdin."""
    from sealkit.trees import content, orders
    from sealkit.trees.batch import Done
    from sealkit.trees.found import Found

    data = given()
    result = content.run(task, STDIN, data, where.as_name if where.as_name is not None else STDIN)
    hides = task.verb == orders.SEAL and result.data is not None
    return Done(Found(STDIN, "", named=True), result.outcomes, data, result.data, removes_plaintext=hides)


def printed(pieces: Iterable[Piece], printer: Printer, where: Where) -> int:
    """Print all pieces and the summary, and return the exit status."""
    for piece in pieces:
        printer.add(piece)
    printer.progress.clear()
    refuse_nothing(printer.report, where)
    return printer.close()


def refuse_nothing(report: Report, where: Where) -> None:
    """Raise ``NothingMatched`` if there was nothing to do: a gate that looked at nothing must not be green."""
    if not report.total:
        raise NothingMatched(
            problem="no record among what was given", hint="name a file, or see --include, --hidden, --no-gitignore"
        )
    if not report.fields and all(os.path.isdir(path) for path in where.paths):
        raise NothingMatched(problem="no record has the field", hint="name another one with --field PATH")
