"""``sealkit doctor``: what endangers keys and payloads is found, nothing is changed, and no key is shown."""

from __future__ import annotations

import json
import subprocess

import pytest

HEX = "c0ffee11d00dfeedcafebabe8badf00d"


def findings(desk, *args, status=None, **more):
    ran = desk.run("doctor", "--json", *args, **more)
    assert ran.status == int(bool(ran.summary["bad"])), ran
    if status is not None:
        assert ran.status == status, ran
    assert HEX not in ran.text + ran.err
    return ran.lines


def of(found, check):
    return [(one["status"], one["text"]) for one in found if one["check"] == check]


@pytest.fixture
def mine(desk):
    """The desk with a ring of its own and a home that is in no git work tree."""
    ring = f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {{hex: {HEX}}}\n  - id: k2\n    source: {{file: k2.key, encoding: hex}}\n"
    desk.write("home/keys.yaml", ring.encode())
    desk.write("home/k2.key", f"{HEX[:-1]}e\n".encode())
    for name in ("home/keys.yaml", "home/k2.key"):
        (desk.path / name).chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "home/keys.yaml")
    desk.env["GIT_CONFIG_GLOBAL"] = "/dev/null"
    return desk


def git(desk, *arguments):
    subprocess.run(["git", *arguments], cwd=desk.path, env=desk.env, check=True, capture_output=True)


def test_all_in_order(mine):
    before = mine.files()
    found = findings(mine, status=0)
    assert mine.files() == before
    assert of(found, "ring") == [("ok", f"{mine.path}/home/keys.yaml ($SEALKIT_KEYS)"), ("ok", "mode 0600")]
    assert [text.split("  kid ")[0] for _, text in of(found, "key")] == ["k1  hex  enabled", "k2  file  enabled"]
    assert {"memory", "umask", "swap", "packages", "libyaml", "git"} <= {one["check"] for one in found}
    text = mine.run("doctor")
    assert text.status == 0
    assert len(text.text.splitlines()) == len(found)
    assert "0 bad" in text.err
    assert HEX not in text.text + text.err


def test_without_a_ring(mine):
    found = findings(mine, env={"SEALKIT_KEYS": None}, status=0)
    assert of(found, "ring")[0][0] == "warning"
    found = findings(mine, env={"SEALKIT_KEYS": None, "SEALKIT_SECRET": f"hex:{HEX}"}, status=0)
    assert of(found, "ring") == [("ok", "one key, from $SEALKIT_SECRET")]
    assert of(found, "key")[0][1].startswith("env  kid ")
    found = findings(mine, env={"SEALKIT_KEYS": None, "SEALKIT_SECRET": HEX}, status=1)
    assert of(found, "key")[0][0] == "bad"


def planted(desk, what):
    home = desk.path / "home"
    if what == "no such ring":
        (home / "keys.yaml").unlink()
    elif what == "a ring that is none":
        (home / "keys.yaml").write_text(f"version: 1\nkeys: [{HEX}]\n")
    elif what == "a ring open to others":
        (home / "keys.yaml").chmod(0o644)
    elif what == "a key file open to others":
        (home / "k2.key").chmod(0o640)
    elif what == "a key file that is gone":
        (home / "k2.key").unlink()
    elif what == "the same key twice":
        (home / "k2.key").write_text(HEX)
    elif what == "a ring in a tree":
        (home / "sealkit.yaml").write_text("version: 1\nrecords:\n  - include: ['*.md']\n    fields: [{path: secured}]\n")
    elif what == "a ring that git tracks":
        git(desk, "init", "-q", ".")
        git(desk, "add", "-f", "home/keys.yaml")
    elif what == "a broken policy":
        desk.write("sealkit.yaml", b"version: 9\n")
    elif what == "half a ring":
        (home / ".keys.yaml.sealkit-tmp-0011").write_text(HEX)
    else:
        git(desk, "init", "-q", ".")
        git(desk, "config", "diff.sealkit.cachetextconv", "true")


@pytest.mark.parametrize(
    ("what", "check", "said"),
    [
        ("no such ring", "ring", "no such file"),
        ("a ring that is none", "ring", "mapping"),
        ("a ring open to others", "ring", "open to other users"),
        ("a key file open to others", "key", "open to other users"),
        ("a key file that is gone", "key", "no such file"),
        ("the same key twice", "ring", "are the same key"),
        ("a ring in a tree", "ring", "which is there to be published"),
        ("a ring that git tracks", "ring", "tracked by git"),
        ("a broken policy", "policy", "version"),
        ("half a ring", "scratch", "left by a process that was killed"),
        ("textconv kept by git", "git", "plaintext"),
    ],
)
def test_what_is_bad_is_found(mine, what, check, said):
    findings(mine, status=0)
    planted(mine, what)
    found = findings(mine, status=1)
    assert [text for status, text in of(found, check) if status == "bad" and said in text], found


def test_a_scratch_folder_of_a_dead_process_that_cannot_be_removed(mine, tmp_path):
    tmp = tmp_path / "tmp"
    (tmp / "sealkit-desk-abc" / "/".join("0123456789")).mkdir(parents=True)
    (tmp / "sealkit-desk-abc").chmod(0o700)
    found = findings(mine, env={"TMPDIR": str(tmp)}, status=1)
    assert [text for status, text in of(found, "scratch") if str(tmp / "sealkit-desk-abc") in text and status == "bad"]
    assert (tmp / "sealkit-desk-abc").is_dir()


def test_a_source_that_runs_something_is_tried_only_when_that_is_asked_for(mine):
    mark = mine.path / "ran"
    ring = f'version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {{command: [sh, -c, "touch {mark}; echo {HEX}"], encoding: hex}}\n'
    mine.write("home/keys.yaml", ring.encode())
    found = findings(mine, status=0)
    assert "not tried" in of(found, "key")[0][1]
    assert not mark.exists()
    found = findings(mine, "--all", status=0)
    assert "kid " in of(found, "key")[0][1]
    assert mark.exists()


def test_git_is_set_up(mine):
    git(mine, "init", "-q", ".")
    found = findings(mine, status=0)
    assert ("ok", "records are not diffed, merged and checked by sealkit here") in of(found, "git")
    assert mine.run("git", "install").status == 0
    git(mine, "add", ".gitattributes")
    assert {status for status, _ in of(findings(mine, status=0), "git")} == {"ok"}
    git(mine, "config", "--unset", "merge.sealkit.driver")
    found = findings(mine, status=1)
    assert ("bad", "merge.sealkit.driver is not set") in of(found, "git")


def test_the_verb_is_light(mine):
    import sys

    command = [sys.executable, "-X", "importtime", "-m", "sealkit", "doctor"]
    ran = subprocess.run(command, cwd=mine.path, env=mine.env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines() if "|" in line}
    assert not {"keyring", "pyrage", "boto3", "pkcs11", "zxcvbn", "pyarrow", "multiprocessing", "asyncio"} & imported


def test_json_is_one_object_a_line(mine):
    ran = mine.run("doctor", "--json")
    assert all(set(json.loads(line)) <= {"check", "status", "text", "hint", "summary"} for line in ran.out.splitlines())
