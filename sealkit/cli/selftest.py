"""``sealkit check --self-test``: unsealed records are planted in a copy, and the gate must find each."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from sealkit.cli import run, show
from sealkit.cli.options import Where
from sealkit.demands import ALSO, Asked, kind_among
from sealkit.errors import NothingMatched, SealkitError
from sealkit.outfile import write_new
from sealkit.policy import NAME
from sealkit.records import visit
from sealkit.records.kinds import FRONT_MATTER
from sealkit.trees import batch, orders, visitor
from sealkit.trees.batch import Mode
from sealkit.trees.demanded import read_policy
from sealkit.trees.tasks import demanded_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.cli.options import Output
    from sealkit.trees.demanded import Demanded
    from sealkit.trees.visitor import File

_Policies = dict[str, bytes | None]
"""The policies that apply to a record: the path of each below the tree's root, and its text."""

_PLANTED = "sealkit planted this text to see whether the gate finds it"
_MOST = 20
_FOLDER = "sealkit-planted"


def self_test(where: Where, output: Output) -> int:
    """Plant plaintext in copies of the first records, and return 0 if the gate finds all of it, else 1."""
    demanded = demanded_by(run.task(orders.CHECK, where, Asked()))
    tried = missed = 0
    for path, field, policies, below, data in _plants(where, demanded):
        tried += 1
        if _is_let_through(policies, below, data, field):
            missed += 1
            show.note(f"error: {path}: plaintext in field {field!r} is let through")
    if not tried:
        raise NothingMatched(problem="no record with a blob in which plaintext could be planted", hint="seal a record first")
    if not output.quiet:
        show.note(f"{tried} planted, {tried - missed} found")
    return 1 if missed else 0


def _plants(where: Where, demanded: Demanded) -> Iterator[tuple[str, str, _Policies, str, bytes]]:
    """Yield copies with plaintext in a blob's place: the path, the field, the policies, the path below the root, the content."""
    count = 0
    for file in visitor.files(run.walk(where), demanded):
        for field, name, data in _planted(file, demanded) if file.problem is None else ():
            path = file.found.path
            policies = {level.prefix + NAME: read_policy(os.path.join(level.folder, NAME)) for level in demanded.levels(path)}
            yield path, field, policies, name, data
            count += 1
            if count == _MOST:
                return


def _planted(file: File, demanded: Demanded) -> Iterator[tuple[str, str, bytes]]:
    """Yield copies of a file with plaintext in it: the field, the path below the root, the content.

    In the place of each blob; in the same record where it was filed in the wrong folder, or under a name that no rule matches; and in the
    field ``secured`` where the rules speak of others.
    """
    path, below = file.found.path, demanded.below(file.found.path)
    try:
        records = visit.whole(path, file.data, kind_among(file.rules)) if visit.may_hold_blobs(file.data) else []
        policies = demanded.policies(path)
    except SealkitError:
        return
    if not records:
        return
    first, rest = records[0], b"".join(record.raw for record in records[1:])
    asked = [rule.path for rule in file.rules]
    for rule in file.rules:
        with suppress(SealkitError, IndexError):
            field = visit.fields(first, rule.path)[0]
            if first.blob_text(field) is None:
                if rule.line == ALSO:
                    yield field, below, first.set(field, _PLANTED).raw + rest
                continue
            data = first.set(field, _PLANTED).raw + rest
            yield field, below, data
            suffix = os.path.splitext(below)[1]
            elsewhere = [f"{_FOLDER}/misfiled{suffix}", *([f"{_FOLDER}/misfiled.json"] if first.kind == FRONT_MATTER else [])]
            for name in elsewhere:
                if field in (policies.elsewhere(name) if policies is not None else asked):
                    yield field, name, data


def _is_let_through(policies: _Policies, below: str, data: bytes, field: str) -> bool:
    """Put a record into a folder of its own, with the policies, and ask the gate."""
    with tempfile.TemporaryDirectory(prefix="sealkit-self-test-") as folder:
        write_new(
            os.path.join(folder, ".git"), b"", root=folder
        )  # the top of a work tree: nothing above it counts, wherever this is
        for name, content in {**policies, below: data}.items():
            if content is not None:
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                write_new(path, content, root=folder)
        where = Where((folder,), None, (), (), None, gitignore=False, hidden=True, cross_mounts=True)
        task = run.task(orders.CHECK, where, Asked())
        found = [outcome for done in batch.each(task, run.walk(where), Mode()) for outcome in done.outcomes]
    return not any(outcome.exit_status and outcome.field == field for outcome in found)
