"""Other programs open what sealkit seals, by the one-liners that sealkit prints."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import needs
import pytest

from sealkit import compat
from sealkit.crypto.blob import Blob

FORMS = ("plain", "tagged", "synthetic")
SHELL = [recipe for recipe in compat.RECIPES if not recipe.is_sql and recipe.is_tested]


class Printed:
    """What ``sealkit compat`` prints, as somebody reads and copies it: the key, the blobs, and the recipes by their headings."""

    def __init__(self, text):
        top, *sections = text.split("\n--- ")
        lines = dict(line.split(None, 1) for line in top.splitlines())
        self.payload, self.key = lines.pop("payload"), lines.pop("key").split()[0]
        self.blobs = lines
        self.recipes = {heading.partition("  (")[0]: body for heading, _, body in (one.partition("\n") for one in sections)}

    def recipe(self, name, form):
        """A recipe as it is printed, with another of the printed blobs pasted into it."""
        return self.recipes[name].replace(self.blobs["tagged"], self.blobs[form])


@pytest.fixture(scope="module")
def printed():
    ran = subprocess.run([sys.executable, "-I", "-m", "sealkit", "compat"], capture_output=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, b"")
    return Printed(ran.stdout.decode())


@pytest.fixture(scope="module")
def go_cache(tmp_path_factory):
    """Go compiles its own library once, and keeps it out of anybody's home."""
    return tmp_path_factory.mktemp("go")


def needed(program):
    needs.demand_program(program)


def test_samples_are_blobs_of_a_new_key_each_time(printed):
    assert tuple(printed.blobs) == FORMS
    assert [Blob.parse(blob).is_tagged for blob in printed.blobs.values()] == [False, True, False]
    samples = compat.samples()
    assert samples.key != printed.key
    assert not set(samples.blobs.values()) & set(printed.blobs.values())


def test_every_recipe_is_printed_as_it_was_written(printed):
    assert printed.payload == compat.PAYLOAD
    assert list(printed.recipes) == [recipe.name for recipe in compat.RECIPES]
    for recipe in compat.RECIPES:
        assert printed.recipes[recipe.name].rstrip("\n") == recipe.filled(printed.blobs["tagged"], printed.key)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("recipe", SHELL, ids=lambda recipe: recipe.name)
def test_a_program_opens_it_as_printed(recipe, form, printed, tmp_path, go_cache):
    needed(recipe.needs)
    script = tmp_path / "recipe.sh"
    script.write_text(printed.recipe(recipe.name, form), encoding="utf-8")
    environment = {**os.environ, "GOCACHE": str(go_cache)}
    ran = subprocess.run(["sh", str(script)], cwd=tmp_path, env=environment, capture_output=True, timeout=240)
    assert (ran.returncode, ran.stdout) == (0, compat.PAYLOAD.encode()), ran.stderr.decode()[-500:]


def postgres_programs():
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    return folders[-1] if folders and (folders[-1] / "initdb").exists() else None


@pytest.fixture(scope="module")
def postgres():
    """A server of its own, on a socket in a folder of its own; it does not run as root."""
    programs = postgres_programs()
    if programs is None:
        needed("initdb")
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
def test_postgres_opens_it_as_printed(postgres, printed, form):
    recipe = next(recipe for recipe in compat.RECIPES if recipe.needs == "postgres")
    assert postgres(printed.recipe(recipe.name, form)) == compat.PAYLOAD + "\n"


SPARK = """
import json, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
print(json.dumps([spark.sql(sql.strip().rstrip(";")).first()[0] for sql in json.loads(sys.argv[1])]))
"""


@pytest.mark.spark
def test_spark_opens_it_as_printed(printed, tmp_path):
    needed("java")
    recipe = next(recipe for recipe in compat.RECIPES if recipe.needs == "spark-sql")
    questions = json.dumps([printed.recipe(recipe.name, form) for form in FORMS])
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
