"""What the gate finds in the work tree it finds in git's index and history, too: weak IVs, what is not encrypted, other programs' ciphertext."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode

import pytest

pytestmark = pytest.mark.thorough

RANDOM = bytes.fromhex("8f03c1d2aa97600e5fd4b319f27ce16b")
NEXT = (int.from_bytes(RANDOM) + 1).to_bytes(16)
FERNET = "gAAAAABlq3k2" + "A1b2C3d4" * 12 + "=="


def b64(data):
    return b64encode(data).decode()


def blob(iv, body=None):
    return f"{b64(body if body is not None else os.urandom(32))};{b64(iv)}"


PLANTED = [
    ("zeros as an IV", "weak_iv", [blob(bytes(16))]),
    ("one byte as an IV", "weak_iv", [blob(b"\x11" * 16)]),
    ("text as an IV", "weak_iv", [blob(b"0123456789abcdef")]),
    ("a counter as an IV", "weak_iv", [blob((7).to_bytes(16))]),
    ("the other way round", "weak_iv", [blob((7).to_bytes(16, "little"))]),
    ("IVs that are counted", "weak_iv", [blob(RANDOM), blob(NEXT)]),
    ("base64 of a sentence", "not_encrypted", [blob(RANDOM, b"They have not been confirmed yet")]),
    ("base64 of JSON", "not_encrypted", [blob(RANDOM, b'{"password": "hunter2", "a": 12}')]),
    ("zeros", "not_encrypted", [blob(RANDOM, bytes(32))]),
    ("a block that repeats", "not_encrypted", [blob(RANDOM, os.urandom(16) * 3)]),
    ("UTF-16", "not_encrypted", [blob(RANDOM, "a password, 16ch".encode("utf-16-le"))]),
    ("HTML", "not_encrypted", [blob(RANDOM, b"<html><body>the secret</body></p")]),
    ("SOPS", "foreign", ["ENC[AES256_GCM,data:CwE4O1s=,iv:2k=,aad:o=,tag:w==,type:str]"]),
    ("Vault", "foreign", ["vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w=="]),
    ("Fernet", "foreign", [FERNET]),
    ("openssl", "foreign", ["U2FsdGVkX1+ltcHDQ+Uo1V2Dk2Gm0iUcFwq1J0mKQ2c="]),
    ("dotenvx", "foreign", ["encrypted:BDb7t3QkTRp2nG" + "a1B2" * 30]),
    ("a ciphertext and an IV in hex", "foreign", [f"{RANDOM.hex()}:{os.urandom(32).hex()}"]),
]
each = pytest.mark.parametrize(("code", "values"), [one[1:] for one in PLANTED], ids=[one[0] for one in PLANTED])


def git(desk, *args):
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e@x", *args], cwd=desk.path / "tree", check=True, capture_output=True
    )


@pytest.fixture
def tree(desk):
    desk.write("tree/good.md", desk.read("records/article.md"))
    git(desk, "init", "-q", "-b", "main")
    git(desk, "add", ".")
    git(desk, "commit", "-qm", "good")
    del desk.env["SEALKIT_KEYS"]
    return desk


def plant(tree, values):
    for number, value in enumerate(values):
        tree.write(f"tree/{number}.md", f'---\nsecured: "{value}"\n---\n'.encode())
    git(tree, "add", ".")


def found(tree, *args):
    ran = tree.run("check", "--json", *args, "tree")
    assert ran.status == 1, ran
    return [line for line in ran.lines if line["status"] == "finding"]


@each
def test_in_the_index(tree, code, values):
    plant(tree, values)
    for number in range(len(values)):
        (tree.path / f"tree/{number}.md").unlink()
    lines = found(tree, "--staged")
    assert [(line["path"], line["code"]) for line in lines] == [(f"tree/{number}.md", code) for number in range(len(values))]


@each
def test_in_the_history(tree, code, values):
    """Also where it was put right since; and each says in which commit it was."""
    plant(tree, values)
    git(tree, "commit", "-qm", "planted")
    git(tree, "rm", "-q", *(f"{number}.md" for number in range(len(values))))
    git(tree, "commit", "-qm", "put right")
    assert tree.run("check", "tree").status == 0
    lines = found(tree, "--history")
    assert sorted((line["path"], line["code"]) for line in lines) == [(f"tree/{number}.md", code) for number in range(len(values))]
    assert all(line["message"].startswith("in commit ") for line in lines)


def test_a_blob_that_stays_while_its_record_changes_is_no_finding_of_the_history(tree):
    for number in range(5):
        tree.write("tree/good.md", tree.read("tree/good.md") + b"more\n")
        tree.write(f"tree/copy{number}.md", tree.read("tree/good.md"))
        git(tree, "add", ".")
        git(tree, "commit", "-qm", "more")
    assert tree.run("check", "--history", "tree").status == 0
