"""`python -m tests.conformance`: ask all cases, print every leaf and the rows; exit 1 if one failed."""

import argparse
import os
import sys

from .cases import plan
from .registry import registry
from .report import failures, run, table
from .rows import Status
from .settings import from_environment


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="Judge an OCI registry. Which one, as whom and for what: the variables OCI_REGISTRY, "
        "OCI_TLS, OCI_REPO1, OCI_REPO2, OCI_USERNAME, OCI_PASSWORD, OCI_VERSION, OCI_API_…, OCI_DATA_…. "
        "Without OCI_REGISTRY an openecr is started and judged.",
    )
    parser.add_argument(
        "--only", metavar="NAME", default="", help='cases whose names begin so: "sha256 blobs/mount"'
    )
    arguments = parser.parse_args()

    with registry(os.environ) as environment:
        settings = from_environment(environment)
        cases = [case for case in plan(settings) if case.name.startswith(arguments.only)]
        results = []
        for result in run(cases, settings):
            print(result, flush=True)
            results.append(result)
    print(failures(results), table(results, settings), sep="\n")
    return 1 if any(result.status is Status.FAIL for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
