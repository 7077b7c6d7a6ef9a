"""What sealkit ships and documents is run in trees that bring programs, modules and settings of their own: none of them is ever used."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import shipped
import yaml
from packaging.requirements import Requirement

ROOT = shipped.ROOT
OPEN = b"---\ntitle: Fog\nsecured: The quotes are not confirmed yet.\n---\n"


# --- what a pull request brings -----------------------------------------------------------------------------------------
class Plant(NamedTuple):
    """Files of a tree, the variables that a job has set for its own steps, and a careless command that uses the files.

    MARK stands for the file that appears when one of them is used, TREE for the tree, BESIDE for a folder beside it that leads into it.
    """

    files: dict[str, str]
    env: dict[str, str]
    careless: str


MODULE = "open('MARK', 'w').close()\n"
SCRIPT = "#!/bin/sh\n: > MARK\nexit 0\n"
EARLY = "import posix\nposix.close(posix.open('MARK', posix.O_CREAT | posix.O_WRONLY))\n"  # there is no open yet
AHEAD = {"PYTHONPATH": "."}


def program(name, folder):
    """A program of the tree that is found before the system's own."""
    return {f"{folder}/{name}": SCRIPT}


PLANTS = {
    "venv.py": Plant({"venv.py": MODULE}, {}, "python3 -m venv TREE/x"),
    "pip.py": Plant({"pip.py": MODULE}, {}, "python3 -m pip --version"),
    "ensurepip": Plant({"ensurepip/__init__.py": MODULE, "ensurepip/__main__.py": ""}, {}, "python3 -m ensurepip"),
    "sealkit": Plant({"sealkit/__init__.py": MODULE, "sealkit/__main__.py": ""}, {}, "python3 -m sealkit --version"),
    "sealkit.py": Plant({"other/sealkit.py": MODULE}, {"PYTHONPATH": "other"}, "python3 -m sealkit --version"),
    "click.py": Plant({"click.py": MODULE}, AHEAD, "python3 -c 'import click'"),
    "yaml": Plant({"yaml/__init__.py": MODULE}, AHEAD, "python3 -c 'import yaml'"),
    "json.py, by a long way": Plant({"lib/json.py": MODULE}, {"PYTHONPATH": "TREE/lib"}, "python3 -c 'import json'"),
    "sitecustomize.py": Plant({"sitecustomize.py": MODULE}, AHEAD, "python3 -c pass"),
    "usercustomize.py": Plant({"usercustomize.py": MODULE}, AHEAD, "python3 -c pass"),
    "encodings": Plant({"deep/encodings/__init__.py": EARLY}, {"PYTHONPATH": "deep"}, "python3 -c pass"),
    "hatchling": Plant({"hatchling/__init__.py": MODULE}, AHEAD, "python3 -c 'import hatchling'"),
    "a module for warnings": Plant(
        {"w/loud.py": MODULE + "class W(Warning): pass"}, {"PYTHONPATH": "w"}, "python3 -W ignore::loud.W -c pass"
    ),
    "$PYTHONUSERBASE": Plant(
        {"base/lib/python3.VERSION/site-packages/run.pth": "import os; open('MARK', 'w').close()\n"},
        {"PYTHONUSERBASE": "TREE/base"},
        "python3 -c pass",
    ),
    "$BASH_ENV": Plant({".env.sh": ": > MARK\n"}, {"BASH_ENV": "TREE/.env.sh"}, "bash -c :"),
    "$BASH_ENV, relative": Plant({"env.sh": ": > MARK\n"}, {"BASH_ENV": "./env.sh"}, "bash -c :"),
    "git in .": Plant({"git": SCRIPT}, {"PATH": "."}, "git --version"),
    "python3 in an empty part": Plant({"python3": SCRIPT}, {"PATH": ""}, "python3 -c pass"),
    "python3 in a relative folder": Plant(
        program("python3", "node_modules/.bin"), {"PATH": "node_modules/.bin"}, "python3 -c pass"
    ),
    "python in the tree": Plant(program("python3", "tools"), {"PATH": "TREE/tools"}, "python3 -c pass"),
    "git by a link into the tree": Plant(program("git", "linked"), {"PATH": "BESIDE/linked"}, "git --version"),
    "sed and tr": Plant(program("sed", "s") | program("tr", "s") | program("cat", "s"), {"PATH": "TREE/s"}, "echo a | sed s/a/b/"),
    "a configuration of pip": Plant({"pip.conf": "[global]\nlog = MARK\n"}, {"PIP_CONFIG_FILE": "pip.conf"}, "python3 -m pip list"),
    "pip's in $XDG_CONFIG_HOME": Plant(
        {"cfg/pip/pip.conf": "[global]\nlog = MARK\n"}, {"XDG_CONFIG_HOME": "TREE/cfg"}, "python3 -m pip list"
    ),
    "pip's in $XDG_CONFIG_DIRS": Plant(
        {"xdg/pip/pip.conf": "[global]\nlog = MARK\n"}, {"XDG_CONFIG_DIRS": "TREE/xdg"}, "python3 -m pip list"
    ),
    "pip's variables": Plant({}, {"PIP_LOG": "MARK"}, "python3 -m pip list"),
    "git's configuration in $HOME": Plant(
        {".gitconfig": "[core]\n  fsmonitor = TREE/watch\n", "watch": SCRIPT}, {"HOME": "TREE"}, "git status"
    ),
    "git's configuration by its name": Plant(
        {"git.ini": "[core]\n  fsmonitor = TREE/watch\n", "watch": SCRIPT}, {"GIT_CONFIG_GLOBAL": "TREE/git.ini"}, "git status"
    ),
}
# Steps that run no shell script of ours have these variables from whoever starts them, who means them.
OF_A_SHELL = {name for name, plant in PLANTS.items() if not plant.env.keys() <= {"PYTHONPATH", "PYTHONUSERBASE"}}

# GitLab's runner starts git, and bash for the job's lines, before anything of ours: what PATH and HOME are there is the runner's.
OF_A_RUNNER = OF_A_SHELL - {"a configuration of pip", "pip's in $XDG_CONFIG_HOME", "pip's in $XDG_CONFIG_DIRS", "pip's variables"}


class Planted:
    """A tree with plants in it, the environment of a job that helps them, and what tells that one was used."""

    def __init__(self, folder, names):
        self.tree, self.marks, self.beside = folder / "tree", folder / "marks", folder / "beside"
        self.names = names
        for one in (self.tree / "posts", self.marks, folder / "home"):
            one.mkdir(parents=True)
        self.env = shipped.base_environment(folder / "home")
        shutil.copy(ROOT / "tests/records/article.md", self.tree / "posts")
        self.commit("A sealed record")
        for name in names:
            self._plant(name)
        self.beside.mkdir()
        (self.beside / "linked").symlink_to(self.tree / "linked")

    def commit(self, text):
        """Commit what is in the tree, before anything is planted."""
        for command in (
            ["init", "-q", "-b", "main"],
            ["add", "-A"],
            ["-c", "user.name=Ida", "-c", "user.email=i@e.org", "commit", "-qm", text],
        ):
            assert shipped.run(["git", *command], self.tree, self.env).status == 0

    def mark(self, name):
        return self.marks / re.sub(r"\W", "_", name)

    def filled(self, name, text):
        """A text with this tree's paths in the place of the words for them."""
        version = str(sys.version_info.minor)
        for word, value in {"MARK": self.mark(name), "TREE": self.tree, "BESIDE": self.beside, "VERSION": version}.items():
            text = text.replace(word, str(value))
        return text

    def _plant(self, name):
        for path, content in PLANTS[name].files.items():
            path = self.tree / self.filled(name, path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.filled(name, content))
            path.chmod(0o755)
        for variable, value in PLANTS[name].env.items():
            value = self.filled(name, value)
            if variable in {"PATH", "PYTHONPATH"}:
                value = ":".join([value, *([self.env[variable]] if variable in self.env else [])])
            self.env[variable] = value

    def used(self):
        """The plants that were used."""
        return [name for name in self.names if self.mark(name).exists()]


@pytest.mark.parametrize("name", PLANTS)
def test_a_careless_command_uses_the_plant(tmp_path, name):
    """Or else the tests below could not fail."""
    planted = Planted(tmp_path, [name])
    command = planted.filled(name, PLANTS[name].careless)
    ran = shipped.run(["/bin/sh", "-c", command], planted.tree, planted.env)
    if "No module named pip" in ran.text or "git: not found" in ran.text:
        pytest.skip("NOT TESTED: pip or git is not installed")
    assert planted.used() == [name], ran


# --- law ------------------------------------------------------------------------------------------------------------------
def test_nothing_that_is_shipped_starts_python_carelessly():
    found = {name: shipped.careless_starts(text) for name, text in shipped.shipped_texts()}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert {
        "action.yml",
        ".pre-commit-hooks.yaml",
        "gate/install.sh",
        ".github/workflows/release.yml",
        "docs/ci.md",
    } <= found.keys()


def test_nothing_says_python_m_sealkit_without_isolation():
    """Neither pages, nor hints, nor what is written into settings: somebody would type it in a tree with a sealkit.py."""
    files = [
        *(ROOT / "sealkit").rglob("*.py"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "SECURITY.md",
        ROOT / "action.yml",
    ]
    for path in [*files, *(ROOT / "gate").iterdir(), ROOT / ".pre-commit-hooks.yaml"]:
        found = re.findall(r""".*(?:python[\d.]*["'}]?|\}) -m sealkit.*""", path.read_text(encoding="utf-8"))
        assert found == [], path.relative_to(ROOT)


def test_paths_stand_behind_dashes():
    found = {name: shipped.paths_without_dashes(text) for name, text in shipped.shipped_texts()}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "python3 -m venv /opt/x",
        "    - python -m venv /opt/x && true",
        '"$RUNNER_TEMP/x/bin/pip" install .',
        "/opt/x/bin/python -m sealkit check .",
        '"$python" -m venv "$place"',
        "${python} -c 'import sys'",
        "pip install -q sealkit",
        "pipx install .",
        "uv pip install x",
        "cd x && python3.13 setup.py",
        "virtualenv venv",
        "entry: python -m sealkit check",
        "/opt/x/bin/sealkit check .",
        "python3 -P -m sealkit",
        "x=$(python3 script.py)",
        "exec python -s -m sealkit",
    ],
)
def test_the_law_finds_a_careless_start(line):
    assert shipped.careless_starts(f"x\n{line}\n") == [f"2: {line.strip()}"]


@pytest.mark.parametrize(
    "line",
    [
        "python3 -I -m venv /opt/x",
        '"$python" -I -m pip install -- x',
        "python=$(command -v python3) || exit",
        "image: python:3.13",
        "language: python",
        "# python -m sealkit is what nobody should type",
        "uses: actions/setup-python@a26af69 # v5.6.0",
    ],
)
def test_the_law_lets_the_rest_stand(line):
    assert shipped.careless_starts(line) == []


@pytest.mark.parametrize(
    "line",
    ["python -I -m sealkit check .", '"$x" -I -m sealkit seal --if-present posts', "a; python -I -m sealkit check -q . # --"],
)
def test_the_law_finds_paths_without_dashes(line):
    assert shipped.paths_without_dashes(line) == [line]


def test_actions_are_pinned_by_commit():
    """In what runs and in what is to be copied; OWNER/sealkit@COMMIT stands for ours."""
    texts = {name: text for name, text in shipped.shipped_texts() if "uses:" in text}
    assert {"docs/ci.md", ".github/workflows/release.yml"} <= texts.keys()
    for name, text in texts.items():
        for used in re.findall(r"uses: (\S+)", text):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}|OWNER/sealkit@COMMIT", used), f"{name}: {used}"
    assert shipped.page_block("docs/ci.md", ".pre-commit-config.yaml")["repos"][0]["rev"] == "COMMIT"
    assert shipped.page_block("docs/ci.md", ".gitlab-ci.yml")["sealkit"]["variables"]["SEALKIT_COMMIT"] == "COMMIT"


# --- the lock -----------------------------------------------------------------------------------------------------------
def locked():
    """What gate/requirements.txt pins: for each package its version and hashes."""
    text = re.sub(r"^#.*\n", "", (ROOT / "gate/requirements.txt").read_text(), flags=re.MULTILINE)
    entries = [entry.split() for entry in text.replace("\\\n", " ").splitlines()]
    return {
        re.sub(r"[-_.]+", "-", entry[0].partition("==")[0]).lower(): (entry[0].partition("==")[2], entry[1:]) for entry in entries
    }


def test_everything_is_pinned_with_hashes():
    pins = locked()
    for name, (version, more) in pins.items():
        assert re.fullmatch(r"[0-9.]+", version), name
        hashes = [word for word in more if word.startswith("--hash=")]
        assert hashes, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in hashes), name
    text = (ROOT / "gate/requirements.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


def test_what_is_pinned_is_what_is_needed():
    """Every requirement of ours, and of what we require, at a version that is allowed; and what builds the wheel."""
    pins = locked()
    build = (ROOT / "gate/build.in").read_text().split()
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["requires"] == build
    left, seen = [*project["project"]["dependencies"], *build], set()
    while left:
        wanted = Requirement(left.pop())
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        assert wanted.specifier.contains(pins[name][0]), wanted
        if name not in seen:
            seen.add(name)
            try:
                more = importlib.metadata.requires(name) or []
            except importlib.metadata.PackageNotFoundError:  # what only builds is not installed everywhere
                continue
            left += [one for one in more if (marker := Requirement(one).marker) is None or marker.evaluate({"extra": ""})]
    assert seen <= pins.keys()


# --- the steps ------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The project as others fetch it."""
    folder = tmp_path_factory.mktemp("project") / "sealkit"
    for name in ("sealkit", "gate"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "SECURITY.md", "action.yml", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder)
    env = shipped.base_environment(tmp_path_factory.mktemp("home"))
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=Ida", "-c", "user.email=i@e.org", "commit", "-qm", "sealkit"]):
        assert shipped.run(["git", *command], folder, env).status == 0
    return folder


def steps(folder, clone, step, names):
    """Run a shipped step in a tree with all plants in it: without plaintext in the tree, and with."""
    planted = Planted(folder, names)
    good = step(planted.tree, clone, folder / "temporary-1", planted.env)
    (planted.tree / "posts/fog.md").write_bytes(OPEN)
    bad = step(planted.tree, clone, folder / "temporary-2", planted.env)
    assert planted.used() == [], "a program, a module or a setting of the tree was used"
    assert good.status == 0, good.text
    assert bad.status == 1, bad.text
    return planted, good, bad


@pytest.mark.network
def test_the_action_uses_nothing_of_the_tree(tmp_path, clone):
    _, good, bad = steps(tmp_path, clone, shipped.act, list(PLANTS))
    assert "1 checked" in good.text
    assert "::error file=posts/fog.md,line=3," in bad.text
    assert "not confirmed" not in bad.text


@pytest.mark.network
def test_the_job_for_gitlab_uses_nothing_of_the_tree(tmp_path, clone):
    planted, _, _ = steps(tmp_path, clone, shipped.gitlab, [name for name in PLANTS if name not in OF_A_RUNNER])
    report = shipped.page_block("docs/ci.md", ".gitlab-ci.yml")["sealkit"]["artifacts"]["reports"]["junit"]
    assert 'failures="1"' in (planted.tree / report).read_text()


@pytest.mark.parametrize("hook", shipped.HOOKS)
def test_the_hooks_use_no_plant(tmp_path, hook):
    planted = Planted(tmp_path, [name for name in PLANTS if name not in OF_A_SHELL])
    planted.env["SEALKIT_KEYS"] = str(ROOT / "keys.example")
    shutil.copy(ROOT / "keys.example", tmp_path)
    (planted.tree / "-odd.md").write_bytes(OPEN)
    (planted.tree / "--version").write_bytes(OPEN)
    paths = [] if hook == "sealkit-check" else ["posts/article.md", "-odd.md"]
    ran = shipped.hook(hook, Path(sys.executable).parent, planted.tree, planted.env, *paths)
    assert planted.used() == []
    assert ran.status == 0, ran.text
    assert ("1 checked" if hook == "sealkit-check" else "sealed -odd.md") in ran.text


CLEANED = {
    "one in the tree": ("{tree}/lib", None),
    "relative": ("lib", None),
    "an empty part": (":{out}", "{out}"),
    "an empty part at the end": ("{out}:", "{out}"),
    "parted by semicolons": ("{out};lib", "{out}"),
    "an empty part behind a semicolon": ("{out};", "{out}"),
    "the tree behind a semicolon": ("{out};{tree}", "{out}"),
    "both separators": ("lib;{out}:.;{out}/a:", "{out}:{out}/a"),
    "what only the loader knows": ("{out}:$ORIGIN/../lib", "{out}"),
    "the same in braces": ("{out}/${{LIB}}:{out}", "{out}"),
    "back into the tree": ("{tree}/../tree/lib:{out}", "{out}"),
    "a folder that is not there": ("{tree}/not/there:{out}", "{out}"),
}


@pytest.mark.parametrize("case", CLEANED)
def test_no_library_of_the_tree_is_loaded(tmp_path, case):
    """The loader parts folders by semicolons, too."""
    tree, out = tmp_path / "tree", tmp_path / "out"
    for folder in (tree / "lib", out / "a"):
        folder.mkdir(parents=True)
    given, left = (text and text.format(tree=tree, out=out) for text in CLEANED[case])
    env = {"LD_LIBRARY_PATH": given, "GCONV_PATH": ".", "PATH": os.environ["PATH"], "LOCPATH": "."}
    words = (
        f'. {shlex.quote(str(ROOT / "gate/clean.sh"))}; printf \'%s|%s\' "${{LD_LIBRARY_PATH-}}" "${{GCONV_PATH-}}${{LOCPATH-}}"'
    )
    ran = subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-c", words], cwd=tree, env=env, capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"{left or ''}|"


@pytest.fixture
def installed_clone(tmp_path):
    """The action with an installer that puts this sealkit there, so that nothing is fetched."""
    folder = tmp_path / "installed" / "gate"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "gate/clean.sh", folder)
    python = shlex.quote(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / "install.sh").write_text(f'mkdir -p "$1/bin"; printf %s {python} >"$1/bin/python"; chmod +x "$1/bin/python"\n')
    return folder.parent


def test_the_action_starts_nothing_of_the_tree_once_it_is_installed(tmp_path, installed_clone):
    steps(tmp_path, installed_clone, shipped.act, list(PLANTS))


def test_the_action_takes_its_inputs_as_they_are(tmp_path, installed_clone):
    planted = Planted(tmp_path, [])
    clone = installed_clone
    tree, env = planted.tree, planted.env

    def act(number, **given):
        return shipped.act(tree, clone, tmp_path / f"temporary-{number}", env, **given)

    (tree / "posts/fog.md").write_bytes(OPEN)
    (tree / "-odd").mkdir()
    shutil.copy(tree / "posts/article.md", tree / "-odd/a.md")
    assert act(1, since="HEAD", paths="posts/article.md").status == 0
    ran = act(2, since="HEAD", paths="\n  \nposts\n-odd\n", format="sarif", output="found.sarif")
    assert ran.status == 1, ran.text
    assert '"uri": "posts/fog.md"' in (tree / "found.sarif").read_text()
    ran = act(3, paths="posts\n$(touch evil); touch evil\n--quiet")
    assert ran.status == 4, ran.text
    assert not (tree / "evil").exists()
    (tmp_path / "precious").write_text("precious")
    (tree / "linked.sarif").symlink_to(tmp_path / "precious")
    ran = act(4, format="sarif", output="linked.sarif")
    assert ran.status == 4, ran.text
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.network
def test_a_package_with_another_hash_is_not_installed(tmp_path, clone):
    copy = tmp_path / "clone"
    shutil.copytree(clone, copy)
    lock = copy / "gate/requirements.txt"
    text = lock.read_text()
    at = text.index("click==")
    lock.write_text(text[:at] + re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", text[at:], count=2))
    ran = shipped.run(
        ["/bin/bash", str(copy / "gate/install.sh"), str(tmp_path / "x")], tmp_path, shipped.base_environment(tmp_path)
    )
    assert ran.status != 0
    assert "DO NOT MATCH THE HASHES" in ran.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "not named"),
        (["x"], "from the root"),
        (["./x"], "from the root"),
        (["TREE"], "exists already"),
        (["TREE/link"], "exists already"),
        (["/a", "/b"], "not named"),
    ],
)
def test_the_installer_says_what_is_wrong(tmp_path, arguments, said):
    (tmp_path / "link").symlink_to("nowhere")
    arguments = [one.replace("TREE", str(tmp_path)) for one in arguments]
    ran = shipped.run(["/bin/bash", str(ROOT / "gate/install.sh"), *arguments], tmp_path, shipped.base_environment(tmp_path))
    assert ran.status == 2
    assert said in ran.text
    assert "sealkit: hint: " in ran.text


def test_the_installer_wants_a_python(tmp_path):
    for python, said in ((None, "Python is not installed"), ("#!/bin/sh\nexit 1\n", "older than Python 3.11")):
        programs = tmp_path / f"programs-{python is None}"
        programs.mkdir()
        if python:
            (programs / "python3").write_text(python)
            (programs / "python3").chmod(0o755)
        ran = shipped.run(["/bin/bash", str(ROOT / "gate/install.sh"), str(tmp_path / "x")], ROOT, {"PATH": str(programs)})
        assert ran.status == 2, ran.text
        assert said in ran.text
        assert not (tmp_path / "x").exists()


# --- releases -------------------------------------------------------------------------------------------------------------
def test_the_release_publishes_nothing_and_may_do_little():
    assert shipped.RELEASE["permissions"] == {}
    (job,) = shipped.RELEASE["jobs"].values()
    assert job["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
    text = (ROOT / ".github/workflows/release.yml").read_text()
    for word in ("publish-action", "pypi-publish", "twine", "upload-release", "gh release", "secrets."):
        assert word not in text
    assert any(step.get("uses", "").startswith("actions/attest-build-provenance@") for step in job["steps"])
    assert "${{" not in "".join(step.get("run", "") for step in job["steps"])


@pytest.mark.network
def test_the_release_builds_what_the_tag_says(tmp_path, clone):
    from sealkit import __version__

    env = shipped.base_environment(tmp_path) | {"RUNNER_TEMP": str(tmp_path)}
    (job,) = shipped.RELEASE["jobs"].values()
    install, build = (step["run"] for step in job["steps"] if "run" in step)
    assert shipped.run(["/bin/bash", "-eo", "pipefail", "-c", install], clone, env).status == 0
    wrong = shipped.run(["/bin/bash", "-eo", "pipefail", "-c", build], clone, env | {"GITHUB_REF_NAME": "v9.9"})
    assert (wrong.status, "the tag is v9.9" in wrong.text) == (1, True)
    ran = shipped.run(["/bin/bash", "-eo", "pipefail", "-c", build], clone, env | {"GITHUB_REF_NAME": f"v{__version__}"})
    assert ran.status == 0, ran.text
    assert len(re.findall(rf"^[0-9a-f]{{64}}  sealkit-{__version__}", ran.text, re.MULTILINE)) == 2


def test_no_page_installs_by_a_name_that_is_nobodys():
    """Until the name is registered, whoever registers it would get the machines of those who follow the page."""
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for line in re.findall(r".*(?:pip|pipx|uv)\S* (?:install|add|download)\b.*", text):
            assert not re.search(r"""(?:install|add|download)(?: -\S+)* ['"]?sealkit\b""", line), f"{page.name}: {line}"
        assert "sealkit[" not in text, page.name


def test_yaml_that_is_shipped_is_read_as_it_looks():
    for name in ("action.yml", ".pre-commit-hooks.yaml", ".github/workflows/release.yml"):
        assert yaml.safe_load((ROOT / name).read_bytes())
    assert shipped.ACTION["runs"]["using"] == "composite"
    assert {"name", "description", "inputs", "runs"} <= set(shipped.ACTION)
    for one in shipped.ACTION["inputs"].values():
        assert set(one) == {"description", "default"}
        assert isinstance(one["default"], str)
