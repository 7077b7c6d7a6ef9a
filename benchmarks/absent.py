"""What files without the field cost: ``check`` of trees of them, whole commands with their start-up, each as a ratio against a peer in the same run.

    python benchmarks/absent.py [FILES] [ROUNDS] [FOLDER]

Builds trees of FILES (20,000) files below FOLDER (a temporary one), in which one record alone has the field, and looks at each ROUNDS (5)
times: front matter, JSON of many shapes, YAML, programs and prose, and all of these together. The peer reads the same files, in plain Python.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from timing import SEALKIT, cpu, in_turn, milliseconds, ratio
from tree import ARTICLE, build, peer

WORDS = [
    "harbour",
    "fog",
    "ledger",
    "minutes",
    "source",
    "quote",
    "draft",
    "council",
    "bridge",
    "tide",
    "archive",
    "letter",
    "—",
    "café",
    "“so”",
]


def front_matter(chance: random.Random) -> tuple[str, str]:
    """The sample record without its field, its body of any length."""
    start = ARTICLE.index('secured: "')
    return ".md", ARTICLE[:start] + ARTICLE[ARTICLE.index("\n", start) + 1 :] + text(chance, 50)


def json_text(chance: random.Random) -> tuple[str, str]:
    """An object, an array, a configuration with comments, or a template."""
    rows = [{"id": number, "name": text(chance, 3), "tags": WORDS[:3]} for number in range(chance.randrange(1, 40))]
    shapes = (
        json.dumps({"rows": rows}, indent=2),
        json.dumps(rows),
        '{\n  // of the build\n  "strict": true,\n}\n',
        f"---\n---\n{rows}",
    )
    return ".json", chance.choice(shapes)


def yaml_text(chance: random.Random) -> tuple[str, str]:
    """A mapping, several documents, or a template."""
    lines = "".join(f"key{number}: {text(chance, 4)}\n" for number in range(chance.randrange(5, 40)))
    return ".yml", chance.choice((lines, f"a: 1\n---\n{lines}", f"{{{{- if .Values.on }}}}\n{lines}{{{{- end }}}}\n"))


def other(chance: random.Random) -> tuple[str, str]:
    """A program, prose, or a table."""
    return chance.choice((".py", ".txt", ".csv", ".html", "")), text(chance, chance.randrange(50, 500))


def text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words)) + "\n"


KINDS: dict[str, tuple[Callable[[random.Random], tuple[str, str]], ...]] = {
    "front matter": (front_matter,),
    "JSON": (json_text,),
    "YAML": (yaml_text,),
    "programs and prose": (other,),
    "all of these": (front_matter, json_text, yaml_text, other),
}


def fill(folder: Path, files: int, makers: tuple[Callable[[random.Random], tuple[str, str]], ...]) -> None:
    """Write files below a folder, 1,000 to a folder, and one sealed record."""
    chance = random.Random(1)
    for number in range(files):
        suffix, content = makers[number % len(makers)](chance)
        below = folder / f"{number // 1000:04}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number:07}{suffix}").write_text(content, encoding="utf-8")
    build(folder / "sealed", 1)


def main() -> None:
    given = [int(word) for word in sys.argv[1:3]]
    files, rounds = given + [20_000, 5][len(given) :]
    base = Path(tempfile.mkdtemp(prefix="sealkit-benchmark-", dir=sys.argv[3] if len(sys.argv) > 3 else None))
    try:
        print(f"{files:,} files, medians of {rounds} rounds, start-up included; without it in brackets\n")
        print("| files | reading them | `check`, two workers | one worker | CPU of reading, of both workers, of one; a file |")
        print("|---|---|---|---|---|")
        build(base / "nothing", 1)
        for name, makers in KINDS.items():
            tree = base / name
            fill(tree, files, makers)
            report(name, tree, base / "nothing", rounds, files)
            shutil.rmtree(tree)
    finally:
        shutil.rmtree(base)


def report(name: str, tree: Path, nothing: Path, rounds: int, files: int) -> None:
    """Print the row of one tree; what a start costs is the same command over one record."""

    def check(workers: int, folder: Path) -> list[str]:
        return [SEALKIT, "check", "--workers", str(workers), str(folder)]

    commands = {
        "read": peer("read_files.py", tree),
        "read 1": peer("read_files.py", nothing),
        "check of one": check(1, nothing),
    }
    commands |= {"2": check(2, tree), "1": check(1, tree)}
    times, busy = in_turn(commands, rounds), in_turn(commands, rounds, cpu)
    reading = statistics.median(times["read"]) - statistics.median(times["read 1"])
    cells = []
    for workers in ("2", "1"):
        looking = statistics.median(times[workers]) - statistics.median(times["check of one"])
        cells.append(f"{ratio(times[workers], times['read']):.2f} times ({looking / reading:.2f})")
    each = [
        f"{(statistics.median(busy[what]) - statistics.median(busy[start])) / files * 1e6:.1f}"
        for what, start in (("read", "read 1"), ("2", "check of one"), ("1", "check of one"))
    ]
    print(f"| {name} | {milliseconds(times['read'])} | {' | '.join(cells)} | {', '.join(each)} µs |", flush=True)


if __name__ == "__main__":
    main()
