"""How much is read, and how much work is done for it: every figure that bounds an input, and why it is this one.

The measure is one for all: what would take more than about five seconds of a processor, or a gigabyte of memory, is refused as ``limit``
before the work begins, by a count that costs next to nothing. A ring of keys has ten seconds and four gigabytes, all its keys together.
The figures stand in ``docs/format.md``, too.
"""

from __future__ import annotations

from typing import Final

MIB: Final = 1 << 20
GIB: Final = 1 << 30

# --- records -----------------------------------------------------------------------------------------------------------
FILE_BYTES: Final = 64 * MIB
"""A record file, a version of one in git, a payload, stdin: opening one takes six times its size at most."""

JSON_VALUES: Final = 1_000_000
"""Values and keys of a JSON text, each of them a node of some 250 bytes that takes 4 microseconds to read."""

JSON_LINES: Final = 200_000
"""Lines of a JSON Lines file, each of them a record of its own, of some 900 bytes."""

YAML_BYTES: Final = MIB
YAML_EVENTS: Final = 100_000
YAML_ALIASES: Final = 100
"""YAML: libyaml reads a megabyte in a tenth of a second; an event is a node, as above; a few aliases can be multiplied."""

# --- what says which files are records -----------------------------------------------------------------------------------
IGNORE_BYTES: Final = 64 << 10
IGNORE_RULES: Final = 2000
"""One ``.gitignore``: a rule takes up to 100 microseconds to compile. The longest ones of public repositories have some hundreds of rules."""
