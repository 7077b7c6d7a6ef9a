"""As what a blob that was opened is sealed again, and under which key: one answer for everybody who asks."""

from itertools import product

import pytest

from sealkit.context import Context
from sealkit.errors import Downgraded, NotBlessed, NoUsableKey, Usage
from sealkit.keys.key import STRENGTH, Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer
from sealkit.sealing import judge
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
