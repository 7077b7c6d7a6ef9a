"""The seam that keeps keys and payloads out of tracebacks."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from sealkit.errors import SealkitError, WrongTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=Exception)
_DEBUG = "SEALKIT_DEBUG"


def opaque(function: Callable[P, R]) -> Callable[P, R]:
    """Raise a function's ``SealkitError`` (or ``WrongTypeError``) without the frames below it, whose locals may hold a key or a payload.

    Tools that print the locals of a traceback (test runners, error trackers) would show them otherwise. ``SEALKIT_DEBUG=1`` in
    the environment keeps the frames, for those who look for a defect in sealkit itself.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (SealkitError, WrongTypeError) as error:
            failure = bare(error)
        del args, kwargs
        raise failure

    return wrapper


def bare(error: E) -> E:
    """Return an error without the frames that it came through; for debugging, raise it with them."""
    if os.environ.get(_DEBUG):
        raise error
    failure = error.with_traceback(None)
    failure.__context__ = failure.__cause__ = None
    return failure
