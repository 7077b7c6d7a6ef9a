"""What a preflight must bear out before binary payloads are sealed again: under a wrong key one in 255 would become garbage."""

import json

import pytest

from sealkit.errors import Usage
from sealkit.report import Outcome, Report, counted
from sealkit.trees import rotation


def found(key, code):
    return Outcome("x.md", "found", "secured", code, "plain", key=key)


UNTOLD_K1, UNTOLD_K2 = found("k1", "untold"), found("k2", "untold")
TEXT_K1, TEXT_K2 = found("k1", "unauthenticated"), found("k2", "unauthenticated")
TAGGED_K1 = found("k1", "authentic")
SETTLED_K1, DOWNGRADED = found("k1", "settled"), found(None, "downgraded")
ABSENT = Outcome("y.md", "absent", "secured")
CLOSED_K1 = Outcome("z.md", "finding", "secured", "cannot_decrypt", key="k1", exit_status=1)

# What was found, and how many binary payloads nothing bears out: whole, and where a rotation is partial.
LAYOUTS = {
    "none": ([TEXT_K1], 0, 0),
    "one alone": ([UNTOLD_K1], 1, 1),
    "several alone": ([UNTOLD_K1] * 3, 3, 3),
    "with a text under the same key": ([UNTOLD_K1, TEXT_K1], 0, 1),
    "the text first": ([TEXT_K1, UNTOLD_K1, UNTOLD_K1], 0, 2),
    "with a tagged one under the same key": ([UNTOLD_K1, TAGGED_K1], 0, 1),
    "with a text under another key": ([UNTOLD_K1, TEXT_K2], 1, 1),
    "of two keys, one of which is borne out": ([UNTOLD_K1, UNTOLD_K2, UNTOLD_K2, TEXT_K1], 2, 3),
    "of two keys, both borne out": ([UNTOLD_K1, UNTOLD_K2, TEXT_K1, TEXT_K2], 0, 2),
    "of two keys, each with the other's": ([UNTOLD_K1, TEXT_K2, UNTOLD_K2], 1, 2),
    "with one that is downgraded": ([UNTOLD_K1, DOWNGRADED], 1, 1),
    "with one that is left as it is": ([UNTOLD_K1, SETTLED_K1], 1, 1),
    "with a record that lacks the field": ([UNTOLD_K1, ABSENT], 1, 1),
    "with one that does not open": ([UNTOLD_K1, CLOSED_K1], 1, 1),
}
each = pytest.mark.parametrize(("outcomes", "whole", "partial"), LAYOUTS.values(), ids=list(LAYOUTS))


def added(outcomes):
    report = Report()
    for outcome in outcomes:
        report.add(outcome)
    return report


def merged(outcomes):
    """As workers count them."""
    report = Report()
    for outcome in outcomes:
        report.merge({counted(outcome): 1})
    return report


def told(outcomes):
    """As workers on other machines tell them."""
    report = Report()
    for outcome in outcomes:
        status, code, exit_status, form, key = json.loads(json.dumps(counted(outcome)))
        report.count((status, code, exit_status, form, key))
    return report


@each
@pytest.mark.parametrize("made", [added, merged, told])
def test_binary_payloads_need_a_field_that_bears_out_their_own_key(made, outcomes, whole, partial):
    for is_partial, expected in ((False, whole), (True, partial)):
        if not expected:
            rotation.check_told(made(outcomes), partial=is_partial)
            continue
        with pytest.raises(Usage, match=f"which key sealed {expected} binary"):
            rotation.check_told(made(outcomes), partial=is_partial)
