"""``sealkit rotate``: blobs are re-encrypted under another key, in place."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from sealkit.cli import options, run, show
from sealkit.cli.change import Change, change, in_place, texts, warn
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.trees import orders
from sealkit.trees.content import needed
from sealkit.trees.found import Left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.keys.ring import KeyRing
    from sealkit.trees.rotation import Rotation

F = TypeVar("F", bound="Callable[..., Any]")


class Turn(NamedTuple):
    """From which key to which, and whether to go on, look, or go back."""

    to: str | None
    source: str | None
    bless: str | None
    partial: bool
    status: bool
    rollback: bool
    set_aside: bool
    yes: bool


def turn(function: F) -> F:
    """Add what only rotate takes."""
    return options.group(
        Turn,
        "turn",
        {
            "to": click.option("--to", metavar="ID", help="The key to seal under; the ring's primary if not given."),
            "source": click.option(
                "--from", "source", metavar="ID", help="The key that sealed them; only it and the target open blobs then."
            ),
            "bless": click.option(
                "--bless",
                metavar="REV",
                help="Give authentic formats to blobs that are the same in this git revision, for which somebody vouches.",
            ),
            "partial": click.option("--partial", is_flag=True, help="Go on although some fields cannot be opened."),
            "status": click.option(
                "--status",
                is_flag=True,
                help="Say whether a rotation of this tree is unfinished; a key proves what its journal says.",
            ),
            "rollback": click.option(
                "--rollback",
                is_flag=True,
                help="Put the old blobs back, as far as the journal has them; asks first where no key proves it.",
            ),
            "set_aside": click.option(
                "--set-aside", is_flag=True, help="Put journals aside that are foreign or that no key of the ring proves."
            ),
            "yes": click.option("--yes", is_flag=True, help="With --rollback: yes, put back what no key proves."),
        },
    )(function)


@click.command()
@options.where
@options.fields
@options.keys
@turn
@options.form
@change
@options.output
def rotate(where: Where, fields: tuple[str, ...], keys: Keys, turn: Turn, form: str | None, change: Change, output: Output) -> int:
    """Re-encrypt blobs under the primary key, or --to ID, in place. A blob under that key already is left alone, byte for byte.

    Each blob keeps its format, unless --format names another one. What may have been altered gets no tag by that, which would say that
    it was not, unless --bless REV names the git revision in which somebody has looked at these blobs.

    Over a folder, every field is opened before the first one is written, and a journal in the folder's .sealkit remembers what was
    done: after an interruption, the same command goes on; --rollback takes it back. A journal that the target key does not prove is named
    and not believed; --set-aside puts it out of the way.

    \b
    Example:
      sealkit keygen --id k3
      sealkit rotate --to k3 posts/
      sealkit rotate --status posts/
      sealkit rotate --rollback posts/
      sealkit rotate --format tagged --bless HEAD posts/
    """
    if turn.status or turn.rollback or turn.set_aside:
        from sealkit.cli import rotated

        return rotated.about(where, keys.ring, turn, output, change)
    if turn.yes:
        raise Usage(problem="--yes goes with --rollback")
    if keys.key_id is not None and turn.source is not None:
        raise Usage(problem="--key-id and --from both name the key that opens", hint="give --from alone")
    ring = options.load_ring(keys.ring, seals=True, reads_stdin=where.is_stdin)
    source = turn.source if turn.source is not None else keys.key_id
    sealer = keys.sealer(ring, turn.to if turn.to is not None else ring.primary.id, format=form)
    opener = keys._replace(key_id=None).sealer(ring, opens=(source, sealer.key_id) if source is not None else None)
    with _blessing(turn, where) as blessed:
        task = run.task(orders.ROTATE, where, keys.asked(fields), opener=opener, sealer=sealer)
        task.around = task.around._replace(blessed=blessed)
        return _rotate(task, ring, where, keys, turn, change, output)


@contextmanager
def _blessing(turn: Turn, where: Where) -> Iterator[Callable[[str], bytes | None] | None]:
    """Yield what says what files held in the revision that somebody vouches for."""
    if turn.bless is None:
        yield None
        return
    from sealkit.trees.revision import Revision

    path = where.paths[0]
    with Revision(turn.bless, path if os.path.isdir(path) else os.path.dirname(path)) as revision:
        yield revision.content


def _rotate(
    task: orders.Task,
    ring: KeyRing,
    where: Where,
    keys: Keys,
    turn: Turn,
    change: Change,
    output: Output,
) -> int:
    if where.is_stdin or not change.writes:
        return in_place(task, where, output, change)
    from sealkit.trees import rotation
    from sealkit.trees.journal import Header

    root = rotation.tree_of(where.paths)
    if root is None:
        return in_place(task, where, output, change)
    sealer = needed(task.sealer)
    settings = {"format": sealer.forced_format, "bind": keys.bind, "bless": turn.bless}
    given = {name: value for name, value in settings.items() if value is not None}
    scope = rotation.scope(where.paths, root, where.filters() | given)
    source = turn.source if turn.source is not None else keys.key_id
    header = Header(sealer.key_id, ring.get(sealer.key_id).kid, source, list(task.fields), keys.payload_kind or "text", scope)
    return _tree(rotation.Rotation(task, change.mode(output), root, header, ring.keys), where, output, change, partial=turn.partial)


def _tree(plan: Rotation, where: Where, output: Output, change: Change, *, partial: bool) -> int:
    """Rotate a folder: nothing is written before everything was opened, unless --partial."""
    from sealkit.cli.rotated import warn_of_journals
    from sealkit.trees import rotation
    from sealkit.trees.roots import held

    with held(where.paths) as leftovers:
        warn(leftovers)
        warn_of_journals(plan.root, plan.keys)
        rotation.probe(plan)
        checked = _preflight(plan, where, output, partial=partial)
        if checked and not partial:
            show.hint("nothing was changed; mend these, or go on with the rest: --partial")
            return checked
        with rotation.remembered(plan) as memory:
            printer = run.Printer(output, "rotate")
            run.count(printer, where)
            maker = run.Maker(output, texts(change))
            printer.left = Left()
            run.count_absent(printer.left, where)
            status = run.printed(rotation.write(plan, run.walk(where, left=printer.left), maker, memory), printer, where)
            if rotation.is_complete(status):
                rotation.finish(plan, memory)
            return status


def _preflight(plan: Rotation, where: Where, output: Output, *, partial: bool) -> int:
    """Open every field; print what does not open, unless the rest is gone on with and prints it too; return the exit status."""
    from sealkit.trees import rotation

    printer = run.Printer(output._replace(report=None) if partial else output, "open")
    run.count(printer, where)
    for piece in rotation.preflight(plan, run.walk(where), run.Maker(output, run.no_text, only_problems=True)):
        printer.add(piece if not partial else piece._replace(out=b"", copy=b"", problems=[]))
    printer.progress.clear()
    run.refuse_nothing(printer.report, where)
    if printer.report.exit_status and not partial:
        return printer.close()
    rotation.check_told(printer.report, partial=partial)
    plan.task.told = True
    return printer.report.exit_status
