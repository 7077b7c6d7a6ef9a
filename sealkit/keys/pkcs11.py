"""Keys in a PKCS #11 token (a hardware security module, a smart card, SoftHSM), which never give their bytes away.

The ring says which library, which token, the labels of its objects and where the PIN comes from. A key that was made outside is put into a token
together with what FORMAT derives from it, so that its tags and kid stay what they were (docs/decisions/0007).
"""

from __future__ import annotations

import os
from json import dumps
from typing import TYPE_CHECKING

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.access import Source
from sealkit.keys.files import check_program
from sealkit.keys.passphrase import fetcher
from sealkit.keys.session import Place, package, shared, words
from sealkit.keys.token import Token
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.config import Table
    from sealkit.keys.access import Access
    from sealkit.keys.key import Key

_KID = frozenset("0123456789abcdef")
_MAX_LABEL = 64
_ATTRIBUTES = ("module", "token", "key", "mac", "siv", "kid", "pin")


class InToken(Source):
    """A key in a token. It gives no bytes; ``hold`` gives what works with it."""

    __slots__ = ("_fetch", "_label", "place")
    costly = True
    runs = True  # a library is code
    holds = True

    def __init__(self, place: Place, fetch: Callable[[Access], bytearray], label: str) -> None:
        self.place = place
        self._fetch = fetch
        self._label = f"{label}: pkcs11"

    @opaque
    def hold(self, access: Access) -> Token:
        """Return the key in its token, logged in to. Raises ``NoUsableKey``."""
        check_program(self.place.module, self._label)
        pin = self.pin(access)
        try:
            return Token(self.place, pin, self._label)
        finally:
            wipe(pin)

    @opaque
    def read(self, access: Access) -> bytearray:
        """Raise ``NoUsableKey``."""
        del access
        raise NoUsableKey(problem=f"{self._label}: its bytes never leave the token", hint="use it where it is")

    @opaque
    def unwrap(self, key_id: str, wrapped: bytes, algorithm: str, access: Access) -> bytearray:
        """Have the token unwrap it."""
        del key_id
        token = self.hold(access)
        try:
            return token.unwrap(wrapped, algorithm)
        finally:
            token.close()

    @opaque
    def wrap(self, key_id: str, secret: bytearray, algorithm: str, access: Access) -> bytes:
        """Have the token wrap it."""
        del key_id
        token = self.hold(access)
        try:
            return token.wrap(secret, algorithm)
        finally:
            token.close()

    @opaque
    def pin(self, access: Access) -> bytearray:
        """Return the PIN, for the caller to wipe. Raises ``NoUsableKey``."""
        pin = self._fetch(access)
        while pin.endswith((b"\n", b"\r")):
            del pin[-1]
        if pin:
            return pin
        raise NoUsableKey(problem=f"{self._label}: an empty PIN", hint="say where the PIN comes from: pin: {env: NAME}")


def declare(entry: Table, kind: str, label: str, folder: str) -> InToken:
    """Declare a key in a token as a source. Raises ``ConfigError``."""
    table = entry.table(kind, of=label)
    table.only(_ATTRIBUTES, of=f"{label}: pkcs11")
    words = {
        name: str(table.text(name, of=label)) for name in _ATTRIBUTES[:-1] if name in table or name in {"module", "token", "key"}
    }
    for name, word in words.items():
        if name != "module" and (len(word) > _MAX_LABEL or not word.isprintable()):
            raise ConfigError(problem=f"{label}: {name} is no label", hint="as pkcs11-tool lists it", line=table.lines[name])
    if not os.path.isabs(words["module"]) or "\0" in words["module"]:
        hint = "such as /usr/lib/softhsm/libsofthsm2.so"
        raise ConfigError(problem=f"{label}: module is the path of a library, from / on", hint=hint, line=table.lines["module"])
    kid = words.get("kid", "")
    if (kid or "mac" in words or "siv" in words) and (len(kid) != 16 or not _KID.issuperset(kid)):
        hint = "sealkit keys to-token writes it"
        raise ConfigError(problem=f"{label}: mac and siv go with a kid, 16 hex digits", hint=hint, line=table.line)
    return InToken(Place(**words), fetcher(table, "pin", label, folder, "PIN")[0], label)


# --- putting a key there -----------------------------------------------------------------------------------------------
@opaque
def put(key: Key, place: Place, pin: bytearray) -> Place:
    """Put a key, its MAC key and its synthetic-IV key into a token, and return where they are.

    All are made private, sensitive and not to be taken out. Raises ``NoUsableKey``, also where there is an object of one of the labels.
    """
    label = f"key {key.id}: pkcs11"
    pkcs11 = package(label)
    target = place._replace(mac=f"{place.key} mac", siv=f"{place.key} siv", kid=key.kid)
    derived = key.derived()
    secrets = [key.encoded("raw"), bytearray(derived.mac), bytearray(derived.siv)]
    session = shared(target, pin, label)
    failure = ""
    try:
        with session.lock:
            for sought in (target.key, target.mac, target.siv):
                if list(session.ready().get_objects({pkcs11.Attribute.LABEL: sought})):
                    failure = f"it has an object {sought!r} already"
                    break
            else:
                for sought, secret in zip((target.key, target.mac, target.siv), secrets, strict=True):
                    session.ready().create_object(_template(pkcs11, sought, secret, encrypts=sought == target.key))
    except pkcs11.PKCS11Error as error:
        failure = f"it does not take the key ({words(error)})"
    finally:
        session.leave()
        for secret in secrets:
            wipe(secret)
    if failure:
        raise NoUsableKey(
            problem=f"{label}: token {place.token!r}: {failure}", hint="take another --label, or see the token's own tools"
        )
    _prove(key, target, pin, label)
    return target


def _prove(key: Key, place: Place, pin: bytearray, label: str) -> None:
    """Raise ``NoUsableKey`` unless the token does with the key what the key itself does."""
    from sealkit.context import UNBOUND

    payload, iv, header = b"a payload that proves that it works", bytes(range(16)), bytes(10)
    token = Token(place, pin, label)
    try:
        ciphertext = token.cbc().encrypt(payload, iv)
        same = (
            ciphertext == key.cbc().encrypt(payload, iv),
            token.cbc().decrypt(ciphertext, iv) == payload,
            token.tagger().tag(header, UNBOUND, iv, ciphertext) == key.tagger().tag(header, UNBOUND, iv, ciphertext),
            token.synthesizer().iv(UNBOUND, payload) == key.synthesizer().iv(UNBOUND, payload),
        )
    finally:
        token.close()
    if not all(same):
        raise NoUsableKey(problem=f"{label}: the token does something else with the key", hint="see the token's own tools")


def _template(pkcs11: object, label: str, secret: bytearray, *, encrypts: bool) -> dict[object, object]:
    from typing import Any, cast

    library = cast("Any", pkcs11)
    attribute = library.Attribute
    use = ("ENCRYPT", "DECRYPT", "WRAP", "UNWRAP") if encrypts else ("SIGN", "VERIFY")
    return {
        attribute.CLASS: library.ObjectClass.SECRET_KEY,
        attribute.KEY_TYPE: library.KeyType.AES if encrypts else library.KeyType.GENERIC_SECRET,
        attribute.LABEL: label,
        attribute.TOKEN: True,
        attribute.PRIVATE: True,
        attribute.SENSITIVE: True,
        attribute.EXTRACTABLE: False,
        attribute.VALUE: bytes(secret),
        **{getattr(attribute, name): True for name in use},
    }


def declared(text: str, label: str) -> InToken:
    """Return the source that a flow mapping describes. Raises ``ConfigError``."""
    return declare(config.load(f"source: {text}".encode(), what="source").table("source", of=label), "pkcs11", label, "")


def source_text(place: Place, pin: str) -> str:
    """Return the source as a ring file has it; ``pin`` says where the PIN comes from, as it stands there."""
    words = ", ".join(f"{name}: {dumps(word, ensure_ascii=False)}" for name, word in place._asdict().items() if word)
    return f"{{pkcs11: {{{words}, pin: {pin}}}}}"
