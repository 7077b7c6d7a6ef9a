"""How key bytes are written: encodings stated and strict."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.errors import NoUsableKey
from sealkit.keys import encodings
from sealkit.keys.access import Access

SECRET = bytes(range(100, 132))
HEX32, HEX64 = SECRET[:16].hex(), SECRET.hex()
BASE64 = base64.b64encode(SECRET).decode()
CHARACTERS = b"0123456789abcdefghijklmnopqrstuv"


def access():
    return Access({})


READ = [
    ("hex", HEX64.encode(), SECRET),
    ("hex", HEX64.upper().encode(), SECRET),
    ("hex", HEX32.encode() + b"\n", SECRET[:16]),
    ("hex", HEX32.encode() + b"\r\n", SECRET[:16]),
    ("hex", SECRET[:24].hex().encode(), SECRET[:24]),
    ("base64", BASE64.encode(), SECRET),
    ("base64", BASE64.encode() + b"\n", SECRET),
    ("base64", base64.b64encode(SECRET[:24]), SECRET[:24]),
    ("raw", SECRET, SECRET),
    ("raw", SECRET[:15] + b"\n", SECRET[:15] + b"\n"),
    ("raw", CHARACTERS, CHARACTERS),
]


@pytest.mark.parametrize(("encoding", "content", "secret"), READ)
def test_decode(encoding, content, secret):
    reach = access()
    assert encodings.decode(bytearray(content), encoding, "k", reach) == secret
    assert reach.warnings == []


NOT_A_KEY = [
    ("hex", b"", "0 bytes", ""),
    ("raw", b"Salted__" + bytes(24), "something encrypted", "openssl enc has encrypted it"),
    ("base64", base64.b64encode(b"Salted__" + bytes(24)), "something encrypted", "openssl enc has encrypted it"),
    ("hex", HEX64.encode() + b"\n\n", "not valid hex", "digits"),
    ("hex", b" " + HEX64.encode(), "not valid hex", "digits"),
    ("hex", HEX32[:16].encode() + b" " + HEX32[16:].encode(), "not valid hex", "digits"),
    ("hex", HEX32.encode() + b"\r", "not valid hex", "digits"),
    ("hex", HEX32[:-1].encode(), "not valid hex", "even number"),
    ("hex", b"0x" + HEX32.encode(), "not valid hex", "digits"),
    ("hex", HEX32[:30].encode(), "15 bytes", "16, 24 or 32"),
    ("hex", BASE64.encode(), "not valid hex", "encoding: base64"),
    ("base64", HEX64.encode(), "48 bytes", "a 64-character text of hex digits is probably hex: encoding: hex"),
    ("base64", BASE64[:-1].encode(), "not valid base64", "padded"),
    ("base64", BASE64.encode() + b"=", "not valid base64", "canonical"),
    ("base64", base64.b64encode(SECRET[:16])[:21] + b"B==", "not valid base64", "canonical"),
    ("base64", base64.urlsafe_b64encode(b"\xff" * 32), "not valid base64", "canonical"),
    ("base64", BASE64[:20].encode() + b"\n" + BASE64[20:].encode(), "not valid base64", "one line"),
    ("base64", b" " + BASE64.encode(), "not valid base64", "one line"),
    ("base64", b"=" + BASE64.encode(), "not valid base64", "canonical"),
    ("utf8", CHARACTERS[:31], "31 bytes", "16, 24 or 32"),
    ("utf8", CHARACTERS[:15] + b"\t", "not valid utf8", "printable"),
    ("utf8", "ключключ".encode(), "not valid utf8", "printable"),
    ("utf8", CHARACTERS + b"\n\n", "not valid utf8", "printable"),
    ("utf8", HEX64.encode(), "64 bytes", "probably hex"),
    ("raw", HEX64.encode(), "64 bytes", "probably hex"),
    ("raw", BASE64.encode(), "44 bytes", "encoding: base64"),
    ("raw", SECRET[:16] + b"\n", "17 bytes", "white space"),
    ("raw", b"", "0 bytes", "16, 24 or 32"),
]


@pytest.mark.parametrize(("encoding", "content", "problem", "hint"), NOT_A_KEY)
def test_decode_refuses(failure, encoding, content, problem, hint):
    error = failure(encodings.decode, bytearray(content), encoding, "k", access(), canary=content or SECRET)
    assert type(error) is NoUsableKey
    assert problem in error.problem
    assert hint in error.hint


def test_characters_used_as_a_key_are_warned_about():
    reach = access()
    assert encodings.decode(bytearray(CHARACTERS + b"\n"), "utf8", "key k1", reach) == CHARACTERS
    assert len(reach.warnings) == 1
    assert "key k1" in reach.warnings[0]
    assert "far weaker than 256 bits" in reach.warnings[0]
    assert CHARACTERS[:8].decode() not in reach.warnings[0]


def test_base64_that_looks_like_hex_is_warned_about():
    reach = access()
    assert len(encodings.decode(bytearray(HEX32.encode()), "base64", "key k1", reach)) == 24
    assert "looks like hex" in reach.warnings[0]


@given(
    st.sampled_from(encodings.ENCODINGS),
    st.one_of(st.binary(max_size=70), st.text("0123456789abcdefAB+/=\n", max_size=70).map(str.encode)),
)
def test_whatever_the_content_a_key_or_no_usable_key(encoding, content):
    try:
        secret = encodings.decode(bytearray(content), encoding, "k", access())
    except NoUsableKey:
        return
    assert len(secret) in {16, 24, 32}


@given(st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_each_key_has_one_base64_spelling(secret):
    spelling = base64.b64encode(secret)
    assert encodings.decode(bytearray(spelling), "base64", "k", access()) == secret
    for last in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        at = len(spelling.rstrip(b"=")) - 1
        other = spelling[:at] + bytes([last]) + spelling[at + 1 :]
        try:
            assert encodings.decode(bytearray(other), "base64", "k", access()) != secret or other == spelling
        except NoUsableKey:
            assert len(secret) != 24
