"""``sealkit inspect`` and ``sealkit verify``: what is there, and that it survives the round trip."""

from __future__ import annotations

import json

import pytest

GOOD = "A" * 43 + "=" + ";" + "A" * 22 + "=="  # 32 and 16 bytes
CIPHERTEXT, IV = GOOD.split(";")
SEALED = "qV3lJ7rDq1h9nPz0Xk4bYw8sT2uEoF6cRmZgL5iHaB0=;" + IV  # as GOOD, and nothing shows that it is not encrypted
AUTH = "A" * 56

# A value, the code, and the part and offset (from 0, in the value) that the message names.
DEFECTS = [
    (CIPHERTEXT[:-1] + ";" + IV, "noncanonical", "ciphertext", 43),
    (CIPHERTEXT[:42] + "B=;" + IV, "noncanonical", "ciphertext", 42),
    (CIPHERTEXT + ";" + IV[:21] + "B==", "noncanonical", "iv", 66),
    (CIPHERTEXT + ";" + IV[:-1], "noncanonical", "iv", 68),
    (CIPHERTEXT.replace("A", "-", 1) + ";" + IV, "noncanonical", "ciphertext", 0),
    (CIPHERTEXT[:10] + "!" + CIPHERTEXT[11:] + ";" + IV, "malformed", "ciphertext", 10),
    (CIPHERTEXT + ";" + IV[:5] + "?" + IV[6:], "malformed", "iv", 50),
    (CIPHERTEXT + " ;" + IV, "noncanonical", "ciphertext", 44),
    (CIPHERTEXT + ";" + IV + ";", "malformed", "auth", 70),
    (CIPHERTEXT + ";" + IV + ";" + AUTH[:-4], "malformed", "auth", 122),
    (CIPHERTEXT + ";" + IV + ";" + AUTH + ";", "malformed", "blob", 126),
    (CIPHERTEXT + ";", "malformed", "iv", 45),
    (";" + IV, "malformed", "ciphertext", 0),
    ("A" * 40 + ";" + IV, "malformed", "ciphertext", None),
    (CIPHERTEXT + ";" + "A" * 20, "malformed", "iv", None),
]


@pytest.mark.parametrize(("value", "code", "part", "offset"), DEFECTS)
def test_each_defect_names_its_part_and_offset(desk, value, code, part, offset):
    desk.record("x.md", value)
    ran = desk.run("inspect", "--json", "x.md", env={"SEALKIT_KEYS": None})
    assert ran.status == 1
    (line,) = ran.lines
    assert (line["status"], line["code"], line["line"], line["field"]) == ("finding", code, 3, "secured")
    assert line["message"].startswith(f"{part}: ")
    if offset is not None:
        assert line["message"].endswith(f"at character {offset}")
    text = desk.run("inspect", "x.md")
    assert f"error: x.md:3: {part}: " in text.err
    assert text.out == b""


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (b"---\nsecured: plaintext\n---\n", "unsealed"),
        (b"---\nsecured: 12\n---\n", "unsealed"),
        (b"---\nsecured:\n---\n", "not_a_string"),
        (b"---\nsecured: [a]\n---\n", "unsealed"),
        (b"---\nsecured: a\nsecured: b\n---\n", "duplicate_key"),
        (b"---\nx: &a {secured: q}\n<<: *a\n---\n", "merged_field"),
        (b"---\nSecured: a\n---\n", "lookalike_key"),
        (b"---\nsecured: [\n---\n", "syntax"),
        (b"---\nsecured: 1\n", "frontmatter"),
        (b"+++\nsecured = 1\n+++\n", "unsupported_record"),
        ("\ufeff---\nsecured: a\n---\n".encode("utf-16-le"), "unsupported_record"),
        (b"---\nsecured: " + b"[" * 100 + b"]" * 100 + b"\n---\n", "limit"),
    ],
)
def test_other_findings(desk, record, code):
    desk.write("x.md", record)
    ran = desk.run("inspect", "--json", "x.md")
    assert (ran.status, ran.lines[0]["code"]) == (1, code), ran
    assert ran.summary["codes"] == {code: 1}
    verified = desk.run("verify", "--json", "x.md")
    assert (verified.status, verified.lines[0]["code"]) == (1, code)


def test_text_of_one_blob(desk):
    ran = desk.run("inspect", "records/article.md")
    assert ran.status == 0
    assert ran.text.splitlines() == [
        "records/article.md:36  secured",
        "  format      plain (two parts), unauthenticated",
        "  ciphertext  224 bytes (14 blocks)",
        "  iv          c2f0b93fdb24269962b0a6317781acc9",
        "  base64      canonical",
    ]
    assert ran.err == "sealkit: 1 found; 1 unauthenticated\n"
    assert desk.run("inspect", "-q", "records/article.md").err == ""


def test_a_tagged_blob_shows_its_key_id(desk):
    desk.record("x.md", SEALED + ";" + "AQD" + "A" * 53)
    (line,) = desk.run("inspect", "--json", "x.md").lines
    assert (line["format"], line["bind"], line["kid"]) == ("tagged", "none", "c000000000000000")
    assert "code" not in line
    text = desk.run("inspect", "x.md").text
    assert "  format      tagged (three parts), bound to none; the tag was not checked\n" in text
    assert "  kid         c000000000000000\n" in text


@pytest.mark.parametrize("start", ["AgD", "AQP", "AAA"])
def test_a_third_part_of_another_version_is_a_finding(desk, start):
    desk.record("x.md", GOOD + ";" + start + "A" * 53)
    ran = desk.run("inspect", "--json", "x.md")
    assert (ran.status, [line["code"] for line in ran.lines]) == (1, ["unsupported_version"])


def test_folders_and_counts(desk):
    ran = desk.run("inspect", "--json", "records")
    assert (ran.status, ran.summary) == (0, {"found": 7, "absent": 1, "unauthenticated": 7})
    assert {line["field"] for line in ran.lines} == {"secured"}
    assert len(desk.run("inspect", "records").text.splitlines()) >= 7


def test_several_fields(desk):
    desk.write("x.yml", f"a: {{b: '{SEALED}'}}\nlist: [{{s: '{SEALED}'}}, {{s: nothing}}]\n".encode())
    ran = desk.run("inspect", "--json", "--field", "a.b", "--field", "list[].s", "x.yml")
    assert [(line["field"], line["status"]) for line in ran.lines] == [
        ("a.b", "found"),
        ("list[0].s", "found"),
        ("list[1].s", "finding"),
    ]


def test_inspect_needs_no_ring(desk):
    nothing = {"SEALKIT_KEYS": "/nonexistent", "SEALKIT_SECRET": "rubbish"}
    assert desk.run("inspect", "records", env=nothing).status == 0


@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_stdin(desk, verb):
    assert desk.run(verb, "-", stdin=desk.read("records/article.md")).status == 0
    assert desk.run(verb, "-", "--as", "x.yml", stdin=desk.read("records/board.yml")).status == 0
    assert desk.run(verb, "-", stdin=b"").status == 1
    assert desk.run(verb, "-", "--as", "x.jsonl", stdin=desk.read("records/feed.jsonl")).status == 0


# --- verify ----------------------------------------------------------------------------------------------------------
def test_verify_proves_every_field_and_writes_nothing(desk):
    before = desk.files("records")
    ran = desk.run("verify", "--json", "records")
    assert ran.status == 0
    assert ran.summary == {"verified": 7, "absent": 1, "unauthenticated": 7}
    assert desk.files("records") == before
    assert "verified records/article.md:36  secured  key k2, unauthenticated" in desk.run("verify", "records").text


def test_verify_finds_damage(desk):
    record = desk.read("records/article.md")
    at = record.index(b'secured: "') + 30
    damaged = record[:at] + (b"B" if record[at : at + 1] == b"A" else b"A") + record[at + 1 :]
    desk.write("x.md", damaged)
    ran = desk.run("verify", "--json", "x.md")
    assert ran.status == 1
    assert ran.lines[0]["code"] == "cannot_decrypt"
    assert "harbour" not in ran.out.decode() + ran.err


def test_verify_of_what_is_not_canonical_fails(desk):
    blob = desk.sealed(b"sixteen bytes and more")
    desk.record("x.md", blob.replace("==", ""))
    ran = desk.run("verify", "--json", "x.md")
    assert (ran.status, ran.lines[0]["code"]) == (1, "noncanonical")


def test_advice_tells_a_wrong_key_from_damage(desk, other_key):
    from sealkit.crypto.blob import Blob

    iv = bytes(16)
    foreign = str(Blob(other_key.cbc().encrypt(b"x" * 40, iv), iv))
    verbs = (["verify"], ["decrypt", "--json"], ["keys", "identify"], ["rotate", "--to", "k1"])
    for number in range(12):
        desk.record(f"tree/{number:02}.md", foreign)
    for verb in verbs:
        assert "lacks the key" in desk.run(*verb, "tree").err, verb
    assert desk.run("verify", "--json", "tree").summary["diagnosis"] == "wrong_key"
    for number in range(11):
        desk.record(f"tree/{number:02}.md", desk.sealed(b"y" * 40))
    for verb in verbs:
        assert "damaged" in desk.run(*verb, "tree").err, verb
    assert desk.run("keys", "identify", "--json", "tree").summary["diagnosis"] == "damage"


def test_a_report_says_the_same_as_json(desk):
    ran = desk.run("verify", "--json", "--report", "r.jsonl", "records")
    assert desk.read("r.jsonl") == ran.out
    assert desk.run("verify", "--report", "r.jsonl", "records/article.md").status == 0
    assert [json.loads(line) for line in desk.read("r.jsonl").splitlines()][-1] == {
        "summary": {"verified": 1, "unauthenticated": 1}
    }
    assert desk.run("verify", "--report", "nowhere/r.jsonl", "records").status == 4
