"""Trees of many kinds (trees_of.py), through the real command: nothing is found that was not planted, and all that was; and bytes come back."""

from __future__ import annotations

import subprocess

import pytest
from trees_of import KINDS, OPEN, TREES, everything_below, make

from sealkit import printable

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

GIT = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"]
WITH_ANOTHER_FIELD = """version: 1
records:
  - include: ['*']
    exclude: ['tools/**'] # programs and prose, which are no records
    fields: [{path: author.mail, required: false}]
"""


class House:
    """One of the trees in a git repository, with sealkit's commands run in it."""

    def __init__(self, desk, name, *, planted=False):
        self.desk, self.folder = desk, desk.path / "tree"
        self.tree = make(TREES[name], desk.ring().get("k1"))
        self.folder.mkdir()
        self.tree.write(self.folder, planted=planted)
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
            subprocess.run([*GIT, *command], cwd=self.folder, check=True, env=desk.env | {"GIT_CONFIG_GLOBAL": "/dev/null"})

    def run(self, *args, status=0):
        ran = self.desk.run(*args)
        assert ran.status == status, ran.said
        return ran

    def policy(self, text):
        (self.folder / "sealkit.yaml").write_text(text, encoding="utf-8")

    def found(self, verb="check"):
        """What a verb finds: lines of each file."""
        target = ["--to", "k2"] if verb == "rotate" else []
        ran = self.desk.run(verb, "--json", *target, "tree")
        assert ran.status == (1 if any(line["status"] == "finding" for line in ran.lines) else 0), ran
        lines: dict[str, set[int]] = {}
        for line in ran.lines:
            if line["status"] in {"finding", "failed"}:
                lines.setdefault(line["path"].removeprefix("tree/"), set()).add(line.get("line", 0))
        return lines


def demanding(tree):
    return f"version: 1\nrecords:\n  - include: ['{tree.rule}']\n    fields: [{{path: secured}}]\n"


def hidden(policy):
    """What is found that stands open in a hidden folder: with a policy alone, ``check`` looks there."""
    return set() if policy == "none" else {".hidden/page.md"}


def held(house):
    """The policies that each tree is looked at with: none, init's own, one of its field, one of another field."""
    yield "none"
    house.run("init", "tree")
    yield "of init"
    house.policy(demanding(house.tree))
    yield "of the field"
    house.policy(WITH_ANOTHER_FIELD)
    yield "of another field"


# --- nothing planted -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TREES)
def test_nothing_is_found_where_nothing_is_planted(desk, name):
    house = House(desk, name)
    for policy in held(house):
        assert set(house.found()) == hidden(policy), policy


@pytest.mark.parametrize("name", TREES)
def test_every_verb_ends_well_and_the_bytes_come_back(desk, name):
    house = House(desk, name)
    before = everything_below(house.folder)
    house.run("verify", "tree")
    house.run("rotate", "-q", "--to", "k2", "tree")
    after = everything_below(house.folder)
    changed = {path for path in before if before[path] != after[path]}
    assert changed == set(house.tree.sealed), "each sealed record, and nothing else"
    house.run("verify", "tree")
    house.run("keys", "census", "tree")
    house.run("rotate", "-q", "--rollback", "tree")
    assert everything_below(house.folder) == before


# --- what is planted -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TREES)
def test_all_that_is_planted_is_found_and_nothing_else(desk, name):
    house = House(desk, name, planted=True)
    expected = {plant.path.removeprefix("./"): plant.line for plant in house.tree.plants}
    assert len(expected) == len(KINDS)
    for policy in held(house):
        found = house.found()
        assert set(expected) - set(found) == set(), policy
        assert set(found) - set(expected) == hidden(policy), policy
        assert {path: found[path] for path, line in expected.items() if line and line not in found[path]} == {}, policy


@pytest.mark.parametrize("name", TREES)
def test_what_is_planted_is_found_by_whoever_opens_too(desk, name):
    house = House(desk, name, planted=True)
    expected = {plant.path.removeprefix("./") for plant in house.tree.plants}
    for verb in ("verify", "rotate"):
        assert expected - set(house.found(verb)) == set(), verb


@pytest.mark.parametrize("name", TREES)
def test_no_key_goes_while_a_blob_stands_in_any_kind_of_file(desk, name):
    house = House(desk, name)
    expected = set()
    for plant in house.tree.plants:
        if OPEN.encode() in plant.data:  # blobs that are in the place of what stood open
            (house.folder / plant.path).parent.mkdir(parents=True, exist_ok=True)
            (house.folder / plant.path).write_bytes(plant.data.replace(OPEN.encode(), house.tree.blob().encode()))
            expected.add("tree/" + plant.path.removeprefix("./"))
    assert len(expected) > 45
    ran = desk.run("keys", "retire", "k1", "tree")
    assert ran.status == 1, ran
    assert {path for path in expected if printable.line(path) not in ran.err + ran.text} == set()
