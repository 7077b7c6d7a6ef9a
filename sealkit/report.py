"""What became of each field: outcomes, their counts, the closing sentence, JSON lines and the exit status, all from one object."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealkit.printable import line as line_of
from sealkit.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealkit.errors import SealkitError

# What a verb did to a field; then what kept it from doing so.
FOUND: Final = "found"
DECRYPTED: Final = "decrypted"
SEALED: Final = "sealed"
ROTATED: Final = "rotated"
RESTORED: Final = "restored"
RETAGGED: Final = "retagged"
VERIFIED: Final = "verified"
CHECKED: Final = "checked"
UNCHANGED: Final = "unchanged"
WOULD_CHANGE: Final = "would_change"
ABSENT: Final = "absent"
FINDING: Final = "finding"
FAILED: Final = "failed"

CHANGED: Final = (SEALED, ROTATED, RESTORED, RETAGGED)
"""The statuses of fields whose file was written."""

_ORDER = (
    FOUND,
    DECRYPTED,
    SEALED,
    ROTATED,
    RETAGGED,
    RESTORED,
    VERIFIED,
    CHECKED,
    WOULD_CHANGE,
    UNCHANGED,
    ABSENT,
    FINDING,
    FAILED,
)
_UNAUTHENTICATED = "unauthenticated"
UNTOLD: Final = "untold"
"""The code of a field that opened before a rotation, and whose key nothing in it could tell."""
SETTLED: Final = "settled"
"""The code of such a field that the rotation leaves as it is."""

_DONE, _FINDINGS, _USAGE, _FAILED = 0, 1, 2, 4

Counted = tuple[str, str | None, int, str | None, str | None]
"""By what outcomes are counted: status, code, exit status, format, and the key of a field that was found."""


class Outcome(NamedTuple):
    """What became of one field of one record, or of a file that could not be looked at.

    ``code`` is the verdict or the error's code, ``line`` counts from 1; ``payload`` is set by ``decrypt`` alone.
    """

    path: str
    status: str
    field: str | None = None
    code: str | None = None
    format: str | None = None
    bind: str | None = None
    kid: str | None = None
    key: str | None = None
    ciphertext_bytes: int | None = None
    iv: str | None = None
    line: int | None = None
    message: str | None = None
    hint: str | None = None
    payload: bytes | None = None
    exit_status: int = 0

    def __repr__(self) -> str:
        return f"<Outcome {self.path} {self.field} {self.status} {self.code}>"

    @property
    def place(self) -> str:
        """Where it is, as ``path:line`` where the line is known."""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    def as_dict(self) -> dict[str, Any]:
        """Return the object of its JSON line; absent keys are left out, a payload that is not UTF-8 is ``payload_base64``."""
        known = {name: value for name in _KEYS if (value := getattr(self, name)) is not None}
        known |= {name: line_of(known[name]) for name in ("message", "hint") if name in known}
        if self.payload is not None:
            known |= _payload(self.payload)
        return known

    def json_line(self) -> bytes:
        """Return its JSON line: ``as_dict`` as JSON, put together by hand because trees of a million records have a line for each."""
        quoted = _quoting()
        line = f'{{"path": {quoted(self.path)}{_what(self.field, self.status, *self[3:8])}'
        size, iv, at, message, hint = self[8:13]
        if message is None and hint is None and size is not None and iv is not None and at is not None:  # nearly always
            line += f', "ciphertext_bytes": {size}, "iv": "{iv}", "line": {at}'
        else:
            told = [line_of(text) if text is not None else None for text in (message, hint)]
            line += _members(_LATER, (size, iv, at, *told))
        if self.payload is not None:
            ((name, text),) = _payload(self.payload).items()
            line += f', "{name}": {quoted(text)}'
        return f"{line}}}\n".encode()


_KEYS = ("path", "field", "status", "code", "format", "bind", "kid", "key", "ciphertext_bytes", "iv", "line", "message", "hint")
_LATER = _KEYS[8:]


@cache
def _quoting() -> Callable[[str], str]:
    """Return what writes text as a JSON string; it takes a while to import, and many runs print none."""
    from json.encoder import encode_basestring_ascii

    return encode_basestring_ascii


def _members(names: Sequence[str], values: Sequence[str | int | None]) -> str:
    """Return members of a JSON object, each after a comma, of those values that are not None."""
    quoted = _quoting()
    return "".join(
        [
            f', "{name}": {value if isinstance(value, int) else quoted(value)}'
            for name, value in zip(names, values, strict=True)
            if value is not None
        ]
    )


@lru_cache(maxsize=256)
def _what(*values: str | None) -> str:
    """Return the members from ``field`` to ``key``, which most of a tree's lines have in common."""
    return _members(_KEYS[1:8], values)


def _payload(payload: bytes) -> dict[str, str]:
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        from base64 import b64encode

        return {"payload_base64": b64encode(payload).decode()}


def json_line(known: dict[str, Any]) -> bytes:
    """Return one line of JSON, ASCII but for nothing: paths that are not UTF-8 keep their bytes as lone surrogate escapes."""
    import json

    return json.dumps(known).encode() + b"\n"


def failure(path: str, error: SealkitError, field: str | None = None) -> Outcome:
    """Return the outcome that an error stands for: absent, a finding, or a failure."""
    status = ABSENT if error.code == "absent" else FAILED if error.exit_status not in (0, _FINDINGS) else FINDING
    error.at(path=path, field=field)  # which the hint speaks of
    return Outcome(
        error.path or path,
        status,
        error.field,
        error.code,
        kid=getattr(error, "kid", None),
        line=error.line,
        message=error.problem,
        hint=error.hint,
        exit_status=_DONE if status == ABSENT else error.exit_status,
    )


def counted(outcome: Outcome) -> Counted:
    """Return by what an outcome is counted."""
    return (
        outcome.status,
        outcome.code,
        outcome.exit_status,
        outcome.format,
        outcome.key if outcome.status == FOUND and not outcome.exit_status else None,
    )


class Report:
    """Counts outcomes as they come, keeping none of them."""

    __slots__ = ("_borne", "_codes", "_counts", "_exits", "_opened", "_untold", "unauthenticated")

    unauthenticated: int
    """How many fields were in order, but may have been altered by somebody without the key."""

    def __init__(self) -> None:
        self.unauthenticated = 0
        self._opened = 0
        self._untold: dict[str | None, int] = {}
        self._borne: set[str] = set()
        self._counts: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._exits: set[int] = set()

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.count(counted(outcome))

    def count(self, by: Counted, times: int = 1) -> None:
        """Count outcomes that were looked at elsewhere."""
        status, code, exit_status, form, key = by
        self._counts[status] = self._counts.get(status, 0) + times
        if code is not None and status in (FINDING, FAILED):
            self._codes[code] = self._codes.get(code, 0) + times
        elif code == _UNAUTHENTICATED:
            self.unauthenticated += times
        elif code == UNTOLD:
            self._untold[key] = self._untold.get(key, 0) + times
        if key is not None and code not in _TELLS_NO_KEY:
            self._borne.add(key)
        if status in _OPENED and form in _TWO_PARTS:
            self._opened += times
        self._exits.add(_FINDINGS if status == WOULD_CHANGE else exit_status)

    def merge(self, counts: dict[Counted, int]) -> None:
        """Count outcomes counted elsewhere."""
        for by, times in counts.items():
            self.count(by, times)

    def untold(self, *, borne_out: bool = False) -> int:
        """Return how many fields opened before a rotation whose keys nothing in them could tell.

        With ``borne_out``, those do not count whose key opened a field that does tell it.
        """
        return sum(times for key, times in self._untold.items() if not (borne_out and key in self._borne))

    @property
    def counts(self) -> dict[str, int]:
        """How many outcomes of each status, in a fixed order."""
        return {status: self._counts[status] for status in _ORDER if status in self._counts}

    @property
    def total(self) -> int:
        """How many outcomes in all."""
        return sum(self._counts.values())

    @property
    def fields(self) -> int:
        """How many fields were found, whatever became of them."""
        return self.total - self._counts.get(ABSENT, 0)

    @property
    def exit_status(self) -> int:
        """0 if everything was done, 1 for findings; of other reasons (2, 3, 4, 75) the gravest."""
        graver = self._exits - {_DONE, _FINDINGS}
        if graver:
            return _FAILED if _FAILED in graver else max(graver)
        return _FINDINGS if _FINDINGS in self._exits else _DONE

    def summary(self) -> dict[str, Any]:
        """Return the object of the last JSON line."""
        known: dict[str, Any] = dict(self.counts)
        if self._codes:
            known["codes"] = dict(sorted(self._codes.items()))
        if self.unauthenticated:
            known[_UNAUTHENTICATED] = self.unauthenticated
        diagnosis = self.diagnosis()
        if diagnosis is not None:
            known["diagnosis"] = diagnosis
        return {"summary": known}

    def sentence(self) -> str:
        """Return the closing sentence."""
        if not self._counts:
            return "nothing was looked at"
        words = ", ".join(_in_words(status, count) for status, count in self.counts.items())
        if self._codes:
            words += " (" + ", ".join(f"{count:,} {code}" for code, count in sorted(self._codes.items())) + ")"
        return words + (f"; {self.unauthenticated:,} unauthenticated" if self.unauthenticated else "")

    def diagnosis(self) -> str | None:
        """Return what the share of two-part blobs that cannot be decrypted tells, over many: ``wrong_key``, ``damage``, ``missing_key``.

        One such blob does not tell a wrong key from damage; that all are closed, or nearly none, does. None where there are too few.
        """
        closed = self._codes.get("cannot_decrypt", 0)
        if closed >= _SOME and not self._opened:
            return WRONG_KEY
        if not closed or closed + self._opened < _MANY:
            return None
        if closed >= _NEARLY_ALL * self._opened:
            return WRONG_KEY
        return DAMAGE if self._opened >= _NEARLY_ALL * closed else MISSING_KEY

    def advice(self) -> str | None:
        """Return the diagnosis in words."""
        diagnosis = self.diagnosis()
        return _ADVICE[diagnosis] if diagnosis is not None else None


WRONG_KEY, DAMAGE, MISSING_KEY = "wrong_key", "damage", "missing_key"
_ADVICE = {
    WRONG_KEY: "nearly no two-part blob opens: the ring most likely lacks the key that sealed them",
    DAMAGE: "nearly all two-part blobs open: the few that do not are most likely damaged, or were sealed under another key",
    MISSING_KEY: "a good part of the two-part blobs does not open: the ring most likely lacks one of several keys",
}
_OPENED = frozenset({FOUND, DECRYPTED, ROTATED, VERIFIED, UNCHANGED, WOULD_CHANGE})
_TWO_PARTS = frozenset({"plain", "synthetic"})
_TELLS_NO_KEY = frozenset({UNTOLD, SETTLED})
_SOME = 4
_MANY = 10
_NEARLY_ALL = 9


def _in_words(status: str, count: int) -> str:
    """Return a status as it stands behind a count: all but one are what was done, which has no plural."""
    return plural(count, FINDING) if status == FINDING else f"{count:,} {status.replace('_', ' ')}"
