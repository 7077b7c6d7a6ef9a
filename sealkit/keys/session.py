"""Sessions with PKCS #11 tokens: one a token and process, shared by its keys, opened anew in every process.

A token's library does not survive a fork, and it knows one login for the whole process. So keys of one token share a session, one call at a time
goes through it, and a worker opens its own at its first call, with the PIN that was given when the ring was loaded; it is wiped when the
last key of the token is closed. Whatever goes wrong is one error that names the token, never what the library itself says.
"""

from __future__ import annotations

import fcntl
import os
import threading
from _operator import _compare_digest
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sealkit.crypto.cipher import KeyMaterial
from sealkit.errors import NoUsableKey
from sealkit.installing import how_to_install
from sealkit.opaque import opaque
from sealkit.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Iterator

Library: TypeAlias = Any
"""Something of the package ``pkcs11``, whose types are there only where it is installed."""

_MODULE_HINT = "check its path, and that it is a PKCS #11 library of this machine's kind"


class Place(NamedTuple):
    """Where a key is: the token's library, the token's label, the labels of its AES key, MAC key and synthetic-IV key ("" for none), its kid."""

    module: str
    token: str
    key: str
    mac: str = ""
    siv: str = ""
    kid: str = ""


class Session(KeyMaterial):
    """A session that is logged in, of whichever process asks for it; hold ``lock`` while it is used."""

    __slots__ = ("_handle", "_label", "_pin", "_place", "_users", "lock", "pid")

    def __init__(self, place: Place, pin: bytearray, label: str) -> None:
        self._place = place
        self._label = label
        self._pin = bytearray(pin)
        self._users = 0
        self._handle: Any = None
        self.lock = threading.RLock()
        self.pid = 0

    def ready(self) -> Library:
        """Return the library's session. Raises ``NoUsableKey``: no package, no module, no token, no login."""
        if self.pid != os.getpid():
            if not self._pin:
                raise NoUsableKey(problem=f"{self._label}: it was closed", hint="load the ring anew")
            with _alone(self._place.module):
                self._handle = _opened(self._place, self._pin, self._label)
            self.pid = os.getpid()
        return self._handle

    def joined(self, pin: bytearray, label: str) -> Session:
        """Count one more that uses it. Raises ``NoUsableKey`` for another PIN than the one that opened it."""
        if not _compare_digest(self._pin, pin):
            raise _wrong_pin(label)
        self.ready()
        self._users += 1
        return self

    def leave(self) -> None:
        """Count one less; the last one closes it."""
        self._users -= 1
        if self._users > 0:
            return
        _sessions.pop((self._place.module, self._place.token), None)
        wipe(self._pin)
        self._pin = bytearray()
        handle, self._handle = self._handle, None
        if handle is not None and self.pid == os.getpid():
            try:
                handle.close()
            except package(self._label).PKCS11Error:  # the token is gone, and the session with it
                pass
        self.pid = 0

    def __repr__(self) -> str:
        return f"<Session {self._place.token!r}>"


_sessions: dict[tuple[str, str], Session] = {}
_pids: dict[str, int] = {}
"""Which process a module was initialized in."""


@opaque
def shared(place: Place, pin: bytearray, label: str) -> Session:
    """Return the session with a token, logged in, which the caller leaves in the end. Raises ``NoUsableKey``."""
    name = (place.module, place.token)
    session = _sessions.get(name)
    if session is None:
        session = Session(place, pin, label).joined(pin, label)
        _sessions[name] = session
        return session
    return session.joined(pin, label)


def _unlocked() -> None:
    """Free the locks in a child: whoever held one is not there."""
    for session in _sessions.values():
        session.lock = threading.RLock()


os.register_at_fork(after_in_child=_unlocked)


@contextmanager
def _alone(module: str) -> Iterator[None]:
    """Let one process at a time open its session: SoftHSM overlooks its own token while another one reads it."""
    try:
        descriptor = os.open(module, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # loading it says what is wrong
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _opened(place: Place, pin: bytearray, label: str) -> Library:
    pkcs11 = package(label)
    problem, hint = f"module {place.module!r} cannot be loaded", _MODULE_HINT
    try:
        library = _library(pkcs11, place.module)
        problem, hint = f"no token {place.token!r} there", "list them: pkcs11-tool --module MODULE --list-token-slots"
        token = library.get_token(token_label=place.token)
        problem, hint = "the token cannot be logged in to", "see the token's own tools"
        # a session that writes, since wrapping makes an object that lasts as long as the session
        return token.open(user_pin=pin.decode("utf-8"), rw=True)
    except pkcs11.PinLocked:
        problem, hint = "the PIN is locked, after too many wrong ones", "the token's security officer can unlock it"
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, UnicodeDecodeError):
        raise _wrong_pin(label) from None
    except pkcs11.MultipleTokensReturned:
        problem, hint = f"more than one token {place.token!r} there", "give each token a label of its own"
    except pkcs11.NoSuchToken:
        pass
    except pkcs11.PKCS11Error as error:
        problem += f" ({words(error)})" if type(error) is not pkcs11.PKCS11Error else ""
    raise NoUsableKey(problem=f"{label}: {problem}", hint=hint)


def _library(pkcs11: Library, module: str) -> Library:
    library = pkcs11.lib(module)
    if _pids.get(module, os.getpid()) != os.getpid():
        try:
            library.reinitialize()
        except pkcs11.PKCS11Error:  # it has noticed the fork itself
            library.initialize()
    _pids[module] = os.getpid()
    return library


def _wrong_pin(label: str) -> NoUsableKey:
    return NoUsableKey(problem=f"{label}: wrong PIN", hint="mind that tokens lock themselves after a few wrong ones")


def words(error: Exception) -> str:
    """Return the name of a token's error; what it says besides may be anything."""
    return type(error).__name__


def package(label: str) -> Library:
    """Return the package ``pkcs11``. Raises ``NoUsableKey`` where it is not installed."""
    try:
        import pkcs11
    except ImportError:
        pass
    else:
        return pkcs11
    raise NoUsableKey(problem=f"{label}: the package python-pkcs11 is not installed", hint=how_to_install("pkcs11"))
