"""Globs as regular expressions: gitignore's language, and never slow."""

import pytest

from sealkit.errors import Usage
from sealkit.globs import Globs

COVERS = [
    ("*.md", "a.md", True),
    ("*.md", "x/y/a.md", True),
    ("*.md", "a.md.bak", False),
    ("/*.md", "a.md", True),
    ("/*.md", "x/a.md", False),
    ("_posts/**/*.md", "_posts/a.md", True),
    ("_posts/**/*.md", "_posts/2020/05/a.md", True),
    ("_posts/**/*.md", "x/_posts/a.md", False),
    ("_posts/drafts/**", "_posts/drafts/a/b.md", True),
    ("_posts/drafts/**", "_posts/drafts", False),
    ("drafts", "x/drafts/a.md", True),
    ("drafts/", "x/drafts/a.md", True),
    ("drafts", "x/draft", False),
    ("**/x", "x", True),
    ("**/x", "a/b/x", True),
    ("a/**/b/**/c", "a/b/c", True),
    ("a/**/b/**/c", "a/1/b/2/3/c", True),
    ("a/**/b/**/c", "a/b/b/c", True),
    ("a/**/b/**/c", "a/c/b", False),
    ("a/*/c", "a/b/c", True),
    ("a/*/c", "a/b/b/c", False),
    ("a?c", "abc", True),
    ("x/a?c", "x/a/c", False),
    ("[a-c]x", "bx", True),
    ("[!a-c]x", "bx", False),
    ("[]a]x", "]x", True),
    ("[a-]x", "-x", True),
    ("[[:digit:]]x", "7x", True),
    (r"[\]]x", "]x", True),
    (r"\*x", "*x", True),
    (r"\*x", "ax", False),
    ("a*b*c", "a1b2b3c", True),
    ("a*b*c", "a1c2b", False),
    (r"\/**", "d/a", False),
    ("a**/b", "ab", False),
    ("a**/b", "axx/b", True),
    ("x/a**b", "x/a/b", False),
    ("a.c", "abc", False),
    ("{a,b}", "a", False),
    ("new\nline", "new\nline", True),
    (b"caf\xe9", b"caf\xe9", True),
    ("é", "x/é", True),
]


@pytest.mark.parametrize(("glob", "path", "expected"), COVERS)
def test_covers(glob, path, expected):
    raw = path if isinstance(path, bytes) else path.encode()
    assert Globs([glob]).covers(raw) is expected


REACHES = [
    ("*.md", "anything", True),
    ("_posts/**/*.md", "_posts", True),
    ("_posts/**/*.md", "_posts/x/y", True),
    ("_posts/**/*.md", "assets", False),
    ("a/b/*.md", "a", True),
    ("a/b/*.md", "a/b", True),
    ("a/b/*.md", "a/c", False),
    ("a/b/*.md", "a/b/c", False),
    ("a/b", "a/b/c", True),
    ("/x.md", "a", False),
    ("**/a/*.md", "q/r", True),
]


@pytest.mark.parametrize(("glob", "folder", "expected"), REACHES)
def test_reaches(glob, folder, expected):
    assert Globs([glob]).reaches(folder.encode()) is expected


@pytest.mark.parametrize("glob", ["", "[a", "a\\", "[[:nonsense:]]"])
def test_globs_that_match_nothing_are_refused(glob):
    with pytest.raises(Usage):
        Globs([glob])


def test_no_glob_is_slow():
    stars = "*a" * 60 + "*b"
    assert not Globs([stars, "**/" + stars, "**/a" * 30 + "/b"]).covers(b"/".join([b"a" * 200] * 8))
