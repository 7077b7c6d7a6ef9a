"""``sealkit seal``: plaintext fields become blobs, in place."""

from __future__ import annotations

import click

from sealkit.cli import options, run
from sealkit.cli.change import Change, change, in_place
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.records.kinds import JSON_LINES, kind_of
from sealkit.trees import orders


@click.command()
@options.where
@options.fields
@options.keys
@click.option(
    "--payload",
    "source",
    metavar="FILE",
    shell_complete=options.files,
    help="Seal FILE's bytes (- is stdin) in one record's field, which is added if absent.",
)
@options.form
@options.seal_foreign
@click.option("--if-present", is_flag=True, help="A record that was named and has no such field is no finding (for hooks).")
@change
@options.output
def seal(
    where: Where,
    fields: tuple[str, ...],
    keys: Keys,
    source: str | None,
    form: str | None,
    change: Change,
    output: Output,
    **given: bool,
) -> int:
    """Turn the plaintext in a field into a blob, in place; a field that holds a blob is left alone, byte for byte.

    Strings are sealed as they are, mappings and lists as JSON. What looks like a damaged blob is refused, and so is the ciphertext of
    another program (SOPS, Ansible Vault, Fernet, an IV beside a ciphertext …), which is named. Files are replaced atomically, and only after the new content has been read back and proved. What --payload replaces keeps its key, if that may seal
    there, and what it was sealed as, if that is stronger; a key that changes is said.

    \b
    Example:
      sealkit seal posts/
      sealkit seal --payload body.json article.md
      sealkit decrypt --record article.md | sealkit seal - --as article.md
      sealkit seal --format tagged --bind path posts/
    """
    payload = None if source is None else _payload(source, where, fields)
    ring = options.load_ring(keys.ring, seals=True, reads_stdin=where.is_stdin or source == "-")
    sealer = keys.sealer(ring, format=form)
    opener = sealer if payload is not None else None
    task = run.task(orders.SEAL, where, keys.asked(fields), opener=opener, sealer=sealer, payload=payload)
    task.seal_foreign = given["seal_foreign"]
    return in_place(task, where, output, change, may_lack=given["if_present"])


def _payload(source: str, where: Where, fields: tuple[str, ...]) -> bytes:
    if len(where.paths) != 1 or len(fields) > 1 or any("[]" in field for field in fields):
        raise Usage(problem="--payload is for one field of one record")
    if kind_of(where.as_name or where.paths[0]) == JSON_LINES:
        raise Usage(problem="--payload is for one record; a JSON Lines file holds one on each line")
    if source != "-":
        from sealkit.trees.store import read

        return read(source).data
    if where.is_stdin:
        raise Usage(problem="the record and the payload cannot both come from stdin")
    return run.given_payload("sealkit set --allow-empty FILE", may_be_empty=False)
