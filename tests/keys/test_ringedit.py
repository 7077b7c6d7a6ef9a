"""Changing the text of a ring: one splice, comments and order kept, in whatever style the ring is written; else it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import ringedit, ringfile

A = "{hex: '" + "aa" * 16 + "'}"
B = "{hex: '" + "bb" * 16 + "'}"
RING = f"""# mine
version: 1
primary: a # seals
keys:
  # the first
  - id: a # of all
    source: {A}
    format: tagged # since May
  # the second
  - id: b
    # from the desk
    source: {B}

  - {{id: c, source: {{env: C, encoding: hex}}}} # elsewhere
# end
"""
CASES = [
    # a change of the ring above: the line that goes (None: none), the lines that come in its place
    (("b", "state", "disabled"), None, f"    source: {B}\n", f"    source: {B}\n    state: disabled\n"),
    (("b", "format", "synthetic"), None, f"    source: {B}\n", f"    source: {B}\n    format: synthetic\n"),
    (("a", "format", "plain"), None, "format: tagged # since May", "format: plain # since May"),
    (("a", "accept", "authentic"), None, "# since May\n", "# since May\n    accept: authentic\n"),
    (("c", "state", "disabled"), None, "encoding: hex}} # elsewhere", "encoding: hex}, state: disabled} # elsewhere"),
]


@pytest.mark.parametrize(("change", "_", "old", "new"), CASES, ids=[" ".join(case[0]) for case in CASES])
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_an_attribute(change, _, old, new, eol, bom):
    text = bom + RING.replace("\n", eol)
    changed = ringedit.with_attribute(text.encode(), *change).decode()
    assert changed == bom + RING.replace(old, new).replace("\n", eol)
    key = next(key for key in ringfile.parse(changed.encode(), "").keys if key.id == change[0])
    assert getattr(key, change[1]) == change[2]


@pytest.mark.parametrize("change", [("a", "format", "tagged"), ("b", "state", "enabled"), ("c", "accept", "any")])
def test_what_is_so_already_stays_as_it_is(change):
    assert ringedit.with_attribute(RING.encode(), *change) == RING.encode()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("a", "state", "disabled"), "the primary a is disabled"),
        (("b", "accept", "authentic"), "it would refuse what it seals"),
        (("b", "state", "gone"), "no such state"),
        (("b", "format", "fancy"), "no such format"),
    ],
)
def test_an_attribute_that_does_not_go_with_the_ring(failure, change, problem):
    assert problem in failure(ringedit.with_attribute, RING.encode(), *change).problem


def test_a_key_that_is_not_there(failure):
    for call in (
        lambda: ringedit.with_attribute(RING.encode(), "x", "state", "disabled"),
        lambda: ringedit.without(RING.encode(), "x"),
        lambda: ringedit.with_id(RING.encode(), "x", "y"),
        lambda: ringedit.with_source(RING.encode(), "x", A),
    ):
        error = failure(call)
        assert type(error) is NoUsableKey
        assert error.hint == "it has: a, b, c"


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("a", "z", [("primary: a #", "primary: z #"), ("id: a #", "id: z #")]),
        ("a", "2026", [("primary: a #", 'primary: "2026" #'), ("id: a #", 'id: "2026" #')]),
        ("b", "b.2", [("id: b\n", "id: b.2\n")]),
        ("c", "no", [("{id: c,", '{id: "no",')]),
    ],
)
def test_another_id(old, new, parts):
    expected = RING
    for before, after in parts:
        expected = expected.replace(before, after)
    changed = ringedit.with_id(RING.encode(), old, new)
    assert changed.decode() == expected
    assert [key.id for key in ringfile.parse(changed, "").keys] == [new if one == old else one for one in "abc"]


@pytest.mark.parametrize("taken", ["b", "a"])
def test_an_id_that_is_taken(failure, taken):
    assert "already" in failure(ringedit.with_id, RING.encode(), "a", taken).problem


@pytest.mark.parametrize(
    ("key_id", "gone"),
    [
        ("b", f"  - id: b\n    # from the desk\n    source: {B}\n"),
        ("c", "  - {id: c, source: {env: C, encoding: hex}} # elsewhere\n"),
    ],
)
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_a_key_is_cut_out(key_id, gone, eol):
    assert gone in RING
    changed = ringedit.without(RING.replace("\n", eol).encode(), key_id)
    assert changed.decode() == RING.replace(gone, "").replace("\n", eol)


def test_the_first_and_the_last_key_are_cut_out():
    text = f"version: 1\nkeys:\n- id: a\n  source: {A}\n- id: b\n  source: {B}\nprimary: b"
    assert ringedit.without(text.encode(), "a").decode() == f"version: 1\nkeys:\n- id: b\n  source: {B}\nprimary: b"
    text = f"version: 1\nprimary: a\nkeys:\n- id: a\n  source: {A}\n- id: b\n  source: {B}"
    assert ringedit.without(text.encode(), "b").decode() == f"version: 1\nprimary: a\nkeys:\n- id: a\n  source: {A}\n"


def test_the_primary_is_not_cut_out(failure):
    assert "is the primary" in failure(ringedit.without, RING.encode(), "a").problem


BY_HAND = {
    "flow list": (f"version: 1\nprimary: a\nkeys: [{{id: a, source: {A}}}, {{id: b, source: {B}}}]\n", ["without"]),
    "dash on a line of its own": (
        f"version: 1\nprimary: a\nkeys:\n  - id: a\n    source: {A}\n  -\n    id: b\n    source: {B}\n",
        ["without"],
    ),
    "id as a block scalar": (
        f"version: 1\nprimary: a\nkeys:\n  - id: a\n    source: {A}\n  - id: |-\n      b\n    source: {B}\n",
        ["with_id"],
    ),
}


@pytest.mark.parametrize(("text", "edits"), BY_HAND.values(), ids=BY_HAND)
def test_what_has_to_be_edited_by_hand(failure, text, edits):
    calls = {
        "without": lambda: ringedit.without(text.encode(), "b"),
        "with_id": lambda: ringedit.with_id(text.encode(), "b", "z"),
    }
    for edit in edits:
        error = failure(calls[edit])
        assert type(error) is ConfigError
        assert "cannot be changed without touching more" in error.problem


@pytest.mark.parametrize(
    ("key_id", "old"),
    [("a", A), ("b", B), ("c", "{env: C, encoding: hex}")],
)
def test_another_source(key_id, old):
    new = "{file: x.key, encoding: raw}"
    assert ringedit.with_source(RING.encode(), key_id, new).decode() == RING.replace(old, new)


def test_another_source_in_the_place_of_a_block():
    text = f"version: 1\nprimary: a\nkeys:\n  - id: a\n    source:\n      hex: {'aa' * 16} # old\n    format: tagged\n"
    changed = ringedit.with_source(text.encode(), "a", "{file: x.key, encoding: raw}").decode()
    assert changed == text.replace(f"hex: {'aa' * 16}", "{file: x.key, encoding: raw}")


IDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=12), min_size=3, max_size=5, unique=True)
COMMENTS = st.lists(st.sampled_from(["", " # ключ", " # id: x", " # }"]), min_size=5, max_size=5)


@settings(deadline=None)
@given(IDS, COMMENTS, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.data())
def test_any_change_is_one_line_and_comes_back(ids, comments, eol, flow, data):
    lines = ["version: 1", f'primary: "{ids[0]}"', "keys:"]
    for key_id, comment in zip(ids, comments, strict=False):
        word = ringfile.word(key_id)
        if flow:
            lines.append(f"  - {{id: {word}, source: {{env: A, encoding: hex}}}}{comment}")
        else:
            lines += [f"  - id: {word}{comment}", f"    source: {{env: A, encoding: hex}}{comment}"]
    text = (eol.join(lines) + eol).encode()
    key_id = data.draw(st.sampled_from(ids[1:]))
    disabled = ringedit.with_attribute(text, key_id, "state", "disabled")
    assert [key.may_open for key in ringfile.parse(disabled, "").keys] == [one != key_id for one in ids]
    added = [line for line in disabled.splitlines() if line not in text.splitlines()]
    assert len(added) == 1
    enabled = ringedit.with_attribute(disabled, key_id, "state", "enabled")
    assert enabled == disabled.replace(b"state: disabled", b"state: enabled", 1)
    renamed = ringedit.with_id(text, key_id, "a-new-name-of-it")
    assert ringedit.with_id(renamed, "a-new-name-of-it", key_id) == text
    cut = ringedit.without(text, key_id)
    assert [key.id for key in ringfile.parse(cut, "").keys] == [one for one in ids if one != key_id]
    source = "{env: A, encoding: hex}"
    last = ringedit.without(ringedit.with_entry(text, "the-last-one", source), "the-last-one")
    assert last == text
