"""Known blobs are seen in any bytes, however they are written there; and nothing else is taken for them."""

import pytest

from sealkit.crypto.blob import Blob
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer
from sealkit.trees.sightings import Core, Sought, anywhere, core

PLAIN = Blob(bytes(range(200, 248)), bytes(range(240, 256)))
OTHER = Blob(bytes(range(100, 148)), bytes(range(240, 256)))
SEALER = Sealer(KeyRing([Key("k1", bytes(range(32)), format="tagged")], primary="k1"))
TAGGED = SEALER.seal(b"a payload of more than one block")
TEXT, TAGGED_TEXT = str(PLAIN).encode(), str(TAGGED).encode()
CUT = b";".join(TAGGED_TEXT.split(b";")[:2])
IV = str(PLAIN).split(";")[1]

SEEN = [
    (b"---\nsecured: %s\n---\n" % TEXT, {PLAIN: 1}),
    (b'{"a": "%s", "b": "%s"}' % (TEXT, TAGGED_TEXT), {PLAIN: 1, TAGGED: 1}),
    (b"%s\n%s\n" % (TEXT, TEXT), {PLAIN: 2}),
    (b"text before %s, text behind" % TEXT, {PLAIN: 1}),
    (b'{"a": "%s"}' % TEXT.replace(b"/", b"\\/"), {PLAIN: 1}),
    (b'{"a": "%s"}' % TEXT.replace(b"+", b"\\u002b").replace(b"/", b"\\u002F"), {PLAIN: 1}),
    (b'a: "%s"' % TEXT.replace(b"=", b"\\x3d").replace(b";", b"\\x3B"), {PLAIN: 1}),
    (b'a: "%s"' % TEXT.replace(b"y", b"\\U00000079"), {PLAIN: 1}),
    (b'a: "%s\\\n    %s"' % (TEXT[:20], TEXT[20:]), {PLAIN: 1}),
    (b'a: "%s\\\r\n\r\n\t%s"' % (TEXT[:70], TEXT[70:]), {PLAIN: 1}),
    (b"a: |\n  %s\n" % CUT, {TAGGED: 1}),
    (TEXT + b"=", {PLAIN: 1}),
    (b"", {}),
    (b"A" + TEXT, {}),
    (TEXT[1:], {}),
    (TEXT.lower(), {}),
    (TEXT.replace(b";", b" ; "), {}),
    (str(OTHER).encode(), {}),
]


@pytest.mark.parametrize(("data", "expected"), SEEN, ids=range(len(SEEN)))  # the tag is made by chance, which no name may be
def test_how_often_a_blob_stands_in_some_bytes(data, expected):
    assert Sought([PLAIN, TAGGED]).count(data) == {core(blob): count for blob, count in expected.items()}


def test_another_blob_with_the_iv():
    (one,) = Sought([PLAIN]).sightings(str(OTHER).encode())
    assert (one.iv, one.core) == (core(PLAIN).iv, None)


def test_what_the_tag_says():
    sought = Sought([TAGGED])
    (whole,) = sought.sightings(TAGGED_TEXT)
    (cut,) = sought.sightings(CUT)
    assert (whole.tagged, whole.bind, cut.tagged) == (True, 0, False)


def test_a_tag_does_not_make_another_blob():
    text = TAGGED_TEXT.split(b";")
    assert core(TAGGED) == core(Blob.parse(CUT.decode())) == Core(text[0], text[1])


def test_nothing_sought_is_nothing():
    assert not Sought([])
    assert list(Sought([]).sightings(TEXT)) == []


# --- any blob, anywhere ---------------------------------------------------------------------------------------------------------
ANY = "QUJDREVGR0hJSktMTU5PUA==;MDEyMzQ1Njc4OWFiY2RlZg=="
ANY_TAGGED = f"{ANY};AQE" + "A" * 53


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (ANY, [1]),
        (ANY_TAGGED, [1]),
        (f"x = '{ANY}'\n", [1]),
        (f"\n\nsecured={ANY}\n", [3]),
        (f"a\n<!-- {ANY} -->\n{ANY}\n", [2, 3]),
        (f'{{"a": "{ANY}", "b": "{ANY_TAGGED}"}}', [1, 1]),
        (ANY.replace("Q", "\\u0051", 1), [1]),
        (f"{ANY.partition(';')[0]}\n;{ANY.partition(';')[2]}", []),
        (ANY[1:], []),
        (ANY[:-1], []),
        (ANY.replace("==;", "=;"), []),
        ("A" * 200_000 + ";" + "B" * 200_000, []),
        ("no blob; at all==", []),
    ],
)
def test_any_blob_is_seen_wherever_it_stands(text, lines):
    assert [line for line, _ in anywhere(text.encode())] == lines
    assert [line for line, _ in anywhere(text.encode("utf-16"))] == lines


# --- what stands right before a blob, in a format that writes how long a text is ------------------------------------------------
def whole_of(blocks):
    return Blob(bytes(range(200, 200 + 16)) * blocks, bytes(range(240, 256)))


LENGTHS = {
    "MessagePack, up to 255 bytes": lambda text: b"\xd9" + bytes((len(text) % 256,)) + text,
    "MessagePack, more": lambda text: b"\xda" + len(text).to_bytes(2, "big") + text,
    "CBOR": lambda text: b"\x78" + bytes((len(text) % 256,)) + text,
    "Thrift, protobuf": lambda text: b"\x0a" + bytes((len(text) & 127,)) + text,
    "Avro": lambda text: bytes((len(text) * 2 & 127,)) + text,
    "SQLite": lambda text: b"\x05\x0d\x00idname" + text,
    "a name at once": lambda text: b"secured" + text,
    "another text of digits": lambda text: b"QUJDREVGRw" + text,
}


@pytest.mark.parametrize("blocks", range(1, 12))
@pytest.mark.parametrize("form", LENGTHS)
def test_a_blob_is_seen_behind_how_long_it_is(form, blocks):
    blob = whole_of(blocks)
    assert [one for _, one in anywhere(LENGTHS[form](str(blob).encode()))] == [blob]


@pytest.mark.parametrize(
    "text", ["AAAA;" + IV, "A" * 19 + ";" + IV, "A" * 23 + ";" + IV, "A" * 24 + ";" + IV, "A" * 22 + "=;" + IV]
)
def test_what_is_no_blob_has_none_behind_its_beginning(text):
    assert list(anywhere(text.encode())) == []
