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

FIELDS: Final = 50_000
"""Fields of a record that one path names (``a[].b``): each takes 50 microseconds to look at, 200 to seal, and a kilobyte."""

DEPTH: Final = 100
YAML_BYTES: Final = MIB
YAML_EVENTS: Final = 100_000
YAML_ALIASES: Final = 100
YAML_DIRECTIVES: Final = 100
"""Collections in collections, and YAML: libyaml reads a mebibyte in a tenth of a second, an event is a node, aliases multiply, and each
directive is compared with all before it. Real front matter has a few kilobytes."""

FRONT_BYTES: Final = 64 << 10
FRONT_JSON_BYTES: Final = 8 * MIB
LOOSE_JSON_BYTES: Final = MIB
TOML_BYTES: Final = MIB
"""Front matter as other generators read it, JSON under another name, JSON with comments, and TOML: of what is longer it is not told that
it lacks the field. Comments are taken out word by word, at half a microsecond each, and Python's reader of TOML takes 0.2 for a byte."""

BLOCKS: Final = 1000
"""Blocks of YAML in the text of a page that are read to show that a line in them is no key: each takes up to a millisecond."""

BASE64_TAGS: Final = 500
"""Tags in a file behind which base64 may spell a name: of one with more it is taken for granted. Close together they take milliseconds each."""

FENCE_SIGNS: Final = 1000
"""Signs in a line that fences front matter, as ``###`` does: a longer one is compared with every line."""

# --- payloads ----------------------------------------------------------------------------------------------------------
PAYLOAD_VALUES: Final = 5_000_000
"""Keys and values of a payload that is to be JSON: Python reads one in 0.2 microseconds, into 100 bytes."""

SHOWN_LINES: Final = 1_000_000
"""Lines of a payload that are shown, compared or searched: each is an object of 60 bytes, and takes 2 microseconds."""

ESCAPES: Final = 1_000_000
"""Characters of a file that git shows which are escaped, one by one: each takes up to 0.5 microseconds and six bytes."""

MERGED_VALUES: Final = 100_000
"""Keys and values of JSON that is merged, or shown key by key: it is read three times and written up to twelve times, in each known style."""

COMPARISONS: Final = 10_000_000
"""How often two equal lines, or words, are looked at to find what two texts have in common, at 200 nanoseconds."""

# --- which files are records -------------------------------------------------------------------------------------------
IGNORE_BYTES: Final = 128 << 10
"""An ignore file: a byte of it takes up to 10 microseconds to compile, and it may be compiled twice. Long ones have 10 KiB."""

GLOB_WORK: Final = 2_000_000
"""The bytes of some globs, each times its steps: what a folder may lead to is spelt out step by step, at up to 1.6 microseconds a byte."""

# --- tables ------------------------------------------------------------------------------------------------------------
CELL_BYTES: Final = 64 * MIB
"""One value of a CSV table, or one line of it: as of any record."""

CELLS: Final = 1_000_000
"""Values in one row of a CSV table: each is a reference of 8 bytes, and most are objects of 60."""

READ_ROWS: Final = 8192
BATCH_ROWS: Final = 65_536
BATCH_BYTES: Final = 128 * MIB
"""Rows that are read and worked on at once, and their bytes: with what is made of them they take four times that."""

ROW_BYTES: Final = 256 * MIB
PAGE_BYTES: Final = 128 * MIB
IPC_BYTES: Final = 512 * MIB
"""What pyarrow asks memory for at once: a row, a page of a Parquet file, a batch of an Arrow file."""

TABLE_COLUMNS: Final = 10_000
TABLE_PAGES: Final = 200_000
"""Columns of a table, and pages in all of a Parquet file: a header takes 20 microseconds to read."""

TABLE_ROWS: Final = 1_000_000
ROWS_PER_BYTE: Final = 1000
"""Rows of a table: so many, and a thousand more for each byte of its file. A million rows take a second."""

TABLE_BYTES: Final = 512 * MIB
BYTES_PER_BYTE: Final = 1000
"""What a table may unfold to: so much, or a thousand times its file. A gigabyte of values takes five seconds; ciphertext does not shrink."""

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
