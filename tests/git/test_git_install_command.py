"""What git is told to run is this installation, from wherever git runs it; and nothing of the working folder runs with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import cryptography
import pytest
import yaml
from githouse import PAYLOAD, front

import sealkit
from sealkit.git.starting import Program

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

ROOT = Path(sealkit.__file__).parents[1]
FOLDERS = [ROOT, *{Path(module.__file__).parents[1] for module in (click, cryptography, yaml)}]
SETTINGS = ("diff.sealkit.textconv", "merge.sealkit.driver")


def setting(repo, name):
    return repo.git("config", "--local", "--get", name, status=None).text


def hook(repo):
    return repo.read(".git/hooks/pre-commit").decode()


# --- which command -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment that has sealkit and what it needs by way of a path file; its ``bin`` is on no PATH."""
    folder = tmp_path_factory.mktemp("environment") / "an environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "sealkit.pth").write_text("\n".join(map(str, FOLDERS)))
    return folder


@pytest.fixture
def python(environment):
    """Its Python, and the path that its console script would have."""
    script = environment / "bin" / "sealkit"
    yield environment / "bin" / "python", script
    script.unlink(missing_ok=True)


def write_script(script, python):
    script.write_text(f"#!{python}\nimport sys\nfrom sealkit.cli import main\nsys.exit(main())\n")
    if " " in str(python):  # as pip writes it where a blank is in the way
        script.write_text(f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\nfrom sealkit.cli import main\nmain()\n")
    script.chmod(0o755)


def install_with(repo, python, *words, **env):
    command = [python, *words, "git", "install"]
    return subprocess.run(command, cwd=repo.path, env=repo.env | env, check=False, capture_output=True)


def test_the_console_script_is_named(repo, python):
    executable, script = python
    write_script(script, executable)
    ran = install_with(repo, executable, "-I", "-m", "sealkit")
    assert ran.returncode == 0, ran
    for text in (*(setting(repo, name) for name in SETTINGS), hook(repo)):
        assert f"'{script}'" in text
        assert "-m sealkit" not in text
    assert repo.git("config", "--local", "--get", "diff.sealkit.cachetextconv").text == "false\n"


def test_without_a_console_script_the_module_is_run_isolated(repo, python):
    executable, _ = python
    ran = install_with(repo, executable, "-m", "sealkit")
    assert ran.returncode == 0, ran
    for text in (*(setting(repo, name) for name in SETTINGS), hook(repo)):
        assert f"'{executable}' -I -m sealkit" in text
    repo.write("a.md", front("nobody has sealed this"))
    repo.git("add", "a.md")
    assert "a.md:4" in repo.git("commit", "-qm", "m", status=1).err


def test_a_script_of_another_version_is_not_named(repo, python):
    executable, script = python
    script.write_text("#!/bin/sh\necho sealkit 0.0.1\n")
    script.chmod(0o755)
    assert install_with(repo, executable, "-I", "-m", "sealkit").returncode == 0
    assert str(script) not in setting(repo, SETTINGS[0])


@pytest.mark.parametrize("how", ["PYTHONPATH", "working folder"])
def test_what_git_could_not_find_is_refused(repo, tmp_path, how):
    """Sealkit is found by way of the caller's environment or place alone: nothing is set."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    path = os.pathsep.join(map(str, FOLDERS))
    env = {"PYTHONPATH": path}
    if how == "working folder":
        env = {"PYTHONPATH": os.pathsep.join(path.split(os.pathsep)[1:])}
        shutil.copytree(ROOT / "sealkit", repo.path / "sealkit", ignore=shutil.ignore_patterns("__pycache__"))
    before = repo.files()
    ran = install_with(repo, bare / "bin" / "python", "-m", "sealkit", **env)
    assert ran.returncode == 2, ran
    assert b"git could not start this sealkit" in ran.stderr
    assert b"hint: install it" in ran.stderr
    assert {name: data for name, data in repo.files().items() if "__pycache__" not in name} == before


# --- where it stands ---------------------------------------------------------------------------------------------------
PLACES = [
    "a blank",
    "it's",
    'two "words"',
    "$HOME",
    "`id`",
    "back\\slash",
    "Größe",
    "100%Access",
    "50%P",
    "a;b",
    "a&b",
    "(a)",
    "*",
    "#x",
    "~",
    "!x",
    "a\ttab",
    "'; touch mark; '",
]


@pytest.mark.parametrize("place", PLACES)
def test_any_path_is_quoted(repo, place):
    folder = repo.path.parent / place
    folder.mkdir()
    script = folder / "sealkit"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -m sealkit "$@"\n')
    script.chmod(0o755)
    program = Program((str(script),))
    repo.write(".gitattributes", b"*.md diff=sealkit merge=sealkit\n")
    repo.git("config", SETTINGS[0], program.textconv())
    repo.git("config", SETTINGS[1], program.merge_driver())
    blobs = [repo.blob(word) for word in (b"base payload", b"our payload", b"their payload")]
    repo.write("a b.md", front(blobs[0]))
    repo.commit("base")
    repo.git("checkout", "-qb", "theirs")
    repo.write("a b.md", front(blobs[2]))
    repo.commit("theirs")
    repo.git("checkout", "-q", "main")
    repo.write("a b.md", front(blobs[1]))
    repo.commit("ours")
    assert "payload 16 bytes, plain, blob" in repo.git("diff", "HEAD~1").text
    ran = repo.git("merge", "-q", "-m", "m", "theirs", status=1, env={"SEALKIT_KEYS": "/nonexistent"})
    assert b"sealkit-conflict/1" in repo.read("a b.md"), ran
    assert "did not start" not in ran.err
    assert subprocess.run(["sh", "-n"], input=program.hook().encode(), check=False).returncode == 0
    assert not (repo.path / "mark").exists()


# --- what stands in the tree -------------------------------------------------------------------------------------------
MODULES = [
    "sealkit",
    "click",
    "yaml",
    "cryptography",
    "re2",
    "json",
    "subprocess",
    "hashlib",
    "shlex",
    "difflib",
    "sitecustomize",
    "usercustomize",
    "encodings",
    "site",
    "re",
    "os",
    "io",
    "abc",
    "typing",
    "functools",
    "sysconfig",
    "importlib",
    "runpy",
]
PYTHONPATHS = [None, "", ".", ":", "./:/nowhere", "lib"]


def plant(repo, *names, folders=("", "lib/")):
    """Modules and programs that leave a mark, as a branch can hold them."""
    mark = repo.path.parent / "mark"
    text = f"open({str(mark)!r}, 'w').close()\nraise SystemExit('planted')\n"
    for folder in folders:
        for name in names:
            repo.write(f"{folder}{name}.py", text.encode())
            repo.write(f"{folder}{name}/__init__.py", text.encode())
            repo.write(f"{folder}{name}/__main__.py", text.encode())
    for name in ("sealkit", "python", "python3", "cat", "rm", "mv", "sh"):
        if not (repo.path / name).is_dir():
            repo.write(name, f"#!/bin/sh\n: > {mark}\n".encode())
            (repo.path / name).chmod(0o755)
    repo.write("pyvenv.cfg", b"home = .\n")
    return mark


@pytest.mark.parametrize("path", PYTHONPATHS)
def test_what_git_calls_takes_nothing_from_the_tree(repo, path):
    repo.install()
    repo.write("a.md", front(repo.blob(b"base payload")))
    repo.commit("base")
    repo.git("checkout", "-qb", "theirs")
    repo.write("a.md", front(repo.blob(b"their payload")))
    repo.commit("theirs")
    repo.git("checkout", "-q", "main")
    repo.write("a.md", front(repo.blob(b"our payload")))
    repo.commit("ours")
    mark = plant(repo, *MODULES)
    env = {"PYTHONPATH": path} if path is not None else {}
    env["PATH"] = f".:{repo.env['PATH']}" if path == "." else repo.env["PATH"]
    git = shutil.which("git", path=os.environ["PATH"])
    for command in (["log", "-p"], ["diff", "HEAD~1"], ["merge", "-m", "m", "theirs"], ["commit", "-am", "m"]):
        subprocess.run([git, *command], cwd=repo.path, env=repo.env | env, capture_output=True, check=False)
        assert not mark.exists(), command
    assert b"sealkit-conflict/1" in repo.read("a.md"), "it was sealkit that merged"


LATE = ["click", "yaml", "cryptography", "subprocess", "hashlib", "json", "shlex", "difflib", "re2", "unicodedata", "tempfile"]
STARTS = {
    "the module": ["-m", "sealkit"],
    "the module, isolated": ["-I", "-m", "sealkit"],
    "the script": ["{script}"],
    "the script, isolated": ["-I", "{script}"],
}


@pytest.mark.parametrize("path", PYTHONPATHS)
@pytest.mark.parametrize("start", STARTS)
def test_nothing_is_imported_from_the_working_folder_once_sealkit_runs(repo, python, start, path):
    executable, script = python
    write_script(script, executable)
    repo.write("a.md", front(repo.blob()))
    repo.commit("base")
    mark = plant(repo, *LATE)
    words = [word.format(script=script) for word in STARTS[start]]
    env = repo.env | ({"PYTHONPATH": path} if path is not None else {})
    for verb in (["check", "--since", "HEAD", "."], ["decrypt", "a.md"]):
        ran = subprocess.run([executable, *words, *verb], cwd=repo.path, env=env, capture_output=True, check=False)
        assert (mark.exists(), b"planted" in ran.stderr) == (False, False), ran
    assert ran.stdout == PAYLOAD, ran


def test_a_clone_of_sealkit_is_worked_in(repo, python):
    """The working folder holds sealkit itself, and Python was told to look there: it runs."""
    executable, _ = python
    shutil.copytree(ROOT / "sealkit", repo.path / "sealkit", ignore=shutil.ignore_patterns("__pycache__"))
    repo.write("a.md", front(repo.blob()))
    for path in ({}, {"PYTHONPATH": str(repo.path)}, {"PYTHONPATH": "."}):
        ran = subprocess.run(
            [executable, "-m", "sealkit", "decrypt", "a.md"], cwd=repo.path, env=repo.env | path, capture_output=True
        )
        assert ran.stdout == PAYLOAD, ran


def test_a_working_folder_that_is_gone(repo, python):
    executable, _ = python
    folder = repo.path / "gone"
    folder.mkdir()
    command = f'rmdir "{folder}" && exec "{executable}" -m sealkit inspect "{repo.write("a.md", front(repo.blob()))}"'
    ran = subprocess.run(["sh", "-c", command], cwd=folder, env=repo.env, capture_output=True, check=False)
    assert b"Traceback" not in ran.stderr, ran


# --- what doctor says of older forms -------------------------------------------------------------------------------------
OLDER = {
    "by name": ("sealkit git textconv --", "sealkit git merge-driver -- %O %A %B %L %P", "only where sealkit is on PATH"),
    "by module": (
        "/usr/bin/python3 -m sealkit git textconv --",
        "/usr/bin/python3 -m sealkit git merge-driver -- %O %A %B %L %P",
        "takes? modules from the folder",
    ),
    "by module, in quotes": (
        "'/a b/python' -m sealkit git textconv --",
        "'/a b/python' -m sealkit git merge-driver -- %O",
        "modules",
    ),
    "another installation": (
        Program(("/elsewhere/sealkit",)).textconv(),
        Program(("/elsewhere/sealkit",)).merge_driver(),
        "of another installation",
    ),
    "another module": (
        Program(("/elsewhere/python", "-I", "-m", "sealkit")).textconv(),
        Program(("/elsewhere/python", "-I", "-m", "sealkit")).merge_driver(),
        "of another installation",
    ),
}
HOOKS = {
    "by name": "exec sealkit check --staged -q .\n",
    "by module": "exec /usr/bin/python3 -m sealkit check --staged -q .\n",
    "another installation": Program(("/elsewhere/sealkit",)).hook(),
}
MARK = "#!/bin/sh\n# Written by sealkit git install; sealkit git uninstall removes it.\n"


@pytest.mark.parametrize("name", OLDER)
def test_doctor_finds_older_settings(repo, name):
    repo.install()
    repo.commit()
    textconv, driver, said = OLDER[name]
    repo.git("config", SETTINGS[0], textconv)
    repo.git("config", SETTINGS[1], driver)
    ran = repo.run("git", "doctor")
    assert (ran.status, len(re.findall(said, ran.text))) == (1, 2), ran
    assert "sealkit git install" in ran.err
    repo.install()
    assert repo.run("git", "doctor").status == 0


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("name", HOOKS)
def test_doctor_finds_older_hooks(repo, name, beside):
    path = repo.path / ".git/hooks" / ("pre-commit.sealkit" if beside else "pre-commit")
    if beside:
        repo.write(".git/hooks/pre-commit", b'#!/bin/sh\n"$(git rev-parse --git-path hooks)"/pre-commit.sealkit || exit\n')
        (repo.path / ".git/hooks/pre-commit").chmod(0o755)
    repo.install()
    repo.commit()
    path.write_text(MARK + HOOKS[name])
    ran = repo.run("git", "doctor")
    assert (ran.status, f"the hook .git/hooks/{path.name} is of an older form" in ran.text) == (1, True), ran
    repo.install()
    assert repo.run("git", "doctor").status == 0


def test_uninstall_works_for_older_forms_and_without_a_way_to_start(repo):
    repo.install()
    repo.git("config", SETTINGS[0], OLDER["by name"][0])
    repo.write(".git/hooks/pre-commit", (MARK + HOOKS["by name"]).encode())
    ran = repo.run("git", "uninstall")
    assert (ran.status, len(ran.text.splitlines())) == (0, 4)
    assert "sealkit" not in repo.read(".git/config").decode()
