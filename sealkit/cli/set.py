"""``sealkit set``: a payload from stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sealkit.cli import editing, options, run
from sealkit.cli.edit import say, spot_of
from sealkit.errors import Usage

if TYPE_CHECKING:
    from sealkit.cli.options import Keys


@click.command()
@click.argument("path", metavar="FILE", shell_complete=options.files)
@options.fields
@editing.line
@options.keys
@options.form
@click.option("--allow-empty", is_flag=True, help="Seal an empty payload where stdin gives nothing; otherwise that is an error.")
def set(path: str, fields: tuple[str, ...], line: int | None, keys: Keys, form: str | None, *, allow_empty: bool) -> int:
    """Seal the bytes of stdin in a field, whatever it holds; an equal payload is left alone, an absent top-level field added.

    The new blob is under the key of the one that it replaces, if that may seal here, else under the primary: then it says k1 -> k2. Its
    format is what rule and ring say; what was proved stays so.

    \b
    Example:
      printf 'They are confirmed.' | sealkit set article.md
      sealkit set --line 3 feed.jsonl < payload.txt
    """
    spot = spot_of(path, fields, line, keys, form, reads_stdin=True)
    if sys.stdin.isatty():
        raise Usage(
            problem="the payload is to come from stdin, which is a terminal",
            hint="or type it in an editor: sealkit edit {FILE}",
            path=path,
        )
    say(path, spot, spot.put(run.given_payload("--allow-empty", may_be_empty=allow_empty)))
    return 0
