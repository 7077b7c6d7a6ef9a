"""But for ``exclude``, writing a policy never makes the gate weaker: what is found without one is found with any, and with any more of them."""

from __future__ import annotations

import json
import shutil

import pytest
from desk import Desk
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from trees_of import FIELD, KINDS, OPEN, front

FEW, MANY = 20, 250
AS_IN_CI = settings(  # no example is made smaller: each costs four commands, and a failure names the files all the same
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)

# --- trees: the kinds of trees_of, with the field or another one, open or sealed, in folders and files of any name ------------
FOLDERS = ("", "posts", "posts/new", "data", "data/deep/er", "posts.md", "[a]")
NAMES = ("a", "b.md", "c d.md", "é.yml", "secured.json", "x.txt", "-f.md", "{a}.md", "a*.yml")
OTHER_FIELDS = (
    ("o.md", front("title: t", "author: {mail: a@example.org}", FIELD)),
    ("o.yml", f"db:\n  password: open\n{FIELD}\n"),
    ("o.json", json.dumps({"items": [{"secured": "x"}, {"key": "open"}], "secured": OPEN})),
    ("o.md", front("title: t", "author: {mail: a@example.org}")),
    ("o.yml", "db:\n  password: open\n"),
    ("o.json", json.dumps({"items": [{"secured": "x"}, {"key": "open"}]})),
    ("o.conf", f"# settings\nport = 1\nsecured = {OPEN}\n"),
    ("o.env", f"secured={OPEN}\nA=1\n"),
    ("o.py", f'record = {{\n    "secured": "{OPEN}",\n}}\n'),
    ("o", f"- secured: {OPEN}\n"),
    ("o.toml", f'[a]\nsecured = "{OPEN}"\n'),
    ("o.ini", "[a]\nb=1\n"),
    ("o.json", "[1, 2]"),
    ("o.bin", bytes(40) + b"\nsecured: x\n"),
)  # fmt: skip
CONTENTS = [(name, content) for name, content, _ in KINDS.values()] + list(OTHER_FIELDS)


def file_of(folder, name, other, content):
    """A path and its bytes: mostly with the suffix that its content has, sometimes with another one."""
    own, text = content
    suffix = own[own.rindex(".") :] if "." in own else ""
    name = other if other else name.split(".")[0] + suffix
    return (f"{folder}/{name}".lstrip("/"), text.encode() if isinstance(text, str) else text)


files = st.builds(
    file_of,
    st.sampled_from(FOLDERS),
    st.sampled_from(NAMES),
    st.one_of(st.none(), st.none(), st.sampled_from(NAMES)),
    st.sampled_from(CONTENTS),
)
trees = st.lists(files, min_size=4, max_size=12, unique_by=lambda file: file[0]).filter(
    lambda tree: not any(one.startswith(f"{other}/") for one, _ in tree for other, _ in tree)
)

# --- policies, without exclude ---------------------------------------------------------------------------------------------
GLOBS = ("*", "*.md", "*.yml", "posts/**", "posts/*.md", "**/*.json", "data", "nowhere/*.md", "o*", "[ab]*", "*.txt", "*.conf")
PATHS = ("secured", "author.mail", "db.password", "items[].key", "items[].secured", "title", "a.secured")
options = st.fixed_dictionaries(
    {},
    optional={
        "required": st.booleans(),
        "payload": st.sampled_from(["text", "json", "binary"]),
        "format": st.sampled_from(["plain", "tagged", "synthetic"]),
        "everywhere": st.just(True),
    },
)
globs = st.lists(st.sampled_from(GLOBS), min_size=1, max_size=3, unique=True)
kinds = st.sampled_from([None, None, None, "yaml", "json", "jsonl", "frontmatter"])
rules = st.tuples(globs, st.lists(st.sampled_from(PATHS), min_size=1, max_size=2, unique=True), kinds)


@st.composite
def several_policies(draw):
    """The rules of two policies and one rule more; what is demanded of a field is the same in all, so that none contradicts another."""
    demands = {path: draw(options) for path in PATHS}

    def rule():
        include, paths, kind = draw(rules)
        return {"include": include, "fields": [{"path": path} | demands[path] for path in paths]} | ({"kind": kind} if kind else {})

    return [rule() for _ in range(draw(st.integers(1, 3)))], [rule() for _ in range(draw(st.integers(1, 2)))], rule()


INNER = ("posts", "data/deep", "posts/new", "data")


# --- what is found -----------------------------------------------------------------------------------------------------------
class Gate:
    """A tree below a desk, looked at by ``check``."""

    def __init__(self, desk) -> None:
        self.desk, self.folder = desk, desk.path / "tree"

    def write(self, tree) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for path, data in tree:
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def policy(self, rules, folder=".") -> None:
        below = self.folder / folder
        below.mkdir(parents=True, exist_ok=True)
        (below / "sealkit.yaml").write_text(json.dumps({"version": 1, "records": rules}))  # JSON is YAML

    def found(self):
        """Every file with a finding, and the line where something stands open; None where ``check`` refuses to say that anything is in order (a broken policy)."""
        ran = self.desk.run("check", "--json", "--workers", "1", "tree")
        assert ran.status in {0, 1, 2, 4}, ran
        if ran.status == 2:
            return None
        findings = [line for line in ran.lines if line["status"] in {"finding", "failed"}]
        return {(line["path"], line.get("line") if line["code"] == "unsealed" else None) for line in findings}


def weaker(before, after, *, by_line):
    """What was found before and is not any more; ``None`` finds all.

    A file that does not read is a finding as a whole, on the first line that spells any of the fields. One that is read as another kind
    has its findings on other lines.
    """
    if before is None or after is None:
        return set()
    files = {path for path, _ in after}
    whole = {path for path, line in after if line is None or not by_line}
    return {(path, line) for path, line in before if path not in (files if line is None else whole) and (path, line) not in after}


def compare(desk, tree, policies, folder):
    """The gate finds no less after each step: no policy, one, one with a rule more, one more in a folder inside."""
    outer, inner, rule = policies
    gate = Gate(desk)
    gate.write(tree)
    found = [gate.found()]
    gate.policy(outer)
    found.append(gate.found())
    assume(found[1] is not None)
    gate.policy([*outer, rule])
    found.append(gate.found())
    gate.policy(inner, folder)
    found.append(gate.found())
    by_line = not any("kind" in one for one in (*outer, *inner, rule))
    for number, step in enumerate(("a policy", "a rule more", "a policy inside")):
        assert weaker(found[number], found[number + 1], by_line=by_line) == set(), step
    assert weaker(found[0], found[3], by_line=by_line) == set()


@pytest.fixture(scope="module")
def gate_desk(tmp_path_factory):
    return Desk(tmp_path_factory.mktemp("gate"))


@given(trees, several_policies(), st.sampled_from(INNER))
@settings(AS_IN_CI, max_examples=FEW)
def test_some_policies(gate_desk, tree, policies, folder):
    compare(gate_desk, tree, policies, folder)


@pytest.mark.slow
@given(trees, several_policies(), st.sampled_from(INNER))
@settings(AS_IN_CI, max_examples=MANY)
def test_many_policies(gate_desk, tree, policies, folder):
    compare(gate_desk, tree, policies, folder)
