"""A host to look at, and a home to deploy from."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.deployment.home import Home
from tests.modelyard.deployment.trees import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "host"
    root.mkdir()
    return Tree(root)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")
