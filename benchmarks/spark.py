"""Spark's ``unseal`` against Spark's own ``try_aes_decrypt`` on the same rows, in turn, in one session of ``local[2]``, wall time.

    python benchmarks/spark.py [ROWS [ROUNDS]]

Needs Java, and sealkit with its extras ``spark`` and ``fast`` where the interpreter is. The rows are kept in memory, so that reading them is no part of it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from columns import SEALER, SECRET, payload

os.environ |= {"SEALKIT_SECRET": f"hex:{SECRET.hex()}", "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}

import pyarrow as pa
import pyarrow.parquet
from pyspark.sql import SparkSession

from sealkit.columns import seal_column
from sealkit.columns import spark as in_spark

BUILT_IN = (
    "cast(try_aes_decrypt(concat(unbase64(split_part(secured, ';', 2)), unbase64(split_part(secured, ';', 1))), "
    f"unhex('{SECRET.hex()}'), 'CBC', 'PKCS') as string)"
)


def main(rows: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder) / "rows.parquet")
        blobs = seal_column(pa.array([payload(number) for number in range(rows)]), SEALER).field("blob")
        pa.parquet.write_table(pa.table({"secured": blobs}), source)
        settings = {"spark.ui.enabled": "false", "spark.local.dir": folder, "spark.log.level": "ERROR", "spark.driver.memory": "4g"}
        builder = SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        spark.read.parquet(source).repartition(8).cache().createOrReplaceTempView("t")
        in_spark.register(spark, "env:SEALKIT_SECRET")
        queries = {"unseal": "unseal(secured)", "built in": BUILT_IN, "no function": "secured"}
        texts = {name: f"select sum(length({what})), count({what}) from t" for name, what in queries.items()}
        answers = {name: spark.sql(text).collect() for name, text in texts.items()}  # warms up, too
        assert answers["unseal"] == answers["built in"], answers
        times: dict[str, list[float]] = {name: [] for name in texts}
        for _ in range(rounds):
            for name, text in texts.items():
                start = time.perf_counter()
                spark.sql(text).collect()
                times[name].append(time.perf_counter() - start)
        spark.stop()
    ratio = statistics.median(theirs / ours for ours, theirs in zip(times["unseal"], times["built in"], strict=True))
    print(f"{rows:,} rows, medians of {rounds} rounds")
    for name, taken in times.items():
        print(f"{name}: {statistics.median(taken):.2f} s")
    print(f"unseal is {ratio:.2f} times as fast as try_aes_decrypt")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
