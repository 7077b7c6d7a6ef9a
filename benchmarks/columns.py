"""Columns against what one would write without sealkit, in turn, in one process, by CPU time: pandas ``apply`` and per-row functions of the engines.

python benchmarks/columns.py [ROWS [ROUNDS]]; then the memory of ``sealkit columns decrypt`` on that many rows and on ten times as many:
python benchmarks/columns.py memory [ROWS]
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sealkit import Key, KeyRing, Sealer
from sealkit.columns import base64rows, decrypt_column, seal_column
from sealkit.columns import duckdb as in_duckdb
from sealkit.columns import polars as in_polars

SECRET = bytes(range(32))
SEALER = Sealer(KeyRing([Key("k1", SECRET)], primary="k1"))
TAGGING = Sealer(KeyRing([Key("k1", SECRET, format="tagged")], primary="k1"))
FAST = base64rows.pybase64
WATCHED = """
import atexit, re, runpy
from pathlib import Path
# Not ru_maxrss: that begins with the memory of the process that started this one.
atexit.register(lambda: print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]))
runpy.run_module("sealkit", run_name="__main__")
"""


def payload(number: int) -> str:
    body = "„Wir haben die Platten nie gezählt“, sagt sie und öffnet die dritte Schublade. " * 4
    return json.dumps(
        {"id": f"r{number}", "author": "Jonas Weiß", "body": body[: 230 + number % 60], "words": number}, ensure_ascii=False
    )


def open_one(text: str | None) -> str | None:
    if text is None:
        return None
    ciphertext, iv = text.split(";")
    decryptor = Cipher(algorithms.AES(SECRET), modes.CBC(base64.b64decode(iv))).decryptor()
    padded = decryptor.update(base64.b64decode(ciphertext)) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def seal_one(text: str) -> str:
    iv = os.urandom(16)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(SECRET), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(text.encode()) + padder.finalize()) + encryptor.finalize()
    return f"{base64.b64encode(sealed).decode()};{base64.b64encode(iv).decode()}"


def slow(job):
    """The same without pybase64."""

    def run():
        base64rows.pybase64 = None
        try:
            return job()
        finally:
            base64rows.pybase64 = FAST

    return run


def cpu_seconds(job) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def compare(ours: dict, peer, rounds: int) -> None:
    for job in (*ours.values(), peer):
        job()  # once, to warm up
    times: dict[str, list[float]] = {name: [] for name in ours}
    theirs = []
    for _ in range(rounds):
        theirs.append(cpu_seconds(peer))
        for name, job in ours.items():
            times[name].append(cpu_seconds(job))
    for name, taken in times.items():
        ratio = statistics.median(their / our for our, their in zip(taken, theirs, strict=True))
        print(f"| {name} | {statistics.median(taken):.2f} | {statistics.median(theirs):.2f} | {ratio:.1f} |", flush=True)


def main(rows: int, rounds: int) -> None:
    payloads = pa.array([payload(number) for number in range(rows)])
    blobs = seal_column(payloads, SEALER).field("blob")
    tagged = seal_column(payloads, TAGGING).field("blob")
    print(
        f"{rows:,} payloads of {sum(len(one.encode()) for one in payloads.to_pylist()) // rows} bytes, medians of {rounds} rounds\n"
    )
    print("| what | CPU seconds | of the peer | times faster |\n|---|---|---|---|")
    series, plain = pd.Series(blobs.to_pylist(), dtype=object), pd.Series(payloads.to_pylist(), dtype=object)

    def decrypt():
        return decrypt_column(blobs, SEALER)

    opening = {
        "decrypt, pybase64": decrypt,
        "decrypt, without": slow(decrypt),
        "decrypt and check tags, pybase64": lambda: decrypt_column(tagged, TAGGING),
        "decrypt and check tags, without": slow(lambda: decrypt_column(tagged, TAGGING)),
    }
    compare(opening, lambda: series.apply(open_one), rounds)

    def seal():
        return seal_column(payloads, SEALER)

    compare({"seal, pybase64": seal, "seal, without": slow(seal)}, lambda: plain.apply(seal_one), rounds)
    frame = pl.DataFrame({"secured": blobs})
    ours = {"Polars expression": lambda: frame.select(in_polars.decrypt("secured", SEALER).struct.field("payload"))}
    compare(ours, lambda: frame.select(pl.col("secured").map_elements(open_one, return_dtype=pl.String)), rounds)
    with duckdb.connect() as connection:
        in_duckdb.register(connection, SEALER)
        connection.create_function("open_one", open_one, ["VARCHAR"], "VARCHAR", null_handling="special")
        connection.register("t", pa.table({"secured": blobs}))
        query = "select sum(length({}(secured))) from t"
        ours = {"DuckDB function": lambda: connection.sql(query.format("unseal")).fetchall()}
        compare(ours, lambda: connection.sql(query.format("open_one")).fetchall(), rounds)


def memory(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for times in (1, 10):
            source = Path(folder) / f"{times}.parquet"
            part = pa.table({"secured": seal_column(pa.array([payload(number) for number in range(rows)]), SEALER).field("blob")})
            with pa.parquet.ParquetWriter(source, part.schema) as writer:
                for _ in range(times):
                    writer.write_table(part)
            command = [sys.executable, "-c", WATCHED, "columns", "decrypt", "-q", str(source), f"{source}.out.parquet"]
            environment = {**os.environ, "SEALKIT_SECRET": f"hex:{SECRET.hex()}", "HOME": folder}
            environment.pop("SEALKIT_KEYS", None)
            most = int(subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout) / 1024
            print(f"{rows * times:,} rows: {most:.0f} MiB at most")


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory(int(sys.argv[2]) if len(sys.argv) > 2 else 200_000)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
