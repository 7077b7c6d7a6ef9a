"""``sealkit columns``: the jobs on one column of a table in a file."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from sealkit.cli import options, show
from sealkit.cli.options import Keys
from sealkit.cli.progress import Progress
from sealkit.errors import Usage
from sealkit.records import fieldpath
from sealkit.records.identity import parse_bind
from sealkit.report import json_line
from sealkit.wording import plural

if TYPE_CHECKING:
    from sealkit.records.identity import Bind
    from sealkit.sealer import Sealer

_SEALS = ("seal", "rotate")
_GOOD = frozenset(["authentic", "unauthenticated", "sealed", "rotated", "unchanged"])


@click.command()
@click.argument("job", type=click.Choice(["decrypt", "seal", "rotate", "verify"]))
@click.argument("source", metavar="IN", shell_complete=options.files)
@click.argument("target", metavar="[OUT]", required=False, shell_complete=options.files)
@click.option("--column", default="secured", metavar="NAME", help="The column (secured, if not given).")
@click.option("--status", metavar="NAME", help="Add a column of this name that says what became of each row.")
@click.option("--to", metavar="ID", help="rotate: the key to seal under; the primary if not given.")
@click.option("--path-column", metavar="NAME", help="The column that holds the paths of files, for --bind path.")
@options.seal_foreign
@options.form
@options.keys
@click.option("--json", "as_json", is_flag=True, help="Print the counts as a JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Only findings and errors on stderr.")
@click.option("--progress/--no-progress", default=True, help="Progress on a terminal (the default).")
def columns(job: str, source: str, target: str | None, keys: Keys, **given: Any) -> int:
    """Decrypt, seal, rotate or verify a column of a table (Parquet, Arrow IPC, CSV, JSON Lines), a batch of rows at a time.

    IN is not changed; OUT is a new file (0600) with the same columns, of which one has other values. A row that fails makes the exit
    status 1; it is left empty, and by rotate as it was. verify needs no OUT. --bind a,b binds to the values of these columns. For JSON Lines
    the policies hold that are on the way to IN.

    \b
    Example:
      sealkit columns decrypt articles.parquet open.parquet
      sealkit columns rotate --to k3 --column secured articles.csv rotated.csv
      sealkit columns verify articles.parquet
    """
    if target is None and job != "verify":
        raise Usage(problem=f"{job} writes a table, and no name for it is given", hint=f"sealkit columns {job} IN OUT")
    from sealkit.columns import files

    ring = options.load_ring(keys.ring, seals=job in _SEALS)
    target_key = given["to"] if given["to"] is not None else ring.primary.id if job == "rotate" else None
    sealer = keys.sealer(ring, format=given["form"]) if job != "rotate" else keys.sealer(ring, target_key, format=given["form"])
    named = tuple(key_id for key_id in (keys.key_id, target_key) if key_id is not None)
    opener = keys._replace(key_id=None).sealer(ring, opens=named if keys.key_id is not None else None)
    field = fieldpath.of_column(given["column"])
    opener, sealer, bind = _demanded(job, source, field, keys, (opener, sealer))
    if bind == "path" and given["path_column"] is None:
        raise Usage(problem="blobs are bound to paths, and no column holds these", hint="name it with --path-column NAME")
    beside = (given["path_column"],) if given["path_column"] is not None else ()
    names = {name: fieldpath.column_of(name) for name in bind} if isinstance(bind, tuple) else {}
    counts: Counter[str] = Counter()

    def step(column: Any, others: dict[str, Any]) -> tuple[Any, Any]:
        where = {
            "files": others[given["path_column"]] if given["path_column"] is not None else None,
            "identity": {name: others[column] for name, column in names.items()} or None,
        }
        made = _made(job, column, (opener, sealer), {**where, "field": field}, seal_foreign=given["seal_foreign"])
        return _counted(job, made, counts)

    change = files.Change(given["column"], (*beside, *names.values()), given["status"])
    progress = Progress(job, shown=given["progress"] and not given["quiet"])
    for rows in files.stream(source, target, change, step):
        progress.add(rows)
    progress.clear()
    return _told(job, counts, as_json=given["as_json"], quiet=given["quiet"])


def _demanded(job: str, source: str, field: str, keys: Keys, sealers: tuple[Sealer, Sealer]) -> tuple[Sealer, Sealer, Bind]:
    """Return what opens and what seals, and what blobs are bound to, as policies demand it where the table is a file of records."""
    from sealkit.records.kinds import is_record_name
    from sealkit.trees import orders, tasks

    opener, sealer = sealers
    if not os.path.isfile(source) or not is_record_name(os.path.basename(source)):
        return opener, sealer, parse_bind(keys.bind)
    verb = orders.ROTATE if job in _SEALS else orders.DECRYPT
    task = tasks.task(verb, keys.asked((field,)), [source], opener=opener, sealer=sealer if job in _SEALS else None)
    (order,) = (one for one in task.orders(source) if one.demand.path == field)
    return order.opener or opener, order.sealer or sealer, order.demand.bind


def _made(job: str, column: Any, sealers: tuple[Sealer, Sealer], where: dict[str, Any], *, seal_foreign: bool) -> Any:
    from sealkit.columns import core

    opener, sealer = sealers
    if job == "rotate":
        return core.rotate_column(column, opener, sealer, **where)
    if job == "seal":
        return core.seal_column(column, sealer, seal_foreign=seal_foreign, **where)
    return {"decrypt": core.decrypt_column, "verify": core.verify_column}[job](column, opener, **where)


def _counted(job: str, made: Any, counts: Counter[str]) -> tuple[Any, Any]:
    """Count the statuses of rows, and return the new column (None where there is none) and the statuses."""
    statuses = made.field("status")
    for one in statuses.value_counts().to_pylist():
        counts[one["values"]] += one["counts"]
    return (made.field(0) if job != "verify" else None), statuses


def _told(job: str, counts: Counter[str], *, as_json: bool, quiet: bool) -> int:
    known = {status if status is not None else "null": count for status, count in sorted(counts.items(), key=str)}
    if as_json:
        show.json_lines(json_line({"summary": known}))
    failed = sum(count for status, count in counts.items() if status is not None and status not in _GOOD)
    if failed or not quiet:
        told = ", ".join(f"{count:,} {status}" for status, count in known.items())
        proved = sum(count for status, count in counts.items() if status in _GOOD)
        verified = f"{proved:,} verified; " if job == "verify" else ""
        show.note(f"{plural(sum(counts.values()), 'row')}: {verified}{told}")
    return 1 if failed else 0
