"""Secured fields in text records: find, open, seal, verify and rotate them, byte-exactly.

Which name you want:

- ``KeyRing.load(path)`` reads the keys, ``Sealer(ring)`` opens and seals payloads, ``Blob.parse(text)`` reads a field's value.
- ``Record.parse(data, kind=...)`` reads a record, ``record.value(field)`` and ``record.replace(field, text)`` work on its bytes.
- ``sealkit.jobs`` does what the command line does to one record: ``inspect``, ``decrypt``, ``seal``, ``rotate``, ``verify``.
- ``sealkit.trees`` does it to folders of any size, ``sealkit.columns`` to columns of tables (with the extra ``columns``).
- ``sealkit.errors`` has every exception; ``SealkitError`` is the base of all.

Everything is imported when it is first used, so that ``import sealkit`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealkit import columns, errors, jobs, trees
    from sealkit.crypto.blob import Blob
    from sealkit.errors import SealkitError
    from sealkit.keys.key import Key
    from sealkit.keys.ring import KeyRing
    from sealkit.records.record import Record
    from sealkit.sealer import Sealer

__version__ = "0.1.0"

if TYPE_CHECKING:
    __all__ = ["Blob", "Key", "KeyRing", "Record", "Sealer", "SealkitError", "columns", "errors", "jobs", "trees"]

_PUBLIC = ("Blob", "Key", "KeyRing", "Record", "Sealer", "SealkitError", "columns", "errors", "jobs", "trees")
_HOMES = {
    "Blob": "sealkit.crypto.blob",
    "Key": "sealkit.keys.key",
    "KeyRing": "sealkit.keys.ring",
    "Record": "sealkit.records.record",
    "Sealer": "sealkit.sealer",
    "SealkitError": "sealkit.errors",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562); ``__all__``, when somebody asks for all of them."""
    if name == "__all__":
        return _there()
    if name not in _PUBLIC:
        problem = f"module 'sealkit' has no attribute {name!r}"
        raise AttributeError(problem)
    from importlib import import_module

    if name in _HOMES:
        value: object = getattr(import_module(_HOMES[name]), name)
    else:
        value = import_module(f"sealkit.{name}")
    globals()[name] = value
    return value


def _there() -> list[str]:
    """Return the public names that can be had: ``columns`` only with the packages that it needs."""
    from importlib import import_module

    from sealkit.errors import Usage

    try:
        import_module("sealkit.columns")
    except Usage:
        return [name for name in _PUBLIC if name != "columns"]
    return list(_PUBLIC)


def __dir__() -> list[str]:
    return sorted({*globals(), *_there()})
