"""A page of the docs, typed as it stands in one bash by somebody who has just started a server.

`sh` blocks are typed, `sh denied` blocks must fail, `text` blocks are what was printed, in their order.
"""

import re
import sys
from pathlib import Path

from tests.clients.programs import Daemon, Program

DOCS = Path(__file__).parents[2] / "docs"
ADDRESS = "localhost:3270"
_BLOCK = re.compile(r"^```(sh|sh denied|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page:
    """A page, about the server that has just said it is ready at another address than the usual one."""

    def __init__(self, name: str, started: Daemon):
        self.address = started.ready[1]
        text = (DOCS / name).read_text().replace(ADDRESS, self.address)
        self.blocks = _BLOCK.findall(text)
        self._exports = "".join(line for line in started.said if line.startswith("  export "))

    def type(self, folder: Path, docker: Program) -> str:
        """Type all of it in that folder, where the data are: all that was printed."""
        typed = "".join(_typed(kind, text) for kind, text in self.blocks if kind != "text")
        path = f"{Path(sys.executable).parent}:{docker.environment['PATH']}"  # aws, openecr: beside python
        environment = {**docker.environment, "PATH": path, "OPENECR_DATA_DIR": str(folder / "data")}
        terminal = Program(("bash", "-euxo", "pipefail", "-c"), environment)
        return terminal(f"exec 2>&1\ncd {folder}\n{self._exports}{typed}")

    def rest(self, printed: str) -> str:
        """What was printed after all that the page says was printed."""
        printed += "\n"  # which the terminal left out at the end
        position = 0
        for expected in [text for kind, text in self.blocks if kind == "text"]:
            assert expected in printed[position:]
            position = printed.index(expected, position) + len(expected)
        return printed[position:]


def _typed(kind: str, text: str) -> str:
    """A block that must be refused ends the script if it is not."""
    return f"if (\n{text}); then exit 99; fi\n" if kind == "sh denied" else text
