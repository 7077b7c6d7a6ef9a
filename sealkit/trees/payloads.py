"""Payloads as files below a folder: one file a field, readable by their owner alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.errors import SealkitError
from sealkit.outfile import Folder
from sealkit.report import Outcome, failure

if TYPE_CHECKING:
    from sealkit.trees.batch import Done


class PayloadFiles:
    """Writes payloads to ``FOLDER/<path below the named folder>.<field>``, or ``….<line>.<field>`` for a line of a JSON Lines file.

    Folders are made 0700, files 0600; a file that exists is never written over, and no link below the folder is followed. The folder stays the
    one that was opened, whatever its name leads to later. Raises ``StoreError`` if there can be no such folder.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Folder.open(folder, makes=True)

    def keep(self, done: Done) -> Done:
        """Write the payloads of one file's fields; return the same without them, with failures where one could not be written."""
        below = done.found.path[len(done.found.root) :].lstrip("/")
        lines = [outcome.line for outcome in done.outcomes if outcome.payload is not None]
        several = len({outcome.field for outcome in done.outcomes}) < len(lines)
        return done._replace(outcomes=[self._keep(outcome, below, numbered=several) for outcome in done.outcomes])

    def _keep(self, outcome: Outcome, below: str, *, numbered: bool) -> Outcome:
        if outcome.payload is None:
            return outcome
        name = f"{below}.{outcome.line}.{outcome.field}" if numbered else f"{below}.{outcome.field}"
        try:
            self._folder.write_new(name, outcome.payload)
        except SealkitError as error:
            return failure(outcome.path, error, outcome.field)
        return outcome._replace(payload=None)
