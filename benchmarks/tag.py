"""What checking a tag costs: opening tagged blobs (text to payload) against the same blobs without their tag, in turn, in one process.

python benchmarks/tag.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time

from sealkit import Blob, KeyRing, Sealer
from sealkit.context import Context
from sealkit.keys.key import Key

SIZE, BLOBS = 2048, 500
PLACES = {"bound to nothing": Context(), "bound to a path": Context((b"ksecured",), 1, (b"posts/2020/01/article.md",))}


def seconds(sealer: Sealer, texts: list[str], where: Context) -> float:
    start = time.perf_counter()
    for text in texts:
        sealer.unseal(Blob.parse(text), where)
    return time.perf_counter() - start


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    tagging = Sealer(KeyRing([Key("k1", bytes(range(32)), format="tagged")], primary="k1"))
    payload = ("x" * (SIZE - 1)).encode()
    print(f"payloads of {SIZE:,} bytes, medians of {rounds} rounds of {BLOBS}\n")
    print("| what | µs | against opening without a tag |\n|---|---|---|")
    for name, where in PLACES.items():
        tagged = [str(tagging.seal(payload, where)) for _ in range(BLOBS)]
        plain = [text.rpartition(";")[0] for text in tagged]
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(seconds(tagging, plain, where))
            ours.append(seconds(tagging, tagged, where))
        ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
        print(f"| tagged, {name} | {statistics.median(ours) / BLOBS * 1e6:.1f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
