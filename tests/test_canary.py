"""A marked key and a marked payload go through every command and every failure; nothing that comes out may hold a part of either."""

from __future__ import annotations

import base64
import json
import os
import pickle
import traceback

import pytest

from sealkit import jobs
from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records.record import Record
from sealkit.sealer import Sealer
from sealkit.trees import content, orders

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

KEY = bytes.fromhex("d15ea5edfacefeedc0ded00dbadcab1e5eed7ac05eaf00d5ba5eba11deadfa11")
PAYLOAD = "Kanarienvogel-7Q2 im Bergwerk: der Text, den niemand sehen darf."
IV = bytes(range(7, 23))
SEALED = str(Blob(Key("k", KEY).cbc().encrypt(PAYLOAD.encode(), IV), IV))
FOREIGN = str(Blob(Key("k", bytes(32)).cbc().encrypt(PAYLOAD.encode(), IV), IV))
RING = f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {{hex: '{KEY.hex()}'}}\n"


def spellings(secret):
    """What to look for: any 9 bytes of a secret in hex, in base64 at each alignment, as they are, as Python shows them."""
    found = set()
    for at in range(0, len(secret) - 9, 3):
        part = secret[at : at + 9]
        found |= {part, part.hex().encode(), part.hex().upper().encode(), repr(part)[2:-1].encode()}
        found |= {repr(list(part))[1:-1].encode(), json.dumps(part.decode("latin-1"))[1:-1].encode()}
        for skip in range(3):
            found.add(base64.b64encode(secret[at + skip : at + skip + 9]))
    return {needle for needle in found if len(needle) > 8}


NEEDLES = spellings(KEY) | spellings(PAYLOAD.encode())


def hits(*texts):
    return sorted({needle for text in texts for needle in NEEDLES if needle in text})


# --- commands --------------------------------------------------------------------------------------------------------
def front(value, more=""):
    return f"---\ntitle: t\nsecured: {value}\n{more}---\nbody\n".encode()


# Records that hold the payload, sealed or not; most of them are wrong in some way.
RECORDS = {
    "good.md": front(SEALED),
    "plain.md": front(f'"{PAYLOAD}"'),
    "unquoted.md": front(f"'{PAYLOAD}'"),
    "block.md": front(f"|\n  {PAYLOAD}\n  {PAYLOAD}"),
    "dashes.md": f'---\n{{secured: "\n-- a/{PAYLOAD}\n++ b/{PAYLOAD}"}}\n---\n'.encode(),
    "mapping.md": front(f"{{a: '{PAYLOAD}', b: [1]}}"),
    "open quote.md": front(f'"{PAYLOAD}'),
    "bad escape.md": front(f'"{PAYLOAD}\\q"'),
    "bad syntax.md": front(f"[{PAYLOAD}"),
    "control.md": front(f'"{PAYLOAD}\\a"'),
    "surrogate.md": front(f'"{PAYLOAD}\\ud800"'),
    "not utf-8.md": front(f'"{PAYLOAD}').replace(b"Text", b"\xff\xfe"),
    "twice.md": front(f'"{PAYLOAD}"', f'secured: "{PAYLOAD}"\n'),
    "alias.md": front("*x", "").replace(b"title: t", f'title: &x "{PAYLOAD}"'.encode()),
    "anchor.md": front(f'&x "{PAYLOAD}"', "other: *x\n"),
    "tagged.md": front(f'!!binary "{PAYLOAD}"'),
    "merge.md": f'---\na: &a {{secured: "{PAYLOAD}"}}\n<<: *a\n---\n'.encode(),
    "lookalike.md": f'---\nSecured: "{PAYLOAD}"\n---\n'.encode(),
    "no end.md": f'---\nsecured: "{PAYLOAD}"\n'.encode(),
    "yes.md": front(f"{{'{PAYLOAD}': yes}}"),
    "damaged.md": front(SEALED[:40] + ("A" if SEALED[40] != "A" else "B") + SEALED[41:]),
    "foreign.md": front(FOREIGN),
    "cut.md": front(SEALED[:-3]),
    "tag.md": front(SEALED + ";" + "A" * 56),
    "x.json": json.dumps({"secured": PAYLOAD, "b": 1}).encode(),
    "broken.json": f'{{"secured": "{PAYLOAD}", '.encode(),
    "escape.json": f'{{"secured": "{PAYLOAD}\\x"}}'.encode(),
    "x.jsonl": f'{{"secured": "{PAYLOAD}"}}\n{{"secured": "{PAYLOAD}\n{{"secured": "{SEALED}"}}\n'.encode(),
    "x.yml": f'secured: "{PAYLOAD}"\n\tx: y\n'.encode(),
    "toml.md": f'+++\nsecured = "{PAYLOAD}"\n+++\n'.encode(),
    "utf-16.md": front(f'"{PAYLOAD}"').decode().encode("utf-16"),
}
COMMANDS = [
    ["inspect"],
    ["inspect", "--json"],
    ["verify"],
    ["verify", "--json", "--report", "report.jsonl"],
    ["verify", "--payload-kind", "json"],
    ["seal", "--check"],
    ["seal", "--check", "--json"],
    ["seal", "--diff"],
    ["seal", "--diff", "--json"],
    ["seal", "--payload-kind", "json", "--check"],
    ["rotate", "--diff"],
    ["rotate", "--check", "--to", "k2", "--json"],
    ["rotate", "--to", "k2"],
    ["rotate", "--to", "k2", "--partial", "--report", "report.jsonl"],
    ["rotate", "--status"],
    ["rotate", "--rollback"],
    ["seal", "--report", "report.jsonl"],
    ["seal", "--json", "--workers", "2"],
    ["rotate", "--to", "k2", "--partial", "--workers", "2"],
    ["inspect", "--field", "secured.a"],
    ["inspect", "--workers", "2"],
    ["decrypt"],
    ["decrypt", "--payload-kind", "json", "--json"],
    ["decrypt", "--record", "--json"],
    ["decrypt", "-o", "open/x"],
]


@pytest.fixture
def mine(desk):
    """The desk with the marked key in its ring, besides an unmarked one, and the marked payload in its records."""
    desk.write("keys.example", (RING + "  - id: k2\n    source: {hex: '" + "5a" * 16 + "'}\n").encode())
    (desk.path / "keys.example").chmod(0o600)
    (desk.path / "tmp").mkdir()
    (desk.path / "open").mkdir()
    desk.env["TMPDIR"] = str(desk.path / "tmp")
    for name, data in RECORDS.items():
        desk.write(f"tree/{name}", data)
    return desk


def leftovers(desk, before):
    """The name and content of files that a run made or changed, but for payloads it was told to write.

    A record that held plaintext before may hold some of it still, where another field of it could not be sealed, but no more.
    """
    texts = []
    for name, data in desk.files().items():
        old = before.get(name)
        if data == old or name.startswith("open/"):
            continue
        if old is not None and hits(old) and data.count(b"Kanarien") <= old.count(b"Kanarien"):
            data = data.replace(PAYLOAD.encode(), b"")
        texts.append(name.encode("utf-8", "surrogateescape") + data)
    return texts


def test_a_leak_would_be_found(mine):
    before = mine.files()
    ran = mine.run("decrypt", "tree/good.md")
    assert hits(ran.out)
    assert hits(mine.run("decrypt", "--json", "tree/good.md").out)
    mine.write("tmp/left", b"..." + base64.b64encode(b"x" + KEY))
    mine.write("tree/.hidden", b"..." + PAYLOAD[10:25].encode())
    assert len([text for text in leftovers(mine, before) if hits(text)]) == 2
    for text in (KEY[3:], repr(KEY).encode(), PAYLOAD.upper().lower().encode().hex().encode(), str(bytearray(KEY)).encode()):
        assert hits(text) or text == PAYLOAD.lower().encode().hex().encode()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_over_every_record(mine, command):
    before = mine.files()
    ran = mine.run(*command, "tree")
    assert not hits(ran.err.encode())
    assert "Traceback" not in ran.err
    if command[0] != "decrypt":
        assert not hits(ran.out)
    assert not hits(*leftovers(mine, before)), sorted(mine.files().keys() - before.keys())


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_by_itself_and_through_a_pipe(mine, name):
    kind = name if "." in name else "x.md"
    for command in (["seal", "--diff"], ["seal"], ["rotate", "--to", "k2"], ["verify"], ["inspect"]):
        ran = mine.run(*command, "-", "--as", kind, stdin=RECORDS[name])
        assert not hits(ran.err.encode()), command
        if ran.status:  # a record that is not sealed is given back as it came only where nothing is wrong
            assert not hits(ran.out), command
    before = mine.files()
    sealed = mine.run("seal", f"tree/{name}")
    assert not hits(sealed.out, sealed.err.encode(), *leftovers(mine, before))
    if sealed.status == 0:
        assert not hits(mine.read(f"tree/{name}"))


@pytest.mark.parametrize(
    "args",
    [
        ["seal", "--payload", "payload.txt", "tree/good.md"],
        ["seal", "--payload", "payload.txt", "tree/foreign.md"],
        ["seal", "--payload", "payload.txt", "tree/cut.md"],
        ["seal", "--payload", "payload.txt", "tree/no end.md"],
        ["seal", "--payload", "payload.txt", "--payload-kind", "json", "tree/plain.md"],
        ["seal", "--payload", "payload.bin", "tree/plain.md"],
        ["seal", "--payload", "payload.txt", "--diff", "tree/plain.md"],
        ["decrypt", "-o", "payload.txt", "tree/good.md"],
        ["decrypt", "-o", "nowhere/payload.txt", "tree/good.md"],
        ["decrypt", "--key-id", "k2", "tree/good.md"],
        ["decrypt", "--payload-kind", "json", "tree/good.md"],
        ["decrypt", "--key-id", "k9", "tree/good.md"],
        ["keys"],
        ["keys", "--json"],
        ["doctor"],
        ["doctor", "--all", "--json", "tree"],
        ["keys", "check"],
        ["keys", "check", "--json"],
        ["keys", "identify"],
        ["keys", "census", "tree"],
        ["keys", "census", "--json", "tree"],
        ["keys", "retire", "k2", "tree"],
        ["keys", "remove", "k2", "tree"],
        ["keys", "remove", "k2", "--unused"],
        ["keys", "disable", "k1"],
        ["keys", "disable", "k2"],
        ["keys", "set-format", "k1", "tagged"],
        ["keys", "set-primary", "k2"],
        ["keys", "rename", "k1", "k9"],
        ["keys", "add", "k9", "--from-file", "marked.key", "--encoding", "hex"],
        ["keys", "add", "k9", "--from-file", "marked.key", "--encoding", "base64"],
        ["keys", "add", "k9", "--from-file", "marked.key", "--encoding", "hex", "--copy"],
        ["keys", "add", "k9", "--from-file", "marked.key", "--encoding", "raw", "--copy"],
        ["keys", "identify", "--from-file", "marked.key", "--encoding", "hex"],
        ["keys", "export", "--verify-only", "k1"],
        ["keys", "export", "--secret", "k1"],
        ["keys", "export", "--secret", "k1", "-o", "nowhere/k1.key"],
        ["keys", "export", "--secret", "k1", "-o", "open/k1.key"],
        ["keygen", "--id", "k1"],
        ["keygen", "--id", "new", "--primary"],
    ],
    ids=" ".join,
)
def test_other_failures(mine, args):
    mine.write("payload.txt", PAYLOAD.encode())
    mine.write("payload.bin", PAYLOAD.encode() + b"\xff\0")
    mine.write("marked.key", HEX.encode())
    (mine.path / "marked.key").chmod(0o600)
    before = mine.files()
    ran = mine.run(*args)
    assert not hits(ran.out, ran.err.encode())
    changed = [text for text in leftovers(mine, before) if not text.startswith(b"keys.example")]
    assert not hits(*changed)


def test_a_terminal_that_is_full(mine):
    with open("/dev/full", "wb") as full:
        for args in (["decrypt", "tree/good.md"], ["decrypt", "--json", "tree"], ["decrypt", "--record", "tree/good.md"]):
            assert not hits(mine.run(*args, stdout=full).err.encode())


# --- rings -----------------------------------------------------------------------------------------------------------
HEX, B64 = KEY.hex(), base64.b64encode(KEY).decode()
RINGS = {
    "good": RING,
    "a digit missing": RING.replace(HEX, HEX[:-1]),
    "a byte missing": RING.replace(HEX, HEX[:-2]),
    "a byte too many": RING.replace(HEX, HEX + "00"),
    "no hex": RING.replace(HEX, HEX[:-2] + "zz"),
    "base64 as hex": RING.replace(HEX, B64),
    "hex as base64": RING.replace("hex", "base64"),
    "bad base64": RING.replace("hex", "base64").replace(HEX, B64[:-1] + "!"),
    "a secret without quotes": RING.replace(f"'{HEX}'", HEX),
    "an open quote": RING.replace(f"{HEX}'", HEX),
    "an open brace": RING.replace("'}", "'"),
    "an unknown source": RING.replace("hex:", "heks:"),
    "two sources": RING.replace("'}", f"', base64: '{B64}'}}"),
    "no mapping": RING.replace("{hex: ", "").replace("'}", "'"),
    "the key as a name": RING.replace("hex:", f"{HEX}:"),
    "the key as an id": RING.replace("id: k1", f"id: {HEX.upper()}"),
    "the key as the primary": RING.replace("primary: k1", f"primary: {HEX}"),
    "the key as a version": RING.replace("version: 1", f"version: {HEX}"),
    "the key as a format": RING + f"    format: {HEX}\n",
    "the key as a state": RING + f"    state: {HEX}\n",
    "the key as an attribute": RING + f"    {HEX}: 1\n",
    "the key as an encoding": RING.replace(f"{{hex: '{HEX}'}}", f"{{env: SEALKIT_SECRET_X, encoding: {HEX}}}"),
    "the key twice": RING + f"  - id: k2\n    source: {{base64: '{B64}'}}\n",
    "the line twice": RING + f"    source: {{hex: '{HEX}'}}\n",
    "a tab": RING.replace("    source", "\tsource"),
    "an alias": RING.replace(f"'{HEX}'", f"&x '{HEX}'") + "  - id: k2\n    source: {hex: *x}\n",
    "a control character": RING.replace(HEX, HEX[:30] + "\x07" + HEX[30:]),
    "a disabled primary": RING + "    state: disabled\n",
    "from a variable": RING.replace(f"{{hex: '{HEX}'}}", "{env: SEALKIT_SECRET_X, encoding: hex}"),
    "from a variable as base64": RING.replace(f"{{hex: '{HEX}'}}", "{env: SEALKIT_SECRET_X, encoding: base64}"),
    "from a variable as raw": RING.replace(f"{{hex: '{HEX}'}}", "{env: SEALKIT_SECRET_X, encoding: raw}"),
    "from a file as base64": RING.replace(f"{{hex: '{HEX}'}}", "{file: x.key, encoding: base64}"),
    "from a file as raw": RING.replace(f"{{hex: '{HEX}'}}", "{file: x.key, encoding: raw}"),
    "from a file as text": RING.replace(f"{{hex: '{HEX}'}}", "{file: x.key, encoding: utf8}"),
}
RING_COMMANDS = (
    ["decrypt", "tree/foreign.md"],
    ["keys", "--json"],
    ["keygen", "--id", "k3", "--primary"],
    ["keys", "check"],
    ["doctor"],
    ["keys", "disable", "k2"],
    ["seal", "--check", "tree"],
)


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_rings_in_every_disorder(mine, ring, mode):
    mine.write("keys.example", RINGS[ring].encode())
    (mine.path / "keys.example").chmod(mode)
    mine.write("x.key", HEX.encode())
    (mine.path / "x.key").chmod(0o600)
    for command in RING_COMMANDS if mode == 0o600 else RING_COMMANDS[:1]:
        before = mine.files()
        ran = mine.run(*command, env={"SEALKIT_SECRET_X": HEX})
        assert not hits(ran.out, ran.err.encode()), ran
        assert "Traceback" not in ran.err
        assert not hits(*(text for text in leftovers(mine, before) if not text.startswith(b"keys.example")))


@pytest.mark.parametrize(
    "value", [HEX, B64, f"hex:{HEX[:-1]}", f"hex:{B64}", f"base64:{HEX}x", f"raw:{HEX}", f"hex:{HEX}\n{HEX}", f":{HEX}"]
)
def test_a_secret_in_the_environment(mine, value):
    ran = mine.run("keys", env={"SEALKIT_KEYS": None, "SEALKIT_SECRET": value})
    assert ran.status == 3
    assert not hits(ran.out, ran.err.encode())


@pytest.mark.parametrize(
    "option", ["--key={}", "--key {}", "--key{}", "-k{}", "--secret={}", "--password {}", "--key-hex {}", "--key-id={}"]
)
@pytest.mark.parametrize("key", [HEX, B64])
def test_a_key_as_an_argument(mine, option, key):
    for verb in ("decrypt", "seal", "keys", "keygen", "keys add", "keys disable"):
        ran = mine.run(*verb.split(), *option.format(key).split(" "), *([] if verb.startswith("key") else ["tree/good.md"]))
        assert ran.status in (0, 2, 3)
        if not (ran.status == 0 and "--key-id" in option):
            assert not hits(ran.out, ran.err.encode()), ran


# --- the library -----------------------------------------------------------------------------------------------------
def shown_of(error):
    """All that could be printed of an error: what tools show that print the locals of every frame below the test's."""
    below = error.__traceback__.tb_next
    while below is not None and below.tb_frame.f_code.co_filename == __file__:
        below = below.tb_next
    report = traceback.TracebackException(type(error), error, below, capture_locals=True)
    return [
        "".join(report.format()).encode("utf-8", "surrogateescape"),
        repr(error).encode(),
        repr(vars(error)).encode(),
        pickle.dumps(error),
    ]


@pytest.mark.parametrize("name", RECORDS)
def test_errors_of_the_library(name):
    sealer = Sealer(KeyRing([Key("k1", KEY), Key("k2", bytes(16))], primary="k1"))
    other = Sealer(KeyRing([Key("k2", bytes(16))], primary="k2"))

    def record():
        return Record.parse(RECORDS[name], kind=Record.kind_of(name))

    calls = [
        lambda: jobs.inspect(record()),
        lambda: jobs.decrypt(record(), other),
        lambda: jobs.decrypt(record(), Sealer(KeyRing([Key("k1", KEY)], primary="k1"), payload="json")),
        lambda: jobs.reveal(record(), sealer),
        lambda: jobs.seal(record(), sealer),
        lambda: jobs.seal(record(), sealer, payload=PAYLOAD.encode() + b"\0"),
        lambda: jobs.seal(record(), other, payload=PAYLOAD.encode()),
        lambda: jobs.rotate(record(), sealer, other),
        lambda: jobs.verify(record(), sealer),
        lambda: record().replace("secured", PAYLOAD),
        lambda: record().set("secured.a", PAYLOAD),
        lambda: record().set("secured", PAYLOAD + "\ud800"),
        lambda: record().value("nothing[0]"),
        lambda: record().plaintext(),
    ]
    errors = []
    for call in calls:
        try:
            call()
        except SealkitError as error:
            errors.append(error)
    assert errors
    for error in errors:
        assert not hits(*shown_of(error)), error


@pytest.mark.parametrize("verb", [orders.INSPECT, orders.SEAL, orders.ROTATE, orders.VERIFY, orders.REVEAL])
@pytest.mark.parametrize("name", RECORDS)
def test_outcomes_of_the_library(name, verb):
    sealer = Sealer(KeyRing([Key("k1", KEY), Key("k2", bytes(16))], primary="k1"))
    task = orders.Task(verb, opener=sealer, sealer=sealer, payload=None)
    result = content.run(task, name, RECORDS[name])
    for outcome in result.outcomes:
        assert not hits(outcome.json_line(), repr(outcome).encode(), pickle.dumps(outcome))
    assert not hits(repr(task).encode())


def test_rings_of_the_library(tmp_path):
    errors = []
    for number, text in enumerate(RINGS.values()):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        path.chmod(0o600)
        try:
            ring = KeyRing.load(path, environ={"SEALKIT_SECRET_X": HEX})
        except SealkitError as error:
            errors.append(error)
        else:
            assert not hits(repr(ring).encode(), repr(ring.keys).encode(), repr(ring.warnings).encode())
            assert not hits(*(repr(vars(one)).encode() for one in ring if hasattr(one, "__dict__")))
    assert len(errors) > 20
    for error in errors:
        assert not hits(*shown_of(error)), error


def test_dead_processes_leave_no_core(mine):
    """A process that holds a key and is killed by SIGABRT dumps no core, and others cannot look into it."""
    running = mine.start("decrypt", "-", "--keys", "keys.example")
    for _ in range(500):
        with open(f"/proc/{running.pid}/limits") as limits:
            core = next(line for line in limits if "core file" in line).split()
        if core[4:6] == ["0", "0"]:
            break
        os.sched_yield()
    os.kill(running.pid, 6)
    running.communicate(timeout=30)
    assert running.returncode == -6
    assert not [name for name in mine.files() if "core" in name.rpartition("/")[2]]
