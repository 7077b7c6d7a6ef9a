"""Other programs' ciphertext: named in every door and never sealed again by mistake; and of other secrets no word."""

from __future__ import annotations

import base64
import json
import random

import pytest

from sealkit import KeyRing, Sealer, foreign, jobs
from sealkit.errors import BrokenBlob, ForeignCiphertext
from sealkit.keys.key import Key
from sealkit.records.record import Record

SEALER = Sealer(KeyRing([Key("k1", bytes(range(32)))], primary="k1"))
CHANCE = random.Random(19)


def b(size: int) -> str:
    return base64.b64encode(CHANCE.randbytes(size)).decode()


def u(size: int) -> str:
    return base64.urlsafe_b64encode(CHANCE.randbytes(size)).decode().rstrip("=")


def h(size: int) -> str:
    return CHANCE.randbytes(size).hex()


def in64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


MARKED = {
    "SOPS": "ENC[AES256_GCM,data:Tr7oBkqR,iv:1vI=,aad:yk0=,tag:7Q==,type:str]",
    "SOPS, all of a mapping": json.dumps({"user": "ENC[AES256_GCM,data:x,type:str]", "more": ["ENC[AES256_GCM,data:y,type:int]"]}),
    "hiera-eyaml, GPG": f"ENC[GPG,{b(90)}]",
    "hiera-eyaml": f"  ENC[PKCS7,{b(60)}]\n",
    "Ansible Vault, with an id": "$ANSIBLE_VAULT;1.2;AES256;prod\n3165306637\n6636\n",
    "HashiCorp Vault": f"vault:v7:{b(44)}",
    "dotenvx": f"encrypted:BK{b(120)}",
    "Fernet": "gAAAAABm" + u(83),
    "JWE": ".".join(("eyJ" + u(30), u(256), u(12), u(40), u(16))),
    "JWE, direct": ".".join(("eyJ" + u(30), "", u(12), u(40), u(16))),
    "JWE, JSON": json.dumps({"protected": "eyJ", "iv": u(12), "ciphertext": u(30), "tag": u(16)}),
    "PASETO": f"v4.local.{u(90)}",
    "iron": f"Fe26.2**{h(32)}*{u(22)}*{u(40)}**{h(32)}*{u(32)}",
    "age": f"-----BEGIN AGE ENCRYPTED FILE-----\n{b(48)}\n-----END AGE ENCRYPTED FILE-----\n",
    "age, in base64": in64("age-encryption.org/v1\n-> X25519 abc\n"),
    "PGP": f"-----BEGIN PGP MESSAGE-----\n\n{b(48)}\n-----END PGP MESSAGE-----",
    "PGP, in base64": in64("-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----"),
    "Saltpack": "BEGIN KEYBASE SALTPACK ENCRYPTED MESSAGE. kYdN0aYJkTRMtgU",
    "openssl enc": "U2FsdGVkX1" + b(40)[2:],
    "openssl enc, in lines": "U2FsdGVkX1" + b(47)[2:] + "\n" + b(48) + "\n",
    "openssl enc, in hex": "53616c7465645f5f" + h(24),
    "Laravel": in64(json.dumps({"iv": b(16), "value": b(32), "mac": h(32), "tag": ""})),
    "Rails, GCM": f"{b(40)}--{b(12)}--{b(16)}",
    "Rails, CBC": in64(f"{b(32)}--{b(16)}") + "--" + h(20),
    "Active Record": json.dumps({"p": b(20), "h": {"iv": b(12), "at": b(16)}}),
    "JSON of Node": json.dumps({"iv": h(16), "encryptedData": h(48)}),
    "JSON of Node, with buffers": json.dumps({"iv": {"type": "Buffer", "data": [7] * 12}, "data": b(20)}),
    "JSON, the IV last": json.dumps({"ct": b(900), "salt": h(8), "iv": h(16)}),
    "JSON with a nonce": json.dumps({"nonce": b(12), "ciphertext": b(55)}),
    "SJCL": json.dumps({"iv": u(16), "v": 1, "iter": 10000, "mode": "ccm", "ct": b(20)}),
    "Chef": json.dumps({"id": "db", "password": {"encrypted_data": b(32) + "\n", "iv": b(16) + "\n", "version": 1}}),
    "Spring": "{cipher}" + h(48),
    "Jasypt": f"ENC({b(32)})",
    "Maven": "{" + b(48) + "}",
    "AWS KMS": "AQICAH" + b(150),
    "JSON with a wrapped key": json.dumps({"iv": b(16), "encryptedKey": b(48)}),
    "JSON with a key beside": json.dumps({"key": b(32), "iv": b(16), "content": b(64)}),
    "hiera-eyaml, without a scheme": f"ENC[{b(64)}]",
}
SHAPED = {
    "hex, colon": f"{h(16)}:{h(32)}",
    "hex, one block": f"{h(16)}:{h(16)}",
    "hex, the IV last": f"{h(64)}.{h(16)}",
    "hex, capitals": f"{h(16)}|{h(32)}".upper(),
    "hex, dash": f"{h(16)}-{h(48)}",
    "hex, underscore": f"{h(16)}_{h(48)}",
    "hex, double colon": f"{h(16)}::{h(80)}",
    "hex, blank": f"{h(16)} {h(32)}",
    "hex, dollar": f"{h(16)}${h(32)}",
    "hex, semicolon": f"{h(16)};{h(32)}",
    "base64, dot": f"{b(16)}.{b(47)}",
    "base64, bar": f"{b(16)}|{b(160)}",
    "base64, comma": f"{b(16)},{b(48)}",
    "base64, a new line": f"{b(16)}\n{b(64)}",
    "URL-safe": f"{u(16)}.{u(48)}",
    "with a label": f"aes-256-cbc:{h(16)}:{h(32)}",
    "with a version": f"v1:{b(16)}:{b(48)}",
    "GCM": f"{h(12)}:{h(16)}:{h(21)}",
    "GCM, the tag last": f"{b(12)}.{b(23)}.{b(16)}",
    "GCM, an IV of 16 bytes": f"{h(16)}:{h(16)}:{h(9)}",
    "GCM in two parts": f"{b(12)}:{b(40)}",
    "GCM in two parts, hex": f"{h(12)}:{h(27)}",
    "Pulumi": f"v1:{b(12)}:{b(35)}",
    "with a MAC": f"{h(16)}:{h(64)}:{h(32)}",
}
FOREIGN = MARKED | SHAPED
OTHERS = {
    "a JSON Web Token": ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", u(32))),
    "a key in base64": b(32),
    "a short key in base64": b(16),
    "two keys in base64": f"{b(32)}\n{b(32)}",
    "a key in hex": h(32),
    "an MD5": h(16),
    "SHA-256, named": "sha256:" + h(32),
    "a UUID": "550e8400-e29b-41d4-a716-446655440000",
    "two UUIDs": "550e8400-e29b-41d4-a716-446655440000:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "Stripe": "sk_live_" + "51Hx9aBcDeFgHiJkLmNoPqRsTuVwXyZ",
    "GitHub": "ghp_a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8",
    "AWS": "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "SendGrid": "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",
    "Ghost": f"{h(12)}:{h(32)}",
    "Datadog": f"{h(16)}:{h(20)}",
    "Slack": "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
    "Twilio": f"AC{h(16)}:{h(16)}",
    "Discord": "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    "Elasticsearch": "VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw",
    "bcrypt": "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
    "Argon2": f"$argon2id$v=19$m=65536,t=3,p=4${u(16)}${u(32)}",
    "crypt, SHA-256": f"$5$rounds=5000${u(12)}${u(32)}",
    "SSHA": "{SSHA}" + b(24),
    "a private key": f"-----BEGIN PRIVATE KEY-----\n{b(48)}\n-----END PRIVATE KEY-----\n",
    "a private key with a passphrase": f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{b(48)}\n",
    "a PGP key": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{b(48)}\n",
    "an age key": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2,
    "an SSH key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + b(30),
    "a URL": "postgres://user:correct-horse@db.example.net:5432/app?sslmode=require",
    "a name and a password": "ida:correct horse battery staple",
    "JSON": '{"user": "ida", "password": "correct horse", "rates": [1, 2]}',
    "JSON with iv": '{"iv": "intravenous", "dose": "5 mg"}',
    "JSON with a token": json.dumps({"token": "gAAAAABm" + u(83), "user": "ida"}),
    "prose on encryption": "ENCRYPTION at rest, vault: v1 of the draft; the salt (Salted__) is a mark.",
    "the word alone": "Salted__",
    "digits": "12345678901234567890123456789012:12345678901234567890123456789012",
    "a MAC address": "00:11:22:33:44:55",
    "LM and NT": f"aad3b435b51404eeaad3b435b51404ee:{h(16)}",
    "LM and NT, a short password": f"E52CAC67419A9A22AAD3B435B51404EE:{h(16).upper()}",
    "a key and its IV": json.dumps({"key": h(32), "iv": h(16)}),
    "a key and its IV, in base64": json.dumps({"iv": b(16), "aesKey": b(32), "name": "backup"}),
    "keys and an IV": json.dumps({"encryption_key": b(32), "mac_key": b(32), "iv": b(16)}),
    "a secret and a nonce": json.dumps({"nonce": u(12), "client_secret": u(32), "salt": h(8)}),
    "a key in braces": "{" + h(32) + "}",
    "a key in braces, capitals": "{" + h(32).upper() + "}",
    "a UUID in braces": "{550e8400-e29b-41d4-a716-446655440000}",
    "words in braces": "{the_name_of_a_placeholder_that_is_rather_long}",
    "prose in brackets": "ENC[ryption] is what the manual calls it.",
    "prose in brackets, a list": "ENC[AES, DES and others]: which of them is in use",
    "a placeholder": "ENC[TODO]",
    "an image": "registry.example.net/app@sha256:" + h(32),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_it_is_known(what):
    assert foreign.named(FOREIGN[what]) is not None
    assert foreign.named(f'"{FOREIGN[what].strip()}"') is not None
    assert foreign.named_payload(FOREIGN[what].encode()) == foreign.named(FOREIGN[what])


@pytest.mark.parametrize("what", MARKED)
def test_it_is_named(what):
    """By its program, as the table's own names begin; two formats of one shape have one name."""
    name = foreign.named(MARKED[what]).name
    said = {"JSON": "JSON", "SJCL": "JSON", "Chef": "JSON", "Active Record": "JSON", "JWE, JSON": "JSON", "Spring": "Spring"}
    assert said.get(what, said.get(what[:4], what.split(",")[0])).lower() in name.lower()


@pytest.mark.parametrize("what", OTHERS)
def test_of_other_secrets_no_word(what):
    assert foreign.named(OTHERS[what]) is None
    assert foreign.named_payload(OTHERS[what].encode()) is None


def test_bytes_that_are_no_text():
    assert foreign.named_payload(b"Salted__" + CHANCE.randbytes(40)) is not None
    assert foreign.named_payload(b"\0GITCRYPT\0" + b"\xff" * 40) is not None
    assert not any(foreign.named_payload(CHANCE.randbytes(size)) for size in range(1, 300))


def test_long_text_costs_one_pass():
    """A pattern that went back and forth would not come to an end here."""
    for text in ("word " * 200_000, "A" * 1_000_000, "ab:" * 300_000, '{"iv": ' * 100_000, "[" * 100_000 + '"iv"', "=" * 500_000):
        assert foreign.named(text) is None


def test_a_blob_of_ours_that_was_damaged_is_called_that():
    """Ciphertext, then IV, with another separator: as it was, ``broken_blob``, which the option does not seal either."""
    text = str(SEALER.seal(b"a payload of forty bytes, more or less"))
    for damaged in (text.replace(";", ":"), text.replace(";", " "), text[1:], text + ";"):
        record = Record.parse(json.dumps({"secured": damaged}).encode(), kind="json")
        for seal_foreign in (False, True):
            with pytest.raises(BrokenBlob):
                jobs.seal(record, SEALER, seal_foreign=seal_foreign)


# --- in every door ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", FOREIGN)
def test_jobs(what):
    record = Record.parse(json.dumps({"secured": FOREIGN[what]}).encode(), kind="json")
    for job in (jobs.inspect, lambda record: jobs.decrypt(record, SEALER), lambda record: jobs.seal(record, SEALER)):
        with pytest.raises(ForeignCiphertext) as caught:
            job(record)
        error = caught.value
        assert (error.code, error.field) == ("foreign", "secured")
        assert foreign.named(FOREIGN[what]).name in error.problem
        assert "sealkit seal" not in (error.hint or "")
        assert FOREIGN[what].strip() not in f"{error!r}{error.hint}"
    sealed = jobs.seal(record, SEALER, seal_foreign=True)
    assert jobs.decrypt(sealed, SEALER).payload == FOREIGN[what].encode()
    with pytest.raises(ForeignCiphertext):
        jobs.seal(record, SEALER, payload=FOREIGN[what].encode())


@pytest.mark.parametrize("what", OTHERS)
def test_other_secrets_are_sealed(what):
    record = Record.parse(json.dumps({"secured": OTHERS[what]}).encode(), kind="json")
    assert jobs.decrypt(jobs.seal(record, SEALER), SEALER).payload == OTHERS[what].encode()


NODES = {
    "a tag": b"secured: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3165306637\n",
    "a block": b"secured: |\n  -----BEGIN PGP MESSAGE-----\n\n  hQEMA\n",
    "a mapping with an IV": f"secured:\n  iv: {h(16)}a\n  content: {h(32)}a\n".replace("a\n", "\n").encode(),
    "a mapping of SOPS": b'secured:\n  a: ENC[AES256_GCM,data:x,type:str]\n  b: ["ENC[AES256_GCM,data:y,type:str]"]\n',
}


@pytest.mark.parametrize("what", NODES)
def test_whatever_the_node(what):
    record = Record.parse(NODES[what], kind="yaml")
    for job in (jobs.inspect, lambda record: jobs.decrypt(record, SEALER), lambda record: jobs.seal(record, SEALER)):
        with pytest.raises(ForeignCiphertext):
            job(record)


SOME = ["SOPS", "Fernet", "Laravel", "hex, colon", "GCM", "openssl enc", "JSON of Node", "Rails, GCM"]


@pytest.mark.parametrize("what", SOME)
def test_command_line(desk, what):
    desk.write("a.json", json.dumps({"secured": FOREIGN[what]}).encode())
    desk.write("p", FOREIGN[what].encode())
    before = desk.read("a.json")
    for verb in (["check"], ["inspect"], ["decrypt"], ["verify"], ["seal"], ["seal", "--payload", "p"], ["seal", "--if-present"]):
        ran = desk.run(*verb, "--json", "a.json")
        assert (ran.status, ran.lines[0]["code"]) == (1, "foreign"), (verb, ran)
        assert foreign.named(FOREIGN[what]).name in ran.lines[0]["message"]
        assert "seal it" not in ran.err + ran.text
    assert desk.read("a.json") == before
    assert desk.run("seal", "--seal-foreign", "a.json").status == 0
    assert desk.run("check", "a.json").status == 0
    assert desk.run("decrypt", "-q", "a.json").out == FOREIGN[what].encode()


def test_trees(desk):
    from sealkit import trees

    desk.write("a.yml", f"secured: {FOREIGN['hex, colon']}\n".encode())
    ring = KeyRing([Key("k1", bytes(range(32)))], primary="k1")
    path = str(desk.path / "a.yml")
    assert [one.code for one in trees.seal([path], ring, write=False)] == ["foreign"]
    assert [one.status for one in trees.seal([path], ring, seal_foreign=True)] == ["sealed"]


# --- columns ---------------------------------------------------------------------------------------------------------
PROSE = [
    "The fog hides the harbour, and nobody knows when the ferry leaves; more on that, it seems, tomorrow.",
    '{"name": "Ida", "value": "a price", "gender": "-", "vector": [1, 2], "once": " a", "email": "ida@example.net", "x": 1}',
    "- a list\n- of things, that begin with a dash, and go on, and on, and on, and on, for a while, as lists do\n",
    "Договор не подлежит разглашению третьим лицам, ни сегодня, ни завтра, ни потом",
    "environment variables are no secret: encrypted ones, or vaults, or what is in salt, say nothing of it",
    "合同尚未公开,请勿转发给任何第三方人员。合同尚未公开,请勿转发给任何第三方人员。",
    "x" * 70,
    "",
]


def test_a_column_says_what_a_record_says():
    pa = pytest.importorskip("pyarrow")
    from sealkit.columns import decrypt_column, seal_column

    rows = [text for pair in zip([*FOREIGN.values(), *OTHERS.values()], PROSE * 20, strict=False) for text in pair]
    wanted = ["foreign" if foreign.named(row) is not None else "sealed" for row in rows]
    assert wanted.count("foreign") == len(FOREIGN)
    assert seal_column(pa.array(rows), SEALER).field("status").to_pylist() == wanted
    told = seal_column(pa.array(rows), SEALER, seal_foreign=True)
    assert set(told.field("status").to_pylist()) == {"sealed"}
    assert decrypt_column(told.field("blob"), SEALER).field("payload").to_pylist() == rows


@pytest.mark.parametrize("around", ["{}", " {}", '"{}"', "\u00a0{}", "\u3000{}\n", "'{}' "])
def test_no_row_that_is_foreign_is_passed_by(around):
    pa = pytest.importorskip("pyarrow")
    from sealkit.columns.arrays import view
    from sealkit.columns.plaintext import may_be_foreign

    rows = [around.format(text) for text in FOREIGN.values()] + PROSE
    told = set(may_be_foreign(view(pa.array(rows))))
    assert {number for number, row in enumerate(rows) if foreign.named(row) is not None} <= told


def test_most_rows_of_prose_and_json_are_not_looked_at():
    pa = pytest.importorskip("pyarrow")
    from sealkit.columns.arrays import view
    from sealkit.columns.plaintext import may_be_foreign

    assert not may_be_foreign(view(pa.array([PROSE[0], *PROSE[2:4], '{"id": 1, "text": "' + PROSE[0] + '"}'] * 50)))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_tables(desk, suffix):
    text = FOREIGN["hex, colon"]
    desk.write(f"in.{suffix}", f"secured\n{text}\n".encode() if suffix == "csv" else f'{{"secured": "{text}"}}\n'.encode())
    assert "1 foreign" in desk.run("columns", "seal", f"in.{suffix}", f"a.{suffix}").err
    ran = desk.run("columns", "seal", "--seal-foreign", f"in.{suffix}", f"b.{suffix}")
    assert ran.status == 0
    assert "1 sealed" in ran.err


def test_engines():
    pl, pd = pytest.importorskip("polars"), pytest.importorskip("pandas")
    from sealkit.columns import pandas as of_pandas
    from sealkit.columns import polars as of_polars

    rows = [FOREIGN["Fernet"], "plain text"]
    for seal_foreign, status in ((False, "foreign"), (True, "sealed")):
        frame = pl.DataFrame({"x": rows}).select(of_polars.seal("x", SEALER, seal_foreign=seal_foreign))
        assert [row["status"] for row in frame["x"].to_list()] == [status, "sealed"]
        told = of_pandas.seal(pd.Series(rows), SEALER, seal_foreign=seal_foreign)
        assert told["status"].tolist() == [status, "sealed"]


def test_duckdb():
    duckdb = pytest.importorskip("duckdb")
    from sealkit.columns import duckdb as of_duckdb

    for seal_foreign in (False, True):
        connection = duckdb.connect()
        of_duckdb.register(connection, SEALER, seal_foreign=seal_foreign)
        ((blob,),) = connection.execute("select seal(?)", [FOREIGN["Fernet"]]).fetchall()
        assert (blob is not None) == seal_foreign


ONE = str(SEALER.seal(b"a payload of more than one block"))
BURIED = {
    "a list": ("a.md", f"---\nsecured: [{ONE}]\n---\n"),
    "a mapping": ("a.md", f"---\nsecured:\n  a: {ONE}\n---\n"),
    "a mapping with more in it": ("a.yml", f"secured:\n  a: open\n  b: {{c: [1, {ONE}]}}\n"),
    "JSON": ("a.json", f'{{"secured": {{"ct": "{ONE}"}}}}'),
    "JSON, a list": ("a.json", f'{{"secured": [{{"ct": "{ONE}"}}, null]}}'),
    "JSON Lines": ("a.jsonl", f'{{"secured": {{"ct": "{ONE}"}}}}\n'),
    "brackets": ("a.md", f"---\nsecured: x[{ONE}]\n---\n"),
    "JSON in a string": ("a.md", f'---\nsecured: \'{{"a": "{ONE}"}}\'\n---\n'),
    "prose": ("a.md", f"---\nsecured: 'this is the old one ({ONE}), under k1'\n---\n"),
    "a record": ("a.md", f"---\nsecured: |\n  ---\n  title: a\n  other: {ONE}\n  ---\n---\n"),
    "a key of a mapping": ("a.json", f'{{"secured": {{"{ONE}": 1}}}}'),
}


@pytest.mark.parametrize("row", BURIED.values(), ids=BURIED)
def test_a_blob_in_what_is_to_be_sealed_is_not_buried(row, desk):
    name, data = row
    desk.write(name, data.encode())
    ran = desk.run("seal", name)
    assert ran.status == 1
    assert "bury" in ran.err
    assert desk.read(name) == data.encode()
    assert desk.run("seal", "--seal-foreign", name).status == 0


NOT_BURIED = [
    "Server=a;AccountName=b;AccountKey=" + b(64),
    f"a;{b(16)}",
    f"{b(32)};",
    f"{b(24)};{b(24)}",
    "text; and more",
    f"{b(20)};{b(16)}",
]


@pytest.mark.parametrize("text", NOT_BURIED)
def test_what_is_no_blob_is_not_taken_for_one_that_is_buried(text):
    record = Record.parse(json.dumps({"secured": [text]}).encode(), kind="json")
    assert jobs.seal(record, SEALER) is not record
