"""One key without a ring: --key-file, --key-env, --key-fd, --key-stdin, --key-command; never the key itself."""

from __future__ import annotations

import subprocess

import pytest

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

K2 = bytes(range(0xF0, 0x100))
HEX = K2.hex()


@pytest.fixture
def mine(desk):
    desk.env["SEALKIT_KEYS"] = "/nowhere"
    desk.write("k2.key", f"hex:{HEX}\n".encode())
    desk.write("k2.hex", HEX.encode())
    desk.write("k2.raw", K2)
    for name in ("k2.key", "k2.hex", "k2.raw"):
        (desk.path / name).chmod(0o600)
    desk.record("x.md", desk.sealed(b"what it says"))
    return desk


GIVEN = [
    (["--key-file", "k2.key"], ""),
    (["--key-file", "k2.hex", "--key-encoding", "hex"], ""),
    (["--key-file=k2.raw", "--key-encoding=raw"], ""),
    (["--key-env", "SEALKIT_SECRET_X"], ""),
    (["--key-stdin"], "< k2.key"),
    (["--key-fd", "0"], "< k2.key"),
    (["--key-fd", "7", "--key-encoding", "raw"], "7< k2.raw"),
    (["--key-command", "cat k2.key"], ""),
    (["--key-command", "printf '%s' 'hex:" + HEX + "'"], ""),
]


def run(desk, *arguments, redirect="", **given):
    command = ["bash", "-c", f'exec "$@" {redirect}', "bash"]
    return desk.run(*arguments, wrap=command, env={"SEALKIT_SECRET_X": f"hex:{HEX}"}, **given)


@pytest.mark.parametrize(("options", "redirect"), GIVEN)
def test_one_key(mine, options, redirect):
    ran = run(mine, "decrypt", *options, "x.md", redirect=redirect)
    assert (ran.status, ran.out) == (0, b"what it says")
    assert ran.err == "sealkit: x.md:3  secured: unauthenticated: somebody without the key may have altered it\n"
    assert run(mine, "keys", *options, redirect=redirect).text.startswith("key  128 bits  enabled  plain  kid ")
    assert run(mine, "verify", *options, "--workers", "2", "x.md", redirect=redirect).status == 0
    mine.record("y.md", "to be sealed")
    assert run(mine, "seal", *options, "y.md", redirect=redirect).status == 0
    assert run(mine, "decrypt", *options, "y.md", redirect=redirect).out == b"to be sealed"


WRONG = [
    (["--key-file", "k2.hex"], 3, "no prefix that says how the key is written"),
    (["--key-file", "k2.raw", "--key-encoding", "hex"], 3, "not valid hex"),
    (["--key-file", "nowhere"], 3, "--key-file: file 'nowhere': no such file"),
    (["--key-file", HEX], 3, "--key-file: file (not shown)"),
    (["--key-env", "SEALKIT_SECRET_Y"], 3, "is not set"),
    (["--key-env", HEX + "-"], 2, "takes the name of a variable"),
    (["--key-fd", "x"], 2, "takes the number of an open descriptor"),
    (["--key-fd", "1"], 2, "takes the number of an open descriptor"),
    (["--key-fd", "77"], 3, "bad file descriptor"),
    (["--key-stdin"], 3, "no prefix"),
    (["--key-command", "false"], 3, "command 'false': it ended with status 1"),
    (["--key-command", ""], 2, "takes a program and its arguments"),
    (["--key-command", "'"], 2, "takes a program and its arguments"),
    (["--key-file", "k2.key", "--key-stdin"], 2, "more than one place"),
    (["--key-file", "k2.key", "--keys", "keys.example"], 2, "more than one place"),
    (["--key-encoding", "hex"], 2, "how one key is written"),
    (["--key-file", "k2.key", "--key-encoding", HEX], 2, "no such --key-encoding"),
]


@pytest.mark.parametrize(("options", "status", "problem"), WRONG)
def test_wrong(mine, options, status, problem):
    ran = run(mine, "decrypt", *options, "x.md")
    assert ran.status == status, ran
    assert problem in ran.err
    assert HEX not in ran.err
    assert ran.out == b""


@pytest.mark.parametrize("option", ["--key-file=k2.key", "--key-stdin", f"--key-file={HEX}"])
def test_before_the_verb(mine, option):
    ran = run(mine, option, "decrypt", "x.md")
    assert ran.status == 2
    assert "stands after the verb" in ran.err
    assert HEX not in ran.err


def test_stdin_is_for_one_thing(mine):
    for verb in (["decrypt", "-"], ["verify", "-"], ["seal", "-"], ["seal", "--payload", "-", "x.md"]):
        ran = mine.run(verb[0], "--key-stdin", *verb[1:], stdin=b"hex:" + HEX.encode())
        assert ran.status == 2
        assert "stdin cannot give both" in ran.err
    ran = run(mine, "decrypt", "--key-fd", "3", "-", "--as", "x.md", redirect="3< k2.key", stdin=mine.read("x.md"))
    assert ran.out == b"what it says"


def test_unsafe_files_only_when_told(mine):
    (mine.path / "k2.key").chmod(0o644)
    ran = mine.run("decrypt", "--key-file", "k2.key", "x.md")
    assert ran.status == 3
    assert "open to other users (mode 0644)" in ran.err
    ran = mine.run("decrypt", "--key-file", "k2.key", "--unsafe-key-files", "x.md")
    assert (ran.status, ran.out) == (0, b"what it says")
    assert "warning: --key-file: file 'k2.key': open to other users (mode 0644): read all the same" in ran.err


def test_a_key_file_in_the_tree(mine):
    mine.write("sealkit.yaml", b"version: 1\nrecords:\n  - include: ['*.md']\n    fields:\n      - path: secured\n")
    ran = mine.run("decrypt", "--key-file", "k2.key", "x.md")
    assert ran.status == 3
    assert "inside the tree of" in ran.err


def test_a_ring_that_git_tracks_holds_no_key(mine):
    mine.run("keygen", "--keys", "ring.yaml")
    for command in (["init", "-q"], ["add", "ring.yaml"]):
        subprocess.run(["git", *command], cwd=mine.path, check=True)
    ran = mine.run("keys", "--keys", "ring.yaml")
    assert ran.status == 3
    assert "it holds the bytes of key k1, but is tracked by git" in ran.err
    assert mine.run("keys", "--keys", "ring.yaml", "--unsafe-key-files").status == 0
    assert mine.run("keys", "--keys", "keys.example").status == 0


def test_the_key_is_in_no_environment(mine):
    script = "import os; print(*os.environ)"
    ran = run(mine, "decrypt", "--key-env", "SEALKIT_SECRET_X", "x.md")
    assert ran.status == 0
    ran = run(mine, "decrypt", "--key-command", f"python3 -c '{script}'", "x.md")
    assert "SEALKIT" not in ran.err


# --- hints say what these options have, and no ring ------------------------------------------------------------------------
NO_PREFIX = {
    "a file": (["--key-file", "x.key"], b""),
    "a variable": (["--key-env", "X"], b""),
    "stdin": (["--key-stdin"], b"00" * 32),
    "a program": (["--key-command", "printf abcd"], b""),
}


@pytest.mark.parametrize("how", NO_PREFIX.values(), ids=NO_PREFIX)
@pytest.mark.parametrize("verb", [["verify", "records/article.md"], ["decrypt", "records/article.md"], ["keys"]], ids=" ".join)
def test_a_key_without_a_prefix_names_the_option_that_says_how_it_is_written(desk, how, verb):
    desk.write("x.key", b"00" * 32)
    (desk.path / "x.key").chmod(0o600)
    desk.env.pop("SEALKIT_KEYS", None)
    ran = desk.run(*verb, *how[0], stdin=how[1], env={"X": "00" * 32})
    assert ran.status == 3, ran
    assert "hint: say it with --key-encoding hex|base64|utf8|raw, or write hex:DIGITS or base64:TEXT" in ran.err


def test_a_variable_in_place_of_a_ring_has_no_such_option(desk):
    desk.env.pop("SEALKIT_KEYS", None)
    ran = desk.run("verify", "records/article.md", env={"SEALKIT_SECRET": "00" * 32})
    assert (ran.status, "--key-encoding" in ran.err, "write hex:DIGITS or base64:TEXT" in ran.err) == (3, False, True), ran


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["verify", "records/article.md", "--key-encoding", "hex", "--key-env", "X"], ""),
        (["keys", "--key-encoding", "hex", "--key-env", "X"], ""),
        (["verify", "records/article.md", "--keys", "ring.yaml"], ", or disable the key in the ring"),
    ],
)
def test_a_variable_that_is_not_set_is_to_be_exported(desk, words, instead):
    desk.env.pop("SEALKIT_KEYS", None)
    ring = b"version: 1\nprimary: x\nkeys:\n  - id: x\n    source: {env: X, encoding: hex}\n"
    desk.write("ring.yaml", ring)
    (desk.path / "ring.yaml").chmod(0o600)
    ran = desk.run(*words)
    assert ran.status == 3, ran
    assert f"env 'X' is not set\nsealkit: hint: export it, set to the key as hex{instead}\n" in ran.err
