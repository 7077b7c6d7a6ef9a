"""``sealkit import``: a tree of passphrase blobs becomes one of ours."""

from __future__ import annotations

import json

import pytest
from desk import ROOT

CASES = json.loads((ROOT / "tests/data/openssl_legacy/crypto_js.json").read_text())["cases"]
PASSPHRASE, BLOB, PAYLOAD = (CASES[0][name] for name in ("passphrase", "blob", "payload"))
IMPORT = ["import", "--openssl-legacy", "--passphrase-env", "OLD"]


def records(desk):
    return {name: data for name, data in desk.files("tree").items() if ".sealkit" not in name}


@pytest.fixture
def mine(desk):
    desk.env["OLD"] = PASSPHRASE
    for number, case in enumerate(CASES):
        desk.record(f"tree/{number}.md", case["blob"])
    desk.write("tree/x.jsonl", "".join(json.dumps({"secured": case["blob"], "n": 1}) + "\r\n" for case in CASES).encode())
    return desk


def test_a_tree(mine):
    before = records(mine)
    ran = mine.run(*IMPORT, "--check", "tree")
    assert ran.status == 1
    assert records(mine) == before
    ran = mine.run(*IMPORT, "--diff", "tree/0.md")
    assert ran.status == 1
    assert PAYLOAD not in ran.text + ran.err
    ran = mine.run(*IMPORT, "tree")
    assert ran.status == 0, ran
    assert ran.text.count("sealed ") == 2 * len(CASES)
    assert PAYLOAD not in ran.text + ran.err
    assert PASSPHRASE not in ran.text + ran.err
    for number, case in enumerate(CASES):
        assert mine.run("decrypt", "--key-id", "k2", f"tree/{number}.md").text == case["payload"]
        data = mine.read(f"tree/{number}.md")
        assert data.startswith(b'---\ntitle: t\nsecured: "')
        assert data.endswith(b'"\nend: 1\n---\nbody\n')
    assert mine.read("tree/x.jsonl").count(b', "n": 1}\r\n') == len(CASES)
    after = records(mine)
    ran = mine.run(*IMPORT, "tree")
    assert ran.status == 0
    assert "unchanged" in ran.err
    assert records(mine) == after


def test_format_and_binding(mine):
    before = records(mine)
    ran = mine.run(*IMPORT, "--format", "tagged", "--bind", "path", "--include", "*.md", "tree")
    assert (ran.status, "not_blessed" in ran.err, "--vouch" in ran.err) == (1, True, True), ran
    assert records(mine) == before
    assert mine.run(*IMPORT, "--vouch", "--format", "tagged", "--bind", "path", "--include", "*.md", "tree").status == 0
    assert mine.run("verify", "--bind", "path", "--require-authentic", "--include", "*.md", "tree").status == 0


def test_through_a_pipe(mine):
    ran = mine.run(*IMPORT, "-", "--as", "x.md", stdin=mine.read("tree/0.md"))
    assert ran.status == 0
    assert mine.run("decrypt", "--key-id", "k2", "-", "--as", "x.md", stdin=ran.out).text == PAYLOAD


WRONG = [
    (["import", "tree"], {}, 2, "not said what is to be imported"),
    (["import", "--openssl-legacy", "tree"], {}, 3, "no terminal to ask at"),
    ([*IMPORT, "--passphrase-command", "cat x", "tree"], {}, 2, "more than one place"),
    ([*IMPORT, "tree"], {"OLD": None}, 3, "'OLD' is not set"),
    ([*IMPORT, "tree"], {"OLD": ""}, 3, "an empty passphrase"),
    ([*IMPORT, "tree"], {"OLD": "another"}, 1, "the passphrase does not open this blob"),
    ([*IMPORT, "--digest", "sha256", "tree"], {}, 1, "the passphrase does not open this blob"),
    ([*IMPORT, "--bits", "128", "tree"], {}, 1, "the passphrase does not open this blob"),
    ([*IMPORT, "--payload-kind", "binary", "--key-id", "k2", "tree"], {}, 2, "nothing tells which digest is right"),
]


@pytest.mark.parametrize(("args", "environment", "status", "problem"), WRONG)
def test_wrong(mine, args, environment, status, problem):
    before = records(mine)
    ran = mine.run(*args, env=environment, wrap=["setsid", "-w"])
    assert ran.status == status, ran
    assert problem in ran.err
    assert records(mine) == before


def test_plaintext_is_left_and_found(mine):
    mine.record("tree/open.md", "plaintext")
    ran = mine.run(*IMPORT, "tree")
    assert ran.status == 1
    assert "tree/open.md:3: the field 'secured' holds plaintext" in ran.err
    assert b"plaintext" in mine.read("tree/open.md")
    assert mine.run("decrypt", "--key-id", "k2", "tree/0.md").text == PAYLOAD


def test_other_verbs_say_what_it_is(mine):
    for verb in ("inspect", "decrypt", "verify"):
        ran = mine.run(verb, "tree/0.md")
        assert ran.status == 1
        assert "openssl enc" in ran.err
        assert "sealkit import --openssl-legacy" in ran.err
    ran = mine.run("seal", "tree/0.md")
    assert ran.status == 1
    assert BLOB.encode() in mine.read("tree/0.md")
