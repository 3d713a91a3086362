"""`openecr coverage`: what is implemented of the service models, read from both and kept by nobody.

With `--markdown` it prints docs/operations.md, which a test holds to it.
"""

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openecr.aws.model import Service
    from openecr.operations.gate import Operation

STORED_ONLY = {
    "imageScanningConfiguration": "scan on push",
    "encryptionConfiguration": "encryption",
    "scanType": "scanning",
}
"""Members that are kept and shown, and have no effect yet; what they ask for. Source: design.md §5."""
INTRODUCTION = """\
# Operations

Made by `make docs` from the code and from the service models of the installed botocore; a test holds this
page to them. `openecr coverage` prints the same for a terminal.

The action is what a policy names after the service (`ecr:`, `ecr-public:`, `sts:`, `iam:`), the resource what
it is asked about. An *inline* operation reads a few rows by key and runs on the event loop; the others run in
a thread. Files are those of `src/openecr`.
"""
HEADER = """\
| operation | services | action | resource | inline | file |
| --- | --- | --- | --- | --- | --- |"""
UNLISTED = """
## Unlisted

What the OCI front needs and the model of the service does not list: no SDK can ask for it.
"""
MISSING = """
## Not implemented

Once the signature is found to hold, these answer `UnsupportedCommandException` (400) where the model
declares it, else `NotImplementedException` (501), which the query protocol of STS and IAM calls
`NotImplemented`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--missing", action="store_true", help="Print only what is not implemented.")
    forms.add_argument("--markdown", action="store_true", help="Print docs/operations.md.")


def run(arguments: argparse.Namespace) -> int:
    from openecr.aws.model import services
    from openecr.operations.all import OPERATIONS

    models = list(services().values())
    implemented = sorted(set(OPERATIONS.values()), key=lambda each: (each.name, each.services))
    if arguments.markdown:
        _print(_page(models, implemented))
        return 0
    for service in models:
        if arguments.missing:
            _print(f"{service.name} {name}" for name in _missing(service, implemented))
        else:
            _print(_listing(service, implemented))
    return 0


def _listing(service: "Service", implemented: "list[Operation]") -> Iterator[str]:
    missing = _missing(service, implemented)
    yield f"{service.name}: {_count(service, missing)}"
    for name in service.operations:
        stored = _stored_only(service, name)
        note = f"  ({', '.join(stored)}: stored only)" if stored else ""
        yield f"   -   {name}" if name in missing else f"  yes  {name}{note}"
    for each in implemented:
        if service.name in each.unlisted:
            yield f"  yes  {each.name}  (unlisted: for the OCI front)"
    yield ""


def _page(models: "list[Service]", implemented: "list[Operation]") -> Iterator[str]:
    missing = {service.name: _missing(service, implemented) for service in models}
    yield INTRODUCTION
    for service in models:
        yield f"* `{service.name}`: {_count(service, missing[service.name])}."
        for name in service.operations:
            stored = _stored_only(service, name)
            if stored and name not in missing[service.name]:
                yield f"  Of {name} these are stored only, and have no effect yet: {', '.join(stored)}."
    yield ""
    yield HEADER
    yield from _rows(
        (each, [name for name in each.services if name not in each.unlisted]) for each in implemented
    )
    yield UNLISTED
    yield HEADER
    yield from _rows((each, sorted(each.unlisted)) for each in implemented)
    yield MISSING
    yield "| service | operations |"
    yield "| --- | --- |"
    yield from (f"| {name} | {', '.join(missing[name])} |" for name in missing)


def _rows(offered: "Iterable[tuple[Operation, list[str]]]") -> Iterator[str]:
    """A line for each operation that is offered by some service this way."""
    for each, services in offered:
        if services:
            resource = each.resources.__name__.removesuffix("_arn").replace("_", " ")
            file = each.run.__module__.removeprefix("openecr.").replace(".", "/") + ".py"
            inline = "yes" if each.inline else ""
            yield f"| {each.name} | {', '.join(services)} | {each.action} | {resource} | {inline} | {file} |"


def _missing(service: "Service", implemented: "list[Operation]") -> list[str]:
    there = {each.name for each in implemented if service.name in each.services}
    return [name for name in service.operations if name not in there]


def _stored_only(service: "Service", name: str) -> list[str]:
    members = service.operations[name].input.members
    return [what for member, what in STORED_ONLY.items() if member in members]


def _count(service: "Service", missing: list[str]) -> str:
    most = len(service.operations)
    return f"{most - len(missing)} of {most} operations, {len(missing)} missing"


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - this is what the command says
