"""The merge driver in real git: every case, by merge, rebase, cherry-pick and stash pop."""

from __future__ import annotations

import json
import os

import pytest
from githouse import front

from sealkit import jobs
from sealkit.conflict import Conflict
from sealkit.crypto.blob import Blob
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records.identity import BIND_PATH, Binding
from sealkit.records.record import Record
from sealkit.sealer import Sealer

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

# K1 and K2 as in keys.example, whose ring the repositories use.
TEXT = b"one\ntwo\nthree\nfour\nfive\nsix\n"
OTHER = TEXT.replace(b"one", b"ONE")
THEIRS = TEXT.replace(b"six", b"SIX")
BOTH = OTHER.replace(b"six", b"SIX")
CLASH = TEXT.replace(b"one", b"U-no")
CANARIES = (b"U-no", b"ONE\n", b"three\n")


class House:
    """A repository with one sealed record ``a.md`` on ``main``, and two branches that change it."""

    def __init__(self, repo, base=TEXT, *, key="k2", form="plain", bind=None, policy=None, files=None):
        self.repo = repo
        self.bind = bind
        self.sealing = {"key": key, "form": form}
        self.ring = repo.ring()
        if policy is not None:
            repo.write("sealkit.yaml", policy)
        repo.install()
        self.base = self.record(base)
        for name, data in ({"a.md": self.base} | (files or {})).items():
            repo.write(name, data)
        repo.commit("base")

    def sealed(self, record, payload, key=None, form=None):
        """The bytes of a record with a payload in it."""
        ring = KeyRing(list(self.ring), primary=key or self.sealing["key"])
        sealer = Sealer(ring, key_id=key or self.sealing["key"], format=form or self.sealing["form"])
        binding = Binding(self.bind, "a.md")
        return jobs.seal(Record.parse(record, kind="frontmatter"), sealer, payload=payload, binding=binding).raw

    def record(self, payload, more="", **how):
        return self.sealed(front("x", more).replace(b'secured: "x"\n', b""), payload, **how)

    def unseal(self, data, **how):
        opened = jobs.decrypt(Record.parse(data, kind="frontmatter"), Sealer(self.ring, **how), binding=Binding(self.bind, "a.md"))
        return opened.payload, opened.key_id, opened.format

    def change(self, how, theirs, ours, env=None):
        """Let git bring the change ``theirs`` to where ``ours`` was made, in one of four ways; return its exit status."""
        repo = self.repo
        if how == "stash":
            repo.write("a.md", theirs)
            repo.git("stash", "push", "-q")
            repo.write("a.md", ours)
            repo.commit("ours")
            return repo.git("stash", "pop", status=None, env=env).status
        repo.git("checkout", "-qb", "side")
        repo.write("a.md", theirs)
        repo.commit("theirs")
        repo.git("checkout", "-q", "main")
        repo.write("a.md", ours)
        repo.commit("ours")
        if how == "rebase":
            repo.git("checkout", "-q", "side")  # in a rebase "ours" is what one rebases onto
            return repo.git("rebase", "main", status=None, env=env).status
        command = ["merge", "-q", "--no-edit", "side"] if how == "merge" else [how, "side"]
        return repo.git(*command, status=None, env=env).status

    def clean(self, how, theirs, ours, env=None):
        assert self.change(how, theirs, ours, env) == 0
        data = self.repo.read("a.md")
        assert b"<<<<" not in data
        assert Conflict.parse(jobs_text(data)) is None
        return data


def jobs_text(data):
    return Record.parse(data, kind="frontmatter").blob_text("secured")[0]


WAYS = ["merge", "rebase", "cherry-pick", "stash"]


@pytest.mark.parametrize("how", WAYS)
def test_both_edit(repo, how):
    house = House(repo)
    theirs = house.sealed(house.base, THEIRS).replace(b"quality: 1", b"quality: 2")
    ours = house.sealed(house.base, OTHER).replace(b"title: Fog", b"title: Mist")
    data = house.clean(how, theirs, ours)
    assert house.unseal(data) == (BOTH, "k2", "plain")
    assert b"quality: 2" in data
    assert b"title: Mist" in data
    assert jobs_text(data) not in (jobs_text(house.base), jobs_text(ours), jobs_text(theirs))
    rest = [line for line in data.splitlines() if not line.startswith(b"secured")]
    assert len(rest) == len(house.base.splitlines()) - 1


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("rotated", ["ours", "theirs"])
def test_one_rotated_the_other_edited(repo, how, rotated):
    house = House(repo, key="k1")
    new = house.sealed(house.base.replace(jobs_text(house.base).encode(), b""), TEXT, key="k2")
    edited = house.sealed(house.base, THEIRS, key="k1")
    theirs, ours = (edited, new) if rotated == "ours" else (new, edited)
    assert house.unseal(house.clean(how, theirs, ours)) == (THEIRS, "k2", "plain")


@pytest.mark.parametrize("how", WAYS)
def test_a_conflict_is_ciphertext(repo, how):
    house = House(repo)
    theirs, ours = house.sealed(house.base, CLASH), house.sealed(house.base, OTHER)
    assert house.change(how, theirs, ours) != 0
    data = repo.read("a.md")
    conflict = Conflict.parse(jobs_text(data))
    assert {str(blob) for blob in conflict} == {jobs_text(one) for one in (house.base, theirs, ours)}
    assert str(conflict.base) == jobs_text(house.base)
    assert len(data.splitlines()) == len(house.base.splitlines())
    for command in (["check", "."], ["check", "--staged", "."], ["inspect", "a.md"], ["seal", "a.md"], ["verify", "a.md"]):
        ran = repo.run(*command)
        assert ran.status in (1, 4), (command, ran)
    everywhere = [repo.objects(), *repo.files().values(), *(path.read_bytes() for path in repo.temp.rglob("*") if path.is_file())]
    assert not [canary for canary in CANARIES if any(canary in text for text in everywhere)]
    ran = repo.run("resolve", "a.md", env={"EDITOR": "sed -i -e 1,2d -e /^|||||||/,/^>>>>>>>/d -e s/six/6/"})
    assert ran.status == 0, ran
    first = repo.payload()
    assert first == (CLASH if how == "rebase" else OTHER).replace(b"six", b"6").partition(b"\n")[2] or first.count(b"\n") >= 5
    assert repo.run("check", ".").status == 0
    repo.git("add", "a.md")
    assert not repo.run("check", "--staged", ".").status


@pytest.mark.parametrize("how", WAYS)
def test_one_side_alone_is_taken_as_it_is(repo, how):
    """And it needs no key; the text around it is merged as ever."""
    house = House(repo)
    theirs = house.sealed(house.base, THEIRS)
    ours = house.base.replace(b"title: Fog", b"title: Mist")
    data = house.clean(how, theirs, ours, env={"SEALKIT_KEYS": "/nowhere"})
    assert data == theirs.replace(b"title: Fog", b"title: Mist")


def test_no_key_and_both_edit(repo):
    house = House(repo)
    theirs, ours = house.sealed(house.base, THEIRS), house.sealed(house.base, OTHER)
    assert house.change("merge", theirs, ours, env={"SEALKIT_KEYS": "/nowhere"}) == 1
    conflict = Conflict.parse(jobs_text(repo.read("a.md")))
    assert [str(blob) for blob in conflict] == [jobs_text(one) for one in (ours, house.base, theirs)]
    ran = repo.run("resolve", "a.md", env={"EDITOR": "false"})  # with the key nothing clashes: no editor is needed
    assert ran.status == 0, ran
    assert repo.payload() == BOTH


@pytest.mark.parametrize(("side", "payload"), [("--ours", OTHER), ("--theirs", CLASH)])
def test_take_a_side_without_a_key(repo, side, payload):
    house = House(repo)
    theirs, ours = house.sealed(house.base, CLASH), house.sealed(house.base, OTHER)
    house.change("merge", theirs, ours)
    assert repo.run("resolve", side, "a.md", env={"SEALKIT_KEYS": "/nowhere"}).status == 0
    assert repo.read("a.md") == (ours if side == "--ours" else theirs)
    assert repo.payload() == payload
    ran = repo.run("resolve", "a.md")
    assert (ran.status, "no field in conflict" in ran.err) == (2, True)


POLICY = b"version: 1\nrecords:\n  - include: ['*.md']\n    fields: [{path: secured, format: tagged, bind: %s}]\n"


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(("bind", "word"), [(BIND_PATH, b"path"), (("sourceUrl",), b"[sourceUrl]")])
def test_tagged_stays_tagged_and_bound(repo, how, bind, word):
    house = House(repo, form="tagged", bind=bind, policy=POLICY % word)
    theirs, ours = house.sealed(house.base, THEIRS), house.sealed(house.base, OTHER)
    data = house.clean(how, theirs, ours)
    assert house.unseal(data) == (BOTH, "k2", "tagged")
    assert repo.run("verify", ".").status == 0
    assert repo.run("check", ".").status == 0


def test_a_bound_field_edited_on_one_side(repo):
    """Theirs has another address and is bound to it; ours edits the payload: the merge is bound to the new address."""
    house = House(repo, form="tagged", bind=("sourceUrl",), policy=POLICY % b"[sourceUrl]")
    moved = house.record(TEXT).replace(b"org/fog", b"org/mist")
    theirs = house.sealed(moved.replace(jobs_text(moved).encode(), b""), TEXT)
    ours = house.sealed(house.base, OTHER)
    data = house.clean("merge", theirs, ours)
    assert b"org/mist" in data
    assert house.unseal(data) == (OTHER, "k2", "tagged")


def test_a_conflict_between_blobs_of_different_identities_is_resolved(repo):
    house = House(repo, form="tagged", bind=("sourceUrl",), policy=POLICY % b"[sourceUrl]")
    moved = house.record(TEXT).replace(b"org/fog", b"org/mist")
    theirs = house.sealed(moved.replace(jobs_text(moved).encode(), b""), CLASH)
    ours = house.sealed(house.base, OTHER)
    assert house.change("merge", theirs, ours) == 1
    ran = repo.run("resolve", "a.md", env={"EDITOR": "sed -i -e /^[<|=>][<|=>]/d -e /^one/d -e /^U-no/d"})
    assert ran.status == 0, ran
    assert house.unseal(repo.read("a.md")) == (OTHER, "k2", "tagged")


def test_an_authentic_side_and_one_that_is_not(repo):
    """The tag of a merge would vouch for what somebody without the key may have written."""
    house = House(repo, form="tagged")
    theirs = house.sealed(house.base.replace(jobs_text(house.base).encode(), b""), THEIRS, form="plain")
    ours = house.sealed(house.base, OTHER)
    assert house.change("merge", theirs, ours) == 1
    assert Conflict.parse(jobs_text(repo.read("a.md"))) is not None


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("demand", ["policy", "environment", "nothing"])
def test_a_forged_amount_is_not_merged_into_an_authentic_blob(repo, how, demand):
    """The tag cut off, and the first byte flipped through the IV: by no way of git's, and no resolve, does it get a tag."""
    house = House(repo, form="tagged", policy=POLICY % b"none" if demand == "policy" else None)
    env = {"SEALKIT_REQUIRE_AUTHENTIC": "1"} if demand == "environment" else {}
    theirs = house.sealed(house.base, THEIRS)
    stripped = Blob.parse(jobs_text(house.sealed(house.base, OTHER)))
    forged = str(Blob(stripped.ciphertext, bytes([stripped.iv[0] ^ 1]) + stripped.iv[1:]))
    ours = house.base.replace(jobs_text(house.base).encode(), forged.encode())
    assert house.change(how, theirs, ours, env) != 0
    assert forged in jobs_text(repo.read("a.md"))
    ran = repo.run("resolve", "a.md", env=env | {"EDITOR": "true"})
    assert (ran.status, "--vouch" in ran.err) == (1, True), ran
    assert Conflict.parse(jobs_text(repo.read("a.md"))) is not None
    ran = repo.run("resolve", "--vouch", "a.md", env=env | {"EDITOR": "true"})
    assert ran.status == 0, ran
    assert house.unseal(repo.read("a.md"), require_authentic=True)[2] == "tagged"


JSON = {"id": "fog", "words": 12, "by": {"name": "Ida", "desk": "news"}}


def test_json_by_keys(repo):
    house = House(repo, json.dumps(JSON).encode())
    theirs = house.sealed(house.base, json.dumps(JSON | {"by": JSON["by"] | {"desk": "sports"}}).encode())
    ours = house.sealed(house.base, json.dumps(JSON | {"by": JSON["by"] | {"name": "Jo"}, "new": 1}).encode())
    data = house.clean("merge", theirs, ours)
    assert house.unseal(data)[0] == json.dumps(JSON | {"by": {"name": "Jo", "desk": "sports"}, "new": 1}).encode()


def test_the_text_in_conflict_and_the_payload_merged(repo):
    house = House(repo)
    theirs = house.sealed(house.base, THEIRS).replace(b"title: Fog", b"title: Haze")
    ours = house.sealed(house.base, OTHER).replace(b"title: Fog", b"title: Mist")
    assert house.change("merge", theirs, ours) == 1
    data = repo.read("a.md")
    assert data.count(b"<<<<<<< ") == 1
    ran = repo.run("resolve", "a.md")
    assert (ran.status, "edit the file first" in ran.err) == (1, True)
    kept = b"".join(
        line
        for line in data.splitlines(keepends=True)
        if line[:7] not in (b"<<<<<<<", b"=======", b">>>>>>>") and b"Haze" not in line
    )
    assert house.unseal(kept)[0] == BOTH


def test_taken_away_and_edited(repo):
    house = House(repo)
    ours = b"".join(line for line in house.base.splitlines(keepends=True) if not line.startswith(b"secured"))
    theirs = house.sealed(house.base, THEIRS)
    assert house.change("merge", theirs, ours) == 1
    data = repo.read("a.md")
    assert jobs_text(theirs).encode() in data
    assert b"<<<<<<< " in data
    assert b"sealkitMerge" not in data


def test_lines_of_a_list_and_of_json_lines(repo):
    """What moved is known by its blob."""
    house = House(repo)

    def lines(*items):
        return b"".join(b'{"id": "%s", "secured": "%s"}\n' % (name, text.encode()) for name, text in items)

    one, two, three, four = (repo.blob(b"%s\nsecond\nthird\n" % (word * 20)) for word in (b"a", b"b", b"c", b"d"))
    edited = repo.blob(b"aa\nsecond\nthird\n")
    again = repo.blob(b"%s\nsecond\nthird\nmore\n" % (b"a" * 20))
    repo.write("feed.jsonl", lines((b"1", one), (b"2", two)))
    repo.commit("feed")
    repo.git("checkout", "-qb", "side")
    repo.write("feed.jsonl", lines((b"0", three), (b"1", edited), (b"2", two)))
    repo.commit("theirs")
    repo.git("checkout", "-q", "main")
    repo.write("feed.jsonl", lines((b"1", again), (b"2", two), (b"3", four)))
    repo.commit("ours")
    repo.git("merge", "-q", "--no-edit", "side")
    names = [json.loads(line) for line in repo.read("feed.jsonl").splitlines()]
    assert [record["id"] for record in names] == ["0", "1", "2", "3"]
    assert [names[0]["secured"], names[2]["secured"], names[3]["secured"]] == [three, two, four]
    ran = repo.run("decrypt", "--json", "feed.jsonl")
    assert ran.lines[1]["payload"] == "aa\nsecond\nthird\nmore\n"
    assert house is not None


@pytest.mark.parametrize("kind", ["not a record", "crlf", "folded", "flow"])
def test_records_as_they_come(repo, kind):
    house = House(repo)
    base = {
        "crlf": house.base.replace(b"\n", b"\r\n"),
        "folded": house.base.replace(b'secured: "', b"secured: >-\n  ").replace(b'"\n---', b"\n---"),
        "flow": b'---\n{secured: "%s", a: 1}\n---\n' % jobs_text(house.base).encode(),
        "not a record": b"---\nnot: [closed\nsecured: %s\n---\n" % jobs_text(house.base).encode(),
    }[kind]
    repo.write("a.md", base)
    repo.commit("base")
    old = jobs_text(house.base).encode()
    theirs = base.replace(old, jobs_text(house.sealed(house.base, THEIRS)).encode())
    ours = base.replace(old, jobs_text(house.sealed(house.base, OTHER)).encode())
    status = house.change("merge", theirs, ours)
    data = repo.read("a.md")
    if kind == "not a record":
        assert status == 1
        assert data.count(b"<<<<<<<") == 1
    else:
        assert status == 0
        assert house.unseal(data)[0] == BOTH
        assert data.count(b"\r\n") == base.count(b"\r\n")


def test_odd_names(repo):
    house = House(repo)
    for name in ("-x.md", "$(touch pwned).md", "a b'\".md", "ü\n.md"):
        repo.write(name, house.base)
    repo.commit("base")
    repo.git("checkout", "-qb", "side")
    names = [name for name in os.listdir(repo.path) if name.endswith(".md")]
    for name in names:
        repo.write(name, house.sealed(house.base, THEIRS))
    repo.commit("theirs")
    repo.git("checkout", "-q", "main")
    for name in names:
        repo.write(name, house.sealed(house.base, OTHER))
    repo.commit("ours")
    repo.git("merge", "-q", "--no-edit", "side")
    assert len(names) == 5
    assert [house.unseal(repo.read(name))[0] for name in names] == [BOTH] * 5
    assert not (repo.path / "pwned").exists()


def test_a_key_of_nobody(repo):
    """A blob under a key that the ring lacks is a conflict of ciphertext."""
    house = House(repo)
    other = Key("other", bytes(range(50, 82)))
    house.ring = KeyRing([*house.ring, other], primary="k2")
    theirs = house.sealed(house.base.replace(jobs_text(house.base).encode(), b""), THEIRS, key="other")
    assert house.change("merge", theirs, house.sealed(house.base, OTHER)) == 1
    assert Conflict.parse(jobs_text(repo.read("a.md"))) is not None
