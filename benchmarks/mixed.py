"""What a strict key beside a lenient one costs: the same tree with both in the ring, and with the lenient one alone. CPU time of whole commands.

    python benchmarks/mixed.py [OTHER] [RECORDS] [ROUNDS]

The records are two-part blobs under the lenient key; the strict one (``accept: authentic``) can only prove them. With OTHER, the ``sealkit``
program of another version, also what the ring of one key costs in this version against that one. A ratio over 1 says: takes longer.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from timing import SEALKIT
from tree import build

from sealkit.keys.ring import EXAMPLE_KEYS

STRICT = bytes(range(100, 132)).hex()
LENIENT = "- {{id: {id}, source: {{hex: {hex}}}}}\n"
TARGETS = ("k2", "k1")
ONE = ("--workers", "1")
VERBS = {
    "decrypt": ("decrypt", "--json", *ONE),
    "verify": ("verify", *ONE),
    "check --keys": ("check", *ONE),
}


class Way(NamedTuple):
    """A program, the ring that it is given, and a tree of its own to rotate."""

    program: str
    ring: str
    tree: str


def rings(folder: Path) -> None:
    """A lenient key, that and a strict one; and for rotations two lenient keys, these and a strict one."""
    keys = dict(zip(("k1", "k2"), (EXAMPLE_KEYS[0].hex(), EXAMPLE_KEYS[1].hex()), strict=True))
    strict = f"- {{id: k9, source: {{hex: {STRICT}}}, format: tagged, accept: authentic}}\n"
    for name, ids, more in (
        ("one", ["k1"], ""),
        ("mixed", ["k1"], strict),
        ("two", ["k1", "k2"], ""),
        ("mixed-two", ["k1", "k2"], strict),
    ):
        path = folder / f"{name}.yaml"
        path.touch(0o600)
        listed = "".join(LENIENT.format(id=one, hex=keys[one]) for one in ids)
        path.write_text(f"version: 1\nprimary: k1\nkeys:\n{more}{listed}")


def cpu(command: list[str], folder: Path) -> float:
    """The seconds of CPU that a command takes, with all processes that it waits for."""
    before = os.times()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def command(verb: str, way: Way, number: int) -> list[str]:
    """A command line; rotations go forth and back."""
    if verb == "rotate":
        ring = "two" if way.ring == "one" else "mixed-two"
        return [way.program, "rotate", "-q", *ONE, "--keys", f"{ring}.yaml", "--to", TARGETS[number % 2], way.tree]
    return [way.program, *VERBS[verb], "--keys", f"{way.ring}.yaml", "TREE"]


def compared(verb: str, one: Way, other: Way, folder: Path, rounds: int) -> str:
    """The median of the ratios, pair by pair, and both medians."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(-1, rounds):
        for way, kept in zip((one, other), times, strict=True):
            taken = cpu(command(verb, way, number + 1), folder)
            if number >= 0:
                kept.append(taken)
    figure = statistics.median(a / b for a, b in zip(*times, strict=True))
    return f"{statistics.median(times[0]) * 1000:,.0f} ms | {statistics.median(times[1]) * 1000:,.0f} ms | {figure:.2f}"


def main() -> None:
    given = sys.argv[1:]
    other = given.pop(0) if given and not given[0].isdigit() else None
    records, rounds = (int(given[at]) if len(given) > at else usual for at, usual in ((0, 3_000), (1, 6)))
    base = Path(tempfile.mkdtemp(prefix="sealkit-benchmark-"))
    try:
        build(base / "TREE", records)
        for name in ("ROTATED", "ROTATED-MIXED", "ROTATED-OTHER"):
            shutil.copytree(base / "TREE", base / name)
        rings(base)
        print(f"{records:,} records, {rounds} rounds, one worker, start-up included\n")
        print("| verb | | against | ratio |\n|---|---|---|---|")
        alone = Way(SEALKIT, "one", "ROTATED")
        for verb in (*VERBS, "rotate"):
            mixed = Way(SEALKIT, "mixed", "ROTATED-MIXED")
            print(f"| `{verb}`, with a strict key, against without | {compared(verb, mixed, alone, base, rounds)} |", flush=True)
            if other is not None:
                theirs = Way(other, "one", "ROTATED-OTHER")
                print(
                    f"| the same without, against the other version | {compared(verb, alone, theirs, base, rounds)} |", flush=True
                )
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
