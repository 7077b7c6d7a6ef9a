"""Keys derived from passphrases, on the hazardous floor: bytes in, bytes out; what is strong enough is decided above.

``cryptography`` is imported when a key is derived, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.errors import NoUsableKey
from sealkit.opaque import opaque
from sealkit.wiping import lent, moved

if TYPE_CHECKING:
    from collections.abc import Callable

_HINT = "install cryptography from PyPI, or take another kdf"


@opaque
def argon2id(
    passphrase: bytes | bytearray,
    salt: bytes,
    *,
    size: int,
    t: int,
    m: int,
    p: int,
    secret: bytes | None = None,
    associated: bytes | None = None,
) -> bytearray:
    """Return ``size`` bytes by Argon2id (RFC 9106, version 19): ``t`` passes over ``m`` KiB in ``p`` lanes.

    ``secret`` and ``associated`` are the RFC's optional inputs K and X. Raises ``NoUsableKey`` where it cannot be computed.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    def derive() -> bytes:
        made = Argon2id(salt=salt, length=size, iterations=t, lanes=p, memory_cost=m, ad=associated, secret=secret)
        with lent(passphrase) as given:
            return made.derive(given)

    return _derived(derive, "Argon2id", (UnsupportedAlgorithm,))


@opaque
def scrypt(passphrase: bytes | bytearray, salt: bytes, *, size: int, n: int, r: int, p: int) -> bytearray:
    """Return ``size`` bytes by scrypt (RFC 7914): ``n`` is the cost, a power of two, ``r`` the block size, ``p`` the parallelism.

    It takes 128 ``n r`` bytes of memory. Raises ``NoUsableKey`` where it cannot be computed.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return _derived(lambda: Scrypt(salt=salt, length=size, n=n, r=r, p=p).derive(passphrase), "scrypt", (UnsupportedAlgorithm,))


@opaque
def pbkdf2(passphrase: bytes | bytearray, salt: bytes, *, size: int, iterations: int) -> bytearray:
    """Return ``size`` bytes by PBKDF2 with HMAC-SHA256 (RFC 8018 section 5.2). Raises ``NoUsableKey`` where it cannot be computed."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    def derive() -> bytes:
        return PBKDF2HMAC(algorithm=SHA256(), length=size, salt=salt, iterations=iterations).derive(passphrase)

    return _derived(derive, "PBKDF2", (UnsupportedAlgorithm,))


def _derived(derive: Callable[[], bytes], name: str, unsupported: tuple[type[Exception], ...]) -> bytearray:
    try:
        return moved(derive())
    except MemoryError:
        problem, hint = f"{name}: not enough memory", "free some, or derive the key on another machine"
    except unsupported:
        problem, hint = f"this build of cryptography has no {name}", _HINT
    except ValueError:
        problem, hint = f"{name}: parameters that it does not take", "see docs/keys.md"
    raise NoUsableKey(problem=problem, hint=hint)
