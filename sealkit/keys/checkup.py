"""A ring looked at key by key: where each is, whether its bytes can be had, and who else could have them."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey, SealkitError
from sealkit.keys import files, ringfile
from sealkit.keys.access import Access
from sealkit.keys.key import Key
from sealkit.keys.remembered import throughout
from sealkit.keys.ring import MAX_RING_FILE, NO_FILE_HINT, KeyRing, read_ring
from sealkit.keys.sources import KINDS
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from sealkit.keys.ringfile import Declaration, RingText


class Seen(NamedTuple):
    """One key of a ring as it was found: its entry, the kind of its source, its kid ("" if it is not known), and what is wrong."""

    key: Declaration
    kind: str
    kid: str = ""
    problem: str | None = None
    hint: str | None = None
    tried: bool = True


class Checked(NamedTuple):
    """A ring as it was found: its ``mode`` bits, the id of the primary, its keys, and ``warnings`` for people."""

    mode: int
    primary: str | None
    keys: list[Seen]
    warnings: list[str]

    @property
    def problems(self) -> int:
        """How many keys that the ring needs cannot be had."""
        return sum(one.problem is not None and one.key.may_open for one in self.keys)


@opaque
def declared(path: str) -> RingText:
    """Return what a ring file says; nothing is fetched. Raises ``ConfigError`` and ``NoUsableKey``."""
    with _located(path):
        content = files.read_trusted(path, "key ring", Access({}), limit=MAX_RING_FILE, absent=NO_FILE_HINT)
        try:
            return ringfile.parse(bytes(content.data), os.path.dirname(path))
        finally:
            wipe(content.data)


@contextmanager
def _located(path: str) -> Iterator[None]:
    """Let errors say which ring they speak of."""
    try:
        yield
    except (ConfigError, NoUsableKey) as error:
        error.at(path=path)
        raise


@opaque
def check(path: str, environ: MutableMapping[str, str], *, ask: Callable[[str], str] | None = None, costly: bool = True) -> Checked:
    """Return what a ring file holds and whether each key can be had; ``costly`` sources (that ask, run something, take long) too or not.

    Raises ``ConfigError`` for a file that is no ring, or one that may not name programs, and ``NoUsableKey`` for one that cannot be read
    or that others have a hand in: nothing of such a ring is tried.
    """
    access = Access(environ, ask=ask)
    with throughout():
        try:
            return _checked(path, access, costly=costly)
        finally:
            access.close()


def _checked(path: str, access: Access, *, costly: bool) -> Checked:
    with _located(path):
        data, text, status = read_ring(path, access)
    passed_over = [not costly and any(one.costly for one in (key.source, key.mac) if one is not None) for key in text.keys]
    whole = None if any(passed_over) else _load(path, access.environ, access.ask)
    seen = []
    for key, kind, skip in zip(text.keys, _kinds(data), passed_over, strict=True):
        if isinstance(whole, KeyRing):
            kid = whole.get(key.id).kid
            seen.append(Seen(key, kind, kid, None if kid else "its bytes cannot be had, or are not fetched for a disabled key"))
        else:
            seen.append(Seen(key, kind, key.kid or "", tried=False) if skip else _alone(key, kind, access))
    warnings = list(dict.fromkeys(access.warnings))
    if isinstance(whole, KeyRing):
        warnings += whole.warnings
        whole.close()
    elif whole is not None and not any(one.problem for one in seen):  # what is wrong is wrong with the ring as a whole
        raise whole
    return Checked(stat.S_IMODE(status.st_mode), text.primary, seen, warnings)


def _load(path: str, environ: MutableMapping[str, str], ask: Callable[[str], str] | None) -> KeyRing | SealkitError:
    try:
        return KeyRing.load(path, environ=environ, ask=ask)
    except SealkitError as error:
        return error


def _alone(key: Declaration, kind: str, access: Access) -> Seen:
    """Look at one key by itself, in a ring that does not load."""
    if not key.may_open and key.source.costly:  # as it is in a ring that loads; only what may open counts as what a ring costs
        return Seen(key, kind, key.kid or "", "its bytes are not fetched for a disabled key")
    try:
        if key.source.holds:
            token = key.source.hold(access)
            token.close()
            return Seen(key, kind, token.place.kid)
        secret = key.source.read(access)
    except SealkitError as error:
        return Seen(key, kind, key.kid or "", error.problem, error.hint)
    try:
        if key.kid is not None:
            return Seen(key, kind, key.kid)
        mac = key.mac.read(access) if key.mac is not None else None
        made = Key(key.id, secret, mac_secret=mac)
        kid = made.kid
        made.close()
        return Seen(key, kind, kid)
    except SealkitError as error:
        return Seen(key, kind, "", error.problem, error.hint)
    finally:
        wipe(secret)


def _kinds(data: bytes) -> list[str]:
    """Return the kind of the source of each entry of a ring that was parsed."""
    kinds = []
    for entry in config.load(data, what="key ring").items_of("keys", of="key ring"):
        table = config.as_table(entry, of="key ring", line=0)
        source = table.table("source" if "source" in table else "verify_only", of="key ring")
        kinds.append(next(kind for kind in KINDS if kind in source))
    return kinds
