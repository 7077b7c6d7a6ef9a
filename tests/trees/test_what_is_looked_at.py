"""Which files each verb looks at, and which it leaves and counts: one claim a test, as the pages say them (test_looked_at.py)."""

from __future__ import annotations

import subprocess

import pytest
from trees_of import FIELD, OPEN, front

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

GIT = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"]
LEAK = front("title: t", FIELD)
ANOTHER_FIELD = "version: 1\nrecords:\n  - include: ['*']\n    fields: [{path: author.mail, required: false}]\n"


EXCLUDING = """version: 1
records:
  - include: ['*.md']
    exclude: ['drafts/**']
    fields: [{path: author.mail, required: false}]
"""


class Yard:
    """A tree with one sealed record in it; a git repository once a test asks for that."""

    def __init__(self, desk) -> None:
        self.desk, self.folder = desk, desk.path / "tree"
        self.put("ok.md", front("title: t", f"secured: {self.blob(1)}"))

    def blob(self, number, key="k1"):
        return self.desk.sealed(f"a payload of some blocks, number {number}".encode(), key, iv=bytes(range(number, number + 16)))

    def put(self, name, data):
        return self.desk.write(f"tree/{name}", data if isinstance(data, bytes) else data.encode())

    def git(self, *args):
        environment = self.desk.env | {"GIT_CONFIG_GLOBAL": "/dev/null"}
        return subprocess.run([*GIT, *args], cwd=self.folder, env=environment, check=True, capture_output=True).stdout.decode()

    def commit(self):
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-qm", "m")

    def policy(self, text=ANOTHER_FIELD):
        self.put("sealkit.yaml", text)

    def found(self, verb="check", *options):
        """The files, below the tree, in which a verb finds something."""
        ran = self.desk.run(verb, "--json", *options, "tree")
        assert ran.status in {0, 1, 4}, ran
        found = {line["path"].removeprefix("tree/") for line in ran.lines if line["status"] in {"finding", "failed"}}
        assert bool(found) == bool(ran.status), ran
        return found

    def count(self, key):
        """In how many files the census has something under a key."""
        ran = self.desk.run("keys", "census", "--json", "tree")
        assert ran.status == 0, ran
        return sum(line["files"] for line in ran.lines if line.get("key") == key)


@pytest.fixture
def yard(desk):
    return Yard(desk)


@pytest.fixture(params=["without a policy", "with one for another field"])
def either(yard, request):
    if request.param != "without a policy":
        yard.policy()
    return yard


# --- every text, whatever its name --------------------------------------------------------------------------------------------
NAMES = (
    "a.qmd",
    "a",
    "a.rss",
    "a.xml",
    "a.scss",
    "a.json",
    "a.b.c",
    "a.md~",
    "a.md.",
    "a.MD",
    "a.py",
    "a.svg",
    "Makefile",
    "a.tex",
    "a b",
)


def test_front_matter_is_looked_at_under_any_name(either):
    for number, name in enumerate(NAMES):
        either.put(f"deep/{number}/{name}", LEAK)
    assert either.found() == {f"deep/{number}/{name}" for number, name in enumerate(NAMES)}


def test_text_in_any_unicode_is_looked_at(either):
    codecs = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
    for codec in codecs:
        either.put(f"{codec}.yml", f"title: t\n{FIELD}\n".encode(codec))
        either.put(f"{codec} too.yml", f"title: \u1200\U00010302\n{FIELD}\n".encode(codec))
    assert either.found() == {f"{codec}{more}.yml" for codec in codecs for more in ("", " too")}


def test_a_large_file_is_looked_through_to_its_end(either):
    either.put("a.yml", "".join(f"k{number}: some words of this line\n" for number in range(30_000)) + FIELD + "\n")
    either.put("b.csv", "a,b\n" * 500_000)
    assert either.found() == {"a.yml"}


def test_what_is_no_text_is_not_looked_at(either):
    datas = (b"\0", bytes(100) + b"\nsecured: x\n", b"\x89PNG\r\n\x1a\n\0\0" + bytes(range(256)) * 8, b"PK\3\4\0\0secured: x")
    for number, data in enumerate(datas):
        for name in ("a.png", "a.yml", "a.json", "a.md", "a"):
            either.put(f"{number}/{name}", data)
    assert either.found() == set()


NO_MATTER = (
    ("a.json", "[1, 2]"),
    ("b.json", ""),
    ("tsconfig.json", '{\n  // x\n  "a": 1,\n}'),
    ("c.json", "---\n---\n{{ x }}"),
    ("d.yml", "a: 1\n---\nb: 2\n"),
    ("e.yaml", "{{- if x }}\na: 1\n{{- end }}\n"),
    ("f.md", "+++\ntitle = 'x'\n+++\n"),
    ("g.md", "---\ntitle: 'x\n---\n"),
    ("h.md", "----\n"),
    ("i.jsonl", "not JSON\n"),
    ("j.toml", "a = 1\n"),
    ("k.md", '{"title": "x"}\n'),
    ("l.md", "\n---\ntitle: x\n---\n"),
    ("m.md", b"---\ntitle: \xff\n---\n"),
    ("n.json", "{" * 200_000),
    ("o.yml", "&a [" * 2000),
)


@pytest.mark.parametrize("verb", ["check", "verify", "rotate"])
def test_a_file_that_cannot_spell_the_field_stops_nothing(either, verb):
    for name, text in NO_MATTER:
        either.put(name, text)
    assert either.found(verb, *(["--to", "k2"] if verb == "rotate" else [])) == set()


NO_RECORDS = {
    "a.py": f'row = {{\n    "secured": "{OPEN}",\n}}\n',
    "b.env": f"secured={OPEN}\n",
    "c.conf": f"port = 1\nsecured = {OPEN}\n",
    "d.ini": f"[a]\nsecured={OPEN}\n",
    "e.txt": f"Some words.\n\nsecured: {OPEN}\n",
    "f.toml": f'secured = "{OPEN}"\n[a]\n',
}


def test_what_is_of_no_kind_is_counted_where_no_rule_matches_it(yard):
    for name, text in NO_RECORDS.items():
        yard.put(name, text)
    assert yard.found() == set()
    assert f"{len(NO_RECORDS)} " in yard.desk.run("check", "tree").err


def test_what_is_of_no_kind_is_a_finding_where_a_rule_matches_it(yard):
    for name, text in NO_RECORDS.items():
        yard.put(name, text)
    globs = ", ".join(f"'{name}'" for name in NO_RECORDS)
    yard.policy(f"version: 1\nrecords:\n  - include: [{globs}]\n    fields: [{{path: secured, required: false}}]\n")
    assert yard.found() == set(NO_RECORDS)


def test_what_is_of_no_kind_is_a_finding_where_it_is_named(yard):
    for name, text in NO_RECORDS.items():
        yard.put(name, text)
    ran = yard.desk.run("check", "--json", *(f"tree/{name}" for name in NO_RECORDS))
    assert ran.status == 1
    found = {line["path"]: (line["code"], line["line"] > 0) for line in ran.lines if line["status"] == "finding"}
    assert found == dict.fromkeys((f"tree/{name}" for name in NO_RECORDS), ("unsupported_record", True))


# --- what is left, and said to be ---------------------------------------------------------------------------------------------
LEFT = ("ignored.md", "build/a.md", ".hidden.md", ".well-known/a.md", ".sealkit-tmp-0a")


def test_what_the_walk_leaves_is_counted(yard):
    yard.git("init", "-q")
    yard.put(".gitignore", "build/\nignored.md\n")
    for name in LEFT:
        before = yard.desk.run("check", "tree").err
        yard.put(name, LEAK)
        ran = yard.desk.run("check", "tree")
        assert ran.status == 0, ran
        assert ran.err != before, f"it says that it left {name}"


@pytest.mark.parametrize("verb", ["verify", "rotate"])
def test_verify_and_rotate_count_what_they_leave_too(yard, verb):
    options = ["--to", "k1"] if verb == "rotate" else []
    before = yard.desk.run(verb, *options, "tree").err
    yard.put(".hidden/a.md", front(f"secured: {yard.blob(2)}"))
    ran = yard.desk.run(verb, *options, "tree")
    assert ran.status == 0, ran
    assert ran.err != before


def test_hidden_and_ignored_files_are_looked_at_where_that_is_asked_for(yard):
    yard.git("init", "-q")
    yard.put(".gitignore", "ignored.md\n")
    yard.put("ignored.md", LEAK)
    yard.put(".hidden/a.md", LEAK)
    assert yard.found("check", "--hidden") == {".hidden/a.md"}
    assert yard.found("check", "--no-gitignore") == {"ignored.md"}


def test_check_looks_at_hidden_files_where_there_is_a_policy(yard):
    yard.put(".hidden/a.md", LEAK)
    yard.policy()
    assert yard.found() == {".hidden/a.md"}


def test_notes_of_git_and_of_sealkit_are_never_looked_at(yard):
    yard.git("init", "-q")
    for name in (".git/a.md", ".git/hooks/b.md", ".sealkit/c.md", "sub/.sealkit/d.md"):
        yard.put(name, LEAK)
    assert yard.found("check", "--hidden", "--no-gitignore") == set()


def test_what_is_named_is_always_taken(yard):
    yard.git("init", "-q")
    yard.put(".gitignore", "build/\n")
    for name in ("build/a.qmd", ".hidden/b", "c.xml", ".d.md"):
        yard.put(name, LEAK)
        assert yard.desk.run("check", f"tree/{name}").status == 1, name


def test_what_exclude_names_is_counted(yard):
    yard.put("drafts/a.md", front("title: t", "author: {mail: open}"))
    yard.policy(EXCLUDING)
    assert yard.found() == set()
    assert "exclude" in yard.desk.run("check", "tree").err


# --- links ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["check", "verify", "rotate"])
def test_a_link_into_the_tree_is_no_error(either, verb):
    either.put("sub/a.md", front("title: t"))
    for number, target in enumerate(["ok.md", "./ok.md", "sub", "not-there.md", "sub/../ok.md"]):
        (either.folder / f"link{number}.md").symlink_to(target)
    (either.folder / "sub" / "up.yml").symlink_to("../ok.md")
    assert either.found(verb, *(["--to", "k2"] if verb == "rotate" else [])) == set()


def test_a_link_out_of_the_tree_is_a_finding_where_it_has_a_suffix_of_records(yard):
    yard.desk.write("outside.md", LEAK.encode())
    for name in ("link.md", "link.yml", "link.png", "link"):
        (yard.folder / name).symlink_to("../outside.md")
    assert yard.found() == {"link.md", "link.yml"}


def test_a_link_out_of_the_tree_is_a_finding_where_a_rule_matches_it(yard):
    yard.desk.write("outside.md", LEAK.encode())
    for name in ("link.md", "link.png", "other.md"):
        (yard.folder / name).symlink_to("../outside.md")
    yard.policy("version: 1\nrecords:\n  - include: ['link.*', 'ok.md']\n    fields: [{path: secured}]\n")
    assert yard.found() == {"link.md", "link.png"}


# --- git's index and history ------------------------------------------------------------------------------------------------
def test_a_file_of_the_index_alone_is_read_from_there(either):
    either.put("gone.md", LEAK)
    either.commit()
    either.git("update-index", "--skip-worktree", "gone.md")
    (either.folder / "gone.md").unlink()
    assert either.found() == {"gone.md"}


def test_the_index_and_all_commits_are_looked_at_where_that_is_asked_for(either):
    either.put("old.md", LEAK)
    either.commit()
    either.git("rm", "-q", "--cached", "old.md")
    (either.folder / "old.md").unlink()
    either.put("staged.md", LEAK)
    either.git("add", "staged.md")
    (either.folder / "staged.md").unlink()
    assert either.found() == set()
    assert either.found("check", "--staged") == {"staged.md"}
    assert either.found("check", "--history") == {"old.md"}


WHERE = ("build/a.md", ".hidden/a.md", "a.qmd", "a", "a.md~", ".sealkit-tmp-00", "sub/.sealkit-tmp-1", "a.py", "b/c/d.e")


def test_a_key_does_not_go_while_any_file_is_under_it(yard):
    yard.put("ok.md", front(f"secured: {yard.blob(1, 'k2')}"))
    yard.put(".gitignore", "build/\n")
    yard.git("init", "-q")
    for name in WHERE:
        yard.put(name, front("title: t", f"secured: {yard.blob(2)}"))
        assert yard.count("k1") == 1, name
        for verb in (["retire", "k1"], ["remove", "k1", "--forget-history"]):
            ran = yard.desk.run("keys", *verb, "tree")
            assert ran.status == 1, (verb, ran)
            assert name in ran.err + ran.text
        (yard.folder / name).unlink()


ESCAPED = {
    "each equals sign, as Gson does": lambda blob: blob.replace("=", "\\u003d"),
    "equals signs in capitals": lambda blob: blob.replace("=", "\\u003D"),
    "the semicolon": lambda blob: blob.replace(";", "\\u003b"),
    "the semicolon in YAML": lambda blob: blob.replace(";", "\\x3B"),
    "the semicolon, eight digits": lambda blob: blob.replace(";", "\\U0000003b"),
    "everything": lambda blob: "".join(f"\\u{ord(sign):04x}" for sign in blob),
    "everything in YAML": lambda blob: "".join(f"\\x{ord(sign):02X}" for sign in blob),
    "a line's end in the IV": lambda blob: blob[:-10] + "\\\n    " + blob[-10:],
    "a line's end before the semicolon": lambda blob: blob.replace(";", "\\\n  ;"),
    "a line's end within the last signs": lambda blob: blob[:-1] + "\\\r\n\r\n\t" + blob[-1:],
}


@pytest.mark.parametrize("escaped", ESCAPED.values(), ids=ESCAPED)
def test_a_key_does_not_go_while_a_blob_is_escaped_in_a_field_that_nobody_names(yard, escaped):
    yard.put("ok.md", front(f"secured: {yard.blob(1, 'k2')}"))
    for name in ("a.yml", "a.conf"):
        yard.put(name, f'other: "{escaped(yard.blob(2))}"\n')
        assert yard.desk.run("keys", "retire", "k1", "tree").status == 1, name
        (yard.folder / name).unlink()


@pytest.mark.parametrize("beginning", [b"", b"\0\1\2 SQLite"], ids=["text", "no text"])
@pytest.mark.parametrize("size", [40_000, (64 << 20) + 1, (65 << 20) - 30], ids=["large", "too large", "across pieces"])
def test_a_key_does_not_go_while_its_blob_stands_in_a_large_file(yard, beginning, size):
    yard.put("ok.md", front(f"secured: {yard.blob(1, 'k2')}"))
    yard.put("dump", beginning + b"-" * (size - len(beginning)) + f" '{yard.blob(2)}'\n".encode())
    assert yard.desk.run("keys", "retire", "k1", "tree").status != 0
    yard.put("dump", beginning + b"-" * size)
    assert yard.desk.run("keys", "retire", "k1", "tree").status == 0


def test_a_nul_behind_front_matter_hides_nothing(either):
    either.put("a.md", LEAK + "\0")
    either.put("b", LEAK + "\0\0")
    either.put("c.bin", b"---\n---\n\0\0secured")
    assert either.found() == {"a.md", "b"}


@pytest.mark.parametrize("verb", ["verify", "rotate"])
def test_a_blob_in_a_file_of_no_kind_is_not_left_behind_unsaid(yard, verb):
    yard.put("a.conf", f"port = 1\nsecured = {yard.blob(2)}\n")
    yard.put("b.tpl", f"title: t\nsecured: {yard.blob(3)}\n")
    yard.put("c.conf", "port = 1\nsecured = no\n")
    assert yard.found(verb, *(["--to", "k2"] if verb == "rotate" else [])) == {"a.conf", "b.tpl"}


def test_a_key_does_not_go_while_its_blob_stands_where_nothing_can_be_read(yard):
    yard.put("ok.md", front(f"secured: {yard.blob(1, 'k2')}"))
    for text in ("a: 1\nsecured: {}\n---\nb: 2\n", "x = '{}'\n", "{{{{ x }}}}\nsecured: {}\n", 'secured = "{}"\n'):
        yard.put("odd.yml", text.format(yard.blob(2)))
        assert yard.desk.run("keys", "retire", "k1", "tree").status == 1, text


def test_a_key_does_not_go_while_the_index_has_something_under_it(yard):
    yard.git("init", "-q")
    yard.put("staged.md", front(f"secured: {yard.blob(2)}"))
    yard.git("add", "-A")
    (yard.folder / "staged.md").unlink()
    yard.put("ok.md", front(f"secured: {yard.blob(1, 'k2')}"))
    for verb in (["retire", "k1"], ["remove", "k1", "--forget-history"]):
        assert yard.desk.run("keys", *verb, "tree").status == 1, verb


def test_history_counts_where_that_is_asked_for(yard):
    yard.commit()
    yard.put("ok.md", front(f"secured: {yard.blob(1, 'k2')}"))
    yard.commit()
    assert yard.desk.run("keys", "retire", "--git", "k1", "tree").status == 1
    assert yard.desk.run("keys", "remove", "--git", "k1", "tree").status == 1
    ran = yard.desk.run("keys", "remove", "k1", "tree")
    assert ran.status not in {0, 4}, ran
    assert "2 commits" in ran.err
    assert "--forget-history" in ran.err
    assert yard.desk.run("keys", "remove", "--forget-history", "k1", "tree").status == 0
