"""Our suite as tests, one per case, and the official program where CONFORMANCE names it.

The cases are asked once, in their order, and each test looks at its own result: so they may run in any order.
An openecr of our own must pass everything; of another registry (OCI_REGISTRY) a skip is a skip.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from .cases import data_rows, plan
from .registry import asked
from .report import Result, evidence, row
from .rows import Api, Status
from .settings import OFF_BY_DEFAULT, ON_BY_DEFAULT, ON_IN_DEV, from_environment

LIMIT_SECONDS = 600
NAMES = [case.name for case in plan(from_environment(asked(os.environ)))]
OFFICIAL_ROW = re.compile(
    r"^  (?P<name>[A-Z][\w -]*?)\.*: +(?P<status>Pass|Skip|Disabled|FAIL|Error|Unknown)$", re.M
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LIMIT_SECONDS)]


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, results: dict[str, Result]) -> None:
    result = results[name]
    if os.environ.get("OCI_REGISTRY") and result.status in (Status.SKIP, Status.DISABLED):
        pytest.skip(result.reason)
    if result.status is not Status.PASS:
        pytest.fail(evidence(result), pytrace=False)


def test_every_row_is_asked() -> None:
    """A row that no case counts for would say nothing, and look as if it did."""
    settings = from_environment({"OCI_VERSION": "dev", "OCI_DATA_SPARSE": "true"})
    cases = plan(settings)
    assert {row for case in cases for row in case.rows + case.if_passed} == set(Api)
    assert {case.data for case in cases if case.data} == data_rows(settings).keys()


@pytest.mark.skipif(
    not os.environ.get("CONFORMANCE"), reason="CONFORMANCE does not name the official program"
)
def test_the_official_program_finds_no_fault(
    environment: dict[str, str], rows: dict[str, str], tmp_path: Path
) -> None:
    """All its switches are on but sparse manifests: ECR refuses a manifest whose layers are missing."""
    switches = {f"OCI_{switch}": "true" for switch in ON_BY_DEFAULT + ON_IN_DEV}
    switches |= {f"OCI_{switch}": environment.get(f"OCI_{switch}", "false") for switch in OFF_BY_DEFAULT}
    program = subprocess.run(
        [os.environ["CONFORMANCE"]],
        cwd=tmp_path,
        env={**environment, **switches, "OCI_VERSION": "dev", "OCI_RESULTS_DIR": str(tmp_path / "results")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT_SECONDS,
    )
    found = {found["name"]: found["status"] for found in OFFICIAL_ROW.finditer(program.stdout)}
    rows["the official program"] = "\n".join(row(*name_and_status) for name_and_status in found.items())

    assert program.returncode == 0, program.stdout
    assert set(Api) <= found.keys()
    assert {name for name, status in found.items() if status != "Pass"} <= {"Sparse Manifests"}, found
