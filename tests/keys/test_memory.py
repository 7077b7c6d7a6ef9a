"""No copy of a key is left in memory once its ring is closed: each kind of source, each way in which a ring comes to its end.

Copies are counted from outside, in all memory that the process may write to: of the key, of what HKDF makes of it, and of the text or the
passphrase that it came from. Where the library that gives the key keeps some of that, the figure here is what docs/security.md says.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import sys
from typing import NamedTuple

import pytest
from memory_search import Watched, copies, derived

pytestmark = [
    pytest.mark.thorough,  # a process for each case
    pytest.mark.skipif(sys.platform != "linux", reason="/proc/PID/mem is Linux's"),
]

SALT = b"a salt of sealkit"
SALTED = f"salt: '{base64.b64encode(SALT).decode()}'"


class Case(NamedTuple):
    """A source as a ring has it, what is in the file ``k`` (descriptor FD, variable K), the key, and what may stay of the two at most."""

    source: str
    content: bytes
    key: bytes
    keys_left: int = 0
    texts_left: int = 0
    mac: bytes = b""
    more: str = ""
    stands_in: str = ""
    """Code that takes the place of somebody who types, or of a library that needs a service; it gives what is in ``k``, anew each time."""


def spelt(secret, encoding):
    return {
        "raw": secret,
        "hex": secret.hex().encode() + b"\n",
        "base64": base64.b64encode(secret),
        "hex:": b"hex:" + secret.hex().encode(),
    }[encoding]


def of_file(encoding, bits=256):
    secret = os.urandom(bits // 8)
    return Case(f"{{file: k, encoding: {encoding}}}", spelt(secret, encoding), secret)


def with_mac(place):
    secret, mac = os.urandom(32), os.urandom(32)
    sources = {"file": "{file: k, encoding: raw}", "command": "{command: [cat, k], encoding: raw}"}
    return Case(sources[place], secret, secret, mac=mac, more="    mac: {file: m, encoding: raw}\n")


def of_words(kind, place, **left):
    """A key from a passphrase of 40 letters, by few rounds: what stays does not depend on their number."""
    words = base64.b32encode(os.urandom(25))
    recipes = {
        "pbkdf2": ("iterations: 9", lambda: hashlib.pbkdf2_hmac("sha256", words, SALT, 9)),
        "scrypt": ("n: 16, r: 2, p: 1", lambda: hashlib.scrypt(words, salt=SALT, n=16, r=2, p=1, dklen=32)),
        "argon2id": ("t: 1, m: 8, p: 1", lambda: argon2id(words)),
    }
    places = {"file": "{file: k}", "fd": "{fd: FD}", "command": "{command: [cat, k]}", "env": "{env: K}", "prompt": "prompt"}
    parameters, derive = recipes[kind]
    return Case(f"{{passphrase: {places[place]}, kdf: {kind}, {SALTED}, {parameters}}}", words, derive(), **left)


def argon2id(words):
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(salt=SALT, length=32, iterations=1, lanes=1, memory_cost=8).derive(words)


def wrapped(**left):
    from sealkit.crypto.wrap import wrap

    kek, secret = os.urandom(32), os.urandom(32)
    text = base64.b64encode(wrap(kek, secret, "kw")).decode()
    return Case(f"{{wrapped: '{text}', under: kek}}", kek, secret, more="  - {id: kek, source: {file: k, encoding: raw}}\n", **left)


def of_age(**left):
    import pyrage

    identity, secret = pyrage.x25519.Identity.generate(), os.urandom(32)
    text = base64.b64encode(pyrage.encrypt(secret, [identity.to_public()])).decode()
    return Case(f"{{age: '{text}', encoding: raw}}", str(identity).encode(), secret, **left)


def given(kind, source, encoding, **left):
    secret = os.urandom(32)
    text = spelt(secret, encoding)
    return Case(
        source.format(text.decode("latin-1").strip()) if kind == "literal" else source,
        text.strip() if kind == "env" else text,
        secret,
        **left,
    )


TYPED = "ask = lambda question: content().decode()"
KEYRING = """
import types
sys.modules["keyring"] = types.SimpleNamespace(get_password=lambda service, user: content().decode().strip())
"""
KMS = """
from sealkit.keys import kms
kms._asked = lambda *_, **__: {"Plaintext": content()}
"""
DATA_KEY = "{aws-kms: 'AQID', key: 'arn:aws:kms:eu-central-1:123456789012:key/k'}"


NOTHING_STAYS = {
    "file, raw": lambda: of_file("raw"),
    "file, raw, 128 bits": lambda: of_file("raw", 128),
    "file, raw, 192 bits": lambda: of_file("raw", 192),
    "file, raw, with a mac": lambda: with_mac("file"),
    "file, hex": lambda: of_file("hex"),
    "file, base64": lambda: of_file("base64"),
    "fd, raw": lambda: given("fd", "{fd: FD, encoding: raw}", "raw"),
    "fd, hex": lambda: given("fd", "{fd: FD, encoding: hex}", "hex"),
    "fd, base64": lambda: given("fd", "{fd: FD, encoding: base64}", "base64"),
    "command, raw": lambda: given("command", "{command: [cat, k], encoding: raw}", "raw"),
    "command, raw, with a mac": lambda: with_mac("command"),
    "command that says something": lambda: given("command", "{command: [sh, -c, 'cat k; echo done >&2'], encoding: raw}", "raw"),
    "command that says the key": lambda: given("command", "{command: [sh, -c, 'cat k; cat k >&2'], encoding: raw}", "raw"),
    "command, bit by bit": lambda: given(
        "command", "{command: [sh, -c, 'head -c 9 k; sleep 0.1; tail -c +10 k'], encoding: raw}", "raw"
    ),
    "command, hex": lambda: given("command", "{command: [cat, k], encoding: hex}", "hex"),
    "pbkdf2, file": lambda: of_words("pbkdf2", "file"),
    "pbkdf2, fd": lambda: of_words("pbkdf2", "fd"),
    "scrypt, command": lambda: of_words("scrypt", "command"),
    "scrypt, fd": lambda: of_words("scrypt", "fd"),
}
"""Sources of whose keys nothing stays, nor of the text or the passphrase that they came from."""
SOME_STAYS = {
    "argon2id, file": lambda: of_words("argon2id", "file", texts_left=2),
    "argon2id, fd": lambda: of_words("argon2id", "fd", texts_left=2),
    "pbkdf2, env": lambda: of_words("pbkdf2", "env", texts_left=3),
    "env, hex": lambda: given("env", "{env: K, encoding: hex}", "hex", texts_left=3),
    "hex in the ring": lambda: given("literal", "{{hex: {}}}", "hex", texts_left=2),
    "base64 in the ring": lambda: given("literal", "{{base64: {}}}", "base64", texts_left=2),
    "wrapped": lambda: wrapped(keys_left=2),
    "typed passphrase": lambda: of_words("pbkdf2", "prompt", texts_left=2, stands_in=TYPED),
    "keyring": lambda: given("keyring", "{keyring: {service: s, user: u}, encoding: hex}", "hex", texts_left=2, stands_in=KEYRING),
    "aws-kms": lambda: given("aws-kms", DATA_KEY, "raw", stands_in=KMS),
    "age": lambda: of_age(keys_left=2, texts_left=3),
}
"""Sources where some stays, and how much at most: what docs/security.md says."""

USED = """
import sys
from sealkit import KeyRing, Sealer
from sealkit.keys.prover import prover_of
from sealkit.wiping import wipe

def use(ring):
    '''Have a key do all that it does, and return what does it: closing a ring must not wait for anybody to drop that.'''
    at_work = [Sealer(ring, format=form) for form in ("plain", "tagged", "synthetic")]
    for sealer in at_work:
        blob = sealer.seal(b"a payload of more than one block")
        assert sealer.unseal(blob).payload
    key = ring.primary
    assert ring.by_kid(key.kid) is key
    if key.same_secret(key) and "mac" not in sys.argv:
        for encoding in ("raw", "hex", "base64"):
            wipe(key.encoded(encoding))
    return [*at_work, key, key.cbc(), key.tagger(), key.synthesizer(), prover_of(key), key.derived()]
"""
CLOSES = (
    USED
    + """
def content():
    with open(sys.argv[2], "rb", buffering=0) as file:
        return file.read()

ask = None
exec(sys.argv[3])
ring = KeyRing.load(sys.argv[1], ask=ask)
let_look()
kept = use(ring)
wait(b"open\\n")
child = os.fork()
if not child:
    word = b"%d\\n" % os.getpid()
    ring.close()
    wait(word)
    os._exit(0)
os.waitpid(child, 0)
word = b"closed\\n"
ring.close()
wait(word)
"""
)


def start(folder, case, code, *more):
    """Start a process that runs some code on a ring with one source, where that finds what it needs."""
    for name, data in (("k", case.content), ("m", case.mac)):
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
    env = {"SEALKIT_AGE_IDENTITY": str(folder / "k")}
    if "env: K" in case.source:
        env["K"] = case.content.decode("ascii")
    held = os.open(folder / "k", os.O_RDONLY)
    try:
        ring = folder / "keys.yaml"
        source = case.source.replace("fd: FD", f"fd: {held}")
        ring.write_text(f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {source}\n{case.more}")
        ring.chmod(0o600)
        return Watched(code, ring, *more, env=env, descriptors=(held,))
    finally:
        os.close(held)


def left(memory, case):
    """Count what there is of a case's key, of what was derived from it, and of its text."""
    found = {"key": copies(memory, case.key)}
    found |= {name: copies(memory, secret) for name, secret in derived(case.key, case.mac).items()}
    if case.mac:
        found["MAC secret"] = copies(memory, case.mac)
    if case.content != case.key:
        found["text"] = copies(memory, case.content.strip())
    return found


def allowed(case, found):
    return {name: {"key": case.keys_left, "text": case.texts_left}.get(name, 0) for name in found}


@pytest.mark.parametrize("name", NOTHING_STAYS | SOME_STAYS)
def test_what_stays_of_a_key_when_its_ring_is_closed(tmp_path, name):
    if name == "age" and importlib.util.find_spec("pyrage") is None:
        pytest.skip("pyrage is not installed")
    case = (NOTHING_STAYS | SOME_STAYS)[name]()
    with start(tmp_path, case, CLOSES, tmp_path / "k", case.stands_in, *(["mac"] if case.mac else [])) as process:
        assert process.word() == b"open"
        found = left(process.memory(), case)
        assert all(found[name] for name in ("key", "mac", "siv", "journal")), "it is there as long as it is used"
        process.go_on()
        forked = left(process.memory(int(process.word())), case)
        process.go_on()
        assert process.word() == b"closed"
        closed = left(process.memory(), case)
    bounds = allowed(case, closed)
    assert {
        place: {part: count for part, count in found.items() if count > bounds[part]}
        for place, found in (("closed", closed), ("forked", forked))
    } == {
        "closed": {},
        "forked": {},
    }, (closed, forked)


# --- in which ways a ring comes to its end -------------------------------------------------------------------------------
ENDS = {
    "an error inside the block": (
        """
try:
    with KeyRing.load(path) as ring:
        use(ring)
        raise ValueError(path)
except ValueError as error:
    kept = error
"""
    ),
    "closed twice": (
        """
ring = KeyRing.load(path)
use(ring)
ring.close()
ring.close()
"""
    ),
    "two rings, closed one after the other": (
        """
first, second = KeyRing.load(path), KeyRing.load(path)
first.close()
kept = use(second)
second.close()
"""
    ),
    "a ring that does not load for its next key": (
        """
add("  - {id: k2, source: {file: absent, encoding: raw}}")
failed(lambda: KeyRing.load(path))
"""
    ),
    "a ring that does not load for its next MAC secret": (
        """
add("    mac: {file: absent, encoding: raw}")
failed(lambda: KeyRing.load(path))
"""
    ),
    "a ring that holds its key twice": (
        """
add("  - {id: k2, source: {file: k, encoding: raw}}")
failed(lambda: KeyRing.load(path))
"""
    ),
    "a ring that wraps its next key under it, wrongly": (
        """
add("  - {id: k2, source: {wrapped: '%s', under: k1}}" % ("A" * 31 + "=").replace("A=", "AA"))
failed(lambda: KeyRing.load(path))
"""
    ),
    "keys looked at one by one": (
        """
from sealkit.keys import checkup
add("  - {id: k2, source: {file: absent, encoding: raw}}")
assert [one.kid != "" for one in checkup.check(path, os.environ).keys] == [True, False]
"""
    ),
    "keys looked at": (
        """
from sealkit.keys import checkup
assert checkup.check(path, os.environ).keys[0].kid
"""
    ),
    "a ring of one key": (
        """
from sealkit.keys.access import Access
from sealkit.keys.given import KeyFile
ring = KeyRing.single(KeyFile(sys.argv[2], "raw", "k"), Access({}))
kept = use(ring)
ring.close()
"""
    ),
    "a key made of bytes": (
        """
from sealkit.keys.key import Key
with open(sys.argv[2], "rb", buffering=0) as file:
    secret = bytearray(32)
    file.readinto(secret)
ring = KeyRing([Key("k1", secret)], primary="k1")
wipe(secret)
kept = use(ring)
ring.close()
"""
    ),
    "a key that checks tags alone": (
        """
from sealkit.keys.key import Key
with KeyRing.load(path) as ring:
    key = Key.verify_only("v1", bytes.fromhex(ring.primary.kid), ring.primary.derived().mac)
key.tagger()
key.close()
"""
    ),
}
PREPARED = (
    USED
    + """
from sealkit.errors import SealkitError
path = sys.argv[1]
errors = []

def add(line):
    with open(path, "a") as ring:
        ring.write(line + "\\n")

def failed(load):
    '''Keep the error, and all that it holds on to.'''
    try:
        load()
    except SealkitError as error:
        errors.append(error)
    assert errors
"""
)


@pytest.mark.parametrize("end", ENDS)
def test_what_stays_of_a_key_however_its_ring_ends(tmp_path, end):
    case = of_file("raw")
    code = f"{PREPARED}{ENDS[end]}\nlet_look()\nwait(b'done\\n')\n"
    with start(tmp_path, case, code, tmp_path / "k") as process:
        assert process.word() == b"done"
        found = left(process.memory(), case)
    assert found == dict.fromkeys(found, 0)


REMEMBERED = """
path = sys.argv[1]
first, second = KeyRing.load(path), KeyRing.load(path)
first.close()
kept = use(second)
let_look()
wait(b"one is open\\n")
second.close()
wait(b"none is open\\n")
"""


@pytest.mark.parametrize("name", ["fd, raw", "scrypt, fd"])
def test_a_second_ring_has_what_can_be_read_once(tmp_path, name):
    case = NOTHING_STAYS[name]()
    with start(tmp_path, case, USED + REMEMBERED) as process:
        assert process.word() == b"one is open"
        assert copies(process.memory(), case.key) > 0
        process.go_on()
        assert process.word() == b"none is open"
        found = left(process.memory(), case)
    assert found == dict.fromkeys(found, 0)
