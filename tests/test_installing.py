"""How an extra is installed: from where sealkit came, and nowhere by its name alone, which an index gives to whoever takes it first."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sealkit import installing
from sealkit.installing import how_to_install

REPOSITORY = Path(__file__).parents[1]
COMMIT = "474845ad41fd8ff1b8a0cc4cb2c6a9fc02b34a11"
PIP = [sys.executable, "-I", "-m", "pip", "install"]
CLONE = "in a clone of sealkit: pip install '.[age]'"


def git(url, commit=COMMIT, **more):
    return {"url": url, "vcs_info": {"vcs": "git", "commit_id": commit}, **more}


def archive(url, **info):
    return {"url": url, "archive_info": info}


# (direct_url.json, what pip is told to install; None where it is not known)
ORIGINS = [
    (git("https://example.org/sealkit.git"), [f"sealkit[age] @ git+https://example.org/sealkit.git@{COMMIT}"]),
    (git("ssh://git@example.org/our/sealkit"), [f"sealkit[age] @ git+ssh://git@example.org/our/sealkit@{COMMIT}"]),
    (git("https://${TOKEN}@example.org/s.git"), [f"sealkit[age] @ git+https://${{TOKEN}}@example.org/s.git@{COMMIT}"]),
    (git("https://example.org/a b;touch x.git"), [f"sealkit[age] @ git+https://example.org/a b;touch x.git@{COMMIT}"]),
    (
        git("https://example.org/mono.git", subdirectory="tools/sealkit"),
        [f"sealkit[age] @ git+https://example.org/mono.git@{COMMIT}#subdirectory=tools/sealkit"],
    ),
    (git("https://example.org/s.git", commit="x; rm -r ~"), None),
    ({"url": "https://example.org/s.git", "vcs_info": {"vcs": "git"}}, None),
    ({"url": "https://example.org/s.git", "vcs_info": {"vcs": "git;x", "commit_id": COMMIT}}, None),
    (archive("https://example.org/sealkit-0.1.0.tar.gz"), ["sealkit[age] @ https://example.org/sealkit-0.1.0.tar.gz"]),
    (
        archive("https://example.org/sealkit-0.1.0-py3-none-any.whl", hashes={"sha256": "ab" * 32}),
        [f"sealkit[age] @ https://example.org/sealkit-0.1.0-py3-none-any.whl#sha256={'ab' * 32}"],
    ),
    (archive("https://example.org/x.whl", hashes={"sha256": "not ' a hash"}), ["sealkit[age] @ https://example.org/x.whl"]),
    (archive("https://example.org/x.whl\n- trusted: no"), None),
    ({"url": "https://example.org/x"}, None),
    ({"url": 7, "dir_info": {}}, None),
    ({"dir_info": {}}, None),
    ({"url": "file:///nowhere/at/all", "dir_info": {}}, None),
    ({"url": "https://example.org/folder", "dir_info": {}}, None),
    ({}, None),
]


@pytest.mark.parametrize(("origin", "wanted"), ORIGINS, ids=range(len(ORIGINS)))
def test_an_extra_comes_from_where_sealkit_came(monkeypatch, origin, wanted):
    monkeypatch.setattr(installing, "_origin", lambda: origin)
    hint = how_to_install("age")
    assert hint == CLONE if wanted is None else shlex.split(hint) == [*PIP, *wanted]
    assert "\n" not in hint


FOLDERS = [
    ({}, "clone", 0o755, []),
    ({"editable": True}, "clone", 0o755, ["-e"]),
    ({"editable": False}, "it's a clone & more", 0o755, []),
    ({}, "für alle", 0o700, []),
    ({"editable": "yes"}, "clone", 0o755, []),
    ({}, "open", 0o777, None),
    ({}, "clone", None, None),
]


@pytest.mark.parametrize(("info", "name", "mode", "wanted"), FOLDERS, ids=range(len(FOLDERS)))
def test_a_folder_that_sealkit_came_from(monkeypatch, tmp_path, info, name, mode, wanted):
    folder = tmp_path / name
    if mode is not None:
        folder.mkdir()
        (folder / "pyproject.toml").write_text("")
        folder.chmod(mode)
    monkeypatch.setattr(installing, "_origin", lambda: {"url": folder.as_uri(), "dir_info": info})
    hint = how_to_install("age")
    assert hint == CLONE if wanted is None else shlex.split(hint) == [*PIP, *wanted, f"{folder}[age]"]


def planted(folder, url):
    info = folder / "sealkit-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sealkit\nVersion: 9.9\n")
    (info / "direct_url.json").write_text(json.dumps(url) if isinstance(url, dict) else url)


def test_the_metadata_of_the_installed_package_is_read(monkeypatch, tmp_path):
    planted(tmp_path, git("https://example.org/sealkit.git"))
    monkeypatch.syspath_prepend(tmp_path)
    assert shlex.split(how_to_install("aws"))[-1] == f"sealkit[aws] @ git+https://example.org/sealkit.git@{COMMIT}"


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"x"'])
def test_metadata_that_says_nothing(monkeypatch, tmp_path, text):
    planted(tmp_path, text)
    monkeypatch.syspath_prepend(tmp_path)
    assert how_to_install("age") == CLONE


def test_what_lies_in_the_working_folder_is_not_believed(monkeypatch, tmp_path):
    planted(tmp_path, git("https://example.org/evil.git"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert "evil" not in how_to_install("age")


# --- nothing says: install what is called sealkit ----------------------------------------------------------------------------------
# Whatever stands before it: pip, pipx, uv, poetry, pdm. A reference (sealkit @ URL), a path and a file's name are something else.
BARE = re.compile(
    r"""\b(?:pip3?|pipx|uv|uvx|poetry|pdm|conda)\b[^\n|`#;&]*?\s(?:install|add|run|inject|tool)\b(?:[^\n`#|;&]*?\s)?["']*sealkit(?:\[[^\]]*\])?"""
    r"""(?:[=<>~!]=?[\w.*]+)?["']*(?=$|[\s`;&|),.])(?!\s*@)"""
)
QUOTING = {"tests/test_installing.py", "tests/test_shipped.py"}
SUFFIXES = {".md", ".py", ".yml", ".yaml", ".toml", ".txt", ".sh", ".cfg", ".json", ".example", ""}
PLANTED = [
    "pip install sealkit",
    "pip install 'sealkit[age]'",
    'python -m pip install -q "sealkit[fast,aws]"',
    "pip3 install --upgrade sealkit",
    "pipx install sealkit",
    "pipx inject sealkit sealkit",
    "uv tool install sealkit",
    "uv pip install 'sealkit[columns]'",
    "pip install sealkit==0.1.0",
    "hint: pip install sealkit; then",
    ".venv/bin/pip install click sealkit",
    "run `pip install sealkit`",
]
FINE = [
    "pip install '.[age]'",
    "pip install .",
    "pip install git+https://example.org/sealkit.git",
    "pip install 'sealkit[age] @ git+https://example.org/sealkit.git@474845a'",
    "pip install ./sealkit-0.1.0.tar.gz",
    "pip install /opt/sealkit",
    "python -m venv /opt/sealkit && /opt/sealkit/bin/pip install -q git+https://example.org/sealkit.git",
    "pipx install .",
    "pip uninstall sealkit",
    "sealkit git install",
    "pip install -e . && sealkit check .",
]


def tracked():
    """The repository's files that people and programs read; those that quote what they forbid aside."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False).stdout.decode().split("\0")
    if not any(listed):
        listed = [str(path.relative_to(REPOSITORY)) for path in REPOSITORY.rglob("*") if ".git" not in path.parts]
    return [
        REPOSITORY / name
        for name in listed
        if name and Path(name).suffix in SUFFIXES and name not in QUOTING and os.path.isfile(REPOSITORY / name)
    ]


@pytest.mark.parametrize("line", PLANTED)
def test_the_law_finds_what_is_planted(line):
    assert BARE.search(line)


@pytest.mark.parametrize("line", FINE)
def test_the_law_lets_pass_what_names_a_place(line):
    assert not BARE.search(line)


def test_nothing_says_to_install_a_bare_name():
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if "sealkit" in line and BARE.search(line)
    ]
    assert found == []
    assert len(tracked()) > 200
