"""Regular expressions over bytes that are matched in one pass, however they are written: where RE2 is installed (the extra ``fast``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MEMORY = 32 << 20  # what an expression may use, in bytes; a thousandth is usual


def compiled(pattern: bytes, *, whole: bool = False) -> Callable[[bytes], bool] | None:
    """Return what says whether an expression matches somewhere in some bytes, or with ``whole`` all of them; None where there is no RE2.

    It takes some milliseconds, and the first time ten more.
    """
    try:
        import re2
    except ImportError:
        return None
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture, options.log_errors, options.max_mem = True, False, _MEMORY
    expression = re2.compile(pattern, options)
    asked: Callable[[bytes], Any] = expression.fullmatch if whole else expression.search
    return lambda data: asked(data) is not None
