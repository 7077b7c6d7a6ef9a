"""Keys that look like a field's name are refused, other keys are not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit.errors import LookAlikeKey
from sealkit.records import scan
from sealkit.records.lookalike import may_spell, skeleton
from sealkit.records.record import Record

# Fifty and more spellings of one name.
SPELLINGS = (
    *("Secured", "SECURED", "sEcured", "secureD", "SecureD"),
    *(
        "s\u0435cured",
        "\u0455ecured",
        "se\u0441ured",
        "secur\u0435d",
        "s\u0435\u0441ur\u0435d",
        "secure\u0501",
        "\u0405ecured",
        "S\u0415CURED",
    ),
    *("\u03f2", "\u03c5")[:0],
    *(
        "sec\u03c5red",
        "s\u03b5cured",
        "sec\u057dred",
        "\u0585"[:0] + "secu\u0433ed",
        "\ua731ecured",
        "\U00010448ecured",
        "se\u1d04ured",
    ),
    *("\uff53\uff45\uff43\uff55\uff52\uff45\uff44", "\uff33ecured", "se\uff43ured", "\uff33\uff25\uff23\uff35\uff32\uff25\uff24"),
    *(
        "\u017fecured",
        "\u24e2ecured",
        "\u02e2ecured",
        "s\u1d49cured",
        "se\u1d9cured",
        "sec\u1d58red",
        "secu\u02b3ed",
        "secure\u1d48",
        "se\u217dured",
    ),
    *(
        "\U0001d42c\U0001d41e\U0001d41c\U0001d42e\U0001d42b\U0001d41e\U0001d41d",
        "\U0001d600ecured",
        "\U0001d4bcecured"[:0] + "s\U0001d4eecured",
    ),
    *(
        "se\u00adcured",
        "sec\u200bured",
        "sec\u200cured",
        "sec\u200dured",
        "\u2060secured",
        "secured\u200e",
        "\u202esecured",
        "secured\ufe0f",
    ),
    *(
        "\u2066secured\u2069",
        "sec\ufeffured",
        "sec\u180eured",
        "secured\U000e0020",
        "s\u212fcured",
        "s\u2147cured",
        "secure\u2146",
        "secu\u027b"[:0] + "\u13d5ecured",
    ),
    *("secu\u0280ed", "se\u2ca5ured", "\u0282"[:0] + "sec\u1d1cred", "s\u04bdcured", "\u10e7"[:0] + "secu\U0001d42bed"),
)
OTHERS = (
    *(
        "secure",
        "secureds",
        "xsecured",
        "secured2",
        "se-cured",
        "sec ured",
        "sécured",
        "secuřed",
        "śecured",
        "sekured",
        "secvred",
    ),
    *("sec\u0301ured", "安全", "ключ", "zecured", "5ecured", "secured.", "secu red", "secred", "sseccured", "secùred", "s3cured"),
)


def test_there_are_fifty_different_spellings():
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 50
    assert "secured" not in SPELLINGS


@pytest.mark.parametrize("key", SPELLINGS, ids=ascii)
@pytest.mark.parametrize("template", ['"{}": x\n', 'a: 1\nsecured: "x;y"\n"{}": x\n', 'secured: x;y\nb: {{"{}": 1}}\n', "{}: x\n"])
def test_refused(key, template):
    data = f"---\n{template.format(key)}---\n".encode()
    below = "b: {" in template
    if not key.isascii():
        assert scan.find(data, 4, len(data) - 4, "secured") is None
    record = Record.parse(data, kind="frontmatter")
    if below:
        assert record.value("secured") == "x;y"
        return
    with pytest.raises(LookAlikeKey) as failure:
        record.value("secured")
    assert failure.value.line == data.count(b"\n", 0, data.rindex(key.encode())) + 1
    with pytest.raises(LookAlikeKey):
        Record.parse(data, kind="frontmatter").blob_text("secured")


@pytest.mark.parametrize("key", SPELLINGS, ids=ascii)
def test_refused_in_json(key):
    with pytest.raises(LookAlikeKey):
        Record.parse(f'{{"{key}": "x"}}'.encode(), kind="json").value("secured")


@pytest.mark.parametrize("key", SPELLINGS[:8], ids=ascii)
def test_refused_on_the_way(key):
    with pytest.raises(LookAlikeKey):
        Record.parse(f"---\n{key}: {{b: x}}\nsecured: {{b: x}}\n---\n".encode(), kind="frontmatter").value("secured.b")


@pytest.mark.parametrize("key", OTHERS, ids=ascii)
def test_not_refused(key):
    data = f'---\n"{key}": x\n---\n'.encode()
    assert Record.parse(data, kind="frontmatter").value("secured") is None
    data = f'---\n"{key}": x\nsecured: x;y\n---\n'.encode()
    assert Record.parse(data, kind="frontmatter").value("secured") == "x;y"
    assert Record.parse(data, kind="frontmatter").blob_text("secured") == ("x;y", 3)


@pytest.mark.parametrize(
    ("name", "look"), [("i", "l"), ("v1", "vl"), ("v0", "vO"), ("title", "t1tle"), ("no", "n0"), ("a-b", "a\u2010b")]
)
def test_digits_and_letters(name, look):
    with pytest.raises(LookAlikeKey):
        Record.parse(f"---\n{look}: x\n---\n".encode(), kind="frontmatter").value(name)
    with pytest.raises(LookAlikeKey):
        Record.parse(f"---\n{look}: x\n---\n".encode(), kind="frontmatter").blob_text(name)


@given(st.text(max_size=12))
def test_skeleton_is_stable(text):
    look = skeleton(text)
    assert skeleton(look) == look
    assert skeleton(text.upper()) == skeleton(text.upper().lower()) or not text.isascii()
    if text.isascii():
        assert skeleton(text) == "".join(skeleton(f"x{one}x")[1:-1] for one in text).strip()


@settings(max_examples=300)
@given(st.text(alphabet=st.characters(min_codepoint=0x80), min_size=1, max_size=6), st.sampled_from(["secured", "title", "x1"]))
def test_may_spell_is_no_less_than_skeleton(text, name):
    """Whatever equals the name's looks when put into it must be announced by ``may_spell``."""
    for at in range(len(name)):
        for candidate in (name[:at] + text + name[at + 1 :], name[:at] + text + name[at:]):
            if skeleton(candidate) == skeleton(name):
                assert may_spell(text, skeleton(name))


def test_every_compatible_letter_folds():
    for point in range(0x80, 0x20000):
        character = chr(point)
        if unicodedata.category(character) == "Cs":
            continue
        folded = unicodedata.normalize("NFKC", character).casefold()
        if folded.isascii() and folded.isalpha():
            assert skeleton(character) == skeleton(folded)
