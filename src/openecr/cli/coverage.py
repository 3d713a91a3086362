"""`openecr coverage`: what is implemented of the service models, read from both, kept by nobody."""

import argparse

STORED_ONLY = ("imageScanningConfiguration", "encryptionConfiguration")
"""Members that are kept and shown, and have no effect yet. Source: design.md §5."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--missing", action="store_true", help="Print the names of those that are not implemented alone."
    )


def run(arguments: argparse.Namespace) -> int:
    from openecr.aws.model import services
    from openecr.operations.all import OPERATIONS

    for service in services().values():
        implemented = [name for name in service.operations if (service.name, name) in OPERATIONS]
        if arguments.missing:
            _print(*(f"{service.name} {name}" for name in service.operations if name not in implemented))
            continue
        _print(f"{service.name}: {len(implemented)} of {len(service.operations)} operations")
        for name, operation in service.operations.items():
            stored = [member for member in STORED_ONLY if member in operation.input.members]
            note = f"  ({', '.join(stored)}: stored only)" if stored and name in implemented else ""
            _print(f"  {'yes' if name in implemented else ' - '}  {name}{note}")
        unlisted = sorted(
            name for of, name in OPERATIONS if of == service.name and name not in service.operations
        )
        _print(*(f"  yes  {name}  (not in the model: for the OCI front)" for name in unlisted), "")
    return 0


def _print(*lines: str) -> None:
    for line in lines:
        print(line)  # noqa: T201 - this is what the command says
