"""Keys given as they are: in the ring itself, in a variable of the environment, in a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from sealkit.config import shown, shown_path
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.access import Source, take_variable
from sealkit.keys.encodings import decode, decoded, encoding_of
from sealkit.keys.files import read_key_file
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from sealkit.config import Table
    from sealkit.keys.access import Access

_NAME_START = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NAME = _NAME_START | frozenset("0123456789")


class Literal(Source):
    """Key bytes that stand in the ring file itself, as ``hex`` or ``base64``."""

    __slots__ = ("_encoding", "_label", "_text")
    literal: ClassVar[bool] = True

    def __init__(self, text: str, encoding: str, label: str) -> None:
        self._text = text
        self._encoding = encoding
        self._label = f"{label}: {encoding} text"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Decode the text of the ring file."""
        return decoded(self._text, self._encoding, self._label, access)


class Variable(Source):
    """Key bytes in an environment variable, which is removed from the environment when it is read."""

    __slots__ = ("_encoding", "_in_ring", "_label", "_name")

    def __init__(self, name: str, encoding: str, label: str, *, in_ring: bool = True) -> None:
        self._name = name
        self._encoding = encoding
        self._label = f"{label}: env {shown(name)}"
        self._in_ring = in_ring

    @opaque
    def read(self, access: Access) -> bytearray:
        """Take the variable and decode it."""
        value = take_variable(self._name, access.environ)
        if value is None:
            instead = ", or disable the key in the ring" if self._in_ring else ""
            raise NoUsableKey(problem=f"{self._label} is not set", hint=f"export it, set to the key as {self._encoding}{instead}")
        return decoded(value, self._encoding, self._label, access)


class KeyFile(Source):
    """Key bytes in a file of their own, which nobody else may read."""

    __slots__ = ("_encoding", "_label", "_path")

    def __init__(self, path: str, encoding: str, label: str) -> None:
        self._path = path
        self._encoding = encoding
        self._label = f"{label}: file {shown_path(path)}"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Open the file without following a link, check the descriptor, and decode what it holds."""
        content = read_key_file(self._path, self._label, access)
        try:
            return decode(content, self._encoding, self._label, access)
        finally:
            wipe(content)


def literal(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare text of the ring file as a source. Raises ``ConfigError``."""
    del folder
    if "encoding" in entry:
        problem = f"{label}: {kind} is its own encoding"
        raise ConfigError(problem=problem, hint="remove encoding", line=entry.lines["encoding"])
    return Literal(entry.text(kind, of=label), kind, label)


def variable(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare a variable as a source. Raises ``ConfigError``."""
    del folder
    return Variable(variable_name(entry, kind, label), encoding_of(entry, kind, label), label)


def variable_name(entry: Table, kind: str, label: str) -> str:
    """Return the name of a variable that ``kind`` of a table names. Raises ``ConfigError`` for what cannot be one."""
    name = entry.text(kind, of=label)
    if not is_variable_name(name):
        hint = "env takes the name of a variable, not its value, such as SEALKIT_SECRET_K2"
        raise ConfigError(problem=f"{label}: not the name of an environment variable", hint=hint, line=name.line)
    return str(name)


def key_file(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare a key file as a source. Raises ``ConfigError``."""
    return KeyFile(file_path(entry, kind, label, folder), encoding_of(entry, kind, label), label)


def file_path(entry: Table, kind: str, label: str, folder: str) -> str:
    """Return the path of a file that ``kind`` of a table names, relative to ``folder``. Raises ``ConfigError`` for one with ``~``."""
    path = entry.text(kind, of=label)
    if path.startswith("~"):
        hint = "write it from / on, or relative to the ring file's folder"
        raise ConfigError(problem=f"{label}: ~ is not expanded in a path", hint=hint, line=path.line)
    return os.path.join(folder, path)


def is_variable_name(name: str) -> bool:
    """Tell whether an environment variable may have that name: letters, digits and _, no digit first."""
    return bool(name) and name[0] in _NAME_START and _NAME.issuperset(name)
