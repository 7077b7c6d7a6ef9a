"""What some tests need and not every machine has: other programs, extras, root. A test says so, is skipped without it, and the last
line of a run tells what was not tried for want of what (``conftest.py``).

In CI (``SEALKIT_CI``) everything that ``.ci/run`` installs is there, or what needs it fails.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from sealkit.desk.scratch import Scratch
from sealkit.errors import StoreError

CI = bool(os.environ.get("SEALKIT_CI"))
ROOT = os.geteuid() == 0

EXTRAS = {
    "boto3": "aws",
    "cryptography_vectors": "dev",
    "duckdb": "duckdb",
    "keyring": "keyring",
    "keyrings": "dev",
    "moto": "dev",
    "numpy": "columns",
    "pandas": "pandas",
    "pkcs11": "pkcs11",
    "polars": "polars",
    "pre_commit": "dev",
    "pyarrow": "columns",
    "pybase64": "fast",
    "pyrage": "age",
    "pyspark": "spark",
    "re2": "fast",
    "sealkit.columns": "columns",
    "zxcvbn": "passphrase",
}
"""Modules that the extra ``test`` does not bring, and the extra that does."""

_PACKAGES = {"python-pkcs11": "pkcs11"}
_SAID_BY_SEALKIT = re.compile(r"error: .*\b(?:need|the package) ([\w-]+),? (?:which )?is not installed")
_BROUGHT_BY = {"sealkit.columns": "pyarrow"}
_PROGRAM = "needs the program {}"
_NOT_IMPORTED = re.compile(r"could not import '([\w.]+)")


def extra_for(module):
    """The extra that brings what is imported; None if it is nothing of the kind."""
    return next((extra for name, extra in EXTRAS.items() if f"{module}.".startswith(f"{name}.")), None)


def is_importable(module):
    """Whether a module of an extra is there."""
    name = next(name for name in EXTRAS if f"{module}.".startswith(f"{name}."))
    return find_spec(_BROUGHT_BY.get(name, name)) is not None


def lacking(source):
    """What a test module imports, at its top, of extras that are not installed. In CI nothing is: what is missing there fails."""
    if CI or not any(name in source for name in EXTRAS):
        return []
    found = []
    for node in ast.parse(source).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        found += [name for name in names if extra_for(name) and not is_importable(name)]
    return found


def missing(*programs):
    """The programs that are not on PATH."""
    return [name for name in programs if shutil.which(name) is None]


def program(*names):
    """A mark: the test needs programs. In CI it fails without them."""
    absent = [] if CI else missing(*names)
    return pytest.mark.skipif(bool(absent), reason=_PROGRAM.format(", ".join(absent)))


def demand_program(*names):
    """The test, or fixture, that is running needs programs."""
    if absent := missing(*names):
        say = pytest.fail if CI else pytest.skip
        say(_PROGRAM.format(", ".join(absent)))


def root(why):
    """A mark: the test needs root."""
    return pytest.mark.skipif(not ROOT, reason=f"only root {why}")


def demand_namespace():
    """The test that is running mounts in a user namespace of its own."""
    demand_program("unshare", "mount")
    command = ["unshare", "-Urm", "mount", "-t", "tmpfs", "none", tempfile.gettempdir()]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no mounts in a user namespace here: {tried.stderr.strip()}")


def demand_memory():
    """The test that is running needs a place in memory for files; return it."""
    try:
        with Scratch() as made:
            return Path(made.path).parent
    except StoreError as error:
        pytest.skip(f"no files in memory here: {error.problem}")


def excuse(err):
    """Skip the test that is running if sealkit said that it cannot, for want of an extra that truly is not installed."""
    found = _SAID_BY_SEALKIT.search(err)
    if found and not CI and (module := _PACKAGES.get(found[1], found[1])) in EXTRAS and not is_importable(module):
        pytest.skip(f"could not import {module!r}")


# --- the last line ---------------------------------------------------------------------------------------------------
def said(reason):
    """What a reason to skip says is lacking: ``("program", NAME)`` or ``("extra", NAME)`` for each; nothing for other reasons."""
    if found := _NOT_IMPORTED.search(reason):
        return [("extra", extra_for(found[1]) or found[1])]
    head = _PROGRAM.format("")
    if head in reason:
        return [("program", name) for name in reason.partition(head)[2].split(", ")]
    return []


def last_line(reasons, left_out=()):
    """One line that tells what was not tried, from the reasons of what was skipped and the names of suites that were left out."""
    lacking = [said(reason) for reason in reasons]
    names = {kind: sorted({name for one in lacking for what, name in one if what == kind}) for kind in ("program", "extra")}
    others = sum(not one for one in lacking)
    parts = [
        f"for want of the program{'s' * (len(names['program']) > 1)} {', '.join(names['program'])}" if names["program"] else "",
        f"for want of the extra{'s' * (len(names['extra']) > 1)} {', '.join(names['extra'])}" if names["extra"] else "",
        f"for other reasons, as said above, {others}" if others else "",
        f"for the time it takes, {', '.join(left_out)} (-m {left_out[0]})" if left_out else "",
    ]
    told = "; ".join(part for part in parts if part)
    return f"not tried: {told}" if told else "everything was tried"
