"""Many files in one look: "no" for all of them is "no" for each, whatever stands at their ends."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_records_spelling import NAME, NOT_SPELT, SPELT, b64

from sealkit.records.spelling import JOINT, Spelling

FIELDS = ("secured", f"a[].{NAME}", '"my key"', "größe", '"a.b"', '"it\'s"', "ключ")

ENDS = {
    "a backslash": b"a\\",
    "two backslashes": b"a\\\\",
    "half an escape": b'"\\u00',
    "half a pair": b'"\\ud835',
    "half a character": "\u2014".encode()[:2],
    "an octal digit": b'"\\1',
    "a tag": b"!!binary",
    "a tag and half a text": b"!!binary " + b64(NAME)[:5],
    "a tag without an end": b"!<tag:yaml.org,2002:binary",
    "a directive": b"%TAG !e! tag:yaml.org,2002:bin\n---\n",
    "a name's beginning": b"sec",
    "a carriage return": b"x\r",
    "nothing": b"",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_is_spelt_is_seen_behind_and_before_any_end(end):
    looks = Spelling([f"a[].{NAME}"])
    for what, data in SPELT.items():
        assert looks.could_any(JOINT.join((b"other: x", end, data))), what
        assert looks.could_any(JOINT.join((data, end, b"ured: x"))), what


def test_what_is_not_spelt_is_not_seen_in_most_files_together():
    """Some have to be looked at one by one: no UTF-8, UTF-16, and what squeezed text does not tell apart."""
    looks = Spelling([f"a[].{NAME}"])
    seen = {what for what, data in NOT_SPELT.items() if looks.could_any(JOINT.join((b"x: 1", data, b"y: 2")))}
    assert seen == {"UTF-16 of something else", "not UTF-8", "a sign between", "a blank between"}


@pytest.mark.parametrize(
    "files",
    [
        (b"sec", b"ured: x"),
        (b'"sec\\', b"\n  ured"),
        (b"!!binary " + b64(NAME)[:4], b64(NAME)[4:]),
        ("api\u200b".encode(), b"Token"),
        (b"api\x7f", b"Token"),
        (b"api-", b"-Token"),
        (b'"\\u0061pi', b'To\\u006ben"'),
    ],
)
def test_nothing_is_spelt_over_a_files_end(files):
    assert not Spelling(["secured", NAME]).could_any(JOINT.join(files))


def test_letters_that_are_met_late_are_seen():
    """Characters and escapes that are part of a name in disguise, after much that was not."""
    looks = Spelling(["secured"])
    for harmless in (
        "naïve “so” — …",
        "日本語",
        "\\u2014 \\u201c",
        "\\ud83d\\ude00",
        "Grüße",
        "½ ™ ﬁ",
        "слово",
        "\\n \\t \\\\ \\/",
    ):
        assert not looks.could_any(harmless.encode()), harmless
        for name in (
            "ѕecured",
            "se\u200bcured",
            "sécured",
            "\\u0455ecured",
            "s\\u200becured",
            "s\\\\u0065cured",
            "\\ud835\\udc2cecured",
        ):
            assert looks.could_any(f"{harmless} {name}: x".encode()), (harmless, name)


def test_a_name_in_disguise_among_very_many_characters():
    looks = Spelling(["secured"])
    many = "".join(map(chr, range(0x4E00, 0x9FA0, 7)))
    assert not looks.could_any(many.encode())
    assert looks.could_any(f"{many} sécured".encode())
    assert not looks.could_any(many.encode())


fragments = st.one_of(
    st.sampled_from(
        [
            *(name[:cut].encode() for name in ("secured", NAME, "plaintext", "unsealed", "größe") for cut in (3, 9)),
            *("é", "ß", "ﬁ", "ѕ", "\u200b", "—", "\ud7ff", "\U0001d41a"),
            *(b"\\", b"\\u00", b"\\u0065", b"\\x65", b"\\145", b"\\ud835", b"\\udc2c", b"\\\n", b"\\s", b"\\u{65}", b"\\U00000065"),
            *(b"!!binary ", b"!<", b"!e!ary ", b"%TAG !e! x\n", b64("secured"), b64(NAME)[:6], b"=", b";"),
            *(b"-", b"_", b" ", b"\n", b"'", b'"', b": ", b"\x7f", b"\x00", b"\xff", b"\x80", b"\xe2\x80", b"{", b"65"),
        ]
    ).map(lambda one: one.encode() if isinstance(one, str) else one),
    st.sampled_from("secured apiToken plaintext größe my key").map(str.encode),
)


@settings(max_examples=300)
@given(st.lists(st.lists(fragments, max_size=8).map(b"".join), min_size=1, max_size=4))
@example([b"se\\u0063ured\\", b"\\"])
def test_no_for_all_is_no_for_each(files):
    joined = JOINT.join(files)
    for one in ALL:
        if not one.could_any(joined):
            assert not any(map(one.could, files)), one


ALL = [Spelling([field], with_open=way) for field in FIELDS for way in (False, True)]
