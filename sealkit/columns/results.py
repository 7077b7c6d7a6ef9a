"""What a job says of each row, as Arrow arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from sealkit.columns import arrays
from sealkit.errors import SealkitError, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sealkit.columns.opening import Opened

    Index = int | list[int] | NDArray[Any]

RAISE, NULL, STATUS = "raise", "null", "status"
ON_ERROR: Final = (RAISE, NULL, STATUS)

SEALED, ROTATED, UNCHANGED, FOUND = "sealed", "rotated", "unchanged", "found"
STATUSES: Final = (
    *("authentic", "unauthenticated", "malformed", "noncanonical", "unsupported_version", "unknown_key", "disabled_key"),
    *("tampered", "misbound", "downgraded", "cannot_decrypt", "ambiguous_key", "payload_check", "not_blessed", "unbound"),
    *(
        "not_encrypted",
        "foreign",
        "broken_blob",
        "proof_failed",
        "no_usable_key",
        "usage",
        "config",
        "error",
        SEALED,
        ROTATED,
        UNCHANGED,
        FOUND,
    ),
)
"""What a status can be: the verdicts and codes of errors, and what was done."""

NUMBERS = {status: number for number, status in enumerate(STATUSES)}
STATUS_TYPE: Final = pa.dictionary(pa.int8(), pa.string())


def check_mode(on_error: str) -> None:
    """Raise ``Usage`` for no known way to take errors."""
    if on_error not in ON_ERROR:
        raise Usage(problem=f"no such on_error: {on_error!r}", hint=f"one of {', '.join(ON_ERROR)}")


class Result:
    """The rows of one run: what became of each, as it is known, and then the array of them; ``keys`` are the ids that may be named."""

    def __init__(self, count: int, first: int, on_error: str, keys: Sequence[str] = ()) -> None:
        self._first = first
        self._on_error = on_error
        self._statuses = np.full(count, -1, np.int8)
        self._keys = np.full(count, -1, np.int16)
        self._known = list(keys)
        self._failed: list[int] = []

    def good(self, rows: Index, status: str, key: str | None = None) -> None:
        """Note what was done with some rows."""
        self._statuses[rows] = NUMBERS[status]
        if key is not None:
            self._keys[rows] = self._known.index(key)

    def opened(self, rows: Opened) -> None:
        """Note what rows opened to, or why they did not."""
        self._statuses[:] = rows.verdicts
        self._keys[:] = rows.keys
        self.failed(rows.errors)

    def failed(self, errors: Mapping[int, SealkitError]) -> None:
        """Note errors; the first is raised if that was asked for, with the number of its row."""
        if errors and self._on_error == RAISE:
            row = min(errors)
            raise errors[row].at(field=f"row {self._first + row}")
        for row, error in errors.items():
            self._statuses[row] = NUMBERS.get(error.code, NUMBERS["error"])
            self._keys[row] = -1
        self._failed += errors

    def array(self, fields: dict[str, pa.Array], *, key: bool = True) -> pa.StructArray:
        """Return the rows as structures: the fields that are given, status, and key."""
        fields = {**fields, "status": arrays.words(self._statuses, STATUSES)}
        if key:
            fields["key"] = arrays.names(self._keys, self._known)
        mask = None
        if self._on_error == NULL and self._failed:
            nulls = np.zeros(len(self._statuses), np.bool_)
            nulls[self._failed] = True
            mask = pa.array(nulls)
        return pa.StructArray.from_arrays(list(fields.values()), names=list(fields), mask=mask)
