"""Where key bytes come from, and how they are written there.

A source is one class; ``declare`` makes it from its entry in a ring file (``ConfigError`` for an entry that makes no sense), and
``read`` fetches the bytes (``NoUsableKey`` when they cannot be had or are not a key). Encodings are stated, never guessed: 32 hex
digits are also valid base64. Text may end with one line ending, LF or CRLF, which does not count; ``raw`` takes every byte.
"""

from __future__ import annotations

import binascii
import errno
import os
import stat
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from sealkit.config import shown, shown_path
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.key import SIZES, wipe
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from sealkit.config import Table

ENCODINGS = ("hex", "base64", "utf8", "raw")
MAX_KEY_FILE = 4096
LATER = ("fd", "command", "passphrase", "wrapped", "keyring", "pkcs11")
"""Sources of the contract that this version does not read."""

_HEX = frozenset(b"0123456789abcdefABCDEF")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_HEX_LENGTHS = frozenset(2 * size for size in SIZES)
_PRINTABLE = frozenset(range(0x20, 0x7F))
_NAME_START = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NAME = _NAME_START | frozenset("0123456789")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Access:
    """What a source may reach: the environment; and where it leaves warnings for people."""

    __slots__ = ("environ", "warnings")

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self.environ = environ
        self.warnings: list[str] = []


class Source(Protocol):
    """A place that key bytes come from."""

    literal: ClassVar[bool]

    def read(self, access: Access) -> bytearray:
        """Return the 16, 24 or 32 bytes, for the caller to wipe. Raises ``NoUsableKey``."""
        ...


# --- the sources -----------------------------------------------------------------------------------------------------
class Literal:
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
        return decode(encoded(self._text, self._label), self._encoding, self._label, access)


class Variable:
    """Key bytes in an environment variable, which is removed from the environment when it is read."""

    __slots__ = ("_encoding", "_label", "_name")
    literal: ClassVar[bool] = False

    def __init__(self, name: str, encoding: str, label: str) -> None:
        self._name = name
        self._encoding = encoding
        self._label = f"{label}: env {shown(name)}"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Take the variable and decode it."""
        value = take_variable(self._name, access.environ)
        if value is None:
            hint = f"set it to the key as {self._encoding}, or disable the key in the ring"
            raise NoUsableKey(problem=f"{self._label} is not set", hint=hint)
        return decode(encoded(value, self._label), self._encoding, self._label, access)


class KeyFile:
    """Key bytes in a file of their own, which nobody else may read."""

    __slots__ = ("_encoding", "_label", "_path")
    literal: ClassVar[bool] = False

    def __init__(self, path: str, encoding: str, label: str) -> None:
        self._path = path
        self._encoding = encoding
        self._label = f"{label}: file {shown_path(path)}"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Open the file without following a link, check the descriptor, and decode what it holds."""
        content = _read_key_file(self._path, self._label, access)
        try:
            return decode(content, self._encoding, self._label, access)
        finally:
            wipe(content)


def _literal(entry: Table, kind: str, label: str, folder: str) -> Source:
    del folder
    if "encoding" in entry:
        problem = f"{label}: {kind} is its own encoding"
        raise ConfigError(problem=problem, hint="remove encoding", line=entry.lines["encoding"])
    return Literal(entry.text(kind, of=label), kind, label)


def _variable(entry: Table, kind: str, label: str, folder: str) -> Source:
    del folder
    name = entry.text(kind, of=label)
    if name[0] not in _NAME_START or not _NAME.issuperset(name):
        hint = "env takes the name of a variable, not its value, such as SEALKIT_SECRET_K2"
        raise ConfigError(problem=f"{label}: not the name of an environment variable", hint=hint, line=name.line)
    return Variable(str(name), _encoding(entry, kind, label), label)


def _key_file(entry: Table, kind: str, label: str, folder: str) -> Source:
    path = entry.text(kind, of=label)
    if path.startswith("~"):
        hint = "write it from / on, or relative to the ring file's folder"
        raise ConfigError(problem=f"{label}: ~ is not expanded in a path", hint=hint, line=path.line)
    return KeyFile(os.path.join(folder, path), _encoding(entry, kind, label), label)


_KINDS: dict[str, Callable[[Table, str, str, str], Source]] = {
    "hex": _literal,
    "base64": _literal,
    "env": _variable,
    "file": _key_file,
}


@opaque
def declare(entry: Table, label: str, folder: str, *, beside: tuple[str, ...] = ()) -> Source:
    """Return the source that a table of a ring entry describes; ``label`` starts its messages, paths are relative to ``folder``.

    ``beside`` names what else may stand in the table.

    Raises ``ConfigError`` unless it is exactly one source with what that source needs.
    """
    for name in LATER:
        if name in entry:
            problem = f"{label}: source {name!r} is not supported by this version"
            raise ConfigError(problem=problem, hint="this version reads: " + ", ".join(_KINDS), line=entry.lines[name])
    entry.only((*_KINDS, "encoding", *beside), of=f"{label}: source")
    kinds = [name for name in _KINDS if name in entry]
    if len(kinds) != 1:
        hint = "name exactly one of: " + ", ".join(_KINDS)
        raise ConfigError(problem=f"{label}: {len(kinds)} sources", hint=hint, line=entry.line)
    return _KINDS[kinds[0]](entry, kinds[0], label, folder)


def _encoding(entry: Table, kind: str, label: str) -> str:
    if "encoding" not in entry:
        hint = "add encoding: hex, base64, utf8 or raw; it is never guessed, since 32 hex digits are also base64"
        raise ConfigError(problem=f"{label}: source {kind} without encoding", hint=hint, line=entry.line)
    return entry.choice("encoding", ENCODINGS, of=label, default="")


# --- the environment -------------------------------------------------------------------------------------------------
_taken: dict[str, str] = {}


def take_variable(name: str, environ: MutableMapping[str, str]) -> str | None:
    """Return a variable's value, None if it is not set.

    From the environment of this process (``os.environ``) it is removed, so that editors, pagers and hooks do not inherit it; its
    value stays in this process, so that a ring can be loaded again. A value set anew counts. Other mappings are only read.
    """
    if environ is not os.environ:
        return environ.get(name)
    value = environ.pop(name, None)
    if value is not None:
        _taken[name] = value
    return _taken.get(name)


@opaque
def encoded(text: str, label: str) -> bytearray:
    """Return a text's bytes: those of the environment exactly, whatever they are. Raises ``NoUsableKey``."""
    try:
        return bytearray(os.fsencode(text))
    except UnicodeEncodeError:
        pass
    raise NoUsableKey(problem=f"{label}: not text", hint="hex digits and base64 are plain ASCII")


# --- files -----------------------------------------------------------------------------------------------------------
class Content(NamedTuple):
    """A file's bytes, and what its descriptor said about it."""

    data: bytearray
    status: os.stat_result


@opaque
def read_regular(path: str, label: str, *, limit: int, follow: bool) -> Content:
    """Return a regular file of at most ``limit`` bytes; ``follow`` a link as its last component or refuse it.

    Raises ``NoUsableKey``. The kind is checked on the open descriptor; opening never waits for a FIFO's writer.
    """
    reason = ""
    try:
        descriptor = os.open(path, _OPEN | (0 if follow else os.O_NOFOLLOW))
        try:
            return _read_open(descriptor, label, limit)
        finally:
            os.close(descriptor)
    except OSError as error:
        link = error.errno == errno.ELOOP and not follow
        reason = "a symbolic link, which may be pointed elsewhere" if link else (error.strerror or "cannot be read").lower()
    except ValueError:  # a NUL or a lone surrogate in the path
        reason = "no such path can exist"
    raise NoUsableKey(problem=f"{label}: {reason}", hint="name the file itself, and check who may read it")


def _read_open(descriptor: int, label: str, limit: int) -> Content:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise NoUsableKey(problem=f"{label}: not a regular file", hint="name a file; folders, pipes and devices are not read")
    buffer = bytearray(limit + 1)
    view = memoryview(buffer)
    size = 0
    while size <= limit and (count := os.readv(descriptor, [view[size:]])):
        size += count
    data = bytearray(view[:size])  # a copy of the right size: shrinking in place could leave bytes behind
    view.release()
    wipe(buffer)
    if size > limit:
        raise NoUsableKey(problem=f"{label}: more than {limit} bytes", hint="is it the right file?")
    return Content(data, status)


def exposure(status: os.stat_result) -> str | None:
    """Return why a file with secrets may not be used: not ours (nor root's), or open to others; None if it may."""
    if status.st_uid not in {os.geteuid(), 0}:
        return f"owned by another user (uid {status.st_uid})"
    if status.st_mode & _OTHERS:
        return f"open to other users (mode {stat.S_IMODE(status.st_mode):04o})"
    return None


def _read_key_file(path: str, label: str, access: Access) -> bytearray:
    content = read_regular(path, label, limit=MAX_KEY_FILE, follow=False)
    reason = exposure(content.status)
    if reason is not None:
        wipe(content.data)
        raise NoUsableKey(problem=f"{label}: {reason}", hint=f"chmod 600 {shown_path(path)}, and make sure that you own it")
    if _others_may_replace(path):
        access.warnings.append(f"{label}: other users may replace it, its folder is writable by them")
    return content.data


def _others_may_replace(path: str) -> bool:
    try:
        mode = os.stat(os.path.dirname(path) or ".").st_mode
    except OSError:
        return False
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not mode & stat.S_ISVTX


# --- encodings -------------------------------------------------------------------------------------------------------
@opaque
def decode(content: bytearray, encoding: str, label: str, access: Access) -> bytearray:
    """Return the key that some content spells in a stated encoding, 16, 24 or 32 bytes.

    ``hex``: digits of either case, nothing between. ``base64``: RFC 4648 section 4, padded, the one canonical spelling. ``utf8``:
    printable ASCII characters used as the key; warned about. ``raw``: the bytes as they are. Raises ``NoUsableKey``, with a hint
    when the content looks like another encoding.
    """
    text = content if encoding == "raw" else _without_line_ending(content)
    secret = _DECODERS[encoding](text)
    if secret is None:
        hint = _other_encoding(text, encoding) or _SPELLING[encoding]
        raise NoUsableKey(problem=f"{label}: not valid {encoding}", hint=hint)
    if len(secret) not in SIZES:
        hint = _other_encoding(text, encoding) or "a key has 16, 24 or 32 bytes; make one with: sealkit keygen"
        raise NoUsableKey(problem=f"{label}: {len(secret)} bytes as {encoding}; a key has 16, 24 or 32", hint=hint)
    if encoding == "utf8":
        access.warnings.append(
            f"{label}: characters used as the key are far weaker than {8 * len(secret)} bits: rotate to a new key"
        )
    elif encoding == "base64" and _HEX.issuperset(text):
        access.warnings.append(f"{label}: read as base64, but it looks like hex: if so, say encoding: hex")
    return secret


def _without_line_ending(content: bytearray) -> bytearray:
    if content.endswith(b"\r\n"):
        return content[:-2]
    return content[:-1] if content.endswith(b"\n") else content


def _from_hex(text: bytearray) -> bytearray | None:
    return bytearray(binascii.a2b_hex(text)) if _HEX.issuperset(text) and len(text) % 2 == 0 else None


def _from_base64(text: bytearray) -> bytearray | None:
    try:
        secret = bytearray(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:
        return None
    # strict_mode lets other spellings of the last character pass
    return secret if binascii.b2a_base64(secret, newline=False) == text else None


def _from_utf8(text: bytearray) -> bytearray | None:
    return bytearray(text) if _PRINTABLE.issuperset(text) else None


_DECODERS: dict[str, Callable[[bytearray], bytearray | None]] = {
    "hex": _from_hex,
    "base64": _from_base64,
    "utf8": _from_utf8,
    "raw": bytearray,
}
_SPELLING = {
    "hex": "an even number of digits 0-9 a-f, nothing before, between or after them",
    "base64": "padded base64 on one line, in its canonical spelling (RFC 4648 section 4)",
    "utf8": "16, 24 or 32 printable ASCII characters on one line",
}


def _other_encoding(text: bytearray, encoding: str) -> str | None:
    """Guess for the hint, and only there, what content of the wrong size or spelling was meant as."""
    bare = text.strip()
    if encoding != "hex" and len(bare) in _HEX_LENGTHS and _HEX.issuperset(bare):
        return f"a {len(bare)}-character text of hex digits is probably hex: encoding: hex"
    if encoding == "raw" and len(bare) in SIZES:
        return "there is white space around it, and raw takes every byte"
    if encoding != "base64" and len(bare) % 4 == 0 and bare.endswith(b"=") and _BASE64.issuperset(bare):
        return "it is probably base64: encoding: base64"
    return None
