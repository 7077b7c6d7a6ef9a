"""Where a tree's root is, in every layout; and that nothing that is added to a tree moves it, or makes a rule go away."""

import json
import os
import re
import stat
import struct
import subprocess
from pathlib import Path

import pytest

from sealkit import trees
from sealkit.demands import Asked
from sealkit.errors import ConfigError, Misbound, SealkitError, StoreError, Tampered, Usage
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.policy import Policies, Policy, strictest
from sealkit.trees import orders, roots, tasks
from sealkit.trees.roots import Below, root_of

RING = KeyRing([Key("k1", bytes(range(32)), format="tagged")], primary="k1")
TERMS = trees.Terms(bind="path")
STRICT = b"version: 1\nrecords: [{include: ['**/*.md'], fields: [{path: secured, format: tagged, bind: path}]}]\n"
LENIENT = b"version: 1\nrecords: [{include: ['**/*.md'], fields: [{path: secured, required: false}]}]\n"
POST = b"---\ntitle: t\nsecured: a payload of more than one block\n---\n"
GIT = {".git/HEAD": b"ref: refs/heads/main\n", ".git/objects/x": b"", ".git/refs/x": b""}


def at(folder, files):
    return {f"{folder}/{name}": data for name, data in files.items()}


# layout: the files, the folders that are given, the file asked about, its root, its path below that
LAYOUTS = {
    "one policy": ({"sealkit.yaml": STRICT, "posts/a.md": POST}, ["."], "posts/a.md", "."),
    "one policy, the folder below is given": ({"sealkit.yaml": STRICT, "posts/a.md": POST}, ["posts"], "posts/a.md", "."),
    "one policy, the file is given": ({"sealkit.yaml": STRICT, "posts/a.md": POST}, ["posts/a.md"], "posts/a.md", "."),
    "a nested policy": (
        {"sealkit.yaml": STRICT, "free/sealkit.yaml": STRICT, "free/posts/a.md": POST}, ["."], "free/posts/a.md", ".",
    ),
    "a nested policy, given": (
        {"sealkit.yaml": STRICT, "free/sealkit.yaml": STRICT, "free/posts/a.md": POST}, ["free"], "free/posts/a.md", ".",
    ),
    "three policies": (
        {"sealkit.yaml": STRICT, "a/sealkit.yaml": STRICT, "a/b/sealkit.yaml": STRICT, "a/b/x.md": POST}, ["a/b"], "a/b/x.md", ".",
    ),
    "policies in a git work tree": ({**GIT, "a/sealkit.yaml": STRICT, "a/b/sealkit.yaml": STRICT, "a/b/x.md": POST}, ["."], "a/b/x.md", "a"),
    "a policy above a work tree does not count": (
        {"sealkit.yaml": STRICT, **at("site", GIT), "site/sealkit.yaml": STRICT, "site/posts/a.md": POST}, ["."], "site/posts/a.md", "site",
    ),
    "a policy above a work tree without one": ({"sealkit.yaml": STRICT, **at("site", GIT), "site/a.md": POST}, ["site"], "site/a.md", "site"),
    "a work tree without a policy": ({**GIT, "posts/deep/a.md": POST}, ["posts"], "posts/deep/a.md", "."),
    "a file of a work tree without a policy": ({**GIT, "posts/deep/a.md": POST}, ["posts/deep/a.md"], "posts/deep/a.md", "."),
    "a linked work tree": ({"w/.git": b"gitdir: /elsewhere\n", "w/posts/a.md": POST, "sealkit.yaml": STRICT}, ["w/posts"], "w/posts/a.md", "w"),
    "a submodule": (
        {**GIT, "sealkit.yaml": STRICT, "sub/.git": b"gitdir: ../.git/modules/sub\n", "sub/sealkit.yaml": STRICT, "sub/a.md": POST},
        ["."], "sub/a.md", "sub",
    ),
    "a .git that is no repository": ({"sealkit.yaml": STRICT, "posts/.git/config": b"", "posts/a.md": POST}, ["posts"], "posts/a.md", "."),
    "a bare repository in the tree": (
        {"sealkit.yaml": STRICT, "posts/HEAD": b"ref: refs/heads/main\n", "posts/objects/x": b"", "posts/refs/x": b"", "posts/a.md": POST},
        ["posts"], "posts/a.md", ".",
    ),
    "no policy, no git, a folder": ({"posts/deep/a.md": POST}, ["posts"], "posts/deep/a.md", "posts"),
    "no policy, no git, the outer of two folders": ({"posts/deep/a.md": POST}, ["posts/deep", "posts"], "posts/deep/a.md", "posts/deep"),
    "no policy, no git, a file": ({"posts/deep/a.md": POST}, ["posts/deep/a.md"], "posts/deep/a.md", "posts/deep"),
    "a policy of another name": ({**GIT, "posts/sealkit.yml": STRICT, "posts/a.md": POST}, ["posts"], "posts/a.md", "."),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_where_the_root_is(tree, layout):
    files, given, path, root = LAYOUTS[layout]
    here = tree(files)
    below = Below(given)
    assert os.path.relpath(below.root(path), here) == root
    assert below(path) == os.path.relpath(path, root)
    assert all(folder.startswith(below.root(path)) for folder in below.policies(path))
    assert below.passed_over == set()


def test_links_on_the_way_are_resolved(tree):
    here = tree({"real/sealkit.yaml": STRICT, "real/posts/a.md": POST})
    os.symlink("real/posts", "linked")
    below = Below(["linked"])
    assert (below.root("linked/a.md"), below("linked/a.md")) == (f"{here}/real", "posts/a.md")


def test_a_link_called_dot_git_begins_a_work_tree(tree):
    """As git sees it; nothing is asked of git there."""
    tree({"sealkit.yaml": STRICT, "w/a.md": POST, **at("other", GIT)})
    os.symlink("../other/.git", "w/.git")
    assert Below(["w"])("w/a.md") == "a.md"


def test_a_long_way_up(tree):
    """Deeper than functions may call each other, in steps, since no path is as long."""
    here = tree({"sealkit.yaml": STRICT})
    deep = "/".join(["d"] * 1500)
    for depth in range(1, 1501):
        os.mkdir("/".join(["d"] * depth))
    try:
        assert Below(["."])(f"{deep}/a.md") == f"{deep}/a.md"
        assert root_of(deep) == here
    finally:
        subprocess.run(["rm", "-rf", "d"], check=True)


@pytest.mark.parametrize(
    ("mode", "folder_mode", "counts"),
    [
        (0o644, 0o755, True),
        (0o600, 0o700, True),
        (0o664, 0o775, True),  # the group is that of root alone
        (0o666, 0o755, False),
        (0o646, 0o755, False),
        (0o644, 0o777, False),
        (0o644, 0o757, False),
        (0o644, 0o1777, True),
        (0o666, 0o1777, False),
        (0o644, 0o705, True),
    ],
)
def test_outside_of_git_a_policy_that_others_can_write_is_no_root(tree, mode, folder_mode, counts):
    here = tree({"up/sealkit.yaml": LENIENT, "up/site/sealkit.yaml": STRICT, "up/site/posts/a.md": POST})
    os.chmod("up/sealkit.yaml", mode)
    os.chmod("up", folder_mode)
    below = Below(["up/site/posts"])
    assert below.root("up/site/posts/a.md") == (f"{here}/up" if counts else f"{here}/up/site")
    assert below.passed_over == (set() if counts else {f"{here}/up"})
    assert len(below.policies("up/site/posts/a.md")) == (2 if counts else 1)
    for folder in (f"{here}/up",):  # who names the folder itself means what stands in it
        assert Below([folder]).root("up/site/posts/a.md") == folder


ENTRIES = {"a user": (0x02, 4242, 7), "a group": (0x08, 4242, 7), "a user who may only write": (0x02, 4242, 2)}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("place", ["up", "up/sealkit.yaml"])
def test_an_access_list_lets_others_write(tree, place, entry):
    """The bits of the group, which is one person's own, show what the entries of the list may have."""
    here = tree({"up/sealkit.yaml": LENIENT, "up/site/sealkit.yaml": STRICT, "up/site/a.md": POST})
    assert Below(["up/site"]).root("up/site/a.md") == f"{here}/up"
    lines = sorted([(0x01, 0xFFFFFFFF, 7), (0x04, 0xFFFFFFFF, 5), (0x10, 0xFFFFFFFF, 7), (0x20, 0xFFFFFFFF, 5), ENTRIES[entry]])
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, rights, who) for tag, who, rights in lines)
    try:
        os.setxattr(place, "system.posix_acl_access", packed)
    except OSError:
        pytest.skip("this file system keeps no access lists")
    below = Below(["up/site"])
    assert (below.root("up/site/a.md"), below.passed_over) == (f"{here}/up/site", {f"{here}/up"})


def test_in_git_it_does_not_matter_whose_a_policy_is(tree):
    """What is checked out belongs to whoever checked it out, in a container to somebody else."""
    here = tree({**GIT, "sealkit.yaml": STRICT, "posts/a.md": POST})
    os.chmod("sealkit.yaml", 0o666)
    assert Below(["posts"]).policies("posts/a.md") == (here,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("group_name_is_ours", [False, True])
def test_somebody_elses_policy_and_repository_are_no_root(tree, group_name_is_ours):
    here = tree({"up/sealkit.yaml": LENIENT, "up/site/sealkit.yaml": STRICT, "up/site/a.md": POST, **at("up", GIT)})
    os.chmod("up", 0o1777)
    for path in ("up/sealkit.yaml", "up/.git", *(["up"] if group_name_is_ours else [])):
        os.chown(path, 4242, 4242 if not group_name_is_ours else 0)
    below = Below(["up/site"])
    if group_name_is_ours:  # the folder is theirs, too: a work tree like any other
        assert below.root("up/site/a.md") == f"{here}/up"
    else:  # as anybody could put them into /tmp
        assert (below.root("up/site/a.md"), below.passed_over) == (f"{here}/up/site", {f"{here}/up"})


def test_a_group_of_several_is_somebody_else(tree, monkeypatch):
    import grp

    tree({"sealkit.yaml": STRICT, "posts/a.md": POST})
    os.chmod("sealkit.yaml", 0o664)
    assert Below(["posts"])("posts/a.md") == "posts/a.md"
    one = grp.getgrgid(os.getegid())
    for changed in (("staff", "x", one.gr_gid, []), (one.gr_name, "x", one.gr_gid, ["somebody"])):
        monkeypatch.setattr(grp, "getgrgid", lambda number, changed=changed: grp.struct_group(changed))
        assert Below(["posts"])("posts/a.md") == "a.md"


def test_what_the_system_does_not_tell_is_no_absence(tree, monkeypatch):
    tree({"sealkit.yaml": STRICT, "posts/a.md": POST})
    real = os.lstat

    def refused(path, **more):
        if str(path).endswith(("posts/.git", "posts/sealkit.yaml")):
            raise OSError(5, "EIO")
        return real(path, **more)

    monkeypatch.setattr(roots.os, "lstat", refused)
    with pytest.raises(StoreError):
        Below(["posts"])("posts/a.md")


# --- the attack: a policy in a folder makes a moved blob authentic -------------------------------------------------------
@pytest.fixture(params=["git", "no git"])
def attacked(tree, request):
    """A tree with a bound blob, copied into a folder in which a second policy stands."""
    tree({"sealkit.yaml": STRICT, "posts/a.md": POST, **(GIT if request.param == "git" else {})})
    assert [one.status for one in trees.seal(["."], RING, gitignore=False)] == ["sealed"]
    sealed = Path("posts/a.md").read_bytes()
    tree({"free/sealkit.yaml": STRICT, "free/posts/a.md": sealed})
    return "free/posts/a.md"


@pytest.mark.parametrize("given", [".", "free", "free/posts", "free/posts/a.md"])
@pytest.mark.parametrize("verb", [trees.decrypt, trees.verify])
def test_a_blob_is_not_authentic_elsewhere(attacked, given, verb):
    outcomes = {one.path.removeprefix("./"): one for one in verb([given], RING, gitignore=False)}
    assert outcomes[attacked].code == "misbound"
    assert "posts/a.md" in outcomes[attacked].message
    assert outcomes[attacked].payload is None


def test_a_submodule_is_a_tree_of_its_own(tree):
    """A blob that is bound to a path opens in the same path of it, and the policies around it do not hold there."""
    tree({"sealkit.yaml": STRICT, "posts/a.md": POST, **GIT})
    assert [one.status for one in trees.seal(["."], RING, gitignore=False)] == ["sealed"]
    tree({"sub/.git": b"gitdir: ../.git/modules/sub\n", "sub/posts/a.md": Path("posts/a.md").read_bytes()})
    (outcome,) = trees.decrypt(["sub"], RING, gitignore=False)
    assert outcome.code == "authentic"
    cut = re.sub(rb";[^;]*(?=\"\n)", b"", Path("posts/a.md").read_bytes())
    tree({"posts/a.md": cut, "sub/posts/a.md": cut})
    assert [one.code for name in ("posts", "sub") for one in trees.decrypt([name], RING, gitignore=False)] == [
        "downgraded",
        "unauthenticated",
    ]


@pytest.mark.parametrize("given", [".", "free", "free/posts"])
def test_no_rotation_goes_over_it(attacked, given):
    before = Path(attacked).read_bytes()
    outcomes = list(trees.rotate(given, RING, gitignore=False))
    assert "misbound" in {one.code for one in outcomes}
    assert Path(attacked).read_bytes() == before


def test_no_editor_and_no_driver_takes_it(attacked):
    from sealkit.git import asking
    from sealkit.trees.fields import Content

    (orders_,) = asking.orders([attacked], Asked(), RING)
    content = Content(Path(attacked).read_bytes(), orders_)
    ((number, field, order),) = content.fields()
    place = orders_.place(content.records[number], field, order)
    blob = content.records[number].blob_text(field)
    from sealkit.crypto.blob import Blob

    with pytest.raises((Tampered, Misbound)):
        order.opener.unseal(Blob.parse(blob[0]), place)


def test_the_table_of_an_engine_counts_from_the_same_root(attacked):
    task = tasks.task(orders.VERIFY, Asked(), [attacked.rpartition("/")[0]])
    assert task.around.below(attacked) == attacked


# --- trees whose inner policies were roots: one retag -------------------------------------------------------------------
@pytest.fixture
def legacy(tree):
    """A tree that was sealed when its inner policy was the root."""
    tree({"site/sealkit.yaml": STRICT, "site/posts/a.md": POST, "site/posts/deep/b.md": POST, **GIT})
    assert {one.status for one in trees.seal(["site"], RING)} == {"sealed"}
    tree({"sealkit.yaml": STRICT})


def test_one_retag_binds_a_folder_to_where_it_is_now(legacy):
    wrong = list(trees.verify(["."], RING))
    assert {one.code for one in wrong} == {"misbound"}
    assert all("as it was counted from site" in one.message for one in wrong)
    assert {one.status for one in trees.retag("site", RING, was=".")} == {"retagged"}
    assert {one.status for one in trees.verify(["."], RING)} == {"verified"}
    assert {one.status for one in trees.retag("site", RING, was=".")} == {"unchanged"}


@pytest.mark.parametrize(
    ("was", "path", "count"),
    [(".", "site", 2), ("./", "site", 2), ("posts", "site/posts", 2), ("posts/", "site/posts/", 2), ("posts/deep", "site/posts/deep", 1),
     ("posts/a.md", "site/posts/a.md", 1), ("./posts", "./site/posts", 2)],
)  # fmt: skip
def test_what_was_is_said_of_a_folder_or_a_file(legacy, was, path, count):
    assert [one.status for one in trees.retag(path, RING, was=was)] == ["retagged"] * count


@pytest.mark.parametrize("was", ["..", "../x", "/posts", "a//b", "a\0b"])
def test_what_was_leads_down_from_a_root(legacy, was):
    with pytest.raises(Usage):
        list(trees.retag("site", RING, was=was))


def test_a_wrong_was_retags_nothing(legacy):
    outcomes = list(trees.retag("site", RING, was="elsewhere"))
    assert {one.code for one in outcomes} <= {"tampered", "misbound"}
    assert len(outcomes) == 2


# --- all policies on the way apply ----------------------------------------------------------------------------------
def policy(text):
    return Policy.parse(f"version: 1\nrecords:\n  - include: ['**']\n    fields: [{{path: secured{text}}}]\n".encode())


CONTRADICTIONS = [
    (", format: tagged", ""),
    ("", ", format: tagged"),
    (", bind: path", ""),
    (", bind: path", ", bind: [title]"),
    (", payload: json", ", payload: binary"),
    (", payload: text", ", payload: json"),
    (", required: true", ", required: false"),
    (", keys: [k1]", ", keys: [k2]"),
    (", keys: [k1, k2]", ", keys: [k2]"),
    (", keys: [k1]", ""),
]


@pytest.mark.parametrize(("outer", "inner"), CONTRADICTIONS)
def test_who_writes_is_refused_where_two_contradict(tree, outer, inner):
    both = Policies([("", policy(outer)), ("in/", policy(inner))])
    with pytest.raises(ConfigError):
        both.rule("in/a.md", writes=True)
    text = b"version: 1\nrecords:\n  - include: ['**']\n    fields: [{path: secured%s}]\n"
    tree({"sealkit.yaml": text % outer.encode(), "in/sealkit.yaml": text % inner.encode(), "in/a.md": POST, "out.md": POST})
    said = {one.path: one for one in trees.seal(["."], RING, terms=trees.Terms(payload=None)) if one.exit_status}
    assert said["in/a.md"].exit_status == 2
    assert "contradict each other" in said["in/a.md"].message
    assert Path("in/a.md").read_bytes() == POST


@pytest.mark.parametrize(("outer", "inner"), CONTRADICTIONS)
@pytest.mark.parametrize("turned", [False, True])
def test_who_reads_meets_all_that_is_demanded(outer, inner, turned):
    if turned:
        outer, inner = inner, outer
    one, other = policy(outer).rules[0].fields[0], policy(inner).rules[0].fields[0]
    met = strictest([one, other])
    for name in ("required", "format", "payload", "bind", "keys"):
        for demanded in (one, other):
            assert any(is_as_strict(name, getattr(field, name), getattr(demanded, name)) for field in met), (name, met)


def is_as_strict(name, field, demanded):
    if name == "required":
        return field or not demanded
    if name in ("format", "payload"):
        order = ("plain", "synthetic", "tagged") if name == "format" else ("binary", "text", "json")
        return order.index(field) >= order.index(demanded)
    if name == "keys":
        return not demanded or (bool(field) and set(field) <= set(demanded))
    return demanded is None or field == demanded


def test_the_same_said_twice_is_said_once():
    both = Policies([("", policy(", format: tagged")), ("in/", policy(", format: tagged"))])
    assert len(both.rule("in/a.md", writes=True).fields) == 1


def test_globs_count_from_the_folder_of_their_policy(tree):
    tree({
        "sealkit.yaml": b"version: 1\nrecords: [{include: ['posts/*.md'], fields: [{path: one, required: false}]}]\n",
        "in/sealkit.yaml": b"version: 1\nrecords: [{include: ['posts/*.md'], fields: [{path: two, required: false}]}]\n",
        "posts/a.md": b"---\ntwo: x\none: a payload of more than one block\n---\n",
        "in/posts/a.md": b"---\none: x\ntwo: a payload of more than one block\n---\n",
    })  # fmt: skip
    done = {(one.path, one.field) for one in trees.seal(["."], RING) if one.status == "sealed"}
    assert done == {("posts/a.md", "one"), ("in/posts/a.md", "two")}


def test_an_inner_exclude_hides_nothing_from_the_outer_policy(tree):
    from sealkit.trees.demanded import SEARCHED, Demanded, Reach

    tree({
        "sealkit.yaml": b"version: 1\nrecords: [{include: ['posts/*.md'], fields: [{path: secured}]}]\n",
        "in/sealkit.yaml": b"version: 1\nrecords: [{include: ['**'], exclude: ['**'], fields: [{path: other}]}]\n",
        "in/a.md": POST,
    })  # fmt: skip
    demanded = Demanded(Below(["."]), Asked(), Reach(uncovered=SEARCHED))
    assert [field.path for field in demanded("in/a.md")] == ["secured"]


def test_a_named_field_meets_every_demand_on_it():
    rule = Policies([("", policy(", bind: path")), ("in/", policy(", bind: [title]"))]).rule("in/a.md", writes=False)
    asked = Asked(("secured",)).over(rule, writes=False)
    assert {field.bind for field in asked} == {"path", ("title",)}


# --- scopes of keys ------------------------------------------------------------------------------------------------
def test_the_scope_of_a_key_counts_from_the_root(tree):
    """A nested policy does not bring a record within the reach of a key."""
    ring = KeyRing([Key("k1", bytes(range(32)), format="tagged", only=["posts/**"])], primary="k1")
    tree({"sealkit.yaml": LENIENT, "free/sealkit.yaml": LENIENT, "free/posts/a.md": POST, "posts/a.md": POST})
    codes = {one.path: one.code or one.status for one in trees.seal(["."], ring)}
    assert codes["free/posts/a.md"] == "disabled_key"
    assert codes["posts/a.md"] != "disabled_key"


def test_locks_are_held_in_the_root(tree):
    here = tree({**GIT, "sealkit.yaml": STRICT, "free/sealkit.yaml": STRICT, "free/posts/a.md": POST})
    with roots.held(["free/posts/a.md"]):
        assert stat.S_ISDIR(os.stat(f"{here}/.sealkit").st_mode)
        assert not os.path.exists("free/.sealkit")
        with pytest.raises(SealkitError), roots.held(["free"]):
            pass


def test_outcomes_are_lines_of_json(attacked):
    """What is said of a moved blob names the record, and no payload."""
    (one,) = trees.verify([attacked], RING)
    assert "payload" not in json.loads(one.json_line())
