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
"""A record file, a version of it in git, a payload, stdin. A blob of that size is opened in a second, and in seven times its size."""

JSON_VALUES: Final = 1_000_000
"""Keys and values of a JSON text, or of all lines of a file: each is a node of 250 bytes that takes 3 microseconds to read."""

JSON_LINES: Final = 100_000
"""Lines of a JSON Lines file: each is a record of its own, of a kilobyte with what becomes of it, and takes 50 microseconds."""

# --- payloads ----------------------------------------------------------------------------------------------------------
PAYLOAD_VALUES: Final = 5_000_000
"""Keys and values of a payload that is to be JSON: Python reads one in 0.2 microseconds, into 100 bytes."""

SHOWN_LINES: Final = 1_000_000
"""Lines of a payload that are shown, compared or searched: each is an object of 60 bytes, and takes 2 microseconds."""

MERGED_VALUES: Final = 100_000
"""Keys and values of JSON that is merged, or shown key by key: it is read three times and written up to twelve times, in each known style."""

COMPARISONS: Final = 100_000_000
"""Pairs of equal lines, or words, times the lines that can differ: how often two of them are compared at worst, at 50 nanoseconds."""

# --- which files are records -------------------------------------------------------------------------------------------
IGNORE_BYTES: Final = 128 << 10
"""An ignore file: a byte of it takes up to 10 microseconds to compile, and it may be compiled twice. Long ones have 10 KiB."""

GLOB_WORK: Final = 2_000_000
"""The bytes of some globs, each times its steps: what a folder may lead to is spelt out step by step, at up to 1.6 microseconds a byte."""

# --- tables ------------------------------------------------------------------------------------------------------------
CELL_BYTES: Final = 64 * MIB
"""One value of a table, as of any record."""

BATCH_BYTES: Final = 128 * MIB
"""What is read of a table at once: a batch of rows, with what is made of it, takes four times that."""

TABLE_COLUMNS: Final = 10_000
"""Columns of a table, which are read and written one by one."""

# --- keys ----------------------------------------------------------------------------------------------------------------
RING_SECONDS: Final = 10.0
RING_BYTES: Final = 4 * GIB
"""What the keys of a ring that come from passphrases may take, all together: two of ``keygen --passphrase --hard``, or forty of the default."""

ARGON2_SECONDS: Final = 1.0
"""A pass of Argon2id over a gibibyte; the first one counts twice, for the system has to find the memory."""

SCRYPT_SECONDS: Final = 0.4
"""2^20 blocks of scrypt (``n r p``)."""

PBKDF2_SECONDS: Final = 0.2
"""A million rounds of PBKDF2 with HMAC-SHA256."""
