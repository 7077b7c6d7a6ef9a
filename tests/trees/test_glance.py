"""The glance says only what the gate says: whatever it lets pass, the gate does, with the same blob on the same line."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_table import ROWS
from test_records_beside import BLOB, CIPHERTEXT, names
from yaml_documents import Documents

from sealkit import Blob, jobs
from sealkit.demands import UNCOVERED, FieldRule
from sealkit.records.identity import Binding
from sealkit.records.record import split
from sealkit.trees import glance

TAGGED = str(Blob(CIPHERTEXT[:16], bytes(range(16)), bytes([1, 1]) + bytes(40)))
UNBOUND = str(Blob(CIPHERTEXT[:16], bytes(range(16)), bytes([1, 0]) + bytes(40)))
UNKNOWN = str(Blob(CIPHERTEXT[:16], bytes(range(16)), bytes([7, 1]) + bytes(40)))
DEMANDS = [
    FieldRule(),
    FieldRule(required=False),
    FieldRule(format="tagged"),
    FieldRule(bind="path", format="tagged"),
    FieldRule(bind=("title",)),
    FieldRule(line=UNCOVERED, required=False),
]
CASES = Path(__file__).parents[1] / "data" / "record_cases"
SAMPLE = (Path(__file__).parents[1] / "records" / "sample.md").read_bytes()


def compare(data, demand, file="posts/a.md"):
    """Return whether the glance answers; if so, the gate must give the same."""

    def below():
        return file

    answer = glance.gate(data, demand, below)
    if answer is None:
        return False
    (record,) = split(data, "frontmatter")
    assert jobs.gate(record, demand, demand.path, Binding(demand.bind, below)) == answer
    return True


def in_front_matter(text):
    return f"---\n{text}---\nbody\n".encode("utf-8", "surrogatepass")


def with_blobs(text):
    return text.replace("QQ==;QQ==", BLOB).replace("QUJD;QUJD", TAGGED)


@pytest.mark.parametrize("name", ["secured", "v0", "x-y_1"])
def test_random_documents(name):
    make, answered = Documents(24), 0
    for number in range(10_000):
        data = in_front_matter(with_blobs(make().replace("secured", name)))
        demand = DEMANDS[number % len(DEMANDS)]._replace(path=name)
        answered += compare(data, demand)
    assert answered > 150


def test_hard_cases():
    datas = [path.read_bytes() for path in (CASES / "files").iterdir()] + [row.data for row in ROWS]
    assert sum(compare(data, demand) for data in datas for demand in DEMANDS) > 20


@pytest.mark.parametrize(
    ("blob", "demand", "answers"),
    [
        (BLOB, FieldRule(), True),
        (BLOB, FieldRule(format="synthetic"), True),
        (BLOB, FieldRule(format="tagged"), False),
        (TAGGED, FieldRule(), True),
        (TAGGED, FieldRule(format="tagged", bind="path"), True),
        (UNBOUND, FieldRule(format="tagged", bind="path"), False),
        (TAGGED, FieldRule(format="tagged", bind=("title",)), False),
        (UNKNOWN, FieldRule(), False),
    ],
)
def test_what_is_plain_needs_no_second_look(blob, demand, answers):
    start = SAMPLE.index(b'secured: "') + len(b'secured: "')
    data = SAMPLE[:start] + blob.encode() + SAMPLE[SAMPLE.index(b'"', start) :]
    assert compare(data, demand) == answers
    assert not compare(data.replace(b"title:", b"title: x:", 1), demand), "it is no YAML"
    assert not compare(data, demand._replace(path="other"))


def test_a_name_that_no_tag_can_hold_gets_no_answer():
    demand = FieldRule(format="tagged", bind="path")
    data = in_front_matter(f'secured: "{TAGGED}"\n')
    assert compare(data, demand, "posts/a.md")
    assert glance.gate(data, demand, lambda: os.fsdecode(b"posts/\xff.md")) is None
    assert glance.gate(data, demand, None) is None


spelling = st.lists(st.sampled_from(["", "", "", "-", "_", " "]), min_size=24, max_size=24)


@given(st.sampled_from(names("secured")), spelling, st.randoms(use_true_random=False))
def test_names_in_the_clear_are_never_passed(name, separators, chance: random.Random):
    letters = (letter.upper() if chance.random() < 0.3 else letter for letter in name)
    key = "".join(letter + after for letter, after in zip(letters, separators, strict=False)).rstrip()
    lines = [f'secured: "{BLOB}"\n', f"{key}: open\n"]
    chance.shuffle(lines)
    assert glance.gate(in_front_matter("title: a\n" + "".join(lines)), FieldRule(), None) is None


@given(st.binary(max_size=6), st.integers(0, 200))
def test_a_record_with_something_in_it(noise, at):
    data = in_front_matter(f"title: 'It''s'\nid: 7\nsecured: \"{BLOB}\"\ntags:\n  - b\n  - x: 1\n    y: \"2\"\nend: e\n")
    compare(data[:at] + noise + data[at:], FieldRule())
