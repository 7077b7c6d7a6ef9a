"""What is printed carries nothing that acts, whatever the text; looked for in another way than ``printable`` looks for it."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit.errors import SealkitError, StoreError
from sealkit.printable import json_text, line, lines, printed
from sealkit.report import Outcome

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
KEPT = "\u200c\u200d" + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))


def acting(text, *, payload):
    """What of a text could act: on a terminal, on who reads it, on a runner."""
    found = [one for one in set(text) if is_acting(one, payload=payload)]
    found += re.findall(r"\r(?!\n)", text) if payload else re.findall(r"\r", text)
    found += re.findall(r"##[\w.-]*\[", text)
    found += [row for row in text.replace("\r", "\n").split("\n") if row.lstrip().startswith("::")]
    return found + re.findall(r"section_(?:start|end):", text)


def is_acting(one, *, payload):
    if one in "\n\r" or (payload and one in KEPT + "\t\xad\u180e"):
        return False
    return one in KEPT or (unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and one not in VISIBLE)


VISIBLE = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # signs of numbers, which are seen
)
VISIBLE += "".join(map(chr, range(0x13430, 0x13440)))  # how hieroglyphs stand to each other
EVERY = [chr(code) for code in range(0x110000)]

# What no line may begin with, hold, or both; and what stands for it.
ORDERS = [
    ("##[error]x", "\\x23#[error]x"),
    ("a ##[group]x", "a \\x23#[group]x"),
    ("##vso[task.setvariable variable=a]b", "\\x23#vso[task.setvariable variable=a]b"),
    ("##teamcity[buildStop comment='x']", "\\x23#teamcity[buildStop comment='x']"),
    ("####[x]", "##\\x23#[x]"),
    ("##[a]##[b]", "\\x23#[a]\\x23#[b]"),
    ("::error file=a::b", "\\x3a:error file=a::b"),
    (" \u3000 ::set-output name=a::b", " \u3000 \\x3a:set-output name=a::b"),
    (":::warning::", "\\x3a::warning::"),
    ("::", "\\x3a:"),
    ("section_start:1560896352:x[collapsed=true]", "\\x73ection_start:1560896352:x[collapsed=true]"),
    ("x section_end:1:x", "x \\x73ection_end:1:x"),
    ("\x1b[31m::stop-commands::x", "\\x1b[31m::stop-commands::x"),
    ("%0A::error::x", "%0A::error::x"),
]
HARMLESS = [
    "a::b",
    "std::vector",
    "## Heading [link](x)",
    "# [x]",
    "##",
    "a: b",
    "section_start",
    "# # [x]",
    "##\u00a0[x]",
    "x ::y",
]


@pytest.mark.parametrize(("text", "shown"), ORDERS)
def test_orders_are_broken(text, shown):
    assert line(text) == lines(text) == shown
    assert printed(text.encode()) == shown.encode()
    assert not acting(shown, payload=False)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text):
    assert (line(text), lines(text), printed(text.encode())) == (text, text, text.encode())


@pytest.mark.parametrize("text", ["a\n::b", "a\r\n::b", "\n\n \t::b", "x\n##[b]", "a\n\n##vso[x]"])
def test_orders_in_later_lines_are_broken(text):
    assert not acting(lines(text), payload=True)
    assert lines(text).replace("\\x3a", ":").replace("\\x23", "#") == text


def test_every_character():
    for start in range(0, len(EVERY), 1024):
        text = "a".join(EVERY[start : start + 1024])
        assert not acting(line(text), payload=False)
        assert not acting(lines(text), payload=True)
        assert line(text).encode("utf-8")


@pytest.mark.parametrize(
    "text", ["می‌خواهم", "👩‍👩‍👧", "❤️", "葛󠄀城市", "Zürich — naïve", "ﷺ", "e\u0301", "a\tb\nc\r\n", "Staub\xadecken"]
)
def test_payload_lines_keep_what_languages_need(text):
    assert lines(text) == text
    assert printed(text.encode()) == text.encode()


@pytest.mark.parametrize(
    "text", ["می‌خواهم", "👩‍👩‍👧", "❤️", "葛󠄀城市", "Staub\xadecken", "a\u115fb", "a\u3164b", "\u034fx", "a\tb", "a\nb"]
)
def test_names_show_what_cannot_be_seen(text):
    assert line(text) != text
    assert line(text).isascii() or not acting(line(text), payload=False)
    assert line(line(text)) == line(text)


PARTS = [*BIDI, *KEPT[:6], *"\n\r\t :#[]\x1b\x07\x9b\x7f\u2028\ufeff\udc9b\U000e0041", "##", "::", "##vso[", "section_start:", "ab"]
ANYTHING = st.lists(st.sampled_from(PARTS) | st.characters(), max_size=30).map("".join)


@given(ANYTHING)
@settings(max_examples=800, deadline=None)
def test_nothing_acts_in_any_text(text):
    assert not acting(line(text), payload=False)
    assert "\n" not in line(text)
    assert not acting(lines(text), payload=True)
    assert line(line(text)) == line(text)
    assert lines(lines(text)) == lines(text)
    assert lines(text).count("\n") == text.count("\n")


@given(ANYTHING)
@settings(max_examples=300, deadline=None)
def test_nothing_acts_in_any_error_or_json_line(text):
    error = StoreError(problem=text, hint=text, path=text)
    assert isinstance(error, SealkitError)
    assert not acting(str(error), payload=False)
    assert not acting(error.hint or "", payload=False)
    outcome = Outcome(text, "finding", text, "unsealed", message=text, hint=text)
    spelt = json_text(outcome.json_line())
    assert not acting(spelt.decode("ascii"), payload=False)
    known = json.loads(spelt)
    assert known == outcome.as_dict()
    assert (known["path"], known["field"]) == (text, text)
    for name in ("message", "hint"):
        assert not acting(known[name], payload=False)


@given(st.binary(max_size=60) | ANYTHING.map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=300, deadline=None)
def test_nothing_acts_in_any_bytes(data):
    assert not acting(printed(data).decode("utf-8"), payload=True)
