"""``sealkit diff``: what changed in payloads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, show
from sealkit.demands import Asked
from sealkit.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealkit.git.compare import Looks, Pair


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="A B | REV [PATH]...", shell_complete=options.files)
@options.fields
@options.ring_file
@options.require_authentic
@click.option("--word", is_flag=True, help="Word by word: [-gone-] and {+new+}.")
def diff(what: tuple[str, ...], fields: tuple[str, ...], file: str | None, require_authentic: bool, word: bool) -> int:
    """Show what changed between two record files, or since a git revision, with the payloads opened below their lines.

    Two files that are there are compared; else the first word is a revision (a commit, branch or tag), and the records that git tracks
    below the paths (all, if none is given) are compared with what they were then. Exit 0 whether anything differs or not; 1 if a
    payload could not be opened. The payloads go to stdout, terminal or not; those that somebody without the key may have altered are
    called unauthenticated in the line above them, and what decrypt refuses stays closed.

    \b
    Example:
      sealkit diff HEAD~1 article.md
      sealkit diff --word draft.md article.md
    """
    from sealkit.git import compare

    looks = compare.Looks(Asked(fields or None), options.load_ring(file), require_authentic)
    status = 0
    for pair in _pairs(what, looks):
        if pair.old != pair.new:
            show.text(_text(pair) if not word else _head(pair) + compare.by_words(pair.old, pair.new))
            for place in pair.unauthenticated:
                show.unauthenticated(place)
        for problem in dict.fromkeys(pair.problems):
            show.note(f"error: {problem}")
            status = 1
    return status


def _pairs(what: tuple[str, ...], looks: Looks) -> Iterable[Pair]:
    from sealkit.git import compare

    if len(what) == 2 and all(os.path.isfile(path) for path in what):
        return [compare.files(what[0], what[1], looks)]
    if len(what) == 1 and os.path.exists(what[0]):
        raise Usage(
            problem="one path, and nothing to compare it with", hint="name a revision before it, as in: sealkit diff HEAD FILE"
        )
    return compare.since(what[0], what[1:] or (".",), looks)


def _text(pair: Pair) -> bytes:
    from sealkit.cli.unified import unified

    return unified(pair.old_path, pair.old, pair.new, hidden=False, new_path=pair.new_path)


def _head(pair: Pair) -> bytes:
    return b"".join(_text(pair).splitlines(keepends=True)[:2])
