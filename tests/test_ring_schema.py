"""The schema of key rings, for editors: it accepts every ring that sealkit accepts, and refuses what a schema can see."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from sealkit.errors import ConfigError
from sealkit.keys import encodings, key, ringfile, sources

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "docs" / "ring.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
KEY = "000102030405060708090a0b0c0d0e0f"
DIGITS = "00112233445566778899001122334455"
SALT = "AAECAwQFBgcICQoLDA0ODw=="
ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
AGE = base64.b64encode(b"age-encryption.org/v1\n" + bytes(80)).decode()
ARMORED = f"-----BEGIN AGE ENCRYPTED FILE-----\n{AGE}\n-----END AGE ENCRYPTED FILE-----"
MAC = "8PHy8/T19vf4+fr7/P3+//Dx8vP09fb3+Pn6+/z9/v8="


def ring(*entries, primary="k1"):
    named = "" if primary is None else f"primary: {primary}\n"
    return f"version: 1\n{named}keys:\n" + "".join(f"  - {entry}\n" for entry in entries)


def one(source=f"{{hex: '{KEY}'}}", more=""):
    return ring(f"{{id: k1, source: {source}{more}}}")


ACCEPTED = {
    "the example": (ROOT / "keys.example").read_text(),
    "new": ringfile.new_ring("k1", bytearray(16)).decode(),
    "new, tagged": ringfile.new_ring("1", bytearray(32), format="tagged").decode(),
    "hex": one(),
    "hex without quotes, digits only": one(f"{{hex: {DIGITS}}}"),
    "base64": one("{base64: '8PHy8/T19vf4+fr7/P3+/w=='}"),
    "environment": one("{env: SEALKIT_SECRET_K1, encoding: base64}"),
    "file": one("{file: ../keys/k1.key, encoding: raw}"),
    "file with a name of digits": one("{file: 1, encoding: utf8}"),
    "descriptor": one("{fd: 3, encoding: hex}"),
    "keyring": one("{keyring: {service: sealkit, user: k1}, encoding: hex}"),
    "stdin": one("{fd: 0, encoding: raw}"),
    "command": one("{command: [pass, show, k1], encoding: base64}"),
    "command with all": one("{command: [a, 1, true], encoding: hex, timeout: 60, keep: [VAULT_ADDR]}"),
    "passphrase": one(f"{{passphrase: prompt, kdf: argon2id, salt: {SALT}, t: 3, m: 65536, p: 4}}"),
    "passphrase of a variable": one(f"{{passphrase: {{env: X}}, kdf: scrypt, salt: {SALT}, n: 131072, r: 8, p: 1, bytes: 16}}"),
    "passphrase of a program": one(
        f"{{passphrase: {{command: [a], timeout: 1}}, kdf: pbkdf2, salt: {SALT}, iterations: 600000, check: 63774208dc4c7f9a}}"
    ),
    "passphrase of a file": one(f"{{passphrase: {{file: p}}, kdf: argon2id, salt: {SALT}, t: 1, m: 8, p: 1}}"),
    "passphrase of a descriptor": one(f"{{passphrase: {{fd: 9}}, kdf: argon2id, salt: {SALT}, t: 1, m: 8, p: 1}}"),
    "wrapped": ring("{id: k1, source: {wrapped: AAAA, under: k0}}", f"{{id: k0, source: {{hex: '{KEY}'}}}}"),
    "wrapped with padding": ring(
        "{id: k1, source: {wrapped: AAAA, under: k0, algorithm: kwp}}", f"{{id: k0, source: {{hex: '{KEY}'}}}}"
    ),
    "age": one(f"{{age: '{AGE}', encoding: raw}}"),
    "age, armored": ring(
        "id: k1\n    source:\n      age: |\n        " + ARMORED.replace("\n", "\n        ") + "\n      encoding: hex"
    ),
    "recipients": one() + "recipients:\n  - {name: alice@example.org, age: age1x}\n  - {name: 1, age: ssh-ed25519 AAAA}\n",
    "no recipients": one() + "recipients: []\n",
    "aws-kms": one(f"{{aws-kms: AAAA, key: '{ARN}'}}"),
    "aws-kms with a context": one(f"{{aws-kms: AAAA, key: '{ARN}', context: {{sealkit: k1, number: 1}}}}"),
    "pkcs11": one("{pkcs11: {module: /lib.so, token: t, key: 1, pin: prompt}}"),
    "pkcs11 with all": one(
        "{pkcs11: {module: /lib.so, token: t, key: k, mac: m, siv: s, kid: 63774208dc4c7f9a, pin: {command: [pass, show, pin]}}}"
    ),
    "tagged": one(more=", format: tagged, accept: authentic"),
    "synthetic": one(more=", format: synthetic, accept: authentic, state: enabled"),
    "any": one(more=", accept: any"),
    "for some paths": one(more=", only: ['posts/**', a.md, 1]"),
    "verify-only, for some paths": ring(
        f"{{id: v, verify_only: {{kid: 63774208dc4c7f9a, base64: '{MAC}'}}, only: [posts]}}", primary=None
    ),
    "an id of digits": ring(f"{{id: 1, source: {{hex: '{KEY}'}}}}", primary="1"),
    "an id that is null elsewhere": ring(f"{{id: null, source: {{hex: '{KEY}'}}}}", primary="'null'"),
    "disabled": ring(f"{{id: k1, source: {{hex: '{KEY}'}}}}", f"{{id: k0, source: {{hex: '{KEY}'}}, state: disabled}}"),
    "decrypt-only": ring(f"{{id: k1, source: {{hex: '{KEY}'}}}}", f"{{id: k0, source: {{hex: '{DIGITS}'}}, state: decrypt-only}}"),
    "a separate MAC secret": one(more=f", mac: {{base64: '{MAC}'}}"),
    "a separate MAC secret elsewhere": one(more=", mac: {file: mac.key, encoding: raw}"),
    "verify-only": ring(f"{{id: v, verify_only: {{kid: 63774208dc4c7f9a, base64: '{MAC}'}}}}", primary=None),
    "verify-only, digits": ring(f"{{id: v, verify_only: {{kid: 6377420800000000, base64: '{MAC}'}}}}", primary=None),
    "verify-only from a file": ring("{id: v, verify_only: {kid: 63774208dc4c7f9a, file: v.mac, encoding: hex}}", primary=None),
    "both kinds": ring(
        f"{{id: k1, source: {{hex: '{KEY}'}}}}", f"{{id: v, verify_only: {{kid: 63774208dc4c7f9a, base64: '{MAC}'}}}}"
    ),
}

REFUSED = {
    "empty": "{}",
    "a list": "- a\n",
    "no version": f"primary: k1\nkeys: [{{id: k1, source: {{hex: '{KEY}'}}}}]\n",
    "another version": f"version: 2\nprimary: k1\nkeys: [{{id: k1, source: {{hex: '{KEY}'}}}}]\n",
    "quoted version": f"version: '1'\nprimary: k1\nkeys: [{{id: k1, source: {{hex: '{KEY}'}}}}]\n",
    "no primary": ring(f"{{id: k1, source: {{hex: '{KEY}'}}}}", primary=None),
    "no primary, but one that seals": ring(
        f"{{id: v, verify_only: {{kid: 63774208dc4c7f9a, base64: '{MAC}'}}}}", f"{{id: k1, source: {{hex: '{KEY}'}}}}", primary=None
    ),
    "no keys": "version: 1\nprimary: k1\nkeys: []\n",
    "keys is a mapping": "version: 1\nprimary: k1\nkeys: {}\n",
    "unknown at the top": one() + "more: x\n",
    "unknown in a key": one(more=", kid: x"),
    "another id": ring(f"{{id: K1, source: {{hex: '{KEY}'}}}}", primary="K1"),
    "no id": ring(f"{{source: {{hex: '{KEY}'}}}}"),
    "no source": ring("{id: k1}"),
    "an empty source": one("{}"),
    "source is text": one("x"),
    "two sources": one(f"{{hex: '{KEY}', env: A, encoding: hex}}"),
    "an unknown source": one("{url: x}"),
    "literal with an encoding": one(f"{{hex: '{KEY}', encoding: hex}}"),
    "environment without an encoding": one("{env: A}"),
    "another encoding": one("{env: A, encoding: base32}"),
    "no name of a variable": one("{env: 1A, encoding: hex}"),
    "keyring without a user": one("{keyring: {service: sealkit}, encoding: hex}"),
    "keyring with more": one("{keyring: {service: sealkit, user: k1, password: x}, encoding: hex}"),
    "keyring without an encoding": one("{keyring: {service: sealkit, user: k1}}"),
    "stdout": one("{fd: 1, encoding: hex}"),
    "a descriptor by name": one("{fd: stdin, encoding: hex}"),
    "a descriptor without an encoding": one("{fd: 3}"),
    "a command line": one("{command: pass show k1, encoding: hex}"),
    "a command of nothing": one("{command: [], encoding: hex}"),
    "a command for too long": one("{command: [a], encoding: hex, timeout: 6000}"),
    "a command with a shell": one("{command: [a], encoding: hex, shell: true}"),
    "a command with values": one("{command: [a], encoding: hex, keep: [A=B]}"),
    "a passphrase itself": one(f"{{passphrase: correct horse, kdf: argon2id, salt: {SALT}, t: 3, m: 65536, p: 4}}"),
    "a passphrase with too much memory": one(f"{{passphrase: prompt, kdf: argon2id, salt: {SALT}, t: 3, m: 2147483648, p: 4}}"),
    "a passphrase without a parameter": one(f"{{passphrase: prompt, kdf: argon2id, salt: {SALT}, t: 3, m: 65536}}"),
    "a passphrase with another's parameter": one(f"{{passphrase: prompt, kdf: pbkdf2, salt: {SALT}, iterations: 9, t: 1}}"),
    "a passphrase without a salt": one("{passphrase: prompt, kdf: pbkdf2, iterations: 9}"),
    "another kdf": one(f"{{passphrase: prompt, kdf: bcrypt, salt: {SALT}, t: 3, m: 65536, p: 4}}"),
    "wrapped under nothing": one("{wrapped: AAAA}"),
    "wrapped by another algorithm": ring(
        "{id: k1, source: {wrapped: AAAA, under: k0, algorithm: gcm}}", f"{{id: k0, source: {{hex: '{KEY}'}}}}"
    ),
    "wrapped under itself": one("{wrapped: AAAA, under: k1}"),
    "wrapped under what is not there": one("{wrapped: AAAA, under: k0}"),
    "a file in the home folder": one("{file: ~/k, encoding: hex}"),
    "age without an encoding": one(f"{{age: '{AGE}'}}"),
    "age with an identity": one(f"{{age: '{AGE}', encoding: raw, identity: me.txt}}"),
    "no age file": one("{age: AAAA, encoding: raw}"),
    "recipients is a mapping": one() + "recipients: {alice: age1x}\n",
    "a recipient without a name": one() + "recipients: [{age: age1x}]\n",
    "a recipient with more": one() + "recipients: [{name: a, age: age1x, admin: true}]\n",
    "a recipient of another name": one() + "recipients: [{name: a b, age: age1x}]\n",
    "a recipient with a secret key": one() + "recipients: [{name: a, age: AGE-SECRET-KEY-1QQ}]\n",
    "aws-kms without a key": one("{aws-kms: AAAA}"),
    "aws-kms with an endpoint": one(f"{{aws-kms: AAAA, key: '{ARN}', endpoint: 'http://localhost'}}"),
    "aws-kms with no ARN": one("{aws-kms: AAAA, key: alias/sealkit}"),
    "aws-kms with a context of lists": one(f"{{aws-kms: AAAA, key: '{ARN}', context: {{a: [b]}}}}"),
    "pkcs11 with a PIN": one("{pkcs11: {module: /lib.so, token: t, key: k, pin: '1234'}}"),
    "pkcs11 without a PIN": one("{pkcs11: {module: /lib.so, token: t, key: k}}"),
    "pkcs11 with a relative module": one("{pkcs11: {module: lib.so, token: t, key: k, pin: prompt}}"),
    "pkcs11 with a MAC key and no kid": one("{pkcs11: {module: /lib.so, token: t, key: k, mac: m, pin: prompt}}"),
    "pkcs11 with a slot": one("{pkcs11: {module: /lib.so, token: t, key: k, pin: prompt, slot: 0}}"),
    "pkcs11 with an encoding": one("{pkcs11: {module: /lib.so, token: t, key: k, pin: prompt}, encoding: hex}"),
    "another format": one(more=", format: tag"),
    "another state": one(more=", state: retired"),
    "another accept": one(more=", accept: none"),
    "refuses what it seals": one(more=", accept: authentic"),
    "refuses what it seals, said so": one(more=", accept: authentic, format: plain"),
    "both source and verify_only": one(more=f", verify_only: {{kid: 63774208dc4c7f9a, base64: '{MAC}'}}"),
    "verify_only without a kid": ring(f"{{id: v, verify_only: {{base64: '{MAC}'}}}}", primary=None),
    "verify_only without a source": ring("{id: v, verify_only: {kid: 63774208dc4c7f9a}}", primary=None),
    "verify_only with a short kid": ring(f"{{id: v, verify_only: {{kid: 63774208, base64: '{MAC}'}}}}", primary=None),
    "verify_only and mac": ring(
        f"{{id: v, verify_only: {{kid: 63774208dc4c7f9a, base64: '{MAC}'}}, mac: {{base64: '{MAC}'}}}}", primary=None
    ),
    "verify_only of synthetic blobs": ring(
        f"{{id: v, verify_only: {{kid: 63774208dc4c7f9a, base64: '{MAC}'}}, format: synthetic}}", primary=None
    ),
    "for no path": one(more=", only: []"),
    "for a path that is no list": one(more=", only: posts"),
    "for an absolute path": one(more=", only: [/posts]"),
    "for a home folder": one(more=", only: ['~/posts']"),
    "for a path with a backslash": one(more=", only: ['a\\b']"),
    "for a path that leads up": one(more=", only: [../posts]"),
    "for an unclosed set": one(more=", only: ['a[b']"),
    "for a mapping": one(more=", only: [{a: b}]"),
    "for more paths than anybody needs": one(more=f", only: [{', '.join(map(str, range(33)))}]"),
    "mac is text": one(more=", mac: x"),
    "the primary is none of the keys": ring(f"{{id: k2, source: {{hex: '{KEY}'}}}}"),
    "an id twice": ring(*[f"{{id: k1, source: {{hex: '{KEY}'}}}}"] * 2),
    "the primary is disabled": one(more=", state: disabled"),
    "the primary is decrypt-only": one(more=", state: decrypt-only"),
    "verify_only with a kid too short, of digits": ring(f"{{id: v, verify_only: {{kid: 63, base64: '{MAC}'}}}}", primary=None),
}
BEYOND_THE_SCHEMA = {
    "wrapped under itself",
    "wrapped under what is not there",
    "the primary is none of the keys",
    "an id twice",
    "the primary is disabled",
    "the primary is decrypt-only",
    "for a path that leads up",
    "for an unclosed set",
    "verify_only with a kid too short, of digits",  # a number, for an editor
    "verify_only with a short kid",  # likewise
}


def accepts(text):
    return VALIDATOR.is_valid(json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str)))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_what_sealkit_accepts(text):
    ringfile.parse(text.encode(), "")
    assert accepts(text)


@pytest.mark.parametrize("name", REFUSED)
def test_what_sealkit_refuses(name):
    with pytest.raises(ConfigError):
        ringfile.parse(REFUSED[name].encode(), "")
    assert accepts(REFUSED[name]) == (name in BEYOND_THE_SCHEMA)


def test_the_schema_knows_every_source_and_word():
    known = set(SCHEMA["$defs"]["source"]["properties"])
    assert known >= set(sources.KINDS)
    assert set(SCHEMA["$defs"]["key"]["properties"]) == set(ringfile._ENTRY)
    properties = SCHEMA["$defs"]["key"]["properties"]
    for name, words in (("format", key.FORMATS), ("accept", key.ACCEPTS), ("state", key.STATES)):
        assert set(properties[name]["enum"]) == set(words)
    assert set(SCHEMA["$defs"]["encoding"]["enum"]) == set(encodings.ENCODINGS)
    assert SCHEMA["properties"]["keys"]["maxItems"] == ringfile.MAX_KEYS
