"""The ring: the keys that may open, and the one that seals."""

from __future__ import annotations

import os
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Self

from sealkit.config import shown_path
from sealkit.door import typed, typed_where_it_fails
from sealkit.errors import ConfigError, NoUsableKey, SealkitError
from sealkit.keys import files
from sealkit.keys.access import Access, take_variable
from sealkit.keys.budget import check_cost
from sealkit.keys.encodings import STATED, decoded
from sealkit.keys.key import Key, refuse_copy
from sealkit.keys.members import check_members
from sealkit.keys.process import protect_process
from sealkit.opaque import opaque
from sealkit.ownership import exposure
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping

    from sealkit.keys.access import Source
    from sealkit.keys.remembered import Hold
    from sealkit.keys.ringfile import Declaration, RingText

MAX_RING_FILE = 1 << 20
RING_VARIABLE = "SEALKIT_KEYS"
SECRET_VARIABLE = "SEALKIT_SECRET"  # the name of a variable
EXAMPLE_KEYS = (bytes(range(32)), bytes(range(0xF0, 0x100)), bytes(range(24)))
"""The keys of ``keys.example``, which everybody knows: k1 (kid 63774208dc4c7f9a), k2 (88c9e77c1d6dcd2a), k0 (7383442147e20eef)."""

EXAMPLE_WARNING = "the keys of keys.example are public: never seal anything real with them"
_NEW_RING = "a key that you have goes into a ring with: sealkit keys add ID --from-file FILE --encoding hex; a new key is made with: sealkit keygen"
NO_FILE_HINT = f"{_NEW_RING}; another ring is named with --keys FILE"
NO_RING_HINT = (
    f"take a key that you have from a variable with --key-env NAME, or set {SECRET_VARIABLE} to hex:DIGITS or base64:TEXT; "
    f"{_NEW_RING}; a ring elsewhere is named with --keys FILE or {RING_VARIABLE}"
)
"""What to do where there is no key: most who come have one, and a new one opens nothing of theirs."""


class KeyRing:
    """Keys with unique ids and unique bytes; the ``primary`` seals, every key that is not disabled may open.

    ``warnings`` holds sentences for people about how the ring was found, ``path`` is its file (None without one): hand that on to
    another process, since a ring is never pickled. Raises ``ConfigError`` for an empty ring, an id or a secret that stands twice,
    and a primary that is missing or disabled.
    """

    __slots__ = ("_by_id", "_by_kid", "_hold", "_primary", "path", "warnings")

    @typed
    def __init__(self, keys: Iterable[Key], *, primary: str | None) -> None:
        members = tuple(keys)
        check_members(members, primary)
        _check_secrets(members)
        self._by_id = {key.id: key for key in members}
        self._by_kid: dict[str, Key] | None = None
        self._hold: Hold | None = None
        self._primary = self._by_id[primary] if primary is not None else None
        self.path: str | None = None
        self.warnings: tuple[str, ...] = (EXAMPLE_WARNING,) if any(key.is_one_of(EXAMPLE_KEYS) for key in members) else ()

    @classmethod
    @typed
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        environ: MutableMapping[str, str] | None = None,
        ask: Callable[[str], str] | None = None,
        unsafe_files: bool = False,
        protect: bool = True,
    ) -> Self:
        """Return the ring that a ring file describes, with the bytes of every key fetched that may open.

        ``environ`` stands in for this process's environment; ``ask`` is called with a question when somebody has to type something
        (None: such a key cannot be had); ``unsafe_files`` takes key files that others may read. A key that cannot be had is an error,
        since a blob it sealed would look damaged; a disabled one is then kept without bytes. A file with key bytes in it must not be
        open to other users, but for the public ones of ``keys.example``; one inside a tree may not name programs. Raises
        ``ConfigError`` and ``NoUsableKey``, both with path and, where known, line.

        Before anything is read, this process is kept from core dumps, from other processes of the same user and, as far as its keys go, from
        swap, once and for all (``keys.process.protect_process``); with ``protect=False`` that is left to the caller.
        """
        if protect:
            protect_process()
        return cls._load(os.fsdecode(path), Access(os.environ if environ is None else environ, ask=ask, unsafe_files=unsafe_files))

    @classmethod
    def _load(cls, place: str, access: Access) -> Self:
        try:
            ring = cls._of(lambda keys: cls._read(place, access, keys), access)
        except SealkitError as error:
            error.at(path=place)
            raise
        ring.path = place
        return ring

    @classmethod
    def _of(cls, make: Callable[[list[Key]], Self], access: Access) -> Self:
        """Return a ring whose keys were fetched with ``access``, which is closed; where it fails, nothing stays of the keys made until then."""
        keys: list[Key] = []
        try:
            ring = make(keys)
            ring._hold = access.handed_over()
        except BaseException:
            for key in keys:
                key.close()
            raise
        finally:
            access.close()
        ring.warnings = (*access.warnings, *ring.warnings)
        return ring

    @classmethod
    def _read(cls, path: str, access: Access, keys: list[Key]) -> Self:
        read = read_ring(path, access)
        text = read.text
        for declared in text.keys:
            keys.append(_fetch(declared, access))
        ring = cls(keys, primary=text.primary)
        reason = exposure(read.status)
        secret = [
            declared.id for declared in text.keys if declared.source.literal and not ring.get(declared.id).is_one_of(EXAMPLE_KEYS)
        ]
        if reason is not None and secret:
            hint = "chmod 600 the ring file, and make sure that you own it; if others could read it, rotate to a new key"
            raise NoUsableKey(problem=f"key ring: it holds the bytes of key {secret[0]}, but is {reason}", hint=hint)
        if secret and files.is_tracked(path, access) and not access.unsafe_files:
            hint = "keep it outside the work tree, or wrap its keys; if it was pushed, rotate to a new key"
            raise NoUsableKey(problem=f"key ring: it holds the bytes of key {secret[0]}, but is tracked by git", hint=hint)
        return ring

    @classmethod
    @typed
    def find(
        cls,
        path: str | os.PathLike[str] | None = None,
        environ: MutableMapping[str, str] | None = None,
        *,
        ask: Callable[[str], str] | None = None,
        unsafe_files: bool = False,
        protect: bool = True,
    ) -> Self:
        """Return the ring at ``path``; else at ``$SEALKIT_KEYS``; else the user's; else the one key of ``$SEALKIT_SECRET``.

        The user's ring is ``$XDG_CONFIG_HOME/sealkit/keys.yaml``, with ``~/.config`` for want of the variable, on every system.
        The key from the environment has the id ``env`` and the prefix ``hex:`` or ``base64:``. A ring that was named but is not
        there is an error, never a reason to look further. The rest is as for ``load``. Raises ``ConfigError`` and ``NoUsableKey``.
        """
        if protect:
            protect_process()
        variables = os.environ if environ is None else environ
        access = Access(variables, ask=ask, unsafe_files=unsafe_files)
        named = path if path is not None else variables.get(RING_VARIABLE) or None
        if named is not None:
            return cls._load(os.fsdecode(named), access)
        place = user_ring(variables)
        if _exists(place):
            ring = cls._load(place, access)
            if SECRET_VARIABLE in variables:
                ring.warnings += (f"{SECRET_VARIABLE} is set but not used: {place} is there",)
            return ring
        return cls.from_variable(environ=variables, protect=protect)

    @classmethod
    @typed
    def single(cls, source: Source, access: Access, *, protect: bool = True) -> Self:
        """Return a ring of the one key that a source gives, its primary, with the id ``key``. Raises ``NoUsableKey``.

        ``access`` is closed by it; ``protect`` is as for ``load``.
        """
        if protect:
            protect_process()
        return cls._of(lambda keys: cls._single(source.read(access), "key", keys), access)

    @classmethod
    def _single(cls, secret: bytearray, key_id: str, keys: list[Key]) -> Self:
        keys.append(_key_of(secret, key_id))
        return cls(keys, primary=key_id)

    @classmethod
    @typed
    def from_variable(
        cls, name: str = SECRET_VARIABLE, environ: MutableMapping[str, str] | None = None, *, protect: bool = True
    ) -> Self:
        """Return a ring of the one key of an environment variable, ``hex:DIGITS`` or ``base64:TEXT``; its id is ``env``.

        ``environ`` stands in for this process's environment; ``protect`` is as for ``load``. Raises ``NoUsableKey``.
        """
        if protect:
            protect_process()
        environ = os.environ if environ is None else environ
        value = take_variable(name, environ)
        if not value:
            own = name == SECRET_VARIABLE
            problem, hint = "no key ring" if own else f"{name} is not set", NO_RING_HINT if own else "set it to hex:… or base64:…"
            raise NoUsableKey(problem=problem, hint=hint)
        access = Access(environ)
        return cls._of(lambda keys: cls._single(decoded(value, STATED, name, access), "env", keys), access)

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys, in the order of the file."""
        return tuple(self._by_id.values())

    @property
    def openers(self) -> tuple[Key, ...]:
        """The keys that may open: the enabled and the decrypt-only ones."""
        return tuple(key for key in self._by_id.values() if key.may_open)

    @property
    def primary(self) -> Key:
        """The key that seals. Raises ``NoUsableKey`` in a ring of verify-only keys."""
        if self._primary is None:
            raise NoUsableKey(problem="a ring of verify-only keys seals nothing", hint="use the ring that they were exported from")
        return self._primary

    @property
    def can_seal(self) -> bool:
        """Whether there is a primary: not in a ring of verify-only keys."""
        return self._primary is not None

    @typed_where_it_fails
    def get(self, key_id: str) -> Key:
        """Return the key with an id, enabled or not. Raises ``NoUsableKey`` if the ring has none."""
        key = self._by_id.get(key_id)
        if key is None:
            raise NoUsableKey(problem="the ring has no key with that id", hint="it has: " + ", ".join(self._by_id))
        return key

    @typed
    def by_kid(self, kid: str) -> Key | None:
        """Return the key, enabled or not, with a kid (16 hex digits); None if the ring has none."""
        if self._by_kid is None:  # once: a ring for two-part blobs need not derive anything
            self._by_kid = {key.kid: key for key in self._by_id.values() if key.kid}
        return self._by_kid.get(kid)

    @typed
    def export_verify_only(self, ids: Iterable[str] | None = None) -> bytes:
        """Return the text of a ring that checks the tags of some keys (all that seal with tags, for None) and can do nothing else.

        Raises ``NoUsableKey`` for an unknown id, a key without bytes, and a ``synthetic`` one, whose blobs only the key itself can check.
        """
        keys = [self.get(key_id) for key_id in ids] if ids is not None else [key for key in self.openers if key.format == "tagged"]
        if not keys:
            raise NoUsableKey(problem="no key of the ring seals with tags", hint="name the keys to export")
        for key in keys:
            if not key.derived().mac:
                raise NoUsableKey(problem=f"key {key.id}: its MAC key never leaves its token", hint="use the token to check tags")
            if key.format == "synthetic":
                raise NoUsableKey(
                    problem=f"key {key.id} seals with synthetic IVs, which only the key itself can check",
                    hint="export keys that tag",
                )
        return ringfile_text(
            [(key.id, key.kid, key.derived().mac, key.accept, key.reach.only if key.reach is not None else ()) for key in keys]
        )

    def close(self) -> None:
        """Close every key: their bytes are wiped, and what was remembered for no other ring, as far as Python lets us.

        What a descriptor gave is gone then: another ring that takes its key from there is loaded before, or never.
        """
        for key in self._by_id.values():
            key.close()
        if self._hold is not None:
            self._hold.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Key]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, key: object) -> bool:
        return (self._by_id.get(key.id) is key) if isinstance(key, Key) else key in self._by_id

    def __repr__(self) -> str:
        primary = self._primary.id if self._primary is not None else "none"
        return f"<KeyRing of {', '.join(self._by_id)}; primary {primary}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        refuse_copy("ring")

    def __getstate__(self) -> NoReturn:
        refuse_copy("ring")


def user_ring(environ: MutableMapping[str, str]) -> str:
    """Return where the user's own ring is, or would be."""
    folder = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):  # the XDG specification: relative paths are ignored
        folder = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return os.path.join(folder, "sealkit", "keys.yaml")


def _exists(path: str) -> bool:
    """Tell whether anything has that name; what cannot be looked at counts, so that it is reported and not passed over."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True


def ringfile_text(keys: list[tuple[str, str, bytes | bytearray, str, tuple[str, ...]]]) -> bytes:
    """Return the text of a ring of verify-only keys; rings from the environment never need YAML."""
    from sealkit.keys import ringfile

    return ringfile.verify_only_ring(keys)


class RingRead(NamedTuple):
    """A ring file that was read and may be used: its bytes, what they say, and what the descriptor said of the file."""

    data: bytes
    text: RingText
    status: os.stat_result


@opaque
def read_ring(path: str, access: Access) -> RingRead:
    """Return what a ring file says, for its sources to be read with ``access``. This is the one way to a ring whose sources are read.

    Raises ``NoUsableKey`` for a file that others have a hand in, before a byte of it is looked at, and ``ConfigError`` for one that must not
    make its reader run what it names.
    """
    from sealkit.keys import ringfile  # reads YAML, which a ring from the environment does not need

    content = files.read_trusted(path, "key ring", access, limit=MAX_RING_FILE, absent=NO_FILE_HINT)
    data = bytes(content.data)
    wipe(content.data)
    text = ringfile.parse(data, os.path.dirname(path))
    check_programs(path, text.keys)
    if content.is_doubtful:
        _refuse_programs(text.keys, "a ring that others have a hand in", "keep programs in a ring that only you can write")
    access.others = {declared.id: declared.source for declared in text.keys}
    check_cost(text.keys)
    return RingRead(data, text, content.status)


def check_programs(path: str, keys: Iterable[Declaration]) -> None:
    """Refuse what a ring must not make its reader run when it may have come with a tree; the user's own ring is where no tree puts it."""
    if _is_users_own(path):
        return
    # The ring may be a link: programs run in the folder of the path that was given.
    root = files.tree_above(path) or files.tree_above(os.path.join(files.real_path(os.path.dirname(path)), "ring"))
    if root is not None:
        _refuse_programs(keys, "a ring in a tree", "keep the ring outside the tree", f", and this one is below {shown_path(root)}")


def _refuse_programs(keys: Iterable[Declaration], what: str, hint: str, more: str = "") -> None:
    for declared in keys:
        if any(source is not None and source.runs for source in (declared.source, declared.mac)):
            raise ConfigError(problem=f"key {declared.id}: {what} cannot name a program{more}", hint=hint, line=declared.line)


def _is_users_own(path: str) -> bool:
    own, here = files.real_path(user_ring(os.environ)), files.real_path(path)
    # what is to take its place is beside it, by the name that ``ringstore`` gives it
    is_next = here.startswith(os.path.join(os.path.dirname(own), f".{os.path.basename(own)}.sealkit-tmp-"))
    return _exists(own) and (here == own or is_next)


def _fetch(declared: Declaration, access: Access) -> Key:
    mac = None
    if not declared.may_open and (declared.source.costly or (declared.mac is not None and declared.mac.costly)):
        return _without_bytes(declared)
    if declared.source.holds:
        return _held(declared, access)
    secret = bytearray()
    try:
        secret = access.secret_of(declared.id)
        mac = declared.mac.read(access) if declared.mac is not None else None
    except NoUsableKey as error:
        wipe(secret)
        if declared.may_open or declared.source.literal:
            error.at(line=declared.line)
            raise
        return _without_bytes(declared)
    attributes = {"format": declared.format, "accept": declared.accept, "state": declared.state}
    try:
        if declared.kid is not None:
            return Key.verify_only(declared.id, bytes.fromhex(declared.kid), secret, only=declared.only, **attributes)
        return Key(declared.id, secret, mac_secret=mac, only=declared.only, **attributes)
    except NoUsableKey as error:
        raise error.at(line=declared.line) from None
    finally:
        wipe(secret)
        wipe(mac if mac is not None else bytearray())


def _held(declared: Declaration, access: Access) -> Key:
    if declared.mac is not None or declared.kid is not None:
        problem = f"key {declared.id}: a key in a token has its MAC key there"
        raise NoUsableKey(problem=problem, hint="name it in pkcs11: mac: LABEL", line=declared.line)
    try:
        token = declared.source.hold(access)
    except NoUsableKey as error:
        raise error.at(line=declared.line) from None
    attributes = {"format": declared.format, "accept": declared.accept, "state": declared.state}
    return Key.in_token(declared.id, token, only=declared.only, **attributes)


def _without_bytes(declared: Declaration) -> Key:
    return Key(declared.id, None, format=declared.format, accept=declared.accept, state=declared.state, only=declared.only)


def _key_of(secret: bytearray, key_id: str) -> Key:
    try:
        return Key(key_id, secret)
    finally:
        wipe(secret)


def _check_secrets(members: tuple[Key, ...]) -> None:
    """Refuse one secret under two ids: an untagged blob could not say which it is, and disabling one would disable nothing."""
    for one, other in combinations(members, 2):
        if one.same_secret(other):
            hint = "remove one of the two, or give it a key of its own with: sealkit keygen"
            raise ConfigError(problem=f"keys {one.id} and {other.id} are the same key", hint=hint)
