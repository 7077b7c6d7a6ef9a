"""F4: see ``power_cut``. Behind the marker; needs root and loop devices, and says so where it has not."""

from __future__ import annotations

import pytest
from power_cut import FLAGS, KINDS, cuts, missing


@pytest.mark.faults
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_cut(tmp_path, warm, kind, flag, share, counted):
    reason = missing(kind)
    if reason is not None:
        pytest.skip(f"NOT TESTED: {reason}, so no power was cut")
    seen = cuts(kind, flag, tmp_path, warm, *share)
    counted(seen["cuts"])
    assert seen["cuts"] >= 300 // share[1], seen
