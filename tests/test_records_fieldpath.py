"""Field paths: their grammar and its inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.errors import BadFieldPath
from sealkit.records import fieldpath
from sealkit.records.fieldpath import EVERY

keys = st.text(max_size=8) | st.text(alphabet="ab.[]\"'\\\\ */$", max_size=8)
steps = st.lists(st.one_of(keys, st.integers(0, 999_999_999), st.just(EVERY)), min_size=1, max_size=6).map(tuple)


@given(steps)
def test_parse_undoes_join(path):
    assert fieldpath.parse(fieldpath.join(path)) == path


@given(st.text(alphabet='ab.[]0 é"\\\\', max_size=12))
def test_join_undoes_parse(text):
    try:
        path = fieldpath.parse(text)
    except BadFieldPath:
        return
    assert fieldpath.parse(fieldpath.join(path)) == path
    if "[0" not in text and '"' not in text:
        assert fieldpath.join(path) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("secured", ("secured",)),
        ("a.b", ("a", "b")),
        ("a[].b", ("a", EVERY, "b")),
        ("a[0].b", ("a", 0, "b")),
        ("a[0][1]", ("a", 0, 1)),
        ("[1].secured", (1, "secured")),
        ("[]", (EVERY,)),
        ("[][]", (EVERY, EVERY)),
        ('"a b".c-d', ("a b", "c-d")),
        ('"tls.key".secured', ("tls.key", "secured")),
        ('"kubernetes.io/x"', ("kubernetes.io/x",)),
        ('a[]."*"', ("a", EVERY, "*")),
        ('"$ref"[0]', ("$ref", 0)),
        ('"a\\"b\\\\c"', ('a"b\\c',)),
        ('"a[]"', ("a[]",)),
        ('""', ("",)),
        ('"b".c', ("b", "c")),
        ("ключ", ("ключ",)),
        ("1", ("1",)),
        ('"<<"', ("<<",)),
        ("@type", ("@type",)),
        ("c++.a-b_c", ("c++", "a-b_c")),
        ("\u2764\ufe0f", ("\u2764\ufe0f",)),
    ],
)
def test_good(text, expected):
    assert fieldpath.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        ".a",
        "a.",
        "a..b",
        "a.[0]",
        "[0]a",
        "[a]",
        "[-1]",
        "[ 0]",
        "a[",
        "a]",
        "[",
        "]",
        "a[0",
        "[0.]",
        "a[]b",
        "[1234567890]",
        "[٣]",
        "db:password",
        "@",
        "@.db",
        "<<",
        'a"b"',
        '"a"b',
        '"a',
        '"a""b"',
        '."a"',
        '"a\\b"',
    ],
)
def test_bad(text):
    with pytest.raises(BadFieldPath):
        fieldpath.parse(text)
