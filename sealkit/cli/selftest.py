"""``sealkit check --self-test``: unsealed records are planted in a copy, and the gate must find each."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from sealkit.cli import run, show
from sealkit.cli.options import Where
from sealkit.demands import Asked
from sealkit.errors import NothingMatched, SealkitError
from sealkit.outfile import write_new
from sealkit.policy import NAME
from sealkit.records.kinds import kind_of
from sealkit.records.record import join, split
from sealkit.trees import batch, orders
from sealkit.trees.batch import Mode
from sealkit.trees.demanded import read_policy
from sealkit.trees.store import read
from sealkit.trees.tasks import demanded_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.cli.options import Output
    from sealkit.trees.demanded import Demanded

_Policies = dict[str, bytes | None]
"""The policies that apply to a record: the path of each below the tree's root, and its text."""

_PLANTED = "sealkit planted this text to see whether the gate finds it"
_MOST = 20


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
    for found in run.walk(where):
        if found.problem is not None:
            continue
        data = read(found.path, found.root).data
        for demand in demanded(found.path):
            try:
                records = split(data, kind_of(found.path))
                field = records[0].paths(demand.path)[0]
                if records[0].blob_text(field) is None:
                    continue
                records[0] = records[0].set(field, _PLANTED)
            except (SealkitError, IndexError):
                continue
            policies = {level.prefix + NAME: read_policy(os.path.join(level.folder, NAME)) for level in demanded.levels(found.path)}
            yield found.path, field, policies, demanded.below(found.path), join(records)
            count += 1
            if count == _MOST:
                return


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
