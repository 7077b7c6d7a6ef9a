"""Blobs re-encrypted: what is too weak for its rule is left as it is, and no payload becomes garbage under a wrong key."""

import subprocess

import pytest

from sealkit import jobs, trees
from sealkit.crypto.blob import Blob
from sealkit.errors import AmbiguousKey, NotBlessed, Usage
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records.record import Record
from sealkit.sealer import Sealer
from sealkit.trees import Terms

FORMATS = ("plain", "synthetic", "tagged")
TEXT = b"a payload of some text, of more than two blocks, so that it fits one key"
PROVED = {"plain": "unauthenticated", "synthetic": "authentic", "tagged": "authentic"}


def key(name, **attributes):
    return Key(name, name.encode() * 16, **attributes)


def ring(**attributes):
    """The target ``k2`` has these attributes; the others have sealed what there is."""
    return KeyRing([key("k2", **attributes), key("k1"), key("t1", format="tagged"), key("s1", format="synthetic")], primary="k2")


def sealed(form, payload=TEXT):
    return Sealer(ring(), key_id={"plain": "k1", "synthetic": "s1", "tagged": "t1"}[form], payload="binary").seal(payload)


@pytest.fixture
def tree(tmp_path):
    """A tree whose files are named by the format of their blob."""
    (tmp_path / "tree").mkdir()

    def made(rule="", payload=TEXT, formats=FORMATS):
        if rule:
            (tmp_path / "tree/sealkit.yaml").write_text(
                f'version: 1\nrecords: [{{include: ["*.md"], fields: [{{path: secured, {rule}}}]}}]\n'
            )
        for form in formats:
            (tmp_path / f"tree/{form}.md").write_text(f'---\nsecured: "{sealed(form, payload)}"\n---\n')
        return tmp_path / "tree"

    return made


def blobs(folder):
    return {path.stem: Blob.parse(path.read_text().split('"')[1]) for path in folder.glob("*.md")}


def told(outcomes, folder):
    return {one.path.removeprefix(f"{folder}/").removesuffix(".md"): one.code for one in outcomes if one.exit_status}


WEAK = {"plain": (), "synthetic": ("plain",), "tagged": ("plain", "synthetic")}


@pytest.mark.parametrize("demanded", FORMATS)
@pytest.mark.parametrize("target", ["plain", "synthetic", "tagged"])
def test_what_is_too_weak_for_its_rule_is_left_and_the_rest_is_done(tree, demanded, target):
    folder = tree(f"format: {demanded}")
    before = blobs(folder)
    keys = ring(format=target)
    outcomes = list(trees.rotate(folder, keys))
    assert told(outcomes, folder) == dict.fromkeys(WEAK[demanded], "downgraded")
    after = blobs(folder)
    assert {form for form in FORMATS if after[form] == before[form]} == set(WEAK[demanded])
    for form in set(FORMATS) - set(WEAK[demanded]):
        opened = Sealer(keys).unseal(after[form])
        proves = form == "tagged" or (form == "synthetic" and (target == "synthetic" or demanded != "plain"))
        assert (opened.payload, opened.key_id, opened.verdict == "authentic") == (TEXT, "k2", proves)
    again = list(trees.rotate(folder, keys))
    assert told(again, folder) == dict.fromkeys(WEAK[demanded], "downgraded")
    assert blobs(folder) == after


def test_what_a_strict_target_would_refuse_is_left_too(tree):
    folder = tree()
    before = blobs(folder)
    outcomes = list(trees.rotate(folder, ring(format="tagged", accept="authentic")))
    assert told(outcomes, folder) == {"plain": "downgraded"}
    after = blobs(folder)
    assert [form for form in FORMATS if after[form] == before[form]] == ["plain"]


@pytest.mark.parametrize(
    ("terms", "attributes"),
    [(Terms(require_authentic=True), {}), (Terms(key_id=None), {"format": "tagged", "accept": "authentic"})],
)
def test_what_the_run_or_the_ring_refuses_is_in_nobodys_way(tree, terms, attributes):
    folder = tree()
    outcomes = list(trees.rotate(folder, ring(**attributes), terms=terms))
    assert told(outcomes, folder) == {"plain": "downgraded"}


def test_one_that_was_altered_is_in_the_way(tree):
    folder = tree("format: tagged")
    path, blob = folder / "tagged.md", str(blobs(folder)["tagged"])
    path.write_text(path.read_text().replace(blob, ("B" if blob[0] != "B" else "C") + blob[1:]))
    before = blobs(folder)
    assert "tampered" in told(trees.rotate(folder, ring()), folder).values()
    assert blobs(folder) == before


# --- what somebody vouches for ----------------------------------------------------------------------------------------
def record(blob):
    return Record.parse(f'---\nsecured: "{blob}"\n---\n'.encode(), kind="frontmatter")


@pytest.mark.parametrize("opener", ["lenient", "required", "policy", "accept"])
@pytest.mark.parametrize("asked", [None, "plain", "synthetic", "tagged"])
def test_what_somebody_vouches_for_is_opened_and_sealed_as_is_asked(opener, asked):
    keys = ring()
    if opener == "accept":
        keys = KeyRing([key("k2"), key("k1", format="tagged", accept="authentic")], primary="k2")
    opens = Sealer(keys, require_authentic=opener == "required", opens=("k1",) if opener == "accept" else None)
    if opener == "policy":
        opens = opens.under(payload="text", least="tagged", opens=True)
    old = record(sealed("plain"))
    before = jobs.find(old)
    sealer, place = Sealer(keys, format=asked), jobs.UNDEMANDED.place(old, "secured")
    after, found = jobs.reseal(old, before, opens, sealer, place, blessed=lambda blob: blob == before.blob)
    assert found.blob.is_tagged == (asked == "tagged")
    assert jobs.decrypt(after, Sealer(keys, key_id="k2")).payload == TEXT
    if opener == "lenient" and asked in ("synthetic", "tagged"):
        with pytest.raises(NotBlessed):
            jobs.reseal(old, jobs.find(old), opens, sealer, place, blessed=lambda blob: False)


# --- binary payloads ----------------------------------------------------------------------------------------------------
BYTES = bytes(range(256))


def in_git(folder):
    for command in (("init", "-q"), ("add", "."), ("-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=folder, check=True)


def test_a_binary_payload_is_not_sealed_again_under_a_key_that_nothing_tells():
    one = KeyRing([key("k1")], primary="k1")
    old = record(sealed("plain", BYTES))
    place = jobs.UNDEMANDED.place(old, "secured")
    given = (old, jobs.find(old), Sealer(one, payload="binary"), Sealer(one, payload="binary", format="tagged"), place)
    with pytest.raises(AmbiguousKey, match="garbage"):
        jobs.reseal(*given, blessed=lambda blob: True)
    after, _ = jobs.reseal(*given, blessed=lambda blob: True, told=True)
    assert jobs.decrypt(after, Sealer(one, payload="binary")).payload == BYTES
    named = (old, jobs.find(old), Sealer(one, payload="binary", key_id="k1"), given[3], place)
    assert jobs.decrypt(jobs.reseal(*named, blessed=lambda blob: True)[0], given[3]).payload == BYTES
    assert jobs.rotate(old, Sealer(one, payload="binary"), Sealer(one, payload="binary")) is old


def test_a_tree_of_binary_payloads_whose_key_nothing_bears_out(tree, desk):
    folder = tree("payload: binary", BYTES, ["plain"])
    desk.write("ring.yaml", b"version: 1\nprimary: k1\nkeys:\n  - {id: k1, source: {hex: '%s'}}\n" % (b"k1" * 16).hex().encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    in_git(folder)
    before = blobs(folder)
    upgrade = ("rotate", "--format", "tagged", "--bless", "HEAD")
    assert desk.run("rotate", str(folder)).status == 0, "nothing is to be done"
    for more in ((), ("--partial",)):
        ran = desk.run(*upgrade, *more, str(folder))
        assert (ran.status, "--key-id" in ran.err, blobs(folder)) == (2, True, before), ran
    assert desk.run(*upgrade, "--key-id", "k1", str(folder)).status == 0
    assert blobs(folder)["plain"].is_tagged


def test_a_tree_in_which_something_else_bears_the_key_out(tree, desk):
    folder = tree("payload: binary", BYTES, ["plain"])
    desk.write("ring.yaml", b"version: 1\nprimary: k1\nkeys:\n  - {id: k1, source: {hex: '%s'}}\n" % (b"k1" * 16).hex().encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    tagged = Sealer(KeyRing([key("k1", format="tagged")], primary="k1")).seal(TEXT)
    (folder / "tagged.md").write_text(f'---\nsecured: "{tagged}"\n---\n')
    in_git(folder)
    upgrade = ("rotate", "--format", "tagged", "--bless", "HEAD")
    assert desk.run(*upgrade, "--partial", str(folder)).status == 2
    ran = desk.run(*upgrade, str(folder))
    assert (ran.status, blobs(folder)["plain"].is_tagged) == (0, True), ran


def test_several_keys_may_have_sealed_it(tree):
    folder = tree("payload: binary", BYTES)
    before = blobs(folder)
    assert set(told(trees.rotate(folder, ring()), folder).values()) == {"ambiguous_key"}
    assert blobs(folder) == before
    with pytest.raises(Usage):
        Sealer(ring(), payload="none")


# --- another key than the policy's ----------------------------------------------------------------------------------------
def test_a_tagged_blob_under_a_key_that_may_not_seal_is_a_finding_and_opens(tree):
    folder = tree("keys: [k2]")
    keys = ring()
    assert told(trees.verify([folder], keys), folder) == {"tagged": "wrong_key"}
    assert not told(trees.decrypt([folder], keys), folder)
    assert not told(trees.rotate(folder, keys), folder)
    assert not told(trees.verify([folder], keys), folder)
