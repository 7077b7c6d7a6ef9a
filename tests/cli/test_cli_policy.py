"""A tree's policy decides what the verbs do to its records; what is said on the command line may not weaken it."""

import json
import subprocess

import pytest

RING = f"""version: 1
primary: p1
keys:
  - id: p1
    source: {{hex: "{"41" * 32}"}}
  - id: t1
    source: {{hex: "{"42" * 32}"}}
    format: tagged
  - id: s1
    source: {{hex: "{"43" * 32}"}}
    format: synthetic
"""
POLICY = """version: 1
records:
  - include: ["posts/*.md"]
    exclude: ["posts/draft-*"]
    fields:
      - {path: secured, format: %s, bind: %s}
  - include: ["data/*.yml"]
    fields:
      - {path: "users[].token", keys: [t1, s1], payload: %s, required: false}
"""
POST = b'---\ntitle: %s\nsecured: "the payload of %s, of two blocks"\n---\ntext\n'
DATA = b"users:\n  - {name: a, token: one}\n  - {name: b, token: two}\nsecured: public here\n"


def policy(format="tagged", bind="path", payload="text"):
    return (POLICY % (format, bind, payload)).encode()


@pytest.fixture
def tree(desk):
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.write("tree/sealkit.yaml", policy())
    for name in (b"a", b"b", b"draft-c"):
        desk.write(f"tree/posts/{name.decode()}.md", POST % (name, name))
    desk.write("tree/data/u.yml", DATA)
    return desk


def outcomes(run):
    """What is said of each field: (path, field) -> outcome."""
    lines = [json.loads(line) for line in run.out.decode().splitlines()]
    return {(one["path"], one.get("field")): one for one in lines if "summary" not in one}


def sealed(tree, *args):
    run = tree.run("seal", "--json", *args, "tree")
    assert run.status == 0, run
    return outcomes(run)


def test_seal_does_what_the_policy_demands(tree):
    fields = sealed(tree)
    kinds = {place: (one["status"], one["format"], one.get("bind"), one["key"]) for place, one in fields.items()}
    assert kinds == {
        ("tree/posts/a.md", "secured"): ("sealed", "tagged", "path", "p1"),
        ("tree/posts/b.md", "secured"): ("sealed", "tagged", "path", "p1"),
        ("tree/data/u.yml", "users[0].token"): ("sealed", "tagged", "none", "t1"),
        ("tree/data/u.yml", "users[1].token"): ("sealed", "tagged", "none", "t1"),
    }
    assert b"secured: public here" in tree.read("tree/data/u.yml")
    assert tree.read("tree/posts/draft-c.md") == POST % (b"draft-c", b"draft-c")


def test_a_record_that_is_named_is_sealed_although_the_policy_leaves_it_out(tree):
    assert tree.run("seal", "tree/posts/draft-c.md").status == 0
    assert outcomes(tree.run("inspect", "--json", "tree/posts/draft-c.md"))["tree/posts/draft-c.md", "secured"]["format"] == "plain"


def test_the_other_verbs_find_those_fields(tree):
    sealed(tree)
    wanted = {("tree/posts/a.md", "secured"), ("tree/posts/b.md", "secured")}
    wanted |= {("tree/data/u.yml", f"users[{number}].token") for number in (0, 1)}
    for verb in ("decrypt", "verify"):
        run = tree.run(verb, "--json", "tree")
        assert {place for place, one in outcomes(run).items() if one["status"] != "finding"} == wanted, run
    assert {place for place, one in outcomes(tree.run("inspect", "--json", "tree")).items() if one["status"] == "found"} == wanted


def test_a_field_that_is_named_keeps_what_is_demanded_of_it(tree):
    fields = sealed(tree, "--field", "users[0].token", "--include", "data/**")
    assert {place: (one["format"], one["key"]) for place, one in fields.items()} == {
        ("tree/data/u.yml", "users[0].token"): ("tagged", "t1")
    }


def test_a_blob_that_was_moved_is_misbound(tree):
    sealed(tree)
    tree.write("tree/posts/b.md", tree.read("tree/posts/a.md"))
    run = tree.run("verify", "--json", "tree/posts/")
    assert run.status == 1
    found = outcomes(run)["tree/posts/b.md", "secured"]
    assert (found["code"], "posts/a.md" in found["message"]) == ("misbound", True)


@pytest.mark.parametrize(
    ("rule", "options", "words"),
    [
        ({}, ("--format", "plain"), "plain is weaker"),
        ({}, ("--format", "synthetic"), "synthetic is weaker"),
        ({}, ("--bind", "none"), "another binding"),
        ({}, ("--bind", "title"), "another binding"),
        ({}, ("--payload-kind", "json"), "the kind text, not json"),
        ({}, ("--key-id", "p1", "--include", "data/**"), "no key but t1, s1"),
        ({"bind": "[title]"}, ("--bind", "path"), "another binding"),
    ],
)
def test_what_the_policy_refuses_is_not_written(tree, rule, options, words):
    tree.write("tree/sealkit.yaml", policy(**rule))
    before = {name: tree.read(name) for name in ("tree/posts/a.md", "tree/data/u.yml")}
    run = tree.run("seal", *options, "tree")
    assert run.status == 2
    assert words in run.err, run
    assert "Traceback" not in run.err
    assert tree.read("tree/posts/a.md") == before["tree/posts/a.md"]
    if "data" in str(options):
        assert tree.read("tree/data/u.yml") == before["tree/data/u.yml"]


def test_a_blob_without_the_demanded_tag_is_not_decrypted(tree):
    sealed(tree)
    head, _, rest = tree.read("tree/posts/a.md").partition(b'secured: "')
    blob, _, tail = rest.partition(b'"')
    tree.write("tree/posts/a.md", head + b'secured: "' + b";".join(blob.split(b";")[:2]) + b'"' + tail)
    for verb in ("decrypt", "verify"):
        run = tree.run(verb, "--json", "tree/posts/")
        assert run.status == 1
        assert b"the payload of a" not in run.out
        assert outcomes(run)["tree/posts/a.md", "secured"]["code"] == "downgraded"


@pytest.mark.parametrize(
    ("demanded", "key", "form"),
    [
        ("plain", "p1", "plain"),
        ("plain", "s1", "synthetic"),
        ("plain", "t1", "tagged"),
        ("synthetic", "p1", "tagged"),
        ("synthetic", "s1", "synthetic"),
        ("synthetic", "t1", "tagged"),
        ("tagged", "p1", "tagged"),
        ("tagged", "s1", "tagged"),
    ],
)
def test_the_stronger_of_policy_and_key(tree, demanded, key, form):
    tree.write("tree/sealkit.yaml", policy(demanded, "none"))
    fields = sealed(tree, "--key-id", key, "--include", "posts/**")
    assert fields["tree/posts/a.md", "secured"]["format"] == (
        "plain" if form == "synthetic" else form
    )  # two parts: no key, no proof
    opened = outcomes(tree.run("verify", "--json", "--key-id", key, "tree/posts"))["tree/posts/a.md", "secured"]
    assert (opened["status"], opened["format"]) == ("verified", form)


def test_an_upgrade_needs_somebody_who_vouches(tree):
    """The policy comes first, then the blobs: a rotation leaves what is too weak as it is, for a tag is not given by the way."""
    (tree.path / "tree/sealkit.yaml").unlink()
    sealed(tree)
    tree.write("tree/sealkit.yaml", policy(bind="none"))
    assert tree.run("verify", "tree").status == 1
    before = tree.read("tree/posts/a.md")
    run = tree.run("rotate", "--to", "t1", "--json", "tree/posts")
    assert (run.status, outcomes(run)["tree/posts/a.md", "secured"]["status"]) == (1, "finding"), run
    assert tree.read("tree/posts/a.md") == before
    for command in (("init", "-q"), ("add", "."), ("-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=tree.path / "tree", check=True)
    run = tree.run("rotate", "--to", "s1", "--bless", "HEAD", "--json", "tree/posts")
    assert run.status == 0, run
    assert outcomes(run)["tree/posts/a.md", "secured"]["format"] == "tagged"
    assert tree.run("verify", "--key-id", "s1", "tree/posts/a.md").status == 0


def test_rotation_stops_before_the_first_write_where_a_key_may_not_seal(tree):
    sealed(tree)
    before = tree.read("tree/posts/a.md")
    run = tree.run("rotate", "--to", "p1", "tree")
    assert run.status == 2, run
    assert "no key but t1, s1" in run.err
    assert tree.read("tree/posts/a.md") == before


def test_binary_payloads_in_two_parts_need_their_key_named(tree):
    tree.write("tree/sealkit.yaml", policy("plain", "none", payload="binary").replace(b"t1, s1", b"p1, t1"))
    run = tree.run("seal", "--include", "data/**", "--key-id", "p1", "tree")
    assert run.status == 0, run
    run = tree.run("decrypt", "--json", "--include", "data/**", "tree")
    assert ({one["code"] for one in run.lines[:-1]}, "--key-id" in run.text) == ({"ambiguous_key"}, True), run
    assert tree.run("decrypt", "--json", "--include", "data/**", "--key-id", "p1", "tree").status == 0


def test_binary_payloads_with_a_tag_name_their_key(tree):
    tree.write("tree/sealkit.yaml", policy(payload="binary"))
    assert tree.run("seal", "--include", "data/**", "tree").status == 0
    assert tree.run("verify", "--include", "data/**", "tree").status == 0


@pytest.mark.parametrize("text", [b"version: 1\n", b"version: 1\nrecords: [{command: x}]\n", b"\xff", b"a: &a [*a]\n"])
@pytest.mark.parametrize("verb", ["seal", "decrypt", "verify", "inspect", "rotate"])
def test_a_broken_policy_stops_every_verb(tree, text, verb):
    tree.write("tree/sealkit.yaml", text)
    before = tree.read("tree/posts/a.md")
    run = tree.run(verb, *(["--json"] if verb == "decrypt" else []), "tree")
    assert run.status == 2, run
    assert "sealkit.yaml" in run.err
    assert "Traceback" not in run.err
    assert tree.read("tree/posts/a.md") == before


def test_stdin_is_under_the_policy_where_it_has_a_name(tree):
    record = tree.read("tree/posts/a.md")
    run = tree.run("seal", "-", "--as", "tree/posts/a.md", stdin=record)
    assert run.status == 0, run
    assert run.out.count(b";") == 2
    assert tree.run("seal", "-", stdin=record).out.count(b";") == 1


def test_init_says_once_what_it_does_not_look_at(desk):
    desk.write("tree/a.yml", b"secured: open\n")
    (desk.path / "tree/out.md").symlink_to("../nowhere")
    run = desk.run("init", "tree")
    assert run.status == 2
    assert run.err.count("out.md") == 1
