"""The walk-through of docs/access.md, typed as it stands: users, accounts, roles, a pod's token."""

import re
import sys
from pathlib import Path

import pytest

from tests.clients.programs import Daemon, Program

DOCUMENT = Path(__file__).parents[2] / "docs" / "access.md"
BLOCK = re.compile(r"^```(sh|sh denied|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "localhost:3270"


@pytest.fixture
def started(environment, folder, cluster):
    """What `openecr serve` printed. Its port is any free one: the usual one may be in use."""
    command = (sys.executable, "-m", "openecr", "serve", "--port", "0", "--data-dir", folder / "data")
    with Daemon(
        *command, ready=r"^ready: http://(\S+)$", environment={**environment, **cluster.setting}
    ) as daemon:
        yield daemon


def test_the_walk_through_works_as_it_stands(started, folder, cluster, docker):
    exports = "".join(line for line in started.said if line.startswith("  export "))
    document = DOCUMENT.read_text().replace(ADDRESS, started.ready[1])
    blocks = BLOCK.findall(document)
    assert [kind for kind, _ in blocks].count("sh denied") == 5
    typed = "".join(_typed(kind, text) for kind, text in blocks if kind != "text")
    (folder / "service-account.token").write_text(cluster.token("prod:workload"))
    path = f"{Path(sys.executable).parent}:{docker.environment['PATH']}"  # aws and openecr are beside python
    environment = {**docker.environment, "PATH": path, "OPENECR_DATA_DIR": str(folder / "data")}
    terminal = Program(("bash", "-euxo", "pipefail", "-c"), environment)

    printed = terminal(f"exec 2>&1\ncd {folder}\n{exports}{typed}")

    position = 0
    for expected in [text for kind, text in blocks if kind == "text"]:
        assert expected in printed[position:]
        position = printed.index(expected, position) + len(expected)
    assert "\narn:aws:sts::000000000000:assumed-role/workload/" in printed[position:]
    assert printed.endswith(
        f"Downloaded newer image for {started.ready[1]}/team/app:2.0\n{started.ready[1]}/team/app:2.0"
    )


def _typed(kind: str, text: str) -> str:
    """A block that must be refused ends the script if it is not."""
    return f"if (\n{text}); then exit 99; fi\n" if kind == "sh denied" else text
