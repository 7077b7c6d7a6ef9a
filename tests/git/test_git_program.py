"""Git is started in one way: from the top of the work tree that the system shows, and so that it starts nothing else."""

from __future__ import annotations

import os
import subprocess

import needs
import pytest
from githouse import PAYLOAD, front

from sealkit.errors import SealkitError, Usage
from sealkit.git import program
from sealkit.git.changes import Changes
from sealkit.git.program import GitFailedError, git, top_of

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

OPEN = front("nobody has sealed this")


def words(text):
    return text.split()


# --- every setting that names a program --------------------------------------------------------------------------------
# git-config(1), gitattributes(5), githooks(5), git(1): what is run as a program or as a shell's command. X stands for a name.
PROGRAMS = words("""
browser.X.cmd browser.X.path core.alternateRefsCommand core.askPass core.editor core.fsmonitor core.gitProxy core.pager core.sshCommand
credential.helper credential.https://example.org.helper diff.X.command diff.X.textconv diff.external difftool.X.cmd difftool.X.path
filter.X.clean filter.X.process filter.X.smudge gitcvs.dbDriver gpg.openpgp.program gpg.program gpg.ssh.defaultKeyCommand
gpg.ssh.program gpg.x509.program guitool.X.cmd help.browser imap.tunnel instaweb.browser instaweb.httpd interactive.diffFilter man.X.cmd
man.X.path man.viewer merge.X.driver mergetool.X.cmd mergetool.X.path pager.cat-file pager.config pager.diff pager.diff-index
pager.diff-tree pager.for-each-ref pager.log pager.ls-files pager.ls-tree pager.merge-file pager.rev-list pager.rev-parse
remote.origin.receivepack remote.origin.uploadpack sendemail.ccCmd sendemail.headerCmd sendemail.sendmailCmd sendemail.smtpserver
sendemail.tocmd sequence.editor submodule.X.update tar.X.command trailer.X.cmd trailer.X.command uploadpack.packObjectsHook web.browser
alias.cat-file alias.config alias.diff-index alias.diff-tree alias.for-each-ref alias.ls-files alias.ls-tree alias.merge-file
alias.rev-list alias.rev-parse
""")
SWITCHES = {
    "core.hooksPath": "{folder}/hooks",
    "remote.origin.url": "ext::{folder}/programs/remote %S",
    "remote.origin.pushurl": "ext::{folder}/programs/remote %S",
    "remote.origin.vcs": "ext",
    "remote.origin.promisor": "true",
    "remote.origin.partialclonefilter": "blob:none",
    "extensions.partialClone": "origin",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "url.ext::{folder}/programs/remote .insteadOf": "https://",
    "filter.X.required": "true",
    "diff.X.cachetextconv": "true",
    "log.showSignature": "true",
    "core.untrackedCache": "true",
    "core.fsmonitorHookVersion": "2",
    "diff.renames": "copies",
    "fetch.recurseSubmodules": "true",
    "maintenance.auto": "true",
    "gc.auto": "1",
    "gc.autoDetach": "false",
    "include.path": "{folder}/included",
}
HOOKS = words("""applypatch-msg commit-msg fsmonitor-watchman p4-changelist p4-post-changelist p4-pre-submit p4-prepare-changelist post-applypatch
post-checkout post-commit post-index-change post-merge post-receive post-rewrite post-update pre-applypatch pre-auto-gc pre-commit
pre-merge-commit pre-push pre-rebase pre-receive prepare-commit-msg proc-receive push-to-checkout reference-transaction
sendemail-validate update""")
VARIABLES = words("""EDITOR GIT_ASKPASS GIT_EDITOR GIT_EXTERNAL_DIFF GIT_PAGER GIT_PROXY_COMMAND GIT_SEQUENCE_EDITOR GIT_SSH GIT_SSH_COMMAND PAGER
SSH_ASKPASS VISUAL""")


class Traps:
    """A repository in which everything that names a program names one that leaves a mark."""

    def __init__(self, repo):
        self.repo = repo
        self.folder = repo.path.parent / "traps"
        self.marks = self.folder / "marks"
        for name in ("programs", "hooks", "marks", "exec"):
            (self.folder / name).mkdir(parents=True)
        self.env = {name: str(self._program("programs", f"${name}")) for name in VARIABLES}
        self.env["GIT_EXEC_PATH"] = str(self.folder / "exec")
        for name in ("git-cat-file", "git-rev-parse", "git-ls-files", "git-remote-ext", "git-fetch"):
            self._program("exec", name)

    def _program(self, folder, name):
        path = self.folder / folder / name.replace("/", "_")
        path.write_text(f"#!/bin/sh\nexec >/dev/null\n: > '{self.marks}/{path.name}'\ntest -t 0 || cat\nexit 1\n")
        path.chmod(0o755)
        return path

    def set(self):
        """Set everything; nothing of git's is called afterwards but what is tried."""
        config = self.repo.path / ".git" / "config"
        lines, included = [], []
        for number, name in enumerate(PROGRAMS):
            section, _, key = name.rpartition(".")
            section, _, sub = section.partition(".")
            path = self._program("programs", name.replace("://", "_"))
            bang = "!" if section in {"alias", "submodule", "credential"} else ""
            text = f"[{section}{f' {chr(34)}{sub}{chr(34)}' if sub else ''}]\n\t{key} = {bang}{path}\n"
            (included if number % 2 else lines).append(text)
        self._program("programs", "remote")
        for name, value in SWITCHES.items():
            section, _, key = name.format(folder=self.folder).rpartition(".")
            section, _, sub = section.partition(".")
            lines.append(f"[{section}{f' {chr(34)}{sub}{chr(34)}' if sub else ''}]\n\t{key} = {value.format(folder=self.folder)}\n")
        (self.folder / "included").write_text("".join(included))
        with open(config, "a") as file:
            file.write("[core]\n\trepositoryFormatVersion = 1\n" + "".join(lines))
        for name in HOOKS:
            self._program("hooks", name)
            (self.repo.path / ".git" / "hooks").mkdir(exist_ok=True)
            (self.repo.path / ".git" / "hooks" / name).symlink_to(self.folder / "hooks" / name)

    def left(self):
        return sorted(path.name for path in self.marks.iterdir())


def renamed_and_changed(repo):
    """Three commits, a rename that is staged, and files that are changed without git's knowledge."""
    repo.write(".gitattributes", b"* filter=X diff=X merge=X\n")
    repo.write("sealkit.yaml", b"version: 1\nrecords:\n  - include: ['**/*.md']\n    fields: [{path: secured}]\n")
    for name in ("a.md", "posts/b.md", "posts/c.md", "posts/gone.md"):
        repo.write(name, front(repo.blob(f"payload of {name}, of more than one block".encode()), "more: text\n" * 9))
    repo.commit("one")
    repo.write("a.md", front(repo.blob(b"another payload, of more than one block")))
    repo.commit("two")
    repo.git("tag", "old", "HEAD~1")
    repo.git("mv", "posts/b.md", "posts/moved.md")
    repo.write("posts/c.md", repo.read("posts/c.md") + b"more\n")
    repo.write("posts/new.md", front(repo.blob()))
    (repo.path / "posts/gone.md").unlink()
    repo.write(".gitignore", b"ignored.md\nkept.md\n")
    repo.write("ignored.md", front(repo.blob()))
    repo.write("k.key", b"ab" * 32)
    (repo.path / "k.key").chmod(0o600)
    repo.write("ring.yaml", b"version: 1\nprimary: k2\nkeys:\n  - {id: k2, source: {file: k.key, encoding: hex}}\n")
    (repo.path / "ring.yaml").chmod(0o600)


@pytest.fixture
def traps(repo):
    renamed_and_changed(repo)
    traps = Traps(repo)
    traps.set()
    return traps


CALLS = {
    "check": ["check", "."],
    "check --since": ["check", "--since", "old", "."],
    "check --since a folder": ["check", "--since", "old", "posts"],
    "check --since a file": ["check", "--since", "old", "posts/c.md"],
    "check --staged": ["check", "--staged", "."],
    "check --staged --since": ["check", "--staged", "--since", "old", "."],
    "check --history": ["check", "--history", "."],
    "check --self-test": ["check", "--self-test", "."],
    "inspect --since": ["inspect", "--since", "old", "."],
    "decrypt --since": ["decrypt", "--json", "--since", "old", "posts"],
    "verify --since": ["verify", "--since", "HEAD~1", "."],
    "seal --since": ["seal", "--since", "old", "."],
    "rotate --bless": ["rotate", "--format", "tagged", "--bless", "old", "."],
    "retag --was-in": ["retag", "--bind", "path", "--was-in", "old", "."],
    "diff": ["diff", "old"],
    "diff of a folder": ["diff", "--word", "HEAD", "posts"],
    "textconv": ["git", "textconv", "--force", "a.md"],
    "merge-driver": ["git", "merge-driver", "--", "a.md", "posts/c.md", "posts/new.md", "7", "a.md"],
    "resolve": ["resolve", "--ours", "a.md"],
    "git install": ["git", "install"],
    "git doctor": ["git", "doctor"],
    "git uninstall": ["git", "uninstall"],
    "doctor": ["doctor", "."],
    "keys census": ["keys", "census", "--git", "."],
    "keys in a work tree": ["decrypt", "--keys", "ring.yaml", "a.md"],
    "edit": ["set", "a.md"],
}


@pytest.mark.parametrize("call", CALLS)
def test_no_call_starts_what_a_repository_names(traps, call):
    """Whatever comes of the call: no program of the repository's, or of git's variables, was started."""
    ran = traps.repo.run(*CALLS[call], env=traps.env, stdin=PAYLOAD)
    assert (traps.left(), "Traceback" in ran.err) == ([], False), ran
    assert ran.status in {0, 1, 2, 3, 4}


def test_the_calls_do_what_they_are_for(traps):
    """With all traps set, what changed and what was renamed is found."""
    ran = traps.repo.run("check", "--since", "old", "posts", env=traps.env)
    assert (ran.status, ran.err) == (0, "sealkit: 3 checked; 3 unauthenticated\n")
    listed = traps.repo.run("inspect", "--since", "old", "--json", "posts", env=traps.env)
    assert {line["path"] for line in listed.lines} == {"posts/c.md", "posts/moved.md", "posts/new.md"}
    shown = traps.repo.run("diff", "HEAD", "posts", env=traps.env).text
    assert "--- a/posts/gone.md" in shown
    assert "+more" in shown


SPRUNG = {
    "core.fsmonitor": ["status"],
    "filter.X.process": ["add", "posts/new.md"],
    "diff.external": ["diff"],
    "post-index-change": ["update-index", "--refresh"],
    "remote": ["fetch"],
    "core.editor": ["commit", "--amend"],
    "gpg.program": ["commit", "-S", "-m", "m"],
}


@pytest.mark.parametrize("name", SPRUNG)
def test_the_traps_are_real(traps, name):
    """Git as it is left to itself runs into them; else the tests above would show nothing."""
    traps.repo.git(*SPRUNG[name], status=None)
    assert traps.left(), name


def test_a_missing_object_is_not_fetched(traps):
    """In a partial clone what is missing would be fetched: by a program that the repository names."""
    repo = traps.repo
    name = repo.git("rev-parse", "HEAD:a.md", env={"GIT_ALLOW_PROTOCOL": "none"}).text.strip()
    (repo.path / ".git/objects" / name[:2] / name[2:]).unlink()
    for call in ("check --history", "check --since", "diff", "keys census", "check --staged", "rotate --bless"):
        ran = repo.run(*CALLS[call], env=traps.env)
        assert (traps.left(), "Traceback" in ran.err) == ([], False), ran
    assert repo.run("check", "--history", ".", env=traps.env).status == 4
    repo.git("cat-file", "-p", name, status=None)
    assert "remote" in traps.left(), "the trap is real"


# --- whose repository --------------------------------------------------------------------------------------------------
def pull_request(repo, where="posts"):
    """What a pull request can add: a folder that is a repository of its own in which nothing has changed, and plaintext in it."""
    repo.write("a.md", front(repo.blob()))
    repo.write("sealkit.yaml", b"version: 1\nrecords:\n  - include: ['**/*.md']\n    fields: [{path: secured}]\n")
    repo.commit("base")
    inside = repo.path / where
    inside.mkdir(parents=True, exist_ok=True)
    repo.write(f"{where}/fog.md", OPEN)
    bare = repo.path.parent / "bare"
    repo.git("init", "-q", "--bare", "-b", "main", str(bare))
    blob = repo.git("hash-object", "-w", f"{where}/fog.md", env={"GIT_DIR": str(bare)}).text.strip()
    made = repo.git("mktree", env={"GIT_DIR": str(bare)}, stdin=None, input=f"100644 blob {blob}\tfog.md\n".encode()).text.strip()
    commit = repo.git("commit-tree", "-m", "m", made, env={"GIT_DIR": str(bare)}).text.strip()
    repo.git("update-ref", "refs/heads/main", commit, env={"GIT_DIR": str(bare)})
    repo.git("read-tree", "main", env={"GIT_DIR": str(bare), "GIT_INDEX_FILE": str(bare / "index")})
    for name in ("HEAD", "config", "objects", "refs", "index"):
        subprocess.run(["cp", "-r", bare / name, inside / name], check=True)
    mark = repo.path.parent / "mark"
    with open(inside / "config", "a") as file:
        file.write(f'[core]\n\tfsmonitor = "touch {mark}"\n\tworktree = {inside}\n[filter "x"]\n\tclean = "touch {mark}; cat"\n')
    repo.write(f"{where}/.gitattributes", b"* filter=x\n")
    repo.git("checkout", "-qb", "request")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "posts")
    repo.git("config", "--unset-all", "safe.bareRepository", status=None)
    return mark


@pytest.mark.parametrize("where", ["posts", "posts/2026", "p q"])
@pytest.mark.parametrize("verb", ["check", "inspect", "verify", "decrypt"])
def test_tracked_files_are_no_repository(repo, where, verb):
    mark = pull_request(repo, where)
    ran = repo.run(verb, "--json", "--since", "main", where)
    assert (ran.status, mark.exists()) == (1, False), ran
    assert f"{where}/fog.md" in ran.text
    for other in (["diff", "main", where], ["check", "--history", where], ["git", "doctor", where]):
        repo.run(*other)
        assert not mark.exists()


def linked(repo):
    """A work tree of its own (git worktree add)."""
    repo.git("worktree", "add", "-q", "-b", "side", str(repo.path.parent / "side"))
    return repo.path.parent / "side"


def separate(repo):
    """The repository stands elsewhere, and .git is a file."""
    repo.git("init", "-q", "--separate-git-dir", str(repo.path.parent / "elsewhere.git"))
    return repo.path


def submodule(repo):
    """A repository in a repository, as git submodule keeps it."""
    outer = repo.path.parent / "outer"
    repo.git("init", "-q", str(outer))
    command = ["-C", str(outer), "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.path), "sub"]
    repo.git(*command)
    return outer / "sub"


def other_work_tree(repo):
    """The repository's settings name another work tree, which is in order."""
    (repo.path.parent / "clean").mkdir()
    (repo.path.parent / "clean" / "a.md").write_bytes(repo.read("a.md"))
    repo.git("config", "core.worktree", str(repo.path.parent / "clean"))
    return repo.path


def bare_by_name(repo):
    """The repository's settings say that it has no work tree."""
    repo.git("config", "core.bare", "true")
    return repo.path


def same(repo):
    """Nothing special."""
    return repo.path


def another_repository(repo):
    path = repo.path.parent / "another"
    repo.git("init", "-q", "-b", "main", str(path))
    (path / "a.md").write_bytes(repo.read("a.md"))
    repo.git("-C", str(path), "add", "a.md")
    repo.git("-C", str(path), "commit", "-qm", "m")
    return path


WORK_TREES = [same, linked, separate, submodule, other_work_tree, bare_by_name]
ENVIRONMENTS = {
    "none": lambda repo: {},
    "GIT_DIR": lambda repo: {"GIT_DIR": str(another_repository(repo) / ".git")},
    "GIT_WORK_TREE": lambda repo: {"GIT_WORK_TREE": str(another_repository(repo))},
    "both": lambda repo: {"GIT_DIR": str(another_repository(repo) / ".git"), "GIT_WORK_TREE": str(repo.path.parent / "another")},
    "another index": lambda repo: {
        "GIT_DIR": str(another_repository(repo) / ".git"),
        "GIT_INDEX_FILE": str(repo.path.parent / "another/.git/index"),
    },
    "GIT_CEILING_DIRECTORIES": lambda repo: {"GIT_CEILING_DIRECTORIES": f"{repo.path}:{repo.path.parent}"},
    "GIT_OBJECT_DIRECTORY": lambda repo: {"GIT_DIR": "/nowhere", "GIT_OBJECT_DIRECTORY": "/nowhere"},
    "GIT_NAMESPACE": lambda repo: {"GIT_NAMESPACE": "x"},
    "pathspecs": lambda repo: {"GIT_GLOB_PATHSPECS": "1", "GIT_ICASE_PATHSPECS": "1"},
    "GIT_COMMON_DIR": lambda repo: {"GIT_COMMON_DIR": str(another_repository(repo) / ".git")},
}


PAIRS = [*((same, name) for name in ENVIRONMENTS), *((make, name) for make in WORK_TREES[1:] for name in ("none", "both"))]


@pytest.mark.parametrize(("make", "variables"), PAIRS, ids=[f"{make.__name__}, {name}" for make, name in PAIRS])
def test_the_work_tree_is_the_one_that_the_system_shows(repo, make, variables):
    repo.write("a.md", front(repo.blob()))
    repo.write("posts/[x]*.md", front(repo.blob()))
    repo.commit("base")
    top = make(repo)
    (top / "posts/fog.md").write_bytes(OPEN)
    env = ENVIRONMENTS[variables](repo)
    git_dir = str(top / ".git")
    for folder in (str(top), str(top / "posts")):
        ran = repo.run("check", "--json", "--since", "HEAD", folder, env=env)
        assert (ran.status, [line["path"] for line in ran.lines]) == (1, [f"{top}/posts/fog.md"]), ran
    repo.git("--git-dir", git_dir, "--work-tree", str(top), "add", str(top / "posts/fog.md"))
    ran = repo.run("check", "--json", "--staged", str(top), env=env)
    assert (ran.status, {os.path.basename(line["path"]) for line in ran.lines if line["status"] == "finding"}) == (1, {"fog.md"}), (
        ran
    )


REFUSED = {
    "a link": lambda repo, inside: (inside / ".git").symlink_to(repo.path / ".git"),
    "a link to nothing": lambda repo, inside: (inside / ".git").symlink_to("nowhere"),
    "a file that leads nowhere": lambda repo, inside: (inside / ".git").write_text("gitdir: nowhere\n"),
    "a file with other words": lambda repo, inside: (inside / ".git").write_text("hello\n"),
    "an empty file": lambda repo, inside: (inside / ".git").write_text(""),
    "a file that leads to plain files": lambda repo, inside: (inside / ".git").write_text("gitdir: .\n"),
    "a repository without commits": lambda repo, inside: repo.git("init", "-q", str(inside)),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("verb", ["check", "inspect", "verify"])
def test_what_cannot_be_asked_is_an_error(repo, case, verb):
    """Another work tree begins there, so the one above it has no say; and it cannot tell."""
    repo.write("a.md", front(repo.blob()))
    repo.commit("base")
    inside = repo.path / "posts"
    inside.mkdir()
    repo.write("posts/fog.md", OPEN)
    REFUSED[case](repo, inside)
    ran = repo.run(verb, "--since", "HEAD", "posts")
    assert (ran.status, ran.err.count("Traceback"), "hint" in ran.err) == (2, 0, True), ran


NO_REPOSITORY = {
    "an empty folder": [],
    "a folder with a head": ["HEAD"],
    "a folder without objects": ["HEAD", "refs/x"],
    "a folder without refs": ["HEAD", "objects/x"],
    "a folder of other things": ["notes.md"],
}


@pytest.mark.parametrize("case", NO_REPOSITORY)
def test_a_folder_that_is_no_repository_does_not_count(repo, case):
    repo.write("a.md", front(repo.blob()))
    repo.commit("base")
    repo.write("posts/fog.md", OPEN)
    (repo.path / "posts/.git").mkdir()
    for name in NO_REPOSITORY[case]:
        repo.write(f"posts/.git/{name}", b"ref: refs/heads/main\n")
    assert top_of(str(repo.path / "posts")) == str(repo.path)
    ran = repo.run("check", "--json", "--since", "HEAD", "posts")
    assert (ran.status, [line["path"] for line in ran.lines]) == (1, ["posts/fog.md"])


@needs.root("gives a repository to another user")
def test_a_repository_of_another_user_is_not_asked(repo):
    repo.write("a.md", front(repo.blob()))
    repo.commit("base")
    subprocess.run(["chown", "-R", "65534", repo.path], check=True)
    ran = repo.run("check", "--since", "HEAD", ".")
    assert (ran.status, "dubious ownership" in ran.err) == (2, True), ran
    trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(repo.path)}
    assert "ownership" not in repo.run("check", "--since", "HEAD", ".", env=trusted).err


# --- which git ---------------------------------------------------------------------------------------------------------
PATHS = [
    "{bin}",
    ":{bin}",
    "{bin}:",
    ".:{bin}",
    "tools:{bin}",
    "./tools:{bin}",
    "::{bin}",
    "../repo:{bin}",
    "~/bin:{bin}",
    "$PWD:{bin}",
]


@pytest.mark.parametrize("path", PATHS)
def test_git_is_never_looked_for_in_the_tree(repo, path):
    repo.write("a.md", front(repo.blob()))
    repo.commit("base")
    mark = repo.path.parent / "mark"
    for folder in (".", "tools", "~/bin", "$PWD"):
        for name in ("git", "cat", "sh"):
            repo.write(f"{folder}/{name}", f"#!/bin/sh\n: > {mark}\n".encode())
            (repo.path / folder / name).chmod(0o755)
    bins = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if os.path.isabs(part))
    ran = repo.run("check", "--since", "HEAD", ".", env={"PATH": path.format(bin=bins)})
    assert not mark.exists()
    assert "not installed" not in ran.err


def test_no_git_is_one_error(repo):
    for value in ("", ".", "/nonexistent", "bin:./x", str(repo.path)):
        ran = repo.run("check", "--since", "HEAD", ".", env={"PATH": value})
        assert (ran.status, "git is not installed" in ran.err) == (2, True), ran


# --- what a hook sees --------------------------------------------------------------------------------------------------
def test_a_hook_sees_the_index_of_the_commit_that_is_made(repo):
    repo.write("a.md", front(repo.blob()))
    repo.write("b.md", front(repo.blob()))
    repo.install()
    repo.commit("base")
    repo.write("a.md", front(repo.blob(b"another payload of some length")))
    repo.write("b.md", OPEN)
    repo.git("commit", "-qm", "a alone", "a.md")  # a temporary index: b.md stands open in the work tree only
    assert "b.md" in repo.git("commit", "-qam", "all", status=1).err  # the index is a lock file
    assert "b.md" in repo.git("commit", "-qm", "b alone", "b.md", status=1).err
    repo.git("add", "b.md")
    repo.write("a.md", front(repo.blob(b"a third payload of some length")))
    assert "b.md" in repo.git("commit", "-qm", "staged", status=1).err
    repo.git("commit", "-qm", "a alone", "a.md")  # b.md is staged, but not part of this commit


def test_a_hook_in_a_linked_work_tree(repo):
    repo.write("a.md", front(repo.blob()))
    repo.install()
    repo.commit("base")
    side = linked(repo)
    (side / "fog.md").write_bytes(OPEN)
    repo.git("-C", str(side), "add", "fog.md")
    assert "fog.md" in repo.git("-C", str(side), "commit", "-qm", "fog", status=1).err
    repo.git("commit", "-q", "--allow-empty", "-m", "the other work tree has another index")


def test_an_index_that_somebody_names(repo):
    repo.write("a.md", front(repo.blob()))
    repo.commit("base")
    repo.write("fog.md", OPEN)
    for named in (str(repo.path.parent / "index"), "../index", ".git/index2"):
        repo.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": named})
        assert repo.run("check", "--staged", ".", env={"GIT_INDEX_FILE": named}).status == 0
        repo.git("add", "fog.md", env={"GIT_INDEX_FILE": named})
        assert repo.run("check", "--staged", ".", env={"GIT_INDEX_FILE": named}).status == 1
        assert repo.run("check", "--staged", ".").status == 0
    other = another_repository(repo)
    assert repo.run("check", "--staged", str(other), env={"GIT_INDEX_FILE": named}).status == 0, (
        "that index is not this repository's"
    )


# --- what changed ------------------------------------------------------------------------------------------------------
def nothing(repo):
    """As it was."""


def written(repo):
    repo.write("d/a.md", b"other\n")


def same_size(repo):
    """Another content of the same size and time."""
    path = repo.path / "d/a.md"
    status = path.stat()
    repo.write("d/a.md", b"ONE\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def staged(repo):
    repo.write("d/a.md", b"other\n")
    repo.git("add", "-A")
    repo.write("d/a.md", b"one\n")


def committed(repo):
    repo.write("d/a.md", b"other\n")
    repo.commit("two")


def touched(repo):
    os.utime(repo.path / "d/a.md", (1, 1))


def executable(repo):
    (repo.path / "d/a.md").chmod(0o755)


def link(repo):
    (repo.path / "d/a.md").unlink()
    (repo.path / "d/a.md").symlink_to("one\n")


def folder(repo):
    (repo.path / "d/a.md").unlink()
    (repo.path / "d/a.md").mkdir()


def gone(repo):
    (repo.path / "d/a.md").unlink()


def taken_out(repo):
    repo.git("rm", "-q", "--cached", "d/a.md")


def assumed(repo):
    """Git is told to look away."""
    repo.git("update-index", "--assume-unchanged", "d/a.md")
    repo.write("d/a.md", b"other\n")


def skipped(repo):
    repo.git("update-index", "--skip-worktree", "d/a.md")
    repo.write("d/a.md", b"other\n")


def line_ends(repo):
    repo.git("config", "core.autocrlf", "true")
    repo.write("d/a.md", b"one\r\n")


def filtered(repo):
    """A filter that makes everything what it was."""
    repo.write(".git/info/attributes", b"*.md filter=x\n")
    repo.git("config", "filter.x.clean", "echo one")
    repo.write("d/a.md", b"other\n")


def replaced(repo):
    """Another commit stands for the one that was named."""
    repo.write("d/a.md", b"other\n")
    repo.commit("two")
    repo.git("replace", "HEAD~1", "HEAD")


def in_conflict(repo):
    blob = repo.git("hash-object", "-w", "d/a.md").text.strip()
    entries = "".join(f"100644 {blob} {stage}\td/a.md\n" for stage in (1, 2, 3))
    repo.git("rm", "-q", "--cached", "d/a.md")
    repo.git("update-index", "--index-info", stdin=None, input=entries.encode())


CHANGES = [
    (nothing, False),
    (touched, False),
    (executable, False),
    *((one, True) for one in (written, same_size, staged, committed)),
]
CHANGES += [(one, True) for one in (link, folder, gone, taken_out, assumed, skipped, line_ends, filtered, replaced, in_conflict)]


@pytest.mark.parametrize("form", ["sha1", "sha256"])
@pytest.mark.parametrize(("change", "expected"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_what_counts_as_changed(repo, change, expected, form):
    subprocess.run(["rm", "-rf", repo.path / ".git"], check=True)
    repo.git("init", "-q", "-b", "main", f"--object-format={form}")
    repo.write("d/a.md", b"one\n")
    repo.write("d/link", b"")
    (repo.path / "d/link").unlink()
    (repo.path / "d/link").symlink_to("a.md")
    repo.commit("one")
    commit = repo.git("rev-parse", "HEAD").text.strip()
    change(repo)
    below = Changes(str(repo.path), commit, "d")
    assert (b"a.md" in below, b"link" in below, b"new.md" in below) == (expected, False, True)
    assert (b"d/a.md" in Changes(str(repo.path), commit)) is expected
    assert list(below.tracked(lambda name: name.endswith(".md"))) == (["d/a.md"] if expected else [])


def test_what_a_sparse_checkout_leaves_out_has_not_changed(repo):
    for name in ("in/a.md", "out/b.md", "out/c.md"):
        repo.write(name, b"one\n")
    repo.commit("one")
    commit = repo.git("rev-parse", "HEAD").text.strip()
    repo.git("sparse-checkout", "set", "in")
    assert not (repo.path / "out/b.md").exists()
    assert list(Changes(str(repo.path), commit).tracked(lambda name: True)) == []
    repo.write("out/b.md", b"other\n")
    assert list(Changes(str(repo.path), commit).tracked(lambda name: True)) == ["out/b.md"]
    repo.write("out/b.md", b"one\n")
    repo.git("rm", "-q", "--cached", "--sparse", "out/c.md")
    assert list(Changes(str(repo.path), commit).tracked(lambda name: True)) == ["out/c.md"]


# --- the runner itself -------------------------------------------------------------------------------------------------
def test_what_git_says_is_kept(repo, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    repo.write("a.md", b"one")
    repo.commit("one")
    program.take_warnings()
    git(str(repo.path), "rev-parse", "--verify", "main@{2001-01-01}")
    (said,) = program.take_warnings()
    assert "only goes back to" in said
    assert program.take_warnings() == []
    with pytest.raises(GitFailedError, match="single revision"):
        git(str(repo.path), "rev-parse", "--verify", "nowhere")


def test_errors_of_the_runner_become_ours(repo):
    from sealkit.git.stored import Stored
    from sealkit.trees.versions import Repository

    with pytest.raises(Usage, match="not in a git work tree"):
        Repository([str(repo.path.parent)])
    repo.write("a.md", b"x" * 100)
    repo.commit("one")
    with Stored(str(repo.path), 50) as stored:
        with pytest.raises(SealkitError, match="at most 50"):
            stored.file(b"HEAD:a.md")
        assert stored.file(b"HEAD:b.md") is None, "the next question is answered"
        assert stored.file(b"HEAD:") is None, "a folder is no file"
        with pytest.raises(SealkitError, match="line end"):
            stored.file(b"HEAD:a\nb")
