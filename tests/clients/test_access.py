"""The walk-through of docs/access.md, typed as it stands: users, accounts, roles, a pod's token."""

import sys

import pytest

from tests.clients.programs import Daemon
from tests.clients.walkthrough import Page


@pytest.fixture
def started(environment, folder, cluster):
    """What `openecr serve` printed. Its port is any free one: the usual one may be in use."""
    command = (sys.executable, "-m", "openecr", "serve", "--port", "0", "--data-dir", folder / "data")
    with Daemon(
        *command, ready=r"^ready: http://(\S+)$", environment={**environment, **cluster.setting}
    ) as daemon:
        yield daemon


def test_the_walk_through_works_as_it_stands(started, folder, cluster, docker):
    page = Page("access.md", started)
    assert [kind for kind, _ in page.blocks].count("sh denied") == 5
    (folder / "service-account.token").write_text(cluster.token("prod:workload"))

    printed = page.type(folder, docker)

    assert "\narn:aws:sts::000000000000:assumed-role/workload/" in page.rest(printed)
    assert printed.endswith(
        f"Downloaded newer image for {page.address}/team/app:2.0\n{page.address}/team/app:2.0"
    )
