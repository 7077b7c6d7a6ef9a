"""What one record costs: its parts in microseconds, against a plain script's; and the cold start of the command line.

    python benchmarks/one_record.py

Needs sealkit installed where the interpreter is. Figures are medians; every ratio is taken within one run.
"""

from __future__ import annotations

import base64
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from timing import SEALKIT, in_turn, milliseconds, ratio

from sealkit import Blob, KeyRing, Record, Sealer, jobs
from sealkit.keys.ring import EXAMPLE_KEYS
from sealkit.trees.store import Store

ROOT = Path(__file__).parent.parent
ARTICLE = str(ROOT / "tests/records/article.md")
BARE = "import click, yaml, cryptography.hazmat.primitives.ciphers"


def microseconds(function: Callable[[], object], rounds: int = 9, times: int = 500) -> float:
    figures = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times):
            function()
        figures.append((time.perf_counter() - start) / times * 1e6)
    return statistics.median(figures)


def read_plainly() -> bytes:
    descriptor = os.open(ARTICLE, os.O_RDONLY)
    data = os.read(descriptor, 1 << 20)
    os.close(descriptor)
    return data


def decrypt_plainly(ciphertext: bytes, iv: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(EXAMPLE_KEYS[1]), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()


def parts() -> None:
    data = read_plainly()
    front = data.split(b"---\n")[1]
    text = yaml.load(front, Loader=yaml.CSafeLoader)["secured"]
    ciphertext, iv = map(base64.b64decode, text.split(";"))
    record = Record.parse(data, kind="frontmatter")
    blob = Blob.parse(text)
    sealer = Sealer(KeyRing.load(ROOT / "keys.example"), key_id="k2")
    store = Store()
    folder = os.path.dirname(ARTICLE)
    rows: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("read", lambda: store.read(ARTICLE, folder), read_plainly),
        (
            "locate",
            lambda: Record.parse(data, kind="frontmatter").value(),
            lambda: yaml.load(data.split(b"---\n")[1], Loader=yaml.CSafeLoader)["secured"],
        ),
        ("base64", lambda: Blob.parse(text), lambda: [base64.b64decode(part) for part in text.split(";")]),
        ("decrypt", lambda: sealer.unseal(blob), lambda: decrypt_plainly(ciphertext, iv)),
    ]
    print("| part | sealkit, µs | plain script, µs | ratio |\n|---|---|---|---|")
    for name, ours, theirs in rows:
        mine, other = microseconds(ours), microseconds(theirs)
        print(f"| {name} | {mine:.1f} | {other:.1f} | {mine / other:.2f} |")
    verify = microseconds(lambda: jobs.verify(Record.parse(record.raw, kind="frontmatter"), sealer))
    print(f"\nverify of the record in memory: {verify:.0f} µs")


def cold_start() -> None:
    times = in_turn(
        {
            "bare import": [sys.executable, "-c", BARE],
            "sealkit --version": [SEALKIT, "--version"],
            "sealkit inspect": [SEALKIT, "inspect", ARTICLE],
            "sealkit decrypt": [SEALKIT, "decrypt", ARTICLE],
        },
        runs=15,
    )
    print("\n| cold start | median | against the bare import |\n|---|---|---|")
    for name, figures in times.items():
        print(f"| `{name}` | {milliseconds(figures)} | {ratio(figures, times['bare import']):.2f} |")


if __name__ == "__main__":
    parts()
    cold_start()
