"""install tells git, uninstall takes it back byte for byte, doctor looks; twice is as good as once."""

from __future__ import annotations

import os
import subprocess

import pytest
from githouse import PAYLOAD, front

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

POLICY = b"""version: 1
records:
  - include: ["posts/**/*.md", "a b/*.yml"]
    fields: [{path: secured}]
"""


def everything(repo):
    """What install may touch: every file of the work tree and of .git but the objects and the index."""
    found = {name: (data, os.stat(repo.path / name).st_mode) for name, data in repo.files().items()}
    return {name: value for name, value in found.items() if not name.startswith((".git/objects/", ".git/index"))}


ATTRIBUTES = {"none": None, "some": b"*.png binary\n", "half a line": b"*.png binary", "empty lines": b"\n\n*.png binary\r\n\n"}


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.parametrize("policy", [None, POLICY], ids=["no policy", "policy"])
def test_uninstall_restores_exactly(repo, attributes, policy):
    if attributes is not None:
        repo.write(".gitattributes", attributes)
    if policy is not None:
        repo.write("sealkit.yaml", policy)
    before = everything(repo)
    assert len(repo.install().text.splitlines()) == 6
    installed = everything(repo)
    again = repo.install()
    assert (again.text, "installed already" in again.err) == ("", True)
    assert everything(repo) == installed
    ran = repo.run("git", "uninstall")
    assert (ran.status, len(ran.text.splitlines())) == (0, 4)
    assert everything(repo) == before
    assert "nothing is installed" in repo.run("git", "uninstall").err


def attributes_of(repo, name):
    return repo.git("check-attr", "diff", "merge", "--", name).text


def test_attributes_are_those_of_the_policy(repo):
    repo.write("sealkit.yaml", POLICY)
    repo.install()
    assert attributes_of(repo, "posts/2026/a.md").count("sealkit") == 2
    assert attributes_of(repo, "a b/c.yml").count(": sealkit") == 2
    assert "sealkit" not in attributes_of(repo, "README.md")


def test_an_edit_behind_the_lines_stays(repo):
    repo.install()
    with open(repo.path / ".gitattributes", "ab") as file:
        file.write(b"*.jpg binary\n")
    repo.install()
    assert repo.run("git", "uninstall").status == 0
    assert repo.read(".gitattributes") == b"*.jpg binary\n"


def test_a_hook_is_kept(repo):
    hook = repo.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho theirs\n")
    hook.chmod(0o755)
    before = everything(repo)
    text = repo.install().text
    assert hook.read_text() == "#!/bin/sh\necho theirs\n"
    line = text.splitlines()[-1].rpartition("add this line to it: ")[2]
    repo.write(".gitattributes", repo.read(".gitattributes"))
    repo.git("add", "-A")
    doctor = repo.run("git", "doctor")
    assert (doctor.status, "BAD  the hook" in doctor.text) == (1, True)
    hook.write_text(f"#!/bin/sh\n{line}\necho theirs\n")
    assert repo.run("git", "doctor").status == 0
    repo.write("a.md", front("plaintext"))
    repo.git("add", "-A")
    assert "plaintext, not a blob" in repo.git("commit", "-m", "m", status=1).err
    hook.write_text("#!/bin/sh\necho theirs\n")
    (repo.path / "a.md").unlink()
    repo.run("git", "uninstall")
    repo.git("rm", "-q", "--cached", "a.md", ".gitattributes")
    assert everything(repo) == before


CALL = '"$(git rev-parse --git-path hooks)"/pre-commit.sealkit || exit'
THEIRS = {
    "their own": (f"#!/bin/sh\n{CALL}\necho theirs\n", [CALL]),
    "at its end": (f"#!/bin/sh\necho theirs\n{CALL}", [CALL]),
    "as it was in an older form": ("#!/bin/sh\n.git/hooks/pre-commit.sealkit\n", [".git/hooks/pre-commit.sealkit"]),
    "twice": (f"#!/bin/sh\n  {CALL}\nexec pre-commit.sealkit\n", [CALL, "exec pre-commit.sealkit"]),
    "it names none": ("#!/bin/sh\necho theirs\n", []),
}


@pytest.mark.parametrize("name", THEIRS)
def test_uninstall_names_the_line_that_a_kept_hook_still_has(repo, name):
    content, left = THEIRS[name]
    hook = repo.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(content)
    hook.chmod(0o755)
    repo.install()
    ran = repo.run("git", "uninstall")
    assert (ran.status, hook.read_text()) == (0, content)
    assert [line for line in ran.text.splitlines() if line.startswith("kept the hook")] == [
        f"kept the hook .git/hooks/pre-commit: remove this line from it, or no commit goes through: {line}" for line in left
    ]
    again = repo.run("git", "uninstall")
    assert (again.text, again.err.count("nothing is installed")) == ("", 1)


def test_the_hook_keeps_plaintext_out(repo):
    repo.write("a.md", front(repo.blob()))
    repo.install()
    repo.git("add", "-A")
    repo.git("commit", "-qm", "sealed")
    repo.write("b.md", front("nobody has sealed this"))
    repo.git("add", "b.md")
    ran = repo.git("commit", "-qm", "open", status=1)
    assert "b.md:4" in ran.err
    repo.write("b.md", front(repo.blob()))  # in the work tree, not in the index
    repo.git("commit", "-qm", "open", status=1)
    repo.git("commit", "-qam", "sealed")


def test_doctor(repo):
    ran = repo.run("git", "doctor")
    assert (ran.status, ran.text.count("BAD ")) == (1, 6)
    repo.install()
    ran = repo.run("git", "doctor")
    assert (ran.status, [line for line in ran.text.splitlines() if line.startswith("BAD")]) == (
        1,
        ["BAD  .gitattributes is not committed, so other clones do not have it"],
    )
    repo.commit()
    assert repo.run("git", "doctor").status == 0


DAMAGE = {
    "caches": (["config", "diff.sealkit.cachetextconv", "true"], "plaintext"),
    "caches for all": (["config", "--global", "diff.sealkit.cachetextconv", "yes"], "plaintext"),
    "no textconv": (["config", "--unset", "diff.sealkit.textconv"], "diff.sealkit.textconv is not set"),
    "another driver": (["config", "merge.sealkit.driver", "true"], "merge.sealkit.driver is something else"),
    "plaintext in notes": (["update-ref", "refs/notes/textconv/sealkit", "HEAD"], "refs/notes/textconv/sealkit"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_doctor_finds(repo, name):
    repo.install()
    repo.commit()
    command, said = DAMAGE[name]
    repo.git(*command)
    ran = repo.run("git", "doctor")
    assert (ran.status, said in ran.text, "hint" in ran.err) == (1, True, True), ran


def test_a_driver_of_another_name_that_runs_sealkit_is_looked_at_too(repo):
    repo.install()
    repo.commit()
    repo.git("config", "diff.Secrets.textconv", "/usr/local/bin/sealkit git textconv --")
    assert repo.run("git", "doctor").status == 0
    repo.git("config", "diff.Secrets.cachetextconv", "true")
    repo.git("update-ref", "refs/notes/textconv/Secrets", "HEAD")
    ran = repo.run("git", "doctor")
    assert (ran.status, ran.text.count("BAD ")) == (1, 2), ran
    assert "diff.Secrets.cachetextconv" in ran.err
    assert "update-ref -d refs/notes/textconv/Secrets" in ran.err
    repo.git("config", "diff.other.textconv", "pdftotext")
    repo.git("config", "diff.other.cachetextconv", "true")
    assert "other" not in repo.run("git", "doctor").err


def test_a_cache_that_git_kept_is_found(repo):
    """The real thing: git keeps what textconv printed, plaintext, when it is told to."""
    repo.install()
    repo.write("a.md", front(repo.blob()))
    repo.commit()
    repo.git("config", "diff.sealkit.cachetextconv", "true")
    repo.git("config", "diff.sealkit.textconv", "sealkit git textconv --force --")
    repo.git("log", "-p")
    assert PAYLOAD[:20] in repo.objects()
    repo.install()
    ran = repo.run("git", "doctor")
    assert ran.status == 1
    hint = next(line for line in ran.err.splitlines() if "update-ref" in line).partition("run: ")[2]
    assert subprocess.run(["sh", "-c", hint], cwd=repo.path, env=repo.env, check=False, capture_output=True).returncode == 0
    assert PAYLOAD[:20] not in repo.objects()
    assert repo.run("git", "doctor").status == 0


def test_not_a_repository(tmp_path, desk):
    for verb in ("install", "uninstall", "doctor"):
        ran = desk.run("git", verb)
        assert (ran.status, "not in a git work tree" in ran.err) == (2, True)


def test_a_broken_policy_is_one_error(repo):
    repo.write("sealkit.yaml", b"version: 2\n")
    before = everything(repo)
    ran = repo.run("git", "install")
    assert ran.status == 2
    assert everything(repo) == before


def test_every_help_has_an_example(repo):
    listed = repo.run("git", "--help").text.partition("Verbs:")[2].split("\n")
    names = [line.split()[0] for line in listed if line[:2] == "  " and line[2:3].strip()]
    assert sorted(names) == ["doctor", "install", "merge-driver", "textconv", "uninstall"]
    for name in names:
        ran = repo.run("git", name, "--help")
        assert (ran.status, "Example:" in ran.text, max(map(len, ran.text.splitlines())) <= 100) == (0, True, True)
    ran = repo.run("git")
    assert (ran.status, ran.err.startswith("Usage: sealkit git")) == (2, True)


# (what is committed, the policy, what the hook says: nothing where the commit goes through)
COMMITTED = {
    "no record at all": ({"a.py": b"print(1)\n"}, None, ""),
    "a text without front matter": ({"README.md": b"# Site\n"}, None, ""),
    "front matter without the field": ({"a.md": b"---\ntitle: A\n---\n"}, None, ""),
    "YAML without the field": ({"ci.yml": b"on: push\n"}, None, ""),
    "JSON without the field": ({"p.json": b"{}\n"}, None, ""),
    "the same below": ({"d/e/p.json": b"{}\n", "x": b""}, None, ""),
    "plaintext": ({"a.md": front("plaintext")}, None, "plaintext, not a blob"),
    "plaintext beside others": ({"a.md": front("plaintext"), "b.md": b"# B\n"}, None, "plaintext, not a blob"),
    "a record that does not read": ({"a.md": b"---\nsecured: [\n---\n"}, None, "error: a.md"),
    "a rule without records": ({"a.py": b""}, POLICY, "no record matches this rule"),
    "a policy that is none": ({"a.py": b""}, b"version: 7\n", "sealkit.yaml"),
}


@pytest.mark.parametrize("name", COMMITTED)
def test_the_hook_lets_through_what_has_no_record(repo, name):
    files, policy, said = COMMITTED[name]
    repo.install()
    for path, content in files.items():
        repo.write(path, content)
    if policy is not None:
        repo.write("sealkit.yaml", policy)
    repo.git("add", "-A")
    ran = repo.git("commit", "-qm", "m", status=1 if said else 0)
    assert said in ran.err
