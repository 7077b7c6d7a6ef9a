"""Other programs open what sealkit seals, by the one-liners that sealkit prints."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sealkit import compat
from sealkit.crypto.blob import Blob

FORMS = ("plain", "tagged", "synthetic")
SHELL = [recipe for recipe in compat.RECIPES if not recipe.is_sql and recipe.is_tested]


@pytest.fixture(scope="module")
def samples():
    return compat.samples()


@pytest.fixture(scope="module")
def go_cache(tmp_path_factory):
    """Go compiles its own library once, and keeps it out of anybody's home."""
    return tmp_path_factory.mktemp("go")


def needed(program):
    if shutil.which(program) is None:
        if os.environ.get("SEALKIT_CI"):
            pytest.fail(f"NOT TESTED: {program} is not installed, and in CI it must be")
        pytest.skip(f"NOT TESTED: {program} is not installed")


def test_samples_are_blobs_of_a_new_key_each_time(samples):
    assert tuple(samples.blobs) == FORMS
    assert [Blob.parse(blob).is_tagged for blob in samples.blobs.values()] == [False, True, False]
    assert compat.samples().key != samples.key


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("recipe", SHELL, ids=lambda recipe: recipe.name)
def test_a_program_opens_it(recipe, form, samples, tmp_path, go_cache):
    needed(recipe.needs)
    script = recipe.filled(samples.blobs[form], samples.key)
    environment = {**os.environ, "GOCACHE": str(go_cache)}
    ran = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, timeout=240)
    assert (ran.returncode, ran.stdout) == (0, compat.PAYLOAD.encode()), ran.stderr.decode()[-500:]


def postgres_programs():
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    return folders[-1] if folders and (folders[-1] / "initdb").exists() else None


@pytest.fixture(scope="module")
def postgres():
    """A server of its own, on a socket in a folder of its own; it does not run as root."""
    programs = postgres_programs()
    if programs is None:
        needed("postgres-is-not-installed")
    with tempfile.TemporaryDirectory() as folder:
        user = [] if os.geteuid() else ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        if user:
            shutil.chown(folder, "nobody", "nogroup")

        def run(program, *args, **more):
            return subprocess.run([*user, programs / program, *args], cwd="/", capture_output=True, timeout=120, **more)

        data = f"{folder}/data"
        assert run("initdb", "-D", data, "-U", "tester", "--auth=trust").returncode == 0
        start = run("pg_ctl", "-D", data, "-w", "-o", f"-k {folder} -c listen_addresses=''", "-l", f"{folder}/log", "start")
        assert start.returncode == 0, start.stderr

        def ask(sql):
            ran = run("psql", "-h", folder, "-U", "tester", "-d", "postgres", "-tAq", "-v", "ON_ERROR_STOP=1", input=sql.encode())
            assert ran.returncode == 0, ran.stderr
            return ran.stdout.decode()

        try:
            ask("CREATE EXTENSION pgcrypto;")
            yield ask
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")


@pytest.mark.parametrize("form", FORMS)
def test_postgres_opens_it(postgres, samples, form):
    recipe = next(recipe for recipe in compat.RECIPES if recipe.needs == "postgres")
    assert postgres(recipe.filled(samples.blobs[form], samples.key)) == compat.PAYLOAD + "\n"


SPARK = """
import json, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
print(json.dumps([spark.sql(sql.rstrip(";")).first()[0] for sql in json.loads(sys.argv[1])]))
"""


@pytest.mark.spark
def test_spark_opens_it(samples, tmp_path):
    needed("java")
    recipe = next(recipe for recipe in compat.RECIPES if recipe.needs == "spark-sql")
    questions = json.dumps([recipe.filled(samples.blobs[form], samples.key) for form in FORMS])
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    ran = subprocess.run(
        [sys.executable, "-c", SPARK, questions], cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr.decode()[-2000:]
    assert json.loads(ran.stdout.splitlines()[-1]) == [compat.PAYLOAD] * len(FORMS)


def test_what_is_not_tested_says_so():
    """MariaDB before 11.2 takes no IV, and MySQL is not in Debian."""
    assert [recipe.needs for recipe in compat.RECIPES if not recipe.is_tested] == ["mysql"]
    assert {recipe.needs for recipe in compat.RECIPES if recipe.is_tested} == {
        *("openssl", "node", "php", "ruby", "java", "go", "mcs", "postgres", "spark-sql")
    }
