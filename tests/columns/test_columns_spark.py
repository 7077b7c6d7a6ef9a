"""Spark, for real: what it opens, that no bad row fails a job, and that the key is nowhere that Spark writes."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from column_cases import RINGS, SEALERS, STRANGER, rows_of

from sealkit.columns import decrypt_column
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer

pytestmark = pytest.mark.spark

SECRET = bytes.fromhex("c0ffee11d00dfeedcafebabe8badf00d5ca1ab1e0ddba11ca55e77e0f00dbabe")
SEALER = SEALERS["one"]
ROOT = Path(__file__).parents[2]

FOREIGN = [
    "ENC[AES256_GCM,data:p673w==,iv:CTVVJbL2TJ0dNQ5w4z6cVXTX0i0UoDHXIuDsNaFgUmE=,tag:OaFvOAqVMYmXXnE7Mo6UdA==,type:str]",
    "$ANSIBLE_VAULT;1.1;AES256\n62313365396662343061393464336163\n",
    "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==",
    "gAAAAABmZ1a5Y3pXb1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6b1l6bw==",
    "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3Yx\n-----END AGE ENCRYPTED FILE-----\n",
    "-----BEGIN PGP MESSAGE-----\n\nhQEMA+ylqj\n-----END PGP MESSAGE-----\n",
    "encrypted:BAx3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3Kk3K",
    "U2FsdGVkX19CGbcV3FP6AhRmCdGA6oK4dLDyQGd7HTEbCBU3wfZSJkvIDbfvVKhr",
    "00112233445566778899aabbccddeeff:" + "8f3c1b9a7d5e2f60" * 4,
    '{"iv": "ABEiM0RVZneImaq7zN3u/w==", "value": "jzwbmn1eL2CPPBuafV4vYA==", "mac": "' + "8f" * 32 + '"}',
]
OURS = ["plain text", '{"a": 1}', None, ""]

# What runs in a Spark of its own, with a key that is in the environment of the machine alone.
SCRIPT = """
import json, os, sys
from pyspark.sql import SparkSession
import pyspark.sql.functions as F
from sealkit.columns import spark as sealed

place, remote = sys.argv[1], sys.argv[2] == "connect"
builder = SparkSession.builder
settings = {
    "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": f"file://{place}/events", "spark.local.dir": f"{place}/local", "spark.eventLog.compress": "false",
    "spark.sql.warehouse.dir": f"{place}/warehouse",
}
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.remote("local[2]").getOrCreate() if remote else builder.master("local[2]").getOrCreate()
with open(f"{place}/rows.json") as file:
    rows = json.load(file)
frame = spark.createDataFrame(list(enumerate(rows)), "n int, secured string")
frame.createOrReplaceTempView("t")
sealed.register(spark, "env:SEALKIT_SECRET")
told = {}
query = spark.sql("select n, unseal(secured) payload, unseal_row(secured) opened from t order by n")
told["sql"] = [[row.payload, row.opened.payload, row.opened.status, row.opened.key] for row in query.collect()]
told["frame"] = [list(row.opened) for row in frame.select("n", sealed.decrypt("secured", "env:SEALKIT_SECRET").alias("opened")).orderBy("n").collect()]
told["verify"] = [list(row.v) for row in frame.select("n", sealed.verify("secured", "env:SEALKIT_SECRET").alias("v")).orderBy("n").collect()]
told["sealed"] = [list(row) for row in spark.sql("select n, unseal(seal(concat('payload number ', n))), reseal(secured) = secured from t order by n").collect()]
told["tree"] = [[os.path.basename(row.path), row.field, row.payload, row.status] for row in sealed.decrypt_tree(spark, f"file://{place}/posts", "env:SEALKIT_SECRET").orderBy("path", "line").collect()]
for to in ("other", "other", "env"):
    done = sealed.rotate_tree(spark, f"{place}/tree", f"file:{sys.argv[3]}", to)
    told.setdefault("rotated", []).append([done.counts, len(done.problems), done.is_complete])
with open(f"{place}/tree/odd.md", "w") as file:
    file.write("---\\nsecured: left open\\n---\\n")
done = sealed.rotate_tree(spark, f"{place}/tree", f"file:{sys.argv[3]}", "other")
told["rotated"].append([done.counts, [[os.path.basename(one.path), one.code] for one in done.problems], done.is_complete])
with open(f"{place}/foreign.json") as file:
    strange = spark.createDataFrame(list(enumerate(json.load(file))), "n int, text string").cache()
strange.createOrReplaceTempView("strange")

def sealing():
    \"\"\"What becomes of each row of the strange ones: by the function on columns, by that of SQL; refused, and sealed as it is.\"\"\"
    made = []
    for told in ({}, {"seal_foreign": True}):
        sealed.register(spark, "env:SEALKIT_SECRET", **told)
        one = strange.select("n", "text", sealed.seal("text", "env:SEALKIT_SECRET", **told).alias("s"))
        one = one.select("n", sealed.decrypt("s.blob", "env:SEALKIT_SECRET").alias("o"), "s.status", F.col("s.blob").isNull().alias("gone"))
        made.append([[row.o.payload, row.status, row.gone] for row in one.orderBy("n").collect()])
        made.append([row.p for row in spark.sql("select n, unseal(seal(text)) p from strange order by n").collect()])
    return made

told["foreign"] = sealing()
had_arrow_udf = hasattr(F, "arrow_udf")
if had_arrow_udf:
    del F.arrow_udf  # as before Spark 4.1
    assert not hasattr(F, "arrow_udf")
told["over pandas"] = [list(row.opened) for row in frame.select("n", sealed.decrypt("secured", "env:SEALKIT_SECRET").alias("opened")).orderBy("n").collect()]
sealed.register(spark, "env:SEALKIT_SECRET")
told["sql over pandas"] = [list(row) for row in spark.sql("select unseal(secured), unseal(seal(concat('payload number ', n))), reseal(secured) = secured from t order by n").collect()]
told["foreign over pandas"] = sealing()
if not remote:
    told["explain"] = query._jdf.queryExecution().toString()
    told["task"] = ""
with open(f"{place}/told.json", "w") as file:
    json.dump(told, file)
if not remote:
    import subprocess
    subprocess.run(["cp", "-r", f"{place}/local", f"{place}/kept"], check=True)
spark.stop()
"""


def spellings(secret):
    """The key in every encoding that a program might write it in."""
    hexed = secret.hex()
    shifted = [base64.b64encode(bytes(pad) + secret).decode()[4 if pad else 0 : 44].rstrip("=")[:-2] for pad in (0, 1, 2)]
    return [
        secret,
        hexed.encode(),
        hexed.upper().encode(),
        repr(secret)[2:-1].encode(),
        str(list(secret)).encode(),
        *(text.encode() for text in shifted),
    ]


@pytest.fixture(scope="module", params=["classic", "connect"])
def told(request, tmp_path_factory):
    if shutil.which("java") is None:
        assert "SEALKIT_CI" not in os.environ, "CI needs Java"
        pytest.skip("NOT TESTED: Spark needs Java")
    import json

    place = tmp_path_factory.mktemp(request.param)
    for name in ("events", "local", "posts"):
        (place / name).mkdir()
    sealer = Sealer(KeyRing([__import__("sealkit").Key("env", SECRET)], primary="env"))
    rows = [str(sealer.seal(f"payload number {number}, „Fog“".encode())) for number in range(60)]
    rows += [None, "", "junk", rows[0][:-4], str(Sealer(KeyRing([STRANGER], primary="x")).seal(b"of another key, this one"))]
    (place / "rows.json").write_text(json.dumps(rows))
    (place / "foreign.json").write_text(json.dumps([*FOREIGN, *OURS]))
    (place / "posts" / "a.md").write_text(f"---\nsecured: {rows[0]}\n---\nbody\n")
    (place / "posts" / "b.jsonl").write_text(f'{{"secured": "{rows[1]}"}}\n{{"secured": "junk"}}\n{{"a": 1}}\n')
    (place / "posts" / "c.yml").write_text("secured: [\n")
    (place / "posts" / "image.png").write_bytes(b"\x89PNG")
    for number in range(3000):
        below = place / "tree" / f"{number % 7}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number}.md").write_text(f"---\nsecured: {rows[number % 60]}\n---\nrecord {number}\n")
    ring = tmp_path_factory.mktemp("ring") / "keys.yaml"
    ring.touch(0o600)
    keys = {"env": SECRET, "other": bytes(range(40, 72))}
    listed = "".join(f"- id: {name}\n  source: {{base64: {base64.b64encode(secret).decode()}}}\n" for name, secret in keys.items())
    ring.write_text(f"version: 1\nprimary: env\nkeys:\n{listed}")
    environment = {
        **os.environ,
        "SEALKIT_SECRET": f"hex:{SECRET.hex()}",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    if not (ROOT / "sealkit").is_dir() or "site-packages" not in __import__("sealkit").__file__:
        environment["PYTHONPATH"] = str(ROOT)
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(place), request.param, str(ring)],
        env=environment,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr.decode()[-3000:]
    told = json.loads((place / "told.json").read_text())
    told |= {"place": place, "rows": rows, "sealer": sealer, "said": ran.stdout + ran.stderr, "classic": request.param == "classic"}
    return told


def test_rows_open_as_they_do_in_the_core(told):
    expected = [
        [value.decode() if isinstance(value, bytes) else value for value in row]
        for row in rows_of(decrypt_column(pa.array(told["rows"]), told["sealer"]))
    ]
    assert told["frame"] == expected
    assert told["sql"] == [[row[0], *row] for row in expected]
    assert told["verify"] == [row[1:] for row in expected]
    assert told["over pandas"] == expected
    assert told["sql over pandas"] == [[row[0], *made[1:]] for row, made in zip(expected, told["sealed"], strict=True)]
    assert {row[1] for row in expected} == {"unauthenticated", None, "malformed", "cannot_decrypt"}


def test_what_is_sealed_opens(told):
    assert [row[1] for row in told["sealed"]] == [f"payload number {number}" for number in range(len(told["rows"]))]
    assert [row[2] for row in told["sealed"]][:61] == [True] * 60 + [None]


@pytest.mark.parametrize("over", ["foreign", "foreign over pandas"])
def test_another_programs_ciphertext_is_sealed_where_somebody_says_so(told, over):
    """No row fails the job; what is refused is null, and its status says why."""
    refused, refused_sql, taken, taken_sql = told[over]
    each, ours = len(FOREIGN), list(OURS)
    assert [row[:2] for row in refused[:each]] == [[None, "foreign"]] * each
    assert all(row[2] for row in refused[:each])
    assert refused_sql == [None] * each + ours
    assert [row[0] for row in taken] == taken_sql == [*FOREIGN, *ours]
    assert [row[0] for row in refused[each:]] == ours
    assert {row[1] for row in taken} == {"sealed", None}


def test_a_folder_of_records(told):
    assert told["tree"] == [
        ["a.md", "secured", "payload number 0, „Fog“", "unauthenticated"],
        ["b.jsonl", "secured", "payload number 1, „Fog“", "unauthenticated"],
        ["b.jsonl", "secured", None, "unsealed"],
        ["b.jsonl", "secured", None, "absent"],
        ["c.yml", "secured", None, "syntax"],
    ]


def test_a_tree_is_rotated(told):
    """Forth, again, and back; then not at all, since one field does not open."""
    assert told["rotated"] == [
        [{"rotated": 3000}, 0, True],
        [{"unchanged": 3000}, 0, True],
        [{"rotated": 3000}, 0, True],
        [{"found": 3000, "finding": 1}, [["odd.md", "unsealed"]], False],
    ]
    for number in (0, 1, 2999):
        text = (told["place"] / "tree" / f"{number % 7}" / f"{number}.md").read_bytes()
        assert text.endswith(b"\nrecord %d\n" % number)
        blob = text.split(b"\n")[1].removeprefix(b"secured: ").decode()
        assert blob != told["rows"][number % 60]
        assert (
            told["sealer"].unseal(__import__("sealkit").Blob.parse(blob)).payload.decode() == f"payload number {number % 60}, „Fog“"
        )


def test_the_key_is_nowhere(told):
    place, looked_at = told["place"], 0
    words = spellings(SECRET)
    texts = {"output": told["said"], "told": (place / "told.json").read_bytes()}
    for folder, _, names in os.walk(place):
        for name in names:
            path = Path(folder) / name
            texts[str(path)] = path.read_bytes()
            looked_at += path.stat().st_size
    found = [(name, word[:6]) for name, text in texts.items() for word in words if word in text]
    assert found == []
    if told["classic"]:
        events = [text for name, text in texts.items() if "/events/" in name]
        assert any(b"SparkListenerTaskEnd" in text for text in events)
        assert "unseal" in told["explain"]
        assert any("/kept/" in name for name in texts)


def test_what_is_sent_holds_no_key():
    """The function as Spark pickles it, after the reference was resolved in this process."""
    from pyspark import cloudpickle

    from sealkit.columns import core, reference
    from sealkit.columns.spark import _batch

    os.environ["OUR_SECRET"] = f"hex:{SECRET.hex()}"
    batch = _batch(tuple(reference.as_reference("env:OUR_SECRET")), "decrypt_column", None, None)
    sealer = Sealer(KeyRing([__import__("sealkit").Key("env", SECRET)], primary="env"))
    blob = str(sealer.seal(b"a payload of a row"))
    assert batch(pa.array([blob])).to_pylist()[0]["payload"] == "a payload of a row"
    sent = cloudpickle.dumps(batch)
    assert b"env:OUR_SECRET" in sent
    assert [word for word in spellings(SECRET) if word in sent] == []
    assert core is not None
    reference.forget()


def test_a_key_that_is_planted_is_found(tmp_path):
    for number, word in enumerate(spellings(SECRET)):
        (tmp_path / str(number)).write_bytes(b"before " + word + b" after")
        assert any(one in (tmp_path / str(number)).read_bytes() for one in spellings(SECRET))
    whole = base64.b64encode(b"x" + SECRET + b"y")
    assert any(word in whole for word in spellings(SECRET))


def test_a_worker_without_sealkit_says_what_is_missing():
    from pyspark import cloudpickle

    from sealkit.columns.spark import _batch

    sent = cloudpickle.dumps(_batch(("env:X",), "decrypt_column", None, None))
    script = "import pickle, sys; sys.modules['sealkit'] = None; pickle.loads(sys.stdin.buffer.read())([])"
    ran = subprocess.run([sys.executable, "-c", script], input=sent, capture_output=True, check=False)
    assert b"install sealkit with its extra spark on every worker" in ran.stderr


@pytest.mark.parametrize("wrong", [f"hex:{SECRET.hex()}", "SEALKIT_SECRET", SEALER])
def test_only_references_are_taken(wrong):
    from sealkit.columns import spark
    from sealkit.errors import Usage

    with pytest.raises(Usage) as caught:
        spark.register(None, wrong)
    assert SECRET.hex()[:8] not in f"{caught.value!r}{caught.value.hint}"
    assert RINGS is not None


# --- the recipe of the docs ----------------------------------------------------------------------------------------------------
RECIPE = """
import sys
from pyspark.sql import SparkSession

place, recipe = sys.argv[1:]
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
spark.read.json(f"{place}/articles.jsonl").repartition(5).createOrReplaceTempView("articles")
*lines, last = recipe.splitlines()
query = next(line for line in lines if "spark.sql(" in line)
exec("\\n".join(lines).replace(query, f"told = {query}"))
assert {row.id: (row.payload, row.status) for row in told.collect()} == {
    number: (None, None) if number % 3 == 2 else (f"payload number {number}", "unauthenticated") for number in range(60)
}
exec(last)
"""


def test_the_recipe_of_the_docs(tmp_path):
    """As printed, but for the places of the records and the ring: each row has its own payload, however Spark cuts the table."""
    if shutil.which("java") is None:
        pytest.skip("NOT TESTED: Spark needs Java")
    import json
    import re

    part = (ROOT / "docs" / "columns.md").read_text(encoding="utf-8").partition("## Spark")[2]
    recipe = re.search(r"^```py\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)[1]
    ring = tmp_path / "ring" / "keys.yaml"
    ring.parent.mkdir(0o700)
    ring.touch(0o600)
    ring.write_text(f"version: 1\nprimary: k3\nkeys:\n- id: k3\n  source: {{hex: '{SECRET.hex()}'}}\n")
    sealer = Sealer(KeyRing([__import__("sealkit").Key("k3", SECRET)], primary="k3"))
    rows = [None if number % 3 == 2 else str(sealer.seal(f"payload number {number}".encode())) for number in range(60)]
    lines = [json.dumps({"id": number, "secured": row}) for number, row in enumerate(rows)]
    (tmp_path / "articles.jsonl").write_text("\n".join(lines))
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.md").write_text(f"---\nsecured: {rows[0]}\n---\n")
    for printed, ours in (("/data/posts", str(tmp_path / "posts")), ("/etc/sealkit/keys.yaml", str(ring))):
        assert printed in recipe
        recipe = recipe.replace(printed, ours)
    names = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    ran = subprocess.run(
        [sys.executable, "-c", RECIPE, str(tmp_path), recipe],
        env={**os.environ, **names, "SEALKIT_SECRET": f"hex:{SECRET.hex()}"},
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr.decode()[-3000:]
