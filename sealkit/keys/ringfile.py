"""The text of a ring file: read into declarations, and edited byte-exactly.

Pure functions from bytes to values or bytes: no file is opened and no key is fetched here. Edits are splices proven afterwards: the
new text must read as the old one but for the one change, or a ``ConfigError`` asks for an edit by hand.
"""

from __future__ import annotations

import binascii
from typing import NamedTuple

from sealkit import config, yamltree
from sealkit.errors import ConfigError, SealkitError
from sealkit.keys.access import Source, check_needs
from sealkit.keys.given import Literal
from sealkit.keys.key import ACCEPTS, FORMATS, STATES, check_attributes, check_id, check_members
from sealkit.keys.sources import declare
from sealkit.opaque import opaque
from sealkit.tree import DOUBLE, PLAIN, SINGLE, Mapping, Node, Scalar, Sequence, flatten

MAX_KEYS = 256
_NO_SOURCE = Literal("", "hex", "")
_RING = "key ring"
_TOP = ("version", "primary", "keys")
_ENTRY = ("id", "source", "mac", "verify_only", "format", "accept", "state")
_KID = frozenset("0123456789abcdef")
_NOT_TEXT_ELSEWHERE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_BOM = b"\xef\xbb\xbf"


class Declaration(NamedTuple):
    """One entry of a ring file: a key that is not fetched yet.

    ``mac`` is the source of a separate MAC secret; with a ``kid`` (16 hex digits) the key is verify-only, and ``source`` is that of its
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

    @property
    def is_verify_only(self) -> bool:
        """Whether the key can only check tags."""
        return self.kid is not None

    @property
    def enabled(self) -> bool:
        """Whether the key may open and seal."""
        return self.state == "enabled"


class RingText(NamedTuple):
    """What a ring file says: the id of the primary (None in a ring of verify-only keys), and the keys in file order."""

    primary: str | None
    keys: tuple[Declaration, ...]


# --- reading ---------------------------------------------------------------------------------------------------------
@opaque
def parse(data: bytes, folder: str) -> RingText:
    """Return what a ring file says; paths of key files are relative to ``folder``. Raises ``ConfigError`` with the line."""
    table = config.load(data, what=_RING)
    _check_version(table)
    table.only(_TOP, of=_RING)
    primary = table.text("primary", of=_RING) if "primary" in table or not _may_lack_primary(table) else None
    entries = table.items_of("keys", of=_RING)
    if len(entries) > MAX_KEYS:
        raise ConfigError(
            problem=f"{_RING}: {len(entries)} keys; at most {MAX_KEYS}", hint="remove retired keys", line=entries.line
        )
    keys = tuple(_declaration(config.as_table(entry, of="an entry of keys", line=entry.line), folder) for entry in entries)
    named = str(primary) if primary is not None else None
    check_members(keys, named, line=primary.line if primary is not None else None)
    check_needs({key.id: key.source.needs for key in keys}, {key.id: key.line for key in keys})
    return RingText(named, keys)


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
    if "verify_only" in entry:
        return _verify_only(entry, label, folder, Declaration(str(key_id), _NO_SOURCE, form, accept, state, key_id.line))
    source = declare(entry.table("source", of=label), label, folder)
    mac = declare(entry.table("mac", of=label), f"{label}: mac", folder) if "mac" in entry else None
    return Declaration(str(key_id), source, form, accept, state, key_id.line, mac)


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
def new_ring(key_id: str, secret: bytearray, *, format: str = "plain") -> bytes:
    """Return the text of a ring of one key, its primary; ``secret`` (16, 24 or 32 bytes) stands in it as base64."""
    check_id(key_id)
    check_attributes(key_id, format=format, accept="any", state="enabled")
    head = "# A sealkit key ring. Whoever reads this file can open what its keys sealed: keep it at mode 600, out of version control.\n"
    entry = _entry(key_id, secret, format, indent="  ", end_of_line="\n")
    return f"{head}version: 1\nprimary: {_word(key_id)}\nkeys:\n{entry}\n".encode()


@opaque
def with_key(data: bytes, key_id: str, secret: bytearray, *, format: str = "plain") -> bytes:
    """Return the ring text with one more key at the end of its list, every other byte unchanged.

    Raises ``ConfigError`` if the ring has the id already, or is written in a way that cannot be added to.
    """
    check_id(key_id)
    check_attributes(key_id, format=format, accept="any", state="enabled")
    if any(key.id == key_id for key in parse(data, "").keys):
        raise ConfigError(problem=f"{_RING}: it has a key {key_id} already", hint="take another id; a key is never overwritten")
    text = _decoded(data)
    root = _root(data)
    keys = _member(root, "keys")
    if not isinstance(keys, Sequence) or keys.flow or not keys.items:
        raise _by_hand(keys.line)
    at = _end_of_line(text, _last_leaf(keys).end)
    first = keys.items[0]
    indent = text[text.rfind("\n", 0, keys.start) + 1 : keys.start]
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    entry = _entry(key_id, secret, format, indent=indent, end_of_line=end_of_line)
    added = entry + end_of_line if text[:at].endswith("\n") else end_of_line + entry
    changed = _encoded(text[:at] + added + text[at:], data)
    _prove_added(root, changed, key_id, first.line)
    return changed


@opaque
def with_primary(data: bytes, key_id: str) -> bytes:
    """Return the ring text with another of its enabled keys as primary, only that scalar changed. Raises ``ConfigError``."""
    check_members(parse(data, "").keys, key_id, line=None)
    text = _decoded(data)
    root = _root(data)
    old = _member(root, "primary")
    if not isinstance(old, Scalar) or old.style not in {PLAIN, SINGLE, DOUBLE}:
        raise _by_hand(old.line)
    word = f"{old.style}{key_id}{old.style}" if old.style else _word(key_id)
    changed = _encoded(text[: old.start] + word + text[old.end :], data)
    after = _reread(changed)
    new = _member(after, "primary") if after is not None else None
    if not isinstance(new, Scalar) or new.text != key_id or list(flatten(root, old)) != list(flatten(after, new)):
        raise _by_hand(old.line)
    return changed


@opaque
def verify_only_ring(keys: list[tuple[str, str, bytes, str]]) -> bytes:
    """Return the text of a ring of verify-only keys: for each, its id, its kid, its MAC key (32 bytes) and what it accepts."""
    head = (
        "# Verify-only keys: they check tags, but open and seal nothing. Whoever has them can make tags, too: keep them secret.\n"
    )
    lines = [head, "version: 1\nkeys:\n"]
    for key_id, kid, mac, accept in keys:
        encoded = binascii.b2a_base64(mac, newline=False).decode("ascii")
        lines.append(f'  - id: {_word(key_id)}\n    verify_only: {{kid: "{kid}", base64: "{encoded}"}}\n')
        if accept != "any":
            lines.append(f"    accept: {accept}\n")
    text = "".join(lines).encode()
    parse(text, "")
    return text


def _entry(key_id: str, secret: bytearray, form: str, *, indent: str, end_of_line: str) -> str:
    encoded = binascii.b2a_base64(secret, newline=False).decode("ascii")
    lines = [f"{indent}- id: {_word(key_id)}", f'{indent}  source: {{base64: "{encoded}"}}']
    if form != "plain":
        lines.append(f"{indent}  format: {form}")
    return end_of_line.join(lines)


def _word(key_id: str) -> str:
    """Quote an id that other YAML readers would take for a number, a date, a truth value or null."""
    plain = key_id[0].isalpha() and key_id not in _NOT_TEXT_ELSEWHERE
    return key_id if plain else f'"{key_id}"'


def _root(data: bytes) -> Mapping:
    root = yamltree.compose(data)
    if not isinstance(root, Mapping):
        raise ConfigError(problem=f"{_RING}: must be a mapping", hint="start with version: 1")
    return root


def _member(root: Mapping, name: str) -> Node:
    return next(value for key, value in root.pairs if isinstance(key, Scalar) and key.text == name)


def _last_leaf(node: Node) -> Node:
    """Return the node whose end is where the text of a block collection ends; the collection's own end lies at the next token."""
    while isinstance(node, Mapping | Sequence) and not node.flow:
        children = node.items if isinstance(node, Sequence) else [value for _, value in node.pairs]
        if not children:
            break
        node = children[-1]
    return node


def _end_of_line(text: str, at: int) -> int:
    if text[:at].endswith("\n"):
        return at
    found = text.find("\n", at)
    end = found if found >= 0 else len(text)
    return end - 1 if text[:end].endswith("\r") else end


def _prove_added(before: Mapping, changed: bytes, key_id: str, line: int) -> None:
    """Read the changed text again: it must end in the new key, and without it be the old ring."""
    after = _reread(changed)
    keys = _member(after, "keys") if after is not None else None
    if isinstance(keys, Sequence) and parse(changed, "").keys[-1].id == key_id:
        keys.items.pop()
        if list(flatten(before)) == list(flatten(after)):
            return
    raise _by_hand(line)


def _reread(changed: bytes) -> Mapping | None:
    """Return the nodes of a changed ring, None if it is no ring any more."""
    try:
        parse(changed, "")
        return _root(changed)
    except SealkitError:
        return None


def _by_hand(line: int) -> ConfigError:
    problem = f"{_RING}: written in a way that cannot be changed without touching more than the one thing"
    return ConfigError(problem=problem, hint="edit this ring by hand, or start a new one", line=line)


def _decoded(data: bytes) -> str:
    """Decode a ring text that was parsed; without its byte order mark, as positions count."""
    return data.removeprefix(_BOM).decode("utf-8")


def _encoded(text: str, like: bytes) -> bytes:
    return (_BOM if like.startswith(_BOM) else b"") + text.encode("utf-8")
