"""Secrets that are overwritten: buffers in place, bytes that a library made or takes; and never bytes that somebody else has."""

from __future__ import annotations

import os
import sys

import pytest

from sealkit import wiping
from sealkit.wiping import lent, moved, wipe

SECRET = bytes(range(100, 132))
cpython = pytest.mark.skipif(sys.implementation.name != "cpython", reason="bytes are overwritten in CPython alone")


@pytest.mark.parametrize("size", [0, 1, 2, 8, 31, 32, 33, 4096])
def test_a_buffer_is_overwritten_in_place(size):
    buffer = bytearray(os.urandom(size))
    with memoryview(buffer) as view:
        wipe(buffer)
        assert bytes(view) == bytes(size)


def overwritten(monkeypatch):
    """Note the bytes that are to be overwritten, and leave them."""
    seen = []
    monkeypatch.setattr(wiping, "_overwrite", lambda value: seen.append(bytearray(value)))
    return seen


HAD_BY_OTHERS = {
    "a variable": lambda kept: kept,
    "an item of a list": lambda kept: [kept][0],
    "an attribute": lambda kept: type("Place", (), {"secret": kept}).secret,
    "a value of a dict": lambda kept: {"secret": kept}["secret"],
    "bytes of bytes": lambda kept: bytes(kept),
    "a constant": lambda _: b"a constant of this module, of some length",
}


@pytest.mark.parametrize("place", HAD_BY_OTHERS)
def test_bytes_that_somebody_else_has_are_left_alone(place):
    kept = bytes(bytearray(SECRET))
    found = HAD_BY_OTHERS[place](kept)
    before = bytearray(found)
    assert moved(HAD_BY_OTHERS[place](kept)) == before
    assert found == before
    assert kept == SECRET


MADE = {
    "a slice": lambda: SECRET[2:],
    "a sum": lambda: SECRET[:8] + SECRET[9:],
    "what a buffer holds": lambda: bytes(bytearray(SECRET)),
    "what was read": lambda: os.urandom(32),
    "two bytes": lambda: SECRET[:2],
}


@cpython
@pytest.mark.parametrize("made", MADE)
def test_bytes_that_were_just_made_are_overwritten(monkeypatch, made):
    seen = overwritten(monkeypatch)
    kept = moved(MADE[made]())
    assert seen == [kept]
    assert kept


@cpython
def test_what_is_lent_is_overwritten_after_use():
    with lent(bytearray(SECRET)) as given:
        assert given == SECRET
    assert given == bytes(len(SECRET))


@cpython
def test_what_is_lent_is_overwritten_after_an_error():
    with pytest.raises(ValueError, match="of a library"), lent(bytearray(SECRET)) as given:
        raise ValueError("of a library")
    assert given == bytes(len(SECRET))


def test_bytes_that_were_bytes_before_are_lent_as_they_are():
    whole = bytes(bytearray(SECRET))
    with lent(whole) as given:
        assert given is whole
    assert whole == SECRET


@pytest.mark.parametrize("value", [b"", *(bytes([one]) for one in (0, 1, 65, 120, 255))])
def test_what_python_has_once_for_everybody_is_left_alone(value):
    """Of an empty text and of each single byte there is one object in a process: overwritten, it would be another byte for everybody."""
    number = list(value)
    with lent(bytearray(value)) as given:
        assert given == bytes(number)
    moved(bytes(bytearray(value)))
    assert list(bytes(number)) == number


def test_where_there_is_no_ctypes_nothing_is_overwritten(monkeypatch):
    monkeypatch.setitem(sys.modules, "ctypes", None)
    with lent(bytearray(SECRET)) as given:
        pass
    assert given == SECRET
    assert moved(bytes(bytearray(SECRET))) == SECRET
