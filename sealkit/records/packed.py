"""What a file is packed as, by its first bytes: what stands in it does not stand in its bytes. Pure; nothing is unpacked."""

from __future__ import annotations

from typing import Final

PARQUET, ARROW = "Parquet", "Arrow IPC"
TABLES: Final = frozenset({PARQUET, ARROW})
"""What sealkit itself writes."""

BEGINNING: Final = 16
"""How many bytes tell."""

_MARKS: Final = (
    (0, b"PAR1", PARQUET),
    (0, b"PARE", "encrypted Parquet"),
    (0, b"ARROW1", ARROW),
    (0, b"FEA1", "Feather, version 1"),
    (0, b"ORC", "ORC"),
    (0, b"Obj\x01", "Avro"),
    (0, b"SQLite format 3\0", "SQLite"),
    (8, b"DUCK", "DuckDB"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x1f\x9d", "compress"),
    *((0, b"BZh%d1AY&SY" % level, "bzip2") for level in range(1, 10)),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"LZIP", "lzip"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard"),
    (0, b"\x04\x22\x4d\x18", "LZ4"),
    (0, b"\xff\x06\0\0sNaPpY", "Snappy"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"MSCF\0\0\0\0", "cabinet"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE2 document"),
    (0, b"%PDF-", "PDF"),
    (0, b"PACK\0\0\0", "git pack"),
    (0, b"# v2 git bundle\n", "git bundle"),
    (0, b"# v3 git bundle\n", "git bundle"),
    (0, b"x\x01", "zlib"),
    (0, b"x\x9c", "zlib"),
    (0, b"x\xda", "zlib"),
)
_FIRST: Final = frozenset(mark[0] for at, mark, _ in _MARKS if at == 0)
_CONTINUED: Final = b"\xff\xff\xff\xff"
_MOST_METADATA: Final = 1 << 24


def kind(beginning: bytes) -> str | None:
    """Return what a file that begins like this is packed as: a table, an archive, a compressed stream, a database; None for none of them."""
    if not beginning or (beginning[0] not in _FIRST and beginning[8:12] != b"DUCK"):
        return "Arrow stream" if _begins_stream(beginning) else None
    for at, mark, name in _MARKS:
        if beginning.startswith(mark, at):
            return name
    return "Arrow stream" if _begins_stream(beginning) else None


def _begins_stream(beginning: bytes) -> bool:
    """Say whether messages of Arrow begin here, which have no mark: a size of metadata, a multiple of eight."""
    size = int.from_bytes(beginning[4:8], "little")
    return beginning.startswith(_CONTINUED) and size % 8 == 0 and 0 < size < _MOST_METADATA
