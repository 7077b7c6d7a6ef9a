"""What is told of many files at once is what is told of each: the same counts, findings and exit statuses, over all that a tree may hold."""

import random

import pytest

from sealkit import KeyRing, Sealer
from sealkit.demands import Asked
from sealkit.keys.key import Key
from sealkit.report import counted
from sealkit.trees import at_once, batch, content, orders, tasks
from sealkit.trees.batch import Mode, Piece
from sealkit.trees.links import Links
from sealkit.trees.walk import Passing, walk

RING = KeyRing([Key("one", bytes(range(16)))], primary="one")
BLOB = str(Sealer(RING).seal(b"a payload of more than one block"))

WITHOUT = {
    "a.md": b"---\ntitle: a\n---\n",
    "b.md": "---\ntitle: Grüße “so”\n---\nPlain prose.\n".encode(),
    "c.md~": b"---\ntitle: a\n---\n",
    "d.json": b'{"caf\\u00e9": ["\\n", "\\u2014"]}',
    "e.json~": b'{"a": 1}',
    "f.yml": b"a: 1\n---\nb: 2\n",
    "g.py": b"print('sec' + 'ured')\n",
    "h": b"---\nno: suffix\n---\n",
    "i.": b"---\na dot\n---\n",
    "j.bin": bytes(range(256)) * 4,
    "k.txt": b"\xe9t\xe9",
    "l.txt": "wide".encode("utf-16"),
    "m.md": b"",
    "n.md": b"\xef\xbb\xbf---\na: 1\n---\n",
    "o.css": b"a { b: c \\",
    "p.toml": b"# x\n" * 20_000,
    "q.bin": b"\x00" * 40_000,
    "r.md": b"text in plain sight, encrypted or not\n",
}
WITH = {
    "sealed.md": f'---\nsecured: "{BLOB}"\n---\n'.encode(),
    "open.md": b"---\nsecured: plain\n---\n",
    "disguised.md": "---\nѕecured: plain\n---\n".encode(),
    "escaped.json": b'{"s\\u0065cured": "plain"}',
    "beside.md": b"---\nplaintext: it\n---\n",
    "beside.json": b'{"unsea\\u006ced": "it"}',
    "another.md": f'---\nother: "{BLOB}"\n---\n'.encode(),
    "another.json": f'{{"other": "{BLOB[:-1]}\\u003d"}}'.encode(),
    "wide.json": '{"secured": "plain"}'.encode("utf-16"),
    "tagged.yml": b"!!binary c2VjdXJlZA==: plain\n",
    "broken.md": b"---\nsecured: [\n",
    "half.md": b"---\nsec",
}
POLICY = b"version: 1\nrecords:\n  - include: ['posts/**']\n    fields: [{path: secured, required: false}]\n"
DEMANDING = b"version: 1\nrecords:\n  - include: ['posts/**']\n    fields: [{path: secured, required: true}, {path: token, required: false}]\n"


def told(task, root, *, tells_absent):
    """Return the counts and the problems of a task, and how many files were counted."""

    def piece(some):
        outcomes = [outcome for done in some for outcome in done.outcomes]
        counts = {}
        for outcome in outcomes:
            counts[counted(outcome)] = counts.get(counted(outcome), 0) + 1
        return Piece(b"", b"", [tuple(one) for one in outcomes if one.exit_status], counts, len(some))

    found = walk([root], passing=Passing(is_record=lambda name: name != "sealkit.yaml", on_link=Links([root])))
    made = list(batch.pieces(task, found, Mode(workers=1), piece, tells_absent=tells_absent))
    counts = {}
    for one in made:
        for by, times in one.counts.items():
            counts[by] = counts.get(by, 0) + times
    return counts, [problem for one in made for problem in one.problems], sum(one.files for one in made)


@pytest.mark.parametrize("policy", [None, POLICY, DEMANDING], ids=["no policy", "a policy", "a policy that demands"])
@pytest.mark.parametrize("verb", [orders.CHECK, orders.INSPECT, orders.VERIFY, orders.DECRYPT])
@pytest.mark.parametrize("share", [0, 1, 30], ids=["none", "few", "most"])
def test_the_same_is_told_of_all_as_of_each(tree, policy, verb, share):
    chance = random.Random(share)
    files = {} if policy is None else {"sealkit.yaml": policy}
    for number in range(12):
        for name, data in (*WITHOUT.items(), *(WITH.items() if chance.randrange(40) < share else ())):
            files[f"{chance.choice(('posts', 'posts/in', 'other'))}/{number:02}{name}"] = data
    root = tree(files)

    def task():
        opener = Sealer(RING) if verb in (orders.VERIFY, orders.DECRYPT) else None
        return tasks.task(verb, Asked(None), [root], lambda: iter(()), opener=opener)

    assert told(task(), root, tells_absent=False) == told(task(), root, tells_absent=True)


def test_files_that_are_told_of_together_are_no_outcomes(tree):
    """But their counts are there, also where no other file brings any."""
    root = tree({f"{number}.md": b"---\ntitle: a\n---\n" for number in range(52)})
    task = tasks.task(orders.CHECK, Asked(None), [root], lambda: iter(()))
    given = []
    pieces = batch.pieces(
        task,
        walk([root]),
        Mode(workers=1),
        lambda some: given.extend(some) or Piece(b"", b"", [], {}, len(some)),
        tells_absent=False,
    )
    assert [(one.files, one.counts) for one in pieces] == [(52, {("absent", "absent", 0, None, None): 52})]
    assert given == []


@pytest.mark.parametrize("verb", [orders.CHECK, orders.INSPECT, orders.VERIFY, orders.DECRYPT])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_told_of_a_file_hangs_on_no_file_before_it(tree, verb, seed):
    """A task remembers which way the last file went, and tries that first: in whatever order they come, each is told of as if alone."""
    root = tree({"sealkit.yaml": POLICY})
    files = list({**WITHOUT, **WITH}.items()) * 2
    random.Random(seed).shuffle(files)

    def task():
        opener = Sealer(RING) if verb in (orders.VERIFY, orders.DECRYPT) else None
        return tasks.task(verb, Asked(None), [root], lambda: iter(()), opener=opener)

    one, ways = task(), set()
    for name, data in files:
        path = f"{root}/posts/{name}"
        told_then = content.run(one, path, data)
        ways.add(one.answers_at_once)
        alone = content.run(task(), path, data)
        assert told_then.data == alone.data
        assert [said.json_line() for said in told_then.outcomes] == [said.json_line() for said in alone.outcomes], name
    assert ways == ({False, True} if verb in at_once.LOOKS else {False}), "else nothing was remembered"
