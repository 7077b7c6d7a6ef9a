"""``sealkit git``: what git calls for diffs and merges, and what tells git to."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click

from sealkit import __version__
from sealkit.cli import options, show
from sealkit.cli.group import Group
from sealkit.demands import Asked
from sealkit.errors import NoUsableKey, SealkitError

if TYPE_CHECKING:
    from sealkit.git.install import Installation
    from sealkit.keys.ring import KeyRing


# The verbs, in the order in which --help lists them.
VERBS = {
    "install": "Tell git to diff, merge and check records with sealkit.",
    "uninstall": "Take back what install did.",
    "doctor": "Say whether that set-up is in order.",
    "textconv": "Print a record as git diff is to show it; git calls it.",
    "merge-driver": "Merge three versions of a record; git calls it.",
}


class Git(Group):
    """The group of git's verbs."""

    def verbs(self) -> dict[str, str]:
        """Return the verbs in their order."""
        return VERBS


@click.group(cls=Git)
def git() -> None:
    """Let git show, merge and check records: readable diffs, merges of payloads, a hook that keeps plaintext out.

    \b
    Example:
      sealkit git install
      sealkit git doctor
    """


@git.command()
@click.argument("path", metavar="FILE", shell_complete=options.files)
@options.fields
@options.ring_file
@click.option("--force", is_flag=True, help="Print payloads, although what git prints may not end on a terminal.")
def textconv(path: str, fields: tuple[str, ...], file: str | None, force: bool) -> int:
    """Print a record as git diff is to show it: payloads, if git prints to a terminal; else a line that changes when a blob does.

    git calls it once install has told it to (diff.sealkit.textconv). Where no key opens a blob, or decrypt would refuse it, the line
    stands in its place; what may have been altered is called unauthenticated. $SEALKIT_REQUIRE_AUTHENTIC counts here, too.

    \b
    Example:
      sealkit git textconv article.md
      git log -p article.md
    """
    from sealkit.git import asking, shown
    from sealkit.git.terminal import git_prints_to_a_terminal
    from sealkit.trees.store import read

    data = read(path).data
    ring = _ring_if_any(file) if force or git_prints_to_a_terminal() else None
    try:
        strict = options.demands_authentic()
        known = asking.orders(asking.names_of(path), Asked(fields or None), ring, require_authentic=strict)
    except SealkitError as error:
        show.error(error)
        known = asking.orders([os.path.basename(path)], Asked(fields or ("secured",)), None)
        ring = None
    text = shown.readable(data, known, opens=ring is not None)
    for problem in dict.fromkeys(text.problems):
        show.note(problem)
    show.text(text.data)
    return 0


def _ring_if_any(file: str | None) -> KeyRing | None:
    try:
        return options.load_ring(file)
    except NoUsableKey:
        return None
    except SealkitError as error:
        show.error(error)
        return None


@git.command("merge-driver")
@click.argument("base", metavar="BASE")
@click.argument("ours", metavar="OURS")
@click.argument("theirs", metavar="THEIRS")
@click.argument("marker_size", metavar="SIZE", type=click.IntRange(1, 1000))
@click.argument("path", metavar="PATH")
@options.ring_file
@click.option("--answer", is_flag=True, hidden=True, help="Print what came of it, in one word, once OURS holds the result.")
def merge_driver(base: str, ours: str, theirs: str, marker_size: int, path: str, file: str | None, answer: bool) -> int:
    """Merge three versions of a record into OURS; exit 1 if something is left to be resolved. git calls it (merge.sealkit.driver).

    The text is merged as git does it. A blob that one side changed is taken as it is; one that both changed is opened, merged, and
    sealed anew. What cannot be merged, or decrypt would refuse, stays as ciphertext of both sides in the field: sealkit resolve. PATH is
    the record's name; $SEALKIT_REQUIRE_AUTHENTIC counts here, too.

    \b
    Example:
      sealkit git merge-driver -- %O %A %B %L %P
    """
    from sealkit.git import asking
    from sealkit.git.merge import Merged, merge
    from sealkit.git.plumbing import merge_texts, write_over
    from sealkit.git.starting import CONFLICT, MERGED
    from sealkit.trees.store import read

    def text(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bool]:
        return merge_texts(base, ours, theirs, marker_size)

    before, one, other = (read(name).data for name in (base, ours, theirs))
    ring = _ring_if_any(file)
    try:
        (known,) = asking.orders([path], Asked(), ring, seals=True, require_authentic=options.demands_authentic())
    except SealkitError as error:
        show.error(error)
        (known,) = asking.orders([path], Asked(("secured",)), None)
        ring = None
    try:
        merged = merge(before, one, other, known, text, ring)
    except SealkitError as error:  # both sides are kept, as git keeps those of any text
        show.error(error.at(path=path))
        merged = Merged(*text(before, one, other), ["merged as text"])
    write_over(ours, merged.data)
    for line in dict.fromkeys((*merged.moves, *merged.problems)):
        show.note(f"{path}: {line}")
    if merged.problems and merged.is_clean:
        show.hint(f"resolve it with: sealkit resolve {shlex.quote(path)}")
    if answer:
        show.out(MERGED if merged.is_done else CONFLICT)
    return 0 if merged.is_done else 1


@git.command()
@click.argument("folder", metavar="[FOLDER]", default=".", shell_complete=options.files)
def install(folder: str) -> int:
    """Tell git to diff, merge and check the records of a repository with sealkit; say what was changed. Twice is safe.

    It adds lines to .gitattributes (commit them), sets diff.sealkit.* and merge.sealkit.* in this clone, and writes a pre-commit hook; a
    hook that is there already is kept. All of them name this installation of sealkit: where it is moved or made anew, run this again; and
    before it is removed, run uninstall. Without it git shows records as they are, merges them as text, and stops commits.

    \b
    Example:
      sealkit git install
    """
    changed = False
    for text in installation(folder).install():
        show.out(text)
        changed = True
    if not changed:
        show.note("all is installed already")
    return 0


@git.command()
@click.argument("folder", metavar="[FOLDER]", default=".", shell_complete=options.files)
def uninstall(folder: str) -> int:
    """Take back what install did, and nothing else; say what was changed. Run it before the package is removed.

    \b
    Example:
      sealkit git uninstall
    """
    changed = False
    for text in installation(folder).uninstall():
        show.out(text)
        changed = True
    if not changed:
        show.note("nothing is installed")
    return 0


@git.command()
@click.argument("folder", metavar="[FOLDER]", default=".", shell_complete=options.files)
def doctor(folder: str) -> int:
    """Say what of this repository's set-up is in order, and what is not; exit 1 if anything is not.

    What install set is tried without the environment of this shell. Besides, it looks for plaintext that git may have kept of textconv
    (cachetextconv, refs/notes/textconv).

    \b
    Example:
      sealkit git doctor
    """
    status = 0
    for finding in installation(folder).examine():
        show.out(f"{'ok  ' if finding.is_good else 'BAD '} {finding.text}")
        if not finding.is_good:
            status = 1
            show.hint(finding.hint)
    return status


def installation(folder: str) -> Installation:
    """Return what is installed in the repository of a folder."""
    from sealkit.git.install import Installation
    from sealkit.git.plumbing import Repository

    return Installation(Repository(folder), __version__)
