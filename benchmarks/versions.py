"""Two versions of sealkit on the same files, in turn: what a change costs. CPU time of whole commands with their workers.

    python benchmarks/versions.py OTHER [RECORDS] [ROUNDS]

OTHER is the ``sealkit`` program of the version to compare with, in an environment of its own. A ratio over 1 says that this version
takes longer.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import ENVIRONMENT, HERE, SEALKIT
from tree import build

from sealkit import KeyRing, Sealer

VERBS = {
    "decrypt": ["decrypt", "--json", "--workers", "1", "TREE"],
    "decrypt, two workers": ["decrypt", "--json", "--workers", "2", "TREE"],
    "verify": ["verify", "--workers", "1", "TREE"],
    "check": ["check", "--workers", "1", "TREE"],
    "inspect, without the field": ["inspect", "--workers", "1", "PLAIN", "TREE/0000/0000000.md"],
    "verify, tagged": ["verify", "--workers", "1", "TAGGED"],
    "grep": ["grep", "--workers", "1", "x", "TREE"],
    "columns decrypt": ["columns", "decrypt", "-q", "IN.jsonl", "OUT.jsonl"],
    "columns seal": ["columns", "seal", "-q", "PLAIN.jsonl", "OUT.jsonl"],
    "one record": ["decrypt", "TREE/0000/0000000.md"],
}


def cpu(command: list[str], folder: Path) -> float:
    """The seconds of CPU that a command takes, with all processes that it waits for."""
    (folder / "OUT.jsonl").unlink(missing_ok=True)
    before = os.times()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def tables(folder: Path, rows: int) -> None:
    """One column of blobs, and one of their payloads, as JSON Lines."""
    sealer = Sealer(KeyRing.load(HERE.parent / "keys.example"), key_id="k1")
    with (folder / "IN.jsonl").open("w") as sealed, (folder / "PLAIN.jsonl").open("w") as plain:
        for number in range(rows):
            payload = f"payload {number} " + "x" * 300
            sealed.write(f'{{"id": {number}, "secured": "{sealer.seal(payload.encode())}"}}\n')
            plain.write(f'{{"id": {number}, "secured": "{payload}"}}\n')


def main() -> None:
    other = sys.argv[1]
    records = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    base = Path(tempfile.mkdtemp(prefix="sealkit-benchmark-"))
    try:
        build(base / "TREE", records)
        build(base / "PLAIN", records, sealed=False)
        shutil.copytree(base / "TREE", base / "TAGGED")
        shutil.copytree(base / "TREE", base / "OTHER")  # journals of one version are nothing to the other
        seal_tagged(base / "TAGGED")
        tables(base, records * 4)
        print(f"{records:,} records, medians of {rounds} rounds, start-up included\n")
        print("| what | CPU | this version against the other |\n|---|---|---|")
        for what, verb in VERBS.items():
            report(what, base, rounds, lambda program, number, verb=verb: [program, *verb], other)
        keys = ("k2", "k1")
        report(
            "rotate",
            base,
            rounds,
            lambda program, number: [*rotate(program), "--to", keys[number // 2 % 2], "TREE" if program == SEALKIT else "OTHER"],
            other,
        )
    finally:
        shutil.rmtree(base)


def rotate(program: str) -> list[str]:
    return [program, "rotate", "-q", "--workers", "1"]


def seal_tagged(tree: Path) -> None:
    """Seal another payload in every record of a tree, tagged."""
    ring = KeyRing.load(HERE.parent / "keys.example")
    sealer = Sealer(ring, key_id="k1", format="tagged")
    for path in tree.rglob("*.md"):
        text = path.read_text()
        start = text.index('secured: "') + len('secured: "')
        end = text.index('"', start)
        path.write_text(text[:start] + str(sealer.seal(b"a payload " * 30)) + text[end:])


def report(what: str, base: Path, rounds: int, command: object, other: str) -> None:
    """Run both versions in turn and print the median of the ratios, pair by pair."""
    ours, theirs = [], []
    for number in range(-1, rounds):
        mine, others = (cpu(command(program, 2 * number + turn), base) for turn, program in enumerate((SEALKIT, other)))
        if number >= 0:
            ours.append(mine)
            theirs.append(others)
    figure = statistics.median(one / two for one, two in zip(ours, theirs, strict=True))
    print(f"| {what} | {statistics.median(ours) * 1000:,.0f} ms | {figure:.2f} |", flush=True)


if __name__ == "__main__":
    main()
