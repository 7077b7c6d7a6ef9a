"""``sealkit init``: a policy for a tree, made by looking at it."""

from __future__ import annotations

import os

import click

from sealkit.cli import run, show
from sealkit.cli.options import Where, files
from sealkit.errors import ConfigError, LeadsOut, NothingMatched, StoreError, Usage
from sealkit.outfile import write_new
from sealkit.policy import NAME, write
from sealkit.trees import visitor
from sealkit.trees.folders import from_here, real_path
from sealkit.trees.roots import Below
from sealkit.trees.survey import Survey


@click.command()
@click.argument("folder", default=".", metavar="[FOLDER]", shell_complete=files)
@click.option("--print", "shown", is_flag=True, help="Print the policy, and write nothing.")
def init(folder: str, shown: bool) -> int:
    """Write a policy (sealkit.yaml) into FOLDER, the root of a tree, by looking at the blobs that its records hold.

    What they are like now is what is demanded from now on: the same fields in the same folders, tagged and bound to the path where
    all are. Read it, and raise what is too weak. A policy that is there already is not touched.

    \b
    Example:
      sealkit init posts/
      sealkit init --print
    """
    target = os.path.join(folder, NAME)
    if not shown and os.path.lexists(target):
        raise ConfigError(
            problem="there is a policy already", hint="see what init would write with: sealkit init --print", path=target
        )
    if not os.path.isdir(folder):
        raise Usage(problem="not a folder", path=folder)
    above = Below([folder]).policies(os.path.join(folder, NAME))
    if not shown and above:
        raise ConfigError(
            problem=f"inside a tree that has a policy: {from_here(os.path.join(above[0], NAME))}",
            hint="say the rules there, so that all of the tree has one policy; see them with: sealkit init --print",
            path=target,
        )
    survey = _survey(folder)
    rules = survey.rules()
    if not rules:
        raise NothingMatched(
            problem="no record holds a blob", hint="seal one first, or write the policy by hand: docs/policy.md", path=folder
        )
    text = write(rules)
    if survey.unread:
        show.warning(f"{survey.unread} files could not be read and do not count: sealkit check will name them")
    if survey.bound_to_fields:
        show.warning(f"{survey.bound_to_fields} blobs are bound to fields; name these in the policy, as in bind: [sourceUrl]")
    if shown:
        show.content(text)
        return 0
    write_new(target, text, mode=0o644, root=folder)
    count = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    show.note(f"wrote {target}: {count}; try it with: sealkit check {folder}")
    return 0


def _survey(folder: str) -> Survey:
    survey, inside = Survey(), real_path(folder)
    where = Where((folder,), None, (), (), None, gitignore=True, hidden=False, cross_mounts=False)
    for file in visitor.files(run.walk(where), lambda path: ()):
        if isinstance(file.problem, LeadsOut):
            show.warning(f"{file.found.path}: {file.problem}")
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
