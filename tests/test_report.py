"""Outcomes, their counts, sentences, JSON lines and exit statuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit import errors
from sealkit import report as reporting
from sealkit.report import Outcome, Report, failure


def report(*outcomes):
    made = Report()
    for outcome in outcomes:
        made.add(outcome)
    return made


GOOD = Outcome("a.md", reporting.DECRYPTED, "secured", "unauthenticated")
ABSENT = Outcome("a.md", reporting.ABSENT, "secured", "absent")
FINDING = Outcome("b.md", reporting.FINDING, "secured", "malformed", exit_status=1)
FAILED = Outcome("c.md", reporting.FAILED, None, "io", exit_status=4)
WOULD = Outcome("d.md", reporting.WOULD_CHANGE, "secured", "unauthenticated")


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], 0),
        ([GOOD], 0),
        ([ABSENT], 0),
        ([GOOD, FINDING], 1),
        ([WOULD], 1),
        ([WOULD, FAILED], 4),
        ([FAILED, FINDING, GOOD], 4),
        ([FINDING._replace(exit_status=2)], 2),
        ([FINDING._replace(exit_status=3)], 3),
        ([FINDING._replace(exit_status=3), FAILED], 4),
        ([FINDING._replace(exit_status=2), FINDING._replace(exit_status=3)], 3),
        ([FAILED._replace(exit_status=75), FINDING], 75),
    ],
)
def test_exit_status(outcomes, status):
    assert report(*outcomes).exit_status == status
    assert report(*reversed(outcomes)).exit_status == status


def test_counts_codes_and_sentence():
    made = report(GOOD, GOOD, ABSENT, FINDING, FINDING._replace(code="cannot_decrypt"), FAILED, WOULD)
    assert made.counts == {"decrypted": 2, "would_change": 1, "absent": 1, "finding": 2, "failed": 1}
    assert list(made.counts) == ["decrypted", "would_change", "absent", "finding", "failed"]
    assert (made.total, made.fields) == (7, 6)
    assert made.summary() == {
        "summary": made.counts | {"codes": {"cannot_decrypt": 1, "io": 1, "malformed": 1}, "unauthenticated": 3}
    }
    assert made.sentence() == (
        "2 decrypted, 1 would change, 1 absent, 2 findings, 1 failed (1 cannot_decrypt, 1 io, 1 malformed); 3 unauthenticated"
    )
    assert report().sentence() == "nothing was looked at"
    assert report(GOOD).summary() == {"summary": {"decrypted": 1, "unauthenticated": 1}}


@pytest.mark.parametrize(
    ("times", "said"), [(1, "1 finding (1 malformed)"), (2, "2 findings (2 malformed)"), (1000, "1,000 findings (1,000 malformed)")]
)
def test_findings_are_one_or_several(times, said):
    made = Report()
    made.count(("finding", "malformed", 1, None, None), times)
    assert made.sentence() == said


def test_counting_at_once_is_counting_one_by_one():
    made = Report()
    made.count(("finding", "malformed", 1, None, None), 3)
    one_by_one = report(FINDING, FINDING, FINDING)
    assert (made.summary(), made.exit_status) == (one_by_one.summary(), one_by_one.exit_status)


@pytest.mark.parametrize(
    ("closed", "opened", "diagnosis", "words"),
    [
        (0, 100, None, None),
        (3, 0, None, None),
        (4, 0, "wrong_key", "lacks the key that sealed them"),
        (10, 0, "wrong_key", "lacks the key that sealed them"),
        (90, 10, "wrong_key", "lacks the key that sealed them"),
        (1, 9, "damage", "damaged"),
        (1, 99, "damage", "damaged"),
        (40, 60, "missing_key", "lacks one of several keys"),
        (1, 8, None, None),
        (4, 1, None, None),
    ],
)
@pytest.mark.parametrize(
    ("status", "code", "form"), [("verified", "unauthenticated", "plain"), ("found", "authentic", "synthetic")]
)
def test_what_the_share_of_closed_blobs_tells(closed, opened, diagnosis, words, status, code, form):
    made = Report()
    made.count(("finding", "cannot_decrypt", 1, None, None), closed) if closed else None
    made.count((status, code, 0, form, None), opened) if opened else None
    made.count(("verified", "authentic", 0, "tagged", None), 1000)  # what names its key says nothing of those that do not
    made.count(("finding", "tampered", 1, None, None), 1000)
    assert made.diagnosis() == made.summary()["summary"].get("diagnosis") == diagnosis
    assert (made.advice() is None) == (words is None)
    assert words is None or words in made.advice()


# --- JSON lines ------------------------------------------------------------------------------------------------------
TEXTS = st.text(st.characters(), max_size=20) | st.sampled_from(["\udcff.md", '"\\\n\x7f', "\u2028"])


@given(
    outcome=st.builds(
        Outcome,
        TEXTS,
        st.sampled_from([reporting.FOUND, reporting.FINDING]),
        st.none() | TEXTS,
        st.none() | TEXTS,
        line=st.none() | st.integers(1, 10**9),
        ciphertext_bytes=st.none() | st.integers(16, 10**9),
        iv=st.none() | st.binary(min_size=16, max_size=16).map(bytes.hex),
        message=st.none() | TEXTS,
        hint=st.none() | TEXTS,
        payload=st.none() | st.binary(max_size=20),
    )
)
def test_a_json_line_is_its_dictionary(outcome):
    line = outcome.json_line()
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line) == outcome.as_dict()
    assert list(json.loads(line)) == list(outcome.as_dict())
    assert None not in outcome.as_dict().values()
    assert "exit_status" not in outcome.as_dict()


def test_payloads():
    assert GOOD._replace(payload=b"\xc3\xa9").as_dict()["payload"] == "é"
    assert GOOD._replace(payload=b"\xff").as_dict()["payload_base64"] == "/w=="
    assert "secret" not in f"{GOOD._replace(payload=b'secret')!r}"


def test_place():
    assert GOOD.place == "a.md"
    assert GOOD._replace(line=3).place == "a.md:3"


# --- errors ----------------------------------------------------------------------------------------------------------
def every_error(base=errors.SealkitError):
    yield base
    for below in base.__subclasses__():
        yield from every_error(below)


@pytest.mark.parametrize(
    "kind", [kind for kind in every_error() if kind.__module__ == "sealkit.errors"], ids=lambda kind: kind.__name__
)
def test_an_error_becomes_an_outcome(kind):
    error = kind.__new__(kind)
    errors.SealkitError.__init__(error, problem="what is wrong", hint="what to do", line=7, field="a.b")
    outcome = failure("x.md", error, "c")
    assert (outcome.path, outcome.line, outcome.field) == ("x.md", 7, "a.b")
    assert (outcome.code, outcome.message, outcome.hint) == (kind.code, "what is wrong", "what to do")
    expected = "absent" if kind.code == "absent" else "finding" if kind.exit_status == 1 else "failed"
    assert outcome.status == expected
    assert outcome.exit_status == (0 if expected == "absent" else kind.exit_status)


def test_codes_are_unique():
    kinds = [kind for kind in every_error() if kind.__module__ == "sealkit.errors"]
    own = [kind.code for kind in kinds if "code" in vars(kind)]
    assert {code for code in own if own.count(code) > 1} == {
        "limit"
    }  # one word; its exit status tells a record from a file and a ring
    assert {kind.exit_status for kind in kinds} <= {1, 2, 3, 4, 75}


def test_an_error_knows_better_where_it_happened():
    error = errors.FieldAbsent(problem="p").at(path="other.md", field="f")
    assert failure("x.md", error, "g")[:3] == ("other.md", "absent", "f")
    assert failure("x.md", errors.UnknownKey(kid="00" * 8, problem="p")).kid == "00" * 8
