"""The hooks for pre-commit, run by the real one."""

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
    for name in ("sealkit", "gate"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
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
        pytest.skip("could not import 'pre_commit'")
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


@pytest.mark.network
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
