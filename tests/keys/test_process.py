"""A process that holds keys leaves no core and cannot be looked into."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import ctypes, os, resource, sys
from sealkit.keys.process import protect_process
protect_process()
protect_process()
print(resource.getrlimit(resource.RLIMIT_CORE))
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
reader, writer = os.pipe()
os.close(os.open(f"/proc/self/fd/{writer}", os.O_WRONLY))
print(len(os.listdir("/proc/self/fd")) > 2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_no_core_no_ptrace_and_its_own_descriptors_still_work():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert done.stdout == "(0, 0)\n0\nTrue\n", done.stderr


def test_a_system_that_refuses_is_no_error():
    child = """
import resource
def refuse(*_):
    raise ValueError("not allowed")
resource.setrlimit = refuse
import ctypes
ctypes.CDLL = lambda _: object()
from sealkit.keys.process import protect_process
protect_process()
print("done")
"""
    assert subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False).stdout == "done\n"


def test_the_module_costs_nothing_until_it_is_called():
    child = "import sys; import sealkit.keys.process; print(sorted({'ctypes', 'resource'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout == "[]\n"
