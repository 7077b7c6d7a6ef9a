"""The text of a ring file: read into declarations, and made.

Pure functions from bytes to values or bytes: no file is opened and no key is fetched here. ``ringedit`` changes a text.
"""

from __future__ import annotations

import binascii
import json
from typing import NamedTuple

from sealkit import config
from sealkit.errors import ConfigError
from sealkit.keys.access import Source, check_needs
from sealkit.keys.given import Literal
from sealkit.keys.key import ACCEPTS, FORMATS, STATES, check_attributes, check_id
from sealkit.keys.members import check_members
from sealkit.keys.reach import Reach, check_all
from sealkit.keys.sources import declare
from sealkit.opaque import opaque

MAX_KEYS = 256
MAX_EVENTS = 40 * MAX_KEYS
"""What is read of a ring as YAML: two events for an attribute, so that a hostile one costs no time."""
_NO_SOURCE = Literal("", "hex", "")
_RING = "key ring"
_TOP = ("version", "primary", "keys", "recipients")
_ENTRY = ("id", "source", "mac", "verify_only", "format", "accept", "state", "only")
_KID = frozenset("0123456789abcdef")
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-")
MAX_NAME, MAX_RECIPIENTS = 64, 256
_NOT_TEXT_ELSEWHERE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class Declaration(NamedTuple):
    """One entry of a ring file: a key that is not fetched yet.

    ``only`` holds globs, where it is not for every path; ``mac`` is the source of a separate MAC secret; with a ``kid`` (16 hex digits) the key is verify-only, and ``source`` is that of its
    MAC key.
    """

    id: str
    source: Source
    format: str
    accept: str
    state: str
    line: int
    mac: Source | None = None
    kid: str | None = None
    only: tuple[str, ...] = ()

    @property
    def is_verify_only(self) -> bool:
        """Whether the key can only check tags."""
        return self.kid is not None

    @property
    def may_open(self) -> bool:
        """Whether the key may open, or check tags."""
        return self.state != "disabled"

    @property
    def may_seal(self) -> bool:
        """Whether the key may seal."""
        return self.state == "enabled" and not self.is_verify_only


class Recipient(NamedTuple):
    """Somebody that keys of the ring are encrypted to: a name for people, and an age recipient or an SSH public key."""

    name: str
    key: str
    line: int


class RingText(NamedTuple):
    """What a ring file says: the id of the primary (None in a ring of verify-only keys), the keys in file order, the recipients."""

    primary: str | None
    keys: tuple[Declaration, ...]
    recipients: tuple[Recipient, ...] = ()


_ONE_KEY_HINT = "a file that holds one key and nothing else is given with --key-file FILE --key-encoding hex (or base64, utf8)"


# --- reading ---------------------------------------------------------------------------------------------------------
@opaque
def parse(data: bytes, folder: str) -> RingText:
    """Return what a ring file says; paths of key files are relative to ``folder``. Raises ``ConfigError`` with the line."""
    table = config.load(data, what=_RING, events=MAX_EVENTS, text_hint=_ONE_KEY_HINT)
    _check_version(table)
    table.only(_TOP, of=_RING)
    primary = table.text("primary", of=_RING) if "primary" in table or not _may_lack_primary(table) else None
    entries = table.items_of("keys", of=_RING)
    if len(entries) > MAX_KEYS:
        raise ConfigError(
            problem=f"{_RING}: {len(entries)} keys; at most {MAX_KEYS}", hint="remove retired keys", line=entries.line
        )
    _check_globs(entries)
    keys = tuple(_declaration(config.as_table(entry, of="an entry of keys", line=entry.line), folder) for entry in entries)
    named = str(primary) if primary is not None else None
    check_members(keys, named, line=primary.line if primary is not None else None)
    _check_needs(keys)
    return RingText(named, keys, _recipients(table) if "recipients" in table else ())


def _recipients(table: config.Table) -> tuple[Recipient, ...]:
    what = "an entry of recipients"
    entries = table.items_of("recipients", of=_RING)
    if len(entries) > MAX_RECIPIENTS:
        raise ConfigError(problem=f"{_RING}: more than {MAX_RECIPIENTS} recipients", hint="encrypt to fewer", line=entries.line)
    found: dict[str, Recipient] = {}
    for entry in (config.as_table(item, of=what, line=entries.line) for item in entries):
        entry.only(("name", "age"), of=what)
        name, key = entry.text("name", of=what), entry.text("age", of=what)
        try:
            check_recipient(str(name), str(key))
        except ConfigError as error:
            raise error.at(line=name.line) from None
        if name in found:
            raise ConfigError(problem=f"{_RING}: two recipients of one name", hint="give each their own", line=name.line)
        found[str(name)] = Recipient(str(name), str(key), name.line)
    return tuple(found.values())


def check_recipient(name: str, key: str) -> None:
    """Raise ``ConfigError`` unless a name is 1 to 64 letters, digits and ``. _ @ + -``, and a key printable ASCII that is no secret one."""
    if not 1 <= len(name) <= MAX_NAME or not _NAME.issuperset(name):
        raise ConfigError(problem="not the name of a recipient", hint="such as alice or bob@example.org")
    if "SECRET-KEY" in key.upper() or not (key.isascii() and key.isprintable()):
        problem = f"recipient {name}: not a public key"
        raise ConfigError(problem=problem, hint="age1... as age-keygen -y shows it, or an SSH public key")


def _check_needs(keys: tuple[Declaration, ...]) -> None:
    check_needs({key.id: key.source.needs for key in keys}, {key.id: key.line for key in keys})
    whole = [key.id for key in keys if not key.is_verify_only]
    for key in keys:
        for source in (key.source, key.mac):
            if source is not None and source.needs is not None and source.needs not in whole:
                hint = "wrap it under one of: " + ", ".join(name for name in whole if name != key.id)
                raise ConfigError(problem=f"key {key.id}: wrapped under what is no whole key of the ring", hint=hint, line=key.line)


def _may_lack_primary(table: config.Table) -> bool:
    """Say whether all keys are verify-only: then nothing can seal."""
    entries = table.items_of("keys", of=_RING)
    return bool(entries) and all(
        "verify_only" in config.as_table(entry, of="an entry of keys", line=entry.line) for entry in entries
    )


def _check_version(table: config.Table) -> None:
    version = table.text("version", of=_RING)
    if version != "1" or version.quoted:
        problem = f"{_RING}: version must be 1"
        raise ConfigError(problem=problem, hint="write version: 1; a later version needs a later sealkit", line=version.line)


def _declaration(entry: config.Table, folder: str) -> Declaration:
    key_id = entry.text("id", of="an entry of keys")
    label = f"key {key_id}"
    try:
        check_id(str(key_id))
    except ConfigError as error:
        error.at(line=key_id.line)
        raise
    entry.only(_ENTRY, of=label)
    form = entry.choice("format", FORMATS, of=label, default="tagged" if "verify_only" in entry else "plain")
    accept = entry.choice("accept", ACCEPTS, of=label, default="any")
    state = entry.choice("state", STATES, of=label, default="enabled")
    try:
        check_attributes(str(key_id), format=form, accept=accept, state=state)
    except ConfigError as error:
        error.at(line=entry.lines["accept"])
        raise
    only = _only(entry, label)
    if "verify_only" in entry:
        return _verify_only(entry, label, folder, Declaration(str(key_id), _NO_SOURCE, form, accept, state, key_id.line, only=only))
    source = declare(entry.table("source", of=label), label, folder)
    mac = declare(entry.table("mac", of=label), f"{label}: mac", folder) if "mac" in entry else None
    return Declaration(str(key_id), source, form, accept, state, key_id.line, mac, only=only)


def _check_globs(entries: config.Items) -> None:
    lists = (entry["only"] for entry in entries if isinstance(entry, config.Table) and "only" in entry)
    known = [tuple(str(item) for item in one if isinstance(item, config.Text)) for one in lists if isinstance(one, config.Items)]
    check_all(known, entries.line)


def _only(entry: config.Table, label: str) -> tuple[str, ...]:
    """Return the globs of the paths that a key is for, none if it is for every path."""
    if "only" not in entry:
        return ()
    line = entry.lines["only"]
    items = entry.items_of("only", of=label)
    if not items or not all(isinstance(item, config.Text) for item in items):
        raise ConfigError(problem=f"{label}: only is a list of globs", hint='write only: ["posts/**"]', line=line)
    only = tuple(str(item) for item in items)
    try:
        Reach(only)
    except ConfigError as error:
        raise ConfigError(problem=f"{label}: {error.problem}", hint=error.hint, line=line) from None
    return only


def _verify_only(entry: config.Table, label: str, folder: str, declared: Declaration) -> Declaration:
    for other in ("source", "mac"):
        if other in entry:
            hint = "a verify-only key has a kid and a MAC key, and nothing else of the key"
            raise ConfigError(problem=f"{label}: both verify_only and {other}", hint=hint, line=entry.lines[other])
    if declared.format == "synthetic":
        hint = "leave format out; synthetic blobs can only be checked with the key itself"
        raise ConfigError(problem=f"{label}: verify-only keys check tags", hint=hint, line=entry.lines["format"])
    table = entry.table("verify_only", of=label)
    kid = table.text("kid", of=label)
    if len(kid) != 16 or not _KID.issuperset(kid):
        raise ConfigError(problem=f"{label}: a kid is 16 hex digits", hint="sealkit keys shows it", line=kid.line)
    return declared._replace(source=declare(table, label, folder, beside=("kid",)), kid=str(kid))


# --- writing ---------------------------------------------------------------------------------------------------------
@opaque
def new_ring(key_id: str, secret: bytearray, *, format: str = "plain", accept: str = "any") -> bytes:
    """Return the text of a ring of one key, its primary; ``secret`` (16, 24 or 32 bytes) stands in it as base64."""
    check_id(key_id)
    check_attributes(key_id, format=format, accept=accept, state="enabled")
    return ring_of(key_id, literal_source(secret), format=format, accept=accept)


@opaque
def ring_of(key_id: str, source: str, *, format: str = "plain", accept: str = "any") -> bytes:
    """Return the text of a ring of one key, its primary; ``source`` is a flow mapping."""
    check_id(key_id)
    head = "# A sealkit key ring. "
    if source.startswith("{base64:"):
        head += "Whoever reads this file can open what its keys sealed: keep it at mode 600, out of version control.\n"
    else:
        head += "It says where keys are; whoever reads this file alone has none.\n"
    entry = "".join(f"  {line}\n" for line in entry_lines(key_id, source, format=format, accept=accept))
    return f"{head}version: 1\nprimary: {word(key_id)}\nkeys:\n{entry}".encode()


@opaque
def verify_only_ring(keys: list[tuple[str, str, bytes | bytearray, str, tuple[str, ...]]]) -> bytes:
    """Return the text of a ring of verify-only keys: for each, its id, kid, MAC key (32 bytes), what it accepts and where."""
    head = (
        "# Verify-only keys: they check tags, but open and seal nothing. Whoever has them can make tags, too: keep them secret.\n"
    )
    lines = [head, "version: 1\nkeys:\n"]
    for key_id, kid, mac, accept, only in keys:
        encoded = binascii.b2a_base64(mac, newline=False).decode("ascii")
        lines.append(f'  - id: {word(key_id)}\n    verify_only: {{kid: "{kid}", base64: "{encoded}"}}\n')
        if accept != "any":
            lines.append(f"    accept: {accept}\n")
        if only:
            lines.append(f"    only: {json.dumps(list(only), ensure_ascii=False)}\n")
    text = "".join(lines).encode()
    parse(text, "")
    return text


def literal_source(secret: bytearray) -> str:
    """Return the source of a key whose bytes stand in the ring itself, as a ring file has it."""
    return f'{{base64: "{binascii.b2a_base64(secret, newline=False).decode("ascii")}"}}'


def entry_lines(key_id: str, source: str, *, format: str, accept: str = "any") -> list[str]:
    """Return the lines of an entry of a ring, without indentation; ``source`` is a flow mapping. What is the default is left out."""
    lines = [f"- id: {word(key_id)}", f"  source: {source}"]
    if format != "plain":
        lines.append(f"  format: {format}")
    if accept != "any":
        lines.append(f"  accept: {accept}")
    return lines


def word(key_id: str) -> str:
    """Quote an id that other YAML readers would take for a number, a date, a truth value or null."""
    plain = key_id[0].isalpha() and key_id not in _NOT_TEXT_ELSEWHERE
    return key_id if plain else f'"{key_id}"'
