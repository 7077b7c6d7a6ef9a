"""Data keys that AWS KMS decrypts: against moto's server on loopback, and against what a network does instead of answering."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time

import pytest
from keys_canary import CANARY, everything_said, leaks

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.installing import how_to_install
from sealkit.keys import kms, ringstore, sources
from sealkit.keys.access import Access
from sealkit.keys.ring import KeyRing

if not os.environ.get("SEALKIT_CI"):
    pytest.importorskip("boto3")
    pytest.importorskip("moto.server")

import boto3

REGION = "eu-central-1"
SIGNED = "canary7secret7access7key7value"
ARN = f"arn:aws:kms:{REGION}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The endpoint of a KMS that runs on this machine."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path_factory.mktemp("kms")
    ) as running:
        try:
            for _ in range(600):
                try:
                    socket.create_connection(("127.0.0.1", port), 0.5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.kill()


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    """Credentials of nobody, and no settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    mine = {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SIGNED,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    return mine


@pytest.fixture
def key(server, monkeypatch):
    """The ARN of a new KMS key, in the KMS that the settings lead to."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", server)
    return client().create_key()["KeyMetadata"]["Arn"]


def client():
    return boto3.client("kms", region_name=REGION)


def declare(text):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", "")


def entry(arn, secret=CANARY, context=None, shown=None):
    """A source whose data key KMS has encrypted; ``shown`` is the context that the ring says."""
    made = client().encrypt(KeyId=arn, Plaintext=secret, EncryptionContext=context or {})["CiphertextBlob"]
    told = context if shown is None else shown
    more = "context: {" + ", ".join(f"{name}: {value}" for name, value in told.items()) + "}\n" if told else ""
    return f"aws-kms: {base64.b64encode(made).decode()}\nkey: {arn}\n{more}"


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("context", [None, {"sealkit": "k1", "team": "press"}])
def test_a_data_key(key, size, context):
    source = declare(entry(key, CANARY[:size], context))
    access = Access({})
    assert source.read(access) == CANARY[:size]
    assert access.warnings == []
    assert not leaks(CANARY, repr(source), repr([getattr(source, name) for name in source.__slots__]))


def test_what_kms_refuses(key, failure):
    other = client().create_key()["KeyMetadata"]["Arn"]
    cases = {
        "InvalidCiphertextException": entry(key, context={"sealkit": "k1"}, shown={"sealkit": "k2"}),
        "NotFoundException": entry(key).replace(key, ARN),
        "IncorrectKeyException|AccessDeniedException|InvalidCiphertextException": entry(key).replace(key, other),
    }
    for codes, text in cases.items():
        error = failure(declare(text).read, Access({}))
        assert error.problem.removeprefix("key k1: aws-kms: KMS refuses: ").strip("'") in codes.split("|")
        assert error.exit_status == 3
        assert SIGNED not in "".join(everything_said(error))


def test_what_was_encrypted_is_no_key(key, failure):
    error = failure(declare(entry(key, CANARY[:17])).read, Access({}))
    assert "no key, but 17 bytes" in error.problem


# --- what a network does -----------------------------------------------------------------------------------------------------
def offline(arn=ARN):
    return declare(f"aws-kms: {base64.b64encode(b'ciphertext').decode()}\nkey: {arn}\n")


def test_nobody_answers(monkeypatch, failure):
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{free_port()}")
    started = time.monotonic()
    error = failure(offline().read, Access({}))
    assert "KMS cannot be reached" in error.problem
    assert time.monotonic() - started < 20


def test_somebody_listens_and_says_nothing(monkeypatch, failure):
    monkeypatch.setattr(kms, "READ_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert "KMS cannot be reached" in failure(offline().read, Access({})).problem
        assert time.monotonic() - started < 20


def test_settings_that_lead_nowhere(monkeypatch, failure):
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "not a url")
    assert "settings make no sense" in failure(offline().read, Access({})).problem
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert failure(offline().read, Access({})).exit_status == 3
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "no AWS credentials" in failure(offline().read, Access({})).problem


def test_without_the_package(monkeypatch, failure):
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert failure(offline().read, Access({})).hint == how_to_install("aws")


WRONG = [
    f"aws-kms: AAA\nkey: {ARN}\n",
    f"aws-kms: {base64.b64encode(bytes(kms.MAX_CIPHERTEXT + 1)).decode()}\nkey: {ARN}\n",
    f"aws-kms: [AAAA]\nkey: {ARN}\n",
    "aws-kms: AAAA\n",
    "aws-kms: AAAA\nkey: alias/sealkit\n",
    "aws-kms: AAAA\nkey: arn:aws:s3:::bucket\n",
    f"aws-kms: AAAA\nkey: {ARN.replace(REGION, 'evil.example/')}\n",
    f"aws-kms: AAAA\nkey: {ARN.replace(REGION, '')}\n",
    f"aws-kms: AAAA\nkey: {ARN + 'x' * 500}\n",
    f"aws-kms: AAAA\nkey: {ARN}\ncontext: x\n",
    f"aws-kms: AAAA\nkey: {ARN}\ncontext: {{a: [b]}}\n",
    f"aws-kms: AAAA\nkey: {ARN}\ncontext: {{a: {'x' * 300}}}\n",
    f"aws-kms: AAAA\nkey: {ARN}\nendpoint: http://localhost\n",
    f"aws-kms: AAAA\nkey: {ARN}\nprofile: root\n",
]


@pytest.mark.parametrize("text", WRONG)
def test_entries_that_make_no_sense(text):
    with pytest.raises(ConfigError):
        declare(text)


# --- rings and the command line ------------------------------------------------------------------------------------------------
def test_a_ring_of_data_keys(tmp_path, key):
    path = tmp_path / "keys.yaml"
    ringstore.add_source(path, "k1", kms.new_source(key, "k1", 256))
    ringstore.add_source(path, "k2", kms.new_source(key, "k2", 192), format="tagged", primary=True)
    with KeyRing.load(path) as ring:
        assert [key.bits for key in ring] == [256, 192]
    text = path.read_text()
    path.write_text(text.replace('{sealkit: "k2"}', '{sealkit: "k1"}'))
    with pytest.raises(NoUsableKey, match="key k2: aws-kms: KMS refuses: 'InvalidCiphertextException'"):
        KeyRing.load(path)


def test_the_command_line(desk, key, server, settings):
    mine = settings | {"SEALKIT_KEYS": "kms.yaml", "AWS_ENDPOINT_URL_KMS": server}
    made = desk.run("keygen", "--aws-kms", key, "--format", "tagged", env=mine)
    assert (made.status, made.err) == (0, "")
    assert "encrypted by AWS KMS" in made.text
    desk.write("note.md", b"---\nsecured: 'a payload'\n---\n")
    for verb in ("seal", "verify"):
        ran = desk.run(verb, "note.md", env=mine)
        assert ran.status == 0, ran
    refused = desk.run("verify", "note.md", env=mine | {"AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{free_port()}"})
    assert (refused.status, "cannot be reached" in refused.err) == (3, True)
    wrong = desk.run("keygen", "--aws-kms", "alias/x", env=mine)
    assert (wrong.status, "ARN" in wrong.err) == (2, True)
    assert SIGNED not in made.err + refused.err + wrong.err
