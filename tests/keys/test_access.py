"""What a source may reach: the ring's other entries in no circle, and somebody to ask only where there is one."""

from __future__ import annotations

import pytest

from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys.access import Access, check_needs

NEEDS = [
    ({"a": None}, None),
    ({"a": "b", "b": None}, None),
    ({"a": "b", "b": "c", "c": "d", "d": None}, None),
    ({"a": "b", "c": "b", "b": None}, None),
    ({"a": "a"}, "under itself in the end"),
    ({"a": "b", "b": "a"}, "under itself in the end"),
    ({"x": "a", "a": "b", "b": "c", "c": "a"}, "under itself in the end"),
    ({"a": "b"}, "under a key that the ring has not"),
    ({"a": "b", "b": "c", "c": "d", "d": "e", "e": None}, "more than 4 keys"),
]


@pytest.mark.parametrize(("needs", "problem"), NEEDS)
def test_needs(needs, problem):
    lines = {name: number for number, name in enumerate(needs, 1)}
    if problem is None:
        check_needs(needs, lines)
        return
    with pytest.raises(ConfigError) as caught:
        check_needs(needs, lines)
    assert problem in caught.value.problem
    assert caught.value.line in lines.values()


def test_nobody_is_asked_where_there_is_nobody():
    with pytest.raises(NoUsableKey) as caught:
        Access({}).asked("passphrase of key k1")
    assert caught.value.problem == "passphrase of key k1: nobody to ask"
    assert Access({}, ask=lambda question: question.upper()).asked("x") == "X"
