"""Crash tests are slow; those that mount something need root."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.journal import Journal

HERE = Path(__file__).parent
LIMIT_SECONDS = 1_800  # for one test, in the full run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(LIMIT_SECONDS))


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.fail("This test mounts a file system, for which it needs root.")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()
