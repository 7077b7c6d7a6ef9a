"""What a machine's files say of swap; what the process may do; what is installed, found without importing it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest

from sealkit import health
from sealkit.health import BAD, OK, WARNING
from sealkit.installing import how_to_install

HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


@pytest.fixture
def machine(tmp_path):
    """A machine's /proc, /sys and /dev, with one encrypted device, one on top of it, one that is on two, and one that is plain."""
    for folder in ("proc", "dev/mapper", *(f"sys/block/dm-{number}/dm" for number in range(4))):
        (tmp_path / folder).mkdir(parents=True)
    for number, uuid in enumerate(["CRYPT-LUKS2-0011-luks", "LVM-abc", "LVM-def", "LVM-ghi"]):
        (tmp_path / f"sys/block/dm-{number}/dm/uuid").write_text(uuid + "\n")
        (tmp_path / f"dev/dm-{number}").write_text("")
    (tmp_path / "sys/block/sda2").mkdir()
    for above, below in (("dm-1", ["dm-0"]), ("dm-2", ["dm-0", "sda2"]), ("dm-3", ["sda2"])):
        (tmp_path / f"sys/block/{above}/slaves").mkdir()
        for one in below:
            (tmp_path / f"sys/block/{above}/slaves/{one}").symlink_to(f"../../{one}")
    (tmp_path / "dev/mapper/swap").symlink_to("../dm-1")

    def swaps(*paths):
        (tmp_path / "proc/swaps").write_text(HEAD + "".join(f"{path} partition 8388604 0 -2\n" for path in paths))
        return list(health.swap(f"{tmp_path}/proc", f"{tmp_path}/sys", f"{tmp_path}/dev"))

    swaps.dev = f"{tmp_path}/dev"
    return swaps


def test_no_swap(machine):
    assert [(one.status, one.text) for one in machine()] == [(OK, "none")]


@pytest.mark.parametrize(
    ("device", "status"),
    [
        ("dm-0", OK),
        ("dm-1", OK),
        ("mapper/swap", OK),
        ("dm-2", WARNING),
        ("dm-3", WARNING),
        ("sda2", WARNING),
        ("gone", WARNING),
        ("zram0", OK),
    ],
)
def test_a_swap_device(machine, device, status):
    (found,) = machine(f"{machine.dev}/{device}")
    assert found.status == status
    assert (found.hint is not None) == (status != OK)


def test_several_and_odd_names(machine):
    found = machine(f"{machine.dev}/dm-0", "/swap\\040file")
    assert [one.status for one in found] == [OK, WARNING]
    assert "/swap file" in found[1].text


def test_a_machine_that_does_not_say(tmp_path):
    (found,) = health.swap(str(tmp_path))
    assert found.status == WARNING


def test_this_machine():
    assert {one.status for one in health.swap()} <= {OK, WARNING}


@pytest.mark.parametrize(("mask", "status"), [(0o077, OK), (0o022, OK), (0o002, WARNING), (0, WARNING)])
def test_umask(mask, status):
    child = f"import os; os.umask({mask}); from sealkit import health; print(*[one.status for one in health.process() if one.check == 'umask']); print(os.umask(0))"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [status, str(mask)], "asked for, and left as it was"


def test_locked_memory():
    child = "import resource, os\nresource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))\nimport ctypes\nfrom sealkit import health\n"
    child += "list(health.process())\nif not os.geteuid(): os.setgid(65534), os.setuid(65534)\nprint(next(iter(health.process())).status)"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    assert done.stdout == f"{WARNING}\n"


def test_extras_are_those_of_the_package(monkeypatch):
    required = [
        "click>=8",
        'pyrage>=1; extra == "age"',
        "boto3 ; extra == 'aws'",
        "sealkit[age]; extra == 'all'",
        "pytest; extra == 'dev'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: required)
    assert health.extras() == {"age": ["pyrage"], "aws": ["boto3"]}


def test_what_is_installed(monkeypatch):
    monkeypatch.setattr(health, "extras", lambda: {"here": ["click"], "gone": ["click", "no-such-package-anywhere"]})
    found = {one.text: one for one in health.installed()}
    assert found["here: installed"].hint is None
    assert found["gone: not installed (no-such-package-anywhere)"].hint == how_to_install("gone")
    assert next(one for one in found.values() if one.check == "libyaml").status == OK


def test_no_libyaml(monkeypatch):
    import yaml

    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert next(one for one in health.installed() if one.check == "libyaml").status == BAD


def test_a_package_that_was_not_installed_has_no_extras(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    assert health.extras() == {}


def test_nothing_optional_is_imported():
    child = "import sys; from sealkit import health; list(health.installed()); list(health.swap()); list(health.process())\n"
    child += "print({'keyring', 'pyrage', 'boto3', 'pkcs11', 'zxcvbn', 'cryptography', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "set()\n"
