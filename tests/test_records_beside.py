"""What stands open beside a field: every name that says so is found, with the field and without it, and no other name is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit import Blob
from sealkit.errors import Unsealed
from sealkit.records import beside
from sealkit.records.record import Record
from sealkit.records.spelling import Spelling

CIPHERTEXT = bytes.fromhex(
    "9f1c83e2d40b7a6599b8c3f0e7215dac04d67fb13e98a25c70f3618eb94d2ac5"
)  # nothing shows that it is not encrypted
BLOB = str(Blob(CIPHERTEXT, bytes(16)))
FIELDS = ("secured", "a.secured", "b[0].token", "aeio", "ключ")
# Said here once more: the gate's own table must not be what it is measured by.
BY_THEMSELVES = ["unsealed", "unsecured", "unencrypted", "decrypted", "plaintext", "cleartext"]
WITH_THE_FIELD = [*BY_THEMSELVES, "plain", "clear", "raw", "open"]


def names(field):
    name = field.rpartition(".")[2]
    both = [(word, name) for word in WITH_THE_FIELD] + [(name, word) for word in WITH_THE_FIELD]
    return [*BY_THEMSELVES, *("".join(pair) for pair in both), *("_".join(pair) for pair in both)]


def front_matter(field, pairs):
    """A record whose field stands in one mapping with the pairs."""
    head, indent = {"a.secured": ("a:\n", "  "), "b[0].token": ("b:\n- x: 1\n", "  ")}.get(field, ("", ""))
    lines = "".join(f"{indent}{key}: {value}\n" for key, value in pairs)
    return Record.parse(f"---\ntitle: a\n{head}{lines}---\ntext\n".encode(), kind="frontmatter")


def pairs(field, name, value, *, with_field):
    own = (field.rpartition(".")[2], f'"{BLOB}"')
    return [own, (name, value)] if with_field else [(name, value)]


@pytest.mark.parametrize("with_field", [True, False], ids=["with the field", "without it"])
@pytest.mark.parametrize("field", FIELDS)
def test_each_name_is_found(field, with_field):
    for name in names(field):
        record = front_matter(field, pairs(field, name, "open", with_field=with_field))
        with pytest.raises(Unsealed) as caught:
            beside.refuse(record, field, is_there=with_field, everywhere=True)
        assert name in caught.value.problem
        assert "another name" in caught.value.hint
        assert caught.value.line == record.raw[: record.raw.index(f"{name}: ".encode())].count(b"\n") + 1


@pytest.mark.parametrize("field", FIELDS)
def test_the_bytes_of_each_can_spell_it(field):
    """So that a file is not passed over before anything is parsed, in which it would be found."""
    gate = Spelling([field], with_open=True)
    for name in [*names(field), *("-".join(name) for name in names(field))]:
        assert gate.could(front_matter(field, pairs(field, name, "open", with_field=False)).raw), name
    nothing = b"---\ntitle: a\nsealings: two\n---\nPlain words in the open.\n"
    assert gate.could(nothing) is not field.isascii()  # of other alphabets nothing is told
    assert not Spelling([field]).could(b"---\nplaintext: open\n---\n")


@pytest.mark.parametrize("with_field", [True, False], ids=["with the field", "without it"])
@pytest.mark.parametrize("field", FIELDS)
def test_what_is_empty_or_sealed_is_not_open(field, with_field):
    for name in names(field):
        for value in ("", "null", "''", f'"{BLOB}"'):
            beside.refuse(
                front_matter(field, pairs(field, name, value, with_field=with_field)), field, is_there=with_field, everywhere=True
            )


@pytest.mark.parametrize(
    "name", ["consolidated", "context", "unsold", "encrypted", "sealed", "opened", "planetext", "secure", "plain"]
)
def test_other_names_are_not(name):
    for with_field in (True, False):
        record = front_matter("secured", pairs("secured", name, "open", with_field=with_field))
        beside.refuse(record, "secured", is_there=with_field, everywhere=True)


def test_case_does_not_count_in_other_alphabets():
    record = front_matter("ключ", pairs("ключ", "КЛЮЧ_Plain", "open", with_field=False))
    with pytest.raises(Unsealed):
        beside.refuse(record, "ключ", is_there=False, everywhere=False)


@st.composite
def spelt(draw):
    """One of the names, with separators and capitals that do not count."""
    name = draw(st.sampled_from(names("secured")))
    spread = "".join(letter + draw(st.sampled_from(["", "", "", "-", "_"])) for letter in name)
    return "".join(letter.upper() if draw(st.booleans()) else letter for letter in spread)


@given(spelt(), st.booleans(), st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True), max_size=4))
def test_separators_and_case_do_not_count(name, with_field, others):
    public = [(f"x{other}", "public") for other in others]
    record = front_matter("secured", public + pairs("secured", name, "open", with_field=with_field))
    with pytest.raises(Unsealed):
        beside.refuse(record, "secured", is_there=with_field, everywhere=False)
