"""Run cases, collect what became of them, and show it: leaf cases, failures with their exchanges, rows.

Of several results for one row the highest status wins, as seen in the official program.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .cases import Case, data_rows
from .client import Client, NonconformingError, UnsupportedError
from .rows import Api, Status
from .settings import Settings

ROW_WIDTH = 30


@dataclass(frozen=True, slots=True)
class Result:
    """reason: why it was not passed. exchanges: every request and answer of the case, as text."""

    case: Case
    status: Status
    reason: str = ""
    exchanges: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.case.name}: {self.status}" + (f" ({self.reason})" if self.reason else "")


def run(cases: Iterable[Case], settings: Settings) -> Iterator[Result]:
    """Ask each case, in order; a result comes as soon as it is there."""
    with Client(settings) as client:
        for case in cases:
            client.exchanges = []
            if not settings.asks(case.rows):
                yield Result(case, Status.DISABLED, "switched off")
                continue
            try:
                case.check(client)
            except UnsupportedError as unsupported:
                yield Result(case, Status.SKIP, str(unsupported), client.exchanges)
            except NonconformingError as failure:
                yield Result(case, Status.FAIL, str(failure), client.exchanges)
            else:
                yield Result(case, Status.PASS, exchanges=client.exchanges)


def api_rows(results: Iterable[Result], settings: Settings) -> dict[str, Status]:
    rows = {row: Status.UNKNOWN if settings.asks((row,)) else Status.DISABLED for row in Api}
    for result in results:
        counted = result.case.rows + (result.case.if_passed if result.status is Status.PASS else ())
        for row in counted:
            rows[row] = max(rows[row], result.status)
    return {str(row): status for row, status in rows.items()}


def content_rows(results: Iterable[Result], settings: Settings) -> dict[str, Status]:
    rows = {row: Status.UNKNOWN if on else Status.DISABLED for row, on in data_rows(settings).items()}
    for result in results:
        if result.case.data:
            rows[result.case.data] = max(rows[result.case.data], result.status)
    return dict(sorted(rows.items()))


def failures(results: Iterable[Result]) -> str:
    """What failed, with its exchanges."""
    return "\n".join(evidence(result) for result in results if result.status is Status.FAIL)


def evidence(result: Result) -> str:
    return "\n".join([str(result), *(indented(exchange) for exchange in result.exchanges)])


def table(results: Sequence[Result], settings: Settings) -> str:
    """The counts and the rows."""
    lines = [f"Cases: {len(results)} of {settings.base_url}, version {settings.version}"]
    for status in list(Status)[1:]:
        lines.append(row(str(status), str(sum(result.status is status for result in results))))
    for title, rows in (
        ("API conformance:", api_rows(results, settings)),
        ("Data conformance:", content_rows(results, settings)),
    ):
        lines += ["", title, *(row(name, str(status)) for name, status in rows.items())]
    return "\n".join(lines)


def row(name: str, value: str) -> str:
    return f"  {name:<{ROW_WIDTH}} {value:>8}"


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()) + "\n"
