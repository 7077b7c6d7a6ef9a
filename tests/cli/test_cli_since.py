"""``check --since``: what came into a tree, from where, and what its policies demand less; and what is no weakening."""

import os
import shutil
import subprocess
from base64 import b64encode

import pytest
from desk import Desk

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

RING = f"""version: 1
primary: t1
keys:
  - id: t1
    source: {{hex: "{"41" * 32}"}}
    format: tagged
  - id: p1
    source: {{hex: "{"44" * 32}"}}
  - id: s1
    source: {{hex: "{"47" * 32}"}}
    format: synthetic
"""
POLICY = """version: 1
records:
  - include: ["posts/**/*.md", "news/*.md"]
    exclude: ["posts/drafts/**"]
    fields:
      - {path: secured, payload: json, format: tagged, bind: path, keys: [t1]}
  - include: ["notes/*.md"]
    fields: [{path: secured, format: tagged, bind: [id, title]}]
  - include: ["plain/*"]
    fields: [{path: secured}, {path: other, required: false}]
"""
POST = "---\nid: {0}\ntitle: about {0}\nsecured: {{text: the payload of {0}}}\n---\ntext {0}\n"
NOTE = POST.replace("{{text: the payload of {0}}}", "the payload of {0}, of two blocks at least")
LINE = '{{"id": "{0}", "secured": "line {0}, long enough for two blocks"}}\n'
X, Y = "tree/plain/x.md", "tree/plain/y.md"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A desk with a sealed tree in git, in which one blob was replaced by another and one record removed; copied for each test."""
    desk = Desk(tmp_path_factory.mktemp("sealed"))
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.write("tree/sealkit.yaml", POLICY.encode())
    for name in ("posts/a", "posts/deep/b", "news/c"):
        desk.write(f"tree/{name}.md", POST.format(name).encode())
    for name in ("notes/n", "plain/x", "plain/y", "plain/gone"):
        desk.write(f"tree/{name}.md", NOTE.format(name).encode())
    desk.write("tree/plain/l.jsonl", "".join(map(LINE.format, "123")).encode())
    assert desk.run("seal", "--key-id", "p1", "tree/plain").status == 0
    assert desk.run("seal", "tree").status == 0
    desk.write("tree/page.qmd", desk.read(Y).replace(blob_of(desk, Y), fresh()))
    git(desk, "init", "-q", "-b", "main")
    commit(desk, "sealed")
    desk.write("payload", b"the second payload of x, of two blocks at least")
    assert desk.run("seal", "--key-id", "p1", "--field", "secured", "--payload", "payload", X).status == 0
    (desk.path / "tree/plain/gone.md").unlink()
    commit(desk, "changed")
    return desk


@pytest.fixture
def tree(desk, sealed):
    for name in ("tree", "ring.yaml"):
        subprocess.run(["cp", "-a", sealed.path / name, desk.path], check=True)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    return desk


def git(desk, *args):
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *args]
    return subprocess.run(command, cwd=desk.path / "tree", check=True, capture_output=True).stdout


def commit(desk, words):
    git(desk, "add", "-A")
    git(desk, "commit", "-qm", words)


def fresh():
    """The text of a two-part blob that nobody has seen; no key opens it, and the gate asks for none."""
    return b64encode(os.urandom(48)) + b";" + b64encode(os.urandom(16))


def blob_of(desk, name):
    """The text of the first blob in a file."""
    return desk.read(name).partition(b'secured: "')[2].partition(b'"')[0]


def old(desk, name="plain/x.md"):
    """What a file held before the last commit that changed it."""
    return git(desk, "show", f"HEAD~1:{name}")


def gate(desk, *args):
    desk.env.pop("SEALKIT_KEYS", None)
    run = desk.run("check", "--json", *args)
    assert "Traceback" not in run.err
    return run


def found(run):
    return {(one["path"], one["code"]): one["message"] for one in run.lines if one["status"] in ("finding", "failed")}


def put(desk, name, blob, of=Y):
    """Write a record with a blob."""
    desk.write(f"tree/{name}", desk.read(of).replace(blob_of(desk, of), blob))


def keyed(desk, *args):
    assert desk.run(*args).status == 0


# --- blobs ----------------------------------------------------------------------------------------------------------
def rolled_back_under_another_name(desk):
    desk.write("tree/plain/z.md", old(desk))
    (desk.path / X).unlink()


def rolled_back_into_another_record(desk):
    put(desk, "plain/y.md", old(desk).partition(b'secured: "')[2].partition(b'"')[0])


def rolled_back_in_another_field(desk):
    blob = old(desk).partition(b'secured: "')[2].partition(b'"')[0]
    desk.write(X, desk.read(X).replace(b"title: ", b'other: "%s"\ntitle: ' % blob, 1))


def deleted_and_back_elsewhere(desk):
    desk.write("tree/plain/back.md", git(desk, "show", "HEAD~1:plain/gone.md"))


def rolled_back_into_json(desk):
    blob = old(desk).partition(b'secured: "')[2].partition(b'"')[0]
    desk.write("tree/plain/j.json", b'{"secured": "%s"}' % blob.replace(b"/", b"\\/").replace(b"+", b"\\u002b"))


def copied_to_a_new_record(desk):
    put(desk, "plain/copy.md", blob_of(desk, Y), of=X)


def copied_over_another(desk):
    put(desk, "plain/x.md", blob_of(desk, Y), of=X)


def copied_into_a_line(desk):
    desk.write("tree/plain/l.jsonl", desk.read("tree/plain/l.jsonl") + b'{"id": "4", "secured": "%s"}\n' % blob_of(desk, Y))


def copied_from_a_page(desk):
    put(desk, "plain/copy.md", blob_of(desk, "tree/page.qmd"))


def moved_and_copied(desk):
    data = desk.read(Y)
    (desk.path / Y).unlink()
    for name in ("one", "two"):
        desk.write(f"tree/plain/{name}.md", data)


def copied_out_of_what_git_does_not_show_as_text(desk):
    """From the lines of one file into another kind of file."""
    blob = desk.read("tree/plain/l.jsonl").split(b'"')[7]
    desk.write("tree/plain/line.yml", b"secured: >-\n  " + blob + b"\n")


def cut_off_by_the_way(desk):
    blob = blob_of(desk, "tree/posts/a.md").split(b";")
    put(desk, "plain/a.md", b";".join(blob[:2]))
    (desk.path / "tree/posts/a.md").unlink()


def an_iv_of_another_record(desk):
    put(desk, "plain/new.md", b64encode(os.urandom(48)) + b";" + blob_of(desk, Y).split(b";")[1])


def an_iv_from_before(desk):
    iv = old(desk).partition(b'secured: "')[2].partition(b'"')[0].split(b";")[1]
    put(desk, "plain/new.md", b64encode(os.urandom(48)) + b";" + iv)


BLOBS = {
    "an old blob under another name": (rolled_back_under_another_name, "tree/plain/z.md", "rolled_back"),
    "an old blob in another record": (rolled_back_into_another_record, Y, "rolled_back"),
    "an old blob in another field": (rolled_back_in_another_field, X, "rolled_back"),
    "a deleted record's blob elsewhere": (deleted_and_back_elsewhere, "tree/plain/back.md", "rolled_back"),
    "an old blob, escaped": (rolled_back_into_json, "tree/plain/j.json", "rolled_back"),
    "a copy in a new record": (copied_to_a_new_record, "tree/plain/copy.md", "repeated_blob"),
    "a copy over another blob": (copied_over_another, X, "repeated_blob"),
    "a copy in one line of many": (copied_into_a_line, "tree/plain/l.jsonl", "repeated_blob"),
    "a copy from what is no record": (copied_from_a_page, "tree/plain/copy.md", "repeated_blob"),
    "moved once and copied once": (moved_and_copied, "tree/plain/two.md", "repeated_blob"),
    "a copy of a line in a block scalar": (copied_out_of_what_git_does_not_show_as_text, "tree/plain/line.yml", "repeated_blob"),
    "a tag cut off on the way": (cut_off_by_the_way, "tree/plain/a.md", "downgraded"),
    "an IV of another record": (an_iv_of_another_record, "tree/plain/new.md", "repeated_iv"),
    "an IV of an old blob": (an_iv_from_before, "tree/plain/new.md", "repeated_iv"),
}


@pytest.mark.parametrize("kind", BLOBS)
def test_where_a_blob_comes_from(tree, kind):
    plant, path, code = BLOBS[kind]
    plant(tree)
    codes = found(gate(tree, "--since", "HEAD", "tree"))
    assert (path, code) in codes, codes
    assert {one for _, one in codes} == {code}
    git(tree, "add", "-A")
    assert (path, code) in found(gate(tree, "--staged", "--since", "HEAD", "tree"))
    commit(tree, "planted")
    assert (path, code) in found(gate(tree, "--since", "HEAD~1", "tree")), "committed, as in a pull request"


def test_what_is_staged_counts_though_the_work_tree_has_it_no_more(tree):
    rolled_back_under_another_name(tree)
    git(tree, "add", "-A")
    (tree.path / "tree/plain/z.md").unlink()
    assert ("tree/plain/z.md", "rolled_back") in found(gate(tree, "--staged", "--since", "HEAD", "tree"))


def test_what_is_looked_at_is_compared_with_all_of_the_base(tree):
    (tree.path / "tree/elsewhere").mkdir()
    put(tree, "elsewhere/copy.md", blob_of(tree, Y))
    assert set(found(gate(tree, "--since", "HEAD", "tree/elsewhere"))) == {("tree/elsewhere/copy.md", "repeated_blob")}


# --- policies -------------------------------------------------------------------------------------------------------
def changed(before, after):
    def plant(desk):
        text = desk.read("tree/sealkit.yaml").decode()
        assert before in text
        desk.write("tree/sealkit.yaml", text.replace(before, after).encode())

    return plant


def removed(desk):
    (desk.path / "tree/sealkit.yaml").unlink()


def renamed(desk):
    git(desk, "mv", "sealkit.yaml", "sealkit.yml")


def moved_inwards(desk):
    """The same rules, said further in: bound paths count from there."""
    text = desk.read("tree/sealkit.yaml").decode()
    posts = text.partition('  - include: ["notes')[0].replace("posts/", "").replace(', "news/*.md"', "")
    desk.write("tree/posts/sealkit.yaml", posts.encode())
    desk.write(
        "tree/sealkit.yaml", text.replace('"posts/**/*.md", ', "").replace('    exclude: ["posts/drafts/**"]\n', "").encode()
    )


def rule(desk, number):
    """Remove one of the rules."""
    head, *rules = desk.read("tree/sealkit.yaml").decode().split("  - include")
    del rules[number]
    desk.write("tree/sealkit.yaml", "  - include".join([head, *rules]).encode())


P = "tree/sealkit.yaml"
POLICIES = {
    "bound to a field, not the path": (changed("bind: path", "bind: [title]"), "not bound to the path any more, but to title"),
    "not bound": (changed(", bind: path", ""), "is not bound any more"),
    "bound to fewer fields": (changed("[id, title]", "[title]"), "bound to fewer fields"),
    "bound to other fields": (changed("[id, title]", "[id, author]"), "but to id, author"),
    "any bytes": (changed("payload: json", "payload: binary"), "need not hold json any more, but binary"),
    "any text": (changed("payload: json, ", ""), "need not hold json any more, but text"),
    "a weaker format": (changed("format: tagged, bind: path", "format: synthetic, bind: path"), "but synthetic"),
    "a wider exclude, of nothing yet": (changed('"posts/drafts/**"', '"posts/drafts/**", "posts/later/**"'), "not demanded"),
    "a wider exclude, of one file": (changed('"posts/drafts/**"', '"posts/drafts/**", "posts/a.md"'), "(tree/posts/a.md)"),
    "a wider exclude, by one letter": (changed('"posts/drafts/**"', '"posts/draft*/**"'), "not demanded"),
    "an exclude where there was none": (changed('"notes/*.md"]', '"notes/*.md"]\n    exclude: ["notes/[0-9]*"]'), "not demanded"),
    "an include gone": (changed(', "news/*.md"', ""), "(tree/news/c.md)"),
    "a narrower include": (changed("posts/**/*.md", "posts/*.md"), "(tree/posts/deep/b.md)"),
    "a rule gone": (lambda desk: rule(desk, 1), "(tree/notes/n.md)"),
    "a field gone": (changed(", {path: other, required: false}", ""), "field other is not demanded"),
    "not required": (changed("bind: path,", "bind: path, required: false,"), "not required"),
    "any key": (changed(", keys: [t1]", ""), "may be sealed by any key"),
    "no policy": (removed, "not demanded"),
    "a policy of another name": (renamed, "not demanded"),
}


@pytest.mark.parametrize("kind", POLICIES)
def test_what_a_policy_demands_less(tree, kind):
    plant, words = POLICIES[kind]
    plant(tree)
    for args in (("--since", "HEAD", "tree"),):
        codes = found(gate(tree, *args))
        assert words in " ".join(text for (_, code), text in codes.items() if code == "policy_weakened"), codes
        assert {path for path, code in codes if code == "policy_weakened"} == {P}
    git(tree, "add", "-A")
    assert "policy_weakened" in {code for _, code in found(gate(tree, "--staged", "--since", "HEAD", "tree"))}


def test_a_root_that_moved(tree):
    moved_inwards(tree)
    (tree.path / "tree/sealkit.yaml").unlink()
    text = found(gate(tree, "--since", "HEAD", "tree"))
    assert "the root of the tree" in text["tree/posts/sealkit.yaml", "policy_weakened"], text


def test_a_policy_above(tree):
    """It takes nothing away, but bound paths count from its folder."""
    (tree.path / "tree/sub").mkdir()
    git(tree, "mv", *["sealkit.yaml", "posts", "news", "notes", "plain", "sub"])
    keyed(tree, "retag", "--was", "posts", "tree/sub/posts")
    commit(tree, "in a folder")
    tree.write("tree/sealkit.yaml", b"version: 1\nrecords: [{include: ['*.md'], fields: [{path: secured, required: false}]}]\n")
    text = found(gate(tree, "--since", "HEAD", "tree"))
    assert "was sub and is the top now" in text["tree/sealkit.yaml", "policy_weakened"], text
    assert ("tree/sub/sealkit.yaml", "nested_policy") in text


@pytest.mark.parametrize("where", ["posts", "posts/deep", "plain", "new", "news"])
def test_a_policy_inside(tree, where):
    """It takes nothing away either, and is a finding in itself."""
    text = b"version: 1\nrecords: [{include: ['**'], exclude: ['**'], fields: [{path: secured, required: false}]}]\n"
    tree.write(f"tree/{where}/sealkit.yaml", text)
    codes = found(gate(tree, "--since", "HEAD", "tree"))
    assert set(codes) == {(f"tree/{where}/sealkit.yaml", "nested_policy")} | (
        set(codes) & {(f"tree/{where}/sealkit.yaml", "nothing_matched")}
    )


def test_only_what_was_asked_for_is_compared(tree):
    changed("[id, title]", "[title]")(tree)
    assert found(gate(tree, "--since", "HEAD", "tree/posts")) == {}
    assert "policy_weakened" in {code for _, code in found(gate(tree, "--since", "HEAD", "tree/notes"))}


# --- no weakening ---------------------------------------------------------------------------------------------------
def all_of(*plants):
    return lambda desk: [plant(desk) for plant in plants]


def move(before, after):
    def plant(desk):
        (desk.path / "tree" / after).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(desk.path / "tree" / before, desk.path / "tree" / after)

    return plant


def text_edited(desk):
    desk.write(Y, desk.read(Y).replace(b"text", b"another text"))


def names_exchanged(desk):
    x, y = desk.read(X), desk.read(Y)
    desk.write(X, y)
    desk.write(Y, x)


def resealed(desk):
    desk.write("payload", b"the third payload, of two blocks at least")
    keyed(desk, "seal", "--key-id", "p1", "--field", "secured", "--payload", "payload", X)


def a_new_record(desk):
    desk.write("tree/posts/new.md", POST.format("new").encode())
    keyed(desk, "seal", "tree/posts")


def another_field(desk):
    desk.write(X, desk.read(X).replace(b'\nsecured: "', b'\nother: "').replace(b"id: ", b'secured: "%s"\nid: ' % fresh(), 1))


def lines_turned_round(desk):
    name = "tree/plain/l.jsonl"
    desk.write(name, b"".join(reversed(desk.read(name).splitlines(keepends=True))))


def a_line_to_a_file(desk):
    name = "tree/plain/l.jsonl"
    first, *rest = desk.read(name).splitlines(keepends=True)
    desk.write(name, b"".join(rest))
    desk.write("tree/plain/first.json", first)


def retagged(desk):
    move("posts/a.md", "posts/e.md")(desk)
    keyed(desk, "retag", "--was", "posts/a.md", "tree/posts/e.md")


def rotated(desk):
    desk.write("ring.yaml", desk.read("ring.yaml").replace(b"primary: t1", b"primary: s1"))
    keyed(desk, "rotate", "--to", "t1", "tree/plain")


def removed_record(desk):
    (desk.path / Y).unlink()


HARMLESS = {
    "nothing": lambda desk: None,
    "a rename": move("plain/y.md", "plain/w.md"),
    "a rename into another folder": move("plain/y.md", "plain2/w.md"),
    "a rename and an edit": all_of(text_edited, move("plain/y.md", "plain/w.md")),
    "names exchanged": names_exchanged,
    "an edit of public text": text_edited,
    "another payload": resealed,
    "a new record": a_new_record,
    "a blob in another field of its record": another_field,
    "lines in another order": lines_turned_round,
    "a line that became a file": a_line_to_a_file,
    "a rename and retag": retagged,
    "a rotation": rotated,
    "a record removed": removed_record,
    "a stricter kind of payload": changed("[{path: secured},", "[{path: secured, payload: json},"),
    "a wider include": changed("posts/**/*.md", "posts/**"),
    "the same include, said otherwise": changed('"posts/**/*.md"', '"posts/*.md", "posts/*/**/*.md"'),
    "a narrower exclude": changed('["posts/drafts/**"]', '["posts/drafts/old/**"]'),
    "an exclude of nothing that was covered": changed('["posts/drafts/**"]', '["posts/drafts/**", "other/**", "news/drafts"]'),
    "bound to more": changed("[id, title]", "[id, title, date]"),
    "more keys": changed("keys: [t1]", "keys: [t1, s1]"),
    "another key": changed("keys: [t1]", "keys: [s1]"),
    "a new rule": changed(
        '  - include: ["notes', '  - include: ["more/*.md"]\n    fields: [{path: secured}]\n  - include: ["notes'
    ),
    "a required field": changed("other, required: false", "other"),
    "rules in another order, comments": lambda desk: desk.write(
        P,
        b"version: 1\nrecords:  # turned round\n  - include"
        + "  - include".join(reversed(POLICY.split("  - include")[1:])).encode(),
    ),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_no_weakening(tree, kind):
    HARMLESS[kind](tree)
    codes = set(found(gate(tree, "--since", "HEAD", "tree")))
    assert not {code for _, code in codes} & {"rolled_back", "repeated_blob", "repeated_iv", "policy_weakened", "nested_policy"}, (
        codes
    )
    if "plain" in kind or "rename" in kind or "another payload" in kind or "line" in kind:
        assert not codes


# --- what it costs --------------------------------------------------------------------------------------------------
def test_git_is_started_as_often_for_many_records_as_for_one(tree):
    real = shutil.which("git", path=tree.env["PATH"])
    tree.write("bin/git", f'#!/bin/sh\necho "$@" >> {tree.path}/calls\nexec {real} "$@"\n'.encode())
    (tree.path / "bin/git").chmod(0o755)
    tree.env["PATH"] = f"{tree.path}/bin:{tree.env['PATH']}"
    counts = []
    for number in (1, 12):
        for name in range(number):
            put(tree, f"plain/n{name}.md", fresh())
        (tree.path / "calls").unlink(missing_ok=True)
        for args in ((), ("--staged",)):
            git(tree, "add", "-A")
            assert gate(tree, *args, "--since", "HEAD", "tree").status == 0
        counts.append(tree.read("calls").count(b"\n"))
    assert counts[0] == counts[1] > 0, tree.read("calls")


def test_a_history_that_is_not_there_whole_does_not_pass(tree):
    """A partial clone has no old versions: what is not there cannot be compared, and is not fetched."""
    git(tree, "config", "uploadpack.allowFilter", "true")
    url = f"file://{tree.path}/tree"
    subprocess.run(["git", "clone", "-q", "--filter=blob:none", url, "partial"], cwd=tree.path, check=True, capture_output=True)
    shutil.copy(tree.path / Y, tree.path / "partial/plain/copy.md")
    run = gate(tree, "--since", "HEAD", "partial")
    assert run.status in (2, 4), run
