"""Real git, in a repository of its own."""

from __future__ import annotations

import pytest
from githouse import Repository


@pytest.fixture
def repo(tmp_path):
    return Repository(tmp_path)
