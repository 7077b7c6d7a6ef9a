"""What it costs to ask whether a file's bytes can spell a field's name, as a ratio to reading the file; in this process, on one core.

    python benchmarks/spelling.py FOLDER [NAME] [ROUNDS]

Reads every regular file below FOLDER (ROUNDS times, 7), and again with the question whether it can spell NAME (privateNotes); processor time,
the best of the rounds. NAME should be one that the files lack: what has it is parsed, which costs more.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sealkit.records.spelling import Spelling
from sealkit.trees import store

if TYPE_CHECKING:
    from collections.abc import Callable


def bare(file: str) -> bytes:
    with Path(file).open("rb", buffering=0) as stream:
        return stream.read()


def seconds(files: list[str], job: Callable[[str], object]) -> float:
    start = time.process_time()
    for file in files:
        job(file)
    return time.process_time() - start


def main(folder: str, name: str = "privateNotes", rounds: str = "7") -> None:
    files = [os.path.join(at, file) for at, _, names in os.walk(folder) for file in names]
    files = [file for file in files if Path(file).is_file() and not Path(file).is_symlink()]
    could = Spelling([name]).could
    found = sum(could(bare(file)) for file in files)
    size = sum(map(os.path.getsize, files))
    print(f"{len(files):,} files, {size / 1e6:,.1f} MB; {found:,} can spell {name}")
    for what, read in (("reading", bare), ("as sealkit reads", lambda file: store.read(file, folder).data)):
        alone = min(seconds(files, read) for _ in range(int(rounds)))
        asked = min(seconds(files, lambda file, read=read: could(read(file))) for _ in range(int(rounds)))
        print(f"{what}: {alone * 1e3:,.1f} ms, asked as well {asked * 1e3:,.1f} ms: {asked / alone:.2f} times")


if __name__ == "__main__":
    main(*sys.argv[1:])
