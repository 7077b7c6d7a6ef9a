"""A revision names one commit, or it is refused with all that it could mean; every verb that takes one asks the same function."""

from __future__ import annotations

import os
import subprocess

import needs
import pytest

from sealkit.errors import Usage
from sealkit.git.revisions import commit_of

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything


class Site:
    """A repository with three commits: one, two, three; ``main`` and ``origin/main`` are at three."""

    def __init__(self, folder):
        self.folder = folder
        self.git("init", "-q", "-b", "main")
        self.ids = {}
        for word in ("one", "two", "three"):
            (folder / "a.md").write_text(word)
            self.git("add", "-A")
            self.git("commit", "-qm", word)
            self.ids[word] = self.git("rev-parse", "HEAD")
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.git("tag", "v1", "HEAD~2")

    def git(self, *arguments):
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def id_of(self, name):
        return self.ids.get(name, name)

    def ref(self, name, word="one"):
        self.git("update-ref", name, self.id_of(word))


@pytest.fixture
def site(tmp_path, monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "n")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "n@example.org")
        monkeypatch.setenv(f"GIT_{who}_DATE", "2026-01-02T03:04:05+0000")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    return Site(tmp_path / "site")


CLEAR = {
    "HEAD": "three",
    "@": "three",
    "main": "three",
    "heads/main": "three",
    "refs/heads/main": "three",
    "origin/main": "three",
    "refs/remotes/origin/main": "three",
    "v1": "one",
    "tags/v1": "one",
    "HEAD~1": "two",
    "main^^": "one",
    "main~2": "one",
    "v1^{commit}": "one",
    "v1^{}": "one",
    "v1^0": "one",
    "main@{1}": "two",
    "@{1}": "two",
    "HEAD@{2}": "one",
    "main@{1}^": "one",
}


@pytest.mark.parametrize("revision", CLEAR)
def test_a_name_of_one_commit(site, revision):
    assert commit_of(revision, ".") == site.ids[CLEAR[revision]]


@pytest.mark.parametrize("digits", [4, 7, 12, 40])
def test_an_id_that_is_cut_short(site, digits):
    assert commit_of(site.ids["two"][:digits], ".") == site.ids["two"]
    assert commit_of(site.ids["two"][:digits].upper() + "^", ".") == site.ids["one"]


def test_an_annotated_tag(site):
    site.git("tag", "-a", "-m", "m", "noted", "HEAD~1")
    assert commit_of("noted", ".") == commit_of("refs/tags/noted", ".") == site.ids["two"]


def test_a_described_commit(site):
    assert commit_of(f"v1-2-g{site.ids['three'][:9]}", ".") == site.ids["three"]


def test_the_branch_before(site):
    site.git("checkout", "-qb", "desk", "HEAD~1")
    assert commit_of("@{-1}", ".") == site.ids["three"]
    assert commit_of("@{-1}~1", ".") == site.ids["two"]
    site.ref("refs/tags/main")  # the branch that was left is known by its full name
    assert commit_of("@{-1}", ".") == site.ids["three"]


def test_upstream(site):
    site.git("config", "branch.main.remote", "origin")
    site.git("config", "branch.main.merge", "refs/heads/main")
    site.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    site.git("config", "remote.origin.url", "/nowhere")
    site.ref("refs/remotes/origin/main", "two")
    for name in ("@{u}", "main@{upstream}", "HEAD@{U}", "@{push}", "refs/heads/main@{u}"):
        assert commit_of(name, ".") == site.ids["two"]
    assert commit_of("main@{u}^", ".") == site.ids["one"]
    site.ref("refs/tags/origin/main")
    assert commit_of("main@{u}", ".") == site.ids["two"]
    site.ref("refs/tags/main")
    with pytest.raises(Usage, match="is ambiguous"):
        commit_of("main@{u}", ".")


AMBIGUOUS = {
    "tag beside remote branch": (["refs/tags/origin/main"], "origin/main", ["refs/remotes/origin/main", "refs/tags/origin/main"]),
    "tag beside branch": (["refs/tags/main"], "main", ["refs/heads/main", "refs/tags/main"]),
    "branch beside remote branch": (["refs/heads/origin/main"], "origin/main", ["refs/heads/origin/main"]),
    "branch called as a remote's head": (
        ["refs/remotes/up/HEAD", "refs/heads/up"],
        "up",
        ["refs/remotes/up/HEAD", "refs/heads/up"],
    ),
    "tag called HEAD": (["refs/tags/HEAD"], "HEAD", ["refs/tags/HEAD"]),
    "branch called HEAD": (["refs/heads/HEAD"], "@", ["refs/heads/HEAD"]),
    "counted from": (["refs/tags/main"], "main~1", ["refs/heads/main", "refs/tags/main"]),
    "by the log": (["refs/tags/main"], "main@{1}", ["refs/heads/main", "refs/tags/main"]),
    "peeled": (["refs/tags/main"], "main^{commit}", ["refs/heads/main", "refs/tags/main"]),
    "below heads": (["refs/tags/heads/main"], "heads/main", ["refs/heads/main", "refs/tags/heads/main"]),
    "below tags": (["refs/tags/tags/v1"], "tags/v1", ["refs/tags/v1", "refs/tags/tags/v1"]),
    "below remotes": (["refs/heads/remotes/origin/main"], "remotes/origin/main", ["refs/remotes/origin/main"]),
    "a folder of its own": (["refs/stash2", "refs/tags/stash2"], "stash2", ["refs/stash2", "refs/tags/stash2"]),
    "the same commit": (["refs/tags/v1", "refs/heads/v1"], "v1", ["refs/tags/v1", "refs/heads/v1"]),
    "three meanings": (
        ["refs/tags/x", "refs/heads/x", "refs/remotes/x/HEAD"],
        "x",
        ["refs/tags/x", "refs/heads/x", "refs/remotes/x/HEAD"],
    ),
    "not ascii": (["refs/tags/größe", "refs/heads/größe"], "größe", ["refs/tags/größe", "refs/heads/größe"]),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
@pytest.mark.parametrize("warns", ["true", "false"])
def test_a_name_of_several_is_refused(site, case, warns):
    refs, revision, shown = AMBIGUOUS[case]
    site.git("config", "core.warnAmbiguousRefs", warns)
    for ref in refs:
        site.ref(ref)
    with pytest.raises(Usage, match="is ambiguous") as caught:
        commit_of(revision, ".")
    for name in shown:
        assert name in caught.value.problem
    assert "full name" in caught.value.hint


@pytest.mark.parametrize("form", ["{}", "v9-3-g{}"])
@pytest.mark.parametrize("place", ["refs/tags/", "refs/heads/"])
def test_a_ref_that_looks_like_an_id_cut_short(site, form, place):
    name = form.format(site.ids["three"][:8])
    site.ref(place + name)
    with pytest.raises(Usage, match="is ambiguous") as caught:
        commit_of(name, ".")
    assert place + name in caught.value.problem
    assert site.ids["three"][:12] in caught.value.problem


def test_a_short_id_of_two_commits(site):
    tree = site.git("rev-parse", "HEAD^{tree}")
    seen, number = {}, 0
    while True:
        number += 1
        made = site.git("commit-tree", "-m", str(number), tree)
        if made[:4] in seen:
            break
        seen[made[:4]] = made
        assert number < 3000
    with pytest.raises(Usage, match="is ambiguous") as caught:
        commit_of(made[:4], ".")
    assert made[:12] in caught.value.problem
    assert seen[made[:4]][:12] in caught.value.problem


def test_whole_ids_and_full_names_mean_themselves(site):
    """Nobody can take the way out that the hint names."""
    whole = site.ids["three"]
    site.ref(f"refs/tags/{whole}")
    for name in ("refs/heads/main", "refs/remotes/origin/main"):
        site.ref(f"refs/tags/{name}")
        site.ref(f"refs/heads/{name}")
        assert commit_of(name, ".") == whole
    assert commit_of(whole, ".") == whole


NONE = [
    "",
    "-",
    "--all",
    "nowhere",
    "refs/heads/nowhere",
    "v1..main",
    "v1...main",
    ":/one",
    "HEAD^{/two}",
    "HEAD:a.md",
    "HEAD^{tree}",
]
NONE += [
    "a b",
    "HEAD\nHEAD",
    "HEAD\0",
    "HEAD~9",
    "HEAD@{5 years ago}",
    "ffff",
    "@{-1}",
    "@{-7}",
    "refs/heads/*",
    "*",
    "ma?n",
    "[m]ain",
]


@pytest.mark.parametrize("revision", NONE)
def test_what_names_no_commit(site, revision):
    with pytest.raises(Usage) as caught:
        commit_of(revision, ".")
    assert (caught.value.exit_status, bool(caught.value.hint)) == (2, True)


def test_what_git_says_is_not_passed_over(site):
    """A log that does not go back so far: git takes the oldest entry, and warns."""
    with pytest.raises(Usage, match="only goes back to"):
        commit_of("main@{2001-01-01}", ".")


def test_sha256(tmp_path, monkeypatch, site):
    (tmp_path / "long").mkdir()
    monkeypatch.chdir(tmp_path / "long")

    def git(*arguments):
        return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout.decode().strip()

    git("init", "-q", "-b", "main", "--object-format=sha256")
    git("commit", "-q", "--allow-empty", "-m", "m")
    commit = git("rev-parse", "HEAD")
    assert len(commit) == 64
    assert {commit_of(name, ".") for name in ("main", commit, commit[:9])} == {commit}


# --- every verb --------------------------------------------------------------------------------------------------------
VERBS = {
    "check --since": ["check", "--since", "origin/main", "."],
    "inspect --since": ["inspect", "--since", "origin/main", "."],
    "decrypt --since": ["decrypt", "--json", "--since", "origin/main", "."],
    "verify --since": ["verify", "--since", "origin/main", "."],
    "seal --since": ["seal", "--since", "origin/main", "."],
    "rotate --since": ["rotate", "--since", "origin/main", "."],
    "rotate --bless": ["rotate", "--format", "tagged", "--bless", "origin/main", "."],
    "retag --was-in": ["retag", "--was-in", "origin/main", "."],
    "diff": ["diff", "origin/main"],
    "diff of a path": ["diff", "origin/main", "a.md"],
    "check --since of a file": ["check", "--since", "origin/main", "a.md"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_takes_a_tag_for_the_branch(repo, verb):
    repo.write("a.md", f'---\ntitle: t\nsecured: "{repo.blob()}"\n---\n'.encode())
    repo.commit()
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    before = repo.files()
    repo.git("tag", "origin/main")
    ran = repo.run(*VERBS[verb])
    assert (ran.status, ran.out) == (2, b""), ran
    assert "refs/tags/origin/main" in ran.err
    assert "refs/remotes/origin/main" in ran.err
    assert "Traceback" not in ran.err
    assert repo.read("a.md") == before["a.md"]


@pytest.mark.parametrize("digits", [40, 64])
@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_what_is_a_whole_id_elsewhere_is_a_name_here(site, tmp_path, monkeypatch, kind, digits):
    """A whole id of the other kind of repository is a short id, or a branch, of this one: a tag of that name is another meaning."""
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    subprocess.run(["git", "init", "-q", "-b", "main", f"--object-format={kind}", "."], check=True)
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    whole = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    name = (whole * 2)[:digits]
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "two"], check=True)
    for ref in ("refs/heads/", "refs/tags/"):
        subprocess.run(["git", "update-ref", ref + name, "HEAD" if "tags" in ref else "HEAD~1"], check=True)
    if name == whole:
        assert commit_of(name, ".") == whole
        return
    with pytest.raises(Usage, match="is ambiguous") as caught:
        commit_of(name, ".")
    assert f"refs/tags/{name}" in caught.value.problem


def test_outside_of_git_the_hint_is_not_to_name_another_revision(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Usage) as caught:
        commit_of("HEAD", ".")
    assert caught.value.problem == "no revision 'HEAD': not in a git work tree"
    assert caught.value.hint == "go into one, or name a folder of one"


@pytest.mark.parametrize("name", ["HEAD", "HEAD~1", "main", "v1", "nowhere"])
@needs.root("gives a repository to another user")
def test_what_git_says_of_anothers_repository_comes_with_what_to_do(site, name):
    os.chown(site.folder, 65534, 65534)
    os.chown(site.folder / ".git", 65534, 65534)
    with pytest.raises(Usage) as caught:
        commit_of(name, ".")
    assert "dubious ownership" in caught.value.problem
    assert caught.value.hint == f"if you trust it: git config --global --add safe.directory {site.folder}"


@pytest.mark.parametrize("name", ["nowhere", "main~9", "HEAD^2", "0123abc", "v1^{tree}"])
def test_a_revision_that_is_none_is_said_in_words(site, name):
    with pytest.raises(Usage) as caught:
        commit_of(name, ".")
    assert caught.value.problem.startswith(f"no revision {name!r}: ")
    assert "Needed a single revision" not in caught.value.problem
    assert caught.value.hint == "name a commit, branch or tag, such as HEAD"
