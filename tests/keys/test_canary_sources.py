"""A marked key comes from every source, right and wrong: nothing that is said, raised or left behind holds a part of it."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
import traceback

import pytest
from keys_canary import CANARY, leaks

from sealkit.crypto.wrap import wrap
from sealkit.errors import SealkitError
from sealkit.keys import passphrase, remembered
from sealkit.keys.ring import KeyRing

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

HEX, B64 = CANARY.hex(), base64.b64encode(CANARY).decode()
PASSPHRASE = "Kanarienvogel 7Q2 im Bergwerk"
KEK = bytes(range(16))
SALT = base64.b64encode(KEK).decode()
CHEAP = f"kdf: argon2id, salt: '{SALT}', t: 1, m: 8, p: 1"
DERIVED = passphrase.Recipe("argon2id", (("t", 1), ("m", 8), ("p", 1)), KEK, 32).derive(bytearray(PASSPHRASE.encode()))
KEKS = f"  - {{id: kek, source: {{hex: '{KEK.hex()}'}}, state: disabled}}\n"
WRAPPED = base64.b64encode(wrap(KEK, CANARY, "kw")).decode()

# By the name of what is right or wrong: a source (of k1), and the encoding of what stands in the file, the variable, the descriptor.
SOURCES = {
    "file": ("{file: k1.key, encoding: hex}", HEX),
    "file, a digit short": ("{file: k1.key, encoding: hex}", HEX[:-1]),
    "file, a byte short": ("{file: k1.key, encoding: hex}", HEX[:-2]),
    "file, another encoding": ("{file: k1.key, encoding: base64}", HEX),
    "file, no encoding": ("{file: k1.key}", HEX),
    "file whose name is the key": (f"{{file: '{HEX}', encoding: hex}}", ""),
    "variable": ("{env: SEALKIT_SECRET_X, encoding: base64}", B64),
    "variable, another encoding": ("{env: SEALKIT_SECRET_X, encoding: raw}", B64),
    "variable whose name is the key": (f"{{env: {HEX}, encoding: raw}}", ""),
    "descriptor": ("{fd: 0, encoding: hex}", HEX),
    "descriptor, a digit more": ("{fd: 0, encoding: hex}", HEX + "0"),
    "descriptor, another encoding": ("{fd: 0, encoding: utf8}", B64),
    "descriptor that is the key": (f"{{fd: '{HEX}', encoding: utf8}}", ""),
    "command": ("{command: [cat, k1.key], encoding: hex}", HEX),
    "command, another encoding": ("{command: [cat, k1.key], encoding: base64}", HEX + "x"),
    "command that fails and says it": ("{command: [sh, -c, 'cat k1.key >&2; exit 1'], encoding: hex}", HEX),
    "command that fails and says it in base64": ("{command: [sh, -c, 'echo key: $(cat k1.key). >&2; exit 1'], encoding: hex}", B64),
    "command that says it too": ("{command: [sh, -c, 'cat k1.key; cat k1.key >&2'], encoding: hex}", HEX),
    "command that prints and fails": ("{command: [sh, -c, 'cat k1.key; exit 3'], encoding: hex}", HEX),
    "command whose argument is the key": (f"{{command: [false, '{HEX}'], encoding: hex}}", ""),
    "command that is the key": (f"{{command: ['{HEX}'], encoding: hex}}", ""),
    "command that is a line": (f"{{command: echo {HEX}, encoding: hex}}", ""),
    "command without end": ("{command: [sh, -c, 'cat k1.key; sleep 60'], encoding: hex, timeout: 1}", HEX),
    "wrapped": (f"{{wrapped: '{WRAPPED}', under: kek}}", ""),
    "wrapped by another algorithm": (f"{{wrapped: '{WRAPPED}', under: kek, algorithm: kwp}}", ""),
    "not wrapped": (f"{{wrapped: '{B64}', under: kek}}", ""),
    "not wrapped, in hex": (f"{{wrapped: '{HEX}', under: kek}}", ""),
    "wrapped under the key": (f"{{wrapped: '{WRAPPED}', under: '{HEX}'}}", ""),
    "keyring": ("{keyring: {service: sealkit, user: k1}, encoding: hex}", HEX),
    "keyring, another encoding": ("{keyring: {service: sealkit, user: k1}, encoding: base64}", HEX + "x"),
    "keyring whose user is the key": (f"{{keyring: {{service: sealkit, user: '{HEX}'}}, encoding: hex}}", ""),
    "passphrase": (f"{{passphrase: {{env: SEALKIT_SECRET_P}}, {CHEAP}}}", ""),
    "passphrase, wrong": (f"{{passphrase: {{env: SEALKIT_SECRET_P}}, {CHEAP}, check: '0000000000000000'}}", ""),
    "passphrase in a file that others read": (f"{{passphrase: {{file: open}}, {CHEAP}}}", ""),
    "passphrase from a command that fails": (
        f"{{passphrase: {{command: [sh, -c, 'cat open; cat open >&2; exit 1']}}, {CHEAP}}}",
        "",
    ),
    "passphrase in its own place": (f"{{passphrase: {PASSPHRASE}, {CHEAP}}}", ""),
    "passphrase that is typed nowhere": (f"{{passphrase: prompt, {CHEAP}}}", ""),
    "salt that is the key": (f"{{passphrase: prompt, kdf: argon2id, salt: '{HEX}!', t: 1, m: 8, p: 1}}", ""),
    "parameter that is the key": (f"{{passphrase: prompt, kdf: argon2id, salt: '{SALT}', t: '{HEX}', m: 8, p: 1}}", ""),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "open").write_text(PASSPHRASE)
    (tmp_path / "open").chmod(0o644)
    return tmp_path


def prepare(place, name):
    source, content = SOURCES[name]
    (place / "k1.key").write_text(content)
    (place / "k1.key").chmod(0o600)
    ring = place / "keys.yaml"
    ring.write_text(f"version: 1\nprimary: k1\nkeys:\n{KEKS}  - id: k1\n    source: {source}\n")
    ring.chmod(0o600)
    (place / "keyring_pass.cfg").write_text(f"[sealkit]\nk1 = {base64.encodebytes(content.encode()).decode()}")
    return ring, content


def secrets_in(*texts):
    """Where some of the key, of the passphrase, or of the key that it gives stands in a text."""
    return leaks(CANARY, *texts) + leaks(PASSPHRASE.encode(), *texts) + leaks(bytes(DERIVED), *texts)


def test_a_leak_would_be_found():
    for text in (HEX, f"x {B64} y", PASSPHRASE, repr(CANARY), bytes(DERIVED).hex(), PASSPHRASE[2:]):
        assert secrets_in(text)
    assert not secrets_in("something else")


@pytest.mark.parametrize("name", SOURCES)
def test_on_the_command_line(place, name):
    ring, content = prepare(place, name)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "SEALKIT_SECRET_X": content,
        "SEALKIT_SECRET_P": PASSPHRASE,
        "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
        "TMPDIR": str(place),
    }
    before = {path.name for path in place.iterdir()}
    ran = subprocess.run(
        ["setsid", "-w", sys.executable, "-m", "sealkit", "keys", "check", "--keys", str(ring)],
        cwd=place,
        env=environment,
        input=content.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode in {0, 1, 2, 3}, ran
    assert b"Traceback" not in ran.stderr
    assert not secrets_in(ran.stdout.decode(), ran.stderr.decode())
    assert {path.name for path in place.iterdir()} - {".config", ".local"} == before


@pytest.mark.parametrize("name", [name for name in SOURCES if not name.startswith(("descriptor", "keyring"))])
def test_in_the_library(place, name):
    """Errors with the locals of their frames, pickles, reprs and vars of sources and rings."""
    ring, content = prepare(place, name)
    remembered.forget()
    environ = {"PATH": os.environ["PATH"], "SEALKIT_SECRET_X": content, "SEALKIT_SECRET_P": PASSPHRASE}
    said, loaded = [], None
    try:
        loaded = KeyRing.load(ring, environ=environ)
    except SealkitError as error:
        report = traceback.TracebackException(type(error), error, error.__traceback__.tb_next, capture_locals=True)
        said += ["".join(report.format()), str(error), repr(error), repr(vars(error)), repr(error.hint)]
        said.append(pickle.dumps(error).decode("latin-1"))
    if loaded is not None:
        said += [repr(loaded), repr(loaded.keys), repr(loaded.warnings)]
        assert not [key for key in loaded if hasattr(key, "__dict__")]
        loaded.close()
    assert said
    assert not secrets_in(*said)
    remembered.forget()
