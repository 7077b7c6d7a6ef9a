"""Where front matter begins and ends."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit.errors import BadFrontMatter, SealkitError, UnsupportedRecord
from sealkit.records import frontmatter
from sealkit.records.frontmatter import Region, region

OPENER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n")
CLOSER = re.compile(rb"(?:---|\.\.\.)[ \t]*(?:\r?\n|\r?\Z)")


def reference(data: bytes) -> Region | str | None:
    """Say the same line by line, as the rules are written down."""
    opener = OPENER.match(data)
    if opener is None:
        text = data.decode("utf-8", "replace").lstrip("\ufeff \t\r\n\v\f\u00a0\u2028")
        return "near miss" if text.startswith("---") else None
    at = opener.end()
    for line in data[at:].split(b"\n"):
        if CLOSER.match(data, at):
            return Region(opener.end(), at, 2)
        if line.startswith(b"---") or line.startswith((b"... ", b"...\t")):
            return "bad line"
        at += len(line) + 1
    return "unclosed"


FRAGMENTS = (
    *(
        b"---",
        b"---",
        b"---\n",
        b"---\n",
        b"...",
        b"\n...",
        b"\n---",
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b"\t",
        b"a: 1\n",
        b"-",
        b".",
        b"x",
        b"\n--- x",
        b"\n... x",
    ),
    *(b"\xef\xbb\xbf", b"\n----", b"\n....", b"\n...x", b"\v", b"\xc2\xa0", b"\xe2\x80\xa8", b"# c\n"),
)


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(b"".join),
    st.sampled_from([b"", b"---\n", b"---\r\n", b"\xef\xbb\xbf---\n"]),
)
def test_same_as_line_by_line(body, opener):
    data = opener + body
    expected = reference(data)
    if isinstance(expected, str):
        with pytest.raises(BadFrontMatter):
            region(data)
    else:
        assert region(data) == expected


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_only_sealkit_errors(data):
    for prefix in (b"", b"---\n", b"---"):
        try:
            found = region(prefix + data)
        except SealkitError:
            continue
        assert found is None or (prefix + data)[found.end :].startswith((b"---", b"..."))


@pytest.mark.parametrize("closer", ["---", "...", "--- ", "---\t \t", "... ", "...\t"])
@pytest.mark.parametrize("opener", ["---", "--- ", "---\t", "\ufeff---", "\ufeff--- \t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("rest", ["", "body\n", "---\n", "----\n"])
def test_good_delimiters(opener, closer, end, rest):
    data = f"{opener}{end}a: 1{end}{closer}{end}{rest}".encode()
    found = region(data)
    assert data[found.start : found.end] == f"a: 1{end}".encode()
    assert found.line == 2
    if not rest:
        assert region(data.rstrip(b"\r\n")) == found
        assert region(data.rstrip(b"\n")) == found


@pytest.mark.parametrize("line", ["----", "---x", "--- x", "---\t#", "---\u00a0", "---#", "---...", "... x", "...\tx", "... #"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bad_lines_inside(line, end):
    with pytest.raises(BadFrontMatter) as failure:
        region(f"---{end}a: 1{end}{line}{end}---{end}".encode())
    assert failure.value.line == 3


@pytest.mark.parametrize("line", ["--", "- --", " ---", "....", "...x", "..", ".. .", "~~~", "\u2014", " ... x", "#---"])
def test_lines_that_are_none(line):
    data = f"---\n{line}\n---\n".encode()
    assert data[region(data).end :] == b"---\n"


def test_the_first_closer_counts():
    assert region(b"---\na\n...\n---\n").end == 6
    assert region(b"---\na\n---\n...\n").end == 6
    assert region(b"---\n...x\n...\n--- x\n").end == 9


@pytest.mark.parametrize(
    "data", [b"---", b"---\r", b"---\n", b"---\n--", b"---\na: 1\n", b"---\n ---\n", b"---\r\na\r\n", b"--- \n..\n"]
)
def test_unclosed(data):
    with pytest.raises(BadFrontMatter) as failure:
        region(data)
    assert failure.value.line == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["---\na: 1\n---\n", "Text\n", "{}", "\n"])
def test_wide_encodings(encoding, text):
    data = text.encode(encoding)
    if len(data) < 4:
        return
    with pytest.raises(UnsupportedRecord):
        region(data)
    with pytest.raises(UnsupportedRecord):
        frontmatter.refuse_wide(data)


@pytest.mark.parametrize("data", [b"a\0b", b"\0", b"ab\0\0", b"", b"\xef\xbb\xbfa"])
def test_not_wide(data):
    frontmatter.refuse_wide(data)
