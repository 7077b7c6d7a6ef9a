"""The text of a ring file, changed byte-exactly: one splice, and what it says is proved.

Pure functions from bytes to bytes. The new text must read as the old one but for the one change, comments and order kept, or a
``ConfigError`` asks for an edit by hand. Nothing is fetched: whether a key's bytes can be had is not asked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit import config, yamltree
from sealkit.errors import ConfigError, NoUsableKey, SealkitError
from sealkit.keys.key import check_attributes, check_id
from sealkit.keys.members import check_members
from sealkit.keys.ringfile import check_recipient, entry_lines, literal_source, parse, word
from sealkit.keys.sources import declare
from sealkit.opaque import opaque
from sealkit.tree import DOUBLE, PLAIN, SINGLE, Mapping, Node, Scalar, Sequence, flatten

if TYPE_CHECKING:
    from sealkit.keys.ringfile import Declaration, RingText

_BOM = b"\xef\xbb\xbf"


# --- whole entries ---------------------------------------------------------------------------------------------------
@opaque
def with_key(data: bytes, key_id: str, secret: bytearray, *, format: str = "plain", accept: str = "any") -> bytes:
    """Return the ring text with one more key, whose bytes stand in it, at the end of its list. Raises as ``with_entry``."""
    return with_entry(data, key_id, literal_source(secret), format=format, accept=accept)


@opaque
def with_entry(data: bytes, key_id: str, source: str, *, format: str = "plain", accept: str = "any") -> bytes:
    """Return the ring text with one more key at the end of its list, every other byte unchanged; ``source`` is a flow mapping.

    Raises ``ConfigError`` if the ring has the id already, or is written in a way that cannot be added to.
    """
    check_id(key_id)
    check_attributes(key_id, format=format, accept=accept, state="enabled")
    _check_free(parse(data, ""), key_id)
    _check_source(key_id, source)
    text = _Text(data)
    keys = text.keys
    if not isinstance(keys, Sequence) or keys.flow or not keys.items:
        raise _by_hand(keys.line)
    at = text.end_of_line(_last_leaf(keys).end)
    lines = entry_lines(key_id, source, format=format, accept=accept)
    entry = text.line_end.join(text.before(keys.start) + line for line in lines)
    added = text.as_lines(at, entry)
    line = keys.items[0].line
    changed = text.spliced((at, at, added))
    after = _reread(changed)
    new = _member(after, "keys") if after is not None else None
    if not isinstance(new, Sequence) or parse(changed, "").keys[-1].id != key_id:
        raise _by_hand(line)
    new.items.pop()
    return _proved(text.root, after, changed, line)


@opaque
def without(data: bytes, key_id: str) -> bytes:
    """Return the ring text without a key: its lines are cut out, comments around them stay.

    Raises ``ConfigError`` for the primary, for a key that others are wrapped under, and for a ring that it cannot be cut out of.
    """
    ring = parse(data, "")
    _declared(ring, key_id)
    if key_id == ring.primary:
        hint = "make another key the primary first: sealkit keys set-primary ID"
        raise ConfigError(problem=f"key {key_id} is the primary: it seals", hint=hint)
    _check_not_needed(ring, key_id)
    text = _Text(data)
    return _without_item(text, text.keys, [key.id for key in ring.keys].index(key_id))


def _without_item(text: _Text, items: Node, number: int) -> bytes:
    if not isinstance(items, Sequence) or items.flow:
        raise _by_hand(items.line)
    entry = items.items[number]
    begin = text.line_start(entry.start)
    if text.text[begin : entry.start].strip() != "-":
        raise _by_hand(entry.line)
    end = text.end_of_line(_last_leaf(entry).end)
    end += len(text.line_end) if text.text.startswith(text.line_end, end) else 0
    changed = text.spliced((begin, end, ""))
    items.items.pop(number)
    return _proved(text.root, _reread(changed), changed, entry.line)


# --- recipients ------------------------------------------------------------------------------------------------------
@opaque
def with_recipient(data: bytes, name: str, key: str) -> bytes:
    """Return the ring text with one more recipient, at the end of their list, which is made if there is none.

    Raises ``ConfigError`` for a name or a key that is there already.
    """
    check_recipient(name, key)
    ring = parse(data, "")
    for known in ring.recipients:
        if name == known.name or key == known.key:
            raise ConfigError(problem=f"{known.name} is a recipient already", hint="remove that one first", line=known.line)
    text = _Text(data)
    old = _get_node(text.root, "recipients")
    entry = f'- {{name: "{name}", age: "{key}"}}'
    if old is None:
        at = len(text.text)
        added = f"recipients:{text.line_end}  {entry}"
    elif isinstance(old, Sequence) and not old.flow and old.items:
        at = text.end_of_line(_last_leaf(old).end)
        added = text.before(old.start) + entry
    else:
        raise _by_hand(old.line)
    changed = text.spliced((at, at, text.as_lines(at, added)))
    after = _reread(changed)
    new = _get_node(after, "recipients") if after is not None else None
    if after is None or not isinstance(new, Sequence) or parse(changed, "").recipients[-1][:2] != (name, key):
        raise _by_hand(text.root.line)
    new.items.pop()
    if old is None:
        after.pairs.pop()
    return _proved(text.root, after, changed, text.root.line)


@opaque
def without_recipient(data: bytes, name: str) -> bytes:
    """Return the ring text without a recipient. Raises ``ConfigError`` for the last one, and ``NoUsableKey`` for one that is not there."""
    names = [recipient.name for recipient in parse(data, "").recipients]
    if name not in names:
        raise NoUsableKey(problem="the ring has no recipient of that name", hint="it has: " + (", ".join(names) or "none"))
    if len(names) == 1:
        raise ConfigError(problem=f"{name} is the only recipient: nobody could open the ring", hint="add another one first")
    text = _Text(data)
    return _without_item(text, _member(text.root, "recipients"), names.index(name))


# --- one scalar of an entry ------------------------------------------------------------------------------------------
@opaque
def with_primary(data: bytes, key_id: str) -> bytes:
    """Return the ring text with another of its enabled keys as primary, only that scalar changed. Raises ``ConfigError``."""
    check_members(parse(data, "").keys, key_id, line=None)
    text = _Text(data)
    old = _member(text.root, "primary")
    return _proved(text.root, _reread(changed := text.spliced(_respelt(old, key_id))), changed, old.line)


@opaque
def with_attribute(data: bytes, key_id: str, name: str, value: str) -> bytes:
    """Return the ring text with a key's ``state``, ``format`` or ``accept`` changed, or added where it has none.

    Raises ``ConfigError`` for a value that does not go with the rest of the ring, such as a disabled primary.
    """
    ring = parse(data, "")
    old = _declared(ring, key_id)
    new = {"state": old._replace(state=value), "format": old._replace(format=value), "accept": old._replace(accept=value)}[name]
    check_attributes(key_id, format=new.format, accept=new.accept, state=new.state)
    check_members([new if key is old else key for key in ring.keys], ring.primary)
    text = _Text(data)
    entry = text.entry(ring, key_id)
    known = _get(entry, name)
    if known is not None:
        return _proved(text.root, _reread(changed := text.spliced(_respelt(known, value))), changed, known.line)
    if value == getattr(old, name) or not entry.pairs:
        return data
    last = _last_leaf(entry) if not entry.flow else entry.pairs[-1][1]
    if entry.flow:
        splice = (last.end, last.end, f", {name}: {value}")
    else:
        at = text.end_of_line(last.end)
        first = entry.pairs[0][0].start
        splice = (at, at, text.as_lines(at, " " * (first - text.line_start(first)) + f"{name}: {value}"))
    changed = text.spliced(splice)
    entry.pairs.append((_scalar(name), _scalar(value)))
    return _proved(text.root, _reread(changed), changed, entry.line)


@opaque
def with_id(data: bytes, key_id: str, new_id: str) -> bytes:
    """Return the ring text with a key renamed, wherever the ring names it: as the primary, and where keys are wrapped under it.

    Raises ``ConfigError`` if the new id is taken.
    """
    check_id(new_id)
    ring = parse(data, "")
    _declared(ring, key_id)
    _check_free(ring, new_id)
    text = _Text(data)
    names: list[Node | None] = [_get(text.entry(ring, key_id), "id"), *_wrapped_under(text.root, key_id)]
    if ring.primary == key_id:
        names.append(_member(text.root, "primary"))
    scalars = [name for name in names if name is not None]
    changed = text.spliced(*(_respelt(name, new_id) for name in scalars))
    return _proved(text.root, _reread(changed), changed, scalars[0].line)


@opaque
def with_source(data: bytes, key_id: str, source: str, *, name: str = "source") -> bytes:
    """Return the ring text with the source of a key, or of its ``mac``, replaced by a flow mapping, as when it is wrapped anew.

    Raises ``ConfigError``.
    """
    ring = parse(data, "")
    _declared(ring, key_id)
    text = _Text(data)
    entry = text.entry(ring, key_id)
    old = _get_node(entry, name)
    if old is None:
        raise ConfigError(problem=f"key {key_id} has no source", hint="a verify-only key cannot be had as a whole")
    changed = text.spliced((old.start, _last_leaf(old).end, source))
    after = _reread(changed)
    new = _get_node(_entries(after)[[key.id for key in ring.keys].index(key_id)], name) if after is not None else None
    if new is None or list(flatten(text.root, old)) != list(flatten(after, new)):
        raise _by_hand(old.line)
    return changed


# --- what is checked -------------------------------------------------------------------------------------------------
def _declared(ring: RingText, key_id: str) -> Declaration:
    for key in ring.keys:
        if key.id == key_id:
            return key
    raise NoUsableKey(problem="the ring has no key with that id", hint="it has: " + ", ".join(key.id for key in ring.keys))


def _check_free(ring: RingText, key_id: str) -> None:
    if any(key.id == key_id for key in ring.keys):
        raise ConfigError(problem=f"key ring: it has a key {key_id} already", hint="take another id; a key is never overwritten")


def _check_source(key_id: str, source: str) -> None:
    try:
        declare(config.load(f"source: {source}".encode(), what="source").table("source", of=f"key {key_id}"), f"key {key_id}", "")
    except ConfigError as error:
        error.line = None  # it is in no ring yet
        raise


def _check_not_needed(ring: RingText, key_id: str) -> None:
    wrapped = [key.id for key in ring.keys if key_id in (key.source.needs, key.mac.needs if key.mac is not None else None)]
    if wrapped:
        problem = f"key {key_id} is needed: under it {', '.join(wrapped)} of this ring is wrapped"
        raise ConfigError(problem=problem, hint="wrap that under another key, or remove it, first")


def _wrapped_under(root: Mapping, key_id: str) -> list[Scalar]:
    """Return where the ring says of a key that it is wrapped under this one."""
    tables = [_get_node(entry, name) for entry in _entries(root) for name in ("source", "mac", "verify_only")]
    found = [_get(table, "under") for table in tables if isinstance(table, Mapping) and _get_node(table, "wrapped") is not None]
    return [name for name in found if name is not None and name.text == key_id]


def _proved(before: Mapping, after: Mapping | None, changed: bytes, line: int) -> bytes:
    """Return the changed text, if it reads as the old nodes do after the same change was made to them."""
    if after is None or list(flatten(before)) != list(flatten(after)):
        raise _by_hand(line)
    return changed


def _reread(changed: bytes) -> Mapping | None:
    """Return the nodes of a changed ring, None if it is no ring any more."""
    try:
        parse(changed, "")
        return _root(changed)
    except SealkitError:
        return None


def _by_hand(line: int) -> ConfigError:
    problem = "key ring: written in a way that cannot be changed without touching more than the one thing"
    return ConfigError(problem=problem, hint="edit this ring by hand, or start a new one", line=line)


# --- nodes and text --------------------------------------------------------------------------------------------------
class _Text:
    """A ring text that was parsed, without its byte order mark, as positions count; and its nodes."""

    def __init__(self, data: bytes) -> None:
        self._bom = _BOM if data.startswith(_BOM) else b""
        self.text = data.removeprefix(_BOM).decode("utf-8")
        self.root = _root(data)
        self.line_end = "\r\n" if "\r\n" in self.text else "\n"

    @property
    def keys(self) -> Node:
        return _member(self.root, "keys")

    def entry(self, ring: RingText, key_id: str) -> Mapping:
        return _entries(self.root)[[key.id for key in ring.keys].index(key_id)]

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def before(self, at: int) -> str:
        """Return what stands before a place in its line."""
        return self.text[self.line_start(at) : at]

    def end_of_line(self, at: int) -> int:
        if self.text[:at].endswith("\n"):
            return at
        found = self.text.find("\n", at)
        end = found if found >= 0 else len(self.text)
        return end - 1 if self.text[:end].endswith("\r") else end

    def as_lines(self, at: int, added: str) -> str:
        """Return lines as they are put in at the end of a line."""
        return added + self.line_end if self.text[:at].endswith("\n") else self.line_end + added

    def spliced(self, *splices: tuple[int, int, str]) -> bytes:
        """Return the text with some of it replaced, each as from where, to where, by what."""
        text = self.text
        for begin, end, new in sorted(splices, reverse=True):
            text = text[:begin] + new + text[end:]
        return self._bom + text.encode("utf-8")


def _root(data: bytes) -> Mapping:
    root = yamltree.compose(data)
    if not isinstance(root, Mapping):
        raise ConfigError(problem="key ring: must be a mapping", hint="start with version: 1")
    return root


def _entries(root: Mapping) -> list[Mapping]:
    keys = _member(root, "keys")
    return [entry for entry in keys.items if isinstance(entry, Mapping)] if isinstance(keys, Sequence) else []


def _get_node(table: Mapping, name: str) -> Node | None:
    return next((value for key, value in table.pairs if isinstance(key, Scalar) and key.text == name), None)


def _get(table: Mapping, name: str) -> Scalar | None:
    node = _get_node(table, name)
    return node if isinstance(node, Scalar) else None


def _member(root: Mapping, name: str) -> Node:
    return next(value for key, value in root.pairs if isinstance(key, Scalar) and key.text == name)


def _scalar(text: str) -> Scalar:
    return Scalar(0, 0, 0, text, PLAIN)


def _respelt(old: Node, text: str) -> tuple[int, int, str]:
    """Return the splice that gives a scalar another text in its style, which the node has from then on."""
    if not isinstance(old, Scalar) or old.style not in {PLAIN, SINGLE, DOUBLE}:
        raise _by_hand(old.line)
    spelt = f"{old.style}{text}{old.style}" if old.style else word(text)
    old.text, old.style = text, old.style or spelt[: spelt.startswith('"')]
    return old.start, old.end, spelt


def _last_leaf(node: Node) -> Node:
    """Return the node whose end is where the text of a block collection ends; the collection's own end lies at the next token."""
    while isinstance(node, Mapping | Sequence) and not node.flow:
        children = node.items if isinstance(node, Sequence) else [value for _, value in node.pairs]
        if not children:
            break
        node = children[-1]
    return node
