"""Files that output goes to (``check -o``, ``--report``) are never reached through a link of the tree that is looked at."""

from __future__ import annotations

import os

import pytest

# What a pull request plants, and the name that the output is given. A link's target is outside of the tree, but where it says otherwise.
LINKS = [
    ("the file", {"found": "../outside/file"}, "found"),
    ("the file, absolute", {"found": "{outside}/file"}, "found"),
    ("the file, dangling", {"found": "../outside/new"}, "found"),
    ("the file, by ./", {"found": "../outside/file"}, "./found"),
    ("the file, by an absolute name", {"found": "../outside/file"}, "{tree}/found"),
    ("the file, within the tree", {"found": "posts/a.md"}, "found"),
    ("the file, to git's configuration", {"found": ".git/config"}, "found"),
    ("the file, to a device", {"found": "/dev/null"}, "found"),
    ("a link to a link", {"found": "other", "other": "../outside/file"}, "found"),
    ("a loop", {"found": "found"}, "found"),
    ("the folder", {"out": "../outside"}, "out/file"),
    ("the folder, a new file", {"out": "../outside"}, "out/new"),
    ("the folder, by an absolute name", {"out": "{outside}"}, "{tree}/out/file"),
    ("a folder above", {"out": "../outside"}, "out/inner/file"),
    ("the folder, to the root", {"out": "/"}, "out{outside}/file"),
    ("the folder, by its parent", {"posts/out": "../../outside"}, "posts/out/file"),
    ("a way up through a link", {"out": "../outside/inner"}, "out/../file"),
    ("a folder in the folder", {"out": "posts", "posts/in": "{outside}"}, "out/in/file"),
    ("above the working folder", {"../up": "outside"}, "../up/file"),
]


@pytest.fixture
def tree(desk):
    """A tree that is in order, in which nothing is found, beside a folder with files that nobody may touch."""
    desk.run("decrypt", "records/article.md")
    desk.write("tree/posts/a.md", desk.read("records/article.md"))
    desk.write("tree/.git/config", b"[core]\n")
    for name in ("file", "inner/file"):
        desk.write(f"outside/{name}", b"precious\n")
    outside = desk.path / "outside"
    desk.path /= "tree"
    return desk, outside


def planted(tree, links):
    desk, outside = tree
    for name, target in links.items():
        (desk.path / name).symlink_to(target.format(outside=outside, tree=desk.path))


def state(folder):
    return {path: path.read_bytes() for path in sorted(folder.parent.rglob("*")) if path.is_file() and "home" not in path.parts}


@pytest.mark.parametrize("option", ["-o", "--report"])
@pytest.mark.parametrize(("links", "name"), [row[1:] for row in LINKS], ids=[row[0] for row in LINKS])
def test_no_output_goes_through_a_link(tree, links, name, option):
    planted(tree, links)
    desk, outside = tree
    name = name.format(outside=outside, tree=desk.path)
    before = state(outside)
    ran = desk.run("check", option, name, "posts")
    assert ran.status == 4, ran
    assert name.removeprefix(f"{desk.path}/") in ran.err
    assert ran.err.startswith("sealkit: error: ")
    assert "Traceback" not in ran.err
    assert state(outside) == before


@pytest.mark.parametrize("option", ["-o", "--report"])
@pytest.mark.parametrize("name", ["found", "posts/found", "{tree}/found", "../up"])
def test_no_output_goes_into_a_file_with_other_names(tree, name, option):
    desk, outside = tree
    name = name.format(tree=desk.path)
    os.link(outside / "file", desk.path / name)
    before = state(outside)
    ran = desk.run("check", option, name, "posts")
    assert ran.status == 4, ran
    assert "Too many links" in ran.err
    assert state(outside) == before


PLACES = [
    "found",
    "./found",
    "new file",
    "posts/found",
    "../outside/found",
    "{tree}/found",
    "{tree}/posts/found",
    "{outside}/found",
]


@pytest.mark.parametrize("name", PLACES)
def test_output_goes_to_a_file(tree, name):
    desk, outside = tree
    name = name.format(outside=outside, tree=desk.path)
    desk.write("posts/open.md", b"---\nsecured: not sealed\n---\n")
    for _ in range(2):  # the second time it is written over
        ran = desk.run("check", "--format", "sarif", "-o", name, "posts")
        assert (ran.status, ran.out) == (1, b"")
        written = (desk.path / name).read_text()
        assert written == desk.run("check", "--format", "sarif", "posts").text
        assert '"posts/open.md"' in written
    assert desk.run("check", "-o", "/dev/null", "posts").status == 1


@pytest.mark.parametrize(
    ("name", "reason"), [("posts", "Is a directory"), ("no/where", "cannot open"), ("pipe", "device"), ("posts/", "written")]
)
def test_what_is_no_file_is_said(tree, name, reason):
    desk, _ = tree
    os.mkfifo(desk.path / "pipe")
    ran = desk.run("check", "-o", name, "posts")
    assert ran.status == 4
    assert reason in ran.err
