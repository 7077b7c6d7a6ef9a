"""Whenever sealkit gives a value, other readers read the same text, or refuse; what it calls absent they do not find.

A reader that reads otherwise is an exception with a reason, below. Refusals are counted, so that a reader that refuses all cannot pass.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import subprocess
import warnings
from pathlib import Path

import needs
import pytest
import yaml
from record_table import ROWS
from yaml_documents import Documents

from sealkit.errors import SealkitError
from sealkit.records import fieldpath, frontmatter
from sealkit.records.record import Record

DATA = Path(__file__).parent / "data"
NODE_MODULES = Path(os.environ.get("SEALKIT_NODE_MODULES", DATA / "readers" / "node_modules"))

LONE_CR = re.compile(rb"\r(?!\n)")
NUMBER_KEY = "a key that is written as a number is a number for them; a field path is text"
NO_LAST_LINE_END = (
    "a literal's last line without a line feed: libyaml adds none, js-yaml adds one, and the blob is what remains without it"
)
EXCEPTIONS = {
    **{(reader, "c-number-as-name"): NUMBER_KEY for reader in ("PyYAML", "ruamel.yaml", "Psych")},
    **{(reader, "c-number-as-name-crlf"): NUMBER_KEY for reader in ("PyYAML", "ruamel.yaml", "Psych")},
    **{(reader, "i08_yaml_literal_eof.yml"): NO_LAST_LINE_END for reader in ("js-yaml", "yaml")},
}


def steps_of(path: str) -> list[str | int] | None:
    steps = fieldpath.parse(path)
    return None if fieldpath.EVERY in steps else list(steps)


def cases() -> list[dict]:
    """Return every record for which sealkit gives a value or says it is absent: name, kind, bytes, steps, and what it says."""
    found = []
    rows = [(row.name, row.data, row.kind, row.path) for row in ROWS]
    hard = json.loads((DATA / "record_cases" / "expected.json").read_text())["cases"]
    rows += [
        (case["file"], (DATA / "record_cases" / "files" / case["file"]).read_bytes(), case["format"], case["path"]) for case in hard
    ]
    for seed in range(3000):
        text = Documents(seed)().encode("utf-8", "surrogatepass")
        rows.append((f"random-{seed}", b"---\n" + text + b"\n---\n", "frontmatter", "secured"))
    for name, data, kind, path in rows:
        try:
            value = Record.parse(data, kind=kind).value(path)
        except SealkitError:
            continue
        steps = steps_of(path)
        region = frontmatter.region(data) if kind == "frontmatter" else frontmatter.Region(0, len(data), 1)
        if steps is not None and region is not None:
            found.append(
                {"name": name, "kind": kind, "data": data, "yaml": data[region.start : region.end], "steps": steps, "value": value}
            )
    return found


CASES = cases()


def judge(reader: str, answers: dict[str, dict], *, refuses_at_most: float) -> None:
    wrong, refused, asked = [], [], 0
    for case in CASES:
        answer = answers.get(case["name"])
        if answer is None:
            continue
        if reader == "yaml" and LONE_CR.search(case["data"]):
            continue  # the one reader for which a lone CR, which YAML calls a line break, is text; sealkit warns of it
        asked += 1
        if "error" in answer:
            refused.append(case["name"])
        elif answer.get("value") != case["value"] and (reader, case["name"]) not in EXCEPTIONS:
            wrong.append((case["name"], case["yaml"][:200], case["value"], answer))
    assert not wrong, f"{reader}: {len(wrong)}\n" + "\n".join(map(repr, wrong[:40]))
    assert asked > 100
    assert len(refused) <= refuses_at_most * asked, refused


def encoded() -> str:
    lines = []
    for case in CASES:
        row = dict(case, data=base64.b64encode(case["data"]).decode(), yaml=base64.b64encode(case["yaml"]).decode())
        del row["value"]
        lines.append(json.dumps(row))
    return "\n".join(lines) + "\n"


def by_reader(output: str) -> dict[str, dict[str, dict]]:
    found: dict[str, dict[str, dict]] = {}
    for line in filter(None, output.split("\n")):
        row = json.loads(line)
        for reader, answer in row["answers"].items():
            found.setdefault(reader, {})[row["name"]] = answer
    return found


def at(root, steps) -> dict:
    here = root
    for step in steps:
        if (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int) and step < len(here)):
            here = here[step]
        else:
            return {"absent": True}
    return {"value": here} if isinstance(here, str) else {"other": repr(here)}


def test_there_is_something_to_compare():
    assert sum(case["value"] is not None for case in CASES) > 600
    assert sum(case["value"] is None for case in CASES) > 100


def test_pyyaml():
    answers = {}
    for case in CASES:
        if case["kind"] == "json":
            continue
        try:
            answers[case["name"]] = at(yaml.load(case["yaml"], Loader=yaml.CSafeLoader), case["steps"])
        except (yaml.YAMLError, ValueError, TypeError) as error:
            answers[case["name"]] = {"error": type(error).__name__}
    judge("PyYAML", answers, refuses_at_most=0.2)


def test_json():
    answers = {}
    for case in CASES:
        if case["kind"] == "json":
            answers[case["name"]] = at(json.loads(case["data"].decode("utf-8-sig")), case["steps"])
    assert len(answers) > 30
    for case in CASES:
        if case["name"] in answers:
            assert answers[case["name"]].get("value") == case["value"]


@pytest.mark.skipif(importlib.util.find_spec("ruamel") is None, reason="ruamel.yaml is not installed: pip install ruamel.yaml")
def test_ruamel():
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    answers = {}
    for case in CASES:
        if case["kind"] == "json" or len(case["yaml"]) > 20_000:
            continue
        reader = YAML(typ="safe", pure=True)
        reader.allow_duplicate_keys = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of anchors defined twice
                answers[case["name"]] = at(reader.load(case["yaml"]), case["steps"])
        except (
            YAMLError,
            ValueError,
            TypeError,
            NotImplementedError,
            RecursionError,
            AttributeError,
            IndexError,
            KeyError,
            AssertionError,
        ) as error:
            answers[case["name"]] = {"error": type(error).__name__}
    judge("ruamel.yaml", answers, refuses_at_most=0.3)


@needs.program("node")
@pytest.mark.skipif(not NODE_MODULES.is_dir(), reason="no packages of Node.js: run npm install in tests/data/readers")
def test_javascript():
    done = subprocess.run(
        ["node", str(DATA / "readers" / "read.js")],
        input=encoded(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
    )
    answers = by_reader(done.stdout)
    assert set(answers) == {"JSON", "js-yaml", "yaml", "gray-matter"}
    judge("js-yaml", answers["js-yaml"], refuses_at_most=0.3)
    judge("yaml", answers["yaml"], refuses_at_most=0.4)
    judge("gray-matter", answers["gray-matter"], refuses_at_most=0.3)
    for case in CASES:
        if case["name"] in answers["JSON"]:
            assert answers["JSON"][case["name"]].get("value") == case["value"]


@needs.program("ruby")
def test_psych():
    done = subprocess.run(
        ["ruby", str(DATA / "readers" / "read.rb")], input=encoded(), capture_output=True, text=True, check=True, timeout=120
    )
    judge("Psych", by_reader(done.stdout)["Psych"], refuses_at_most=0.3)
