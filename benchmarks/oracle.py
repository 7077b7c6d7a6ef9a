"""What the time of a refusal tells about a plain blob: whether its padding was right, or what came out was text.

    python benchmarks/oracle.py [CALLS]

A plain blob proves nothing, so that whoever changes one learns from the answer whether it opened: that cannot be helped. What can be is that
two refusals take the same time. Blobs of one block are made that open to what is wanted, each kind refused for another reason, and CALLS
(20,000) of each are opened in a random order, in this process, where nothing but the opening is measured: far more than anybody sees of a
program from outside. For each kind: the median, how it differs from a wrong padding, and how many queries tell the two apart with one
error in twenty (by their means, without the slowest tenth).
"""

from __future__ import annotations

import math
import os
import random
import statistics
import sys
from time import perf_counter_ns
from typing import TYPE_CHECKING

from sealkit import Key, KeyRing, Sealer
from sealkit.crypto.blob import Blob
from sealkit.crypto.cipher import CBC
from sealkit.errors import SealkitError

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = bytes(range(32))
BLOCK = bytes(range(16, 32))
SURE = 1.645  # standard deviations: one error in twenty

KINDS: dict[str, Callable[[], bytes]] = {
    "bytes, the padding wrong": lambda: os.urandom(15) + bytes([random.choice([0, *range(17, 256)])]),
    "the same again": lambda: os.urandom(15) + bytes([random.choice([0, *range(17, 256)])]),
    "bytes, the padding right": lambda: os.urandom(15) + b"\1",
    "bytes that begin as none of text do, the padding wrong": lambda: b"\xff" + os.urandom(14) + b"\0",
    "text, the padding wrong": lambda: bytes(random.choices(range(32, 127), k=16)),
    "text with a control character, the padding right": lambda: bytes(random.choices(range(32, 127), k=14)) + b"\0\1",
}


def blob_of(text: bytes, inner: bytes) -> Blob:
    """Return the blob of one block that deciphers to these 16 bytes."""
    return Blob(BLOCK, bytes(one ^ other for one, other in zip(text, inner, strict=True)))


def measured(sealer: Sealer, calls: int) -> dict[str, list[int]]:
    """Return the nanoseconds of each refusal, by kind."""
    inner = CBC(SECRET).encrypt_blocks(b"")  # the contexts are made
    inner = bytes(CBC(SECRET).decrypt_rows(bytes(16) + BLOCK, 32)[16:])
    times: dict[str, list[int]] = {kind: [] for kind in KINDS}
    order = [kind for kind in KINDS for _ in range(calls)]
    random.shuffle(order)
    for kind in order:
        blob = blob_of(KINDS[kind](), inner)
        start = perf_counter_ns()
        try:
            sealer.unseal(blob)
        except SealkitError:
            times[kind].append(perf_counter_ns() - start)
    return times


def fastest(times: list[int]) -> list[int]:
    """Return all but the slowest tenth: what the machine did otherwise is not what is asked for."""
    return sorted(times)[: len(times) * 9 // 10]


def queries(one: list[int], other: list[int]) -> float:
    """Return how many queries of each kind tell the two apart by their means."""
    one, other = fastest(one), fastest(other)
    apart = abs(statistics.fmean(one) - statistics.fmean(other))
    spread = statistics.pvariance(one) + statistics.pvariance(other)
    return math.ceil((2 * SURE) ** 2 * spread / apart**2) if apart else math.inf


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for kind in ("text", "json"):
        times = measured(Sealer(KeyRing([Key("k1", SECRET)], primary="k1"), payload=kind), calls)
        usual = times["bytes, the padding wrong"]
        print(f"payloads: {kind}; {calls:,} refusals of each kind\n")
        print("| what came out | median | against a wrong padding | queries that tell |\n|---|---|---|---|")
        for name, some in times.items():
            if not some:
                print(f"| {name} | opens | | |")
                continue
            apart = statistics.fmean(fastest(some)) - statistics.fmean(fastest(usual))
            told = "" if some is usual else f"{queries(some, usual):,}"
            print(f"| {name} | {statistics.median(some) / 1000:.2f} µs | {apart:+.0f} ns | {told} |")
        print()


if __name__ == "__main__":
    main()
