"""The walk-through of docs/lifecycle.md, typed: a policy, its preview, simulation, run."""

import re
import sys
from pathlib import Path

import pytest

from tests.clients.programs import Daemon, Program

DOCUMENT = Path(__file__).parents[2] / "docs" / "lifecycle.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "localhost:3270"


@pytest.fixture
def started(environment, folder):
    """What `openecr serve` printed. Its port is any free one: the usual one may be in use."""
    command = (sys.executable, "-m", "openecr", "serve", "--port", "0", "--data-dir", folder / "data")
    with Daemon(*command, ready=r"^ready: http://(\S+)$", environment=environment) as daemon:
        yield daemon


def test_the_walk_through_works_as_it_stands(started, folder, environment):
    exports = "".join(line for line in started.said if line.startswith("  export "))
    blocks = BLOCK.findall(DOCUMENT.read_text().replace(ADDRESS, started.ready[1]))
    typed = "".join(text for kind, text in blocks if kind == "sh")
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"  # aws and openecr are beside python
    variables = {
        **environment,
        "PATH": path,
        "OPENECR_DATA_DIR": str(folder / "data"),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
    }
    terminal = Program(("bash", "-euo", "pipefail", "-c"), variables)

    printed = terminal(f"exec 2>&1\ncd {folder}\n{exports}{typed}")

    position = 0
    shown = [text for kind, text in blocks if kind == "text"]
    assert len(shown) == 4
    for expected in shown:
        assert expected.rstrip("\n") in printed[position:]
        position = printed.index(expected.rstrip("\n"), position) + len(expected.rstrip("\n"))
