"""One registry and one run of all cases for the whole session; the rows are printed at its end."""

import os
from collections.abc import Iterator

import pytest

from .cases import plan
from .registry import registry
from .report import Result, run, table
from .settings import from_environment

ROWS = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for title, rows in config.stash[ROWS].items():
        terminalreporter.section(title)
        terminalreporter.write_line(rows)


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> dict[str, str]:
    """Tables to print at the end of the session, by title."""
    return request.config.stash[ROWS]


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """OCI_… variables for the registry that is judged."""
    with registry(os.environ) as environment:
        yield environment


@pytest.fixture(scope="session")
def results(environment: dict[str, str], rows: dict[str, str]) -> dict[str, Result]:
    """By name, what became of each case."""
    settings = from_environment(environment)
    results = list(run(plan(settings), settings))
    rows["our cases"] = table(results, settings)
    return {result.case.name: result for result in results}
