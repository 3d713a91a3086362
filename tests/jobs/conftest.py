"""Jobs are run upon an installation of their own: real stores, real operations, no server."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from openecr.jobs import expire_images
from openecr.metadata.database import Database
from openecr.settings import DATABASE_FILE
from tests.jobs.installation import Installation
from tests.jobs.lifecycle import REPOSITORY, Place


@pytest.fixture
def installation(tmp_path: Path, empty_database: Path) -> Iterator[Installation]:
    shutil.copy(empty_database, tmp_path / DATABASE_FILE)
    installation = Installation(tmp_path)
    yield installation
    installation.database.close()


@pytest.fixture
def place(installation):
    installation.create(REPOSITORY)
    return Place(installation)


@pytest.fixture
def many(place, monkeypatch):
    """Ten images, and a run that takes two at a time."""
    monkeypatch.setattr(expire_images, "SMALL_BATCH", 2)
    return [place.push(f"t{number}") for number in range(10)]


@pytest.fixture
def apart(installation):
    """Have jobs done as in a process that does nothing else, with its own connection to the database."""
    opened = []

    def apart():
        opened.append(Database(installation.file))
        installation.tools = replace(installation.tools, database=opened[0], is_apart=True)

    yield apart
    for each in opened:
        each.close()
