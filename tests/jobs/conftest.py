"""Jobs are run upon an installation of their own: real stores, real operations, no server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from openecr.settings import DATABASE_FILE
from tests.jobs.installation import Installation


@pytest.fixture
def installation(tmp_path: Path, empty_database: Path) -> Iterator[Installation]:
    shutil.copy(empty_database, tmp_path / DATABASE_FILE)
    installation = Installation(tmp_path)
    yield installation
    installation.database.close()
