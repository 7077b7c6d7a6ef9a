"""What the tests of columns need: in CI its absence is an error, elsewhere they are left out."""

from __future__ import annotations

import os
from importlib.util import find_spec

collect_ignore_glob = ["test_*.py"] if find_spec("pyarrow") is None and "SEALKIT_CI" not in os.environ else []


def pytest_report_header():
    return "NOT TESTED: columns (pip install '.[test]')" if collect_ignore_glob else None
