"""What a blob is bound to: the elements of the path and the identity, exactly; and an error wherever they could be guessed."""

from __future__ import annotations

import json
import pickle
import struct
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.context import Context
from sealkit.errors import (
    BadFieldPath,
    BadFrontMatter,
    BadSyntax,
    Downgraded,
    Misbound,
    OverLimit,
    SealkitError,
    Tampered,
    Unbound,
    UnsupportedVersion,
    Usage,
)
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records import fieldpath
from sealkit.records.identity import Place, check_bound, field_path, file_path, overlap
from sealkit.records.record import Record, split
from sealkit.sealer import Sealer

VECTORS = json.loads((Path(__file__).parent / "data" / "format" / "format.json").read_text())["tests"]


def matter(text, **more):
    return Record.parse(f"---\n{text}\nsecured: x\n---\nbody\n".encode(), kind="frontmatter", **more)


def pae(elements):
    """PASETO's encoding, written here a second time."""
    return struct.pack("<Q", len(elements)) + b"".join(struct.pack("<Q", len(element)) + element for element in elements)


# --- the vectors of the format ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", VECTORS, ids=range(len(VECTORS)))
def test_a_record_gives_the_elements_of_the_vectors(case):
    identity = [bytes.fromhex(element) for element in case["identity"]]
    field = fieldpath.join(tuple(case["path"]))
    names = [name.decode() for name in identity[::2]] if case["bind"] == "fields" else []
    record = matter("\n".join(f"{name}: {value.decode()}" for name, value in zip(names, identity[1::2], strict=False)))
    bind = {"none": None, "path": "path", "fields": tuple(names)}[case["bind"]]
    file = identity[0].decode() if case["bind"] == "path" else "some/file.md"
    context = Place(record, field, file=file, bind=bind).context
    auth = bytes.fromhex(case["aad"])[8 + 8 + 10 + 8 :][:10]
    assert auth[1] == context.bind
    assert bytes.fromhex(case["aad"]) == pae([b"sealkit/v1", auth, pae(context.identity), pae(context.path)])
    assert list(context.identity) == identity


def test_the_vectors_have_every_kind_and_a_nested_path():
    assert {case["bind"] for case in VECTORS} == {"none", "path", "fields"}
    assert any(len(case["path"]) == 3 for case in VECTORS)


# --- paths -----------------------------------------------------------------------------------------------------------
FIELD_PATHS = [
    ("secured", (b"ksecured",)),
    ("a.b", (b"ka", b"kb")),
    ("a[0].b", (b"ka", b"i0", b"kb")),
    ("a[10]", (b"ka", b"i10")),
    ("a[007]", (b"ka", b"i7")),
    ("[2].é", (b"i2", "ké".encode())),
    ("e\u0301", ("ke\u0301".encode(),)),  # keys are bytes as they stand, not NFC
]


@pytest.mark.parametrize(("path", "elements"), FIELD_PATHS)
def test_a_field_path(path, elements):
    assert field_path(path) == elements


@pytest.mark.parametrize("path", ["", "a[].b", "a..b", "\udc80", "[]"])
def test_no_field_path(path):
    with pytest.raises(BadFieldPath) as caught:
        Place(matter("a: b"), path)
    assert caught.value.__context__ is None


FILE_PATHS = [
    ("a.md", b"a.md"),
    ("posts/2020/01/a b.md", b"posts/2020/01/a b.md"),
    ("pose\u0301/a.md", "pos\u00e9/a.md".encode()),  # NFD, as macOS has it
    ("pos\u00e9/a.md", "pos\u00e9/a.md".encode()),
    ("\ufb01.md", "\ufb01.md".encode()),  # NFC, not NFKC
    ("...", b"..."),
    ("a\\b", b"a\\b"),
    ("a\nb", b"a\nb"),
]


@pytest.mark.parametrize(("file", "expected"), FILE_PATHS)
def test_a_file_path(file, expected):
    assert Place(matter("a: b"), file=file, bind="path").context.identity == (expected,)


@pytest.mark.parametrize("file", ["", "/a.md", "a//b.md", "../a.md", "a/../b.md", "./a.md", "a/.", "a/", "a\0b"])
def test_no_path_below_the_root(file):
    with pytest.raises(Usage, match="below the root"):
        _ = Place(matter("a: b"), file=file, bind="path").context


def test_a_name_that_is_not_utf_8_has_no_identity():
    place = Place(matter("a: b"), file="a\udcff.md", bind="path")
    with pytest.raises(Unbound, match="not UTF-8") as caught:
        _ = place.context
    assert (caught.value.line, caught.value.field, caught.value.code) == (1, "secured", "unbound")
    assert caught.value.__context__ is None
    assert Place(matter("a: b"), file="a\udcff.md").context == Context()


@given(st.text(min_size=1).filter(lambda text: "\0" not in text and not {"", ".", ".."} & set(text.split("/"))))
def test_normal_forms_of_one_name_are_one_identity(file):
    forms = {file_path(unicodedata.normalize(form, file)) for form in ("NFC", "NFD")}
    assert forms == {unicodedata.normalize("NFC", file).encode()} == {file_path(file)}


# --- fields ----------------------------------------------------------------------------------------------------------
VALUES = [
    # id, YAML, the value's bytes
    ("plain", "u: https://example.org/x", b"https://example.org/x"),
    ("double quoted", 'u: "a\\tb\\u00e9"', "a\tb\u00e9".encode()),
    ("single quoted", "u: 'it''s'", b"it's"),
    ("number", "u: 007", b"007"),
    ("float", "u: 1.50", b"1.50"),
    ("date", "u: 2020-13-45", b"2020-13-45"),
    ("truth", "u: no", b"no"),
    ("quoted null", 'u: "null"', b"null"),
    ("tagged as text", "u: !!str null", b"null"),
    ("blanks", 'u: "  "', b"  "),
    ("literal", "u: |\n  a\n  b", b"a\nb\n"),
    ("folded", "u: >-\n  a\n  b", b"a b"),
    ("over two lines", "u: a\n  b", b"a b"),
    ("not normalized", "u: e\u0301", "e\u0301".encode()),
    ("an anchor nobody uses", "u: &x a", b"a"),
]


@pytest.mark.parametrize(("yaml", "value"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_a_bound_field(yaml, value):
    assert Place(matter(yaml), bind=("u",)).context == Context((b"ksecured",), 2, (b"u", value))


def test_names_and_values_stand_in_the_order_of_the_policy():
    record = matter("b: 1\na: {c: [x, y]}")
    assert Place(record, bind=("a.c[1]", "b")).context.identity == (b"a.c[1]", b"y", b"b", b"1")
    assert Place(record, bind=("b", "a.c[1]")).context.identity == (b"b", b"1", b"a.c[1]", b"y")


JSON_VALUES = [('"x"', b"x"), ("1.0", b"1.0"), ("1e2", b"1e2"), ("true", b"true"), ('"\\u00e9"', "é".encode())]


@pytest.mark.parametrize(("text", "value"), JSON_VALUES)
def test_a_bound_field_of_json(text, value):
    record = Record.parse(f'{{"u": {text}, "secured": "x"}}'.encode(), kind="json")
    assert Place(record, bind=("u",)).context.identity == (b"u", value)


UNBOUND = [
    # id, YAML, what the problem says, line
    ("missing", "a: b", "'u' is missing", 1),
    ("empty", "a: b\nu:", "'u' is empty", 3),
    ("empty text", 'u: ""', "'u' is empty", 2),
    ("null", "u: ~", "'u' is empty", 2),
    ("null in letters", "u: Null", "'u' is empty", 2),
    ("empty, tagged as text", "u: !!str", "'u' is empty", 2),
    ("list", "u: [a]", "'u' is a sequence", 2),
    ("mapping", "u: {a: b}", "'u' is a mapping", 2),
    ("twice", "u: a\nu: a", "stands 2 times", 3),
    ("alias", "a: &x b\nu: *x", "'u' is an alias", 2),
    ("its anchor is used elsewhere", "u: &x b\na: *x", "'u' is an alias", 2),
    ("by a merge key", "a: &x {u: b}\n<<: *x", "merge key", 3),
    ("a look-alike", "\u0446: a\nU: b", "looks like 'u'", 3),
    ("beside a look-alike", "u: a\nU: b", "looks like 'u'", 3),
    ("another tag", "u: !!int 5", "'u' has a tag", 2),
    ("a tag of its own", "u: !x 5", "'u' has a tag", 2),
    ("a disputed line break", "b: x\u2028u: y", "U+2028", 2),
]


@pytest.mark.parametrize(("yaml", "problem", "line"), [row[1:] for row in UNBOUND], ids=[row[0] for row in UNBOUND])
def test_a_bound_field_that_is_none(yaml, problem, line):
    with pytest.raises(Unbound) as caught:
        _ = Place(matter(yaml), bind=("u",)).context
    error = caught.value
    assert problem in error.problem
    assert (error.line, error.field, error.code, error.exit_status) == (line, "secured", "unbound", 1)
    assert error.hint
    assert error.__context__ is None


def test_a_step_to_a_bound_field_through_a_scalar():
    with pytest.raises(Unbound, match="not a mapping"):
        _ = Place(matter("u: a"), bind=("u.b",)).context


def test_half_a_surrogate_pair_is_no_value():
    with pytest.raises(Unbound, match="surrogate"):
        _ = Place(Record.parse(b'{"u": "\\ud800"}', kind="json"), bind=("u",)).context


BROKEN = [
    (b"---\nu: [\n---\n", "frontmatter", BadSyntax),
    (b"---\nu: \xff\n---\n", "frontmatter", BadFrontMatter),
    (b"a: b\n---\nu: c\n", "yaml", BadSyntax),
    (b'{"u": 1', "json", BadSyntax),
    (b"u: " + b"[" * 200, "yaml", OverLimit),
]


@pytest.mark.parametrize(("data", "kind", "error"), BROKEN)
def test_a_broken_record_stays_what_it_is(data, kind, error):
    with pytest.raises(error) as caught:
        _ = Place(Record.parse(data, kind=kind), bind=("u",)).context
    assert caught.value.field == "secured"


@pytest.mark.parametrize("data", [b"no front matter\n", b"---\n---\n"])
def test_a_record_without_fields(data):
    with pytest.raises(Unbound, match="is missing"):
        _ = Place(Record.parse(data, kind="frontmatter"), bind=("u",)).context


# --- kinds of binding ------------------------------------------------------------------------------------------------
def kinds_of(**place):
    """What a place answers for a blob that says it is bound to nothing, to the path, to fields."""
    answers = []
    for bind in (0, 1, 2):
        try:
            context = Place(matter("u: v"), **place).of_kind(bind)
        except SealkitError as error:
            answers.append(type(error))
        else:
            assert context.bind == bind
            answers.append(context.identity)
    return answers


KINDS = [
    ({"file": "a.md"}, [(), (b"a.md",), Usage]),
    ({}, [(), Usage, Usage]),
    ({"file": "a.md", "bind": "path"}, [Downgraded, (b"a.md",), Downgraded]),
    ({"bind": "path"}, [Downgraded, Usage, Downgraded]),
    ({"file": "a.md", "bind": ("u",)}, [Downgraded, Downgraded, (b"u", b"v")]),
    ({"bind": ("u",)}, [Downgraded, Downgraded, (b"u", b"v")]),
    ({"bind": ("w",)}, [Downgraded, Downgraded, Unbound]),
]


@pytest.mark.parametrize(("place", "answers"), KINDS)
def test_which_binding_is_taken(place, answers):
    assert kinds_of(**place) == answers


@pytest.mark.parametrize("bind", [-1, 3, 255])
def test_a_binding_that_does_not_exist(bind):
    for demanded in (None, "path", ("u",)):
        with pytest.raises(UnsupportedVersion):
            Place(matter("u: v"), file="a.md", bind=demanded).of_kind(bind)


def test_sealing_is_in_the_kind_that_is_demanded():
    assert Place(matter("u: v")).context == Context()
    assert Place(matter("u: v"), file="a.md").context.bind == 0
    assert Place(matter("u: v"), file="a.md", bind="path").context.bind == 1
    assert Place(matter("u: v"), bind=("u",)).context.bind == 2


@pytest.mark.parametrize("bind", ["none", "fields", "", "u", ["u"], 1])
def test_no_such_demand(bind):
    with pytest.raises(Usage):
        Place(matter("u: v"), bind=bind)


def test_lines_of_a_file_are_not_told_apart_by_its_path():
    first, second = split(b'{"secured": "x", "id": 1}\n{"secured": "x", "id": 2}\n', "jsonl")
    with pytest.raises(Unbound, match="share its path") as caught:
        _ = Place(second, file="feed.jsonl", bind="path").context
    assert caught.value.line == 2
    assert Place(first, bind=("id",)).context != Place(second, bind=("id",)).context
    assert Place(second, file="feed.jsonl").of_kind(1).identity == (b"feed.jsonl",)  # made elsewhere, and nothing was demanded


BOUND_NAMES = [
    ((), "secured", "no field"),
    (("secured",), "secured", "is the secured field"),
    (("Secured",), "secured", "is the secured field"),
    (("a",), "a.b", "is the secured field, around it"),
    (("a.b.c",), "a.b", "is the secured field, around it"),
    (("a[0]",), "a[0].b", "is the secured field, around it"),
    (("a[0].b",), "a[].b", "is the secured field"),
    (("u", "u"), "secured", "named before"),
    (("u", "v", "u.x"), "secured", "named before"),
    (("a[].b",), "secured", "every item"),
    (("a..b",), "secured", "no key"),
    (("a[00]",), "secured", "unusual way"),
    (("",), "secured", "is empty"),
]


@pytest.mark.parametrize(("names", "field", "problem"), BOUND_NAMES)
def test_what_a_field_cannot_be_bound_to(names, field, problem):
    with pytest.raises(BadFieldPath) as caught:
        check_bound(names, field)
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("names", "field"), [(("a[1].b",), "a[0].b"), (("a.c", "d"), "a.b"), (("a[0]",), "a.b"), (("secure",), "secured")]
)
def test_what_a_field_can_be_bound_to(names, field):
    check_bound(names, field)


PATHS = st.lists(st.one_of(st.sampled_from(["a", "A", "b"]), st.sampled_from([0, 1, None])), min_size=1, max_size=3).map(tuple)


@given(PATHS, PATHS)
def test_overlap_is_symmetric_and_holds_for_whatever_leads_into_another(one, other):
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one)
    assert overlap(one, (*one, *other))


# --- sealed and opened -----------------------------------------------------------------------------------------------
RECORDS = [matter("u: a\nv: b"), matter("u: ab\nv: ''"), matter("u: a\nv: c"), matter("u: b\nv: a")]


@pytest.mark.parametrize("bind", [None, "path", ("u",), ("u", "v"), ("v", "u")])
def test_a_blob_opens_in_its_own_place_and_in_no_other(bind):
    sealer = Sealer(KeyRing([Key("k", bytes(range(16)), format="tagged")], primary="k"))
    places = {}
    for number, record in enumerate(RECORDS):
        for field in ("secured", "other"):
            try:
                place = Place(record, field, file=f"{number}.md", bind=bind)
                places[place.demanded()] = place
            except Unbound:
                assert number == 1
    blobs = {context: sealer.seal(b"payload", context) for context in places}
    assert len(blobs) == {None: 2, "path": 8, ("u",): 6}.get(bind, 6)
    for context, place in places.items():
        for sealed, blob in blobs.items():
            if sealed == context:
                assert sealer.unseal(blob, place).verdict == "authentic"
            else:
                with pytest.raises((Tampered, Misbound)):
                    sealer.unseal(blob, place)


# --- what else is promised -------------------------------------------------------------------------------------------
def test_nothing_is_read_before_it_is_asked_for_and_then_once(monkeypatch):
    record = matter("u: v")
    place = Place(record, bind=("u",), file="a.md")
    assert record._read is None
    context = place.context
    assert record._read is not None
    monkeypatch.setattr(Record, "field", None)
    assert place.context is context


def test_without_bound_fields_the_record_is_not_parsed():
    record = matter("u: v")
    _ = Place(record, bind="path", file="a.md").context
    _ = Place(record, file="a.md").of_kind(0)
    assert record._read is None


def test_the_record_is_not_shown_nor_pickled():
    place = Place(matter("u: v", line=1), bind=("u",))
    assert repr(place) == "<Place secured, bound to fields>"
    with pytest.raises((TypeError, SealkitError)):
        pickle.dumps(place)


TEXT = st.text(min_size=1, max_size=20)


@given(TEXT, TEXT)
def test_the_identity_of_json_is_injective(one, other):
    identities = []
    for text in (one, other):
        try:
            record = Record.parse(json.dumps({"u": text}).encode(), kind="json")
            identities.append(Place(record, bind=("u",)).context.identity)
        except Unbound:
            identities.append(None)
    assert identities[0] is None or (identities[0] == identities[1]) == (one == other)


@given(st.binary(max_size=80), st.sampled_from(["frontmatter", "yaml", "json", "jsonl"]))
def test_whatever_the_bytes_only_our_errors_escape(data, kind):
    try:
        context = Place(
            Record.parse(b"---\nu: " + data + b"\n---\n" if kind == "frontmatter" else data, kind=kind), bind=("u",)
        ).context
    except SealkitError:
        return
    assert context.identity[0] == b"u"
    assert context.identity[1]
