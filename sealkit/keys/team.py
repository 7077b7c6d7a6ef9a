"""A ring that a team shares: its keys encrypted to the recipients that it names, and encrypted anew when those change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import ringedit, ringfile, ringstore
from sealkit.keys.access import Access
from sealkit.keys.age import Age, age_source, spelt
from sealkit.keys.key import random_secret
from sealkit.keys.remembered import throughout
from sealkit.keys.ring import check_programs
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from sealkit.keys.ringfile import RingText

    Ask = Callable[[str], str] | None


class Shared(NamedTuple):
    """What came of a change: the ids of the keys that were encrypted, and the names of those they were encrypted to."""

    keys: tuple[str, ...]
    recipients: tuple[str, ...]


@opaque
def add_recipient(path: str, name: str, key: str, *, ask: Ask = None) -> Shared:
    """Add a recipient to a ring file, and encrypt its age keys to all, the new one too; nothing is written unless all of it works.

    ``key`` is ``age1...`` or an SSH public key. Raises ``ConfigError``, ``NoUsableKey`` (a key that this reader cannot open),
    ``StoreError`` and ``TreeBusy``.
    """
    bare = spelt(key)
    return _changed(path, lambda data: ringedit.with_recipient(data, name, bare), (), ask)


@opaque
def remove_recipient(path: str, name: str, *, ask: Ask = None) -> Shared:
    """Remove a recipient, and encrypt the age keys to the rest. Who was removed knows the keys until they are rotated. Raises as above."""
    return _changed(path, lambda data: ringedit.without_recipient(data, name), (), ask)


@opaque
def rewrap(path: str, key_ids: tuple[str, ...] = (), *, ask: Ask = None) -> Shared:
    """Encrypt all age keys of a ring to its recipients, and with them the ``key_ids``, wherever those were before. Raises as above."""
    return _changed(path, lambda data: data, key_ids, ask)


@opaque
def add_shared(
    path: str, key_id: str, bits: int = 256, *, ask: Ask = None, **attributes: Unpack[ringstore.Attributes]
) -> tuple[str, ...]:
    """Add a new random key, encrypted to the ring's recipients, whose names are returned. Raises as above."""
    from sealkit.keys.checkup import declared

    recipients = declared(path).recipients
    secret = random_secret(bits)
    try:
        source = age_source(secret, recipients)
    finally:
        wipe(secret)
    ringstore.add_source(path, key_id, source, ask=ask, **attributes)
    return tuple(recipient.name for recipient in recipients)


def _changed(path: str, edit: Callable[[bytes], bytes], more: tuple[str, ...], ask: Ask) -> Shared:
    done: list[Shared] = []

    def rewrapped(data: bytes) -> bytes:
        changed = edit(data)
        text = ringfile.parse(changed, os.path.dirname(path))
        check_programs(path, text.keys)
        access = Access(os.environ, ask=ask)
        access.others = {key.id: key.source for key in text.keys}
        try:
            changed, ids = _rewrapped(changed, text, more, access)
        finally:
            access.close()
        done.append(Shared(ids, tuple(recipient.name for recipient in text.recipients)))
        return changed

    with throughout():  # the changed ring is loaded, too
        ringstore.change(path, rewrapped, ask=ask)
    return done[0]


def _rewrapped(data: bytes, text: RingText, more: tuple[str, ...], access: Access) -> tuple[bytes, tuple[str, ...]]:
    unknown = [key_id for key_id in more if key_id not in access.others]
    if unknown:
        raise NoUsableKey(problem="the ring has no key with that id", hint="it has: " + ", ".join(access.others))
    ids = []
    for key in text.keys:
        for name, source in (("source", key.source), ("mac", key.mac)):
            if source is None or not (isinstance(source, Age) or key.id in more):
                continue
            if key.is_verify_only:
                raise ConfigError(
                    problem=f"key {key.id} is verify-only: it is not encrypted anew", hint="export it anew", line=key.line
                )
            try:
                secret = source.read(access)
            except NoUsableKey as error:
                raise error.at(line=key.line) from None
            try:
                data = ringedit.with_source(data, key.id, age_source(secret, text.recipients), name=name)
            finally:
                wipe(secret)
            ids.append(key.id)
    return data, tuple(dict.fromkeys(ids))
