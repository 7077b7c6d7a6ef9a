"""Progress on a terminal: done of total, records a second, time left; nothing of it anywhere else."""

from __future__ import annotations

import time

from sealkit.cli import show

_EVERY = 0.1


class Progress:
    """One line on stderr that is drawn over and over; a no-op unless ``shown`` and stderr is a terminal."""

    def __init__(self, what: str, *, shown: bool) -> None:
        self.shown = shown and show.draws()
        self.total: int | None = None
        self._what = what
        self._done = 0
        self._start = time.monotonic()
        self._next = 0.0

    def add(self, files: int) -> None:
        """Count files that are done, and draw the line if it is time to."""
        self._done += files
        now = time.monotonic()
        if self.shown and now >= self._next:
            self._next = now + _EVERY
            show.drawn(self._line(now - self._start))

    def _line(self, seconds: float) -> str:
        rate = self._done / seconds if seconds else 0.0
        if self.total is None:
            return f"{self._what}  {self._done:,}  {rate:,.0f}/s"
        left = (self.total - self._done) / rate if rate else 0.0
        return f"{self._what}  {self._done:,}/{self.total:,}  {rate:,.0f}/s  {int(left) // 60}:{int(left) % 60:02} left"

    def clear(self) -> None:
        """Take the line away, so that something else can be written."""
        if self.shown:
            show.drawn("")
            self._next = 0.0
