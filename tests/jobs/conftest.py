"""Jobs are run upon an installation of their own: real stores, real operations, no server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.database.close()
