"""Whether bytes can spell a name: never "no" where somebody reads it there, and "no" for what does not spell it."""

import base64
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.errors import SealkitError
from sealkit.records import lookalike, wide
from sealkit.records.record import Record
from sealkit.records.spelling import Spelling

NAME = "apiToken"
HOW = Spelling([f"a[].{NAME}"])


def b64(text, *, url=False):
    return (base64.urlsafe_b64encode if url else base64.b64encode)(text.encode())


SPELT = {
    "itself": b"apiToken: x",
    "small": b"apitoken = x",
    "capitals": b'{"APITOKEN": 1}',
    "homoglyphs of ASCII": b"ap1T0ken: x",
    "a bar for an i": b"ap|Token: x",
    "a Cyrillic letter": "\u0430piToken: x".encode(),
    "Greek and Armenian": "\u03b1\u03c1iT\u0585ken: x".encode(),
    "full width": "\uff41\uff50\uff49\uff34\uff4f\uff4b\uff45\uff4e: x".encode(),
    "mathematical": "\U0001d41apiToken: x".encode(),
    "a sign of two letters": "apiT\u2134\u212aen".encode(),
    "small capitals": "ap\u026aT\u1d0fken".encode(),
    "accents": "\u00e1piTok\u0113n: x".encode(),
    "marks of their own": "api\u0301Token: x".encode(),
    "a zero width space": "api\u200bToken: x".encode(),
    "a soft hyphen": "api\u00adToken: x".encode(),
    "a grapheme joiner": "api\u034fToken: x".encode(),
    "a Hangul filler": "api\u3164Token: x".encode(),
    "a tag character": "api\U000e0041Token: x".encode(),
    "a selector of the supplement": "api\U000e0101Token: x".encode(),
    "many of them": ("a" + "\u200b" * 500 + "piToken: x").encode(),
    "a delete character": b'{"api\x7fToken": 1}',
    "a bidi control": "api\u202eToken: x".encode(),
    "an escape of two digits": rb'"\x61piToken": x',
    "an escape of four": rb'"api\u0054oken": 1',
    "an escape of eight": rb'"\U00000061piToken": x',
    "an escape in braces": rb'"\u{61}piToken": x',
    "an octal escape": rb'"\141piToken": x',
    "capital digits": rb'"api\u006Foken"'.replace(b"o\\u", b"T\\u").replace(b"api\\u006Foken", b"apiT\\u006Fken"),
    "all escaped": "".join(f"\\u{ord(one):04x}" for one in NAME).encode(),
    "a surrogate pair": rb'"\ud835\udc1apiToken"',
    "an escaped homoglyph": rb'"\u0430piToken"',
    "an escaped invisible": rb'"api\u200bToken"',
    "an escaped NUL": rb'"api\u0000Token"',
    "an escaped bell": rb'"api\aToken"',
    "a form feed": rb'"api\fToken"',
    "a backslash before a letter": rb'"api\Token"',
    "a backslash before a small letter": rb'"api\Tok\en"',
    "a backslash that JSON5 drops": rb'"\apiToken"',
    "a backslash before another letter for it": rb'"ap\LTo\ken"',
    "a backslash before a bar": rb'"ap\|Token"',
    "a backslash before a homoglyph": '"\\\u0430piToken"'.encode(),
    "an escaped line end": b'"api\\\n    Token": 1',
    "an escaped CRLF": b'"api\\\r\n  Token": 1',
    "an escaped next line": '"api\\\u2028Token": 1'.encode(),
    "escapes and letters": '"\\u0061pi\u200bT\\x6fk\u0435n"'.encode(),
    "a doubled backslash": rb'"\\u0061piToken"',
    "base64": b"!!binary " + b64(NAME) + b": x",
    "base64, in quotes": b'!!binary "' + b64(NAME) + b'": x',
    "base64 on two lines": b"? !!binary |\n  " + b64(NAME)[:5] + b"\n  " + b64(NAME)[5:] + b"\n: x",
    "base64, its own tag": b"!<tag:yaml.org,2002:binary> " + b64(NAME) + b": x",
    "base64, Ruby's tag": b"- !binary " + b64("\u0430piToken") + b": x",
    "base64, an escaped tag": b"{!!%62inary " + b64(NAME) + b": x}",
    "base64, a tag by a directive": b"%TAG !e! tag:yaml.org,2002:bin\n--- # the document\n!e!ary " + b64(NAME) + b": x",
    "base64 with an anchor": b"!!binary &a " + b64(NAME) + b": x",
    "base64 that begins elsewhere": b"!!binary " + b64("x" + NAME) + b": x",
    "base64 of an address": b"!!binary " + b64("\u00ff\u00fe" + NAME, url=True) + b": x",
    "UTF-16": f"a: 1\n{NAME}: x".encode("utf-16"),
    "UTF-16 without its mark": f"a: 1\n{NAME}: x".encode("utf-16-be"),
    "UTF-16 with a homoglyph": "a: 1\n\u0430piToken: x".encode("utf-16-le"),
    "UTF-32": f"a: 1\n{NAME}: x".encode("utf-32"),
    "UTF-32 with an invisible character": "a: 1\napi\u200bToken: x".encode("utf-32-be"),
}

NOT_SPELT = {
    "nothing": b"",
    "other letters": b"apiTaken: x",
    "a letter less": b"apiToke: x",
    "a sign between": b"api-Token: x",
    "a blank between": b"api Token: x",
    "a line end": b"api\nToken: x",
    "an escaped quote": rb'"api\"Token"',
    "an escaped line feed": rb'"api\nToken"',
    "an escaped tab": rb'"api\tToken"',
    "an escape of another letter": rb'"\u0062piToken"',
    "accents elsewhere": "caf\u00e9 \u00fcber: \u201cna\u00efve\u201d".encode(),
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645: x".encode(),
    "emoji": "\u2764\ufe0f \U0001f469\u200d\U0001f4bb: x".encode(),
    "base64 of something else": b"!!binary " + b64("somethingElse") + b": x",
    "base64 without a tag": b64(NAME) + b": x",
    "pictures": b"![a](b.png) !important a != b",
    "UTF-16 of something else": "apiTaken: x".encode("utf-16"),
    "not UTF-8": b"\xff\xc3api\xffTaken",
}


@pytest.mark.parametrize("data", SPELT.values(), ids=SPELT)
def test_spelt(data):
    assert HOW.could(data)
    assert HOW.could(b"# x\n" * 50 + data + b"\ny: 1\n" if wide.encoding(data) is None else data)


@pytest.mark.parametrize("data", NOT_SPELT.values(), ids=NOT_SPELT)
def test_not_spelt(data):
    assert not HOW.could(data)


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ('"my key"', b"? my\n  key\n: x", True),
        ('"my key"', rb'"my\ key": x', True),
        ('"my key"', "my\u00a0key: x".encode(), True),
        ('"my key"', b"mykex: x", False),
        ('"it\'s"', b"'it''s': x", True),
        ('"kubernetes.io/x"', rb'"kubernetes.io\/x"', True),
        ('"a\\"b"', rb'"a\"b": x', True),
        ("\u06a9\u0644\u06cc\u062f", b'"\\u06a9\\u0644\\u06cc\\u062f"', True),
        ("\u06a9\u0644\u06cc\u062f", "\u06a9\u0644\u06cc\u062f: x".encode(), True),
        ("\u06a9\u0644\u06cc\u062f", b"plain text", False),
        ("ma\u00df", b"MASS: x", True),
        ("\ufb01le", b"file: x", True),
        ("a[0]", b"A: [x]", True),
        ("[]", b"- anything", True),
    ],
)
def test_other_names(path, data, expected):
    assert Spelling([path]).could(data) is expected


def test_several_names():
    several = Spelling(["secured", "a.token", "b[].token"])
    assert several.names == ("secured", "token")
    assert several.could(b"T0KEN")
    assert several.could(b"secured")
    assert not several.could(b"tok secur")
    assert not Spelling([]).could(b"anything")


def test_each_character_that_is_taken_for_a_letter():
    """Whatever the skeleton or the accents make of a character, its place in the name does not hide the name."""
    places = {lookalike.skeleton(letter): NAME.lower().index(letter) for letter in "aptn"}
    for code in range(0x80, sys.maxunicode + 1):
        one = chr(code)
        if unicodedata.category(one) in ("Cn", "Co", "Cs"):
            continue
        without = "".join(part for part in unicodedata.normalize("NFKD", one) if not unicodedata.category(part).startswith("M"))
        for look in {lookalike.skeleton(one), lookalike.skeleton(without)} & {*places}:
            assert HOW.could(f"{NAME[: places[look]]}{one}{NAME[places[look] + 1 :]}".encode()), ascii(one)


letters = st.one_of(
    *(st.just(one) for one in ("{0}", "{1}", "\\u{2:04x}", "\\x{2:02x}", "\\U{2:08x}")),
    st.sampled_from(
        ["\u200b{0}", "{0}\u00ad", "\\u200b{0}", "{0}\\\n  ", "{0}{0}", "", "\u0435", "\uff45", "\\ud835\\udc1a", "\u00e9"]
    ),
)


@st.composite
def spellings(draw):
    """The name letter by letter, mostly as it is."""
    shape = draw(st.lists(letters, min_size=len(NAME), max_size=len(NAME)))
    disguised = draw(st.sets(st.integers(0, len(NAME) - 1), max_size=3))
    return "".join(
        (how if number in disguised else "{0}").format(one, one.swapcase(), ord(one))
        for number, (one, how) in enumerate(zip(NAME, shape, strict=True))
    )


FRAMES = (
    ("yaml", '"{}": x\n'),
    ("yaml", 'a: 1\n? "{}"\n: x\n'),
    ("yaml", '{{"{}": x}}\n'),
    ("yaml", "{}: x\n"),
    ("json", '{{"{}": 1}}'),
    ("json", '{{"a": 1,\n"{}": 1}}'),
    ("frontmatter", '---\n"{}": x\n---\n'),
)


@given(spellings(), st.sampled_from(FRAMES))
def test_where_a_field_or_its_look_alike_is_read_the_bytes_could_spell_it(spelling, frame):
    kind, text = frame
    data = text.format(spelling).encode()
    try:
        found = Record.parse(data, kind=kind).field(NAME) is not None
    except SealkitError as error:
        found = error.code == "lookalike_key"
    if found:
        assert HOW.could(data)


@given(st.binary(max_size=200), st.integers(1, 40))
def test_in_pieces_as_a_whole(data, size):
    data += b"api\xe2\x80\x8bTok\\u0065n" + data
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert HOW.could_in(pieces)
    assert not HOW.could_in([b"apiT", b"aken"])
    assert not HOW.could_in([])


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"apiToken: x", 1),
        (b"a\n\n  apiToken = x", 3),
        (b"a\n- apiToken: x", 2),
        (b"a\r\n- - 'apiToken' : x", 2),
        (b'"APITOKEN":1', 1),
        (b"# x\n\tapiToken=", 2),
        (b":apiToken: asciidoc", 1),
        (b"#+apiToken: org", 1),
        ("x\n\u0430piToken: x".encode(), 2),
        (rb'"\u0061piToken": 1', 1),
        ("a\napiToken=1".encode("utf-16"), 2),
        (b"the apiToken: x", None),
        (b"apiToken", None),
        (b"apiTokens: x", None),
        (b"x.apiToken = 1", None),
        (b"", None),
    ],
)
def test_the_line_where_it_stands_like_a_key(data, line):
    assert HOW.line_of(data) == line


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"", True, None),
        (b"text", True, None),
        (b"t\0xt", False, None),
        (b"x" * 9000 + b"\0", True, None),
        ("\u0646\u0627\u0645: \u0639\u0644\u06cc\n".encode("utf-16"), True, "utf-16-le"),
        ("a: \u0646\u0627\u0645\n".encode("utf-16-be"), True, "utf-16-be"),
        ("ab: 1".encode("utf-32-le"), True, "utf-32-le"),
        ("ab: 1".encode("utf-32"), True, "utf-32-le"),
        (bytes(100), False, None),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20), False, None),
        (b"\0\0\0\x18ftypmp42" + bytes(8), False, None),
    ],
)
def test_what_is_text(data, text, encoding):
    assert wide.is_text(data) is text
    assert wide.encoding(data) == encoding
