"""The blob's grammar: one spelling each, an error that points, and damage that is not taken for plaintext."""

import base64
import copy
import json
import pickle
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.crypto.blob import Blob
from sealkit.errors import Malformed, NonCanonical

DATA = Path(__file__).parents[1] / "data"

# The whole grammar, canonical base64 included, is regular; this is it, written down without any decoder.
B = "[A-Za-z0-9+/]"
GRAMMAR = re.compile(f"(?:{B}{{64}})*(?:{B}{{64}}|{B}{{21}}[AQgw]==|{B}{{42}}[AEIMQUYcgkosw048]=);{B}{{21}}[AQgw]==(?:;{B}{{56}})?")

IV = bytes(range(0xF0, 0x100))
AUTH = b"\x01\x02" + bytes(range(0x10, 0x18)) + bytes(range(0x80, 0xA0))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def scrambled(size: int) -> bytes:
    return bytes((i * 197 + 91) % 251 for i in range(size))


E16, E32, E48 = (b64(scrambled(size)) for size in (16, 32, 48))
IV64 = b64(IV)
T = b64(AUTH)
BLOBS = {
    "1 block": f"{E16};{IV64}",
    "2 blocks": f"{E32};{IV64}",
    "3 blocks": f"{E48};{IV64}",
    "1 block tagged": f"{E16};{IV64};{T}",
    "3 blocks tagged": f"{E48};{IV64};{T}",
}
blobs = pytest.mark.parametrize("text", BLOBS.values(), ids=BLOBS.keys())

FOREIGN = "=;-_ \n\t,:|\"'.!{\x00\u00a0\u00e9\u200b\u2028\uff21\ud800"
EDIT_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" + FOREIGN


def edits(text):
    """Yield every text that differs from this one by one character put in, taken out or exchanged."""
    for at in range(len(text) + 1):
        for character in EDIT_CHARACTERS:
            yield text[:at] + character + text[at:]
            if at < len(text) and character != text[at]:
                yield text[:at] + character + text[at + 1 :]
        if at < len(text):
            yield text[:at] + text[at + 1 :]


def refusal(text) -> Malformed:
    with pytest.raises(Malformed) as caught:
        Blob.parse(text)
    return caught.value


# --- what is accepted ------------------------------------------------------------------------------------------------
@blobs
def test_reads_and_writes_the_same_text(text):
    blob = Blob.parse(text)
    assert GRAMMAR.fullmatch(text)
    assert str(blob) == text
    parts = [base64.b64decode(part) for part in text.split(";")]
    assert [blob.ciphertext, blob.iv, *([blob.auth] if blob.auth is not None else [])] == parts


def test_the_third_part_is_read_field_by_field():
    blob = Blob.parse(BLOBS["1 block tagged"])
    assert (blob.is_tagged, blob.version, blob.bind, blob.kid) == (True, 1, 2, "1011121314151617")
    blob = Blob.parse(BLOBS["1 block"])
    assert (blob.is_tagged, blob.version, blob.bind, blob.kid) == (False, None, None, None)


def test_unknown_version_and_bind_parse():
    blob = Blob(scrambled(16), IV, b"\xff\xfe" + AUTH[2:])
    assert Blob.parse(str(blob)) == blob
    assert (blob.version, blob.bind) == (255, 254)


@given(st.integers(1, 40), st.binary(min_size=16, max_size=16), st.none() | st.binary(min_size=42, max_size=42), st.data())
def test_parts_to_text_and_back(blocks, iv, auth, data):
    ciphertext = data.draw(st.binary(min_size=16 * blocks, max_size=16 * blocks))
    blob = Blob(ciphertext, iv, auth)
    assert GRAMMAR.fullmatch(str(blob))
    again = Blob.parse(str(blob))
    assert again == blob
    assert hash(again) == hash(blob)
    assert (again.ciphertext, again.iv, again.auth) == (ciphertext, iv, auth)


def test_rfc_4648_base64():
    tests = json.loads((DATA / "rfc" / "rfc4648_base64.json").read_text())["tests"]
    assert len(tests) == 7
    for case in tests:
        plain, expected = case["plain_ascii"].encode(), case["b64_ascii"]
        # Whole groups of three bytes before it leave a text's own base64 as it is, and fill up the block.
        before = next(size for size in range(3, 99, 3) if (size + len(plain)) % 16 == 0)
        text = f"{b64(bytes(before))}{expected};{IV64}"
        assert str(Blob(bytes(before) + plain, IV)) == text
        assert Blob.parse(text).ciphertext[before:] == plain


# --- what is refused, and where --------------------------------------------------------------------------------------
REFUSED = {
    # name: (text, class, part, offset, words of the problem)
    "empty": ("", Malformed, "blob", 0, "empty"),
    "no separator": (E16, Malformed, "blob", 24, "no ';'"),
    "no separator, not base64": ("hello world", Malformed, "ciphertext", 5, "white space"),
    "no separator, padding inside": (E16 + IV64, Malformed, "ciphertext", 24, "after the padding"),
    "only separator": (";", Malformed, "ciphertext", 0, "nothing here"),
    "empty ciphertext": (f";{IV64}", Malformed, "ciphertext", 0, "nothing here"),
    "empty iv": (f"{E16};", Malformed, "iv", 25, "nothing here"),
    "empty iv, tagged": (f"{E16};;{T}", Malformed, "iv", 25, "nothing here"),
    "trailing separator": (f"{E16};{IV64};", Malformed, "auth", 50, "nothing here"),
    "fourth part": (f"{E16};{IV64};{T};QQ==", Malformed, "blob", 106, "fourth part"),
    "fourth part, empty": (f"{E16};{IV64};{T};", Malformed, "blob", 106, "fourth part"),
    "bad character": (f"{E16[:5]}!{E16[6:]};{IV64}", Malformed, "ciphertext", 5, "base64 does not have"),
    "NUL": (f"{E16};{IV64[:3]}\0{IV64[4:]}", Malformed, "iv", 28, "base64 does not have"),
    "bad character in the third part": (f"{E16};{IV64};{T[:7]}#{T[8:]}", Malformed, "auth", 57, "base64 does not have"),
    "not ASCII": (f"{E16};{IV64[:3]}\u00e9{IV64[4:]}", Malformed, "iv", 28, "outside ASCII"),
    "full-width letter": (f"\uff21{E16[1:]};{IV64}", Malformed, "ciphertext", 0, "outside ASCII"),
    "lone surrogate": (f"{E16};{IV64}\ud800", Malformed, "iv", 49, "outside ASCII"),
    "byte order mark": (f"\ufeff{E16};{IV64}", Malformed, "ciphertext", 0, "outside ASCII"),
    "no-break space": (f"{E16};\u00a0{IV64}", Malformed, "iv", 25, "white space"),
    "leading space": (f" {E16};{IV64}", NonCanonical, "ciphertext", 0, "white space"),
    "space after the separator": (f"{E16}; {IV64}", NonCanonical, "iv", 25, "white space"),
    "trailing line break": (f"{E16};{IV64}\n", NonCanonical, "iv", 49, "white space"),
    "trailing CRLF": (f"{E16};{IV64};{T}\r\n", NonCanonical, "auth", 106, "white space"),
    "wrapped": (f"{E48[:20]}\n{E48[20:]};{IV64}", NonCanonical, "ciphertext", 20, "white space"),
    "URL-safe": (f"{'-_' * 11}==;{IV64}", NonCanonical, "ciphertext", 0, "another alphabet"),
    "URL-safe and too short": (f"{E16};-_-_", Malformed, "iv", 25, "another alphabet"),
    "quoted": (f'"{E16};{IV64}"', Malformed, "ciphertext", 0, "quotation mark"),
    "comma": (f"{E16},{IV64}", Malformed, "ciphertext", 24, "separator"),
    "no padding": (f"{E16[:22]};{IV64}", NonCanonical, "ciphertext", 22, "padding missing"),
    "half the padding": (f"{E16};{IV64[:23]}", NonCanonical, "iv", 48, "padding missing"),
    "padding in excess": (f"{E16}=;{IV64}", NonCanonical, "ciphertext", 24, "none belongs"),
    "padding after whole groups": (f"{E48}=;{IV64}", NonCanonical, "ciphertext", 64, "none belongs"),
    "padding on the third part": (f"{E16};{IV64};{T}==", NonCanonical, "auth", 106, "none belongs"),
    "padding in the middle": (f"{E16[:10]}=={E16[12:]};{IV64}", Malformed, "ciphertext", 12, "after the padding"),
    "padding after one character": (f"{E16[:9]}=;{IV64}", Malformed, "ciphertext", 9, "none belongs"),
    "only padding": (f"====;{IV64}", Malformed, "ciphertext", 0, "none belongs"),
    "one character over": (f"{E16};{IV64[:21]}", Malformed, "iv", 46, "one character over"),
    "bits after one byte": (f"{'A' * 21}B==;{IV64}", NonCanonical, "ciphertext", 21, "bits set"),
    "bits after two bytes": (f"{'A' * 42}B=;{IV64}", NonCanonical, "ciphertext", 42, "bits set"),
    "bits in the iv": (f"{E16};{'A' * 21}/==", NonCanonical, "iv", 46, "bits set"),
    "bits, but no blob": (f"QR==;{IV64}", Malformed, "ciphertext", 1, "bits set"),
    "ciphertext of 15 bytes": (f"{b64(bytes(15))};{IV64}", Malformed, "ciphertext", 20, "inside a block"),
    "ciphertext of 17 bytes": (f"{b64(bytes(17))};{IV64}", Malformed, "ciphertext", 23, "inside a block"),
    "iv of 15 bytes": (f"{E16};{b64(bytes(15))}", Malformed, "iv", 45, "15 of 16"),
    "iv of 17 bytes": (f"{E16};{b64(bytes(17))}", Malformed, "iv", 47, "17 bytes"),
    "iv of 32 bytes": (f"{E16};{E32};{T}", Malformed, "iv", 47, "32 bytes"),
    "auth of 41 bytes": (f"{E16};{IV64};{b64(bytes(41))}", Malformed, "auth", 105, "41 of 42"),
    "auth of 43 bytes": (f"{E16};{IV64};{b64(bytes(43))}", Malformed, "auth", 106, "43 bytes"),
    "first of two defects": (f"{E16[:22]};!", Malformed, "ciphertext", 22, "padding missing"),
}


@pytest.mark.parametrize(("text", "kind", "part", "offset", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_and_points(text, kind, part, offset, words):
    error = refusal(text)
    assert (type(error), error.part, error.offset) == (kind, part, offset)
    assert words in error.problem
    assert error.code == ("noncanonical" if kind is NonCanonical else "malformed")
    assert error.__context__ is None
    assert error.__cause__ is None


@pytest.mark.parametrize(
    "value", [None, b"", BLOBS["1 block"].encode(), 7, ["a;b"], object()], ids=lambda value: type(value).__name__
)
def test_what_is_not_text_is_a_type_error(value):
    for function in (Blob.parse, Blob.resembles):
        with pytest.raises(TypeError, match="text must be str, not"):
            function(value)


def test_the_openssl_form_is_named():
    salted = b64(b"Salted__" + scrambled(24))
    for text in (salted, f'"{salted}"', f"{salted};", f"  {salted}\n"):
        assert "Salted__" in (refusal(text).hint or "")
        assert Blob.resembles(text)
    # The same bytes as a ciphertext, with an iv, are a blob like any other.
    assert Blob.parse(f"{salted};{IV64}").ciphertext.startswith(b"Salted__")


@pytest.mark.parametrize(
    ("name", "hint"), [("URL-safe", "URL-safe"), ("wrapped", "nothing else"), ("comma", "';'"), ("trailing separator", "tag")]
)
def test_hints(name, hint):
    assert hint in (refusal(REFUSED[name][0]).hint or "")


def test_an_error_never_quotes_the_value():
    canary = "Kq7ZrXw2"
    for text in (canary, f"{canary}!;{IV64}", f"{canary};{canary}", f"{E16};{IV64};{canary}", f"{canary} \u20ac {canary}"):
        error = refusal(text)
        assert canary not in f"{error} {error!r} {error.hint} {vars(error)}"
        assert "\u20ac" not in f"{error} {error.hint}"


def test_a_text_of_separators_is_not_cut_to_pieces():
    text = ";" * 2_000_000
    tracemalloc.start()
    try:
        assert refusal(text).part == "ciphertext"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * len(text)  # a list of the pieces alone would take eight bytes for each


@blobs
def test_every_one_character_edit_is_refused_or_another_blob(text):
    original = Blob.parse(text)
    seen = accepted = 0
    for edited in edits(text):
        seen += 1
        if GRAMMAR.fullmatch(edited):
            accepted += 1
            blob = Blob.parse(edited)
            assert str(blob) == edited
            assert blob != original
        else:
            error = refusal(edited)
            assert error.part in ("blob", "ciphertext", "iv", "auth")
            assert 0 <= error.offset <= len(edited)
    assert seen > 100 * len(text)
    assert accepted > 21 * 63


@blobs
def test_an_exchanged_character_is_pointed_at(text):
    for at in range(len(text)):
        for character in "!\u00e9{":
            error = refusal(text[:at] + character + text[at + 1 :])
            assert error.offset == at
            assert not isinstance(error, NonCanonical)


@pytest.mark.parametrize("part", [0, 1], ids=["ciphertext", "iv"])
@pytest.mark.parametrize("size", [16, 32], ids=["two pads", "one pad"])
def test_all_last_groups(part, size):
    if part and size == 32:
        size = 16
    pads = {16: "==", 32: "="}[size]
    head = b64(bytes(size))[:-4]
    letters = EDIT_CHARACTERS[:64]
    spellings = (
        [a + b + pads for a in letters for b in letters] if size == 16 else ["A" + a + b + "=" for a in letters for b in letters]
    )
    start = 0 if part == 0 else len(E16) + 1
    read = []
    for group in spellings:
        text = f"{head}{group};{IV64}" if part == 0 else f"{E16};{head}{group}"
        if GRAMMAR.fullmatch(text):
            read.append(Blob.parse(text))
            continue
        error = refusal(text)
        assert type(error) is NonCanonical
        assert "bits set" in error.problem
        assert (error.part, error.offset) == (("ciphertext", "iv")[part], start + len(head) + 3 - len(pads))
        assert Blob.resembles(text)
    # 12 bits are spelt, 8 (or 16, of which 6 are held still) are bytes: what is left over must be zero.
    assert len(read) == len(set(read)) == (2**8 if size == 16 else 2**10)


@given(st.text(alphabet=EDIT_CHARACTERS, max_size=150) | st.text(max_size=60))
def test_any_text_is_judged_as_the_grammar_judges_it(text):
    try:
        assert str(Blob.parse(text)) == text
        accepted = True
    except Malformed:
        accepted = False
    assert accepted == bool(GRAMMAR.fullmatch(text))
    assert Blob.resembles(text) in (True, False)


# --- the object ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((b"", IV), "ciphertext"),
        ((bytes(15), IV), "ciphertext"),
        ((bytearray(15), IV), "ciphertext"),
        ((bytes(16), IV[:15]), "iv"),
        ((bytes(16), IV, b""), "auth"),
        ((bytes(16), IV, bytes(41)), "auth"),
    ],
    ids=lambda value: None if isinstance(value, tuple) else value,
)
def test_parts_of_a_wrong_size_make_no_blob(arguments, part):
    with pytest.raises(Malformed) as caught:
        Blob(*arguments)
    assert caught.value.part == part


def test_a_blob_is_a_value():
    text = BLOBS["1 block tagged"]
    blob = Blob.parse(text)
    assert blob == Blob.parse(text)
    assert blob != Blob(blob.ciphertext, blob.iv)
    assert blob != (blob.ciphertext, blob.iv, blob.auth)
    assert len({blob, Blob.parse(text), Blob(blob.ciphertext, blob.iv)}) == 2
    assert pickle.loads(pickle.dumps(blob)) == copy.copy(blob) == copy.deepcopy(blob) == blob
    assert repr(blob) == "<Blob 16 bytes tagged kid=1011121314151617>"
    assert repr(Blob(bytes(32), IV)) == "<Blob 32 bytes untagged>"


def test_a_blob_is_immutable():
    blob = Blob.parse(BLOBS["1 block"])
    with pytest.raises(AttributeError):
        blob.iv = bytes(16)
    with pytest.raises(AttributeError):
        del blob.iv
    with pytest.raises(AttributeError):
        blob.other = 1
    assert not hasattr(blob, "__dict__")


# --- damage ----------------------------------------------------------------------------------------------------------
DAMAGED = {
    "space before": f" {E16};{IV64}",
    "line break after": f"{E16};{IV64}\n",
    "quoted": f'"{E16};{IV64}"',
    "single quoted, spaced": f" '{E48};{IV64};{T}' ",
    "typographic quotes": f"\u201c{E16};{IV64}\u201d",
    "wrapped at 64": f"{E48}\n{E48};{IV64}",
    "folded with indentation": f"{E48[:40]}\n    {E48[40:]};\n    {IV64}",
    "spaces around the separator": f"{E48} ; {IV64}",
    "URL-safe": f"{'-_' * 11}==;{IV64}",
    "URL-safe, unpadded": f"{'-_' * 11};{IV64[:22]}",
    "unpadded": f"{E32[:43]};{IV64[:22]};{T}",
    "comma": f"{E16},{IV64}",
    "colon, tagged": f"{E48}:{IV64}:{T}",
    "bar": f"{E32} | {IV64}",
    "space": f"{E48} {IV64}",
    "line break for separator": f"{E48}\n{IV64}",
    "no separator but padding": f"{E16}{IV64}",
    "trailing separator": f"{E16};{IV64};",
    "fourth part": f"{E16};{IV64};{T};{T}",
    "short fourth part": f"{E48};{IV64};{T};x",
    "no iv": f"{E48};",
    "no ciphertext": f";{IV64}",
    "short iv": f"{E48};{IV64[:7]}",
    "tag cut": f"{E48};{IV64};{T[:10]}",
    "first separator lost, tagged": f"{E48}{IV64};{T}",
    "field name in front": f"secured: {E48};{IV64}",
    "two blobs' ivs": f"{IV64};{IV64[:-1]}",
}
NOT_DAMAGED = {
    "empty": "",
    "one word": "hello",
    "words": "yes;no",
    "prose": "We met at noon; she had left by one. Nobody knew why; nobody asked.",
    "prose without stops": "this is a sentence with a semicolon in the middle; and this is another one",
    "long words": "Donaudampfschifffahrtsgesellschaft;Rindfleischetikettierungsgesetz",
    "identifiers": "SomeVeryLongIdentifierNameHere;AnotherVeryLongIdentifierName2",
    "CSV": "a;b;c",
    "CSV with a number": "2024-01-31;1234567;ACME/Berlin;ok",
    "JSON": '{"a": "b;c", "d": [1, 2]}',
    "JSON holding a blob": json.dumps({"secured": BLOBS["1 block"]}),
    "URL": f"https://example.com/a;b?sig={IV64}",
    "hex": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "hex and name": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08;file",
    "base64": E48,
    "base64 with padding": E16,
    "base64 of 64 bytes": b64(scrambled(64)),
    "base64, wrapped": "\n".join([b64(scrambled(57)), b64(scrambled(57)), IV64]),
    "PEM": f"-----BEGIN X-----\n{E48}\n{E48}\n{IV64}\n-----END X-----\n",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL5f6oG7GnS2p7wV5bE",
    "header": f"Authorization: Basic {IV64}",
    "digest": f"sha256:{E32}",
    "prose and digest": f"the checksum of the file that was sent is the following one; {IV64}",
    "digest and prose": f"{IV64}; is the checksum that was sent with the file which we all received",
    "name and digest": f"file.txt;{IV64}",
    "SSH key": f"ssh-rsa AAAAB3NzaC1yc2E{E48}{E48}== user@host",
    "HTML": '<p style="color: red; margin: 0">text</p>',
    "CSS": "color:red;margin:0",
    "separators": ";;;",
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_seen(text):
    assert Blob.resembles(text)


@pytest.mark.parametrize("text", NOT_DAMAGED.values(), ids=NOT_DAMAGED.keys())
def test_plaintext_is_plaintext(text):
    assert not Blob.resembles(text)


@blobs
def test_a_blob_does_not_resemble_one(text):
    assert not Blob.resembles(text)


def blob_or_damaged(text: str) -> bool:
    return bool(GRAMMAR.fullmatch(text)) or Blob.resembles(text)


@blobs
def test_every_one_character_edit_is_a_blob_or_resembles_one(text):
    joint = text.index(";")
    covered = text.count(";") == 2 or text[joint - 1] == "="
    as_good_as_one_token = {text[:joint] + c + text[joint + 1 :] for c in [*EDIT_CHARACTERS[:64], "-", "_", ""]}
    missed = {edited for edited in edits(text) if not blob_or_damaged(edited)}
    assert missed == (set() if covered else as_good_as_one_token)


@blobs
def test_every_cut_that_leaves_the_separator_resembles_a_blob(text):
    joint = text.index(";")
    for end in range(joint + 1, len(text)):
        assert blob_or_damaged(text[:end])
    padded = text[joint - 1] == "="
    for start in range(1, joint + 1 if padded else joint - 15):
        assert blob_or_damaged(text[start:])
    assert blob_or_damaged(text[joint:])


@blobs
def test_up_to_three_characters_lost_inside_a_part_resemble_a_blob(text):
    for size in (2, 3):
        for start in range(len(text) - size + 1):
            if ";" not in text[start : start + size]:
                assert blob_or_damaged(text[:start] + text[start + size :])


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Z"]), max_size=400))
def test_nothing_resembles_a_blob_without_its_marks(text):
    assert not Blob.resembles(text) or ";" in text or "=" in text or "U2FsdGVkX1" in text


def test_megabytes_of_one_token_are_judged():
    text = b64(scrambled(3_000_000))
    assert not Blob.resembles(text)
    assert not Blob.resembles(text + "!!")
    assert Blob.resembles(f"{b64(scrambled(4_800_000))};{IV64}x")


def test_import_is_light():
    script = (
        "import sys, sealkit.crypto.blob, sealkit.crypto.cipher\n"
        "heavy = {'cryptography', 'dataclasses', 'inspect', 'tempfile', 'pathlib', 'threading', 'hmac'}\n"
        "sys.exit(f'{heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert (done.returncode, done.stderr) == (0, "")
