"""Whoever opens, shows or reseals asks one judge: every verb, over blobs that were tampered with, under every way to demand a proof.

What is refused is refused by all verbs, in the same words whatever it would have opened to; what is opened without a proof is called
unauthenticated, and is not sealed as more than it was unless somebody vouches for it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from desk import ROOT

from sealkit.conflict import Conflict
from sealkit.crypto.blob import Blob
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer

SECRETS = {"t": b"\x41" * 32, "s": b"\x43" * 32, "t2": b"\x45" * 32, "s2": b"\x47" * 32}
FORMATS = {"t": "tagged", "s": "synthetic", "t2": "tagged", "s2": "synthetic"}
POLICY = b"version: 1\nrecords:\n  - include: ['*.md']\n    fields: [{path: secured, format: tagged}]\n"
PAYLOAD = b"1000 crowns, and a letter that nobody saw\nsecond line\nthird line\n"
FORGED = b"9" + PAYLOAD[1:]
BASE = b"800" + PAYLOAD[4:]
THEIRS = BASE.replace(b"third", b"3rd")
GIVEN = b"what was given, and is of three blocks at the least\n"
KEEP_OURS = "sed -i -e /^<<<<<<</d -e /^|||||||/,/^>>>>>>>/d"


def sealer(name, form=None):
    return Sealer(KeyRing([Key(name, SECRETS[name], format=FORMATS[name])], primary=name), format=form)


def stripped(text):
    return ";".join(text.split(";")[:2])


def flipped(text):
    """The same blob with ``1000`` turned to ``9000`` through the IV."""
    blob = Blob.parse(text)
    return str(Blob(blob.ciphertext, bytes([blob.iv[0] ^ ord("1") ^ ord("9")]) + blob.iv[1:], blob.auth))


TAGGED = str(sealer("t").seal(PAYLOAD))
SYNTHETIC = str(sealer("s").seal(PAYLOAD))
BLOBS = {
    "tagged": TAGGED,
    "stripped": stripped(TAGGED),
    "stripped and flipped": flipped(stripped(TAGGED)),
    "plain": str(sealer("t", "plain").seal(PAYLOAD)),
    "synthetic": SYNTHETIC,
    "synthetic, flipped": flipped(SYNTHETIC),
    "synthetic key, plain": str(sealer("s", "plain").seal(PAYLOAD)),
}
DEMANDS = ["nothing", "ring", "option", "environment", "policy"]
AUTHENTIC, UNAUTHENTICATED, DOWNGRADED = "authentic", "unauthenticated", "downgraded"


def verdict(blob, demand):
    if blob == "tagged" or (blob == "synthetic" and demand != "policy"):
        return AUTHENTIC
    return UNAUTHENTICATED if demand == "nothing" else DOWNGRADED


def ring_text(accept, primary="t"):
    keys = "".join(
        f"- id: {name}\n  source: {{hex: '{secret.hex()}'}}\n  format: {FORMATS[name]}\n  accept: {accept}\n"
        for name, secret in SECRETS.items()
    )
    return f"version: 1\nprimary: {primary}\nkeys:\n{keys}".encode()


class House:
    """A folder with a record, under one demand; ``run`` says the verb's options for it."""

    def __init__(self, desk, demand):
        self.desk, self.demand = desk, demand
        desk.write("home/ring.yaml", ring_text("authentic" if demand == "ring" else "any"))
        (desk.path / "home/ring.yaml").chmod(0o600)
        desk.env["SEALKIT_KEYS"] = str(desk.path / "home/ring.yaml")
        desk.env["XDG_RUNTIME_DIR"] = str(desk.path / "home")
        if demand == "environment":
            desk.env["SEALKIT_REQUIRE_AUTHENTIC"] = "1"
        if demand == "policy":
            desk.write("sealkit.yaml", POLICY)

    def run(self, *args, env=None, stdin=b""):
        """Run a verb; git's own verbs take no option, but the environment."""
        more = ["--require-authentic"] if self.demand == "option" and args[0] != "git" else []
        if self.demand == "option" and args[0] == "git":
            env = (env or {}) | {"SEALKIT_REQUIRE_AUTHENTIC": "1"}
        at = 2 if args[0] == "columns" else 1
        return self.desk.run(*args[:at], *more, *args[at:], env=env, stdin=stdin)

    def field(self, name="a.md"):
        return re.search(rb'secured: "([^"]*)"', self.desk.read(name))[1].decode()


@pytest.fixture
def house(desk, request):
    return lambda demand: House(desk, demand)


def shown(ran):
    return ran.text + ran.err


def is_quiet(ran, known):
    """Whether the word is said where it has to be, and only there; and no payload where it is refused."""
    if known == DOWNGRADED:
        assert "crowns" not in shown(ran), ran
        return True
    assert ("unauthenticated" in shown(ran)) == (known == UNAUTHENTICATED), ran
    return True


# --- verbs: each is given the house, the blob's text and what the judge says of it ---------------------------------------
def does_decrypt(house, text, known, *options):
    before = house.desk.read("a.md")
    ran = house.run("decrypt", *options, "a.md")
    assert ran.status == (1 if known == DOWNGRADED else 0), ran
    assert (b"crowns" in ran.out) == (known != DOWNGRADED)
    assert house.desk.read("a.md") == before
    return ran


def does_reveal(house, text, known):
    return does_decrypt(house, text, known, "--record")


def does_decrypt_json(house, text, known):
    return does_decrypt(house, text, known, "--json")


def does_verify(house, text, known):
    ran = house.run("verify", "a.md")
    assert ran.status == (1 if known == DOWNGRADED else 0), ran
    return ran


def does_edit(house, text, known):
    ran = house.run("edit", "--allow-disk-temp", "a.md", env={"EDITOR": "sed -i s/second/2nd/"})
    after = house.field()
    if known == DOWNGRADED:
        assert (ran.status, after) == (1, text), ran
        assert "--vouch" in ran.err
        return ran
    assert ran.status == 0, ran
    assert after != text
    assert after.count(";") == text.count(";")
    if known == AUTHENTIC:
        assert house.run("decrypt", "--require-authentic", "a.md").status == 0
    return ran


def does_edit_vouching(house, text, known):
    ran = house.run("edit", "--allow-disk-temp", "--vouch", "a.md", env={"EDITOR": "sed -i s/second/2nd/"})
    assert ran.status == 0, ran
    after = house.desk.run("decrypt", "--require-authentic", "a.md")
    assert (after.status, b"2nd" in after.out) == (0, True), after
    return ran if known != DOWNGRADED else None


def does_set(house, text, known):
    ran = house.run("set", "a.md", stdin=GIVEN)
    assert ran.status == 0, ran
    after = house.desk.run("decrypt", "--require-authentic", "a.md")
    assert (after.status, after.out) == (0, GIVEN), after
    assert "unauthenticated" not in shown(ran)
    assert ("its key is not known" in ran.err) == (known == DOWNGRADED)


def does_seal_payload(house, text, known):
    house.desk.write("given.txt", GIVEN)
    ran = house.run("seal", "--payload", "given.txt", "a.md")
    assert ran.status == 0, ran
    assert house.desk.run("decrypt", "--require-authentic", "a.md").out == GIVEN


def does_merge(house, text, known):
    house.desk.record("base", str(sealer("t").seal(BASE)))
    house.desk.record("theirs", str(sealer("t").seal(THEIRS)))
    ran = house.run("git", "merge-driver", "base", "a.md", "theirs", "7", "a.md")
    merged = house.field()
    if known == AUTHENTIC:
        assert (ran.status, merged.count(";")) == (0, 2), ran
        assert house.desk.run("decrypt", "a.md").out == PAYLOAD.replace(b"third", b"3rd")
        return ran
    assert ran.status == 1, ran
    conflict = Conflict.parse(merged)
    assert str(conflict.ours) == text
    assert "resolve" in ran.err
    assert "crowns" not in shown(ran)
    return None


def does_resolve(house, text, known, *options):
    theirs = str(sealer("t").seal(THEIRS))
    conflict = str(Conflict(Blob.parse(text), None, Blob.parse(theirs)))
    house.desk.record("a.md", conflict)
    ran = house.run("resolve", *options, "--allow-disk-temp", "a.md", env={"EDITOR": KEEP_OURS})
    if known != AUTHENTIC and not options:
        assert (ran.status, house.field()) == (1, conflict), ran
        assert "--vouch" in ran.err
        return ran if known == DOWNGRADED else None
    assert ran.status == 0, ran
    after = house.desk.run("decrypt", "--require-authentic", "a.md")
    assert (after.status, b"000 crowns" in after.out) == (0, True), after
    return ran if known != DOWNGRADED else None


def does_resolve_vouching(house, text, known):
    return does_resolve(house, text, known, "--vouch")


def does_diff(house, text, known):
    house.desk.record("b.md", str(sealer("t").seal(GIVEN)))
    before = house.desk.read("a.md")
    ran = house.run("diff", "a.md", "b.md")
    assert ran.status == (1 if known == DOWNGRADED else 0), ran
    assert ("not opened" in ran.text) == (known == DOWNGRADED)
    assert ("unauthenticated" in ran.text) == (known == UNAUTHENTICATED)
    assert house.desk.read("a.md") == before
    return ran


def does_textconv(house, text, known):
    ran = house.run("git", "textconv", "--force", "a.md")
    assert ran.status == 0, ran
    assert ("not opened" in ran.text) == (known == DOWNGRADED)
    assert ("crowns" in ran.text) == (known != DOWNGRADED)
    assert ("unauthenticated" in ran.text) == (known == UNAUTHENTICATED)
    return ran


def does_grep(house, text, known):
    ran = house.run("grep", "crowns", "a.md")
    assert ran.status == (1 if known == DOWNGRADED else 0), ran
    return ran


def does_export(house, text, known):
    ran = house.run("export", "a.md", "-o", "table.jsonl")
    assert ran.status == (1 if known == DOWNGRADED else 0), ran
    (row,) = [json.loads(line) for line in house.desk.read("table.jsonl").splitlines()]
    assert row["status"] == known
    assert (row["payload"] is not None) == (known != DOWNGRADED)
    return ran


def does_rotate(house, text, known):
    ran = house.run("rotate", "--to", "s2" if text == SYNTHETIC else "t2", "a.md")
    after = house.field()
    if known == DOWNGRADED:
        assert (ran.status, after) == (1, text), ran
        return ran
    assert ran.status == 0, ran
    assert after != text
    assert house.desk.run("decrypt", "--json", "a.md").lines[0]["code"] == known
    return ran if known == UNAUTHENTICATED else None


def does_rotate_to_tagged(house, text, known):
    ran = house.run("rotate", "--to", "t2", "--format", "tagged", "a.md")
    assert (ran.status, house.field() == text) == ((0, False) if known == AUTHENTIC else (1, True)), ran
    return ran if known == DOWNGRADED else None


def does_retag(house, text, known):
    """What is proved may be bound anew, in the format that it has, whatever a policy demands; nothing else is."""
    ran = house.run("retag", "a.md", "--was", "b.md", "--bind", "none")
    assert (ran.status, house.field()) == (0 if known == AUTHENTIC or text == SYNTHETIC else 1, text), ran


def does_columns_decrypt(house, text, known):
    house.desk.write("in.jsonl", json.dumps({"id": 1, "secured": text}).encode() + b"\n")
    ran = house.run("columns", "decrypt", "--status", "status", "in.jsonl", "out.jsonl")
    if house.demand == "policy":  # of trees alone
        return None
    assert ran.status == (1 if known == DOWNGRADED else 0), ran
    (row,) = [json.loads(line) for line in house.desk.read("out.jsonl").splitlines()]
    assert row["status"] == known
    assert ("crowns" in row["secured"]) == (known != DOWNGRADED)
    return ran


DOES = {name.removeprefix("does_"): function for name, function in list(globals().items()) if name.startswith("does_")}


@pytest.mark.parametrize("verb", DOES)
@pytest.mark.parametrize("blob", BLOBS)
@pytest.mark.parametrize("demand", DEMANDS)
def test_every_verb_says_what_the_judge_says(house, demand, blob, verb):
    here, known = house(demand), verdict(blob, demand)
    here.desk.record("a.md", BLOBS[blob])
    ran = DOES[verb](here, BLOBS[blob], known)
    assert ran is None or is_quiet(ran, known)
    assert "Traceback" not in (ran.err if ran is not None else "")


# --- the attack --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("demand", DEMANDS)
def test_a_forged_amount_is_never_sealed_as_authentic(house, demand):
    """Strip the tag, flip 1000 to 9000; then merge, resolve, edit, resolve again: what comes out is never authentic without a word."""
    here, text = house(demand), BLOBS["stripped and flipped"]
    here.desk.record("a.md", text)
    does_merge(here, text, UNAUTHENTICATED)
    assert here.run("resolve", "--allow-disk-temp", "a.md", env={"EDITOR": KEEP_OURS}).status == 1
    assert here.run("resolve", "--ours", "a.md").status == 0
    assert here.field() == text
    here.run("edit", "--allow-disk-temp", "a.md", env={"EDITOR": "sed -i s/second/2nd/"})
    assert here.field().count(";") == 1
    ran = here.desk.run("decrypt", "--require-authentic", "a.md")
    assert (ran.status, ran.out) == (1, b"")


def test_both_sides_forged_alike(house):
    """Two that prove nothing make one that proves nothing, without a question; where a rule demands more, none."""
    for demand, status in (("nothing", 0), ("policy", 1), ("ring", 1), ("environment", 1)):
        here = house(demand)
        here.desk.record("base", str(sealer("t", "plain").seal(BASE)))
        here.desk.record("theirs", str(sealer("t", "plain").seal(THEIRS)))
        here.desk.record("a.md", BLOBS["stripped and flipped"])
        ran = here.run("git", "merge-driver", "base", "a.md", "theirs", "7", "a.md")
        assert ran.status == status, (demand, ran)
        assert (Conflict.parse(here.field()) is None) == (status == 0)
        if not status:
            assert here.desk.run("decrypt", "a.md").out == FORGED.replace(b"third", b"3rd")
            assert here.desk.run("decrypt", "--json", "a.md").lines[0]["code"] == UNAUTHENTICATED
        (here.desk.path / "sealkit.yaml").unlink(missing_ok=True)


def test_a_base_that_proves_nothing_has_no_say(house):
    """Two authentic sides, and a base of somebody's making: it would choose which lines of theirs go."""
    here = house("nothing")
    here.desk.record("base", str(sealer("t", "plain").seal(BASE)))
    here.desk.record("theirs", str(sealer("t").seal(THEIRS)))
    here.desk.record("a.md", TAGGED)
    ran = here.run("git", "merge-driver", "base", "a.md", "theirs", "7", "a.md")
    assert (ran.status, Conflict.parse(here.field()) is None) == (1, False), ran
    ran = here.run("resolve", "--allow-disk-temp", "a.md", env={"EDITOR": KEEP_OURS})  # both sides are authentic: nobody need vouch
    assert ran.status == 0, ran
    assert here.desk.run("decrypt", "--require-authentic", "a.md").out == PAYLOAD


# --- one answer ----------------------------------------------------------------------------------------------------------
def closed(kind):
    """Blobs of two parts that open to other things, or to none: all are refused where a proof is demanded."""
    blob = Blob.parse(BLOBS["stripped"])
    last = blob.ciphertext[-16:]
    key = Key("t", SECRETS["t"], format="tagged").cbc()
    parts = {
        "opens": (blob.ciphertext, blob.iv),
        "bad padding": (blob.ciphertext[:-17] + bytes([blob.ciphertext[-17] ^ 0x40]) + last, blob.iv),
        "no text": (key.encrypt(b"\xff\xfe" + PAYLOAD[2:], blob.iv), blob.iv),
        "control characters": (key.encrypt(b"\x00" + PAYLOAD[1:], blob.iv), blob.iv),
        "cut short": (blob.ciphertext[:-16], blob.iv),
        "zeros": (bytes(len(blob.ciphertext)), bytes(16)),
        "another key": (Key("x", b"\x60" * 32).cbc().encrypt(PAYLOAD, blob.iv), blob.iv),
        "of the synthetic key": (Key("s", SECRETS["s"]).cbc().encrypt(PAYLOAD, blob.iv), blob.iv),
        "one byte of padding, wrong": (key.encrypt(PAYLOAD[:47], blob.iv)[:48], blob.iv),
        "empty": (key.encrypt(b"", blob.iv), blob.iv),
    }
    return str(Blob(*parts[kind]))


CLOSED = (
    "opens",
    "bad padding",
    "no text",
    "control characters",
    "cut short",
    "zeros",
    "another key",
    "of the synthetic key",
    "one byte of padding, wrong",
    "empty",
)
ASKED = {
    "decrypt": ["decrypt", "a.md"],
    "decrypt --json": ["decrypt", "--json", "a.md"],
    "verify": ["verify", "a.md"],
    "edit": ["edit", "--allow-disk-temp", "a.md"],
    "set": ["set", "a.md"],
    "diff": ["diff", "a.md", "b.md"],
    "textconv": ["git", "textconv", "--force", "a.md"],
    "merge": ["git", "merge-driver", "base", "a.md", "theirs", "7", "a.md"],
    "resolve": ["resolve", "--allow-disk-temp", "c.md"],
    "grep": ["grep", "x", "a.md"],
    "rotate": ["rotate", "--to", "t2", "a.md"],
}
SHOWN = re.compile(r'payload \d+ bytes, |blob [0-9a-f]{12}|"(ciphertext_bytes|iv)": [^,]*, ')  # what is known without a key


@pytest.mark.parametrize("verb", ASKED)
@pytest.mark.parametrize("demand", ["ring", "environment", "policy"])
def test_what_is_refused_is_refused_in_the_same_words(house, demand, verb):
    """Whatever a blob would open to: stdout, stderr and exit status are the same, so that nothing is told about its padding."""
    here, answers = house(demand), {}
    here.desk.record("b.md", TAGGED)
    for kind in CLOSED:
        here.desk.record("a.md", closed(kind))
        here.desk.record("base", str(sealer("t").seal(BASE)))
        here.desk.record("theirs", str(sealer("t").seal(THEIRS)))
        here.desk.record("c.md", str(Conflict(Blob.parse(closed(kind)), None, Blob.parse(TAGGED))))
        ran = here.run(*ASKED[verb], env={"EDITOR": KEEP_OURS}, stdin=GIVEN)
        answers[kind] = (ran.status, SHOWN.sub("", ran.text), SHOWN.sub("", ran.err))
    assert set(answers.values()) == {answers["opens"]}


def test_an_answer_that_differs_would_be_found(house):
    """A planted violation: a ring that takes blobs without a proof answers by what they open to."""
    here, answers = house("nothing"), set()
    for kind in CLOSED:
        here.desk.record("a.md", closed(kind))
        ran = here.run("decrypt", "a.md")
        answers.add((ran.status, ran.out, SHOWN.sub("", ran.err)))
    assert len(answers) > 1


# --- a key changes only in so many words -------------------------------------------------------------------------------------
RINGS = {
    "the site's key is enabled": ("", "", None),
    "decrypt-only": ("  state: decrypt-only\n", "", "key site -> mine"),
    "the policy takes another": ("", "keys: [mine]", "key site -> mine"),
    "the policy takes the site's": ("", "keys: [site]", None),
}


@pytest.mark.parametrize("case", RINGS)
@pytest.mark.parametrize("verb", ["edit", "set", "seal --payload", "seal -", "resolve", "merge"])
def test_no_blob_moves_to_another_key_in_silence(desk, case, verb):
    """A new key is primary, and the records are under the site's, whose consumer knows no other."""
    state, keys, move = RINGS[case]
    site, mine = b"\x51" * 32, b"\x52" * 32
    ring = f"version: 1\nprimary: mine\nkeys:\n- id: mine\n  source: {{hex: '{mine.hex()}'}}\n- id: site\n  source: {{hex: '{site.hex()}'}}\n{state}"
    desk.write("home/ring.yaml", ring.encode())
    (desk.path / "home/ring.yaml").chmod(0o600)
    desk.env |= {"SEALKIT_KEYS": str(desk.path / "home/ring.yaml"), "XDG_RUNTIME_DIR": str(desk.path / "home")}
    if keys:
        desk.write("sealkit.yaml", b"version: 1\nrecords:\n- include: ['*.md']\n  fields: [{path: secured, %s}]\n" % keys.encode())
    theirs = Sealer(KeyRing([Key("site", site)], primary="site"))
    base, ours, other = (str(theirs.seal(payload)) for payload in (BASE, PAYLOAD, THEIRS))
    desk.record("a.md", ours)
    editor = {"EDITOR": "sed -i s/second/2nd/"}
    if verb == "edit":
        ran = desk.run("edit", "--allow-disk-temp", "a.md", env=editor)
    elif verb == "set":
        ran = desk.run("set", "a.md", stdin=GIVEN)
    elif verb == "seal --payload":
        ran = desk.run("seal", "--payload", "-", "a.md", stdin=GIVEN)
    elif verb == "seal -":
        desk.write("given.txt", GIVEN)
        ran = desk.run("seal", "--payload", "given.txt", "-", "--as", "a.md", stdin=desk.read("a.md"))
        assert "->" not in ran.text
        desk.write("a.md", ran.out)
    elif verb == "resolve":
        desk.record("a.md", str(Conflict(Blob.parse(ours), None, Blob.parse(other))))
        ran = desk.run("resolve", "--allow-disk-temp", "a.md", env={"EDITOR": KEEP_OURS + " -e s/second/2nd/"})
    else:
        desk.record("base", base)
        desk.record("theirs", other)
        ran = desk.run("git", "merge-driver", "base", "a.md", "theirs", "7", "a.md")
    assert ran.status == 0, ran
    assert ("->" in shown(ran)) == (move is not None)
    assert move is None or move in shown(ran)
    assert desk.run("decrypt", "--json", "a.md").lines[0]["key"] == ("site" if move is None else "mine")


# --- import --------------------------------------------------------------------------------------------------------------
CASE = json.loads((ROOT / "tests/data/openssl_legacy/crypto_js.json").read_text())["cases"][0]
IMPORTS = {
    "plain key": ("plain", [], None, 0, 1),
    "plain key, vouched": ("plain", ["--vouch"], None, 0, 1),
    "tagged key": ("tagged", [], None, 1, None),
    "tagged key, vouched": ("tagged", ["--vouch"], None, 0, 2),
    "synthetic key": ("synthetic", [], None, 1, None),
    "synthetic key, vouched": ("synthetic", ["--vouch"], None, 0, 1),
    "asked for": ("plain", ["--format", "tagged"], None, 1, None),
    "asked for, vouched": ("plain", ["--format", "tagged", "--vouch"], None, 0, 2),
    "asked for less": ("tagged", ["--format", "plain"], None, 0, 1),
    "policy": ("plain", [], POLICY, 1, None),
    "policy, vouched": ("plain", ["--vouch"], POLICY, 0, 2),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_what_is_imported_proves_nothing(desk, case):
    form, options, policy, status, semicolons = IMPORTS[case]
    ring = f"version: 1\nprimary: k\nkeys:\n- id: k\n  source: {{hex: '{'41' * 32}'}}\n  format: {form}\n"
    desk.write("home/ring.yaml", ring.encode())
    (desk.path / "home/ring.yaml").chmod(0o600)
    desk.env |= {"SEALKIT_KEYS": str(desk.path / "home/ring.yaml"), "OLD": CASE["passphrase"]}
    if policy is not None:
        desk.write("sealkit.yaml", policy)
    desk.record("a.md", CASE["blob"])
    before = desk.read("a.md")
    ran = desk.run("import", "--openssl-legacy", "--passphrase-env", "OLD", *options, "a.md")
    assert ran.status == status, ran
    if semicolons is None:
        assert desk.read("a.md") == before
        assert "--vouch" in ran.err
    else:
        assert desk.read("a.md").count(b";") == semicolons
        assert desk.run("decrypt", "a.md").text == CASE["payload"]


# --- y at the terminal -----------------------------------------------------------------------------------------------------
ANSWERS = {"y": ("y\n", True), "n": ("n\n", False), "nothing": ("\n", False)}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("verb", ["edit", "resolve"])
@pytest.mark.parametrize("demand", ["nothing", "policy", "ring"])
def test_y_at_the_terminal(house, demand, verb, answer):
    here, (typed, vouched) = house(demand), ANSWERS[answer]
    text = BLOBS["stripped"]
    here.desk.record("a.md", text if verb == "edit" else str(Conflict(Blob.parse(text), None, sealer("t").seal(THEIRS))))
    editor = "sed -i s/second/2nd/" if verb == "edit" else KEEP_OURS + " -e s/second/2nd/"
    said = on_a_terminal(here.desk, [verb, "--allow-disk-temp", "a.md"], typed, {"EDITOR": editor})
    assert "[y/N]" in said
    after = here.desk.run("decrypt", "--require-authentic", "a.md")
    assert (after.status == 0) == vouched, (said, after)
    if not vouched and (demand != "nothing" or verb == "resolve"):
        assert here.field().startswith(text if verb == "edit" else "sealkit-conflict")


@pytest.mark.parametrize("answer", ANSWERS)
def test_y_for_what_is_imported(house, answer):
    here, (typed, vouched) = house("nothing"), ANSWERS[answer]
    here.desk.record("a.md", CASE["blob"])
    line = ["import", "--openssl-legacy", "--passphrase-env", "OLD", "a.md"]
    said = on_a_terminal(here.desk, line, typed, {"OLD": CASE["passphrase"]})
    assert said.count("[y/N]") == 1
    assert (here.field().count(";") == 2) == vouched
    assert vouched or here.field() == CASE["blob"]


def on_a_terminal(desk, args, typed, env):
    """Run sealkit with a terminal of its own, and type an answer; return what is on the screen."""
    controller, terminal = os.openpty()
    os.write(controller, typed.encode())
    ends = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    subprocess.run(desk.command(*args), cwd=desk.path, env=desk.env | env, check=False, timeout=60, **ends)
    os.close(terminal)
    said = b""
    while True:
        try:
            chunk = os.read(controller, 1 << 16)
        except OSError:  # nobody has the other end
            break
        if not chunk:
            break
        said += chunk
    os.close(controller)
    return said.decode("utf-8", "replace")
