"""What other programs make of sealkit's ciphertexts, and sealkit of theirs: openssl, and Node's crypto."""

import json
import random
import subprocess

import needs
import pytest

from sealkit.crypto.cipher import CBC

LENGTHS = [0, 1, 15, 16, 17, 31, 32, 1_000, 70_000]
key_bytes = pytest.mark.parametrize("size", [16, 24, 32])


def messages(size):
    source = random.Random(size)
    return [(source.randbytes(size), source.randbytes(16), source.randbytes(length)) for length in LENGTHS]


def openssl(direction, key, iv, data):
    command = ["openssl", "enc", direction, f"-aes-{len(key) * 8}-cbc", "-K", key.hex(), "-iv", iv.hex()]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@needs.program("openssl")
@key_bytes
def test_openssl(size):
    for key, iv, payload in messages(size):
        ciphertext = CBC(key).encrypt(payload, iv)
        assert openssl("-e", key, iv, payload) == ciphertext
        assert openssl("-d", key, iv, ciphertext) == payload
        assert CBC(key).decrypt(openssl("-e", key, iv, payload), iv) == payload


# For each message: what Node enciphers, and what it deciphers from sealkit's ciphertext.
NODE = """
const crypto = require('crypto');
const hex = s => Buffer.from(s, 'hex');
const done = JSON.parse(require('fs').readFileSync(0)).map(m => {
  const name = `aes-${m.key.length * 4}-cbc`;
  const c = crypto.createCipheriv(name, hex(m.key), hex(m.iv));
  const d = crypto.createDecipheriv(name, hex(m.key), hex(m.iv));
  return [Buffer.concat([c.update(hex(m.payload)), c.final()]).toString('hex'),
          Buffer.concat([d.update(hex(m.ciphertext)), d.final()]).toString('hex')];
});
process.stdout.write(JSON.stringify(done));
"""


@needs.program("node")
@key_bytes
def test_node(size):
    ours = [(CBC(key), key, iv, payload) for key, iv, payload in messages(size)]
    asked = [
        {"key": key.hex(), "iv": iv.hex(), "payload": payload.hex(), "ciphertext": cbc.encrypt(payload, iv).hex()}
        for cbc, key, iv, payload in ours
    ]
    run = subprocess.run(["node", "-e", NODE], input=json.dumps(asked).encode(), capture_output=True, check=True)
    answers = json.loads(run.stdout)
    assert len(answers) == len(LENGTHS)
    for (cbc, _key, iv, payload), (enciphered, deciphered) in zip(ours, answers, strict=True):
        assert bytes.fromhex(deciphered) == payload
        assert bytes.fromhex(enciphered) == cbc.encrypt(payload, iv)
        assert cbc.decrypt(bytes.fromhex(enciphered), iv) == payload
