"""Keys derived from a passphrase, by Argon2id (RFC 9106), scrypt (RFC 7914) or PBKDF2 with HMAC-SHA256 (RFC 8018).

The function, its parameters and the salt stand in the ring, which may come from anybody: they are bounded before anything is computed. The
passphrase is typed, or comes from a variable, a file, a descriptor or a program. One that is text is taken in its composed form (NFC), so
that it is the same bytes whatever keyboard it is typed on; one line ending at its end does not count. A key is derived once, as long as a ring that has it is open.
"""

from __future__ import annotations

import binascii
import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit import limits
from sealkit.config import Table
from sealkit.crypto import kdf
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import command, given, streams
from sealkit.keys.access import Cost, Source, take_variable
from sealkit.keys.encodings import encoded, without_line_ending
from sealkit.keys.files import read_key_file
from sealkit.keys.key import SIZES, Key
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.config import Text
    from sealkit.keys.access import Access

PROMPT = "prompt"
SALT_BYTES = 16
MIN_SALT, MAX_SALT = 8, 64
MAX_PASSPHRASE = 1024
_KIB = 1024
_KID = frozenset("0123456789abcdef")


class Function(NamedTuple):
    """A key derivation function: what it takes, each parameter with its default, and the least and most that is read."""

    derive: Callable[..., bytearray]
    cost: Callable[..., Cost]
    defaults: dict[str, int]
    bounds: dict[str, tuple[int, int]]


def _of_argon2id(t: int, m: int, p: int) -> Cost:
    del p  # the lanes share the memory and the work
    return Cost((t + 1) * m * _KIB / limits.GIB * limits.ARGON2_SECONDS, m * _KIB)


def _of_scrypt(n: int, r: int, p: int) -> Cost:
    return Cost(n * r * p / (1 << 20) * limits.SCRYPT_SECONDS, 128 * n * r)


def _of_pbkdf2(iterations: int) -> Cost:
    return Cost(iterations / 1_000_000 * limits.PBKDF2_SECONDS, 0)


FUNCTIONS = {
    "argon2id": Function(kdf.argon2id, _of_argon2id, {"t": 3, "m": 65536, "p": 4}, {"t": (1, 16), "m": (8, 4 << 20), "p": (1, 64)}),
    "scrypt": Function(kdf.scrypt, _of_scrypt, {"n": 1 << 17, "r": 8, "p": 1}, {"n": (2, 1 << 20), "r": (1, 16), "p": (1, 16)}),
    "pbkdf2": Function(kdf.pbkdf2, _of_pbkdf2, {"iterations": 600_000}, {"iterations": (1, 10_000_000)}),
}
"""The defaults are the second choice of RFC 9106 section 4 (``t`` passes over ``m`` KiB), and what OWASP recommends for the others."""
HARD = {"argon2id": {"t": 1, "m": 2 << 20, "p": 4}, "scrypt": {"n": 1 << 20, "r": 8, "p": 1}, "pbkdf2": {"iterations": 5_000_000}}
"""For ``--hard``: the first choice of RFC 9106 (2 GiB of memory), and several times the defaults."""
ATTRIBUTES = ("kdf", "salt", "bytes", "check", "t", "m", "p", "n", "r", "iterations")


class Recipe(NamedTuple):
    """How a key is derived: the name of the function, its parameters, the salt, and how many bytes the key has."""

    kdf: str
    parameters: tuple[tuple[str, int], ...]
    salt: bytes
    size: int

    @property
    def cost(self) -> Cost:
        """What deriving the key takes, by the figures of ``limits``; nothing is measured."""
        return FUNCTIONS[self.kdf].cost(**dict(self.parameters))

    def derive(self, passphrase: bytearray) -> bytearray:
        """Return the key. Raises ``NoUsableKey``."""
        return FUNCTIONS[self.kdf].derive(passphrase, self.salt, size=self.size, **dict(self.parameters))


class Passphrase(Source):
    """Key bytes derived from a passphrase."""

    __slots__ = ("_check", "_fetch", "_label", "_recipe", "cost", "runs")
    costly = True

    def __init__(self, fetch: Callable[[Access], bytearray], recipe: Recipe, check: str, label: str, *, runs: bool) -> None:
        self._fetch = fetch
        self._recipe = recipe
        self.cost = recipe.cost
        self._check = check
        self._label = label
        self.runs = runs

    @opaque
    def read(self, access: Access) -> bytearray:
        """Fetch the passphrase and derive the key, or return what was derived before from the same one."""
        passphrase = composed(self._fetch(access), self._label)
        try:
            secret = derived(self._recipe, passphrase, access)
        finally:
            wipe(passphrase)
        if self._check and check_of(secret) != self._check:
            wipe(secret)
            raise NoUsableKey(problem=f"{self._label}: wrong passphrase", hint="type it again; mind the keyboard layout")
        return secret


# --- deriving --------------------------------------------------------------------------------------------------------
_pepper = os.urandom(32)


def derived(recipe: Recipe, passphrase: bytearray, access: Access) -> bytearray:
    """Return the key that a passphrase gives, for the caller to wipe; computed once as long as a ring that has it is open. Raises ``NoUsableKey``."""
    from hashlib import blake2b

    name = blake2b(repr(recipe).encode() + b"\0", key=_pepper)
    name.update(passphrase)
    return access.remembered(name.digest(), lambda: recipe.derive(passphrase))


def check_of(secret: bytearray) -> str:
    """Return the check value, 16 hex digits, by which a wrong passphrase is told: the kid of the derived bytes."""
    key = Key("check", secret)
    try:
        return key.kid
    finally:
        key.close()


def composed(passphrase: bytearray, label: str) -> bytearray:
    """Return a passphrase without its line ending, composed (NFC) if it is text; wipes what it was given. Raises ``NoUsableKey``."""
    bare = without_line_ending(passphrase)
    if bare is not passphrase:
        wipe(passphrase)
    if not bare or len(bare) > MAX_PASSPHRASE:
        wipe(bare)
        raise NoUsableKey(problem=f"{label}: a passphrase of 0 or of more than {MAX_PASSPHRASE} bytes", hint="type one")
    if bare.isascii():
        return bare
    from unicodedata import normalize

    try:
        text = bare.decode("utf-8")
    except UnicodeDecodeError:
        return bare
    wipe(bare)
    return bytearray(normalize("NFC", text).encode())


# --- declaring -------------------------------------------------------------------------------------------------------
def declare(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare a passphrase as a source. Raises ``ConfigError``, also for parameters that would take too long or too much memory."""
    recipe = _recipe(entry, label)
    check = entry.text("check", of=label) if "check" in entry else None
    if check is not None and (len(check) != 16 or not _KID.issuperset(check)):
        raise ConfigError(problem=f"{label}: check is 16 hex digits", hint="leave it out, or make the key anew", line=check.line)
    fetch, runs = fetcher(entry, kind, label, folder)
    return Passphrase(fetch, recipe, str(check or ""), label, runs=runs)


def _recipe(entry: Table, label: str) -> Recipe:
    entry.need("kdf", of=label)
    name = entry.choice("kdf", tuple(FUNCTIONS), of=label, default="")
    function = FUNCTIONS[name]
    entry.only((kind_of(entry), "kdf", "salt", "bytes", "check", "kid", *function.bounds), of=f"{label}: {name}")
    parameters = {parameter: _number(entry, parameter, *bounds, label) for parameter, bounds in function.bounds.items()}
    if name == "argon2id" and parameters["m"] < 8 * parameters["p"]:
        raise ConfigError(problem=f"{label}: m is less than 8 p", hint="RFC 9106 section 3.1", line=entry.lines["m"])
    if name == "scrypt" and parameters["n"] & (parameters["n"] - 1):
        raise ConfigError(problem=f"{label}: n is not a power of two", hint="RFC 7914 section 2", line=entry.lines["n"])
    size = _number(entry, "bytes", min(SIZES), max(SIZES), label) if "bytes" in entry else max(SIZES)
    if size not in SIZES:
        raise ConfigError(problem=f"{label}: a key has 16, 24 or 32 bytes", hint="without bytes: 32", line=entry.lines["bytes"])
    return Recipe(name, tuple(parameters.items()), _salt(entry.text("salt", of=label), label), size)


def kind_of(entry: Table) -> str:
    """Return the name of the source itself in its table."""
    return next(name for name in entry if name not in ATTRIBUTES)


def _number(entry: Table, name: str, least: int, most: int, label: str) -> int:
    text = entry.text(name, of=label)
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ConfigError(problem=f"{label}: {name} is a number from {least} to {most}", hint="see docs/keys.md", line=text.line)
    return int(text)


def _salt(text: Text, label: str) -> bytes:
    try:
        salt = binascii.a2b_base64(text.encode(), strict_mode=True)
    except ValueError:
        salt = b""
    if not MIN_SALT <= len(salt) <= MAX_SALT or binascii.b2a_base64(salt, newline=False) != text.encode():
        hint = f"padded base64 of {MIN_SALT} to {MAX_SALT} random bytes; sealkit keygen --passphrase makes one"
        raise ConfigError(problem=f"{label}: not a salt", hint=hint, line=text.line)
    return salt


def fetcher(
    entry: Table, kind: str, label: str, folder: str, word: str = "passphrase"
) -> tuple[Callable[[Access], bytearray], bool]:
    """Return what fetches the passphrase, or what ``word`` says it is, and whether that runs a program. Raises ``ConfigError``."""
    where = entry.need(kind, of=label)
    line = entry.lines[kind]
    if not isinstance(where, Table):
        if where != PROMPT:
            hint = "prompt, {env: NAME}, {file: FILE}, {fd: N} or {command: [PROGRAM, ...]}; never the " + f"{word} itself"
            raise ConfigError(problem=f"{label}: it is not said where the {word} comes from", hint=hint, line=line)
        return (lambda access: encoded(access.asked(f"{word} of {label}"), label)), False
    label = f"{label}: {word}"
    if "command" in where:
        where.only(("command", "timeout", "keep"), of=label)
        program = command.program_of(where, "command", label, folder)
        return (lambda access: command.output_of(program, label, access)), True
    where.only(("env", "file", "fd"), of=label)
    if len(where) != 1:
        raise ConfigError(problem=f"{label}: {len(where)} places", hint="name exactly one of: env, file, fd, command", line=line)
    if "env" in where:
        name = given.variable_name(where, "env", label)
        return (lambda access: _variable(name, label, word, access)), False
    if "file" in where:
        path = given.file_path(where, "file", label, folder)
        return (lambda access: read_key_file(path, f"{label}: file", access)), False
    number = streams.descriptor_number(where, "fd", label)
    return (lambda access: streams.read_descriptor(number, f"{label}: {streams.name_of(number)}", access)), False


def _variable(name: str, label: str, word: str, access: Access) -> bytearray:
    value = take_variable(name, access.environ)
    if value is None:
        raise NoUsableKey(problem=f"{label}: env {name!r} is not set", hint=f"set it to the {word}")
    return encoded(value, label)


# --- making ----------------------------------------------------------------------------------------------------------
def new_recipe(name: str, *, hard: bool = False, size: int = 32) -> Recipe:
    """Return a recipe with a new salt, and the default parameters of a function or, for ``hard``, several times the work."""
    parameters = HARD[name] if hard else FUNCTIONS[name].defaults
    return Recipe(name, tuple(parameters.items()), os.urandom(SALT_BYTES), size)


def source_of(recipe: Recipe, where: str, check: str) -> str:
    """Return the source as a ring file has it; ``where`` says where the passphrase comes from, as it stands there."""
    salt = binascii.b2a_base64(recipe.salt, newline=False).decode("ascii")
    parameters = "".join(f", {name}: {value}" for name, value in recipe.parameters)
    size = f", bytes: {recipe.size}" if recipe.size != max(SIZES) else ""
    return f'{{passphrase: {where}, kdf: {recipe.kdf}, salt: "{salt}"{parameters}{size}, check: "{check}"}}'
