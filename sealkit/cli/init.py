"""``sealkit init``: a policy for a tree, made by looking at it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Where, files
from sealkit.errors import ConfigError, LeadsOut, NothingMatched, StoreError, Usage
from sealkit.outfile import write_new
from sealkit.policy import NAME, write
from sealkit.trees import visitor
from sealkit.trees.folders import from_here, real_path
from sealkit.trees.roots import Below
from sealkit.trees.survey import Survey
from sealkit.wording import plural, quoted, within

if TYPE_CHECKING:
    from collections.abc import Callable

_USUAL = "secured"


@click.command()
@click.argument("folder", default=".", metavar="[FOLDER]", shell_complete=files)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="PATH",
    callback=options.field_paths,
    help="Demand this field, too, wherever a record has it, although it is not sealed yet; may be given several times.",
)
@click.option("--print", "shown", is_flag=True, help="Print the policy, and write nothing.")
def init(folder: str, fields: tuple[str, ...], shown: bool) -> int:
    """Write a policy (sealkit.yaml) into FOLDER, the root of a tree, by looking at the blobs that its records hold.

    What they are like now is what is demanded from now on: the same fields in the same folders, tagged and bound to the path where
    all are. Read it, and raise what is too weak. A policy that is there already is not touched.

    Nothing is sealed yet? Seal first: sealkit seal FOLDER. Or name the fields that are to be sealed from now on, with --field.

    \b
    Example:
      sealkit init posts/
      sealkit init --field secured posts/
      sealkit init --print
    """
    target = within(folder, NAME)
    if not shown and os.path.lexists(target):
        raise ConfigError(
            problem="there is a policy already",
            hint=f"see what init would write with: sealkit init --print {quoted(folder)}",
            path=target,
        )
    if not os.path.isdir(folder):
        raise Usage(problem="not a folder", path=folder)
    above = Below([folder]).policies(os.path.join(folder, NAME))
    if not shown and above:
        raise ConfigError(
            problem=f"inside a tree that has a policy: {from_here(os.path.join(above[0], NAME))}",
            hint=f"say the rules there, so that all of the tree has one policy; see them with: sealkit init --print {quoted(folder)}",
            path=target,
        )
    survey = _survey(folder, fields, warn=show.warning)
    rules = survey.rules()
    if not rules:
        raise _nothing(folder, fields)
    text = write(rules)
    if survey.unread:
        show.warning(
            f"{plural(survey.unread, 'file')} could not be read and {'does' if survey.unread == 1 else 'do'} not count: sealkit check will say why"
        )
    if survey.bound_to_fields:
        bound = survey.bound_to_fields
        verb = "is" if bound == 1 else "are"
        show.warning(f"{plural(bound, 'blob')} {verb} bound to fields; name these in the policy, as in bind: [sourceUrl]")
    if shown:
        show.content(text)
        return 0
    write_new(target, text, mode=0o644, root=folder)
    show.note(f"wrote {target}: {plural(len(rules), 'rule')}; try it with: sealkit check {quoted(folder)}")
    if survey.unsealed:
        several = "records hold" if survey.unsealed > 1 else "record holds"
        show.hint(f"{survey.unsealed:,} {several} such a field open; seal them with: sealkit seal {quoted(folder)}")
    return 0


def _nothing(folder: str, fields: tuple[str, ...]) -> NothingMatched:
    """Return the refusal of a tree in which nothing is sealed, with what leads on."""
    place = quoted(folder)
    if fields:
        hint = f"see which fields the records have, and name one: sealkit init --field PATH {place}"
        return NothingMatched(problem=f"no record holds a blob, or has the field {' or '.join(fields)}", hint=hint, path=folder)
    count = _survey(folder, (_USUAL,)).unsealed
    if not count:
        hint = f"name the field that is to be sealed: sealkit init --field PATH {place}; or seal it first: sealkit seal --field PATH {place}"
        return NothingMatched(problem="no record holds a blob", hint=hint, path=folder)
    problem = f"no record holds a blob yet; {_USUAL!r} stands open in {plural(count, 'record')}"
    hint = f"seal first, and then run init again: sealkit seal {place}; or demand it from now on: sealkit init --field {_USUAL} {place}"
    return NothingMatched(problem=problem, hint=hint, path=folder)


def _survey(folder: str, fields: tuple[str, ...], warn: Callable[[str], None] | None = None) -> Survey:
    """Look at a tree; what is not looked at is said once, with ``warn``."""
    survey, inside = Survey(fields), real_path(folder)
    where = Where((folder,), None, (), (), None, gitignore=True, hidden=False, cross_mounts=False)
    for file in visitor.files(run.walk(where), lambda path: ()):
        if isinstance(file.problem, LeadsOut):
            if warn is not None:
                warn(str(file.problem))
        elif isinstance(file.problem, StoreError):
            raise file.problem
        elif file.problem is not None:
            survey.unread += 1
        else:
            survey.add(os.path.relpath(real_path(file.found.path), inside), file.data)
    for file in visitor.files(run.walk(where), lambda path: ()):
        if file.problem is None:
            survey.add_open(file.found.path, file.data)
    return survey
