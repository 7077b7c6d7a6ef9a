"""The command line: one module per verb; each parses, calls one function of the library and prints."""

from __future__ import annotations

import sys

from sealkit import __version__

INTERRUPTED = 130
"""The exit status after SIGINT: 128 and the signal's number, as shells have it."""


def main() -> None:
    """Run the command line of this process; the entry point of the ``sealkit`` script."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):  # asked for by scripts and installers: answered without importing anything
        print(f"sealkit {__version__}")
        return
    try:
        from sealkit.cli.program import run_alone

        status = run_alone(arguments)
    except KeyboardInterrupt:  # while modules were imported, or after the last word
        status = INTERRUPTED
    sys.exit(status)
