"""The walk-through of docs/public-registry.md, typed as it stands: catalog data, a logo, an alias."""

import re
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


def test_the_walk_through_works_as_it_stands(started, folder, docker, skopeo, anonymous):
    page = Page("public-registry.md", started)
    assert [kind for kind, _ in page.blocks].count("sh denied") == 2

    printed = page.type(folder, docker)

    assert page.rest(printed) == ""
    given = re.search(
        rf"^({page.address}/public\.ecr\.aws/[a-z][a-z0-9]{{7}}/team/tools)$", printed, re.MULTILINE
    )
    assert given is not None
    acme = f"{page.address}/public.ecr.aws/acme/team/tools"
    assert f"Downloaded newer image for {given[1]}:1.0" in printed
    assert f"Downloaded newer image for {acme}:1.0" in printed
    # Another program finds the same under both names, without a login.
    nobody = anonymous(skopeo)
    digests = [nobody("inspect", "--format={{.Digest}}", f"docker://{name}:1.0") for name in (given[1], acme)]
    assert digests[0].startswith("sha256:")
    assert digests[0] == digests[1]
