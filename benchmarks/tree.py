"""What a tree of records costs, whole commands with their start-up, each as a ratio against a peer in the same run.

    python benchmarks/tree.py [RECORDS] [ROUNDS] [FOLDER]

Builds a tree of RECORDS (10,000) articles below FOLDER (a temporary one) and runs ROUNDS (5) rounds. Needs sealkit installed where the
interpreter is, and a file system that honours fsync for the figure of ``rotate``.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from timing import HERE, SEALKIT, in_turn, milliseconds, ratio, seconds

from sealkit import KeyRing, Sealer
from sealkit.keys.ring import EXAMPLE_KEYS

ARTICLE = (HERE.parent / "tests/records/sample.md").read_text(encoding="utf-8")
PEERS = HERE / "peers"


def build(folder: Path, records: int, *, sealed: bool = True) -> None:
    """Articles shaped like the sample, 1,000 to a folder, with payloads of about its size; or without the field."""
    sealer = Sealer(KeyRing.load(HERE.parent / "keys.example"), key_id="k1")
    start = ARTICLE.index('secured: "')
    end = ARTICLE.index("\n", start) + 1
    sizes = random.Random(1)
    for number in range(records):
        below = folder / f"{number // 1000:04}"
        if number % 1000 == 0:
            below.mkdir(parents=True)
        payload = json.dumps({"id": number, "body": "x" * sizes.randint(280, 340)}).encode()
        field = f'secured: "{sealer.seal(payload)}"\n' if sealed else ""
        (below / f"{number:07}.md").write_text(ARTICLE[:start] + field + ARTICLE[end:], encoding="utf-8")


def peer(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(PEERS / name), *map(str, arguments)]


def reading(tree: Path, plain: Path, rounds: int) -> None:
    key = EXAMPLE_KEYS[0].hex()
    one = ["--workers", "1"]
    times = in_turn(
        {
            "read": peer("read_files.py", tree),
            "decrypt 1": [SEALKIT, "decrypt", "--json", *one, str(tree)],
            "decrypt 2": [SEALKIT, "decrypt", "--json", "--workers", "2", str(tree)],
            "script": peer("plain_script.py", tree, key),
            "verify 1": [SEALKIT, "verify", *one, str(tree)],
            "verify": [SEALKIT, "verify", str(tree)],
            "script verify": peer("plain_script.py", tree, key, "verify"),
            "read plain": peer("read_files.py", plain),
            "absent 1": [SEALKIT, "inspect", *one, str(plain), str(tree / "0000/0000000.md")],
            "absent": [SEALKIT, "inspect", str(plain), str(tree / "0000/0000000.md")],
        },
        rounds,
    )
    again = "script that encrypts again"
    rows = [
        ("`decrypt`, one worker", "script", "decrypt 1", ratio(times["script"], times["decrypt 1"]), "times faster"),
        ("the same", "reading the files", "decrypt 1", ratio(times["decrypt 1"], times["read"]), "times its time"),
        ("two workers", "one worker", "decrypt 2", ratio(times["decrypt 1"], times["decrypt 2"]), "times faster"),
        ("`verify`", again, "verify", ratio(times["script verify"], times["verify"]), "times faster"),
        ("one worker", again, "verify 1", ratio(times["script verify"], times["verify 1"]), "times faster"),
        ("records without the field", "reading the files", "absent", ratio(times["absent"], times["read plain"]), "times its time"),
        ("one worker", "reading the files", "absent 1", ratio(times["absent 1"], times["read plain"]), "times its time"),
    ]
    for what, against, name, figure, unit in rows:
        print(f"| {what} | {milliseconds(times[name])} | {against} | {figure:.1f} {unit} |")


def rotating(tree: Path, rounds: int) -> None:
    ours, back, theirs = [], [], []
    for _ in range(rounds):
        ours.append(seconds([SEALKIT, "rotate", "-q", "--to", "k2", str(tree)]))
        back.append(seconds([SEALKIT, "rotate", "-q", "--rollback", str(tree)]))
        theirs.append(seconds(peer("durable_rewrite.py", tree)))
    print(
        f"| `rotate`, durable | {milliseconds(ours)} | fsync, rename, folder fsync each | {ratio(theirs, ours):.1f} times faster |"
    )
    print(f"| `rotate --rollback` | {milliseconds(back)} | `rotate` | {ratio(back, ours):.1f} times its time |")


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    base = Path(tempfile.mkdtemp(prefix="sealkit-benchmark-", dir=sys.argv[3] if len(sys.argv) > 3 else None))
    try:
        build(base / "tree", records)
        build(base / "plain", records, sealed=False)
        print(f"{records:,} records, medians of {rounds} rounds, start-up included\n")
        print("| what | time | against | ratio |\n|---|---|---|---|")
        reading(base / "tree", base / "plain", rounds)
        rotating(base / "tree", rounds)
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
