"""Many changes of one record made together are what they are one after the other: the same bytes, the same refusals, the same lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit import limits, yamltree
from sealkit.errors import OverLimit, SealkitError
from sealkit.records import draft, fieldpath, jsontree
from sealkit.records.draft import Draft, Entangled
from sealkit.records.edit import Edit
from sealkit.records.record import Record
from sealkit.tree import Mapping, Scalar, Sequence

BLOB = "enp6enp6enp6enp6enp6eg==;MTIzNDU2Nzg5MGFiY2RlZg=="
CASES = Path(__file__).parent / "data" / "record_cases"
EXPECTED = json.loads((CASES / "expected.json").read_text())["cases"]


def paths_in(record):
    """Return the path of every field of a record that a path can name: mappings and lists as well as what is in them."""
    found, pending = [], [((), record.document.root)]
    while pending:
        steps, node = pending.pop()
        if steps:
            found.append(fieldpath.join(steps))
        if isinstance(node, Mapping):
            pending += [((*steps, key.text), value) for key, value in node.pairs if isinstance(key, Scalar)]
        elif isinstance(node, Sequence):
            pending += [((*steps, number), item) for number, item in enumerate(node.items)]
    return found


def changed(record, todo, how):
    """Change fields together; return the bytes, and what became of each field: its value afterwards, or the code and line of what was wrong."""
    log = []

    def do(record, one):
        path, text = one
        try:
            after = getattr(record, how)(path, text)
            log.append((path, "same" if after is record else "changed", after.values(path)[0]))
        except SealkitError as error:
            log.append((path, error.code, error.line))
            return record
        return after

    return draft.in_turn(record, todo, do, log).raw, log


def one_by_one(record, todo, how):
    """Do the same, one change after the other."""

    def never(record):
        raise Entangled

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Draft, "of", never)
        return changed(record, todo, how)


def assert_same(data, kind, paths=None, how="set"):
    """Compare both ways for some fields of a record, by default for all of them; return what became of each."""
    paths = paths_in(Record(data, kind, 1)) if paths is None else paths
    todo = [(path, f"{number:04d}{BLOB}") for number, path in enumerate(paths)]
    together = changed(Record(data, kind, 1), todo, how)
    assert together == one_by_one(Record(data, kind, 1), todo, how)
    return together[1]


YAML = {
    "items": "a:\n- b: one\n  c: x\n- b: two\n  c: y\n",
    "scalars of all styles": "a: one\nb: 'it''s'\nc: \"two\\n\"\nd: |\n  text\n  more\ne: >-\n  folded\n  text\n\nf: last\n",
    "block scalars with space around": "a: |+\n\n  QQ==;QQ==\n\n\nb: >2\n    QQ==;QQ==\nc: x\n",
    "comments": "a: one # first\nb: # second\n  - x\n  - y\nc: |  # third\n  z\nd: 'q' # 'fourth'\n",
    "flow": "{a: one, b: [two, {c: three}], 'd': \"four\", e: [x,\n  y], f: z}\n",
    "flow, nothing between": '{"a":"one","b":["two","three"],"c":{"d":"four"}}\n',
    "anchors": "a: &x one\nb: *x\nc: &y {d: e}\nf: *y\ng: h\n",
    "tags": "a: !!str one\nb: !t two\nc: !!str |\n  three\nd: &x !!str four\ne: five\n",
    "tags on many": "".join(f"k{number}: !!str 'v{number}'\n" for number in range(12)),
    "merges": "base: &b {secured: x}\none:\n  <<: *b\n  own: y\ntwo: z\n",
    "empty values": "a:\nb: ''\nc: one\nd: []\ne: {}\nf: x\n",
    "not strings": "a: 1\nb: true\nc: 2020-01-01\nd: text\ne: 1.5\n",
    "lists in lists": "a:\n- - one\n  - two\n- - three\nb:\n  -   four\n  -\n    five\n",
    "mappings that are sealed": "a:\n  b:\n    c: one\n    d: two\n  e:\n  - x\n  - y: z\nf: g\n",
    "quoted keys": '"a b": one\n\'c.d\': two\n? e\n: three\n"f\\x67": four\n',
    "beyond ASCII": 'ä: größer\nb: 日本語\nc: "\\u263a"\nd: 🎉 x\ne: ascii\n',
    "line breaks of some readers": 'a: one\u2028two\nb: three\nc: "x\u0085y"\nd: z\n',
    "duplicates": "a: one\na: two\nb: three\n",
    "look-alikes": "Secured: one\nsecured: two\nb: three\n",
    "refused behind what becomes shorter": "a:\n- one\n- two\nb: |\n  three\n  four\nc: &x five\nd: *x\ne:\n- x # y\n- z\nf: |\n  six\n\ng: 1\n",
    "trouble behind what becomes shorter": "a: |\n  one\n  two\nb:\n  k: x\n  k: y\n  Secured: z\n  secured: z\nc: three\n",
    "a document mark": "---\na: one\nb: two\n...\n",
    "no line end": "a: one\nb:\n- x\n- y",
    "long plain": "a: one\n  and more\n  of it\nb: two\n   three\nc: four\n",
    "broken at the end": 'a: one\nb: two\nc: "open\n',
}
JSON = {
    "items": '{"a": [{"b": "one"}, {"b": "two", "c": null}], "d": {"e": 1}}',
    "lines": '{\n  "a": [\n    "one",\n    "two"\n  ],\n  "b": {\n    "c": "three"\n  },\n  "d": "four"\n}\n',
    "escapes": '{"a": "\\u0041\\ud83c\\udf89", "b\\u0042": "two", "c": "\\ud800", "d": ""}',
    "duplicates": '{"a": "one", "a": "two", "b": "three"}',
    "broken": '{"a": "one", "b": "two"',
}


@pytest.mark.parametrize("how", ["set", "replace"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", YAML)
def test_yaml(name, ending, how):
    text = YAML[name].replace("\n", ending)
    for data, kind in (
        (text, "yaml"),
        (f"---{ending}{text.removeprefix(f'---{ending}').partition('...')[0]}{ending}---{ending}body: x\n", "frontmatter"),
    ):
        record = Record(data.encode(), kind, 1)
        try:
            paths = paths_in(record)
        except SealkitError:
            paths = ["a", "b", "c"]
        log = assert_same(data.encode(), kind, paths, how)
        assert_same(data.encode(), kind, paths[::-1], how)
        leaves = [path for path in paths if not any(other.startswith((f"{path}.", f"{path}[")) for other in paths)]
        assert_same(data.encode(), kind, leaves, how)
        assert_same(b"\xef\xbb\xbf" + data.encode(), kind, leaves, how)
        assert log


@pytest.mark.parametrize("how", ["set", "replace"])
@pytest.mark.parametrize("name", JSON)
def test_json(name, how):
    data = JSON[name].encode()
    paths = ["a", "b", "c"] if name == "broken" else paths_in(Record(data, "json", 1))
    assert assert_same(data, "json", paths, how)
    assert assert_same(data, "json", paths[::-1], how)


@pytest.mark.parametrize("case", EXPECTED, ids=[case["file"] for case in EXPECTED])
def test_the_hard_cases(case):
    data = (CASES / "files" / case["file"]).read_bytes()
    try:
        paths = paths_in(Record(data, case["format"], 1))[:12]
    except SealkitError:
        paths = []
    paths = list(dict.fromkeys([*paths, case["path"], "title"]))
    for how in ("set", "replace"):
        try:
            assert_same(data, case["format"], paths, how)
        except SealkitError:  # no record at all
            with pytest.raises(SealkitError):
                Record(data, case["format"], 1)


words = st.sampled_from(
    ["x", "two words", "it's", 'say "hi"', "QQ==;QQ==", "a # b", "ä", "1", "", "~", "a: b", "- x", "🎉", "x\ny", "\n\nx\n"]
)
keys = st.sampled_from(["a", "b", "secured", "c d", "é", "k1"])
trees = st.recursive(words, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=14)


@st.composite
def documents(draw):
    """Return YAML of a random tree, each of its values in a random style."""

    def scalar(text, indent):
        style = draw(st.sampled_from(["double", "single", "plain", "literal", "folded", "anchor", "tag"]))
        if style == "single" and "\n" not in text:
            return "'" + text.replace("'", "''") + "'"
        if style == "plain" and text in ("x", "two words", "ä", "1", "~", "QQ==;QQ==", "🎉", ""):
            return text
        if style in ("literal", "folded") and text.strip():
            mark = draw(st.sampled_from(["", "-", "+"]))
            lines = "".join(f"{' ' * (indent + 2)}{line}\n" if line else "\n" for line in text.strip("\n").split("\n"))
            return (
                ("|" if style == "literal" else ">") + mark + draw(st.sampled_from(["", " # c"])) + "\n" + lines.removesuffix("\n")
            )
        before = {"anchor": f"&n{draw(st.integers(0, 99))} ", "tag": "!!str "}.get(style, "")
        return before + json.dumps(text, ensure_ascii=False)

    def block(node, indent):
        pad = " " * indent
        if isinstance(node, dict) and node and draw(st.booleans()):
            return "\n" + "".join(
                f"{pad}{json.dumps(key)}: {block(value, indent + 2)}\n" for key, value in node.items()
            ).removesuffix("\n")
        if isinstance(node, list) and node and draw(st.booleans()):
            return "\n" + "".join(f"{pad}- {block(value, indent + 2)}\n" for value in node).removesuffix("\n")
        if isinstance(node, str):
            return scalar(node, indent) + draw(st.sampled_from(["", "", "", "  # comment"]))
        return json.dumps(node, ensure_ascii=False)

    tree = draw(st.dictionaries(keys, trees, min_size=1, max_size=5))
    text = "".join(f"{json.dumps(key)}: {block(value, 2)}\n" for key, value in tree.items())
    return text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"])))


@settings(max_examples=150, deadline=None)
@given(text=documents(), data=st.data(), how=st.sampled_from(["set", "replace"]))
def test_random_documents(text, data, how):
    record = Record(text.encode(), "yaml", 1)
    try:
        paths = paths_in(record)
    except SealkitError:
        return
    chosen = data.draw(st.permutations(paths))[: data.draw(st.integers(2, 8))]
    assert_same(text.encode(), "yaml", chosen, how)


# --- the work is counted ---------------------------------------------------------------------------------------------
@pytest.fixture
def parses(monkeypatch):
    """How often YAML and JSON are read."""
    found = []
    for module in (yamltree, jsontree):
        monkeypatch.setattr(module, "compose", lambda *args, was=module.compose, **named: found.append(1) or was(*args, **named))
    return found


@pytest.mark.parametrize(
    ("data", "kind", "path"),
    [
        ("a:\n" + "- b: x\n" * 300, "yaml", "a[].b"),
        ("---\na:\n" + "- x\n" * 300 + "---\n", "frontmatter", "a[]"),
        ("a: [" + "x, " * 300 + "x]\n", "yaml", "a[]"),
        ("a:\n" + "- b: !!str x\n" * 300, "yaml", "a[].b"),
        ("a:\n" + "- |\n  x\n" * 300, "yaml", "a[]"),
        ("a:\n" + "- {c: d}\n" * 300, "yaml", "a[]"),
        ("a:\n" + "- b: größer\n" * 300, "yaml", "a[].b"),
        (json.dumps({"a": [{"b": "x"}] * 300}), "json", "a[].b"),
        (json.dumps({"a": {"b": ["x"] * 300}}), "json", "a.b[]"),
        (json.dumps({"a": [["x"] * 20] * 15}), "json", "a[][]"),
    ],
)
def test_a_record_is_read_twice_however_many_fields_change(data, kind, path, parses):
    record = Record(data.encode(), kind, 1)
    todo = [(one, f"{number:04d}{BLOB}") for number, one in enumerate(record.paths(path))]
    after, log = changed(record, todo, "set")
    assert len(todo) >= 300
    assert len(parses) == 2
    assert {what for _, what, _ in log} == {"changed"}
    parses.clear()
    again = Record(after, kind, 1)
    assert changed(
        again, [(one, text[::-1]) for one, text in zip(again.paths(path), (text for _, text in todo), strict=True)], "set"
    )[1]
    assert len(parses) == 2


def test_a_change_that_does_not_prove_is_the_only_one_that_is_not_made(parses, monkeypatch):
    """Each reading that would have a spoilt field does not prove, so that halves are tried: a few for each of these."""
    data = b"a:\n" + b"- x\n" * 64
    was = Edit.spliced_over
    spoilt = ("a[5]", "a[40]")
    monkeypatch.setattr(
        Edit, "spliced_over", lambda edit, field: was(edit, field)._replace(text="{") if field.path in spoilt else was(edit, field)
    )
    todo = [(one, BLOB) for one in Record(data, "yaml", 1).paths("a[]")]
    expected = one_by_one(Record(data, "yaml", 1), todo, "set")
    parses.clear()
    after, log = changed(Record(data, "yaml", 1), todo, "set")
    assert (after, log) == expected
    assert [path for path, what, _ in log if what == "proof_failed"] == [*spoilt]
    assert len(parses) < 40


def test_a_record_that_would_be_too_large_is_not_changed_by_halves(parses, monkeypatch):
    data = b"a:\n" + b"- x\n" * 64
    monkeypatch.setattr(limits, "YAML_BYTES", len(data) + 20 * len(BLOB))
    record, log = Record(data, "yaml", 1), []
    todo = [(one, BLOB) for one in record.paths("a[]")]
    with pytest.raises(OverLimit) as caught:
        draft.in_turn(record, todo, lambda record, one: log.append(one) or record.set(*one), log)
    assert caught.value.hint
    assert log == []
    assert len(parses) == 1


def test_nothing_is_said_to_be_done_where_the_second_half_would_be_too_large(monkeypatch):
    """The first half was changed by then, and is given up, too."""
    data = b"a:\n" + b"- x\n" * 64
    settled, sizes = Draft.settled, iter([Entangled, None, OverLimit(problem="too large")])

    def settle(made):
        raised = next(sizes)
        if raised is None:
            return settled(made)
        raise raised

    monkeypatch.setattr(Draft, "settled", settle)
    record, log = Record(data, "yaml", 1), []
    todo = [(one, BLOB) for one in record.paths("a[]")[10:]]
    with pytest.raises(OverLimit):
        draft.in_turn(record, todo, lambda record, one: log.append(one) or record.set(*one), log)
    assert log == []


def test_an_alias_is_refused_and_the_rest_is_changed():
    data = b"a:\n- &x one\n- *x\n- two\n- &y {b: c}\n- three\n"
    log = assert_same(data, "yaml", [f"a[{number}]" for number in range(5)])
    assert [what for _, what, _ in log] == ["shared_node", "shared_node", "changed", "refused_edit", "changed"]


# --- what a draft does not answer --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "ask",
    [
        lambda record: record.raw,
        lambda record: record.warnings,
        lambda record: record.values("a"),
        lambda record: record.values("a.b.c"),
        lambda record: record.set("a.b", BLOB[::-1]),
        lambda record: record.set("new", BLOB),
        lambda record: record.replace("a.b", BLOB[::-1]),
        lambda record: record.holds("a.b", BLOB),
        lambda record: record.set("a", BLOB),
        lambda record: record.reread(b""),
    ],
)
def test_what_a_change_may_bear_on_is_not_answered(ask):
    record = Record(b"a:\n  b: one\nc: two\n", "yaml", 1)
    with pytest.raises(Entangled):
        ask(Draft.of(record).set("a.b", BLOB))


def _one_too_many(splice):
    return splice._replace(end=splice.end + 1)


@pytest.mark.parametrize(
    "spoil",
    [
        _one_too_many,
        lambda splice: splice._replace(end=splice.end + 6),
        lambda splice: splice._replace(start=splice.start - 6),
        lambda splice: splice._replace(text=splice.text + "\nnew: x"),
        lambda splice: splice._replace(text=splice.text[:-2] + splice.text[-1]),
        lambda splice: splice._replace(text="{}"),
        lambda splice: splice._replace(text=splice.text + "\n? x\n"),
        lambda splice: splice._replace(text=f"[{splice.text}]"),
        lambda splice: splice._replace(text="'" + splice.text),
    ],
)
def test_what_does_not_prove_is_not_made(spoil, monkeypatch):
    """Whatever a splice does beside what it should do, the record that is read anew shows it."""
    record = Record(b"a: one\nb: two\nc: three\nd: four\n", "yaml", 1)
    made = Draft.of(record).set("a", BLOB).set("c", BLOB)
    assert made.settled().value("c") == BLOB
    change = made._changes.by_steps[("c",)]
    made._changes.by_steps[("c",)] = change._replace(splice=spoil(change.splice))
    with pytest.raises(Entangled):
        made.settled()


@pytest.mark.parametrize(("first", "second"), [((3, 6), (5, 8)), ((3, 9), (3, 6)), ((0, 30), (3, 6))])
def test_places_that_overlap_are_not_changed_together(first, second):
    record = Record(b"a: one\nb: two\nc: three\nd: four\n", "yaml", 1)
    made = Draft.of(record).set("a", BLOB).set("b", BLOB)
    for steps, (start, end) in ((("a",), first), (("b",), second)):
        change = made._changes.by_steps[steps]
        made._changes.by_steps[steps] = change._replace(splice=change.splice._replace(start=start, end=end))
    with pytest.raises(Entangled):
        made._spliced(list(made._changes.by_steps.values()))


def test_a_draft_shows_no_content():
    made = Draft.of(Record(b"a: payload\n", "yaml", 1)).set("a", BLOB)
    assert "payload" not in repr(made)
    assert BLOB not in repr(made)


def test_drafts_keep_apart():
    record = Record(b"a: one\nb: two\n", "yaml", 1)
    first = Draft.of(record)
    second = first.set("a", BLOB)
    third = second.set("b", BLOB)
    assert [one.value("a") for one in (first, second, third)] == ["one", BLOB, BLOB]
    assert [one.value("b") for one in (first, second, third)] == ["two", "two", BLOB]
    assert first.settled() is record
    assert second.settled().raw == f'a: "{BLOB}"\nb: two\n'.encode()
    with pytest.raises(Entangled):
        second.set("b", BLOB[::-1])  # two that go on from the same one
