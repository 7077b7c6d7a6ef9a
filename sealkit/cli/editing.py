"""What ``edit``, ``set`` and ``resolve`` share: a text that somebody edits in memory until it can be sealed, and somebody's word for a blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from sealkit.cli import show
from sealkit.desk.editor import Editor
from sealkit.desk.scratch import Scratch
from sealkit.errors import Downgraded, NotBlessed, PayloadCheck
from sealkit.refusals import VOUCH_HINT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.errors import BlobError

F = TypeVar("F", bound="Callable[..., Any]")
R = TypeVar("R")


def allow_disk_temp(function: F) -> F:
    """Add --allow-disk-temp."""
    return click.option(
        "--allow-disk-temp", "allow_disk", is_flag=True, help="Edit in the temporary folder if there is none in memory."
    )(function)


def vouch(function: F) -> F:
    """Add --vouch."""
    return click.option(
        "--vouch",
        is_flag=True,
        help="You know that the blob is good, although it proves nothing: open it, and seal it as rule and ring say.",
    )(function)


def is_vouched_for(error: BlobError) -> bool:
    """Say whether somebody at the terminal vouches for a blob that was refused for want of a proof; where nobody is, say how."""
    error.hint = VOUCH_HINT
    if not show.is_watched():
        return False
    show.error(error)
    return vouches("Do you know that the blob is good, and vouch for it?")


def vouches(question: str) -> bool:
    """Say whether somebody at the terminal answers a question with y; no, where nobody is."""
    return show.is_watched() and show.is_agreed(question)


REFUSED = (Downgraded, NotBlessed)


def line(function: F) -> F:
    """Add --line."""
    return click.option(
        "--line", type=click.IntRange(1), metavar="N", help="Which field, by its line, or by that of its record (JSON Lines)."
    )(function)


def edited(text: bytes, accept: Callable[[bytes], R], *, is_json: bool, allow_disk: bool) -> R:
    """Let somebody edit a text, and return what ``accept`` makes of it; after a ``PayloadCheck`` it may be edited again.

    The text is in a folder of its own, in memory, under a name that says nothing; it is removed whatever happens.
    """
    editor = Editor()
    if not editor.is_known:
        show.warning(f"it is not known whether {editor.name!r} keeps copies elsewhere; vim, nvim, nano and emacs are told not to")
    with Scratch(allow_disk=allow_disk) as scratch:
        path = scratch.write("payload.json" if is_json else "payload.txt", text)
        while True:
            editor.run(path)
            try:
                return accept(scratch.read(path))
            except PayloadCheck as error:
                if not show.is_watched():
                    raise
                show.error(error)
                if not show.is_agreed("Edit it again?", default=True):
                    raise
