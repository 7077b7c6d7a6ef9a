"""Files without the field, at the gate: what may stand open in them is found, and what else they are is nobody's business."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.records import visit
from sealkit.records.escapes import Escapes
from sealkit.records.spelling import Spelling
from sealkit.trees import content, orders

FIELDS = ("secured",)
TASK = orders.Task(orders.CHECK)

NOTHING = {
    "a list with an escape": ("a.json", rb'[{"id": 1, "name": "caf\u00e9"}]'),
    "a list with escaped ASCII": ("a.json", rb'[{"id": 1, "n\u0061me": "a"}]'),
    "a list of texts": ("a.json", rb'["\u2014", "\u0075nder"]'),
    "a list of lists": ("a.json", rb'[[1, "\u0070"], []]'),
    "a text": ("a.json", rb'"\u0065"'),
    "a number behind a comment": ("a.json", b"// \\u0065\n1"),
    "lines, one of them a list": ("a.jsonl", b'{"a": "\\u00e9"}\n[1, "\\u0061"]\n'),
    "a YAML list": ("a.yml", b'- "\\u0061"\n- "b\\\n  c"\n'),
    "a YAML list of mappings": ("a.yaml", b'- name: "\\x61"\n  of: caf\xc3\xa9\n'),
    "a page that names such a word in its text": ("a.md", b"---\ntitle: a\n---\nIn plaintext, caf\xc3\xa9.\n"),
    "a word in a value": ("a.json", b'{"kind": "plaintext"}'),
    "a word in a list's value": ("a.json", b'[{"kind": "unsealed"}]'),
    "what is empty": ("a.json", b'{"unsealed": ""}'),
    "what does not read": ("a.json", b'{"unsealed": '),
}

OPEN = {
    "front matter": ("a.md", b"---\ntitle: a\nplaintext: it\n---\n"),
    "with separators": ("a.md", b"---\nPlain-Text: it\n---\n"),
    "JSON": ("a.json", b'{"un_encrypted": "it"}'),
    "an escaped letter": ("a.json", rb'{"pl\u0061intext": "it"}'),
    "an escaped capital": ("a.json", rb'{"\u0055nsealed": "it"}'),
    "an escaped separator": ("a.json", rb'{"un\u002dsealed": "it"}'),
    "an escaped underscore": ("a.json", rb'{"clear\u005ftext": "it"}'),
    "every letter escaped": ("a.json", b'{"' + "".join(f"\\u{ord(one):04x}" for one in "decrypted").encode() + b'": "it"}'),
    "two digits": ("a.yml", rb'"decr\x79pted": it' + b"\n"),
    "eight digits": ("a.yml", rb'"\U00000075nsecured": it' + b"\n"),
    "over a line's end": ("a.yml", b'? "plain\\\n  text"\n: it\n'),
    "the second line": ("a.jsonl", b'{"id": "\\u0061"}\n{"cleartext": "it"}\n'),
    "behind a line that does not read": ("a.jsonl", b'{"id": \n{"cleartext": "it"}\n'),
}


@pytest.mark.parametrize(("path", "data"), NOTHING.values(), ids=NOTHING)
def test_what_lacks_the_field_and_holds_nothing_open_is_no_finding(path, data):
    assert visit.with_open(path, data, FIELDS) == []
    assert [one for one in content.run(TASK, path, data, named=False).outcomes if one.exit_status] == []


@pytest.mark.parametrize(("path", "data"), OPEN.values(), ids=OPEN)
def test_what_stands_open_is_found(path, data):
    assert visit.with_open(path, data, FIELDS)
    assert any(one.exit_status for one in content.run(TASK, path, data, named=False).outcomes)


@pytest.mark.parametrize("data", [data for _, data in OPEN.values()], ids=OPEN)
def test_the_bytes_of_it_can_spell_a_name(data):
    """Whichever question is asked first: the one with the names in the clear is never less than that without."""
    assert Spelling(FIELDS, with_open=True).could(data)


@pytest.mark.parametrize(
    "field", ["secured", '"a&b"', "api-token", '"two words"', "ключ", "a[].x.y", '"it\'s"', "naïve", '"[b]"', '"a.b"']
)
def test_with_the_names_in_the_clear_a_field_is_seen_as_without(field):
    name = Spelling([field]).names[0]
    for data in (
        name.encode(),
        name.upper().encode(),
        "\u200b".join(name).encode(),
        "".join(f"\\u{ord(one):04x}" for one in name).encode(),
    ):
        if Spelling([field]).could(data):
            assert Spelling([field], with_open=True).could(data), data


TOKENS = st.sampled_from(
    [
        rb"\u0061",
        rb"\\u0061",
        rb"\x70",
        rb"\141",
        rb"\14",
        rb"\1",
        rb"\ud835\udc1a",
        rb"\ud835",
        rb"\ud83d\ude00",
        rb"\u2014",
        b"\\\n",
        b"\\\n  ",
        b"\\",
        rb"\a",
        rb"\b",
        rb"\p",
        rb"\u{69}",
        rb"\U00000069",
        rb"\n",
        b"a",
        b"p",
        b"i",
        b"1",
        b" ",
        b"\xc3\xa9",
    ]
)


@given(st.lists(TOKENS, max_size=12), st.booleans())
def test_a_name_among_escapes_is_seen_however_they_are_replaced(tokens, more):
    """A few different ones are replaced one after the other, many in one pass."""
    others = b" ".join(b"\\u%04x" % (0xE0 + number) for number in range(40)) if more else b""  # accents: all may be part of a name
    data = others + b" " + b"".join(tokens) + b" " + rb"\u0061\x70\u{69}" + b" " + b"".join(tokens)
    assert any(b"api" in plain for plain in Escapes("apleuocny").readings(data))
    assert Spelling(["api"]).could(data)
