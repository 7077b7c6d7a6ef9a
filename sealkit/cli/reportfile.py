"""The file of ``--report``: JSON lines, for its owner alone, written over if it exists."""

from __future__ import annotations

import os
from typing import BinaryIO

from sealkit.errors import StoreError


def create(path: str) -> BinaryIO:
    """Open the file for writing; raises ``StoreError``."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    else:
        return os.fdopen(descriptor, "wb")
    raise StoreError(problem=f"the report cannot be written: {reason}", path=path)
