"""Which key a merged payload is sealed under, and that a merge says so where it is not that of our side."""

from __future__ import annotations

from itertools import product

import pytest

from sealkit import Key, KeyRing, Sealer
from sealkit.demands import FieldRule
from sealkit.git.merge import merge
from sealkit.trees import orders
from sealkit.trees.fields import Orders

RING = KeyRing([Key(name, bytes([number]) * 32) for number, name in enumerate(("k1", "k2", "k3"), 1)], primary="k3")
TEXTS = b"one\ntwo\nthree\nfour\nfive", b"ONE\ntwo\nthree\nfour\nfive", b"one\ntwo\nthree\nfour\nFIVE"


def record(text, key):
    return b'---\ntitle: a\nsecured: "%s"\n---\ntext\n' % str(Sealer(RING, key_id=key).seal(text)).encode()


def no_text(base, ours, theirs):
    raise AssertionError("only payloads changed")


@pytest.mark.parametrize(("base", "ours", "theirs"), list(product(("k1", "k2", "k3"), repeat=3)))
def test_a_merge_says_that_a_payload_of_ours_goes_to_another_key(base, ours, theirs):
    task = orders.Task(orders.SEAL, opener=Sealer(RING), sealer=Sealer(RING), payload=b"")
    task.around = orders.Around(lambda path: (FieldRule(),), lambda path: path)
    sides = (record(text, key) for text, key in zip(TEXTS, (base, ours, theirs), strict=True))
    merged = merge(*sides, Orders(task, "a.md"), no_text, RING)
    assert merged.is_done
    opened = Sealer(RING).unseal(blob_of(merged.data))
    expected = ours if theirs in (base, ours) else theirs if ours == base else "k3"
    assert (opened.payload, opened.key_id) == (b"ONE\ntwo\nthree\nfour\nFIVE", expected)
    assert merged.moves == ((f"key {ours} -> {expected}",) if expected != ours else ())


def blob_of(data):
    from sealkit import Record, jobs
    from sealkit.records.kinds import FRONT_MATTER

    return jobs.find(Record.parse(data, kind=FRONT_MATTER)).blob
