"""A verify-only ring opens nothing, and is a secret: with nothing but its text, tags are made that every key holder takes for authentic."""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAYLOAD = b"Transfer 1000 on the first of May, and not a day before that. Signed, Ida."


def pae(parts):
    return struct.pack("<Q", len(parts)) + b"".join(struct.pack("<Q", len(part)) + part for part in parts)


def forged(ring, iv, ciphertext, *, bind=0, identity=(), path=("secured",)):
    """A tagged blob of any IV and ciphertext, made of the text of a verify-only ring and of FORMAT's own words."""
    (entry,) = yaml.safe_load(ring)["keys"]
    key = entry["verify_only"]
    head = bytes([1, bind]) + bytes.fromhex(key["kid"])
    data = pae([b"sealkit/v1", head, pae([one.encode() for one in identity]), pae([b"k" + one.encode() for one in path])])
    tag = hmac.digest(b64decode(key["base64"]), data + iv + ciphertext + struct.pack(">Q", 8 * len(data)), "sha256")
    return ";".join(b64encode(part).decode() for part in (ciphertext, iv, head + tag))


def flipped(data, at, to):
    """Other bytes at a place: what flips the same bits of the first block, where it is done to the IV."""
    return data[:at] + bytes(a ^ b for a, b in zip(data[at : at + len(to)], to, strict=True)) + data[at + len(to) :]


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


# What is done to IV and ciphertext, and what the payload is then (None: whatever it is, the tag fits).
FORGERIES = {
    "a digit": (lambda iv, text: (flipped(iv, 9, xor(b"1", b"9")), text), PAYLOAD.replace(b"1000", b"9000")),
    "a word": (lambda iv, text: (flipped(iv, 0, xor(b"Transfer", b"Withdraw")), text), PAYLOAD.replace(b"Transfer", b"Withdraw")),
    "case": (lambda iv, text: (flipped(iv, 0, b" "), text), PAYLOAD.replace(b"Transfer", b"transfer")),
    "the whole first block": (
        lambda iv, text: (xor(iv, xor(PAYLOAD[:16], b"Nothing is owed,")), text),
        b"Nothing is owed," + PAYLOAD[16:],
    ),
    "without its first block": (lambda iv, text: (text[:16], text[16:]), PAYLOAD[16:]),
    "without its first two blocks": (lambda iv, text: (text[16:32], text[32:]), PAYLOAD[32:]),
    "the last block alone": (lambda iv, text: (text[-32:-16], text[-16:]), PAYLOAD[64:]),
    "blocks in another order": (lambda iv, text: (iv, text[16:32] + text[:16] + text[32:]), None),
    "a block of others": (lambda iv, text: (iv, hashlib.sha256(text).digest()[:16] + text), None),
    "unaltered, sealed by nobody so": (lambda iv, text: (iv, text), PAYLOAD),
    "any ciphertext": (lambda iv, text: (hashlib.sha256(b"any").digest()[:16], bytes(range(64))), None),
}


@pytest.fixture
def tree(desk):
    """A tree with one two-part blob, the key of which is known to key holders, and a verify-only ring of it."""
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    assert desk.run("keygen", "--id", "k", "--format", "tagged").status == 0
    assert desk.run("keys", "set-accept", "k", "any").status == 0  # there are older blobs
    desk.record("article.md", PAYLOAD.decode())
    assert desk.run("seal", "--format", "plain", "article.md").status == 0
    value = re.search(rb'secured: "([^"]*)"', desk.read("article.md"))[1].decode()
    ciphertext, iv = map(b64decode, value.split(";"))
    ran = desk.run("keys", "export", "--verify-only", "k")
    assert ran.status == 0
    return desk, ran.out, iv, ciphertext


@pytest.mark.parametrize("name", FORGERIES)
def test_its_holder_makes_tags_that_fit(tree, name):
    desk, ring, iv, ciphertext = tree
    alter, payload = FORGERIES[name]
    desk.record("article.md", forged(ring, *alter(iv, ciphertext)))
    desk.write("verify.yaml", ring)
    (desk.path / "verify.yaml").chmod(0o600)
    assert desk.run("check", "--keys", "verify.yaml", "article.md").status == 0, "the gate finds nothing"
    if payload is not None:
        ran = desk.run("decrypt", "--require-authentic", "article.md")
        assert (ran.status, ran.out) == (0, payload)


def test_its_holder_makes_tags_that_are_bound(tree):
    desk, ring, iv, ciphertext = tree
    desk.write(
        "sealkit.yaml",
        b"version: 1\nrecords:\n  - include: ['*.md']\n    fields:\n      - {path: secured, bind: path, format: tagged}\n",
    )
    desk.record("moved.md", forged(ring, iv, ciphertext, bind=1, identity=["moved.md"]))
    (desk.path / "article.md").unlink()
    ran = desk.run("decrypt", "--require-authentic", "moved.md")
    assert (ran.status, ran.out) == (0, PAYLOAD)


@pytest.mark.parametrize(
    "verb", [["decrypt"], ["decrypt", "--json"], ["grep", "Ida"], ["decrypt", "--record"], ["rotate"], ["seal"]]
)
def test_it_opens_and_seals_nothing(tree, verb):
    desk, ring, iv, ciphertext = tree
    desk.record("article.md", forged(ring, iv, ciphertext))
    desk.write("verify.yaml", ring)
    (desk.path / "verify.yaml").chmod(0o600)
    before = desk.read("article.md")
    if verb == ["seal"]:
        desk.record("article.md", PAYLOAD.decode())
        before = desk.read("article.md")
    ran = desk.run(*verb, "--keys", "verify.yaml", "article.md")
    assert ran.status not in (0,), ran
    assert b"Transfer" not in ran.out
    assert desk.read("article.md") == before


def test_the_pages_say_for_whom_it_is_safe():
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    section = page.partition("## Tags without keys that decrypt")[2].partition("\n## ")[0]
    assert "It is a secret all the same" in section
    for job in ("pull_request_target", "workflow_run", "from forks, GitHub `pull_request`", "GitLab", "builds, tests or installs"):
        (row,) = [line for line in section.splitlines() if line.startswith("|") and job in line][:1]
        assert re.search(r"\| (\*\*not safe\*\*|not there)", row), row
    for name in ("docs/ci.md", "docs/cli.md", "docs/security.md", "docs/keys.md", "docs/format.md", "README.md"):
        assert "safe to give" not in (ROOT / name).read_text(encoding="utf-8")
