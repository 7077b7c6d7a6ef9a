"""The laws hold; and each fails when it is planted against."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import laws
import pytest

import sealkit

PACKAGE = Path(sealkit.__file__).parent


@pytest.fixture(scope="session")
def copies(tmp_path_factory):
    return tmp_path_factory.mktemp("laws")


@pytest.fixture
def package(copies, request):
    """A copy of the package, to be planted in."""
    folder = copies / str(len(list(copies.iterdir())))
    shutil.copytree(PACKAGE, folder / "sealkit", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "sealkit"


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
def test_the_law_holds(law, package):
    assert law(package) == []


def added(module, text):
    """Add lines to a module, after its imports from the future."""

    def plant(package):
        path = package / module
        future = "from __future__ import annotations\n"
        old = path.read_text() if path.exists() else future
        path.write_text(old.replace(future, f"{future}\n{text}\n", 1) if future in old else f"{old}\n{text}\n")

    return plant


def changed(module, old, new):
    def plant(package):
        path = package / module
        assert path.read_text().count(old) >= 1, f"{module} has no {old!r} any more: plant something else"
        path.write_text(path.read_text().replace(old, new))

    return plant


PLANTS = [
    (laws.law_1_imports_go_down, added("jobs.py", "from sealkit.trees import store"), "jobs"),
    (laws.law_1_imports_go_down, added("crypto/blob.py", "from sealkit.crypto import cipher"), "crypto.blob"),
    (laws.law_1_imports_go_down, added("errors.py", "def f():\n    from sealkit.cli import show"), "errors"),
    (laws.law_1_imports_go_down, added("report.py", "import sealkit"), "report"),
    (laws.law_1_imports_go_down, added("newroom.py", "x = 1"), "newroom"),
    (laws.law_1_imports_go_down, lambda package: (package / "jobs.py").unlink(), "jobs"),
    (laws.law_1_no_cycles, added("errors.py", "import sealkit.jobs"), "errors"),
    (laws.law_1_no_cycles, added("trees/found.py", "from sealkit.trees import walk"), "trees.found"),
    (laws.law_2_packages_have_one_room, added("keys/key.py", "from cryptography import x509"), "keys.key"),
    (laws.law_2_packages_have_one_room, added("records/locate.py", "import yaml"), "records.locate"),
    (laws.law_2_packages_have_one_room, added("report.py", "import click"), "report"),
    (laws.law_2_packages_have_one_room, added("jobs.py", "import multiprocessing.pool"), "jobs"),
    (laws.law_2_packages_have_one_room, added("jobs.py", "import requests"), "jobs"),
    (laws.law_3_only_the_command_line_speaks, added("jobs.py", "print(1)"), "jobs"),
    (laws.law_3_only_the_command_line_speaks, added("trees/batch.py", "import sys\nsys.exit(3)"), "trees.batch"),
    (laws.law_3_only_the_command_line_speaks, added("keys/sources.py", "x = input('key? ')"), "keys.sources"),
    (laws.law_3_only_the_command_line_speaks, added("report.py", "import sys\nsys.stderr.write('x')"), "report"),
    (laws.law_5_names_say_something, added("utils.py", "x = 1"), "utils"),
    (laws.law_5_names_say_something, added("trees/helpers.py", "x = 1"), "helpers"),
    (laws.law_6_a_light_start, added("report.py", "import multiprocessing"), "multiprocessing"),
    (laws.law_6_a_light_start, added("records/record.py", "import cryptography"), "cryptography"),
    (laws.law_6_a_light_start, added("cli/__init__.py", "import asyncio"), "--version"),
    (laws.law_6_a_light_start, added("yamltree.py", "import asyncio"), "asyncio"),
    (
        laws.law_7_only_our_errors,
        changed("crypto/blob.py", "        raise error\n", "        raise ValueError(text)\n"),
        "Blob.parse",
    ),
    (laws.law_7_only_our_errors, changed("payload.py", "except UnicodeDecodeError", "except ZeroDivisionError"), "Sealer.seal"),
    (
        laws.law_8_nothing_is_shown,
        changed("keys/key.py", '        return f"<Key {self._id} {self.bits} bits>"', "        return f'<Key {self._secret!r}>'"),
        "key",
    ),
    (laws.law_8_nothing_is_shown, changed("keys/key.py", 'refuse_copy("key")', "return (str, (repr(self._secret),))"), "pickled"),
    (laws.law_8_nothing_is_shown, changed("opaque.py", "failure = error.with_traceback(None)", "failure = error"), "shows"),
    (
        laws.law_8_nothing_is_shown,
        changed("payload.py", 'PayloadCheck(problem=f"{what} is not', 'PayloadCheck(problem=f"{payload!r} is not'),
        "payload",
    ),
    (laws.law_9_one_module_starts_git, added("trees/walk.py", "import subprocess"), "trees.walk"),
    (laws.law_9_one_module_starts_git, added("jobs.py", "def f():\n    from subprocess import run"), "jobs"),
    (laws.law_9_one_module_starts_git, added("jobs.py", "import os\nos.execvp('git', ['git', 'status'])"), "jobs"),
    (laws.law_9_one_module_starts_git, added("jobs.py", "import os\nos.posix_spawn('/usr/bin/git', ['git'], {})"), "jobs"),
    (laws.law_9_one_module_starts_git, added("git/compare.py", "import asyncio.subprocess"), "git.compare"),
    (laws.law_9_one_module_starts_git, added("desk/editor.py", "COMMAND = ['git', 'status']"), "desk.editor"),
    (laws.law_9_one_module_starts_git, added("keys/command.py", "COMMAND = ('/usr/bin/git', 'status')"), "keys.command"),
    (laws.law_9_one_module_starts_git, added("keys/command.py", "subprocess.run('git status')"), "keys.command"),
    (laws.law_10_python_runs_sealkit_isolated, added("jobs.py", "HINT = 'run: python -m sealkit git doctor'"), "jobs"),
    (laws.law_10_python_runs_sealkit_isolated, added("cli/git.py", "HINT = f'{1} -E -m sealkit'"), "git.py"),
    (
        laws.law_10_python_runs_sealkit_isolated,
        lambda package: (package.parent / "README.md").write_text("$ python3 -m  sealkit check .\n"),
        "README.md",
    ),
    *(
        (laws.law_11_the_judge_alone_says_authentic, added(module, text), module.removesuffix(".py").replace("/", "."))
        for module, text in [
            ("jobs.py", "from sealkit.unsealed import Unsealed as Opened\ndef f(x):\n    return Opened(x, 'k', x, 'plain')"),
            ("jobs.py", "def f(x):\n    return sealing.Unsealed(x, 'k', 'authentic')"),
            ("git/payloads.py", "from sealkit.unsealed import AUTHENTIC\ndef f(x):\n    x.verdict = AUTHENTIC"),
            ("desk/spot.py", "from sealkit import unsealed\ndef f(x):\n    return x, unsealed.AUTHENTIC"),
            ("trees/content.py", "def f(x, code='authentic'):\n    return x(code)"),
            ("columns/opening.py", "def f(self, row):\n    self.opened.add(row, 0, AUTHENTIC, TAGGED)"),
            ("columns/core.py", "_GOOD = NUMBERS['authentic']"),
            ("columns/core.py", "def f(x):\n    return judge.Proved([True], x, 'tagged')"),
            ("trees/at_once.py", "from sealkit.sealer import AUTHENTIC\nGOOD = AUTHENTIC"),
            ("sealing/replacing.py", "def f(x):\n    return ['authentic'] + x"),
            ("cli/decrypt.py", "f = lambda x: x if x else 'authentic'"),
        ]
    ),
    (
        laws.law_12_one_way_from_bytes_to_fields,
        added("trees/census.py", "from sealkit.records.record import split"),
        "trees.census",
    ),
    (laws.law_12_one_way_from_bytes_to_fields, added("cli/init.py", "def f(x):\n    return x.paths('a')"), "cli.init"),
    *(
        (laws.law_13_one_door_for_what_is_printed, added(module, text), module.removesuffix(".py").replace("/", "."))
        for module, text in [
            ("cli/grep.py", "def f(x):\n    print(x)"),
            ("cli/run.py", "import sys\ndef f(x):\n    sys.stdout.buffer.write(x)"),
            ("cli/check.py", "import sys\nout = sys.stderr\nout.write('x')"),
            ("cli/columns.py", "from sys import stdout as there\nthere.write('x')"),
            ("cli/init.py", "def f(x):\n    click.echo(x)"),
            ("cli/retag.py", "from click import secho\nsecho('x')"),
            ("cli/ask.py", "from getpass import getpass\ngetpass('x')"),
            ("cli/rotated.py", "def f(x):\n    return click.confirm(x)"),
            ("cli/doctor.py", "import os\nos.write(2, b'x')"),
            ("cli/edit.py", "open('/dev/tty', 'w').write('x')"),
            ("trees/batch.py", "import warnings\nwarnings.warn('x')"),
            ("jobs.py", "import logging\nlogging.error('x')"),
            ("keys/ring.py", "import traceback\ntraceback.print_exc()"),
            ("cli/progress.py", "import sys\nprint('x', file=sys.__stderr__)"),
        ]
    ),
    (laws.rule_no_catch_all, added("jobs.py", "try:\n    x = 1\nexcept Exception:\n    pass"), "jobs"),
    (laws.rule_no_catch_all, added("jobs.py", "try:\n    x = 1\nexcept:\n    x = 2"), "jobs"),
    (laws.rule_no_dangerous_calls, added("trees/walk.py", "import os\nx = list(os.walk('.'))"), "os.walk"),
    (laws.rule_no_dangerous_calls, added("jobs.py", "from pathlib import Path\nx = Path('.').rglob('*')"), "rglob"),
    (laws.rule_no_dangerous_calls, added("yamltree.py", "import yaml\nyaml.safe_load('a')"), "safe_load"),
    (laws.rule_no_dangerous_calls, added("trees/worktree.py", "import subprocess\nsubprocess.run('ls', shell=True)"), "shell"),
    (laws.rule_no_dangerous_calls, added("trees/store.py", "import pickle\npickle.loads(b'')"), "pickle"),
    (laws.rule_no_dangerous_calls, added("trees/store.py", "import marshal\nmarshal.loads(b'')"), "marshal"),
    (laws.rule_no_dangerous_calls, added("jobs.py", "open('x', 'w').close()"), "writing"),
    (laws.rule_no_dangerous_calls, added("jobs.py", "open('x', mode='r+b').close()"), "writing"),
    (laws.rule_one_line_is_one_line, added("cli/compat.py", "def f(x):\n    show.out(f'a\\n{x}')"), "cli.compat"),
    (laws.rule_one_line_is_one_line, added("cli/edit.py", "def f(x):\n    show.note('a' + x + '\\n')"), "cli.edit"),
]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("law", "plant", "expected"), PLANTS, ids=[f"{law.__name__}-{number}" for number, (law, *_) in enumerate(PLANTS)]
)
def test_the_law_finds_what_is_planted(law, plant, expected, package):
    plant(package)
    violations = law(package)
    assert any(expected in violation for violation in violations), violations


def test_every_law_is_planted_against():
    assert {law for law, _, _ in PLANTS} == set(laws.LAWS)


def test_the_public_names():
    assert sealkit.__all__ == sorted(sealkit.__all__, key=lambda name: (name.islower(), name))
    for name in sealkit.__all__:
        assert getattr(sealkit, name) is not None
        assert name in dir(sealkit)
    with pytest.raises(AttributeError):
        _ = sealkit.nothing
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.skipif("SEALKIT_CI" not in os.environ, reason="where the package comes from matters to CI alone")
def test_the_installed_package_is_tested():
    assert "site-packages" in PACKAGE.parts
    assert not (PACKAGE.parent / "pyproject.toml").exists()
