"""Keys encrypted to people's age recipients (age-encryption.org/v1), so that a team shares a ring that is committed to its repository.

The ring holds the age file of a key, as base64 or armored: what ``age -r RECIPIENT`` makes of a key file, and ``age -d`` opens. Whose
identity opens it is never said in a ring, but by its reader: ``$SEALKIT_AGE_IDENTITY``, else the usual places in the home folder.
"""

from __future__ import annotations

import binascii
import os
from typing import TYPE_CHECKING, NamedTuple, cast

from sealkit.config import shown_path
from sealkit.errors import ConfigError, NoUsableKey, SealkitError
from sealkit.installing import how_to_install
from sealkit.keys.access import Source
from sealkit.keys.encodings import decode, encoding_of
from sealkit.keys.files import read_key_file
from sealkit.opaque import opaque
from sealkit.wiping import lent, moved, wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from sealkit.config import Table
    from sealkit.keys.access import Access
    from sealkit.keys.ringfile import Recipient

IDENTITY_VARIABLE = "SEALKIT_AGE_IDENTITY"
MAX_AGE_FILE = 1 << 16
_BEGIN, _INTRO = "-----BEGIN AGE ENCRYPTED FILE-----", b"age-encryption.org/v1\n"
_SECRET, _SSH = b"AGE-SECRET-KEY-1", b"-----BEGIN "
_SSH_KEYS = ("id_ed25519", "id_rsa")
_HINT = f"name your identity file with --age-identity FILE or ${IDENTITY_VARIABLE}; or ask somebody in the team to add you"


class Age(Source):
    """Key bytes that stand in the ring, encrypted to age recipients."""

    __slots__ = ("_content", "_encoding", "_label")
    costly = True

    def __init__(self, content: bytes, encoding: str, label: str) -> None:
        self._content = content
        self._encoding = encoding
        self._label = f"{label}: age"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Open the age file with whichever of the reader's identities it is encrypted to."""
        pyrage = _pyrage(self._label)
        identities = _Identities(pyrage, self._label, access)
        secret = None
        try:
            secret = moved(pyrage.decrypt(self._content, identities.all()))
        except pyrage.DecryptError as error:
            foreign = "no matching" in str(error).lower()
        if secret is None:
            if foreign:
                raise NoUsableKey(problem=f"{self._label}: not encrypted to {identities.tried}", hint=_HINT)
            raise NoUsableKey(problem=f"{self._label}: damaged, or no age file", hint="get the ring anew")
        try:
            return decode(secret, self._encoding, self._label, access)
        finally:
            wipe(secret)


def declare(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare an age file as a source. Raises ``ConfigError``."""
    del folder
    text = entry.text(kind, of=label)
    content = b""
    if text.startswith(_BEGIN) and text.isascii():
        content = text.encode()
    else:
        try:
            content = binascii.a2b_base64("".join(text.split()).encode(), strict_mode=True)
        except ValueError:
            content = b""
        content = content if content.startswith(_INTRO) else b""
    if not content or len(content) > MAX_AGE_FILE:
        hint = "base64 of an age file, or an armored one in a block (age: |); sealkit keys rewrap makes it"
        raise ConfigError(problem=f"{label}: no age file", hint=hint, line=text.line)
    return Age(content, encoding_of(entry, kind, label), label)


# --- identities ------------------------------------------------------------------------------------------------------
class _Identities:
    """The reader's identities: those of the file that is named, else all in the usual places that can be used."""

    def __init__(self, pyrage: ModuleType, label: str, access: Access) -> None:
        self._pyrage = pyrage
        self._label = label
        self._access = access
        self.tried = ""

    def all(self) -> list[object]:
        """Return them. Raises ``NoUsableKey`` if there is none, or the named file holds none."""
        named = self._access.environ.get(IDENTITY_VARIABLE)
        if named:
            self.tried = f"the identity of {shown_path(named)}"
            return self._of(named)
        found: list[object] = []
        problems = []
        places = [path for path in usual_identities(self._access.environ.get) if os.path.lexists(path)]
        for path in places:
            try:
                found += self._of(path)
            except NoUsableKey as error:  # an SSH key with a passphrase is no reason not to use the others
                problems.append(error.problem)
        self.tried = "the identities of " + ", ".join(map(shown_path, places))
        if not found:
            problem = "; ".join(problems) or f"{self._label}: no age identity"
            raise NoUsableKey(problem=problem, hint=_HINT)
        return found

    def _of(self, path: str) -> list[object]:
        label = f"{self._label}: identity {shown_path(path)}"
        content = read_key_file(path, label, self._access)
        problem = ""
        try:
            with lent(content) as given:
                return self._parsed(given)
        except self._pyrage.IdentityError as error:
            locked = "decrypted first" in str(error)
            problem = "an SSH key with a passphrase, which is not asked for" if locked else "no age identity, nor an SSH key"
        finally:
            wipe(content)
        raise NoUsableKey(problem=f"{label}: {problem}", hint="make one with: age-keygen -o ~/.config/sealkit/age.txt")

    def _parsed(self, content: bytes) -> list[object]:
        if content.startswith(_SSH):
            return [self._pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.splitlines() if line.strip() and not line.startswith(b"#")]
        if not lines or not all(line.startswith(_SECRET) and line.isascii() for line in lines):
            raise self._pyrage.IdentityError
        return [self._pyrage.x25519.Identity.from_str(line.decode("ascii")) for line in lines]


def usual_identities(variable: Callable[[str], str | None]) -> list[str]:
    """Return where identities are looked for: ``age.txt`` beside the user's own ring, then the SSH keys that age knows."""
    home = variable("HOME") or os.path.expanduser("~")
    config = variable("XDG_CONFIG_HOME") or ""
    folder = config if os.path.isabs(config) else os.path.join(home, ".config")
    return [os.path.join(folder, "sealkit", "age.txt"), *(os.path.join(home, ".ssh", name) for name in _SSH_KEYS)]


# --- recipients ------------------------------------------------------------------------------------------------------
class _Made(NamedTuple):
    recipient: object
    text: str


def spelt(recipient: str) -> str:
    """Return a recipient as a ring has it: ``age1...``, or an SSH public key without its comment. Raises ``ConfigError`` and ``NoUsableKey``."""
    return _recipient(recipient).text


def _recipient(text: str) -> _Made:
    pyrage = _pyrage("age")
    words = text.split()
    if words and words[0] in {"ssh-ed25519", "ssh-rsa"}:
        make, bare = pyrage.ssh.Recipient.from_str, " ".join(words[:2])
    else:
        make, bare = pyrage.x25519.Recipient.from_str, text.strip()
    try:
        return _Made(make(bare), bare)
    except pyrage.RecipientError:
        pass
    hint = "age1..., as age-keygen -y shows it, or a line of ssh-ed25519 or ssh-rsa; never an AGE-SECRET-KEY"
    raise ConfigError(problem="not an age recipient", hint=hint)


@opaque
def age_source(secret: bytearray, recipients: Sequence[Recipient]) -> str:
    """Return the source, as a ring file has it, of a key encrypted to recipients. Raises ``ConfigError`` and ``NoUsableKey``."""
    made = []
    for recipient in recipients:
        try:
            made.append(_recipient(recipient.key).recipient)
        except SealkitError as error:
            error.problem = f"recipient {recipient.name}: {error.problem}"
            raise error.at(line=recipient.line) from None
    if not made:
        raise ConfigError(problem="the ring has no recipients", hint="add them: sealkit keys add-recipient NAME age1...")
    with lent(secret) as given:
        content = cast("bytes", _pyrage("age").encrypt(given, made))
    return f'{{age: "{binascii.b2a_base64(content, newline=False).decode("ascii")}", encoding: raw}}'


def _pyrage(label: str) -> ModuleType:
    try:
        import pyrage
    except ImportError:
        pass
    else:
        return cast("ModuleType", pyrage)
    raise NoUsableKey(problem=f"{label}: the package pyrage is not installed", hint=how_to_install("age"))
