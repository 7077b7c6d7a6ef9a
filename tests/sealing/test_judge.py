"""As what a blob that was opened is sealed again, and under which key: one answer for everybody who asks."""

from itertools import product

import pyarrow as pa
import pytest

from sealkit import jobs, trees
from sealkit.columns import decrypt_column, rotate_column, verify_column
from sealkit.context import Context
from sealkit.crypto.blob import Blob
from sealkit.errors import Downgraded, NotBlessed, NoUsableKey, SealkitError, Tampered, Usage
from sealkit.keys.key import STRENGTH, Key
from sealkit.keys.ring import KeyRing
from sealkit.records.record import Record
from sealkit.sealer import Sealer
from sealkit.sealing import judge
from sealkit.trees import Terms
from sealkit.unsealed import Unsealed

PROVED = {"plain": "unauthenticated", "synthetic": "authentic", "tagged": "authentic"}


def ring(**attributes):
    """A ring whose primary, ``new``, has these attributes, and with an older key ``old``."""
    return KeyRing([Key("new", bytes(range(32)), **attributes), Key("old", bytes(range(1, 33)))], primary="new")


def opened(form, key="old"):
    return Unsealed(b"payload", key, PROVED[form], form)


def answer(sealer, form, *, vouched):
    try:
        return judge.resealed_as(opened(form), sealer, vouched=vouched)
    except NotBlessed as error:
        return error.code


@pytest.mark.parametrize(
    ("found", "demanded", "asked", "vouched"), list(product(STRENGTH, STRENGTH, [None, *STRENGTH], [False, True]))
)
def test_nothing_is_sealed_stronger_than_it_was_proved(found, demanded, asked, vouched):
    if asked is not None and STRENGTH.index(asked) < STRENGTH.index(demanded):
        return  # refused before any blob is looked at
    sealer = Sealer(ring(format="synthetic"), format=asked).under(payload="text", least=demanded, opens=False)
    wanted = max(asked or found, demanded, key=STRENGTH.index)
    expected = wanted if vouched or wanted == "plain" or found != "plain" else "not_blessed"
    assert answer(sealer, found, vouched=vouched) == expected


def test_what_is_demanded_is_a_tag_where_the_key_that_seals_takes_no_proof_by_iv():
    sealer = Sealer(ring()).under(payload="text", least="synthetic", opens=False)
    assert answer(sealer, "plain", vouched=True) == "tagged"
    assert answer(sealer, "plain", vouched=False) == "not_blessed"


@pytest.mark.parametrize(
    ("state", "allowed", "named", "only", "expected"),
    [
        ("enabled", (), None, (), "old"),
        ("enabled", ("old",), None, (), "old"),
        ("enabled", ("new", "old"), None, (), "old"),
        ("enabled", ("new",), None, (), "new"),
        ("enabled", (), "new", (), "new"),
        ("enabled", (), "old", (), "old"),
        ("enabled", (), None, ("posts/**",), "old"),
        ("enabled", (), None, ("other/**",), "new"),
        ("disabled", (), None, (), "new"),
        ("disabled", ("new",), None, (), "new"),
    ],
)
def test_who_takes_the_place_of_a_blob_is_under_its_key_if_that_may_seal_there(state, allowed, named, only, expected):
    keys = [Key("new", bytes(range(32))), Key("old", bytes(range(1, 33)), state=state, only=only)]
    sealer = Sealer(KeyRing(keys, primary="new"), key_id=named).under(payload="text", least="plain", keys=allowed, opens=False)
    place = Context(bind=1, identity=(b"posts/a.md",))
    before = sealer.key_id
    assert judge.successor(opened("plain"), sealer, place) == expected
    assert sealer.replacing(opened("plain"), place).key_id == expected
    assert sealer.key_id == before


def test_a_policy_whose_keys_are_none_of_the_ring():
    with pytest.raises(NoUsableKey):
        Sealer(ring()).under(payload="text", least="plain", keys=("other",), opens=False)
    with pytest.raises(Usage):
        Sealer(ring(), key_id="new").under(payload="text", least="plain", keys=("old",), opens=False)


@pytest.mark.parametrize("setting", ["accept", "require", "policy tagged", "policy synthetic"])
def test_who_vouches_for_a_blob_opens_what_is_refused_otherwise(setting):
    keys = ring()
    if setting == "accept":
        keys = KeyRing([Key("new", bytes(range(32)), format="tagged", accept="authentic")], primary="new")
    sealer = Sealer(keys, require_authentic=setting == "require")
    if setting.startswith("policy"):
        sealer = sealer.under(payload="text", least=setting.split()[1], opens=True)
    blob = Sealer(KeyRing([Key("new", bytes(range(32)))], primary="new")).seal(b"a payload of more than two blocks, to be sure")
    with pytest.raises(Downgraded):
        sealer.unseal(blob)
    assert sealer.vouching().unseal(blob).verdict == "unauthenticated"


# --- every way, every format, everything that is demanded --------------------------------------------------------------
TEXT = b"a payload of some text, of more than two blocks, so that it fits one key"
SECRET = bytes(range(32))
FOUND = ("plain", "synthetic", "tagged", "stripped")
DEMANDS = ("nothing", "ring", "run", "policy synthetic", "policy tagged")


def the_key(found, demand):
    """The one key of the ring: it seals in the format that was found, or would have."""
    form = {"stripped": "tagged", "plain": "tagged" if demand == "ring" else "plain"}.get(found, found)
    return Key("k1", SECRET, format=form, accept="authentic" if demand == "ring" else "any")


def the_blob(found):
    form = {"stripped": "tagged"}.get(found, found)
    blob = Sealer(KeyRing([Key("k1", SECRET, format=form)], primary="k1")).seal(TEXT)
    return Blob(blob.ciphertext, blob.iv) if found == "stripped" else blob


def expected(found, demand):
    if found in ("plain", "stripped"):
        return "unauthenticated" if demand == "nothing" else "downgraded"
    return "downgraded" if (found, demand) == ("synthetic", "policy tagged") else "authentic"


class Asked:
    """One blob in a tree, and what is demanded of it; each method is a way to open it, and returns the verdict or why there is none."""

    def __init__(self, folder, found, demand):
        self.found, self.demand, self.blob = found, demand, the_blob(found)
        self.ring = KeyRing([the_key(found, demand), Key("k2", bytes(32), format="tagged", accept="authentic")], primary="k1")
        self.terms = Terms(require_authentic=demand == "run", key_id="k1")
        least = demand.removeprefix("policy ") if demand.startswith("policy") else "plain"
        self.sealer = Sealer(self.ring, key_id="k1", require_authentic=demand == "run").under(
            payload="text", least=least, opens=True
        )
        self.folder, self.path = folder, folder / "a.md"
        if least != "plain":
            (folder / "sealkit.yaml").write_text(
                f"version: 1\nrecords: [{{include: ['*.md'], fields: [{{path: secured, format: {least}}}]}}]\n"
            )
        self.path.write_text(f'---\nsecured: "{self.blob}"\n---\n')

    def unseal(self):
        return self.said(lambda: self.sealer.unseal(self.blob).verdict)

    def job(self):
        record = Record.parse(self.path.read_bytes(), kind="frontmatter")
        return self.said(lambda: jobs.decrypt(record, self.sealer).verdict)

    def reveal(self):
        record = Record.parse(self.path.read_bytes(), kind="frontmatter")
        shown = self.said(lambda: jobs.reveal(record, self.sealer).raw)
        return shown if isinstance(shown, str) else expected(self.found, self.demand) if TEXT in shown else "nothing shown"

    def decrypt(self):
        (one,) = trees.decrypt([self.folder], self.ring, terms=self.terms)
        assert (one.payload is None) == (one.exit_status != 0)
        return one.code

    def verify(self):
        (one,) = trees.verify([self.folder], self.ring, terms=self.terms)
        return one.code

    def column(self):
        (seen,) = {row["status"] for row in decrypt_column(pa.array([str(self.blob)] * 9), self.sealer).to_pylist()}
        return seen

    def verified_column(self):
        (seen,) = {row["status"] for row in verify_column(pa.array([str(self.blob)] * 9), self.sealer).to_pylist()}
        return seen

    def rotated(self):
        """What a rotation says, or the verdict under the new key: never a proof that was not there."""
        before = self.path.read_bytes()
        (one,) = trees.rotate(self.folder, self.ring, to="k1", terms=self.terms._replace(format=None))
        if one.exit_status:
            assert self.path.read_bytes() == before
            return one.code
        return self.decrypt()

    def rotated_to_another(self):
        """To a key that takes proofs alone: it gets them of nothing that had none."""
        before = self.path.read_bytes()
        (one,) = trees.rotate(self.folder, self.ring, to="k2", terms=self.terms._replace(key_id=None))
        refused = expected(self.found, self.demand) != "authentic"
        assert (self.path.read_bytes() == before) == refused
        assert one.exit_status == refused
        return expected(self.found, self.demand) if one.code == "downgraded" or not refused else one.code

    def rotated_column(self):
        array = pa.array([str(self.blob)] * 9)
        rows = rotate_column(array, self.sealer, Sealer(self.ring, key_id="k2")).to_pylist()
        ((kept, status),) = {(row["blob"] == str(self.blob), row["status"]) for row in rows}
        refused = expected(self.found, self.demand) != "authentic"
        assert (kept, status == "downgraded") == (refused, refused)
        return expected(self.found, self.demand)

    def said(self, do):
        try:
            return do()
        except SealkitError as error:
            return error.code


WAYS = [name for name in vars(Asked) if not name.startswith("_") and name != "said"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("found", "demand"), list(product(FOUND, DEMANDS)))
def test_there_is_one_verdict_whoever_asks(tmp_path, found, demand, way):
    assert getattr(Asked(tmp_path, found, demand), way)() == expected(found, demand)


# --- wrongly shaped, or of a key that is not there ----------------------------------------------------------------------
@pytest.mark.parametrize("least", STRENGTH)
def test_a_policy_says_nothing_of_tags_that_do_not_fit(least):
    sealer = Sealer(ring(format="tagged")).under(payload="text", least=least, opens=True)
    blob = Sealer(ring(format="tagged")).seal(TEXT)
    with pytest.raises(Tampered):
        sealer.unseal(Blob(blob.ciphertext[16:] + blob.ciphertext[:16], blob.iv, blob.auth))
