"""The hooks for pre-commit, run by the real one, and the action for GitHub, run step by step as its runner does."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sealkit.records.kinds import POLICY, SUFFIXES

ROOT = Path(__file__).parents[1]
OPEN = b"---\ntitle: Fog\nsecured: The quotes are not confirmed yet.\n---\n"


def run(*command, cwd, status=0, **more):
    """Run a program in an environment without keys but for those named in ``more``."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("SEALKIT_KEYS", "SEALKIT_SECRET", "GIT_"))}
    home = Path(cwd).parent / "home"
    home.mkdir(exist_ok=True)
    env |= {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PRE_COMMIT_COLOR": "never"}
    for name in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{name}_NAME": "Ida", f"GIT_{name}_EMAIL": "ida@example.org"}
    done = subprocess.run(
        command, cwd=cwd, env=env | more, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == status, done.stdout.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def sealkit_repository(tmp_path_factory):
    """The project as a repository that others name in their configuration."""
    folder = tmp_path_factory.mktemp("project") / "sealkit"
    shutil.copytree(ROOT / "sealkit", folder / "sealkit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "action.yml", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder)
    run("git", "init", "-q", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-qm", "sealkit", cwd=folder)
    return folder


@pytest.fixture
def site(tmp_path):
    """A repository with one sealed record in it."""
    folder = tmp_path / "site"
    (folder / "posts").mkdir(parents=True)
    shutil.copy(ROOT / "tests/records/article.md", folder / "posts")
    (folder / "README.md").write_bytes(b"# A site\n")
    run("git", "init", "-q", "-b", "main", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-qm", "A sealed record", cwd=folder)
    return folder


# --- pre-commit --------------------------------------------------------------------------------------------------------
def pre_commit():
    if importlib.util.find_spec("pre_commit") is None:
        assert not os.environ.get("SEALKIT_CI"), "pre-commit is needed"
        pytest.skip("NOT TESTED: pre-commit is not installed")
    return sys.executable, "-m", "pre_commit"


def test_the_manifest_is_valid(tmp_path):
    run(*pre_commit(), "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"), cwd=tmp_path)


def test_the_seal_hook_takes_what_is_a_record():
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_bytes())}
    files = re.compile(hooks["sealkit-seal"]["files"])
    for suffix in SUFFIXES:
        assert files.search(f"posts/a.{suffix}")
        assert files.search(f"posts/a.{suffix.upper()}")
    assert not files.search("posts/a.png")
    assert re.search(hooks["sealkit-seal"]["exclude"], f"site/{POLICY}")


def configure(site, repository, *hooks):
    revision = run("git", "rev-parse", "HEAD", cwd=repository).strip()
    config = {"repos": [{"repo": str(repository), "rev": revision, "hooks": [{"id": hook} for hook in hooks]}]}
    (site / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    run("git", "add", ".pre-commit-config.yaml", cwd=site)


def test_the_hooks_under_the_real_pre_commit(site, sealkit_repository, tmp_path):
    home = {"PRE_COMMIT_HOME": str(tmp_path / "cache")}
    configure(site, sealkit_repository, "sealkit-check")
    run(*pre_commit(), "install", cwd=site, **home)
    run("git", "commit", "-qm", "Hooks", cwd=site, **home)
    (site / "posts/fog.md").write_bytes(OPEN)
    run("git", "add", "-A", cwd=site)
    printed = run("git", "commit", "-qm", "Fog", cwd=site, status=1, **home)
    assert "posts/fog.md:3" in printed
    assert "quotes are not confirmed" not in printed

    keys = home | {"SEALKIT_KEYS": str(ROOT / "keys.example")}
    configure(site, sealkit_repository, "sealkit-seal", "sealkit-check")
    (site / "-odd name.md").write_bytes(OPEN)
    (site / "untracked.md").write_bytes(OPEN)
    run("git", "add", "--", "posts", "-odd name.md", cwd=site)
    printed = run("git", "commit", "-qm", "Fog", cwd=site, status=1, **keys)
    assert "files were modified by this hook" in printed
    assert b"quotes" not in (site / "posts/fog.md").read_bytes() + (site / "-odd name.md").read_bytes()
    assert (site / "untracked.md").read_bytes() == OPEN, "what is not committed is nobody's business"
    run("git", "add", "--", "posts", "-odd name.md", cwd=site)
    run("git", "commit", "-qm", "Fog", cwd=site, **keys)
    assert "quotes" not in run("git", "show", cwd=site)


# --- GitHub ------------------------------------------------------------------------------------------------------------
ACTION = yaml.safe_load((ROOT / "action.yml").read_bytes())


def act(site, repository, temporary, status=0, **given):
    """Run the steps of the action, with the inputs in the place of its expressions."""
    known = {f"inputs.{name}": given.pop(name, one["default"]) for name, one in ACTION["inputs"].items()}
    known["github.action_path"] = str(repository)
    assert not given
    outputs = []
    install, *steps = ACTION["runs"]["steps"]
    for step in steps if (temporary / "sealkit").exists() else (install, *steps):  # installing once is enough for all calls
        assert "${{" not in step["run"], "what others can name must not become part of a script"
        assert step["shell"] == "bash"
        env = {name: re.sub(r"\$\{\{ (\S+) \}\}", lambda match: known[match[1]], text) for name, text in step["env"].items()}
        assert not any("${{" in text for text in env.values())
        command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
        last = step is ACTION["runs"]["steps"][-1]
        outputs.append(run(*command, cwd=site, status=status if last else 0, RUNNER_TEMP=str(temporary), **env))
    return outputs[-1]


def test_the_form_of_the_action():
    assert ACTION["runs"]["using"] == "composite"
    assert {"name", "description", "inputs", "runs"} <= set(ACTION)
    for one in ACTION["inputs"].values():
        assert set(one) == {"description", "default"}
        assert isinstance(one["default"], str)


def test_the_action_lets_a_sealed_site_through_and_no_other(site, sealkit_repository, tmp_path):
    assert "1 checked" in act(site, sealkit_repository, tmp_path)
    (site / "posts/fog.md").write_bytes(OPEN)
    printed = act(site, sealkit_repository, tmp_path, status=1)
    assert "::error file=posts/fog.md,line=3," in printed
    act(site, sealkit_repository, tmp_path, status=0, since="HEAD", paths="posts/article.md")
    act(site, sealkit_repository, tmp_path, status=1, since="HEAD", paths="posts\n")
    run("git", "add", "-A", cwd=site)
    run("git", "commit", "-qm", "Fog", cwd=site)
    run("git", "rm", "-q", "posts/fog.md", cwd=site)
    act(site, sealkit_repository, tmp_path)
    act(site, sealkit_repository, tmp_path, status=1, history="true", format="sarif", output="found.sarif")
    assert '"uri": "posts/fog.md"' in (site / "found.sarif").read_text()
    evil = "$(touch evil); touch evil\n--quiet"
    act(site, sealkit_repository, tmp_path, status=4, paths=f"posts\n{evil}")
    assert not (site / "evil").exists()


# --- GitLab ------------------------------------------------------------------------------------------------------------
def test_the_job_for_gitlab(site, sealkit_repository, tmp_path):
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n# \.gitlab-ci\.yml\n(.*?)```", page, re.DOTALL)
    job = yaml.safe_load(text)["sealkit"]
    script = "\n".join(job["script"]).replace("git+https://example.org/sealkit.git", str(sealkit_repository))
    script = script.replace("/opt/sealkit", str(tmp_path / "opt"))
    run("bash", "-eo", "pipefail", "-c", script, cwd=site)
    assert 'failures="0"' in (site / job["artifacts"]["reports"]["junit"]).read_text()
