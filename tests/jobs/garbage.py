"""Garbage, as the tests of its collection make it and look at it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from openecr.domain.collecting import Brakes
from openecr.errors import ServiceError
from tests.builders import Blob
from tests.jobs.installation import Installation

MOMENT = timedelta(milliseconds=1)
LEASE = timedelta(hours=24)
GRACE = timedelta(hours=24)
DELAY = timedelta(hours=1)
TRUSTING = Brakes(jump=timedelta(days=10_000))
"""For tests that move the clock by days and are about something else."""


def bound(installation: Installation, **bounds: object) -> None:
    """Put these in the place of what settings say of jobs."""
    tools = installation.tools
    installation.tools = replace(tools, bounds=replace(tools.bounds, **bounds))


def collect(installation: Installation) -> int:
    """Run the collector; how many blobs it took from sight and how many files it removed."""
    count = installation.run("collect_garbage")
    assert installation.fsck() == []
    return count


def is_available(installation: Installation, repository: str, blob: Blob) -> bool:
    """As a push is told. It is a promise."""
    answer = installation.ask(
        "BatchCheckLayerAvailability", repositoryName=repository, layerDigests=[blob.digest]
    )
    return bool(answer["layers"][0]["layerAvailability"] == "AVAILABLE")


def can_be_read(installation: Installation, repository: str, blob: Blob) -> bool:
    """As a pull finds it: no promise."""
    try:
        found = installation.ask("GetDownloadUrlForLayer", repositoryName=repository, layerDigest=blob.digest)
    except ServiceError:
        return False
    return Path(found["path"]).read_bytes() == blob.content


def delete(installation: Installation, repository: str, digest: str) -> None:
    output = installation.ask(
        "BatchDeleteImage", repositoryName=repository, imageIds=[{"imageDigest": digest}]
    )
    assert output["failures"] == []
