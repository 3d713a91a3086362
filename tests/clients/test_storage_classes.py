"""The walk-through of docs/storage-classes.md, typed as it stands: archive, restore, pull times."""

import sys

import pytest

from tests.clients.programs import Daemon
from tests.clients.walkthrough import Page


@pytest.fixture
def started(environment, folder):
    """What `openecr serve` printed. Its port is any free one: the usual one may be in use."""
    command = (sys.executable, "-m", "openecr", "serve", "--port", "0", "--data-dir", folder / "data")
    with Daemon(*command, ready=r"^ready: http://(\S+)$", environment=environment) as daemon:
        yield daemon


def test_the_walk_through_works_as_it_stands(started, folder, docker):
    page = Page("storage-classes.md", started)
    assert [kind for kind, _ in page.blocks].count("sh denied") == 1
    printed = page.type(folder, docker)
    rest = page.rest(printed)
    assert f"Downloaded newer image for {page.address}/team/app:1.0" in rest
