"""Which files are records: each kind of thing that can stand in a tree, and each way of naming one."""

import os
import random
import shutil
import socket
import stat
import subprocess
import tracemalloc

import needs
import pytest

from sealkit.errors import IsLink, NotRegular, OtherMount, StoreError, Usage
from sealkit.trees.walk import Found, Passing, leftovers, walk


def is_record(name):
    return name.endswith((".md", ".yml"))


def paths(*given, **options):
    found = list(walk(given or ["."], passing=Passing(is_record), **options))
    assert not [item.problem for item in found if item.problem]
    return [item.path for item in found]


def problems(*given, **options):
    found = walk(given or ["."], passing=Passing(is_record), **options)
    return {item.path: type(item.problem) for item in found if item.problem}


def test_records_below_a_folder_in_bytewise_order_of_the_whole_path(tree):
    tree(dict.fromkeys(["b.md", "a/z.md", "a-b.md", "a.md", "a0.md", "a/b/c.yml", "x.txt", "B.md", "é.md", "~.md"], b""))
    assert paths() == ["B.md", "a-b.md", "a.md", "a/b/c.yml", "a/z.md", "a0.md", "b.md", "~.md", "é.md"]


def test_how_paths_and_roots_are_called(tree):
    root = tree({"d/a.md": b""})
    record = is_record
    assert list(walk(["."], passing=Passing(record))) == [Found("d/a.md", "")]
    assert list(walk(["d/"], passing=Passing(record))) == [Found("d/a.md", "d")]
    assert list(walk(["./d"], passing=Passing(record))) == [Found("./d/a.md", "./d")]
    assert list(walk([root], passing=Passing(record))) == [Found(root + "/d/a.md", root)]
    assert list(walk([root.encode()], passing=Passing(record))) == [Found(root + "/d/a.md", root)]
    assert list(walk(["d/a.md"], passing=Passing(record))) == [Found("d/a.md", "d", named=True)]
    os.chdir("d")
    assert list(walk(["a.md"], passing=Passing(record))) == [Found("a.md", "", named=True)]
    assert list(walk(["../d"], passing=Passing(record))) == [Found("../d/a.md", "../d")]


def test_a_named_file_is_taken_whatever_its_name_and_the_filters(tree):
    tree({"a.txt": b"", ".hidden.md": b"", "ignored.md": b"", ".gitignore": b"ignored.md\n"})
    given = ["a.txt", ".hidden.md", "ignored.md"]
    assert paths(*given, exclude=["*"], include=["nothing"]) == given


def test_names_with_a_dot_are_passed_over_unless_hidden_or_named(tree):
    tree(dict.fromkeys([".a.md", ".d/b.md", "c.md", ".git/x.md", ".sealkit/y.md", ".sealkit-tmp-0123456789abcdef.md"], b""))
    assert paths() == ["c.md"]
    assert paths(hidden=True) == [".a.md", ".d/b.md", "c.md"]
    assert paths(".d") == [".d/b.md"]


def test_include_and_exclude(tree):
    tree(dict.fromkeys(["_posts/a.md", "_posts/x/b.md", "_posts/drafts/c.md", "d.md", "e/_posts/f.md"], b""))
    assert paths(include=["_posts/**/*.md"]) == ["_posts/a.md", "_posts/drafts/c.md", "_posts/x/b.md"]
    assert paths(include=["_posts/**/*.md"], exclude=["_posts/drafts/**"]) == ["_posts/a.md", "_posts/x/b.md"]
    assert paths(exclude=["drafts", "e"]) == ["_posts/a.md", "_posts/x/b.md", "d.md"]
    assert paths("_posts", include=["x"]) == ["_posts/x/b.md"]
    with pytest.raises(Usage):
        walk(["."], passing=Passing(is_record), include=["[a"])


def test_each_record_once(tree):
    root = tree(dict.fromkeys(["a/x.md", "a/b/y.md", "a/b/c/z.md", "d.md"], b""))
    everything = {"a/x.md", "a/b/y.md", "a/b/c/z.md"}
    for given in (["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a/b/c", "a", "a/b"], ["a", root + "/a/b"], ["a/x.md", "a"]):
        found = paths(*given)
        assert {os.path.relpath(path) for path in found} == everything, given
        assert len(found) == len(everything), given
    assert paths("d.md", "./d.md", "d.md") == ["d.md"]
    assert paths("a", "a/x.md") == ["a/b/c/z.md", "a/b/y.md", "a/x.md"]


def test_overlapping_folders_with_globs_give_the_union(tree):
    tree(dict.fromkeys(["a/b/x.md", "a/b/b/x.md", "a/y.md"], b""))
    assert sorted(paths("a", "a/b", include=["/b/*.md"])) == ["a/b/b/x.md", "a/b/x.md"]
    assert sorted(paths("a/b", "a", include=["/b/*.md"])) == ["a/b/b/x.md", "a/b/x.md"]


def test_nothing_found_is_nothing_yielded(tree):
    tree({"a.txt": b""})
    assert paths() == []
    assert list(walk([], passing=Passing(is_record))) == []


def test_links_are_reported_where_a_record_or_a_folder_may_be_missed(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_bytes(b"")
    tree({"a.md": b"", "d/b.md": b""})
    links = {
        "file.md": "a.md",
        "out.md": str(outside / "secret.md"),
        "dangling.md": "nowhere",
        "loop": "loop",
        "loop.md": "loop.md",
        "folder": "d",
        "up": "..",
        "outside": str(outside),
        "harmless.txt": "a.md",
        "gone": "nowhere",
    }
    for name, target in links.items():
        os.symlink(target, name)
    assert problems() == dict.fromkeys(sorted(links), IsLink)
    good = [item.path for item in walk(["."], passing=Passing(is_record)) if not item.problem]
    assert good == ["a.md", "d/b.md"]


def test_links_that_the_filters_pass_over_are_no_problems(tree):
    tree({"posts/a.md": b"", ".gitignore": b"ignored\nignored.md\n"})
    for name in (".hidden", "ignored", "ignored.md", "assets", "posts/x.txt"):
        os.symlink("posts" if "." not in name[1:] else "a.md", name)
    assert problems(include=["posts/**/*.md"]) == {}
    assert problems() == {"assets": IsLink, "posts/x.txt": IsLink}
    assert problems(exclude=["assets", "*.txt"]) == {}


def test_named_links_are_problems(tree):
    tree({"a.md": b"", "d/b.md": b""})
    os.symlink("a.md", "l.md")
    os.symlink("d", "l")
    assert problems("l.md", "l", "l/") == {"l.md": IsLink, "l": IsLink}


def test_special_files_are_problems_with_a_records_name_only(tree):
    tree({"a.md": b""})
    os.mkfifo("f.md")
    os.mkfifo("f")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s.md")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s.sock")
    os.makedirs("folder.md")
    expected = {"f.md": NotRegular, "s.md": NotRegular}
    if os.geteuid() == 0:
        os.mknod("c.md", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        expected["c.md"] = NotRegular
    assert problems() == expected
    assert problems("f", "s.sock") == {"f": NotRegular, "s.sock": NotRegular}


def test_missing_and_impossible_names(tree):
    tree({"a.md": b""})
    assert problems("nope.md", "a.md/x", "nul\0.md", "", "x" * 300) == {
        "nope.md": StoreError,
        "a.md/x": StoreError,
        "nul\0.md": StoreError,
        "": StoreError,
        "x" * 300: StoreError,
    }
    (found,) = walk(["nope.md"], passing=Passing(is_record))
    assert found.named
    assert "no such file" in found.problem.problem


def test_names_that_are_no_text_or_have_line_breaks(tree):
    tree({"a.md": b""})
    names = [b"caf\xe9.md", b"line\nbreak.md", b"\xff\xfe.md", "\U00010000.md".encode(), "\ue000.md".encode()]
    names += [b"n" * 252 + b".md", b" .md", b"-rf.md", b"$(x).md", b"d\xe9/e.md"]
    os.mkdir(b"d\xe9")
    for name in names:
        open(name, "w").close()
    assert [os.fsencode(path) for path in paths()] == sorted([*names, b"a.md"])


def test_a_path_longer_than_the_kernel_takes(tree):
    tree()
    step = "s" * 200
    for _ in range(25):
        os.mkdir(step)
        os.chdir(step)
    open("a.md", "w").close()
    for _ in range(25):
        os.chdir("..")
    (path,) = paths()
    assert len(path) == 25 * 201 + 4


def test_folders_without_permission_are_problems(tree, as_nobody):
    root = tree(dict.fromkeys(["a.md", "closed/b.md", "unlisted/c.md", "unsearched/d.md", "unsearched/e/f.md", "z.md"], b""))
    os.chmod("closed", 0)
    os.chmod("unlisted", 0o711)
    os.chmod("unsearched", 0o744)

    def check():
        found = list(walk([root], passing=Passing(is_record)))
        good = [os.path.relpath(item.path, root) for item in found if not item.problem]
        bad = {os.path.relpath(item.path, root): item.problem.problem for item in found if item.problem}
        assert good == ["a.md", "unsearched/d.md", "z.md"], good  # the name is seen, reading it is another matter
        assert sorted(bad) == ["closed", "unlisted", "unsearched/e"], bad
        assert all("permission denied" in problem for problem in bad.values()), bad
        os.chdir(root)
        assert problems("closed/b.md", "closed") == {"closed/b.md": StoreError, "closed": StoreError}

    as_nobody(check)


def test_a_folder_that_vanishes_on_the_way_is_a_problem(tree):
    tree(dict.fromkeys(["a.md", "b/c.md", "d/e.md", "f.md"], b""))
    found = walk(["."], passing=Passing(is_record))
    seen = [next(found)]
    shutil.rmtree("d")
    seen += found
    assert [(item.path, bool(item.problem)) for item in seen] == [("a.md", False), ("b/c.md", False), ("d", True), ("f.md", False)]


def test_a_folder_that_becomes_a_link_on_the_way_is_a_problem(tree, tmp_path):
    tree(dict.fromkeys(["a.md", "b/c.md"], b""))
    found = walk(["."], passing=Passing(is_record))
    seen = [next(found)]
    os.rename("b", "c")
    os.symlink(tmp_path, "b")
    seen += found
    assert [type(item.problem) for item in seen] == [type(None), IsLink]


@pytest.mark.parametrize("call", ["scandir", "open"])
def test_no_error_of_the_system_is_swallowed(tree, monkeypatch, call):
    tree(dict.fromkeys(["a.md", "b/c.md", "b/d/e.md", "f/g.md"], b""))
    real = getattr(os, call)
    calls = []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == failing.at:
            raise OSError(5, "Input/output error")
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, failing)
    for failing.at in range(1, 100):
        calls.clear()
        found = list(walk(["."], passing=Passing(is_record), gitignore=False))
        if len(calls) < failing.at:
            break
        assert [item for item in found if item.problem], failing.at
    assert failing.at == 5  # four folders


def test_a_listing_that_breaks_off_is_a_problem(tree, monkeypatch):
    tree(dict.fromkeys(["a.md", "b.md"], b""))
    real = os.scandir

    class Breaking:
        def __init__(self, fd):
            self.entries = real(fd)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.entries.close()

        def __iter__(self):
            yield next(self.entries)
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "scandir", Breaking)
    found = list(walk(["."], passing=Passing(is_record)))
    assert sorted(bool(item.problem) for item in found) == [False, True]


def test_descriptors_are_closed_when_the_walk_is_left(tree):
    tree(dict.fromkeys(["a/b/c/d/e.md", "a/b/c/f.md"], b""))
    before = len(os.listdir("/proc/self/fd"))
    found = walk(["."], passing=Passing(is_record))
    next(found)
    found.close()
    assert len(os.listdir("/proc/self/fd")) == before
    paths()
    assert len(os.listdir("/proc/self/fd")) == before


def test_other_file_systems_are_entered_on_demand_only(tree):
    tree({"a.md": b"", "m/hidden-below": b""})
    script = (
        "mount -t tmpfs none m && touch m/b.md && exec python3 -c '"
        "from sealkit.trees.walk import Passing, walk\n"
        "for cross in (False, True):\n"
        '    print([(i.path, i.problem and i.problem.code) for i in walk(["."], passing=Passing(lambda n: n.endswith(".md")), cross_mounts=cross)])\n'
        'print([i.path for i in walk(["m"], passing=Passing(lambda n: n.endswith(".md")))])\''
    )
    done = in_namespace(script)
    assert done.splitlines() == ["[('a.md', None), ('m', 'other_mount')]", "[('a.md', None), ('m/b.md', None)]", "['m/b.md']"]
    assert OtherMount.code == "other_mount"


def in_namespace(script):
    import sys

    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    needs.demand_namespace()
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_since_takes_what_differs_from_a_revision(tree, git):
    tree(dict.fromkeys(["same.md", "committed.md", "staged.md", "unstaged.md", "d/moved.md", "gone.md"], b"1\n"))
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "1")
    git("tag", "one")
    tree({"committed.md": b"2"})
    git("commit", "-q", "-a", "-m", "2")
    tree({"staged.md": b"2", "d/new.md": b"", "untracked.md": b"", "ignored.md": b"", ".gitignore": b"ignored.md\n"})
    git("add", "staged.md")
    tree({"staged.md": b"1\n", "unstaged.md": b"2"})
    git("mv", "d/moved.md", "d/to.md")
    os.unlink("gone.md")
    os.symlink("same.md", "link.md")
    expected = ["committed.md", "d/new.md", "d/to.md", "link.md", "staged.md", "unstaged.md", "untracked.md"]
    assert [item.path for item in walk(["."], passing=Passing(is_record), since="one")] == expected
    os.unlink("link.md")
    assert paths(since="one^{commit}", gitignore=False) == sorted({*expected, "ignored.md"} - {"link.md"})
    assert paths("d", since="HEAD") == ["d/new.md", "d/to.md"]
    assert paths("same.md", "untracked.md", "d/new.md", since="one") == ["untracked.md", "d/new.md"]


@pytest.mark.parametrize("revision", ["nope", "--output=x", "", "-", "HEAD:a.md", "x\0y"])
def test_since_a_revision_that_is_none(tree, git, revision):
    tree({"a.md": b""})
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "1")
    with pytest.raises(Usage) as caught:
        paths(since=revision)
    assert caught.value.hint
    assert os.listdir() == [".git", "a.md"] or os.listdir() == ["a.md", ".git"]


def test_since_outside_a_work_tree_or_without_git(tree, monkeypatch, git):
    tree({"a.md": b""})
    with pytest.raises(Usage, match="not in a git work tree"):
        paths(since="HEAD")
    git("init", "-q")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Usage, match="not installed"):
        paths(since="HEAD")


def test_since_runs_no_program_that_the_tree_names(tree, git, tmp_path):
    tree({"a.md": b"1", ".gitattributes": b"*.md diff=x\n"})
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "1")
    for setting in ("core.fsmonitor", "diff.x.command", "diff.x.textconv", "diff.external"):
        git("config", setting, f"touch {tmp_path}/ran; false")
    tree({"a.md": b"22"})
    assert paths(since="HEAD") == ["a.md"]
    assert not (tmp_path / "ran").exists()


def test_leftovers_are_found_wherever_they_are(tree):
    names = [".sealkit-tmp-1", "a/.sealkit-tmp-2", ".hidden/.sealkit-tmp-3", "ignored/.sealkit-tmp-4", ".sealkit/.sealkit-tmp-5"]
    tree({**dict.fromkeys(names, b""), "a.md": b"", ".gitignore": b"ignored\n", ".git/.sealkit-tmp-6": b""})
    assert sorted(item.path for item in leftovers("")) == sorted(names)


def test_memory_does_not_grow_with_the_tree(tree):
    tree(dict.fromkeys([f"{one}/{two}/{name}.md" for one in range(10) for two in range(10) for name in range(20)], b""))
    counts = []
    for given in ("0", "."):
        tracemalloc.start()
        counts.append(sum(1 for _ in walk([given], passing=Passing(is_record))))
        counts.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    small, small_peak, large, large_peak = counts
    assert (small, large) == (200, 2000)
    assert large_peak < 2 * small_peak + 20_000


def test_a_random_tree_agrees_with_os_walk(tree):
    choice = random.Random(7)
    names = [f"{'/'.join(choice.choices('abc', k=choice.randrange(4)))}/{index}.md".lstrip("/") for index in range(300)]
    tree(dict.fromkeys(names, b""))
    expected = [os.path.join(top, name)[2:] for top, _, files in os.walk(".") for name in files]
    assert paths() == sorted(expected, key=os.fsencode)


def test_a_policy_is_no_record_unless_it_is_named(tree):
    from sealkit.records.kinds import is_record_name
    from sealkit.trees.walk import Passing, walk

    tree({"sealkit.yaml": b"version: 1\n", "d/sealkit.yaml": b"version: 1\n", "d/a.yaml": b"a: 1\n"})
    assert [found.path for found in walk(["."], passing=Passing(is_record_name))] == ["d/a.yaml"]
    assert [found.path for found in walk(["sealkit.yaml"], passing=Passing(is_record_name))] == ["sealkit.yaml"]
