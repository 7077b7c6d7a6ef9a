"""Fixtures of the keys room."""

from __future__ import annotations

import pytest
from keys_canary import CANARY, everything_said, leaks

from sealkit.errors import SealkitError


@pytest.fixture
def failure():
    """Return a function that calls another, wants a SealkitError, and proves that the canary is nowhere in it."""

    def call(function, *args, canary=CANARY, **kwargs):
        with pytest.raises(SealkitError) as caught:
            function(*args, **kwargs)
        error = caught.value
        assert not leaks(canary, *everything_said(error))
        assert error.problem
        assert error.hint
        return error

    return call


@pytest.fixture
def canary():
    return CANARY
