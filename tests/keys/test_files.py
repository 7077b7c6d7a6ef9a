"""Key files: who may have a hand in them is looked at on the open descriptor, and what is or will be published holds no key."""

from __future__ import annotations

import os
import socket
import subprocess

import needs
import pytest

from sealkit import config, ownership
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.keys import files, ring, sources
from sealkit.keys.access import Access

SECRET = bytes(range(100, 132))
HEX64 = SECRET.hex()
NOBODY = 65534
only_root = needs.root("gives files away")


def declare(text, folder=""):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", str(folder))


def key_file(folder, content=None, mode=0o600, name="k1.key"):
    path = folder / name
    path.write_bytes(HEX64.encode() if content is None else content)
    path.chmod(mode)
    return path


def read_file(folder, encoding="hex", name="k1.key", *, unsafe=False):
    reach = Access({}, unsafe_files=unsafe)
    return declare(f"{{file: '{name}', encoding: {encoding}}}", folder).read(reach), reach.warnings


# --- what is taken, what is refused, and what is taken from those who insist ---------------------------------------------
def owned_by_another(path):
    os.chown(key_file(path.parent), NOBODY, NOBODY)


def link(path, *, owner=None, target="real"):
    key_file(path.parent, name="real")
    path.symlink_to(target)
    if owner is not None:
        os.lchown(path, owner, owner)


def linked_twice(path, owner=None):
    link(path.with_name("second"), owner=owner)
    path.symlink_to("second")


def git(folder, *arguments):
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments], cwd=folder, check=True, capture_output=True
    )


def in_a_work_tree(path, *, tracked):
    git(path.parent, "init", "-q")
    key_file(path.parent)
    if tracked:
        git(path.parent, "add", "k1.key")


def below_a_policy(path):
    path.parent.with_name("sealkit.yaml").write_text("version: 1\n")
    key_file(path.parent)


def linked_into_a_tree(path):
    tree = path.parent / "tree"
    tree.mkdir()
    (tree / "sealkit.yaml").write_text("version: 1\n")
    path.symlink_to(key_file(tree))


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


SAFE, UNSAFE, NEVER = "safe", "unsafe", "never"
T12 = [
    *[(f"mode {mode:04o}", lambda path, mode=mode: key_file(path.parent, mode=mode), SAFE, "") for mode in (0o400, 0o600, 0o700)],
    *[
        (
            f"mode {mode:04o}",
            lambda path, mode=mode: key_file(path.parent, mode=mode),
            UNSAFE,
            f"open to other users (mode {mode:04o})",
        )
        for mode in (0o640, 0o644, 0o660, 0o604, 0o602, 0o601, 0o610, 0o620, 0o666, 0o777, 0o440, 0o4644)
    ],
    pytest.param("another's file", owned_by_another, UNSAFE, f"owned by another user (uid {NOBODY})", marks=only_root),
    ("own link", link, SAFE, ""),
    ("own links, one to the other", linked_twice, SAFE, ""),
    ("own absolute link", lambda path: link(path, target=path.with_name("real")), SAFE, ""),
    pytest.param(
        "another's link", lambda path: link(path, owner=NOBODY), UNSAFE, "a symbolic link of another user's", marks=only_root
    ),
    pytest.param(
        "another's link behind an own", lambda path: linked_twice(path, NOBODY), UNSAFE, "link of another", marks=only_root
    ),
    ("dangling link", lambda path: path.symlink_to("nowhere"), NEVER, "no such file"),
    ("link to itself", lambda path: path.symlink_to(path), NEVER, "too many symbolic links"),
    ("link to a device", lambda path: path.symlink_to("/dev/zero"), NEVER, "not a regular file"),
    ("link to an open file", lambda path: (link(path), path.with_name("real").chmod(0o644)), UNSAFE, "open to other users"),
    (
        "in a tree",
        lambda path: (path.with_name("sealkit.yaml").write_text(""), key_file(path.parent)),
        UNSAFE,
        "inside the tree of",
    ),
    ("below a tree's root", below_a_policy, UNSAFE, "inside the tree of"),
    ("link into a tree", linked_into_a_tree, UNSAFE, "inside the tree of"),
    ("tracked by git", lambda path: in_a_work_tree(path, tracked=True), UNSAFE, "tracked by git"),
    ("in a work tree, not tracked", lambda path: in_a_work_tree(path, tracked=False), SAFE, ""),
    ("absent", lambda path: None, NEVER, "no such file"),
    ("fifo", lambda path: os.mkfifo(path, 0o600), NEVER, "not a regular file"),
    ("directory", lambda path: path.mkdir(0o700), NEVER, "not a regular file"),
    ("socket", make_socket, NEVER, ""),
    ("empty", lambda path: key_file(path.parent, b""), NEVER, "0 bytes"),
    ("big", lambda path: key_file(path.parent, b"a" * 4097), NEVER, "more than 4096 bytes"),
]


@pytest.mark.parametrize(("name", "make", "verdict", "problem"), T12)
def test_key_file(failure, tmp_path, name, make, verdict, problem):
    folder = tmp_path / "keys"
    folder.mkdir(0o700)
    make(folder / "k1.key")
    if verdict == SAFE:
        assert read_file(folder) == (SECRET, [])
        return
    error = failure(read_file, folder, canary=SECRET)
    assert type(error) is NoUsableKey
    assert problem in error.problem
    assert "key k1: file" in error.problem
    if verdict == NEVER:
        assert failure(read_file, folder, canary=SECRET, unsafe=True).problem == error.problem
    else:
        secret, warnings = read_file(folder, unsafe=True)
        assert secret == SECRET
        assert warnings == [f"{error.problem}: read all the same"]


def test_a_work_tree_that_git_cannot_be_asked_about(monkeypatch, tmp_path):
    in_a_work_tree(tmp_path / "k1.key", tracked=True)
    monkeypatch.setenv("PATH", "/nowhere")
    secret, warnings = read_file(tmp_path)
    assert secret == SECRET
    assert ["git cannot say" in warning for warning in warnings] == [True]


def test_a_work_tree_runs_nothing(tmp_path):
    in_a_work_tree(tmp_path / "k1.key", tracked=False)
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(hook))
    assert read_file(tmp_path)[0] == SECRET
    assert not (tmp_path / "ran").exists()


def test_a_file_of_root_is_ours_too(monkeypatch, tmp_path):
    status = key_file(tmp_path).stat()
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert (ownership.exposure(status) is None) == (status.st_uid == 0)


def test_a_device_is_not_read(failure):
    assert "not a regular file" in failure(read_file, "/dev", name="zero").problem


@pytest.mark.parametrize(
    "name", ["a\\0b", "\\uD800", "x" * 5000, "k1.key/below", "../" * 3000], ids=["NUL", "surrogate", "long", "below", "deep"]
)
def test_impossible_paths(failure, tmp_path, name):
    key_file(tmp_path)
    error = failure(lambda: declare(f'{{file: "{name}", encoding: hex}}', tmp_path).read(Access({})))
    assert type(error) in {NoUsableKey, ConfigError}


def test_the_largest_file_is_read(failure, tmp_path):
    key_file(tmp_path, b"a" * 4096)
    assert "2048 bytes as hex" in failure(read_file, tmp_path).problem


def test_paths_are_relative_to_the_folder_or_absolute(tmp_path):
    (tmp_path / "keys").mkdir()
    path = key_file(tmp_path / "keys")
    assert read_file(tmp_path, name="keys/k1.key")[0] == SECRET
    assert read_file("/nowhere", name=str(path))[0] == SECRET


def test_raw_file_takes_every_byte(failure, tmp_path):
    key_file(tmp_path, SECRET)
    assert read_file(tmp_path, "raw") == (SECRET, [])
    key_file(tmp_path, SECRET + b"\n")
    assert "33 bytes as raw" in failure(read_file, tmp_path, "raw", canary=SECRET).problem


@pytest.mark.parametrize(("mode", "trusted"), [(0o700, 1), (0o755, 1), (0o777, 0), (0o773, 0), (0o1777, 1), (0o1773, 1)])
def test_a_folder_that_others_write(failure, tmp_path, mode, trusted):
    key_file(tmp_path)
    tmp_path.chmod(mode)
    if trusted:
        assert read_file(tmp_path) == (SECRET, [])
        return
    error = failure(read_file, tmp_path)
    assert f"the folder {tmp_path} above it is writable by everybody" in error.problem
    assert f"mode {mode:04o}" in error.problem
    assert error.hint.startswith(f"chmod go-w {tmp_path}")
    assert read_file(tmp_path, unsafe=True) == (SECRET, [f"{error.problem}: read all the same"])


def test_a_failing_read_says_why(failure, monkeypatch, tmp_path):
    def broken(*_):
        raise OSError(5, "Input/output error")

    key_file(tmp_path)
    monkeypatch.setattr(os, "readv", broken)
    error = failure(read_file, tmp_path)
    assert error.problem.endswith("input/output error")


def test_short_reads_are_joined(monkeypatch, tmp_path):
    def three_bytes(descriptor, buffers):
        return real(descriptor, [buffers[0][:3]])

    real = os.readv
    key_file(tmp_path)
    monkeypatch.setattr(os, "readv", three_bytes)
    assert read_file(tmp_path)[0] == SECRET


def test_no_descriptor_is_left_open(failure, tmp_path):
    key_file(tmp_path)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    os.close(descriptor)
    read_file(tmp_path)
    (tmp_path / "k1.key").chmod(0o644)
    failure(read_file, tmp_path)
    again = os.open(tmp_path, os.O_RDONLY)
    os.close(again)
    assert again == descriptor


# --- a path that counts from a folder that cannot be told -----------------------------------------------------------------
RELATIVE = {
    "the programs of a ring": lambda path: ring.check_programs(path, []),
    "the tree above it": files.tree_above,
    "its path without links": files.real_path,
    "whether git tracks it": lambda path: files.is_tracked(path, Access({})),
    "whether it is published": lambda path: files.published(path, Access({})),
    "a ring": ring.KeyRing.load,
}


@pytest.mark.parametrize("path", ["keys.yaml", "./keys.yaml", "a/keys.yaml", "../keys.yaml"])
@pytest.mark.parametrize("asked", RELATIVE)
@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file or directory"), PermissionError(13, "Permission denied")])
def test_a_relative_path_from_nowhere(failure, monkeypatch, asked, path, error):
    """The folder that a process is in may be gone, or below one that it may not read: no path counts from there."""

    def nowhere():
        raise error

    monkeypatch.setattr(os, "getcwd", nowhere)
    found = failure(RELATIVE[asked], path)
    assert type(found) is NoUsableKey
    assert error.strerror.lower() in found.problem


@pytest.mark.parametrize("asked", [name for name in RELATIVE if name != "a ring"])
def test_an_absolute_path_counts_from_nowhere_else(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(os, "getcwd", lambda: pytest.fail("the folder that one is in does not matter"))
    RELATIVE[asked](str(tmp_path / "keys.yaml"))
