"""F11: what a record has besides its content is kept, or the record is refused by name; never silently lost."""

from __future__ import annotations

import os
import struct
import subprocess
import time

import needs
import pytest
from fault_tree import Source, Tree, three

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

DONE, FAILED = 0, 4
VERBS = {"rotate": "k1", "seal": None}
MODES = [0o400, 0o440, 0o444, 0o600, 0o604, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o755, 0o775, 0o777]


def access_list(owner, other, group, mask):
    """An access list, version 2: of its owner, of user 1, of its group, the mask; others nothing (acl(5), linux/posix_acl_xattr.h)."""
    entries = [(1, owner, 2**32 - 1), (2, other, 1), (4, group, 2**32 - 1), (16, mask, 2**32 - 1), (32, 0, 2**32 - 1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


ACL = access_list(6, 4, 4, 6)
ACL_OF_FOLDERS = access_list(7, 5, 5, 7)  # what is made in them must let its owner in


@pytest.fixture(params=VERBS)
def verb(request):
    return request.param


@pytest.fixture
def tree(place, verb):
    return Tree(place, three()).make(VERBS[verb])


def article(tree):
    return tree.root / "article.md"


def attributes(path):
    status = path.stat()
    names = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return status.st_mode, status.st_uid, status.st_gid, names


def changed(tree, verb, *more):
    """Run the command; the article's attributes are as they were."""
    before = attributes(article(tree))
    run = tree.place.run(verb, *more, "tree")
    assert run.status == DONE, run
    tree.check_complete("k2")
    tree.check_tidy()
    assert attributes(article(tree)) == before


@pytest.mark.parametrize("mode", MODES, ids=oct)
def test_modes(tree, verb, mode):
    article(tree).chmod(mode)
    changed(tree, verb)


def test_a_umask_changes_nothing(tree, verb):
    article(tree).chmod(0o666)
    before = os.umask(0o077)
    try:
        changed(tree, verb)
    finally:
        os.umask(before)


@needs.root("gives files away")
def test_owners(tree, verb):
    os.chown(article(tree), 1234, 5678)
    changed(tree, verb)


@needs.root("gives folders to groups that it is not in")
def test_a_folder_that_hands_on_its_group(tree, verb):
    os.chown(tree.root, -1, 4321)
    tree.root.chmod(0o2775)
    changed(tree, verb)
    assert article(tree).stat().st_gid == os.getegid()


def set_or_skip(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"NOT TESTED: no {name} here: {error.strerror}")


def test_extended_attributes(tree, verb):
    set_or_skip(article(tree), "user.origin", b"the archive")
    set_or_skip(article(tree), "user.empty", b"")
    changed(tree, verb)


def test_access_lists(tree, verb):
    set_or_skip(article(tree), "system.posix_acl_access", ACL)
    changed(tree, verb)


def test_the_default_access_list_of_a_folder_is_not_taken_on(tree, verb):
    set_or_skip(tree.root, "system.posix_acl_default", ACL_OF_FOLDERS)
    changed(tree, verb)


@needs.root("makes files immutable")
@needs.program("chattr")
@pytest.mark.parametrize("flag", ["i", "a"])
def test_immutable_is_refused_by_name_and_the_rest_is_done(tree, verb, flag):
    if subprocess.run(["chattr", f"+{flag}", article(tree)], check=False, capture_output=True).returncode:
        pytest.skip(f"NOT TESTED: this file system has no +{flag}")
    old = article(tree).read_bytes()
    try:
        run = tree.place.run(verb, "tree")
        assert run.status == FAILED, run
        assert "article.md" in run.err
        assert article(tree).read_bytes() == old
        # a rotation is told of it before the first file is replaced, and replaces none
        assert list(tree.keys().values()).count("k2") == (0 if verb == "rotate" else 2)
    finally:
        subprocess.run(["chattr", f"-{flag}", article(tree)], check=True)
    assert tree.place.run(verb, "tree").status == DONE
    tree.check_complete("k2")
    tree.check_tidy()


def test_times(tree, verb):
    os.utime(article(tree), ns=(10**18, 10**18))
    tree.place.run(verb, "tree")
    assert time.time_ns() - article(tree).stat().st_mtime_ns < 600 * 10**9
    tree.make(VERBS[verb])
    for when in (1, 10**18, 4 * 10**18):  # 1970, 2001, 2096
        os.utime(article(tree), ns=(when, when))
        changed(tree, verb, "--keep-mtime")
        assert article(tree).stat().st_mtime_ns == when
        tree.make(VERBS[verb])


@pytest.mark.parametrize(
    ("name", "segments"),
    {
        "crlf.md": [b"---\r\nsecured: ", b"\r\n---\r\n"],
        "no_final_newline.md": [b"---\nsecured: ", b"\n---\nno newline here"],
        "bom.md": [b"\xef\xbb\xbf---\nsecured: ", b"\n---\n"],
        "mixed.md": [b"---\r\na: 1\nsecured: ", b"\r\nb: 2\n---\nx\r\ny\n"],
        "line.jsonl": [b'{"secured": ', b"}"],
        "one.json": [b'{\r\n\t"secured" : ', b" \r\n}\r\n"],
    }.items(),
)
def test_bytes_around_the_field(place, verb, name, segments):
    tree = Tree(place, [Source(name, segments, [b"a payload that is somewhat longer than a block"])]).make(VERBS[verb])
    assert place.run(verb, "tree").status == DONE
    tree.check_complete("k2")
