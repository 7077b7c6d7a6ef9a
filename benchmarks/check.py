"""What the gate costs without a key, whole commands with their start-up, each as a ratio against a peer in the same run.

    python benchmarks/check.py [RECORDS] [ROUNDS] [COMMITS] [FOLDER]

Builds a tree of RECORDS (10,000) articles below FOLDER (a temporary one) and looks at it ROUNDS (5) times; then a history of COMMITS (10,000)
commits, in one of which a record is open, which ``check --history`` must find. Needs git, and sealkit installed where the interpreter is.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import ENVIRONMENT, SEALKIT, in_turn, milliseconds, ratio
from tree import ARTICLE, build, peer

FILES = 1_000


def reading(tree: Path, rounds: int) -> None:
    times = in_turn(
        {
            "read": peer("read_files.py", tree),
            "check": [SEALKIT, "check", str(tree)],
            "check 1": [SEALKIT, "check", "--workers", "1", str(tree)],
        },
        rounds,
    )
    for what, name in (("`check`", "check"), ("`check`, one worker", "check 1")):
        print(
            f"| {what} | {milliseconds(times[name])} | reading the files | {ratio(times[name], times['read']):.1f} times its time |"
        )


def history(folder: Path, commits: int) -> None:
    """Commits that each seal one of 1,000 records anew, written as one stream; one of them leaves a record open."""
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    start = ARTICLE.index('secured: "') + len('secured: "')
    before, after = ARTICLE[:start].encode(), ARTICLE[ARTICLE.index('"', start) :].encode()
    writer = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE)
    assert writer.stdin is not None
    for number in range(commits):
        blob = base64.b64encode(os.urandom(320)) + b";" + base64.b64encode(os.urandom(16))
        text = before + (b"left open" if number == commits // 2 else blob) + after
        writer.stdin.write(f"commit refs/heads/main\ncommitter n <n@example.org> {10**9 + number} +0000\ndata 1\nc\n".encode())
        writer.stdin.write(f"M 100644 inline posts/{number % FILES:04}.md\ndata {len(text)}\n".encode() + text + b"\n")
    writer.stdin.close()
    assert writer.wait() == 0
    began = time.perf_counter()
    done = subprocess.run([SEALKIT, "check", "--history", "."], cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 1, done.stderr
    assert done.stderr.count(b"in commit") == 1, done.stderr
    print(f"\n{commits:,} commits looked at by `check --history` in {seconds:.1f} s; the one open record found")


def main() -> None:
    given = [int(word) for word in sys.argv[1:4]]
    records, rounds, commits = given + [10_000, 5, 10_000][len(given) :]
    base = Path(tempfile.mkdtemp(prefix="sealkit-benchmark-", dir=sys.argv[4] if len(sys.argv) > 4 else None))
    try:
        build(base / "tree", records)
        print(f"{records:,} records, medians of {rounds} rounds, start-up included\n")
        print("| what | time | against | ratio |\n|---|---|---|---|")
        reading(base / "tree", rounds)
        history(base / "history", commits)
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
