"""The walk-through of the README, typed as it stands by somebody who has just started a server."""

import re
import sys
from pathlib import Path

import pytest

from tests.clients.programs import Daemon, Program

CHECKOUT = Path(__file__).parents[2]
SECTION = re.compile(r"^## Walk through$(.*?)^## ", re.MULTILINE | re.DOTALL)
SH = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "localhost:3270"


@pytest.fixture
def started(environment, folder):
    """What `openecr serve` printed. Its port is any free one: the usual one may be in use."""
    command = (sys.executable, "-m", "openecr", "serve", "--port", "0", "--data-dir", folder / "data")
    with Daemon(*command, ready=r"^ready: http://(\S+)$", environment=environment) as daemon:
        yield daemon


def test_the_walk_through_works_as_it_stands(started, docker):
    exports = "".join(line for line in started.said if line.startswith("  export "))
    walk_through = SECTION.search((CHECKOUT / "README.md").read_text())
    assert walk_through is not None
    blocks = SH.findall(walk_through[1])
    assert len(blocks) == 4
    typed = "".join(blocks).replace(ADDRESS, started.ready[1])
    path = f"{Path(sys.executable).parent}:{docker.environment['PATH']}"  # the AWS CLI is beside python
    terminal = Program(("bash", "-euxo", "pipefail", "-c"), {**docker.environment, "PATH": path})

    printed = terminal(f"cd {CHECKOUT}\n{exports}{typed}")

    assert '"imageTags": [\n                "1.0"' in printed
    assert '"imageManifest": ' in printed
    assert "Downloaded newer image" in printed
