"""Three payloads made into one: what must hold of every merge, and 20,000 random ones through whole records (marker ``fuzz``)."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealkit import jobs
from sealkit.conflict import Conflict
from sealkit.demands import Asked
from sealkit.git import objects, threeway
from sealkit.git.merge import merge
from sealkit.git.payloads import CLASH, NO_KEY, ONE_AUTHENTIC
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records.record import Record
from sealkit.sealer import Sealer
from sealkit.trees import orders, tasks
from sealkit.trees.fields import Orders

QUICK = settings(max_examples=int(os.environ.get("SEALKIT_MERGES", "400")), deadline=None, suppress_health_check=list(HealthCheck))

# --- lines -------------------------------------------------------------------------------------------------------------
CASES = [
    (b"a\nb\nc\n", b"A\nb\nc\n", b"a\nb\nC\n", b"A\nb\nC\n"),
    (b"a\nb\nc\n", b"A\nb\nc\n", b"A\nb\nc\n", b"A\nb\nc\n"),
    (b"a\nb\nc\n", b"A\nb\nc\n", b"a\nB\nc\n", None),  # no unchanged line in between
    (b"a\nb\nc\n", b"b\nc\n", b"a\nb\n", b"b\n"),
    (b"a\nb\nc\n", b"", b"a\nb\nc\nd\n", None),
    (b"a\nb", b"a\nb\nc", b"A\nb", None),  # the last line got a line end
    (b"a\n\nb", b"a\n\nb\nc", b"A\n\nb", b"A\n\nb\nc"),
    (b"a\r\nb\r\nc\r\n", b"A\r\nb\r\nc\r\n", b"a\r\nb\r\nC\r\n", b"A\r\nb\r\nC\r\n"),
    (b"a\n", b"a\nx\n", b"a\ny\n", None),
    (b"", b"x", b"y", None),
    (None, b"x", b"x", b"x"),
    (None, b"x", b"y", None),
    (b"x", b"x", b"x", b"x"),
]


@pytest.mark.parametrize(("base", "ours", "theirs", "merged"), CASES)
def test_lines(base, ours, theirs, merged):
    assert threeway.merge(base, ours, theirs) == merged
    assert threeway.merge(base, theirs, ours) == merged


def test_too_alike_to_compare_is_a_clash():
    base = b"x\n" * 4000
    assert threeway.merge(base, b"a\n" + base[:-200] + b"c\n", b"d\n" + base[: -2 * 300] + b"b\n") is None


def test_a_document_holds_both_sides():
    text = threeway.document(b"a\nb\nc\nd\n", b"a\nB\nc\nD\n", b"a\nbb\nc\nd\n")
    assert text == b"a\n<<<<<<< ours\nB\n||||||| base\nb\n=======\nbb\n>>>>>>> theirs\nc\nD\n"
    assert threeway.has_marks(text)
    assert not threeway.has_marks(b"a\n====\n<<<<<<< a title\n")


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"\n"]), max_size=8).map(b"".join)


@QUICK
@given(LINES, LINES, LINES)
def test_what_holds_of_lines(base, ours, theirs):
    merged = threeway.merge(base, ours, theirs)
    assert threeway.merge(base, theirs, ours) == merged
    assert threeway.merge(base, ours, base) == ours
    assert threeway.merge(base, base, theirs) == theirs
    assert threeway.merge(base, ours, ours) == ours
    if merged is not None:  # nothing is made up, and nothing gets lost that both sides kept
        assert set(merged.split(b"\n")) <= set((ours + theirs).split(b"\n"))


@settings(max_examples=60, deadline=None)
@given(LINES, LINES, LINES)
def test_git_never_merges_to_something_else_what_both_merge(tmp_path_factory, base, ours, theirs):
    """Git is the outside program. Where lines are alike it may align them otherwise; with lines that are all different it must agree."""
    texts = [b"".join(line + b"%d\n" % number for number, line in enumerate(dict.fromkeys(text.split(b"\n")))) for text in (base,)]
    base = texts[0]
    lines = base.splitlines(keepends=True)
    ours = b"".join(line.upper() if index < len(ours) % 4 else line for index, line in enumerate(lines))
    theirs = b"".join(line * 1 if index < len(lines) - len(theirs) % 3 else line + b"more\n" for index, line in enumerate(lines))
    folder = tmp_path_factory.mktemp("git")
    for name, text in (("o", base), ("a", ours), ("b", theirs)):
        (folder / name).write_bytes(text)
    ran = subprocess.run(["git", "merge-file", "-p", "a", "o", "b"], cwd=folder, capture_output=True, check=False)
    merged = threeway.merge(base, ours, theirs)
    if ran.returncode == 0 and merged is not None:
        assert merged == ran.stdout


# --- JSON --------------------------------------------------------------------------------------------------------------
def dumped(value, **style):
    return json.dumps(value, ensure_ascii=False, **style).encode()


SAME = {"id": "x", "n": 1, "by": {"a": 1, "b": [1, 2]}, "t": True}
JSON_CASES = {
    "different keys": (SAME | {"n": 2}, SAME | {"id": "y"}, SAME | {"n": 2, "id": "y"}),
    "in depth": (SAME | {"by": {"a": 2, "b": [1, 2]}}, SAME | {"by": {"a": 1, "b": [3]}}, SAME | {"by": {"a": 2, "b": [3]}}),
    "one added, one taken away": (
        {"id": "x", "n": 1, "by": SAME["by"]},
        SAME | {"new": None},
        {"id": "x", "n": 1, "by": SAME["by"], "new": None},
    ),
    "the same": (SAME | {"n": 3}, SAME | {"n": 3}, SAME | {"n": 3}),
    "both added the same": (SAME | {"k": {"a": 1}}, SAME | {"k": {"a": 1}, "n": 2}, SAME | {"k": {"a": 1}, "n": 2}),
    "one key, two values": (SAME | {"n": 2}, SAME | {"n": 3}, None),
    "a list is one value": (SAME | {"by": {"a": 1, "b": [0, 1, 2]}}, SAME | {"by": {"a": 1, "b": [1, 2, 3]}}, None),
    "taken away and changed": ({"id": "x", "by": SAME["by"], "t": True}, SAME | {"n": 2}, None),
    "another type": (SAME | {"by": 1}, SAME | {"by": {"a": 2, "b": [1, 2]}}, None),
    "true is not 1": (SAME | {"n": True}, SAME | {"n": 1, "t": 1}, SAME | {"n": True, "t": 1}),
}


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4}, {"indent": "\t"}], ids=str)
@pytest.mark.parametrize("name", JSON_CASES)
def test_json(name, style):
    ours, theirs, merged = JSON_CASES[name]
    base = dumped(SAME, **style)
    for one, other in ((ours, theirs), (theirs, ours)):
        found = threeway.merge(base, dumped(one, **style), dumped(other, **style))
        assert (None if found is None else objects.load(found)) == (None if merged is None else objects.load(dumped(merged)))
    if merged is not None:
        assert objects.style_of(found) == objects.style_of(base)


def test_numbers_keep_their_spelling():
    base, ours, theirs = b'{"a":1.10,"b":1e400,"c":1}', b'{"a":1.10,"b":1e400,"c":2}', b'{"a":1.100,"b":1e400,"c":1}'
    assert threeway.merge(base, ours, theirs) == b'{"a":1.100,"b":1e400,"c":2}'


@pytest.mark.parametrize("text", [b'{"a":1,"a":2}', b"[1", b"NaN", b"\xff", b"[" * 100_000, b""])
def test_not_json(text):
    assert objects.load(text) is objects.NO_VALUE


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@QUICK
@given(
    VALUES,
    st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4}, {"indent": "\t"}, {"indent": 1}]),
    st.booleans(),
)
def test_dump_is_what_json_dumps_writes(value, style, is_ascii):
    """The standard library is the other program; its style is found again."""
    text = json.dumps(value, ensure_ascii=is_ascii, **style).encode("utf-8", "surrogatepass")
    loaded = objects.load(text)
    if loaded is objects.NO_VALUE:  # half a surrogate pair, unescaped: not UTF-8
        return
    assert objects.dump(loaded, objects.style_of(text)) == text


# --- whole records -------------------------------------------------------------------------------------------------------
K1, K2 = Key("k1", bytes(range(16))), Key("k2", bytes(range(32)))
RING = KeyRing([K1, K2], primary="k2")
OTHERS = KeyRing([Key("k3", bytes(range(7, 39)))], primary="k3")
SEALER = Sealer(RING)
ASKED = tasks.nowhere(orders.ROTATE, Asked(), opener=SEALER, sealer=SEALER)
KNOWN = Orders(ASKED, "a.md")
FRONT = b'---\ntitle: Fog\nsecured: "%s"\nquality: 1\n---\nbody\n'
CANARY = "Kanarie"
PAYLOADS = st.lists(
    st.sampled_from([f"{CANARY} number {word}\n" for word in ("one", "two", "three", "four")]), min_size=1, max_size=6
)
TEXTS = PAYLOADS.map("".join).map(str.encode) | st.dictionaries(
    st.sampled_from("abc"), st.sampled_from([1, CANARY * 2, {"a": CANARY}, {"a": CANARY, "b": 2}]), min_size=1, max_size=3
).map(lambda value: json.dumps(value | {"long": "enough for a second block"}).encode())
BLOBS = st.tuples(TEXTS, st.sampled_from(["k1", "k2"]), st.sampled_from(["plain", "tagged"]))


def never(base, ours, theirs):
    raise AssertionError("the text around a blob is the same in all three")


def record(sealed):
    payload, key, form = sealed
    return FRONT % str(Sealer(RING, key_id=key).seal(payload, format=form)).encode()


def read(data):
    """What a record holds: the payload, its key and format; or the payloads of a conflict."""
    text = Record.parse(data, kind="frontmatter").blob_text("secured")[0]
    conflict = Conflict.parse(text)
    if conflict is None:
        opened = jobs.decrypt(Record.parse(data, kind="frontmatter"), SEALER)
        return opened.payload, opened.key_id, opened.format
    return [None if blob is None else SEALER.unseal(blob).payload for blob in conflict]


def prove(base, ours, theirs):
    """One merge of three records: it opens, or it is a conflict of ciphertext; and the other way round it means the same."""
    first = record(base)
    records = [first, *(first if one == base else record(one) for one in (ours, theirs))]
    merged = merge(*records, KNOWN, never, RING)
    turned = merge(records[0], records[2], records[1], KNOWN, never, RING)
    assert CANARY.encode() not in merged.data
    assert merged.data.count(b"\n") == 6
    assert (merged.is_done, merged.is_clean) == (turned.is_done, True)
    intended = threeway.merge(base[0], ours[0], theirs[0])
    if not merged.is_done:
        assert set(merged.problems) <= {CLASH.reason, ONE_AUTHENTIC.reason}
        assert read(merged.data) == [ours[0], base[0], theirs[0]]
        assert read(turned.data) == [theirs[0], base[0], ours[0]]
        assert intended is None or ours[2] != theirs[2] or base[2] != ours[2] == "tagged"
        return "conflict"
    payload, key, form = read(merged.data)
    if records[1] == records[0] or records[2] == records[0]:
        return "one side"
    assert payload == intended
    if ours[2] != theirs[2]:  # what is proved may be taken as it is, and nothing else of the two
        assert read(merged.data) in (ours, theirs)
    assert form == max(ours[2], theirs[2], key=["plain", "tagged"].index)
    if base[2] != "plain" or (ours[2], theirs[2]) != ("tagged", "tagged"):  # else the base counts as none
        assert key == (ours[1] if theirs[1] == base[1] else theirs[1] if ours[1] == base[1] else ours[1])
    other, *rest = read(turned.data)
    assert objects.load(other) == objects.load(payload) if objects.load(payload) is not objects.NO_VALUE else other == payload
    assert rest == [key, form]
    return "merged"


@QUICK
@given(BLOBS, BLOBS, BLOBS)
def test_random_merges(base, ours, theirs):
    prove(base, ours, theirs)


@pytest.mark.fuzz
def test_20000_random_merges():
    seen = {}

    @settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(BLOBS, BLOBS, BLOBS)
    def run(base, ours, theirs):
        what = prove(base, ours, theirs)
        seen[what] = seen.get(what, 0) + 1

    run()
    print(seen)
    assert sum(seen.values()) >= 20_000
    assert min(seen.get("merged", 0), seen.get("conflict", 0)) > 1000


def test_payloads_of_one_block_are_merged_too():
    """Under several keys all are tried, and exactly one fits."""
    merged = merge(*(record((text, "k1", "plain")) for text in (b"1\n2\n3", b"I\n2\n3", b"1\n2\nIII")), KNOWN, never, RING)
    assert read(merged.data) == (b"I\n2\nIII", "k1", "plain")
    merged = merge(*(record((text, "k1", "plain")) for text in (b"one", b"two", b"three")), KNOWN, never, RING)
    assert merged.problems == [CLASH.reason]


@pytest.mark.parametrize("ring", [None, OTHERS], ids=["no ring", "another ring"])
def test_without_the_key(ring):
    """One side alone is taken; otherwise ciphertext of both sides."""
    base, ours, theirs = (
        record((text, "k1", "plain"))
        for text in (b"one\ntwo\nthree of it\n", b"ONE\ntwo\nthree of it\n", b"one\ntwo\nTHREE of it\n")
    )
    known = (
        KNOWN if ring is None else Orders(tasks.nowhere(orders.ROTATE, Asked(), opener=Sealer(ring), sealer=Sealer(ring)), "a.md")
    )
    assert merge(
        base, base.replace(b"title: Fog", b"title: Mist"), theirs, known, lambda o, a, b: (a, True), ring
    ).data == theirs.replace(b"title: Fog", b"title: Mist")
    merged = merge(base, ours, theirs, known, never, ring)
    assert read(merged.data) == [b"ONE\ntwo\nthree of it\n", b"one\ntwo\nthree of it\n", b"one\ntwo\nTHREE of it\n"]
    assert not merged.is_done
    assert ring is not None or merged.problems == [NO_KEY.reason]
