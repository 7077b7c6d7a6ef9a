"""A tree of authentic records through seal, edit, rename, retag, rotate, strip, swap, kill and resume, against a model of it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sealkit import trees
from sealkit.errors import SealkitError
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.trees import Terms, kernel

NAMES = ("a.md", "b.md", "c/d.md", "c/e.md")
KEYS = ("t1", "t2")
BLOB = re.compile(rb'secured: "([^"]*)"')


def a_ring():
    keys = [Key(name, bytes([number]) * 32, format="tagged", accept="authentic") for number, name in enumerate(KEYS, 65)]
    return KeyRing(keys, primary="t1")


class Killed(BaseException):
    """The process dies here: nothing after it is done, nothing is tidied up."""


class Tree(RuleBasedStateMachine):
    """The model: for each file what its payload is and under which key; which files hold a blob that is not theirs, or none of worth."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="states-"))
        self.ring = a_ring()
        self.payloads: dict[str, str] = {}
        self.spoiled: dict[str, str] = {}  # by file: what every verb must say of it
        self.edits = 0

    def teardown(self):
        shutil.rmtree(self.folder)

    @initialize(bind=st.sampled_from(["path", ("id",)]))
    def begin(self, bind):
        self.terms = Terms(bind=bind)
        (self.folder / "sealkit.yaml").write_text(
            'version: 1\nrecords: [{include: ["**"], fields: [{path: secured, required: false}]}]\n'
        )
        for name in NAMES:
            self.write(name, f"the first payload of {name}")
        self.seal()

    # --- helpers -----------------------------------------------------------------------------------------------------
    def path(self, name):
        return self.folder / name

    def write(self, name, payload):
        self.path(name).parent.mkdir(exist_ok=True)
        self.path(name).write_text(f'---\nid: {name}-{self.edits}\nsecured: "{payload}"\n---\ntext\n')
        self.payloads[name] = payload
        self.spoiled.pop(name, None)

    def blob(self, name):
        return BLOB.search(self.path(name).read_bytes())[1]

    def put(self, name, blob):
        self.path(name).write_bytes(BLOB.sub(b'secured: "' + blob + b'"', self.path(name).read_bytes()))

    def whole(self):
        return [name for name in self.payloads if name not in self.spoiled]

    def seal(self):
        assert not [one for one in trees.seal([self.folder], self.ring, terms=self.terms) if one.exit_status]

    # --- what people and attackers do --------------------------------------------------------------------------------
    @rule(data=st.data())
    def edit(self, data):
        """A new payload, in the clear, sealed at once."""
        name = data.draw(st.sampled_from(sorted(self.payloads)))
        self.edits += 1
        self.write(name, f"payload number {self.edits} of this tree")
        self.seal()

    @precondition(lambda self: self.whole())
    @rule(data=st.data())
    def rename(self, data):
        """A bound path changes; the blob is misplaced until it is bound anew, which proves it first."""
        name = data.draw(st.sampled_from(sorted(self.whole())))
        self.edits += 1
        new = f"moved-{self.edits}.md"
        self.path(name).rename(self.path(new))
        self.payloads[new] = self.payloads.pop(name)
        if self.terms.bind == "path":
            assert {one.code for one in trees.verify([self.path(new)], self.ring, terms=self.terms)} == {"tampered"}
            wrong = list(trees.retag(self.path(new), self.ring, was="nowhere.md", terms=self.terms))
            assert {one.code for one in wrong} == {"tampered"}
        assert not [one for one in trees.retag(self.path(new), self.ring, was=name, terms=self.terms) if one.exit_status]

    @precondition(lambda self: self.whole() and self.terms.bind != "path")
    @rule(data=st.data())
    def edit_what_is_bound(self, data):
        name = data.draw(st.sampled_from(sorted(self.whole())))
        self.edits += 1
        old = re.search(r"id: (.*)\n", self.path(name).read_text())[1]
        self.path(name).write_text(self.path(name).read_text().replace(f"id: {old}\n", f"id: edited-{self.edits}\n"))
        assert {one.code for one in trees.verify([self.path(name)], self.ring, terms=self.terms)} == {"tampered"}
        outcomes = list(trees.retag(self.path(name), self.ring, values={"id": old}, terms=self.terms))
        assert not [one for one in outcomes if one.exit_status]

    @precondition(lambda self: self.whole())
    @rule(data=st.data())
    def strip(self, data):
        name = data.draw(st.sampled_from(sorted(self.whole())))
        self.put(name, b";".join(self.blob(name).split(b";")[:2]))
        self.spoiled[name] = "downgraded"

    @precondition(lambda self: len(self.whole()) > 1)
    @rule(data=st.data())
    def swap(self, data):
        one, other = data.draw(st.lists(st.sampled_from(sorted(self.whole())), min_size=2, max_size=2, unique=True))
        first, second = self.blob(one), self.blob(other)
        self.put(one, second)
        self.put(other, first)
        self.spoiled |= dict.fromkeys((one, other), "misbound")

    @precondition(lambda self: self.whole())
    @rule(data=st.data())
    def flip(self, data):
        name = data.draw(st.sampled_from(sorted(self.whole())))
        blob = self.blob(name)
        self.put(name, (b"B" if blob[:1] != b"B" else b"C") + blob[1:])
        self.spoiled[name] = "tampered"

    @precondition(lambda self: not self.spoiled)
    @rule(to=st.sampled_from(KEYS))
    def rotate(self, to):
        assert not [one for one in trees.rotate(self.folder, self.ring, to=to, terms=self.terms) if one.exit_status]
        assert {one.key for one in trees.decrypt([self.folder], self.ring, terms=self.terms)} == {to}

    @precondition(lambda self: self.spoiled)
    @rule(to=st.sampled_from(KEYS))
    def rotate_what_is_spoiled(self, to):
        """Nothing is written before everything opens; what is too weak to be opened is left as it is, and is in nobody's way."""
        before = {name: self.path(name).read_bytes() for name in self.payloads}
        assert [one for one in trees.rotate(self.folder, self.ring, to=to, terms=self.terms) if one.exit_status]
        after = {name: self.path(name).read_bytes() for name in self.payloads}
        if set(self.spoiled.values()) == {"downgraded"}:
            assert {name: after[name] for name in self.spoiled} == {name: before[name] for name in self.spoiled}
            seen = list(trees.decrypt([self.folder], self.ring, terms=self.terms))
            assert {one.key for one in seen if one.exit_status == 0} <= {to}
        else:
            assert after == before

    @precondition(lambda self: not self.spoiled)
    @rule(to=st.sampled_from(KEYS), at=st.integers(0, 5), after=st.booleans())
    def kill_and_resume(self, to, at, after):
        """The process dies around one of its exchanges, in a process of its own; the same command completes."""
        pid = os.fork()
        if not pid:
            self.die(to, at, after)
        os.waitpid(pid, 0)
        if after and at % 2:  # somebody looks before it is gone on with
            self.everything_is_told_apart()
        assert not [one for one in trees.rotate(self.folder, self.ring, to=to, terms=self.terms) if one.exit_status]
        assert {one.key for one in trees.decrypt([self.folder], self.ring, terms=self.terms)} == {to}
        assert not [name for _, _, names in os.walk(self.folder) for name in names if name.startswith(".sealkit-tmp")]

    def die(self, to, at, after):
        real, left = kernel.exchange, [at]

        def exchange(*args):
            left[0] -= 1
            if left[0] < 0 and not after:
                os._exit(9)
            real(*args)
            if left[0] < 0:
                os._exit(9)

        kernel.exchange = exchange
        try:
            list(trees.rotate(self.folder, self.ring, to=to, terms=self.terms))
        except SealkitError:
            pass
        os._exit(0)

    # --- what must hold ----------------------------------------------------------------------------------------------
    @invariant()
    def everything_is_told_apart(self):
        """Whole records open to their payload and are authentic; of every other one it is said what is wrong."""
        seen = {os.path.relpath(one.path, self.folder): one for one in trees.decrypt([self.folder], self.ring, terms=self.terms)}
        assert seen.keys() == self.payloads.keys()
        for name, payload in self.payloads.items():
            if name in self.spoiled:
                # A blob that was moved belongs nowhere any more once its own record was edited, sealed anew or bound to something else.
                may_be = {self.spoiled[name]} | ({"tampered"} if self.spoiled[name] == "misbound" else set())
                assert seen[name].code in may_be, name
                assert seen[name].payload is None, name
            else:
                assert (seen[name].code, seen[name].payload) == ("authentic", payload.encode()), name


def examples(number, steps):
    return settings(max_examples=number, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))


Tree.TestCase.settings = examples(15, 25)
TestTree = Tree.TestCase


@pytest.mark.parametrize(
    ("number", "steps"), [pytest.param(60, 25, marks=pytest.mark.slow), pytest.param(500, 40, marks=pytest.mark.fuzz)]
)
def test_more(monkeypatch, number, steps):
    monkeypatch.setattr(Tree.TestCase, "settings", examples(number, steps))
    Tree.TestCase("runTest").runTest()
