"""The command line: one module per verb; each parses, calls one function of the library and prints."""

from __future__ import annotations

import sys

from sealkit import __version__


def main() -> None:
    """Run the command line of this process; the entry point of the ``sealkit`` script."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):  # asked for by scripts and installers: answered without importing anything
        print(f"sealkit {__version__}")
        return
    from sealkit.cli.program import run

    sys.exit(run(arguments))
