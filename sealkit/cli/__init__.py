"""The command line: one module per verb; each parses, calls one function of the library and prints."""

from __future__ import annotations

import sys

from sealkit import __version__

INTERRUPTED = 130
"""The exit status after SIGINT: 128 and the signal's number, as shells have it."""


def main() -> None:
    """Run the command line of this process; the entry point of the ``sealkit`` script."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):  # asked for by scripts and installers: answered without importing click
        from sealkit.cli import show

        if show.is_out(f"sealkit {__version__}"):
            return
    _leave_the_working_folder_out()
    try:
        from sealkit.cli.program import run_alone

        status = run_alone(arguments)
    except KeyboardInterrupt:  # while modules were imported, or after the last word
        status = INTERRUPTED
    sys.exit(status)


def _leave_the_working_folder_out() -> None:
    """Let no module be imported from the working folder, or from folders that are named relative to it: it may be anybody's tree.

    ``python -m`` puts it in front of all others, and ``PYTHONPATH`` may name it. The packages of this Python stay, wherever one works.
    """
    import os

    if sys.flags.isolated:
        return
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it was removed: nothing is there
        here = ""
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    relative = {os.path.normpath(os.path.join(here, entry)) for entry in named if here and not os.path.isabs(entry)}
    own = {os.path.realpath(folder) for folder in (sys.prefix, sys.base_prefix)}
    is_own = here in own or any(here.startswith(folder.rstrip("/") + "/lib") for folder in own)
    sys.path[:] = [
        entry
        for entry in sys.path
        if os.path.isabs(entry) and entry not in relative and (is_own or os.path.realpath(entry) != here)
    ]
