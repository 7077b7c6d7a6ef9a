"""Counts, paths and commands as they stand in sentences; and what an error says of itself."""

from __future__ import annotations

import pickle
import re
import shlex
from pathlib import Path

import pytest

import sealkit
from sealkit.errors import ConfigError, LeadsOut, Misbound, SealkitError, StoreError, Unsealed, Usage
from sealkit.trees.found import HIDDEN, LINKS, SPARSE, SPECIAL, TEMPORARY, Left
from sealkit.wording import filled, plural, quoted, within

SEAL = "seal it with: sealkit seal{FIELD} {FILE}"


@pytest.mark.parametrize(
    ("number", "noun", "told"),
    [
        (0, "file", "0 files"),
        (1, "file", "1 file"),
        (2, "file", "2 files"),
        (999, "row", "999 rows"),
        (1000, "row", "1,000 rows"),
        (1, "temporary file", "1 temporary file"),
        (3, "more file", "3 more files"),
        (1, "finding", "1 finding"),
        (1234567, "version", "1,234,567 versions"),
        (1, "rule", "1 rule"),
    ],
)
def test_counts(number, noun, told):
    assert plural(number, noun) == told


@pytest.mark.parametrize(
    "path",
    [
        "a.md",
        "a b.md",
        "it's.md",
        "a;b.md",
        "$HOME.md",
        "-q",
        "--keys=x",
        "-",
        "é/ü.md",
        "a\tb",
        "*.md",
        "#x",
        "~x",
        "a\\b",
        'say "x"',
    ],
)
def test_a_shell_takes_a_quoted_path_for_that_path(path):
    words = shlex.split(f"sealkit seal {quoted(path)}")
    assert words[2:] in ([path], [f"./{path}"])
    assert path == "-" or not words[2].startswith("-")


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        (".", "sealkit.yaml"),
        ("./", "sealkit.yaml"),
        ("", "sealkit.yaml"),
        ("posts", "posts/sealkit.yaml"),
        ("posts/", "posts/sealkit.yaml"),
        ("./posts", "./posts/sealkit.yaml"),
        ("..", "../sealkit.yaml"),
        ("/", "/sealkit.yaml"),
        ("/srv/site//", "/srv/site/sealkit.yaml"),
        ("a b", "a b/sealkit.yaml"),
    ],
)
def test_paths_begin_as_the_folder_was_named(folder, path):
    assert within(folder, "sealkit.yaml") == path


@pytest.mark.parametrize(
    ("hint", "path", "field", "told"),
    [
        (SEAL, "a.md", "secured", "seal it with: sealkit seal a.md"),
        (SEAL, "a.md", None, "seal it with: sealkit seal a.md"),
        (SEAL, "a b.md", "secured", "seal it with: sealkit seal 'a b.md'"),
        (SEAL, "a.md", "db.password", "seal it with: sealkit seal --field db.password a.md"),
        (SEAL, "a.md", '"tls.key".b', "seal it with: sealkit seal --field '\"tls.key\".b' a.md"),
        (SEAL, "a.md", "users[].token", "seal it with: sealkit seal --field 'users[].token' a.md"),
        (SEAL, None, None, "seal it with: sealkit seal FILE"),
        (SEAL, "-x.md", None, "seal it with: sealkit seal ./-x.md"),
        ("run {TREE}", "posts/.sealkit/journal-1", None, "run posts"),
        ("run {TREE}", ".sealkit/journal-1", None, "run ."),
        ("run {TREE}", None, None, "run PATH"),
        ("write {env: NAME} or FILE", "a.md", None, "write {env: NAME} or FILE"),
    ],
)
def test_commands_are_made_whole(hint, path, field, told):
    assert filled(hint, path, field) == told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Usage(problem="no"), "no"),
        (Usage(problem="no", hint="do"), "no; do"),
        (Usage(problem="no", hint="do", path="a.md"), "a.md: no; do"),
        (Usage(problem="no", path="a.md", line=3), "a.md:3: no"),
        (Usage(problem="no", line=3), "no"),
        (
            Unsealed(problem="open").at(path="a b.md", line=2, field="x.y"),
            "a b.md:2: open; seal it with: sealkit seal --field x.y 'a b.md'",
        ),
        (Unsealed(problem="open"), "open; seal it with: sealkit seal FILE"),
        (StoreError(problem="gone", path="a\nb"), "a\\x0ab: gone"),
        (Misbound(problem="moved").at(path="a.md"), "retag a.md"),
        (LeadsOut(problem="a link", path="l.md"), "l.md: a link; put the file itself there, or remove the link"),
        (ConfigError(problem="bad", path="sealkit.yaml", line=9, hint="mend"), "sealkit.yaml:9: bad; mend"),
    ],
)
def test_an_error_says_where_what_and_what_next_in_one_line(error, told):
    assert str(error).endswith(told)
    assert "\n" not in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.hint) == (str(error), error.hint)


def test_a_hint_that_is_put_in_later_counts():
    error = SealkitError(problem="no", path="a.md")
    error.hint = "see {FILE}"
    assert error.hint == "see a.md"


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({LINKS: 1}, "1 link"),
        ({LINKS: 2}, "2 links"),
        ({SPECIAL: 1}, "1 special file"),
        ({SPECIAL: 3}, "3 special files"),
        ({TEMPORARY: 1}, "1 temporary file of sealkit"),
        ({TEMPORARY: 2}, "2 temporary files of sealkit"),
        ({HIDDEN: 1}, "1 hidden"),
        ({SPARSE: 1}, "1 not checked out"),
        ({LINKS: 1, HIDDEN: 2}, "2 hidden, 1 link"),
        ({LINKS: 2000}, "2,000 links"),
    ],
)
def test_what_was_left(counts, told):
    left = Left()
    for reason, times in counts.items():
        left.add(reason, times)
    assert left.sentence() == f"not looked at: {told} (a folder counts as one)"


BARE = re.compile(
    r"(?:note|warning|out|hint|Finding)\(.*\{[^{}]*\}"
    r" (?:more )?(?:files?|links?|records?|fields?|rows?|keys?|blobs?|commits?|versions?|journals?|rules?|findings?)\b"
)


def counted_by_hand(text):
    return [line for line in text.splitlines() if BARE.search(line)]


def test_no_verb_counts_in_words_of_its_own():
    folder = Path(sealkit.__file__).parent / "cli"
    assert not [line for path in folder.glob("*.py") for line in counted_by_hand(path.read_text())]


@pytest.mark.parametrize(
    "planted", ['show.note(f"{n} files")', 'show.warning(f"{len(x)} more journals are")', 'show.out(f"in {n:,} rows")']
)
def test_that_is_found_where_it_is_planted(planted):
    assert counted_by_hand(planted)
