"""Keys encrypted to age recipients: with the age program both ways, identities of every kind, and a ring whose team changes."""

from __future__ import annotations

import base64
import os
import pickle
import shutil
import stat
import subprocess
import sys

import needs
import pytest
from keys_canary import CANARY, everything_said, leaks

from sealkit import config
from sealkit.errors import ConfigError, NoUsableKey, SealkitError
from sealkit.installing import how_to_install
from sealkit.keys import age, ringedit, ringfile, ringstore, sources, team
from sealkit.keys.access import Access
from sealkit.keys.ring import KeyRing

pyrage = pytest.importorskip("pyrage") if not os.environ.get("SEALKIT_CI") else __import__("pyrage")
HEX = CANARY.hex()


class Person:
    """Somebody with an age identity in a file of their own."""

    def __init__(self, folder, name):
        self.name = name
        self.made = pyrage.x25519.Identity.generate()
        self.public = str(self.made.to_public())
        self.file = folder / f"{name}.txt"
        self.file.write_text(f"# created: today\n# public key: {self.public}\n{self.made}\n")
        self.file.chmod(0o600)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home folder without identities."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv(age.IDENTITY_VARIABLE, raising=False)
    return folder


@pytest.fixture
def alice(tmp_path, monkeypatch):
    """Whose identity is used here."""
    person = Person(tmp_path, "alice")
    monkeypatch.setenv(age.IDENTITY_VARIABLE, str(person.file))
    return person


@pytest.fixture
def bob(tmp_path):
    return Person(tmp_path, "bob")


def entry(content, encoding="raw"):
    return f"age: {base64.b64encode(content).decode()}\nencoding: {encoding}\n"


def declare(text):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", "")


def encrypted(*people, content=CANARY, **how):
    return pyrage.encrypt(content, [person.made.to_public() for person in people], **how)


def access(**environ):
    return Access({"HOME": os.environ["HOME"]} | environ)


def loads(path, person):
    with KeyRing.load(path, environ={age.IDENTITY_VARIABLE: str(person.file), "HOME": os.environ["HOME"]}) as ring:
        return {key.id: bytes(key.encoded("raw")) for key in ring}


# --- the age program ---------------------------------------------------------------------------------------------------
@needs.program("age")
@pytest.mark.parametrize("armored", [False, True])
def test_what_the_age_program_encrypts_is_read(tmp_path, alice, armored):
    flags = ["-a"] if armored else []
    made = subprocess.run(["age", "-r", alice.public, *flags], input=HEX.encode() + b"\n", capture_output=True, check=True).stdout
    block = "age: |\n" + "".join(f"  {line}\n" for line in made.decode().splitlines()) if armored else ""
    source = declare(block + "encoding: hex\n" if armored else entry(made, "hex"))
    assert source.read(access(**{age.IDENTITY_VARIABLE: str(alice.file)})) == CANARY


@needs.program("age")
def test_the_age_program_opens_what_sealkit_encrypts(tmp_path, alice, bob):
    recipients = [ringfile.Recipient(one.name, one.public, 1) for one in (alice, bob)]
    made = age.age_source(bytearray(CANARY), recipients)
    content = base64.b64decode(made.split('"')[1])
    for person in (alice, bob):
        ran = subprocess.run(["age", "-d", "-i", person.file], input=content, capture_output=True, check=True)
        assert ran.stdout == CANARY
    assert declare(made[1:-1].replace(", ", "\n")).read(access(**{age.IDENTITY_VARIABLE: str(bob.file)})) == CANARY


@needs.program("age", "ssh-keygen")
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_ssh_keys(tmp_path, home, kind):
    (home / ".ssh").mkdir(0o700)
    mine = home / ".ssh" / f"id_{kind}"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "somebody@here", "-f", mine], check=True)
    public = mine.with_suffix(".pub").read_text()
    made = subprocess.run(["age", "-R", f"{mine}.pub"], input=CANARY, capture_output=True, check=True).stdout
    assert declare(entry(made)).read(access()) == CANARY
    bare = age.spelt(public)
    assert public.startswith(bare)
    assert "somebody" not in bare
    content = base64.b64decode(age.age_source(bytearray(CANARY), [ringfile.Recipient("me", bare, 1)]).split('"')[1])
    assert subprocess.run(["age", "-d", "-i", mine], input=content, capture_output=True, check=True).stdout == CANARY


@needs.program("ssh-keygen")
def test_an_ssh_key_with_a_passphrase_is_passed_over_but_not_when_it_is_named(tmp_path, home, alice):
    (home / ".ssh").mkdir(0o700)
    locked = home / ".ssh" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "correct horse", "-f", locked], check=True)
    source = declare(entry(encrypted(alice)))
    with pytest.raises(NoUsableKey, match="SSH key with a passphrase"):
        source.read(access())
    (home / ".config" / "sealkit").mkdir(parents=True)
    shutil.copy(alice.file, home / ".config" / "sealkit" / "age.txt")
    assert source.read(access()) == CANARY
    with pytest.raises(NoUsableKey, match="SSH key with a passphrase"):
        source.read(access(**{age.IDENTITY_VARIABLE: str(locked)}))


# --- identities ----------------------------------------------------------------------------------------------------------
def test_a_file_of_several_identities(tmp_path, alice, bob):
    both = tmp_path / "both.txt"
    both.write_bytes(bob.file.read_bytes() + b"\n" + alice.file.read_bytes())
    both.chmod(0o600)
    assert declare(entry(encrypted(alice))).read(access(**{age.IDENTITY_VARIABLE: str(both)})) == CANARY


SECRET = "AGE-SECRET-KEY-1" + "Q" * 58
IDENTITIES = {
    "none": (b"# nothing\n", "no age identity"),
    "damaged": (SECRET.encode() + b"\n", "no age identity"),
    "a plugin's": (b"AGE-PLUGIN-YUBIKEY-1QQQ\n", "no age identity"),
    "something else": (b"hello\n", "no age identity"),
    "no ssh key": (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "no age identity"),
    "bytes": (b"AGE-SECRET-KEY-1\xff\xfe", "no age identity"),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_files_that_are_no_identities(tmp_path, alice, name, failure):
    content, problem = IDENTITIES[name]
    place = tmp_path / "id.txt"
    place.write_bytes(content)
    place.chmod(0o600)
    error = failure(declare(entry(encrypted(alice))).read, access(**{age.IDENTITY_VARIABLE: str(place)}))
    assert problem in error.problem
    assert SECRET not in "".join(everything_said(error))


def test_identity_files_are_checked_as_key_files_are(tmp_path, alice, failure):
    source, mine = declare(entry(encrypted(alice))), access(**{age.IDENTITY_VARIABLE: str(alice.file)})
    alice.file.chmod(0o644)
    assert "open to other users (mode 0644)" in failure(source.read, mine).problem
    alice.file.chmod(0o600)
    (tmp_path / "sealkit.yaml").write_text("version: 1\n")
    assert "inside the tree" in failure(source.read, mine).problem
    (tmp_path / "sealkit.yaml").unlink()
    assert source.read(mine) == CANARY
    alice.file.unlink()
    assert "no such file" in failure(source.read, mine).problem


def test_nobodys_key(tmp_path, alice, bob, failure):
    foreign = failure(declare(entry(encrypted(bob))).read, access(**{age.IDENTITY_VARIABLE: str(alice.file)}))
    assert "not encrypted to the identity of" in foreign.problem
    nobody = failure(declare(entry(encrypted(bob))).read, access())
    assert (nobody.problem, nobody.exit_status) == ("key k1: age: no age identity", 3)
    damaged = bytearray(encrypted(alice))
    damaged[-1] ^= 1
    error = failure(declare(entry(bytes(damaged))).read, access(**{age.IDENTITY_VARIABLE: str(alice.file)}))
    assert "damaged" in error.problem
    short = declare(entry(encrypted(alice, content=CANARY[:9])))
    assert "9 bytes as raw" in failure(short.read, access(**{age.IDENTITY_VARIABLE: str(alice.file)})).problem


WRONG = [
    "age: hello\nencoding: raw\n",
    "age: " + base64.b64encode(b"age-encryption.org/v2\n").decode() + "\nencoding: raw\n",
    entry(b"age-encryption.org/v1\n" + bytes(age.MAX_AGE_FILE)),
    entry(b"age-encryption.org/v1\n").replace("encoding: raw\n", ""),
    entry(b"age-encryption.org/v1\n") + "identity: me.txt\n",
    "age: [a]\nencoding: raw\n",
]


@pytest.mark.parametrize("text", WRONG)
def test_entries_that_make_no_sense(text):
    with pytest.raises(ConfigError):
        declare(text)


def test_without_the_package(alice, monkeypatch, failure):
    source = declare(entry(encrypted(alice)))
    monkeypatch.setitem(sys.modules, "pyrage", None)
    assert failure(source.read, access()).hint == how_to_install("age")


def test_nothing_of_the_key_or_the_identity_is_shown(alice):
    source = declare(entry(encrypted(alice)))
    reach = access(**{age.IDENTITY_VARIABLE: str(alice.file)})
    source.read(reach)
    shown = [repr(source), repr(vars(source) if hasattr(source, "__dict__") else ""), repr(reach.warnings)]
    assert not leaks(CANARY, *shown)
    assert str(alice.made) not in "".join(shown)


# --- a ring that a team shares ---------------------------------------------------------------------------------------------
@pytest.fixture
def ring(tmp_path):
    path = tmp_path / "keys.yaml"
    path.write_bytes(
        b"# ours\r\nversion: 1\r\nprimary: k1\r\nkeys:  # two\r\n- id: k1\r\n  source:\r\n"
        b"    hex: '" + HEX.encode() + b"'\r\n  format: tagged\r\n"
        b"- {id: k0, source: {base64: 8PHy8/T19vf4+fr7/P3+/w==}}  # old\r\n# the end"
    )
    path.chmod(0o600)
    return path


def test_the_life_of_a_shared_ring(ring, alice, bob):
    old = ring.read_bytes()
    assert team.add_recipient(ring, "alice", alice.public) == ((), ("alice",))
    assert ring.read_bytes() == old + f'\r\nrecipients:\r\n  - {{name: "alice", age: "{alice.public}"}}'.encode()
    assert team.rewrap(ring, ("k1",)) == (("k1",), ("alice",))
    assert HEX.encode() not in ring.read_bytes()
    assert team.add_recipient(ring, "bob", bob.public) == (("k1",), ("alice", "bob"))
    assert team.add_shared(ring, "k2", 192, format="tagged") == ("alice", "bob")
    assert [*map(len, loads(ring, alice).values())] == [32, 16, 24]
    assert loads(ring, alice) == loads(ring, bob)
    assert loads(ring, bob)["k1"] == CANARY
    text = ring.read_bytes()
    for kept in (b"# ours\r\n", b"keys:  # two\r\n", b"}  # old\r\n", b"# the end\r\n"):
        assert text.count(kept) == 1
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert stat.S_IMODE(ring.stat().st_mode) == 0o600
    assert team.remove_recipient(ring, "bob") == (("k1", "k2"), ("alice",))
    with pytest.raises(NoUsableKey, match="not encrypted to"):
        loads(ring, bob)
    assert loads(ring, alice)["k1"] == CANARY
    assert ringfile.parse(ring.read_bytes(), "").recipients[0][:2] == ("alice", alice.public)


def test_a_separate_mac_secret_is_encrypted_too(tmp_path, alice):
    path = tmp_path / "keys.yaml"
    mac = base64.b64encode(bytes(range(32))).decode()
    path.write_text(f"version: 1\nprimary: k1\nkeys:\n  - {{id: k1, source: {{hex: '{HEX}'}}, mac: {{base64: '{mac}'}}}}\n")
    path.chmod(0o600)
    kid = KeyRing.load(path).primary.kid
    team.add_recipient(path, "alice", alice.public)
    team.rewrap(path, ("k1",))
    assert HEX not in path.read_text()
    assert mac not in path.read_text()
    assert KeyRing.load(path).primary.kid == kid


def changes_nothing(path, function, *args):
    before = path.read_bytes()
    with pytest.raises(SealkitError) as caught:
        function(path, *args)
    assert path.read_bytes() == before
    assert [name for name in os.listdir(path.parent) if "tmp-" in name] == []
    assert not leaks(CANARY, *everything_said(caught.value))
    return caught.value


def test_what_would_lock_somebody_out_is_refused(ring, alice, bob, monkeypatch):
    team.add_recipient(ring, "alice", alice.public)
    assert "only recipient" in changes_nothing(ring, team.remove_recipient, "alice").problem
    assert "no recipient of that name" in changes_nothing(ring, team.remove_recipient, "carol").problem
    assert "alice is a recipient already" in changes_nothing(ring, team.add_recipient, "alice", bob.public).problem
    assert "alice is a recipient already" in changes_nothing(ring, team.add_recipient, "al", alice.public).problem
    assert "no key with that id" in changes_nothing(ring, team.rewrap, ("k7",)).problem
    team.rewrap(ring, ("k1",))
    monkeypatch.setenv(age.IDENTITY_VARIABLE, str(bob.file))
    assert "not encrypted to the identity" in changes_nothing(ring, team.add_recipient, "bob", bob.public).problem
    monkeypatch.setenv(age.IDENTITY_VARIABLE, str(alice.file))
    team.add_recipient(ring, "bob", bob.public)
    # who removes themselves could not load the ring that is to be written
    assert "not encrypted to the identity" in changes_nothing(ring, team.remove_recipient, "alice").problem


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a b", "age1"),
        ("", "age1"),
        ("x" * 65, "age1"),
        ("bob", "hello"),
        ("bob", ""),
        ("bob", SECRET),
        ("bob", "ssh-ed25519 AAAA"),
        ("bob", 'age1"}\n- {x: y'),
        ("bob", "ssh-ed25519"),
        ("bob\n", "age1"),
    ],
)
def test_recipients_that_are_none(ring, alice, name, key):
    good = alice.public if key == "age1" else key
    error = changes_nothing(ring, team.add_recipient, name, good)
    assert isinstance(error, ConfigError)
    assert SECRET not in "".join(everything_said(error))


RECIPIENTS = [
    "recipients: {}\n",
    "recipients: [a]\n",
    "recipients: [{name: a}]\n",
    "recipients: [{age: age1x}]\n",
    "recipients: [{name: a, age: age1x, file: /etc/passwd}]\n",
    "recipients: [{name: a, age: age1x}, {name: a, age: age1y}]\n",
    "recipients: [{name: 'a b', age: age1x}]\n",
    f"recipients: [{{name: a, age: {SECRET}}}]\n",
    "recipients: [" + "{name: a, age: b}, " * 257 + "]\n",
]


@pytest.mark.parametrize("text", RECIPIENTS)
def test_rings_whose_recipients_make_no_sense(text):
    with pytest.raises(ConfigError) as caught:
        ringfile.parse(f"version: 1\nprimary: k1\nkeys: [{{id: k1, source: {{hex: '{HEX}'}}}}]\n{text}".encode(), "")
    assert SECRET not in "".join(everything_said(caught.value))


def test_a_recipient_that_no_age_takes_is_named(ring, alice):
    team.add_recipient(ring, "alice", alice.public)
    team.rewrap(ring, ("k1",))
    ring.write_bytes(ring.read_bytes() + b'\r\n  - {name: mallory, age: "age1nonsense"}\r\n')
    ring.chmod(0o600)
    error = changes_nothing(ring, team.rewrap)
    assert error.problem == "recipient mallory: not an age recipient"
    assert error.line


@pytest.mark.parametrize(
    "text",
    [
        b"version: 1\nprimary: k1\nrecipients: []\nkeys: [{id: k1, source: {hex: '" + HEX.encode() + b"'}}]\n",
        b"version: 1\nprimary: k1\nrecipients: [{name: a, age: b}]\nkeys: [{id: k1, source: {hex: '" + HEX.encode() + b"'}}]\n",
        b"{version: 1, primary: k1, keys: [{id: k1, source: {hex: '" + HEX.encode() + b"'}}]}\n",
        b"---\nversion: 1\nprimary: k1\nkeys: [{id: k1, source: {hex: '" + HEX.encode() + b"'}}]\n...\n",
    ],
)
def test_rings_that_are_written_otherwise_are_left_to_hands(text):
    with pytest.raises(ConfigError, match="written in a way"):
        ringedit.with_recipient(text, "bob", "age1x")


def test_recipients_before_the_keys():
    text = b"version: 1\nrecipients:  # us\n- name: a\n  age: b  # c\n\nprimary: k1\nkeys: [{id: k1, source: {hex: '" + HEX.encode()
    text += b"'}}]\n"
    added = ringedit.with_recipient(text, "bob", "age1x")
    assert added == text.replace(b"# c\n", b'# c\n- {name: "bob", age: "age1x"}\n')
    assert ringedit.without_recipient(added, "bob") == text
    assert ringedit.without_recipient(added, "a") == added.replace(b"- name: a\n  age: b  # c\n", b"")


# --- the command line --------------------------------------------------------------------------------------------------------
def test_the_command_line(desk, alice, bob):
    mine = {"SEALKIT_KEYS": "team.yaml", age.IDENTITY_VARIABLE: str(alice.file)}

    def ran(*args, status=0, env=mine, **given):
        done = desk.run(*args, env=env, **given)
        assert done.status == status, done
        assert "AGE-SECRET" not in done.text + done.err
        return done

    ran("keygen", "--format", "tagged")
    ran("keys", "add-recipient", "alice", "-", stdin=alice.public.encode() + b"\n")
    assert ran("keys", "rewrap", "k1").text == "encrypted to alice: k1\n"
    assert ran("keys", "add-recipient", "bob", bob.public).text.endswith("encrypted to alice, bob: k1\n")
    assert "encrypted to alice, bob" in ran("keygen", "--age", "--primary").text
    as_bob = {"SEALKIT_KEYS": "team.yaml"}
    assert "k2" in ran("keys", "--age-identity", bob.file, env=as_bob).text
    gone = ran("keys", "remove-recipient", "bob")
    assert "bob could read k1, k2" in gone.err
    refused = ran("keys", "--age-identity", bob.file, env=as_bob, status=3)
    assert "not encrypted to the identity" in refused.err
    assert "no age identity" in ran("verify", "records/article.md", env=as_bob, status=3).err
    assert "only one of these" in ran("keygen", "--age", "--wrapped-by", "k1", status=2).err


def test_a_shared_ring_may_lie_in_a_repository(tmp_path, alice):
    place = tmp_path / "repo"
    place.mkdir()
    subprocess.run(["git", "init", "-q", place], check=True)
    ring = place / "keys.yaml"
    ringstore.add_key(str(ring), "k1")
    team.add_recipient(ring, "alice", alice.public)
    team.rewrap(ring, ("k1",))
    subprocess.run(["git", "-C", place, "add", "keys.yaml"], check=True)
    ring.chmod(0o644)  # as a checkout has it
    with KeyRing.load(ring) as loaded:
        assert loaded.primary.bits == 256
        with pytest.raises(SealkitError):
            pickle.dumps(loaded)
    team.rewrap(ring)
    assert stat.S_IMODE(ring.stat().st_mode) == 0o644
