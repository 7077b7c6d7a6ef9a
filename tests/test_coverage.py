"""Sets of paths compared: a path that is left out is found if there is one, and none is made up."""

import itertools
import random

import pytest

from sealkit.coverage import UNDECIDED, Globbed, is_left_out, left_out, literal
from sealkit.globs import Globs


def globbed(include, exclude=(), folder=""):
    return Globbed(tuple(glob.encode() for glob in include), tuple(glob.encode() for glob in exclude), folder.encode())


SAME = [
    (globbed(["posts/*.md"]), globbed(["posts/**/*.md"])),
    (globbed(["posts/**/*.md"]), globbed(["posts/**"])),
    (globbed(["posts/**"]), globbed(["posts"])),
    (globbed(["*.md"]), globbed(["**"])),
    (globbed(["**/*.md"]), globbed(["*.md"])),
    (globbed(["a[0-9].md"]), globbed(["a?.md"])),
    (globbed(["a?.md"]), globbed(["a*"])),
    (globbed(["*.md"], [], "posts"), globbed(["posts/**/*.md"])),
    (globbed(["posts/**/*.md"]), globbed(["*.md"], [], "posts")),
    (globbed(["posts/*"], ["posts/drafts"]), globbed(["posts/*"], ["posts/drafts/**"])),
    (globbed(["posts/**"], ["*.txt"]), globbed(["posts/**"], ["a.txt", "*/b.txt"])),
    (globbed(["a/b/c.md"]), globbed(["a/**/c.md"])),
    (globbed(["x.md"], ["x.md"]), globbed(["y.md"])),
]
LESS = [
    (globbed(["posts/**/*.md"]), globbed(["posts/*.md"])),
    (globbed(["**"]), globbed(["*.md"])),
    (globbed(["posts/**"]), globbed(["posts/**"], ["posts/drafts/**"])),
    (globbed(["posts/**"], ["posts/drafts/old"]), globbed(["posts/**"], ["posts/drafts"])),
    (globbed(["*.md"]), globbed(["*.md"], [], "posts")),
    (globbed(["a*"]), globbed(["a?*"])),
    (globbed(["a[a-c]"]), globbed(["a[ab]"])),
    (globbed(["a", "b"]), globbed(["a"])),
    (globbed(["\u00e9*.md"]), globbed(["\u00e9.md"])),
    (globbed(["a/**/b"]), globbed(["a/*/b"])),
]


@pytest.mark.parametrize(("of", "by"), SAME)
def test_nothing_is_left_out(of, by):
    assert left_out(of, [by]) is None


@pytest.mark.parametrize(("of", "by"), LESS)
def test_something_is_left_out(of, by):
    path = left_out(of, [by])
    assert path
    assert is_left_out(path, of, [by])


def test_several_together_cover_what_none_does_alone():
    of, one, other = globbed(["*.md"]), globbed(["*.md"], ["posts/**"]), globbed(["posts/**"])
    assert left_out(of, [one])
    assert left_out(of, [other])
    assert left_out(of, [one, other]) is None


def test_only_what_is_among_others_counts():
    of, by = globbed(["**"]), globbed(["**"], ["posts/**"])
    assert left_out(of, [by], [globbed(["notes/**"])]) is None
    assert left_out(of, [by], [globbed(["**/*.md"])], [globbed(["notes/**", "posts/**"])]).startswith(b"posts/")


@pytest.mark.parametrize("name", ["a*b", "a?", "[x]", "a\\b", "x.md", "p/q*.md"])
def test_a_literal_path(name):
    glob = literal(name.encode())
    assert Globs([glob]).covers(name.encode())
    assert left_out(Globbed((glob,)), [globbed(["**"])]) is None
    assert not Globs([glob]).covers(b"axb")
    assert not Globs([glob]).covers(b"deep/" + name.encode())


def test_too_much_is_not_told():
    globs = [f"*{a}*{b}*{c}*" for a, b, c in itertools.product("abcd", repeat=3)]
    assert left_out(globbed(["*x*y*"]), [globbed([glob]) for glob in [*globs, "*x*"]]) == UNDECIDED


def covers(one, path):
    start = one.folder + b"/" if one.folder else b""
    below = path[len(start) :] if path.startswith(start) else b""
    return bool(below) and Globs(one.include).covers(below) and not (one.exclude and Globs(one.exclude).covers(below))


@pytest.mark.parametrize("seed", range(6))
def test_as_the_globs_themselves_say(seed):
    """Random globs, and all short paths of a few names: whatever one of these shows is found, and what is found is so."""
    chance = random.Random(seed)
    pieces = ["a", "b", "*", "**", "a*", "*.md", "?", "[ab]", "[!a]", "x.md"]
    paths = [
        b"/".join(names) for count in (1, 2, 3) for names in itertools.product([b"a", b"b", b"ab", b"x.md", b"c"], repeat=count)
    ]

    def some(least, most):
        return ["/".join(chance.choice(pieces) for _ in range(chance.randint(1, 3))) for _ in range(chance.randint(least, most))]

    found = 0
    for _ in range(150):
        of = globbed(some(1, 2), some(0, 1))
        by = [globbed(some(1, 2), some(0, 1), chance.choice(["", "", "a"])) for _ in range(chance.randint(1, 2))]
        path = left_out(of, by)
        if path is None:
            shown = [one for one in chance.sample(paths, 40) if covers(of, one) and not any(covers(other, one) for other in by)]
            assert not shown, (of, by)
        elif path != UNDECIDED:
            found += 1
            assert covers(of, path), (of, by, path)
            assert not any(covers(other, path) for other in by), (of, by, path)
    assert found > 50
