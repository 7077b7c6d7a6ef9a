"""What the grammar of lines calls certain, libyaml reads to its end; both on documents near the grammar's edges, and on noise."""

from __future__ import annotations

import itertools
import os
import random
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml_documents import Documents

from sealkit import plainyaml, yamltree

RECORDS = Path(__file__).parent / "records"
SAMPLE = (RECORDS / "sample.md").read_bytes().split(b"---\n")[1]
COUNT = 10_000

needs_engine = pytest.mark.usefixtures("engine")


@pytest.fixture
def engine(monkeypatch):
    """Let the engine answer from the first document on."""
    pytest.importorskip("re2")
    monkeypatch.setattr(plainyaml, "_asked", itertools.count(plainyaml.FEW))


def agree(data):
    """Return whether the grammar is certain; if so, libyaml must read it."""
    if all(len(line) <= 1024 for line in data.split(b"\n")):
        assert yamltree.events(plainyaml.shortened(data)) == yamltree.events(data), data
    if not plainyaml.is_certain(data):
        return False
    assert yamltree.events(data.replace(b"*", b"x")) is not None, data  # where there is a star, it looks for aliases
    return True


VALUES = (
    *(
        "x",
        "a b",
        "1",
        "-1",
        "-.5",
        "--x",
        "a:b",
        "a::b",
        "a#b",
        "a #b",
        "a: b",
        "a:",
        "http://x.org/?a=b&c=d#e",
        "a, [b] {c}",
        "it's",
    ),
    *('"a"', '"a: b"', '"a # b"', '""', '"a" # b', '"a"b', '"a" b', '"a": b', '"a', 'a"', '"a\\', '"a\\nb"', '"\u00e9"'),
    *("'a'", "'it''s'", "''", "'a' # b", "'a'b", "'a': b", "'a", "a'", "'a: b'", "''''", "'''"),
    *(
        "...",
        "---",
        "-",
        "- a",
        "? a",
        "?",
        ":",
        ": a",
        ":a",
        "|",
        ">-",
        "|\n  a",
        "[a]",
        "{a: b}",
        "&a b",
        "*a",
        "!a b",
        "!!str a",
    ),
    *(
        "%a",
        "@a",
        "`a",
        "#a",
        " ",
        "\t",
        "a\tb",
        "\u00e9",
        "a\u2028b",
        "a\x85b",
        "\ufeff",
        "a\x7fb",
        "a\x00b",
        "$a",
        "+1",
        "(a)",
        "~",
        "<<",
    ),
    *(
        "x" * 1100,
        "some letters, and more of them",
        '"some letters, and more of them"',
        "'some letters, and more of them'",
        "https://example.org/a/long-path",
    ),
    *(
        "some letters, and more: of them",
        '"some letters\n  and more: of these letters"',
        "some letters\n  and more: of these letters",
        "> some letters, and more of them",
    ),
    *(
        "[some letters, and more of them, a]",
        "!some-letters-and-more-of-them a",
        "&some-letters-and-more-of-them a",
        '"\\x41some letters, and more of them"',
    ),
    *(
        ">\n  some letters: more letters, and more of them",
        "a # some letters: more letters, and more of them",
        "'a: some letters, and more of them",
    ),
)
KEYS = (
    "a",
    "title",
    "k-1",
    "Z_",
    "_",
    "a.b",
    "1",
    "-a",
    "é",
    "'a'",
    '"a"',
    "a b",
    "<<",
    "?",
    "---",
    "...",
    "k" * 100,
    "some letters, and more of them",
    "? some letters, and more of them\n",
)
ENDS = ("", "", "", " ", "  # c", " #", "#", "\r", "\t")
LINES = ("", "  ", "# c", "   # c: d", "---", "...", "%YAML 1.1", "\t", "#\u00e9", "text", "- ", "a")


def near_the_grammar(chance, oddness):
    """Yield the lines of a document whose levels mostly fit together."""
    columns, can_be_deeper = [0], False
    for number in range(chance.randint(1, 10)):
        if chance.random() < oddness:
            yield chance.choice(LINES)
            continue
        column = chance.choice(columns)
        if can_be_deeper and chance.random() < 0.7:
            column = columns[-1] + chance.choice((0, 2, 2))
        if chance.random() < oddness / 3:
            column = max(0, column + chance.randint(-3, 3))
        dash = "- " if number and chance.random() < 0.35 else ""
        key = chance.choice(KEYS if chance.random() < oddness else KEYS[:5]) + ":"
        value = chance.choice(VALUES if chance.random() < oddness * 2 else VALUES[:5])
        can_be_deeper = chance.random() < 0.35
        text = key if can_be_deeper else value if dash and chance.random() < 0.5 else f"{key} {value}"
        yield " " * column + dash + text + (chance.choice(ENDS) if chance.random() < oddness else "")
        columns = [one for one in columns if one < column] + [column] + ([column + 2] if dash else [])


@needs_engine
@pytest.mark.parametrize("oddness", [0.02, 0.1, 0.3])
def test_documents_near_the_grammar(oddness):
    chance, certain, parse = random.Random(int(os.environ.get("SEALKIT_FUZZ_SEED", "17"))), 0, 0
    for _ in range(COUNT):
        text = "\n".join(near_the_grammar(chance, oddness)) + "\n"
        data = text.encode()
        is_certain = agree(data)
        certain += is_certain
        parse += is_certain or yamltree.events(data) is not None
    assert certain > parse / 5 > COUNT / 40


@needs_engine
def test_documents_of_another_making():
    make = Documents(5)
    assert sum(agree(make().encode("utf-8", "surrogatepass")) for _ in range(COUNT)) > COUNT / 100


@needs_engine
@given(
    st.lists(
        st.sampled_from([*"ab:-#'\"\n\n  \n[]{}|>&*!%.?,", ": ", " #", "\n- ", "\n  ", "a: ", "- a: b\n", "é", "\t"]), max_size=30
    )
)
def test_noise(parts):
    agree("".join(parts).encode() + b"\n")


@needs_engine
@pytest.mark.parametrize("in_keys_column", [False, True])
def test_a_byte_changed_lost_or_added_in_a_real_record(in_keys_column):
    data = yaml.safe_dump(yaml.safe_load(SAMPLE), width=2000).encode() if in_keys_column else SAMPLE
    chance, certain = random.Random(3), 0
    for _ in range(COUNT):
        at = chance.randrange(len(data))
        new = chance.choice(
            [
                b"",
                b"\n",
                b" ",
                b"  ",
                b":",
                b": ",
                b"-",
                b"- ",
                b"#",
                b" #",
                b"'",
                b'"',
                b"\\",
                b"{",
                bytes([chance.randrange(256)]),
            ]
        )
        certain += agree(data[:at] + new + data[at + chance.randint(0, 3) :])
    assert certain > COUNT / 3


@needs_engine
@pytest.mark.parametrize(
    "text",
    [
        "a: b\n",
        "\n# c\na: b\n",
        "a:\nb: c\n",
        "a:\n  b:\n    c:\n      d:\n        e: f\n",
        "a:\n  - b\n  - c: d\n    e:\n      - f: g\n        h: i\n",
        "a:\n- b\n- c: d\n  e:\n  - f: g\n    h: i\n",
        "a:   # why\n\n    # so\n  b: 'it''s'   \n  c: \"d: # e\"\nf: g:h#i\n",
        "a: é\n",
    ],
)
def test_what_is_plain(text):
    assert plainyaml.is_certain(text.encode())


@needs_engine
def test_the_sample_is_plain():
    assert plainyaml.is_certain(SAMPLE)


@needs_engine
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a: b",
        "a: b\n c: d\n",
        "a:\n  b: c\n- d\n",
        "a:\n- b\n  - c\n",
        "a: b: c\n",
        'a: "\\n"\n',
        "a: |\n  b\n",
        "a: [b]\n",
        "a: \x85\n",
    ],
)
def test_what_is_not(text):
    assert not plainyaml.is_certain(text.encode())


@needs_engine
def test_bytes_that_are_utf8_only_together():
    assert plainyaml.is_certain("a: Р\n".encode())
    assert not plainyaml.is_certain(b"a: \xd0\nb: \xa0\n")


@needs_engine
def test_what_is_long_is_left_to_libyaml():
    data = b"a: b\n" * (plainyaml.MAX_BYTES // 5)
    assert plainyaml.is_certain(data)
    assert not plainyaml.is_certain(data + b"a: b\n")


@needs_engine
def test_few_documents_do_not_start_the_engine(monkeypatch):
    monkeypatch.setattr(plainyaml, "_asked", itertools.count())
    answers = [plainyaml.is_certain(b"a: b\n") for _ in range(plainyaml.FEW + 2)]
    assert answers == [False] * plainyaml.FEW + [True] * 2


def test_without_the_extra_nothing_is_certain(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    plainyaml.engine.cache_clear()
    try:
        assert not plainyaml.is_certain(b"a: b\n")
    finally:
        plainyaml.engine.cache_clear()


# --- what libyaml need not read --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("a: some letters, and more of them\n", "a: a\n"),
        ('a: "some letters, and more of them"\n', 'a: "a"\n'),
        ("a: https://example.org/a/long-path?b=c\n", "a: a?b=c\n"),
        ("a: some letters, and more: of them\n", "a: a: of them\n"),
        ("a: few\n", "a: few\n"),
        ("a: 'some letters, and more of them'\n", "a: 'some letters, and more of them'\n"),
    ],
)
def test_what_is_cut(text, short):
    assert plainyaml.shortened(text.encode()) == short.encode()


@pytest.mark.parametrize("odd", ["[b]", "{b: c}", "&b c", "*b", "!b c", '"\\n"', "%"])
def test_nothing_is_cut_where_letters_may_count(odd):
    text = f"a: some letters, and more of them\nb: {odd}\n".encode()
    assert plainyaml.shortened(text) == text
